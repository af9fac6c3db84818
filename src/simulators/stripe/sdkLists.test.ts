import { Stripe } from 'stripe'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OrdinaryName } from './ordinary/ordinary.ts'
import { ordinaryNames } from './ordinary/ordinary.ts'
import { createStripeSimulator } from './simulator.ts'
import type { StripeSimulator } from './simulator.ts'

// The official SDK, unmodified: only host, port and protocol are set.

let simulator: StripeSimulator
let server: { url: string; close(): Promise<void> }
let stripe: Stripe

beforeAll(async () => {
  simulator = createStripeSimulator({ seed: 11 })
  simulator.seedAccount(700)
  server = await simulator.listen()
  const { hostname, port } = new URL(server.url)
  stripe = new Stripe(simulator.keys.secret, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  })
})

afterAll(async () => {
  await server.close()
  simulator.close()
})

type Listed = AsyncIterable<{ id: string }>
type Parent = Record<string, unknown> & { id: string }

const few = { limit: 2 }

const lists: Partial<Record<OrdinaryName, () => unknown>> = {
  tax_id: () => stripe.taxIds.list(few),
  identity_verification_session: () => stripe.identity.verificationSessions.list(few),
  identity_verification_report: () => stripe.identity.verificationReports.list(few),
  plan: () => stripe.plans.list(few),
  entitlements_feature: () => stripe.entitlements.features.list(few),
  product_catalog_trial_offer: () => stripe.productCatalog.trialOffers.list(few),
  shipping_rate: () => stripe.shippingRates.list(few),
  tax_registration: () => stripe.tax.registrations.list(few),
  tax_location: () => stripe.tax.locations.list({ ...few, type: 'performance' }),
  tax_code: () => stripe.taxCodes.list(few),
  country_spec: () => stripe.countrySpecs.list(few),
  exchange_rate: () => stripe.exchangeRates.list(few),
  climate_product: () => stripe.climate.products.list(few),
  climate_supplier: () => stripe.climate.suppliers.list(few),
  climate_order: () => stripe.climate.orders.list(few),
  forwarding_request: () => stripe.forwarding.requests.list(few),
  subscription_schedule: () => stripe.subscriptionSchedules.list(few),
  invoice_payment: () => stripe.invoicePayments.list(few),
  invoice_rendering_template: () => stripe.invoiceRenderingTemplates.list(few),
  credit_note: () => stripe.creditNotes.list(few),
  quote: () => stripe.quotes.list(few),
  billing_meter: () => stripe.billing.meters.list(few),
  billing_alert: () => stripe.billing.alerts.list(few),
  billing_credit_grant: () => stripe.billing.creditGrants.list(few),
  billing_feedback_option: () => stripe.billing.feedbackOptions.list(few),
  billing_portal_configuration: () => stripe.billingPortal.configurations.list(few),
  test_helpers_test_clock: () => stripe.testHelpers.testClocks.list(few),
  reporting_report_run: () => stripe.reporting.reportRuns.list(few),
  reporting_report_type: () => stripe.reporting.reportTypes.list(),
  scheduled_query_run: () => stripe.sigma.scheduledQueryRuns.list(few),
  file: () => stripe.files.list(few),
  file_link: () => stripe.fileLinks.list(few),
  setup_intent: () => stripe.setupIntents.list(few),
  payment_method: () => stripe.paymentMethods.list(few),
  checkout_session: () => stripe.checkout.sessions.list(few),
  payment_link: () => stripe.paymentLinks.list(few),
  transfer: () => stripe.transfers.list(few),
  topup: () => stripe.topups.list(few),
  application_fee: () => stripe.applicationFees.list(few),
  review: () => stripe.reviews.list(few),
  radar_early_fraud_warning: () => stripe.radar.earlyFraudWarnings.list(few),
  radar_value_list: () => stripe.radar.valueLists.list(few),
  three_d_secure_authentication: () => stripe.threeDSecure.authentications.list(few),
  payment_record: () => stripe.paymentRecords.list(few),
  payment_method_configuration: () => stripe.paymentMethodConfigurations.list(few),
  payment_method_domain: () => stripe.paymentMethodDomains.list(few),
  apple_pay_domain: () => stripe.applePayDomains.list(few),
  financial_connections_account: () => stripe.financialConnections.accounts.list(few),
  apps_install: () => stripe.apps.installs.list(few),
  apps_secret: () => stripe.apps.secrets.list({ ...few, scope: { type: 'account' } }),
  issuing_cardholder: () => stripe.issuing.cardholders.list(few),
  issuing_card: () => stripe.issuing.cards.list(few),
  issuing_authorization: () => stripe.issuing.authorizations.list(few),
  issuing_transaction: () => stripe.issuing.transactions.list(few),
  issuing_dispute: () => stripe.issuing.disputes.list(few),
  issuing_personalization_design: () => stripe.issuing.personalizationDesigns.list(few),
  issuing_physical_bundle: () => stripe.issuing.physicalBundles.list(few),
  treasury_financial_account: () => stripe.treasury.financialAccounts.list(few),
  terminal_location: () => stripe.terminal.locations.list(few),
  terminal_reader: () => stripe.terminal.readers.list(few),
  terminal_configuration: () => stripe.terminal.configurations.list(few),
}

