import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect, inject, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import { assertMigrated, knownMigrations, migrate } from './migrate.ts'

const functionsFolder = join(import.meta.dirname, 'functions')
const migrationsFolder = join(import.meta.dirname, '../../drizzle')

function textsOf(folder: string): Map<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'))
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8').trim()]))
}

test('every file of functions stands, letter by letter, in one migration', () => {
  const migrations = [...textsOf(migrationsFolder).values()]
  for (const [name, text] of textsOf(functionsFolder)) {
    const copies = migrations.filter((migration) => migration.includes(text))
    expect([name, copies.length]).toEqual([name, 1])
    expect(text).toContain(`create function ${name.replace('.sql', '')}(`)
  }
})

test('the migrated database has the functions of the files, and no other versioned ones', async () => {
  await using database = await createTestDatabase()
  const rows = await database.sql<{ name: string }[]>`
    select proname as name from pg_proc where proname ~ '_v[0-9]+$' order by proname`
  const names = [...textsOf(functionsFolder).keys()].map((name) => name.replace('.sql', ''))
  expect(rows.map(({ name }) => name)).toEqual(names.sort())
})

test('a second run applies nothing, and two at once do not meet', async () => {
  await using database = await createTestDatabase()
  await database.sql`drop schema drizzle cascade`
  await database.sql`drop schema public cascade`
  await database.sql`create schema public`
  const counts = await Promise.all([migrate(database.url), migrate(database.url)])
  expect(counts.sort()).toEqual([0, knownMigrations().length])
})

test('a database that is behind is refused with the command that helps', async () => {
  await using database = await createTestDatabase()
  await assertMigrated(database.sql)
  await database.sql`
    delete from drizzle.__drizzle_migrations where created_at = (select max(created_at) from drizzle.__drizzle_migrations)`
  await expect(assertMigrated(database.sql)).rejects.toThrow('npm run migrate')
})

test('an empty database is behind, not an error of the database', async () => {
  const sql = postgres(inject('databaseUrl'), { max: 1, connection: { search_path: 'nowhere' } })
  try {
    await expect(assertMigrated(sql)).rejects.toMatchObject({ code: 'database-behind' })
  } finally {
    await sql.end()
  }
})

test('a newer migration is no obstacle, a newer breaking one is', async () => {
  await using database = await createTestDatabase()
  const later = knownMigrations().at(-1)!.at + 1
  await database.sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('unknown', ${later})`
  await assertMigrated(database.sql)
  await database.sql`insert into drizzle.breaking_migrations (at, tag) values (${later}, 'unknown')`
  await expect(assertMigrated(database.sql)).rejects.toMatchObject({ code: 'database-ahead' })
})
