import { endlessList } from '../../domain/endless.ts'
import { AppError } from '../../domain/error.ts'
import type { Change, Context, Feed, Page, UpstreamAnswer } from '../connector.ts'
import { isoMicros, readObject, serverTimeMs } from '../kit/answer.ts'
import { CLOCKS_MS, clocksOf } from '../kit/clocks.ts'
import {
  countOf,
  hasOther,
  hasSeen,
  markOf,
  remember,
  secondOfNewest,
  type Mark,
  type Seen,
} from '../kit/seen.ts'
import { errorOf, refused } from './errors.ts'
import { changesOf, readEvents, type StripeEvent } from './events.ts'
import { PAGE_SIZE } from './page.ts'

const DAY_MS = 86_400_000

/** Events become visible late: how far back one looks for them, and how often; seldom where that takes many requests. */
const OVERLAP_SECONDS = 600
const LOOK_BACK_EVERY_MS = 60_000
const LOOK_BACK_MS_PER_EVENT = 20

/** Nothing is looked for behind a position that was this old at the last look-back: the overlap, and what clocks may differ. */
const SETTLED_MS = OVERLAP_SECONDS * 1000 + CLOCKS_MS

/** What every poll reads again, because the newest seconds are the least settled: so long, or so many events. */
const UNSETTLED_SECONDS = 10
const UNSETTLED_EVENTS = 30

/** Pages of one read. More events than that are read in windows of time, the oldest first. */
const PAGES_MAX = 5
const WINDOW_EVENTS = PAGES_MAX * PAGE_SIZE
const GROWTH_MAX = 10

/** Stripe keeps events for 30 days. */
const LOST_AFTER_MS = 29 * DAY_MS

type Cursor = {
  /** Creation second of the newest event handed on: all before it were, but for late ones. */
  from: number
  /** End (exclusive) of the window that is being read; left out: there is none, read to the newest. */
  to?: number
  /** A second with more events than one read takes: the last one read of it. */
  after?: string
  /** The look-back under way. */
  look?: Look
  /** No look-back goes behind this second: the start, or the overlap before the end of the last one. */
  base: number
  seen: Seen
  /** Our clock (ms): when the last look-back began, and the last poll (to the day). */
  looked: number
  at: number
}

/**
 * The seconds from `hi` down to `lo`, both included: what is behind the event `after` is still to be read; it may lie
 * `inside` a second. `began`: by our clock (ms).
 */
type Look = { lo: number; hi: number; began: number; after?: string; inside?: number }

type Window = { gte: number; lt: number | null; after?: string }

/** What a few requests of one window gave, oldest first. `complete`: there is nothing else in it. */
type Read = { events: StripeEvent[]; complete: boolean; first: UpstreamAnswer; last: string | null }

/**
 * `/v1/events`, the one feed of an account, for all collections. A position is a second, never an id: an account may be
 * quiet for longer than Stripe keeps its events. Events are handed on oldest first; the position moves only past what the
 * page tells of. Source: the API reference on events, and what others saw of late ones (README.md).
 */
export const events: Feed = {
  retentionMs: 25 * DAY_MS,

  async start(ctx) {
    const answer = await request(ctx, [['limit', '1']], [])
    const from = Math.floor(clocksOf(ctx, answer).earlierMs / 1000) - OVERLAP_SECONDS
    return { from, base: from, seen: {}, looked: ctx.now(), at: ctx.now() } satisfies Cursor
  },

  async read(ctx, cursor) {
    const at = cursor as Cursor
    if (ctx.now() - at.at > LOST_AFTER_MS) throw expired(GONE)
    const polled = await poll(ctx, at)
    if (!lookBackDue(ctx, polled.cursor)) return toPage(ctx, at, polled)
    const looked = await lookBack(ctx, polled.cursor)
    const changes = [...looked.changes, ...polled.changes]
    const done = polled.done && looked.done
    return toPage(ctx, at, { ...looked, changes, done, observedAt: polled.observedAt })
  },
}

type Result = { changes: Change[]; cursor: Cursor; done: boolean; observedAt: string }

