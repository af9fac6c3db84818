/** Attempts with keys, tenants and other people's objects. docs/security.md lists them by number. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashKey } from '../../src/store/apiKeys.ts'
import { openApi, operatorKey, webhookSecret } from '../support/api.ts'
import type { TestApi } from '../support/api.ts'
import { createHmac } from 'node:crypto'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const raw = (authorization: string) =>
  api.as(null)('GET', '/v1/streams', undefined, { authorization })

test.each([
  ['Basic', `Basic ${Buffer.from(`${operatorKey}:`).toString('base64')}`],
  ['no scheme', operatorKey],
  ['two keys', `Bearer ${operatorKey} ${operatorKey}`],
  ['a list', `Bearer ${operatorKey}, Bearer x`],
  ['another alphabet', `Bearer ${encodeURIComponent('ключ')}`],
  ['a prefix of the key', `Bearer ${operatorKey.slice(0, -1)}`],
  ['the key and more', `Bearer ${operatorKey}x`],
  ['the hash of the key', `Bearer ${hashKey(operatorKey)}`],
  ['SQL', `Bearer '||(select/**/1)||'`],
])('S20: %s is no valid key', async (_, authorization) => {
  const answer = await raw(authorization)
  expect(answer.status).toBe(401)
  expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  expect(answer.text).not.toContain(operatorKey.slice(0, 12))
})

test('S21: an unknown and a revoked key are told apart by nothing', async () => {
  const { body: key } = await api.ask('POST', '/v1/api-keys', { name: 'short' })
  await api.ask('DELETE', `/v1/api-keys/${key.id}`)
  const revoked = await api.as(key.key)('GET', '/v1/streams')
  const unknown = await api.as(`sluice_${'x'.repeat(43)}`)('GET', '/v1/streams')
  expect(revoked.status).toBe(401)
  expect(revoked.body.detail).toBe(unknown.body.detail)
})

test('S22: keys are found by their hash, so time says nothing of how much of a key is right', async () => {
  const near = operatorKey.slice(0, -1) + 'X'
  expect(hashKey(near).slice(0, 6)).not.toBe(hashKey(operatorKey).slice(0, 6))
  const rows = await api.database.sql`select row_to_json(k)::text as text from api_keys k`
  for (const { text } of rows) expect(text).not.toContain(operatorKey.slice(0, 12))
})

test('S23: a hundred wrong keys lock nobody out', async () => {
  const wrong = Array.from({ length: 100 }, (_, index) => raw(`Bearer wrong-key-number-${index}`))
  expect(new Set((await Promise.all(wrong)).map(({ status }) => status))).toEqual(new Set([401]))
  expect((await api.ask('GET', '/v1/streams')).status).toBe(200)
})

test('S24: no key gives itself more than it has', async () => {
  const { ask } = await api.tenant('climber')
  const write = await ask('POST', '/v1/api-keys', { name: 'w', scopes: ['write'] })
  const writer = api.as(write.body.key)
  expect((await writer('POST', '/v1/api-keys', { name: 'x', scopes: ['admin'] })).status).toBe(403)
  expect((await writer('GET', '/v1/api-keys')).status).toBe(403)
  for (const body of [
    { name: 'x', scopes: ['operator'] },
    { name: 'x', scopes: ['__proto__'] },
    { name: 'x', operator: true },
  ])
    expect((await ask('POST', '/v1/api-keys', body)).status, JSON.stringify(body)).toBe(422)
  expect((await ask('POST', '/v1/tenants', { name: 'mine' })).status).toBe(403)
  const foreign = await api.tenant('climbed')
  const given = { name: 'x', tenant_id: foreign.tenantId }
  expect((await ask('POST', '/v1/api-keys', given)).status).toBe(403)
  expect((await ask('GET', `/v1/api-keys?tenant_id=${foreign.tenantId}`)).status).toBe(403)
})

test('S25: an object of another tenant and one that is not there answer alike, in text and headers', async () => {
  const [mine, other] = [await api.tenant('s25-a'), await api.tenant('s25-b')]
  const sync = await api.sync(mine.ask)
  const ids = [sync.id, crypto.randomUUID()]
  const answers = await Promise.all(ids.map((id) => other.ask('GET', `/v1/syncs/${id}`)))
  const [foreign, absent] = answers.map(({ status, body, headers }) => {
    const { instance: _, request_id: __, ...rest } = body
    return { status, rest, names: [...headers.keys()] }
  })
  expect(foreign).toEqual(absent)
})

