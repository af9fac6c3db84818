// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSource, makeStream, observe, pageOf, recordsOf } from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import {
  beginGeneration,
  claim,
  ensureFeed,
  feedsOf,
  fenceSync,
  openRanges,
  splitRange,
} from './checkpoint.ts'
import type { Span } from './checkpoint.ts'
import { writePage } from './write.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

const wholeTime: Span[] = [{ loMs: null, hiMs: null }]

type Scene = { stream: TestStream; source: TestSource; numbers: number[] }

async function setUp(ranges = wholeTime, sql = database.sql): Promise<Scene> {
  const stream = await makeStream(sql)
  const source = await makeSource(sql, stream)
  await beginGeneration(sql, { ...source, ranges })
  const open = await openRanges(sql, source)
  return { stream, source, numbers: open.map(({ checkpointNo }) => checkpointNo) }
}

async function stateOf(checkpointNo: number) {
  const [row] = await database.sql`
    select cursor, seen, pages, done_at is not null as done from checkpoint where checkpoint_no = ${checkpointNo}`
  return row
}

function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

async function waitingForLocks(): Promise<number> {
  const [row] = await database.sql<{ n: number }[]>`
    select count(*)::int as n
      from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`
  return row!.n
}

describe('G1: a page and its checkpoint', () => {
  test('G1: a page is stored with its cursor, its counts, what it saw and its hints', async () => {
    const { stream, source, numbers } = await setUp()
    const { fence } = await claim(database.sql, numbers[0]!)
    const seen = { sourceNo: source.sourceNo, generation: 1, rangeNo: 1 }
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a'), observe(source, 'b')], {
        path: 'listing',
        fence,
        cursor: { after: 'b' },
        hints: [{ sourceNo: source.sourceNo, id: 'x' }],
        seen,
      }),
    )
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'c')], {
        path: 'listing',
        fence,
        cursor: null,
        done: true,
        seen,
      }),
    )
    expect(await stateOf(numbers[0]!)).toEqual({
      cursor: 'null',
      seen: '3',
      pages: '2',
      done: true,
    })
    const pages = await database.sql`
      select page_no, ids from seen_page where source_no = ${source.sourceNo} order by page_no`
    expect([...pages]).toEqual([
      { page_no: '1', ids: ['a', 'b'] },
      { page_no: '2', ids: ['c'] },
    ])
    expect(await openRanges(database.sql, source)).toEqual([])
    expect((await claim(database.sql, numbers[0]!)).done).toBe(true)
  })

  test('G1: of a page whose last body the database refuses nothing is stored', async () => {
    const { stream, source, numbers } = await setUp()
    const { fence } = await claim(database.sql, numbers[0]!)
    const tooDeep = '['.repeat(50_000) + ']'.repeat(50_000)
    const page = pageOf(stream, [observe(source, 'a'), observe(source, 'b', { raw: tooDeep })], {
      fence,
      cursor: 1,
    })
    await expect(writePage(database.sql, page)).rejects.toMatchObject({ kind: 'bug' })
    expect(await stateOf(numbers[0]!)).toMatchObject({ cursor: null, pages: '0' })
    expect(await recordsOf(database.sql, stream)).toEqual([])
  })

  test('G1: a connection that is killed while the page commits leaves all of it or nothing', async () => {
    await using own = await createTestDatabase()
    const { stream, source, numbers } = await setUp(wholeTime, own.sql)
    const { fence } = await claim(own.sql, numbers[0]!)
    const outcomes = new Set<boolean>()
    for (let round = 1; round <= 30; round++) {
      const observations = Array.from({ length: 200 }, (_, i) =>
        observe(source, `r${i}`, { at: round, value: round }),
      )
      const page = pageOf(stream, observations, { fence, cursor: round })
      const written = writePage(own.pools.write, page).catch(() => null)
      await own.pools.deliver`
        select pg_terminate_backend(pid)
          from pg_stat_activity
         where datname = current_database() and query like '%stream_page_v1%' and pid <> pg_backend_pid()
           and pg_sleep(${(round % 7) / 1000}) is not null`
      await written
      const records = await recordsOf(own.pools.deliver, stream)
      const values = new Set(
        records.map(({ data }) => (JSON.parse(data) as { value: number }).value),
      )
      const [row] = await own.pools.deliver<{ cursor: string | null }[]>`
        select cursor from checkpoint where checkpoint_no = ${numbers[0]!}`
      outcomes.add(Number(row!.cursor) === round)
      expect([...values]).toEqual(row!.cursor === null ? [] : [Number(row!.cursor)])
    }
    expect(outcomes).toEqual(new Set([true, false])) // some were cut off, some were not
  })
})

