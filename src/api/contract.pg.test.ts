/** Every answer that the OpenAPI document promises is given here at least once, and held against its schema. */
import { createHmac, randomUUID } from 'node:crypto'
import type { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { crm, openApi, operatorKey, webhookSecret } from '../../test/support/api.ts'
import type { Body } from '../../test/support/answer.ts'
import type { TestApi } from '../../test/support/api.ts'
import { documented, exercised, expectContract } from '../../test/support/contract.ts'
import { AppError } from '../domain/error.ts'
import { createApp } from './app.ts'
import type { ApiDeps } from './deps.ts'
import type { Route } from './route.ts'
import { routes } from './routes.ts'

let api: TestApi
let held = 0
beforeAll(async () => {
  api = await openApi({ decideDeletes: () => Promise.resolve(held) })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const unknown = (route: Route) => route.path.replace(/\{\w+\}/g, randomUUID())
const needed = (route: Route) => (route.body === undefined ? undefined : '{}')

async function send(
  app: Hono,
  route: Pick<Route, 'method'>,
  path: string,
  options: {
    key?: string | null
    body?: string | undefined
    headers?: Record<string, string>
  } = {},
): Promise<{ status: number; body: Body; headers: Headers }> {
  const { key = operatorKey, body, headers = {} } = options
  const response = await app.request(path, {
    method: route.method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  expectContract(route.method, path, { status: response.status, headers: response.headers, text })
  const json = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    body: json ? JSON.parse(text) : null,
  }
}

/** Everything that a handler may need fails with this. */
function broken(reason: Error): ApiDeps {
  const failing = new Proxy(() => undefined, {
    get() {
      throw reason
    },
  })
  const fail = () => Promise.reject(reason)
  return {
    ...api.deps,
    db: failing as unknown as ApiDeps['db'],
    deliver: failing as unknown as ApiDeps['deliver'],
    write: failing as unknown as ApiDeps['write'],
    ready: fail,
    metrics: fail,
  }
}

test('every route answers what the machinery before it refuses: 400, 401, 403, 404, 413, 415, 422, 429, 500, 503', async () => {
  const narrow = async (scopes: string[]) =>
    (await api.ask('POST', '/v1/api-keys', { name: 'narrow', scopes })).body.key as string
  const [reader, worker] = [await narrow(['read']), await narrow(['consume'])]
  const buggy = createApp(broken(new Error('nobody foresaw this')))
  const away = createApp(broken(new AppError('transient', 'The database does not answer.')))
  for (const route of routes) {
    const path = unknown(route)
    const body = needed(route)
    expect((await send(api.app, route, `${path}?nonsense=1`, { body })).status).toBe(422)
    if (route.fixed !== true) {
      expect((await send(buggy, route, path, { body })).status, path).toBe(500)
      expect((await send(away, route, path, { body })).status, path).toBe(503)
    }
    if (route.body !== undefined) {
      const text = { 'content-type': 'text/plain' }
      expect((await send(api.app, route, path, { body: '{' })).status).toBe(400)
      expect((await send(api.app, route, path, { body: '{}', headers: text })).status).toBe(415)
    }
    if (route.body !== undefined || route.rawBody === true) {
      const large = { 'content-length': '2000000' }
      expect((await send(api.app, route, path, { body: '{}', headers: large })).status).toBe(413)
    }
    if (route.right === null) continue
    expect((await send(api.app, route, path, { body, key: null })).status).toBe(401)
    const key = route.right === 'consume' ? reader : worker
    expect((await send(api.app, route, path, { body, key })).status).toBe(403)
    if (path !== route.path)
      await send(api.app, route, path, { body: bodies[route.operation] ?? body })
    const busy = createApp(api.deps, { requestsPerSecond: 0.0001 })
    const statuses = [1, 2, 3].map(async () => (await send(busy, route, path, { body })).status)
    expect(await Promise.all(statuses), path).toContain(429)
  }
})

const tokens = JSON.stringify({ ack_tokens: ['x'] })
const bodies: Record<string, string> = { ack: tokens, nack: tokens, extend: tokens }

test('every route that changes an object refuses an old version: 412', async () => {
  const objects = await made()
  for (const route of routes.filter(({ versioned }) => versioned === true)) {
    const path = route.path.replace('{id}', objects[route.path.split('/')[2]!]!)
    const answer = await send(api.app, route, path, { body: '{}', headers: { 'if-match': '"1"' } })
    expect(answer.status, path).toBe(412)
  }
})

test('every create refuses an Idempotency-Key that was used for something else: 409', async () => {
  const headers = { 'idempotency-key': 'used' }
  await api.ask('POST', '/v1/streams', { slug: 'used' }, headers)
  const objects = await made()
  for (const route of routes.filter(({ creates }) => creates === true)) {
    const path = route.path.replace('{id}', objects['credentials']!)
    const { status } = await send(api.app, route, path, {
      body: creatable[route.operation]!,
      headers,
    })
    expect(status, path).toBe(409)
  }
})

const creatable: Record<string, string> = {
  createStream: '{"slug":"other"}',
  createCredential: '{"kind":"crm_key","secret":"other.1"}',
  createOauthApp: '{"provider":"crm","name":"a","client_id":"c","client_secret":"s"}',
  createSync:
    '{"collection_ids":["crm:customer"],"credential":{"kind":"crm_key","secret":"other.1"}}',
  createConsumer: '{}',
  createWebhookEndpoint: '{}',
  createApiKey: '{"name":"other"}',
  createTenant: '{"name":"other"}',
}

/** One of each, by the first part of its path. */
async function made(): Promise<Record<string, string>> {
  const sync = await api.sync(api.ask, {
    credential: { kind: 'crm_key', secret: `${randomUUID()}.1` },
  })
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', {})
  const { body: app } = await api.ask('POST', '/v1/oauth-apps', creatable['createOauthApp'])
  return {
    syncs: sync.id,
    streams: sync.stream_id,
    credentials: sync.credential_id,
    'http-consumers': consumer.id,
    'oauth-apps': app.id,
  }
}

test('every route does what it is for, and says what stands against it: 2xx, 409, 424', async () => {
  const { ask } = api
  const { body: tenant } = await ask('POST', '/v1/tenants', { name: 'contract' })
  const { body: key } = await ask('POST', '/v1/api-keys', { name: 'one' })
  const ids = await made()
  const [sync, credential, consumer, app] = [
    'syncs',
    'credentials',
    'http-consumers',
    'oauth-apps',
  ].map((noun) => `/v1/${noun}/${ids[noun]}`)
  const known = { kind: 'crm_key', secret: 'again.1' }
  await ask('POST', '/v1/credentials', known)
  for (const [method, path, body] of [
    ['POST', '/v1/credentials', known],
    ['POST', '/v1/credentials', { kind: 'crm_key', secret: 'refused' }],
    ['PATCH', credential, { properties: { secret: 'narrow' } }],
    ['PATCH', credential, { properties: { secret: 'another.1' } }],
    ['PATCH', credential, { oauth_app_id: ids['oauth-apps'] }],
    ['POST', `${credential}/check`],
    ['POST', `${credential}/webhook-endpoint`, { secret: webhookSecret }],
    ['DELETE', credential],
    ['DELETE', app],
    ['PATCH', app, { name: 'b' }],
    [
      'POST',
      '/v1/syncs',
      { collection_ids: ['crm:customer'], credential: { kind: 'crm_key', secret: 'refused' } },
    ],
    ['PATCH', sync, { name: 'b' }],
    ['PATCH', '/v1/streams/used', { slug: 'default' }],
    ['PATCH', '/v1/streams/used', { slug: 'unused' }],
    ['DELETE', '/v1/streams/default'],
    ['DELETE', '/v1/streams/unused'],
    ['PATCH', consumer, { name: 'b' }],
    ['POST', `${consumer}/reset`],
    ['POST', `${consumer}/next`],
    ['POST', `${consumer}/ack`, { ack_tokens: ['x'] }],
    ['POST', `${consumer}/nack`, { ack_tokens: ['x'] }],
    ['POST', `${consumer}/extend`, { ack_tokens: ['x'] }],
    ['POST', `${consumer}/dead-letters/redeliver`],
    ['POST', `${consumer}/dead-letters/drop`],
    ['DELETE', `/v1/api-keys/${key.id}`],
    ['GET', `/v1/api-keys?tenant_id=${randomUUID()}`],
    ['GET', `/v1/records?stream_id=nothing`],
    ['DELETE', `/v1/tenants/${tenant.id}`],
  ] as [Parameters<typeof ask>[0], string, object?][])
    await ask(method, path, body)
  for (const slow of [false, true]) {
    api.temporal.slow = slow
    for (const verb of ['pause', 'resume', 'check', 'resync']) await ask('POST', `${sync}/${verb}`)
  }
  for (const count of [0, 1]) {
    held = count
    for (const verb of ['approve', 'reject']) await ask('POST', `${sync}/deletes/${verb}`)
  }
  for (const route of routes.filter(
    ({ method, path }) => method === 'GET' && !path.includes('/records/'),
  )) {
    const path = route.path
      .replace('{credential_id}', ids['credentials']!)
      .replace('{collection_id}', 'crm:customer')
    expect(
      (await ask('GET', path.replace('{id}', ids[path.split('/')[2]!] ?? ''))).status,
      path,
    ).toBe(200)
  }
  await insertRecord(ids['syncs']!)
  const { body: records } = await ask('GET', '/v1/records')
  expect((await ask('GET', `/v1/records/${records.data[0].id}`)).status).toBe(200)
  for (const slow of [true, false]) {
    api.temporal.slow = slow
    const { id } = await api.sync()
    await ask('DELETE', `/v1/syncs/${id}`)
  }
  const own = await ask('GET', '/v1/api-keys')
  for (const { id } of own.body.data) await ask('DELETE', `/v1/api-keys/${id}`)
  await ask(
    'DELETE',
    `/v1/tenants/${(await ask('GET', '/v1/tenants?name=default')).body.data[0].id}`,
  )
})

async function insertRecord(syncId: string) {
  const { sql } = api.database
  const [source] = await sql<{ source_no: number; stream_no: number }[]>`
    select source_no, stream_no from source where sync_id = ${syncId} limit 1`
  const { source_no: sourceNo, stream_no: streamNo } = source!
  await sql`update stream_head set last_idx = 1 where stream_no = ${streamNo}`
  await sql`
    insert into record (stream_no, source_no, upstream_id, updated_idx, record_no, changed_at, observed_at, hash, deleted, data)
    values (${streamNo}, ${sourceNo}, 'cus_1', 1, 1, now(), now(), gen_random_uuid(), false, '{"id":"cus_1"}')`
}

test('webhooks, free objects, records and the state of the server answer as described', async () => {
  const { ask } = api
  const { body: credential } = await ask('POST', '/v1/credentials', {
    kind: 'crm_key',
    secret: 'hook.1',
  })
  const made = await ask('POST', `/v1/credentials/${credential.id}/webhook-endpoint`, {
    secret: webhookSecret,
  })
  const { pathname } = new URL(made.body.url)
  const body = '["cus_1"]'
  const signature = createHmac('sha256', webhookSecret).update(body).digest('hex')
  const nobody = api.as(null)
  expect((await nobody('POST', pathname, body, { 'x-signature': signature })).status).toBe(202)
  expect((await nobody('POST', pathname, body)).status).toBe(403)
  expect((await nobody('POST', `${pathname}x`, body)).status).toBe(404)
  const refusing = (kind: 'auth' | 'permanent') => () =>
    Promise.reject(new AppError(kind, 'The provider refuses this.'))
  const unwilling = createApp({
    ...api.deps,
    connectors: { crm: { ...crm, webhooks: { ...crm.webhooks!, register: refusing('auth') } } },
    identify: refusing('permanent'),
    registrar: { ...api.deps.registrar, register: refusing('auth') },
  })
  const at = `/v1/credentials/${credential.id}`
  const post = { method: 'POST' } as const
  expect((await send(unwilling, post, `${at}/check`)).status).toBe(424)
  expect((await send(unwilling, post, `${at}/webhook-endpoint`)).status).toBe(424)
  const { body: app } = await ask('POST', '/v1/oauth-apps', creatable['createOauthApp'])
  const { body: consumer } = await ask('POST', '/v1/http-consumers', {})
  for (const path of [
    `/v1/oauth-apps/${app.id}`,
    `/v1/credentials/${credential.id}`,
    `/v1/http-consumers/${consumer.id}`,
  ])
    expect((await ask('DELETE', path)).status).toBe(200)
  const sick = createApp({
    ...api.deps,
    ready: () => Promise.resolve({ database: 'does not answer' }),
  })
  expect((await send(sick, { method: 'GET' }, '/readyz', { key: null })).status).toBe(503)
})

test('nothing that the document promises was left out', () => {
  expect(documented().filter((answer) => !exercised.has(answer))).toEqual([])
})
