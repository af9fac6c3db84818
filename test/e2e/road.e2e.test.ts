import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { environment } from '../../src/config.ts'
import { findTemporal } from '../../src/main/embedded/findTemporal.ts'
import { workflowId } from '../../src/temporal/names.ts'
import type { Road } from '../support/road.ts'
import { allCollections, openRoad, patiently } from '../support/road.ts'

const run = promisify(execFile)

type Delivered = {
  ack_token: string
  record: { upstream_id: string; deleted: boolean; data: { name?: string }; updated_idx: number }
}
type Named = { name: string; message: string }
type OfSync = { collection_id: string; last_error: string | null }

/** Everything that waits for a consumer, acknowledged. */
async function consume(road: Road, consumerId: string): Promise<Delivered['record'][]> {
  const records: Delivered['record'][] = []
  for (;;) {
    const { body } = await road.ask('GET', `/v1/http-consumers/${consumerId}/next?batch_size=1000`)
    const deliveries = body.data as Delivered[]
    if (deliveries.length === 0) return records
    records.push(...deliveries.map((one) => one.record))
    await road.ask('POST', `/v1/http-consumers/${consumerId}/ack`, {
      ack_tokens: deliveries.map((one) => one.ack_token),
    })
  }
}

async function makeConsumer(road: Road): Promise<string> {
  const { status, body } = await road.ask('POST', '/v1/http-consumers', { stream_id: 'default' })
  expect(status).toBe(201)
  return body.id as string
}

describe('one account, end to end', () => {
  test('G1, G4, G11: a whole account reaches a consumer, then what is created, updated and deleted', async () => {
    await using road = await openRoad({ total: 300 })
    await road.work()
    // every collection there is; the simulator lets through more than a sandbox
    await road.sync({
      collection_ids: allCollections,
      rate_limit: { allowed_requests: 300, interval: 1, max_concurrent_requests: 16 },
    })
    const consumerId = await makeConsumer(road)
    await road.atRest()
    const account = Object.values(road.simulator.snapshot()).flatMap((texts) =>
      Object.keys(texts ?? {}),
    )
    const first = await consume(road, consumerId)
    expect(new Set(first.map((record) => record.upstream_id))).toEqual(new Set(account))

    const created = road.simulator.create('customer', { name: 'Ada' })
    road.simulator.update('customer', created.id, { name: 'Ada Lovelace' })
    const gone = Object.keys(road.simulator.snapshot('coupon')['coupon'] ?? {})[0]!
    road.simulator.remove('coupon', gone)
    const seen: Delivered['record'][] = []
    await expect
      .poll(async () => {
        seen.push(...(await consume(road, consumerId)))
        return [
          seen.some(
            (record) => record.upstream_id === created.id && record.data.name === 'Ada Lovelace',
          ),
          seen.some((record) => record.upstream_id === gone && record.deleted),
        ]
      }, patiently)
      .toEqual([true, true])
    await road.atRest()
  })

  test('what a key may not read, and what the account does not have, is told and holds up nothing', async () => {
    await using road = await openRoad({ total: 100, off: ['Issuing', 'Treasury', 'Identity'] })
    await road.work()
    const has = ['stripe:customer', 'stripe:invoice']
    const hasNot = [
      'stripe:issuing_card',
      'stripe:treasury_transaction',
      'stripe:identity_verification_session',
    ]
    const key = road.simulator.keys.restricted(['invoice'])
    const syncId = await road.sync({ collection_ids: [...has, ...hasNot] }, key)
    await road.atRest()
    const sync = async () => (await road.ask('GET', `/v1/syncs/${syncId}`)).body
    const phases = async () => (await sync()).collections.map((one: { phase: string }) => one.phase)
    await expect
      .poll(phases, patiently)
      .toEqual(['live', 'blocked', 'blocked', 'blocked', 'blocked'])
    const { credential_id: credentialId, health } = await sync()
    expect(health.status).toBe('warning')
    const says = health.checks.find((check: { name: string }) => check.name === 'collections')
    expect(says.message).toContain('1 of 2 collections cannot be read. stripe:invoice')
    const { body } = await road.ask('GET', `/v1/collections/${credentialId}`)
    const access = Object.fromEntries(
      body.data.map((one: { id: string; access: unknown }) => [one.id, one.access]),
    )
    expect(access['stripe:customer']).toEqual({ status: 'readable', reason: null })
    expect(access['stripe:invoice']).toMatchObject({ status: 'not_permitted' })
    expect(access['stripe:invoice'].reason).toContain('rak_invoice_read')
    for (const id of hasNot) expect(access[id]).toMatchObject({ status: 'not_enabled' })
    await road.ask('PATCH', `/v1/syncs/${syncId}`, {
      collection_ids: ['stripe:customer', ...hasNot],
    })
    await expect.poll(async () => (await sync()).health.status, patiently).toBe('healthy')
    road.simulator.settings.off = []
    await road.ask('POST', `/v1/syncs/${syncId}/check`)
    await expect.poll(phases, patiently).toEqual(['live', 'live', 'live', 'live'])
    await road.atRest()
  })

  test('G2: a page that was on its way while its records changed and died takes nothing back', async () => {
    await using road = await openRoad({ total: 300 })
    const [changed, gone] = Object.keys(road.simulator.snapshot('customer')['customer'] ?? {})
    const slow = road.simulator.faults.add({ kind: 'slow', path: '/v1/customers', ms: 6_000 })
    await road.work()
    await road.sync()
    const consumerId = await makeConsumer(road)
    // The listing shows the old states, and trickles in long after the events of the new ones.
    await expect.poll(() => slow.hits, patiently).toBeGreaterThan(0)
    road.simulator.update('customer', changed!, { name: 'Newer' })
    road.simulator.remove('customer', gone!)
    await road.atRest()
    slow.remove()
    const seen = await consume(road, consumerId)
    expect(seen.filter((record) => record.upstream_id === changed).at(-1)?.data.name).toBe('Newer')
    expect(seen.filter((record) => record.upstream_id === gone).at(-1)?.deleted).toBe(true)
  })

  test('G3: pause, resume and resync move nothing that did not change', async () => {
    await using road = await openRoad({ total: 600 })
    await road.work()
    const syncId = await road.sync()
    await road.atRest()
    const before = await road.lastIdx()
    expect((await road.ask('POST', `/v1/syncs/${syncId}/pause`)).status).toBe(200)
    expect((await road.ask('POST', `/v1/syncs/${syncId}/resume`)).status).toBe(200)
    const generations = async () =>
      (
        await road.database
          .sql`select min(generation) as least, count(*) filter (where enumerate_due_at is null) as open from source`
      )[0]
    expect((await road.ask('POST', `/v1/syncs/${syncId}/resync`)).status).toBe(200)
    await expect.poll(generations, patiently).toEqual({ least: 2, open: '0' })
    await road.atRest()
    expect(await road.lastIdx()).toBe(before)
  })

  test('a resync sees what no event tells: a change and a delete behind its back', async () => {
    await using road = await openRoad({ total: 300 })
    await road.work()
    const syncId = await road.sync()
    await road.atRest()
    const gone = Object.keys(road.simulator.snapshot('customer')['customer'] ?? {})[0]!
    road.simulator.remove('customer', gone, { silently: true })
    await road.ask('POST', `/v1/syncs/${syncId}/resync`, { collection_ids: ['stripe:customer'] })
    await expect
      .poll(
        async () => await road.database.sql`select deleted from record where upstream_id = ${gone}`,
        patiently,
      )
      .toEqual([{ deleted: true }])
    await road.atRest()
  })
})

