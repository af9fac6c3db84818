import { and, desc, eq, sql } from 'drizzle-orm'
import type { SQL } from 'drizzle-orm'
import type { AnyPgColumn, PgDatabase, PgTable, SelectedFields } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import { notACursor, readRowCursor, rowCursor } from '../domain/cursor.ts'
import { AppError } from '../domain/error.ts'

/** The control plane's drizzle handle, or a transaction of it. */
export type Db = PgDatabase<PostgresJsQueryResultHKT, Record<string, unknown>>

export type ListOptions = { limit: number; cursor: string | null }
/** `cursors`: of what follows each row, for who gives only a part of the page. */
export type Page<Row> = { rows: Row[]; cursors: string[]; nextCursor: string | null }

/** Tables that are listed: newest first, by (created_at, id), which no update moves. */
type Listed = PgTable & { createdAt: AnyPgColumn; id: AnyPgColumn }

/**
 * One page of a list: the rows that fit all conditions, newest first, and the cursor of what follows. Rows that come or go while a
 * client pages neither repeat nor hide another row: a position is a value, not a count. Microseconds are counted, not read as a Date,
 * which would skip or repeat rows of one millisecond.
 */
export async function listPage<Row extends { id: string }>(
  db: Db,
  table: Listed,
  columns: SelectedFields,
  conditions: (SQL | undefined)[],
  options: ListOptions,
): Promise<Page<Row>> {
  const at = options.cursor === null ? null : positionOf(options.cursor)
  const after =
    at === null
      ? undefined
      : sql`(${table.createdAt}, ${table.id}) < (timestamptz 'epoch' + ${at.micros}::bigint * interval '1 microsecond', ${at.id}::uuid)`
  const found = await db
    .select({ ...columns, position: versionOf(table.createdAt) })
    .from(table)
    .where(every(...conditions, after))
    .orderBy(desc(table.createdAt), desc(table.id))
    .limit(options.limit + 1)
  const rows = found as unknown as (Row & { position: string })[]
  const kept = rows.slice(0, options.limit)
  const cursors = kept.map((row) => rowCursor(row.position, row.id))
  return {
    rows: kept.map(({ position: _, ...row }) => row as unknown as Row),
    cursors,
    nextCursor: rows.length > options.limit ? (cursors.at(-1) ?? null) : null,
  }
}

function positionOf(cursor: string): { micros: string; id: string } {
  const position = readRowCursor(cursor)
  if (position !== null) return position
  throw new AppError('invalid', `The cursor ${notACursor}.`, { fields: { cursor: [notACursor] } })
}

/** Changes the row, where it is there and still of this version (If-Match; null: any). Tells whether it did. */
export async function patchRow(
  db: Db,
  table: PgTable & { updatedAt: AnyPgColumn; id: AnyPgColumn },
  mine: SQL | undefined,
  patch: object,
  version: string | null,
): Promise<boolean> {
  const changed = await db
    .update(table)
    .set({ ...patch, updatedAt: sql`clock_timestamp()` })
    .where(every(mine, isVersion(table.updatedAt, version)))
    .returning({ id: table.id })
  return changed.length > 0
}

/** `and` without the conditions that were not asked for. */
function every(...conditions: (SQL | undefined)[]): SQL | undefined {
  return and(...conditions.filter((condition) => condition !== undefined))
}

/** `metadata` contains what is asked for. */
export function contains(column: AnyPgColumn, value: Record<string, unknown>): SQL {
  return sql`${column} @> ${JSON.stringify(value)}::text::jsonb`
}

/** Only when it is still the version that the caller saw (If-Match). */
function isVersion(updatedAt: AnyPgColumn, version: string | null): SQL | undefined {
  return version === null
    ? undefined
    : sql`(extract(epoch from ${updatedAt}) * 1000000)::bigint::text = ${version}`
}

/** The version of a row, an ETag: microseconds of its last update. */
export function versionOf(updatedAt: AnyPgColumn): SQL<string> {
  return sql<string>`(extract(epoch from ${updatedAt}) * 1000000)::bigint::text`
}

export function notFound(noun: string): AppError {
  return new AppError(
    'not_found',
    `There is no ${noun} with this id. Check the id, and that the API key is of the right tenant.`,
  )
}

/** A create that is repeated under its id, after somebody deleted what it had made. */
export function goneSince(noun: string): AppError {
  return new AppError(
    'conflict',
    `The ${noun} that this request made before is gone. Repeat it to make another one.`,
  )
}

export function changedMeanwhile(noun: string): AppError {
  return new AppError(
    'conflict',
    `This ${noun} has changed since the version in If-Match. Read it again and repeat the change.`,
    { code: 'precondition-failed' },
  )
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** What is no uuid names nothing, and must not reach a uuid column. */
export function isUuid(text: string): boolean {
  return uuidForm.test(text)
}

/** In a filter, what is no uuid matches nothing. */
export function isId(column: AnyPgColumn, text: string): SQL {
  return isUuid(text) ? eq(column, text) : sql`false`
}

/** As one parameter, so that it is one prepared statement whatever their number. What is no uuid names nothing. */
export function isOneOf(column: AnyPgColumn, ids: string[]): SQL {
  return sql`${column} = any(${`{${ids.filter(isUuid).join(',')}}`}::uuid[])`
}

/** SQLSTATE of a failed statement, through whatever wrapped it: `23505` unique, `23503` foreign key. */
export function sqlState(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as Error & { code?: unknown }
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code
  }
  return null
}

/** A column whose shape the schema does not tell (jsonb, arrays of words), read as what the store writes into it. */
export function typed<Shape>(column: AnyPgColumn): SQL<Shape> {
  return sql`${column}`.mapWith(column) as SQL<Shape>
}
