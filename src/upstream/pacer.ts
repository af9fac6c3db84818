import { toAppError } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import { AppError } from '../domain/error.ts'
import type { Needs, Priority } from './bucket.ts'
import { reach } from './bucket.ts'
import type { DatabaseClock } from './databaseClock.ts'
import type { Lane, Start } from './lane.ts'
import {
  askOf,
  createLane,
  hungryAfterMs,
  refuseLate,
  rejectAll,
  serve,
  uncovered,
} from './lane.ts'
import { bounds } from './bounds.ts'
import type { SyncAt, Taken } from './take.ts'
import { quotaTake } from './take.ts'

export type Turn = {
  sync: SyncAt | null
  priority: Priority
  needs: Needs
  /** Local ms: rejects with `rate_limited` rather than wait beyond it. */
  deadline: number
  signal: AbortSignal
  onWait?: ((waitMs: number) => void) | undefined
}

/** All that this process wants to start for one credential: lanes of waiting requests, one statement for all of them. */
export type Pacer = {
  start(turn: Turn): Promise<Start>
  /** The provider told to wait: no start that is held counts any more. */
  drop(): void
  idle(now: number): boolean
}

export function createPacer(sql: Sql, credentialId: string, clock: DatabaseClock): Pacer {
  const lanes = new Map<string, Lane>()
  let asking = false
  let dropped = 0
  let soon: NodeJS.Immediate | undefined
  let timer: NodeJS.Timeout | undefined
  /** Since when backfills have asked in vain; null: they have not. */
  let hungrySince: number | null = null

  function start(turn: Turn): Promise<Start> {
    if (turn.signal.aborted) return Promise.reject(aborted())
    const lane = laneOf(turn)
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        lane.waiters = lane.waiters.filter((other) => other !== waiter)
        reject(aborted())
      }
      const waiter = {
        deadline: turn.deadline,
        onWait: turn.onWait,
        resolve(given: Start) {
          turn.signal.removeEventListener('abort', onAbort)
          resolve(given)
        },
        reject(error: AppError) {
          turn.signal.removeEventListener('abort', onAbort)
          reject(error)
        },
      }
      turn.signal.addEventListener('abort', onAbort, { once: true })
      lane.waiters.push(waiter)
      lane.usedAt = Math.max(lane.usedAt, 0)
      soon ??= setImmediate(tick)
    })
  }

  function laneOf({ sync, priority, needs }: Turn): Lane {
    const key = `${priority} ${sync?.syncId} ${sync?.epoch} ${needs.key}`
    const known = lanes.get(key)
    if (known !== undefined) return known
    const lane = createLane(sync, priority, needs)
    lanes.set(key, lane)
    return lane
  }

  /** Serves what can be served, asks for what can be asked, and comes again when that changes. */
  function tick(): void {
    clearImmediate(soon)
    clearTimeout(timer)
    soon = undefined
    const now = performance.now()
    let next = Infinity
    const due: Lane[] = []
    for (const [key, lane] of lanes) {
      next = Math.min(next, serve(lane, now))
      refuseLate(lane, now)
      if (lane.waiters.length === 0) {
        if (now - lane.usedAt > bounds.laneIdleMs && lane.starts.length === 0) lanes.delete(key)
        continue
      }
      next = Math.min(next, lane.waiters[0]!.deadline)
      if (uncovered(lane) <= 0) continue
      if (lane.notBefore <= now) due.push(lane)
      else next = Math.min(next, lane.notBefore)
    }
    if (due.length > 0 && !asking) void ask(due.slice(0, LANES_PER_ASK))
    if (next < Infinity) timer = setTimeout(tick, Math.max(1, next - now))
  }

  async function ask(due: Lane[]): Promise<void> {
    asking = true
    const asked = due.sort((a, b) => reach[a.priority].rank - reach[b.priority].rank)
    const sentAt = performance.now()
    const hungriest = asked.find((lane) => isHungry(lane, sentAt))
    const asks = asked.map((lane) => askOf(lane, sentAt, lane === hungriest))
    const before = dropped
    try {
      const taken = await quotaTake(sql, credentialId, asks)
      const receivedAt = performance.now()
      clock.note(taken.nowMs, sentAt, receivedAt)
      // starts that were granted before the provider told to wait are void
      if (dropped === before)
        asked.forEach((lane, index) => receive(lane, taken, index, sentAt, receivedAt))
    } catch (error) {
      for (const lane of asked) rejectAll(lane, refusal(error))
    } finally {
      asking = false
      tick()
    }
  }

  function isHungry(lane: Lane, now: number): boolean {
    const low = lane.priority === 'backfill'
    return low && hungrySince !== null && now - hungrySince > hungryAfterMs(lane)
  }

  function receive(
    lane: Lane,
    taken: Taken,
    index: number,
    sentAt: number,
    receivedAt: number,
  ): void {
    const { stopped, starts, waitMs } = taken.answers[index]!
    if (stopped) {
      lane.starts = []
      rejectAll(
        lane,
        new AppError(
          'stopped',
          'The sync was paused, resumed anew or deleted: nothing more is requested under this run.',
        ),
      )
      return
    }
    if (lane.priority === 'backfill')
      hungrySince = starts.length > 0 ? null : (hungrySince ?? sentAt)
    const lateMs = lane.needs.lateMs - Math.min(clock.uncertaintyMs(), lane.needs.lateMs / 2)
    for (const { atMs, earlyMs } of starts) {
      const at = clock.localMs(atMs)
      const until = Math.min(at + earlyMs + lateMs, sentAt + bounds.grantMs)
      lane.starts.push({ at, until, databaseMs: atMs, checkedAt: sentAt })
    }
    lane.starts.sort((a, b) => a.at - b.at)
    lane.scarce = waitMs > 0 || (starts.at(-1)?.atMs ?? 0) > taken.nowMs
    lane.notBefore = lane.scarce ? Math.max(receivedAt + waitMs, sentAt + bounds.askAgainMs) : 0
    if (waitMs > 0)
      for (const waiter of lane.waiters.slice(lane.starts.length)) waiter.onWait?.(waitMs)
  }

  return {
    start,
    drop() {
      dropped++
      for (const lane of lanes.values()) {
        lane.starts = []
        lane.notBefore = 0
      }
      soon ??= setImmediate(tick)
    },
    idle: (now) =>
      !asking &&
      [...lanes.values()].every(
        (lane) => lane.waiters.length === 0 && now - lane.usedAt > bounds.laneIdleMs,
      ),
  }
}

/** Buckets are bits of one int8: with two a lane there is room for all of these. */
const LANES_PER_ASK = 24

export function aborted(): AppError {
  return new AppError('stopped', 'The work was stopped before this request was sent.', {
    code: 'aborted',
  })
}

/** The credential went away under us (23503), or the database has a problem. */
export function refusal(error: unknown): AppError {
  const state = (error as { code?: unknown }).code
  if (state !== '23503') return toAppError(error)
  return new AppError('stopped', 'The credential was deleted: nothing more is requested with it.', {
    cause: error,
  })
}
