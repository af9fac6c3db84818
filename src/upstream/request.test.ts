import { inspect } from 'node:util'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { upstreamServer } from '../../test/support/upstreamServer.ts'
import type { UpstreamServer } from '../../test/support/upstreamServer.ts'
import { AppError } from '../domain/error.ts'
import { textOf } from './body.ts'
import { createHttp } from './http.ts'
import type { Grant, Quota } from './quota.ts'
import { createRequester } from './request.ts'
import type { RequesterDeps } from './request.ts'

const http = createHttp({ upstreamHosts: ['127.0.0.1', 'localhost'] })
afterAll(() => http.close())

const observedAt = '2026-11-24T06:00:00.123456Z'

test('a request carries auth, its own headers and its query, behind the path of the base URL', async () => {
  let headers: Record<string, unknown> = {}
  await using server = await upstreamServer((request, response) => {
    headers = request.headers
    answer(response, 200, '{"id":1}', { 'X-Page': '2' })
  })
  const { request } = requester(server, { base: '/api/' })
  const query: [string, string][] = [
    ['limit', '100'],
    ['created[gte]', '1'],
    ['limit', 'b c'],
  ]
  const got = await request({ path: '/v1/things', query, headers: { 'x-version': '7' } })
  expect(server.requests).toEqual(['GET /api/v1/things?limit=100&created%5Bgte%5D=1&limit=b+c'])
  expect(headers).toMatchObject({
    authorization: 'Bearer sk_canary',
    'x-version': '7',
    accept: 'application/json',
  })
  expect(got).toMatchObject({ status: 200, body: '{"id":1}', observedAt })
  expect(got.headers['x-page']).toBe('2')
})

test('the text of an answer is exactly what was sent', async () => {
  const text = '{"n":9007199254740993,"z":"\\u0000","s":"Zürich 𝄞","f":1.0}\n'
  await using server = await upstreamServer((request, response) => {
    if (request.url === '/packed') {
      answer(response, 200, gzipSync(text), { 'content-encoding': 'gzip' })
    } else {
      // in the middle of a character
      const bytes = Buffer.from(text)
      response.write(bytes.subarray(0, 44))
      setImmediate(() => response.end(bytes.subarray(44)))
    }
  })
  const { request } = requester(server)
  expect((await request({ path: '/plain' })).body).toBe(text)
  expect((await request({ path: '/packed' })).body).toBe(text)
})

test('S57: a paging link on the same host is followed, one that leads off it is not', async () => {
  await using server = await upstreamServer((_, response) => answer(response, 200, '[]'))
  const { request } = requester(server)
  await request({ path: `${server.url}/v1/things?after=1`, query: [['limit', '2']] })
  expect(server.requests).toEqual(['GET /v1/things?after=1&limit=2'])
  for (const path of [
    'https://evil.example/v1',
    'http://localhost:1/',
    '//evil.example/v1',
    server.url.replace('http:', 'https:'),
  ]) {
    await expect(request({ path }), path).rejects.toMatchObject({
      kind: 'permanent',
      code: 'link-off-host',
    })
  }
  expect(server.requests).toHaveLength(1)
})

test('a redirect is never followed', async () => {
  await using server = await upstreamServer((_, response) =>
    answer(response, 302, '', { location: '/elsewhere' }),
  )
  const { request } = requester(server)
  await expect(request({ path: '/v1/things' })).rejects.toMatchObject({ kind: 'permanent' })
  expect(server.requests).toEqual(['GET /v1/things'])
})

test.each<[string, (response: ServerResponse) => void, string]>([
  ['server error', (response) => answer(response, 500, '{"error":"sk_canary"}'), 'transient'],
  [
    'HTML for JSON',
    (response) => answer(response, 200, '<html>sk_canary</html>', { 'content-type': 'text/html' }),
    'transient',
  ],
  ['text for JSON', (response) => answer(response, 200, 'Service busy'), 'transient'],
  [
    'body cut at a known length',
    (response) => cut(response, { 'content-length': '100' }),
    'transient',
  ],
  ['body cut in chunks', (response) => cut(response, {}), 'transient'],
  [
    'body cut by a proxy that ends it',
    (response) => answer(response, 200, '{"data":[{"id":1'),
    'transient',
  ],
  [
    'not UTF-8',
    (response) => answer(response, 200, Buffer.from([0x22, 0xff, 0xfe, 0x22])),
    'transient',
  ],
  [
    'packed, but is not',
    (response) => answer(response, 200, '{}', { 'content-encoding': 'gzip' }),
    'transient',
  ],
  ['reset', (response) => void response.socket!.resetAndDestroy(), 'transient'],
  ['closed', (response) => void response.socket!.destroy(), 'transient'],
  [
    'refused credential',
    (response) => answer(response, 401, '{"error":"sk_canary is wrong"}'),
    'auth',
  ],
  ['missing permission', (response) => answer(response, 403, '{"error":"no rights"}'), 'permanent'],
  ['unknown path', (response) => answer(response, 404, 'nothing'), 'permanent'],
  ['told to wait', (response) => answer(response, 429, '{}'), 'rate_limited'],
])(
  'G12: %s is one request (a refusal two), an error of its kind, and shows no secret, no query and no word of the provider',
  async (_, respond, kind) => {
    await using server = await upstreamServer((_request, response) => respond(response))
    const { request, log } = requester(server)
    const error = await request({ path: '/v1/things', query: [['token', 'sk_canary']] }).catch(
      (caught: unknown) => caught,
    )
    expect(error).toBeInstanceOf(AppError)
    expect((error as AppError).kind).toBe(kind)
    const requests = kind === 'auth' ? 2 : 1
    expect(server.requests).toHaveLength(requests)
    expect(log.filter((entry) => entry === 'release')).toHaveLength(requests)
    for (const shown of [
      inspect(error, { depth: 12 }),
      JSON.stringify(error),
      String((error as Error).stack),
    ]) {
      expect(shown).not.toMatch(/sk_canary|is wrong|no rights|Service busy|<html>/)
    }
  },
)

