import { member } from '../../domain/rawJson.ts'
import type { Change, Collection, Context } from '../connector.ts'
import { asObject, asText, isoMicros, readItems, readObject, type Item } from '../kit/answer.ts'
import { fields } from '../kit/fields.ts'
import { FAILURES_MAX, inParallelPatiently } from '../kit/patient.ts'
import { isGone, refused } from './errors.ts'
import { complete, isCut, type Budget, type Nested } from './nested.ts'
import { createdSecond, readPage, type Listed } from './page.ts'
import { addressOf, WEEK_MS, type Spec } from './spec.ts'

/** Requests that one page may spend on completing lists; an object beyond that is only hinted at, and read by id. */
const NESTED_PER_PAGE = 200
const NESTED_PER_OBJECT = 1_000
const NESTED_AT_ONCE = 4

/** Takes the objects of other collections out of an object, wherever one is read. */
export type ChildrenOf = (item: Item) => Change[]

/** The collection `name` that has a list of its own. */
export function listedCollection(name: string, spec: Spec, childrenOf: ChildrenOf): Collection {
  const listed = listedBy(spec)
  return {
    ...facts(spec, listed),
    probe: (ctx) => probeList(ctx, listed),
    async list(ctx, cursor, bounds) {
      const { items, ...page } = await readPage(ctx, listed, cursor, bounds)
      const whole = await completeAll(ctx, items, spec.nested ?? [])
      return { ...page, changes: whole.map((item, at) => toChange(name, item, items[at]!)) }
    },
    ...(spec.byId === null ? {} : { get: (ctx: Context, id: string) => look(ctx, id) }),
  }

  async function look(ctx: Context, id: string) {
    const { item, observedAt } = await readById(ctx, spec, byIdOf(spec), [id])
    if (!item) return { changes: [gone(name, id)], observedAt }
    return { changes: [toChange(name, item, item), ...childrenOf(item)], observedAt }
  }
}

/** The objects of collection `name` in the list at `field` of a parent. */
export function inside(name: string, spec: Spec, field: string, parent: Item): Change[] {
  const list = asObject(parent.value[field])
  const raw = member(parent.raw, [field])
  if (!list || raw === undefined) return []
  const children = readItems({ raw, value: list }, 'data')
  return children.map((child) => childOf(name, spec, String(parent.value['id']), child))
}

/** An object of collection `name`, from the list of its parent. */
export function childOf(name: string, spec: Spec, parent: string, child: Item): Change {
  const change = toChange(name, child, child)
  return spec.owned ? { ...change, id: `${parent}/${change.id}` } : change
}

/** `item` null: a hint, to be asked for by its id. */
export function toChange(collection: string, item: Item | null, known: Item): Change {
  const id = idOf(known)
  return item ? { collection, id, raw: item.raw, value: item.value } : { collection, id, raw: null }
}

/** Without an id it cannot be stored: the engine puts it apart, and the others go on. */
export function idOf({ value }: Item): string {
  return asText(value['id']) ?? ''
}

export function gone(collection: string, id: string): Change {
  return { collection, id, raw: null, deleted: true }
}

/** What the address of one object needs: its id, or parent and child; null: no object has such an id. */
export function placeOf(spec: Spec, id: string): string[] | null {
  if (!spec.owned) return [id]
  const at = id.indexOf('/')
  const [parent, child] = [id.slice(0, at), id.slice(at + 1)]
  return at <= 0 || child === '' || parent === '..' || parent === '.' ? null : [parent, child]
}

export function byIdOf(spec: Spec): string {
  return spec.byId ?? `${spec.path}/{id}`
}

export function observedNow(ctx: Context): string {
  return isoMicros(ctx.now())
}

function listedBy(spec: Spec): Listed {
  return {
    path: spec.path,
    ...(spec.query ? { query: spec.query } : {}),
    ...(spec.created === undefined ? {} : { created: spec.created }),
    ...(spec.filter === undefined ? {} : { filter: spec.filter }),
    ...(spec.unpaged ? { unpaged: true as const } : {}),
  }
}

/** What a collection says of itself; ranges are those of the list that is read, `listed`. */
export function facts(spec: Spec, listed: Listed) {
  const { updated, created = 'created' } = spec
  return {
    title: spec.title,
    ranges: listed.filter ?? true,
    refresh: spec.refresh ?? { feed: 'events' },
    enumerateEveryMs: spec.enumerateEveryMs ?? WEEK_MS,
    deletes: spec.deletes ?? (spec.byId === null && !spec.owned ? [] : ['gone', 'sweep']),
    fields: fields(`id! ${spec.fields}`),
    createdOf: (value: Record<string, unknown>) => micros(createdSecond(value, created)),
    ...(updated
      ? { updatedOf: (value: Record<string, unknown>) => micros(createdSecond(value, updated)) }
      : {}),
  } satisfies Partial<Collection>
}

function micros(second: number | null): number | null {
  return second === null ? null : second * 1_000_000
}

/** One request for one object: may this key read the list? */
export async function probeList(ctx: Context, { path, query, unpaged }: Listed): Promise<void> {
  const limit: [string, string][] = unpaged ? [] : [['limit', '1']]
  await ctx.request({ path, query: [...(query ?? []), ...limit], bucket: `GET ${path}` })
}

/**
 * Each object with its lists whole; null: beyond the budget, or its list could not be read just now. One request that fails
 * in passing must not throw away what a hundred others read: at 5 % of them no page would ever come through.
 */
export async function completeAll(
  ctx: Context,
  items: Item[],
  nested: Nested[],
  requests = NESTED_PER_PAGE,
): Promise<(Item | null)[]> {
  const budget: Budget = { requests }
  const cut = items.filter(({ value }) => isCut(value, nested))
  const { results, failures } = await inParallelPatiently(cut, NESTED_AT_ONCE, (item) =>
    complete(ctx, item, nested, budget),
  )
  // nothing comes through just now: hints would only cost more requests later
  if (failures.length >= FAILURES_MAX && results.every((whole) => whole === null))
    throw failures[0]!
  const whole = new Map(cut.map((item, at) => [item, results[at] ?? null]))
  return items.map((item) => (whole.has(item) ? whole.get(item)! : item))
}

/** The object now, whole; null where Stripe says that it is gone. */
export async function readById(ctx: Context, spec: Spec, address: string, values: string[]) {
  const { path, bucket } = addressOf(address, values)
  const answer = await ctx.request({ path, bucket, accept: [404] })
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
