import { expect, test } from 'vitest'
import { openApi } from '../../test/support/api.ts'

test('the seed calls work as written', async () => {
  await using api = await openApi()
  const stream = await api.ask('POST', '/v1/streams', { slug: 'dev' })
  expect(stream).toMatchObject({ status: 201, body: { slug: 'dev', last_idx: 0 } })

  const credential = await api.ask('POST', '/v1/credentials', {
    name: 'Acme',
    properties: { kind: 'crm_key', secret: 'acme.1', test: true, name: 'ignored' },
    metadata: { plan: 'pro' },
  })
  expect(credential).toMatchObject({
    status: 201,
    body: { kind: 'crm_key', account: 'acme', name: 'Acme' },
  })
  const flat = await api.ask('POST', '/v1/credentials', {
    kind: 'crm_key',
    secret_key: 'acme.2',
    metadata: { plan: 'free' },
  })
  expect(flat).toMatchObject({
    status: 200,
    body: { id: credential.body.id, metadata: { plan: 'free' }, name: 'Acme' },
  })

  const inline = await api.ask('POST', '/v1/syncs', {
    provider: 'crm',
    stream_id: stream.body.id,
    name: 'inline',
    collection_ids: ['crm:customer'],
    credential: { properties: { kind: 'crm_key', secret: 'other.1' }, metadata: {} },
    rate_limit: { allowed_requests: 100, interval: 60, max_concurrent_requests: 0 },
    sync_frequency: '4h',
    external_id: 'customer-1',
  })
  expect(inline).toMatchObject({
    status: 201,
    body: {
      status: 'active',
      stream_id: stream.body.id,
      external_id: 'customer-1',
      collection_ids: ['crm:customer'],
      health: { status: 'initializing' },
    },
  })
  const byId = await api.ask('POST', '/v1/syncs', {
    provider: 'crm',
    stream_id: 'dev',
    name: 'by id',
    collection_ids: ['crm:customer', 'crm:invoice'],
    credential_id: credential.body.id,
  })
  expect(byId).toMatchObject({
    status: 201,
    body: { credential_id: credential.body.id, stream_id: stream.body.id },
  })
  expect(api.temporal.calls.map((call) => [call.name, call.syncId])).toEqual([
    ['start', inline.body.id],
    ['start', byId.body.id],
  ])
})
