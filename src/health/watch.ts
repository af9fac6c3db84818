/**
 * Finds what shows no sign of life: rows without a workflow, workflows that were terminated, slices that hang (G14); and
 * syncs that live while the reading of a collection stands still.
 */
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
  const missed = await wakeAll(syncs, overdue)
  if (missed.length > 0) {
    await sql`update syncs set deadline_at = clock_timestamp() where id = any(${missed}::uuid[]) and deadline_at is not null`
  }
  return overdue.length - missed.length
}

/**
 * The same for active syncs in which an open enumeration has committed no page for too long, or a due one was not begun, though nobody told it to wait:
 * a nudge ends its slices, and the plan begins them again from their checkpoints. Each at most once in a while.
 */
export async function watchFrontiers(sql: Sql, syncs: Pick<Syncs, 'wake'>): Promise<number> {
  const still = await sql<Overdue[]>`
    update syncs s
       set nudged_at = clock_timestamp()
     where s.status = 'active' and s.deleted_at is null
       and (s.nudged_at is null or s.nudged_at < clock_timestamp() - ${limits.frontierStillMs}::float8 * interval '1 ms')
       and exists (
         select 1
           from source o
          where o.sync_id = s.id and o.removed_at is null and o.blocked_at is null
            and coalesce(
                  o.enumerate_due_at,
                  (select max(coalesce(k.moved_at, k.created_at))
                     from checkpoint k
                    where k.source_no = o.source_no and k.generation = o.generation and k.kind = 'range'))
                < clock_timestamp() - ${limits.frontierStillMs}::float8 * interval '1 ms')
       and not exists (
         select 1
           from credentials c
           left join quota q on q.credential_id = c.id and q.blocked_until > clock_timestamp()
          where c.id = s.credential_id and (c.refused_at is not null or q.blocked_until is not null))
    returning s.id as "syncId", s.tenant_id as "tenantId", s.provider, s.name`
  const missed = await wakeAll(syncs, still)
  if (missed.length > 0)
    await sql`update syncs set nudged_at = null where id = any(${missed}::uuid[])`
  return still.length - missed.length
}

/** Returns those that could not be told. */
async function wakeAll(syncs: Pick<Syncs, 'wake'>, some: Overdue[]): Promise<string[]> {
  const outcomes = await Promise.allSettled(some.map(async (sync) => await syncs.wake(sync)))
  return some.filter((_, at) => outcomes[at]!.status === 'rejected').map((sync) => sync.syncId)
}
