import { limits } from '../src/domain/limits.ts'
import { forgetWork } from '../src/stream/orphans.ts'
import { purgeSource } from '../src/stream/purge.ts'
import { sourcesToPurge } from '../src/stream/source.ts'
import type { ActivityDeps } from './deps.ts'

/**
 * Part of a removal: tombstones for all records of the sync, so that every consumer hears of it; none where they are to be
 * kept. Every call walks from the start: what is a tombstone already costs next to nothing. In the end the sync's row and all that its work
 * left are gone; its sources stay for the records that name them (housekeeping.ts).
 */
export async function purge(
  deps: ActivityDeps,
  syncId: string,
): Promise<{ done: boolean; records: number }> {
  const sql = deps.pools.write
  const [row] = await sql<{ keepRecords: boolean }[]>`
    select keep_records as "keepRecords" from syncs where id = ${syncId}`
  // a run before this one came to the end, and its answer was lost
  if (row === undefined) return { done: true, records: 0 }
  const { keepRecords } = row
  const endMs = deps.now() + limits.purgeMs
  let records = 0
  for (const { sourceNo, streamNo } of keepRecords ? [] : await sourcesToPurge(sql, syncId)) {
    let after: string | null = null
    do {
      if (deps.now() > endMs) return { done: false, records }
      const { count, lastId }: { count: number; lastId: string | null } = await purgeSource(sql, {
        streamNo,
        sourceNo,
        hard: false,
        after,
      })
      records += count
      after = lastId
    } while (after !== null)
  }
  // the last step: until then the watch begins a removal again that was broken off
  await forgetWork(sql, syncId, async (tx) => {
    await tx`delete from syncs where id = ${syncId} and deleted_at is not null`
  })
  deps.log.info({ event: 'sync.removed', syncId, records, kept: keepRecords })
  return { done: true, records }
}