describe('G9: the fence', () => {
  test('an unchanged page of a listing is read under it without a transaction id', async () => {
    const { stream, source, numbers } = await setUp()
    const { fence } = await claim(database.sql, numbers[0]!)
    const page = (at: number) =>
      pageOf(stream, [observe(source, 'a', { at })], { path: 'listing', fence })
    await writePage(database.sql, page(0))
    const after = await database.sql.begin(async (tx) => {
      await writePage(tx as never, page(5))
      return await tx`select pg_current_xact_id_if_assigned() is null as no_xid`
    })
    expect(after[0]).toEqual({ no_xid: true })
  })

  test('G9: under a lease that was taken over nothing is written, whatever the page holds', async () => {
    const { stream, source, numbers } = await setUp()
    const lost = (await claim(database.sql, numbers[0]!)).fence
    const holder = (await claim(database.sql, numbers[0]!)).fence
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a')], { fence: holder, cursor: 1 }),
    )
    const hints = [{ sourceNo: source.sourceNo, id: 'x' }]
    const pages = [
      pageOf(stream, [observe(source, 'b')], { fence: lost }),
      pageOf(stream, [observe(source, 'b')], { fence: lost, cursor: 2 }),
      pageOf(stream, [observe(source, 'a', { at: 9 })], { fence: lost }),
      pageOf(stream, [], { fence: lost, cursor: 2 }),
      pageOf(stream, [], { fence: lost, done: true }),
      pageOf(stream, [], { fence: lost, hints }),
      pageOf(stream, [observe(source, 'a')], { fence: lost, path: 'listing' }),
    ]
    for (const page of pages) {
      await expect(writePage(database.sql, page)).rejects.toMatchObject({
        kind: 'stopped',
        code: 'fenced',
      })
    }
    expect(await stateOf(numbers[0]!)).toMatchObject({ cursor: '1', pages: '1', done: false })
    expect(await recordsOf(database.sql, stream)).toMatchObject([
      { id: 'a', observedAt: '2026-01-01T00:00:00.000000Z' },
    ])
    expect([
      ...(await database.sql`select 1 from touched where source_no = ${source.sourceNo}`),
    ]).toEqual([])
  })

  test('G9: a moved epoch fences every reader of the sync, and a claim after it may write', async () => {
    const { stream, source, numbers } = await setUp()
    const { checkpointNo } = await ensureFeed(database.sql, {
      ...source,
      name: 'feed/events',
      kind: 'feed',
      sourceNo: null,
      start: 'p0',
    })
    const fences = [
      (await claim(database.sql, numbers[0]!)).fence,
      (await claim(database.sql, checkpointNo)).fence,
    ]
    await fenceSync(database.sql, source.syncId)
    for (const fence of fences) {
      const page = pageOf(stream, [observe(source, 'a')], { fence, cursor: 1 })
      await expect(writePage(database.sql, page)).rejects.toMatchObject({ kind: 'stopped' })
    }
    const { fence } = await claim(database.sql, checkpointNo)
    expect(
      await writePage(database.sql, pageOf(stream, [observe(source, 'a')], { fence, cursor: 1 })),
    ).toMatchObject({ inserted: 1 })
  })

  test('G9: a takeover waits for the page that is being committed, and goes on after it', async () => {
    const { stream, numbers } = await setUp()
    const { fence } = await claim(database.sql, numbers[0]!)
    const [written, commit] = [gate(), gate()]
    const writing = database.sql.begin(async (tx) => {
      await writePage(tx as never, pageOf(stream, [], { fence, cursor: 'moved' }))
      written.open()
      await commit.opened
    })
    await written.opened
    const takeover = claim(database.sql, numbers[0]!)
    await expect.poll(async () => await waitingForLocks()).toBeGreaterThan(0)
    commit.open()
    await writing
    expect((await takeover).cursor).toBe('moved')
  })

  test('a new generation fences whoever reads a range of the old one', async () => {
    const { stream, source, numbers } = await setUp()
    const { fence } = await claim(database.sql, numbers[0]!)
    expect(await beginGeneration(database.sql, { ...source, ranges: wholeTime })).toBe(2)
    const page = pageOf(stream, [observe(source, 'a')], { fence, cursor: 1 })
    await expect(writePage(database.sql, page)).rejects.toMatchObject({ kind: 'stopped' })
    await expect(claim(database.sql, numbers[0]!)).rejects.toMatchObject({ kind: 'stopped' })
  })
})

