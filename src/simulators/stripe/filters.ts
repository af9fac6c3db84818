import type { Collection, Fields, ListObject, StripeObject } from './objects.ts'
import { plain } from './objects.ts'
import type { OrdinaryName } from './ordinary/ordinary.ts'
import { ordinaryNames, ordinaryOf, words } from './ordinary/ordinary.ts'

/**
 * How a list parameter narrows: `equal`: the field's text; `flag`: true or false; `range`: seconds, exact or with gte, gt,
 * lte, lt; `ignored`: accepted, and without effect here; else a function of the object and the values asked for.
 */
export type Filter =
  | 'equal'
  | 'flag'
  | 'range'
  | 'ignored'
  | ((value: StripeObject, asked: string[]) => boolean)

const parent = (value: StripeObject) =>
  (value.parent as Fields | null)?.subscription_details as Fields | null
const items = (value: StripeObject) => (value.items as unknown as ListObject).data
const recurring = (key: string) => (value: StripeObject, asked: string[]) =>
  asked.includes(plain((value.recurring as Fields | null)?.[key] ?? null))
const owners: Record<string, Filter> = { customer: 'equal', customer_account: 'equal' }

/** Besides limit, starting_after, ending_before and expand. Filters marked with `created` range over the creation time. */
const own: Partial<Record<Collection, Record<string, Filter>>> = {
  customer: { created: 'range', email: 'equal', test_clock: 'equal' },
  product: {
    active: 'flag',
    created: 'range',
    ids: (value, asked) => asked.includes(value.id),
    shippable: 'flag',
    type: 'equal',
    url: 'equal',
  },
  price: {
    active: 'flag',
    created: 'range',
    currency: 'equal',
    lookup_keys: (value, asked) => asked.includes(plain(value.lookup_key)),
    product: 'equal',
    'recurring[interval]': recurring('interval'),
    'recurring[meter]': recurring('meter'),
    'recurring[usage_type]': recurring('usage_type'),
    type: 'equal',
  },
  coupon: { created: 'range' },
  promotion_code: {
    active: 'flag',
    code: 'equal',
    coupon: (value, asked) => asked.includes(plain((value.promotion as Fields).coupon)),
    created: 'range',
    ...owners,
  },
  tax_rate: { active: 'flag', created: 'range', inclusive: 'flag' },
  subscription: {
    'automatic_tax[enabled]': (value, asked) =>
      asked.includes(plain((value.automatic_tax as Fields).enabled)),
    collection_method: 'equal',
    created: 'range',
    current_period_end: 'ignored',
    current_period_start: 'ignored',
    ...owners,
    plan: (value, asked) =>
      items(value).some(({ price }) => asked.includes((price as StripeObject).id)),
    price: (value, asked) =>
      items(value).some(({ price }) => asked.includes((price as StripeObject).id)),
    status: ofStatus,
    test_clock: 'equal',
  },
  subscription_item: { subscription: 'equal' },
  invoice: {
    collection_method: 'equal',
    created: 'range',
    ...owners,
    due_date: 'range',
    status: 'equal',
    subscription: (value, asked) => asked.includes(plain(parent(value)?.subscription ?? null)),
  },
  invoiceitem: {
    created: 'range',
    ...owners,
    invoice: 'equal',
    pending: (value, asked) => asked.includes(String(value.invoice === null)),
  },
  charge: { created: 'range', customer: 'equal', payment_intent: 'equal', transfer_group: 'equal' },
  payment_intent: { created: 'range', ...owners },
  refund: { charge: 'equal', created: 'range', payment_intent: 'equal' },
  dispute: { charge: 'equal', created: 'range', payment_intent: 'equal' },
  payout: { arrival_date: 'range', created: 'range', destination: 'equal', status: 'equal' },
  balance_transaction: {
    created: 'range',
    currency: 'equal',
    // Which payout a transaction went into is not simulated: none went into any.
    payout: (value, asked) => asked.includes(plain(value.source)),
    source: 'equal',
    type: 'equal',
  },
}

export const filters = {
  ...own,
  ...Object.fromEntries(ordinaryNames.map((name) => [name, ordinaryFilters(name)])),
} as Record<Collection, Record<string, Filter>>

/** Parameters without which a list is refused. */
export const required: Partial<Record<Collection, string[]>> = {
  subscription_item: ['subscription'],
  ...Object.fromEntries(
    ordinaryNames.map((name) => [
      name,
      words(ordinaryOf(name)?.filters ?? '').flatMap(([word]) =>
        word.startsWith('!') ? [word.slice(1)] : [],
      ),
    ]),
  ),
}

function ordinaryFilters(name: OrdinaryName): Record<string, Filter> {
  return Object.fromEntries(
    words(ordinaryOf(name)?.filters ?? '').map(([word, kind]) => {
      const field = word.replace('!', '')
      return [field, kind === '' ? byField(field) : (kind as Filter)]
    }),
  )
}

/** A parent that the object does not show is known all the same. */
function byField(field: string): Filter {
  return (value, asked) => asked.includes(plain(value[field] ?? value['_parent'] ?? null))
}

/** Parameters that must name an object that there is, and of which collection. */
export const references: Record<string, Collection> = {
  customer: 'customer',
  subscription: 'subscription',
  product: 'product',
  charge: 'charge',
  payment_intent: 'payment_intent',
  coupon: 'coupon',
  invoice: 'invoice',
  setup_intent: 'setup_intent',
  payment_record: 'payment_record',
  value_list: 'radar_value_list',
  card: 'issuing_card',
  financial_account: 'treasury_financial_account',
  account: 'financial_connections_account',
}

function ofStatus(value: StripeObject, asked: string[]): boolean {
  const status = plain(value.status)
  if (asked.includes('all')) return true
  if (asked.includes('ended')) return status === 'canceled' || status === 'incomplete_expired'
  return asked.includes(status)
}
