import type { Limit } from '../connectors/connector.ts'
import { bounds } from './bounds.ts'

export type Priority = 'mutation' | 'refetch' | 'changes' | 'backfill'

/** One limit as the ledger knows it: a row of table `quota`. */
export type Bucket = {
  key: string
  /** Between two starts; 0: no pace, it can only be blocked. */
  spacingUs: number
  /** How much before its turn a start may come: the burst. */
  slackUs: number
  /** Counts every call of the credential. */
  shared: boolean
}

export type Cap = { key: string; max: number }

/** What a call that names `bucket` counts against. */
export type Needs = {
  /** Sorted by key. */
  buckets: Bucket[]
  caps: Cap[]
  /** How long after its turn a start may still be used. */
  lateMs: number
  /** Tells one set of needs from another. */
  key: string
}

/**
 * What each priority may take. A start may be promised this far ahead: where all that lies within the shorter reach of a
 * lower priority is taken, only the higher ones still get any, and a fifth is out of reach of backfills altogether. `share`:
 * the same for the burst.
 */
export const reach: Record<Priority, { horizonMs: number; share: number; rank: number }> = {
  mutation: { horizonMs: 240, share: 1, rank: 0 },
  refetch: { horizonMs: 225, share: 0.95, rank: 1 },
  changes: { horizonMs: 210, share: 0.9, rank: 2 },
  backfill: { horizonMs: 192, share: 0.8, rank: 3 },
}

/**
 * The limits that a call counts against. The pace leaves room for the burst and for late use, so that in any window of
 * `intervalMs` at most `allowed` requests arrive: with starts `spacing` apart, `slack` early, `late` late and moved together
 * by `jitter` on their way, a window holds at most 1 + (interval + late + slack + jitter) / spacing of them. 95.7 % of an allowance
 * by the second is left for steady use; without room for jitter it was 97 %, three calls in 2,000 were refused, and each of
 * them stopped everything for a second (measured: 83 % used).
 */
export function needsOf(limits: Limit[], bucket: string | null): Needs {
  const counted = limits
    .filter((limit) => limit.bucket === null || limit.bucket === bucket)
    .sort((a, b) => a.intervalMs - b.intervalMs)
  const buckets = new Map<string, Bucket>()
  const caps = new Map<string, number>()
  let lateMs: number = bounds.grantMs
  for (const limit of counted) {
    const main = limit.bucket ?? ''
    const key = buckets.has(main) ? `${main}|${limit.intervalMs}` : main
    const slackMs = limit.intervalMs * (limit.burst ?? bounds.slackShare)
    const ownLateMs = Math.min(limit.intervalMs * bounds.lateShare, bounds.grantMs)
    lateMs = Math.min(lateMs, ownLateMs)
    const jitterMs = Math.min(limit.intervalMs * bounds.jitterShare, bounds.jitterMaxMs)
    const spacingUs =
      Math.ceil(((limit.intervalMs + slackMs + ownLateMs + jitterMs) * 1000) / limit.allowed) + 1
    const slackUs = Math.floor(slackMs * 1000)
    buckets.set(key, { key, spacingUs, slackUs, shared: limit.bucket === null })
    if (limit.maxConcurrent !== null) {
      caps.set(main, Math.min(limit.maxConcurrent, caps.get(main) ?? Infinity))
    }
  }
  // also where nothing paces a bucket, the provider may tell to wait
  for (const main of ['', ...(bucket === null ? [] : [bucket])]) {
    if (!buckets.has(main))
      buckets.set(main, { key: main, spacingUs: 0, slackUs: 0, shared: main === '' })
  }
  const sorted = [...buckets.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  return {
    buckets: sorted,
    caps: [...caps].map(([key, max]) => ({ key, max })).sort((a, b) => (a.key < b.key ? -1 : 1)),
    lateMs,
    key: sorted.map(({ key, spacingUs }) => `${key}=${spacingUs}`).join('\n'),
  }
}
