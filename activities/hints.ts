/** What the API does to the stream's work lists: it may not reach into them itself. */
import type { Sql } from '../src/db/pools.ts'
import { limits } from '../src/domain/limits.ts'
import { decideHeld } from '../src/stream/sweep.ts'
import { touchByName } from '../src/stream/touched.ts'
import { touchedChannel } from './slices.ts'

export type Hinted = {
  /** Rows written. */
  count: number
  /** Syncs that wait for their next try after a failure: the provider may be back, for it tells of something. */
  waiting: string[]
}

/** Hints for every active sync of the credential, and a word to the slices that look. */
export async function hint(
  sql: Sql,
  credentialId: string,
  hints: { collectionId: string; upstreamId: string }[],
): Promise<Hinted> {
  // Whoever is told to try again has no failure until that fails too: so often at most.
  const syncs = await sql<{ id: string; waits: boolean }[]>`
    select id,
           status = 'active' and sync_frequency = 'continuous'
             and coalesce(error_since < clock_timestamp() - ${limits.hintNudgeEveryMs}::float8 * interval '1 ms', false)
             and not exists (select from slices l where l.sync_id = syncs.id and l.name = 'changes') as waits
      from syncs
     where credential_id = ${credentialId} and status <> 'deleted'`
  const rows = syncs.flatMap(({ id }) =>
    hints.map(({ collectionId, upstreamId }) => ({ syncId: id, collectionId, id: upstreamId })),
  )
  const count = await touchByName(sql, rows)
  for (const { id } of syncs) await sql.notify(touchedChannel, id).catch(() => undefined)
  return { count, waiting: syncs.flatMap(({ id, waits }) => (waits ? id : [])) }
}

/**
 * The fuse: lets held deletes through (and those that were rejected before), or keeps the records. `collectionIds` null: all.
 * Returns how many collections had any.
 */
export async function decideDeletes(
  sql: Sql,
  {
    syncId,
    collectionIds,
    approve,
  }: { syncId: string; collectionIds: string[] | null; approve: boolean },
): Promise<number> {
  const sources = await sql<{ sourceNo: number }[]>`
    select source_no as "sourceNo"
      from source
     where sync_id = ${syncId} and removed_at is null
       and (${collectionIds === null}::bool or collection_id = any(${collectionIds ?? []}::text[]))`
  let decided = 0
  for (const { sourceNo } of sources) {
    if ((await decideHeld(sql, { sourceNo, decision: approve ? 'approve' : 'reject' })) !== null)
      decided += 1
  }
  await sql.notify(touchedChannel, syncId).catch(() => undefined)
  return decided
}
