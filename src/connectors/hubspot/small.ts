/** Lists without a feed: short, read again as a whole. */
import { endlessList } from '../../domain/endless.ts'
import type { Change, Collection, Context, Json, Page, UpstreamAnswer } from '../connector.ts'
import { asText, readItems, readObject, type Item } from '../kit/answer.ts'
import { fields } from '../kit/fields.ts'
import { isNotFound } from './errors.ts'
import { nextAfter } from './objects.ts'
import { idOf } from './read.ts'
import { microsOf } from './times.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const often = {
  ranges: false,
  refresh: { relist: { everyMs: 2 * MINUTE_MS, windowMs: null } },
  enumerateEveryMs: HOUR_MS,
  createdOf: (value: Record<string, unknown>) => microsOf(value['createdAt']),
  updatedOf: (value: Record<string, unknown>) => microsOf(value['updatedAt']),
}

/** Live ones first, then the archived, which stay records: deals of theirs still name them. */
export const owners: Collection = {
  ...often,
  title: 'Owners',
  deletes: ['gone', 'sweep'],
  fields: fields(
    'id! email firstName lastName type userId:number archived:boolean teams:json createdAt:timestamp updatedAt:timestamp',
  ),
  async list(ctx, cursor) {
    const { archived, after } = (cursor as { archived: boolean; after?: string } | null) ?? {
      archived: false,
    }
    const answer = await ctx.request({
      path: '/crm/v3/owners',
      query: [
        ['limit', '500'],
        ['archived', String(archived)],
        ...(after === undefined ? [] : ([['after', after]] as [string, string][])),
      ],
    })
    const body = readObject(answer)
    const next = nextAfter(body.value)
    const more: Json =
      next === null ? (archived ? null : { archived: true }) : { archived, after: next }
    return pageOf('owners', readItems(body, 'results'), answer, more)
  },
  async get(ctx, id) {
    for (const archived of ['false', 'true']) {
      const answer = await ctx.request({
        path: `/crm/v3/owners/${encodeURIComponent(id)}`,
        query: [['archived', archived]],
        accept: [404],
      })
      if (answer.status === 200) return one('owners', readObject(answer), answer)
      isNotFound(answer, '/crm/v3/owners')
    }
    return gone(ctx, 'owners', id)
  },
}

/** Types with pipelines of their own. */
const piped = ['deals', 'tickets', 'leads']

/** `<type>/<pipeline id>`: ids are only unique within their type. */
export const pipelines: Collection = {
  ...often,
  title: 'Pipelines',
  deletes: ['gone', 'sweep'],
  fields: fields(
    'id! label displayOrder:number stages:json archived:boolean createdAt:timestamp updatedAt:timestamp',
  ),
  async list(ctx, cursor) {
    const at = (cursor as { at: number } | null)?.at ?? 0
    const type = piped[at]!
    // not every account has leads
    const accept = type === 'leads' ? [400, 403, 404] : []
    const answer = await ctx.request({ path: `/crm/v3/pipelines/${type}`, accept })
    const items = answer.status === 200 ? readItems(readObject(answer), 'results') : []
    const more: Json = at + 1 < piped.length ? { at: at + 1 } : null
    return pageOf('pipelines', items, answer, more, (item) => `${type}/${idOf(item)}`)
  },
  async get(ctx, id) {
    const [type = '', ...rest] = id.split('/')
    if (!piped.includes(type)) return gone(ctx, 'pipelines', id)
    const answer = await ctx.request({
      path: `/crm/v3/pipelines/${type}/${encodeURIComponent(rest.join('/'))}`,
      accept: [404],
    })
    if (answer.status !== 200) {
      isNotFound(answer, '/crm/v3/pipelines')
      return gone(ctx, 'pipelines', id)
    }
    return one('pipelines', readObject(answer), answer, id)
  },
}

const LISTS = 100

/** HubSpot's lists (segments) themselves, not who is in them. */
export const lists: Collection = {
  ...often,
  title: 'Lists',
  // told by a search, and not by id
  volatile: ['additionalProperties'],
  deletes: ['gone', 'sweep'],
  fields: fields(
    'listId! name objectTypeId processingType processingStatus createdAt:timestamp updatedAt:timestamp',
  ),
  async list(ctx, cursor) {
    const offset = (cursor as { offset: number } | null)?.offset ?? 0
    const answer = await ctx.request({
      method: 'POST',
      path: '/crm/v3/lists/search',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ offset, count: LISTS }),
    })
    const body = readObject(answer)
    const items = readItems(body, 'lists')
    const hasMore = body.value['hasMore'] === true
    if (hasMore && items.length === 0) throw endlessList('/crm/v3/lists')
    const more: Json = hasMore ? { offset: offset + items.length } : null
    return pageOf('lists', items, answer, more, listIdOf)
  },
  async get(ctx, id) {
    if (!/^\d{1,20}$/.test(id)) return gone(ctx, 'lists', id)
    const answer = await ctx.request({
      path: '/crm/v3/lists',
      query: [['listIds', id]],
    })
    const item = readItems(readObject(answer), 'lists').find((found) => listIdOf(found) === id)
    if (item === undefined) return gone(ctx, 'lists', id)
    return one('lists', item, answer, id)
  },
}

function listIdOf({ value }: Item): string {
  const id = value['listId']
  const text = typeof id === 'number' ? String(id) : asText(id)
  if (text === null) throw new Error('a list of HubSpot has an id')
  return text
}

function pageOf(
  collection: string,
  items: Item[],
  { observedAt }: UpstreamAnswer,
  cursor: Json,
  id: (item: Item) => string = idOf,
): Page {
  const changes = items.map((item) => changeOf(collection, item, id(item)))
  return { changes, cursor, done: cursor === null, observedAt }
}

function one(collection: string, item: Item, { observedAt }: UpstreamAnswer, id = idOf(item)) {
  return { changes: [changeOf(collection, item, id)], observedAt }
}

function changeOf(collection: string, { raw, value }: Item, id: string): Change {
  return { collection, id, raw, value, ...(value['deletedAt'] ? { deleted: true } : {}) }
}

function gone(ctx: Context, collection: string, id: string) {
  const changes: Change[] = [{ collection, id, raw: null, deleted: true }]
  return { changes, observedAt: new Date(ctx.now()).toISOString() }
}
