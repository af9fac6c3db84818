import { and, eq, isNull, or, sql } from 'drizzle-orm'
import { consumer } from '../db/schema/consumer.ts'
import { streams, syncs } from '../db/schema/control.ts'
import { stream, streamHead } from '../db/schema/stream.ts'
import { AppError } from '../domain/error.ts'
import type { Db, ListOptions, Page } from './page.ts'
import {
  changedMeanwhile,
  isUuid,
  listPage,
  notFound,
  patchRow,
  sqlState,
  versionOf,
} from './page.ts'

/** Counts of records are exact up to here, and then stay here: nobody waits for a count of ten million rows. */
const streamCountMax = 100_000

type StreamCounts = { records: number; deleted: number; syncs: number; consumers: number }
export type Stream = {
  id: string
  streamNo: number
  slug: string
  counts: StreamCounts
  lastIdx: number
  version: string
  createdAt: Date
  updatedAt: Date
}

/** Qualified by hand: drizzle drops the table's name in the columns of a select, and an inner table would catch them. */
const [outerNo, outerId] = [sql.raw('streams.stream_no'), sql.raw('streams.id')]

const counted = (condition: 'deleted' | 'not deleted') =>
  sql`(select count(*) from (select 1 from record r where r.stream_no = ${outerNo} and ${sql.raw(condition)} limit ${sql.raw(String(streamCountMax))}) q)`

const columns = {
  id: streams.id,
  streamNo: streams.streamNo,
  slug: streams.slug,
  counts: sql<StreamCounts>`json_build_object(
    'records', ${counted('not deleted')},
    'deleted', ${counted('deleted')},
    'syncs', (select count(*) from syncs s where s.stream_id = ${outerId} and s.deleted_at is null),
    'consumers', (select count(*) from consumer c where c.stream_no = ${outerNo}))`.mapWith(parsed),
  lastIdx:
    sql<number>`coalesce((select max(h.last_idx) from stream_head h where h.stream_no = ${outerNo}), 0)`.mapWith(
      Number,
    ),
  version: versionOf(streams.updatedAt),
  createdAt: streams.createdAt,
  updatedAt: streams.updatedAt,
}

export async function createStream(
  db: Db,
  tenantId: string,
  input: { id: string; slug: string },
): Promise<Stream> {
  try {
    await db.transaction(async (tx) => {
      const [known] = await tx
        .select({ id: streams.id })
        .from(streams)
        .where(named(tenantId, input.id))
      if (known === undefined) await insertStream(tx, tenantId, input)
    })
  } catch (error) {
    throw slugTaken(error, input.slug)
  }
  return await getStream(db, tenantId, input.id)
}

async function insertStream(tx: Db, tenantId: string, input: { id?: string; slug: string }) {
  const [made] = await tx.insert(stream).values({}).returning({ streamNo: stream.streamNo })
  if (made === undefined) throw new Error('a stream was inserted and gave no number')
  await tx.insert(streamHead).values({ streamNo: made.streamNo, lastIdx: 0 })
  await tx.insert(streams).values({ tenantId, streamNo: made.streamNo, ...input })
}

/** Each tenant has a stream of this slug: syncs and consumers that name no stream are on it. */
const defaultSlug = 'default'

export async function ensureDefaultStream(db: Db, tenantId: string): Promise<void> {
  const isDefault = and(eq(streams.tenantId, tenantId), eq(streams.slug, defaultSlug))
  const [found] = await db.select({ id: streams.id }).from(streams).where(isDefault)
  if (found !== undefined) return
  try {
    await db.transaction(async (tx) => insertStream(tx, tenantId, { slug: defaultSlug }))
  } catch (error) {
    // another process was first
    if (sqlState(error) !== '23505') throw error
  }
}

/** `idOrSlug`: a slug that looks like an id loses against the id. */
export async function getStream(db: Db, tenantId: string, idOrSlug: string): Promise<Stream> {
  const rows = await db
    .select(columns)
    .from(streams)
    .where(named(tenantId, idOrSlug))
    .orderBy(sql`${streams.slug} = ${idOrSlug}`)
    .limit(1)
  if (rows[0] === undefined) throw notFound('stream')
  return rows[0]
}

