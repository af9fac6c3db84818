import { hash } from 'node:crypto'
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

// Whoever ran `npm start` on main has applied them: a changed text would be applied again, and fail on what is there.
test('a migration that was on main is never edited', () => {
  const landed = [
    ['0000_init', '6f44aa861eb7a84f'],
    ['0001_storage', '2b93fb245fcc5221'],
    ['0002_functions', '6fde0b552e9f4388'],
    ['0003_full_strength', '7182a9bd2e0f7d50'],
    ['0004_functions_2', '0b63eb5e18cba55f'],
    ['0005_tokens_and_quarantine', '9341c7d1a9667a77'],
    ['0006_functions_3', 'f3fe1b57f0dcee87'],
    ['0007_functions_4', '9bca09783abd1b59'],
    ['0008_functions_5', '8fa9b422afe2543f'],
    ['0009_idempotency_taken_at', 'a4171bc23e0cb4c4'],
  ]
  const hashes = [...textsOf(migrationsFolder).keys()].map((name) => [
    name.replace('.sql', ''),
    hash('sha256', readFileSync(join(migrationsFolder, name)), 'hex').slice(0, 16),
  ])
  expect(hashes).toEqual(landed)
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
