import { member } from '../../domain/rawJson.ts'
import type { Change, Collection } from '../connector.ts'
import { asObject, readItems, type Item } from '../kit/answer.ts'
import { childCollection, collection, toChange, type Spec } from './listing.ts'
import type { Nested } from './nested.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS

const subscriptionItems: Nested = {
  field: 'items',
  path: () => '/v1/subscription_items',
  query: (id) => [['subscription', id]],
  bucket: 'GET /v1/subscription_items',
}

const invoiceLines: Nested = {
  field: 'lines',
  path: (id) => `/v1/invoices/${encodeURIComponent(id)}/lines`,
  query: () => [],
  bucket: 'GET /v1/invoices/{id}/lines',
}

/** `status=all`: a bare list hides canceled subscriptions. */
const subscription = {
  title: 'Subscriptions',
  path: '/v1/subscriptions',
  query: [['status', 'all']],
  nested: [subscriptionItems],
  fields:
    'status customer currency cancel_at_period_end:boolean canceled_at:timestamp collection_method latest_invoice trial_end:timestamp items:json metadata:json created:timestamp',
  enumerateEveryMs: WEEK_MS,
  deletes: ['gone', 'sweep'],
  children: itemsOf,
} satisfies Spec

const subscriptionItem: Spec = {
  title: 'Subscription items',
  path: '/v1/subscription_items',
  fields:
    'subscription price.id price.product quantity:number current_period_start:timestamp current_period_end:timestamp metadata:json created:timestamp',
  enumerateEveryMs: DAY_MS,
  deletes: ['gone', 'sweep'],
}

/**
 * The collections, as data. All are swept but prices: those made inline exist, come by their events and stand in no list, so
 * that every sweep would ask for each of them. What Stripe never deletes by request goes when a sandbox is emptied.
 */
const specs = {
  customer: {
    title: 'Customers',
    path: '/v1/customers',
    fields:
      'email name phone description currency balance:number delinquent:boolean address:json metadata:json created:timestamp',
    enumerateEveryMs: WEEK_MS,
    deletes: ['event', 'gone', 'sweep'],
  },
  product: {
    title: 'Products',
    path: '/v1/products',
    fields:
      'name active:boolean description default_price metadata:json created:timestamp updated:timestamp',
    updated: 'updated',
    enumerateEveryMs: DAY_MS,
    deletes: ['event', 'gone', 'sweep'],
  },
  price: {
    title: 'Prices',
    path: '/v1/prices',
    fields:
      'product active:boolean currency unit_amount:number unit_amount_decimal type recurring:json lookup_key nickname metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: ['event', 'gone'],
  },
  coupon: {
    title: 'Coupons',
    path: '/v1/coupons',
    fields:
      'name amount_off:number percent_off:number currency duration valid:boolean times_redeemed:number metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: ['event', 'gone', 'sweep'],
  },
  promotion_code: {
    title: 'Promotion codes',
    path: '/v1/promotion_codes',
    fields:
      'code active:boolean customer promotion:json times_redeemed:number max_redemptions:number expires_at:timestamp metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: ['gone', 'sweep'],
  },
  subscription,
  subscription_item: subscriptionItem,
  invoice: {
    title: 'Invoices',
    path: '/v1/invoices',
    nested: [invoiceLines],
    fields:
      'number status customer currency total:number amount_due:number amount_paid:number amount_remaining:number due_date:timestamp lines:json metadata:json created:timestamp',
    enumerateEveryMs: WEEK_MS,
    deletes: ['event', 'gone', 'sweep'],
  },
  // edits emit no event, and the object has `date` where others have `created`
  invoiceitem: {
    title: 'Invoice items',
    path: '/v1/invoiceitems',
    created: 'date',
    fields:
      'customer invoice currency amount:number quantity:number description proration:boolean metadata:json date:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: ['event', 'gone', 'sweep'],
  },
  charge: {
    title: 'Charges',
    path: '/v1/charges',
    fields:
      'status amount:number amount_captured:number amount_refunded:number currency customer payment_intent balance_transaction paid:boolean refunded:boolean disputed:boolean metadata:json created:timestamp',
    enumerateEveryMs: WEEK_MS,
    deletes: ['gone', 'sweep'],
  },
  // edits of metadata and description emit no event
  payment_intent: {
    title: 'Payment intents',
    path: '/v1/payment_intents',
    fields:
      'status amount:number amount_received:number currency customer latest_charge payment_method capture_method metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: ['gone', 'sweep'],
  },
  refund: {
    title: 'Refunds',
    path: '/v1/refunds',
    fields:
      'status amount:number currency charge payment_intent balance_transaction reason metadata:json created:timestamp',
    enumerateEveryMs: WEEK_MS,
    deletes: ['gone', 'sweep'],
  },
  dispute: {
    title: 'Disputes',
    path: '/v1/disputes',
    fields:
      'status amount:number currency charge payment_intent reason evidence:json evidence_details:json metadata:json created:timestamp',
    enumerateEveryMs: WEEK_MS,
    deletes: ['gone', 'sweep'],
  },
  payout: {
    title: 'Payouts',
    path: '/v1/payouts',
    fields:
      'status amount:number currency arrival_date:timestamp method type destination balance_transaction metadata:json created:timestamp',
    enumerateEveryMs: WEEK_MS,
    deletes: ['gone', 'sweep'],
  },
  // no events at all, and `status` goes from pending to available in silence
  balance_transaction: {
    title: 'Balance transactions',
    path: '/v1/balance_transactions',
    fields:
      'type status amount:number fee:number net:number currency exchange_rate:number source reporting_category available_on:timestamp created:timestamp',
    refresh: { relist: { everyMs: MINUTE_MS, windowMs: DAY_MS } },
    enumerateEveryMs: DAY_MS,
    deletes: ['gone', 'sweep'],
  },
  tax_rate: {
    title: 'Tax rates',
    path: '/v1/tax_rates',
    fields:
      'display_name active:boolean percentage:number inclusive:boolean country jurisdiction metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: ['gone', 'sweep'],
  },
} satisfies Record<string, Spec>

export const collections: Record<string, Collection> = Object.fromEntries(
  Object.entries<Spec>(specs).map(([name, spec]) => [
    name,
    spec === subscriptionItem ? childCollection(name, spec, subscription) : collection(name, spec),
  ]),
)

/** The lists inside an object of `collection` that Stripe may cut short; null: no collection of ours. */
export function nestedOf(collection: string): Nested[] | null {
  const spec: Spec | undefined = Object.hasOwn(specs, collection)
    ? specs[collection as keyof typeof specs]
    : undefined
  return spec ? (spec.nested ?? []) : null
}

/** What each operation counts against: one bucket a list, one a read by id. */
export const buckets: string[] = [
  ...new Set(
    Object.values<Spec>(specs).flatMap(({ path, nested }) => [
      `GET ${path}`,
      `GET ${path}/{id}`,
      ...(nested ?? []).map(({ bucket }) => bucket),
    ]),
  ),
]

/** The items that stand in a subscription's own text. */
export function itemsOf(item: Item): Change[] {
  const value = asObject(item.value['items'])
  const raw = member(item.raw, ['items'])
  if (!value || raw === undefined) return []
  return readItems({ raw, value }, 'data').map((child) =>
    toChange('subscription_item', child, child),
  )
}
