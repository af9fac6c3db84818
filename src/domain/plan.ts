/** What a sync reads next. Pure: rows in, decisions out. */
import { limits } from './limits.ts'

export type CollectionFacts = {
  collectionId: string
  /** It was enumerated once. */
  backfilled: boolean
  /** An enumeration is under way. */
  enumerating: boolean
  /** 0: due; null: one is under way. */
  enumerateDueInMs: number | null
  blocked: boolean
}

export type PlanOf = {
  /** Enumerations to begin now, in this order. */
  begin: string[]
  /** With something to read, begun or to be begun: the order of need. */
  read: string[]
  /** Until the next enumeration is due, if nothing else happens. */
  nextDueInMs: number
}

const day = 86_400_000

/** First what the stream has never seen whole, then what is compared again; blocked collections are for the probe. */
export function planOf(collections: CollectionFacts[]): PlanOf {
  const open = collections.filter((one) => !one.blocked)
  const due = open.filter((one) => !one.enumerating && one.enumerateDueInMs === 0)
  const read = open.filter((one) => one.enumerating || one.enumerateDueInMs === 0)
  const later = open.flatMap((one) =>
    one.enumerateDueInMs === null || one.enumerateDueInMs === 0 ? [] : [one.enumerateDueInMs],
  )
  return {
    begin: inOrderOfNeed(due),
    read: inOrderOfNeed(read).slice(0, limits.collectionsInPlan),
    nextDueInMs: Math.min(day, ...later),
  }
}

function inOrderOfNeed(collections: CollectionFacts[]): string[] {
  return collections
    .toSorted((a, b) => Number(a.backfilled) - Number(b.backfilled))
    .map((one) => one.collectionId)
}

export type RangeFacts = {
  /** Lower bound of the range; null: none. */
  loMs: number | null
  /** Creation time of the oldest object read so far: what is left lies between the two. */
  oldestMs: number
  /** Span of creation times that the last page covered. */
  pageSpanMs: number
}

/** A range of unknown depth: what lies further back than so many pages of the present density is somebody else's. */
const pagesKept = 16
/** Below so many expected pages a range is finished sooner than shared. */
const pagesWorthSharing = 4

/** Where to cut what is left of a range for an idle reader; null: it is not worth it. Whole seconds. */
export function splitPoint({ loMs, oldestMs, pageSpanMs }: RangeFacts): number | null {
  if (loMs === null) {
    const midMs = oldestMs - Math.max(limits.rangeSpanMinMs, pagesKept * pageSpanMs)
    return midMs > 0 ? wholeSecond(midMs) : null
  }
  const leftMs = oldestMs - loMs
  if (leftMs < 2 * limits.rangeSpanMinMs || leftMs < pagesWorthSharing * pageSpanMs) return null
  return wholeSecond(loMs + leftMs / 2)
}

/** How much of a range is left, for choosing the largest. */
export function leftOf({ loMs, oldestMs }: Pick<RangeFacts, 'loMs' | 'oldestMs'>): number {
  return loMs === null ? Infinity : Math.max(0, oldestMs - loMs)
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000
}
