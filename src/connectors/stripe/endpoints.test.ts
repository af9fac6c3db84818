import { expect, test } from 'vitest'
import { createStripeSimulator } from '../../simulators/stripe/simulator.ts'
import type { Context, UpstreamRequest } from '../connector.ts'
import { stripe } from './index.ts'

/** Requests of a connector, sent as they are. */
async function open() {
  const simulator = createStripeSimulator()
  const server = await simulator.listen()
  const request = async ({ method = 'GET', path, query, headers, body }: UpstreamRequest) => {
    const response = await fetch(`${server.url}${path}?${new URLSearchParams(query ?? [])}`, {
      method,
      headers: { ...headers, authorization: `Bearer ${simulator.keys.secret}` },
      ...(body === undefined ? {} : { body }),
    })
    return {
      status: response.status,
      headers: {},
      body: await response.text(),
      observedAt: new Date().toISOString(),
    }
  }
  const signal = AbortSignal.timeout(10_000)
  const ctx: Context = {
    request,
    config: {},
    remember: async (_key, _age, load) => await load(),
    now: Date.now,
    signal,
  }
  return {
    ctx,
    async endpoints() {
      const { body } = await request({ path: '/v1/webhook_endpoints', query: [['limit', '100']] })
      return (JSON.parse(body) as { data: { id: string; url: string; enabled_events: string[] }[] })
        .data
    },
    async [Symbol.asyncDispose]() {
      await server.close()
      simulator.close()
    },
  }
}

const register = stripe.webhooks!.register!
const unregister = stripe.webhooks!.unregister!

test('an endpoint is registered for all events, and its secret comes back', async () => {
  await using scene = await open()
  const made = await register(scene.ctx, { url: 'http://127.0.0.1:1/a', owner: 'one' })
  expect(made).toEqual({
    id: expect.stringMatching(/^we_/),
    secret: expect.stringMatching(/^whsec_/),
  })
  expect(await scene.endpoints()).toMatchObject([
    { id: made.id, url: 'http://127.0.0.1:1/a', enabled_events: ['*'] },
  ])
})

test('registered again, also after an answer that was lost, there is one; others stay', async () => {
  await using scene = await open()
  const other = await register(scene.ctx, { url: 'http://127.0.0.1:1/b', owner: 'two' })
  await register(scene.ctx, { url: 'http://127.0.0.1:1/a', owner: 'one' })
  const last = await register(scene.ctx, { url: 'http://127.0.0.1:1/c', owner: 'one' })
  const ids = (await scene.endpoints()).map(({ id }) => id)
  expect(ids.toSorted()).toEqual([other.id, last.id].toSorted())
})

test('one that is gone already can be taken away', async () => {
  await using scene = await open()
  const { id } = await register(scene.ctx, { url: 'http://127.0.0.1:1/a', owner: 'one' })
  await unregister(scene.ctx, id)
  await unregister(scene.ctx, id)
  expect(await scene.endpoints()).toEqual([])
})
