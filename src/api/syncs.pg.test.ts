import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openApi } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
beforeEach(() => {
  Object.assign(api.temporal, { calls: [], away: false, slow: false, startsFail: false })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const sourcesOf = async (syncId: string) => [
  ...(await api.database.sql<
    {
      collection: string
      removed: boolean
      external_id: string | null
      metadata: string
      due: boolean
      phase: string
    }[]
  >`
    select collection_id as collection, removed_at is not null as removed, external_id, metadata, enumerate_due_at is not null as due, phase
      from source where sync_id = ${syncId} order by source_no`),
]
const sourceRev = async (streamId: string) => {
  const [row] = await api.database.sql<
    { rev: string }[]
  >`select t.source_rev as rev from stream t join streams s using (stream_no) where s.id = ${streamId}`
  return Number(row?.rev)
}

test('a sync is made with its sources, started, and left to the watch with a near deadline', async () => {
  const sync = await api.sync(api.ask, { external_id: 'e-1', metadata: { plan: 'pro' } })
  expect(await sourcesOf(sync.id)).toMatchObject([
    {
      collection: 'crm:customer',
      removed: false,
      external_id: 'e-1',
      metadata: '{"plan": "pro"}',
      due: true,
      phase: 'waiting',
    },
    { collection: 'crm:invoice' },
  ])
  expect(api.temporal.calls).toEqual([{ name: 'start', syncId: sync.id }])
  const [row] = await api.database.sql<
    { near: boolean }[]
  >`select deadline_at between now() and now() + interval '15 seconds' as near from syncs where id = ${sync.id}`
  expect(row?.near).toBe(true)
})

test('while Temporal is away writes that need it are 503 and change nothing, all else goes on', async () => {
  const sync = await api.sync()
  api.temporal.away = true
  const before = (await api.ask('GET', '/v1/syncs?limit=200')).body.data.length
  const secret = `${crypto.randomUUID()}.1`
  // the API may have seen Temporal a moment ago, and remembers that for a second
  await expect
    .poll(async () => (await api.ask('PATCH', `/v1/syncs/${sync.id}`, { name: 'new' })).status, {
      timeout: 5000,
    })
    .toBe(503)
  const create = await api.ask('POST', '/v1/syncs', {
    collection_ids: ['crm:customer'],
    credential: { kind: 'crm_key', secret },
  })
  expect(create).toMatchObject({ status: 503, body: { type: '/docs/errors#unavailable' } })
  expect(Number(create.headers.get('retry-after'))).toBeGreaterThan(0)
  for (const verb of ['pause', 'resume', 'resync', 'check'])
    expect((await api.ask('POST', `/v1/syncs/${sync.id}/${verb}`)).status).toBe(503)
  expect((await api.ask('DELETE', `/v1/syncs/${sync.id}`)).status).toBe(503)
  expect((await api.ask('GET', '/v1/syncs?limit=200')).body.data).toHaveLength(before)
  expect((await api.ask('GET', '/v1/credentials?limit=200')).text).not.toContain(
    secret.slice(0, 36),
  )
  expect((await api.ask('POST', '/v1/http-consumers', {})).status).toBe(201)
  expect((await api.ask('GET', '/readyz')).status).toBe(200)
})

test('a start that fails after the row stands leaves the sync to the watch', async () => {
  api.temporal.startsFail = true
  const sync = await api.sync()
  expect((await api.ask('GET', `/v1/syncs/${sync.id}`)).status).toBe(200)
  expect(api.temporal.calls).toEqual([])
})

test('a change of external_id or metadata reaches the sources, another change does not move source_rev', async () => {
  const sync = await api.sync(api.ask, { external_id: 'before' })
  const rev = await sourceRev(sync.stream_id)
  const named = await api.ask('PATCH', `/v1/syncs/${sync.id}`, {
    name: 'named',
    sync_frequency: '15m',
    rate_limit: { allowed_requests: 5, interval: 1 },
  })
  expect(named.body).toMatchObject({
    name: 'named',
    sync_frequency: '15m',
    rate_limit: { allowed_requests: 5, interval: 1, max_concurrent_requests: 0 },
  })
  expect(await sourceRev(sync.stream_id)).toBe(rev)
  const cleared = await api.ask('PATCH', `/v1/syncs/${sync.id}`, {
    external_id: null,
    metadata: { region: 'eu' },
    rate_limit: null,
  })
  expect(cleared.body).toMatchObject({
    external_id: null,
    metadata: { region: 'eu' },
    rate_limit: null,
    name: 'named',
  })
  expect(await sourcesOf(sync.id)).toMatchObject([
    { external_id: null, metadata: '{"region": "eu"}' },
    { external_id: null },
  ])
  expect(await sourceRev(sync.stream_id)).toBeGreaterThan(rev)
  expect(api.temporal.calls.map((call) => call.name)).toEqual(['start', 'nudge', 'nudge'])
})

test('collections are removed and come back under the same source', async () => {
  const sync = await api.sync(api.ask, { collection_ids: ['crm:customer'] })
  await api.ask('PATCH', `/v1/syncs/${sync.id}`, { collection_ids: ['crm:invoice'] })
  expect(await sourcesOf(sync.id)).toMatchObject([
    { collection: 'crm:customer', removed: true, due: false },
    { collection: 'crm:invoice', removed: false, due: true },
  ])
  const back = await api.ask('PATCH', `/v1/syncs/${sync.id}`, {
    collection_ids: ['crm:customer', 'crm:invoice'],
  })
  expect(back.body.collection_ids).toEqual(['crm:customer', 'crm:invoice'])
  expect(await sourcesOf(sync.id)).toMatchObject([
    { collection: 'crm:customer', removed: false, due: true, phase: 'waiting' },
    { collection: 'crm:invoice', removed: false },
  ])
})

test('what cannot change says so', async () => {
  const sync = await api.sync()
  const { status, body } = await api.ask('PATCH', `/v1/syncs/${sync.id}`, {
    provider: 'crm',
    stream_id: sync.stream_id,
    credential_id: sync.credential_id,
    credential: {},
  })
  expect(status).toBe(422)
  expect(body.validation_errors).toEqual({
    provider: ['cannot change after creation; create another sync for another provider'],
    stream_id: ['cannot change after creation; create another sync for another stream'],
    credential_id: ['cannot change after creation; create another sync for another credential'],
    credential: ['cannot change after creation; create another sync for another credential'],
  })
})

test('pause, resume, resync and check go to the workflow and answer with the sync', async () => {
  const { id } = await api.sync()
  expect((await api.ask('POST', `/v1/syncs/${id}/pause`)).body.status).toBe('paused')
  expect((await api.ask('POST', `/v1/syncs/${id}/resume`, {})).body.status).toBe('active')
  expect((await api.ask('PATCH', `/v1/syncs/${id}`, { status: 'disabled' })).body.status).toBe(
    'paused',
  )
  expect((await api.ask('PATCH', `/v1/syncs/${id}`, { status: 'active' })).body.status).toBe(
    'active',
  )
  expect((await api.ask('POST', `/v1/syncs/${id}/resync`)).status).toBe(200)
  expect(
    (await api.ask('POST', `/v1/syncs/${id}/resync`, { collection_ids: ['crm:invoice'] })).status,
  ).toBe(200)
  expect((await api.ask('POST', `/v1/syncs/${id}/check`)).status).toBe(200)
  expect(api.temporal.calls.slice(1)).toEqual([
    { name: 'pause', syncId: id },
    { name: 'resume', syncId: id },
    { name: 'pause', syncId: id },
    { name: 'resume', syncId: id },
    { name: 'resync', syncId: id },
    { name: 'resync', syncId: id, input: ['crm:invoice'] },
    { name: 'nudge', syncId: id },
  ])
  const wrong = await api.ask('POST', `/v1/syncs/${id}/resync`, { collection_ids: ['crm:refund'] })
  expect(wrong.body.validation_errors).toEqual({
    'collection_ids.0': ['is no collection of this sync; it has `crm:customer`, `crm:invoice`'],
  })
})

test('a workflow that was told and does not answer in time makes 202', async () => {
  const { id } = await api.sync()
  api.temporal.slow = true
  expect(await api.ask('POST', `/v1/syncs/${id}/pause`)).toMatchObject({
    status: 202,
    body: { status: 'active' },
  })
  expect(await api.ask('DELETE', `/v1/syncs/${id}?keep_records=true`)).toMatchObject({
    status: 202,
    body: { id, deleted: true },
  })
  expect(api.temporal.calls.at(-1)).toEqual({
    name: 'remove',
    syncId: id,
    input: { keepRecords: true },
  })
  expect((await api.ask('GET', `/v1/syncs/${id}`)).status).toBe(404)
  expect((await api.ask('DELETE', `/v1/syncs/${id}`)).status).toBe(404)
})

test('a wrong collection names the nearest, and stores no credential', async () => {
  const credential = { kind: 'crm_key', secret: 'unstored.1' }
  const { body } = await api.ask('POST', '/v1/syncs', {
    collection_ids: ['crm:custmer', 'crm:customer', 'x'],
    credential,
  })
  expect(body.validation_errors).toEqual({
    'collection_ids.0': ['is no collection of crm; did you mean `crm:customer`?'],
    'collection_ids.2': ['is no collection of crm; known are `crm:customer`, `crm:invoice`'],
  })
  expect((await api.ask('GET', '/v1/credentials?limit=200')).text).not.toContain('unstored')
})

test('a credential comes by id or inline, one of the two, and fits the provider', async () => {
  const base = { collection_ids: ['crm:customer'] }
  const reasons = async (fields: object) =>
    (await api.ask('POST', '/v1/syncs', { ...base, ...fields })).body.validation_errors
  expect(await reasons({})).toEqual({
    credential_id: ['give either `credential_id` or `credential`'],
  })
  expect(await reasons({ credential_id: crypto.randomUUID() })).toEqual({
    credential_id: ['names no credential of this tenant'],
  })
  expect(await reasons({ credential: { kind: 'crm_key' } })).toEqual({
    'credential.secret': ['is required'],
  })
  expect(
    await reasons({ provider: 'nope', credential: { kind: 'crm_key', secret: 'a.1' } }),
  ).toHaveProperty('provider')
  const sync = await api.sync()
  expect(await reasons({ provider: 'other', credential_id: sync.credential_id })).toEqual({
    credential_id: ['is a credential of crm, not of other'],
  })
  expect(await reasons({ stream_id: 'nowhere', credential_id: sync.credential_id })).toEqual({
    stream_id: ['names no stream of this tenant, neither by id nor by slug'],
  })
})

test('deletes that are held are decided, and none held is a conflict', async () => {
  const { id } = await api.sync()
  expect((await api.ask('POST', `/v1/syncs/${id}/deletes/approve`)).status).toBe(409)
  const decisions: object[] = []
  await using other = await openApi({
    decideDeletes: (decision) => {
      decisions.push(decision)
      return Promise.resolve(1)
    },
  })
  const held = await other.sync()
  expect(
    (
      await other.ask('POST', `/v1/syncs/${held.id}/deletes/reject`, {
        collection_ids: ['crm:invoice'],
      })
    ).status,
  ).toBe(200)
  expect(decisions).toEqual([{ syncId: held.id, collectionIds: ['crm:invoice'], approve: false }])
})

test('coverage and quarantine tell what a sync holds and what it could not take in', async () => {
  const { id } = await api.sync()
  const { sql } = api.database
  await sql`update source set coverage = '{"at": "2026-01-02T03:04:05Z", "generation": 2, "compared": 3}', generation = 2, phase = 'live' where sync_id = ${id} and collection_id = 'crm:customer'`
  await sql`insert into quarantine (source_no, upstream_id, error, raw, raw_bytes) select source_no, 'cus_' || n, 'It has no id.', '{"n":', 5 from source, generate_series(1, 3) n where sync_id = ${id} and collection_id = 'crm:customer'`
  expect((await api.ask('GET', `/v1/syncs/${id}/coverage`)).body.data).toMatchObject([
    {
      collection_id: 'crm:customer',
      evidence: { compared: 3, repaired: 0, tombstoned: 0, open: 0 },
      statement:
        'Compared as of 2026-01-02T03:04:05.000Z: 3 compared, 0 repaired, 0 tombstoned; not stored: 3 in quarantine.',
      quarantined: 3,
      generation: 2,
      phase: 'live',
    },
    { evidence: null, quarantined: 0, statement: expect.stringContaining('Not known yet') },
  ])
  const first = await api.ask('GET', `/v1/syncs/${id}/quarantine?limit=2`)
  const second = await api.ask(
    'GET',
    `/v1/syncs/${id}/quarantine?limit=2&cursor=${first.body.next_cursor}`,
  )
  expect([...first.body.data, ...second.body.data].map((one) => one.upstream_id)).toEqual([
    'cus_1',
    'cus_2',
    'cus_3',
  ])
  expect(second.body.next_cursor).toBeNull()
  const shown = {
    collection_id: 'crm:customer',
    raw: '{"n":',
    raw_bytes: 5,
    error: 'It has no id.',
  }
  expect(first.body.data[0]).toMatchObject(shown)
})
