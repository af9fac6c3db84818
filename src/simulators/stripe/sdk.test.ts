import { Stripe } from 'stripe'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Own } from './objects.ts'
import { own } from './objects.ts'
import { createStripeSimulator } from './simulator.ts'
import type { StripeSimulator } from './simulator.ts'

// The official SDK, unmodified: only host, port and protocol are set.

let simulator: StripeSimulator
let server: { url: string; close(): Promise<void> }
let stripe: Stripe

beforeAll(async () => {
  simulator = createStripeSimulator({ seed: 7 })
  simulator.seedAccount(2500)
  server = await simulator.listen()
  stripe = client(simulator.keys.secret)
})

afterAll(async () => {
  await server.close()
  simulator.close()
})

function client(key: string): Stripe {
  const { hostname, port } = new URL(server.url)
  return new Stripe(key, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  })
}

/** The SDK makes decimals of some texts. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

type Listed = AsyncIterable<{ id: string }>

test('auto-paging walks every collection and meets each object of the snapshot once', async () => {
  const lists: Record<Own, () => Listed> = {
    customer: () => stripe.customers.list({ limit: 100 }),
    product: () => stripe.products.list({ limit: 7 }),
    price: () => stripe.prices.list({ limit: 100 }),
    coupon: () => stripe.coupons.list(),
    promotion_code: () => stripe.promotionCodes.list({ limit: 100 }),
    tax_rate: () => stripe.taxRates.list({ limit: 1 }),
    subscription: () => stripe.subscriptions.list({ limit: 100, status: 'all' }),
    subscription_item: () => allItems(),
    invoice: () => stripe.invoices.list({ limit: 100 }),
    invoiceitem: () => stripe.invoiceItems.list({ limit: 33 }),
    charge: () => stripe.charges.list({ limit: 100 }),
    payment_intent: () => stripe.paymentIntents.list({ limit: 99 }),
    refund: () => stripe.refunds.list({ limit: 100 }),
    dispute: () => stripe.disputes.list({ limit: 2 }),
    payout: () => stripe.payouts.list({ limit: 100 }),
    balance_transaction: () => stripe.balanceTransactions.list({ limit: 100 }),
  }
  for (const collection of own) {
    const expected = Object.keys(simulator.snapshot(collection)[collection]!)
    const met: string[] = []
    for await (const { id } of lists[collection]()) met.push(id)
    expect(met.toSorted(), collection).toEqual(expected.toSorted())
    expect(met.length, collection).toBeGreaterThan(1)
  }
})

test('objects created while a list is paged through are not met, and none is missed or met twice', async () => {
  for (const limit of [1, 9, 100]) {
    const expected = Object.keys(simulator.snapshot('coupon').coupon!)
    const met: string[] = []
    for await (const { id } of stripe.coupons.list({ limit })) {
      met.push(id)
      if (met.length % 3 === 0) simulator.create('coupon')
    }
    expect(met.filter((id) => expected.includes(id)).toSorted()).toEqual(expected.toSorted())
    expect(new Set(met).size).toBe(met.length)
  }
})

async function* allItems(): Listed {
  for await (const { id } of stripe.subscriptions.list({ limit: 100, status: 'all' })) {
    yield* stripe.subscriptionItems.list({ subscription: id, limit: 10 })
  }
}

test('retrieve, list and snapshot show the same object, embedded lists cut at 10 but in the snapshot', async () => {
  const texts = Object.values(simulator.snapshot('invoice').invoice!)
  const whole = texts.map((text) => JSON.parse(text)).find(({ lines }) => lines.data.length > 10)
  const invoice = await stripe.invoices.retrieve(whole.id)
  expect(plain(invoice.lines.data)).toEqual(whole.lines.data.slice(0, 10))
  expect(invoice.lines.has_more).toBe(true)
  const lines = []
  for await (const line of stripe.invoices.listLineItems(whole.id, { limit: 4 })) lines.push(line)
  expect(plain(lines)).toEqual(whole.lines.data)

  const customer = (await stripe.customers.list({ limit: 1 })).data[0]!
  const again = await stripe.customers.retrieve(customer.id)
  expect(again).toEqual(customer)
  expect(customer).toEqual(JSON.parse(simulator.snapshot('customer').customer![customer.id]!))
})

test('a customer created, updated and deleted leaves a stub and three events in order', async () => {
  const created = await stripe.customers.create({
    email: 'ada@example.com',
    metadata: { a: '1', b: '2' },
  })
  expect(created).toMatchObject({
    email: 'ada@example.com',
    name: null,
    metadata: { a: '1', b: '2' },
  })
  const updated = await stripe.customers.update(created.id, {
    name: 'Ada',
    metadata: { a: '', c: '3' },
  })
  expect(updated).toMatchObject({ name: 'Ada', metadata: { b: '2', c: '3' } })
  expect(await stripe.customers.del(created.id)).toEqual({
    id: created.id,
    object: 'customer',
    deleted: true,
  })
  expect(await stripe.customers.retrieve(created.id)).toEqual({
    id: created.id,
    object: 'customer',
    deleted: true,
  })

  const events = (await stripe.events.list({ limit: 100, type: 'customer.*' })).data.filter(
    ({ data }) => (data.object as { id?: string }).id === created.id,
  )
  expect(events.map(({ type }) => type)).toEqual([
    'customer.deleted',
    'customer.updated',
    'customer.created',
  ])
  expect(events[1]!.data.previous_attributes).toEqual({ name: null, metadata: { a: '1', c: null } })
  expect(events[0]!.data.object).toMatchObject({ name: 'Ada', email: 'ada@example.com' })
  expect(events[0]!.data.object).not.toHaveProperty('deleted')
  expect(events[2]!.request!.idempotency_key).toMatch(/^stripe-node-retry-/)
})

test('catalogue, subscription and invoice are driven through their lives', async () => {
  const product = await stripe.products.create({ name: 'Seats' })
  const price = await stripe.prices.create({
    product: product.id,
    currency: 'eur',
    unit_amount: 1200,
    recurring: { interval: 'month' },
  })
  expect(price).toMatchObject({
    type: 'recurring',
    recurring: { interval: 'month', interval_count: 1 },
  })
  const customer = await stripe.customers.create({ email: 'b@example.com' })
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id, quantity: 3 }],
    expand: ['customer'],
  })
  expect(subscription.customer).toMatchObject({ id: customer.id, email: 'b@example.com' })
  const item = subscription.items.data[0]!
  await stripe.subscriptionItems.update(item.id, { quantity: 4 })
  const [event] = (await stripe.events.list({ type: 'customer.subscription.updated', limit: 1 }))
    .data
  expect(event!.data).toMatchObject({
    object: { items: { data: [{ quantity: 4 }] } },
    previous_attributes: { items: { data: [{ quantity: 3 }] } },
  })
  await stripe.invoiceItems.create({
    customer: customer.id,
    amount: 500,
    currency: 'eur',
    description: 'Fee',
  })
  const draft = await stripe.invoices.create({
    customer: customer.id,
    pending_invoice_items_behavior: 'include',
  })
  expect(draft).toMatchObject({ status: 'draft', total: 500 })
  await stripe.invoices.finalizeInvoice(draft.id)
  expect(await stripe.invoices.pay(draft.id)).toMatchObject({ status: 'paid', amount_paid: 500 })
  await expect(stripe.invoices.del(draft.id)).rejects.toThrow(/draft/)
  const canceled = await stripe.subscriptions.cancel(subscription.id)
  expect(canceled.status).toBe('canceled')
  const shown = await stripe.subscriptions.list({ customer: customer.id })
  expect(shown.data).toEqual([])
})

test('payments: an intent confirmed, a refund, a payout', async () => {
  const intent = await stripe.paymentIntents.create({ amount: 700, currency: 'usd', confirm: true })
  expect(intent).toMatchObject({ status: 'succeeded', amount_received: 700 })
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 200 })
  const charge = await stripe.charges.retrieve(intent.latest_charge as string, {
    expand: ['balance_transaction', 'refunds'],
  })
  expect(charge).toMatchObject({
    amount_refunded: 200,
    refunded: false,
    balance_transaction: { object: 'balance_transaction', amount: 700 },
    refunds: { data: [{ id: refund.id }] },
  })
  await stripe.payouts.create({ amount: 100, currency: 'usd' })
  const types = (await stripe.events.list({ limit: 20 })).data.map(({ type }) => type)
  expect(types).toEqual(
    expect.arrayContaining([
      'payment_intent.succeeded',
      'charge.refunded',
      'refund.created',
      'payout.created',
    ]),
  )
})

test('refusals arrive as the error classes of the SDK', async () => {
  const { errors } = Stripe
  await expect(client('sk_test_nobody').customers.list()).rejects.toBeInstanceOf(
    errors.StripeAuthenticationError,
  )
  await expect(client(simulator.keys.expired()).customers.list()).rejects.toMatchObject({
    code: 'api_key_expired',
  })
  const revoked = simulator.keys.restricted([])
  await client(revoked).customers.list()
  simulator.keys.revoke(revoked)
  await expect(client(revoked).customers.list()).rejects.toBeInstanceOf(
    errors.StripeAuthenticationError,
  )

  const narrow = client(simulator.keys.restricted(['customer', 'account']))
  await expect(narrow.customers.list()).rejects.toBeInstanceOf(errors.StripePermissionError)
  await expect(narrow.customers.list()).rejects.toThrow(/rak_customer_read/)
  await expect(narrow.accounts.retrieveCurrent()).rejects.toThrow(/rak_accounts_kyc_basic_read/)
  await narrow.invoices.list()
  await expect(narrow.invoices.create({ customer: 'cus_x' })).rejects.toBeInstanceOf(
    errors.StripePermissionError,
  )

  const invalid = errors.StripeInvalidRequestError
  await expect(stripe.customers.retrieve('cus_none')).rejects.toBeInstanceOf(invalid)
  await expect(stripe.customers.list({ limit: 101 })).rejects.toMatchObject({
    param: 'limit',
    statusCode: 400,
  })
  await expect(stripe.customers.list({ nonsense: 1 } as never)).rejects.toMatchObject({
    code: 'parameter_unknown',
    param: 'nonsense',
  })
  await expect(stripe.customers.list({ starting_after: 'cus_none' })).rejects.toMatchObject({
    code: 'resource_missing',
  })
  await expect(stripe.prices.create({ currency: 'usd' })).rejects.toMatchObject({
    code: 'parameter_missing',
  })
  await expect(stripe.customers.list({ expand: ['data.a.b.c.d'] })).rejects.toMatchObject({
    code: 'property_expansion_max_depth',
  })
})

test('faults arrive as the error classes of the SDK', async () => {
  const { errors } = Stripe
  const list = () => stripe.customers.list({ limit: 50 })
  simulator.faults.add({ kind: 'rate_limit', count: 1 })
  await expect(list()).rejects.toBeInstanceOf(errors.StripeRateLimitError)
  simulator.faults.add({ kind: 'server_error', count: 1, status: 503 })
  await expect(list()).rejects.toMatchObject({
    constructor: errors.StripeAPIError,
    statusCode: 503,
  })
  // The SDK itself tries a closed connection once more.
  simulator.faults.add({ kind: 'reset', count: 2 })
  await expect(list()).rejects.toBeInstanceOf(errors.StripeConnectionError)
  simulator.faults.add({ kind: 'cut', count: 1 })
  await expect(list()).rejects.toBeInstanceOf(errors.StripeConnectionError)
  simulator.faults.add({ kind: 'html', count: 1 })
  await expect(list()).rejects.toBeInstanceOf(errors.StripeAPIError)
  simulator.faults.add({ kind: 'forbidden', path: '/v1/customers*', count: 1 })
  await expect(list()).rejects.toBeInstanceOf(errors.StripePermissionError)
  simulator.faults.add({ kind: 'unauthorized', count: 1 })
  await expect(list()).rejects.toBeInstanceOf(errors.StripeAuthenticationError)
  await list()
  simulator.faults.clear()
})

test('a repeated idempotency key gets the first answer, with other parameters a refusal', async () => {
  const options = { idempotencyKey: 'once' }
  const first = await stripe.customers.create({ email: 'c@example.com' }, options)
  const again = await stripe.customers.create({ email: 'c@example.com' }, options)
  expect(again.id).toBe(first.id)
  await expect(stripe.customers.create({ email: 'd@example.com' }, options)).rejects.toBeInstanceOf(
    Stripe.errors.StripeIdempotencyError,
  )
})

test('the account says who it is', async () => {
  const account = await stripe.accounts.retrieveCurrent()
  expect(account.id).toBe(simulator.accountId)
})
