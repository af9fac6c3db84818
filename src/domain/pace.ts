/** How often to look. Pure; `random` in [0, 1) spreads what would otherwise fall together. */
import { durationMs } from './duration.ts'
import { limits } from './limits.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const afterChangeMs = 1_000
const quietMaxMs = 15_000
const restMaxMs = minute
const toldMaxMs = 5 * minute
const growth = 1.5

export type PollFacts = {
  /** The poll before this one saw a change. */
  changed: boolean
  /** The interval before it; null: the first. */
  previousMs: number | null
  /** Since the last change; null: none is known. */
  sinceChangeMs: number | null
  /** What a metered quota affords. */
  floorMs: number
  /** Webhooks tell (`areTold`): polls are only the guarantee. */
  told: boolean
}

/**
 * `continuous`: 1 s after a change, × 1.5 each quiet poll up to 15 s; after an hour without any change up to a minute, or up
 * to five where webhooks tell. While things move a lost webhook costs seconds.
 */
export function nextPollMs(facts: PollFacts): number {
  const { changed, previousMs, floorMs } = facts
  if (changed || previousMs === null) return Math.max(afterChangeMs, floorMs)
  return Math.max(Math.min(previousMs * growth, capMs(facts)), floorMs)
}

function capMs({ sinceChangeMs, told }: PollFacts): number {
  const atRest = sinceChangeMs === null || sinceChangeMs >= hour
  if (!atRest) return quietMaxMs
  return told ? toldMaxMs : restMaxMs
}

/** A poll that was rarer than without webhooks, and found what they should have told. */
export function missedByWebhooks(changed: boolean, previousMs: number | null): boolean {
  return changed && previousMs !== null && previousMs > restMaxMs
}

/**
 * Whether webhooks are believed to tell of changes: one came within a day, and none was missed within a day, nor since the
 * last that came. An endpoint that went deaf, or hears of some things only, thus costs one late change a day.
 */
export function areTold(facts: {
  heardMs: number | null
  missedMs: number | null
  nowMs: number
}): boolean {
  const { heardMs, missedMs, nowMs } = facts
  if (heardMs === null || nowMs - heardMs > day) return false
  return missedMs === null || (heardMs > missedMs && nowMs - missedMs > day)
}

/** Polls of a provider that counts reads over days get at most half of the allowance. */
export function pollFloorMs(quotas: { allowed: number; intervalMs: number }[]): number {
  const metered = quotas.filter((quota) => quota.intervalMs >= day)
  return Math.max(0, ...metered.map((quota) => (2 * quota.intervalMs) / quota.allowed))
}

/** A duration as frequency counts from the last start, up to 10 % early. `continuous`: 0. */
export function waitForPassMs(frequency: string, tookMs: number, random: number): number {
  const every = durationMs(frequency)
  if (every === null) return 0
  return Math.max(afterChangeMs, every * (1 - 0.1 * random) - tookMs)
}

/**
 * Until a collection is enumerated again. Where nothing tells of its changes (`followed` false) comparing replaces that:
 * every few minutes, less often where it takes long. Where nothing ever does (`onlyCompared`), no more of the time goes into
 * it either.
 */
export function nextEnumerationMs(facts: {
  everyMs: number
  tookMs: number
  followed: boolean
  onlyCompared: boolean
  random: number
}): number {
  const { everyMs, tookMs, followed, onlyCompared, random } = facts
  const spread = 0.9 + 0.2 * random
  const affordableMs = tookMs / limits.compareShare
  if (onlyCompared) return Math.max(everyMs, affordableMs) * spread
  if (followed) return everyMs * spread
  return Math.min(everyMs, Math.max(limits.compareEveryMinMs, affordableMs)) * spread
}

/** First wait, then the double each time. `attempts` before this one. */
export function backoffMs(attempts: number, firstMs: number, maxMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(attempts, 30), maxMs)
}
