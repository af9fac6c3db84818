import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import { writePage } from '../stream/write.ts'
import { createCounter } from './counts.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

/** A counter on a clock that each look moves by `tickMs`: so long a count takes, as far as it can tell. */
async function setUp(tickMs: number) {
  const stream = await makeStream(database.sql)
  const source = await makeSource(database.sql, stream)
  let nowMs = 0
  const counter = createCounter(database.sql, () => (nowMs += tickMs))
  return {
    source,
    put: (...ids: string[]) =>
      writePage(
        database.sql,
        pageOf(
          stream,
          ids.map((id) => observe(source, id)),
        ),
      ),
    remove: (id: string) =>
      writePage(database.sql, pageOf(stream, [observe(source, id, { at: 1, deleted: true })])),
    count: async () => (await counter.of(stream.streamNo)).collections,
    counts: () => counter.of(stream.streamNo),
    passes: (ms: number) => {
      nowMs += ms
    },
  }
}

test('a stream is counted by collection, tombstones apart', async () => {
  const { source, put, remove, counts } = await setUp(0)
  expect(await counts()).toEqual({ oldestAt: null, newestAt: null, collections: [] })
  await put('a', 'b', 'c')
  await remove('b')
  expect(await counts()).toEqual({
    oldestAt: expect.stringMatching(/Z$/),
    newestAt: expect.stringMatching(/Z$/),
    collections: [{ syncId: source.syncId, collectionId: 'acme:thing', records: 2, deleted: 1 }],
  })
})

test('a count is kept for 20 times what it took', async () => {
  const { put, count, passes } = await setUp(10)
  await put('a')
  expect(await count()).toMatchObject([{ records: 1 }])
  await put('b')
  expect(await count()).toMatchObject([{ records: 1 }])
  passes(200)
  expect(await count()).toMatchObject([{ records: 2 }])
})

test('those who ask at once share one count', async () => {
  const { put, counts } = await setUp(10)
  await put('a')
  const [first, second] = await Promise.all([counts(), counts()])
  expect(second).toBe(first)
})
