// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { beginGeneration, claim, openRanges } from './checkpoint.ts'
import { finishEnumeration } from './enumerate.ts'
import { requestEnumeration, sourcesOf } from './source.ts'
import { decideHeld } from './sweep.ts'
import { dueTouched, touch } from './touched.ts'
import { writePage } from './write.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

type Scene = { stream: TestStream; source: TestSource }

async function setUp(ids: string[]): Promise<Scene> {
  const stream = await makeStream(database.sql)
  const source = await makeSource(database.sql, stream)
  const createdUs = Date.UTC(2025, 5, 1) * 1000
  await writePage(
    database.sql,
    pageOf(
      stream,
      ids.map((id) => observe(source, id, { createdUs })),
    ),
  )
  return { stream, source }
}

/** A generation of one range whose only page shows these ids. */
async function enumerate({ stream, source }: Scene, ids: string[], done = true): Promise<number> {
  const ranges = [{ loMs: null, hiMs: null }]
  const generation = await beginGeneration(database.sql, { ...source, ranges })
  const [range] = await openRanges(database.sql, source)
  const { fence } = await claim(database.sql, range!.checkpointNo)
  const observations = ids.map((id) => observe(source, id, { at: 1 }))
  const seen = { sourceNo: source.sourceNo, generation, rangeNo: range!.rangeNo }
  await writePage(
    database.sql,
    pageOf(stream, observations, { path: 'listing', fence, cursor: 1, done, seen }),
  )
  return generation
}

function finish(
  { source }: Scene,
  generation: number,
  fields: { boundsFromMs?: number; deletable?: boolean; lookEveryMs?: number } = {},
) {
  return finishEnumeration(database.sql, {
    streamNo: source.streamNo,
    sourceNo: source.sourceNo,
    generation,
    boundsFromMs: null,
    deletable: true,
    byId: true,
    nextDueMs: 3_600_000,
    ...fields,
  })
}

async function hints({ source }: Scene): Promise<string[]> {
  const rows = await dueTouched(database.sql, { syncId: source.syncId, limit: 10_000 })
  return rows.map(({ id }) => id).sort()
}

async function stateOf({ source }: Scene) {
  return (await sourcesOf(database.sql, source.syncId))[0]!
}

async function decide({ source }: Scene, decision: 'approve' | 'reject') {
  return await decideHeld(database.sql, { sourceNo: source.sourceNo, decision })
}

test('what an enumeration did not show becomes a hint, and the collection is live with evidence', async () => {
  const scene = await setUp(['a', 'b', 'c'])
  const generation = await enumerate(scene, ['a', 'c'])
  expect(await stateOf(scene)).toMatchObject({
    phase: 'backfilling',
    enumerating: true,
    enumerateDueInMs: null,
  })
  expect(await finish(scene, generation)).toEqual({
    compared: 3,
    candidates: 1,
    kept: 0,
    held: false,
  })
  expect(await hints(scene)).toEqual(['b'])
  expect(await stateOf(scene)).toMatchObject({
    phase: 'live',
    backfilled: true,
    enumerating: false,
  })
  const [row] = await database.sql<{ coverage: string }[]>`
    select coverage from source where source_no = ${scene.source.sourceNo}`
  expect(JSON.parse(row!.coverage)).toMatchObject({
    generation,
    compared: 3,
    candidates: 1,
    held: false,
  })
})

test('tens of thousands of records that nobody has analyzed yet are compared at once, not each with each', async () => {
  const scene = await setUp(['first'])
  const { sourceNo, streamNo } = scene.source
  await database.sql`
    insert into record (stream_no, source_no, upstream_id, updated_idx, record_no, changed_at, observed_at, hash, deleted, data)
    select r.stream_no, r.source_no, 'id_' || n, n + 1000, n + 1000, r.changed_at, r.observed_at, r.hash, false, r.data
      from record r
     cross join generate_series(1, 60000) n
     where r.stream_no = ${streamNo} and r.source_no = ${sourceNo}`
  const generation = await enumerate(scene, ['first'])
  await database.sql`
    insert into seen_page (source_no, generation, range_no, page_no, ids)
    select ${sourceNo}, ${generation}, 0, page + 1000, array(select 'id_' || page * 100 + n from generate_series(1, 100) n)
      from generate_series(0, 598) page`
  // the last hundred were not shown; each with each takes longer than a test may
  expect(await finish(scene, generation)).toMatchObject({ compared: 60_001, candidates: 100 })
  expect(await hints(scene)).toHaveLength(100)
})

