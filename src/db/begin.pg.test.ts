import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

async function kill(pid: number): Promise<void> {
  await database.pools.listen`select pg_terminate_backend(${pid}, 5000)`
}

test.for(['while it waits', 'while it works', 'within a savepoint'] as const)(
  'a transaction whose backend is killed %s rejects, and neither the process nor the pool suffers',
  async (when) => {
    for (let round = 0; round < 20; round++) {
      const transaction = database.sql.begin(async (tx) => {
        const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
        if (when === 'while it waits') {
          await kill(row!.pid)
          await tx`select 1`
          return
        }
        const working = async (inner: typeof tx) => {
          await Promise.all([inner`select pg_sleep(10)`, kill(row!.pid)])
        }
        if (when === 'while it works') await working(tx)
        else await tx.savepoint(working)
      })
      await expect(transaction).rejects.toThrow(Error)
    }
    // postgres.js tells the last word of a dead connection once more to the next query in its place
    const answers = async () => {
      const queries = Array.from({ length: 20 }, async () => await database.sql`select 1`)
      return (await Promise.allSettled(queries)).every(({ status }) => status === 'fulfilled')
    }
    await expect.poll(answers).toBe(true)
  },
)

test('an error of the work rolls back, and is what begin rejects with', async () => {
  const transaction = database.sql.begin(async (tx) => {
    await tx`insert into tenants (name) values ('rolled back')`
    throw new Error('of the work')
  })
  await expect(transaction).rejects.toThrow('of the work')
  expect([...(await database.sql`select 1 from tenants where name = 'rolled back'`)]).toEqual([])
})

test('an error within a savepoint rolls back to it only', async () => {
  await database.sql.begin(async (tx) => {
    await tx`insert into tenants (name) values ('kept')`
    await expect(
      tx.savepoint(async (inner) => {
        await inner`insert into tenants (name) values ('undone')`
        await inner`insert into tenants (name) values ('kept')`
      }),
    ).rejects.toThrow('duplicate key')
  })
  const rows = await database.sql<
    { name: string }[]
  >`select name from tenants where name in ('kept', 'undone')`
  expect(rows.map(({ name }) => name)).toEqual(['kept'])
})

test('fragments compose within a transaction', async () => {
  const rows = await database.sql.begin(async (tx) => {
    const only = tx`where n > ${1}`
    return await tx<{ n: number }[]>`select n from unnest(array[1, 2]) n ${only}`
  })
  expect([...rows]).toEqual([{ n: 2 }])
})
