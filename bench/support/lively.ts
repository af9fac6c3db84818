/**
 * A process with as many accounts as asked for, each a simulator at a port of its own, that change while told to. argv: the
 * port of the control, how many accounts. A change writes the time of its making into the customer's name.
 */
import { createStripeSimulator } from '../../src/simulators/stripe/simulator.ts'
import { serveLively } from './livelyControl.ts'

const customersEach = 200
const [port, count] = process.argv.slice(2).map(Number) as [number, number]

const accounts = await Promise.all(
  Array.from({ length: count }, async (_, n) => {
    const simulator = createStripeSimulator({ seed: n + 1, limits: false })
    const ids = Array.from({ length: customersEach }, () => simulator.create('customer').id)
    const { url } = await simulator.listen()
    return { simulator, ids, url }
  }),
)

serveLively(
  port,
  accounts.map(({ simulator, url }) => ({ url, secret: simulator.keys.secret })),
  (at, text) => {
    const { simulator, ids } = accounts[at % count]!
    simulator.update('customer', ids[Math.floor(at / count) % ids.length]!, { name: text })
  },
)
