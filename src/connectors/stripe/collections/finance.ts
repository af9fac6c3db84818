import { COMPARED, DAY_MS, HOUR_MS, HOURLY, type Spec, type Under } from '../spec.ts'

/** One list for each financial account. */
const ofAccounts = (list: string): Under => ({
  of: 'treasury_financial_account',
  parents: { path: '/v1/treasury/financial_accounts' },
  list: `${list}?financial_account={0}`,
})

/** Cards that are issued, money that is held, devices that take it: all of it only on accounts that have the product. */
export const financeSpecs = {
  issuing_cardholder: {
    title: 'Issuing cardholders',
    path: '/v1/issuing/cardholders',
    fields: 'name email phone_number status type billing:json metadata:json created:timestamp',
  },
  issuing_card: {
    title: 'Issuing cards',
    path: '/v1/issuing/cards',
    fields:
      'status type brand last4 exp_month:number exp_year:number currency cardholder:json metadata:json created:timestamp',
  },
  issuing_authorization: {
    title: 'Issuing authorizations',
    path: '/v1/issuing/authorizations',
    fields:
      'status approved:boolean amount:number currency merchant_data:json card:json cardholder metadata:json created:timestamp',
  },
  issuing_transaction: {
    title: 'Issuing transactions',
    path: '/v1/issuing/transactions',
    fields:
      'type amount:number currency merchant_data:json card cardholder authorization balance_transaction metadata:json created:timestamp',
  },
  issuing_dispute: {
    title: 'Issuing disputes',
    path: '/v1/issuing/disputes',
    fields:
      'status amount:number currency transaction evidence:json metadata:json created:timestamp',
  },
  issuing_token: {
    title: 'Issuing tokens',
    path: '/v1/issuing/tokens',
    under: {
      of: 'issuing_card',
      parents: { path: '/v1/issuing/cards' },
      list: '/v1/issuing/tokens?card={0}',
    },
    fields: 'card network status wallet_provider created:timestamp',
  },
  issuing_personalization_design: {
    title: 'Issuing personalization designs',
    path: '/v1/issuing/personalization_designs',
    filter: false,
    fields: 'name status lookup_key physical_bundle metadata:json created:timestamp',
    refresh: { feed: 'events', relist: { everyMs: HOUR_MS, windowMs: null } },
  },
  issuing_physical_bundle: {
    title: 'Issuing physical bundles',
    path: '/v1/issuing/physical_bundles',
    created: null,
    filter: false,
    fields: 'name status type features:json',
    ...HOURLY,
  },
  treasury_financial_account: {
    title: 'Treasury financial accounts',
    path: '/v1/treasury/financial_accounts',
    fields:
      'status country supported_currencies:json balance:json active_features:json metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
  },
  treasury_transaction: {
    title: 'Treasury transactions',
    path: '/v1/treasury/transactions',
    under: ofAccounts('/v1/treasury/transactions'),
    fields:
      'financial_account flow flow_type status amount:number currency description created:timestamp',
    ...COMPARED,
    enumerateEveryMs: DAY_MS,
  },
  treasury_transaction_entry: {
    title: 'Treasury transaction entries',
    path: '/v1/treasury/transaction_entries',
    under: ofAccounts('/v1/treasury/transaction_entries'),
    fields: 'financial_account transaction type flow_type currency created:timestamp',
    ...COMPARED,
    enumerateEveryMs: DAY_MS,
  },
  treasury_inbound_transfer: {
    title: 'Treasury inbound transfers',
    path: '/v1/treasury/inbound_transfers',
    under: ofAccounts('/v1/treasury/inbound_transfers'),
    fields: 'financial_account status amount:number currency description created:timestamp',
  },
  treasury_outbound_transfer: {
    title: 'Treasury outbound transfers',
    path: '/v1/treasury/outbound_transfers',
    under: ofAccounts('/v1/treasury/outbound_transfers'),
    fields: 'financial_account status amount:number currency description created:timestamp',
  },
  treasury_outbound_payment: {
    title: 'Treasury outbound payments',
    path: '/v1/treasury/outbound_payments',
    under: ofAccounts('/v1/treasury/outbound_payments'),
    fields:
      'financial_account customer status amount:number currency description created:timestamp',
  },
  treasury_received_credit: {
    title: 'Treasury received credits',
    path: '/v1/treasury/received_credits',
    under: ofAccounts('/v1/treasury/received_credits'),
    fields: 'financial_account status amount:number currency network description created:timestamp',
  },
  treasury_received_debit: {
    title: 'Treasury received debits',
    path: '/v1/treasury/received_debits',
    under: ofAccounts('/v1/treasury/received_debits'),
    fields: 'financial_account status amount:number currency network description created:timestamp',
  },
  treasury_credit_reversal: {
    title: 'Treasury credit reversals',
    path: '/v1/treasury/credit_reversals',
    under: ofAccounts('/v1/treasury/credit_reversals'),
    fields: 'financial_account received_credit status amount:number currency created:timestamp',
  },
  treasury_debit_reversal: {
    title: 'Treasury debit reversals',
    path: '/v1/treasury/debit_reversals',
    under: ofAccounts('/v1/treasury/debit_reversals'),
    fields: 'financial_account received_debit status amount:number currency created:timestamp',
  },
  terminal_location: {
    title: 'Terminal locations',
    path: '/v1/terminal/locations',
    created: null,
    filter: false,
    fields: 'display_name address:json configuration_overrides metadata:json',
    ...HOURLY,
  },
  terminal_reader: {
    title: 'Terminal readers',
    path: '/v1/terminal/readers',
    created: null,
    filter: false,
    fields: 'label status device_type serial_number location action:json metadata:json',
    ...HOURLY,
  },
  terminal_configuration: {
    title: 'Terminal configurations',
    path: '/v1/terminal/configurations',
    created: null,
    filter: false,
    fields: 'name is_account_default:boolean tipping:json offline:json',
    ...HOURLY,
  },
} satisfies Record<string, Spec>