/** Lists of one parent each: whose, and how. */
const children: Partial<
  Record<OrdinaryName, [parents: () => unknown, list: (parent: Parent) => unknown]>
> = {
  customer_source: [customers, ({ id }) => stripe.customers.listSources(id, few)],
  customer_tax_id: [customers, ({ id }) => stripe.customers.listTaxIds(id, few)],
  customer_balance_transaction: [
    customers,
    ({ id }) => stripe.customers.listBalanceTransactions(id, few),
  ],
  customer_cash_balance_transaction: [
    customers,
    ({ id }) => stripe.customers.listCashBalanceTransactions(id, few),
  ],
  entitlements_active_entitlement: [
    customers,
    ({ id }) => stripe.entitlements.activeEntitlements.list({ ...few, customer: id }),
  ],
  product_feature: [
    () => stripe.products.list({ limit: 100 }),
    ({ id }) => stripe.products.listFeatures(id, few),
  ],
  quote_line_item: [
    () => stripe.quotes.list(few),
    ({ id }) => stripe.quotes.listLineItems(id, few),
  ],
  billing_credit_balance_transaction: [
    () => stripe.billing.creditGrants.list(few),
    ({ id, customer }) =>
      stripe.billing.creditBalanceTransactions.list({
        ...few,
        customer: String(customer),
        credit_grant: id,
      }),
  ],
  setup_attempt: [
    () => stripe.setupIntents.list(few),
    ({ id }) => stripe.setupAttempts.list({ ...few, setup_intent: id }),
  ],
  checkout_session_line_item: [
    () => stripe.checkout.sessions.list(few),
    ({ id }) => stripe.checkout.sessions.listLineItems(id, few),
  ],
  payment_link_line_item: [
    () => stripe.paymentLinks.list(few),
    ({ id }) => stripe.paymentLinks.listLineItems(id, few),
  ],
  radar_value_list_item: [
    () => stripe.radar.valueLists.list(few),
    ({ id }) => stripe.radar.valueListItems.list({ ...few, value_list: id }),
  ],
  payment_attempt_record: [
    () => stripe.paymentRecords.list(few),
    ({ id }) => stripe.paymentAttemptRecords.list({ ...few, payment_record: id }),
  ],
  financial_connections_transaction: [
    () => stripe.financialConnections.accounts.list(few),
    ({ id }) => stripe.financialConnections.transactions.list({ ...few, account: id }),
  ],
  financial_connections_account_owner: [
    () => stripe.financialConnections.accounts.list(few),
    ({ id, ownership }) =>
      stripe.financialConnections.accounts.listOwners(id, {
        ...few,
        ownership: String(ownership),
      }),
  ],
  issuing_token: [
    () => stripe.issuing.cards.list(few),
    ({ id }) => stripe.issuing.tokens.list({ ...few, card: id }),
  ],
  treasury_transaction: ofAccounts((it) => stripe.treasury.transactions.list(it)),
  treasury_transaction_entry: ofAccounts((it) => stripe.treasury.transactionEntries.list(it)),
  treasury_inbound_transfer: ofAccounts((it) => stripe.treasury.inboundTransfers.list(it)),
  treasury_outbound_transfer: ofAccounts((it) => stripe.treasury.outboundTransfers.list(it)),
  treasury_outbound_payment: ofAccounts((it) => stripe.treasury.outboundPayments.list(it)),
  treasury_received_credit: ofAccounts((it) => stripe.treasury.receivedCredits.list(it)),
  treasury_received_debit: ofAccounts((it) => stripe.treasury.receivedDebits.list(it)),
  treasury_credit_reversal: ofAccounts((it) => stripe.treasury.creditReversals.list(it)),
  treasury_debit_reversal: ofAccounts((it) => stripe.treasury.debitReversals.list(it)),
}

