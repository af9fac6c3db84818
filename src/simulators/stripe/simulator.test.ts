import { expect, onTestFinished, test } from 'vitest'
import { createManualClock } from '../kit/clock.ts'
import type { Collection, Fields, Own, StripeObject } from './objects.ts'
import { childrenOf, collections, own } from './objects.ts'
import { createStripeSimulator } from './simulator.ts'
import type { StripeSimulatorOptions } from './simulator.ts'

const startMs = Date.UTC(2026, 10, 24)
const dayMs = 86_400_000

type Event = {
  id: string
  type: string
  created: number
  data: { object: StripeObject; previous_attributes?: Fields }
}
type Page<T> = {
  data: T[]
  has_more: boolean
  url: string
  error?: { code: string; message: string; param: string }
}

async function start(options: StripeSimulatorOptions = {}) {
  const clock = createManualClock(startMs)
  const simulator = createStripeSimulator({ now: clock.now, ...options })
  const server = await simulator.listen()
  onTestFinished(async () => {
    await server.close()
    simulator.close()
  })
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const authorization = `Bearer ${simulator.keys.secret}`
    return fetch(server.url + path, { headers: { authorization, ...headers } })
  }
  const get = async <T = StripeObject>(path: string, headers?: Record<string, string>) =>
    (await (await ask(path, headers)).json()) as Page<T>
  const events = async () => (await get<Event>('/v1/events?limit=100')).data.toReversed()
  /** Types of the events that `act` causes. */
  const emits = async (act: () => unknown) => {
    const before = new Set((await events()).map(({ id }) => id))
    act()
    return (await events()).filter(({ id }) => !before.has(id)).map(({ type }) => type)
  }
  return { clock, simulator, ask, get, events, emits }
}

test('each collection emits on creation what the provider emits, and some nothing', async () => {
  const { simulator, emits } = await start()
  const first: Record<Own, string[]> = {
    customer: ['customer.created'],
    product: ['product.created'],
    price: ['price.created'],
    coupon: ['coupon.created'],
    promotion_code: ['promotion_code.created'],
    tax_rate: ['tax_rate.created'],
    subscription: ['customer.subscription.created'],
    subscription_item: ['customer.subscription.updated'],
    invoice: ['invoice.created'],
    invoiceitem: ['invoiceitem.created'],
    charge: ['charge.succeeded'],
    payment_intent: ['payment_intent.created'],
    refund: ['refund.created', 'charge.refunded'],
    dispute: ['charge.dispute.created', 'charge.dispute.funds_withdrawn', 'charge.updated'],
    payout: ['payout.created'],
    balance_transaction: [],
  }
  simulator.create('price', { recurring: { interval: 'month' } })
  for (const collection of own) {
    if (collection === 'dispute') simulator.create('charge')
    const charge =
      collection === 'dispute' || collection === 'refund' ? simulator.create('charge') : null
    const emitted = await emits(() =>
      simulator.create(collection, charge === null ? {} : { charge: charge.id }),
    )
    expect(emitted, collection).toEqual(first[collection])
  }
})

test('updates emit by status, and silently where the provider is silent', async () => {
  const { simulator, emits } = await start()
  const updated = async (collection: Collection, fields: Fields, made: Fields = {}) => {
    const { id } = simulator.create(collection, made)
    return emits(() => simulator.update(collection, id, fields))
  }
  const metadata = { metadata: { a: 'b' } }
  expect(await updated('customer', metadata)).toEqual(['customer.updated'])
  expect(await updated('payment_intent', metadata)).toEqual([])
  expect(await updated('payment_intent', { status: 'canceled' })).toEqual([
    'payment_intent.canceled',
  ])
  expect(await updated('invoiceitem', metadata)).toEqual([])
  expect(await updated('balance_transaction', { status: 'available' })).toEqual([])
  expect(await updated('refund', metadata)).toEqual(['refund.updated', 'charge.refund.updated'])
  expect(await updated('payout', { status: 'paid' })).toEqual(['payout.updated', 'payout.paid'])
  expect(await updated('dispute', { status: 'won' })).toEqual(['charge.dispute.closed'])
  expect(await updated('invoice', { status: 'open' })).toEqual([
    'invoice.updated',
    'invoice.finalized',
  ])
  expect(await updated('customer', { email: 'a@b.c' }, { email: 'a@b.c' })).toEqual([])
})

