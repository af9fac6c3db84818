import { expect, test } from 'vitest'
import { createTestDatabase } from '../test/support/database.ts'
import { makeSource, makeStream, observe, pageOf, recordsOf } from '../test/support/stream.ts'
import type { Sql } from '../src/db/pools.ts'
import { createLog } from '../src/log.ts'
import { writePage } from '../src/stream/write.ts'
import { trimStreams } from './housekeeping.ts'

/** A stream with one tombstone that is old enough to be forgotten. */
async function withTombstone(sql: Sql) {
  const stream = await makeStream(sql)
  const source = await makeSource(sql, stream)
  await writePage(sql, pageOf(stream, [observe(source, 'gone', { deleted: true })]))
  await sql`update record set changed_at = changed_at - interval '40 days' where stream_no = ${stream.streamNo}`
  return { ...stream, left: async () => (await recordsOf(sql, stream)).length }
}

test('G14: a stream that cannot be trimmed keeps no other from it, and is told of', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const streams = [await withTombstone(sql), await withTombstone(sql), await withTombstone(sql)]
  const stuck = streams[1]!
  await sql`create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end'`
  await sql.unsafe(
    `create trigger refuse before delete on record for each row when (old.stream_no = ${stuck.streamNo}) execute function refuse()`,
  )
  const lines: string[] = []
  const log = createLog({ logLevel: 'warn' }, { write: (line) => void lines.push(line) })
  const trim = async () => await trimStreams({ sql, log, over: () => false })
  await expect(trim()).rejects.toThrow('1 of 3 streams')
  expect(await Promise.all(streams.map(({ left }) => left()))).toEqual([0, 1, 0])
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { event: 'trim.stream_failed', streamNo: stuck.streamNo },
  ])
  await sql`drop trigger refuse on record`
  expect(await trim()).toBe(1)
})
