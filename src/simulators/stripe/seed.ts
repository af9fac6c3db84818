import type { Random } from '../kit/random.ts'
import type { Account } from './account.ts'
import { closeInvoice, failIntent, finalizeInvoice, payInvoice, some } from './lifecycle.ts'
import { makers } from './make.ts'
import { madeAlong, ordinaryShares, pastOf } from './ordinary/life.ts'
import { ordinaryNames } from './ordinary/ordinary.ts'
import type { Collection, Fields, StripeObject } from './objects.ts'
import { childrenOf, createdOf, plain } from './objects.ts'

const yearsS = 2 * 365 * 86_400
const monthsOf = 24
/** One second in which very many customers were imported: more than a page. */
const importShare = 0.007

/** Objects made on purpose, as shares of the total; what comes with them (items, charges, transactions) fills the rest. */
const shares: Partial<Record<Collection, number>> = {
  ...ordinaryShares,
  product: 0.01,
  price: 0.02,
  coupon: 0.005,
  promotion_code: 0.006,
  tax_rate: 0.002,
  customer: 0.22,
  subscription: 0.085,
  invoice: 0.05,
  invoiceitem: 0.04,
  payment_intent: 0.07,
  refund: 0.015,
  dispute: 0.004,
  payout: 0.01,
}

/**
 * About `total` objects over all collections, created in the last two years: busy and silent months, many of one second,
 * parents before their children. The same seed and clock make the same account.
 */
export function seedAccount(account: Account, total: number): void {
  const end = Math.floor(account.now() / 1000) - 60
  const times = createTimeline(account.random, end - yearsS, end)
  const many = (collection: Collection, make: (index: number, count: number) => void) => {
    const count = Math.max(2, Math.round(total * (shares[collection] ?? 0)))
    for (let index = 0; index < count; index++) account.change(() => make(index, count))
  }
  const at = (second: number, collection: Collection, fields: Fields = {}) =>
    account.backdate(second, () => makers[collection](account, fields))

  many('product', () => at(times.any(), 'product'))
  many('price', () => {
    const product = some(account, 'product')!
    at(times.after(createdOf(product)), 'price', { product: product.id })
  })
  many('coupon', () => at(times.any(), 'coupon'))
  many('promotion_code', () => {
    const coupon = some(account, 'coupon')!
    at(times.after(createdOf(coupon)), 'promotion_code', { coupon: coupon.id })
  })
  many('tax_rate', () => at(times.any(), 'tax_rate'))
  const imported = times.any()
  many('customer', (index) => at(index < total * importShare ? imported : times.any(), 'customer'))
  many('subscription', (index) => seedSubscription(account, times, index))
  many('invoice', (index) => seedInvoice(account, times, index))
  many('invoiceitem', () => {
    const customer = some(account, 'customer')!
    at(times.after(createdOf(customer)), 'invoiceitem', { customer: customer.id })
  })
  many('payment_intent', () => seedPayment(account, times))
  many('refund', () => seedFrom(account, times, 'refund'))
  many('dispute', () => seedFrom(account, times, 'dispute'))
  many('payout', () => {
    const second = times.any()
    const status = second < end - 3 * 86_400 ? 'paid' : 'pending'
    at(second, 'payout', { status })
  })
  for (const name of ordinaryNames.filter((one) => !madeAlong.includes(one))) {
    many(name, () => {
      const { second, fields } = pastOf(account, name, times)
      at(second, name, fields)
    })
  }
}

function seedSubscription(account: Account, times: Timeline, index: number): void {
  const { random } = account
  const customer = some(account, 'customer')!
  // Every hundredth has more items than an embedded list shows; two of them more than a page.
  const few = random.chance(0.25) ? random.int(2, 4) : 1
  const count = index % 100 === 1 ? random.int(11, 25) : few
  const status = random.weighted({
    active: 60,
    trialing: 8,
    past_due: 6,
    canceled: 22,
    incomplete_expired: 4,
  })
  const second = times.after(createdOf(customer))
  account.backdate(second, () =>
    makers.subscription(account, {
      customer: customer.id,
      items: Array.from({ length: count }, () => ({})),
      status,
      ...(status === 'canceled' ? { canceled_at: second, ended_at: second } : {}),
    }),
  )
}

