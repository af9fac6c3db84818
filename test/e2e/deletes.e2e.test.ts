/** G11: deletes without events, the evidence they need, and the fuse, through the API. */
import { describe, expect, test } from 'vitest'
import type { Road } from '../support/road.ts'
import { openRoad, patiently } from '../support/road.ts'

async function tombstones(road: Road): Promise<number> {
  return (await road.database.sql`select 1 from record where deleted`).length
}

function idsOf(road: Road, collection: 'customer' | 'tax_rate' | 'invoiceitem'): string[] {
  return Object.keys(road.simulator.snapshot(collection)[collection] ?? {})
}

/** Compares one collection anew, and waits until that is over: the next is due in the future. (Due now: it is asked for.) */
async function compare(road: Road, syncId: string, collectionId: string): Promise<void> {
  const generation = async () =>
    (
      await road.database.sql<{ generation: number; over: boolean | null }[]>`
        select generation, enumerate_due_at > clock_timestamp() as over from source where sync_id = ${syncId} and collection_id = ${collectionId}`
    )[0]!
  const before = await generation()
  const body = { collection_ids: [collectionId] }
  expect((await road.ask('POST', `/v1/syncs/${syncId}/resync`, body)).status).toBe(200)
  await expect
    .poll(async () => {
      const now = await generation()
      return now.generation > before.generation && now.over
    }, patiently)
    .toBe(true)
}

async function coverage(road: Road, syncId: string, collectionId: string) {
  const { body } = await road.ask('GET', `/v1/syncs/${syncId}/coverage`)
  return body.data.find((one: { collection_id: string }) => one.collection_id === collectionId)
}

async function check(road: Road, syncId: string, name: string) {
  const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
  return body.health.checks.find((one: { name: string }) => one.name === name)
}

test('G11: coverage counts what a sweep repaired and tombstoned while the account lives', async () => {
  await using road = await openRoad({ total: 400 })
  await road.work()
  const syncId = await road.sync({ collection_ids: ['stripe:invoiceitem', 'stripe:customer'] })
  await road.atRest()
  const [gone, ...rest] = idsOf(road, 'invoiceitem')
  // The provider sends no event for edits of these.
  for (const id of rest.slice(0, 2))
    road.simulator.update('invoiceitem', id, { description: 'edited' })
  road.simulator.remove('invoiceitem', gone!, { silently: true })
  const made = setInterval(() => road.simulator.create('invoiceitem'), 20)
  await compare(road, syncId, 'stripe:invoiceitem')
  clearInterval(made)
  await road.atRest()
  const { evidence, statement } = await coverage(road, syncId, 'stripe:invoiceitem')
  expect(evidence).toMatchObject({ repaired: 2, tombstoned: 1, open: 0, held: 0, kept: 0 })
  expect(statement).toMatch(/^Equal as of .*: \d+ compared, 2 repaired, 1 tombstoned\.$/)
})

describe('G11: the fuse', () => {
  async function massDelete(): Promise<{ road: Road; syncId: string; gone: string[] }> {
    const road = await openRoad()
    // an event of a moment ago counts as seen up to two seconds ahead: what the comparison began before is not judged by it
    road.simulator.backdate(Math.floor(Date.now() / 1000) - 60, () => {
      for (let i = 0; i < 220; i++) road.simulator.create('tax_rate', {})
    })
    await road.work()
    const syncId = await road.sync({ collection_ids: ['stripe:tax_rate', 'stripe:customer'] })
    await road.atRest()
    const gone = idsOf(road, 'tax_rate').slice(0, 150)
    for (const id of gone) road.simulator.remove('tax_rate', id, { silently: true })
    await compare(road, syncId, 'stripe:tax_rate')
    return { road, syncId, gone }
  }

  test('holds a mass delete until somebody approves', async () => {
    const scene = await massDelete()
    await using road = scene.road
    const { syncId } = scene
    expect(await tombstones(road)).toBe(0)
    expect(await check(road, syncId, 'deletes')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('150 of 220 records of stripe:tax_rate'),
    })
    expect((await coverage(road, syncId, 'stripe:tax_rate')).evidence).toMatchObject({ held: 150 })
    expect((await road.ask('POST', `/v1/syncs/${syncId}/deletes/approve`)).status).toBe(200)
    await road.atRest()
    expect(await tombstones(road)).toBe(150)
    expect((await coverage(road, syncId, 'stripe:tax_rate')).evidence).toMatchObject({
      held: 0,
      tombstoned: 150,
    })
    expect((await road.ask('POST', `/v1/syncs/${syncId}/deletes/approve`)).status).toBe(409)
  })

  test('rejected, it does not come back with the next enumeration, and may be approved later', async () => {
    const scene = await massDelete()
    await using road = scene.road
    const { syncId } = scene
    expect((await road.ask('POST', `/v1/syncs/${syncId}/deletes/reject`)).status).toBe(200)
    await compare(road, syncId, 'stripe:tax_rate')
    expect(await check(road, syncId, 'deletes')).toMatchObject({
      status: 'healthy',
      message: expect.stringContaining('150 records are missing'),
    })
    expect(await tombstones(road)).toBe(0)
    const row = await coverage(road, syncId, 'stripe:tax_rate')
    expect(row).toMatchObject({
      evidence: { kept: 150, held: 0, tombstoned: 0 },
      held_deletes: null,
    })
    expect((await road.ask('POST', `/v1/syncs/${syncId}/deletes/approve`)).status).toBe(200)
    await road.atRest()
    expect(await tombstones(road)).toBe(150)
  })
})

describe('G11: a credential that names another account deletes nothing', () => {
  test.each([
    ['account', { upstream_account: 'acct_another' }, 'another account'],
    ['mode', { livemode: true }, 'the other mode'],
  ])('%s', async (_, moved, words) => {
    await using road = await openRoad({ total: 200 })
    await road.work()
    const syncId = await road.sync()
    await road.atRest()
    const { sql } = road.database
    const [before] = await sql<{ upstream_account: string; livemode: boolean }[]>`
      select upstream_account, livemode from credentials`
    await sql`update credentials set ${sql(moved)}`
    for (const id of idsOf(road, 'tax_rate'))
      road.simulator.remove('tax_rate', id, { silently: true })
    await road.ask('POST', `/v1/syncs/${syncId}/resync`)
    await expect
      .poll(async () => await check(road, syncId, 'credential'), patiently)
      .toMatchObject({ status: 'error', message: expect.stringContaining(words) })
    expect(await tombstones(road)).toBe(0)
    await sql`update credentials set ${sql(before!)}`
    await road.ask('POST', `/v1/syncs/${syncId}/check`)
    await road.atRest()
    expect(await tombstones(road)).toBeGreaterThan(0)
  })
})

test('G11: prices made inline stand in no list, and no sweep takes them away', async () => {
  await using road = await openRoad({ total: 200 })
  await road.work()
  const syncId = await road.sync({ collection_ids: ['stripe:price', 'stripe:product'] })
  await road.atRest()
  const price = Object.keys(road.simulator.snapshot('price')['price'] ?? {})[0]!
  road.simulator.remove('price', price, { silently: true })
  await compare(road, syncId, 'stripe:price')
  const looks = road.simulator.log.filter(({ path }) => path === `/v1/prices/${price}`)
  expect(looks).toEqual([])
  expect(await tombstones(road)).toBe(0)
  expect((await coverage(road, syncId, 'stripe:price')).evidence).toMatchObject({
    tombstoned: 0,
    open: 0,
  })
})
