import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeSync } from '../../test/support/sync.ts'
import type { Sql } from '../db/pools.ts'
import type { Limit } from '../connectors/connector.ts'
import type { Priority, Quota, Take } from './quota.ts'
import { createQuota } from './quota.ts'
import { createSlots } from './slots.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

test('G10: requests in flight never exceed the cap, over all processes', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const processes = [
    createQuota(database.sql),
    createQuota(database.sql),
    createQuota(database.sql),
  ]
  let inFlight = 0
  let most = 0
  const served = processes.map(() => 0)
  const reader = async (quota: Quota, index: number) => {
    for (let n = 0; n < 5; n++) {
      const grant = await quota.take(take(credentialId, 6, 'changes'))
      most = Math.max(most, ++inFlight)
      served[index]!++
      await new Promise((resolve) => setTimeout(resolve, 20))
      inFlight--
      grant.release()
    }
  }
  await Promise.all(
    processes.flatMap((quota, index) => [1, 2, 3, 4].map(() => reader(quota, index))),
  )
  await closeAll(processes)
  expect(most).toBeLessThanOrEqual(6)
  expect(most).toBeGreaterThan(3)
  expect(served).toEqual([20, 20, 20])
})

test('backfills leave a fifth of the cap to the others', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  const grants = await Promise.all(
    [1, 2, 3, 4].map(() => quota.take(take(credentialId, 5, 'backfill'))),
  )
  const fifth = quota.take(take(credentialId, 5, 'backfill'))
  const urgent = await quota.take(take(credentialId, 5, 'mutation'))
  urgent.release()
  expect(await Promise.race([fifth, Promise.resolve('waits')])).toBe('waits')
  grants[0]!.release()
  grants[0]!.release()
  for (const grant of [...grants, await fifth]) grant.release()
  await quota.close()
})

test('what a killed process had in flight comes back once its longest request must have ended', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  await hold({ credentialId, max: 2, wanted: 2, used: 2, ttlMs: 400 })
  const quota = createQuota(database.sql)
  const askedAt = performance.now()
  const grant = await quota.take(take(credentialId, 2, 'changes'))
  expect(performance.now() - askedAt).toBeGreaterThan(300)
  grant.release()
  await quota.close()
})

test('a process that holds all gives an even share to one that waits', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const [greedy, late] = [randomUUID(), randomUUID()]
  expect(await hold({ credentialId, holder: greedy, max: 8, wanted: 8, used: 8 })).toEqual({
    held: 8,
    low: 6,
  })
  expect(await hold({ credentialId, holder: late, max: 8, wanted: 5, used: 0 })).toEqual({
    held: 0,
    low: 0,
  })
  // nobody takes away what is in flight; what ends goes over
  expect(await hold({ credentialId, holder: greedy, max: 8, wanted: 8, used: 6 })).toMatchObject({
    held: 6,
  })
  expect(await hold({ credentialId, holder: greedy, max: 8, wanted: 8, used: 1 })).toMatchObject({
    held: 4,
  })
  expect(await hold({ credentialId, holder: late, max: 8, wanted: 5, used: 0 })).toMatchObject({
    held: 4,
  })
})

test('nothing is held once a process has closed', async () => {
  const { credentialId } = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  const grant = await quota.take(take(credentialId, 3, 'changes'))
  grant.release()
  await quota.close()
  const rows = await database.sql`select 1 from quota_slot where credential_id = ${credentialId}`
  expect(rows).toHaveLength(0)
})

function take(credentialId: string, maxConcurrent: number, priority: Priority): Take {
  const limits: Limit[] = [{ bucket: null, allowed: 10_000, intervalMs: 1000, maxConcurrent }]
  return {
    credentialId,
    sync: null,
    limits,
    bucket: null,
    priority,
    signal: new AbortController().signal,
  }
}

async function hold(options: {
  credentialId: string
  holder?: string
  max: number
  wanted: number
  used: number
  ttlMs?: number
}): Promise<{ held: number; low: number }> {
  const { credentialId, holder = randomUUID(), max, wanted, used, ttlMs = 60_000 } = options
  const [row] = await database.sql<{ held: number; low: number }[]>`
    select * from quota_hold_v1(${credentialId}::uuid, '', ${holder}::uuid, ${max}, ${wanted}, ${used}, ${ttlMs})`
  return { ...row! }
}

async function closeAll(quotas: Quota[]): Promise<void> {
  await Promise.all(quotas.map((quota) => quota.close()))
}

test('a database that does not answer keeps nobody longer than it may wait', async () => {
  const silent = (() => new Promise(() => undefined)) as unknown as Sql
  const slots = createSlots(silent, randomUUID(), '', randomUUID())
  const waiting = slots.acquire({
    max: 4,
    priority: 'changes',
    deadline: performance.now() + 50,
    signal: new AbortController().signal,
  })
  await expect(waiting).rejects.toMatchObject({ kind: 'rate_limited' })
})
