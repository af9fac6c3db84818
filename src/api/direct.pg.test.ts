/** The way past Hono answers as Hono's does, whatever is sent (docs/decisions/0008-hot-calls-past-hono.md). */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, operatorKey } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'
import { talk } from '../../test/support/socket.ts'
import type { ApiDeps } from './deps.ts'
import { serveApi } from './server.ts'
import type { ApiServer } from './server.ts'

let api: TestApi
/** Without Hono: answers nothing but what goes past it. */
let direct: ApiServer
let hono: ApiServer
let reader: string
let at: string
const requests: Parameters<NonNullable<ApiDeps['onRequest']>>[0][] = []
const here = { host: '127.0.0.1', port: 0 }
const nobody = () => new Response(null, { status: 599 })

beforeAll(async () => {
  api = await openApi({ onRequest: (request) => void requests.push(request) })
  direct = await serveApi({ fetch: nobody, direct: api.app.direct }, here)
  hono = await serveApi({ fetch: api.app.fetch }, here)
  reader = (await api.ask('POST', '/v1/api-keys', { name: 'r', scopes: ['read'] })).body.key
  await api.ask('POST', '/v1/streams', { slug: 'hot' })
  const { body } = await api.ask('POST', '/v1/http-consumers', { stream_id: 'hot' })
  at = `/v1/http-consumers/${body.id}`
})
afterAll(async () => {
  await direct.close(0)
  await hono.close(0)
  await api[Symbol.asyncDispose]()
})

const key = `Authorization: Bearer ${operatorKey}`
const json = 'Content-Type: application/json'
const sized = (body: string) => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const token = 'A'.repeat(38)

const sent = (server: ApiServer, request: string) =>
  talk(server.port, request.replace('\r\n', '\r\nHost: here\r\nConnection: close\r\n'))

