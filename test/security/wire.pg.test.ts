/** Attempts on the connection and the request line, against the API behind its real server. docs/security.md lists them by number. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi } from '../../src/api/server.ts'
import type { ApiServer } from '../../src/api/server.ts'
import { createLog } from '../../src/log.ts'
import { openApi, operatorKey } from '../support/api.ts'
import type { TestApi } from '../support/api.ts'
import { talk } from '../support/socket.ts'

let api: TestApi
let server: ApiServer
const written: string[] = []
beforeAll(async () => {
  const log = createLog({ logLevel: 'debug' }, { write: (line: string) => void written.push(line) })
  api = await openApi({ log })
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600 }
  server = await serveApi(api.app, { host: '127.0.0.1', port: 0, ...limits })
})
afterAll(async () => {
  await server.close(0)
  await api[Symbol.asyncDispose]()
})

const authorization = `Authorization: Bearer ${operatorKey}\r\n`
const head = (line: string) => `${line} HTTP/1.1\r\nHost: x\r\n`
const say = (text: string) => talk(server.port, text)
const get = (path: string, more = '') =>
  say(`${head(`GET ${path}`)}Connection: close\r\n${authorization}${more}\r\n`)
const streams = async () => (await api.ask('GET', '/v1/streams')).body.data.length as number

const smuggled = `POST /v1/streams HTTP/1.1\r\nHost: x\r\n${authorization}Content-Type: application/json\r\nContent-Length: 19\r\n\r\n{"slug":"smuggled"}`

test.each([
  [
    'S01',
    'Content-Length beside Transfer-Encoding',
    'Content-Length: 4\r\nTransfer-Encoding: chunked',
  ],
  ['S02', 'two Content-Lengths', 'Content-Length: 2\r\nContent-Length: 5'],
  ['S03', 'a space before the colon', 'Transfer-Encoding : chunked'],
  [
    'S03',
    'a folded header',
    'X-A: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 6',
  ],
  ['S04', 'a chunk size that is no number', 'Transfer-Encoding: chunked\r\n\r\n5g'],
  ['S04', 'chunked twice', 'Transfer-Encoding: chunked, chunked, identity'],
])('%s: a second request hidden by %s is not heard', async (_, _what, headers) => {
  const before = await streams()
  const got = await say(`${head('POST /v1/streams')}${headers}\r\n\r\n0\r\n\r\n${smuggled}`)
  expect(got).toMatch(/^HTTP\/1\.1 400/)
  expect(got.match(/HTTP\/1\.1 /g)).toHaveLength(1)
  expect(await streams()).toBe(before)
})

test('S05: headers of 17 kB are refused by the server itself', async () => {
  expect(await get('/v1/streams', `X: ${'a'.repeat(17_000)}\r\n`)).toMatch(/^HTTP\/1\.1 431/)
})

test('S06: a request without Host, and one of HTTP/2 in clear, are refused', async () => {
  expect(await say('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
  expect(await say('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatch(/^HTTP\/1\.1 (400|505)/)
})

test('S07: a client whose headers trickle (slow loris) is cut off', async () => {
  const began = Date.now()
  expect(await say('GET /v1/streams HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(/^HTTP\/1\.1 408/)
  expect(Date.now() - began).toBeLessThan(10_000)
})

test('S08: a client whose body trickles is cut off', async () => {
  const begun = `${head('POST /v1/streams')}${authorization}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"slug"`
  const began = Date.now()
  await say(begun)
  expect(Date.now() - began).toBeLessThan(10_000)
})

test('S09: a body of 100 MB that is announced is refused before it is sent', async () => {
  const got = await say(
    `${head('POST /v1/streams')}Connection: close\r\n${authorization}Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{`,
  )
  expect(got).toMatch(/^HTTP\/1\.1 413/)
})

test('S10: a body of 100 MB that is not announced is refused after its first megabyte', async () => {
  const sent = await new Promise<{ bytes: number; got: string }>((resolve) => {
    let got = ''
    let bytes = 0
    const chunk = `${(65_536).toString(16)}\r\n${' '.repeat(65_536)}\r\n`
    const socket = connect(server.port, '127.0.0.1', () => {
      socket.write(
        `${head('POST /v1/streams')}${authorization}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      )
      const more = () => {
        while (bytes < 100_000_000 && !socket.destroyed) {
          bytes += 65_536
          if (!socket.write(chunk)) return void socket.once('drain', more)
        }
      }
      more()
    })
    socket.on('data', (data) => {
      got += data.toString()
      socket.destroy()
    })
    socket.on('close', () => resolve({ bytes, got }))
    socket.on('error', () => undefined)
  })
  expect(sent.got).toMatch(/^HTTP\/1\.1 413/)
  expect(sent.bytes).toBeLessThan(50_000_000)
})

test('S11: requests sent in one go are answered each by its own key, in order', async () => {
  const one = (key: string) =>
    `${head('GET /v1/streams?limit=1')}Authorization: Bearer ${key}\r\n\r\n`
  const got = await say(
    one(operatorKey) +
      one('a-wrong-key-of-nobody') +
      `${head('GET /healthz')}Connection: close\r\n\r\n`,
  )
  expect(got.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401', 'HTTP/1.1 200'])
})

test.each(['TRACE', 'CONNECT', 'TRACK', 'PROPFIND', 'FOO'])(
  'S12: the method %s reaches nothing',
  async (method) => {
    const target = method === 'CONNECT' ? 'x:80' : '/v1/streams'
    const got = await say(`${head(`${method} ${target}`)}Connection: close\r\n${authorization}\r\n`)
    expect(got === '' || /^HTTP\/1\.1 4\d\d/.test(got), got.slice(0, 80)).toBe(true)
    expect(got).not.toContain(operatorKey)
  },
)

test('S13: a method in a header or a parameter does not count', async () => {
  const before = await streams()
  for (const header of ['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method'])
    expect(await get('/v1/streams/default', `${header}: DELETE\r\n`)).toMatch(/^HTTP\/1\.1 200/)
  expect(await get('/v1/streams/default?_method=DELETE')).toMatch(/^HTTP\/1\.1 4/)
  expect(await streams()).toBe(before)
})

test.each([
  '/v1/streams/..%2fapi-keys',
  '/v1/streams/%2e%2e/api-keys/x',
  '/v1/streams/..%252f..%252fetc%252fpasswd',
  '/v1/streams/..%5c..%5cwindows',
  '/docs/..%2f..%2fpackage.json',
  '/docs/%2e%2e/%2e%2e/etc/passwd',
  '//evil.example/v1',
  '/v1/streams/%00',
  '/v1/streams/%ff%fe',
  '/v1/streams/%E0%80%AF',
])('S14: the path %s leads nowhere', async (path) => {
  const got = await get(path)
  // 405: what is left without its dots is a path of its own, under its own rights
  expect(got).toMatch(/^HTTP\/1\.1 40[45]/)
  expect(got).not.toMatch(/^location:/im)
})

test('S15: a whole address as request target is no proxy', async () => {
  const got = await get('http://evil.example/v1/nothing')
  expect(got).toMatch(/^HTTP\/1\.1 4/)
  expect(got).not.toMatch(/^location:/im)
})

test('S16: what a client says of itself cannot break a line of the log, nor a header', async () => {
  written.length = 0
  const got = await get(
    '/v1/streams/%0d%0a%7b%22level%22%3a%22error%22%7d',
    'User-Agent: x%0d%0a{"level":"fatal"}\r\nX-Request-Id: a%0d%0aSet-Cookie:b=c\r\n',
  )
  expect(got).toMatch(/^HTTP\/1\.1 404/)
  expect(got).not.toMatch(/^set-cookie/im)
  expect(got).not.toContain('a%0d%0aSet-Cookie')
  expect(written.length).toBeGreaterThan(0)
  for (const line of written) {
    expect(line.trimEnd()).not.toContain('\n')
    expect(JSON.parse(line).level).toBe('debug')
  }
})

test('S17: a key in the URL is no key, and is not repeated', async () => {
  const places = ['?api_key=', '?access_token=', '?authorization=Bearer%20', '?key=']
  for (const place of places) {
    const got = await say(
      `${head(`GET /v1/streams${place}${operatorKey}`)}Connection: close\r\n\r\n`,
    )
    expect(got).toMatch(/^HTTP\/1\.1 401/)
    expect(got).not.toContain(operatorKey)
  }
  expect(written.join('')).not.toContain(operatorKey)
})

test('S18: pages of other origins get no leave to read, and no frame', async () => {
  const got = await get('/v1/streams', 'Origin: https://evil.example\r\n')
  expect(got).not.toMatch(/^access-control-/im)
  expect(got).toMatch(/^x-frame-options: DENY/im)
  expect(got).toMatch(/^x-content-type-options: nosniff/im)
  const preflight = await say(
    `${head('OPTIONS /v1/streams')}Connection: close\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
  )
  expect(preflight).toMatch(/^HTTP\/1\.1 405/)
  expect(preflight).not.toMatch(/^access-control-/im)
})

test('S19: a path with markup comes back as JSON that no browser takes for a page', async () => {
  const got = await get('/v1/%3Cscript%3Ealert(1)%3C/script%3E')
  expect(got).toMatch(/^content-type: application\/problem\+json/im)
  expect(got).toMatch(/^content-security-policy: default-src 'none'/im)
})
