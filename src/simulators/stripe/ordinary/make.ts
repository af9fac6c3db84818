import type { Account } from '../account.ts'
import { emit } from '../events.ts'
import type { Fields, Json, Stored, StripeObject } from '../objects.ts'
import { arranged, childrenOf, listOf, plain, specs } from '../objects.ts'
import { store } from '../store.ts'
import type { Ordinary, OrdinaryName } from './ordinary.ts'
import { eventsOf, ordinaryOf, words } from './ordinary.ts'

/** The object of a collection that an id names, or any, or a new one. */
type Named = (account: Account, collection: Stored, id: unknown) => StripeObject

/** Makes an object of an ordinary collection by its shape, with what comes with it. Emits what the provider emits. */
export function makeOrdinary(
  account: Account,
  name: OrdinaryName,
  fields: Fields,
  named: Named,
): StripeObject {
  const one = ordinaryOf(name)!
  const given = { ...fields, ...before[name]?.(account, fields, named) }
  const value = arranged(build(account, name, one, given, named))
  account.put(name, value)
  for (const action of onCreate(one, value)) emit(account, `${specs[name].events}.${action}`, value)
  after[name]?.(account, value, named)
  return value
}

function onCreate(one: Ordinary, value: StripeObject): string[] {
  const actions = eventsOf(one)?.actions ?? []
  if (actions.includes('created')) return ['created']
  const first = value.customer === null ? [] : ['attached', 'opened']
  return actions.filter((action) => first.includes(action) || action === value.status).slice(0, 1)
}

function build(
  account: Account,
  name: OrdinaryName,
  one: Ordinary,
  given: Fields,
  named: Named,
): StripeObject {
  const { random } = account
  const id = account.newId(specs[name].prefix, specs[name].idLength)
  const created = (given.created ?? account.seconds()) as number
  const value: StripeObject = { id, object: one.noun ?? name }
  for (const [field, kind] of words(one.shape)) {
    const at = kind.startsWith('@') ? (kind.slice(1) as Stored) : null
    if (at !== null)
      value[field] = given[field] === null ? null : named(account, at, given[field]).id
    else if (kind.startsWith('=')) value[field] = kind.slice(1)
    else value[field] = kinds[kind]!({ account, created, field, id, noun: one.lines ?? null })
  }
  if ('updated' in value) value.updated = created
  if ('metadata' in value && value.metadata !== null) value.metadata = { run: random.text(6) }
  return { ...value, ...given }
}

type Making = { account: Account; created: number; field: string; id: string; noun: string | null }

const kinds: Record<string, (making: Making) => Json> = {
  flag: ({ account, field }) =>
    field === 'livemode' ? account.livemode : account.random.chance(0.5),
  int: ({ account }) => account.random.int(1, 900) * 100,
  now: ({ created, field }) => (field === 'created' ? created : created + 86_400),
  text: ({ account, field }) => `${field.replaceAll('_', ' ')} ${account.random.digits(4)}`,
  digits: ({ account }) => account.random.digits(4),
  owned: ({ account }) => account.newId('fcaowns_', 24),
  map: () => ({}),
  null: () => null,
  '[]': () => [],
  '{}': () => ({}),
  list: ({ account, created, id, noun, field }) => {
    const count = noun !== 'line' ? 0 : account.random.chance(0.05) ? 14 : account.random.int(1, 3)
    const data = Array.from({ length: count }, () => creditLine(account, created))
    return listOf(`/v1/${field}/${id}`, data)
  },
}

function creditLine(account: Account, _created: number): StripeObject {
  const amount = account.random.int(1, 90) * 100
  return {
    id: account.newId('cnli_', 24),
    object: 'credit_note_line_item',
    amount,
    description: 'Returned',
    discount_amount: 0,
    discount_amounts: [],
    livemode: account.livemode,
    metadata: {},
    pretax_credit_amounts: [],
    quantity: 1,
    tax_rates: [],
    taxes: [],
    type: 'custom_line_item',
    unit_amount: amount,
    unit_amount_decimal: String(amount),
  }
}