/** What comes back, without what no two answers share. */
async function said(server: ApiServer, request: string): Promise<string> {
  const [head = '', body = ''] = (await sent(server, request)).split('\r\n\r\n')
  const [status, ...headers] = head
    .replace(/(?<=\r\nDate: ).*/i, 'now')
    .replace(/(?<=\r\nX-Request-Id: )[\da-f-]{36}/i, 'made')
    .toLowerCase()
    .split('\r\n')
  return [status, ...headers.sort(), body.replace(/(?<="request_id":")[\da-f-]{36}/, 'made')].join(
    '\n',
  )
}

test.each([
  ['a call', 200, () => `GET ${at}/next HTTP/1.1\r\n${key}\r\n\r\n`],
  [
    'a call with parameters',
    200,
    () => `GET ${at}/next?batch_size=7&wait_for=1 HTTP/1.1\r\n${key}\r\n\r\n`,
  ],
  ['a fragment', 422, () => `GET ${at}/next?batch_size=7#x HTTP/1.1\r\n${key}\r\n\r\n`],
  [
    'parameters out of bounds',
    422,
    () => `GET ${at}/next?batch_size=0&wait_for=-1 HTTP/1.1\r\n${key}\r\n\r\n`,
  ],
  [
    'a parameter twice',
    422,
    () => `GET ${at}/next?batch_size=1&batch_size=2 HTTP/1.1\r\n${key}\r\n\r\n`,
  ],
  [
    'broken UTF-8 in a parameter',
    422,
    () => `GET ${at}/next?batch_size=%00%ff HTTP/1.1\r\n${key}\r\n\r\n`,
  ],
  ['an unknown parameter', 422, () => `GET ${at}/next?batch=1 HTTP/1.1\r\n${key}\r\n\r\n`],
  ['no key', 401, () => `GET ${at}/next HTTP/1.1\r\n\r\n`],
  ['two keys', 401, () => `GET ${at}/next HTTP/1.1\r\n${key}\r\n${key}\r\n\r\n`],
  ['another scheme', 401, () => `GET ${at}/next HTTP/1.1\r\nAuthorization: Basic eDp5\r\n\r\n`],
  [
    'an unknown key',
    401,
    () => `GET ${at}/next HTTP/1.1\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  ],
  [
    'a key without the scope',
    403,
    () => `GET ${at}/next HTTP/1.1\r\nAuthorization: Bearer ${reader}\r\n\r\n`,
  ],
  [
    'an unknown consumer',
    404,
    () => `GET /v1/http-consumers/nobody/next HTTP/1.1\r\n${key}\r\n\r\n`,
  ],
  [
    'an id of our own for the call',
    200,
    () => `GET ${at}/next HTTP/1.1\r\n${key}\r\nX-Request-Id: mine.1\r\n\r\n`,
  ],
  [
    'two ids',
    200,
    () => `GET ${at}/next HTTP/1.1\r\n${key}\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n`,
  ],
  ['HTTP/1.0', 200, () => `GET ${at}/next HTTP/1.0\r\n${key}\r\n\r\n`],
  [
    'a body where none is read',
    200,
    () => `GET ${at}/next HTTP/1.1\r\n${key}\r\n${sized('{"a":1}')}`,
  ],
  [
    'acks and the next',
    200,
    () =>
      `POST ${at}/next HTTP/1.1\r\n${key}\r\n${json}\r\n${sized(`{"ack_tokens":["${token}"],"batch_size":2}`)}`,
  ],
  ['the next by POST, without a body', 200, () => `POST ${at}/next HTTP/1.1\r\n${key}\r\n\r\n`],
  [
    'acks that name nothing',
    204,
    () =>
      `POST ${at}/ack HTTP/1.1\r\n${key}\r\n${json}\r\n${sized(`{"ack_tokens":["${token}","x"]}`)}`,
  ],
  ['an ack without a body', 400, () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\n\r\n`],
  [
    'an ack with an empty body',
    400,
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\n${json}\r\n${sized('')}`,
  ],
  [
    'half of a JSON',
    400,
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\n${json}\r\n${sized('{"ack')}`,
  ],
  ['a list', 400, () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\n${json}\r\n${sized('[1]')}`],
  [
    'a body too deep',
    400,
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\n${json}\r\n${sized('{"a":'.repeat(99))}`,
  ],
  [
    'an unknown field',
    422,
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\n${json}\r\n${sized('{"tokens":[]}')}`,
  ],
  [
    'another type',
    415,
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\nContent-Type: text/plain\r\n${sized('{}')}`,
  ],
  [
    'two types',
    415,
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\n${json}\r\n${json}\r\n${sized('{}')}`,
  ],
  [
    'a packed body',
    415,
    () =>
      `POST ${at}/ack HTTP/1.1\r\n${key}\r\n${json}\r\nContent-Encoding: gzip\r\n${sized('{}')}`,
  ],
  [
    'a body, and no key',
    401,
    () => `POST ${at}/ack HTTP/1.1\r\n${json}\r\n${sized('{"ack_tokens":["x"]}')}`,
  ],
])('%s: %i', async (_, status, request) => {
  const past = await said(direct, request())
  expect(past).toContain(`http/1.1 ${status} `)
  expect(past).toBe(await said(hono, request()))
})

test.each([
  ['another method', () => `DELETE ${at}/next HTTP/1.1\r\n${key}\r\n\r\n`],
  ['HEAD', () => `HEAD ${at}/next HTTP/1.1\r\n${key}\r\n\r\n`],
  [
    'an id that must be decoded',
    () => `GET /v1/http-consumers/%61/next HTTP/1.1\r\n${key}\r\n\r\n`,
  ],
  [
    'an id too long',
    () => `GET /v1/http-consumers/${'a'.repeat(101)}/next HTTP/1.1\r\n${key}\r\n\r\n`,
  ],
  ['a slash more', () => `GET ${at}/next/ HTTP/1.1\r\n${key}\r\n\r\n`],
  ['a whole address', () => `GET http://here${at}/next HTTP/1.1\r\n${key}\r\n\r\n`],
  [
    'a body in chunks',
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'a body above the limit',
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\nContent-Length: 1000001\r\n\r\n`,
  ],
  [
    'a client that asks before it sends',
    () => `POST ${at}/ack HTTP/1.1\r\n${key}\r\nExpect: 100-continue\r\n${sized('{}')}`,
  ],
])('%s is left to Hono', async (_, request) => {
  expect(await sent(direct, request())).toContain(' 599 ')
})

test('a body that is cut off is invalid, and the call ends', async () => {
  requests.length = 0
  const socket = connect(direct.port, '127.0.0.1')
  socket.write(
    `POST ${at}/ack HTTP/1.1\r\nHost: here\r\n${key}\r\n${json}\r\nContent-Length: 10\r\n\r\nhalf`,
  )
  socket.end()
  await expect.poll(() => requests).toMatchObject([{ status: 400 }])
})

test('one connection carries one call after the other, each with a key of its own, also past a body that nobody read', async () => {
  const call = (more: string) => `GET ${at}/next HTTP/1.1\r\nHost: here\r\n${more}\r\n`
  const got = await talk(
    direct.port,
    [
      `POST ${at}/ack HTTP/1.1\r\nHost: here\r\n${sized('{"ack_tokens":["x"]}')}`,
      call(`${key}\r\n`),
      call(`Authorization: Bearer ${reader}\r\n`),
      call(`${key}\r\n`),
      call(`Authorization: Bearer ${token}\r\n`),
      call('Connection: close\r\n'),
    ].join(''),
  )
  const statuses = [...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))
  expect(statuses).toEqual([401, 200, 403, 200, 401, 401])
})
