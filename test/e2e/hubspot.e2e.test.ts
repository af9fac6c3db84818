import { expect, test } from 'vitest'
import { connectorOf } from '../../src/connectors/registry.ts'
import { createHubspotSimulator } from '../../src/simulators/hubspot/simulator.ts'
import { differencesOf } from '../support/differences.ts'
import { openRoad, patiently } from '../support/road.ts'

const names = Object.keys(connectorOf('hubspot').collections)

test(
  'G11: a portal that lives behind a lagging index is, at rest, what the stream holds, merges, archive and erasures included',
  { timeout: 300_000 },
  async () => {
    const portal = createHubspotSimulator({ indexLagMs: [0, 2000] })
    portal.seedAccount(600)
    const server = await portal.listen()
    await using road = await openRoad({ hosts: [new URL(server.url).host] })
    await road.work()
    const differences = async () =>
      (await differencesOf(road.database.sql, portal.snapshot(), null, 'hubspot')).slice(0, 20)
    const { status, body } = await road.ask('POST', '/v1/syncs', {
      collection_ids: names.map((name) => `hubspot:${name}`),
      credential: {
        properties: {
          kind: 'hubspot_private_app',
          access_token: portal.keys.secret,
          base_url: server.url,
        },
      },
      rate_limit: { allowed_requests: 2000, interval: 10, max_concurrent_requests: 20 },
    })
    expect(status).toBe(201)
    await expect.poll(differences, patiently).toEqual([])

    const before = await road.lastIdx()
    portal.live(10)
    await expect.poll(() => road.lastIdx(), patiently).toBeGreaterThan(before + 100)
    portal.live(0)
    const [kept, merged, archived, erased] = Object.keys(portal.snapshot('contacts')['contacts']!)
    portal.merge('contacts', kept!, merged!)
    portal.archive('contacts', archived!)
    portal.gdprDelete('contacts', erased!)
    // what no modification date tells (an erasure, the bin) is found by a comparison, which is due daily
    await road.ask('POST', `/v1/syncs/${body.id}/resync`, {})
    await expect.poll(differences, { ...patiently, timeout: 150_000 }).toEqual([])
    await server.close()
    portal.close()
  },
)
