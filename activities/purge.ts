import { limits } from '../src/domain/limits.ts'
import { forgetWork } from '../src/stream/orphans.ts'
import { purgeSource } from '../src/stream/purge.ts'
import type { PurgedSlice } from '../src/stream/purge.ts'
import { sourcesToPurge } from '../src/stream/source.ts'
import type { Purged, PurgePosition } from './contract.ts'
import type { ActivityDeps } from './deps.ts'

/**
 * Part of a removal: tombstones for all records of the sync, so that every consumer hears of it; none where they are to be
 * kept. Goes on at `from`; a removal that was broken off begins at the start, and walks over what is a tombstone already. In the
 * end the sync's row and all that its work left are gone; its sources stay for the records that name them (housekeeping.ts).
 */
export async function purge(
  deps: ActivityDeps,
  syncId: string,
  from: PurgePosition = { sourceNo: 0, after: '' },
): Promise<Purged> {
  const sql = deps.pools.write
  const [row] = await sql<{ keepRecords: boolean }[]>`
    select keep_records as "keepRecords" from syncs where id = ${syncId}`
  // a run before this one came to the end, and its answer was lost
  if (row === undefined) return { done: true, records: 0 }
  const { keepRecords } = row
  const endMs = deps.now() + limits.purgeMs
  let records = 0
  const sources = keepRecords ? [] : await sourcesToPurge(sql, syncId)
  for (const { sourceNo, streamNo } of sources.filter(
    (source) => source.sourceNo >= from.sourceNo,
  )) {
    let after: string | null = sourceNo === from.sourceNo ? from.after : ''
    do {
      if (deps.now() > endMs) return { done: false, records, reached: { sourceNo, after } }
      const slice: PurgedSlice = await purgeSource(sql, { streamNo, sourceNo, hard: false, after })
      records += slice.count
      after = slice.lastId
    } while (after !== null)
  }
  // the last step: until then the watch begins a removal again that was broken off
  await forgetWork(sql, syncId, async (tx) => {
    await tx`delete from syncs where id = ${syncId} and deleted_at is not null`
  })
  deps.log.info({ event: 'sync.removed', syncId, records, kept: keepRecords })
  return { done: true, records }
}
