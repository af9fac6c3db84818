// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import {
  makeConsumer,
  makeSource,
  makeStream,
  observe,
  pageOf,
  recordsOf,
} from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { purgeSliceMax, purgeSource } from './purge.ts'
import { trimStream } from './trim.ts'
import { writePage } from './write.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

async function setUp(ids: string[]): Promise<{ stream: TestStream; source: TestSource }> {
  const stream = await makeStream(database.sql)
  const source = await makeSource(database.sql, stream)
  await writePage(
    database.sql,
    pageOf(
      stream,
      ids.map((id) => observe(source, id)),
    ),
  )
  return { stream, source }
}

async function purge(source: TestSource, hard: boolean): Promise<number> {
  let count = 0
  let after: string | null = null
  do {
    const slice: { count: number; lastId: string | null } = await purgeSource(database.sql, {
      ...source,
      hard,
      after,
    })
    count += slice.count
    after = slice.lastId
  } while (after !== null)
  return count
}

describe('a purge', () => {
  test('tombstones every record, slice by slice, at the end of the stream, with its data', async () => {
    const ids = Array.from({ length: purgeSliceMax + 5 }, (_, i) => `r${i}`)
    const { stream, source } = await setUp(ids)
    expect(await purge(source, false)).toBe(ids.length)
    const records = await recordsOf(database.sql, stream)
    expect(records.every(({ deleted, data }) => deleted && data !== '{}')).toBe(true)
    expect(records[0]!.idx).toBeGreaterThan(ids.length)
    expect(new Set(records.map(({ idx }) => idx)).size).toBe(ids.length)
  })

  test('does not move what is a tombstone already', async () => {
    const { source } = await setUp(['a', 'b'])
    await purge(source, false)
    const head = async () =>
      await database.sql`select last_idx from stream_head where stream_no = ${source.streamNo}`
    const before = await head()
    expect(await purge(source, false)).toBe(0)
    expect(await head(), 'nor takes numbers for it').toEqual(before)
  })

  test('walks over what is a tombstone already while another writer has the stream', async () => {
    const { stream, source } = await setUp(['a', 'b'])
    await purge(source, false)
    await database.sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(7001, ${stream.streamNo})`
      expect(await purge(source, false)).toBe(0)
    })
  })

  test('leaves other collections alone, and hard leaves nothing', async () => {
    const { stream, source } = await setUp(['a', 'b'])
    const other = await makeSource(database.sql, stream, { collectionId: 'acme:other' })
    await writePage(database.sql, pageOf(stream, [observe(other, 'c')]))
    expect(await purge(source, true)).toBe(2)
    expect((await recordsOf(database.sql, stream)).map(({ id }) => id)).toEqual(['c'])
  })
})

describe('a trim', () => {
  const day = 86_400_000

  async function tombstones(): Promise<{ stream: TestStream; source: TestSource }> {
    const scene = await setUp(['a', 'b', 'live'])
    const gone = ['a', 'b'].map((id) => observe(scene.source, id, { at: 1, deleted: true }))
    await writePage(database.sql, pageOf(scene.stream, gone))
    await database.sql`update record set changed_at = changed_at - interval '40 days' where stream_no = ${scene.stream.streamNo}`
    return scene
  }

  test('forgets tombstones that are old enough, and nothing that lives', async () => {
    const { stream } = await tombstones()
    expect(
      await trimStream(database.sql, { streamNo: stream.streamNo, keepMs: 41 * day }),
    ).toMatchObject({ count: 0 })
    expect(
      await trimStream(database.sql, { streamNo: stream.streamNo, keepMs: 39 * day }),
    ).toMatchObject({ count: 2 })
    expect((await recordsOf(database.sql, stream)).map(({ id }) => id)).toEqual(['live'])
  })

  test('keeps what a consumer has not passed, and names the slowest', async () => {
    const { stream } = await tombstones()
    const slow = await makeConsumer(database.sql, stream)
    await makeConsumer(database.sql, stream, { deliverPolicy: 'new' })
    expect(await trimStream(database.sql, { streamNo: stream.streamNo, keepMs: day })).toEqual({
      count: 0,
      floorIdx: 0,
      heldBy: slow.consumerNo,
    })
  })

  test.for([
    ['in flight', 'next'],
    ['a dead letter', 'dead'],
  ] as const)('keeps what is %s', async ([, how]) => {
    const { stream } = await tombstones()
    const { consumerNo } = await makeConsumer(database.sql, stream, { maxDeliver: 1 })
    const rows = await database.pools.deliver<
      { no: string; op: string; nonce: string; deleted: boolean }[]
    >`
      select r_no as no, r_op as op, r_nonce as nonce, r_deleted as deleted from stream_next_v2(${consumerNo}, 100)`
    expect(rows.filter(({ deleted }) => deleted)).toHaveLength(2)
    if (how === 'dead') {
      for (const { no, op, nonce } of rows) {
        await database.pools.deliver`
          select stream_nack_v1(${consumerNo}, array[${no}::bigint], array[${op}::bigint], array[${nonce}::bigint], null)`
      }
    }
    expect(
      await trimStream(database.sql, { streamNo: stream.streamNo, keepMs: day }),
    ).toMatchObject({ count: 0 })
    await database.sql`delete from inflight where consumer_no = ${consumerNo}`
    await database.sql`delete from dead_letter where consumer_no = ${consumerNo}`
    expect(
      await trimStream(database.sql, { streamNo: stream.streamNo, keepMs: day }),
    ).toMatchObject({ count: 2 })
  })
})
