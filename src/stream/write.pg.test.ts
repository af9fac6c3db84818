// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSource, makeStream, observe, pageOf, recordsOf } from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { erasedHash, goneHash } from './hash.ts'
import { writePage } from './write.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

/** Every test has a stream of its own in the file's database. */
async function setUp(): Promise<{ stream: TestStream; source: TestSource }> {
  const stream = await makeStream(database.sql)
  return { stream, source: await makeSource(database.sql, stream) }
}

async function hintsOf(source: TestSource): Promise<string[]> {
  const rows = await database.sql<{ id: string }[]>`
    select upstream_id as id from touched where source_no = ${source.sourceNo} order by upstream_id`
  return rows.map(({ id }) => id)
}

describe('a page', () => {
  test('new records are appended in the order of the page', async () => {
    const { stream, source } = await setUp()
    const written = await writePage(
      database.sql,
      pageOf(
        stream,
        ['b', 'a', 'c'].map((id) => observe(source, id)),
      ),
    )
    expect(written).toEqual({
      lastIdx: 3,
      inserted: 3,
      updated: 0,
      touched: 0,
      stale: 0,
      hinted: 0,
    })
    expect((await recordsOf(database.sql, stream)).map(({ id, idx, no }) => [id, idx, no])).toEqual(
      [
        ['b', 1, 1],
        ['a', 2, 2],
        ['c', 3, 3],
      ],
    )
  })

  test('a changed record moves to the end and keeps its number', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a'), observe(source, 'b')]))
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 1, value: 1 })]))
    expect((await recordsOf(database.sql, stream)).map(({ id, idx, no }) => [id, idx, no])).toEqual(
      [
        ['b', 2, 2],
        ['a', 3, 1],
      ],
    )
  })

  test('of the same id twice the last wins', async () => {
    const { stream, source } = await setUp()
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { value: 1 }), observe(source, 'a', { value: 2 })]),
    )
    const records = await recordsOf(database.sql, stream)
    expect(records.map(({ data }) => data)).toEqual(['{"id":"a","value":2}'])
  })

  test('the same id in two collections is two records', async () => {
    const { stream, source } = await setUp()
    const other = await makeSource(database.sql, stream, {
      syncId: source.syncId,
      collectionId: 'acme:other',
    })
    const written = await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a'), observe(other, 'a')]),
    )
    expect(written.inserted).toBe(2)
  })

  test('the text of a body is kept as it was sent', async () => {
    const { stream, source } = await setUp()
    const raw = '{ "z": 9007199254740993, "a": 1.0, "\\u0000": "\\u0000", "10": 1, "9": 1e2 }'
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { raw })]))
    expect((await recordsOf(database.sql, stream))[0]!.data).toBe(raw)
  })

  test('upstream times keep their microseconds', async () => {
    const { stream, source } = await setUp()
    const createdUs = Date.UTC(2020, 1, 3) * 1000 + 123_456
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { createdUs })]))
    const [row] = await database.sql`
      select upstream_created_at as created, upstream_updated_at as updated from record where stream_no = ${stream.streamNo}`
    expect(row).toEqual({ created: '2020-02-03 00:00:00.123456+00', updated: null })
  })

  test.for([
    ['an empty id', { id: '' }],
    ['an id with control characters', { id: 'a\u001fb' }],
    ['a body that is no JSON', { raw: '{"a":' }],
    ['a live record without a body', { raw: null }],
  ] as const)('%s is refused before anything is written', async ([, fields]) => {
    const { stream, source } = await setUp()
    const page = pageOf(stream, [observe(source, 'good'), { ...observe(source, 'bad'), ...fields }])
    await expect(writePage(database.sql, page)).rejects.toMatchObject({
      kind: 'bug',
      code: 'unstorable-record',
    })
    expect(await recordsOf(database.sql, stream)).toEqual([])
  })
})

