import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { AppError } from '../domain/error.ts'
import type { Query } from './pools.ts'

/** Of the advisory lock that migrations take: drizzle's migrator takes none. */
const lockKey = 7000

const folder = join(import.meta.dirname, '../../drizzle')

type Migration = { tag: string; at: number; breaking: boolean }

/** The migrations that this build knows, oldest first. A breaking one starts with `-- breaking`. */
export function knownMigrations(): Migration[] {
  const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string; when: number }[]
  }
  return journal.entries.map(({ tag, when }) => ({
    tag,
    at: when,
    breaking: readFileSync(join(folder, `${tag}.sql`), 'utf8').startsWith('-- breaking'),
  }))
}

/** Brings the database up to date; of several at once one works and the others wait. Returns how many were applied. */
export async function migrate(url: string): Promise<number> {
  const sql = postgres(url, {
    max: 1,
    onnotice: () => {},
    connection: { application_name: 'sluice:migrate', TimeZone: 'UTC' },
  })
  try {
    await sql`select pg_advisory_lock(${lockKey})`
    const before = await appliedMigrations(sql)
    await runMigrations(drizzle(sql), { migrationsFolder: folder })
    await rememberBreaking(sql)
    return (await appliedMigrations(sql)).length - before.length
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/**
 * Refuses a database that is behind this build, or ahead of it by a breaking migration. `api` and `worker` call it at
 * start; they never migrate by themselves.
 */
export async function assertMigrated(sql: Query): Promise<void> {
  const known = knownMigrations()
  const applied = new Set(await appliedMigrations(sql))
  const missing = known.filter((migration) => !applied.has(migration.at))
  if (missing.length > 0) {
    throw new AppError(
      'permanent',
      `The database lacks ${missing.length} of ${known.length} migrations. Run \`npm run migrate\`, then start again.`,
      { code: 'database-behind', details: { first: missing[0]?.tag ?? null } },
    )
  }
  const newest = known.at(-1)?.at ?? 0
  if (applied.size > known.length && (await breakingSince(sql, newest))) {
    throw new AppError(
      'permanent',
      'The database was migrated by a newer release in a way that this one cannot work with. Run the newer release.',
      { code: 'database-ahead' },
    )
  }
}

async function appliedMigrations(sql: Query): Promise<number[]> {
  const [there] = await sql`select to_regclass('drizzle.__drizzle_migrations') is not null as there`
  if (there?.there !== true) return []
  const rows = await sql<
    { at: string }[]
  >`select created_at::text as at from drizzle.__drizzle_migrations order by created_at`
  return rows.map((row) => Number(row.at))
}

/** An older build cannot read the text of a migration that it does not have: so the database remembers which were breaking. */
async function rememberBreaking(sql: Query): Promise<void> {
  await sql`create table if not exists drizzle.breaking_migrations (at bigint primary key, tag text not null)`
  for (const { tag, at, breaking } of knownMigrations()) {
    if (breaking)
      await sql`insert into drizzle.breaking_migrations values (${at}, ${tag}) on conflict do nothing`
  }
}

async function breakingSince(sql: Query, at: number): Promise<boolean> {
  const rows = await sql`select 1 from drizzle.breaking_migrations where at > ${at} limit 1`
  return rows.length > 0
}
