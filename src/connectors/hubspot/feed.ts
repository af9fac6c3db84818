import type { Change, Context, Feed, Page } from '../connector.ts'
import { AppError } from '../../domain/error.ts'
import { CLOCKS_MS, clocksOf } from '../kit/clocks.ts'
import { hasSeen, markOf, remember, type Mark, type Seen } from '../kit/seen.ts'
import { readBin, type Bin } from './bin.ts'
import { changesOf, namesOf, newNamesOf, readByIds } from './read.ts'
import { modified, searchById, type Found, type Row } from './search.ts'
import type { ObjectType } from './objectTypes.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000

/** Each poll reads again what was modified so long before the newest that was seen: the index shows changes in no order. */
const OVERLAP_MS = 30 * SECOND_MS
/** Once nothing new has come for so long, a poll begins at the newest; and later still, behind it. */
const QUIET_MS = MINUTE_MS
const SETTLED_MS = 10 * MINUTE_MS
/** The look-back: how far, how often, and until how long after the last change. */
const BACK_MS = 5 * MINUTE_MS
const BACK_EVERY_MS = MINUTE_MS
const BACK_UNTIL_MS = BACK_MS + 3 * BACK_EVERY_MS
/** All that was modified is read once more after so long, in windows of at least this. */
const DEEP_AFTER_MS = 60 * MINUTE_MS
const DEEP_EVERY_MS = 10 * MINUTE_MS
/** A position further ahead of HubSpot's clock and ours is none of HubSpot's times. */
const AHEAD_MS = 10 * SECOND_MS
/** Names of properties, and the bin, are looked at this often. */
const NAMES_EVERY_MS = 2 * MINUTE_MS
/** Pages of anything else between two polls. */
const ASIDE_PAGES = 10
/** Rows that a cursor remembers as told. */
const SEEN_MAX = 8_000

/** A walk over the index, by id. */
type Walk = { fromMs: number; after: string; newestMs: number; beganMs?: number }

type Aside = { kind: 'names' } | { kind: 'bin' } | ({ kind: 'back' | 'deep'; toMs: number } & Walk)

type Cursor = {
  /** Modification time (ms) of the newest row told, by HubSpot's clock. */
  at: number
  /** No look-back goes behind this. */
  base: number
  seen: Seen
  /** The poll under way, where it takes several pages. */
  poll?: Walk
  /** What is done between polls, and pages of it since the last. */
  aside?: Aside
  pages?: number
  /** All that was modified up to here was read a second time. */
  deep: number
  /** Our clock (ms): last look-back, last look at the names. */
  looked: number
  named: number
  /** Hash of the properties that records are read with. */
  names: string
  bin: Bin
}

type Step = { cursor: Cursor; changes: Change[]; observedAt: string; relist?: string[] }

/**
 * Changes of one type. A poll walks the search index from the newest modification on; what it finds is read by id, for the
 * index lags also in what it holds. Between polls: a look-back each minute for rows that showed up late, a second reading
 * of everything an hour later, the bin, and the names of the properties, of which a new one asks for a new enumeration.
 * Positions are HubSpot's own times. Sources: HubSpot on search, and what others saw of its lag (README.md).
 */
export function objectFeed(type: ObjectType): Feed {
  return {
    retentionMs: null,

    async start(ctx) {
      // for HubSpot's clock; a search would do, but all types together have few of them
      const answer = await ctx.request({
        path: `/crm/v3/objects/${encodeURIComponent(type.name)}`,
        query: [
          ['limit', '1'],
          ['properties', 'hs_object_id'],
        ],
      })
      const { hash } = await newNamesOf(ctx, type.name)
      const at = clocksOf(ctx, answer).earlierMs - CLOCKS_MS
      return {
        at,
        base: at,
        seen: {},
        deep: at,
        looked: ctx.now(),
        named: ctx.now(),
        names: hash,
        bin: { fromMs: at, dueMs: ctx.now() + NAMES_EVERY_MS, told: {} },
      } satisfies Cursor
    },

    async read(ctx, cursor) {
      const at = cursor as Cursor
      const due = at.poll !== undefined || at.aside === undefined || (at.pages ?? 0) >= ASIDE_PAGES
      const step = due ? await poll(ctx, type, at) : await goAside(ctx, type, at)
      return toPage(ctx, step)
    },
  }
}

