import { expect, test } from 'vitest'
import { createLog } from '../src/log.ts'
import { createMetrics } from '../src/metrics.ts'
import { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import { beginGeneration, openRanges } from '../src/stream/checkpoint.ts'
import type { Span } from '../src/stream/checkpoint.ts'
import { createTestDatabase } from '../test/support/database.ts'
import type { TestDatabase } from '../test/support/database.ts'
import { context, makeSync, opened, thingsAt } from '../test/support/sync.ts'
import type { ActivityDeps } from './deps.ts'
import { readRanges } from './ranges.ts'
import type { RangesOptions } from './ranges.ts'

const day = 86_400_000
const start = Date.UTC(2026, 0, 1)

function depsOf(database: TestDatabase): ActivityDeps {
  return {
    pools: database.pools,
    log: createLog({ logLevel: 'silent' }),
    metrics: createMetrics({ processMetrics: false }),
    now: Date.now,
    random: Math.random,
  } as unknown as ActivityDeps
}

/** A collection with open ranges; `again` makes the options of one reading. */
async function reading(
  database: TestDatabase,
  things: ReturnType<typeof thingsAt>,
  ranges: Span[] = [{ loMs: null, hiMs: null }],
) {
  const { sql } = database
  const sync = await makeSync(sql)
  const before = await opened(sql, sync, { thing: things.collection })
  const { sourceNo, streamNo, collectionId } = before.sources[0]!
  await beginGeneration(sql, {
    syncId: sync.syncId,
    sourceNo,
    streamNo,
    collectionId,
    ranges,
  })
  const now = await opened(sql, sync, { thing: things.collection })
  const again = async (more: Partial<RangesOptions> = {}): Promise<RangesOptions> => ({
    deps: depsOf(database),
    opened: now,
    source: now.sources[0]!,
    ranges: await openRanges(sql, { sourceNo }),
    ctx: context(new AbortController().signal),
    answerMs: () => null,
    over: () => false,
    onPage: () => undefined,
    ...more,
  })
  const stored = async () =>
    Number((await sql`select count(*) from record where source_no = ${sourceNo}`)[0]!['count'])
  return { again, sourceNo, stored }
}

test('a range is cut while it is read, every part is read, and none of it twice over', async () => {
  await using database = await createTestDatabase()
  const times = Array.from({ length: 500 }, (_, at) => start + at * day)
  const things = thingsAt(times, 10)
  const { again, sourceNo, stored } = await reading(database, things)
  await readRanges(await again())
  expect(await stored()).toBe(500)
  expect(await openRanges(database.sql, { sourceNo })).toEqual([])
  const ranges =
    await database.sql`select 1 from checkpoint where source_no = ${sourceNo} and kind = 'range'`
  expect(ranges.length).toBeGreaterThan(3)
  expect(things.lists.length).toBeLessThan(50 + 3 * ranges.length)
})

test('a provider that takes long to answer is asked by more readers at once', async () => {
  await using database = await createTestDatabase()
  const times = Array.from({ length: 1_000 }, (_, at) => start + at * day)
  let asking = 0
  let enough: () => void = () => undefined
  const isEnough = new Promise<void>((resolve) => (enough = resolve))
  const things = thingsAt(times, 5, async () => {
    if (things.lists.length < 60) return
    asking += 1
    if (asking === 3 * limits.readersAtOnce) enough()
    await isEnough
  })
  const { again, stored } = await reading(database, things)
  await readRanges(await again({ answerMs: () => 150 }))
  expect(await stored()).toBe(1_000)
})

test('ranges that an earlier slice left open are read at once', async () => {
  await using database = await createTestDatabase()
  const parts = 2 * limits.readersAtOnce
  const spans = Array.from({ length: parts }, (_, at) => ({
    loMs: start + at * day,
    hiMs: start + (at + 1) * day,
  }))
  let all: () => void = () => undefined
  const areAll = new Promise<void>((resolve) => (all = resolve))
  const things = thingsAt(
    spans.map(({ loMs }) => loMs),
    5,
    async () => {
      if (things.lists.length === parts) all()
      await areAll
    },
  )
  const { again, stored } = await reading(database, things, spans)
  await readRanges(await again())
  expect(await stored()).toBe(parts)
})

test('a small collection is not cut', async () => {
  await using database = await createTestDatabase()
  const things = thingsAt([start, start + day, start + 2 * day], 10)
  const { again, stored } = await reading(database, things)
  await readRanges(await again())
  expect(await stored()).toBe(3)
  expect(things.lists).toHaveLength(1)
})

test('the next page is fetched while the last one is being written', async () => {
  await using database = await createTestDatabase()
  let release: () => void = () => undefined
  let second: () => void = () => undefined
  const secondAsked = new Promise<void>((resolve) => (second = resolve))
  const times = Array.from({ length: 15 }, (_, at) => start + at * 1_000)
  const things = thingsAt(times, 10, async () => {
    if (things.lists.length === 2) second()
  })
  const { again, sourceNo, stored } = await reading(database, things)
  // Somebody holds the checkpoint: no page can be committed.
  const held = database.sql.begin(async (tx) => {
    await tx`select 1 from source where source_no = ${sourceNo}`
    await new Promise<void>((resolve) => (release = resolve))
  })
  const done = readRanges(await again())
  await secondAsked
  release()
  await Promise.all([held, done])
  expect(await stored()).toBe(15)
})

test('what is over begins no page, and the next slice goes on where it stopped', async () => {
  await using database = await createTestDatabase()
  const times = Array.from({ length: 60 }, (_, at) => start + at * 1_000)
  const things = thingsAt(times, 10)
  const { again, sourceNo, stored } = await reading(database, things)
  let pages = 0
  await readRanges(await again({ over: () => pages >= 2, onPage: () => (pages += 1) }))
  // where writing is slow, two pages more are under way when the second is stored
  const halfway = await stored()
  expect(halfway).toBeGreaterThanOrEqual(20)
  expect(halfway).toBeLessThan(60)
  await readRanges(await again())
  expect(await stored()).toBe(60)
  expect(await openRanges(database.sql, { sourceNo })).toEqual([])
  const newest = things.lists.filter(({ toMs }) => toMs === null)
  expect(newest.length).toBeLessThanOrEqual(7)
})

test('G9: who was taken over writes nothing any more', async () => {
  await using database = await createTestDatabase()
  const times = Array.from({ length: 30 }, (_, at) => start + at * 1_000)
  let other: (() => Promise<void>) | null = null
  const things = thingsAt(times, 10, async () => {
    if (things.lists.length === 2) await other!()
  })
  const { again, stored } = await reading(database, things)
  other = async () => {
    other = async () => undefined
    await readRanges(await again())
  }
  await expect(readRanges(await again())).rejects.toMatchObject({ kind: 'stopped' })
  expect(await stored()).toBe(30)
})

test('the first error is thrown once nothing runs any more, and what was read before it stays', async () => {
  await using database = await createTestDatabase()
  const times = Array.from({ length: 30 }, (_, at) => start + at * 1_000)
  const things = thingsAt(times, 10, async () => {
    const newest = things.lists.filter(({ toMs }) => toMs === null)
    if (newest.length === 3) throw new AppError('permanent', 'It is not allowed.')
  })
  const { again, stored } = await reading(database, things)
  await expect(readRanges(await again())).rejects.toMatchObject({ kind: 'permanent' })
  expect(await stored()).toBe(20)
})

test.each(['transient', 'rate_limited'] as const)(
  'a request that fails (%s) ends its own range alone, and the next slice reads on there',
  async (kind) => {
    await using database = await createTestDatabase()
    const times = Array.from({ length: 500 }, (_, at) => start + at * day)
    let failures = 0
    const things = thingsAt(times, 10, async (bounds) => {
      const newest = things.lists.filter(({ toMs }) => toMs === null)
      if (bounds.toMs !== null || newest.length !== 2) return
      failures += 1
      throw new AppError(kind, 'It does not answer.')
    })
    const { again, sourceNo, stored } = await reading(database, things)
    await readRanges(await again())
    expect(failures).toBe(1)
    const open = await openRanges(database.sql, { sourceNo })
    expect(open).toMatchObject([{ rangeNo: 1 }])
    expect(await stored()).toBeGreaterThan(300)
    await readRanges(await again())
    expect(await stored()).toBe(500)
    expect(await openRanges(database.sql, { sourceNo })).toEqual([])
  },
)

test('a provider that only fails is left alone after a few requests, and Temporal hears of it', async () => {
  await using database = await createTestDatabase()
  const spans = Array.from({ length: 20 }, (_, at) => ({
    loMs: start + at * day,
    hiMs: start + (at + 1) * day,
  }))
  const things = thingsAt([start], 10, async () => {
    throw new AppError('transient', 'It does not answer.')
  })
  const { again } = await reading(database, things, spans.slice(0, limits.readersAtOnce))
  await expect(readRanges(await again())).rejects.toMatchObject({ kind: 'transient' })
  expect(things.lists.length).toBeLessThanOrEqual(limits.readersAtOnce)
  const one = await reading(database, things, spans.slice(0, 1))
  await expect(readRanges(await one.again())).rejects.toMatchObject({ kind: 'transient' })
})

test.each([1, 3])(
  'G14: a list that goes round in a circle of %i pages ends in an error, and is not whole',
  async (length) => {
    await using database = await createTestDatabase()
    const times = Array.from({ length: 40 }, (_, at) => start + at * 1_000)
    const things = thingsAt(times, 10)
    const { list } = things.collection
    // not cut, whatever the machine has time for
    things.collection.ranges = false
    let at = 0
    things.collection.list = async (ctx, _cursor, bounds) => {
      const page = await list(ctx, null, bounds)
      return { ...page, cursor: at++ % length, done: false }
    }
    const { again, sourceNo } = await reading(database, things)
    const endless = { kind: 'transient', code: 'endless-list' }
    await expect(readRanges(await again())).rejects.toMatchObject(endless)
    await expect(readRanges(await again())).rejects.toMatchObject(endless)
    expect(things.lists.length).toBeLessThanOrEqual(8 * length)
    expect(await openRanges(database.sql, { sourceNo })).toHaveLength(1)
  },
)
