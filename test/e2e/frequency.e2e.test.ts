import { expect, test } from 'vitest'
import { openRoad, patiently } from '../support/road.ts'

test('a duration looks once each time and not in between; a check looks now', async () => {
  await using road = await openRoad()
  for (let made = 0; made < 120; made++) road.simulator.create('customer')
  await road.work()
  const syncId = await road.sync({ collection_ids: ['stripe:customer'], sync_frequency: '1h' })
  await road.atRest()
  /** Minutes until its next sign of life is due: the next pass, and some patience. */
  const dueInMin = async () => {
    const [row] = await road.database.sql<{ min: number }[]>`
      select (extract(epoch from deadline_at - clock_timestamp()) / 60)::float8 as min from syncs where id = ${syncId}`
    return row!.min
  }
  await expect.poll(dueInMin, patiently).toBeGreaterThan(55)
  const since = Date.now()
  road.simulator.create('customer')
  await expect.poll(() => Date.now() - since, patiently).toBeGreaterThan(2_000)
  expect(road.requestsSince(since)).toBe(0)
  expect(await road.differences()).toHaveLength(1)
  expect((await road.ask('POST', `/v1/syncs/${syncId}/check`)).status).toBeLessThan(300)
  await road.atRest()
  await expect.poll(dueInMin, patiently).toBeGreaterThan(55)
  const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
  expect(body.health.status).toBe('healthy')
})
