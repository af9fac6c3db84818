import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi } from '../../test/support/api.ts'
import type { Ask, TestApi } from '../../test/support/api.ts'
import { routes } from './routes.ts'

let api: TestApi
let owner: Owned
let stranger: Ask

type Owned = Record<
  | 'streams'
  | 'credentials'
  | 'syncs'
  | 'http-consumers'
  | 'oauth-apps'
  | 'api-keys'
  | 'records'
  | 'collections'
  | 'tenants',
  string
>

beforeAll(async () => {
  api = await openApi()
  const mine = await api.tenant('owner')
  const sync = await api.sync(mine.ask)
  const { body: app } = await mine.ask('POST', '/v1/oauth-apps', {
    provider: 'crm',
    name: 'a',
    client_id: 'c',
    client_secret: 's',
  })
  const { body: key } = await mine.ask('POST', '/v1/api-keys', { name: 'second' })
  const { body: consumer } = await mine.ask('POST', '/v1/http-consumers', {})
  await insertRecord(sync.id)
  const records = await mine.ask('GET', '/v1/records')
  expect(records.text).toContain('cus_1')
  owner = {
    streams: sync.stream_id,
    credentials: sync.credential_id,
    collections: sync.credential_id,
    syncs: sync.id,
    'http-consumers': consumer.id,
    'oauth-apps': app.id,
    'api-keys': key.id,
    records: records.body.data[0].id,
    tenants: mine.tenantId,
  }
  stranger = (await api.tenant('stranger')).ask
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

async function insertRecord(syncId: string) {
  const { sql } = api.database
  const [source] =
    await sql`select source_no, stream_no from source where sync_id = ${syncId} limit 1`
  await sql`update stream_head set last_idx = 1 where stream_no = ${source!['stream_no']}`
  await sql`insert into record (stream_no, source_no, upstream_id, updated_idx, record_no, changed_at, observed_at, hash, deleted, data)
            values (${source!['stream_no']}, ${source!['source_no']}, 'cus_1', 1, 1, now(), now(), gen_random_uuid(), false, '{"id":"cus_1"}')`
}

const bodies: Record<string, object> = {
  ack: { ack_tokens: ['x'] },
  nack: { ack_tokens: ['x'] },
  extend: { ack_tokens: ['x'] },
}

const withIds = routes.filter((route) => route.path.includes('{') && route.right !== null)

test('every route with an id is looked at', () => {
  expect(withIds.length).toBeGreaterThan(30)
})

for (const route of withIds) {
  test(`S60: G13: ${route.method} ${route.path} answers 404 for an id of another tenant`, async () => {
    const noun = route.path.split('/')[2] as keyof Owned
    const path = route.path
      .replace(/\{collection_id\}/, 'crm:customer')
      .replace(/\{\w+\}/, owner[noun])
    const body =
      route.body === undefined ? undefined : (bodies[route.path.split('/').at(-1) ?? ''] ?? {})
    const foreign = await stranger(route.method, path, body)
    if (route.right === 'operator') {
      expect(foreign.status).toBe(403)
      return
    }
    expect(foreign.status).toBe(404)
    const unknown = await stranger(
      route.method,
      path.replace(owner[noun], crypto.randomUUID()),
      body,
    )
    expect(foreign.body.detail).toBe(unknown.body.detail)
    const nonsense = await stranger(route.method, path.replace(owner[noun], "1' or '1'='1"), body)
    expect(nonsense.status).toBe(404)
  })
}

test('G13: lists show nothing of another tenant, whatever the filter', async () => {
  for (const path of [
    '/v1/credentials',
    '/v1/syncs',
    '/v1/http-consumers',
    '/v1/oauth-apps',
    '/v1/records',
  ]) {
    expect((await stranger('GET', path)).body.data, path).toEqual([])
  }
  expect((await stranger('GET', `/v1/syncs?stream_id=${owner.streams}`)).body.data).toEqual([])
  expect((await stranger('GET', `/v1/syncs?credential_id=${owner.credentials}`)).body.data).toEqual(
    [],
  )
  expect(
    (await stranger('GET', `/v1/http-consumers?stream_id=${owner.streams}`)).body.data,
  ).toEqual([])
  expect((await stranger('GET', `/v1/records?stream_id=${owner.streams}`)).status).toBe(404)
  expect((await stranger('GET', `/v1/records?sync_id=${owner.syncs}`)).body.data).toEqual([])
})

test('G13: nothing of another tenant can be named in a body', async () => {
  const key = { kind: 'crm_key', secret: 'stranger.1' }
  const sync = { collection_ids: ['crm:customer'] }
  expect(
    (await stranger('POST', '/v1/syncs', { ...sync, credential_id: owner.credentials })).body
      .validation_errors,
  ).toHaveProperty('credential_id')
  expect(
    (await stranger('POST', '/v1/syncs', { ...sync, credential: key, stream_id: owner.streams }))
      .body.validation_errors,
  ).toHaveProperty('stream_id')
  expect(
    (await stranger('POST', '/v1/credentials', { ...key, oauth_app_id: owner['oauth-apps'] })).body
      .validation_errors,
  ).toHaveProperty('oauth_app_id')
  expect(
    (await stranger('POST', '/v1/http-consumers', { stream_id: owner.streams })).body
      .validation_errors,
  ).toHaveProperty('stream_id')
})

test('G13: an Idempotency-Key of one tenant says nothing to another', async () => {
  const body = { slug: 'same' }
  const mine = await api.tenant('idem-a')
  const other = await api.tenant('idem-b')
  const first = await mine.ask('POST', '/v1/streams', body, { 'idempotency-key': 'shared' })
  const second = await other.ask('POST', '/v1/streams', body, { 'idempotency-key': 'shared' })
  expect(second.status).toBe(201)
  expect(second.body.id).not.toBe(first.body.id)
})