describe('an unchanged record', () => {
  test('G3: an unchanged record does not move, whatever its indentation and the order of its keys', async () => {
    const { stream, source } = await setUp()
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { raw: '{"id":"a","n":1}' })]),
    )
    const [before] = await recordsOf(database.sql, stream)
    const again = observe(source, 'a', { at: 1, raw: '{ "n" : 1,\n  "id": "a" }' })
    expect(await writePage(database.sql, pageOf(stream, [again]))).toMatchObject({
      lastIdx: null,
      touched: 1,
    })
    const [after] = await recordsOf(database.sql, stream)
    expect(after).toEqual({ ...before, observedAt: expect.stringContaining('00:00:01') })
  })

  test('G3: volatile keys alone do not move a record', async () => {
    const { stream, source } = await setUp()
    const look = (url: string, at: number) =>
      observe(source, 'a', { at, raw: `{"id":"a","url":"${url}"}`, volatile: ['url'] })
    await writePage(database.sql, pageOf(stream, [look('x', 0)]))
    expect((await writePage(database.sql, pageOf(stream, [look('y', 1)]))).lastIdx).toBeNull()
  })

  test('an unchanged page of a listing takes no transaction id and writes no WAL', async () => {
    const { stream, source } = await setUp()
    const page = (at: number) =>
      pageOf(stream, [observe(source, 'a', { at }), observe(source, 'b', { at })], {
        path: 'listing',
      })
    await writePage(database.sql, page(0))
    const [stored] = await recordsOf(database.sql, stream)
    const counted = await database.sql.begin(async (tx) => {
      const written = await writePage(tx as never, page(5))
      const [after] = await tx`
        select pg_current_xact_id_if_assigned() is null as no_xid,
               (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks`
      return { written, ...after }
    })
    expect(counted).toMatchObject({
      no_xid: true,
      locks: 0,
      written: { lastIdx: null, touched: 0 },
    })
    expect((await recordsOf(database.sql, stream))[0]).toEqual(stored)
  })

  test('on the change path it counts as stored: what was observed before cannot replace it', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 1, value: 'A' })]))
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 10, value: 'A' })]))
    const late = await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 5, value: 'B' })]),
    )
    expect(late).toMatchObject({ lastIdx: null, stale: 1 })
  })
})

describe('the same new content over two connections at once', () => {
  test('G3: whoever comes second finds it stored, and moves nothing', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a'), observe(source, 'b')]))
    const write = (at: number) =>
      writePage(database.sql, pageOf(stream, [observe(source, 'a', { at, value: 1 })]))
    // both have looked, without a lock, before either may write
    const turn = await database.sql.reserve()
    await turn`begin`
    await turn`select pg_advisory_xact_lock(7001, ${stream.streamNo})`
    const first = write(2)
    await expect.poll(() => waitingFor(stream)).toBe(1)
    const second = write(3)
    await expect.poll(() => waitingFor(stream)).toBe(2)
    await turn`commit`
    turn.release()
    expect(await first).toMatchObject({ updated: 1, touched: 0, lastIdx: 3 })
    expect(await second).toMatchObject({ updated: 0, touched: 1 })
    const records = await recordsOf(database.sql, stream)
    expect(records.map(({ id, idx }) => [id, idx])).toEqual([
      ['b', 2],
      ['a', 3],
    ])
  })
})

async function waitingFor(stream: TestStream): Promise<number> {
  const [row] = await database.sql<{ n: number }[]>`
    select count(*)::int as n from pg_locks
     where locktype = 'advisory' and classid = 7001 and objid = ${stream.streamNo} and not granted
       and database = (select oid from pg_database where datname = current_database())`
  return row!.n
}

