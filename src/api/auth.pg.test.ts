import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, operatorKey } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'
import { createApp } from './app.ts'
import type { App } from './app.ts'
import { hashKey } from '../store/apiKeys.ts'
import { createCallers } from './callers.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const makeKey = async (fields: object) =>
  (await api.ask('POST', '/v1/api-keys', { name: 'k', ...fields })).body

describe('a request without a valid key is refused, and told why', () => {
  const causes: [string, Record<string, string>, string][] = [
    ['no header', {}, 'has no Authorization header'],
    ['an empty header', { authorization: ' ' }, 'has no Authorization header'],
    ['another scheme', { authorization: 'Basic b3BlcmF0b3I6eA==' }, 'does not begin with `Bearer`'],
    ['no key', { authorization: 'Bearer' }, 'exactly one API key'],
    ['two keys', { authorization: 'Bearer one-of-two two-of-two' }, 'exactly one API key'],
    [
      'two headers',
      { authorization: `Bearer ${operatorKey}, Bearer ${operatorKey}` },
      'more than one Authorization header',
    ],
    ['no form of a key', { authorization: 'Bearer kurz' }, 'does not look like an API key'],
    ['an unknown key', { authorization: `Bearer ${operatorKey}x` }, 'unknown or revoked'],
  ]
  for (const [cause, headers, text] of causes) {
    test(cause, async () => {
      const answer = await api.as(null)('GET', '/v1/streams', undefined, headers)
      expect(answer).toMatchObject({
        status: 401,
        body: { type: '/docs/errors#unauthenticated', detail: expect.stringContaining(text) },
      })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    })
  }

  test('a key in the URL', async () => {
    expect((await api.as(null)('GET', `/v1/streams?api_key=${operatorKey}`)).status).toBe(401)
  })
})

test('a key is shown once, and works at once', async () => {
  const made = await makeKey({ scopes: ['read'] })
  expect(made.key).toMatch(/^sluice_[\w-]{43}$/)
  expect((await api.as(made.key)('GET', '/v1/streams')).status).toBe(200)
  const { text } = await api.ask('GET', '/v1/api-keys')
  expect(text).not.toContain(made.key)
})

test('a revoked key stops at once', async () => {
  const made = await makeKey({})
  const ask = api.as(made.key)
  expect((await ask('GET', '/v1/streams')).status).toBe(200)
  expect((await api.ask('DELETE', `/v1/api-keys/${made.id}`)).status).toBe(200)
  expect((await ask('GET', '/v1/streams')).body.detail).toContain('unknown or revoked')
  expect(
    (await api.ask('GET', '/v1/api-keys?limit=200')).body.data.map((key: { id: string }) => key.id),
  ).not.toContain(made.id)
})

test('an expired key stops', async () => {
  const made = await makeKey({ expires_at: new Date(Date.now() + 3_600_000).toISOString() })
  expect((await api.as(made.key)('GET', '/v1/streams')).status).toBe(200)
  const over = await makeKey({ expires_at: new Date(Date.now() + 3_600_000).toISOString() })
  await api.database
    .sql`update api_keys set expires_at = now() - interval '1 second' where id = ${over.id}`
  expect((await api.as(over.key)('GET', '/v1/streams')).body.detail).toContain(
    'This API key expired at',
  )
  const past = await api.ask('POST', '/v1/api-keys', {
    name: 'k',
    expires_at: '2020-01-01T00:00:00Z',
  })
  expect(past.body.validation_errors).toEqual({
    expires_at: ['must be in the future, and before the year 9999'],
  })
})

test('S59: a key that one process revokes stops in the others too', async () => {
  const made = await makeKey({})
  const other = createApp(api.deps)
  const ask = async () =>
    (await other.request('/v1/streams', { headers: { authorization: `Bearer ${made.key}` } }))
      .status
  expect(await ask()).toBe(200)
  expect(await ask()).toBe(200)
  await api.ask('DELETE', `/v1/api-keys/${made.id}`)
  await expect.poll(ask, { timeout: 500, interval: 5 }).toBe(401)
})

describe('a clock that is set back by an hour', () => {
  const turning = () => {
    const clock = { aheadMs: 3_600_000 }
    return { clock, deps: { ...api.deps, now: () => Date.now() + clock.aheadMs } }
  }
  const asking = (app: App, key: string) => async () =>
    (await app.request('/v1/providers', { headers: { authorization: `Bearer ${key}` } })).status

  test('keeps no revoked key alive', async () => {
    const { clock, deps } = turning()
    const { id, key } = await makeKey({})
    let looks = 0
    const db = new Proxy(api.deps.db, {
      get(target, name) {
        if (name === 'select') looks++
        return Reflect.get(target, name) as unknown
      },
    })
    const ask = asking(createApp({ ...deps, db }), key)
    const looksOf = async () => {
      const before = looks
      expect(await ask()).toBe(200)
      return looks - before
    }
    await expect.poll(looksOf).toBe(0)
    clock.aheadMs = 0
    // by somebody whose word is lost
    await api.database.sql`update api_keys set revoked_at = now() where id = ${id}`
    await expect.poll(ask, { timeout: 2000 }).toBe(401)
  })

  test('refuses no busy key for that hour', async () => {
    const { clock, deps } = turning()
    const { key } = await makeKey({})
    const ask = asking(createApp(deps, { requestsPerSecond: 2 }), key)
    await expect.poll(ask, { interval: 5 }).toBe(429)
    clock.aheadMs = 0
    await expect.poll(ask, { timeout: 2000 }).toBe(200)
  })
})

