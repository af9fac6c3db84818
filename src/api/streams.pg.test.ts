import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

test('a stream is found by id and by slug, and changes its slug', async () => {
  const { body } = await api.ask('POST', '/v1/streams', { slug: 'found' })
  const held = { oldest_at: null, newest_at: null, collections: [] }
  expect((await api.ask('GET', '/v1/streams/found')).body).toEqual({ ...body, ...held })
  expect((await api.ask('GET', `/v1/streams/${body.id}`)).body).toEqual({ ...body, ...held })
  const changed = await api.ask('PATCH', '/v1/streams/found', { slug: 'found-again' })
  expect(changed).toMatchObject({ status: 200, body: { id: body.id, slug: 'found-again' } })
  expect((await api.ask('GET', '/v1/streams/found')).status).toBe(404)
})

test('slugs are unique in a tenant, not in the installation', async () => {
  const other = await api.tenant('slugs')
  expect((await api.ask('POST', '/v1/streams', { slug: 'mine' })).status).toBe(201)
  expect((await other.ask('POST', '/v1/streams', { slug: 'mine' })).status).toBe(201)
  const again = await api.ask('POST', '/v1/streams', { slug: 'mine' })
  expect(again).toMatchObject({ status: 409, body: { type: '/docs/errors#slug-taken' } })
})

test('every tenant has a stream called default', async () => {
  const other = await api.tenant('with a default')
  expect((await other.ask('GET', '/v1/streams')).body.data).toMatchObject([{ slug: 'default' }])
})

test('the stream called default keeps its slug and is not deleted', async () => {
  const { ask } = await api.tenant('keeps its default')
  const [{ id }] = (await ask('GET', '/v1/streams')).body.data
  const conflict = { status: 409, body: { type: '/docs/errors#conflict' } }
  for (const name of ['default', id]) {
    expect(await ask('DELETE', `/v1/streams/${name}`)).toMatchObject(conflict)
    expect(await ask('PATCH', `/v1/streams/${name}`, { slug: 'other' })).toMatchObject(conflict)
  }
  expect((await ask('PATCH', '/v1/streams/default', { slug: 'default' })).status).toBe(200)
  expect((await ask('POST', '/v1/http-consumers', {})).status).toBe(201)
})

test('a stream with a sync is not deleted, one without is', async () => {
  const { body: stream } = await api.ask('POST', '/v1/streams', { slug: 'used' })
  const sync = await api.sync(api.ask, { stream_id: 'used' })
  const refused = await api.ask('DELETE', '/v1/streams/used')
  expect(refused).toMatchObject({
    status: 409,
    body: {
      type: '/docs/errors#in-use',
      detail: 'The stream has 1 syncs and 0 consumers. Delete them first.',
    },
  })
  expect((await api.ask('GET', '/v1/streams/used')).body.counts).toEqual({
    records: 0,
    deleted: 0,
    syncs: 1,
    consumers: 0,
  })
  await api.ask('DELETE', `/v1/syncs/${sync.id}`)
  // the row of the sync goes when its records are gone
  expect((await api.ask('DELETE', '/v1/streams/used')).body.detail).toContain('still being removed')
  await api.database.sql`delete from source where sync_id = ${sync.id}`
  await api.database.sql`delete from syncs where id = ${sync.id}`
  expect(await api.ask('DELETE', `/v1/streams/${stream.id}`)).toMatchObject({
    status: 200,
    body: { id: stream.id, deleted: true },
  })
  expect((await api.ask('GET', '/v1/streams/used')).status).toBe(404)
})

test('slugs that could be taken for others are refused', async () => {
  for (const slug of [
    '',
    'Upper',
    'with space',
    '-first',
    '_first',
    'a'.repeat(64),
    'pаypal' /* Cyrillic а */,
    'a/b',
    '..',
    'a\u0000',
  ]) {
    const { status, body } = await api.ask('POST', '/v1/streams', { slug })
    expect([400, 422], slug).toContain(status)
    if (status === 422) expect(body.validation_errors).toHaveProperty('slug')
  }
})

test('a change with an old If-Match is refused, with the present one it goes through', async () => {
  const made = await api.ask('POST', '/v1/streams', { slug: 'versions' })
  const etag = made.headers.get('etag') ?? ''
  const first = await api.ask(
    'PATCH',
    '/v1/streams/versions',
    { slug: 'versions-2' },
    { 'if-match': etag },
  )
  expect(first.status).toBe(200)
  const stale = await api.ask(
    'PATCH',
    '/v1/streams/versions-2',
    { slug: 'versions-3' },
    { 'if-match': etag },
  )
  expect(stale).toMatchObject({ status: 412, body: { type: '/docs/errors#precondition-failed' } })
  const fresh = await api.ask('GET', '/v1/streams/versions-2')
  const second = await api.ask(
    'PATCH',
    '/v1/streams/versions-2',
    { slug: 'versions-3' },
    { 'if-match': fresh.headers.get('etag') ?? '' },
  )
  expect(second.status).toBe(200)
})
