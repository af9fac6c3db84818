import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSync } from '../../test/support/sync.ts'
import type { Limit } from '../connectors/connector.ts'
import type { Priority } from './bucket.ts'
import { needsOf, reach } from './bucket.ts'
import type { Waiter } from './lane.ts'
import { askOf as askOfLane, createLane, hungryAfterMs } from './lane.ts'
import type { Ask, SyncAt, Taken } from './take.ts'
import { quotaTake } from './take.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

test('G10: whenever granted starts are used, no window of a limit holds more than it allows', async () => {
  const limit = fc.record({
    allowed: fc.integer({ min: 1, max: 300 }),
    intervalMs: fc.constantFrom(1000, 2000, 10_000),
  })
  const ask = fc.record({
    bucket: fc.constantFrom('a', 'b', null),
    count: fc.integer({ min: 1, max: 60 }),
    priority: fc.constantFrom<Priority[]>('mutation', 'refetch', 'changes', 'backfill'),
  })
  const rounds = fc.array(fc.array(ask, { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(limit, limit, rounds, async (overall, own, rounds) => {
      const { credentialId } = await makeSync(database.sql, [])
      const limits = [limitOf(null, overall), limitOf('a', own)]
      const uses: { bucket: string | null; from: number; to: number }[] = []
      // two at a time: the ledger serves processes that race
      for (let at = 0; at < rounds.length; at += 2) {
        await Promise.all(
          rounds.slice(at, at + 2).map(async (round) => {
            const asks = round.map(({ bucket, count, priority }) =>
              askOf(limits, bucket, count, priority),
            )
            const taken = await quotaTake(database.sql, credentialId, asks)
            taken.answers.forEach(({ starts }, index) => {
              const { bucket } = round[index]!
              const { lateMs } = needsOf(limits, bucket)
              for (const { atMs, earlyMs } of starts)
                uses.push({ bucket, from: atMs, to: atMs + earlyMs + lateMs })
            })
          }),
        )
      }
      expect(mostInWindow(uses, overall.intervalMs)).toBeLessThanOrEqual(overall.allowed)
      const ofA = uses.filter(({ bucket }) => bucket === 'a')
      expect(mostInWindow(ofA, own.intervalMs)).toBeLessThanOrEqual(own.allowed)
    }),
    { numRuns: 40 },
  )
})

test('G10: a limit is used to 95 % and more by whoever always wants', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const limits = [limitOf(null, { allowed: 100, intervalMs: 1000 })]
  const first = await ask(credentialId, limits, 'backfill', 500)
  await ask(credentialId, limits, 'backfill', 500)
  const [row] = await database.sql<{ spacing_us: string }[]>`
    select spacing_us from quota where credential_id = ${credentialId}`
  expect(1_000_000 / Number(row!.spacing_us)).toBeGreaterThan(95)
  expect(first.starts.length).toBeGreaterThan(15)
  expect(first.waitMs).toBeGreaterThan(0)
})

test('a start that only a narrower bucket makes wait is not promised ahead, because it would leave a hole in the wider one', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const limits = [
    limitOf(null, { allowed: 80, intervalMs: 1000 }),
    limitOf('a', { allowed: 20, intervalMs: 1000 }),
  ]
  const taken = await quotaTake(database.sql, credentialId, [askOf(limits, 'a', 10, 'backfill')])
  const { starts, waitMs } = taken.answers[0]!
  expect(starts.map(({ atMs }) => atMs)).toEqual([taken.nowMs])
  expect(waitMs).toBeGreaterThan(30)
  const other = await quotaTake(database.sql, credentialId, [askOf(limits, null, 1, 'backfill')])
  expect(other.answers[0]!.starts).toHaveLength(1)
})

test('asks of one call take turns, and the most urgent begins', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const limits = [limitOf(null, { allowed: 40, intervalMs: 1000 })]
  const asks = [askOf(limits, null, 50, 'backfill'), askOf(limits, 'x', 50, 'backfill')]
  const { answers } = await quotaTake(database.sql, credentialId, asks)
  const [a, b] = answers.map(({ starts }) => starts.length) as [number, number]
  expect(a - b).toBeGreaterThanOrEqual(0)
  expect(a - b).toBeLessThanOrEqual(1)
})

test('what backfills take ahead leaves a fifth to the others, and each priority reaches further than the next', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const limits = [limitOf(null, { allowed: 1000, intervalMs: 1000 })]
  const { starts } = await ask(credentialId, limits, 'backfill', 1000)
  expect(starts.at(-1)!.atMs - starts[0]!.atMs).toBeLessThanOrEqual(0.8 * reach.mutation.horizonMs)
  for (const priority of ['changes', 'refetch', 'mutation'] as const) {
    const more = await ask(credentialId, limits, priority, 1000)
    expect(more.starts.length, priority).toBeGreaterThan(5)
  }
})

