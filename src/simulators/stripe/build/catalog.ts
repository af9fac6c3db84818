import type { Account } from '../account.ts'
import type { Fields, StripeObject } from '../objects.ts'

const goods = [
  'Analytics',
  'Backups',
  'Seats',
  'Support',
  'Storage',
  'Messages',
  'Training',
  'Hardware kit',
  'Café voucher',
  'API calls',
]

export function buildProduct(account: Account, created: number, fields: Fields): StripeObject {
  const { random } = account
  return {
    id: account.newId('prod_', 14),
    object: 'product',
    active: random.chance(0.9),
    created,
    default_price: null,
    description: random.chance(0.6) ? 'Billed per month, cancel whenever you like.' : null,
    images: [],
    livemode: account.livemode,
    marketing_features: random.chance(0.5) ? [{ name: 'Unlimited projects' }, { name: 'SSO' }] : [],
    metadata: { line: random.pick(['core', 'addon']) },
    name: `${random.pick(goods)} ${random.int(1, 999)}`,
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: random.chance(0.5) ? 'txcd_10103001' : null,
    tax_details: null,
    type: 'service',
    unit_label: random.chance(0.3) ? 'seat' : null,
    updated: created,
    url: null,
    ...fields,
  }
}

export function buildPrice(
  account: Account,
  created: number,
  fields: Fields & { product: string },
): StripeObject {
  const { random } = account
  const recurring = fields.recurring !== undefined ? fields.recurring !== null : random.chance(0.85)
  const amount = (fields.unit_amount as number | undefined) ?? random.int(1, 400) * 50 + 99
  return {
    id: account.newId('price_', 24),
    object: 'price',
    active: random.chance(0.95),
    billing_scheme: 'per_unit',
    created,
    currency: random.pick(['usd', 'eur', 'gbp']),
    custom_unit_amount: null,
    livemode: account.livemode,
    lookup_key: null,
    metadata: {},
    nickname: random.chance(0.4) ? random.pick(['Monthly', 'Yearly', 'Launch offer']) : null,
    tax_behavior: 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    unit_amount: amount,
    unit_amount_decimal: String(amount),
    ...fields,
    recurring: recurring
      ? {
          interval: random.pick(['month', 'month', 'year']),
          interval_count: 1,
          meter: null,
          trial_period_days: null,
          usage_type: 'licensed',
          ...(fields.recurring as Fields | undefined),
        }
      : null,
    type: recurring ? 'recurring' : 'one_time',
  }
}

/** The old twin of a price, shown in subscription items. */
export function planOf(price: StripeObject): Fields {
  const recurring = price.recurring as Fields | null
  return {
    id: price.id,
    object: 'plan',
    active: price.active!,
    amount: price.unit_amount!,
    amount_decimal: price.unit_amount_decimal!,
    billing_scheme: price.billing_scheme!,
    created: price.created!,
    currency: price.currency!,
    interval: recurring?.interval ?? 'month',
    interval_count: recurring?.interval_count ?? 1,
    livemode: price.livemode!,
    metadata: price.metadata!,
    meter: null,
    nickname: price.nickname!,
    product: price.product!,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days: null,
    usage_type: 'licensed',
  }
}

export function buildCoupon(account: Account, created: number, fields: Fields): StripeObject {
  const { random } = account
  const percent =
    fields.amount_off === undefined && (fields.percent_off !== undefined || random.chance(0.7))
  return {
    id: random.text(8),
    object: 'coupon',
    amount_off: percent ? null : random.int(1, 20) * 100,
    created,
    currency: percent ? null : 'usd',
    duration: random.pick(['once', 'forever', 'repeating']),
    duration_in_months: null,
    livemode: account.livemode,
    max_redemptions: random.chance(0.3) ? random.int(10, 500) : null,
    metadata: {},
    name: random.chance(0.6) ? random.pick(['Spring', 'Loyalty', 'Friends of the house']) : null,
    percent_off: percent ? random.pick([5, 10, 12.5, 25, 50]) : null,
    redeem_by: null,
    times_redeemed: random.int(0, 30),
    valid: true,
    ...fields,
  }
}

export function buildPromotionCode(
  account: Account,
  created: number,
  fields: Fields & { coupon: string },
): StripeObject {
  const { random } = account
  const { coupon, ...rest } = fields
  return {
    id: account.newId('promo_', 24),
    object: 'promotion_code',
    active: random.chance(0.8),
    code: random.text(8).toUpperCase(),
    created,
    customer: null,
    customer_account: null,
    expires_at: null,
    livemode: account.livemode,
    max_redemptions: random.chance(0.4) ? random.int(1, 100) : null,
    metadata: {},
    promotion: { coupon, type: 'coupon' },
    restrictions: {
      first_time_transaction: random.chance(0.2),
      minimum_amount: null,
      minimum_amount_currency: null,
    },
    times_redeemed: random.int(0, 10),
    ...rest,
  }
}

export function buildTaxRate(account: Account, created: number, fields: Fields): StripeObject {
  const { random } = account
  const percentage = random.pick([5.5, 7, 8.875, 10, 19, 20, 25])
  return {
    id: account.newId('txr_', 24),
    object: 'tax_rate',
    active: random.chance(0.9),
    country: random.pick(['US', 'DE', 'FR', 'GB']),
    created,
    description: random.chance(0.5) ? 'As of this year' : null,
    display_name: random.pick(['VAT', 'Sales tax', 'GST']),
    effective_percentage: percentage,
    flat_amount: null,
    inclusive: random.chance(0.4),
    jurisdiction: null,
    jurisdiction_level: null,
    livemode: account.livemode,
    metadata: {},
    percentage,
    rate_type: 'percentage',
    state: null,
    tax_type: 'vat',
    ...fields,
  }
}
