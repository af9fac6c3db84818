import { AppError } from '../../domain/error.ts'
import type { Collection, Context, Page, UpstreamAnswer } from '../connector.ts'
import { asObject, asText, readItems, readObject } from '../kit/answer.ts'
import { fields } from '../kit/fields.ts'
import { askSized } from '../kit/sized.ts'
import { refused } from './errors.ts'
import { changesOf, idOf, namesOf, newNamesOf, readByIds, toChange, type Names } from './read.ts'
import { searchById } from './search.ts'
import { microsOf } from './times.ts'
import type { ObjectType } from './objectTypes.ts'

const DAY_MS = 86_400_000
/** Records on a page; HubSpot allows 1 to 100. */
const PAGE = 100
/** Characters that the names of properties may take in an address; with more HubSpot answers 414. */
const NAMES_MAX = 12_000

/** Where a listing stands. */
type Place = {
  /** HubSpot's own cursor; left out: at the start. */
  after?: string
  /** Hash of the properties that it began with. */
  names: string
  /** Largest id so far, while ids came in order. */
  last?: string
  /** They did not. */
  unordered?: true
  /** The cursor went stale: what is left is searched for by id. */
  search?: true
  /** The properties do not fit into an address. */
  byId?: true
  /** Records on a page, where a hundred made too large an answer. */
  limit?: number
}

/**
 * Records of one type. Listed by id, whole; each enumeration also brings what changed without its date moving (calculated
 * properties) and finds what was erased without a trace.
 */
export function objectCollection(type: ObjectType): Collection {
  return {
    title: type.title,
    ranges: false,
    refresh: { feed: type.name },
    enumerateEveryMs: DAY_MS,
    deletes: ['archive', 'gone', 'sweep'],
    fields: fields(
      `id! ${type.fields
        .split(' ')
        .map((field) => `properties.${field}`)
        .join(' ')} createdAt:timestamp updatedAt:timestamp archived:boolean`,
    ),
    createdOf: (value) => microsOf(value['createdAt']),
    updatedOf: (value) => microsOf(value['updatedAt']),
    async list(ctx, cursor) {
      const place = cursor as Place | null
      const names =
        place === null
          ? await newNamesOf(ctx, type.name)
          : await namesOf(ctx, type.name, place.names)
      return await listPage(ctx, type, place ?? { names: names.hash }, names)
    },
    get: async (ctx, id) => await getOne(ctx, type, id),
    async probe(ctx) {
      await ctx.request({
        path: `/crm/v3/objects/${encodeURIComponent(type.name)}`,
        query: [
          ['limit', '1'],
          ['properties', 'hs_object_id'],
        ],
      })
    },
  }
}

async function listPage(ctx: Context, type: ObjectType, place: Place, names: Names): Promise<Page> {
  if (place.search) return await searchPage(ctx, type, place, names)
  const list = names.names.join(',')
  const byId = place.byId ?? encodeURIComponent(list).length > NAMES_MAX
  const { answer, next } = await askSized(place.limit ?? PAGE, PAGE, (limit) =>
    ctx.request({
      path: `/crm/v3/objects/${encodeURIComponent(type.name)}`,
      query: [
        ['limit', String(limit)],
        ['properties', byId ? 'hs_object_id' : list],
        ['archived', 'false'],
        ...(place.after === undefined ? [] : ([['after', place.after]] as [string, string][])),
      ],
      accept: [...(place.after === undefined ? [] : [400]), ...(byId ? [] : [414])],
    }),
  )
  if (answer.status === 414) return await listPage(ctx, type, { ...place, byId: true }, names)
  if (answer.status === 400) return await afterStale(ctx, type, place, names, answer)
  const { limit: _before, ...kept } = place
  const sized = next === PAGE ? kept : { ...kept, limit: next }
  return await pageOf(ctx, type, sized, names, answer, byId)
}

