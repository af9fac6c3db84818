/** Finds what shows no sign of life: rows without a workflow, workflows that were terminated, slices that hang (G14). */
import type { Sql } from '../db/pools.ts'
import { limits } from '../domain/limits.ts'
import type { Syncs } from '../temporal/client.ts'

type Overdue = { syncId: string; tenantId: string; provider: string; name: string | null }

/**
 * One round, by one process at a time: every sync past its deadline is nudged, which starts its workflow where there is
 * none. Returns how many. One that cannot be nudged stays overdue.
 */
export async function watchOnce(sql: Sql, syncs: Pick<Syncs, 'wake'>): Promise<number> {
  const overdue = await sql.begin(async (tx): Promise<Overdue[]> => {
    const [lock] = await tx<{ free: boolean }[]>`select pg_try_advisory_xact_lock(7003) as free`
    if (lock?.free !== true) return []
    return await tx<Overdue[]>`
      update syncs s
         set deadline_at = clock_timestamp() + ${limits.watchPatienceMs}::float8 * interval '1 ms'
        from (select id from syncs where deadline_at < clock_timestamp() order by deadline_at limit ${limits.watchBatch}) o
       where s.id = o.id
      returning s.id as "syncId", s.tenant_id as "tenantId", s.provider, s.name`
  })
  const outcomes = await Promise.allSettled(overdue.map(async (sync) => await syncs.wake(sync)))
  const missed = overdue
    .filter((_, at) => outcomes[at]!.status === 'rejected')
    .map((sync) => sync.syncId)
  if (missed.length > 0) {
    await sql`update syncs set deadline_at = clock_timestamp() where id = any(${missed}::uuid[]) and deadline_at is not null`
  }
  return overdue.length - missed.length
}
