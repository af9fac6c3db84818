import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi } from '../../test/support/api.ts'
import type { Asked, TestApi } from '../../test/support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

async function walk(ask: (path: string) => Promise<Asked>, path: string): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const { body, status }: Asked = await ask(
      `${path}${path.includes('?') ? '&' : '?'}limit=7${cursor === null ? '' : `&cursor=${cursor}`}`,
    )
    expect(status).toBe(200)
    ids.push(...body.data.map((one: { id: string }) => one.id))
    cursor = body.next_cursor
  } while (cursor !== null)
  return ids
}

test('a list stays complete and free of doubles while 1,000 objects come and go', async () => {
  const { tenantId, ask } = await api.tenant('busy')
  const { sql } = api.database
  const insert = (count: number, at: string) => sql<{ id: string }[]>`
    insert into oauth_apps (tenant_id, provider, name, client_id, ciphertext, key_id, created_at)
    select ${tenantId}, 'crm', 'n', 'c', '', 'k', ${at}::timestamptz from generate_series(1, ${count}) returning id`
  // all of one transaction have one created_at: only the id tells them apart
  const steady = (await insert(60, '2026-01-02T03:04:05.678901Z')).map((row) => row.id)
  const passing = (await insert(60, '2026-01-02T03:04:05.678902Z')).map((row) => row.id)
  const churned = { over: false }
  const churn = (async () => {
    for (let at = 0; at < 10; at++) {
      const made = await insert(90, new Date().toISOString())
      const doomed = [
        ...made.slice(0, 60).map((row) => row.id),
        ...passing.slice(at * 6, at * 6 + 6),
      ]
      await sql`delete from oauth_apps where id = any(${doomed})`
    }
    churned.over = true
  })()
  do {
    const ids = await walk((path) => ask('GET', path), '/v1/oauth-apps?provider=crm')
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id) => steady.includes(id))).toHaveLength(steady.length)
  } while (!churned.over)
  await churn
})

test('syncs of one health come at most `limit` at once, each of them on one page', async () => {
  const { ask } = await api.tenant('health')
  const ids: string[] = []
  for (let made = 0; made < 7; made++) ids.unshift((await api.sync(ask)).id)
  // a paused one is healthy
  const [other] = ids.splice(3, 1)
  await ask('POST', `/v1/syncs/${other}/pause`)
  const pages: string[][] = []
  let cursor = ''
  do {
    const path = `/v1/syncs?health.status=initializing&limit=2${cursor}`
    const { body } = await ask('GET', path)
    pages.push(body.data.map(({ id }: { id: string }) => id))
    cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`
  } while (cursor !== '')
  expect(pages).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4, 6)])
})

test('syncs are filtered by provider, stream, name, external id, status and metadata', async () => {
  await api.ask('POST', '/v1/streams', { slug: 'filters' })
  const one = await api.sync(api.ask, {
    name: 'one',
    external_id: 'e1',
    metadata: { plan: 'pro', custom_property: 42, tags: ['a', 'b'] },
    stream_id: 'filters',
  })
  const two = await api.sync(api.ask, {
    name: 'two',
    external_id: 'e2',
    metadata: { plan: 'free' },
  })
  await api.ask('POST', `/v1/syncs/${two.id}/pause`)
  const found = async (query: string) =>
    (await api.ask('GET', `/v1/syncs?${query}`)).body.data.map((sync: { id: string }) => sync.id)
  expect(await found('name=one')).toEqual([one.id])
  expect(await found('external_id=e2')).toEqual([two.id])
  expect(await found('status=paused')).toEqual([two.id])
  expect(await found('stream_id=filters')).toEqual([one.id])
  expect(await found(`stream_id=${one.stream_id}`)).toEqual([one.id])
  expect(await found('stream_id=nowhere')).toEqual([])
  expect(await found('provider=crm')).toEqual([two.id, one.id])
  expect(await found('provider=other')).toEqual([])
  expect(await found(`credential_id=${two.credential_id}`)).toEqual([two.id])
  expect(await found('credential_id=nonsense')).toEqual([])
  expect(await found(`metadata=${encodeURIComponent('{"custom_property":42}')}`)).toEqual([one.id])
  expect(await found(`metadata=${encodeURIComponent('{"tags":["b"]}')}`)).toEqual([one.id])
  expect(await found(`metadata=${encodeURIComponent('{"plan":"pro\' or 1=1 --"}')}`)).toEqual([])
  expect(await found('health.status=initializing')).toEqual([one.id])
  expect(await found('health.status=healthy')).toEqual([two.id])
  expect(await found('health.status=error')).toEqual([])
})

test('what is no parameter, no cursor or no number is refused by name', async () => {
  const reasons = async (query: string) =>
    (await api.ask('GET', `/v1/syncs?${query}`)).body.validation_errors
  expect(await reasons('extrenal_id=1')).toEqual({
    extrenal_id: ['is not a known parameter; did you mean `external_id`?'],
  })
  expect(await reasons('limit=0')).toEqual({ limit: ['must be at least 1'] })
  expect(await reasons('limit=201')).toEqual({ limit: ['must be at most 200'] })
  expect(await reasons('limit=ten')).toEqual({ limit: ['must be a number'] })
  expect(await reasons('limit=1e1')).toEqual({ limit: ['must be a number'] })
  expect(await reasons('name=a&name=b')).toEqual({ name: ['is given more than once'] })
  expect(await reasons('metadata=1')).toEqual({ metadata: ['must be an object'] })
  expect(await reasons('metadata={')).toEqual({
    metadata: ['is not a JSON object, for example {"plan":"pro"}'],
  })
  expect(await reasons('health.status=sick')).toEqual({
    'health.status': ['must be one of `initializing`, `healthy`, `warning`, `error`'],
  })
  expect(await reasons('name=%00')).toEqual({ name: ['holds a NUL character or broken UTF-8'] })
  for (const cursor of [
    'x',
    Buffer.from('2026-13-45T99:99:99Z 00000000-0000-4000-8000-000000000000').toString('base64url'),
    Buffer.from('{}').toString('base64url'),
  ]) {
    expect(await reasons(`cursor=${cursor}`), cursor).toHaveProperty('cursor')
  }
})