test('calls that come at once with a key ask the database once, but none joins a look from before a change', async () => {
  let looks = 0
  const { db, write } = api.database.pools
  const counted = new Proxy(db, {
    get(target, name) {
      if (name === 'select') looks++
      return Reflect.get(target, name) as unknown
    },
  })
  const callers = createCallers(counted, write)
  const now = Date.now()
  const looksOf = async (act: () => Promise<unknown>) => {
    const before = looks
    await act()
    return looks - before
  }
  await expect
    .poll(() => looksOf(async () => await callers.find(hashKey(operatorKey), now)))
    .toBe(0) // it hears, and keeps
  const together = (count: number) =>
    Promise.all(
      Array.from(
        { length: count },
        async () => await callers.find(hashKey(operatorKey), now + 5000),
      ),
    )
  expect(await looksOf(() => together(100))).toBe(1)
  callers.clear()
  const split = async () => {
    const before = together(2)
    callers.clear()
    await Promise.all([before, together(2)])
  }
  expect(await looksOf(split)).toBe(2)
})

test('a scope allows what it says and nothing else', async () => {
  const calls = {
    read: ['GET', '/v1/streams'],
    write: ['PATCH', '/v1/streams/default', {}],
    consume: ['POST', `/v1/http-consumers/${crypto.randomUUID()}/ack`, { ack_tokens: ['x'] }],
    admin: ['GET', '/v1/api-keys'],
    operator: ['GET', '/v1/tenants'],
  } as const
  const allowed = {
    read: ['read'],
    write: ['read', 'write'],
    consume: ['consume'],
    admin: ['read', 'write', 'consume', 'admin'],
  }
  for (const [scope, rights] of Object.entries(allowed)) {
    const ask = api.as((await makeKey({ scopes: [scope] })).key)
    for (const [right, [method, path, body]] of Object.entries(calls)) {
      const { status } = await ask(method, path, body)
      if (rights.includes(right)) expect(status, `${scope} may ${right}`).not.toBe(403)
      else expect(status, `${scope} may not ${right}`).toBe(403)
    }
  }
})

test('when a key was used is noted, at most once a minute', async () => {
  const made = await makeKey({})
  expect(made.last_used_at).toBeNull()
  const ask = api.as(made.key)
  await ask('GET', '/v1/streams')
  const used = async () =>
    (
      await api.database.sql<
        { at: string }[]
      >`select last_used_at as at from api_keys where id = ${made.id}`
    )[0]!.at
  const first = await used()
  expect(first).not.toBeNull()
  await ask('GET', '/v1/streams')
  expect(await used()).toBe(first)
})

test('a key cannot revoke itself, nor the operator key', async () => {
  const made = await makeKey({})
  expect((await api.as(made.key)('DELETE', `/v1/api-keys/${made.id}`)).status).toBe(409)
  const { body } = await api.ask('GET', '/v1/api-keys?name=operator')
  expect((await api.as(made.key)('DELETE', `/v1/api-keys/${body.data[0].id}`)).status).toBe(409)
})

test('the operator makes keys for a tenant, others only for their own', async () => {
  const mine = await api.tenant('keys-a')
  const other = await api.tenant('keys-b')
  const own = await mine.ask('POST', '/v1/api-keys', { name: 'own', tenant_id: mine.tenantId })
  expect(own.status).toBe(201)
  expect(
    (await mine.ask('POST', '/v1/api-keys', { name: 'foreign', tenant_id: other.tenantId })).status,
  ).toBe(403)
  expect(
    (await api.ask('POST', '/v1/api-keys', { name: 'nowhere', tenant_id: crypto.randomUUID() }))
      .body.validation_errors,
  ).toEqual({ tenant_id: ['names no tenant'] })
})

test('a deleted tenant is gone with its keys and secrets, one with syncs stays', async () => {
  const tenant = await api.tenant('leaving')
  const sync = await api.sync(tenant.ask)
  expect((await api.ask('DELETE', `/v1/tenants/${tenant.tenantId}`)).body.type).toBe(
    '/docs/errors#in-use',
  )
  await api.database.sql`delete from source where sync_id = ${sync.id}`
  await api.database.sql`delete from syncs where id = ${sync.id}`
  expect((await api.ask('DELETE', `/v1/tenants/${tenant.tenantId}`)).status).toBe(200)
  expect((await tenant.ask('GET', '/v1/streams')).status).toBe(401)
  const [left] = await api.database
    .sql`select count(*)::int as count from credentials where tenant_id = ${tenant.tenantId}`
  expect(left?.['count']).toBe(0)
  expect((await api.ask('POST', '/v1/tenants', { name: 'leaving' })).status).toBe(201)
  expect((await api.ask('POST', '/v1/tenants', { name: 'leaving' })).body.type).toBe(
    '/docs/errors#name-taken',
  )
  const { body } = await api.ask('GET', '/v1/tenants?name=default')
  expect((await api.ask('DELETE', `/v1/tenants/${body.data[0].id}`)).status).toBe(409)
})

test('S58: more requests of one key than allowed are told to wait, other keys are not', async () => {
  await using small = await openApi({}, { requestsPerSecond: 10 })
  const { body } = await small.ask('POST', '/v1/api-keys', { name: 'other' })
  const answers = await Promise.all(
    Array.from({ length: 40 }, () =>
      small.ask('GET', '/healthz').then(() => small.ask('GET', '/v1/providers')),
    ),
  )
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThan(10)
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect(refused[0]?.body.type).toBe('/docs/errors#rate-limited')
  expect((await small.as(body.key)('GET', '/v1/providers')).status).toBe(200)
})
