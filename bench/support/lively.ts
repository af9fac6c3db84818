/**
 * A process with as many accounts as asked for, each a simulator at a port of its own, that change while told to. argv: the
 * port of the control, how many accounts. A change writes the time of its making into the customer's name.
 */
import { createServer } from 'node:http'
import { createStripeSimulator } from '../../src/simulators/stripe/simulator.ts'

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

let timer: NodeJS.Timeout | undefined
let at = 0

function change(): void {
  const { simulator, ids } = accounts[at % count]!
  const id = ids[Math.floor(at / count) % ids.length]!
  at += 1
  simulator.update('customer', id, {
    name: `at ${(performance.timeOrigin + performance.now()).toFixed(3)}`,
  })
}

createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://control')
  if (url.pathname === '/go') {
    clearInterval(timer)
    const rate = Number(url.searchParams.get('rate'))
    if (rate > 0) timer = setInterval(change, 1000 / rate)
  }
  const shown = accounts.map(({ simulator, url }) => ({ url, secret: simulator.keys.secret }))
  response.end(JSON.stringify({ secret: shown[0]!.secret, accounts: shown, made: at }))
}).listen(port, '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
