import type { Collection } from '../connector.ts'
import type { Nested } from './nested.ts'
import type { Listed } from './page.ts'

/** One collection of Stripe, as data. What is left out is as most of Stripe's collections are. */
export type Spec = {
  title: string
  /** Of the list. Addresses may hold a query, and `{…}` where a value stands. */
  path: string
  /** Always sent to the list. */
  query?: [string, string][]
  /** `kit/fields.ts`, after `id!`. */
  fields: string
  /** Where the creation time stands: `created`; null: nowhere. */
  created?: string | null
  /** Whether the list takes a `created` filter: true. */
  filter?: boolean
  /** True: the list comes whole, and refuses to be paged. */
  unpaged?: true
  /** Where a modification time stands: nowhere. */
  updated?: string
  /** Lists inside the object that come cut short. */
  nested?: Nested[]
  /** The `events` feed. */
  refresh?: Collection['refresh']
  /** A week. */
  enumerateEveryMs?: number
  /** `gone`, `sweep`. */
  deletes?: Collection['deletes']
  /** Of one object: `{path}/{id}`. Null: Stripe has none, the object only stands in the list of its parent. */
  byId?: string | null
  /** True: known to Stripe only by its parent and itself together, so that its id here is `parent/child`. */
  owned?: true
  /** Its objects stand inside those of another list. */
  within?: Within
  /** It has no list of its own but one for each object of another list. */
  under?: Under
}

export type Within = {
  /** The collection of the parents, whose events carry the children too, unless they have to be asked for. */
  of: string
  parents: Listed
  list: Nested
  /** True: only there when `expand` asks for it. */
  expanded?: true
}

export type Under = {
  /** The collection of the parents. */
  of: string
  /** What events are about after which the children of one parent are read anew: `of`. */
  toldBy?: string
  parents: Listed
  /** What the address of a parent's list needs: its id. Null: this one has no children, and costs no request. */
  keyOf?(parent: Record<string, unknown>): string[] | null
  /** `/v1/customers/{0}/sources`: the parts of the key. */
  list: string
  /** Whether an event of a parent makes its children be read anew: never. */
  rereadOn?(event: ParentEvent): boolean
}

export type ParentEvent = {
  type: string
  /** Of the parent. */
  collection: string
  value: Record<string, unknown>
  /** Old values of what has changed. */
  previous: Record<string, unknown> | null
}

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000
export const WEEK_MS = 7 * DAY_MS
export const MONTH_MS = 30 * DAY_MS

/** Small lists that nothing tells of: read again as a whole every hour, and compared for deletes every day. */
export const HOURLY = {
  refresh: { relist: { everyMs: HOUR_MS, windowMs: null } },
  enumerateEveryMs: DAY_MS,
} satisfies Partial<Spec>

/** Events tell of some changes and not of others: besides, what was made in the last two days is listed every hour. */
export const PARTLY_TOLD = {
  refresh: { feed: 'events', relist: { everyMs: HOUR_MS, windowMs: 2 * DAY_MS } },
  enumerateEveryMs: DAY_MS,
} satisfies Partial<Spec>

/** Lists of Stripe's own, the same for everybody, that hardly ever change. */
export const DAILY = {
  refresh: { relist: { everyMs: DAY_MS, windowMs: null } },
  enumerateEveryMs: WEEK_MS,
} satisfies Partial<Spec>

/** Lists that only a whole enumeration reads: too long to be read again every hour. */
export const COMPARED = { refresh: {} } satisfies Partial<Spec>

/** Deletes are told by an event. */
export const TOLD: Collection['deletes'] = ['event', 'gone', 'sweep']

/** The request that an address stands for, with `values` in the places of its `{…}`. */
export function addressOf(
  address: string,
  values: string[],
): { path: string; query: [string, string][]; bucket: string } {
  const [path = '', query = ''] = address.split('?')
  let next = 0
  const filled = path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(values[next++] ?? ''))
  const pairs = query === '' ? [] : query.split('&')
  return {
    path: filled,
    query: pairs.map((pair) => {
      const [name = '', value = ''] = pair.split('=')
      return [name, value.startsWith('{') ? (values[next++] ?? '') : value]
    }),
    bucket: bucketOf(address),
  }
}

/** What a call of the address counts against. */
export function bucketOf(address: string): string {
  return `GET ${address.split('?')[0]!.replaceAll(/\{\w+\}/g, '{id}')}`
}
