/** Attempts with what stands in bodies, parameters and ids. docs/security.md lists them by number. */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi } from '../support/api.ts'
import type { TestApi } from '../support/api.ts'

let api: TestApi
let syncId: string
beforeAll(async () => {
  api = await openApi()
  syncId = (await api.sync()).id
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const injections = [
  "' or '1'='1",
  "'; drop table streams; --",
  '1); select pg_sleep(10); --',
  '" or ""="',
  '\\',
  '%',
  '$1',
  "\\'; select 1; --",
  '{"a":{"$ne":null}}',
]

test.each([
  '/v1/syncs?name=',
  '/v1/syncs?external_id=',
  '/v1/syncs?provider=',
  '/v1/syncs?stream_id=',
  '/v1/syncs?credential_id=',
  '/v1/credentials?kind=',
  '/v1/streams?slug=',
  '/v1/records?sync_id=',
  '/v1/records?collection_id=',
  '/v1/records?upstream_id=',
  '/v1/http-consumers?name=',
])('S32: SQL in the filter %s is a text like any other', async (path) => {
  for (const text of injections) {
    const answer = await api.ask('GET', path + encodeURIComponent(text))
    expect([200, 422], text).toContain(answer.status)
    if (answer.status === 200) expect(answer.body.data, text).toEqual([])
  }
  expect((await api.ask('GET', '/v1/streams/default')).status).toBe(200)
})

test('S33: SQL and JSON paths in a metadata filter are values', async () => {
  for (const filter of [
    { "a' or '1'='1": 1 },
    { a: "'); drop table syncs; --" },
    { $where: '1' },
    { '@>': {} },
  ]) {
    const answer = await api.ask(
      'GET',
      `/v1/syncs?metadata=${encodeURIComponent(JSON.stringify(filter))}`,
    )
    expect(answer).toMatchObject({ status: 200, body: { data: [] } })
  }
})

test('S34: SQL in ids of paths finds nothing', async () => {
  for (const text of injections) {
    for (const noun of [
      'streams',
      'syncs',
      'credentials',
      'records',
      'oauth-apps',
      'http-consumers',
    ])
      expect((await api.ask('GET', `/v1/${noun}/${encodeURIComponent(text)}`)).status).toBe(404)
  }
})

test('S35: JSON a hundred thousand levels deep is refused before it is parsed', async () => {
  for (const [open, close] of [
    ['{"a":', '}'],
    ['[', ']'],
  ] as const) {
    const body = `{"metadata":{"x":${open.repeat(100_000)}1${close.repeat(100_000)}}}`
    expect((await api.ask('PATCH', `/v1/syncs/${syncId}`, body)).status).toBe(400)
    const query = encodeURIComponent(`{"a":${open.repeat(200)}1${close.repeat(200)}}`)
    expect((await api.ask('GET', `/v1/syncs?metadata=${query}`)).status).toBe(422)
  }
})

test('S36: of a key that stands twice the value that is checked is the value that is used', async () => {
  const bad = await api.ask('POST', '/v1/streams', '{"slug":"good-one","slug":"../bad"}')
  expect(bad.status).toBe(422)
  const good = await api.ask('POST', '/v1/streams', '{"slug":"../bad","slug":"good-one"}')
  expect(good.body.slug).toBe('good-one')
  const twice = await api.ask('GET', '/v1/syncs?limit=1&limit=200')
  expect(twice.body.validation_errors).toEqual({ limit: ['is given more than once'] })
})

test('S37: keys of a prototype change no object, and are not kept', async () => {
  const text =
    '{"metadata":{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}}'
  const answer = await api.ask('PATCH', `/v1/syncs/${syncId}`, text)
  expect(answer.status).toBe(200)
  expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  expect(answer.text).not.toContain('__proto__')
  expect((await api.ask('POST', '/v1/streams', '{"slug":"a1","__proto__":{"x":1}}')).status).toBe(
    422,
  )
})

test.each([
  ['cyrillic', 'сustomers'],
  ['full width', 'ｃustomers'],
  ['a zero-width space', 'cust\u200bomers'],
  ['right to left', '\u202esremotsuc'],
  ['a combining mark', 'cu\u0301stomers'],
  ['a capital', 'Customers'],
  ['a dot', '..'],
  ['a slash', 'a/b'],
  ['a line end', 'customers\n'],
  ['a long s', 'cuſtomers'],
])('S38: a slug with %s is refused', async (_, slug) => {
  expect((await api.ask('POST', '/v1/streams', { slug })).status).toBe(422)
})

test('S39: NUL and half characters are refused wherever they stand', async () => {
  expect((await api.ask('POST', '/v1/http-consumers', '{"name":"a\\u0000b"}')).status).toBe(400)
  expect(
    (await api.ask('POST', '/v1/http-consumers', '{"metadata":{"a":["\\ud800"]}}')).status,
  ).toBe(400)
  expect((await api.ask('GET', '/v1/syncs?name=a%00b')).status).toBe(422)
  expect((await api.ask('GET', '/v1/syncs?metadata=%7B%22a%22%3A%22%5Cu0000%22%7D')).status).toBe(
    422,
  )
  expect((await api.ask('GET', '/v1/syncs/a%00b')).status).toBe(404)
})

test('S40: an id of 10 kB names nothing', async () => {
  expect((await api.ask('GET', `/v1/syncs/${'a'.repeat(10_000)}`)).status).toBe(404)
  expect((await api.ask('GET', `/v1/records/${'0'.repeat(10_000)}`)).status).toBe(404)
  const tokens = { ack_tokens: ['x'.repeat(10_000)] }
  const { body } = await api.ask('POST', '/v1/http-consumers', {})
  expect((await api.ask('POST', `/v1/http-consumers/${body.id}/ack`, tokens)).status).toBe(422)
})

test.each([
  '-1',
  '0',
  '201',
  'NaN',
  'Infinity',
  '1e2',
  '0x10',
  '1.5',
  ' 5',
  '٣',
  '9'.repeat(400),
  '',
])('S41: a limit of %j is refused', async (limit) => {
  const answer = await api.ask('GET', `/v1/syncs?limit=${encodeURIComponent(limit)}`)
  expect(answer.body.validation_errors).toHaveProperty('limit')
})

test.each(['1e999', '-1', '9007199254740993', '1.5', '"5"', 'true', '[5]', 'null', '1e-7'])(
  'S42: the number %s is refused where a whole one in a range is wanted',
  async (number) => {
    const answer = await api.ask('POST', '/v1/http-consumers', `{"max_ack_pending":${number}}`)
    expect([400, 422]).toContain(answer.status)
  },
)

test.each([
  'x',
  'r1',
  'r-1-0',
  `r${'9'.repeat(17)}-${'0'.repeat(32)}`,
  'bm90IGEgY3Vyc29y',
  "r1-'or'1",
  'n5',
])('S43: a made-up cursor %s is refused', async (cursor) => {
  const answer = await api.ask('GET', `/v1/syncs?cursor=${encodeURIComponent(cursor)}`)
  expect(answer.body.validation_errors).toHaveProperty('cursor')
})

test('S43: a cursor beyond every row shows an empty end, not an error', async () => {
  const edge = [`r0-${'0'.repeat(32)}`, `r${'9'.repeat(16)}-${'f'.repeat(32)}`]
  for (const cursor of edge)
    expect((await api.ask('GET', `/v1/syncs?cursor=${cursor}`)).status).toBe(200)
  expect((await api.ask('GET', `/v1/records?after_cursor=n${'9'.repeat(15)}`)).status).toBe(200)
})

test('S44: lists and objects have a size that they may not pass', async () => {
  const metadata = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, at]))
  expect((await api.ask('PATCH', `/v1/syncs/${syncId}`, { metadata })).status).toBe(422)
  const ids = Array.from({ length: 201 }, () => 'crm:customer')
  expect((await api.ask('PATCH', `/v1/syncs/${syncId}`, { collection_ids: ids })).status).toBe(422)
  const { body } = await api.ask('POST', '/v1/http-consumers', {})
  const tokens = { ack_tokens: Array.from({ length: 10_001 }, () => 'x') }
  expect((await api.ask('POST', `/v1/http-consumers/${body.id}/ack`, tokens)).status).toBe(422)
})

