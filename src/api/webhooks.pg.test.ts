import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { openApi } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'
import { AppError } from '../domain/error.ts'
import type { ApiDeps } from './deps.ts'

type Upstream = { id: string; url: string; secret: string; owner: string }

/** A provider that keeps endpoints, one an owner; `refuses` is what it says instead. */
async function open(overrides: Partial<ApiDeps> = {}) {
  const upstream = { endpoints: [] as Upstream[], refuses: null as AppError | null }
  let made = 0
  const api = await openApi({
    registrar: {
      async register(_asked, { url, owner }) {
        if (upstream.refuses !== null) throw upstream.refuses
        made += 1
        const endpoint = { id: `we_${made}`, url, owner, secret: `secret_${made}` }
        upstream.endpoints = [...upstream.endpoints.filter((one) => one.owner !== owner), endpoint]
        return endpoint
      },
      async unregister({ credentialId }, id) {
        expect(credentialId).toBeNull()
        upstream.endpoints = upstream.endpoints.filter((one) => one.id !== id)
      },
    },
    ...overrides,
  })
  const verify = api.deps.connectors['crm']!.webhooks!.verify
  const register = () => Promise.reject(new Error('the registrar stands in'))
  api.deps.connectors['crm'] = {
    ...api.deps.connectors['crm']!,
    webhooks: { verify, register, byHand: 'Enter it in the settings.' },
  }
  const { body } = await api.ask('POST', '/v1/credentials', { kind: 'crm_key', secret: 'hooks.1' })
  const path = `/v1/credentials/${body.id}/webhook-endpoint`
  return { api, upstream, credentialId: body.id as string, path }
}

async function deliver(api: TestApi, url: string, secret: string): Promise<number> {
  const body = JSON.stringify(['cus_1'])
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const { pathname } = new URL(url, 'http://any')
  return (await api.as(null)('POST', pathname, body, { 'x-signature': signature })).status
}

test('an endpoint is registered at the provider, and what it sends is believed', async () => {
  const { api, upstream, credentialId, path } = await open()
  await using _ = api
  const { status, body } = await api.ask('POST', path)
  expect(status).toBe(201)
  expect(body).toMatchObject({ registered: true, ready: true, instructions: null })
  expect(upstream.endpoints).toMatchObject([{ url: body.url, owner: credentialId }])
  expect(await deliver(api, body.url, 'secret_1')).toBe(202)
  expect(await deliver(api, body.url, 'another')).toBe(403)
  const [row] = await api.database
    .sql`select upstream_id, ready, last_received_at from webhook_endpoints`
  expect(row).toMatchObject({
    upstream_id: 'we_1',
    ready: true,
    last_received_at: expect.any(String),
  })
})

test('made again, there is one: the old address is no longer known', async () => {
  const { api, upstream, path } = await open()
  await using _ = api
  const first = await api.ask('POST', path)
  const second = await api.ask('POST', path)
  expect(upstream.endpoints).toMatchObject([{ url: second.body.url }])
  expect(await deliver(api, first.body.url, 'secret_1')).toBe(404)
  expect(await deliver(api, second.body.url, 'secret_2')).toBe(202)
})

test('a registration that broke off is made good by the next call, at the same address', async () => {
  const { api, upstream, path } = await open()
  await using _ = api
  upstream.refuses = new AppError('transient', 'The provider does not answer.')
  expect((await api.ask('POST', path)).status).toBe(503)
  upstream.refuses = null
  const { body } = await api.ask('POST', path)
  expect(body.registered).toBe(true)
  expect(await api.database.sql`select 1 from webhook_endpoints`).toHaveLength(1)
})

test('a key that may not register says why and what to do by hand; its secret completes it', async () => {
  const { api, upstream, path } = await open()
  await using _ = api
  upstream.refuses = new AppError('permanent', 'The key lacks a permission.')
  const { body } = await api.ask('POST', path)
  expect(body).toMatchObject({ registered: false, ready: false })
  expect(body.instructions).toContain('The key lacks a permission. Enter it in the settings.')
  expect(await deliver(api, body.url, '')).toBe(403)
  const again = await api.ask('POST', path)
  expect(again.body.url).toBe(body.url)
  const kept = await api.ask('POST', path, { secret: 'by-hand' })
  expect(kept.body).toMatchObject({ url: body.url, ready: true, instructions: null })
  expect(await deliver(api, body.url, 'by-hand')).toBe(202)
})

test('without a public address the path is given, and what to enter where', async () => {
  const { api, upstream, path } = await open({ publicUrl: null })
  await using _ = api
  const { body } = await api.ask('POST', path)
  expect(body).toMatchObject({ registered: false, ready: false })
  expect(body.url).toMatch(/^\/v1\/webhooks\/crm\//)
  expect(body.instructions).toContain('SLUICE_PUBLIC_URL')
  expect(upstream.endpoints).toEqual([])
})

test('with its credential an endpoint goes, at the provider too', async () => {
  const { api, upstream, path, credentialId } = await open()
  await using _ = api
  const { body } = await api.ask('POST', path)
  expect((await api.ask('DELETE', `/v1/credentials/${credentialId}`)).status).toBe(200)
  expect(upstream.endpoints).toEqual([])
  expect(await deliver(api, body.url, 'secret_1')).toBe(404)
})

test('G12: neither the secret nor the address of an endpoint stands in the database', async () => {
  const { api, path } = await open()
  await using _ = api
  const { body } = await api.ask('POST', path)
  const rows = await api.database.sql<{ text: string }[]>`
    select w::text || encode(w.ciphertext, 'escape') as text from webhook_endpoints w`
  for (const { text } of rows) {
    expect(text).not.toContain('secret_1')
    expect(text).not.toContain(body.url.split('/').at(-1))
  }
})