/** A stream without its counts. */
export async function findStream(
  db: Db,
  tenantId: string,
  idOrSlug: string,
): Promise<{ id: string; streamNo: number; slug: string }> {
  const [row] = await db
    .select({ id: streams.id, streamNo: streams.streamNo, slug: streams.slug })
    .from(streams)
    .where(named(tenantId, idOrSlug))
    .orderBy(sql`${streams.slug} = ${idOrSlug}`)
    .limit(1)
  if (row === undefined) throw notFound('stream')
  return row
}

export async function listStreams(
  db: Db,
  tenantId: string,
  filter: { slug: string | null },
  options: ListOptions,
): Promise<Page<Stream>> {
  const conditions = [
    eq(streams.tenantId, tenantId),
    filter.slug === null ? undefined : eq(streams.slug, filter.slug),
  ]
  return await listPage<Stream>(db, streams, columns, conditions, options)
}

export async function patchStream(
  db: Db,
  tenantId: string,
  idOrSlug: string,
  patch: { slug?: string },
  version: string | null,
): Promise<Stream> {
  const { id, slug } = await findStream(db, tenantId, idOrSlug)
  if (slug === defaultSlug && (patch.slug ?? slug) !== slug) throw isNeeded('keeps its slug')
  try {
    const row = and(eq(streams.tenantId, tenantId), eq(streams.id, id))
    if (!(await patchRow(db, streams, row, patch, version))) throw changedMeanwhile('stream')
  } catch (error) {
    throw slugTaken(error, patch.slug ?? '')
  }
  return await getStream(db, tenantId, id)
}

/**
 * Refused while a sync or a consumer is on it: syncs that are being removed count too, for they still write tombstones. Whoever makes
 * one locks the row of the stream against this: either it is counted here, or its maker finds no stream.
 */
export async function deleteStream(db: Db, tenantId: string, idOrSlug: string): Promise<string> {
  try {
    return await db.transaction(async (tx) => {
      const { id, streamNo, slug } = await findStream(tx, tenantId, idOrSlug)
      if (slug === defaultSlug) throw isNeeded('cannot be deleted')
      const row = and(eq(streams.tenantId, tenantId), eq(streams.id, id))
      const held = await tx.select({ id: streams.id }).from(streams).where(row).for('update')
      if (held.length === 0) throw notFound('stream')
      const used = {
        syncs: await tx.$count(
          syncs,
          and(eq(syncs.tenantId, tenantId), eq(syncs.streamId, id), isNull(syncs.deletedAt)),
        ),
        consumers: await tx.$count(consumer, eq(consumer.streamNo, streamNo)),
      }
      if (used.syncs + used.consumers > 0) {
        throw new AppError(
          'conflict',
          `The stream has ${used.syncs} syncs and ${used.consumers} consumers. Delete them first.`,
          { code: 'in-use', details: used },
        )
      }
      await tx.delete(streams).where(row)
      return id
    })
  } catch (error) {
    if (sqlState(error) !== '23503') throw error
    throw new AppError(
      'conflict',
      'A sync of this stream is still being removed. Try again when it is gone.',
      { code: 'in-use', cause: error },
    )
  }
}

function named(tenantId: string, idOrSlug: string) {
  const byId = isUuid(idOrSlug) ? eq(streams.id, idOrSlug) : undefined
  return and(eq(streams.tenantId, tenantId), or(eq(streams.slug, idOrSlug), byId))
}

function isNeeded(what: string): AppError {
  return new AppError(
    'conflict',
    `The stream \`default\` ${what}: syncs and consumers that name no stream are on it. Create another stream beside it.`,
  )
}

/** Drizzle's client hands json over as text. */
function parsed(value: unknown): StreamCounts {
  return (typeof value === 'string' ? JSON.parse(value) : value) as StreamCounts
}

function slugTaken(error: unknown, slug: string): unknown {
  if (sqlState(error) !== '23505') return error
  return new AppError(
    'conflict',
    `There already is a stream with the slug ${JSON.stringify(slug)}. Choose another, or use that one.`,
    { code: 'slug-taken', cause: error },
  )
}
