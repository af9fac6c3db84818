// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { expect, test } from 'vitest'
import { idsOf, openCounter } from '../../test/support/counter.ts'
import { createTestDatabase } from '../../test/support/database.ts'

test('G5: a record that is written between the list of a claim and the claim is out with nobody, and comes at once', async () => {
  await using database = await createTestDatabase()
  const { setUp, put, next, countsHold, close } = openCounter(database)
  const scene = await setUp({ filters: { provider: 'acme' }, maxAckPending: 2 })
  await put(scene, ['a', 'b', 'c'])
  const [row] = await database.sql<{ definition: string }[]>`
    select pg_get_functiondef('stream_next_v2'::regproc) as definition`
  const between = '    return query\n      with cand as materialized ('
  const moved = row!.definition.replace(
    between,
    `    update record set updated_idx = 4 where upstream_id = 'a' and updated_idx = 1;\n    update stream_head set last_idx = 4 where last_idx = 3;\n${between}`,
  )
  expect(moved).not.toBe(row!.definition)
  await database.sql.unsafe(moved)
  expect(idsOf(await next(scene, 3))).toEqual(['b', 'c'])
  await countsHold(scene)
  await database.sql`update consumer set max_ack_pending = 10`
  expect(idsOf(await next(scene, 3))).toEqual(['a'])
  await close()
})
