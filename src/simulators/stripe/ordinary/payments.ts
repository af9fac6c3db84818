import type { Ordinary } from './ordinary.ts'

/** Shapes: the fields that the official SDK declares as present, ordinary.ts tells what the kinds are. */
export const payments = {
  setup_intent: {
    path: 'setup_intents',
    id: 'seti_ 24',
    events: 'setup_intent.{canceled,created,requires_action,setup_failed,succeeded}',
    filters: 'attach_to_self:ignored created:range customer customer_account payment_method',
    declared: 'SetupIntents:SetupIntent',
    shape:
      'allowed_payment_method_types:null application:null automatic_payment_methods:null cancellation_reason:null client_secret:null created:now customer:@customer description:null excluded_payment_method_types:null last_setup_error:null latest_attempt:null livemode:flag mandate:null metadata:map next_action:null on_behalf_of:null payment_method:null payment_method_configuration_details:null payment_method_options:null payment_method_types:[] single_use_mandate:null status:=requires_payment_method usage:=off_session',
  },
  setup_attempt: {
    path: 'setup_attempts',
    id: 'setatt_ 24',
    filters: '!setup_intent created:range',
    owner: 'setup_intent',
    noById: true,
    declared: 'SetupAttempts:SetupAttempt',
    shape:
      'application:null created:now customer:null customer_account:null flow_directions:null livemode:flag on_behalf_of:null payment_method:text payment_method_details:{} setup_error:null setup_intent:@setup_intent status:=failed usage:text',
  },
  payment_method: {
    path: 'payment_methods',
    id: 'pm_ 24',
    events: 'payment_method.{attached,automatically_updated,detached,updated}',
    filters: 'allow_redisplay:ignored customer customer_account type',
    declared: 'PaymentMethods:PaymentMethod',
    shape:
      'billing_details:{} created:now customer:@customer customer_account:null livemode:flag metadata:map type:=card',
  },
  checkout_session: {
    path: 'checkout/sessions',
    id: 'cs_test_ 58',
    events: 'checkout.session.{async_payment_failed,async_payment_succeeded,completed,expired}',
    filters:
      'created:range customer customer_account customer_details:ignored payment_intent payment_link status subscription',
    noun: 'checkout.session',
    declared: 'Checkout/Sessions:Session',
    shape:
      'adaptive_pricing:null after_expiration:null allow_promotion_codes:null allowed_payment_method_types:null amount_subtotal:null amount_total:null automatic_tax:{} billing_address_collection:null cancel_url:null client_reference_id:null client_secret:null collected_information:null consent:null consent_collection:null created:now currency:=usd currency_conversion:null custom_fields:[] custom_text:{} customer:@customer customer_account:null customer_creation:null customer_details:null customer_email:null discounts:null expires_at:now integration_identifier:null invoice:null invoice_creation:null livemode:flag locale:null managed_payments:null metadata:map mode:=payment origin_context:null payment_intent:null payment_link:null payment_method_collection:null payment_method_configuration_details:null payment_method_options:null payment_method_types:[] payment_status:=unpaid permissions:null recovered_from:null saved_payment_method_options:null setup_intent:null shipping_address_collection:null shipping_cost:null shipping_options:[] status:=open submit_type:null subscription:null success_url:null total_details:null ui_mode:null url:null wallet_options:null',
  },
  checkout_session_line_item: {
    path: 'checkout/sessions/{_parent}/line_items',
    id: 'li_ 24',
    noun: 'item',
    noById: true,
    declared: 'LineItems:LineItem',
    shape:
      'adjustable_quantity:null amount_discount:int amount_subtotal:int amount_tax:int amount_total:int currency:=usd description:text metadata:map price:null quantity:null _parent:@checkout_session',
  },
  payment_link: {
    path: 'payment_links',
    id: 'plink_ 24',
    events: 'payment_link.{created,updated}',
    filters: 'active:flag',
    declared: 'PaymentLinks:PaymentLink',
    shape:
      'active:flag after_completion:{} allow_promotion_codes:flag application:null application_fee_amount:null application_fee_percent:null automatic_tax:{} billing_address_collection:=auto consent_collection:null currency:=usd custom_fields:[] custom_text:{} customer_creation:=always inactive_message:null invoice_creation:null livemode:flag managed_payments:null metadata:map on_behalf_of:null payment_intent_data:null payment_method_collection:=always payment_method_options:null payment_method_types:null phone_number_collection:{} restrictions:null shipping_address_collection:null shipping_options:[] submit_type:=auto subscription_data:null tax_id_collection:{} transfer_data:null url:text',
  },
  payment_link_line_item: {
    path: 'payment_links/{_parent}/line_items',
    id: 'li_ 24',
    noun: 'item',
    noById: true,
    declared: 'LineItems:LineItem',
    shape:
      'adjustable_quantity:null amount_discount:int amount_subtotal:int amount_tax:int amount_total:int currency:=usd description:text metadata:map price:null quantity:null _parent:@payment_link',
  },
  transfer: {
    path: 'transfers',
    id: 'tr_ 24',
    events: 'transfer.{created,reversed,updated}',
    filters: 'created:range destination transfer_group',
    lines: 'reversal',
    declared: 'Transfers:Transfer',
    shape:
      'amount:int amount_reversed:int balance_transaction:null created:now currency:=usd description:null destination:null livemode:flag metadata:map reversals:list reversed:flag source_transaction:null transfer_group:null',
  },
  topup: {
    path: 'topups',
    id: 'tu_ 24',
    events: 'topup.{canceled,created,failed,reversed,succeeded}',
    filters: 'amount:ignored created:range status',
    declared: 'Topups:Topup',
    shape:
      'amount:int balance_transaction:null created:now currency:=usd description:null expected_availability_date:null failure_code:null failure_message:null initiated_by:null livemode:flag metadata:map source:null statement_descriptor:null status:=pending transfer_group:null',
  },
  application_fee: {
    path: 'application_fees',
    id: 'fee_ 24',
    events: 'application_fee.{created,refunded}',
    filters: 'charge created:range',
    lines: 'fee_refund',
    declared: 'ApplicationFees:ApplicationFee',
    shape:
      'account:text amount:int amount_refunded:int application:text balance_transaction:null charge:@charge created:now currency:=usd fee_source:null livemode:flag originating_transaction:null refunded:flag refunds:list',
  },
  review: {
    path: 'reviews',
    id: 'prv_ 24',
    events: 'review.{closed,opened}',
    filters: 'created:range',
    declared: 'Reviews:Review',
    shape:
      'billing_zip:null charge:@charge closed_reason:null created:now ip_address:null ip_address_location:null livemode:flag open:flag opened_reason:=manual reason:text session:null',
  },
  radar_early_fraud_warning: {
    path: 'radar/early_fraud_warnings',
    id: 'issfr_ 24',
    events: 'radar.early_fraud_warning.{created,updated}',
    filters: 'charge created:range payment_intent',
    noun: 'radar.early_fraud_warning',
    declared: 'Radar/EarlyFraudWarnings:EarlyFraudWarning',
    shape: 'actionable:flag charge:@charge created:now fraud_type:text livemode:flag',
  },
  radar_value_list: {
    path: 'radar/value_lists',
    id: 'rsl_ 24',
    filters: 'alias contains:ignored created:range',
    noun: 'radar.value_list',
    deletable: true,
    feature: 'Radar',
    declared: 'Radar/ValueLists:ValueList',
    shape:
      'alias:text created:now created_by:text item_type:=account list_items:list livemode:flag metadata:map name:text',
  },
  radar_value_list_item: {
    path: 'radar/value_list_items',
    id: 'rsli_ 24',
    filters: '!value_list created:range value',
    noun: 'radar.value_list_item',
    deletable: true,
    feature: 'Radar',
    declared: 'Radar/ValueListItems:ValueListItem',
    shape: 'created:now created_by:text livemode:flag value:text value_list:@radar_value_list',
  },
  three_d_secure_authentication: {
    path: 'three_d_secure/authentications',
    id: 'tdsa_ 24',
    events:
      'three_d_secure.authentication.{canceled,challenge_started,errored,failed,requires_challenge,requires_submission,succeeded}',
    filters: 'created:range status',
    noun: 'three_d_secure.authentication',
    declared: 'ThreeDSecure/Authentications:Authentication',
    shape:
      'channel:{} created:now directory_server:=american_express livemode:flag message_category:=non_payment_authentication metadata:null payment_method:text status:=requires_submission',
  },
  payment_record: {
    path: 'payment_records',
    id: 'pr_ 24',
    filters: 'created_after:ignored created_before:ignored',
    declared: 'PaymentRecords:PaymentRecord',
    shape:
      'amount:{} amount_authorized:{} amount_canceled:{} amount_failed:{} amount_guaranteed:{} amount_refunded:{} amount_requested:{} application:null created:now customer_details:null customer_presence:null description:null latest_payment_attempt_record:null livemode:flag metadata:map payment_method_details:null processor_details:{} reported_by:=self shipping_details:null',
  },
  payment_attempt_record: {
    path: 'payment_attempt_records',
    id: 'par_ 24',
    filters: '!payment_record',
    declared: 'PaymentAttemptRecords:PaymentAttemptRecord',
    shape:
      'amount:{} amount_authorized:{} amount_canceled:{} amount_failed:{} amount_guaranteed:{} amount_refunded:{} amount_requested:{} application:null created:now customer_details:null customer_presence:null description:null livemode:flag metadata:map payment_method_details:null payment_record:@payment_record processor_details:{} reported_by:=self shipping_details:null',
  },
  payment_method_configuration: {
    path: 'payment_method_configurations',
    id: 'pmc_ 24',
    filters: 'active:flag application',
    declared: 'PaymentMethodConfigurations:PaymentMethodConfiguration',
    shape: 'active:flag application:null is_default:flag livemode:flag name:text parent:null',
  },
  payment_method_domain: {
    path: 'payment_method_domains',
    id: 'pmd_ 24',
    filters: 'domain_name enabled:flag',
    declared: 'PaymentMethodDomains:PaymentMethodDomain',
    shape:
      'amazon_pay:{} apple_pay:{} created:now domain_name:text enabled:flag google_pay:{} klarna:{} link:{} livemode:flag paypal:{}',
  },
  apple_pay_domain: {
    path: 'apple_pay/domains',
    id: 'apwc_ 24',
    filters: 'domain_name',
    deletable: true,
    declared: 'ApplePayDomains:ApplePayDomain',
    shape: 'created:now domain_name:text livemode:flag',
  },
  financial_connections_account: {
    path: 'financial_connections/accounts',
    id: 'fca_ 24',
    events:
      'financial_connections.account.{created,deactivated,disconnected,reactivated,refreshed_balance,refreshed_ownership,refreshed_transactions}',
    filters: 'account_holder:ignored session:ignored',
    noun: 'financial_connections.account',
    feature: 'Financial Connections',
    declared: 'FinancialConnections/Accounts:Account',
    shape:
      'account_holder:null account_numbers:null balance:null balance_refresh:null category:=cash created:now display_name:null institution_name:text last4:null livemode:flag ownership:owned ownership_refresh:null permissions:null status:=active subcategory:=checking subscriptions:null supported_payment_method_types:[] transaction_refresh:null',
  },
  financial_connections_transaction: {
    path: 'financial_connections/transactions',
    id: 'fctxn_ 24',
    filters: '!account transacted_at:range transaction_refresh:ignored',
    noun: 'financial_connections.transaction',
    feature: 'Financial Connections',
    declared: 'FinancialConnections/Transactions:Transaction',
    shape:
      'account:@financial_connections_account amount:int currency:=usd description:text livemode:flag status:=pending status_transitions:{} transacted_at:now transaction_refresh:text updated:int',
  },
  financial_connections_account_owner: {
    path: 'financial_connections/accounts/{_parent}/owners',
    id: 'fcaown_ 24',
    filters: '!ownership',
    noun: 'financial_connections.account_owner',
    noById: true,
    feature: 'Financial Connections',
    declared: 'FinancialConnections/AccountOwners:AccountOwner',
    shape:
      'email:null name:text ownership:owned phone:null raw_address:null refreshed_at:null _parent:@financial_connections_account',
  },
  apps_install: {
    path: 'apps/installs',
    id: 'install_ 24',
    events: 'apps.install.{created,deleted,updated}',
    filters:
      'account:ignored app approval_required:ignored channel created:range created_by:ignored status',
    noun: 'apps.install',
    deletable: true,
    feature: 'Apps',
    declared: 'Apps/Installs:Install',
    shape:
      'account:text app:text approval_required:flag auth_code:null channel:=private_live content_security_policy_granted:{} content_security_policy_pending:{} created:now created_by:null endpoints_granted:[] endpoints_pending:[] livemode:flag permissions_granted:[] permissions_pending:[] status:=install_failed',
  },
  apps_secret: {
    path: 'apps/secrets',
    id: 'appsecret_ 24',
    filters: '!scope[type]:ignored scope[user]:ignored',
    noun: 'apps.secret',
    noById: true,
    feature: 'Apps',
    declared: 'Apps/Secrets:Secret',
    shape: 'created:now expires_at:null livemode:flag name:text scope:{}',
  },
} satisfies Record<string, Ordinary>
