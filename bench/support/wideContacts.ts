/** A simulator process with nothing but contacts of 300 properties, all of them filled. argv: port, how many. */
import { createHubspotSimulator } from '../../src/simulators/hubspot/simulator.ts'

const properties = 300
const [port, count] = process.argv.slice(2).map(Number) as [number, number]
const portal = createHubspotSimulator({ seed: 1 })
const { id } = portal.create('contacts')
const known = Object.keys(JSON.parse(portal.snapshot('contacts')['contacts']![id]!).properties)
const names = Array.from({ length: properties - known.length }, (_, at) => `own_property_${at}`)
for (const name of names) portal.addProperty('contacts', { name, type: 'string' })
const texts = Array.from({ length: 1_000 }, (_, at) => `a value of some length ${at}`)
for (let made = 1; made < count; made++) {
  const values = names.map((name, at) => [name, texts[(made * 7 + at) % texts.length]!] as const)
  portal.create('contacts', Object.fromEntries(values))
}
await portal.listen(port)
process.on('SIGTERM', () => process.exit(0))
