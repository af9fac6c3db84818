import type { Account } from './account.ts'
import { invalid } from './errors.ts'
import { emit } from './events.ts'
import { makers } from './make.ts'
import type { Fields, Stored, StripeObject } from './objects.ts'
import { plain } from './objects.ts'
import { store } from './store.ts'

/** Draft -> open. */
export function finalizeInvoice(account: Account, invoice: StripeObject): StripeObject {
  if (invoice.status !== 'draft')
    throw invalid('This invoice is already finalized.', undefined, 'invoice_not_editable')
  const at = account.seconds()
  const token = `${account.id}/${account.livemode ? 'live' : 'test'}_${account.random.text(40)}`
  return store(account, 'invoice', invoice, {
    ...invoice,
    status: 'open',
    number: `${account.random.text(8).toUpperCase()}-${account.random.digits(4)}`,
    effective_at: at,
    hosted_invoice_url: `https://invoice.stripe.com/i/${token}?s=ap`,
    invoice_pdf: `https://pay.stripe.com/invoice/${token}/pdf?s=ap`,
    status_transitions: { ...(invoice.status_transitions as Fields), finalized_at: at },
  })
}

/** Open -> paid, with a payment intent, its charge and balance transaction. */
export function payInvoice(account: Account, invoice: StripeObject): StripeObject {
  const open = invoice.status === 'draft' ? finalizeInvoice(account, invoice) : invoice
  if (open.status !== 'open') throw invalid(`Invoice is already ${plain(open.status)}.`)
  const at = account.seconds()
  if ((open.amount_due as number) > 0) {
    makers.payment_intent(account, {
      amount: open.amount_due!,
      currency: open.currency!,
      customer: open.customer!,
      description: 'Subscription update',
      status: 'succeeded',
      created: at,
    })
  }
  return store(account, 'invoice', open, {
    ...open,
    status: 'paid',
    amount_paid: open.amount_due!,
    amount_remaining: 0,
    attempt_count: 1,
    attempted: true,
    status_transitions: { ...(open.status_transitions as Fields), paid_at: at },
  })
}

/** Open -> void or uncollectible. */
export function closeInvoice(
  account: Account,
  invoice: StripeObject,
  status: 'void' | 'uncollectible',
): StripeObject {
  if (invoice.status !== 'open')
    throw invalid(`You can only pass in open invoices. This invoice is ${plain(invoice.status)}.`)
  const field = status === 'void' ? 'voided_at' : 'marked_uncollectible_at'
  return store(account, 'invoice', invoice, {
    ...invoice,
    status,
    status_transitions: { ...(invoice.status_transitions as Fields), [field]: account.seconds() },
  })
}

/** Succeeds, with a charge and a balance transaction. */
export function confirmIntent(account: Account, intent: StripeObject): StripeObject {
  if (['succeeded', 'canceled'].includes(intent.status as string)) throw unexpected(intent)
  const charge = makers.charge(account, {
    amount: intent.amount!,
    currency: intent.currency!,
    customer: intent.customer!,
    payment_intent: intent.id,
  })
  return store(account, 'payment_intent', intent, {
    ...intent,
    status: 'succeeded',
    amount_received: intent.amount!,
    latest_charge: charge.id,
    payment_method: charge.payment_method!,
  })
}

/** A declined attempt: a failed charge, and back to requires_payment_method. */
export function failIntent(account: Account, intent: StripeObject): StripeObject {
  const charge = makers.charge(account, {
    amount: intent.amount!,
    currency: intent.currency!,
    customer: intent.customer!,
    payment_intent: intent.id,
    status: 'failed',
  })
  const after = {
    ...intent,
    status: 'requires_payment_method',
    latest_charge: charge.id,
    last_payment_error: {
      charge: charge.id,
      code: 'card_declined',
      decline_code: 'generic_decline',
      message: 'Your card was declined.',
      type: 'card_error',
    },
  }
  account.put('payment_intent', after)
  emit(account, 'payment_intent.payment_failed', after)
  return after
}

export function cancelIntent(account: Account, intent: StripeObject): StripeObject {
  if (['succeeded', 'canceled'].includes(intent.status as string)) throw unexpected(intent)
  return store(account, 'payment_intent', intent, {
    ...intent,
    status: 'canceled',
    canceled_at: account.seconds(),
    cancellation_reason: 'requested_by_customer',
  })
}

/** Balance transactions whose day has come become available, and nobody is told. Returns how many. */
export function settleBalance(account: Account, most: number): number {
  const second = account.now() / 1000
  let settled = 0
  for (const { value } of account.tables.balance_transaction.rows().toReversed()) {
    if (settled === most) break
    if (value.status !== 'pending' || (value.available_on as number) > second) continue
    account.put('balance_transaction', { ...value, status: 'available' })
    settled += 1
  }
  return settled
}

/** Any object of a collection that fits, out of a few tries. */
export function some(
  account: Account,
  collection: Stored,
  fits: (value: StripeObject) => boolean = () => true,
): StripeObject | null {
  const rows = account.tables[collection].rows()
  for (let tries = 0; tries < 12 && rows.length > 0; tries++) {
    const { value } = account.random.pick(rows)
    if (fits(value)) return value
  }
  return null
}

function unexpected(intent: StripeObject): Error {
  return invalid(
    `This PaymentIntent's status is ${plain(intent.status)}, which does not allow this.`,
    undefined,
    'payment_intent_unexpected_state',
  )
}
