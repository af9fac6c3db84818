import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../test/support/database.ts'
import { makeSync } from '../test/support/sync.ts'
import { hint } from './hints.ts'

test('G14: a webhook tells which syncs wait for their next try, and each seldom', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const { syncId, credentialId } = await makeSync(sql)
  const hints = [{ collectionId: 'acme:thing', upstreamId: 'a' }]
  const tell = async (failingForS: number | null, more = {}) => {
    await sql`
      update syncs
         set ${sql({ status: 'active', sync_frequency: 'continuous', ...more })},
             error_since = clock_timestamp() - ${failingForS}::float8 * interval '1 s'
       where id = ${syncId}`
    return await hint(sql, credentialId, hints)
  }
  expect(await tell(60)).toEqual({ count: 1, waiting: [syncId] })
  expect(await tell(null)).toEqual({ count: 1, waiting: [] })
  // It was told a moment ago, and has failed again.
  expect(await tell(5)).toMatchObject({ waiting: [] })
  expect(await tell(60, { sync_frequency: '1h' })).toMatchObject({ waiting: [] })
  expect(await tell(60, { status: 'paused' })).toMatchObject({ waiting: [] })
  await sql`
    insert into slices (sync_id, name, worker_id, workflow_id, run_id, activity_id)
    values (${syncId}, 'changes', ${randomUUID()}, 'w', 'r', '1')`
  expect(await tell(60)).toMatchObject({ waiting: [] })
})
