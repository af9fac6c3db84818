import { COMPARED, HOURLY, MONTH_MS, TOLD, type Spec } from '../spec.ts'

const customers = '/v1/customers'

/** Customers, and what Stripe only lists customer by customer. */
export const customerSpecs = {
  customer: {
    title: 'Customers',
    path: customers,
    fields:
      'email name phone description currency balance:number delinquent:boolean address:json metadata:json created:timestamp',
    deletes: TOLD,
  },
  customer_source: {
    title: 'Sources of customers',
    path: `${customers}/{id}/sources`,
    byId: `${customers}/{parent}/sources/{id}`,
    owned: true,
    within: {
      of: 'customer',
      parents: { path: customers, query: [['expand[]', 'data.sources']] },
      list: { field: 'sources', address: `${customers}/{id}/sources` },
      expanded: true,
    },
    fields:
      'object customer brand last4 exp_month:number exp_year:number country status metadata:json',
    deletes: TOLD,
  },
  customer_tax_id: {
    title: 'Tax ids of customers',
    path: '/v1/tax_ids',
    within: {
      of: 'customer',
      parents: { path: customers, query: [['expand[]', 'data.tax_ids']] },
      list: { field: 'tax_ids', address: `${customers}/{id}/tax_ids` },
      expanded: true,
    },
    fields: 'customer type value country verification:json created:timestamp',
    deletes: TOLD,
  },
  tax_id: {
    title: 'Tax ids of the account',
    path: '/v1/tax_ids',
    filter: false,
    fields: 'type value country owner:json created:timestamp',
    ...HOURLY,
  },
  /** A change of the balance is seen at the customer. Entries are never deleted, and only their notes can be edited. */
  customer_balance_transaction: {
    title: 'Credit balance entries of customers',
    path: `${customers}/{id}/balance_transactions`,
    byId: `${customers}/{parent}/balance_transactions/{id}`,
    owned: true,
    under: {
      of: 'customer',
      parents: { path: customers },
      list: `${customers}/{0}/balance_transactions`,
      rereadOn: ({ type, value, previous }) =>
        type === 'customer.created' ? value['balance'] !== 0 : 'balance' in (previous ?? {}),
    },
    fields:
      'customer type amount:number ending_balance:number currency invoice credit_note description metadata:json created:timestamp',
    enumerateEveryMs: MONTH_MS,
  },
  /** Only customers that ever were sent money to have a cash balance. */
  customer_cash_balance_transaction: {
    title: 'Cash balance entries of customers',
    path: `${customers}/{id}/cash_balance_transactions`,
    byId: `${customers}/{parent}/cash_balance_transactions/{id}`,
    owned: true,
    under: {
      of: 'customer',
      parents: { path: customers, query: [['expand[]', 'data.cash_balance']] },
      keyOf: ({ id, cash_balance: cash }) => (cash == null ? null : [String(id)]),
      list: `${customers}/{0}/cash_balance_transactions`,
    },
    fields: 'customer type net_amount:number ending_balance:number currency created:timestamp',
    enumerateEveryMs: MONTH_MS,
  },
  /** Asked for customer by customer, of those with a subscription: others have none. */
  entitlements_active_entitlement: {
    title: 'Active entitlements of customers',
    path: '/v1/entitlements/active_entitlements',
    created: null,
    under: {
      of: 'subscription',
      toldBy: 'entitlements_active_entitlement_summary',
      parents: { path: '/v1/subscriptions' },
      keyOf: ({ customer }) => (typeof customer === 'string' ? [customer] : null),
      list: '/v1/entitlements/active_entitlements?customer={0}',
      rereadOn: () => true,
    },
    fields: 'feature lookup_key',
    enumerateEveryMs: MONTH_MS,
  },
  identity_verification_session: {
    title: 'Identity verification sessions',
    path: '/v1/identity/verification_sessions',
    fields:
      'status type client_reference_id last_verification_report last_error:json metadata:json created:timestamp',
  },
  identity_verification_report: {
    title: 'Identity verification reports',
    path: '/v1/identity/verification_reports',
    fields: 'type verification_session client_reference_id document:json created:timestamp',
    ...COMPARED,
  },
} satisfies Record<string, Spec>
