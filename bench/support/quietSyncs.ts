import type postgres from 'postgres'
import type { Stack } from './stack.ts'

/** As many syncs as accounts, each of one collection. Returns their ids in order of their keys. */
export async function makeQuietSyncs(stack: Stack, count: number): Promise<string[]> {
  const ids: string[] = []
  const makers = Array.from({ length: 8 }, async (_, maker) => {
    for (let n = maker; n < count; n += 8) {
      const sync = await stack.api('POST', '/v1/syncs', {
        provider: 'stripe',
        name: `quiet ${n}`,
        credential: {
          properties: {
            kind: 'stripe_key',
            secret: `sk_live_${n}`,
            base_url: stack.simulatorUrl,
          },
        },
        collection_ids: ['stripe:customer'],
      })
      ids[n] = sync.id
    }
  })
  await Promise.all(makers)
  return ids
}

/** Ids of the workers that run a slice of changes now, one element a slice. */
export async function runningSlices(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ worker: string }[]>`
    select worker_id::text as worker from slices where name = 'changes'`
  return rows.map(({ worker }) => worker)
}
