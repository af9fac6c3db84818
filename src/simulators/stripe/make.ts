import type { Account } from './account.ts'
import {
  buildInvoice,
  buildInvoiceItem,
  buildLine,
  buildSubscription,
  buildSubscriptionItem,
} from './build/billing.ts'
import {
  buildCoupon,
  buildPrice,
  buildProduct,
  buildPromotionCode,
  buildTaxRate,
} from './build/catalog.ts'
import {
  buildBalanceTransaction,
  buildCharge,
  buildDispute,
  buildPaymentIntent,
  buildPayout,
  buildRefund,
} from './build/payments.ts'
import { buildCustomer } from './build/people.ts'
import { missing } from './errors.ts'
import { emit } from './events.ts'
import type { Collection, Fields, Stored, StripeObject } from './objects.ts'
import { arranged, childrenOf, specs } from './objects.ts'
import { makeOrdinary } from './ordinary/make.ts'
import { ordinaryNames } from './ordinary/ordinary.ts'
import { store, withItems, withLines } from './store.ts'

export type Maker = (account: Account, fields: Fields) => StripeObject

/** How an object comes into being, with all that comes with it. Fields that are left out are made up. */
const own: Partial<Record<Collection, Maker>> = {
  customer: (account, fields) =>
    add(account, 'customer', buildCustomer(account, at(account, fields), fields)),
  product: (account, fields) =>
    add(account, 'product', buildProduct(account, at(account, fields), fields)),
  price: (account, fields) => {
    const product = named(account, 'product', fields.product)
    return add(
      account,
      'price',
      buildPrice(account, at(account, fields), { ...fields, product: product.id }),
    )
  },
  coupon: (account, fields) =>
    add(account, 'coupon', buildCoupon(account, at(account, fields), fields)),
  promotion_code: (account, fields) => {
    const promotion = fields.promotion as Fields | undefined
    const coupon = named(account, 'coupon', fields.coupon ?? promotion?.coupon)
    const rest = { ...fields, coupon: coupon.id }
    return add(account, 'promotion_code', buildPromotionCode(account, at(account, fields), rest))
  },
  tax_rate: (account, fields) =>
    add(account, 'tax_rate', buildTaxRate(account, at(account, fields), fields)),
  subscription: makeSubscription,
  subscription_item: makeSubscriptionItem,
  invoice: makeInvoice,
  invoiceitem: makeInvoiceItem,
  charge: makeCharge,
  payment_intent: makePaymentIntent,
  refund: makeRefund,
  dispute: makeDispute,
  payout: (account, fields) => {
    const created = at(account, fields)
    const payout = buildPayout(account, created, fields)
    const amount = -(payout.amount as number)
    const rest = { amount, type: 'payout', source: payout.id, currency: payout.currency! }
    const entry = makers.balance_transaction(account, { ...rest, created })
    return add(account, 'payout', { ...payout, balance_transaction: entry.id })
  },
  balance_transaction: (account, fields) => {
    const amount = (fields.amount as number | undefined) ?? account.random.int(5, 900) * 100
    const value = buildBalanceTransaction(account, at(account, fields), { ...fields, amount })
    return add(account, 'balance_transaction', value, null)
  },
}

export const makers = {
  ...own,
  ...Object.fromEntries(
    ordinaryNames.map((name) => [
      name,
      (account: Account, fields: Fields) => makeOrdinary(account, name, fields, named),
    ]),
  ),
} as Record<Collection, Maker>

/** Stores a new object; `event` is the name after the collection's own, null: silent. */
function add(
  account: Account,
  collection: Stored,
  built: StripeObject,
  event: string | null = 'created',
): StripeObject {
  const value = arranged(built)
  account.put(collection, value)
  if (event !== null) emit(account, `${specs[collection].events}.${event}`, value)
  return value
}

function at(account: Account, fields: Fields): number {
  return (fields.created ?? fields.date ?? account.seconds()) as number
}

/** The object that `id` names, or any, or a new one. */
function named(account: Account, collection: Stored, id: unknown): StripeObject {
  if (typeof id === 'string') {
    const value = account.get(collection, id)
    if (value === null) throw missing(400, collection, id, collection)
    return value
  }
  const table = account.tables[collection]
  if (table.size === 0) return makers[collection](account, {})
  return account.random.pick(table.rows()).value
}

function recurringPrice(account: Account, id: unknown): StripeObject {
  if (typeof id === 'string') return named(account, 'price', id)
  for (let tries = 0; tries < 5; tries++) {
    const price = named(account, 'price', null)
    if (price.recurring !== null) return price
  }
  return makers.price(account, { recurring: { interval: 'month' } })
}

function makeSubscription(account: Account, fields: Fields): StripeObject {
  const { items, ...rest } = fields
  const wanted = (items ?? [{}]) as Fields[]
  const customer = named(account, 'customer', fields.customer)
  const parts = wanted.map(({ price, quantity, ...more }) => ({
    price: recurringPrice(account, price),
    quantity: (quantity as number | undefined) ?? account.random.int(1, 20),
    fields: more,
  }))
  const value = buildSubscription(
    account,
    at(account, fields),
    { ...rest, customer: customer.id },
    parts,
  )
  return add(account, 'subscription', value)
}

