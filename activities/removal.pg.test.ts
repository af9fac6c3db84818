import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../src/log.ts'
import { ensureFeed } from '../src/stream/checkpoint.ts'
import { sourcesOf } from '../src/stream/source.ts'
import { writePage } from '../src/stream/write.ts'
import { deleteStream } from '../src/store/streams.ts'
import { deleteCredential } from '../src/store/credentials.ts'
import { createTestDatabase } from '../test/support/database.ts'
import type { TestDatabase } from '../test/support/database.ts'
import { observe, pageOf } from '../test/support/stream.ts'
import { makeSync } from '../test/support/sync.ts'
import type { PurgePosition } from './contract.ts'
import type { ActivityDeps } from './deps.ts'
import { dropOrphans } from './housekeeping.ts'
import { purge } from './purge.ts'
import { setIntent } from './setIntent.ts'

let database: TestDatabase
let deps: ActivityDeps
beforeAll(async () => {
  database = await createTestDatabase()
  const log = createLog({ logLevel: 'silent' })
  deps = { pools: database.pools, log, now: Date.now } as unknown as ActivityDeps
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

/** A sync with three records, a hint, a page seen, something in quarantine and a checkpoint. */
async function busySync() {
  const { sql } = database
  const sync = await makeSync(sql)
  const [source] = await sourcesOf(sql, sync.syncId)
  const { sourceNo } = source!
  const at = { streamNo: sync.streamNo }
  const records = ['a', 'b', 'c'].map((id) => observe({ ...at, sourceNo }, id))
  await writePage(sql, pageOf(at, records))
  await ensureFeed(sql, {
    syncId: sync.syncId,
    ...at,
    name: 'feed/events',
    kind: 'feed',
    sourceNo: null,
    start: null,
  })
  await sql`insert into touched (source_no, upstream_id) values (${sourceNo}, 'a')`
  await sql`insert into seen_page (source_no, generation, range_no, page_no, ids) values (${sourceNo}, 1, 1, 1, '{a}')`
  await sql`insert into quarantine (source_no, upstream_id, error) values (${sourceNo}, 'x', 'broken')`
  return { ...sync, sourceNo }
}

async function left(sync: { syncId: string; sourceNo: number; streamNo: number }) {
  const [row] = await database.sql`
    select (select count(*)::int from syncs where id = ${sync.syncId}) as syncs,
           (select count(*)::int from source where sync_id = ${sync.syncId}) as sources,
           (select count(*)::int from checkpoint where sync_id = ${sync.syncId}) as checkpoints,
           (select count(*)::int from touched where source_no = ${sync.sourceNo})
             + (select count(*)::int from seen_page where source_no = ${sync.sourceNo})
             + (select count(*)::int from quarantine where source_no = ${sync.sourceNo}) as work,
           (select count(*)::int from record where stream_no = ${sync.streamNo} and not deleted) as alive,
           (select count(*)::int from record where stream_no = ${sync.streamNo} and deleted) as tombstones`
  return row
}
const nothing = { syncs: 0, sources: 0, checkpoints: 0, work: 0, alive: 0, tombstones: 0 }

test('of a deleted sync nothing is left but its tombstones, and nothing at all when they are forgotten', async () => {
  const sync = await busySync()
  await setIntent(deps, { syncId: sync.syncId, intent: 'remove' })
  expect(await purge(deps, sync.syncId)).toEqual({ done: true, records: 3 })
  expect(await left(sync)).toEqual({ ...nothing, sources: 1, tombstones: 3 })
  expect(await dropOrphans(database.sql, () => false)).toBe(0)
  await database.sql`delete from record where stream_no = ${sync.streamNo}`
  expect(await dropOrphans(database.sql, () => false)).toBe(1)
  expect(await left(sync)).toEqual(nothing)
  await deleteCredential(database.pools.db, sync.tenantId, sync.credentialId)
})

test('records that are kept go with their stream, and leave no row behind', async () => {
  const sync = await busySync()
  await setIntent(deps, { syncId: sync.syncId, intent: 'remove', keepRecords: true })
  expect(await purge(deps, sync.syncId)).toEqual({ done: true, records: 0 })
  expect(await left(sync)).toEqual({ ...nothing, sources: 1, alive: 3 })
  expect(await dropOrphans(database.sql, () => false)).toBe(0)
  const [stream] = await database.sql<{ id: string }[]>`
    select id from streams where stream_no = ${sync.streamNo}`
  await deleteStream(database.pools.db, sync.tenantId, stream!.id)
  // broken off before its first slice, then begun again
  expect(await dropOrphans(database.sql, () => true)).toBe(0)
  expect(await dropOrphans(database.sql, () => false)).toBe(1)
  expect(await left(sync)).toEqual(nothing)
  const [rows] = await database.sql`
    select (select count(*)::int from stream where stream_no = ${sync.streamNo}) as streams,
           (select count(*)::int from stream_head where stream_no = ${sync.streamNo}) as heads`
  expect(rows).toEqual({ streams: 0, heads: 0 })
})

test('a removal that was broken off anywhere ends the same way when it is begun again', async () => {
  for (const brokenAfter of [0, 1, 2, 3]) {
    const sync = await busySync()
    let looks = 0
    // the clock runs out at the nth look: the run before this one ended there
    const slow = { ...deps, now: () => (looks++ > brokenAfter ? Date.now() + 60_000 : Date.now()) }
    await setIntent(deps, { syncId: sync.syncId, intent: 'remove' })
    const [due] = await database.sql`select deadline_at from syncs where id = ${sync.syncId}`
    expect(due!['deadline_at'], 'the watch would begin it again').not.toBeNull()
    await purge(slow, sync.syncId)
    await purge(deps, sync.syncId)
    expect(await purge(deps, sync.syncId)).toEqual({ done: true, records: 0 })
    expect(await left(sync)).toEqual({ ...nothing, sources: 1, tombstones: 3 })
  }
})

test('G14: a removal that is too large for one run goes on where the last one got to', async () => {
  const { sql } = database
  const sync = await makeSync(sql)
  await sql`
    insert into record (stream_no, source_no, upstream_id, updated_idx, record_no, changed_at, observed_at, hash, deleted, data)
    select ${sync.streamNo}, s.source_no, 'cus_' || lpad(i::text, 14, '0'), i, i, now(), now(), gen_random_uuid(), false, '{}'::json
      from generate_series(1, 9500) i, source s where s.sync_id = ${sync.syncId}`
  await sql`update stream_head set last_idx = 9500 where stream_no = ${sync.streamNo}`
  await setIntent(deps, { syncId: sync.syncId, intent: 'remove' })
  const runs: number[] = []
  let from: PurgePosition | undefined
  for (let done = false; !done;) {
    let looks = 0
    // room for two slices a run
    const slow = { ...deps, now: () => (looks++ > 2 ? Date.now() + 60_000 : Date.now()) }
    const run = await purge(slow, sync.syncId, from)
    runs.push(run.records)
    from = run.reached
    done = run.done
  }
  expect(runs).toEqual([2000, 2000, 2000, 2000, 1500])
})