test('a provider that cannot be reached is transient', async () => {
  const server = await upstreamServer(() => undefined)
  await server[Symbol.asyncDispose]()
  const { request } = requester(server)
  await expect(request({ path: '/' })).rejects.toMatchObject({
    kind: 'transient',
    details: { code: 'ECONNREFUSED' },
  })
})

test('a 429 makes all traffic wait, for as long and in the bucket that the answer names', async () => {
  await using server = await upstreamServer((request, response) =>
    answer(
      response,
      request.url === '/busy' ? 503 : 429,
      '{}',
      request.url === '/untold' ? {} : { 'retry-after': '7' },
    ),
  )
  const classify: RequesterDeps['connector']['classify'] = ({ path }) =>
    path === '/named' ? { kind: 'rate_limited', message: 'Slow down.', bucket: 'things' } : null
  const { request, blocks } = requester(server, { connector: { title: 'Acme', classify } })
  await expect(request({ path: '/named' })).rejects.toMatchObject({
    kind: 'rate_limited',
    retryAfterMs: 7000,
  })
  await expect(request({ path: '/untold' })).rejects.toMatchObject({
    kind: 'rate_limited',
    retryAfterMs: 1000,
  })
  await expect(request({ path: '/busy' })).rejects.toMatchObject({
    kind: 'transient',
    retryAfterMs: 7000,
  })
  const credentialId = 'c'
  expect(blocks).toEqual([
    { credentialId, bucket: 'things', waitMs: 7000, refusedAt: observedAt },
    { credentialId, bucket: null, waitMs: 1000, refusedAt: observedAt },
    { credentialId, bucket: null, waitMs: 7000 },
  ])
})

test('a status that the caller accepts is an answer, whatever its text; not so when it says to slow down', async () => {
  await using server = await upstreamServer((request, response) =>
    answer(response, 403, request.url === '/slow' ? 'slow' : '404: nothing'),
  )
  const classify: RequesterDeps['connector']['classify'] = ({ body }) =>
    body === 'slow' ? { kind: 'rate_limited', message: 'Nothing left.' } : null
  const { request } = requester(server, { connector: { title: 'Acme', classify } })
  expect(await request({ path: '/', accept: [403] })).toMatchObject({
    status: 403,
    body: '404: nothing',
  })
  await expect(request({ path: '/slow', accept: [403] })).rejects.toMatchObject({
    kind: 'rate_limited',
  })
})

test('what was asked for as something else than JSON is not held against JSON', async () => {
  await using server = await upstreamServer((_, response) =>
    answer(response, 200, 'id,name\n1,a\n'),
  )
  const { request } = requester(server)
  expect(await request({ path: '/', headers: { Accept: 'text/csv' } })).toMatchObject({
    body: 'id,name\n1,a\n',
  })
})

test.each(['before the answer', 'in the middle of the body'])(
  'an abort %s ends the request within 200 ms and leaves no socket',
  async (when) => {
    let arrived = () => {}
    const arrival = new Promise<void>((resolve) => (arrived = resolve))
    await using server = await upstreamServer((_, response) => {
      if (when !== 'before the answer') response.write('{"data":[')
      arrived()
    })
    const abort = new AbortController()
    const { request, log } = requester(server, { signal: abort.signal })
    const running = request({ path: '/' })
    await arrival
    const abortedAt = performance.now()
    abort.abort()
    await expect(running).rejects.toMatchObject({ kind: 'stopped' })
    expect(performance.now() - abortedAt).toBeLessThan(200)
    await expect.poll(() => server.sockets.size).toBe(0)
    expect(log.at(-1)).toBe('release')
  },
)

test('G8: a grant that was not used at once is dropped and taken anew', async () => {
  await using server = await upstreamServer((_, response) => answer(response, 200, '{}'))
  const { request, log } = requester(server, { stale: 2 })
  await request({ path: '/' })
  expect(log).toEqual(['take', 'release', 'take', 'release', 'take', 'release'])
  expect(server.requests).toHaveLength(1)
})

