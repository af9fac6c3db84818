import { describe, expect, test } from 'vitest'
import type { Road } from '../support/road.ts'
import { openRoad, patiently } from '../support/road.ts'

const ids = ['customer', 'invoice', 'charge', 'product'].map((name) => `stripe:${name}`)

/** A sync in the middle of its first backfill, which is slow. */
async function inMidBackfill(collectionIds = ids): Promise<[Road, string]> {
  const road = await openRoad({ total: 1_500 })
  road.simulator.faults.add({ kind: 'latency', ms: 150 })
  await road.work()
  const syncId = await road.sync({ collection_ids: collectionIds })
  await expect.poll(() => road.simulator.log.length, patiently).toBeGreaterThan(8)
  // requests alone may all be those that position the feeds: a resync before the first enumeration is not another one
  await expect.poll(async () => Object.values(await generations(road)), patiently).not.toContain(0)
  return [road, syncId]
}

async function generations({ database }: Road): Promise<Record<string, number>> {
  const rows = await database.sql<{ name: string; generation: number }[]>`
    select collection_id as name, generation from source where removed_at is null`
  return Object.fromEntries(rows.map((row) => [row.name, row.generation]))
}

test('G11: a resync in mid-backfill begins again, and at rest nothing is missing', async () => {
  const [opened, syncId] = await inMidBackfill()
  await using road = opened
  expect((await road.ask('POST', `/v1/syncs/${syncId}/resync`)).status).toBe(200)
  road.simulator.faults.clear()
  await expect
    .poll(async () => Math.min(...Object.values(await generations(road))), patiently)
    .toBe(2)
  await road.atRest()
})

test('G8: a pause while everything waits for quota holds, and the wait goes on after the resume', async () => {
  await using road = await openRoad({ total: 300 })
  await road.work()
  const refusal = road.simulator.faults.add({
    kind: 'rate_limit',
    path: '/v1/customers',
    retryAfter: 15,
    count: 1,
  })
  const syncId = await road.sync({ collection_ids: ids })
  await expect.poll(() => refusal.hits, patiently).toBe(1)
  const refusedAt = Date.now()
  expect((await road.ask('POST', `/v1/syncs/${syncId}/pause`)).status).toBe(200)
  const pausedAt = Date.now()
  // Past the end of the wait that the provider asked for.
  await expect.poll(() => Date.now() - refusedAt, patiently).toBeGreaterThan(18_000)
  expect(road.requestsSince(pausedAt + 500)).toBe(0)
  expect((await road.ask('POST', `/v1/syncs/${syncId}/resume`)).status).toBe(200)
  await road.atRest()
})

describe('a collection', () => {
  test('that is put in while a backfill runs is read whole, beside it', async () => {
    const [opened, syncId] = await inMidBackfill(ids.slice(0, 2))
    await using road = opened
    const patched = await road.ask('PATCH', `/v1/syncs/${syncId}`, { collection_ids: ids })
    expect(patched.status).toBe(200)
    road.simulator.faults.clear()
    await road.atRest()
    expect(Object.keys(await generations(road)).toSorted()).toEqual(ids.toSorted())
  })

  test('that is taken out while it is read is asked for no more; put in again, it is equal again', async () => {
    const [opened, syncId] = await inMidBackfill()
    await using road = opened
    const path = `/v1/syncs/${syncId}`
    const without = await road.ask('PATCH', path, { collection_ids: ids.slice(1) })
    expect(without.status).toBe(200)
    road.simulator.faults.clear()
    await road.atRest()
    const customers = Object.keys(road.simulator.snapshot('customer')['customer'] ?? {})
    const since = Date.now()
    road.simulator.remove('customer', customers[0]!)
    road.simulator.update('customer', customers[1]!, { name: 'changed while it was out' })
    await road.ask('POST', `${path}/check`)
    await expect
      .poll(() => road.simulator.log.some(({ at, path: p }) => at > since && p === '/v1/events'), {
        ...patiently,
      })
      .toBe(true)
    const asked = road.simulator.log.filter(({ at, path: p }) => at > since && /customers/.test(p))
    expect(asked).toEqual([])
    expect((await road.ask('PATCH', path, { collection_ids: ids })).status).toBe(200)
    await expect.poll(async () => await road.differences(), patiently).toEqual([])
    await road.atRest()
  })
})

describe('a sync is deleted', () => {
  async function expectGone(road: Road, syncId: string): Promise<void> {
    expect((await road.ask('DELETE', `/v1/syncs/${syncId}`)).status).toBeLessThan(300)
    await road.handle(syncId).result()
    expect(await road.database.sql`select 1 from record where not deleted`).toHaveLength(0)
    const since = Date.now()
    await expect.poll(() => Date.now() - since, patiently).toBeGreaterThan(2_000)
    expect(road.requestsSince(since)).toBe(0)
  }

  test('in mid-backfill', async () => {
    const [opened, syncId] = await inMidBackfill()
    await using road = opened
    await expectGone(road, syncId)
  })

  test('while it is paused', async () => {
    const [opened, syncId] = await inMidBackfill()
    await using road = opened
    await road.ask('POST', `/v1/syncs/${syncId}/pause`)
    await expectGone(road, syncId)
  })

  test('while its credential is refused', async () => {
    const [opened, syncId] = await inMidBackfill()
    await using road = opened
    road.simulator.faults.add({ kind: 'unauthorized' })
    await expect
      .poll(
        async () => (await road.ask('GET', `/v1/syncs/${syncId}`)).body.health.status,
        patiently,
      )
      .toBe('error')
    await expectGone(road, syncId)
  })
})
