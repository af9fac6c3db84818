/**
 * The slices that run in this process: who they are, for others to take them over, and how to stop or wake them. One lease
 * per process replaces heartbeats, which would cost more than all else of an idle sync.
 */
import { randomUUID } from 'node:crypto'
import { Context } from '@temporalio/activity'
import { toAppError } from '../src/db/errors.ts'
import type { Pools } from '../src/db/pools.ts'
import { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import type { Log } from '../src/log.ts'
import { takeOver } from './takeover.ts'
import type { FailActivity } from './takeover.ts'
import { createWaiter } from './waiter.ts'

/** Payload: a sync's id. `sluice_intent`: return, the sync is asked to be something else. `sluice_touched`: look, there are hints. */
export const intentChannel = 'sluice_intent'
export const touchedChannel = 'sluice_touched'

export type Slice = {
  /** Aborts when the slice shall return: it does, normally. */
  signal: AbortSignal
  /** Ends after `ms`, at a wake-up (also one that came since the last wait), or when the slice shall return. */
  wait(ms: number): Promise<void>
  /** As if a hint had come. */
  wake(): void
}

export type Slices = {
  /** Begins the lease and listens. */
  start(): Promise<void>
  /** Runs a slice under the name that others may take over: `changes`, `backfill/<collection>`. */
  run<T>(name: { syncId: string; name: string }, body: (slice: Slice) => Promise<T>): Promise<T>
  /** Tells all slices to return. */
  abortAll(reason: string): void
  stop(): Promise<void>
}

type Running = {
  syncId: string
  epoch: number | null
  controller: AbortController
  wake: () => void
}

export function createSlices(options: {
  pools: Pools
  fail: FailActivity
  log: Log
  workerId?: string
}): Slices {
  const { pools, fail, log, workerId = randomUUID() } = options
  const running = new Set<Running>()
  /** Their rows still say that they run: tried again at the next beat. */
  const unleft: Entry[] = []
  const stops: (() => Promise<void> | void)[] = []
  let leaseAtMs = performance.now()
  let stopped = false

  const of = (syncId: string) => [...running].filter((slice) => slice.syncId === syncId)
  const lost = () => performance.now() - leaseAtMs > limits.leaseLostMs
  const abortAll = (reason: string) => {
    for (const slice of running) slice.controller.abort(new AppError('stopped', reason))
  }

  /** The time counts from before the statement: what others see is never older than what we believe. */
  async function beat(): Promise<void> {
    const sentAtMs = performance.now()
    await pools.listen`
      insert into workers (id, seen_at)
      values (${workerId}, clock_timestamp())
      on conflict (id) do update set seen_at = excluded.seen_at`
    leaseAtMs = sentAtMs
    for (let entry = unleft.at(-1); entry !== undefined; entry = unleft.at(-1)) {
      await leave(pools, entry)
      unleft.pop()
    }
  }

  /** What was sent while the connection was down is lost: the rows tell. */
  async function reread(): Promise<void> {
    if (running.size === 0) return
    const ids = [...new Set([...running].map((slice) => slice.syncId))]
    const rows = await pools.write<{ id: string; status: string; epoch: string }[]>`
      select id, status, epoch from syncs where id = any(${ids}::uuid[])`
    const standing = new Map(rows.map((row) => [row.id, row]))
    for (const slice of running) {
      const now = standing.get(slice.syncId)
      const same =
        now?.status === 'active' && (slice.epoch === null || Number(now.epoch) === slice.epoch)
      if (!same)
        slice.controller.abort(new AppError('stopped', 'The sync was asked to be something else.'))
      slice.wake()
    }
  }

  return {
    async start() {
      await beat()
      const quiet = (what: string) => (error: unknown) => {
        if (!stopped) log.warn({ event: `worker.${what}.failed`, error: toAppError(error) })
      }
      stops.push(
        await listen(
          pools,
          intentChannel,
          (syncId) => {
            for (const slice of of(syncId))
              slice.controller.abort(
                new AppError('stopped', 'The sync was asked to be something else.'),
              )
          },
          () => void reread().catch(quiet('reread')),
        ),
        await listen(
          pools,
          touchedChannel,
          (syncId) => of(syncId).forEach((slice) => slice.wake()),
          () => undefined,
        ),
        every(limits.leaseEveryMs, async () => await beat().catch(quiet('lease'))),
        every(limits.leaseEveryMs, async () => {
          if (!lost())
            await takeOver({ sql: pools.write, workerId, fail, log }).catch(quiet('takeover'))
        }),
        every(limits.leaseEveryMs / 4, async () => {
          if (!lost() || running.size === 0) return
          log.warn({ event: 'worker.lease.lost', slices: running.size })
          abortAll('This worker could not say that it lives: others take over.')
        }),
      )
    },

    async run({ syncId, name }, body) {
      if (lost() || stopped) {
        throw new AppError(
          'transient',
          'This worker cannot reach the database; another one will run the slice.',
          { retryAfterMs: 1_000 },
        )
      }
      const context = Context.current()
      const controller = new AbortController()
      const signal = AbortSignal.any([controller.signal, context.cancellationSignal])
      const waiter = createWaiter(signal)
      const slice: Running = { syncId, epoch: null, controller, wake: waiter.wake }
      const { workflowExecution, activityId } = context.info
      running.add(slice)
      try {
        slice.epoch = await enter(pools, {
          syncId,
          name,
          workerId,
          activityId,
          ...workflowExecution!,
        })
        return await body({ signal, ...waiter })
      } finally {
        running.delete(slice)
        const entry = { syncId, name, workerId, activityId }
        await leave(pools, entry).catch(() => unleft.push(entry))
      }
    },

    abortAll,

    async stop() {
      stopped = true
      abortAll('The worker is shutting down.')
      await Promise.all(stops.map(async (stop) => await stop()))
      await pools.write`delete from workers w where id = ${workerId} and not exists (select 1 from slices where worker_id = w.id)`.catch(
        () => undefined,
      )
    },
  }
}

type Entry = { syncId: string; name: string; workerId: string; activityId: string }

/** Returns the sync's epoch as of now: whatever changes it later is heard, or found by a reread. */
async function enter(
  pools: Pools,
  entry: Entry & { workflowId: string; runId: string },
): Promise<number | null> {
  const { syncId, name, workerId, activityId, workflowId, runId } = entry
  const [row] = await pools.write<{ epoch: string | null }[]>`
    insert into slices (sync_id, name, worker_id, workflow_id, run_id, activity_id)
    values (${syncId}, ${name}, ${workerId}, ${workflowId}, ${runId}, ${activityId})
    on conflict (sync_id, name) do update
      set worker_id = excluded.worker_id, workflow_id = excluded.workflow_id, run_id = excluded.run_id,
          activity_id = excluded.activity_id, started_at = clock_timestamp()
    returning (select epoch from syncs where id = sync_id) as epoch`
  const epoch = row?.epoch ?? null
  return epoch === null ? null : Number(epoch)
}

async function leave(pools: Pools, { syncId, name, workerId, activityId }: Entry): Promise<void> {
  await pools.write`
    delete from slices
     where sync_id = ${syncId} and name = ${name} and worker_id = ${workerId} and activity_id = ${activityId}`
}

async function listen(
  pools: Pools,
  channel: string,
  heard: (payload: string) => void,
  connected: () => void,
) {
  const { unlisten } = await pools.listen.listen(channel, heard, connected)
  return async () => await unlisten().catch(() => undefined)
}

/** Never twice at once; the first time after one interval. */
function every(ms: number, work: () => Promise<void>): () => Promise<void> {
  let busy: Promise<void> | null = null
  const timer = setInterval(() => {
    busy ??= work().finally(() => {
      busy = null
    })
  }, ms)
  return async () => {
    clearInterval(timer)
    await busy
  }
}