test('an enumeration says how often the collection is looked at from now on, or leaves that to others', async () => {
  const scene = await setUp(['a'])
  await finish(scene, await enumerate(scene, ['a']), { lookEveryMs: 3_600_000.4 })
  expect(await stateOf(scene)).toMatchObject({ lookEveryMs: 3_600_000 })
  await finish(scene, await enumerate(scene, ['a']))
  expect(await stateOf(scene)).toMatchObject({ lookEveryMs: 3_600_000 })
})

test('an enumeration with an open range, or of an older generation, ends nothing', async () => {
  const scene = await setUp(['a'])
  const open = await enumerate(scene, [], false)
  expect(await finish(scene, open)).toBeNull()
  await enumerate(scene, ['a'])
  expect(await finish(scene, open)).toBeNull()
  expect(await hints(scene)).toEqual([])
})

test('it ends once', async () => {
  const scene = await setUp(['a'])
  const generation = await enumerate(scene, ['a'])
  expect(await finish(scene, generation)).not.toBeNull()
  expect(await finish(scene, generation)).toBeNull()
})

test('what was observed after the enumeration began is no candidate', async () => {
  const scene = await setUp(['a'])
  const generation = await enumerate(scene, [])
  const now = {
    ...observe(scene.source, 'b'),
    observedAt: new Date(Date.now() + 60_000).toISOString(),
  }
  await writePage(database.sql, pageOf(scene.stream, [now]))
  expect(await finish(scene, generation)).toEqual({
    compared: 2,
    candidates: 1,
    kept: 0,
    held: false,
  })
  expect(await hints(scene)).toEqual(['a'])
})

test('what waits to be asked for by id already does not blow the fuse', async () => {
  const ids = Array.from({ length: 300 }, (_, at) => `id_${at}`)
  const scene = await setUp(ids)
  const generation = await enumerate(scene, ids.slice(200))
  await touch(
    database.sql,
    ids.slice(0, 199).map((id) => ({ sourceNo: scene.source.sourceNo, id })),
  )
  expect(await finish(scene, generation)).toMatchObject({ candidates: 200, held: false })
  expect(await hints(scene)).toHaveLength(200)
})

test('what an old event told while the enumeration ran is a candidate where no page showed it', async () => {
  const scene = await setUp(['a'])
  const generation = await enumerate(scene, ['a'])
  await writePage(database.sql, pageOf(scene.stream, [observe(scene.source, 'gone', { at: 1 })]))
  expect(await finish(scene, generation)).toMatchObject({ compared: 2, candidates: 1 })
  expect(await hints(scene)).toEqual(['gone'])
})

test('a tombstone is not compared', async () => {
  const scene = await setUp(['a', 'b'])
  await writePage(
    database.sql,
    pageOf(scene.stream, [observe(scene.source, 'b', { at: 1, deleted: true })]),
  )
  expect(await finish(scene, await enumerate(scene, []))).toEqual({
    compared: 1,
    candidates: 1,
    kept: 0,
    held: false,
  })
})

test('only records inside the bounds that were listed are judged', async () => {
  const scene = await setUp(['old'])
  const createdUs = Date.UTC(2026, 0, 1) * 1000
  await writePage(
    database.sql,
    pageOf(scene.stream, [observe(scene.source, 'young', { createdUs })]),
  )
  const generation = await enumerate(scene, [])
  expect(await finish(scene, generation, { boundsFromMs: Date.UTC(2025, 11, 1) })).toMatchObject({
    compared: 1,
  })
  expect(await hints(scene)).toEqual(['young'])
})

test('where nothing is deleted by absence no hint is made', async () => {
  const scene = await setUp(['a'])
  expect(await finish(scene, await enumerate(scene, []), { deletable: false })).toMatchObject({
    candidates: 1,
  })
  expect(await hints(scene)).toEqual([])
})

