import { expect, test } from 'vitest'
import type { Road } from '../support/road.ts'
import { openRoad, patiently } from '../support/road.ts'

async function register(road: Road, syncId: string) {
  const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
  const made = await road.ask('POST', `/v1/credentials/${body.credential_id}/webhook-endpoint`)
  expect(made).toMatchObject({ status: 201, body: { registered: true, ready: true } })
  return body.credential_id as string
}

async function endpoints(road: Road): Promise<{ id: string; url: string }[]> {
  const response = await fetch(`${road.simulatorUrl}/v1/webhook_endpoints`, {
    headers: { authorization: `Bearer ${road.simulator.keys.secret}` },
  })
  return ((await response.json()) as { data: { id: string; url: string }[] }).data
}

async function nameOf(road: Road, id: string): Promise<string | null> {
  const [row] = await road.database.sql<{ name: string }[]>`
    select data ->> 'name' as name from record where upstream_id = ${id}`
  return row?.name ?? null
}

test('a webhook wakes the slice that follows, while a poll is still waiting for its answer', async () => {
  await using road = await openRoad({ total: 200, reachable: true })
  await road.work()
  const syncId = await road.sync()
  await road.atRest()
  await register(road, syncId)
  // Nothing but the webhook can tell: the feed does not answer for as long as this test runs.
  const silent = road.simulator.faults.add({ kind: 'slow', path: '/v1/events', ms: 25_000 })
  await expect.poll(() => silent.hits, patiently).toBeGreaterThan(0)
  const { id } = road.simulator.create('customer', { name: 'Ada' })
  await expect
    .poll(async () => await nameOf(road, id), { timeout: 5_000, interval: 10 })
    .toBe('Ada')
  road.simulator.update('customer', id, { name: 'Grace' })
  await expect
    .poll(async () => await nameOf(road, id), { timeout: 5_000, interval: 10 })
    .toBe('Grace')
  silent.remove()
  const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
  expect(body.health.checks.find((one: { name: string }) => one.name === 'webhooks')).toMatchObject(
    {
      status: 'healthy',
      message: expect.stringContaining('The last webhook came at'),
    },
  )
})

test('lost, doubled and late webhooks change nothing: polling tells all', async () => {
  await using road = await openRoad({
    total: 200,
    reachable: true,
    webhookTwinProbability: 0.5,
    webhookJitterMs: 2_000,
  })
  await road.work()
  const syncId = await road.sync()
  await road.atRest()
  await register(road, syncId)
  const stop = road.simulator.live(20)
  const from = road.simulator.log.length
  await expect.poll(() => road.simulator.log.length - from, patiently).toBeGreaterThan(60)
  stop()
  await road.ask('POST', `/v1/syncs/${syncId}/resync`)
  await road.atRest()
})

test('an endpoint is registered once, however often one asks, and goes with its credential', async () => {
  await using road = await openRoad({ reachable: true })
  const { body } = await road.ask('POST', '/v1/credentials', {
    properties: {
      kind: 'stripe_key',
      secret: road.simulator.keys.secret,
      base_url: road.simulatorUrl,
    },
  })
  const ask = async () => await road.ask('POST', `/v1/credentials/${body.id}/webhook-endpoint`)
  await ask()
  const lost = road.simulator.faults.add({ kind: 'cut', path: '/v1/webhook_endpoints', count: 1 })
  expect((await ask()).status).toBeGreaterThanOrEqual(500)
  lost.remove()
  const last = await ask()
  expect(await endpoints(road)).toMatchObject([{ url: last.body.url }])
  expect((await road.ask('DELETE', `/v1/credentials/${body.id}`)).status).toBe(200)
  expect(await endpoints(road)).toEqual([])
})