test('S26: a cursor of another tenant shows only what is one’s own', async () => {
  const [mine, other] = [await api.tenant('s26-a'), await api.tenant('s26-b')]
  for (const slug of ['one', 'two', 'three']) await mine.ask('POST', '/v1/streams', { slug })
  await other.ask('POST', '/v1/streams', { slug: 'theirs' })
  const { body } = await mine.ask('GET', '/v1/streams?limit=1')
  const got = await other.ask('GET', `/v1/streams?cursor=${body.next_cursor}`)
  expect(
    got.body.data.every((one: { slug: string }) => ['default', 'theirs'].includes(one.slug)),
  ).toBe(true)
})

test('S27: what belongs to the server cannot be set from outside', async () => {
  for (const extra of [
    { tenant_id: crypto.randomUUID() },
    { id: crypto.randomUUID() },
    { created_at: '2020-01-01T00:00:00Z' },
    { stream_no: 1 },
    { constructor: 1 },
  ]) {
    const answer = await api.ask('POST', '/v1/streams', { slug: 'assigned', ...extra })
    expect(answer.status, JSON.stringify(extra)).toBe(422)
    expect(Object.keys(answer.body.validation_errors)).toEqual(Object.keys(extra))
  }
})

test('S28: an Idempotency-Key gives nothing to who did not earn it', async () => {
  const body = { name: 'idem' }
  const header = { 'idempotency-key': 'guessable' }
  const first = await api.ask('POST', '/v1/api-keys', body, header)
  const { ask } = await api.tenant('s28')
  const stolen = await ask('POST', '/v1/api-keys', body, header)
  expect(stolen.body.key).not.toBe(first.body.key)
  const reader = await api.ask('POST', '/v1/api-keys', { name: 'r', scopes: ['read'] })
  expect((await api.as(reader.body.key)('POST', '/v1/api-keys', body, header)).status).toBe(403)
  const large = { 'idempotency-key': 'x'.repeat(10_000) }
  expect((await api.ask('POST', '/v1/api-keys', body, large)).status).toBe(422)
  const other = await api.ask('POST', '/v1/api-keys', { name: 'idem2' }, header)
  expect(other).toMatchObject({
    status: 409,
    body: { type: '/docs/errors#idempotency-key-reused' },
  })
})

test('S29: an ETag of one’s own making changes nothing', async () => {
  const { body } = await api.ask('POST', '/v1/streams', { slug: 's29' })
  for (const tag of [
    '"0"',
    'W/"1"',
    '0',
    '"a","b"',
    "'; drop table streams; --",
    'x'.repeat(5000),
  ]) {
    const answer = await api.ask(
      'PATCH',
      `/v1/streams/${body.id}`,
      { slug: 's29b' },
      { 'if-match': tag },
    )
    expect(answer.status, tag).toBe(412)
  }
})

test('S30: a webhook that is forged, or sent elsewhere, does nothing; one that is sent again only looks again', async () => {
  const { body: credential } = await api.ask('POST', '/v1/credentials', {
    kind: 'crm_key',
    secret: 's30.1',
  })
  const made = await api.ask('POST', `/v1/credentials/${credential.id}/webhook-endpoint`, {
    secret: webhookSecret,
  })
  const { pathname } = new URL(made.body.url)
  const body = JSON.stringify(['cus_1'])
  const sign = (text: string, key = webhookSecret) => ({
    'x-signature': createHmac('sha256', key).update(text).digest('hex'),
  })
  const nobody = api.as(null)
  expect((await nobody('POST', pathname, body)).status).toBe(403)
  expect((await nobody('POST', pathname, body, sign(body, 'wrong'))).status).toBe(403)
  expect((await nobody('POST', pathname, `${body} `, sign(body))).status).toBe(403)
  expect((await nobody('POST', `${pathname.slice(0, -1)}x`, body, sign(body))).status).toBe(404)
  expect(
    (await nobody('POST', pathname.replace('/crm/', '/stripe/'), body, sign(body))).status,
  ).toBe(404)
  const twice = [
    await nobody('POST', pathname, body, sign(body)),
    await nobody('POST', pathname, body, sign(body)),
  ]
  expect(twice.map(({ status }) => status)).toEqual([202, 202])
})

test('S31: no secret comes back, also not in what says why it is refused', async () => {
  const canary = 'canary-of-s31'
  const attempts = [
    { kind: 'crm_key', secret: `refused-${canary}` },
    { kind: 'crm_key', secret: `down-${canary}` },
    { kind: 'crm_key', secret: { deep: canary } },
    { kind: 'crm_key', secret: `ok.${canary}`, region: canary },
    { kind: 'crm_oauth2', secret: canary },
    { provider: 'crm', properties: { kind: 'nothing', secret: canary } },
    { kind: 'crm_key', secret: `ok.${canary}`, base_url: 'https://evil.example' },
    { kind: 'crm_key', secret: `ok.${canary}` },
  ]
  for (const body of attempts) {
    const answer = await api.ask('POST', '/v1/credentials', body)
    expect(answer.text, JSON.stringify(body)).not.toContain(canary)
  }
})