test('a silent change is seen by id and in the list', async () => {
  const { simulator, get } = await start()
  const { id } = simulator.create('payment_intent', { metadata: {} })
  await get('/v1/payment_intents')
  simulator.update('payment_intent', id, { metadata: { note: 'n' } })
  expect(await get(`/v1/payment_intents/${id}`)).toMatchObject({ metadata: { note: 'n' } })
  expect((await get('/v1/payment_intents')).data[0]).toMatchObject({ metadata: { note: 'n' } })
})

test('a deleted customer takes subscriptions and pending items along, and stays as a stub', async () => {
  const { simulator, ask, get, emits } = await start()
  const customer = simulator.create('customer')
  const subscription = simulator.create('subscription', { customer: customer.id })
  const item = simulator.create('invoiceitem', { customer: customer.id })
  const emitted = await emits(() => simulator.remove('customer', customer.id))
  expect(emitted).toEqual([
    'customer.subscription.deleted',
    'invoiceitem.deleted',
    'customer.deleted',
  ])
  expect(await get(`/v1/customers/${customer.id}`)).toEqual({
    id: customer.id,
    object: 'customer',
    deleted: true,
  })
  expect((await ask(`/v1/invoiceitems/${item.id}`)).status).toBe(404)
  expect((await get('/v1/customers')).data).toEqual([])
  expect(await get(`/v1/subscriptions/${subscription.id}`)).toMatchObject({ status: 'canceled' })
  expect((await get('/v1/subscriptions')).data).toEqual([])
  expect((await get('/v1/subscriptions?status=all')).data).toHaveLength(1)
  expect((await get('/v1/subscriptions?status=ended')).data).toHaveLength(1)
  expect(simulator.snapshot('customer').customer).toEqual({})
  expect(Object.keys(simulator.snapshot('subscription').subscription!)).toEqual([subscription.id])
})

test('what has no delete refuses it, and can vanish silently', async () => {
  const { simulator, ask, emits } = await start()
  const charge = simulator.create('charge')
  expect(() => simulator.remove('charge', charge.id)).toThrow(/cannot be deleted/)
  expect(await emits(() => simulator.remove('charge', charge.id, { silently: true }))).toEqual([])
  expect((await ask(`/v1/charges/${charge.id}`)).status).toBe(404)
  const customer = simulator.create('customer')
  simulator.remove('customer', customer.id, { silently: true })
  expect((await ask(`/v1/customers/${customer.id}`)).status).toBe(404)
})

test('embedded lists are cut at 10 on the wire and in events, and whole in the snapshot', async () => {
  const { simulator, get, events } = await start()
  const subscription = simulator.create('subscription', {
    items: Array.from({ length: 12 }, () => ({})),
  })
  const shown = (await get('/v1/subscriptions')).data[0]!
  expect(shown.items).toMatchObject({
    has_more: true,
    url: `/v1/subscription_items?subscription=${subscription.id}`,
  })
  expect(childrenOf(shown)).toHaveLength(10)
  const [event] = (await events()).slice(-1)
  expect(event!.data.object).toEqual(shown)
  const whole = JSON.parse(simulator.snapshot('subscription').subscription![subscription.id]!)
  expect(whole.items).toMatchObject({ has_more: false })
  expect(childrenOf(whole)).toHaveLength(12)
  const rest = await get(
    `/v1/subscription_items?subscription=${subscription.id}&starting_after=${childrenOf(shown)[9]!.id}`,
  )
  expect([...childrenOf(shown), ...rest.data]).toEqual(childrenOf(whole))
  expect(await get(`/v1/subscription_items/${rest.data[0]!.id}`)).toEqual(rest.data[0])
  expect(Object.keys(simulator.snapshot('subscription_item').subscription_item!)).toHaveLength(12)
})

test('ties of one second keep their order, and the events of one second too', async () => {
  const { simulator, get } = await start()
  const ids = Array.from({ length: 5 }, () => simulator.create('coupon').id)
  expect((await get('/v1/coupons')).data.map(({ id }) => id)).toEqual(ids.toReversed())
  const { data } = await get<Event>('/v1/events')
  expect(new Set(data.map(({ created }) => created)).size).toBe(1)
})

test('created filters are inclusive or not as their operator says', async () => {
  const { clock, simulator, get } = await start()
  for (let second = 0; second < 5; second++) {
    simulator.create('product', { name: `p${second}` })
    clock.advance(1000)
  }
  const from = startMs / 1000
  const names = async (query: string) =>
    (await get(`/v1/products?${query}`)).data.map(({ name }) => name as string).join()
  expect(await names(`created[gte]=${from + 1}&created[lt]=${from + 3}`)).toBe('p2,p1')
  expect(await names(`created[gt]=${from + 1}&created[lte]=${from + 3}`)).toBe('p3,p2')
  expect(await names(`created=${from + 4}`)).toBe('p4')
})

