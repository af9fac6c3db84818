/** Shapes of API 2026-10-28.endive. */
export type Json = null | boolean | number | string | Json[] | Fields
export type Fields = { [key: string]: Json }
export type StripeObject = Fields & { id: string; object: string }
export type ListObject = { object: 'list'; data: StripeObject[]; has_more: boolean; url: string }

export const collections = [
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
export type Collection = (typeof collections)[number]
/** Subscription items live in their subscription. */
export type Stored = Exclude<Collection, 'subscription_item'>
export const storedCollections = collections.filter((name) => name !== 'subscription_item')

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
}

export const specs: Record<Collection, Spec> = {
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

function spec(
  path: string,
  prefix: string,
  idLength: number,
  events: string | null,
  deletable: boolean,
  permission = path.replace(/s$/, ''),
): Spec {
  return { path, prefix, idLength, events, deletable, permission }
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

/** The items of a subscription or the lines of an invoice. */
export function childrenOf(value: StripeObject): StripeObject[] {
  const list = (value.object === 'invoice' ? value.lines : value.items) as ListObject | undefined
  return list?.data ?? []
}

/** Keys in the provider's order: id, object, then by name. */
export function arranged(value: StripeObject): StripeObject {
  const { id, object, ...rest } = value
  const keys = Object.keys(rest).sort()
  return { id, object, ...Object.fromEntries(keys.map((key) => [key, rest[key]!])) }
}
