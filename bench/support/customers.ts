/** A simulator process with nothing but customers, spread evenly over two years, without rate limits. argv: port, how many. */
import { createStripeSimulator } from '../../src/simulators/stripe/simulator.ts'

const [port, count] = process.argv.slice(2).map(Number) as [number, number]
const twoYears = 2 * 365 * 86_400
const simulator = createStripeSimulator({ seed: 1, limits: false })
const start = Math.floor(Date.now() / 1000) - twoYears
for (let i = 0; i < count; i++) {
  simulator.backdate(start + Math.floor((i / count) * twoYears), () => simulator.create('customer'))
}
await simulator.listen(port)
process.on('SIGTERM', () => process.exit(0))