test('an event is listed only after its delay, whatever its second says', async () => {
  const { clock, simulator, get, ask } = await start({ visibilityDelayMs: 10_000, seed: 3 })
  for (let turn = 0; turn < 40; turn++) {
    simulator.create('customer')
    clock.advance(250)
  }
  const soon = (await get<Event>('/v1/events?limit=100')).data
  expect(soon.length).toBeLessThan(40)
  clock.advance(10_000)
  const all = (await get<Event>('/v1/events?limit=100')).data
  expect(all).toHaveLength(40)
  const late = all.filter(({ id }) => !soon.some((event) => event.id === id))
  expect(late.some(({ created }) => created < soon[0]!.created)).toBe(true)
  expect((await ask(`/v1/events/${late[0]!.id}`)).status).toBe(200)
})

test('events are filtered by type, twinned on demand, and gone after 30 days', async () => {
  const { clock, simulator, get } = await start()
  simulator.create('customer')
  simulator.create('product')
  simulator.settings.twinProbability = 1
  simulator.create('coupon')
  const types = async (query: string) =>
    (await get<Event>(`/v1/events?${query}`)).data.map(({ type }) => type)
  expect(await types('type=c*')).toEqual(['coupon.created', 'coupon.created', 'customer.created'])
  expect(await types('types[]=product.created&types[]=customer.created')).toEqual([
    'product.created',
    'customer.created',
  ])
  expect((await get(`/v1/events?${'types[]=x&'.repeat(21)}`)).error).toMatchObject({
    param: 'types',
  })
  const [oldest] = (await get<Event>('/v1/events')).data.slice(-1)
  clock.advance(31 * dayMs)
  expect(await types('')).toEqual([])
  simulator.create('customer')
  const refusal = (await get(`/v1/events?starting_after=${oldest!.id}`)).error
  expect(refusal).toMatchObject({
    param: 'starting_after',
    message: expect.stringContaining('no longer available'),
  })
})

test('an older version shows older shapes, and events keep the shape of the account', async () => {
  const { simulator, get, events } = await start()
  const { id } = simulator.create('subscription')
  const old = await get(`/v1/subscriptions/${id}`, { 'stripe-version': '2024-06-20' })
  expect(old).toHaveProperty('current_period_end')
  expect(await get(`/v1/subscriptions/${id}`)).not.toHaveProperty('current_period_end')
  simulator.settings.apiVersion = '2024-06-20'
  simulator.update('subscription', id, { description: 'x' })
  const [event] = (await events()).slice(-1)
  expect(event).toMatchObject({ api_version: '2024-06-20', data: { object: { discount: null } } })
})

test('documented limits answer 429 with their reason, per endpoint and over all', async () => {
  const { clock, ask } = await start({ limits: true })
  const reasons = async (paths: string[]) => {
    const answers = await Promise.all(paths.map((path) => ask(path)))
    return answers.map((answer) => answer.headers.get('stripe-rate-limited-reason'))
  }
  const serial = async (path: string, count: number) => {
    const found: (string | null)[] = []
    for (let turn = 0; turn < count; turn++) found.push(...(await reasons([path])))
    return found
  }
  expect((await serial('/v1/customers', 26)).filter(Boolean)).toEqual(['endpoint-rate'])
  expect(await reasons(['/v1/products'])).toEqual(['global-rate'])
  clock.advance(1000)
  expect(await reasons(['/v1/products'])).toEqual([null])
})

test('more than 20 requests at once are refused', async () => {
  const { simulator, ask } = await start({ limits: true, livemode: true })
  simulator.faults.add({ kind: 'latency', ms: 200 })
  const answers = await Promise.all(Array.from({ length: 24 }, () => ask('/v1/customers')))
  const reasons = answers.map((answer) => answer.headers.get('stripe-rate-limited-reason'))
  expect(reasons.filter((reason) => reason === 'global-concurrency')).toHaveLength(4)
})

test('a key can be narrowed, widened, revoked and restored', async () => {
  const { simulator, ask } = await start()
  const key = simulator.keys.restricted(['customer'])
  const status = async (path: string) =>
    (await ask(path, { authorization: `Bearer ${key}` })).status
  expect([await status('/v1/customers'), await status('/v1/events')]).toEqual([403, 200])
  simulator.keys.permit(key, ['event'])
  expect([await status('/v1/customers'), await status('/v1/events')]).toEqual([200, 403])
  simulator.keys.revoke(key)
  expect(await status('/v1/customers')).toBe(401)
  simulator.keys.restore(key)
  expect([await status('/v1/customers'), await status('/v1/events')]).toEqual([200, 403])
})

