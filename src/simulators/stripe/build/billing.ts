import type { Account } from '../account.ts'
import type { Fields, StripeObject } from '../objects.ts'
import { listOf } from '../objects.ts'
import { planOf } from './catalog.ts'

const monthS = 30 * 86_400

/** `items`: at least one price with its quantity. */
export function buildSubscription(
  account: Account,
  created: number,
  fields: Fields & { customer: string },
  items: { price: StripeObject; quantity: number; fields?: Fields }[],
): StripeObject {
  const id = account.newId('sub_', 24)
  const period = currentPeriod(account, created)
  const data = items.map(({ price, quantity, fields: more }) =>
    buildSubscriptionItem(account, created, id, price, quantity, period, more ?? {}),
  )
  return {
    id,
    object: 'subscription',
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: created,
    billing_cycle_anchor_config: null,
    billing_mode: {
      flexible: { proration_discounts: 'included' },
      type: 'flexible',
      updated_at: created,
    },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: 'charge_automatically',
    created,
    currency: items[0]?.price.currency ?? 'usd',
    customer_account: null,
    days_until_due: null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    items: listOf(`/v1/subscription_items?subscription=${id}`, data),
    latest_invoice: null,
    livemode: account.livemode,
    managed_payments: { enabled: false },
    metadata: {},
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: 'off',
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: created,
    status: 'active',
    test_clock: null,
    transfer_data: null,
    trial_end: null,
    trial_settings: { end_behavior: { missing_payment_method: 'create_invoice' } },
    trial_start: null,
    ...fields,
  }
}

export type Period = { start: number; end: number }

export function buildSubscriptionItem(
  account: Account,
  created: number,
  subscription: string,
  price: StripeObject,
  quantity: number,
  period: Period,
  fields: Fields,
): StripeObject {
  return {
    id: account.newId('si_', 14),
    object: 'subscription_item',
    billing_thresholds: null,
    created,
    current_period_end: period.end,
    current_period_start: period.start,
    current_trial: null,
    discounts: [],
    metadata: {},
    plan: planOf(price),
    price,
    quantity,
    subscription,
    tax_rates: [],
    ...fields,
  }
}

/** The 30 days around now, counted from `created`. */
function currentPeriod(account: Account, created: number): Period {
  const passed = Math.max(0, Math.floor((account.now() / 1000 - created) / monthS))
  const start = created + passed * monthS
  return { start, end: start + monthS }
}

/** A draft. `lines`: description, amount, and what else a line says of itself. */
export function buildInvoice(
  account: Account,
  created: number,
  fields: Fields & { customer: string },
  lines: Fields[],
): StripeObject {
  const id = account.newId('in_', 24)
  const customer = account.get('customer', fields.customer)
  const { subscription = null, ...rest } = fields
  const currency = (fields.currency as string | undefined) ?? 'usd'
  const data = lines.map((line) =>
    buildLine(account, created, { id, currency, subscription }, line),
  )
  const total = data.reduce((sum, line) => sum + (line.amount as number), 0)
  return {
    id,
    object: 'invoice',
    account_country: 'US',
    account_name: 'Sluice playground',
    account_tax_ids: null,
    amount_due: total,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: total,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: false,
    automatic_tax: {
      disabled_reason: null,
      enabled: false,
      liability: null,
      provider: null,
      status: null,
    },
    automatically_finalizes_at: null,
    billing_reason: subscription === null ? 'manual' : 'subscription_cycle',
    collection_method: 'charge_automatically',
    created,
    currency,
    custom_fields: null,
    customer_account: null,
    customer_address: customer?.address ?? null,
    customer_email: customer?.email ?? null,
    customer_name: customer?.name ?? null,
    customer_phone: customer?.phone ?? null,
    customer_shipping: null,
    customer_tax_exempt: 'none',
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    due_date: null,
    effective_at: null,
    ending_balance: null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: null,
    lines: listOf(`/v1/invoices/${id}/lines`, data),
    livemode: account.livemode,
    metadata: {},
    next_payment_attempt: null,
    number: null,
    on_behalf_of: null,
    parent:
      subscription === null
        ? null
        : {
            quote_details: null,
            subscription_details: { metadata: {}, subscription },
            type: 'subscription_details',
          },
    payment_settings: {
      default_mandate: null,
      payment_method_options: null,
      payment_method_types: null,
    },
    period_end: created,
    period_start: created - monthS,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status: 'draft',
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    subtotal: total,
    subtotal_excluding_tax: total,
    test_clock: null,
    total,
    total_discount_amounts: [],
    total_excluding_tax: total,
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: created,
    ...rest,
  }
}

/** One line of `invoice`: what it is of, in which currency, for which subscription. */
export function buildLine(
  account: Account,
  created: number,
  invoice: Fields,
  fields: Fields,
): StripeObject {
  const amount = (fields.amount as number | undefined) ?? 1000
  return {
    id: account.newId('il_', 24),
    object: 'line_item',
    amount,
    currency: invoice.currency!,
    description: null,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice: invoice.id!,
    livemode: account.livemode,
    metadata: {},
    parent: null,
    period: { end: created, start: created },
    pretax_credit_amounts: [],
    pricing: null,
    quantity: 1,
    quantity_decimal: '1',
    subscription: invoice.subscription ?? null,
    subtotal: amount,
    taxes: [],
    ...fields,
  }
}

export function buildInvoiceItem(
  account: Account,
  date: number,
  fields: Fields & { customer: string },
): StripeObject {
  const { random } = account
  const amount = (fields.amount as number | undefined) ?? random.int(1, 200) * 100
  return {
    id: account.newId('ii_', 24),
    object: 'invoiceitem',
    amount,
    currency: 'usd',
    customer_account: null,
    date,
    description: random.pick(['Set-up fee', 'Extra seats', 'Consulting, one hour']),
    discountable: true,
    discounts: [],
    invoice: null,
    livemode: account.livemode,
    metadata: {},
    net_amount: amount,
    parent: null,
    period: { end: date, start: date },
    pricing: {
      price_details: { price: account.newId('price_', 24), product: account.newId('prod_', 14) },
      type: 'price_details',
      unit_amount_decimal: String(amount),
    },
    proration: false,
    quantity: 1,
    quantity_decimal: '1',
    tax_rates: [],
    test_clock: null,
    ...fields,
  }
}