/** The page, and what is next: an aside that is due begins when the poll is through. */
function toPage(ctx: Context, { cursor, ...step }: Step): Page {
  if (cursor.poll !== undefined || cursor.aside !== undefined)
    return { ...step, cursor, done: false }
  const aside = dueAside(ctx, cursor)
  if (aside === null) return { ...step, cursor, done: true }
  return { ...step, cursor: { ...cursor, aside, pages: 0 }, done: false }
}

async function poll(ctx: Context, type: ObjectType, at: Cursor): Promise<Step> {
  const walk = at.poll ?? { fromMs: pollFrom(ctx, at), after: '0', newestMs: at.at }
  const found = await searchById(ctx, type, {
    after: walk.after,
    filters: modified(type, walk.fromMs, null),
  })
  if (at.at > Math.max(ctx.now(), found.serverMs ?? 0) + AHEAD_MS) {
    return await poll(ctx, type, goBack(ctx, at))
  }
  const { changes, marks, observedAt } = await read(ctx, type, at, found, true)
  const beganMs = walk.beganMs ?? found.serverMs ?? ctx.now()
  const newestMs = newestOf(found.rows, walk.newestMs)
  const { poll: _poll, ...rest } = at
  const run = rest.aside === undefined ? {} : { pages: 0 }
  if (found.more) {
    const next = { ...walk, beganMs, newestMs, after: found.rows.at(-1)!.id }
    const cursor = { ...rest, ...run, poll: next, seen: seenWith(at, marks) }
    return { cursor, changes, observedAt }
  }
  // not past the clock of the provider, whatever dates a row may claim
  const to = Math.max(at.at, Math.min(newestMs, beganMs + SECOND_MS))
  const moved = marks.length > 0 || to !== at.at
  const seen = moved ? seenWith({ ...at, at: to }, marks) : at.seen
  return { cursor: { ...rest, ...run, at: to, seen }, changes, observedAt }
}

/**
 * A position ahead of both clocks was taken from wrong ones: what has changed since was never asked for. All that changed
 * before the last look-back (or the start) was told; when that was, our own clock knows, if it was right.
 */
function goBack(ctx: Context, { poll: _poll, aside: _aside, ...at }: Cursor): Cursor {
  if (at.looked > ctx.now() + CLOCKS_MS) {
    throw new AppError(
      'permanent',
      'The position in the changes of HubSpot was taken from clocks that were wrong, so some may have been missed. Everything is compared anew.',
      { code: 'feed-expired' },
    )
  }
  const sure = at.looked - BACK_MS
  const { walk: _walk, ...bin } = at.bin
  return {
    ...at,
    at: sure,
    base: sure,
    deep: Math.min(at.deep, sure),
    bin: { ...bin, fromMs: Math.min(bin.fromMs, sure), dueMs: ctx.now() },
  }
}

function pollFrom(ctx: Context, { at, base }: Cursor): number {
  const quietMs = ctx.now() - at
  if (quietMs > SETTLED_MS) return at + 1
  return quietMs > QUIET_MS ? at : Math.max(base, at - OVERLAP_MS)
}

function newestOf(rows: Row[], before: number): number {
  return rows.reduce((newest, { modifiedMs }) => Math.max(newest, modifiedMs), before)
}

