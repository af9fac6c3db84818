import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Stripe } from 'stripe'
import { expect, onTestFinished, test } from 'vitest'
import { createStripeSimulator } from './simulator.ts'
import { sign } from './webhooks.ts'

type Delivery = { body: string; signature: string }

async function receiver(statuses: number[]) {
  const deliveries: Delivery[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      deliveries.push({
        body: Buffer.concat(chunks).toString(),
        signature: String(request.headers['stripe-signature']),
      })
      response.writeHead(statuses.shift() ?? 200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { deliveries, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

async function start() {
  const simulator = createStripeSimulator({ webhookRetriesMs: [5, 5] })
  const server = await simulator.listen()
  onTestFinished(async () => {
    await server.close()
    simulator.close()
  })
  const { hostname, port } = new URL(server.url)
  return {
    simulator,
    stripe: new Stripe(simulator.keys.secret, { host: hostname, port, protocol: 'http' }),
  }
}

test('the signature is that of the reference vector', () => {
  expect(sign('{"id":"evt_1"}', ['whsec_test_secret'], 1_700_000_000)).toBe(
    't=1700000000,v1=248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a',
  )
})

test('an event is delivered signed, retried until it is taken, and only to those who want its type', async () => {
  const { simulator, stripe } = await start()
  const wanted = await receiver([500, 302])
  const unwanted = await receiver([])
  const endpoint = await stripe.webhookEndpoints.create({
    url: wanted.url,
    enabled_events: ['customer.created'],
  })
  await stripe.webhookEndpoints.create({ url: unwanted.url, enabled_events: ['product.created'] })
  simulator.create('coupon')
  const customer = simulator.create('customer')
  await expect.poll(() => wanted.deliveries.length).toBe(3)
  const { body, signature } = wanted.deliveries[2]!
  const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret!)
  expect(event).toMatchObject({ type: 'customer.created', data: { object: { id: customer.id } } })
  expect(new Set(wanted.deliveries.map((delivery) => JSON.parse(delivery.body).id)).size).toBe(1)
  expect(unwanted.deliveries).toEqual([])
})

test('a deleted endpoint gets nothing, and the secret is shown only once', async () => {
  const { simulator, stripe } = await start()
  const { deliveries, url } = await receiver([])
  const first = await stripe.webhookEndpoints.create({ url, enabled_events: ['*'] })
  const second = await stripe.webhookEndpoints.create({ url, enabled_events: ['*'] })
  expect(await stripe.webhookEndpoints.retrieve(first.id)).not.toHaveProperty('secret')
  expect((await stripe.webhookEndpoints.list()).data.map(({ id }) => id)).toEqual([
    second.id,
    first.id,
  ])
  await stripe.webhookEndpoints.del(first.id)
  simulator.create('customer')
  await expect.poll(() => deliveries.length).toBe(1)
  expect(() =>
    stripe.webhooks.constructEvent(deliveries[0]!.body, deliveries[0]!.signature, second.secret!),
  ).not.toThrow()
})
