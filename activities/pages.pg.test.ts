import { expect, test } from 'vitest'
import type { Change, Collection, Context } from '../src/connectors/connector.ts'
import { AppError } from '../src/domain/error.ts'
import { createLog } from '../src/log.ts'
import { createMetrics } from '../src/metrics.ts'
import { claim, ensureFeed } from '../src/stream/checkpoint.ts'
import { touch } from '../src/stream/touched.ts'
import { createTestDatabase } from '../test/support/database.ts'
import type { TestDatabase } from '../test/support/database.ts'
import { context, makeSync, opened, thingsAt } from '../test/support/sync.ts'
import type { ActivityDeps } from './deps.ts'
import { drain } from './drain.ts'
import { storePage } from './pages.ts'

const observedAt = '2026-01-01T00:00:00.000000Z'

async function feed(database: TestDatabase, more: Partial<Collection> = {}) {
  const { sql } = database
  const sync = await makeSync(sql)
  const of = await opened(sql, sync, { thing: { ...thingsAt([], 10).collection, ...more } })
  const { checkpointNo } = await ensureFeed(sql, {
    syncId: sync.syncId,
    streamNo: sync.streamNo,
    name: 'feed/events',
    kind: 'feed',
    sourceNo: null,
    start: 1,
  })
  const { fence } = await claim(sql, checkpointNo)
  const deps = {
    pools: database.pools,
    log: createLog({ logLevel: 'silent' }),
    metrics: createMetrics({ processMetrics: false }),
    now: Date.now,
  } as unknown as ActivityDeps
  const { sourceNo } = of.sources[0]!
  return {
    deps,
    of,
    fence,
    sourceNo,
    store: async (changes: Change[]) =>
      await storePage(deps, of, { changes, observedAt, path: 'change', fence, cursor: 2 }),
    stored: async () =>
      (await sql<{ id: string }[]>`select upstream_id as id from record order by 1`).map(
        (row) => row.id,
      ),
    quarantined: async () =>
      (await sql<{ id: string }[]>`select upstream_id as id from quarantine`).map((row) => row.id),
    hints: async () =>
      await sql<
        { id: string; attempts: number }[]
      >`select upstream_id as id, attempts from touched order by 1`,
    cursor: async () =>
      (
        await sql<
          { cursor: string }[]
        >`select cursor from checkpoint where checkpoint_no = ${checkpointNo}`
      )[0]!.cursor,
    drain: async () =>
      await drain(
        {
          deps,
          opened: of,
          refetch: context(new AbortController().signal),
          sameAccount: async () => undefined,
        },
        fence,
      ),
  }
}

const thing = (id: string, raw: string | null = JSON.stringify({ id, ms: 1_000 })): Change => ({
  collection: 'thing',
  id,
  raw,
  ...(raw === null ? {} : { value: { id, ms: 1_000 } }),
})

test('a change without a body becomes a hint, one of an unknown collection is left out', async () => {
  await using database = await createTestDatabase()
  const { store, stored, hints } = await feed(database)
  await store([thing('a'), thing('b', null), { ...thing('c'), collection: 'other' }])
  expect(await stored()).toEqual(['a'])
  expect(await hints()).toEqual([{ id: 'b', attempts: 0 }])
})

test('G14: a record that our code cannot take in goes into quarantine, the others and the cursor go on', async () => {
  await using database = await createTestDatabase()
  const { store, stored, quarantined, cursor } = await feed(database)
  await store([thing('a'), { ...thing('broken', '{"id":'), value: { ms: 1_000 } }, thing('c')])
  expect(await stored()).toEqual(['a', 'c'])
  expect(await quarantined()).toEqual(['broken'])
  expect(await cursor()).toBe('2')
})

test('where nothing of a page can be taken in it is not the records: the cursor stays', async () => {
  await using database = await createTestDatabase()
  const { store, quarantined, cursor } = await feed(database)
  const broken = (id: string) => ({ ...thing(id, '{'), value: { ms: 1_000 } })
  await expect(store([broken('a'), broken('b')])).rejects.toMatchObject({ kind: 'bug' })
  expect(await quarantined()).toEqual([])
  expect(await cursor()).toBe('1')
})

/** What the provider answers when it is asked for a thing by id. */
const looks = (answers: Record<string, Change[] | AppError>) => ({
  get: async (_ctx: Context, id: string) => {
    const answer = answers[id]!
    if (answer instanceof AppError) throw answer
    return { changes: answer, observedAt: '2026-01-02T00:00:00.000000Z' }
  },
})

test('the drain looks at each hint: what is there is stored, what is gone becomes a tombstone', async () => {
  await using database = await createTestDatabase()
  const answers = { a: [thing('a')], b: [{ ...thing('b', null), deleted: true }] }
  const { drain, store, stored, hints, sourceNo } = await feed(database, looks(answers))
  await store([thing('b')])
  await touch(
    database.sql,
    ['a', 'b'].map((id) => ({ sourceNo, id })),
  )
  expect(await drain()).toMatchObject({ looked: 2, changed: 2, more: false })
  expect(await stored()).toEqual(['a', 'b'])
  expect(await database.sql`select deleted from record where upstream_id = 'b'`).toEqual([
    { deleted: true },
  ])
  expect(await hints()).toEqual([])
})

test('a look that failed comes again later, and stops none of the others', async () => {
  await using database = await createTestDatabase()
  const answers = { a: [thing('a')], b: new AppError('transient', 'It does not answer.') }
  const { drain, stored, hints, sourceNo } = await feed(database, looks(answers))
  await touch(
    database.sql,
    ['a', 'b'].map((id) => ({ sourceNo, id })),
  )
  await drain()
  expect(await stored()).toEqual(['a'])
  expect(await hints()).toEqual([{ id: 'b', attempts: 1 }])
  expect(await drain()).toMatchObject({ looked: 0 })
})

test('a refused key ends the drain after what was seen is stored, and the hint stays as it was', async () => {
  await using database = await createTestDatabase()
  const answers = { a: [thing('a')], b: new AppError('auth', 'The key is refused.') }
  const { drain, stored, hints, sourceNo } = await feed(database, looks(answers))
  await touch(
    database.sql,
    ['a', 'b'].map((id) => ({ sourceNo, id })),
  )
  await expect(drain()).rejects.toMatchObject({ kind: 'auth' })
  expect(await stored()).toEqual(['a'])
  expect(await hints()).toEqual([{ id: 'b', attempts: 0 }])
})
