import { expect, test } from 'vitest'
import { beginGeneration } from '../stream/checkpoint.ts'
import { block, sourcesOf } from '../stream/source.ts'
import { touch } from '../stream/touched.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import { makeSync } from '../../test/support/sync.ts'
import { factsOf } from './facts.ts'
import { healthOf } from './health.ts'
import { watchOnce } from './watch.ts'
import type { SyncStart } from '../temporal/client.ts'

test('the facts of several syncs come in one query, each with its collections', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const first = await makeSync(sql, ['acme:thing', 'acme:other'])
  const second = await makeSync(sql)
  const [thing, other] = await sourcesOf(sql, first.syncId)
  await beginGeneration(sql, {
    ...thing!,
    syncId: first.syncId,
    ranges: [{ loMs: null, hiMs: null }],
  })
  await block(sql, other!.sourceNo, {
    kind: 'permanent',
    reason: 'A permission is missing.',
    probeMs: 1_000,
  })
  await touch(sql, [{ sourceNo: thing!.sourceNo, id: 'a' }])
  const facts = await factsOf(sql, null, [first.syncId, second.syncId])
  const mine = facts.find((one) => one.syncId === first.syncId)!
  expect(facts).toHaveLength(2)
  expect(mine.collections).toMatchObject([
    {
      collectionId: 'acme:thing',
      phase: 'backfilling',
      hints: 1,
      seen: 0,
      enumeratingSinceMs: expect.any(Number),
    },
    {
      collectionId: 'acme:other',
      phase: 'blocked',
      blocked: { reason: 'A permission is missing.' },
    },
  ])
})

test('G13: health of another tenant is not shown', async () => {
  await using database = await createTestDatabase()
  const [mine, theirs] = [await makeSync(database.sql), await makeSync(database.sql)]
  const health = await healthOf(database.sql, mine.tenantId, [mine.syncId, theirs.syncId])
  expect([...health.keys()]).toEqual([mine.syncId])
  expect(health.get(mine.syncId)!.health.status).toBe('initializing')
})

test('G14: a sync past its deadline is nudged once, by one watcher', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const [late, fine, paused] = [await makeSync(sql), await makeSync(sql), await makeSync(sql)]
  await sql`update syncs set deadline_at = clock_timestamp() - interval '1 s' where id = ${late.syncId}`
  await sql`update syncs set deadline_at = clock_timestamp() + interval '1 min' where id = ${fine.syncId}`
  await sql`update syncs set deadline_at = null where id = ${paused.syncId}`
  const woken: SyncStart[] = []
  const syncs = { wake: async (sync: SyncStart) => void woken.push(sync) }
  await Promise.all([watchOnce(sql, syncs), watchOnce(sql, syncs)])
  await watchOnce(sql, syncs)
  expect(woken).toEqual([
    { syncId: late.syncId, tenantId: late.tenantId, provider: 'acme', name: null },
  ])
})

test('G14: one that could not be nudged is nudged in the next round', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const late = await makeSync(sql)
  await sql`update syncs set deadline_at = clock_timestamp() - interval '1 s' where id = ${late.syncId}`
  expect(await watchOnce(sql, { wake: async () => await Promise.reject(new Error('away')) })).toBe(
    0,
  )
  expect(await watchOnce(sql, { wake: async () => undefined })).toBe(1)
})
