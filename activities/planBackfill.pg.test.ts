import { expect, test } from 'vitest'
import { createTestDatabase } from '../test/support/database.ts'
import { openEngine } from '../test/support/engine.ts'
import { makeSync, thingsAt } from '../test/support/sync.ts'

test('G14: neither a plan nor a slice of reading moves the deadline of whoever follows the changes', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const thing = { ...thingsAt([1_000, 2_000], 10).collection, refresh: {} }
  await using engine = await openEngine(database, { collections: { thing } })
  const { syncId } = await makeSync(sql)
  await sql`update syncs set deadline_at = '2026-01-01' where id = ${syncId}`
  const deadline = async () =>
    (
      await sql<
        { at: string }[]
      >`select deadline_at::date::text as at from syncs where id = ${syncId}`
    )[0]!.at
  expect(await engine.plan(syncId)).toMatchObject({ collections: ['acme:thing'] })
  expect(await deadline()).toBe('2026-01-01')
  expect(await engine.backfill(syncId)).toMatchObject({ done: true, records: 2 })
  expect(await engine.plan(syncId)).toMatchObject({ collections: [] })
  expect(await deadline()).toBe('2026-01-01')
  const [row] = await sql<{ progress: boolean }[]>`
    select last_progress_at is not null as progress from syncs where id = ${syncId}`
  expect(row).toEqual({ progress: true })
})
