import type { Change, Collection, Context } from '../connector.ts'
import { asText, readObject, type Item } from '../kit/answer.ts'
import { fields } from '../kit/fields.ts'
import { inParallel } from '../kit/parallel.ts'
import { isGone, refused } from './errors.ts'
import { complete, type Budget, type Nested } from './nested.ts'
import { createdSecond, readPage, type Listed } from './page.ts'

/** One collection of Stripe, as data. What is left out is as most of Stripe's collections are. */
export type Spec = {
  title: string
  /** Of the list; one object is at `${path}/{id}`. */
  path: string
  /** Always sent to the list. */
  query?: [string, string][]
  /** `kit/fields.ts`, after `id!`. */
  fields: string
  /** Where the creation time stands: `created`; null: nowhere. */
  created?: string | null
  /** Whether the list takes a `created` filter: true. */
  filter?: boolean
  /** Where a modification time stands: nowhere. */
  updated?: string
  /** Lists inside the object that come cut short. */
  nested?: Nested[]
  /** The `events` feed. */
  refresh?: Collection['refresh']
  enumerateEveryMs: number
  deletes: Collection['deletes']
  /** Collections whose objects stand inside this one's, handed on whenever one is read. */
  children?(value: Item): Change[]
}

/** Requests that one page may spend on completing lists; an object beyond that is only hinted at, and read by id. */
const NESTED_PER_PAGE = 200
const NESTED_PER_OBJECT = 1_000
const NESTED_AT_ONCE = 4

/** The collection `name` that a spec describes. */
export function collection(name: string, spec: Spec): Collection {
  const listed = listedBy(spec)
  return {
    ...facts(spec),
    async list(ctx, cursor, bounds) {
      const { items, ...page } = await readPage(ctx, listed, cursor, bounds)
      const whole = await completeAll(ctx, items, spec)
      return { ...page, changes: whole.map((item, at) => toChange(name, item, items[at]!)) }
    },
    async get(ctx, id) {
      const { item, observedAt } = await readById(ctx, spec, id)
      if (!item) return { changes: [gone(name, id)], observedAt }
      return { changes: [toChange(name, item, item), ...(spec.children?.(item) ?? [])], observedAt }
    },
  }
}

/**
 * The collection `name` of the objects that stand in every object of `parent`: its ranges and its cursor are those of the
 * parents, `children` takes them out.
 */
export function childCollection(
  name: string,
  spec: Spec,
  parent: Spec & { children(value: Item): Change[] },
): Collection {
  const listed = listedBy(parent)
  return {
    ...facts(spec),
    async list(ctx, cursor, bounds) {
      const { items, ...page } = await readPage(ctx, listed, cursor, bounds)
      const whole = await completeAll(ctx, items, parent, Infinity)
      const changes = whole.flatMap((item, at) => parent.children(item ?? items[at]!))
      return { ...page, changes }
    },
    async get(ctx, id) {
      const { item, observedAt } = await readById(ctx, spec, id)
      return { changes: [item ? toChange(name, item, item) : gone(name, id)], observedAt }
    },
  }
}

export function toChange(collection: string, item: Item | null, known: Item): Change {
  const id = asText(known.value['id'])
  if (id === null) throw new Error(`an object of ${collection} has an id`)
  return item ? { collection, id, raw: item.raw, value: item.value } : { collection, id, raw: null }
}

function gone(collection: string, id: string): Change {
  return { collection, id, raw: null, deleted: true }
}

function listedBy(spec: Spec): Listed {
  const created = spec.created === undefined ? 'created' : spec.created
  return {
    path: spec.path,
    created,
    filter: spec.filter ?? true,
    ...(spec.query ? { query: spec.query } : {}),
  }
}

function facts(spec: Spec) {
  const { created, filter } = listedBy(spec)
  const { updated } = spec
  return {
    title: spec.title,
    ranges: filter,
    refresh: spec.refresh ?? { feed: 'events' },
    enumerateEveryMs: spec.enumerateEveryMs,
    deletes: spec.deletes,
    fields: fields(`id! ${spec.fields}`),
    createdOf: (value: Record<string, unknown>) => micros(createdSecond(value, created)),
    ...(updated
      ? { updatedOf: (value: Record<string, unknown>) => micros(createdSecond(value, updated)) }
      : {}),
  }
}

function micros(second: number | null): number | null {
  return second === null ? null : second * 1_000_000
}

async function completeAll(
  ctx: Context,
  items: Item[],
  spec: Spec,
  requests = NESTED_PER_PAGE,
): Promise<(Item | null)[]> {
  const { nested } = spec
  if (!nested) return items
  const budget: Budget = { requests }
  return inParallel(items, NESTED_AT_ONCE, (item) => complete(ctx, item, nested, budget))
}

/** The object now, whole; null where Stripe says that it is gone. */
async function readById(ctx: Context, spec: Spec, id: string) {
  const answer = await ctx.request({
    path: `${spec.path}/${encodeURIComponent(id)}`,
    bucket: `GET ${spec.path}/{id}`,
    accept: [404],
  })
  const { observedAt } = answer
  if (answer.status === 404) {
    if (!isGone(answer)) throw refused({ ...answer, path: spec.path })
    return { item: null, observedAt }
  }
  const item = readObject(answer)
  // a deleted customer is answered with 200 and a stub, for ever
  if (item.value['deleted'] === true) return { item: null, observedAt }
  const whole = await complete(ctx, item, spec.nested ?? [], { requests: NESTED_PER_OBJECT })
  return { item: whole ?? item, observedAt }
}
