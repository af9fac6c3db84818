import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, webhookSecret } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'
import { AppError } from '../domain/error.ts'

let api: TestApi
let fails = false
beforeAll(async () => {
  api = await openApi({
    healthOf: () => {
      if (!fails) return Promise.resolve(new Map())
      fails = false
      throw new AppError('transient', 'The database did not answer as it should. Try again.')
    },
  })
  await api.database.sql.unsafe(`
    create function lose_answers() returns trigger language plpgsql as $f$
    begin
      if new.key like 'lost-%' and new.status is not null then
        raise exception 'the answer is lost' using errcode = '57014';
      end if;
      return new;
    end $f$`)
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const post = (key: string, path: string, body: object) =>
  api.ask('POST', path, body, { 'idempotency-key': key })

/** Everything of the create is committed when its answer is lost. */
async function withAnswersLost<T>(work: () => Promise<T>): Promise<T> {
  await api.database
    .sql`create trigger lose_answers before update on idempotency_keys for each row execute function lose_answers()`
  try {
    return await work()
  } finally {
    await api.database.sql`drop trigger lose_answers on idempotency_keys`
  }
}

const creates: { path: string; body: object; list: string }[] = [
  { path: '/v1/streams', body: { slug: 'lost' }, list: '/v1/streams?slug=lost' },
  { path: '/v1/http-consumers', body: { name: 'lost' }, list: '/v1/http-consumers?name=lost' },
  { path: '/v1/tenants', body: { name: 'lost' }, list: '/v1/tenants?name=lost' },
  { path: '/v1/api-keys', body: { name: 'lost' }, list: '/v1/api-keys?name=lost' },
  {
    path: '/v1/oauth-apps',
    body: { provider: 'crm', name: 'lost', client_id: 'a', client_secret: 'b' },
    list: '/v1/oauth-apps?name=lost',
  },
  {
    path: '/v1/credentials',
    body: { kind: 'crm_key', name: 'lost', secret: 'lost.1' },
    list: '/v1/credentials?name=lost',
  },
  {
    path: '/v1/syncs',
    body: {
      collection_ids: ['crm:customer'],
      external_id: 'lost',
      credential: { kind: 'crm_key', secret: 'lost.2' },
    },
    list: '/v1/syncs?external_id=lost',
  },
]

for (const { path, body, list } of creates) {
  test(`POST ${path}: what was made before its answer was lost is the answer of the repeat`, async () => {
    const lost = await withAnswersLost(() => post(`lost-${path}`, path, body))
    expect(lost.status).toBe(503)
    const [made, ...others] = (await api.ask('GET', list)).body.data
    expect(others).toEqual([])
    const repeat = await post(`lost-${path}`, path, body)
    expect([repeat.status, repeat.body.id]).toEqual([201, made.id])
    expect((await api.ask('GET', list)).body.data).toHaveLength(1)
    if (path === '/v1/api-keys')
      expect((await api.as(repeat.body.key)('GET', '/v1/streams')).status).toBe(200)
  })
}

test('a webhook endpoint whose answer was lost is made once by its repeat', async () => {
  const { credential } = await api.sync()
  const path = `/v1/credentials/${credential.id}/webhook-endpoint`
  const body = { secret: webhookSecret }
  expect((await withAnswersLost(() => post('lost-endpoint', path, body))).status).toBe(503)
  expect((await post('lost-endpoint', path, body)).status).toBe(201)
  const endpoints = await api.database
    .sql`select 1 from webhook_endpoints where credential_id = ${credential.id}`
  expect(endpoints).toHaveLength(1)
})

test('a sync whose answer failed after it was made is made once by its repeat', async () => {
  const body = {
    collection_ids: ['crm:customer'],
    external_id: 'failed',
    credential: { kind: 'crm_key', secret: 'failed.1' },
  }
  fails = true
  expect((await post('failed', '/v1/syncs', body)).status).toBe(503)
  const repeat = await post('failed', '/v1/syncs', body)
  expect(repeat.status).toBe(201)
  const { data } = (await api.ask('GET', '/v1/syncs?external_id=failed')).body
  expect(data.map(({ id }: { id: string }) => id)).toEqual([repeat.body.id])
})

test('after a failure another body makes another object', async () => {
  const lost = await withAnswersLost(() => post('lost-other', '/v1/streams', { slug: 'first' }))
  expect(lost.status).toBe(503)
  const other = await post('lost-other', '/v1/streams', { slug: 'second' })
  expect([other.status, other.body.slug]).toEqual([201, 'second'])
  expect((await post('lost-other', '/v1/streams', { slug: 'first' })).body.type).toBe(
    '/docs/errors#idempotency-key-reused',
  )
})

test('what was deleted before the repeat of its create does not come back, and the next repeat makes another', async () => {
  for (const { path, body, list } of [
    { path: '/v1/api-keys', body: { name: 'gone' }, list: '/v1/api-keys?name=gone' },
    { path: '/v1/tenants', body: { name: 'gone' }, list: '/v1/tenants?name=gone' },
  ]) {
    await withAnswersLost(() => post(`lost-gone-${path}`, path, body))
    const [made] = (await api.ask('GET', list)).body.data
    await api.ask('DELETE', `${path}/${made.id}`)
    const repeat = await post(`lost-gone-${path}`, path, body)
    expect(repeat).toMatchObject({ status: 409, body: { type: '/docs/errors#conflict' } })
    const again = await post(`lost-gone-${path}`, path, body)
    expect(again.status).toBe(201)
    expect(again.body.id).not.toBe(made.id)
  }
})
