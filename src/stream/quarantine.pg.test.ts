import { expect, test } from 'vitest'
import { limits } from '../domain/limits.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSync } from '../../test/support/sync.ts'
import { observe, pageOf } from '../../test/support/stream.ts'
import { beginGeneration, openRanges } from './checkpoint.ts'
import { finishEnumeration } from './enumerate.ts'
import type { Refused } from './quarantine.ts'
import { askAgain, quarantine } from './quarantine.ts'
import { sourcesOf } from './source.ts'
import { writePage } from './write.ts'

async function setUp(database: TestDatabase) {
  const { sql } = database
  const sync = await makeSync(sql)
  const source = (await sourcesOf(sql, sync.syncId))[0]!
  const { sourceNo } = source
  const refused = (id: string, more: Partial<Refused> = {}): Refused => ({
    sourceNo,
    id,
    raw: '{"id":',
    error: 'It is no JSON.',
    observedAt: '2026-01-01T00:00:10Z',
    ...more,
  })
  return {
    sql,
    sync,
    source,
    refused,
    async held() {
      const rows = await sql<{ id: string; named: boolean; raw: string; bytes: number }[]>`
        select upstream_id as id, named, raw, raw_bytes as bytes from quarantine order by 1`
      return [...rows]
    },
    ids: async () =>
      (await sql<{ id: string }[]>`select upstream_id as id from quarantine order by 1`).map(
        ({ id }) => id,
      ),
    hints: async () =>
      (await sql<{ id: string }[]>`select upstream_id as id from touched order by 1`).map(
        ({ id }) => id,
      ),
  }
}

test('a record is kept as it came: text that is no JSON too, of a long one the beginning', async () => {
  await using database = await createTestDatabase()
  const { sql, refused, held } = await setUp(database)
  const long = 'ä'.repeat(limits.quarantineRawChars + 1)
  await quarantine(sql, [
    refused('a'),
    refused('b', { raw: long }),
    refused('c', { raw: '\u0000{' }),
  ])
  expect(await held()).toEqual([
    { id: 'a', named: true, raw: '{"id":', bytes: 6 },
    { id: 'b', named: true, raw: long.slice(1), bytes: 2 * long.length },
    { id: 'c', named: true, raw: '\\u0000{', bytes: 2 },
  ])
})

test('what has no id that can be stored has a name, the same at each look', async () => {
  await using database = await createTestDatabase()
  const { sql, refused, held } = await setUp(database)
  const ids = ['', 'a\u0000b', 'x'.repeat(5_000), '\ud800']
  for (let looks = 0; looks < 2; looks++)
    await quarantine(
      sql,
      ids.map((id) => refused(id)),
    )
  await quarantine(sql, [refused('', { raw: '{}' })])
  const rows = await held()
  expect(rows.filter(({ named }) => !named)).toHaveLength(ids.length + 1)
  expect(rows.every(({ id }) => id !== '' && id.length < 100)).toBe(true)
})

test('a record leaves once a later look at it is stored, not by an older one', async () => {
  await using database = await createTestDatabase()
  const { sql, sync, source, refused, ids } = await setUp(database)
  await quarantine(sql, [refused('a'), refused('b'), refused('c')])
  await writePage(
    sql,
    pageOf(sync, [observe(source, 'a', { at: 5 }), observe(source, 'd', { at: 5 })]),
  )
  expect(await ids()).toEqual(['a', 'b', 'c'])
  const page = pageOf(sync, [
    observe(source, 'a', { at: 11 }),
    observe(source, 'c', { at: 11, deleted: true }),
  ])
  await writePage(sql, page)
  expect(await ids()).toEqual(['b'])
})

test('records in quarantine are asked for again by their ids', async () => {
  await using database = await createTestDatabase()
  const { sql, sync, refused, hints } = await setUp(database)
  await quarantine(sql, [refused('a'), refused('b'), refused('')])
  expect(await askAgain(sql, sync.syncId)).toBe(2)
  expect(await hints()).toEqual(['a', 'b'])
})

test.each([
  ['is asked for by its id', true, ['gone', 'met'], ['gone']],
  ['is gone where nobody can ask for it', false, ['met'], []],
])('what a whole enumeration has not met again %s', async (_name, byId, left, asked) => {
  await using database = await createTestDatabase()
  const { sql, sync, source, refused, ids, hints } = await setUp(database)
  await quarantine(sql, [refused('gone'), refused('met'), refused('')])
  const ranges = [{ loMs: null, hiMs: null }]
  const generation = await beginGeneration(sql, { ...source, syncId: sync.syncId, ranges })
  await quarantine(sql, [refused('met')])
  await sql`update checkpoint set done_at = clock_timestamp()`
  expect(await openRanges(sql, source)).toEqual([])
  const { streamNo, sourceNo } = source
  const how = { boundsFromMs: null, deletable: true, byId, nextDueMs: 1_000 }
  await finishEnumeration(sql, { streamNo, sourceNo, generation, ...how })
  expect(await ids()).toEqual(left)
  expect(await hints()).toEqual(asked)
})
