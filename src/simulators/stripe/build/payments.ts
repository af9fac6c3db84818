import type { Account } from '../account.ts'
import type { Fields, StripeObject } from '../objects.ts'

const dayS = 86_400

export function buildPaymentIntent(
  account: Account,
  created: number,
  fields: Fields,
): StripeObject {
  const { random } = account
  const id = account.newId('pi_', 24)
  const amount = (fields.amount as number | undefined) ?? random.int(5, 900) * 100
  const status = (fields.status as string | undefined) ?? 'requires_payment_method'
  return {
    id,
    object: 'payment_intent',
    allowed_payment_method_types: null,
    amount,
    amount_capturable: status === 'requires_capture' ? amount : 0,
    amount_details: { tip: {} },
    amount_received: status === 'succeeded' ? amount : 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: { allow_redirects: 'always', enabled: true },
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: `${id}_secret_${random.text(25)}`,
    confirmation_method: 'automatic',
    created,
    currency: 'usd',
    customer: null,
    customer_account: null,
    description: random.chance(0.5) ? `Order ${random.digits(6)}` : null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: account.livemode,
    managed_payments: { enabled: false },
    metadata: random.chance(0.5) ? { order_id: random.digits(6) } : {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { installments: null, network: null, request_three_d_secure: 'automatic' },
    },
    payment_method_types: ['card', 'link'],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status,
    transfer_data: null,
    transfer_group: null,
    ...fields,
  }
}

/** Succeeded unless `fields.status` says otherwise. */
export function buildCharge(account: Account, created: number, fields: Fields): StripeObject {
  const { random } = account
  const amount = (fields.amount as number | undefined) ?? random.int(5, 900) * 100
  const status = (fields.status as string | undefined) ?? 'succeeded'
  const failed = status === 'failed'
  const brand = random.pick(['visa', 'mastercard', 'amex'])
  return {
    id: account.newId('ch_', 24),
    object: 'charge',
    amount,
    amount_captured: failed ? 0 : amount,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: {
      address: {
        city: null,
        country: 'US',
        line1: null,
        line2: null,
        postal_code: random.digits(5),
        state: null,
      },
      email: null,
      name: null,
      phone: null,
      tax_id: null,
    },
    calculated_statement_descriptor: 'SLUICE PLAYGROUND',
    captured: !failed,
    created,
    currency: 'usd',
    customer: null,
    description: random.chance(0.4) ? 'Subscription update' : null,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: failed ? 'card_declined' : null,
    failure_message: failed ? 'Your card was declined.' : null,
    fraud_details: {},
    livemode: account.livemode,
    metadata: {},
    on_behalf_of: null,
    outcome: {
      advice_code: failed ? 'try_again_later' : null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: failed ? 'declined_by_network' : 'approved_by_network',
      reason: failed ? 'generic_decline' : null,
      risk_level: 'normal',
      risk_score: random.int(1, 64),
      seller_message: failed
        ? 'The bank did not return any further details with this decline.'
        : 'Payment complete.',
      type: failed ? 'issuer_declined' : 'authorized',
    },
    paid: !failed,
    payment_intent: null,
    payment_method: account.newId('pm_', 24),
    payment_method_details: {
      card: {
        amount_authorized: failed ? null : amount,
        authorization_code: failed ? null : random.digits(6),
        brand,
        checks: { address_line1_check: null, address_postal_code_check: 'pass', cvc_check: 'pass' },
        country: 'US',
        electronic_commerce_indicator: null,
        exp_month: random.int(1, 12),
        exp_year: random.int(2027, 2033),
        fingerprint: random.text(16),
        funding: random.pick(['credit', 'debit']),
        installments: null,
        last4: random.digits(4),
        mandate: null,
        network: brand,
        network_transaction_id: random.digits(15),
        regulated_status: 'unregulated',
        three_d_secure: null,
        transaction_link_id: null,
        wallet: null,
      },
      type: 'card',
    },
    receipt_email: null,
    receipt_number: null,
    receipt_url: `https://pay.stripe.com/receipts/payment/${random.text(40)}`,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status,
    transfer_data: null,
    transfer_group: null,
    ...fields,
  }
}