describe('G2: order of observations', () => {
  test('G2: an older observation never replaces a newer one', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 2, value: 2 })]))
    for (const path of ['change', 'listing'] as const) {
      const written = await writePage(
        database.sql,
        pageOf(stream, [observe(source, 'a', { at: 1, value: 1 })], { path }),
      )
      expect(written).toMatchObject({ lastIdx: null, stale: 1 })
    }
    expect((await recordsOf(database.sql, stream))[0]!.data).toContain('"value":2')
  })

  test('G2: where both have a version the larger one wins, whenever it was observed', async () => {
    const { stream, source } = await setUp()
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 2, value: 1, version: 7n })]),
    )
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 3, value: 2, version: 6n })]),
    )
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 1, value: 3, version: 8n })]),
    )
    const [record] = await recordsOf(database.sql, stream)
    expect(record).toMatchObject({ version: '8', data: '{"id":"a","value":3}' })
  })

  test('G2: an observation from the future counts as now, and the next one beats it', async () => {
    const { stream, source } = await setUp()
    const future = { ...observe(source, 'a', { value: 1 }), observedAt: '2999-01-01T00:00:00Z' }
    await writePage(database.sql, pageOf(stream, [future]))
    const now = { ...observe(source, 'a', { value: 2 }), observedAt: '2998-01-01T00:00:00Z' }
    expect(await writePage(database.sql, pageOf(stream, [now]))).toMatchObject({ updated: 1 })
  })

  test('a stored time ahead of the clock is worth nothing', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { value: 1 })]))
    await database.sql`update record set observed_at = now() + interval '1 day' where stream_no = ${stream.streamNo}`
    expect(
      await writePage(database.sql, pageOf(stream, [observe(source, 'a', { value: 2 })])),
    ).toMatchObject({ updated: 1 })
  })

  test('what is refused as older on the change path becomes a hint; from a listing it does not', async () => {
    const { stream, source } = await setUp()
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 2 }), observe(source, 'b', { at: 2 })]),
    )
    const older = [observe(source, 'a', { at: 1, value: 'x' }), observe(source, 'b', { at: 1 })]
    expect(await writePage(database.sql, pageOf(stream, older, { path: 'listing' }))).toMatchObject(
      { hinted: 0, stale: 1 },
    )
    expect(await writePage(database.sql, pageOf(stream, older))).toMatchObject({
      hinted: 1,
      stale: 1,
    })
    expect(await hintsOf(source)).toEqual(['a'])
  })

  test('a tie with different content becomes a hint', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 1, value: 1 })]))
    expect(
      await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 1, value: 2 })])),
    ).toMatchObject({
      stale: 1,
      hinted: 1,
    })
  })
})

describe('tombstones', () => {
  test('a delete moves the record to the end and keeps its data', async () => {
    const { stream, source } = await setUp()
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { value: 5 }), observe(source, 'b')]),
    )
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 1, deleted: true })]))
    expect((await recordsOf(database.sql, stream)).at(-1)).toMatchObject({
      id: 'a',
      no: 1,
      deleted: true,
      hash: goneHash,
      data: '{"id":"a","value":5}',
    })
  })

  test('a delete of an unknown id leaves a tombstone, so that an older page does not bring it to life', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 2, deleted: true })]))
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 1 })], { path: 'listing' }),
    )
    expect(await recordsOf(database.sql, stream)).toMatchObject([
      { id: 'a', deleted: true, data: '{}' },
    ])
  })

  test('a newer observation on the change path resurrects: same number, at the end', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a'), observe(source, 'b')]))
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 1, deleted: true })]))
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 2, value: 'new' })]))
    expect((await recordsOf(database.sql, stream)).at(-1)).toMatchObject({
      id: 'a',
      no: 1,
      deleted: false,
    })
  })

  test('a listing never resurrects on the clock alone: the id becomes a hint', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 1, deleted: true })]))
    const written = await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 9 })], { path: 'listing' }),
    )
    expect(written).toMatchObject({ lastIdx: null, hinted: 1 })
    expect(await hintsOf(source)).toEqual(['a'])
    expect((await recordsOf(database.sql, stream))[0]!.deleted).toBe(true)
  })

  test('a listing resurrects where the version says so', async () => {
    const { stream, source } = await setUp()
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 1, deleted: true, version: 3n })]),
    )
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 2, version: 4n })], { path: 'listing' }),
    )
    expect((await recordsOf(database.sql, stream))[0]!.deleted).toBe(false)
  })

  test('a privacy request erases the last state to its id, and a later plain delete adds nothing', async () => {
    const { stream, source } = await setUp()
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { value: 'secret' })]))
    await writePage(database.sql, pageOf(stream, [observe(source, 'a', { at: 1, erased: true })]))
    const again = await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'a', { at: 2, deleted: true })]),
    )
    expect(again.lastIdx).toBeNull()
    expect(await recordsOf(database.sql, stream)).toMatchObject([
      { data: '{"id":"a"}', hash: erasedHash, deleted: true },
    ])
  })
})
