import type { Ordinary } from './ordinary.ts'

/** Shapes: the fields that the official SDK declares as present, ordinary.ts tells what the kinds are. */
export const people = {
  customer_source: {
    path: 'customers/{customer}/sources',
    id: 'card_ 24',
    events: 'customer.source.{created,deleted,expiring,updated}',
    filters: 'object',
    noun: 'card',
    deletable: true,
    within: 'sources',
    declared: 'Cards:Card',
    shape:
      'address_city:null address_country:null address_line1:null address_line1_check:null address_line2:null address_state:null address_zip:null address_zip_check:null brand:=Visa country:null cvc_check:null dynamic_last4:null exp_month:int exp_year:int funding:=credit last4:digits metadata:null name:null regulated_status:null tokenization_method:null customer:@customer',
  },
  customer_tax_id: {
    path: 'customers/{customer}/tax_ids',
    id: 'txi_ 24',
    events: 'customer.tax_id.{created,deleted,updated}',
    noun: 'tax_id',
    deletable: true,
    within: 'tax_ids',
    byId: 'tax_ids',
    declared: 'TaxIds:TaxId',
    shape:
      'country:=DE created:now customer:@customer customer_account:null livemode:flag owner:null type:=eu_vat value:text verification:null',
  },
  tax_id: {
    path: 'tax_ids',
    id: 'txi_ 24',
    filters: 'owner:ignored',
    deletable: true,
    declared: 'TaxIds:TaxId',
    shape:
      'country:=DE created:now customer:null customer_account:null livemode:flag owner:null type:=eu_vat value:text verification:null',
  },
  customer_balance_transaction: {
    path: 'customers/{customer}/balance_transactions',
    id: 'cbtxn_ 24',
    filters: 'created:range invoice',
    declared: 'CustomerBalanceTransactions:CustomerBalanceTransaction',
    shape:
      'amount:int checkout_session:null created:now credit_note:null currency:=usd customer:@customer customer_account:null description:null ending_balance:int invoice:null livemode:flag metadata:null type:=adjustment',
  },
  customer_cash_balance_transaction: {
    path: 'customers/{customer}/cash_balance_transactions',
    id: 'ccsbtxn_ 24',
    events: 'customer_cash_balance_transaction.{created}',
    declared: 'CustomerCashBalanceTransactions:CustomerCashBalanceTransaction',
    shape:
      'created:now currency:=eur customer:@customer customer_account:null ending_balance:int livemode:flag net_amount:int type:=funded',
  },
  entitlements_active_entitlement: {
    path: 'entitlements/active_entitlements',
    id: 'ent_ 24',
    filters: '!customer',
    noun: 'entitlements.active_entitlement',
    declared: 'Entitlements/ActiveEntitlements:ActiveEntitlement',
    shape: 'feature:text livemode:flag lookup_key:text',
  },
  identity_verification_session: {
    path: 'identity/verification_sessions',
    id: 'vs_ 24',
    events:
      'identity.verification_session.{canceled,created,processing,redacted,requires_input,verified}',
    filters: 'client_reference_id created:range related_customer related_customer_account status',
    noun: 'identity.verification_session',
    feature: 'Identity',
    declared: 'Identity/VerificationSessions:VerificationSession',
    shape:
      'client_reference_id:null client_secret:null created:now last_error:null last_verification_report:null livemode:flag metadata:map options:null redaction:null related_customer:null related_customer_account:null status:=requires_input type:=document url:null',
  },
  identity_verification_report: {
    path: 'identity/verification_reports',
    id: 'vr_ 24',
    filters: 'client_reference_id created:range type verification_session',
    noun: 'identity.verification_report',
    feature: 'Identity',
    declared: 'Identity/VerificationReports:VerificationReport',
    shape:
      'client_reference_id:null created:now livemode:flag type:=document verification_session:@identity_verification_session',
  },
} satisfies Record<string, Ordinary>
