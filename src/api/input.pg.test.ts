import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const deep = (depth: number) => `{"metadata":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`

describe('a body that cannot be read is refused before anything is done', () => {
  const cases: [
    what: string,
    body: string,
    status: number,
    code: string,
    headers?: Record<string, string>,
  ][] = [
    ['no JSON', '{"slug":', 400, 'invalid-request'],
    ['an empty body', '', 400, 'invalid-request'],
    ['a list', '[]', 400, 'invalid-request'],
    ['a text', '"slug"', 400, 'invalid-request'],
    ['null', 'null', 400, 'invalid-request'],
    ['JSON with a comment', '{"slug":"a"} // x', 400, 'invalid-request'],
    ['NaN', '{"slug":NaN}', 400, 'invalid-request'],
    ['deep nesting', deep(100_000), 400, 'invalid-request'],
    ['nesting just too deep', deep(64), 400, 'invalid-request'],
    ['a NUL character', '{"slug":"a\\u0000"}', 400, 'invalid-request'],
    ['half of a surrogate pair', '{"slug":"a\\ud800"}', 400, 'invalid-request'],
    ['a NUL character in a key', '{"metadata":{"\\u0000":1}}', 400, 'invalid-request'],
    [
      'another content type',
      '{"slug":"a"}',
      415,
      'unsupported-media-type',
      { 'content-type': 'text/plain' },
    ],
    [
      'a form',
      'slug=a',
      415,
      'unsupported-media-type',
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    ['more than a megabyte', JSON.stringify({ slug: 'a'.repeat(1_100_000) }), 413, 'too-large'],
    ['a megabyte that is said', '{}', 413, 'too-large', { 'content-length': '100000000' }],
  ]
  for (const [what, body, status, code, headers] of cases) {
    test(what, async () => {
      const answer = await api.ask('POST', '/v1/streams', body, headers)
      expect(answer).toMatchObject({ status, body: { type: `/docs/errors#${code}`, status } })
      expect(answer.body).not.toHaveProperty('stack')
    })
  }

  test('bytes that are no UTF-8', async () => {
    const response = await api.app.request('/v1/streams', {
      method: 'POST',
      headers: {
        authorization: 'Bearer operator-key-of-the-tests',
        'content-type': 'application/json',
      },
      body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    })
    expect(response.status).toBe(400)
  })

  test('a body that never says how long it is and does not end', async () => {
    const chunk = Buffer.alloc(100_000, 0x20)
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += chunk.byteLength
        controller.enqueue(chunk)
      },
    })
    const response = await api.app.request('/v1/streams', {
      method: 'POST',
      headers: { authorization: 'Bearer operator-key-of-the-tests' },
      body: endless,
      duplex: 'half',
    })
    expect(response.status).toBe(413)
    expect(sent).toBeLessThan(2_000_000)
  })
})

describe('a field that is wrong is named with its reason', () => {
  const inexact =
    'holds a number beyond ±9007199254740991, whose digits get lost: send it as a text'
  const cases: [path: string, body: object | string, errors: Record<string, string[]>][] = [
    ['/v1/streams', {}, { slug: ['is required'] }],
    ['/v1/streams', { slug: 1 }, { slug: ['must be a text'] }],
    ['/v1/streams', { slug: null }, { slug: ['must be a text'] }],
    [
      '/v1/streams',
      { slug: 'a', slgu: 'b' },
      { slgu: ['is not a known field; did you mean `slug`?'] },
    ],
    [
      '/v1/streams',
      { slug: 'a', owner: 'b' },
      { owner: ['is not a known field; known are `slug`'] },
    ],
    [
      '/v1/streams',
      '{"slug":"a","__proto__":{"admin":true}}',
      { ['__proto__']: ['is not a known field; known are `slug`'] },
    ],
    [
      '/v1/streams',
      '{"slug":"a","constructor":1}',
      { constructor: ['is not a known field; known are `slug`'] },
    ],
    [
      '/v1/http-consumers',
      '{"metadata":{"a":[9007199254740993]},"filters":{"metadata":{"n":1e400}}}',
      { 'filters.metadata': [inexact], metadata: [inexact] },
    ],
    [
      '/v1/http-consumers',
      { maxDeliver: 1 },
      { maxDeliver: ['is not a known field; did you mean `max_deliver`?'] },
    ],
    [
      '/v1/http-consumers',
      { ack_wait: 1 },
      { ack_wait: ['is not a known field; did you mean `ack_wait_ms`?'] },
    ],
    [
      '/v1/http-consumers',
      { ack_wait_ms: 1.5, max_deliver: 0 },
      {
        ack_wait_ms: ['must be a whole number'],
        max_deliver: ['must be -1 (no cap) or at least 1'],
      },
    ],
    ['/v1/http-consumers', { ack_wait_ms: '30000' }, { ack_wait_ms: ['must be a number'] }],
    [
      '/v1/http-consumers',
      { deliver_policy: 'yesterday' },
      {
        deliver_policy: [expect.stringContaining('must be `all`, `new`, `last`')],
      },
    ],
    [
      '/v1/http-consumers',
      { filters: { colection_id: 'x' } },
      { 'filters.colection_id': ['is not a known field; did you mean `collection_id`?'] },
    ],
    ['/v1/http-consumers', { metadata: [] }, { metadata: ['must be an object'] }],
    [
      '/v1/http-consumers',
      { metadata: { text: 'x'.repeat(20_000) } },
      { metadata: ['may have at most 16 kB'] },
    ],
    [
      '/v1/syncs',
      { collection_ids: [], credential_id: 'x' },
      {
        collection_ids: ['must have at least 1 entries'],
        credential_id: ['must be an id: a uuid'],
      },
    ],
    [
      '/v1/syncs',
      {
        collection_ids: ['crm:customer', 7],
        sync_frequency: '10s',
        rate_limit: { allowed_requests: 0, intervall: 1 },
      },
      {
        'collection_ids.1': ['must be a text'],
        'rate_limit.allowed_requests': ['must be at least 1'],
        'rate_limit.interval': ['is required'],
        'rate_limit.intervall': ['is not a known field; did you mean `interval`?'],
        sync_frequency: [
          'must be `continuous` or a duration from `1m` to `30d`, such as `15m`, `4h` or `1d`',
        ],
      },
    ],
    [
      '/v1/api-keys',
      { name: 'k', scopes: ['root'] },
      { 'scopes.0': ['must be one of `read`, `write`, `consume`, `admin`'] },
    ],
    [
      '/v1/api-keys',
      { name: '', expires_at: 'soon' },
      {
        name: ['must have at least 1 characters'],
        expires_at: ['must be a time such as `2027-01-31T00:00:00Z`'],
      },
    ],
  ]
  for (const [path, body, errors] of cases) {
    test(`${path} ${JSON.stringify(body).slice(0, 80)}`, async () => {
      const answer = await api.ask('POST', path, body)
      expect(answer).toMatchObject({ status: 422, body: { type: '/docs/errors#invalid' } })
      expect(Object.entries(answer.body.validation_errors)).toEqual(Object.entries(errors))
    })
  }
})

