import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Collection, Feed, Page } from '../src/connectors/connector.ts'
import { AppError } from '../src/domain/error.ts'
import { healthOf } from '../src/health/health.ts'
import { createTestDatabase } from '../test/support/database.ts'
import type { TestDatabase } from '../test/support/database.ts'
import { openEngine } from '../test/support/engine.ts'
import { makeSync, thingsAt } from '../test/support/sync.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => await database[Symbol.asyncDispose]())

/** A sync that makes one pass at a time, of three things. */
async function scene(more: Partial<Collection>, feed: Partial<Feed> = {}) {
  const { sql } = database
  const at = { aheadMs: 0 }
  const { collection, things } = thingsAt([1_000, 2_000, 3_000], 2)
  const look = async (id: string): Promise<Awaited<ReturnType<NonNullable<Collection['get']>>>> => {
    const found = things.find((thing) => thing.id === id)
    const change = { collection: 'thing', id }
    return {
      observedAt: new Date().toISOString(),
      changes: [
        found === undefined
          ? { ...change, raw: null, deleted: true }
          : { ...change, raw: JSON.stringify(found), value: found },
      ],
    }
  }
  const nothingNew = (cursor: Page['cursor']): Page => ({
    changes: [],
    cursor,
    done: true,
    observedAt: new Date().toISOString(),
  })
  const state = { starts: 0, reads: 0 }
  const events: Feed = {
    retentionMs: 10 * day,
    start: async () => ({ from: (state.starts += 1) }),
    read: async (_ctx, cursor) => (state.reads++, nothingNew(cursor)),
    ...feed,
  }
  const thing: Collection = { ...collection, get: async (_ctx, id) => await look(id), ...more }
  const engine = await openEngine(
    database,
    { collections: { thing }, feeds: { events } },
    { now: () => Date.now() + at.aheadMs },
  )
  const { syncId, tenantId, credentialId } = await makeSync(sql)
  await sql`update syncs set sync_frequency = '1h' where id = ${syncId}`
  const stored = async () => {
    const rows = await sql<{ id: string; deleted: boolean }[]>`
      select r.upstream_id as id, r.deleted
        from record r join source s on s.source_no = r.source_no
       where s.sync_id = ${syncId} order by 1`
    return Object.fromEntries(rows.map(({ id, deleted }) => [id, deleted ? 'deleted' : 'there']))
  }
  /** What the workflow does with a plan. */
  const readAll = async () => {
    for (const id of (await engine.plan(syncId)).collections) await engine.backfill(syncId, id)
  }
  return { sql, at, things, state, engine, syncId, tenantId, credentialId, stored, readAll }
}

describe('G11: a feed that no longer reaches back is followed anew, and everything is compared by itself', () => {
  const expired = new AppError('permanent', 'It is no longer kept.', { code: 'feed-expired' })
  test.each(['nobody looked for longer than it keeps', 'the provider says so'])(
    '%s',
    async (why) => {
      let gone = false
      const { sql, engine, syncId, things, state, stored, readAll } = await scene(
        {},
        why === 'the provider says so'
          ? {
              read: async (_ctx, cursor) => {
                if (gone && state.starts === 1) throw expired
                return { changes: [], cursor, done: true, observedAt: new Date().toISOString() }
              },
            }
          : {},
      )
      await using _ = engine
      await readAll()
      expect(await engine.changes(syncId)).toMatchObject({ replan: false })
      // Meanwhile one goes and one comes, and nothing tells of either.
      things.splice(0, 1)
      things.push({ id: 'new', ms: 500 })
      gone = true
      if (why !== 'the provider says so')
        await sql`update source set last_checked_at = clock_timestamp() - interval '11 days' where sync_id = ${syncId}`
      expect(await engine.changes(syncId)).toMatchObject({ replan: true })
      expect(state.starts).toBe(2)
      await readAll()
      await engine.changes(syncId)
      expect(await stored()).toEqual({ new: 'there', t0: 'there', t1: 'there', t2: 'deleted' })
    },
  )
})

test('G11: a list that is read again goes on where a failure ended it, and loses nothing', async () => {
  let listed = 0
  const failing = new Set([2])
  const { sql, at, engine, syncId, things, stored, readAll } = await scene({
    refresh: { relist: { everyMs: hour, windowMs: null } },
  })
  await using _ = engine
  const thing = engine.deps.connectorOf('acme').collections['thing']!
  const { list } = thing
  await readAll()
  await engine.changes(syncId)
  thing.list = async (ctx, cursor, bounds) => {
    listed += 1
    if (failing.delete(listed)) throw new AppError('transient', 'It answers with 500.')
    return await list(ctx, cursor, bounds)
  }
  things[2] = { ...things[2]!, ms: 999 }
  things.push({ id: 'new', ms: 400 })
  at.aheadMs = 2 * hour
  await expect(engine.changes(syncId)).rejects.toMatchObject({ kind: 'transient' })
  expect(await stored()).not.toHaveProperty('new')
  expect(await engine.changes(syncId)).toMatchObject({ replan: false })
  // The first page once, the second twice.
  expect(listed).toBe(3)
  expect(await stored()).toEqual({ new: 'there', t0: 'there', t1: 'there', t2: 'there' })
  const [changed] = await sql`
    select data ->> 'ms' as ms from record r join source s using (source_no)
     where s.sync_id = ${syncId} and r.upstream_id = 't0'`
  expect(changed).toEqual({ ms: '999' })
})

