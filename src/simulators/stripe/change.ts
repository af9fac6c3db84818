import type { Account } from './account.ts'
import { makers } from './make.ts'
import { invalid, missing } from './errors.ts'
import { emit } from './events.ts'
import type { Collection, Fields, Json, Stored, StripeObject } from './objects.ts'
import { childrenOf, keyOf, plain, specs } from './objects.ts'
import { eventsOf, ordinaryOf } from './ordinary/ordinary.ts'
import { listItems } from './ordinary/make.ts'
import { store, withItems, withLines } from './store.ts'

/** Creates an object with all its fields; `fields` replaces what would be made up. Emits what the provider emits. */
export function create(
  account: Account,
  collection: Collection,
  fields: Fields = {},
): StripeObject {
  return account.change(() => makers[collection](account, fields))
}

/**
 * Replaces `fields`; `metadata` is merged key by key, an empty or null value takes the key away. Emits what the provider
 * emits, for some collections nothing at all.
 */
export function update(
  account: Account,
  collection: Collection,
  id: string,
  fields: Fields,
): StripeObject {
  return account.change(() => {
    const before = existing(account, collection, id)
    const after: StripeObject = { ...before, ...fields, id: before.id }
    if (fields.metadata !== undefined) after.metadata = merged(before.metadata!, fields.metadata)
    if (collection === 'subscription_item') {
      replaceItem(account, id, after)
      return after
    }
    if (collection === 'radar_value_list_item') listItems(account, before, [after])
    return store(account, collection, before, after)
  })
}

/**
 * Deletes; of a subscription: cancels it. Throws where the provider has no delete. `silently`: gone without an event and
 * without a stub, whatever it is (the provider's own clean-up of test data).
 */
export function remove(
  account: Account,
  collection: Collection,
  id: string,
  silently = false,
): void {
  account.change(() => {
    const value = existing(account, collection, id)
    if (collection === 'subscription_item') removeItem(account, value)
    else if (silently) {
      if (collection === 'radar_value_list_item') listItems(account, value, [])
      account.drop(collection, id, false)
    } else if (collection === 'subscription') cancel(account, value)
    else if (!specs[collection].deletable) throw invalid(`A ${collection} cannot be deleted.`)
    else if (collection === 'invoice' && value.status !== 'draft') {
      throw invalid('You can only delete draft invoices.')
    } else {
      before[collection]?.(account, value)
      account.drop(collection, id, true)
      if (tellsDeletes(collection)) emit(account, `${specs[collection].events}.deleted`, value)
    }
  })
}

function tellsDeletes(collection: Stored): boolean {
  const one = ordinaryOf(collection)
  return one === null || eventsOf(one)?.actions.includes('deleted') === true
}

function existing(account: Account, collection: Collection, id: string): StripeObject {
  const value = account.get(collection, id)
  if (value === null) throw missing(404, collection, id, 'id')
  return value
}

/** What goes with an object of a collection, before it goes itself. */
const before: Partial<Record<Stored, (account: Account, value: StripeObject) => void>> = {
  customer: (account, { id }) => {
    for (const value of of(account, 'subscription', 'customer', id)) {
      if (value.status !== 'canceled') cancel(account, value)
    }
    for (const value of of(account, 'invoiceitem', 'customer', id)) {
      if (value.invoice === null) remove(account, 'invoiceitem', value.id)
    }
    for (const collection of ofCustomers) {
      for (const value of of(account, collection, 'customer', id)) {
        remove(account, collection, keyOf(collection, value), !specs[collection].deletable)
      }
    }
    for (const value of of(account, 'payment_method', 'customer', id)) {
      const detached = { ...value, customer: null }
      account.put('payment_method', detached)
      emit(account, 'payment_method.detached', detached, { customer: id })
    }
  },
  radar_value_list: (account, { id }) => {
    for (const value of of(account, 'radar_value_list_item', 'value_list', id)) {
      account.drop('radar_value_list_item', value.id, true)
    }
  },
  radar_value_list_item: (account, value) => listItems(account, value, []),
  product: (account, { id }) => {
    for (const value of of(account, 'price', 'product', id)) remove(account, 'price', value.id)
  },
  invoiceitem: (account, { id, invoice }) => {
    const parent = account.get('invoice', plain(invoice))
    if (parent === null || parent.status !== 'draft') return
    const left = childrenOf(parent).filter((line) => itemOf(line) !== id)
    store(account, 'invoice', parent, withLines(parent, left))
  },
}

const ofCustomers = [
  'customer_source',
  'customer_tax_id',
  'customer_balance_transaction',
  'customer_cash_balance_transaction',
] as const

function of(account: Account, collection: Stored, key: string, id: string): StripeObject[] {
  return account.tables[collection]
    .rows()
    .filter(({ value }) => value[key] === id)
    .map(({ value }) => value)
}

function cancel(account: Account, value: StripeObject): void {
  const at = account.seconds()
  store(account, 'subscription', value, {
    ...value,
    status: 'canceled',
    canceled_at: at,
    ended_at: at,
    cancellation_details: {
      ...(value.cancellation_details as Fields),
      reason: 'cancellation_requested',
    },
  })
}

function replaceItem(account: Account, id: string, item: StripeObject): void {
  const parent = account.parentOf(id)!
  const data = childrenOf(parent).map((other) => (other.id === id ? item : other))
  store(account, 'subscription', parent, withItems(parent, data))
}

function removeItem(account: Account, item: StripeObject): void {
  const parent = account.parentOf(item.id)!
  const data = childrenOf(parent).filter((other) => other.id !== item.id)
  if (data.length === 0) throw invalid('A subscription must have at least one active plan.')
  store(account, 'subscription', parent, withItems(parent, data))
}

function itemOf(line: StripeObject): unknown {
  const details = (line.parent as Fields | null)?.invoice_item_details as Fields | null | undefined
  return details?.invoice_item
}

function merged(old: Json, fresh: Json): Fields {
  const all = { ...(old as Fields | null), ...(fresh as Fields | null) }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== null && value !== ''),
  )
}
