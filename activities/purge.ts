import { limits } from '../src/domain/limits.ts'
import { purgeSource } from '../src/stream/purge.ts'
import { sourcesToPurge } from '../src/stream/source.ts'
import type { ActivityDeps } from './deps.ts'
import { openSync } from './open.ts'

/**
 * Part of a removal: tombstones for all records of the sync, so that every consumer hears of it; none where they are to be
 * kept. Every call walks from the start: what is a tombstone already costs next to nothing.
 */
export async function purge(
  deps: ActivityDeps,
  syncId: string,
): Promise<{ done: boolean; records: number }> {
  const sql = deps.pools.write
  const { keepRecords } = await openSync(deps, syncId)
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
  await forget(deps, syncId)
  deps.log.info({ event: 'sync.removed', syncId, records, kept: keepRecords })
  return { done: true, records }
}

/** What nobody needs any more. The sources stay: tombstones and filters of consumers name them. */
async function forget(deps: ActivityDeps, syncId: string): Promise<void> {
  const sql = deps.pools.write
  await sql`delete from touched where source_no in (select source_no from source where sync_id = ${syncId})`
  await sql`delete from seen_page where source_no in (select source_no from source where sync_id = ${syncId})`
  await sql`update syncs set deadline_at = null where id = ${syncId} and deleted_at is not null`
}