/** The rows that were not told yet, read by id. */
async function read(
  ctx: Context,
  type: ObjectType,
  { seen, names: known }: Cursor,
  found: Found,
  onlyNew: boolean,
): Promise<{ changes: Change[]; marks: Mark[]; observedAt: string }> {
  const marked = found.rows.map((row) => ({ id: row.id, mark: markOfRow(row) }))
  const fresh = marked.filter(({ mark }) => !onlyNew || !hasSeen(seen, mark))
  if (fresh.length === 0) return { changes: [], marks: [], observedAt: found.observedAt }
  const ids = fresh.map(({ id }) => id)
  const { names } = await namesOf(ctx, type.name, known)
  const changes = changesOf(type.name, ids, await readByIds(ctx, type.name, ids, names))
  return { changes, marks: fresh.map(({ mark }) => mark), observedAt: found.observedAt }
}

function markOfRow({ id, modifiedMs }: Row): Mark {
  return markOf(Math.floor(modifiedMs / SECOND_MS), `${id}@${modifiedMs}`, id)
}

function seenWith({ at, seen }: Pick<Cursor, 'at' | 'seen'>, marks: Mark[]): Seen {
  const since = Math.floor((at - BACK_MS - OVERLAP_MS) / SECOND_MS)
  return remember(seen, marks, since, SEEN_MAX)
}

/** What there is to do besides polls; null: nothing now. On a quiet account it is the bin and the names. */
function dueAside(ctx: Context, { at, base, bin, deep, looked, named }: Cursor): Aside | null {
  const now = ctx.now()
  if (now - named >= NAMES_EVERY_MS) return { kind: 'names' }
  if (now >= bin.dueMs) return { kind: 'bin' }
  if (now - looked >= BACK_EVERY_MS && at > base && now - at < BACK_UNTIL_MS) {
    return {
      kind: 'back',
      fromMs: Math.max(base, at - BACK_MS),
      toMs: at,
      after: '0',
      newestMs: at,
    }
  }
  const to = Math.min(at, now - DEEP_AFTER_MS)
  if (to <= deep || (to < at && to - deep < DEEP_EVERY_MS)) return null
  return { kind: 'deep', fromMs: deep, toMs: to, after: '0', newestMs: to }
}

/** One page of what is done between polls. */
async function goAside(ctx: Context, type: ObjectType, at: Cursor): Promise<Step> {
  const { aside, ...rest } = at
  const pages = (at.pages ?? 0) + 1
  if (aside === undefined) throw new Error('there is something to do aside')
  if (aside.kind === 'names') return await lookAtNames(ctx, type, rest)
  if (aside.kind === 'bin') {
    const { bin, changes, observedAt, done } = await readBin(ctx, type, at.bin)
    const cursor = { ...rest, bin }
    return { cursor: done ? cursor : { ...cursor, aside, pages }, changes, observedAt }
  }
  const found = await searchById(ctx, type, {
    after: aside.after,
    filters: modified(type, aside.fromMs, aside.toMs),
  })
  const { changes, marks, observedAt } = await read(ctx, type, at, found, aside.kind === 'back')
  const seen = aside.kind === 'back' && marks.length > 0 ? seenWith(at, marks) : at.seen
  if (found.more) {
    const next = { ...aside, after: found.rows.at(-1)!.id }
    return { cursor: { ...rest, seen, aside: next, pages }, changes, observedAt }
  }
  const through = aside.kind === 'back' ? { looked: ctx.now() } : { deep: aside.toMs }
  return { cursor: { ...rest, seen, ...through }, changes, observedAt }
}

/** A property that is new, or gone, touches no record: all have to be read with it. */
async function lookAtNames(ctx: Context, type: ObjectType, at: Cursor): Promise<Step> {
  const { hash } = await newNamesOf(ctx, type.name)
  const cursor = { ...at, names: hash, named: ctx.now() }
  const step = { cursor, changes: [], observedAt: new Date(ctx.now()).toISOString() }
  return hash === at.names ? step : { ...step, relist: [type.name] }
}
