/** A portal behind a search index that lags, through the whole road. */
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { connectorOf } from '../../src/connectors/registry.ts'
import { objectTypes } from '../../src/connectors/hubspot/objectTypes.ts'
import { openPortalRoad } from '../support/portalRoad.ts'
import { patiently } from '../support/road.ts'

const names = Object.keys(connectorOf('hubspot').collections)
const timeout = 200_000

/** How many live records hold this text. The portal is in this process: whole comparisons would keep it from answering. */
async function holding({ road }: Awaited<ReturnType<typeof openPortalRoad>>, text: string) {
  const [row] = await road.database.sql<{ count: number }[]>`
    select count(*)::int as count from record where not deleted and data::text like ${`%${text}%`}`
  return row!.count
}

const slowly = { timeout: 100_000, interval: 250 }

test(
  'G11: a portal that lives behind an index 0 to 10 s late is, at rest, what the stream holds, in every collection',
  { timeout },
  async () => {
    await using scene = await openPortalRoad({ indexLagMs: [0, 10_000] })
    const { portal, road } = scene
    portal.seedAccount(500)
    await road.work()
    const syncId = await scene.sync(names)
    await scene.atRest()

    // what search can tell of, it tells, each change so late as it likes
    const types = objectTypes.map(({ name }) => name)
    const merging = ['contacts', 'companies', 'deals', 'tickets']
    for (let turn = 0; turn < 8; turn++) {
      for (const type of types) {
        portal.create(type)
        const [first, second, third] = Object.keys(portal.snapshot(type)[type]!).slice(turn)
        portal.update(type, first!, {})
        if (turn % 2 === 0 && merging.includes(type)) portal.merge(type, second!, third!)
      }
      await expect.poll(() => scene.asked('/search').length, patiently).toBeGreaterThan(turn * 5)
    }
    const told = async () =>
      (await scene.differences()).filter((one) => types.includes(one.split(' ')[0]!))
    await expect.poll(told, { timeout: 60_000, interval: 250 }).toEqual([])

    // archives, erasures, associations and calculated values besides: a comparison finds what no date tells
    const before = await road.lastIdx()
    portal.live(20)
    await expect.poll(() => road.lastIdx(), patiently).toBeGreaterThan(before + 100)
    portal.live(0)
    const [kept, merged, archived, erased] = Object.keys(portal.snapshot('contacts')['contacts']!)
    portal.merge('contacts', kept!, merged!)
    portal.archive('contacts', archived!)
    portal.gdprDelete('contacts', erased!)
    expect((await road.ask('POST', `/v1/syncs/${syncId}/resync`, {})).status).toBe(200)
    await scene.atRest()
    const [last] = await road.database.sql<{ data: string }[]>`
      select data from record where upstream_id = ${erased!} and deleted`
    expect(JSON.parse(last!.data)).toEqual({ id: erased })
  },
)

test(
  'G11: of 12,000 contacts 11,000 modified in one minute lose none, in a backfill whose cursor goes stale and in the feed',
  { timeout },
  async () => {
    await using scene = await openPortalRoad({ indexLagMs: [0, 2_000] })
    const { portal, road } = scene
    for (let made = 0; made < 1_000; made++) portal.create('contacts')
    portal.seedMinute('contacts', 11_000)
    await road.spawnWorker()
    await scene.sync(['contacts'])
    // the rest of the listing is searched for: more rows than a query reaches
    await expect
      .poll(() => scene.asked('/objects/contacts').length, { ...patiently, interval: 5 })
      .toBeGreaterThan(5)
    portal.expireCursors()
    await expect.poll(() => holding(scene, ''), slowly).toBe(12_000)
    await scene.atRest('contacts')
    expect(scene.asked('/contacts/search').length).toBeGreaterThan(50)

    for (const id of Object.keys(portal.snapshot('contacts')['contacts']!).slice(500, 11_500))
      portal.update('contacts', id, { jobtitle: 'moved' })
    await expect.poll(() => holding(scene, '"moved"'), slowly).toBe(11_000)
    await scene.atRest('contacts')
  },
)

test(
  'G9, G11: a worker is killed in the middle of a search; another goes on, and at rest nothing is missing',
  { timeout },
  async () => {
    await using scene = await openPortalRoad({ indexLagMs: [0, 1_000] })
    const { portal, road } = scene
    for (let made = 0; made < 2_000; made++) portal.create('contacts')
    const first = await road.spawnWorker()
    await scene.sync(['contacts'])
    await expect.poll(() => holding(scene, ''), slowly).toBe(2_000)

    portal.faults.add({ kind: 'latency', ms: 150 })
    for (const id of Object.keys(portal.snapshot('contacts')['contacts']!))
      portal.update('contacts', id, { jobtitle: 'moved' })
    const reads = scene.asked('/contacts/batch/read').length
    await expect
      .poll(() => scene.asked('/contacts/batch/read').length, { ...patiently, interval: 10 })
      .toBeGreaterThan(reads + 3)
    first.kill('SIGKILL')
    await once(first, 'exit')
    expect(await holding(scene, '"moved"')).toBeLessThan(2_000)
    portal.faults.clear()
    const gone = Object.keys(portal.snapshot('contacts')['contacts']!)[0]!
    portal.merge('contacts', gone, portal.create('contacts').id)
    await road.spawnWorker()
    await scene.atRest('contacts')
  },
)
