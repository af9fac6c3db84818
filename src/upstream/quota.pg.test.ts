import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import type { TestSync } from '../../test/support/sync.ts'
import { makeSync } from '../../test/support/sync.ts'
import type { Limit } from '../connectors/connector.ts'
import type { Sql } from '../db/pools.ts'
import { openPools } from '../db/pools.ts'
import { isAppError } from '../domain/error.ts'
import type { Grant, Quota, Take } from './quota.ts'
import { createQuota } from './quota.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

const wide: Limit[] = [{ bucket: null, allowed: 1000, intervalMs: 1000, maxConcurrent: null }]

test('G10: several processes that always want more stay within the allowance in any window, and use it', async () => {
  const sync = await makeSync(database.sql, [])
  const limits: Limit[] = [{ bucket: null, allowed: 50, intervalMs: 1000, maxConcurrent: null }]
  const processes = [
    createQuota(database.sql),
    createQuota(database.sql),
    createQuota(database.sql),
  ]
  const until = performance.now() + 3000
  const sentAt: number[] = []
  const reader = async (quota: Quota) => {
    while (performance.now() < until) {
      await quota.take(of(sync, { limits, priority: 'backfill' }))
      sentAt.push(performance.now())
      await Promise.resolve()
    }
  }
  await Promise.all(processes.flatMap((quota) => [1, 2, 3, 4].map(() => reader(quota))))
  await closeAll(processes)
  expect(mostInWindow(sentAt, 1000)).toBeLessThanOrEqual(50)
  // 96 % and more on a machine that is not busy with other tests
  expect(sentAt.length).toBeGreaterThan(0.8 * 3 * 50)
})

test('changes that always want more leave a tenth to backfills, and no more', async () => {
  const sync = await makeSync(database.sql, [])
  const limits: Limit[] = [{ bucket: null, allowed: 50, intervalMs: 1000, maxConcurrent: null }]
  const [busy, quota] = [createQuota(database.sql), createQuota(database.sql)]
  const until = performance.now() + 3000
  const sent = { refetch: 0, backfill: 0 }
  const reader = async (priority: 'refetch' | 'backfill', own: Quota) => {
    while (performance.now() < until) {
      await own.take(of(sync, { limits, priority }))
      sent[priority] += 1
    }
  }
  await Promise.all(
    Array.from({ length: 48 }, (_, n) =>
      n < 40 ? reader('refetch', busy) : reader('backfill', busy),
    ),
  )
  await closeAll([busy, quota])
  expect(sent.backfill).toBeGreaterThanOrEqual(5)
  expect(sent.backfill).toBeLessThan(0.25 * sent.refetch)
})

test('refused below the ceiling that the user set, the pace comes down to what the provider takes', async () => {
  const sync = await makeSync(database.sql, [])
  const limits: Limit[] = [{ bucket: null, allowed: 200, intervalMs: 1000, maxConcurrent: null }]
  const quota = createQuota(database.sql)
  const accepted: number[] = []
  const refusals: number[] = []
  const beganAt = performance.now()
  const send = async () => {
    const { observedAt } = await quota.take(of(sync, { limits }))
    const now = performance.now()
    if (now - beganAt > 5000) return false
    // the provider takes 50 a second
    if (accepted.filter((at) => now - at < 1000).length < 50) accepted.push(now)
    else {
      refusals.push(now)
      const block = { credentialId: sync.credentialId, bucket: null, waitMs: 200 }
      await quota.block({ ...block, refusedAt: observedAt })
    }
    return true
  }
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (await send());
    }),
  )
  await quota.close()
  const late = refusals.filter((at) => at - beganAt > 2500)
  expect(refusals.length).toBeGreaterThan(0)
  expect(late.length).toBeLessThan(0.1 * accepted.length)
  expect(await factor(sync)).toBeLessThan(0.5)
})

test('no statement a request at speed', async () => {
  const sync = await makeSync(database.sql, [])
  let statements = 0
  const counting = new Proxy(database.sql, {
    apply: (sql, self, args) => {
      statements++
      return Reflect.apply(sql, self, args)
    },
  })
  const quota = createQuota(counting)
  const reader = async () => {
    for (let n = 0; n < 50; n++)
      (await quota.take(of(sync, { limits: [{ ...wide[0]!, maxConcurrent: 8 }] }))).release()
  }
  await Promise.all(Array.from({ length: 16 }, reader))
  await quota.close()
  expect(statements).toBeLessThan(400)
})