test('S45: a packed body is refused without being unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000, 0x20))
  const response = await api.app.request('/v1/streams', {
    method: 'POST',
    headers: {
      authorization: 'Bearer operator-key-of-the-tests',
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    },
    body: bomb,
  })
  expect(response.status).toBe(415)
})

test('S46: no expression takes long over a text that was made for it', async () => {
  const began = performance.now()
  const long = 'a'.repeat(500_000)
  await api.ask('POST', '/v1/streams', { slug: `${long}!` })
  await api.ask('POST', '/v1/syncs', {
    collection_ids: [`${long}:`],
    sync_frequency: `${'9'.repeat(400_000)}x`,
  })
  await api.ask('POST', '/v1/http-consumers', { deliver_policy: `${'1'.repeat(500_000)}z` })
  await api.ask('POST', '/v1/http-consumers', {
    deliver_policy: { from_time: `2026-01-01T00:00:00.${'0'.repeat(400_000)}x` },
  })
  await api.ask('POST', '/v1/credentials', {
    kind: 'crm_key',
    secret: 'a.1',
    base_url: `https://${long}`,
  })
  await api.ask('POST', '/v1/streams', '{}', {
    'content-type': `application/${'a+'.repeat(8000)}x`,
  })
  await api.as(`${'Bearer '.repeat(1000)}x`)('GET', '/v1/streams')
  expect(performance.now() - began).toBeLessThan(5000)
})

test('S47: a word of the language as a name of a provider, kind or collection is unknown like any other', async () => {
  for (const word of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const body = { provider: word, name: 'a', client_id: 'c', client_secret: 's' }
    expect((await api.ask('POST', '/v1/oauth-apps', body)).status).toBe(422)
    expect((await api.ask('POST', '/v1/credentials', { kind: word, secret: 'abc' })).status).toBe(
      422,
    )
    const ids = { collection_ids: [`crm:${word}`] }
    expect((await api.ask('PATCH', `/v1/syncs/${syncId}`, ids)).status).toBe(422)
    expect((await api.as(null)('POST', `/v1/webhooks/${word}/token`, '{}')).status).toBe(404)
  }
})

test('S48: what is not known is refused, not passed on', async () => {
  expect((await api.ask('GET', '/v1/syncs?limit[]=1')).status).toBe(422)
  expect((await api.ask('GET', '/v1/syncs?__proto__[x]=1')).status).toBe(422)
  expect((await api.ask('GET', '/v1/syncs?health.status=healthy%27')).status).toBe(422)
  expect((await api.ask('DELETE', `/v1/syncs/${syncId}?keep_records=yes`)).status).toBe(422)
})

test('S49: a time that no database can read is a time, or a wrong field, and never an error of ours', async () => {
  for (const time of [
    '0027-07-20T10:19:39+17:11',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-23:59',
    '2026-02-30T00:00:00Z',
  ]) {
    const consumer = await api.ask('POST', '/v1/http-consumers', {
      deliver_policy: { from_time: time },
    })
    expect([201, 422], time).toContain(consumer.status)
    const key = await api.ask('POST', '/v1/api-keys', { name: 'k', expires_at: time })
    expect(key.status, time).toBe(422)
  }
})