describe('ranges', () => {
  test('they are open newest first, with their bounds', async () => {
    const { source } = await setUp([
      { loMs: 200, hiMs: null },
      { loMs: 100, hiMs: 200 },
      { loMs: null, hiMs: 100 },
    ])
    const open = await openRanges(database.sql, source)
    expect(open.map(({ rangeNo, loMs, hiMs }) => [rangeNo, loMs, hiMs])).toEqual([
      [1, 200, null],
      [2, 100, 200],
      [3, null, 100],
    ])
  })

  test('a split leaves the newer part to its reader and opens the older one', async () => {
    const { source, numbers } = await setUp([{ loMs: 100, hiMs: 1000 }])
    const { fence } = await claim(database.sql, numbers[0]!)
    const [made] = await splitRange(database.sql, fence, { midsMs: [500] })
    const open = await openRanges(database.sql, source)
    expect(open.map(({ checkpointNo, loMs, hiMs }) => [checkpointNo, loMs, hiMs])).toEqual([
      [numbers[0], 500, 1000],
      [made!.fence.checkpointNo, 100, 500],
    ])
    expect(made).toMatchObject({ cursor: null, rangeNo: 2, loMs: 100, hiMs: 500, done: false })
    const again = await claim(database.sql, made!.fence.checkpointNo)
    expect({ ...again, fence: null }).toEqual({ ...made, fence: null })
  })

  test("a split at several times opens a part between each two, and they are the splitter's", async () => {
    const { stream, source, numbers } = await setUp([{ loMs: null, hiMs: null }])
    const { fence } = await claim(database.sql, numbers[0]!)
    const made = await splitRange(database.sql, fence, { midsMs: [900, 500, 300] })
    expect(made.map(({ loMs, hiMs, rangeNo }) => [loMs, hiMs, rangeNo])).toEqual([
      [500, 900, 2],
      [300, 500, 3],
      [null, 300, 4],
    ])
    const open = await openRanges(database.sql, source)
    expect(open.map(({ loMs, hiMs }) => [loMs, hiMs])).toEqual([
      [900, null],
      [500, 900],
      [300, 500],
      [null, 300],
    ])
    const page = pageOf(stream, [], { cursor: { after: 'x' } })
    for (const part of made) await writePage(database.sql, { ...page, fence: part.fence })
    await claim(database.sql, made[1]!.fence.checkpointNo)
    await expect(writePage(database.sql, { ...page, fence: made[1]!.fence })).rejects.toMatchObject(
      { kind: 'stopped' },
    )
  })

  test('splits of two ranges at once give two numbers', async () => {
    const { source, numbers } = await setUp([
      { loMs: 500, hiMs: 1000 },
      { loMs: 0, hiMs: 500 },
    ])
    const fences = await Promise.all(
      numbers.map(async (no) => (await claim(database.sql, no)).fence),
    )
    await Promise.all([
      splitRange(database.sql, fences[0]!, { midsMs: [700] }),
      splitRange(database.sql, fences[1]!, { midsMs: [300] }),
    ])
    const open = await openRanges(database.sql, source)
    expect(open.map(({ rangeNo }) => rangeNo).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
  })

  test('a range is not split outside of itself, nor by somebody who lost it', async () => {
    const { numbers } = await setUp([{ loMs: 100, hiMs: 1000 }])
    const { fence } = await claim(database.sql, numbers[0]!)
    for (const midsMs of [[99], [100], [1000], [2000], [500, 100], [1000, 500], []])
      expect(await splitRange(database.sql, fence, { midsMs })).toEqual([])
    await claim(database.sql, numbers[0]!)
    await expect(splitRange(database.sql, fence, { midsMs: [500] })).rejects.toMatchObject({
      kind: 'stopped',
    })
  })
})

describe('feeds', () => {
  test('the first position stands, whoever comes later', async () => {
    const { source } = await setUp()
    const feed = { ...source, name: 'feed/events', kind: 'feed', sourceNo: null } as const
    const first = await ensureFeed(database.sql, { ...feed, start: { at: 1 } })
    const second = await ensureFeed(database.sql, { ...feed, start: { at: 2 } })
    expect(second).toEqual(first)
    expect((await claim(database.sql, first.checkpointNo)).cursor).toEqual({ at: 1 })
    expect(await feedsOf(database.sql, source.syncId)).toMatchObject([
      { name: 'feed/events', kind: 'feed' },
    ])
  })
})