test('where changes take all that is in their reach, a backfill that got nothing for long gets one start', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const limits = [limitOf(null, { allowed: 100, intervalMs: 1000 })]
  await ask(credentialId, limits, 'changes', 500)
  const lane = createLane(null, 'backfill', needsOf(limits, null))
  lane.waiters = Array.from({ length: 5 }, () => ({}) as Waiter)
  const answer = async (hungry: boolean) =>
    (await quotaTake(database.sql, credentialId, [askOfLane(lane, 0, hungry)])).answers[0]!
  expect((await answer(false)).starts).toHaveLength(0)
  expect((await answer(true)).starts).toHaveLength(1)
  expect(hungryAfterMs(lane)).toBeCloseTo(104.5, 0)
})

test('starts that a killed process had taken ahead are lost within a quarter of a second, and no longer', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const limits = [limitOf(null, { allowed: 100, intervalMs: 1000 })]
  await ask(credentialId, limits, 'backfill', 500)
  const [row] = await database.sql<{ ahead: number }[]>`
    select (tat_us / 1000000.0 - extract(epoch from clock_timestamp()))::float8 as ahead from quota
     where credential_id = ${credentialId}`
  expect(row!.ahead).toBeLessThan(0.25)
})

test('a raised allowance counts at once, however long the turn was that it replaces', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const slow = [limitOf(null, { allowed: 1, intervalMs: 3_600_000 })]
  await ask(credentialId, slow, 'changes', 1)
  expect((await ask(credentialId, slow, 'changes', 1)).waitMs).toBeGreaterThan(3_000_000)
  const fast = [limitOf(null, { allowed: 1000, intervalMs: 1000 })]
  expect((await ask(credentialId, fast, 'changes', 1)).starts).toHaveLength(1)
})

test('several limits of one bucket hold together', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const limits = [
    limitOf(null, { allowed: 1000, intervalMs: 1000 }),
    limitOf(null, { allowed: 3, intervalMs: 60_000 }),
  ]
  const { starts } = await ask(credentialId, limits, 'mutation', 20)
  expect(starts.length).toBeLessThanOrEqual(1)
})

test('G8: a sync that is paused, or asks under an older epoch, gets nothing; others of the same call do', async () => {
  const { credentialId, syncId } = await makeSync(database.sql, [])
  const limits = [limitOf(null, { allowed: 1000, intervalMs: 1000 })]
  const now = { syncId, epoch: 1 }
  const older = { syncId, epoch: 0 }
  const asks = [now, older, null].map((sync) => askOf(limits, null, 1, 'changes', sync))
  const before = await quotaTake(database.sql, credentialId, asks)
  expect(before.answers.map(({ stopped }) => stopped)).toEqual([false, true, false])
  await database.sql`update syncs set status = 'paused' where id = ${syncId}`
  const after = await quotaTake(database.sql, credentialId, asks)
  expect(after.answers.map(({ stopped, starts }) => [stopped, starts.length])).toEqual([
    [true, 0],
    [true, 0],
    [false, 1],
  ])
})

function limitOf(
  bucket: string | null,
  { allowed, intervalMs }: { allowed: number; intervalMs: number },
): Limit {
  return { bucket, allowed, intervalMs, maxConcurrent: null }
}

function askOf(
  limits: Limit[],
  bucket: string | null,
  count: number,
  priority: Priority,
  sync: SyncAt | null = null,
): Ask {
  const { horizonMs, share } = reach[priority]
  return { buckets: needsOf(limits, bucket).buckets, count, horizonMs, share, sync }
}

async function ask(
  credentialId: string,
  limits: Limit[],
  priority: Priority,
  count: number,
): Promise<Taken['answers'][0]> {
  const taken = await quotaTake(database.sql, credentialId, [askOf(limits, null, count, priority)])
  return taken.answers[0]!
}

/** However unluckily each is used within its time: the most that a window can hold is the most that touch one. */
function mostInWindow(uses: { from: number; to: number }[], windowMs: number): number {
  // a use that ends at `to` touches every window that begins at or before it
  const begins = uses.map(({ to }) => to)
  const counts = begins.map(
    (begin) => uses.filter(({ from, to }) => from <= begin + windowMs && to >= begin).length,
  )
  return Math.max(0, ...counts)
}
