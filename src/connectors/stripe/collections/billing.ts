import { COMPARED, DAY_MS, HOURLY, MONTH_MS, PARTLY_TOLD, TOLD, type Spec } from '../spec.ts'

const items = { field: 'items', address: '/v1/subscription_items?subscription={id}' }

/** `status=all`: a bare list hides canceled subscriptions. */
const allSubscriptions: { path: string; query: [string, string][] } = {
  path: '/v1/subscriptions',
  query: [['status', 'all']],
}

/** Subscriptions, invoices and what leads to them. */
export const billingSpecs = {
  subscription: {
    title: 'Subscriptions',
    ...allSubscriptions,
    nested: [items],
    fields:
      'status customer currency cancel_at_period_end:boolean canceled_at:timestamp collection_method latest_invoice trial_end:timestamp items:json metadata:json created:timestamp',
  },
  subscription_item: {
    title: 'Subscription items',
    path: '/v1/subscription_items',
    within: { of: 'subscription', parents: allSubscriptions, list: items },
    fields:
      'subscription price.id price.product quantity:number current_period_start:timestamp current_period_end:timestamp metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
  },
  subscription_schedule: {
    title: 'Subscription schedules',
    path: '/v1/subscription_schedules',
    fields:
      'status customer subscription end_behavior current_phase:json phases:json metadata:json created:timestamp',
  },
  invoice: {
    title: 'Invoices',
    path: '/v1/invoices',
    nested: [{ field: 'lines', address: '/v1/invoices/{id}/lines' }],
    fields:
      'number status customer currency total:number amount_due:number amount_paid:number amount_remaining:number due_date:timestamp lines:json metadata:json created:timestamp',
    deletes: TOLD,
  },
  /** Edits emit no event, and the object has `date` where others have `created`. */
  invoiceitem: {
    title: 'Invoice items',
    path: '/v1/invoiceitems',
    created: 'date',
    fields:
      'customer invoice currency amount:number quantity:number description proration:boolean metadata:json date:timestamp',
    ...PARTLY_TOLD,
    deletes: TOLD,
  },
  /** Only payments that come through are told of; open and canceled ones are seen by listing. */
  invoice_payment: {
    title: 'Invoice payments',
    path: '/v1/invoice_payments',
    fields:
      'invoice status amount_paid:number amount_requested:number currency payment:json is_default:boolean created:timestamp',
    ...PARTLY_TOLD,
  },
  invoice_rendering_template: {
    title: 'Invoice rendering templates',
    path: '/v1/invoice_rendering_templates',
    filter: false,
    fields: 'nickname status version:number metadata:json created:timestamp',
    ...HOURLY,
  },
  credit_note: {
    title: 'Credit notes',
    path: '/v1/credit_notes',
    nested: [{ field: 'lines', address: '/v1/credit_notes/{id}/lines' }],
    fields:
      'number status invoice customer currency total:number reason type lines:json metadata:json created:timestamp',
  },
  /** Edits and expiry emit no event. */
  quote: {
    title: 'Quotes',
    path: '/v1/quotes',
    filter: false,
    fields:
      'number status customer amount_total:number currency expires_at:timestamp invoice subscription metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
  },
  quote_line_item: {
    title: 'Line items of quotes',
    path: '/v1/quotes/{id}/line_items',
    byId: null,
    owned: true,
    created: null,
    under: {
      of: 'quote',
      parents: { path: '/v1/quotes', filter: false },
      list: '/v1/quotes/{0}/line_items',
      rereadOn: () => true,
    },
    fields: 'description quantity:number currency amount_total:number price:json',
  },
  billing_meter: {
    title: 'Meters',
    path: '/v1/billing/meters',
    filter: false,
    updated: 'updated',
    fields:
      'display_name event_name status default_aggregation:json created:timestamp updated:timestamp',
  },
  billing_alert: {
    title: 'Billing alerts',
    path: '/v1/billing/alerts',
    created: null,
    filter: false,
    fields: 'title alert_type status usage_threshold:json',
    ...HOURLY,
  },
  billing_credit_grant: {
    title: 'Credit grants',
    path: '/v1/billing/credit_grants',
    filter: false,
    updated: 'updated',
    fields:
      'customer name category amount:json effective_at:timestamp expires_at:timestamp metadata:json created:timestamp updated:timestamp',
  },
  /** Asked for grant by grant, with its customer: Stripe refuses the list without one. */
  billing_credit_balance_transaction: {
    title: 'Billing credit entries',
    path: '/v1/billing/credit_balance_transactions',
    under: {
      of: 'billing_credit_grant',
      parents: { path: '/v1/billing/credit_grants', filter: false },
      keyOf: ({ id, customer }) => (typeof customer === 'string' ? [customer, String(id)] : null),
      list: '/v1/billing/credit_balance_transactions?customer={0}&credit_grant={1}',
    },
    fields: 'credit_grant type credit:json debit:json effective_at:timestamp created:timestamp',
    enumerateEveryMs: MONTH_MS,
  },
  billing_feedback_option: {
    title: 'Cancellation feedback options',
    path: '/v1/billing/feedback_options',
    created: null,
    filter: false,
    fields: 'description status',
    ...HOURLY,
  },
  billing_portal_configuration: {
    title: 'Customer portal configurations',
    path: '/v1/billing_portal/configurations',
    filter: false,
    updated: 'updated',
    fields:
      'name active:boolean is_default:boolean features:json metadata:json created:timestamp updated:timestamp',
  },
  /** Of sandboxes only. What lives on a clock is left out of all other lists. */
  test_helpers_test_clock: {
    title: 'Test clocks',
    path: '/v1/test_helpers/test_clocks',
    filter: false,
    fields: 'name status frozen_time:timestamp deletes_after:timestamp created:timestamp',
    deletes: TOLD,
  },
  reporting_report_run: {
    title: 'Report runs',
    path: '/v1/reporting/report_runs',
    fields:
      'report_type status parameters:json result:json succeeded_at:timestamp created:timestamp',
    ...PARTLY_TOLD,
  },
  reporting_report_type: {
    title: 'Report types',
    path: '/v1/reporting/report_types',
    unpaged: true,
    created: null,
    filter: false,
    updated: 'updated',
    fields:
      'name version:number data_available_start:timestamp data_available_end:timestamp updated:timestamp',
    refresh: { feed: 'events', relist: { everyMs: DAY_MS, windowMs: null } },
  },
  scheduled_query_run: {
    title: 'Runs of scheduled queries',
    path: '/v1/sigma/scheduled_query_runs',
    filter: false,
    fields: 'title status sql file:json data_load_time:timestamp created:timestamp',
  },
  file: {
    title: 'Files',
    path: '/v1/files',
    nested: [{ field: 'links', address: '/v1/file_links?file={id}' }],
    fields: 'filename purpose type size:number title url created:timestamp expires_at:timestamp',
  },
  file_link: {
    title: 'File links',
    path: '/v1/file_links',
    fields: 'file url expired:boolean expires_at:timestamp metadata:json created:timestamp',
    ...COMPARED,
    enumerateEveryMs: DAY_MS,
  },
} satisfies Record<string, Spec>
