import { createServer } from 'node:http'

/**
 * What node's own server can do on this machine: a worker's two calls, answered from memory. `GET …/{id}/next` has one record of
 * the bench's size for each of the first `records` calls of an id, then none; `POST …/ack` reads its body.
 */
const [port, records] = process.argv.slice(2).map(Number) as [number, number]

const one = `{"data":[{"ack_token":"${'a'.repeat(38)}","record":"${'x'.repeat(1800)}"}]}`
const none = '{"data":[]}'
const left = new Map<string, number>()

createServer((incoming, outgoing) => {
  if (incoming.method === 'POST') {
    incoming.resume().on('end', () => outgoing.writeHead(204).end())
    return
  }
  const id = incoming.url!.split('/')[3]!
  const now = left.get(id) ?? records
  left.set(id, now - 1)
  const text = now > 0 ? one : none
  outgoing
    .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': String(text.length) })
    .end(text)
}).listen(port, '127.0.0.1')
