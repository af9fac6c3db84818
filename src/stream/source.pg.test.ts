import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSource, makeStream } from '../../test/support/stream.ts'
import type { TestStream } from '../../test/support/stream.ts'
import { beginGeneration } from './checkpoint.ts'
import {
  block,
  noteChecked,
  noteError,
  noteWaiting,
  setPhase,
  sourcesOf,
  unblock,
} from './source.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

async function revisionOf({ streamNo }: TestStream): Promise<number> {
  const [row] = await database.sql<{ rev: number }[]>`
    select source_rev::int as rev from stream where stream_no = ${streamNo}`
  return row!.rev
}

test('G4: the revision of a stream moves once a statement that makes, changes or drops sources', async () => {
  const stream = await makeStream(database.sql)
  const syncId = randomUUID()
  await database.sql`
    insert into source (stream_no, sync_id, collection_id, provider)
    select ${stream.streamNo}, ${syncId}, 'acme:' || n, 'acme' from generate_series(1, 50) n`
  expect(await revisionOf(stream)).toBe(1)
  await database.sql`update source set metadata = '{"a":1}' where sync_id = ${syncId}`
  expect(await revisionOf(stream)).toBe(2)
  await database.sql`delete from source where sync_id = ${syncId}`
  expect(await revisionOf(stream)).toBe(3)
})

test('it does not move for what filters do not read, nor for a change to the same value', async () => {
  const stream = await makeStream(database.sql)
  const { sourceNo } = await makeSource(database.sql, stream)
  const before = await revisionOf(stream)
  await setPhase(database.sql, sourceNo, 'live')
  await noteChecked(database.sql, [sourceNo], { changed: true, everyMs: 1_000 })
  await database.sql`update source set metadata = metadata, external_id = external_id where source_no = ${sourceNo}`
  expect(await revisionOf(stream)).toBe(before)
})

test('a source that moves between streams moves the revision of both', async () => {
  const [from, to] = [await makeStream(database.sql), await makeStream(database.sql)]
  const { sourceNo } = await makeSource(database.sql, from)
  await database.sql`update source set stream_no = ${to.streamNo} where source_no = ${sourceNo}`
  expect([await revisionOf(from), await revisionOf(to)]).toEqual([2, 1])
})

test('a blocked collection says why and when it is looked at again, and goes on where it was', async () => {
  const { sourceNo, syncId } = await makeSource(database.sql, await makeStream(database.sql))
  await block(database.sql, sourceNo, {
    kind: 'permanent',
    reason: 'The key may not read things.',
    probeMs: 60_000,
  })
  const [blocked] = await sourcesOf(database.sql, syncId)
  expect(blocked).toMatchObject({
    phase: 'blocked',
    blockedKind: 'permanent',
    blockedReason: 'The key may not read things.',
  })
  expect(blocked!.probeDueInMs).toBeGreaterThan(50_000)
  await unblock(database.sql, sourceNo)
  expect((await sourcesOf(database.sql, syncId))[0]).toMatchObject({
    phase: 'waiting',
    blockedKind: null,
    probeDueInMs: null,
  })
})

test('an error stays with the time of the first, until somebody looks and all is well', async () => {
  const { sourceNo } = await makeSource(database.sql, await makeStream(database.sql))
  const state = async () =>
    (
      await database.sql`select error_message, error_at from source where source_no = ${sourceNo}`
    )[0]!
  await noteError(database.sql, [sourceNo], 'first')
  const first = await state()
  await noteError(database.sql, [sourceNo], 'second')
  expect(await state()).toEqual({ error_message: 'second', error_at: first.error_at })
  await noteChecked(database.sql, [sourceNo], { changed: false, everyMs: 1_000 })
  expect(await state()).toEqual({ error_message: null, error_at: null })
})

test('G14: being told to wait is shown once no page has come for minutes', async () => {
  const source = await makeSource(database.sql, await makeStream(database.sql))
  const { sourceNo } = source
  const shown = async () => {
    await noteWaiting(database.sql, sourceNo, 'The provider asks to slow down.')
    const [row] = await database.sql<{ message: string | null }[]>`
      select error_message as message from source where source_no = ${sourceNo}`
    return row!.message
  }
  const waits = (column: 'created_at' | 'moved_at', minutes: number) => database.sql`
    update checkpoint set ${database.sql(column)} = clock_timestamp() - ${minutes}::int * interval '1 minute'
     where source_no = ${sourceNo}`
  expect(await shown()).toBeNull()
  await beginGeneration(database.sql, { ...source, ranges: [{ loMs: null, hiMs: null }] })
  expect(await shown()).toBeNull()
  await waits('created_at', 30)
  await waits('moved_at', 1)
  expect(await shown()).toBeNull()
  await waits('moved_at', 3)
  expect(await shown()).toBe('The provider asks to slow down.')
})
