import type { Collection, Fields } from './objects.ts'

/** What a field holds that the caller of the API left out, where an account's own life would make something up. */
export const blanks: Partial<Record<Collection, Fields>> = {
  customer: {
    address: null,
    balance: 0,
    currency: null,
    delinquent: false,
    description: null,
    email: null,
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    metadata: {},
    name: null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
  },
  product: {
    active: true,
    description: null,
    marketing_features: [],
    metadata: {},
    tax_code: null,
    unit_label: null,
  },
  price: { active: true, nickname: null, recurring: null },
  coupon: {
    duration: 'once',
    max_redemptions: null,
    name: null,
    times_redeemed: 0,
  },
  promotion_code: { active: true, max_redemptions: null, times_redeemed: 0 },
  tax_rate: { active: true, country: null, description: null, tax_type: null },
  invoice: { lines: [] },
  invoiceitem: { amount: 0, description: null },
  charge: { description: null },
  payment_intent: { description: null, metadata: {} },
  refund: { reason: null },
  payout: { automatic: false, reconciliation_status: 'not_applicable' },
}