/** What is new since `at.from`. */
async function poll(ctx: Context, at: Cursor): Promise<Result> {
  const window: Window = {
    gte: at.to === undefined ? unsettled(at) : at.from,
    lt: at.to ?? null,
    ...(at.after === undefined ? {} : { after: at.after }),
  }
  const read = await readWindow(ctx, window)
  const { observedAt } = read.first
  const { earlierMs, laterMs } = clocksOf(ctx, read.first)
  const [now, later] = [Math.floor(earlierMs / 1000), Math.floor(laterMs / 1000)]
  if (at.from > later + UNSETTLED_SECONDS) {
    return { changes: [], cursor: goBack(ctx, at), done: false, observedAt }
  }
  const end = at.to ?? later + 1
  if (!read.complete && end - at.from > 1) {
    return { changes: [], cursor: narrow(at, read, end), done: false, observedAt }
  }
  const { changes, memory, newest } = handOn(at, read, { now, later })
  if (!read.complete) {
    const cursor = { ...at, ...memory, after: read.last! }
    return { changes, cursor, done: false, observedAt }
  }
  const { to: _to, after: _after, ...before } = at
  const rest = { ...before, ...memory }
  if (at.to === undefined) {
    return { changes, cursor: { ...rest, from: newest }, done: true, observedAt }
  }
  const fit = WINDOW_EVENTS / 2 / (read.events.length + 1)
  const next = at.to + Math.ceil((at.to - at.from) * Math.min(GROWTH_MAX, fit))
  const more = next < now ? { to: next } : {}
  return { changes, cursor: { ...rest, ...more, from: at.to }, done: false, observedAt }
}

/**
 * A position ahead of both clocks was taken from wrong ones: what has happened since was never asked for. All that was made
 * the overlap before the last look-back (or the start) was told; when that was, our own clock knows, if it was right.
 */
function goBack(ctx: Context, { to: _to, after: _after, look: _look, ...at }: Cursor): Cursor {
  if (at.looked > ctx.now() + CLOCKS_MS) {
    throw expired('The position in the events of Stripe was taken from clocks that were wrong')
  }
  const from = Math.floor(at.looked / 1000) - OVERLAP_SECONDS
  return { ...at, from, base: from }
}

/** The second that a poll reads from: a little before the position, but not too many events again. */
function unsettled(at: Cursor): number {
  const enough = secondOfNewest(at.seen, UNSETTLED_EVENTS)
  return Math.min(at.from, Math.max(at.from - UNSETTLED_SECONDS, at.base, enough ?? 0))
}

/** Reads a window's pages, newest first as they come, until it ends or there are more than one read takes. */
async function readWindow(ctx: Context, window: Window): Promise<Read> {
  const pages: StripeEvent[][] = []
  let first: UpstreamAnswer | undefined
  let after = window.after
  for (let page = 1; ; page++) {
    const query: [string, string][] = [['created[gte]', String(window.gte)]]
    if (window.lt !== null) query.push(['created[lt]', String(window.lt)])
    if (after !== undefined) query.push(['starting_after', after])
    const answer = await request(
      ctx,
      [...query, ['limit', String(PAGE_SIZE)]],
      after === undefined ? [] : [400],
    )
    // the event we stood on is no longer kept: so much time has passed that others are gone too
    if (answer.status === 400) {
      throw errorOf(answer.body) ? expired(GONE) : refused({ ...answer, path: '/v1/events' })
    }
    first ??= answer
    const body = readObject(answer)
    const found = readEvents(body)
    pages.unshift(found)
    const last = found[0]?.id ?? null
    const complete = body.value['has_more'] !== true
    if (complete || page === PAGES_MAX) {
      const all = pages.flat().sort((a, b) => a.second - b.second)
      return { events: all, complete, first, last }
    }
    if (last === null) throw endlessList('/v1/events')
    after = last
  }
}

/**
 * A smaller window from the same position on: first what is left below the events just read, for they may be a burst; if
 * that is too much too, what their density suggests, and at most half.
 */
function narrow(at: Cursor, read: Read, end: number): Cursor {
  const [oldest, newest] = [read.events[0]!.second, read.events.at(-1)!.second]
  if (at.to === undefined) return { ...at, to: Math.min(end, Math.max(at.from + 1, oldest)) }
  const perSecond = read.events.length / Math.max(1, newest - oldest)
  const guess = Math.floor((0.8 * WINDOW_EVENTS) / perSecond)
  const length = Math.min(Math.floor((end - at.from) / 2), guess)
  return { ...at, to: at.from + Math.max(1, length) }
}

/**
 * The changes that the events not yet seen make, oldest first, each object once. Of a second that was not read as a whole
 * nobody knows what else there is of an object.
 */
function handOn(at: Cursor, read: Read, { now, later }: { now: number; later: number }) {
  const fresh = marked(read.events).filter(({ mark }) => !hasSeen(at.seen, mark))
  const marks = fresh.map(({ mark }) => mark)
  // one dated in the future is told, and does not take the position with it
  const newest = Math.max(at.from, read.events.findLast((e) => e.second <= later)?.second ?? 0)
  const shift = clockShift(read.first)
  const known = remember(at.seen, marks, 0)
  const partOfSecond = !read.complete || at.after !== undefined
  const changes = fresh.flatMap(({ event, mark }) => {
    const late = event.second < at.from
    const usable = shift !== null && !late && !partOfSecond && !hasOther(known, mark)
    if (!usable) return changesOf(event, null)
    // Somewhere in its second.
    const changedMs = event.second * 1000 + 500 - shift
    return changesOf(event, isoMicros((event.second + 2) * 1000 - shift)).map((change) =>
      change.raw === null ? change : { ...change, changedMs },
    )
  })
  return { changes: lastOfEach(changes), memory: memory(at, marks, at.to ?? newest, now), newest }
}

