import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { block, unblock } from './source.ts'
import { dueTouched, nextTouchedDueMs, postponeTouched, touch, touchByName } from './touched.ts'
import { writePage } from './write.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

async function setUp(): Promise<{ stream: TestStream; source: TestSource }> {
  const stream = await makeStream(database.sql)
  return { stream, source: await makeSource(database.sql, stream) }
}

async function due({ syncId }: TestSource, limit = 100) {
  return await dueTouched(database.sql, { syncId, limit })
}

test('hints of one record coalesce, and each has a seq of its own', async () => {
  const { source } = await setUp()
  const hint = { sourceNo: source.sourceNo, id: 'a' }
  await touch(database.sql, [hint, hint])
  const [first] = await due(source)
  await touch(database.sql, [hint])
  const [second] = await due(source)
  expect(first).toMatchObject({ id: 'a', collectionId: 'acme:thing', attempts: 0 })
  expect(second!.seq).toBeGreaterThan(first!.seq)
  expect(await due(source)).toHaveLength(1)
})

test('a page settles the hints that it answers, but not one that came meanwhile', async () => {
  const { stream, source } = await setUp()
  await touch(
    database.sql,
    ['a', 'b'].map((id) => ({ sourceNo: source.sourceNo, id })),
  )
  const looked = await due(source)
  await touch(database.sql, [{ sourceNo: source.sourceNo, id: 'b' }])
  await writePage(
    database.sql,
    pageOf(stream, [observe(source, 'a'), observe(source, 'b')], { looked }),
  )
  expect((await due(source)).map(({ id }) => id)).toEqual(['b'])
})

test('a hint that comes after its own settlement is not settled by a slower look from before', async () => {
  const { stream, source } = await setUp()
  const hint = { sourceNo: source.sourceNo, id: 'a' }
  await touch(database.sql, [hint])
  const slow = await due(source)
  await writePage(database.sql, pageOf(stream, [], { looked: slow }))
  await touch(database.sql, [hint])
  await writePage(database.sql, pageOf(stream, [], { looked: slow }))
  expect(await due(source)).toHaveLength(1)
})

test('a hint of a page renews one that a drain has seen already', async () => {
  const { stream, source } = await setUp()
  const hints = [{ sourceNo: source.sourceNo, id: 'a' }]
  await touch(database.sql, hints)
  const looked = await due(source)
  await writePage(database.sql, pageOf(stream, [], { hints }))
  await writePage(database.sql, pageOf(stream, [observe(source, 'a')], { looked }))
  expect(await due(source)).toHaveLength(1)
})

test('a look whose answer is older than what is stored leaves a new hint', async () => {
  const { stream, source } = await setUp()
  await touch(database.sql, [{ sourceNo: source.sourceNo, id: 'a' }])
  const looked = await due(source)
  await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 9, value: 'newer' })]))
  await writePage(
    database.sql,
    pageOf(stream, [observe(source, 'a', { at: 1, value: 'older' })], { looked }),
  )
  const [again] = await due(source)
  expect(again!.seq).toBeGreaterThan(looked[0]!.seq)
})

test('a postponed hint is due later; a newer hint makes it due at once', async () => {
  const { source } = await setUp()
  await touch(database.sql, [{ sourceNo: source.sourceNo, id: 'a' }])
  expect(await nextTouchedDueMs(database.sql, source.syncId)).toBe(0)
  await postponeTouched(database.sql, await due(source), 60_000)
  expect(await due(source)).toEqual([])
  const wait = await nextTouchedDueMs(database.sql, source.syncId)
  expect(wait).toBeGreaterThan(50_000)
  expect(wait).toBeLessThanOrEqual(60_000)
  await touch(database.sql, [{ sourceNo: source.sourceNo, id: 'a' }])
  expect(await due(source)).toMatchObject([{ attempts: 1 }])
})

test('a hint that was renewed meanwhile is not postponed', async () => {
  const { source } = await setUp()
  await touch(database.sql, [{ sourceNo: source.sourceNo, id: 'a' }])
  const seen = await due(source)
  await touch(database.sql, [{ sourceNo: source.sourceNo, id: 'a' }])
  await postponeTouched(database.sql, seen, 60_000)
  expect(await due(source)).toHaveLength(1)
})

test('hints of a blocked collection wait until it is unblocked', async () => {
  const { source } = await setUp()
  await touch(database.sql, [{ sourceNo: source.sourceNo, id: 'a' }])
  await block(database.sql, source.sourceNo, {
    kind: 'permanent',
    reason: 'No scope.',
    probeMs: 1000,
  })
  expect(await due(source)).toEqual([])
  expect(await nextTouchedDueMs(database.sql, source.syncId)).toBeNull()
  await unblock(database.sql, source.sourceNo)
  expect(await due(source)).toHaveLength(1)
})

test('hints by name pass over what no sync has', async () => {
  const { source } = await setUp()
  const { syncId, collectionId } = source
  const count = await touchByName(database.sql, [
    { syncId, collectionId, id: 'a' },
    { syncId, collectionId, id: 'a' },
    { syncId, collectionId: 'acme:unknown', id: 'b' },
    { syncId, collectionId, id: '' },
    { syncId, collectionId, id: 'c\u001fd' },
    { syncId, collectionId, id: 'e\u0000' },
  ])
  expect(count).toBe(1)
  expect((await due(source)).map(({ id }) => id)).toEqual(['a'])
})

test('two drains that settle and hint the same records the other way round do not stop each other', async () => {
  const { stream, source } = await setUp()
  const hints = (ids: string[]) => ids.map((id) => ({ sourceNo: source.sourceNo, id }))
  const [left, right] = [
    ['a', 'b', 'c'],
    ['x', 'y', 'z'],
  ] as const
  for (let round = 0; round < 20; round++) {
    await touch(database.sql, hints([...left, ...right]))
    const rows = await due(source)
    const of = (ids: readonly string[]) => rows.filter(({ id }) => ids.includes(id))
    await Promise.all([
      writePage(database.sql, pageOf(stream, [], { looked: of(left), hints: hints([...right]) })),
      writePage(database.sql, pageOf(stream, [], { looked: of(right), hints: hints([...left]) })),
    ])
  }
  expect((await due(source)).length).toBeGreaterThan(0)
})