test('observedAt is the clock of the database when it was granted, and only grows', async () => {
  const sync = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  const [before] = await database.sql<{ at: string }[]>`select ${iso(database.sql)} as at`
  const first = await quota.take(of(sync))
  const second = await quota.take(of(sync))
  const [after] = await database.sql<{ at: string }[]>`select ${iso(database.sql)} as at`
  expect(first.observedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  const inOrder = [before!.at, first.observedAt, second.observedAt, after!.at]
  expect(inOrder).toEqual(inOrder.toSorted())
  await quota.close()
})

test('G8: a request that waits when its sync is paused is refused', async () => {
  const sync = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  const limits: Limit[] = [{ bucket: null, allowed: 1, intervalMs: 2000, maxConcurrent: null }]
  await quota.take(of(sync, { limits }))
  const waiting = quota.take(of(sync, { limits }))
  await database.sql`update syncs set status = 'paused', epoch = 2 where id = ${sync.syncId}`
  await expect(waiting).rejects.toMatchObject({ kind: 'stopped' })
  await quota.close()
})

test('G8: a grant is good for 250 ms', async () => {
  const sync = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  const grantedAt = performance.now()
  const grant = await quota.take(of(sync))
  expect(grant.usable() || performance.now() - grantedAt > 240).toBe(true)
  await expect.poll(() => grant.usable()).toBe(false)
  expect(performance.now() - grantedAt).toBeGreaterThan(240)
  await quota.close()
})

test('an abort ends a wait at once', async () => {
  const sync = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  const limits: Limit[] = [{ bucket: null, allowed: 1, intervalMs: 5000, maxConcurrent: null }]
  await quota.take(of(sync, { limits }))
  const abort = new AbortController()
  const waiting = quota.take(
    of(sync, { limits, signal: abort.signal, onWait: () => abort.abort() }),
  )
  await expect(waiting).rejects.toMatchObject({ kind: 'stopped' })
  await quota.close()
})

test('told to wait, all traffic of the credential waits, in every process, and goes on by itself', async () => {
  const sync = await makeSync(database.sql, [])
  const [one, other] = [createQuota(database.sql), createQuota(database.sql)]
  await other.take(of(sync))
  const blockedAt = performance.now()
  await one.block({ credentialId: sync.credentialId, bucket: null, waitMs: 500 })
  await Promise.all([one.take(of(sync)), other.take(of(sync, { bucket: 'a', sync: null }))])
  expect(performance.now() - blockedAt).toBeGreaterThan(490)
  await closeAll([one, other])
})

test('a block of one bucket lets the others through, and a longer block is not cut short by a shorter one', async () => {
  const sync = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  await quota.block({ credentialId: sync.credentialId, bucket: 'a', waitMs: 60_000 })
  await quota.block({ credentialId: sync.credentialId, bucket: 'a', waitMs: 1000 })
  await quota.take(of(sync, { bucket: 'b' }))
  await quota.take(of(sync))
  const error = await quota.take(of(sync, { bucket: 'a' })).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ kind: 'rate_limited' })
  expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(50_000)
  await quota.close()
})

test('a process that listens drops the starts that it holds when another one is told to wait', async () => {
  const sync = await makeSync(database.sql, [])
  const heard = createQuota(database.sql, { listen: database.pools.listen })
  const told = createQuota(database.sql)
  const listeners = () => database.sql`
    select 1 from pg_stat_activity where datname = current_database() and query ilike 'listen%sluice_quota%'`
  await expect.poll(async () => (await listeners()).length).toBeGreaterThan(0)
  const limits: Limit[] = [{ bucket: null, allowed: 40, intervalMs: 1000, maxConcurrent: null }]
  const abort = new AbortController()
  // more than come at once: the others wait for starts that are already promised
  const waiting = Array.from({ length: 8 }, () =>
    heard.take(of(sync, { limits, signal: abort.signal })),
  )
  await Promise.race(waiting)
  await told.block({ credentialId: sync.credentialId, bucket: null, waitMs: 60_000 })
  const results = await Promise.allSettled(waiting)
  expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0)
  await closeAll([heard, told])
})

