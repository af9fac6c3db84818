import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSync } from '../../test/support/sync.ts'
import { observe, pageOf } from '../../test/support/stream.ts'
import { coverageOf } from '../store/sources.ts'
import { beginGeneration, claim, openRanges } from './checkpoint.ts'
import { finishEnumeration } from './enumerate.ts'
import { sourcesOf } from './source.ts'
import { dueTouched } from './touched.ts'
import { writePage } from './write.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

type State = Record<string, number>

/** A sync of one collection that was enumerated once and holds these values. */
async function compared(state: State) {
  const { sql } = database
  const sync = await makeSync(sql)
  const [source] = await sourcesOf(sql, sync.syncId)
  const { sourceNo, streamNo } = source!
  let second = 0

  const see = (values: State, at: number) =>
    Object.entries(values).map(([id, value]) => observe({ sourceNo }, id, { value, at }))

  async function enumerate(pages: State[], beside: () => Promise<void> = async () => undefined) {
    second += 10
    const generation = await beginGeneration(sql, {
      syncId: sync.syncId,
      sourceNo,
      streamNo,
      collectionId: 'acme:thing',
      ranges: [{ loMs: null, hiMs: null }],
    })
    const { backfilled } = (await sourcesOf(sql, sync.syncId))[0]!
    const [range] = await openRanges(sql, { sourceNo })
    const { fence } = await claim(sql, range!.checkpointNo)
    const seen = { sourceNo, generation, rangeNo: range!.rangeNo }
    for (const page of pages) {
      const written = { path: 'listing', fence, cursor: 1, seen, compares: backfilled } as const
      await writePage(sql, pageOf(sync, see(page, second), written))
    }
    await beside()
    await writePage(sql, pageOf(sync, [], { path: 'listing', fence, cursor: 2, done: true, seen }))
    const bounds = { boundsFromMs: null, deletable: true, byId: true, nextDueMs: 60_000 }
    await finishEnumeration(sql, { ...bounds, streamNo, sourceNo, generation })
  }

  await enumerate([state])
  return {
    enumerate,
    /** A page of the feed that tells of changes since then. */
    async told(values: State, { gone = [] as string[], sinceMs = 0, at = ++second } = {}) {
      const deletes = gone.map((id) => observe({ sourceNo }, id, { deleted: true, at }))
      const observations = [...see(values, at), ...deletes]
      await writePage(sql, pageOf(sync, observations, { tellsSinceMs: sinceMs }))
    },
    async hinted(ids: string[], sinceMs = 0) {
      const hints = ids.map((id) => ({ sourceNo, id }))
      await writePage(sql, pageOf(sync, [], { hints, tellsSinceMs: sinceMs }))
    },
    /** The drain asks the provider for each hint: these are gone there. */
    async drain(gone: string[]) {
      second += 1
      const looked = await dueTouched(sql, { syncId: sync.syncId, limit: 1_000 })
      const observations = looked
        .filter(({ id }) => gone.includes(id))
        .map(({ id }) => observe({ sourceNo }, id, { deleted: true, at: second }))
      await writePage(sql, pageOf(sync, observations, { looked }))
    },
    async coverage() {
      const [row] = await coverageOf(database.pools.db, sync.tenantId, sync.syncId)
      const { repaired, tombstoned, open } = row!
      return { repaired, tombstoned, open }
    },
  }
}

const nothing = { repaired: 0, tombstoned: 0, open: 0 }

test('a first enumeration repairs nothing', async () => {
  const scene = await compared({ a: 1, b: 1 })
  expect(await scene.coverage()).toEqual(nothing)
})

test('what no feed told of is repaired: a change, and a record that was never seen', async () => {
  const scene = await compared({ a: 1, b: 1 })
  await scene.enumerate([{ a: 2 }, { b: 1, c: 1 }])
  expect(await scene.coverage()).toEqual({ ...nothing, repaired: 2 })
})

test('what a listing shows before the feed tells of it is no repair', async () => {
  const scene = await compared({ a: 1, b: 1, c: 1 })
  await scene.enumerate([{ a: 2, b: 2, c: 2 }], async () => {
    await scene.told({ a: 2 })
    await scene.hinted(['b'])
  })
  expect(await scene.coverage()).toEqual({ ...nothing, repaired: 1 })
  await scene.told({ c: 2 })
  expect(await scene.coverage()).toMatchObject({ repaired: 0 })
})

test('a later change takes no repair back', async () => {
  const scene = await compared({ a: 1 })
  await scene.enumerate([{ a: 2 }])
  await scene.told({ a: 3 }, { sinceMs: Date.now() + 60_000 })
  expect(await scene.coverage()).toEqual({ ...nothing, repaired: 1 })
})

test('what is missing is open until it was asked for by id, and a tombstone only if it is gone', async () => {
  const scene = await compared({ a: 1, b: 1, c: 1 })
  await scene.enumerate([{ a: 1 }])
  expect(await scene.coverage()).toEqual({ ...nothing, open: 2 })
  await scene.drain(['b'])
  expect(await scene.coverage()).toEqual({ ...nothing, tombstoned: 1 })
})

test('a change that is read late takes back no finding of a record that is gone, a delete does', async () => {
  const scene = await compared({ a: 1, b: 1, c: 1 })
  await scene.enumerate([{ a: 1 }])
  await scene.told({ b: 1 }, { gone: ['c'] })
  await scene.drain(['b', 'c'])
  expect(await scene.coverage()).toEqual({ ...nothing, tombstoned: 1 })
  await scene.told({ b: 1 }, { at: 1 })
  await scene.drain(['b'])
  expect(await scene.coverage()).toEqual({ ...nothing, tombstoned: 1 })
  await scene.told({}, { gone: ['b'] })
  expect(await scene.coverage()).toEqual(nothing)
})

test('the numbers stand while the next enumeration runs, and are its own afterwards', async () => {
  const scene = await compared({ a: 1, b: 1 })
  await scene.enumerate([{ a: 2 }])
  await scene.drain(['b'])
  const before = { ...nothing, repaired: 1, tombstoned: 1 }
  await scene.enumerate([{ a: 2 }], async () => {
    expect(await scene.coverage()).toEqual(before)
  })
  expect(await scene.coverage()).toEqual(nothing)
})

const values = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(2), {
  noNullPrototype: true,
})

test('repaired and tombstoned are the differences that nothing told of, whatever happens beside', async () => {
  await fc.assert(
    fc.asyncProperty(
      values,
      values,
      fc.subarray(['a', 'b', 'c', 'd', 'e']),
      async (here, there, told) => {
        const scene = await compared(here)
        await scene.enumerate([there], async () => await scene.hinted(told))
        await scene.drain(Object.keys(here).filter((id) => !(id in there)))
        const different = Object.keys(there).filter((id) => there[id] !== here[id])
        const gone = Object.keys(here).filter((id) => !(id in there))
        expect(await scene.coverage()).toEqual({
          repaired: different.filter((id) => !told.includes(id)).length,
          // a delete that is told of only later counts until then
          tombstoned: gone.length,
          open: 0,
        })
      },
    ),
    { numRuns: 40 },
  )
})
