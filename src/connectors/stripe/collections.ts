import type { Change, Collection } from '../connector.ts'
import type { Item } from '../kit/answer.ts'
import { billingSpecs } from './collections/billing.ts'
import { catalogueSpecs } from './collections/catalogue.ts'
import { customerSpecs } from './collections/customers.ts'
import { financeSpecs } from './collections/finance.ts'
import { paymentSpecs } from './collections/payments.ts'
import { gone, inside, listedCollection } from './listing.ts'
import type { Nested } from './nested.ts'
import { underCollection, withinCollection } from './parents.ts'
import { bucketOf, type ParentEvent, type Spec } from './spec.ts'

/** What most accounts are about is read first, in this order, then all else as it stands in its room. */
const FIRST = [
  'customer',
  'subscription',
  'invoice',
  'charge',
  'payment_intent',
  'product',
  'price',
  'refund',
  'dispute',
  'payout',
  'balance_transaction',
  'subscription_item',
  'invoiceitem',
  'coupon',
  'promotion_code',
  'tax_rate',
  'payment_method',
  'checkout_session',
]

const rooms: Record<string, Spec> = {
  ...customerSpecs,
  ...billingSpecs,
  ...paymentSpecs,
  ...catalogueSpecs,
  ...financeSpecs,
}

/** Parents before the lists that are walked by them: those cost a request for each parent. */
const names = [
  ...FIRST,
  ...Object.keys(rooms).filter((name) => !FIRST.includes(name) && !rooms[name]!.under),
  ...Object.keys(rooms).filter((name) => rooms[name]!.under),
]

/** All that Stripe lists of an account, but for what README.md leaves out. */
export const specs: Record<string, Spec> = Object.fromEntries(
  names.map((name) => [name, rooms[name]!]),
)

export const collections: Record<string, Collection> = Object.fromEntries(
  Object.entries(specs).map(([name, spec]) => [name, withoutStubs(toCollection(name, spec))]),
)

function toCollection(name: string, spec: Spec): Collection {
  if (spec.under) return underCollection(name, spec, spec.under)
  if (spec.within) return withinCollection(name, spec, spec.within)
  return listedCollection(name, spec, (item) => childrenIn(name, item))
}

/** `{id, object, deleted: true}` is what Stripe shows of an object that is gone, also where a list or a parent holds one. */
function withoutStubs(collection: Collection): Collection {
  const { list, get } = collection
  return {
    ...collection,
    async list(ctx, cursor, bounds) {
      const page = await list(ctx, cursor, bounds)
      return { ...page, changes: page.changes.map(told) }
    },
    ...(get && {
      async get(ctx, id) {
        const looked = await get(ctx, id)
        return { ...looked, changes: looked.changes.map(told) }
      },
    }),
  }
}

function told(change: Change): Change {
  return change.value?.['deleted'] === true ? gone(change.collection, change.id) : change
}

/** The lists inside an object of `collection` that Stripe may cut short; null: no collection of ours. */
export function nestedOf(collection: string): Nested[] | null {
  const spec = Object.hasOwn(specs, collection) ? specs[collection] : undefined
  return spec ? (spec.nested ?? []) : null
}

const shown = Object.entries(specs).flatMap(([name, spec]) =>
  spec.within && !spec.within.expanded ? [{ name, spec, within: spec.within }] : [],
)

/** The objects of other collections that stand in an object of `collection` without being asked for. */
export function childrenIn(collection: string, item: Item): Change[] {
  return shown.flatMap(({ name, spec, within }) =>
    within.of === collection ? inside(name, spec, within.list.field, item).map(told) : [],
  )
}

const walked = Object.entries(specs).flatMap(([name, { under }]) =>
  under?.rereadOn ? [{ name, of: under.toldBy ?? under.of, rereadOn: under.rereadOn }] : [],
)

/** Collections whose objects of one parent are to be read anew after an event about it. */
export function rereadAfter(event: ParentEvent): string[] {
  return walked.flatMap(({ name, of, rereadOn }) =>
    of === event.collection && rereadOn(event) ? [name] : [],
  )
}

/** What each operation counts against: one bucket a list, one a read by id. */
export const buckets: string[] = [
  ...new Set(
    Object.values(specs).flatMap(({ path, byId, nested = [], within, under }) => [
      bucketOf(within?.parents.path ?? under?.parents.path ?? path),
      ...(byId === null ? [] : [bucketOf(byId ?? `${path}/{id}`)]),
      ...[...nested, ...(within ? [within.list] : [])].map(({ address }) => bucketOf(address)),
      ...(under ? [bucketOf(under.list)] : []),
    ]),
  ),
]
