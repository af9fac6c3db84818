import { and, desc, eq, sql } from 'drizzle-orm'
import type { SQL } from 'drizzle-orm'
import type { AnyPgColumn, PgDatabase } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import { AppError } from '../domain/error.ts'

/** The control plane's drizzle handle, or a transaction of it. */
// eslint-disable-next-line typescript/no-explicit-any
export type Db = PgDatabase<PostgresJsQueryResultHKT, any, any>

export type ListOptions = { limit: number; cursor: string | null }
export type Page<Row> = { rows: Row[]; nextCursor: string | null }

/** Tables that are listed: newest first, by (created_at, id), which no update moves. */
type Listed = { createdAt: AnyPgColumn; id: AnyPgColumn }

/**
 * The keyset of a list: condition, order, one row more than asked for, and the cursor of what follows. Rows that come
 * or go while a client pages neither repeat nor hide another row: a position is a value, not a count.
 */
export function keyset(table: Listed, options: ListOptions) {
  const position = options.cursor === null ? null : readCursor(options.cursor)
  return {
    where:
      position === null
        ? undefined
        : sql`(${table.createdAt}, ${table.id}) < (${position.at}::timestamptz, ${position.id}::uuid)`,
    orderBy: [desc(table.createdAt), desc(table.id)],
    limit: options.limit + 1,
    /** Microseconds survive only as text: a Date would skip or repeat rows of one millisecond. */
    position: sql<string>`(${table.createdAt} at time zone 'UTC')::text`,
  }
}

/** Cuts the extra row off again. `rows` carry `position` of {@link keyset}. */
export function pageOf<Row extends { id: string; position: string }>(
  rows: Row[],
  limit: number,
): Page<Omit<Row, 'position'>> {
  const kept = rows.slice(0, limit)
  const last = kept.at(-1)
  return {
    rows: kept.map(({ position: _, ...row }) => row),
    nextCursor:
      rows.length > limit && last !== undefined ? writeCursor(last.position, last.id) : null,
  }
}

function writeCursor(position: string, id: string): string {
  return Buffer.from(`${position.replace(' ', 'T')}Z ${id}`).toString('base64url')
}

const cursorForm =
  /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

function readCursor(cursor: string): { at: string; id: string } {
  const found = cursorForm.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  const [, at, id] = found ?? []
  if (at === undefined || id === undefined || Number.isNaN(Date.parse(at))) {
    const reason = 'is not a cursor of this list: take it from `next_cursor` of an earlier answer'
    throw new AppError('invalid', `The cursor ${reason}.`, { fields: { cursor: [reason] } })
  }
  return { at, id }
}

/** `and` without the conditions that were not asked for. */
export function every(...conditions: (SQL | undefined)[]): SQL | undefined {
  return and(...conditions.filter((condition) => condition !== undefined))
}

/** `metadata` contains what is asked for. */
export function contains(column: AnyPgColumn, value: Record<string, unknown>): SQL {
  return sql`${column} @> ${JSON.stringify(value)}::text::jsonb`
}

/** Only when it is still the version that the caller saw (If-Match). */
export function isVersion(updatedAt: AnyPgColumn, version: string | null): SQL | undefined {
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
