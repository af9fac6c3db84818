import type { Account } from './account.ts'
import { remove, update } from './change.ts'
import { StripeError } from './errors.ts'
import {
  cancelIntent,
  closeInvoice,
  confirmIntent,
  failIntent,
  finalizeInvoice,
  payInvoice,
  settleBalance,
  some,
} from './lifecycle.ts'
import { makers } from './make.ts'
import type { Collection, StripeObject } from './objects.ts'
import { childrenOf, plain } from './objects.ts'
import { leavesSilently, ordinaryHappenings } from './ordinary/life.ts'
import { linesOf } from './seed.ts'

/** One thing that happens, drawn by how often it does. What the provider itself would refuse does not happen. */
export function live(account: Account): void {
  try {
    step(account)
  } catch (error) {
    if (!(error instanceof StripeError)) throw error
  }
}

/** Like `live`, and throws what the provider would refuse. */
export function step(account: Account): void {
  account.change(() => {
    const name = account.random.weighted(weights)
    happenings[name]!(account)
  })
}

const weights: Record<string, number> = {
  customerJoins: 10,
  customerChanges: 18,
  customerLeaves: 3,
  payment: 12,
  paymentFails: 2,
  intentOpens: 3,
  intentConfirmed: 2,
  intentCanceled: 1,
  intentNoted: 2,
  subscribes: 5,
  seatsChange: 6,
  itemAdded: 2,
  itemRemoved: 1,
  subscriptionChanges: 4,
  subscriptionEnds: 2,
  invoiceDrafted: 4,
  invoiceFinalized: 3,
  invoicePaid: 5,
  invoiceClosed: 1,
  invoiceNoted: 2,
  draftDeleted: 1,
  itemBilled: 3,
  billedItemNoted: 1,
  billedItemDeleted: 1,
  chargeNoted: 3,
  refunded: 2,
  refundNoted: 1,
  disputed: 0.7,
  disputeMoves: 0.7,
  payout: 0.7,
  payoutMoves: 1,
  balanceSettles: 3,
  productNew: 1,
  productChanges: 2,
  productDeleted: 0.2,
  priceNew: 1.5,
  priceChanges: 1.5,
  couponNew: 0.7,
  couponChanges: 0.7,
  couponDeleted: 0.4,
  promotionNew: 0.7,
  promotionChanges: 0.7,
  taxRateNew: 0.3,
  taxRateChanges: 0.5,
  ordinaryNew: 8,
  ordinaryNoted: 4,
  ordinaryMoves: 3,
  ordinaryDeleted: 0.3,
}

const is =
  (...statuses: string[]) =>
  ({ status }: StripeObject) =>
    statuses.includes(status as string)

