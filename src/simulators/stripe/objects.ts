import type { OrdinaryName } from './ordinary/ordinary.ts'
import { eventsOf, ordinaryNames, ordinaryOf, ownerField } from './ordinary/ordinary.ts'

/** Shapes of API 2026-10-28.endive. */
export type Json = null | boolean | number | string | Json[] | Fields
export type Fields = { [key: string]: Json }
export type StripeObject = Fields & { id: string; object: string }
export type ListObject = { object: 'list'; data: StripeObject[]; has_more: boolean; url: string }

/** Those with a life of their own: how each is made and changed is written out. */
export const own = [
  'customer',
  'product',
  'price',
  'coupon',
  'promotion_code',
  'tax_rate',
  'subscription',
  'subscription_item',
  'invoice',
  'invoiceitem',
  'charge',
  'payment_intent',
  'refund',
  'dispute',
  'payout',
  'balance_transaction',
] as const
export type Own = (typeof own)[number]
export type Collection = Own | OrdinaryName
export const collections: readonly Collection[] = [...own, ...ordinaryNames]
/** Subscription items live in their subscription. */
export type Stored = Exclude<Collection, 'subscription_item'>
export const storedCollections = collections.filter(
  (name): name is Stored => name !== 'subscription_item',
)

export type Spec = {
  /** Below /v1/. */
  path: string
  prefix: string
  /** Characters after the prefix. */
  idLength: number
  /** `customer.subscription` in `customer.subscription.updated`; null: emits nothing. */
  events: string | null
  /** Can be deleted at all, in the sense of a `deleted` stub. */
  deletable: boolean
  /** `rak_<permission>_read` is what a restricted key needs. */
  permission: string
  /** The field that names the parent without which its id says nothing; null: the id is enough. */
  owner: string | null
}

const ownSpecs: Record<Own, Spec> = {
  customer: spec('customers', 'cus_', 14, 'customer', true),
  product: spec('products', 'prod_', 14, 'product', true),
  price: spec('prices', 'price_', 24, 'price', true),
  coupon: spec('coupons', '', 8, 'coupon', true),
  promotion_code: spec('promotion_codes', 'promo_', 24, 'promotion_code', false),
  tax_rate: spec('tax_rates', 'txr_', 24, 'tax_rate', false),
  subscription: spec('subscriptions', 'sub_', 24, 'customer.subscription', false),
  subscription_item: spec('subscription_items', 'si_', 14, null, true, 'subscription'),
  invoice: spec('invoices', 'in_', 24, 'invoice', true),
  invoiceitem: spec('invoiceitems', 'ii_', 24, 'invoiceitem', true),
  charge: spec('charges', 'ch_', 24, 'charge', false),
  payment_intent: spec('payment_intents', 'pi_', 24, 'payment_intent', false),
  refund: spec('refunds', 're_', 24, 'refund', false),
  dispute: spec('disputes', 'dp_', 24, 'charge.dispute', false),
  payout: spec('payouts', 'po_', 24, 'payout', false),
  balance_transaction: spec('balance_transactions', 'txn_', 24, null, false),
}

export const specs = {
  ...ownSpecs,
  ...Object.fromEntries(ordinaryNames.map((name) => [name, ordinarySpec(name)])),
} as Record<Collection, Spec>

function ordinarySpec(name: OrdinaryName): Spec {
  const one = ordinaryOf(name)!
  const [prefix = '', length] = one.id.split(' ')
  return {
    path: one.path,
    prefix,
    idLength: Number(length),
    events: eventsOf(one)?.prefix ?? null,
    deletable: one.deletable === true,
    permission: name,
    owner: ownerField(one),
  }
}

function spec(
  path: string,
  prefix: string,
  idLength: number,
  events: string | null,
  deletable: boolean,
  permission = path.replace(/s$/, ''),
): Spec {
  return { path, prefix, idLength, events, deletable, permission, owner: null }
}

export function isCollection(name: unknown): name is Collection {
  return collections.includes(name as Collection)
}

/** Creation time in seconds; invoice items call it `date`. */
export function createdOf(value: StripeObject): number {
  return (value.created ?? value.date ?? 0) as number
}

/** A scalar as text, the way a query string writes it. */
export function plain(value: Json | undefined): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

export function listOf(url: string, data: StripeObject[]): ListObject {
  return { object: 'list', data, has_more: false, url }
}

/** The field of an embedded list that is always shown, by what `object` says. */
export const embedded: Record<string, string> = {
  subscription: 'items',
  invoice: 'lines',
  credit_note: 'lines',
  transfer: 'reversals',
  application_fee: 'refunds',
  'radar.value_list': 'list_items',
}

/** What stands in the embedded list of an object: the items of a subscription, the lines of an invoice. */
export function childrenOf(value: StripeObject): StripeObject[] {
  const list = value[embedded[value.object] ?? ''] as ListObject | undefined
  return list?.data ?? []
}

/** By what an object is known in its collection: its id, or `parent/id` where the API has no use for the id alone. */
export function keyOf(collection: Collection, value: StripeObject): string {
  const { owner } = specs[collection]
  return owner === null ? value.id : `${plain(value[owner])}/${value.id}`
}

/** Keys in the provider's order: id, object, then by name. */
export function arranged(value: StripeObject): StripeObject {
  const { id, object, ...rest } = value
  const keys = Object.keys(rest).sort()
  return { id, object, ...Object.fromEntries(keys.map((key) => [key, rest[key]!])) }
}
