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

/** A range of unknown depth: what lies further back than so many pages of the present density is somebody else's, … */
const pagesKept = 16
/** … in two parts, or in one for every so many idle readers; each is twice as long as the one before it. */
const readersToAPart = 4
/** Below so many expected pages a range is finished sooner than shared. */
const pagesWorthSharing = 4

/** Where to cut what is left of a range for idle readers, newest first; empty: it is not worth it. Whole seconds. */
export function splitPoints(facts: RangeFacts, idle: number): number[] {
  const { loMs, oldestMs, pageSpanMs } = facts
  if (loMs === null) {
    const parts = Math.min(idle, Math.max(2, Math.ceil(idle / readersToAPart)))
    return pointsOfUnknown(oldestMs, pageSpanMs, parts)
  }
  const leftMs = oldestMs - loMs
  const shortestMs = Math.max(limits.rangeSpanMinMs, (pagesWorthSharing / 2) * pageSpanMs)
  const parts = Math.min(idle + 1, Math.floor(leftMs / shortestMs))
  if (parts < 2) return []
  return Array.from({ length: parts - 1 }, (_, at) =>
    wholeSecond(loMs + (leftMs * (parts - 1 - at)) / parts),
  )
}

function pointsOfUnknown(oldestMs: number, pageSpanMs: number, count: number): number[] {
  const points: number[] = []
  let spanMs = Math.max(limits.rangeSpanMinMs, pagesKept * pageSpanMs)
  for (let midMs = oldestMs - spanMs; points.length < count && midMs >= 1_000; midMs -= spanMs) {
    points.push(wholeSecond(midMs))
    spanMs *= 2
  }
  return points
}

/** How much of a range is left, for choosing the largest. */
export function leftOf({ loMs, oldestMs }: Pick<RangeFacts, 'loMs' | 'oldestMs'>): number {
  return loMs === null ? Infinity : Math.max(0, oldestMs - loMs)
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000
}