const happenings: Record<string, (account: Account) => void> = {
  customerJoins: (account) => makers.customer(account, {}),
  customerChanges: (account) => {
    const customer = some(account, 'customer')
    if (customer === null) return
    const { random } = account
    update(
      account,
      'customer',
      customer.id,
      random.pick([
        { email: `moved.${random.digits(6)}@example.com` },
        { balance: random.int(-50, 0) * 100 },
        { metadata: { plan: random.pick(['free', 'team', 'business']), seen: random.digits(6) } },
        { phone: `+1503555${random.digits(4)}`, delinquent: random.chance(0.2) },
      ]),
    )
  },
  customerLeaves: (account) => removeSome(account, 'customer'),
  payment: (account) =>
    makers.payment_intent(account, {
      customer: some(account, 'customer')?.id ?? null,
      status: 'succeeded',
    }),
  paymentFails: (account) => failIntent(account, makers.payment_intent(account, {})),
  intentOpens: (account) =>
    makers.payment_intent(account, { customer: some(account, 'customer')?.id ?? null }),
  intentConfirmed: (account) =>
    withSome(account, 'payment_intent', is('requires_payment_method'), (intent) =>
      confirmIntent(account, intent),
    ),
  intentCanceled: (account) =>
    withSome(account, 'payment_intent', is('requires_payment_method'), (intent) =>
      cancelIntent(account, intent),
    ),
  intentNoted: (account) => note(account, 'payment_intent'),
  subscribes: (account) => {
    const items = Array.from({ length: account.random.chance(0.05) ? 12 : 1 }, () => ({}))
    const subscription = makers.subscription(account, { items })
    const invoice = makers.invoice(account, {
      customer: subscription.customer!,
      subscription: subscription.id,
      lines: linesOf(subscription),
    })
    payInvoice(account, invoice)
    update(account, 'subscription', subscription.id, { latest_invoice: invoice.id })
  },
  seatsChange: (account) =>
    withSome(account, 'subscription', is('active', 'trialing'), (subscription) => {
      const item = account.random.pick(childrenOf(subscription))
      update(account, 'subscription_item', item.id, { quantity: account.random.int(1, 60) })
    }),
  itemAdded: (account) =>
    withSome(account, 'subscription', is('active'), ({ id }) =>
      makers.subscription_item(account, { subscription: id }),
    ),
  itemRemoved: (account) =>
    withSome(
      account,
      'subscription',
      (value) => childrenOf(value).length > 1,
      (subscription) =>
        remove(account, 'subscription_item', account.random.pick(childrenOf(subscription)).id),
    ),
  subscriptionChanges: (account) =>
    withSome(account, 'subscription', is('active', 'past_due'), ({ id, status }) =>
      update(account, 'subscription', id, { status: status === 'active' ? 'past_due' : 'active' }),
    ),
  subscriptionEnds: (account) =>
    withSome(account, 'subscription', is('active', 'past_due'), ({ id }) =>
      remove(account, 'subscription', id),
    ),
  invoiceDrafted: (account) => {
    const count = account.random.chance(0.1) ? account.random.int(11, 30) : account.random.int(1, 3)
    const lines = Array.from({ length: count }, (_, index) => ({
      amount: account.random.int(1, 90) * 100,
      description: `Position ${index + 1}`,
    }))
    makers.invoice(account, { lines })
  },
  invoiceFinalized: (account) =>
    withSome(account, 'invoice', is('draft'), (invoice) => finalizeInvoice(account, invoice)),
  invoicePaid: (account) =>
    withSome(account, 'invoice', is('open', 'draft'), (invoice) => payInvoice(account, invoice)),
  invoiceClosed: (account) =>
    withSome(account, 'invoice', is('open'), (invoice) =>
      closeInvoice(account, invoice, account.random.pick(['void', 'uncollectible'])),
    ),
  invoiceNoted: (account) => note(account, 'invoice'),
  draftDeleted: (account) =>
    withSome(account, 'invoice', is('draft'), ({ id }) => remove(account, 'invoice', id)),
  itemBilled: (account) => {
    // A deleted customer's drafts stay, but nothing more is billed to them.
    const open = ({ status, customer }: StripeObject) =>
      status === 'draft' && account.get('customer', plain(customer)) !== null
    const draft = account.random.chance(0.5) ? some(account, 'invoice', open) : null
    makers.invoiceitem(
      account,
      draft === null ? {} : { customer: draft.customer!, invoice: draft.id },
    )
  },
  billedItemNoted: (account) => note(account, 'invoiceitem'),
  billedItemDeleted: (account) =>
    withSome(
      account,
      'invoiceitem',
      ({ invoice }) => invoice === null,
      ({ id }) => remove(account, 'invoiceitem', id),
    ),
  chargeNoted: (account) => note(account, 'charge'),
  refunded: (account) => makers.refund(account, {}),
  refundNoted: (account) => note(account, 'refund'),
  disputed: (account) => makers.dispute(account, {}),
  disputeMoves: (account) =>
    withSome(account, 'dispute', is('needs_response', 'under_review'), ({ id, status }) =>
      update(account, 'dispute', id, {
        status: status === 'needs_response' ? 'under_review' : account.random.pick(['won', 'lost']),
      }),
    ),
  payout: (account) => makers.payout(account, {}),
  payoutMoves: (account) =>
    withSome(account, 'payout', is('pending', 'in_transit'), ({ id, status }) =>
      update(
        account,
        'payout',
        id,
        status === 'pending'
          ? { status: 'in_transit' }
          : { status: 'paid', reconciliation_status: 'completed' },
      ),
    ),
  balanceSettles: (account) => settleBalance(account, 5),
  productNew: (account) => makers.product(account, {}),
  productChanges: (account) => note(account, 'product'),
  productDeleted: (account) => removeSome(account, 'product'),
  priceNew: (account) => makers.price(account, {}),
  priceChanges: (account) => note(account, 'price'),
  couponNew: (account) => makers.coupon(account, {}),
  couponChanges: (account) => note(account, 'coupon'),
  couponDeleted: (account) => removeSome(account, 'coupon'),
  promotionNew: (account) => makers.promotion_code(account, {}),
  promotionChanges: (account) =>
    withSome(
      account,
      'promotion_code',
      () => true,
      ({ id, active }) => update(account, 'promotion_code', id, { active: active !== true }),
    ),
  taxRateNew: (account) => makers.tax_rate(account, {}),
  taxRateChanges: (account) => note(account, 'tax_rate'),
  ...ordinaryHappenings,
}

function withSome(
  account: Account,
  collection: Exclude<Collection, 'subscription_item'>,
  fits: (value: StripeObject) => boolean,
  act: (value: StripeObject) => void,
): void {
  const value = some(account, collection, fits)
  if (value !== null) act(value)
}

/** Somebody writes a note into the metadata. */
function note(account: Account, collection: Exclude<Collection, 'subscription_item'>): void {
  withSome(
    account,
    collection,
    () => true,
    ({ id }) => update(account, collection, id, { metadata: { note: account.random.text(6) } }),
  )
}

function removeSome(account: Account, collection: 'customer' | 'product' | 'coupon'): void {
  withSome(
    account,
    collection,
    (value) => !leavesSilently(account, value),
    ({ id }) => remove(account, collection, id),
  )
}
