import { describe, expect, test } from 'vitest'
import type { Sql } from '../db/pools.ts'
import { beginGeneration } from '../stream/checkpoint.ts'
import { block, sourcesOf } from '../stream/source.ts'
import { touch } from '../stream/touched.ts'
import { writePage } from '../stream/write.ts'
import { claim } from '../delivery/next.ts'
import { answer } from '../delivery/answers.ts'
import { decodeToken } from '../delivery/token.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import { makeConsumer, observe, pageOf } from '../../test/support/stream.ts'
import { makeSync } from '../../test/support/sync.ts'
import { factsOf } from './facts.ts'
import { healthOf } from './health.ts'
import { watchFrontiers, watchOnce } from './watch.ts'
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

describe('G14: an enumeration that stands still', () => {
  async function enumerating(sql: Sql) {
    const sync = await makeSync(sql)
    const [source] = await sourcesOf(sql, sync.syncId)
    const ranges = [{ loMs: null, hiMs: null }]
    await beginGeneration(sql, { ...source!, syncId: sync.syncId, ranges })
    const age = async (minutes: number) =>
      await sql`update checkpoint set created_at = clock_timestamp() - ${minutes}::int * interval '1 min' where sync_id = ${sync.syncId}`
    return { ...sync, sourceNo: source!.sourceNo, age }
  }
  const woken: string[] = []
  const syncs = { wake: async ({ syncId }: SyncStart) => void woken.push(syncId) }

  test('is nudged once in a while, one that moves is not', async () => {
    await using database = await createTestDatabase()
    const { sql } = database
    const [still, moves] = [await enumerating(sql), await enumerating(sql)]
    await still.age(20)
    await moves.age(5)
    expect(await watchFrontiers(sql, syncs)).toBe(1)
    expect(await watchFrontiers(sql, syncs)).toBe(0)
    expect(woken.splice(0)).toEqual([still.syncId])
    await sql`update syncs set nudged_at = nudged_at - interval '16 min'`
    await moves.age(20)
    expect(await watchFrontiers(sql, syncs)).toBe(2)
  })

  test('is nudged too where it is due and nobody begins it', async () => {
    await using database = await createTestDatabase()
    const { sql } = database
    const [due, soon] = [await makeSync(sql), await makeSync(sql)]
    await sql`update source set enumerate_due_at = clock_timestamp() - interval '20 min' where sync_id = ${due.syncId}`
    await sql`update source set enumerate_due_at = clock_timestamp() + interval '1 h' where sync_id = ${soon.syncId}`
    woken.splice(0)
    expect(await watchFrontiers(sql, syncs)).toBe(1)
    expect(woken.splice(0)).toEqual([due.syncId])
  })

  test('is left alone where it is blocked, or the provider told to wait', async () => {
    await using database = await createTestDatabase()
    const { sql } = database
    const [blocked, waiting] = [await enumerating(sql), await enumerating(sql)]
    await blocked.age(20)
    await waiting.age(20)
    await block(sql, blocked.sourceNo, { kind: 'permanent', reason: 'No.', probeMs: 1 })
    await sql`
      insert into quota (credential_id, bucket, blocked_until)
      values (${waiting.credentialId}, '', clock_timestamp() + interval '1 hour')`
    expect(await watchFrontiers(sql, syncs)).toBe(0)
  })

  test('that could not be nudged is nudged in the next round', async () => {
    await using database = await createTestDatabase()
    const { sql } = database
    await (await enumerating(sql)).age(20)
    const away = { wake: async () => await Promise.reject(new Error('away')) }
    expect(await watchFrontiers(sql, away)).toBe(0)
    expect(await watchFrontiers(sql, syncs)).toBe(1)
  })
})

test('the slowest consumer is named once tombstones are kept for it alone', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const sync = await makeSync(sql)
  const [source] = await sourcesOf(sql, sync.syncId)
  const [stream] = await sql<
    { id: string }[]
  >`select id from streams where stream_no = ${sync.streamNo}`
  const consumer = await makeConsumer(sql, { ...sync, streamId: stream!.id }, { name: 'crm' })
  await writePage(sql, pageOf(sync, [observe(source!, 'a', { deleted: true })]))
  const heldBy = async () => (await factsOf(sql, null, [sync.syncId]))[0]!.trimHeldBy
  expect(await heldBy()).toBeNull()
  await sql`update record set changed_at = clock_timestamp() - interval '31 days'`
  expect(await heldBy()).toMatchObject({ consumerId: consumer.id, name: 'crm' })
  await sql`update consumer_state set cursor_idx = 1`
  expect(await heldBy()).toBeNull()
})

test('G14: a consumer that gets nothing new, since too much waits for redelivery, is named', async () => {
  await using database = await createTestDatabase()
  const { sql, pools } = database
  const sync = await makeSync(sql)
  const [source] = await sourcesOf(sql, sync.syncId)
  const [stream] = await sql<
    { id: string }[]
  >`select id from streams where stream_no = ${sync.streamNo}`
  const of = { ...sync, streamId: stream!.id }
  const consumer = await makeConsumer(sql, of, { name: 'crm', maxAckPending: 1 })
  await makeConsumer(sql, of, { maxAckPending: 1 }) // has taken nothing, and may
  const ids = Array.from({ length: 12 }, (_, i) => `r${i}`)
  await writePage(
    sql,
    pageOf(
      sync,
      ids.map((id) => observe(source!, id)),
    ),
  )
  const nack = async () => {
    const items = await claim(pools.deliver, consumer, 1)
    const tokens = items.map(({ ackToken }) => decodeToken(ackToken)!)
    await answer(pools.deliver, consumer.consumerNo, { kind: 'nack', delayMs: 86_400_000 }, tokens)
    return items.length
  }
  const check = async () => {
    const { health } = (await healthOf(sql, sync.tenantId, [sync.syncId])).get(sync.syncId)!
    return health.checks.find(({ name }) => name === 'consumers')
  }
  const wait = async (count: number) =>
    await sql`update consumer_state set waiting = ${count} where consumer_no = ${consumer.consumerNo}`
  await wait(99_999)
  expect(await check()).toMatchObject({ status: 'healthy' })
  expect(await nack()).toBe(1)
  expect(await nack()).toBe(0)
  expect(await check()).toMatchObject({
    status: 'warning',
    message: expect.stringContaining(`crm (${consumer.id}) has 100000.`),
  })
  await wait(99_999)
  expect(await check()).toMatchObject({ status: 'healthy' })
  expect(await nack()).toBe(1)
})
