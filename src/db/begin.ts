import postgres from 'postgres'

/**
 * Makes `begin` survive the death of its connection. postgres.js 3.4.9 sends the next statement of a transaction, at the
 * least its own `rollback`, to the connection that is gone, and then throws where nobody can catch it: the process ends
 * (porsager/postgres #1154, #1208). So once a transaction's connection is known to be dead, nothing is sent to it any more:
 * `begin` rejects, later statements throw, and postgres.js never hears that the work ended.
 */
export function sheltered<Client extends postgres.Sql>(sql: Client): Client {
  const begin = sql.begin.bind(sql) as (...args: unknown[]) => Promise<unknown>
  const safeBegin = async (...args: unknown[]) => {
    const work = args.pop() as Work
    return await new Promise((resolve, reject) => {
      const line: Line = {
        dead: null,
        die(error) {
          line.dead ??= error
          reject(error)
        },
      }
      const settled = begin(
        ...args,
        async (tx: postgres.TransactionSql) => await held(tx, work, line),
      )
      settled.then(resolve, (error: Error) => {
        line.dead ??= error
        reject(error)
      })
    })
  }
  return Object.assign(sql, { begin: safeBegin })
}

type Work = (tx: postgres.TransactionSql) => unknown
type Line = { dead: Error | null; die(error: Error): void }

/** Runs the work; settles only while there is a connection that could commit or roll back. */
async function held(tx: postgres.TransactionSql, work: Work, line: Line): Promise<unknown> {
  let outcome: { value: unknown } | { error: unknown }
  try {
    outcome = { value: await work(watched(tx, line)) }
  } catch (error) {
    outcome = { error }
  }
  if (line.dead !== null) await new Promise(() => {}) // for ever: nothing may follow on this connection
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

function watched(tx: postgres.TransactionSql, line: Line): postgres.TransactionSql {
  const alive = () => {
    if (line.dead !== null) throw line.dead
  }
  return new Proxy(tx, {
    apply(target, self, args) {
      alive()
      return watchQuery(Reflect.apply(target, self, args), line)
    },
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name === 'unsafe') {
        return (...args: unknown[]) => {
          alive()
          return watchQuery((value as (...args: unknown[]) => unknown)(...args), line)
        }
      }
      if (name === 'savepoint') {
        return async (...args: unknown[]) => {
          alive()
          const work = args.pop() as Work
          const savepoint = value as (...args: unknown[]) => Promise<unknown>
          return await savepoint(
            ...args,
            async (inner: postgres.TransactionSql) => await held(inner, work, line),
          )
        }
      }
      return value
    },
  })
}

/** Looks at how a query is rejected without running it: a fragment of another query must never run. */
function watchQuery(query: unknown, line: Line): unknown {
  if (!(query instanceof Promise)) return query
  const pending = query as Promise<unknown> & { reject?: (error: Error) => void }
  const { reject } = pending
  if (reject !== undefined) {
    pending.reject = (error) => {
      if (isFatal(error)) line.die(error)
      reject(error)
    }
  }
  return query
}

function isFatal(error: Error): boolean {
  if (error instanceof postgres.PostgresError) return /^(FATAL|PANIC)$/.test(error.severity)
  const { code } = error as Error & { code?: string }
  return /^(CONNECTION_|ECONN|EPIPE$|ETIMEDOUT$)/.test(code ?? '')
}