test('the fuse holds more than 100 records that are more than 5 %, until somebody approves', async () => {
  const ids = Array.from({ length: 150 }, (_, i) => `r${i}`)
  const scene = await setUp(ids)
  const generation = await enumerate(scene, ids.slice(101))
  expect(await finish(scene, generation)).toEqual({
    compared: 150,
    candidates: 101,
    kept: 0,
    held: true,
  })
  expect(await hints(scene)).toEqual([])
  expect(await stateOf(scene)).toMatchObject({ held: true, phase: 'live' })
  const [row] = await database.sql<
    { held: string }[]
  >`select held from source where source_no = ${scene.source.sourceNo}`
  expect(JSON.parse(row!.held)).toMatchObject({
    count: 101,
    of: 150,
    samples: expect.arrayContaining(['r0']),
  })
  expect(await decide(scene, 'approve')).toBe(101)
  expect(await hints(scene)).toHaveLength(101)
  expect(await decide(scene, 'approve')).toBeNull()
})

describe('a rejected mass delete', () => {
  const ids = Array.from({ length: 450 }, (_, i) => `r${i}`)
  const lost = ids.slice(0, 150)
  const there = ids.slice(150)

  async function rejected(): Promise<Scene> {
    const scene = await setUp(ids)
    await finish(scene, await enumerate(scene, there))
    expect(await decide(scene, 'reject')).toBe(0)
    return scene
  }

  test('makes no hints, and the next enumeration does not bring it back', async () => {
    const scene = await rejected()
    expect(await hints(scene)).toEqual([])
    expect(await stateOf(scene)).toMatchObject({ held: false })
    expect(await finish(scene, await enumerate(scene, there))).toEqual({
      compared: 450,
      candidates: 0,
      kept: 150,
      held: false,
    })
    expect(await hints(scene)).toEqual([])
  })

  test('hides no other: few are asked for, many are held', async () => {
    const scene = await rejected()
    expect(await finish(scene, await enumerate(scene, there.slice(5)))).toMatchObject({
      candidates: 5,
      kept: 150,
      held: false,
    })
    expect(await hints(scene)).toHaveLength(5)
    expect(await finish(scene, await enumerate(scene, there.slice(120)))).toMatchObject({
      candidates: 120,
      kept: 150,
      held: true,
    })
    expect(await stateOf(scene)).toMatchObject({ held: true })
  })

  test('is over for what the provider shows again', async () => {
    const scene = await rejected()
    await finish(scene, await enumerate(scene, ids))
    expect(await finish(scene, await enumerate(scene, there))).toMatchObject({
      candidates: 150,
      kept: 0,
      held: true,
    })
  })

  test('may be approved later', async () => {
    const scene = await rejected()
    expect(await decide(scene, 'approve')).toBe(150)
    expect(await hints(scene)).toEqual(lost.toSorted())
    expect(await decide(scene, 'approve')).toBeNull()
  })
})

test('what is held goes on waiting while the next enumeration runs, since the first time', async () => {
  const ids = Array.from({ length: 150 }, (_, i) => `r${i}`)
  const scene = await setUp(ids)
  const since = async () =>
    (
      await database.sql<{ since: string }[]>`
        select held ->> 'since' as since from source where source_no = ${scene.source.sourceNo}`
    )[0]!.since
  await finish(scene, await enumerate(scene, []))
  const first = await since()
  const generation = await enumerate(scene, [])
  expect(await since()).toBe(first)
  await finish(scene, generation)
  expect(await since()).toBe(first)
  expect(await decide(scene, 'approve')).toBe(150)
})

test('100 records go without asking, however small the collection', async () => {
  const ids = Array.from({ length: 100 }, (_, i) => `r${i}`)
  const scene = await setUp(ids)
  expect(await finish(scene, await enumerate(scene, []))).toMatchObject({
    candidates: 100,
    held: false,
  })
})

test('a resync is due at once, even while an enumeration is under way', async () => {
  const scene = await setUp(['a'])
  await enumerate(scene, [], false)
  await requestEnumeration(database.sql, {
    syncId: scene.source.syncId,
    collectionIds: ['acme:other'],
  })
  expect((await stateOf(scene)).enumerateDueInMs).toBeNull()
  await requestEnumeration(database.sql, { syncId: scene.source.syncId, collectionIds: null })
  expect((await stateOf(scene)).enumerateDueInMs).toBe(0)
})
