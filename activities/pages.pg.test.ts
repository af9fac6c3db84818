import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Change, Collection, Context } from '../src/connectors/connector.ts'
import { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
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
      (
        await sql<
          { id: string }[]
        >`select upstream_id as id from record where source_no = ${sourceNo} order by 1`
      ).map((row) => row.id),
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

const deep = `{"id":"deep","in":${'['.repeat(200_000)}${']'.repeat(200_000)}}`

/** Records that cannot be stored, and why. */
const poisoned: [string, Change, string][] = [
  ['is no JSON', { ...thing('bad', '{"id":'), value: { ms: 1_000 } }, 'no JSON'],
  ['is no JSON, and was not looked at', { collection: 'thing', id: 'bad', raw: '{' }, 'no JSON'],
  ['has a time beyond all time', { ...thing('bad'), value: { ms: -9e15 } }, 'out of range'],
  ['has a time that is no whole number', { ...thing('bad'), value: { ms: 1.00001 } }, 'form'],
  ['is nested too deeply', { ...thing('bad', deep), value: { ms: 1 } }, 'nested too deeply'],
  ['has an id with a NUL', { ...thing('a\u0000b') }, 'is no id'],
  ['has no id', { ...thing('') }, 'is no id'],
  ['has an endless id', { ...thing('x'.repeat(3_000)) }, 'is no id'],
  ['breaks the connector', { ...thing('bad'), value: { ms: 'x', boom: true } }, 'cannot be read'],
]

describe('G14: a record goes into quarantine as it came, the others and the cursor go on, where it', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(async () => await database[Symbol.asyncDispose]())

  test.each(poisoned)('%s', async (_name, bad, why) => {
    const { store, stored, cursor, sourceNo } = await feed(database, {
      createdOf(value) {
        if (value['boom'] === true) throw new TypeError('not as documented')
        return (value['ms'] as number) * 1_000
      },
    })
    const held = async () => [
      ...(await database.sql<{ raw: string; error: string }[]>`
        select raw, error from quarantine where source_no = ${sourceNo}`),
    ]
    await store([thing('a'), bad, thing('c')])
    expect(await stored()).toEqual(['a', 'c'])
    expect(await cursor()).toBe('2')
    expect(await held()).toEqual([
      { raw: bad.raw!.slice(0, limits.quarantineRawChars), error: expect.stringContaining(why) },
    ])
    // The same again adds nothing; once it is fine, it is in the stream and no longer there.
    await store([bad])
    expect(await held()).toHaveLength(1)
    if (bad.id !== 'bad') return
    await store([{ ...thing('bad'), observedAt: '2026-01-02T00:00:00.000000Z' }])
    expect(await stored()).toEqual(['a', 'bad', 'c'])
    expect(await held()).toEqual([])
  })
})

test('a page of nothing but records that cannot be stored does not hold up the cursor', async () => {
  await using database = await createTestDatabase()
  const { store, quarantined, cursor } = await feed(database)
  const broken = (id: string) => ({ ...thing(id, '{'), value: { ms: 1_000 } })
  await store([broken('a'), broken('b'), thing('x\u0001', null)])
  expect(await quarantined()).toHaveLength(3)
  expect(await cursor()).toBe('2')
})

test('what JSON allows is stored exactly: NUL, half a character, numbers of any size', async () => {
  await using database = await createTestDatabase()
  const { store, quarantined } = await feed(database)
  const raws = [
    String.raw`{"id":"a","text":"\u0000 \ud800 \udc00x"}`,
    `{"id":"b","n":1e400000,"m":${'9'.repeat(2_000)}.1}`,
    `{"id":"c","c":1,"c":2,"":{"__proto__":null}}`,
  ]
  await store(['a', 'b', 'c'].map((id, at) => ({ ...thing(id, raws[at]), value: { id, ms: 1 } })))
  const rows = await database.sql<{ data: string }[]>`
    select data::text as data from record order by upstream_id`
  expect(rows.map(({ data }) => data)).toEqual(raws)
  expect(await quarantined()).toEqual([])
})

test('where nothing of a page can be taken in for another reason it is not the records: the cursor stays', async () => {
  await using database = await createTestDatabase()
  const { store, quarantined, cursor } = await feed(database)
  await database.sql`alter function stream_mended_v1 rename to elsewhere`
  await expect(store([thing('a'), thing('b')])).rejects.toMatchObject({ kind: 'bug' })
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
