import type postgres from 'postgres'

/**
 * Takes out the holes that results begin with after an error in mid-result. postgres.js 3.4.9 counts the rows of a result in
 * a variable of the connection that only a result's good end sets back (porsager/postgres #1119, #1181): when a query fails, or
 * its backend dies, after k of its rows have come, the next result on that connection has its first row at place k, and a
 * length that is k too large.
 */
export function dense<Client extends postgres.Sql>(sql: Client): Client {
  const unsafe = sql.unsafe.bind(sql) as (...args: unknown[]) => unknown
  Object.assign(sql, { unsafe: (...args: unknown[]) => mended(unsafe(...args)) })
  return new Proxy(sql, {
    apply: (target, self, args) => mended(Reflect.apply(target, self, args)),
  })
}

/** Without running it: a fragment of another query must never run. */
function mended(query: unknown): unknown {
  if (!(query instanceof Promise)) return query
  const pending = query as Promise<unknown> & { resolve?: (result: unknown) => void }
  const { resolve } = pending
  if (resolve === undefined) return query
  pending.resolve = (result) => {
    if (Array.isArray(result) && result.length > 0) {
      let first = 0
      while (first < result.length && !(first in result)) first++
      if (first > 0) result.splice(0, first)
    }
    resolve(result)
  }
  return query
}
