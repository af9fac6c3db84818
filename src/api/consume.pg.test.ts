import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, operatorKey } from '../../test/support/api.ts'
import { holdConsumer } from '../../test/support/held.ts'
import { observe, pageOf } from '../../test/support/stream.ts'
import type { TestApi } from '../../test/support/api.ts'
import { serveApi } from './server.ts'
import { consumerInfo } from '../delivery/info.ts'
import { writePage } from '../stream/write.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

/** A stream with a sync that has brought these records. */
async function filled(slug: string, records: [id: string, raw: string][]) {
  await api.ask('POST', '/v1/streams', { slug })
  const sync = await api.sync(api.ask, {
    stream_id: slug,
    external_id: 'e-1',
    metadata: { plan: 'pro' },
    collection_ids: ['crm:customer'],
  })
  const [row] = await api.database.sql<
    { source_no: number; stream_no: number }[]
  >`select source_no, stream_no from source where sync_id = ${sync.id}`
  const source = { sourceNo: row!.source_no, streamNo: row!.stream_no }
  const write = (id: string, raw: string, at: number) =>
    writePage(api.database.sql, pageOf(source, [observe(source, id, { raw, at })]))
  for (const [at, [id, raw]] of records.entries()) await write(id, raw, at)
  return { sync, source, write }
}

test('the record reaches the consumer with the text that the provider sent', async () => {
  const raw = '{"id":"cus_1", "big":9007199254740993,"float":1.0,"nul":"\\u0000","10":1,"2":2}'
  const { sync } = await filled('texts', [['cus_1', raw]])
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', { stream_id: 'texts' })
  expect(consumer).toMatchObject({
    stream_id: sync.stream_id,
    deliver_policy: 'all',
    ack_wait_ms: 30_000,
    max_deliver: -1,
    max_ack_pending: 1000,
    max_waiting: 20,
    filters: {},
  })
  const { text, body } = await api.ask(
    'GET',
    `/v1/http-consumers/${consumer.id}/next?batch_size=10`,
  )
  expect(text).toContain(`"data":${raw}`)
  expect(body.data[0].record).toMatchObject({
    provider: 'crm',
    collection_id: 'crm:customer',
    upstream_id: 'cus_1',
    sync_id: sync.id,
    sync: { id: sync.id, external_id: 'e-1', metadata: { plan: 'pro' } },
    deleted: false,
    updated_idx: 1,
  })
  const record = await api.ask('GET', `/v1/records/${body.data[0].record.id}`)
  expect(record.text).toContain(`"data":${raw}`)
})

test('next with ack_tokens acks first: it makes room, and counts stale tokens in the header', async () => {
  await filled('riding', [
    ['a', '{"id":"a"}'],
    ['b', '{"id":"b"}'],
    ['c', '{"id":"c"}'],
  ])
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', {
    stream_id: 'riding',
    max_ack_pending: 1,
  })
  const at = `/v1/http-consumers/${consumer.id}/next`
  const seen: string[] = []
  const ask = async (ack_tokens: string[]) => {
    const { body, headers } = await api.ask('POST', at, { ack_tokens, batch_size: 10 })
    for (const { record } of body.data) seen.push(record.upstream_id)
    return {
      tokens: body.data.map((one: { ack_token: string }) => one.ack_token) as string[],
      stale: headers.get('sluice-stale-tokens'),
    }
  }
  const first = await ask([])
  const second = await ask(first.tokens)
  expect(second.stale).toBeNull()
  const third = await ask([...first.tokens, 'garbage', ...second.tokens])
  expect(third.stale).toBe('2')
  expect(await ask(third.tokens)).toEqual({ tokens: [], stale: null })
  expect(seen).toEqual(['a', 'b', 'c'])
  const info = await api.ask('POST', at, {})
  expect(info.body.info).toEqual({ num_pending: 0, num_ack_pending: 0 })
  const wrong = await api.ask('POST', at, { ack_tokens: 'none' })
  expect(wrong.body.validation_errors).toHaveProperty('ack_tokens')
})

