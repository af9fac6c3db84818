/** Slices of workers that show no sign of life are failed from outside, so that Temporal runs them elsewhere (G9, G14). */
import type { Sql } from '../src/db/pools.ts'
import { limits } from '../src/domain/limits.ts'
import type { Log } from '../src/log.ts'

export type ActivityRef = { workflowId: string; runId: string; activityId: string }

/** Fails the activity so that it is retried at once. Resolves also where it is no longer running. */
export type FailActivity = (activity: ActivityRef) => Promise<void>

type Row = {
  sync_id: string
  name: string
  workflow_id: string
  run_id: string
  activity_id: string
}

/** One round; returns how many were taken over. Rows whose activity could not be failed stay for the next round. */
export async function takeOver(options: {
  sql: Sql
  workerId: string
  fail: FailActivity
  log: Log
}): Promise<number> {
  const { sql, workerId, fail, log } = options
  // Nearly always there is nothing, and no transaction is needed to see that.
  const [dead] = await sql`
    select 1
      from workers
     where seen_at < clock_timestamp() - ${limits.leaseDeadMs} * interval '1 ms' and id <> ${workerId}
     limit 1`
  if (dead === undefined) return 0
  const taken = await sql.begin(async (tx) => {
    const rows = await tx<Row[]>`
      select s.sync_id, s.name, s.workflow_id, s.run_id, s.activity_id
        from slices s
        join workers w on w.id = s.worker_id
       where w.seen_at < clock_timestamp() - ${limits.leaseDeadMs} * interval '1 ms'
       order by s.started_at
       limit ${limits.takeoverBatch}
         for update of s skip locked`
    const outcomes = await Promise.allSettled(
      rows.map(
        async (row) =>
          await fail({
            workflowId: row.workflow_id,
            runId: row.run_id,
            activityId: row.activity_id,
          }),
      ),
    )
    const done = rows.filter((_, at) => outcomes[at]!.status === 'fulfilled')
    await tx`
      delete from slices s
       using unnest(${done.map((row) => row.sync_id)}::uuid[], ${done.map((row) => row.name)}::text[]) d(sync_id, name)
       where s.sync_id = d.sync_id and s.name = d.name`
    // Its connections ended with it, and one that only slept has aborted its requests: else what it had in flight would be kept
    // from others until its longest request could have ended.
    await tx`
      delete from quota_slot q
       using workers w
       where q.holder = w.id and w.seen_at < clock_timestamp() - ${limits.leaseDeadMs} * interval '1 ms'`
    await tx`
      delete from workers w
       where w.seen_at < clock_timestamp() - ${limits.leaseDeadMs} * interval '1 ms'
         and not exists (select 1 from slices where worker_id = w.id)`
    return done.length
  })
  if (taken > 0) log.info({ event: 'worker.takeover', slices: taken })
  return taken
}