test('the past can be written, its events only as far back as they are kept', async () => {
  const { simulator, get, events } = await start()
  const now = startMs / 1000
  const old = simulator.backdate(now - 40 * 86_400, () => simulator.create('customer'))
  const young = simulator.backdate(now - 86_400, () => simulator.create('customer'))
  expect((await get('/v1/customers')).data.map(({ id }) => id)).toEqual([young.id, old.id])
  expect(await events()).toMatchObject([
    { created: now - 86_400, data: { object: { id: young.id } } },
  ])
})

test('a rate limit fault can carry Retry-After, a lock has no reason', async () => {
  const { simulator, ask } = await start()
  simulator.faults.add({ kind: 'rate_limit', retryAfter: 2, count: 1 })
  simulator.faults.add({ kind: 'rate_limit', code: 'lock_timeout', shouldRetry: true, count: 1 })
  const first = await ask('/v1/customers')
  expect([first.status, first.headers.get('retry-after')]).toEqual([429, '2'])
  const second = await ask('/v1/customers')
  expect(second.headers.get('stripe-rate-limited-reason')).toBeNull()
  expect(second.headers.get('stripe-should-retry')).toBe('true')
  expect(await second.json()).toMatchObject({ error: { code: 'lock_timeout' } })
})

test('answers carry their headers; other accounts, basic auth and unknown urls are told apart', async () => {
  const { simulator, ask } = await start()
  const answer = await ask('/v1/customers', { 'stripe-version': '2026-09-30.endive' })
  expect(answer.headers.get('request-id')).toMatch(/^req_/)
  expect(answer.headers.get('stripe-version')).toBe('2026-09-30.endive')
  expect(answer.headers.get('date')).toBe(new Date(startMs).toUTCString())
  const basic = `Basic ${Buffer.from(`${simulator.keys.secret}:`).toString('base64')}`
  expect((await ask('/v1/account', { authorization: basic })).status).toBe(200)
  expect((await ask('/v1/account', { 'stripe-account': 'acct_other' })).status).toBe(403)
  expect((await ask('/v1/nothing')).status).toBe(404)
  expect((await ask('/v1/customers/')).status).toBe(404)
  expect(simulator.log.map(({ path, status, key }) => [path, status, key]).slice(1, 3)).toEqual([
    ['/v1/account', 200, simulator.keys.secret.slice(-4)],
    ['/v1/account', 403, simulator.keys.secret.slice(-4)],
  ])
})

test('a seeded account is of about the size asked for, the same for one seed, and every list has its quirks', () => {
  const make = () => {
    const simulator = createStripeSimulator({ seed: 5, now: () => startMs })
    simulator.seedAccount(4000)
    return simulator.snapshot()
  }
  const account = make()
  const values = (name: Collection) =>
    Object.values(account[name]!).map((text) => JSON.parse(text) as StripeObject)
  const total = collections.reduce((sum, name) => sum + Object.keys(account[name]!).length, 0)
  expect(total).toBeGreaterThan(3600)
  expect(total).toBeLessThan(4400)
  expect(make()).toEqual(account)
  expect(values('invoice').some((invoice) => childrenOf(invoice).length > 100)).toBe(true)
  expect(values('subscription').some((subscription) => childrenOf(subscription).length > 10)).toBe(
    true,
  )
  const seconds = values('customer').map(({ created }) => created)
  expect(seconds.length - new Set(seconds).size).toBeGreaterThan(20)
  for (const customer of values('customer').slice(0, 50)) {
    expect(JSON.stringify(customer).length).toBeGreaterThan(700)
  }
})

test('references of a seeded account name objects that are there', () => {
  const simulator = createStripeSimulator({ seed: 6, now: () => startMs })
  simulator.seedAccount(1500)
  const account = simulator.snapshot()
  const fields: [Collection, string, Collection][] = [
    ['price', 'product', 'product'],
    ['subscription', 'customer', 'customer'],
    ['subscription_item', 'subscription', 'subscription'],
    ['invoice', 'customer', 'customer'],
    ['invoiceitem', 'customer', 'customer'],
    ['charge', 'balance_transaction', 'balance_transaction'],
    ['payment_intent', 'latest_charge', 'charge'],
    ['refund', 'charge', 'charge'],
    ['dispute', 'charge', 'charge'],
  ]
  for (const [collection, field, target] of fields) {
    for (const text of Object.values(account[collection]!)) {
      const value = JSON.parse(text) as Fields
      if (value[field] !== null) expect(account[target]).toHaveProperty([value[field] as string])
    }
  }
})
