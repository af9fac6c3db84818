import { randomUUID } from 'node:crypto'
import { MockActivityEnvironment } from '@temporalio/testing'
import { expect, test } from 'vitest'
import { createLog } from '../src/log.ts'
import { createTestDatabase } from '../test/support/database.ts'
import type { TestDatabase } from '../test/support/database.ts'
import { makeSync } from '../test/support/sync.ts'
import { intentChannel, touchedChannel, createSlices } from './slices.ts'
import type { Slice, Slices } from './slices.ts'
import { takeOver } from './takeover.ts'
import type { ActivityRef } from './takeover.ts'

const log = createLog({ logLevel: 'silent' })
const soon = { timeout: 5_000, interval: 10 }

async function worker(database: TestDatabase, failed: ActivityRef[] = []) {
  const slices = createSlices({
    pools: database.pools,
    fail: async (activity) => void failed.push(activity),
    log,
  })
  await slices.start()
  return { slices, [Symbol.asyncDispose]: async () => await slices.stop() }
}

/** Runs a slice as an activity would; resolves with what its body returns. */
function run<T>(slices: Slices, syncId: string, body: (slice: Slice) => Promise<T>): Promise<T> {
  return new MockActivityEnvironment({
    activityId: randomUUID(),
    workflowExecution: { workflowId: `sync/${syncId}`, runId: randomUUID() },
  }).run(async () => await slices.run({ syncId, name: 'changes' }, body))
}

const untilAborted = (slice: Slice) =>
  new Promise<string>((resolve) => slice.signal.addEventListener('abort', () => resolve('aborted')))

async function registered(database: TestDatabase, syncId: string): Promise<number> {
  return (await database.sql`select 1 from slices where sync_id = ${syncId}`).length
}

test('G8: a word that the intent changed ends the slices of that sync, and of no other', async () => {
  await using database = await createTestDatabase()
  await using one = await worker(database)
  const [mine, other] = [await makeSync(database.sql), await makeSync(database.sql)]
  const ended = run(one.slices, mine.syncId, untilAborted)
  const others = run(one.slices, other.syncId, untilAborted)
  await expect.poll(() => registered(database, mine.syncId), soon).toBe(1)
  await expect.poll(() => registered(database, other.syncId), soon).toBe(1)
  await database.sql.notify(intentChannel, mine.syncId)
  expect(await ended).toBe('aborted')
  expect(await registered(database, mine.syncId)).toBe(0)
  expect(await registered(database, other.syncId)).toBe(1)
  one.slices.abortAll('the test is over')
  expect(await others).toBe('aborted')
})

test('a word that was lost with the connection is made good by reading the rows', async () => {
  await using database = await createTestDatabase()
  await using one = await worker(database)
  const sync = await makeSync(database.sql)
  const ended = run(one.slices, sync.syncId, untilAborted)
  await expect.poll(() => registered(database, sync.syncId), soon).toBe(1)
  await database.sql`update syncs set status = 'paused', epoch = epoch + 1 where id = ${sync.syncId}`
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and query ilike 'listen %'`
  expect(await ended).toBe('aborted')
})

test('a hint wakes a slice that waits, also one that came before the wait', async () => {
  await using database = await createTestDatabase()
  await using one = await worker(database)
  const { syncId } = await makeSync(database.sql)
  let woken = 0
  const ended = run(one.slices, syncId, async (slice) => {
    while (!slice.signal.aborted && woken < 2) {
      await slice.wait(60_000)
      woken += 1
    }
    return woken
  })
  await expect.poll(() => registered(database, syncId), soon).toBe(1)
  await database.sql.notify(touchedChannel, syncId)
  await expect.poll(() => woken, soon).toBe(1)
  await database.sql.notify(touchedChannel, syncId)
  expect(await ended).toBe(2)
})

test('G9: slices of a worker without a sign of life are failed by a survivor, so that they run elsewhere', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const { syncId } = await makeSync(sql)
  const [dead, alive] = [randomUUID(), randomUUID()]
  await sql`insert into workers (id, seen_at) values (${dead}, clock_timestamp() - interval '6 s'), (${alive}, clock_timestamp())`
  await sql`
    insert into slices (sync_id, name, worker_id, workflow_id, run_id, activity_id)
    values (${syncId}, 'changes', ${dead}, 'w', 'r', '7'), (${syncId}, 'backfill/acme:thing', ${alive}, 'w', 'r', '8')`
  const [credential] = await sql<
    { id: string }[]
  >`select credential_id as id from syncs where id = ${syncId}`
  await sql`
    insert into quota_slot (credential_id, bucket, holder, slots, low, wanted, expires_at)
    select ${credential!.id}, '', holder, 10, 8, 10, now() + interval '2 minutes'
      from unnest(${[dead, alive]}::uuid[]) holder`
  const failed: ActivityRef[] = []
  const options = {
    sql,
    workerId: alive,
    log,
    fail: async (activity: ActivityRef) => void failed.push(activity),
  }
  expect(await takeOver(options)).toBe(1)
  expect(failed).toEqual([{ workflowId: 'w', runId: 'r', activityId: '7' }])
  expect(await takeOver(options)).toBe(0)
  expect(await registered(database, syncId)).toBe(1)
  const holders = await sql<{ holder: string }[]>`select holder from quota_slot`
  expect(holders.map(({ holder }) => holder)).toEqual([alive])
})

test('a slice that could not be failed is tried again', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const { syncId } = await makeSync(sql)
  const dead = randomUUID()
  await sql`insert into workers (id, seen_at) values (${dead}, clock_timestamp() - interval '6 s')`
  await sql`
    insert into slices (sync_id, name, worker_id, workflow_id, run_id, activity_id)
    values (${syncId}, 'changes', ${dead}, 'w', 'r', '7')`
  const fail = async () => await Promise.reject(new Error('the engine is away'))
  expect(await takeOver({ sql, workerId: randomUUID(), log, fail })).toBe(0)
  expect(await takeOver({ sql, workerId: randomUUID(), log, fail: async () => undefined })).toBe(1)
})

test('a slice that another worker took over leaves the row of its successor alone', async () => {
  await using database = await createTestDatabase()
  await using one = await worker(database)
  await using two = await worker(database)
  const { syncId } = await makeSync(database.sql)
  const first = run(one.slices, syncId, untilAborted)
  await expect.poll(() => registered(database, syncId), soon).toBe(1)
  const [row] = await database.sql`select worker_id from slices where sync_id = ${syncId}`
  const second = run(two.slices, syncId, untilAborted)
  await expect
    .poll(
      async () => (await database.sql`select worker_id from slices where sync_id = ${syncId}`)[0],
      soon,
    )
    .not.toEqual(row)
  one.slices.abortAll('taken over')
  await first
  expect(await registered(database, syncId)).toBe(1)
  two.slices.abortAll('the test is over')
  await second
})

test('a row that could not be taken away when its slice ended goes at the next beat', async () => {
  await using database = await createTestDatabase()
  await using one = await worker(database)
  const { sql } = database
  const { syncId } = await makeSync(sql)
  await sql`
    create function refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$`
  await run(one.slices, syncId, async () => {
    await sql`create trigger refuse before delete on slices execute function refuse()`
  })
  expect(await registered(database, syncId)).toBe(1)
  await sql`drop trigger refuse on slices`
  await expect.poll(() => registered(database, syncId), soon).toBe(0)
})
