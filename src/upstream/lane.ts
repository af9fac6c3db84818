import { AppError } from '../domain/error.ts'
import type { Needs, Priority } from './bucket.ts'
import { reach } from './bucket.ts'
import { bounds } from './bounds.ts'
import type { Ask, SyncAt } from './take.ts'

/** A promised start: at `at` or a little later, not after `until`. Local ms; `databaseMs` is its time by the database. */
export type Start = { at: number; until: number; databaseMs: number; checkedAt: number }

export type Waiter = {
  resolve(start: Start): void
  reject(error: AppError): void
  deadline: number
  onWait: ((waitMs: number) => void) | undefined
}

/** Requests that are alike to the ledger: same needs, sync, epoch and priority. Starts of one lane serve no other. */
export type Lane = {
  sync: SyncAt | null
  priority: Priority
  needs: Needs
  waiters: Waiter[]
  starts: Start[]
  /** Not worth asking before. */
  notBefore: number
  /** The last answer had to say "later": starts are taken ahead. */
  scarce: boolean
  /** Starts used a second, of late. */
  pace: number
  usedAt: number
}

export function createLane(sync: SyncAt | null, priority: Priority, needs: Needs): Lane {
  return {
    sync,
    priority,
    needs,
    waiters: [],
    starts: [],
    notBefore: 0,
    scarce: false,
    pace: 0,
    usedAt: 0,
  }
}

/** Hands out starts whose time has come; forgets those whose time has passed. Returns when to call again. */
export function serve(lane: Lane, now: number): number {
  lane.starts = lane.starts.filter((start) => start.until >= now)
  while (lane.waiters.length > 0 && lane.starts.length > 0 && lane.starts[0]!.at <= now) {
    const start = lane.starts.shift()!
    lane.pace = paceAt(lane, now) + 1000 / PACE_MS
    lane.usedAt = now
    lane.waiters.shift()!.resolve(start)
  }
  const next = lane.starts[0]
  return next !== undefined && lane.waiters.length > 0 ? next.at : Infinity
}

/** Waiters that no start is promised to. */
export function uncovered(lane: Lane): number {
  return lane.waiters.length - lane.starts.length
}

/**
 * What to ask for: a start for all that waits. At speed, and only while there is plenty, also for what will come at once:
 * taken ahead of demand while starts are scarce, a quarter of them passed unused and was lost to all (measured).
 */
export function askOf(lane: Lane, now: number, hungry = false): Ask {
  if (hungry) return { ...askOne(lane), horizonMs: reach.mutation.horizonMs }
  const { horizonMs, share } = reach[lane.priority]
  const ahead = lane.scarce ? 0 : Math.floor((paceAt(lane, now) * lane.needs.lateMs) / 2 / 1000)
  const count = Math.min(Math.max(uncovered(lane), 0) + ahead, bounds.startsPerAsk)
  return { buckets: lane.needs.buckets, count, horizonMs, share, sync: lane.sync }
}

/** One start from beyond the reach of all others, for whoever got none for long. */
function askOne({ needs, priority, sync }: Lane): Omit<Ask, 'horizonMs'> {
  return { buckets: needs.buckets, count: 1, share: reach[priority].share, sync }
}

/** How long the lowest priority goes without a start while others take all: then one is kept for it. */
export function hungryAfterMs({ needs }: Lane): number {
  const spacings = needs.buckets.map(({ spacingUs }) => spacingUs / 1000)
  return bounds.floorEvery * Math.max(...spacings)
}

/** Whoever would have to wait longer than it may hears so now. */
export function refuseLate(lane: Lane, now: number): void {
  const resumesAt = Math.max(lane.notBefore, now)
  const isLate = (waiter: Waiter) =>
    Math.max(resumesAt, now) > waiter.deadline || now >= waiter.deadline
  const promised = lane.starts.length
  const late = lane.waiters.filter((waiter, index) => index >= promised && isLate(waiter))
  if (late.length === 0) return
  lane.waiters = lane.waiters.filter((waiter) => !late.includes(waiter))
  const retryAfterMs = Math.max(bounds.retryAfterMinMs, Math.ceil(resumesAt - now))
  for (const waiter of late) waiter.reject(spent(retryAfterMs))
}

export function rejectAll(lane: Lane, error: AppError): void {
  for (const waiter of lane.waiters.splice(0)) waiter.reject(error)
}

export function spent(retryAfterMs: number): AppError {
  return new AppError(
    'rate_limited',
    'Requests of this credential wait: its quota is spent for now, or the provider asked to wait.',
    { code: 'quota-spent', retryAfterMs },
  )
}

/** Time over which the pace of a lane is averaged. */
const PACE_MS = 300

function paceAt(lane: Lane, now: number): number {
  return lane.pace * Math.exp(-(now - lane.usedAt) / PACE_MS)
}
