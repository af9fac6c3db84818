import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { toAppError } from './errors.ts'
import { openGate } from '../../test/support/tcpGate.ts'
import { openPools, toNumber } from './pools.ts'
import { tenants } from './schema/control.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

test('raw pools leave timestamps, JSON and int8 as the text that the database sent', async () => {
  const [row] = await database.sql`
    select timestamptz '2026-01-02 03:04:05.123456Z' as at, '{ "n": 9007199254740993 }'::json as j, 5::int8 as n`
  expect(row).toEqual({
    at: '2026-01-02 03:04:05.123456+00',
    j: '{ "n": 9007199254740993 }',
    n: '5',
  })
})

test('JSON goes in as text, once', async () => {
  const [row] =
    await database.sql`select ${'{"a": 12345678901234567890}'}::json as j, ${'"x"'}::jsonb as k`
  expect(row).toEqual({ j: '{"a": 12345678901234567890}', k: '"x"' })
})

test('control queries are prepared once, within transactions too', async () => {
  const { db, control } = database.pools
  const prepared = async () => {
    const look = (tx: Pick<typeof db, 'select'>) =>
      tx.select({ id: tenants.id }).from(tenants).where(eq(tenants.name, 'x'))
    return await db.transaction(async (tx) => {
      await tx.transaction(async (inner) => await look(inner))
      await look(tx)
      const rows = await tx.execute<{ n: string }>(sql`
        select count(*)::text as n from pg_prepared_statements where statement like '%from "tenants"%'`)
      return rows[0]!.n
    })
  }
  expect(await prepared()).toBe('1')
  expect(control.options.max).toBe(4)
})

test('writes wait for the disk, deliveries do not', async () => {
  const setting = async (sql: typeof database.sql) =>
    (await sql<{ value: string }[]>`select current_setting('synchronous_commit') as value`)[0]!
      .value
  expect(await setting(database.pools.write)).toBe('on')
  expect(await setting(database.pools.deliver)).toBe('off')
})

test('an int8 beyond the safe integers is refused, not rounded', () => {
  expect(toNumber('9007199254740991')).toBe(9_007_199_254_740_991)
  expect(() => toNumber('9007199254740993')).toThrow('safe integer')
})

test.for([
  ['a deadlock', "raise exception using errcode = '40P01'", 'transient'],
  ['a server that shuts down', "raise exception using errcode = '57P01'", 'transient'],
  ['a full disk', "raise exception using errcode = '53100'", 'transient'],
  ['a page under a lost lease', "raise exception using errcode = 'SL001'", 'stopped'],
  ['a consumer that is gone', "raise exception using errcode = 'SL003'", 'not_found'],
  ['anything else', 'perform 1 / 0', 'bug'],
] as const)('%s is an AppError of its kind, without a word of SQL', async ([, statement, kind]) => {
  const error = await database.sql.unsafe(`do $$ begin ${statement}; end $$`).then(
    () => null,
    (thrown: unknown) => toAppError(thrown),
  )
  expect(error).toMatchObject({ kind })
  expect(error!.message).not.toMatch(/select|perform|division|errcode/i)
})

test('a connection that breaks is transient', async () => {
  const broken = database.sql.begin(async (tx) => {
    const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
    await database.sql`select pg_terminate_backend(${row!.pid})`
    await tx`select 1`
  })
  const error = await broken.then(
    () => null,
    (thrown: unknown) => toAppError(thrown),
  )
  expect(error).toMatchObject({ kind: 'transient' })
})

test('a pool that was refused for a while answers soon after the server is there again', async () => {
  const url = new URL(database.url)
  await using gate = await openGate(Number(url.port))
  url.port = String(gate.port)
  const pools = openPools(url.href, { applicationName: 'test', write: 1 })
  gate.shut()
  for (let refused = 0; refused < 8; refused++)
    await expect(pools.write`select 1`).rejects.toThrow('')
  gate.open()
  const openedAt = performance.now()
  await expect
    .poll(() => pools.write`select 1 as one`.catch(() => null), { timeout: 10_000 })
    .toEqual([{ one: 1 }])
  expect(performance.now() - openedAt).toBeLessThan(3_000)
  await pools.end()
})