describe('G8: a pause stops all requests within 2 s', () => {
  /** While the account lives, an active sync asks every second. */
  async function expectSilence(road: Road, pausedAt: number): Promise<void> {
    await expect.poll(() => Date.now() - pausedAt, patiently).toBeGreaterThan(5_000)
    expect(road.requestsSince(pausedAt + 2_000)).toBe(0)
  }

  async function expectLife(road: Road): Promise<void> {
    const since = Date.now()
    await expect
      .poll(() => road.requestsSince(since), { ...patiently, timeout: 5_000 })
      .toBeGreaterThan(0)
  }

  test('by the API, in mid-backfill', async () => {
    await using road = await openRoad({ total: 3_000 })
    road.simulator.faults.add({ kind: 'latency', ms: 150 })
    await road.work()
    const syncId = await road.sync()
    await expect.poll(() => road.simulator.log.length, patiently).toBeGreaterThan(20)
    const pausedAt = Date.now()
    expect((await road.ask('POST', `/v1/syncs/${syncId}/pause`)).status).toBe(200)
    await expectSilence(road, pausedAt)
    road.simulator.faults.clear()
    await road.ask('POST', `/v1/syncs/${syncId}/resume`)
    await road.atRest()
  })

  test('by a plain signal from the temporal CLI', async () => {
    await using road = await openRoad({ total: 200 })
    const stop = road.simulator.live(5)
    await road.work()
    const syncId = await road.sync()
    await expectLife(road)
    const { binary } = await findTemporal({ env: environment(), say: () => undefined })
    const signal = async (name: string) => {
      const { address } = road.temporal.address.connection
      const args = ['workflow', 'signal', '--workflow-id', workflowId(syncId), '--name', name]
      await run(binary, [
        ...args,
        '--address',
        address!,
        '--namespace',
        road.temporal.address.namespace,
      ])
    }
    await signal('pause')
    await expectSilence(road, Date.now())
    await signal('resume')
    await expectLife(road)
    stop()
    await road.atRest()
  })

  test('also where no worker hears the word', async () => {
    await using road = await openRoad({ total: 200 })
    road.simulator.live(5)
    await road.work()
    const syncId = await road.sync()
    await expectLife(road)
    await road.database
      .sql`update syncs set status = 'paused', epoch = epoch + 1 where id = ${syncId}`
    await expectSilence(road, Date.now())
  })
})