function seedInvoice(account: Account, times: Timeline, index: number): void {
  const { random } = account
  const subscription = random.chance(0.7) ? some(account, 'subscription') : null
  const customer = (subscription?.customer as string | undefined) ?? some(account, 'customer')!.id
  const after = createdOf(subscription ?? account.get('customer', customer)!)
  account.backdate(times.after(after), () => {
    const many = index % 50 === 1 ? random.int(11, 60) : index === 2 ? 130 : random.int(1, 3)
    const lines =
      subscription === null || many > 3 ? freeLines(account, many) : linesOf(subscription)
    const extra = subscription === null ? {} : { subscription: subscription.id }
    const invoice = makers.invoice(account, { customer, lines, ...extra })
    const fate = random.weighted({ draft: 5, open: 10, paid: 80, void: 3, uncollectible: 2 })
    if (fate === 'paid') payInvoice(account, invoice)
    else if (fate !== 'draft') {
      const open = finalizeInvoice(account, invoice)
      if (fate !== 'open') closeInvoice(account, open, fate)
    }
  })
}

/** Lines of a period of a subscription. */
export function linesOf(subscription: StripeObject): Fields[] {
  return childrenOf(subscription).map((item) => {
    const price = item.price as StripeObject
    return {
      amount: (price.unit_amount as number) * (item.quantity as number),
      description: `${plain(item.quantity)} × ${plain(price.nickname ?? 'Plan')}`,
      parent: {
        invoice_item_details: null,
        subscription_item_details: {
          invoice_item: null,
          proration: false,
          proration_details: null,
          subscription: subscription.id,
          subscription_item: item.id,
        },
        type: 'subscription_item_details',
      },
      pricing: {
        price_details: { price: price.id, product: price.product! },
        type: 'price_details',
        unit_amount_decimal: price.unit_amount_decimal!,
      },
      quantity: item.quantity!,
      quantity_decimal: plain(item.quantity),
    }
  })
}

function freeLines(account: Account, count: number): Fields[] {
  return Array.from({ length: count }, (_, index) => ({
    amount: account.random.int(1, 90) * 100,
    description: `Position ${index + 1}`,
  }))
}

function seedPayment(account: Account, times: Timeline): void {
  const { random } = account
  const customer = random.chance(0.8) ? some(account, 'customer') : null
  const second = customer === null ? times.any() : times.after(createdOf(customer))
  const fields = { customer: customer?.id ?? null, currency: random.pick(['usd', 'usd', 'eur']) }
  account.backdate(second, () => {
    const fate = random.weighted({ succeeded: 84, failed: 8, open: 5, canceled: 3 })
    if (fate === 'succeeded') makers.payment_intent(account, { ...fields, status: 'succeeded' })
    else if (fate === 'failed') failIntent(account, makers.payment_intent(account, fields))
    else if (fate === 'canceled')
      makers.payment_intent(account, { ...fields, status: 'canceled', canceled_at: second })
    else makers.payment_intent(account, fields)
  })
}

function seedFrom(account: Account, times: Timeline, collection: 'refund' | 'dispute'): void {
  const charge = some(
    account,
    'charge',
    ({ status, refunded, disputed }) =>
      status === 'succeeded' && refunded === false && disputed === false,
  )
  if (charge === null) return
  account.backdate(times.after(createdOf(charge)), () =>
    makers[collection](account, { charge: charge.id }),
  )
}

type Timeline = { any(): number; after(second: number): number }

/** Seconds between `from` and `to`: some months are busy, some nearly silent, and some seconds hold many. */
function createTimeline(random: Random, from: number, to: number): Timeline {
  const monthS = Math.floor((to - from) / monthsOf)
  const weights = Object.fromEntries(
    Array.from({ length: monthsOf }, (_, month) => [
      String(month),
      random.pick([0.02, 0.3, 1, 1, 2, 4]),
    ]),
  )
  const crowded = Array.from({ length: 12 }, () => random.int(from, to))
  const any = () => {
    if (random.chance(0.04)) return random.pick(crowded)
    const month = Number(random.weighted(weights))
    return from + month * monthS + random.int(0, monthS - 1)
  }
  return {
    any,
    after: (second) => {
      for (let tries = 0; tries < 20; tries++) {
        const at = any()
        if (at >= second) return at
      }
      return random.int(Math.min(second, to), to)
    },
  }
}
