/** Who comes onto a stream while it is deleted: one of the two is refused, and nothing is left behind. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { waitForLock } from '../../test/support/held.ts'
import { makeConsumer } from '../../test/support/stream.ts'
import { makeSync } from '../../test/support/sync.ts'
import { deleteStream } from './streams.ts'
import { insertSync } from './syncs.ts'

/** A stream that nothing is on, and what makes a consumer or a sync of it. */
async function setUp({ sql, pools }: TestDatabase) {
  const { syncId, tenantId, streamNo, credentialId } = await makeSync(sql)
  await sql`delete from source where sync_id = ${syncId}`
  await sql`delete from syncs where id = ${syncId}`
  const [stream] = await sql<{ id: string }[]>`select id from streams where stream_no = ${streamNo}`
  const streamId = stream!.id
  const makers = {
    consumer: async () => await makeConsumer(sql, { tenantId, streamId, streamNo }),
    sync: async () =>
      await insertSync(pools.db, tenantId, {
        id: randomUUID(),
        streamId,
        streamNo,
        credentialId,
        provider: 'acme',
        name: null,
        collectionIds: ['acme:thing'],
        syncFrequency: 'continuous',
        maxAgeDays: null,
        rateLimit: null,
        externalId: null,
        metadata: {},
      }),
  }
  return {
    make: async (what: keyof typeof makers): Promise<unknown> => await makers[what](),
    remove: async () => await deleteStream(pools.db, tenantId, streamId),
    left: async () => {
      const [row] = await sql<{ streams: number; users: number }[]>`
        select (select count(*)::int from streams where stream_no = ${streamNo}) as streams,
               ((select count(*) from consumer) + (select count(*) from consumer_state) + (select count(*) from syncs)
                 + (select count(*) from source))::int as users`
      return row
    },
  }
}

/** Begins `first`, which then waits for `table`; begins `second`, which waits too; lets both go on. */
async function inTurn(
  { sql }: TestDatabase,
  table: string,
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
) {
  const outcomes: Promise<unknown>[] = []
  await sql.begin(async (tx) => {
    await tx`lock table ${tx(table)} in access exclusive mode`
    outcomes.push(first().catch((error: unknown) => error))
    await waitForLock(sql, '', 1)
    outcomes.push(second().catch((error: unknown) => error))
    await waitForLock(sql, '', 2)
  })
  return await Promise.all(outcomes)
}

test.for([
  ['consumer', 'consumer_state'],
  ['sync', 'source'],
] as const)('a stream on which a %s is being made is not deleted', async ([what, table]) => {
  await using database = await createTestDatabase()
  const { make, remove, left } = await setUp(database)
  const [made, removed] = await inTurn(database, table, async () => await make(what), remove)
  expect(made).toMatchObject({ id: expect.any(String) })
  expect(removed).toMatchObject({ kind: 'conflict', code: 'in-use' })
  expect(await left()).toEqual({ streams: 1, users: 2 })
})

test.for([
  ['consumer', 'not_found'],
  ['sync', 'conflict'],
] as const)('a %s of a stream that is being deleted is not made', async ([what, kind]) => {
  await using database = await createTestDatabase()
  const { make, remove, left } = await setUp(database)
  const [removed, made] = await inTurn(database, 'syncs', remove, async () => await make(what))
  expect(removed).toEqual(expect.any(String))
  expect(made).toMatchObject({ kind })
  expect(await left()).toEqual({ streams: 0, users: 0 })
})
