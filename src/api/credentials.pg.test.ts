import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, webhookSecret } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const importKey = (secret: string, fields: object = {}) =>
  api.ask('POST', '/v1/credentials', { kind: 'crm_key', secret, ...fields })

test('the same account again is the same credential, with new secrets and the old name', async () => {
  const first = await importKey('one.first', { name: 'Mine', metadata: { plan: 'pro' } })
  expect(first).toMatchObject({
    status: 201,
    body: { account: 'one', name: 'Mine', livemode: true },
  })
  const second = await importKey('one.second')
  expect(second).toMatchObject({
    status: 200,
    body: { id: first.body.id, name: 'Mine', metadata: { plan: 'pro' } },
  })
  const [row] = await api.database.sql<
    { ciphertext: Buffer; key_id: string }[]
  >`select ciphertext, key_id from credentials where id = ${first.body.id}`
  expect(api.deps.sealer.open(row!.ciphertext, row!.key_id, `credential/${first.body.id}`)).toEqual(
    {
      secret: 'one.second',
    },
  )
})

test('fifty imports of one account at once make one credential', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => importKey(`many.${at}`)))
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
})

test('G12: secrets are in no answer, and not in the database in clear', async () => {
  const canary = 'canary-8d1f.secret'
  const made = await importKey(canary, { region: 'eu' })
  const app = await api.ask('POST', '/v1/oauth-apps', {
    provider: 'crm',
    name: 'app',
    client_id: 'client',
    client_secret: canary,
  })
  expect(made.body.properties).toEqual({
    kind: 'crm_key',
    region: 'eu',
    secret: '***********',
    base_url: 'https://api.crm.example',
  })
  expect(app.body.client_secret).toBe('***********')
  const answers = [
    made,
    app,
    await api.ask('GET', '/v1/credentials'),
    await api.ask('GET', `/v1/credentials/${made.body.id}`),
    await api.ask('GET', '/v1/oauth-apps'),
    await api.ask('PATCH', `/v1/credentials/${made.body.id}`, { name: 'x' }),
    await importKey(canary),
    await importKey(canary, { region: 'nowhere' }),
    await importKey(canary, { secrte: canary }),
  ]
  for (const { text } of answers) expect(text).not.toContain(canary)
  const keyed = await api.ask(
    'POST',
    '/v1/api-keys',
    { name: 'k' },
    { 'idempotency-key': 'canary' },
  )
  const tables = await api.database.sql<
    { name: string }[]
  >`select table_name as name from information_schema.tables where table_schema = 'public'`
  for (const { name } of tables) {
    const rows = await api.database.sql.unsafe(`select t::text as row from "${name}" t`)
    for (const { row } of rows) {
      expect(row, name).not.toContain(canary)
      expect(row, name).not.toContain(Buffer.from(canary).toString('hex'))
      expect(row, name).not.toContain(keyed.body.key)
    }
  }
})

test('a key that the provider refuses is stored nowhere', async () => {
  const refused = await importKey('refused.1')
  expect(refused).toMatchObject({ status: 424, body: { type: '/docs/errors#credential-rejected' } })
  expect(await importKey('narrow.1')).toMatchObject({
    status: 424,
    body: { type: '/docs/errors#upstream-refused' },
  })
  const down = await importKey('down.1')
  expect(down).toMatchObject({ status: 503, body: { type: '/docs/errors#unavailable' } })
  expect(down.headers.get('retry-after')).toBe('3')
  const { body } = await api.ask('GET', '/v1/credentials?limit=200')
  expect(body.data.map((one: { account: string }) => one.account)).not.toContain('refused')
})

test('a rotated key takes the place of the old one and wakes its syncs; one of another account is refused', async () => {
  const sync = await api.sync(api.ask, { credential: { kind: 'crm_key', secret: 'rotate.1' } })
  const path = `/v1/credentials/${sync.credential_id}`
  api.temporal.calls.length = 0
  expect((await api.ask('PATCH', path, { properties: { secret: 'rotate.2' } })).status).toBe(200)
  expect(api.temporal.calls).toEqual([{ name: 'nudge', syncId: sync.id }])
  const other = await api.ask('PATCH', path, { properties: { secret: 'stranger.1' } })
  expect(other).toMatchObject({ status: 409, body: { type: '/docs/errors#account-mismatch' } })
  expect((await api.ask('PATCH', path, { properties: { secret: 'refused.1' } })).status).toBe(424)
  expect((await api.ask('PATCH', path, { metadata: null, name: null })).body).toMatchObject({
    metadata: {},
    name: null,
  })
})

test('a check notes what the provider says, and the list filters by it', async () => {
  const { body } = await importKey('checked.1')
  expect((await api.ask('POST', `/v1/credentials/${body.id}/check`)).body.health.status).toBe(
    'healthy',
  )
  const { ciphertext } = api.deps.sealer.seal({ secret: 'refused' }, `credential/${body.id}`)
  await api.database.sql`update credentials set ciphertext = ${ciphertext} where id = ${body.id}`
  const refused = await api.ask('POST', `/v1/credentials/${body.id}/check`, {})
  expect(refused.body.health).toMatchObject({
    status: 'error',
    checks: [{ message: expect.stringContaining('it was revoked') }],
  })
  expect((await api.ask('GET', '/v1/credentials?health.status=error')).body.data).toMatchObject([
    { id: body.id },
  ])
  await importKey('checked.2')
  expect((await api.ask('GET', `/v1/credentials/${body.id}`)).body.health.status).toBe('healthy')
})