test('next, ack, nack, extend: acked stays away, nacked comes again', async () => {
  await filled('acks', [
    ['a', '{"id":"a"}'],
    ['b', '{"id":"b"}'],
  ])
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', { stream_id: 'acks' })
  const at = `/v1/http-consumers/${consumer.id}`
  const { body: first } = await api.ask('POST', `${at}/next`, { batch_size: 2, wait_for: 0 })
  expect(
    first.data.map((one: { record: { upstream_id: string } }) => one.record.upstream_id),
  ).toEqual(['a', 'b'])
  const [a, b] = first.data.map((one: { ack_token: string }) => one.ack_token)
  expect((await api.ask('POST', `${at}/next?batch_size=2&wait_for=0`)).body.data).toEqual([])
  const wrong = await api.ask('POST', `${at}/next?batch_size=2`, { batch_size: 0 })
  expect(wrong.body.validation_errors).toHaveProperty('batch_size')
  const stale = async (call: string, ack_tokens: string[]) => {
    const answer = await api.ask('POST', `${at}/${call}`, { ack_tokens })
    expect(answer.status).toBe(204)
    return answer.headers.get('Sluice-Stale-Tokens')
  }
  expect(await stale('extend', [a])).toBeNull()
  expect(await stale('ack', [a, 'unknown'])).toBe('1')
  expect(await stale('nack', [b])).toBeNull()
  expect(await stale('nack', [b])).toBe('1')
  expect(await stale('extend', [a, b])).toBe('2')
  const { body: again } = await api.ask('GET', `${at}/next?batch_size=2`)
  expect(again.data).toHaveLength(1)
  expect(again.data[0].record.upstream_id).toBe('b')
  expect(
    (await api.ask('POST', `${at}/ack`, { ack_tokens: [again.data[0].ack_token] })).status,
  ).toBe(204)
  expect((await api.ask('GET', `${at}/next`)).body).toEqual({
    data: [],
    info: { num_pending: 0, num_ack_pending: 0 },
  })
})

test('a call that waits is answered when a record comes', async () => {
  const { write } = await filled('waits', [])
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', { stream_id: 'waits' })
  const waiting = api.ask('GET', `/v1/http-consumers/${consumer.id}/next?wait_for=20000`)
  await write('late', '{"id":"late"}', 1)
  expect((await waiting).body.data).toHaveLength(1)
})

test('a consumer is changed, reset and deleted', async () => {
  const { sync } = await filled('resets', [['a', '{"id":"a"}']])
  const { body: made } = await api.ask('POST', '/v1/http-consumers', {
    stream_id: 'resets',
    filters: { sync_id: sync.id, collection_id: ['crm:customer'], metadata: { plan: 'pro' } },
    deliver_policy: 'new',
  })
  const at = `/v1/http-consumers/${made.id}`
  expect((await api.ask('GET', `${at}/next`)).body.data).toEqual([])
  const patched = await api.ask('PATCH', at, { ack_wait_ms: 1000, metadata: { a: 1 }, name: 'n' })
  expect(patched.body).toMatchObject({
    ack_wait_ms: 1000,
    metadata: { a: 1 },
    name: 'n',
    filters: made.filters,
    deliver_policy: 'new',
  })
  expect(
    (await api.ask('POST', `${at}/reset`, { deliver_policy: { from_idx: 1 } })).body.deliver_policy,
  ).toEqual({ from_idx: 1 })
  expect((await api.ask('GET', `${at}/next`)).body.data).toHaveLength(1)
  expect(
    (await api.ask('PATCH', at, { stream_id: 'default' })).body.validation_errors,
  ).toHaveProperty('stream_id')
  expect((await api.ask('DELETE', '/v1/streams/resets')).body.type).toBe('/docs/errors#in-use')
  expect(
    (await api.ask('GET', '/v1/http-consumers?stream_id=resets&name=n')).body.data,
  ).toMatchObject([{ id: made.id }])
  expect((await api.ask('DELETE', at)).body).toEqual({ id: made.id, deleted: true })
  expect((await api.ask('GET', at)).status).toBe(404)
})

