import type { Ordinary } from './ordinary.ts'

/** Shapes: the fields that the official SDK declares as present, ordinary.ts tells what the kinds are. */
export const billing = {
  subscription_schedule: {
    path: 'subscription_schedules',
    id: 'sub_sched_ 24',
    events: 'subscription_schedule.{aborted,canceled,completed,created,expiring,released,updated}',
    filters:
      'canceled_at:range completed_at:range created:range customer customer_account released_at:range scheduled:ignored',
    declared: 'SubscriptionSchedules:SubscriptionSchedule',
    shape:
      'application:null billing_mode:{} canceled_at:null completed_at:null created:now current_phase:null customer:@customer customer_account:null default_settings:{} end_behavior:=cancel livemode:flag metadata:map pause_schedules:[] phases:[] released_at:null released_subscription:null status:=active subscription:null test_clock:null',
  },
  invoice_payment: {
    path: 'invoice_payments',
    id: 'inpay_ 24',
    events: 'invoice_payment.{paid}',
    filters: 'created:range invoice payment:ignored status',
    declared: 'InvoicePayments:InvoicePayment',
    shape:
      'amount_paid:null amount_requested:int created:now currency:=usd invoice:@invoice is_default:flag livemode:flag payment:{} status:=open status_transitions:{}',
  },
  invoice_rendering_template: {
    path: 'invoice_rendering_templates',
    id: 'inrtem_ 24',
    filters: 'status',
    declared: 'InvoiceRenderingTemplates:InvoiceRenderingTemplate',
    shape: 'created:now livemode:flag metadata:map nickname:text status:=active version:int',
  },
  credit_note: {
    path: 'credit_notes',
    id: 'cn_ 24',
    events: 'credit_note.{created,updated,voided}',
    filters: 'created:range customer customer_account invoice',
    lines: 'line',
    declared: 'CreditNotes:CreditNote',
    shape:
      'amount:int amount_shipping:int created:now currency:=usd customer:@customer customer_account:null customer_balance_transaction:null discount_amount:int discount_amounts:[] effective_at:null invoice:@invoice lines:list livemode:flag memo:null metadata:map number:text out_of_band_amount:null pdf:text post_payment_amount:int pre_payment_amount:int pretax_credit_amounts:[] reason:null refunds:[] shipping_cost:null status:=issued subtotal:int subtotal_excluding_tax:null total:int total_excluding_tax:null total_taxes:null type:=pre_payment voided_at:null',
  },
  quote: {
    path: 'quotes',
    id: 'qt_ 24',
    events: 'quote.{accepted,canceled,created,finalized}',
    filters: 'customer customer_account status test_clock',
    declared: 'Quotes:Quote',
    shape:
      'amount_subtotal:int amount_total:int application:null application_fee_amount:null application_fee_percent:null automatic_tax:{} collection_method:=charge_automatically computed:{} created:now currency:null customer:@customer customer_account:null description:null discounts:[] expires_at:now footer:null from_quote:null header:null invoice:null invoice_settings:{} livemode:flag metadata:map number:null on_behalf_of:null status:=draft status_transitions:{} subscription:null subscription_data:{} subscription_schedule:null test_clock:null total_details:{} transfer_data:null',
  },
  quote_line_item: {
    path: 'quotes/{_parent}/line_items',
    id: 'li_ 24',
    noun: 'item',
    noById: true,
    declared: 'LineItems:LineItem',
    shape:
      'adjustable_quantity:null amount_discount:int amount_subtotal:int amount_tax:int amount_total:int currency:=usd description:text metadata:map price:null quantity:null _parent:@quote',
  },
  billing_meter: {
    path: 'billing/meters',
    id: 'mtr_ 24',
    events: 'billing.meter.{created,deactivated,reactivated,updated}',
    filters: 'status',
    noun: 'billing.meter',
    declared: 'Billing/Meters:Meter',
    shape:
      'created:now customer_mapping:{} default_aggregation:{} display_name:text event_name:text event_time_window:null livemode:flag status:=active status_transitions:{} updated:int value_settings:{}',
  },
  billing_alert: {
    path: 'billing/alerts',
    id: 'alrt_ 24',
    filters: 'alert_type meter:ignored',
    noun: 'billing.alert',
    declared: 'Billing/Alerts:Alert',
    shape: 'alert_type:=usage_threshold livemode:flag status:null title:text usage_threshold:null',
  },
  billing_credit_grant: {
    path: 'billing/credit_grants',
    id: 'credgr_ 24',
    events: 'billing.credit_grant.{created,updated}',
    filters: 'customer customer_account',
    noun: 'billing.credit_grant',
    declared: 'Billing/CreditGrants:CreditGrant',
    shape:
      'amount:{} applicability_config:{} category:=paid created:now customer:@customer customer_account:null effective_at:null expires_at:null livemode:flag metadata:map name:null priority:null test_clock:null updated:int voided_at:null',
  },
  billing_credit_balance_transaction: {
    path: 'billing/credit_balance_transactions',
    id: 'cbtxn_ 24',
    events: 'billing.credit_balance_transaction.{created}',
    filters: '!customer credit_grant',
    noun: 'billing.credit_balance_transaction',
    declared: 'Billing/CreditBalanceTransactions:CreditBalanceTransaction',
    shape:
      'created:now credit:null credit_grant:@billing_credit_grant debit:null effective_at:now livemode:flag test_clock:null type:=debit',
  },
  billing_feedback_option: {
    path: 'billing/feedback_options',
    id: 'fbopt_ 24',
    filters: 'status',
    noun: 'billing.feedback_option',
    declared: 'Billing/FeedbackOptions:FeedbackOption',
    shape: 'description:text livemode:flag status:=active status_transitions:{}',
  },
  billing_portal_configuration: {
    path: 'billing_portal/configurations',
    id: 'bpc_ 24',
    events: 'billing_portal.configuration.{created,updated}',
    filters: 'active:flag is_default:flag',
    noun: 'billing_portal.configuration',
    declared: 'BillingPortal/Configurations:Configuration',
    shape:
      'active:flag application:null business_profile:{} created:now default_return_url:null features:{} is_default:flag livemode:flag login_page:{} metadata:map name:null updated:int',
  },
  test_helpers_test_clock: {
    path: 'test_helpers/test_clocks',
    id: 'clock_ 24',
    events: 'test_helpers.test_clock.{advancing,created,deleted,internal_failure,ready}',
    noun: 'test_helpers.test_clock',
    deletable: true,
    declared: 'TestHelpers/TestClocks:TestClock',
    shape:
      'created:now deletes_after:int frozen_time:int livemode:flag name:text status:=ready status_details:{}',
  },
  reporting_report_run: {
    path: 'reporting/report_runs',
    id: 'frr_ 24',
    events: 'reporting.report_run.{failed,succeeded}',
    filters: 'created:range',
    noun: 'reporting.report_run',
    declared: 'Reporting/ReportRuns:ReportRun',
    shape:
      'created:now error:null livemode:flag parameters:{} report_type:text result:null status:=pending succeeded_at:null',
  },
  reporting_report_type: {
    path: 'reporting/report_types',
    id: 'balance.summary. 4',
    events: 'reporting.report_type.{updated}',
    noun: 'reporting.report_type',
    unpaged: true,
    declared: 'Reporting/ReportTypes:ReportType',
    shape:
      'data_available_end:int data_available_start:int default_columns:null livemode:flag name:text updated:int version:int',
  },
  scheduled_query_run: {
    path: 'sigma/scheduled_query_runs',
    id: 'sqr_ 24',
    events: 'sigma.scheduled_query_run.{created}',
    feature: 'Sigma',
    declared: 'Sigma/ScheduledQueryRuns:ScheduledQueryRun',
    shape:
      'created:now data_load_time:int file:null livemode:flag result_available_until:int sql:text status:=completed title:text',
  },
  file: {
    path: 'files',
    id: 'file_ 24',
    events: 'file.{created}',
    filters: 'created:range purpose',
    declared: 'Files:File',
    shape:
      'created:now expires_at:null filename:null purpose:=dispute_evidence size:int title:null type:null url:null',
  },
  file_link: {
    path: 'file_links',
    id: 'link_ 24',
    filters: 'created:range expired:flag file',
    declared: 'FileLinks:FileLink',
    shape:
      'created:now expired:flag expires_at:null file:@file livemode:flag metadata:map url:text',
  },
} satisfies Record<string, Ordinary>
