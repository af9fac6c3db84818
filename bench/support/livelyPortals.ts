/**
 * A process with as many HubSpot portals as asked for, each a simulator at a port of its own with an index that is 2 s late,
 * that change while told to. argv: the port of the control, how many. A change writes the time of its making into a name.
 */
import { createHubspotSimulator } from '../../src/simulators/hubspot/simulator.ts'
import { serveLively } from './livelyControl.ts'

const contactsEach = 200
const [port, count] = process.argv.slice(2).map(Number) as [number, number]

const portals = await Promise.all(
  Array.from({ length: count }, async (_, n) => {
    const portal = createHubspotSimulator({ seed: n + 1, indexLagMs: 2_000 })
    const ids = Array.from({ length: contactsEach }, () => portal.create('contacts').id)
    const { url } = await portal.listen()
    return { portal, ids, url }
  }),
)

serveLively(
  port,
  portals.map(({ portal, url }) => ({ url, secret: portal.keys.secret })),
  (at, text) => {
    const { portal, ids } = portals[at % count]!
    portal.update('contacts', ids[Math.floor(at / count) % ids.length]!, { firstname: text })
  },
)
