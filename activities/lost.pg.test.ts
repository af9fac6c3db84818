import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { limits } from '../src/domain/limits.ts'
import { createLog } from '../src/log.ts'
import { createTestDatabase } from '../test/support/database.ts'
import { makeSync } from '../test/support/sync.ts'
import { failLost } from './lost.ts'
import type { Pending } from './lost.ts'
import type { ActivityRef } from './takeover.ts'

const log = createLog({ logLevel: 'silent' })

function pending(activityId: string, runningForMs: number, type = 'changesSlice'): Pending {
  return { workflowId: 'w', runId: 'r', activityId, type, runningForMs }
}

test('G14: a slice that runs by Temporal alone is failed, so that it runs again', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const { syncId } = await makeSync(sql)
  const registered = await makeSync(sql)
  const paused = await makeSync(sql)
  await sql`update syncs set status = 'paused' where id = ${paused.syncId}`
  await sql`
    insert into slices (sync_id, name, worker_id, workflow_id, run_id, activity_id)
    values (${registered.syncId}, 'changes', ${randomUUID()}, 'w', 'r', '1')`
  const asked: string[] = []
  const failed: ActivityRef[] = []
  const count = await failLost({
    sql,
    log,
    fail: async (activity) => void failed.push(activity),
    async pendingOf(id) {
      asked.push(id)
      const justTaken = pending('3', 1_000)
      return [pending('2', 60_000), justTaken, pending('4', 60_000, 'backfillSlice')]
    },
  })
  expect(count).toBe(1)
  expect(asked).toEqual([syncId])
  expect(failed).toMatchObject([{ activityId: '2' }])
})

test('G14: of a sync with a duration the pass that is due is looked for, and no sooner', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const [due, later] = [await makeSync(sql), await makeSync(sql)]
  await sql`update syncs set sync_frequency = '1h'`
  const dueIn = async ({ syncId }: { syncId: string }, seconds: number) =>
    await sql`
      update syncs
         set deadline_at = clock_timestamp() + ${seconds + limits.passPatienceMs / 1_000}::float8 * interval '1 s'
       where id = ${syncId}`
  await dueIn(later, 1_200)
  await dueIn(due, -10)
  const asked: string[] = []
  const round = async () =>
    await failLost({
      sql,
      log,
      fail: async () => undefined,
      async pendingOf(id) {
        asked.push(id)
        return [pending('2', limits.enterMs + 1_000)]
      },
    })
  expect(await round()).toBe(0)
  await dueIn(due, -30)
  expect(await round()).toBe(1)
  expect(asked).toEqual([due.syncId])
})

test('a sync of which Temporal cannot tell holds up no other', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const [one, other] = [await makeSync(sql), await makeSync(sql)]
  const count = await failLost({
    sql,
    log,
    fail: async () => undefined,
    async pendingOf(id) {
      if (id === one.syncId) throw new Error('the engine is away')
      expect(id).toBe(other.syncId)
      return [pending('2', 60_000)]
    },
  })
  expect(count).toBe(1)
})
