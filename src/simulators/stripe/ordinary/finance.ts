import type { Ordinary } from './ordinary.ts'

/** Shapes: the fields that the official SDK declares as present, ordinary.ts tells what the kinds are. */
export const finance = {
  issuing_cardholder: {
    path: 'issuing/cardholders',
    id: 'ich_ 24',
    events: 'issuing_cardholder.{created,updated}',
    filters: 'created:range email phone_number status type',
    noun: 'issuing.cardholder',
    feature: 'Issuing',
    declared: 'Issuing/Cardholders:Cardholder',
    shape:
      'billing:{} company:null created:now email:null individual:null livemode:flag metadata:map name:text phone_number:null preferred_locales:null requirements:{} spending_controls:null status:=active type:=company',
  },
  issuing_card: {
    path: 'issuing/cards',
    id: 'ic_ 24',
    events: 'issuing_card.{created,updated}',
    filters:
      'cardholder:ignored created:range exp_month exp_year last4 personalization_design status type',
    noun: 'issuing.card',
    feature: 'Issuing',
    declared: 'Issuing/Cards:Card',
    shape:
      'brand:text cancellation_reason:null cardholder:{} created:now currency:text exp_month:int exp_year:int last4:digits latest_fraud_warning:null lifecycle_controls:null livemode:flag metadata:map personalization_design:null replaced_by:null replacement_for:null replacement_reason:null second_line:null shipping:null spending_controls:{} status:=active type:=physical wallets:null',
  },
  issuing_authorization: {
    path: 'issuing/authorizations',
    id: 'iauth_ 24',
    events: 'issuing_authorization.{created,request,updated}',
    filters: 'card:ignored cardholder created:range status',
    noun: 'issuing.authorization',
    feature: 'Issuing',
    declared: 'Issuing/Authorizations:Authorization',
    shape:
      'amount:int amount_details:null approved:flag authorization_method:=chip balance_transactions:[] card:{} card_presence:null cardholder:null created:now currency:text fleet:null fuel:null livemode:flag merchant_amount:int merchant_currency:text merchant_data:{} metadata:map network_data:null pending_request:null request_history:[] status:=closed transactions:[] verification_data:{} verified_by_fraud_challenge:null wallet:null',
  },
  issuing_transaction: {
    path: 'issuing/transactions',
    id: 'ipi_ 24',
    events: 'issuing_transaction.{created,purchase_details_receipt_updated,updated}',
    filters: 'card cardholder created:range type',
    noun: 'issuing.transaction',
    feature: 'Issuing',
    declared: 'Issuing/Transactions:Transaction',
    shape:
      'amount:int amount_details:null authorization:null balance_transaction:null card:@issuing_card cardholder:null created:now currency:text dispute:null livemode:flag merchant_amount:int merchant_currency:text merchant_data:{} metadata:map network_data:null type:=capture wallet:null',
  },
  issuing_dispute: {
    path: 'issuing/disputes',
    id: 'idp_ 24',
    events: 'issuing_dispute.{closed,created,funds_reinstated,funds_rescinded,submitted,updated}',
    filters: 'created:range status transaction',
    noun: 'issuing.dispute',
    feature: 'Issuing',
    declared: 'Issuing/Disputes:Dispute',
    shape:
      'amount:int created:now currency:text evidence:{} livemode:flag metadata:map status:=expired transaction:@issuing_transaction',
  },
  issuing_token: {
    path: 'issuing/tokens',
    id: 'intok_ 24',
    events: 'issuing_token.{created,updated}',
    filters: '!card created:range status',
    noun: 'issuing.token',
    feature: 'Issuing',
    declared: 'Issuing/Tokens:Token',
    shape:
      'card:@issuing_card created:now device_fingerprint:null livemode:flag network:=mastercard network_updated_at:now status:=active',
  },
  issuing_personalization_design: {
    path: 'issuing/personalization_designs',
    id: 'ics_ 24',
    events: 'issuing_personalization_design.{activated,deactivated,rejected,updated}',
    filters: 'lookup_keys:ignored preferences:ignored status',
    noun: 'issuing.personalization_design',
    feature: 'Issuing',
    declared: 'Issuing/PersonalizationDesigns:PersonalizationDesign',
    shape:
      'card_logo:null carrier_text:null created:now livemode:flag lookup_key:null metadata:map name:null physical_bundle:text preferences:{} rejection_reasons:{} status:=review',
  },
  issuing_physical_bundle: {
    path: 'issuing/physical_bundles',
    id: 'ipb_ 24',
    filters: 'status type',
    noun: 'issuing.physical_bundle',
    feature: 'Issuing',
    declared: 'Issuing/PhysicalBundles:PhysicalBundle',
    shape: 'features:{} livemode:flag name:text status:=active type:=custom',
  },
  treasury_financial_account: {
    path: 'treasury/financial_accounts',
    id: 'fa_ 24',
    events: 'treasury.financial_account.{closed,created,features_status_updated}',
    filters: 'created:range status',
    noun: 'treasury.financial_account',
    feature: 'Treasury',
    declared: 'Treasury/FinancialAccounts:FinancialAccount',
    shape:
      'balance:{} country:text created:now financial_addresses:[] livemode:flag metadata:map status:=open status_details:{} supported_currencies:[]',
  },
  treasury_transaction: {
    path: 'treasury/transactions',
    id: 'trxn_ 24',
    filters: '!financial_account created:range order_by:ignored status status_transitions:ignored',
    noun: 'treasury.transaction',
    feature: 'Treasury',
    declared: 'Treasury/Transactions:Transaction',
    shape:
      'amount:int balance_impact:{} created:now currency:text description:text financial_account:@treasury_financial_account flow:null flow_type:=credit_reversal livemode:flag status:=open status_transitions:{}',
  },
  treasury_transaction_entry: {
    path: 'treasury/transaction_entries',
    id: 'trxne_ 24',
    filters: '!financial_account created:range effective_at:ignored order_by:ignored transaction',
    noun: 'treasury.transaction_entry',
    feature: 'Treasury',
    declared: 'Treasury/TransactionEntries:TransactionEntry',
    shape:
      'balance_impact:{} created:now currency:text effective_at:now financial_account:@treasury_financial_account flow:null flow_type:=credit_reversal livemode:flag transaction:text type:=credit_reversal',
  },
  treasury_inbound_transfer: {
    path: 'treasury/inbound_transfers',
    id: 'ibt_ 24',
    events: 'treasury.inbound_transfer.{canceled,created,failed,succeeded}',
    filters: '!financial_account status',
    noun: 'treasury.inbound_transfer',
    feature: 'Treasury',
    declared: 'Treasury/InboundTransfers:InboundTransfer',
    shape:
      'amount:int cancelable:flag created:now currency:text description:null failure_details:null financial_account:@treasury_financial_account hosted_regulatory_receipt_url:null linked_flows:{} livemode:flag metadata:map origin_payment_method:null origin_payment_method_details:null returned:null statement_descriptor:text status:=canceled status_transitions:{} transaction:null',
  },
  treasury_outbound_transfer: {
    path: 'treasury/outbound_transfers',
    id: 'obt_ 24',
    events:
      'treasury.outbound_transfer.{canceled,created,expected_arrival_date_updated,failed,posted,returned,tracking_details_updated}',
    filters: '!financial_account status',
    noun: 'treasury.outbound_transfer',
    feature: 'Treasury',
    declared: 'Treasury/OutboundTransfers:OutboundTransfer',
    shape:
      'amount:int cancelable:flag created:now currency:text description:null destination_payment_method:null destination_payment_method_details:{} expected_arrival_date:now financial_account:@treasury_financial_account hosted_regulatory_receipt_url:null livemode:flag metadata:map returned_details:null statement_descriptor:text status:=canceled status_transitions:{} tracking_details:null transaction:text',
  },
  treasury_outbound_payment: {
    path: 'treasury/outbound_payments',
    id: 'obp_ 24',
    events:
      'treasury.outbound_payment.{canceled,created,expected_arrival_date_updated,failed,posted,returned,tracking_details_updated}',
    filters: '!financial_account created:range customer status',
    noun: 'treasury.outbound_payment',
    feature: 'Treasury',
    declared: 'Treasury/OutboundPayments:OutboundPayment',
    shape:
      'amount:int cancelable:flag created:now currency:text customer:null description:null destination_payment_method:null destination_payment_method_details:null end_user_details:null expected_arrival_date:now financial_account:@treasury_financial_account hosted_regulatory_receipt_url:null livemode:flag metadata:map returned_details:null statement_descriptor:text status:=canceled status_transitions:{} tracking_details:null transaction:text',
  },
  treasury_received_credit: {
    path: 'treasury/received_credits',
    id: 'rc_ 24',
    events: 'treasury.received_credit.{created,failed,succeeded}',
    filters: '!financial_account linked_flows:ignored status',
    noun: 'treasury.received_credit',
    feature: 'Treasury',
    declared: 'Treasury/ReceivedCredits:ReceivedCredit',
    shape:
      'amount:int created:now currency:text description:text failure_code:null financial_account:@treasury_financial_account hosted_regulatory_receipt_url:null initiating_payment_method_details:{} linked_flows:{} livemode:flag network:=ach reversal_details:null status:=failed transaction:null',
  },
  treasury_received_debit: {
    path: 'treasury/received_debits',
    id: 'rd_ 24',
    events: 'treasury.received_debit.{created}',
    filters: '!financial_account status',
    noun: 'treasury.received_debit',
    feature: 'Treasury',
    declared: 'Treasury/ReceivedDebits:ReceivedDebit',
    shape:
      'amount:int created:now currency:text description:text failure_code:null financial_account:@treasury_financial_account hosted_regulatory_receipt_url:null linked_flows:{} livemode:flag network:=ach reversal_details:null status:=failed transaction:null',
  },
  treasury_credit_reversal: {
    path: 'treasury/credit_reversals',
    id: 'credrev_ 24',
    events: 'treasury.credit_reversal.{created,posted}',
    filters: '!financial_account received_credit status',
    noun: 'treasury.credit_reversal',
    feature: 'Treasury',
    declared: 'Treasury/CreditReversals:CreditReversal',
    shape:
      'amount:int created:now currency:text financial_account:@treasury_financial_account hosted_regulatory_receipt_url:null livemode:flag metadata:map network:=ach received_credit:text status:=canceled status_transitions:{} transaction:null',
  },
  treasury_debit_reversal: {
    path: 'treasury/debit_reversals',
    id: 'debrev_ 24',
    events: 'treasury.debit_reversal.{completed,created,initial_credit_granted}',
    filters: '!financial_account received_debit resolution status',
    noun: 'treasury.debit_reversal',
    feature: 'Treasury',
    declared: 'Treasury/DebitReversals:DebitReversal',
    shape:
      'amount:int created:now currency:text financial_account:@treasury_financial_account hosted_regulatory_receipt_url:null linked_flows:null livemode:flag metadata:map network:=ach received_debit:text status:=failed status_transitions:{} transaction:null',
  },
  terminal_location: {
    path: 'terminal/locations',
    id: 'tml_ 24',
    noun: 'terminal.location',
    deletable: true,
    feature: 'Terminal',
    declared: 'Terminal/Locations:Location',
    shape: 'address:{} display_name:text livemode:flag metadata:map',
  },
  terminal_reader: {
    path: 'terminal/readers',
    id: 'tmr_ 24',
    events: 'terminal.reader.{action_failed,action_succeeded,action_updated}',
    filters: 'device_type location serial_number status',
    noun: 'terminal.reader',
    deletable: true,
    feature: 'Terminal',
    declared: 'Terminal/Readers:Reader',
    shape:
      'action:null device_sw_version:null device_type:=bbpos_chipper2x ip_address:null label:text last_seen_at:null livemode:flag location:@terminal_location metadata:map serial_number:text status:null',
  },
  terminal_configuration: {
    path: 'terminal/configurations',
    id: 'tmc_ 24',
    filters: 'is_account_default:flag',
    noun: 'terminal.configuration',
    deletable: true,
    feature: 'Terminal',
    declared: 'Terminal/Configurations:Configuration',
    shape: 'is_account_default:null livemode:flag name:text',
  },
} satisfies Record<string, Ordinary>
