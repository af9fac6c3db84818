import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import { makeSource, makeStream, observe, pageOf, recordsOf } from '../../test/support/stream.ts'
import { trimStream } from './trim.ts'
import { writePage } from './write.ts'

const guide = readFileSync(join(import.meta.dirname, '../../docs/streams.md'), 'utf8')
const [, statements = ''] = /```sql partition\n([^`]+)```/.exec(guide) ?? []

test('after the statements of docs/streams.md the table is partitioned, holds what it held, and works as before', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const indexes = () => sql`
    select replace(replace(indexdef, ' ON ONLY ', ' ON '), 'public.', '') as def from pg_indexes
     where tablename = 'record' order by regexp_replace(indexdef, '^.* ON ', '')`
  const shape = () => sql`
    select column_name, data_type, collation_name, is_nullable, column_default
      from information_schema.columns where table_name = 'record' order by ordinal_position`
  const streams = await Promise.all(Array.from({ length: 8 }, () => makeStream(sql)))
  const scenes = await Promise.all(
    streams.map(async (stream) => ({ stream, source: await makeSource(sql, stream) })),
  )
  for (const { stream, source } of scenes) {
    await writePage(sql, pageOf(stream, [observe(source, 'a'), observe(source, 'b')]))
  }
  const [before, shapeBefore, indexesBefore] = [
    await Promise.all(streams.map((stream) => recordsOf(sql, stream))),
    await shape(),
    await indexes(),
  ]

  const operator = postgres(database.url, { max: 1, onnotice: () => {} })
  await operator.unsafe(statements).simple()
  await operator.end()

  expect(await Promise.all(streams.map((stream) => recordsOf(sql, stream)))).toEqual(before)
  expect(await shape()).toEqual(shapeBefore)
  expect((await indexes()).map(({ def }) => kindOf(def))).toEqual(
    indexesBefore.map(({ def }) => kindOf(def)),
  )
  const [{ n } = { n: 0 }] = await sql<{ n: number }[]>`
    select count(distinct tableoid)::int as n from record`
  expect(n).toBeGreaterThan(1)
  for (const { stream, source } of scenes) {
    const written = await writePage(
      sql,
      pageOf(stream, [
        observe(source, 'a', { at: 1, value: 1 }),
        observe(source, 'b', { at: 1 }),
        observe(source, 'c', { at: 1, deleted: true }),
      ]),
    )
    expect(written).toMatchObject({ inserted: 1, updated: 1, touched: 1 })
    await sql`update record set changed_at = changed_at - interval '40 days' where stream_no = ${stream.streamNo}`
    expect(
      await trimStream(sql, { streamNo: stream.streamNo, keepMs: 30 * 86_400_000 }),
    ).toMatchObject({
      count: 1,
    })
  }
})

/** Names differ (a primary key keeps the table's old name, say): what is unique over which columns does not. */
function kindOf(definition: string): string {
  return definition.replace(/INDEX \S+ ON/, 'INDEX ON')
}
