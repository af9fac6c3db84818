/** A simulator process with a HubSpot portal of about so many records over all its types, and its rate limits. argv: port, records. */
import { createHubspotSimulator } from '../../src/simulators/hubspot/simulator.ts'

const [port, records] = process.argv.slice(2).map(Number) as [number, number]
const portal = createHubspotSimulator({ seed: 1, limits: true })
portal.seedAccount(records)
await portal.listen(port)
process.on('SIGTERM', () => process.exit(0))
