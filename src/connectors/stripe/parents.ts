import { endlessList } from '../../domain/endless.ts'
import type { Bounds, Change, Collection, Context, Json, Page } from '../connector.ts'
import { asText, readItems, readObject } from '../kit/answer.ts'
import { inParallelPatiently } from '../kit/patient.ts'
import { askSized } from '../kit/sized.ts'
import { errorOf, isGone, refused } from './errors.ts'
import {
  byIdOf,
  childOf,
  completeAll,
  facts,
  gone,
  idOf,
  inside,
  observedNow,
  placeOf,
  probeList,
  readById,
  toChange,
} from './listing.ts'
import { lastId, PAGE_SIZE, readPage } from './page.ts'
import { addressOf, type Spec, type Under, type Within } from './spec.ts'

/** Parents whose children one page reads: each one request, of up to 100 children. */
const PARENTS_PER_PAGE = 20
const PARENTS_AT_ONCE = 4

/** Pages of one parent's list that a look at a single parent or child reads. */
const LOOK_PAGES_MAX = 20
const RESTARTS_MAX = 3

/** One parent's list, and where it stands. */
type Open = { key: string[]; after?: string; restarts?: number; limit?: number }

/** Where an enumeration stands: in the list of parents, and within the last page of it. */
type Position = {
  /** Cursor of the list of parents; null: from its top. */
  parents: Json
  /** Parents of the page just read whose children are still to be read. */
  open: Open[]
  /** The list of parents goes on. */
  more: boolean
  /** Creation time of the oldest parent of that page. */
  oldestMs?: number
}

/**
 * The collection `name` of what has no list of its own but one for each object of another list. An enumeration walks the
 * parents, newest first, in pages of 21 requests at most; its ranges are those of the parents. Between enumerations nothing
 * walks them: events tell of a child, or of a parent whose children are to be read anew, the hint `parent/`.
 */
export function underCollection(name: string, spec: Spec, under: Under): Collection {
  // a child that can neither be read by itself nor be found by its parent's id alone
  const lost = spec.byId === null && under.list.includes('{1}')
  return {
    ...facts(spec, under.parents),
    rangedBy: under.of,
    probe: (ctx) => probe(ctx, under),
    list: (ctx, cursor, bounds) => listPage(ctx, { name, spec, under }, cursor, bounds),
    ...(lost ? {} : { get: (ctx: Context, id: string) => look(ctx, { name, spec, under }, id) }),
  }
}

/**
 * The collection `name` of the objects that stand inside those of another list: ranges and cursor are those of the parents.
 * A parent whose list could not be read to its end comes as the hint `parent/`.
 */
export function withinCollection(name: string, spec: Spec, within: Within): Collection {
  const { of, parents, list } = within
  const kind: Kind = { name, spec, under: { of, parents, list: list.address } }
  return {
    ...facts(spec, parents),
    rangedBy: of,
    probe: (ctx) => probeList(ctx, parents),
    async list(ctx, cursor, bounds) {
      const { items, ...page } = await readPage(ctx, parents, cursor, bounds)
      const whole = await completeAll(ctx, items, [list], Infinity)
      const changes = items.flatMap((parent, at) => {
        const shown = inside(name, spec, list.field, whole[at] ?? parent)
        return whole[at]
          ? shown
          : [...shown, { collection: name, id: `${idOf(parent)}/`, raw: null }]
      })
      return { ...page, changes }
    },
    get: (ctx, id) => look(ctx, kind, id),
  }
}

type Kind = { name: string; spec: Spec; under: Under }

async function listPage(ctx: Context, kind: Kind, cursor: Json, bounds: Bounds): Promise<Page> {
  let at = (cursor ?? { parents: null, open: [], more: true }) as Position
  let observedAt: string | null = null
  if (at.open.length === 0) {
    const page = await readPage(ctx, kind.under.parents, at.parents, bounds)
    const keys = page.items.flatMap(({ value }) => keyOf(kind.under, value) ?? [])
    const { oldestMs } = page
    observedAt = page.observedAt
    at = {
      parents: page.cursor,
      open: keys.map((key) => ({ key })),
      more: !page.done,
      ...(oldestMs === undefined ? {} : { oldestMs }),
    }
  }
  const now = at.open.slice(0, PARENTS_PER_PAGE)
  const { results, failures } = await inParallelPatiently(now, PARENTS_AT_ONCE, (one) =>
    readOpen(ctx, kind, one),
  )
  const reads = results.filter((read) => read !== null)
  if (failures[0] && reads.length === 0) throw failures[0]
  // those that failed stand last: they may fail for long, and the others shall not wait for them
  const unread = now.filter((_, nth) => results[nth] === null)
  const open = [...reads.flatMap(({ rest }) => rest ?? []), ...at.open.slice(now.length), ...unread]
  const done = open.length === 0 && !at.more
  return {
    changes: reads.flatMap(({ changes }) => changes),
    cursor: done ? null : { ...at, open },
    done,
    observedAt:
      [observedAt ?? [], reads.map((read) => read.observedAt)].flat().sort()[0] ?? observedNow(ctx),
    ...(open.length === 0 && at.oldestMs !== undefined ? { oldestMs: at.oldestMs } : {}),
  }
}

