import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { waitForLock } from '../../test/support/held.ts'
import { makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import type { Query } from '../db/pools.ts'
import { writePage } from '../stream/write.ts'
import { getRecord, listRecords } from './records.ts'
import type { RecordQuery } from './records.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

type Parsed = {
  id: string
  upstream_id: string
  sync_id: string
  collection_id: string
  updated_idx: number
}

async function setUp() {
  const stream = await makeStream(database.sql)
  const things = await makeSource(database.sql, stream)
  const others = await makeSource(database.sql, stream, { collectionId: 'acme:other' })
  const ids = ['a', 'b', 'c', 'd', 'e']
  await writePage(
    database.sql,
    pageOf(
      stream,
      ids.flatMap((id) => [observe(things, id), observe(others, id)]),
    ),
  )
  const list = async (query: Partial<RecordQuery> = {}) => {
    const page = await listRecords(database.pools.deliver, stream.tenantId, {
      streamId: stream.streamId,
      filters: {},
      upstreamId: null,
      after: null,
      limit: 50,
      ...query,
    })
    return { ...page, parsed: page.records.map((text) => JSON.parse(text) as Parsed) }
  }
  return { stream, things, others, list }
}

test('records come in the order of the stream, page by page, and changes after the last cursor', async () => {
  const { stream, things, list } = await setUp()
  const seen: number[] = []
  let after: string | null = null
  for (;;) {
    const page: Awaited<ReturnType<typeof list>> = await list({ after, limit: 3 })
    seen.push(...page.parsed.map(({ updated_idx }) => updated_idx))
    if (page.nextCursor === null) break
    after = page.nextCursor
  }
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  await writePage(database.sql, pageOf(stream, [observe(things, 'a', { at: 1, value: 1 })]))
  expect((await list({ after })).parsed.map(({ upstream_id }) => upstream_id)).toEqual(['a'])
})

test('a filter on collection, sync and upstream id lets through what it says', async () => {
  const { things, others, list } = await setUp()
  const both = await list({ upstreamId: 'b' })
  expect(both.parsed.map(({ collection_id }) => collection_id)).toEqual([
    'acme:thing',
    'acme:other',
  ])
  expect((await list({ filters: { collection_id: 'acme:other' } })).parsed).toHaveLength(5)
  const one = await list({ filters: { sync_id: others.syncId }, upstreamId: 'c' })
  expect(one.parsed.map(({ sync_id }) => sync_id)).toEqual([others.syncId])
  expect((await list({ filters: { sync_id: things.syncId }, upstreamId: 'zz' })).parsed).toEqual([])
  expect((await list({ filters: { sync_id: 'nonsense' } })).parsed).toEqual([])
})

test('G4: a filter and a cursor of its own miss no record of a sync that is made while they are read', async () => {
  const { sql } = database
  const { stream, list } = await setUp()
  const filters = { provider: 'acme' }
  const { nextCursor } = await list({ filters })
  const put = async (tx: Query, sourceNo: number, id: string, idx: number) =>
    await tx`
      insert into record (stream_no, source_no, upstream_id, updated_idx, record_no, changed_at, observed_at, hash, deleted, data)
      values (${stream.streamNo}, ${sourceNo}, ${id}, ${idx}, ${idx}, now(), now(), gen_random_uuid(), false, '{}')`
  let first!: ReturnType<typeof list>
  await sql.begin(async (tx) => {
    await tx`lock table record in access exclusive mode`
    first = list({ filters, after: nextCursor })
    await waitForLock(sql, 'r.upstream_id', 1)
    // now: a sync is made, and its record comes before one of a sync that was there
    const young = await makeSource(sql, stream)
    const [old] = await sql<{ no: number }[]>`
      select min(source_no) as no from source where stream_no = ${stream.streamNo}`
    await put(tx, young.sourceNo, 'young', 11)
    await put(tx, old!.no, 'z', 12)
  })
  const page = await first
  const rest = await list({ filters, after: page.nextCursor ?? nextCursor })
  const seen = [...page.parsed, ...rest.parsed].map(({ upstream_id }) => upstream_id)
  expect(seen).toEqual(['young', 'z'])
})

test('a record is read by its id, which stays the same when it changes', async () => {
  const { stream, things, list } = await setUp()
  const { parsed, records } = await list({ limit: 1 })
  expect(await getRecord(database.pools.deliver, stream.tenantId, parsed[0]!.id)).toBe(records[0])
  await writePage(database.sql, pageOf(stream, [observe(things, 'a', { at: 1, value: 1 })]))
  const changed = JSON.parse(
    await getRecord(database.pools.deliver, stream.tenantId, parsed[0]!.id),
  ) as Parsed
  expect(changed).toMatchObject({ id: parsed[0]!.id, updated_idx: 11 })
})

test('G13: a record or stream of another tenant is not found', async () => {
  const { stream, list } = await setUp()
  const other = await makeStream(database.sql)
  const { id } = (await list({ limit: 1 })).parsed[0]!
  await expect(getRecord(database.pools.deliver, other.tenantId, id)).rejects.toMatchObject({
    kind: 'not_found',
  })
  const query = { streamId: stream.streamId, filters: {}, upstreamId: null, after: null, limit: 1 }
  await expect(listRecords(database.pools.deliver, other.tenantId, query)).rejects.toMatchObject({
    kind: 'not_found',
  })
})

test.for(['nonsense', '', 'ffffffff-0000-8000-8000-000000000001', randomUUID()])(
  'an id that is none of ours, %j, is not found',
  async (id) => {
    const { stream } = await setUp()
    await expect(getRecord(database.pools.deliver, stream.tenantId, id)).rejects.toMatchObject({
      kind: 'not_found',
    })
  },
)

test('a cursor of another list is invalid by field', async () => {
  const { list } = await setUp()
  await expect(list({ after: 'nonsense' })).rejects.toMatchObject({
    kind: 'invalid',
    fields: { after_cursor: [expect.any(String)] },
  })
})