type Before = (account: Account, fields: Fields, named: Named) => Fields

/** What an object takes over from others. */
const before: Partial<Record<OrdinaryName, Before>> = {
  customer_balance_transaction: (account, fields, named) => {
    const customer = named(account, 'customer', fields.customer)
    const amount = (fields.amount as number | undefined) ?? -account.random.int(1, 50) * 100
    return { customer: customer.id, amount, ending_balance: (customer.balance as number) + amount }
  },
  entitlements_active_entitlement: (account, fields, named) => {
    const feature = named(account, 'entitlements_feature', fields.feature)
    const parent = fields._parent ?? named(account, 'subscription', null).customer!
    return { _parent: parent, feature: feature.id, lookup_key: feature.lookup_key! }
  },
  billing_credit_balance_transaction: (account, fields, named) => {
    const grant = named(account, 'billing_credit_grant', fields.credit_grant)
    return { credit_grant: grant.id, _parent: grant.customer! }
  },
  financial_connections_account_owner: (account, fields, named) => {
    const parent = named(account, 'financial_connections_account', fields._parent)
    return { _parent: parent.id, ownership: parent.ownership! }
  },
  product_catalog_trial_offer: (account, fields, named) => ({
    price: named(account, 'price', fields.price).id,
  }),
}

type After = (account: Account, value: StripeObject, named: Named) => void

/** What comes with a new object, or is changed by it. */
const after: Partial<Record<OrdinaryName, After>> = {
  customer_balance_transaction: (account, { customer, ending_balance: balance }) => {
    const owner = account.get('customer', plain(customer))!
    store(account, 'customer', owner, { ...owner, balance: balance! })
  },
  customer_cash_balance_transaction: (account, { customer }) => {
    const owner = account.get('customer', plain(customer))!
    const cash = {
      object: 'cash_balance',
      available: null,
      customer: owner.id,
      livemode: account.livemode,
      settings: {},
    }
    account.put('customer', { ...owner, _cash_balance: cash })
  },
  setup_attempt: (account, value) => {
    const intent = account.get('setup_intent', plain(value.setup_intent))!
    const next = { ...intent, latest_attempt: value.id }
    account.put('setup_intent', next)
    emit(account, 'setup_intent.setup_failed', next)
  },
  entitlements_active_entitlement: (account, { _parent: customer }) => {
    const object = 'entitlements.active_entitlement_summary'
    const entitlements = listOf('/v1/customer/entitlements', [])
    const summary = { object, customer: customer!, entitlements, livemode: account.livemode }
    emit(account, `${object}.updated`, summary as unknown as StripeObject)
  },
  financial_connections_transaction: (account, { account: parent }) => {
    const owner = account.get('financial_connections_account', plain(parent))!
    emit(account, 'financial_connections.account.refreshed_transactions', owner)
  },
  radar_value_list_item: (account, value) => listItems(account, value, [value]),
  quote: lines('quote_line_item'),
  checkout_session: lines('checkout_session_line_item'),
  payment_link: lines('payment_link_line_item'),
}

function lines(name: OrdinaryName): After {
  return (account, { id }, named) => {
    const count = account.random.int(1, 3)
    for (let made = 0; made < count; made++) makeOrdinary(account, name, { _parent: id }, named)
  }
}

/** The items of a value list, with `now` in the place of `item`. */
export function listItems(account: Account, item: StripeObject, now: StripeObject[]): void {
  const parent = account.get('radar_value_list', plain(item.value_list))
  if (parent === null) return
  const data = [...now, ...childrenOf(parent).filter((other) => other.id !== item.id)]
  account.put('radar_value_list', {
    ...parent,
    list_items: { ...(parent.list_items as Fields), data },
  })
}
