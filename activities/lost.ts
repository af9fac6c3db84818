/**
 * Activities that Temporal believes to be running and no worker has registered: their worker was killed between taking one
 * and registering it, or between leaving it and telling Temporal; or nobody ever got what Temporal handed out (seen where
 * hundreds of syncs began at once on a busy machine). No row of `slices` leads to them, and without heartbeats Temporal
 * itself would notice after twelve minutes (G14).
 */
import type { Sql } from '../src/db/pools.ts'
import { limits } from '../src/domain/limits.ts'
import type { Log } from '../src/log.ts'
import type { ActivityRef, FailActivity } from './takeover.ts'

export type Pending = ActivityRef & { type: string; runningForMs: number }

/** What Temporal has running for a sync; nothing where there is no such workflow. */
export type PendingOf = (syncId: string) => Promise<Pending[]>

/**
 * One round; returns how many were failed, so that they run again. Looks only at syncs that should be followed now and are
 * not: `continuous` at all times, a duration once its next pass is due. Nearly always there are none.
 */
export async function failLost(options: {
  sql: Sql
  pendingOf: PendingOf
  fail: FailActivity
  log: Log
}): Promise<number> {
  const { sql, pendingOf, fail, log } = options
  const unfollowed = await sql<{ syncId: string }[]>`
    select y.id as "syncId"
      from syncs y
      join credentials c on c.id = y.credential_id
     where y.status = 'active' and y.deleted_at is null and c.refused_at is null
       and (y.sync_frequency = 'continuous'
            or y.deadline_at < clock_timestamp() + ${limits.passPatienceMs - limits.enterMs}::float8 * interval '1 ms')
       and not exists (select 1 from slices s where s.sync_id = y.id and s.name = 'changes')
     limit ${limits.takeoverBatch}`
  const outcomes = await Promise.allSettled(
    unfollowed.map(async ({ syncId }) => {
      const pending = await pendingOf(syncId)
      const lost = pending.filter(
        ({ type, runningForMs }) => type === 'changesSlice' && runningForMs > limits.enterMs,
      )
      for (const activity of lost) await fail(activity)
      if (lost.length > 0) log.warn({ event: 'slice.lost', syncId })
      return lost.length
    }),
  )
  return outcomes.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0)
}