test('a wrong kind names the kinds that fit, a wrong property the nearest one', async () => {
  expect(
    (await api.ask('POST', '/v1/credentials', { kind: 'crm_kye', secret: 'a.1' })).body
      .validation_errors,
  ).toEqual({ kind: ['is no credential kind; did you mean `crm_key`?'] })
  expect(
    (await api.ask('POST', '/v1/credentials', { provider: 'crn', properties: {} })).body
      .validation_errors,
  ).toEqual({ provider: ['is no provider; did you mean `crm`?'] })
  expect((await importKey('a.1', { regoin: 'eu' })).body.validation_errors).toEqual({
    regoin: ['is not a known field; did you mean `region`?'],
  })
  expect((await importKey('a.1', { region: 'mars' })).body.validation_errors).toEqual({
    region: ['must be one of `eu`, `us`'],
  })
  expect(
    (await api.ask('POST', '/v1/credentials', { kind: 'crm_key' })).body.validation_errors,
  ).toEqual({ secret: ['is required'] })
  expect(
    (await api.ask('POST', '/v1/credentials', { provider: 'crm', refresh_token: 'guessed.1' })).body
      .kind,
  ).toBe('crm_oauth2')
  expect(
    (await importKey('a.1', { base_url: 'https://evil.example' })).body.validation_errors,
  ).toHaveProperty('base_url')
  expect(
    (await importKey('a.1', { oauth_app_id: crypto.randomUUID() })).body.validation_errors,
  ).toEqual({ oauth_app_id: ['names no OAuth app of this tenant'] })
})

test('a credential or an OAuth app that is used is not deleted', async () => {
  const { body: app } = await api.ask('POST', '/v1/oauth-apps', {
    provider: 'crm',
    name: 'app',
    client_id: 'c',
    client_secret: 's',
  })
  const sync = await api.sync(api.ask, {
    credential: { kind: 'crm_key', secret: 'used.1', oauth_app_id: app.id },
  })
  expect((await api.ask('DELETE', `/v1/oauth-apps/${app.id}`)).body.type).toBe(
    '/docs/errors#in-use',
  )
  expect((await api.ask('DELETE', `/v1/credentials/${sync.credential_id}`)).body.type).toBe(
    '/docs/errors#in-use',
  )
  const { body: free } = await importKey('free.1')
  expect((await api.ask('DELETE', `/v1/credentials/${free.id}`)).status).toBe(200)
  expect((await api.ask('DELETE', `/v1/credentials/${free.id}`)).status).toBe(404)
})

test('a webhook with a good signature becomes hints, every other changes nothing', async () => {
  const { body: credential } = await importKey('hooks.1')
  const made = await api.ask('POST', `/v1/credentials/${credential.id}/webhook-endpoint`, {
    secret: webhookSecret,
  })
  expect(made.status).toBe(201)
  const { pathname } = new URL(made.body.url)
  const body = JSON.stringify(['cus_1', 'cus_2'])
  const signature = createHmac('sha256', webhookSecret).update(body).digest('hex')
  const nobody = api.as(null)
  expect(await nobody('POST', pathname, body, { 'x-signature': signature })).toMatchObject({
    status: 202,
    body: { accepted: 2 },
  })
  expect((await nobody('POST', pathname, `${body} `, { 'x-signature': signature })).status).toBe(
    403,
  )
  expect((await nobody('POST', pathname, body)).status).toBe(403)
  expect((await nobody('POST', `${pathname}x`, body, { 'x-signature': signature })).status).toBe(
    404,
  )
  expect(
    (await nobody('POST', pathname.replace('/crm/', '/other/'), body, { 'x-signature': signature }))
      .status,
  ).toBe(404)
})

test('providers and collections tell what can be synced', async () => {
  const { body: providers } = await api.ask('GET', '/v1/providers')
  expect(providers.data).toMatchObject([
    {
      id: 'crm',
      collection_ids: ['crm:customer', 'crm:invoice'],
      credential_kinds: [
        { kind: 'crm_key', secrets: ['secret'], schema: { required: ['secret'] } },
        { kind: 'crm_oauth2' },
      ],
    },
  ])
  const { body: credential } = await importKey('catalog.1')
  const { body: collections } = await api.ask(
    'GET',
    `/v1/collections/${credential.id}?include=upstream_metadata`,
  )
  expect(collections.data[0]).toMatchObject({
    id: 'crm:customer',
    fields: [{ id: 'crm:customer:id', primary_key: true }, { accessor: 'name' }],
  })
  expect(
    (await api.ask('GET', `/v1/collections/${credential.id}/crm:invoice`)).body.capabilities,
  ).toEqual({
    backfill: 'whole',
    changes: 'relist',
    relist_every: 60,
    compare_every: 86_400,
    deletes: ['event', 'sweep'],
  })
  expect(
    (await api.ask('GET', `/v1/collections/${credential.id}/crm:invioce`)).body.detail,
  ).toContain('Did you mean `crm:invoice`?')
})