test('G8: no request waits for a connection after its grant', async () => {
  const open: ServerResponse[] = []
  await using server = await upstreamServer((_, response) => void open.push(response))
  const { request } = requester(server)
  const running = Array.from({ length: 150 }, () => request({ path: '/' }))
  await expect.poll(() => open.length).toBe(150)
  for (const response of open) answer(response, 200, '{}')
  await Promise.all(running)
})

test('of a write that got no answer nobody knows whether it happened; one that was never sent can be tried again', async () => {
  await using server = await upstreamServer((request, response) =>
    request.url === '/reset' ? response.socket!.destroy() : answer(response, 500, '{}'),
  )
  const { request } = requester(server, { priority: 'mutation' })
  const write = { method: 'POST', body: 'a=1' } as const
  await expect(request({ ...write, path: '/reset' })).rejects.toMatchObject({
    kind: 'indeterminate',
  })
  await expect(request({ ...write, path: '/failed' })).rejects.toMatchObject({
    kind: 'indeterminate',
  })
  const gone = await upstreamServer(() => undefined)
  await gone[Symbol.asyncDispose]()
  const { request: toNobody } = requester(gone, { priority: 'mutation' })
  await expect(toNobody({ ...write, path: '/' })).rejects.toMatchObject({ kind: 'transient' })
  const { request: read } = requester(server)
  await expect(read({ ...write, path: '/reset' })).rejects.toMatchObject({ kind: 'transient' })
})

test('an answer beyond the cap is refused, packed or not', async () => {
  const big = Buffer.alloc(100_000, 32)
  await expect(textOf(parts(big), undefined, 50_000)).rejects.toMatchObject({
    kind: 'permanent',
    code: 'answer-too-large',
  })
  await expect(textOf(parts(gzipSync(big)), 'gzip', 50_000)).rejects.toMatchObject({
    kind: 'permanent',
    code: 'answer-too-large',
  })
  expect(await textOf(parts(gzipSync(big)), 'gzip', 100_000)).toHaveLength(100_000)
})

test('an address where no provider can be is not called, whatever the base URL says', async () => {
  const { request } = requester({ url: 'http://169.254.169.254' })
  await expect(request({ path: '/latest/meta-data' })).rejects.toMatchObject({
    kind: 'permanent',
    code: 'address-forbidden',
  })
})

test('after one 401 a token that expires is renewed, and the request sent once more; a second 401 is believed', async () => {
  await using server = await upstreamServer((request, response) => {
    const good = request.headers.authorization === 'Bearer new'
    response.writeHead(good ? 200 : 401).end(good ? '{}' : '{"error":"expired"}')
  })
  const { request, log } = requester(server, { tokens: ['old', 'new'] })
  expect((await request({ path: '/v1/things' })).status).toBe(200)
  expect(server.requests).toHaveLength(2)
  expect(log).toEqual(['take', 'release', 'take', 'release'])
  const hopeless = requester(server, { tokens: ['old', 'older'] })
  await expect(hopeless.request({ path: '/v1/things' })).rejects.toMatchObject({ kind: 'auth' })
  expect(server.requests).toHaveLength(4)
})

type Options = Partial<Pick<RequesterDeps, 'connector' | 'signal' | 'priority'>> & {
  base?: string
  stale?: number
  /** Access tokens that expire: the first, and the one after it was refused. */
  tokens?: [string, string]
}

/** With a quota that always grants; the first `stale` grants are too old. */
function requester({ url }: Pick<UpstreamServer, 'url'>, options: Options = {}) {
  const log: string[] = []
  const blocks: object[] = []
  let stale = options.stale ?? 0
  const grant = (): Grant => ({
    observedAt,
    usable: () => stale-- <= 0,
    release: () => void log.push('release'),
  })
  const quota: Quota = {
    take: async () => (log.push('take'), grant()),
    block: async (block) => void blocks.push(block),
    close: async () => undefined,
  }
  const request = createRequester({
    http,
    quota,
    connector: options.connector ?? { title: 'Acme' },
    credential: {
      id: 'c',
      baseUrl: `${url}${options.base ?? ''}`,
      renews: options.tokens !== undefined,
      headers: async ({ refused }) => ({
        authorization: `Bearer ${(refused ? options.tokens?.[1] : options.tokens?.[0]) ?? 'sk_canary'}`,
      }),
    },
    limits: [],
    sync: null,
    priority: options.priority ?? 'changes',
    signal: options.signal ?? new AbortController().signal,
    pause: async () => undefined,
  })
  return { request, log, blocks }
}

function answer(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, headers).end(body)
}

function cut(response: ServerResponse, headers: Record<string, string>): void {
  response.writeHead(200, headers)
  response.write('{"data":[{"id":1', () => response.socket!.destroy())
}

async function* parts(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000)
}
