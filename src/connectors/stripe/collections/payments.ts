import {
  COMPARED,
  DAY_MS,
  HOUR_MS,
  HOURLY,
  MINUTE_MS,
  MONTH_MS,
  PARTLY_TOLD,
  TOLD,
  WEEK_MS,
  type Spec,
} from '../spec.ts'

/** Lists of many thousands of entries that nothing tells of. */
const LONG = {
  refresh: { relist: { everyMs: 6 * HOUR_MS, windowMs: null } },
  enumerateEveryMs: WEEK_MS,
} satisfies Partial<Spec>

/** Payments and the money that moves by them. */
export const paymentSpecs = {
  charge: {
    title: 'Charges',
    path: '/v1/charges',
    fields:
      'status amount:number amount_captured:number amount_refunded:number currency customer payment_intent balance_transaction paid:boolean refunded:boolean disputed:boolean metadata:json created:timestamp',
  },
  /** Edits of metadata and description emit no event. */
  payment_intent: {
    title: 'Payment intents',
    path: '/v1/payment_intents',
    fields:
      'status amount:number amount_received:number currency customer latest_charge payment_method capture_method metadata:json created:timestamp',
    ...PARTLY_TOLD,
  },
  /** As with payment intents. */
  setup_intent: {
    title: 'Setup intents',
    path: '/v1/setup_intents',
    fields:
      'status customer payment_method usage latest_attempt mandate description metadata:json created:timestamp',
    ...PARTLY_TOLD,
  },
  setup_attempt: {
    title: 'Setup attempts',
    path: '/v1/setup_attempts',
    byId: null,
    owned: true,
    under: {
      of: 'setup_intent',
      parents: { path: '/v1/setup_intents' },
      keyOf: ({ id, latest_attempt: latest }) => (latest === null ? null : [String(id)]),
      list: '/v1/setup_attempts?setup_intent={0}',
      rereadOn: () => true,
    },
    fields: 'setup_intent status usage customer payment_method setup_error:json created:timestamp',
    enumerateEveryMs: MONTH_MS,
  },
  refund: {
    title: 'Refunds',
    path: '/v1/refunds',
    fields:
      'status amount:number currency charge payment_intent balance_transaction reason metadata:json created:timestamp',
  },
  dispute: {
    title: 'Disputes',
    path: '/v1/disputes',
    fields:
      'status amount:number currency charge payment_intent reason evidence:json evidence_details:json metadata:json created:timestamp',
  },
  payout: {
    title: 'Payouts',
    path: '/v1/payouts',
    fields:
      'status amount:number currency arrival_date:timestamp method type destination balance_transaction metadata:json created:timestamp',
  },
  /** No events at all, and `status` goes from pending to available in silence. */
  balance_transaction: {
    title: 'Balance transactions',
    path: '/v1/balance_transactions',
    fields:
      'type status amount:number fee:number net:number currency exchange_rate:number source reporting_category available_on:timestamp created:timestamp',
    refresh: { relist: { everyMs: MINUTE_MS, windowMs: DAY_MS } },
    enumerateEveryMs: DAY_MS,
  },
  /** One made without a customer tells nobody. */
  payment_method: {
    title: 'Payment methods',
    path: '/v1/payment_methods',
    filter: false,
    fields: 'type customer billing_details:json card:json metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
  },
  /** Seen by events when they end, else by the listing of the last two days: an open one ends within one. */
  checkout_session: {
    title: 'Checkout sessions',
    path: '/v1/checkout/sessions',
    fields:
      'status payment_status mode customer amount_total:number currency payment_intent subscription invoice client_reference_id metadata:json created:timestamp',
    refresh: { feed: 'events', relist: { everyMs: 10 * MINUTE_MS, windowMs: 2 * DAY_MS } },
    enumerateEveryMs: DAY_MS,
  },
  checkout_session_line_item: {
    title: 'Line items of checkout sessions',
    path: '/v1/checkout/sessions/{id}/line_items',
    byId: null,
    owned: true,
    created: null,
    under: {
      of: 'checkout_session',
      parents: { path: '/v1/checkout/sessions' },
      list: '/v1/checkout/sessions/{0}/line_items',
      rereadOn: () => true,
    },
    fields: 'description quantity:number currency amount_total:number price:json',
    refresh: { feed: 'events', relist: { everyMs: DAY_MS, windowMs: 2 * DAY_MS } },
    enumerateEveryMs: MONTH_MS,
  },
  payment_link: {
    title: 'Payment links',
    path: '/v1/payment_links',
    created: null,
    filter: false,
    fields: 'url active:boolean currency after_completion:json metadata:json',
  },
  payment_link_line_item: {
    title: 'Line items of payment links',
    path: '/v1/payment_links/{id}/line_items',
    byId: null,
    owned: true,
    created: null,
    under: {
      of: 'payment_link',
      parents: { path: '/v1/payment_links', created: null, filter: false },
      list: '/v1/payment_links/{0}/line_items',
      rereadOn: () => true,
    },
    fields: 'description quantity:number currency amount_total:number price:json',
  },
  transfer: {
    title: 'Transfers',
    path: '/v1/transfers',
    nested: [{ field: 'reversals', address: '/v1/transfers/{id}/reversals' }],
    fields:
      'amount:number amount_reversed:number currency destination reversed:boolean source_transaction transfer_group reversals:json metadata:json created:timestamp',
  },
  topup: {
    title: 'Top-ups',
    path: '/v1/topups',
    fields:
      'status amount:number currency balance_transaction description metadata:json created:timestamp',
  },
  application_fee: {
    title: 'Application fees',
    path: '/v1/application_fees',
    nested: [{ field: 'refunds', address: '/v1/application_fees/{id}/refunds' }],
    fields:
      'account amount:number amount_refunded:number currency charge balance_transaction refunded:boolean refunds:json created:timestamp',
  },
  review: {
    title: 'Reviews',
    path: '/v1/reviews',
    fields:
      'open:boolean reason opened_reason closed_reason charge payment_intent created:timestamp',
  },
  radar_early_fraud_warning: {
    title: 'Early fraud warnings',
    path: '/v1/radar/early_fraud_warnings',
    fields: 'charge payment_intent fraud_type actionable:boolean created:timestamp',
  },
  radar_value_list: {
    title: 'Radar value lists',
    path: '/v1/radar/value_lists',
    nested: [{ field: 'list_items', address: '/v1/radar/value_list_items?value_list={id}' }],
    fields: 'name alias item_type created_by list_items:json metadata:json created:timestamp',
    ...LONG,
  },
  radar_value_list_item: {
    title: 'Radar value list items',
    path: '/v1/radar/value_list_items',
    under: {
      of: 'radar_value_list',
      parents: { path: '/v1/radar/value_lists' },
      list: '/v1/radar/value_list_items?value_list={0}',
    },
    fields: 'value_list value created_by created:timestamp',
    ...LONG,
  },
  three_d_secure_authentication: {
    title: '3D Secure authentications',
    path: '/v1/three_d_secure/authentications',
    fields: 'status amount:number currency created:timestamp',
    ...PARTLY_TOLD,
  },
  /** The list takes `created_after` and `created_before`, which are not the usual filter. */
  payment_record: {
    title: 'Payment records',
    path: '/v1/payment_records',
    filter: false,
    fields:
      'amount:json amount_guaranteed:json customer_details:json payment_method_details:json latest_payment_attempt_record metadata:json created:timestamp',
    ...COMPARED,
    enumerateEveryMs: DAY_MS,
  },
  payment_attempt_record: {
    title: 'Payment attempt records',
    path: '/v1/payment_attempt_records',
    under: {
      of: 'payment_record',
      parents: { path: '/v1/payment_records', filter: false },
      list: '/v1/payment_attempt_records?payment_record={0}',
    },
    fields:
      'payment_record amount:json amount_guaranteed:json payment_method_details:json metadata:json created:timestamp',
    ...COMPARED,
    enumerateEveryMs: DAY_MS,
  },
  payment_method_configuration: {
    title: 'Payment method configurations',
    path: '/v1/payment_method_configurations',
    created: null,
    filter: false,
    fields: 'name active:boolean is_default:boolean application parent',
    ...HOURLY,
  },
  payment_method_domain: {
    title: 'Payment method domains',
    path: '/v1/payment_method_domains',
    filter: false,
    fields:
      'domain_name enabled:boolean apple_pay:json google_pay:json link:json created:timestamp',
    ...HOURLY,
  },
  apple_pay_domain: {
    title: 'Apple Pay domains',
    path: '/v1/apple_pay/domains',
    filter: false,
    fields: 'domain_name created:timestamp',
    ...HOURLY,
  },
  financial_connections_account: {
    title: 'Financial Connections accounts',
    path: '/v1/financial_connections/accounts',
    filter: false,
    fields:
      'display_name institution_name last4 category subcategory status account_holder:json created:timestamp',
  },
  financial_connections_transaction: {
    title: 'Financial Connections transactions',
    path: '/v1/financial_connections/transactions',
    created: null,
    updated: 'updated',
    under: {
      of: 'financial_connections_account',
      parents: { path: '/v1/financial_connections/accounts', filter: false },
      list: '/v1/financial_connections/transactions?account={0}',
      rereadOn: ({ type }) => type.endsWith('.refreshed_transactions'),
    },
    fields:
      'account status amount:number currency description transacted_at:timestamp updated:timestamp',
    enumerateEveryMs: DAY_MS,
  },
  financial_connections_account_owner: {
    title: 'Financial Connections account owners',
    path: '/v1/financial_connections/accounts/{id}/owners',
    byId: null,
    owned: true,
    created: null,
    under: {
      of: 'financial_connections_account',
      parents: { path: '/v1/financial_connections/accounts', filter: false },
      keyOf: ({ id, ownership }) =>
        typeof ownership === 'string' ? [String(id), ownership] : null,
      list: '/v1/financial_connections/accounts/{0}/owners?ownership={1}',
    },
    fields: 'ownership name email phone raw_address',
    ...COMPARED,
    deletes: [],
  },
  webhook_endpoint: {
    title: 'Webhook endpoints',
    path: '/v1/webhook_endpoints',
    filter: false,
    fields:
      'url status enabled_events:json api_version description metadata:json created:timestamp',
    ...HOURLY,
  },
  apps_install: {
    title: 'Installed apps',
    path: '/v1/apps/installs',
    fields: 'app status channel created:timestamp',
    deletes: TOLD,
  },
  /** Of the account; those of a user are asked for user by user. Their values are never read. */
  apps_secret: {
    title: 'Secrets of apps',
    path: '/v1/apps/secrets',
    query: [['scope[type]', 'account']],
    byId: null,
    filter: false,
    fields: 'name scope:json expires_at:timestamp created:timestamp',
    ...HOURLY,
  },
} satisfies Record<string, Spec>