test('a record that was delivered too often is a dead letter, and comes again when asked', async () => {
  await filled('dead', [['a', '{"id":"a"}']])
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', {
    stream_id: 'dead',
    max_deliver: 1,
  })
  const at = `/v1/http-consumers/${consumer.id}`
  const { body: first } = await api.ask('GET', `${at}/next`)
  await api.ask('POST', `${at}/nack`, { ack_tokens: [first.data[0].ack_token] })
  expect((await api.ask('GET', `${at}/next`)).body.data).toEqual([])
  const { body: letters } = await api.ask('GET', `${at}/dead-letters`)
  expect(letters.data).toMatchObject([{ deliver_count: 1, record: { upstream_id: 'a' } }])
  expect((await api.ask('POST', `${at}/dead-letters/redeliver`)).body).toEqual({ redelivered: 1 })
  const { body: again } = await api.ask('GET', `${at}/next`)
  expect(again.data).toHaveLength(1)
  await api.ask('POST', `${at}/nack`, { ack_tokens: [again.data[0].ack_token] })
  expect((await api.ask('GET', `${at}/next`)).body.data).toEqual([])
  expect(
    (
      await api.ask('POST', `${at}/dead-letters/drop`, {
        record_ids: [letters.data[0].record.id],
      })
    ).body,
  ).toEqual({ dropped: 1 })
  expect((await api.ask('GET', `${at}/dead-letters`)).body.data).toEqual([])
})

test('records are read without a consumer, page by page, and what changes comes after the cursor', async () => {
  const { sync, write } = await filled('reads', [
    ['a', '{"id":"a"}'],
    ['b', '{"id":"b"}'],
    ['c', '{"id":"c"}'],
  ])
  const read = async (query: string) =>
    (await api.ask('GET', `/v1/records?stream_id=reads&${query}`)).body
  const ids = (page: { data: { upstream_id: string }[] }) =>
    page.data.map((record) => record.upstream_id)
  const first = await read('limit=2')
  expect(ids(first)).toEqual(['a', 'b'])
  const second = await read(`limit=2&after_cursor=${first.next_cursor}`)
  expect(ids(second)).toEqual(['c'])
  await write('a', '{"id":"a","changed":true}', 100)
  expect(ids(await read(`cursor=${first.next_cursor}`))).toEqual(['c', 'a'])
  expect(ids(await read('upstream_id=b'))).toEqual(['b'])
  expect(
    ids(await read(`sync_id=${sync.id}&collection_id=crm:customer&provider=crm`)),
  ).toHaveLength(3)
  expect(ids(await read('sync_id=nonsense'))).toEqual([])
  expect((await api.ask('GET', '/v1/records?stream_id=reads&cursor=x')).status).toBe(422)
})

test('HEAD of `next` is refused and takes nothing', async () => {
  await filled('heads', [['a', '{"id":"a"}']])
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', { stream_id: 'heads' })
  const path = `/v1/http-consumers/${consumer.id}`
  const headers = { authorization: `Bearer ${operatorKey}` }
  const head = (at: string) => api.app.request(at, { method: 'HEAD', headers })
  const refused = await head(`${path}/next`)
  expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, POST'])
  expect((await head(path)).status).toBe(200)
  expect((await api.ask('GET', `${path}/next`)).body.data).toHaveLength(1)
})

test('a call that waits ends when its client hangs up', async () => {
  await filled('hangs', [])
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', { stream_id: 'hangs' })
  const server = await serveApi(api.app, { host: '127.0.0.1', port: 0 })
  const client = new AbortController()
  const call = fetch(`${server.url}/v1/http-consumers/${consumer.id}/next?wait_for=60000`, {
    headers: { authorization: `Bearer ${operatorKey}` },
    signal: client.signal,
  })
  call.catch(() => {})
  await expect.poll(() => api.deps.dispatcher.waiting()).toBe(1)
  client.abort()
  await expect.poll(() => api.deps.dispatcher.waiting()).toBe(0)
  await server.close(0)
})

