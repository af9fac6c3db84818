/**
 * A Stripe with as many accounts as there are keys (`sk_live_<n>` is account `acct_<n>`), all of them empty and quiet, that notes when each
 * key last called: the cheapest upstream there can be, so that what is measured is ours. argv: port.
 * `GET /_sim/last` answers `{key: ms}`.
 */
import { createServer } from 'node:http'

const last = new Map<string, number>()
const list = '{"object":"list","data":[],"has_more":false,"url":"/"}'

createServer((request, answer) => {
  const path = (request.url ?? '').split('?')[0]!
  if (path === '/_sim/keys') return send('{"secret":"sk_live_0"}')
  if (path === '/_sim/last') return send(JSON.stringify(Object.fromEntries(last)))
  const key = (request.headers.authorization ?? '').replace('Bearer ', '')
  last.set(key, performance.timeOrigin + performance.now())
  if (path === '/v1/account') {
    return send(`{"id":"acct_${key.replace('sk_live_', '')}","object":"account"}`)
  }
  if (path === '/v1/balance') return send('{"object":"balance","livemode":true}')
  send(list)

  function send(body: string) {
    answer.writeHead(200, { 'content-type': 'application/json', 'request-id': 'req_1' })
    answer.end(body)
  }
}).listen(Number(process.argv[2]), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
