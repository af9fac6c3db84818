import { expect, test } from 'vitest'
import { createLog } from '../src/log.ts'
import { claim, ensureFeed } from '../src/stream/checkpoint.ts'
import { sourcesOf } from '../src/stream/source.ts'
import { writePage } from '../src/stream/write.ts'
import { createTestDatabase } from '../test/support/database.ts'
import type { TestDatabase } from '../test/support/database.ts'
import { observe } from '../test/support/stream.ts'
import { makeSync } from '../test/support/sync.ts'
import type { Intent } from './contract.ts'
import type { ActivityDeps } from './deps.ts'
import { setIntent } from './setIntent.ts'

const deps = (database: TestDatabase) =>
  ({ pools: database.pools, log: createLog({ logLevel: 'silent' }) }) as unknown as ActivityDeps

test('each word moves the epoch once; the same word again moves nothing', async () => {
  await using database = await createTestDatabase()
  const { syncId } = await makeSync(database.sql)
  const say = (intent: Intent) => setIntent(deps(database), { syncId, intent })
  expect(await say('resume')).toEqual({ status: 'active', epoch: 1 })
  expect(await say('pause')).toEqual({ status: 'paused', epoch: 2 })
  expect(await say('pause')).toEqual({ status: 'paused', epoch: 2 })
  expect(await say('resync')).toEqual({ status: 'paused', epoch: 3 })
  expect(await say('resume')).toEqual({ status: 'active', epoch: 4 })
  expect(await say('nudge')).toEqual({ status: 'active', epoch: 4 })
  expect(await say('yield')).toEqual({ status: 'active', epoch: 4 })
  expect(await say('remove')).toEqual({ status: 'deleted', epoch: 5 })
  expect(await say('resume')).toEqual({ status: 'deleted', epoch: 5 })
})

test('G8: after a pause nobody who worked before it can write', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const { syncId, streamNo } = await makeSync(sql)
  const [source] = await sourcesOf(sql, syncId)
  const { checkpointNo } = await ensureFeed(sql, {
    syncId,
    streamNo,
    name: 'feed/events',
    kind: 'feed',
    sourceNo: null,
    start: 1,
  })
  const { fence } = await claim(sql, checkpointNo)
  const page = {
    streamNo,
    observations: [observe(source!, 'a')],
    path: 'change' as const,
    fence,
    cursor: 2,
    hints: [],
    looked: [],
    seen: null,
  }
  await setIntent(deps(database), { syncId, intent: 'pause' })
  await expect(writePage(sql, page)).rejects.toMatchObject({ kind: 'stopped' })
  await setIntent(deps(database), { syncId, intent: 'resume' })
  await expect(writePage(sql, page)).rejects.toMatchObject({ kind: 'stopped' })
  expect((await sql`select 1 from record where stream_no = ${streamNo}`).length).toBe(0)
})

test('a resync makes an enumeration due, of the named collections or of all', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const { syncId } = await makeSync(sql, ['acme:thing', 'acme:other'])
  await sql`update source set enumerate_due_at = clock_timestamp() + interval '7 days', generation = 1 where sync_id = ${syncId}`
  const due = async () =>
    (await sourcesOf(sql, syncId))
      .filter((one) => one.enumerateDueInMs === 0)
      .map((one) => one.collectionId)
  await setIntent(deps(database), { syncId, intent: 'resync', collectionIds: ['acme:other'] })
  expect(await due()).toEqual(['acme:other'])
  await setIntent(deps(database), { syncId, intent: 'resync' })
  expect(await due()).toEqual(['acme:thing', 'acme:other'])
})

test('a blocked collection is looked at at once after a nudge or a resync of it', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const { syncId } = await makeSync(sql, ['acme:thing', 'acme:other', 'acme:free'])
  const dueAfter = async (intent: Intent, collectionIds?: string[]) => {
    await sql`
      update source set blocked_at = clock_timestamp(), blocked_kind = 'permanent', blocked_reason = 'x',
             probe_at = clock_timestamp() + interval '1 hour'
       where sync_id = ${syncId} and collection_id <> 'acme:free'`
    await setIntent(deps(database), {
      syncId,
      intent,
      ...(collectionIds === undefined ? {} : { collectionIds }),
    })
    const sources = await sourcesOf(sql, syncId)
    return sources.filter((one) => one.probeDueInMs === 0).map((one) => one.collectionId)
  }
  expect(await dueAfter('nudge')).toEqual(['acme:thing', 'acme:other'])
  expect(await dueAfter('resync', ['acme:other', 'acme:free'])).toEqual(['acme:other'])
  expect(await dueAfter('resync')).toEqual(['acme:thing', 'acme:other'])
  expect(await dueAfter('pause')).toEqual([])
})

test('a paused sync owes no sign of life, an active one does', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const { syncId } = await makeSync(sql)
  const deadline = async () =>
    (await sql`select deadline_at from syncs where id = ${syncId}`)[0]!['deadline_at']
  await setIntent(deps(database), { syncId, intent: 'pause' })
  expect(await deadline()).toBeNull()
  await setIntent(deps(database), { syncId, intent: 'resume' })
  expect(await deadline()).not.toBeNull()
})

test('the word goes out after the commit', async () => {
  await using database = await createTestDatabase()
  const { syncId } = await makeSync(database.sql)
  const heard: string[] = []
  const { unlisten } = await database.pools.listen.listen('sluice_intent', (payload) =>
    heard.push(payload),
  )
  await setIntent(deps(database), { syncId, intent: 'nudge' })
  await expect.poll(() => heard, { interval: 10 }).toEqual([syncId])
  await unlisten()
})