test('refusals close together halve the pace; those that were on their way at the last one say nothing new', async () => {
  const sync = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  const first = await quota.take(of(sync))
  const second = await quota.take(of(sync))
  const block = { credentialId: sync.credentialId, bucket: null, waitMs: 1 }
  await quota.block({ ...block, refusedAt: first.observedAt })
  await quota.block({ ...block, refusedAt: second.observedAt })
  expect(await factor(sync)).toBeCloseTo(0.5, 1)
  for (let n = 0; n < 6; n++) {
    const { observedAt } = await quota.take(of(sync))
    await quota.block({ ...block, refusedAt: observedAt })
  }
  expect(await factor(sync)).toBeCloseTo(0.1, 1)
  await quota.close()
})

test('a refusal after many requests that were answered is no sign of a pace that is too fast', async () => {
  const sync = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  let last: Grant | undefined
  for (let n = 0; n < 60; n++) last = await quota.take(of(sync))
  await quota.block({
    credentialId: sync.credentialId,
    bucket: null,
    waitMs: 1,
    refusedAt: last!.observedAt,
  })
  expect(await factor(sync)).toBe(1)
  await quota.close()
})

test('a wait of more than 10 s is not waited out', async () => {
  const sync = await makeSync(database.sql, [])
  const quota = createQuota(database.sql)
  const limits: Limit[] = [{ bucket: null, allowed: 1, intervalMs: 60_000, maxConcurrent: null }]
  await quota.take(of(sync, { limits }))
  const askedAt = performance.now()
  const error = await quota.take(of(sync, { limits })).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ kind: 'rate_limited', code: 'quota-spent' })
  expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(30_000)
  expect(performance.now() - askedAt).toBeLessThan(5000)
  await quota.close()
})

test('a clock that was set back stops nothing, and gives nobody more', async () => {
  const sync = await makeSync(database.sql, [])
  const limits: Limit[] = [{ bucket: null, allowed: 50, intervalMs: 1000, maxConcurrent: null }]
  const quota = createQuota(database.sql)
  await quota.take(of(sync, { limits }))
  await database.sql`
    update quota set tat_us = tat_us + 3600000000, factor_at = factor_at + interval '1 hour', factor = 0.5
     where credential_id = ${sync.credentialId}`
  const sentAt: number[] = []
  const askedAt = performance.now()
  for (let i = 0; i < 75; i++) {
    await quota.take(of(sync, { limits }))
    sentAt.push(performance.now())
  }
  expect(sentAt[0]! - askedAt).toBeLessThan(5000)
  expect(mostInWindow(sentAt, 1000)).toBeLessThanOrEqual(50)
  await quota.close()
})

test('no database, no grant', async () => {
  const pools = openPools('postgres://nobody@127.0.0.1:1/none', { applicationName: 'test' })
  const quota = createQuota(pools.write)
  const credentialId = '00000000-0000-4000-8000-000000000000'
  const error = await quota
    .take({
      credentialId,
      sync: null,
      limits: wide,
      bucket: null,
      priority: 'changes',
      signal: new AbortController().signal,
    })
    .catch((caught: unknown) => caught)
  expect(isAppError(error, 'transient')).toBe(true)
  await quota.close()
  await pools.end()
})

test('a credential that was deleted gets nothing', async () => {
  const quota = createQuota(database.sql)
  const credentialId = '00000000-0000-4000-8000-000000000000'
  const options = {
    sync: null,
    limits: wide,
    bucket: null,
    priority: 'changes',
    signal: new AbortController().signal,
  } as const
  await expect(quota.take({ credentialId, ...options })).rejects.toMatchObject({ kind: 'stopped' })
  await quota.close()
})

function of(sync: TestSync, options: Partial<Take> = {}): Take {
  return {
    credentialId: sync.credentialId,
    sync: { syncId: sync.syncId, epoch: 1 },
    limits: wide,
    bucket: null,
    priority: 'changes',
    signal: new AbortController().signal,
    ...options,
  }
}

async function closeAll(quotas: Quota[]): Promise<void> {
  await Promise.all(quotas.map((quota) => quota.close()))
}

async function factor(sync: TestSync): Promise<number> {
  const [row] = await database.sql<{ factor: number }[]>`
    select factor from quota where credential_id = ${sync.credentialId} and bucket = ''`
  return row!.factor
}

function iso(sql: Sql) {
  return sql`to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}

function mostInWindow(times: number[], windowMs: number): number {
  return Math.max(
    ...times.map((begin) => times.filter((at) => at >= begin && at <= begin + windowMs).length),
  )
}