function customers() {
  return stripe.customers.list({ limit: 100 })
}

function ofAccounts(list: (query: { limit: number; financial_account: string }) => unknown) {
  return [
    () => stripe.treasury.financialAccounts.list(few),
    ({ id }: Parent) => list({ ...few, financial_account: id }),
  ] as [() => unknown, (parent: Parent) => unknown]
}

test.each(ordinaryNames)(
  'the SDK walks %s and meets each object of the snapshot once',
  async (name) => {
    const expected = Object.keys(simulator.snapshot(name)[name]!).map((key) =>
      key.split('/').at(-1)!,
    )
    const met: string[] = []
    if (lists[name]) for await (const { id } of lists[name]() as Listed) met.push(id)
    else {
      const [parents, list] = children[name]!
      for await (const parent of parents() as AsyncIterable<Parent>) {
        for await (const { id } of list(parent) as Listed) met.push(id)
      }
    }
    expect(met.toSorted()).toEqual(expected.toSorted())
    expect(met.length).toBeGreaterThan(0)
  },
)

test('a list that needs a parent is refused without one, and empty lists are pages like others', async () => {
  await expect(stripe.setupAttempts.list({} as never)).rejects.toMatchObject({
    code: 'parameter_missing',
    param: 'setup_intent',
  })
  await expect(stripe.reporting.reportTypes.list({ limit: 3 } as never)).rejects.toMatchObject({
    code: 'parameter_unknown',
  })
  const { id } = simulator.create('customer')
  expect((await stripe.customers.listSources(id)).data).toEqual([])
  await expect(stripe.customers.listSources('cus_none')).rejects.toMatchObject({ statusCode: 404 })
})

test('a product that the account does not have is refused, each in its way', async () => {
  simulator.settings.off = ['Issuing', 'Treasury', 'Identity']
  await expect(stripe.issuing.cards.list()).rejects.toThrow(/not set up to use Issuing/)
  await expect(stripe.treasury.financialAccounts.list()).rejects.toMatchObject({ statusCode: 404 })
  await expect(stripe.identity.verificationSessions.list()).rejects.toMatchObject({
    statusCode: 403,
  })
  simulator.settings.off = []
  await stripe.issuing.cards.list()
})

test('sources and tax ids stand in a customer where they are asked for, ten at most', async () => {
  const { id } = simulator.create('customer')
  for (let made = 0; made < 12; made++) simulator.create('customer_source', { customer: id })
  simulator.create('customer_tax_id', { customer: id })
  const expand = ['data.sources', 'data.tax_ids']
  const shown = (await stripe.customers.list({ limit: 1, expand })).data[0]!
  expect(shown.id).toBe(id)
  expect([shown.sources!.data.length, shown.sources!.has_more]).toEqual([10, true])
  expect(shown.tax_ids!.data).toHaveLength(1)
  const tax = shown.tax_ids!.data[0]!
  expect(await stripe.taxIds.retrieve(tax.id)).toEqual(tax)
  expect(await stripe.customers.deleteTaxId(id, tax.id)).toMatchObject({ deleted: true })
  await expect(stripe.taxIds.retrieve(tax.id)).rejects.toMatchObject({ statusCode: 404 })
  await stripe.customers.del(id)
  await expect(stripe.customers.listSources(id)).rejects.toMatchObject({ statusCode: 404 })
})