test('keys of a prototype in metadata are harmless', async () => {
  const { status } = await api.ask(
    'POST',
    '/v1/http-consumers',
    '{"name":"proto","metadata":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}',
  )
  expect(status).toBe(201)
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})

test('text of every script passes unchanged', async () => {
  const name = 'Ünïcödé 日本語 👩‍👩‍👧 \u202e"\\\n'
  const { body } = await api.ask('POST', '/v1/http-consumers', { name, metadata: { [name]: name } })
  expect(body).toMatchObject({ name, metadata: { [name]: name } })
  expect(
    (await api.ask('GET', `/v1/http-consumers?name=${encodeURIComponent(name)}`)).body.data,
  ).toMatchObject([{ id: body.id }])
})

test('a path that is not there is 404, a method that is not there 405 with those that are', async () => {
  expect(await api.ask('GET', '/v1/nothing')).toMatchObject({
    status: 404,
    body: { type: '/docs/errors#not-found' },
  })
  const put = await api.ask('PUT', '/v1/streams/default', {})
  expect(put).toMatchObject({ status: 405, body: { type: '/docs/errors#method-not-allowed' } })
  expect(put.headers.get('allow')).toBe('DELETE, GET, HEAD, PATCH')
  const preflight = await api.as(null)('OPTIONS', '/v1/syncs', undefined, {
    origin: 'https://evil.example',
    'access-control-request-method': 'POST',
  })
  expect(preflight.status).toBe(405)
  expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual(
    [],
  )
})

test('every answer has a request id, the safe headers, and says nothing of the machinery', async () => {
  const given = await api.ask('GET', '/v1/streams', undefined, { 'x-request-id': 'trace-1.2' })
  expect(given.headers.get('x-request-id')).toBe('trace-1.2')
  const forged = await api.ask('GET', '/v1/streams', undefined, { 'x-request-id': 'a b' })
  const made = forged.headers.get('x-request-id')
  expect(made).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect((await api.ask('GET', '/v1/streams')).headers.get('x-request-id')).not.toBe(made)
  expect(forged.headers.get('x-content-type-options')).toBe('nosniff')
  expect(forged.headers.get('cache-control')).toBe('no-store')
  expect(forged.headers.get('x-powered-by')).toBeNull()
  const problem = await api.ask('GET', '/v1/nothing', undefined, { 'x-request-id': 'trace-2' })
  expect(problem.body).toMatchObject({ instance: '/v1/nothing', request_id: 'trace-2' })
})

test('a bug is a 500 that tells nothing, and is logged under its request id', async () => {
  const logged: object[] = []
  await using broken = await openApi({
    log: { debug() {}, info() {}, warn() {}, error: (event) => void logged.push(event) },
    healthOf: () => Promise.reject(new Error('select secret from somewhere')),
  })
  const { id } = (await broken.database.sql`select id from streams limit 1`)[0] as { id: string }
  await broken.database
    .sql`insert into credentials (id, tenant_id, provider, kind, upstream_account, livemode, properties, ciphertext, key_id, base_url)
    select ${id}, tenant_id, 'crm', 'crm_key', 'a', true, '{}', '', 'k', 'https://api.crm.example' from streams where id = ${id}`
  await broken.database
    .sql`insert into syncs (tenant_id, stream_id, credential_id, provider) select tenant_id, id, id, 'crm' from streams where id = ${id}`
  const answer = await broken.ask('GET', '/v1/syncs')
  expect(answer).toMatchObject({ status: 500, body: { type: '/docs/errors#internal' } })
  expect(answer.text).not.toContain('secret')
  expect(logged).toMatchObject([{ event: 'request.failed', request_id: answer.body.request_id }])
})

test('a request that takes too long is answered', async () => {
  await using slow = await openApi({ ready: () => new Promise(() => {}) }, { timeoutMs: 50 })
  expect(await slow.as(null)('GET', '/readyz')).toMatchObject({
    status: 503,
    body: { type: '/docs/errors#unavailable' },
  })
})