async function look(ctx: Context, kind: Kind, id: string) {
  const { name, spec } = kind
  if (id.endsWith('/')) {
    const { changes, observedAt } = await readParent(ctx, kind, id.slice(0, -1))
    return { changes, observedAt, settled: true }
  }
  const place = placeOf(spec, id)
  if (!place) return { changes: [gone(name, id)], observedAt: observedNow(ctx) }
  if (spec.byId === null) return await findIn(ctx, kind, id, place[0]!)
  const { item, observedAt } = await readById(ctx, spec, byIdOf(spec), place)
  return { changes: [item ? { ...toChange(name, item, item), id } : gone(name, id)], observedAt }
}

/** May this key read the parents, and the children of one of them? */
async function probe(ctx: Context, under: Under): Promise<void> {
  const { path, query } = under.parents
  const limit: [string, string] = ['limit', '1']
  const answer = await ctx.request({
    path,
    query: [...(query ?? []), limit],
    bucket: `GET ${path}`,
  })
  const parent = readItems(readObject(answer), 'data')[0]
  const key = parent && keyOf(under, parent.value)?.[0]
  if (!key) return
  const { path: list, ...address } = addressOf(under.list, key)
  await probeList(ctx, { path: list, query: address.query })
}

function keyOf(under: Under, value: Record<string, unknown>): [string[]] | null {
  const id = asText(value['id'])
  const key = under.keyOf ? under.keyOf(value) : id === null ? null : [id]
  return key && [key]
}

type Read = { changes: Change[]; rest: Open | null; observedAt: string }

/** One page of one parent's list. `rest`: it goes on, from there. */
async function readOpen(ctx: Context, { name, spec, under }: Kind, open: Open): Promise<Read> {
  const { path, query, bucket } = addressOf(under.list, open.key)
  const cursor: [string, string][] =
    open.after === undefined ? [] : [['starting_after', open.after]]
  const { answer, next } = await askSized(open.limit ?? PAGE_SIZE, PAGE_SIZE, (size) =>
    ctx.request({
      path,
      query: [...query, ['limit', String(size)], ...cursor],
      bucket,
      accept: [400, 404],
    }),
  )
  const { observedAt } = answer
  if (answer.status >= 400) {
    const restarts = (open.restarts ?? 0) + 1
    // the child that we stood on is gone: its parent's list from the top
    if (open.after !== undefined && restarts <= RESTARTS_MAX) {
      return { changes: [], rest: { key: open.key, restarts }, observedAt }
    }
    // named in the path or in a parameter, the parent is gone
    const parentGone = isGone(answer) || errorOf(answer.body)?.code === 'resource_missing'
    if (!parentGone) throw refused({ ...answer, path })
    return { changes: [], rest: null, observedAt }
  }
  const body = readObject(answer)
  const items = readItems(body, 'data')
  const after = lastId(items)
  const changes = items.map((item) => childOf(name, spec, open.key[0]!, item))
  if (body.value['has_more'] !== true) return { changes, rest: null, observedAt }
  if (after === null || after === open.after) throw endlessList(path)
  const limit = next === PAGE_SIZE ? {} : { limit: next }
  const { limit: _before, ...kept } = open
  return { changes, rest: { ...kept, after, ...limit }, observedAt }
}

/** All children of one parent, of very many only the newest: an enumeration reads the others. */
async function readParent(ctx: Context, kind: Kind, parent: string) {
  const changes: Change[] = []
  let observedAt: string | null = null
  let open: Open | undefined = parent === '' ? undefined : { key: [parent] }
  for (let page = 0; open !== undefined && page < LOOK_PAGES_MAX; page++) {
    const read = await readOpen(ctx, kind, open)
    changes.push(...read.changes)
    observedAt ??= read.observedAt
    open = read.rest ?? undefined
  }
  return { changes, observedAt: observedAt ?? observedNow(ctx), whole: open === undefined }
}

/** A child that only stands in its parent's list. */
async function findIn(ctx: Context, kind: Kind, id: string, parent: string) {
  const { changes, observedAt, whole } = await readParent(ctx, kind, parent)
  const found = changes.filter((change) => change.id === id)
  // an answer that ends too early proves nothing: the next enumeration tells
  if (found.length > 0 || !whole) return { changes: found, observedAt, settled: true as const }
  return { changes: [gone(kind.name, id)], observedAt }
}
