import { createServer } from 'node:http'

/**
 * Serves the control of accounts that change while told to: `/go?rate=` says how often a second, every path answers where they
 * are and how many changes were made. `change` makes the change number `at`, and writes `text`, the time, somewhere into it.
 */
export function serveLively(
  port: number,
  accounts: { url: string; secret: string }[],
  change: (at: number, text: string) => void,
): void {
  let timer: NodeJS.Timeout | undefined
  let at = 0
  createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://control')
    if (url.pathname === '/go') {
      clearInterval(timer)
      const rate = Number(url.searchParams.get('rate'))
      const make = () =>
        change(at++, `at ${(performance.timeOrigin + performance.now()).toFixed(3)}`)
      if (rate > 0) timer = setInterval(make, 1000 / rate)
    }
    response.end(JSON.stringify({ secret: accounts[0]!.secret, accounts, made: at }))
  }).listen(port, '127.0.0.1')
  process.on('SIGTERM', () => process.exit(0))
}