function makeSubscriptionItem(account: Account, fields: Fields): StripeObject {
  const { subscription, price, quantity, ...rest } = fields
  const parent = named(account, 'subscription', subscription)
  const first = childrenOf(parent)[0]
  const item = arranged(
    buildSubscriptionItem(
      account,
      account.seconds(),
      parent.id,
      recurringPrice(account, price),
      (quantity as number | undefined) ?? 1,
      {
        start: (first?.current_period_start ?? parent.created) as number,
        end: (first?.current_period_end ?? parent.created) as number,
      },
      rest,
    ),
  )
  store(account, 'subscription', parent, withItems(parent, [...childrenOf(parent), item]))
  return item
}

function makeInvoice(account: Account, fields: Fields): StripeObject {
  const { lines, ...rest } = fields
  const customer = named(account, 'customer', fields.customer)
  const wanted = (lines as Fields[] | undefined) ?? [
    { description: 'One month', amount: account.random.int(5, 300) * 100 },
  ]
  return add(
    account,
    'invoice',
    buildInvoice(account, at(account, fields), { ...rest, customer: customer.id }, wanted),
  )
}

function makeInvoiceItem(account: Account, fields: Fields): StripeObject {
  const customer = named(account, 'customer', fields.customer)
  const item = add(
    account,
    'invoiceitem',
    buildInvoiceItem(account, at(account, fields), { ...fields, customer: customer.id }),
  )
  if (typeof fields.invoice !== 'string') return item
  const invoice = named(account, 'invoice', fields.invoice)
  const details = {
    invoice_item: item.id,
    proration: false,
    proration_details: null,
    subscription: null,
  }
  const line = buildLine(account, item.date as number, invoice, {
    amount: item.amount!,
    description: item.description!,
    parent: {
      invoice_item_details: details,
      subscription_item_details: null,
      type: 'invoice_item_details',
    },
  })
  store(account, 'invoice', invoice, withLines(invoice, [...childrenOf(invoice), line]))
  return item
}

function makeCharge(account: Account, fields: Fields): StripeObject {
  const charge = buildCharge(account, at(account, fields), fields)
  if (charge.status !== 'succeeded') return add(account, 'charge', charge, charge.status as string)
  const entry = makers.balance_transaction(account, {
    amount: charge.amount!,
    created: charge.created!,
    currency: charge.currency!,
    source: charge.id,
  })
  return add(account, 'charge', { ...charge, balance_transaction: entry.id }, 'succeeded')
}

/** With `status: 'succeeded'` its charge and balance transaction come with it. */
function makePaymentIntent(account: Account, fields: Fields): StripeObject {
  const built = buildPaymentIntent(account, at(account, fields), fields)
  if (built.status !== 'succeeded' || fields.latest_charge !== undefined) {
    return add(account, 'payment_intent', built)
  }
  const charge = makeCharge(account, {
    amount: built.amount!,
    created: built.created!,
    currency: built.currency!,
    customer: built.customer!,
    payment_intent: built.id,
  })
  const intent = { ...built, latest_charge: charge.id, payment_method: charge.payment_method! }
  const value = add(account, 'payment_intent', intent)
  emit(account, 'payment_intent.succeeded', value)
  return value
}

function paidCharge(account: Account, id: unknown): StripeObject {
  if (typeof id === 'string') return named(account, 'charge', id)
  for (let tries = 0; tries < 5 && account.tables.charge.size > 0; tries++) {
    const charge = named(account, 'charge', null)
    if (charge.status === 'succeeded' && charge.refunded === false && charge.disputed === false)
      return charge
  }
  return makeCharge(account, {})
}

function makeRefund(account: Account, fields: Fields): StripeObject {
  const charge = paidCharge(account, fields.charge)
  const left = (charge.amount as number) - (charge.amount_refunded as number)
  const amount = (fields.amount as number | undefined) ?? left
  const created = at(account, fields)
  const refund = buildRefund(account, created, {
    currency: charge.currency!,
    customer: charge.customer!,
    payment_intent: charge.payment_intent!,
    payment_method: charge.payment_method!,
    ...fields,
    charge: charge.id,
    amount,
  })
  const rest = { amount: -amount, type: 'refund', source: refund.id, currency: charge.currency! }
  const entry = makers.balance_transaction(account, { ...rest, created })
  const value = add(account, 'refund', { ...refund, balance_transaction: entry.id })
  store(account, 'charge', charge, {
    ...charge,
    amount_refunded: (charge.amount_refunded as number) + amount,
    refunded: amount >= left,
  })
  return value
}

function makeDispute(account: Account, fields: Fields): StripeObject {
  const charge = paidCharge(account, fields.charge)
  const amount = (fields.amount as number | undefined) ?? (charge.amount as number)
  const created = at(account, fields)
  const dispute = buildDispute(account, created, {
    currency: charge.currency!,
    payment_intent: charge.payment_intent!,
    ...fields,
    charge: charge.id,
    amount,
  })
  const rest = {
    amount: -amount,
    type: 'adjustment',
    source: dispute.id,
    currency: charge.currency!,
  }
  const entry = makers.balance_transaction(account, { ...rest, created })
  const value = add(account, 'dispute', { ...dispute, balance_transactions: [entry] })
  emit(account, 'charge.dispute.funds_withdrawn', value)
  store(account, 'charge', charge, { ...charge, disputed: true })
  return value
}
