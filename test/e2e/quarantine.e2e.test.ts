import { expect, test } from 'vitest'
import { openRoad, patiently } from '../support/road.ts'

type Named = { name: string; message: string }

test('G14: a record that cannot be stored is seen, holds up nothing, and comes in once it can be', async () => {
  await using road = await openRoad()
  for (let made = 0; made < 120; made++) road.simulator.create('customer')
  // So long ago that no database knows the year.
  const { id } = road.simulator.create('customer', { name: 'Ada', created: -9e12 })
  await road.work()
  const syncId = await road.sync({ collection_ids: ['stripe:customer'] })
  const missing = async () => await road.differences()
  await expect.poll(missing, patiently).toEqual([`customer ${id}: missing`])

  const quarantine = async () => (await road.ask('GET', `/v1/syncs/${syncId}/quarantine`)).body.data
  expect(await quarantine()).toMatchObject([
    {
      collection_id: 'stripe:customer',
      upstream_id: id,
      raw: expect.stringContaining('"name": "Ada"'),
      error: expect.stringContaining('a time in it is out of range'),
    },
  ])
  const sync = async () => (await road.ask('GET', `/v1/syncs/${syncId}`)).body
  await expect.poll(async () => (await sync()).collections[0].phase, patiently).toBe('live')
  const { health } = await sync()
  expect(health.status).toBe('warning')
  expect(health.checks.find(({ name }: Named) => name === 'collections').message).toContain(
    '1 record of stripe:customer cannot be stored',
  )
  const coverage = (await road.ask('GET', `/v1/syncs/${syncId}/coverage`)).body.data
  expect(coverage[0]).toMatchObject({
    quarantined: 1,
    statement: expect.stringMatching(/^Compared/),
  })

  // The feed goes on past it, also when it tells of that record.
  road.simulator.update('customer', id, { name: 'Grace' })
  road.simulator.create('customer', { name: 'Later' })
  await expect.poll(async () => (await quarantine())[0].raw, patiently).toContain('"name": "Grace"')
  await expect.poll(missing, patiently).toEqual([`customer ${id}: missing`])

  road.simulator.update('customer', id, { created: 1_700_000_000 })
  await road.atRest()
  expect(await quarantine()).toEqual([])
  await expect.poll(async () => (await sync()).health.status, patiently).toBe('healthy')
})