describe('trouble', () => {
  test('a refused key blocks the sync; a good one, put into the credential, wakes it', async () => {
    await using road = await openRoad({ total: 200 })
    await road.work()
    const syncId = await road.sync()
    await road.atRest()
    const fault = road.simulator.faults.add({ kind: 'unauthorized' })
    road.simulator.create('customer')
    await expect
      .poll(
        async () => (await road.ask('GET', `/v1/syncs/${syncId}`)).body.health.status,
        patiently,
      )
      .toBe('error')
    fault.remove()
    const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
    expect(body.health.checks.find((one: Named) => one.name === 'credential').message).toContain(
      'Refused since',
    )
    const patched = await road.ask('PATCH', `/v1/credentials/${body.credential_id}`, {
      properties: {
        kind: 'stripe_key',
        secret: road.simulator.keys.secret,
        base_url: road.simulatorUrl,
      },
    })
    expect(patched).toMatchObject({ status: 200 })
    await road.atRest()
    await expect
      .poll(
        async () => (await road.ask('GET', `/v1/syncs/${syncId}`)).body.health.status,
        patiently,
      )
      .toBe('healthy')
  })

  test('a collection that may not be read is blocked with the reason, all others are whole', async () => {
    await using road = await openRoad({ total: 300 })
    await road.work()
    const syncId = await road.sync({}, road.simulator.keys.restricted(['payout']))
    await road.atRest()
    const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
    const payouts = body.collections.find(
      (one: { collection_id: string }) => one.collection_id === 'stripe:payout',
    )
    expect(payouts).toMatchObject({
      phase: 'blocked',
      last_error: expect.stringContaining('permission'),
    })
    expect(body.health.status).toBe('warning')
    expect(body.initial_backfill_completed_at).not.toBeNull()
  })

  test('without events, everything is compared instead, and health says so', async () => {
    await using road = await openRoad({ total: 200 })
    road.simulator.faults.add({ kind: 'forbidden', path: '/v1/events' })
    await road.work()
    const syncId = await road.sync()
    await road.atRest()
    const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
    expect(body.health.checks.find((one: Named) => one.name === 'collections').message).toContain(
      'Changes cannot be followed',
    )
  })

  test('the way is slow, broken and limited, and the stream is whole all the same', async () => {
    await using road = await openRoad({ total: 400 })
    for (const kind of ['server_error', 'reset', 'cut', 'html'] as const) {
      road.simulator.faults.add({ kind, probability: 0.05 })
    }
    road.simulator.faults.add({ kind: 'rate_limit', probability: 0.03, retryAfter: 1 })
    await road.work()
    await road.sync()
    await expect.poll(() => road.simulator.log.length, patiently).toBeGreaterThan(30)
    road.simulator.faults.clear()
    await road.atRest()
  })

  test('G14: a collection that is only told to wait says so after a while, and is whole once it is not', async () => {
    await using road = await openRoad({ total: 200 })
    road.simulator.faults.add({ kind: 'rate_limit', path: '/v1/customers', retryAfter: 1 })
    await road.work()
    const syncId = await road.sync()
    const minutesLater = () => road.database.sql`
      update checkpoint set created_at = created_at - interval '3 minutes' where kind = 'range' and moved_at is null`
    const shown = async () => {
      await minutesLater()
      const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
      return body.collections.find((one: OfSync) => one.collection_id === 'stripe:customer')
        .last_error
    }
    await expect.poll(shown, patiently).toContain('asks to slow down')
    road.simulator.faults.clear()
    await road.atRest()
  })

  test('a removed sync leaves tombstones, and its workflow ends', async () => {
    await using road = await openRoad({ total: 200 })
    await road.work()
    const syncId = await road.sync()
    await road.atRest()
    expect((await road.ask('DELETE', `/v1/syncs/${syncId}`)).status).toBeLessThan(300)
    await road.handle(syncId).result()
    expect(await road.database.sql`select 1 from record where not deleted`).toHaveLength(0)
  })
})