test('G14: a feed without an end ends in a sentence, and is not taken for followed', async () => {
  const { sql, engine, syncId, tenantId, readAll } = await scene(
    {},
    {
      read: async (_ctx, cursor) => ({
        changes: [],
        cursor,
        done: false,
        observedAt: new Date().toISOString(),
      }),
    },
  )
  await using _ = engine
  await readAll()
  await expect(engine.changes(syncId)).rejects.toMatchObject({ code: 'endless-list' })
  const { health } = (await healthOf(sql, tenantId, [syncId])).get(syncId)!
  const provider = health.checks.find(({ name }) => name === 'provider')
  expect(provider?.message).toContain('shows what it has shown before')
})

test.each([
  ['a failure that is tried again within a minute', 'transient', undefined, 1],
  ['a wait that the provider asked for', 'rate_limited', 30 * minute, 30],
] as const)('G14: %s is announced to the watch', async (_, kind, retryAfterMs, minutes) => {
  const told = retryAfterMs === undefined ? {} : { retryAfterMs }
  const read = async () => {
    throw new AppError(kind, 'It does not answer.', told)
  }
  const { sql, engine, syncId, readAll } = await scene({}, { read })
  await using _engine = engine
  await readAll()
  await expect(engine.changes(syncId)).rejects.toMatchObject({ kind })
  const [row] = await sql<{ min: number }[]>`
    select (extract(epoch from deadline_at - clock_timestamp()) / 60)::float8 as min from syncs where id = ${syncId}`
  expect(row!.min).toBeGreaterThan(minutes + 2)
  expect(row!.min).toBeLessThan(minutes + 5)
})

test('a duration makes one look, and says when the next is due; the deadline is later than that', async () => {
  const { sql, engine, syncId, state, readAll } = await scene({})
  await using _ = engine
  await readAll()
  const { waitMs } = await engine.changes(syncId)
  expect(state.reads).toBe(1)
  expect(waitMs).toBeGreaterThan(0.9 * hour - minute)
  expect(waitMs).toBeLessThan(hour)
  const [row] = await sql<{ ms: number }[]>`
    select (extract(epoch from deadline_at - clock_timestamp()) * 1000)::float8 as ms from syncs where id = ${syncId}`
  expect(row!.ms).toBeGreaterThan(waitMs)
})

describe('polls', () => {
  /** One poll of a slice that follows, and how long it means to wait for the next. */
  async function polled(told: 'no endpoint' | 'heard' | 'missed', changes: Page['changes'] = []) {
    const made = await scene(
      {},
      {
        read: async () => {
          // the slice is over once it has polled
          made.at.aheadMs = 11 * minute
          return { changes, cursor: null, done: true, observedAt: new Date().toISOString() }
        },
      },
    )
    const { sql, engine, syncId, credentialId, tenantId, readAll } = made
    await using _ = engine
    await readAll()
    await sql`update syncs set sync_frequency = 'continuous' where id = ${syncId}`
    await sql`
      update source set look_every_ms = 250000, last_checked_at = clock_timestamp() - interval '10 s'
       where sync_id = ${syncId}`
    if (told !== 'no endpoint')
      await sql`
        insert into webhook_endpoints (token_hash, tenant_id, provider, credential_id, ciphertext, key_id, last_received_at, missed_at)
        values (${syncId}, ${tenantId}, 'acme', ${credentialId}, '\\x00', 'k', clock_timestamp() - interval '1 h',
                ${told === 'missed' ? new Date() : null}::text::timestamptz)`
    await engine.changes(syncId)
    const [row] = await sql<{ every: number; missed: boolean }[]>`
      select s.look_every_ms::int as every,
             coalesce((select w.missed_at is not null from webhook_endpoints w where w.credential_id = ${credentialId}), false) as missed
        from source s where s.sync_id = ${syncId}`
    return row
  }

  test('are five minutes apart at rest where webhooks arrive, and go on so from slice to slice', async () => {
    expect(await polled('heard')).toEqual({ every: 300_000, missed: false })
  })

  test('are a minute apart without, and where webhooks keep things back', async () => {
    expect(await polled('no endpoint')).toEqual({ every: 60_000, missed: false })
    expect(await polled('missed')).toEqual({ every: 60_000, missed: true })
  })

  test('tell what webhooks keep back', async () => {
    const change = { collection: 'thing', id: 't0', raw: null }
    expect(await polled('heard', [change])).toEqual({ every: 10_000, missed: true })
  })
})
