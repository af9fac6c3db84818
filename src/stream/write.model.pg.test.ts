// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSource, makeStream, observe, pageOf, recordsOf } from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { writePage } from './write.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

/** What one look says: a value, or a delete. `at` is the second it was granted. */
type Look = {
  id: string
  at: number
  value: number
  fate: 'live' | 'deleted' | 'erased'
  version: bigint | null
}
type ModelPage = { path: 'listing' | 'change'; looks: Look[] }

const look = fc.record<Look>({
  id: fc.constantFrom('a', 'b', 'c'),
  at: fc.integer({ min: 0, max: 20 }),
  value: fc.integer({ min: 0, max: 2 }),
  fate: fc.constantFrom('live', 'live', 'live', 'deleted', 'erased'),
  version: fc.option(fc.bigInt({ min: 1n, max: 4n }), { freq: 2 }),
})
const page = fc.record<ModelPage>({
  path: fc.constantFrom('listing', 'change'),
  looks: fc.array(look, { minLength: 1, maxLength: 6 }),
})

function toObservation(source: TestSource, { id, at, value, fate, version }: Look) {
  return observe(source, id, {
    at,
    value,
    version,
    deleted: fate !== 'live',
    erased: fate === 'erased',
  })
}

/** The rules of stream.md in memory: what is stored of one record. */
type Stored = {
  content: string
  data: string
  deleted: boolean
  at: number
  version: bigint | null
  idx: number
}

class Model {
  stored = new Map<string, Stored>()
  hints = new Set<string>()
  #head = 0

  write({ path, looks }: ModelPage): void {
    const last = new Map(looks.map((one, position) => [one.id, position]))
    const effective = looks.filter((one, position) => last.get(one.id) === position)
    for (const one of effective) this.#observe(path, one)
  }

  #observe(path: 'listing' | 'change', one: Look): void {
    const stored = this.stored.get(one.id)
    if (stored === undefined) {
      this.stored.set(one.id, {
        ...one,
        content: contentOf(one),
        data: dataOf(one, '{}'),
        deleted: one.fate !== 'live',
        idx: ++this.#head,
      })
      return
    }
    const comparable =
      one.version !== null && stored.version !== null && one.version !== stored.version
    const newer = comparable ? one.version! > stored.version! : one.at > stored.at
    const same = contentOf(one) === stored.content || (stored.deleted && one.fate === 'deleted')
    if (path === 'listing' && stored.deleted && one.fate === 'live' && !comparable) {
      if (one.at >= stored.at) this.hints.add(one.id)
      return
    }
    if (!newer) {
      if (!same && path === 'change') this.hints.add(one.id)
      return
    }
    if (same && path === 'listing') return
    const seen = { at: Math.max(stored.at, one.at), version: one.version }
    if (same) {
      this.stored.set(one.id, { ...stored, ...seen })
      return
    }
    this.stored.set(one.id, {
      ...seen,
      content: contentOf(one),
      data: dataOf(one, stored.data),
      deleted: one.fate !== 'live',
      idx: ++this.#head,
    })
  }

  view() {
    return [...this.stored]
      .sort(([, a], [, b]) => a.idx - b.idx)
      .map(([id, { data, deleted, at, version }]) => ({
        id,
        data,
        deleted,
        at,
        version: version === null ? null : String(version),
      }))
  }
}

function contentOf({ fate, value }: Look): string {
  return fate === 'live' ? `live ${value}` : fate
}

function dataOf({ id, fate, value }: Look, before: string): string {
  if (fate === 'erased') return JSON.stringify({ id })
  return fate === 'deleted' ? before : JSON.stringify({ id, value })
}

async function view(stream: TestStream) {
  const start = Date.UTC(2026, 0, 1)
  return (await recordsOf(database.sql, stream)).map(
    ({ id, data, deleted, observedAt, version }) => {
      return { id, data, deleted, at: (Date.parse(observedAt) - start) / 1000, version }
    },
  )
}

async function setUp(): Promise<{ stream: TestStream; source: TestSource }> {
  const stream = await makeStream(database.sql)
  return { stream, source: await makeSource(database.sql, stream) }
}

test('G2 G3: pages of any kind, one after the other, leave what the model says: states, order, versions, hints', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(page, { minLength: 1, maxLength: 8 }), async (pages) => {
      const { stream, source } = await setUp()
      const model = new Model()
      for (const one of pages) {
        await writePage(
          database.sql,
          pageOf(
            stream,
            one.looks.map((each) => toObservation(source, each)),
            { path: one.path },
          ),
        )
        model.write(one)
        expect(await view(stream)).toEqual(model.view())
      }
      const hints = await database.sql<{ id: string }[]>`
        select upstream_id as id from touched where source_no = ${source.sourceNo} order by 1`
      expect(hints.map(({ id }) => id)).toEqual([...model.hints].sort())
    }),
    { numRuns: 150 },
  )
})

/** Looks whose times differ, so that one of them is the newest. */
const distinctLooks = fc
  .uniqueArray(look, { minLength: 2, maxLength: 24, selector: ({ at, id }) => `${id} ${at}` })
  .map((looks) => looks.map((one) => ({ ...one, version: null })))

test('G2: pages of the change path that arrive in any order, on four connections at once, leave the newest look', async () => {
  await fc.assert(
    fc.asyncProperty(distinctLooks, fc.integer({ min: 1, max: 4 }), async (looks, size) => {
      const { stream, source } = await setUp()
      const pages: Look[][] = []
      for (let from = 0; from < looks.length; from += size)
        pages.push(looks.slice(from, from + size))
      await Promise.all(
        pages.map(async (each) =>
          writePage(
            database.sql,
            pageOf(
              stream,
              newestLast(each).map((one) => toObservation(source, one)),
            ),
          ),
        ),
      )
      const newest = new Map(newestLast(looks).map((one) => [one.id, one]))
      for (const record of await recordsOf(database.sql, stream)) {
        const expected = newest.get(record.id)!
        expect(record.deleted).toBe(expected.fate !== 'live')
        if (expected.fate === 'live')
          expect(JSON.parse(record.data)).toEqual({ id: record.id, value: expected.value })
      }
      expect(await recordsOf(database.sql, stream)).toHaveLength(newest.size)
    }),
    { numRuns: 100 },
  )
})

/** All rows of one request go in one page, the last wins: within a page the newest comes last. */
function newestLast(looks: Look[]): Look[] {
  return looks.toSorted((a, b) => a.at - b.at)
}