/** The cursor is too old: what comes after the last id is searched for, or, where ids came in no order, all is read again. */
async function afterStale(
  ctx: Context,
  type: ObjectType,
  place: Place,
  names: Names,
  answer: UpstreamAnswer,
): Promise<Page> {
  if (place.last === undefined && !place.unordered) throw refused({ ...answer, path: type.name })
  const { after: _stale, last, unordered: _unordered, ...kept } = place
  return await listPage(
    ctx,
    type,
    place.unordered || last === undefined ? kept : { ...kept, last, search: true },
    names,
  )
}

async function pageOf(
  ctx: Context,
  type: ObjectType,
  place: Place,
  names: Names,
  answer: UpstreamAnswer,
  byId: boolean,
): Promise<Page> {
  const body = readObject(answer)
  const items = readItems(body, 'results')
  const ids = items.map(idOf)
  const changes = byId
    ? changesOf(type.name, ids, await readByIds(ctx, type.name, ids, names.names))
    : items.map((item) => toChange(type.name, item))
  const after = nextAfter(body.value)
  return {
    changes,
    cursor: after === null ? null : { ...place, ...ordered(place, ids), after },
    done: after === null,
    observedAt: answer.observedAt,
  }
}

/** What is left of a listing, by id from a search: its rows may lag, so the feed and the next enumeration stand behind it. */
async function searchPage(
  ctx: Context,
  type: ObjectType,
  place: Place,
  names: Names,
): Promise<Page> {
  const found = await searchById(ctx, type, { after: place.last ?? '0', filters: [] })
  const ids = found.rows.map(({ id }) => id)
  const changes = changesOf(type.name, ids, await readByIds(ctx, type.name, ids, names.names))
  const last = ids.at(-1) ?? place.last ?? '0'
  return {
    changes,
    cursor: { ...place, last },
    done: !found.more,
    observedAt: found.observedAt,
  }
}

function ordered({ last, unordered }: Place, ids: string[]): Partial<Place> {
  if (unordered) return { unordered: true }
  const all = last === undefined ? ids : [last, ...ids]
  const inOrder = all.every((id, at) => at === 0 || isLess(all[at - 1]!, id))
  return inOrder ? { last: all.at(-1)! } : { unordered: true }
}

function isLess(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length
}

/** HubSpot's cursor of the next page; null: there is none. */
export function nextAfter(body: Record<string, unknown>): string | null {
  const next = asObject(asObject(body['paging'])?.['next'])
  const after = next?.['after']
  return typeof after === 'number' ? String(after) : asText(after)
}

/**
 * The record now. Not there: archived, where the bin has it; else erased (a privacy request, or 90 days in the bin), so that
 * its last state goes too. Merged away: its survivor comes with it.
 */
async function getOne(
  ctx: Context,
  type: ObjectType,
  id: string,
): ReturnType<NonNullable<Collection['get']>> {
  const gone = { collection: type.name, id, raw: null, deleted: true as const }
  if (!/^\d{1,20}$/.test(id))
    return { changes: [gone], observedAt: new Date(ctx.now()).toISOString() }
  const { names } = await namesOf(ctx, type.name)
  const told = await readByIds(ctx, type.name, [id], names)
  const live = told.found[0]
  if (live !== undefined) {
    const { item, observedAt } = live
    const change = { ...toChange(type.name, item), observedAt }
    return { changes: change.id === id ? [change] : [gone, change], observedAt }
  }
  const [missing] = told.missing
  if (missing === undefined) {
    throw new AppError(
      'transient',
      `HubSpot said nothing of the ${type.name} ${id}; this is tried again.`,
    )
  }
  const bin = await readByIds(ctx, type.name, [id], ['hs_object_id'], true)
  const isErased = bin.found.length === 0 && bin.missing.length > 0
  const { observedAt } = missing
  return { changes: [isErased ? { ...gone, erased: true } : gone], observedAt }
}
