import type { Bounds, Context, Json, UpstreamAnswer } from '../connector.ts'
import { endlessList } from '../../domain/endless.ts'
import { asText, readItems, readObject, type Item } from '../kit/answer.ts'
import { askSized } from '../kit/sized.ts'

/** Objects on a page; Stripe allows 1 to 100. */
export const PAGE_SIZE = 100

/** What a listing reads. */
export type Listed = {
  path: string
  /** Always sent, `status=all`. */
  query?: [string, string][]
  /** Where the object's creation time in seconds stands: `created`; null: it has none. */
  created?: string | null
  /** False: the list takes no `created` filter. */
  filter?: boolean
  /** True: the list comes whole, and refuses to be paged. */
  unpaged?: true
}

/** Where a listing stands. */
type Position = {
  /** Id of the last object read. Left out: from the newest within the bounds and `last`. */
  after?: string
  /** Creation second of the last object read. */
  last?: number
  /** The server refused the `created` filter: read all, and leave out ourselves what is out of bounds. */
  unfiltered?: true
  /** The second that was read again after an empty page, so that it is not read for ever. */
  again?: number
  /** Objects on a page, where a hundred made too large an answer. */
  limit?: number
}

export type ObjectPage = {
  items: Item[]
  cursor: Json
  done: boolean
  observedAt: string
  oldestMs?: number
}

/**
 * One page of a v1 list, newest first. The cursor is an id, so objects made while we read move nothing. An id that is
 * gone (400 or 404, both were seen) makes the listing go on by time from the last creation second, which reads that second
 * twice and loses nothing. That is not counted: a count in the cursor once ended such a listing for good, and a server that
 * refuses every id gives the same cursor again, which whoever reads page after page notices (domain/endless.ts).
 */
export async function readPage(
  ctx: Context,
  listed: Listed,
  cursor: Json,
  bounds: Bounds,
): Promise<ObjectPage> {
  const at = (cursor ?? {}) as Position
  const filtered = takesFilter(listed) && !at.unfiltered
  const mayRestart = at.after !== undefined
  const mayDrop = filtered && at.after === undefined && hasBounds(bounds, at)
  const ask = (limit: number) =>
    ctx.request({
      path: listed.path,
      query: [
        ...(listed.query ?? []),
        ...(listed.unpaged ? [] : pageQuery(at, bounds, filtered, limit)),
      ],
      bucket: `GET ${listed.path}`,
      accept: mayRestart ? [400, 404] : mayDrop ? [400] : [],
    })
  // what comes whole cannot be had in parts
  const most = listed.unpaged ? 1 : PAGE_SIZE
  const { answer, next } = await askSized(Math.min(at.limit ?? most, most), most, ask)
  if (answer.status >= 400) return readPage(ctx, listed, retreat(at, listed), bounds)
  return pageOf(answer, listed, { ...at, limit: next }, bounds)
}

function takesFilter({ filter = true }: Listed): boolean {
  return filter
}

function pageQuery(
  at: Position,
  bounds: Bounds,
  filtered: boolean,
  limit: number,
): [string, string][] {
  const query: [string, string][] = [['limit', String(limit)]]
  if (filtered) {
    const { from, to } = seconds(bounds, at.after === undefined ? at.last : undefined)
    if (from !== null) query.push(['created[gte]', String(from)])
    if (to !== null) query.push(['created[lt]', String(to)])
  }
  if (at.after !== undefined) query.push(['starting_after', at.after])
  return query
}

/** `created` is whole seconds: s * 1000 lies in [fromMs, toMs) exactly where s lies in [ceil, ceil). */
function seconds(bounds: Bounds, last: number | undefined) {
  const from = bounds.fromMs === null ? null : Math.ceil(bounds.fromMs / 1000)
  const end = bounds.toMs === null ? null : Math.ceil(bounds.toMs / 1000)
  const to = last === undefined ? end : Math.min(end ?? Infinity, last + 1)
  return { from, to }
}

function hasBounds(bounds: Bounds, at: Position): boolean {
  return bounds.fromMs !== null || bounds.toMs !== null || at.last !== undefined
}

/** Where to go on after a refusal: by time where the object we stood on is gone, without the filter where that is refused. */
function retreat(at: Position, listed: Listed): Position {
  if (at.after === undefined) return { ...at, unfiltered: true }
  const { after: _gone, last, ...rest } = at
  const byTime = last !== undefined && takesFilter(listed) && !at.unfiltered
  return { ...rest, ...(byTime ? { last } : {}) }
}

function pageOf(answer: UpstreamAnswer, listed: Listed, at: Position, bounds: Bounds): ObjectPage {
  const body = readObject(answer)
  const all = readItems(body, 'data')
  const { created = 'created' } = listed
  const times = all.map((item) => createdSecond(item.value, created))
  const { from, to } = seconds(bounds, undefined)
  const items =
    at.unfiltered && created !== null
      ? all.filter((_, i) => {
          const time = times[i]
          return time == null || ((from === null || time >= from) && (to === null || time < to))
        })
      : all
  const more = body.value['has_more'] === true
  const next = nextPosition(at, all, times, more)
  // An end that is none would pass for a whole list, and the sweep would take the rest for gone.
  if (more && next === null) throw endlessList(listed.path)
  const oldest = oldestMs(times)
  return {
    items,
    cursor: next,
    done: next === null,
    observedAt: answer.observedAt,
    ...(oldest === null ? {} : { oldestMs: oldest }),
  }
}

function nextPosition(
  at: Position,
  items: Item[],
  times: (number | null)[],
  more: boolean,
): Position | null {
  const after = lastId(items)
  const kept = {
    ...(at.unfiltered ? { unfiltered: true as const } : {}),
    ...(at.limit === undefined || at.limit === PAGE_SIZE ? {} : { limit: at.limit }),
  }
  if (more && after !== null) {
    const last = times.at(-1)
    const again = at.again === undefined ? {} : { again: at.again }
    return { after, ...(last == null ? {} : { last }), ...kept, ...again }
  }
  // An empty page after a full one may hide objects of the second we stand on (stripe/sync-engine pull request 378).
  const hidden = items.length === 0 && at.after !== undefined && at.last !== undefined
  if (!hidden || at.unfiltered || at.again === at.last) return null
  return { last: at.last!, again: at.last!, ...kept }
}

/** Of the last object that has one. */
export function lastId(items: Item[]): string | null {
  for (const { value } of items.toReversed()) {
    const id = asText(value['id'])
    if (id !== null) return id
  }
  return null
}

export function createdSecond(value: Record<string, unknown>, field: string | null): number | null {
  const time = field === null ? null : value[field]
  return typeof time === 'number' ? time : null
}

/** Creation time of the last object, where the page is newest first as documented; else null. */
function oldestMs(times: (number | null)[]): number | null {
  for (let at = 0; at < times.length; at++) {
    const [time, before] = [times[at], at === 0 ? Infinity : times[at - 1]]
    if (time == null || before == null || time > before) return null
  }
  const last = times.at(-1)
  return last == null ? null : last * 1000
}