test.each(['claimed-direct', 'claimed-hono'])(
  'calls of one connection that hangs up while records are claimed for them lose nothing and hold nothing: %s',
  async (slug) => {
    const { sql } = api.database
    await filled(slug, [
      ['a', '{"id":"a"}'],
      ['b', '{"id":"b"}'],
    ])
    const { body: consumer } = await api.ask('POST', '/v1/http-consumers', { stream_id: slug })
    const [row] = await sql<
      { no: number }[]
    >`select consumer_no as no from consumer where id = ${consumer.id}`
    const app = slug === 'claimed-direct' ? api.app : { fetch: api.app.fetch }
    const server = await serveApi(app, { host: '127.0.0.1', port: 0 })
    const held = await holdConsumer(sql, row!.no)
    const socket = connect(server.port, '127.0.0.1')
    const request = `GET /v1/http-consumers/${consumer.id}/next HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${operatorKey}\r\n\r\n`
    // the answer of the second waits for that of the first
    socket.write(request + request)
    await held.blocks()
    await expect.poll(() => api.deps.dispatcher.waiting()).toBe(2)
    socket.resetAndDestroy()
    await held.release()
    await expect.poll(() => api.deps.dispatcher.waiting()).toBe(0)
    const out = async () => (await consumerInfo(sql, row!.no)).numAckPending
    await expect.poll(out).toBe(0)
    const again = await api.ask('GET', `/v1/http-consumers/${consumer.id}/next?batch_size=10`)
    expect(again.body.data).toHaveLength(2)
    await server.close(0)
  },
)

test('a call that waits while its key is revoked gets nothing, and holds nothing', async () => {
  const { write } = await filled('revoked', [])
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', { stream_id: 'revoked' })
  const { body: made } = await api.ask('POST', '/v1/api-keys', {
    name: 'worker',
    scopes: ['consume'],
  })
  const path = `/v1/http-consumers/${consumer.id}/next`
  const waiting = api.as(made.key)('GET', `${path}?wait_for=10000`)
  await expect.poll(() => api.deps.dispatcher.waiting()).toBe(1)
  await api.ask('DELETE', `/v1/api-keys/${made.id}`)
  await write('a', '{"id":"a"}', 1)
  expect((await waiting).status).toBe(401)
  const { body } = await api.ask('GET', path)
  expect(body.data).toHaveLength(1)
  expect(body.info).toEqual({ num_pending: 0, num_ack_pending: 1 })
})

test('what is changed reaches calls that wait, and tokens that come after, at once', async () => {
  await filled('changed', [
    ['a', '{"id":"a"}'],
    ['b', '{"id":"b"}'],
  ])
  const settings = { stream_id: 'changed', max_ack_pending: 1 }
  const { body: consumer } = await api.ask('POST', '/v1/http-consumers', settings)
  const path = `/v1/http-consumers/${consumer.id}`
  const { body: first } = await api.ask('GET', `${path}/next`)
  let ms = 0
  const during = async (act: () => Promise<unknown>) => {
    const call = api.ask('GET', `${path}/next?batch_size=10&wait_for=20000`)
    await expect.poll(() => api.deps.dispatcher.waiting()).toBe(1)
    const at = performance.now()
    await act()
    const answer = await call
    ms += performance.now() - at
    return answer
  }
  const raised = await during(() => api.ask('PATCH', path, { max_ack_pending: 2 }))
  expect(raised.body.data).toHaveLength(1)
  const again = await during(() => api.ask('POST', `${path}/reset`))
  expect(again.body.data).toHaveLength(2)
  expect((await during(() => api.ask('DELETE', path))).status).toBe(404)
  // without a word each would be found by the look of once a second
  expect(ms).toBeLessThan(2000)
  const tokens = { ack_tokens: [first.data[0].ack_token] }
  expect((await api.ask('POST', `${path}/ack`, tokens)).status).toBe(404)
})
