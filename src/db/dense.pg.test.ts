import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { openPools } from './pools.ts'
import type { Pools } from './pools.ts'

let database: TestDatabase
let pools: Pools
beforeAll(async () => {
  database = await createTestDatabase()
  pools = openPools(database.url, { applicationName: 'dense', control: 1, write: 1, deliver: 1 })
})
afterAll(async () => {
  await pools.end()
  await database[Symbol.asyncDispose]()
})

const breaks = 'select n, 1 / (4 - n) from generate_series(1, 10) n'
const whole = 'select n from generate_series(1, 5) n'
const expected = [1, 2, 3, 4, 5].map((n) => ({ n }))

test('a result is whole after a query on its connection failed in mid-result', async () => {
  const { write } = pools
  const failed = expect(write`select n, 1 / (4 - n) from generate_series(1, 10) n`).rejects.toThrow(
    'division by zero',
  )
  const next = await write`select n from generate_series(1, 5) n`
  await failed
  expect(next).toHaveLength(5)
  expect([...next]).toEqual(expected)
  expect([...(await write`select 1 as n where false`)]).toEqual([])
})

test('also of text that was put together, and of a query by drizzle', async () => {
  await expect(pools.write.unsafe(breaks)).rejects.toThrow('division by zero')
  expect([...(await pools.write.unsafe(whole))]).toEqual(expected)
  await expect(pools.db.execute(sql.raw(breaks))).rejects.toThrow('Failed query')
  expect([...(await pools.db.execute(sql.raw(whole)))]).toEqual(expected)
})

test('a result is whole after the backend of its connection died in mid-result', async () => {
  const { deliver } = pools
  const [backend] = await deliver<{ pid: number }[]>`select pg_backend_pid() as pid`
  const long = deliver`
    select n, repeat('x', 1000) as text, case when n = 5000 then pg_sleep(20)::text end
      from generate_series(1, 10000) n`
  const killed = expect(long).rejects.toThrow(Error)
  await expect
    .poll(
      async () =>
        await database.sql`select 1 from pg_stat_activity where pid = ${backend!.pid} and wait_event = 'PgSleep'`,
    )
    .toHaveLength(1)
  await database.sql`select pg_terminate_backend(${backend!.pid}, 5000)`
  await killed
  // the last word of a dead connection is told once more to the next query in its place
  const first = await deliver`select n from generate_series(1, 5) n`.catch(() => null)
  const next = first ?? (await deliver`select n from generate_series(1, 5) n`)
  expect([...next]).toEqual(expected)
})