/** Pending for two days, then available. */
export function buildBalanceTransaction(
  account: Account,
  created: number,
  fields: Fields & { amount: number },
): StripeObject {
  const type = (fields.type as string | undefined) ?? 'charge'
  const fee = type === 'charge' ? Math.round(fields.amount * 0.029) + 30 : 0
  const availableOn = created - (created % dayS) + 2 * dayS
  return {
    id: account.newId('txn_', 24),
    object: 'balance_transaction',
    available_on: availableOn,
    balance_type: 'payments',
    created,
    currency: 'usd',
    description: null,
    exchange_rate: null,
    fee,
    fee_details:
      fee === 0
        ? []
        : [
            {
              amount: fee,
              application: null,
              currency: 'usd',
              description: 'Stripe processing fees',
              type: 'stripe_fee',
            },
          ],
    net: fields.amount - fee,
    reporting_category: type,
    source: null,
    status: availableOn * 1000 <= account.now() ? 'available' : 'pending',
    type,
    ...fields,
  }
}

export function buildRefund(
  account: Account,
  created: number,
  fields: Fields & { charge: string; amount: number },
): StripeObject {
  const { random } = account
  return {
    id: account.newId('re_', 24),
    object: 'refund',
    balance_transaction: null,
    created,
    currency: 'usd',
    customer: null,
    customer_account: null,
    destination_details: {
      card: {
        reference: random.digits(16),
        reference_status: 'available',
        reference_type: 'acquirer_reference_number',
        type: 'refund',
      },
      type: 'card',
    },
    metadata: {},
    payment_intent: null,
    payment_method: null,
    reason: random.pick(['requested_by_customer', 'duplicate', null]),
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
    ...fields,
  }
}

const evidence = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_communication',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'customer_signature',
  'duplicate_charge_documentation',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'receipt',
  'refund_policy',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'service_documentation',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_documentation',
  'shipping_tracking_number',
  'uncategorized_file',
  'uncategorized_text',
]

export function buildDispute(
  account: Account,
  created: number,
  fields: Fields & { charge: string; amount: number },
): StripeObject {
  const { random } = account
  return {
    id: account.newId('dp_', 24),
    object: 'dispute',
    balance_transactions: [],
    created,
    currency: 'usd',
    enhanced_eligibility_types: [],
    evidence: {
      ...Object.fromEntries(evidence.map((name) => [name, null])),
      enhanced_evidence: {},
    },
    evidence_details: {
      due_by: created + 10 * dayS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'none',
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: account.livemode,
    metadata: {},
    network_reason_code: '10.4',
    payment_intent: null,
    payment_method_details: {
      card: { brand: 'visa', case_type: 'chargeback', network_reason_code: '10.4' },
      type: 'card',
    },
    reason: random.pick(['fraudulent', 'product_not_received', 'duplicate']),
    status: 'needs_response',
    ...fields,
  }
}

export function buildPayout(account: Account, created: number, fields: Fields): StripeObject {
  const { random } = account
  return {
    id: account.newId('po_', 24),
    object: 'payout',
    amount: random.int(100, 9000) * 100,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: created - (created % dayS) + 2 * dayS,
    automatic: true,
    balance_transaction: null,
    created,
    currency: 'usd',
    description: 'STRIPE PAYOUT',
    destination: account.newId('ba_', 24),
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    livemode: account.livemode,
    metadata: {},
    method: 'standard',
    original_payout: null,
    payout_method: null,
    reconciliation_status: 'in_progress',
    reversed_by: null,
    source_type: 'card',
    statement_descriptor: null,
    status: 'pending',
    trace_id: null,
    type: 'bank_account',
    ...fields,
  }
}