/**
 * What the cursor remembers once the position is `from`: all that a look-back will meet. Where nothing was left to look for
 * behind the position, that is only what is younger than the overlap.
 */
function memory(at: Cursor, marks: Mark[], from: number, nowSecond: number) {
  const settled = from > at.from && at.looked >= at.from * 1000 + SETTLED_MS
  const base = settled ? Math.max(at.base, Math.min(from, nowSecond - OVERLAP_SECONDS)) : at.base
  return { seen: remember(at.seen, marks, base), base }
}

/**
 * By how much Stripe's clock is ahead of ours, in ms. The state in an event is surely true at the end of its second; one
 * second more is the margin for what is not known here: the rest of the header's second, and the way of the answer. Null:
 * not known, or so much that one of them is wrong, and with it the time that a body would be given.
 */
function clockShift(answer: UpstreamAnswer): number | null {
  const theirs = serverTimeMs(answer)
  if (theirs === null) return null
  const shift = theirs - Date.parse(answer.observedAt)
  return Math.abs(shift) > CLOCKS_MS ? null : shift
}

function lastOfEach(changes: Change[]): Change[] {
  const byObject = new Map<string, Change>()
  for (const change of changes) {
    const key = `${change.collection} ${change.id}`
    byObject.delete(key)
    byObject.set(key, change)
  }
  return [...byObject.values()]
}

function marked(events: StripeEvent[]): { event: StripeEvent; mark: Mark }[] {
  return events.map((event) => {
    const { second, id, object } = event
    const about = object ? `${object.collection} ${object.id}` : id
    return { event, mark: markOf(second, id, about) }
  })
}

/** On a quiet account nothing can come late that a poll from the position on would not see. */
function lookBackDue(ctx: Context, { look, looked, base, from, seen }: Cursor): boolean {
  if (look) return true
  if (base >= from || looked >= from * 1000 + SETTLED_MS) return false
  const every = Math.max(LOOK_BACK_EVERY_MS, LOOK_BACK_MS_PER_EVENT * countOf(seen))
  return ctx.now() - looked >= every
}

/** One step of the look-back: events that became visible after the position had passed them. All are hints. */
async function lookBack(ctx: Context, at: Cursor): Promise<Result> {
  const { look = { lo: at.base, hi: at.from, began: ctx.now() }, ...before } = at
  const { lo, hi, began, after, inside } = look
  const window = { gte: lo, lt: hi + 1, ...(after === undefined ? {} : { after }) }
  const read = await readWindow(ctx, window)
  const { found, next } = wholeSeconds(read)
  const seconds = Map.groupBy(marked(found), ({ mark }) => mark.second)
  const late = [...seconds].flatMap(([second, all]) => {
    const part = second === inside || second === next?.inside
    return all.filter(({ mark }) => !hasSeen(at.seen, mark, part ? Infinity : all.length))
  })
  const marks = late.map(({ mark }) => mark)
  const rest = next
    ? { look: { lo, hi, began, ...next }, base: at.base }
    : { looked: began, base: Math.max(at.base, hi - OVERLAP_SECONDS) }
  const cursor = { ...before, ...rest, seen: remember(at.seen, marks, rest.base) }
  const changes = lastOfEach(late.flatMap(({ event }) => changesOf(event, null)))
  return { changes, cursor, done: next === null, observedAt: read.first.observedAt }
}

/** The seconds that were read as a whole, or a part of one that is too much for one read, and where the next read begins. */
function wholeSeconds({ events, complete, last }: Read) {
  const oldest = events[0]?.second ?? 0
  if (complete) return { found: events, next: null }
  const whole = events.filter(({ second }) => second > oldest)
  return whole.length > 0
    ? { found: whole, next: { after: whole[0]!.id } }
    : { found: events, next: { after: last!, inside: oldest } }
}

/** The page; on a quiet account the cursor moves once a day, so that a poll without news writes nothing. */
function toPage(ctx: Context, before: Cursor, { cursor, ...rest }: Result): Page {
  const moved = JSON.stringify(cursor) !== JSON.stringify(before)
  const stale = ctx.now() - before.at > DAY_MS
  const after = moved || stale ? { ...cursor, at: ctx.now() } : before
  return { ...rest, cursor: after }
}

function request(
  ctx: Context,
  query: [string, string][],
  accept: number[],
): Promise<UpstreamAnswer> {
  return ctx.request({ path: '/v1/events', query, bucket: 'GET /v1/events', accept })
}

const GONE = 'Stripe no longer keeps the events since the last look'

function expired(why: string): AppError {
  return new AppError(
    'permanent',
    `${why}, so changes may have been missed. Everything is compared anew.`,
    { code: 'feed-expired' },
  )
}
