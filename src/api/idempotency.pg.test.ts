import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'
import {
  beginIdempotent,
  endIdempotent,
  forgetIdempotent,
  releaseIdempotent,
} from '../store/idempotency.ts'
import { ensureDefaultTenant } from '../store/tenants.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const withKey = (key: string, path: string, body: object) =>
  api.ask('POST', path, body, { 'idempotency-key': key })

test('fifty equal requests at once create one, and all get its answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => withKey('fifty', '/v1/http-consumers', { name: 'fifty' })),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 201))
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect((await api.ask('GET', '/v1/http-consumers?name=fifty')).body.data).toHaveLength(1)
  expect(
    answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true'),
  ).toHaveLength(49)
})

test('the same key with another body or path is refused', async () => {
  expect((await withKey('other', '/v1/streams', { slug: 'one' })).status).toBe(201)
  const body = await withKey('other', '/v1/streams', { slug: 'two' })
  expect(body).toMatchObject({ status: 409, body: { type: '/docs/errors#idempotency-key-reused' } })
  expect((await withKey('other', '/v1/http-consumers', { slug: 'one' })).status).toBe(422)
  expect((await withKey('other', '/v1/http-consumers', {})).body.type).toBe(
    '/docs/errors#idempotency-key-reused',
  )
})

test('a failure keeps no key: the request may be tried again', async () => {
  expect(
    (await withKey('retry', '/v1/credentials', { kind: 'crm_key', secret: 'down.1' })).status,
  ).toBe(503)
  expect(
    (await withKey('retry', '/v1/credentials', { kind: 'crm_key', secret: 'up.1' })).status,
  ).toBe(201)
})

test('a key that is shown once is shown again to its own repeat, and lies sealed', async () => {
  const first = await withKey('secret', '/v1/api-keys', { name: 'k' })
  const again = await withKey('secret', '/v1/api-keys', { name: 'k' })
  expect(again.text).toBe(first.text)
  const [row] = await api.database.sql<
    { response: string }[]
  >`select response from idempotency_keys where key = 'secret'`
  expect(row?.response).not.toContain(first.body.key)
})

test('a request whose process died is taken over and creates nothing twice', async () => {
  const body = { name: 'died' }
  await withKey('died', '/v1/http-consumers', body)
  await api.database
    .sql`update idempotency_keys set status = null, response = null, taken_at = now() - interval '2 minutes' where key = 'died'`
  const first = await withKey('died', '/v1/http-consumers', body)
  await api.database
    .sql`update idempotency_keys set status = null, response = null, taken_at = now() - interval '2 minutes' where key = 'died'`
  const second = await withKey('died', '/v1/http-consumers', body)
  expect([first.status, second.status]).toEqual([201, 201])
  expect(second.body.id).toBe(first.body.id)
})

test('of many equal requests one takes over what a dead process left', async () => {
  const post = () => withKey('dead', '/v1/api-keys', { name: 'dead' })
  await post()
  await api.database
    .sql`update idempotency_keys set status = null, response = null, taken_at = now() - interval '2 minutes' where key = 'dead'`
  const answers = await Promise.all(Array.from({ length: 20 }, post))
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect((await api.as(answers[0]!.body.key)('GET', '/v1/streams')).status).toBe(200)
})

test('who was taken over ends, frees and forgets nothing of who took over', async () => {
  const { db } = api.database.pools
  const tenantId = await ensureDefaultTenant(db)
  const begin = async () => {
    const begun = await beginIdempotent(db, tenantId, { key: 'slow', route: '', bodyHash: '' })
    return begun.state === 'ours' ? begun : null
  }
  const first = (await begin())!
  expect(await begin()).toBeNull()
  const [aged] = await api.database.sql<{ takenAt: string }[]>`
    update idempotency_keys set taken_at = now() - interval '2 minutes'
     where key = 'slow' returning taken_at::text as "takenAt"`
  const slow = { ...first.claim, ...aged }
  const other = (await begin())!
  expect(other.id).toBe(first.id)
  expect(await endIdempotent(db, slow, { status: 201, response: 'slow' })).toBe(false)
  await releaseIdempotent(db, slow)
  await forgetIdempotent(db, slow)
  expect(await begin()).toBeNull()
  expect(await endIdempotent(db, other.claim, { status: 201, response: 'other' })).toBe(true)
})

test('after a day the key is free', async () => {
  const first = await withKey('day', '/v1/http-consumers', { name: 'day' })
  await api.database
    .sql`update idempotency_keys set expires_at = now() - interval '1 second' where key = 'day'`
  const second = await withKey('day', '/v1/http-consumers', { name: 'another day' })
  expect(second.status).toBe(201)
  expect(second.body.id).not.toBe(first.body.id)
})

test('a key that no header should carry is refused', async () => {
  expect(
    (await withKey('x'.repeat(256), '/v1/streams', { slug: 'long' })).body.validation_errors,
  ).toHaveProperty('Idempotency-Key')
})
