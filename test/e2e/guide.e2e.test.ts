import { expect, test } from 'vitest'
import { openRoad } from '../support/road.ts'
import { runDocs } from '../support/docs.ts'

// A hundred syncs: half a minute on a machine that does nothing else.
test(
  'docs/api-guide.md works as it stands, from the first call to the last',
  { timeout: 420_000 },
  async () => {
    await using road = await openRoad({ total: 60 })
    await road.work()
    const served = await road.serve()
    const printed = await runDocs('api-guide.md', { ...served, simulatorUrl: road.simulatorUrl })
    expect(printed).toContain('"deleted":true')
    const { sql } = road.database
    const [counts] = await sql`
    select (select count(*)::int from syncs where deleted_at is null) as syncs,
           (select count(*)::int from credentials) as credentials,
           (select count(*)::int
              from source s
              join syncs y on y.id = s.sync_id
             where s.collection_id = 'stripe:coupon' and y.deleted_at is null) as coupons`
    expect(counts).toEqual({ syncs: 100, credentials: 1, coupons: 100 })
  },
)

test('docs/consumers.md works as it stands: next, extend, ack, nack, dead letters, reset', async () => {
  await using road = await openRoad({ total: 60 })
  await road.work()
  await road.sync()
  await road.atRest()
  const printed = await runDocs('consumers.md', await road.serve())
  expect(printed).toContain('"deliver_count":1')
  expect(printed).toContain('"redelivered":1')
  const consumers = await road.ask('GET', '/v1/http-consumers')
  expect(consumers.body.data.map((one: { name: string }) => one.name)).toEqual(['poison', 'mirror'])
})
