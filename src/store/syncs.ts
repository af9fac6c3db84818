import { and, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import { syncs } from '../db/schema/control.ts'
import { AppError } from '../domain/error.ts'
import type { RateLimit } from '../domain/sync.ts'
import type { Db, ListOptions, Page } from './page.ts'
import {
  changedMeanwhile,
  contains,
  goneSince,
  isId,
  isOneOf,
  isUuid,
  listPage,
  notFound,
  sqlState,
  typed,
  versionOf,
} from './page.ts'
import { insertSources, setCollections, updateSources } from './sources.ts'
import { findStream } from './streams.ts'

export type Sync = {
  id: string
  provider: string
  streamId: string
  credentialId: string
  name: string | null
  status: 'active' | 'paused'
  collectionIds: string[]
  syncFrequency: string
  maxAgeDays: number | null
  rateLimit: RateLimit | null
  externalId: string | null
  metadata: Record<string, unknown>
  initialBackfillCompletedAt: Date | null
  version: string
  createdAt: Date
  updatedAt: Date
}

const all = getTableColumns(syncs)
const columns = {
  id: all.id,
  provider: all.provider,
  streamId: all.streamId,
  credentialId: all.credentialId,
  name: all.name,
  status: sql<'active' | 'paused'>`${all.status}`,
  collectionIds: sql<
    string[]
  >`coalesce((select json_agg(s.collection_id order by s.source_no) from source s where s.sync_id = syncs.id and s.removed_at is null), '[]')`.mapWith(
    parsed,
  ),
  syncFrequency: all.syncFrequency,
  maxAgeDays: all.maxAgeDays,
  rateLimit: typed<RateLimit | null>(all.rateLimit),
  externalId: all.externalId,
  metadata: typed<Record<string, unknown>>(all.metadata),
  initialBackfillCompletedAt: all.initialBackfillCompletedAt,
  version: versionOf(all.updatedAt),
  createdAt: all.createdAt,
  updatedAt: all.updatedAt,
}

export type NewSync = {
  id: string
  streamId: string
  streamNo: number
  credentialId: string
  provider: string
  name: string | null
  collectionIds: string[]
  syncFrequency: string
  maxAgeDays: number | null
  rateLimit: RateLimit | null
  externalId: string | null
  metadata: Record<string, unknown>
}

/**
 * The sync and a `source` row for each of its collections, in one transaction: a consumer's filter sees both or neither.
 * Its deadline is near, so that the watch starts it, should nobody else. The same id again is the same sync.
 */
export async function insertSync(db: Db, tenantId: string, input: NewSync): Promise<Sync> {
  const { streamNo, collectionIds, ...row } = input
  try {
    await db.transaction(async (tx) => {
      const made = await tx
        .insert(syncs)
        .values({ tenantId, ...row, deadlineAt: sql`now() + interval '10 seconds'` })
        .onConflictDoNothing({ target: syncs.id })
        .returning({ id: syncs.id })
      if (made.length === 0) return
      const { provider, externalId, metadata } = row
      await insertSources(tx, tenantId, {
        syncId: row.id,
        provider,
        externalId,
        metadata,
        streamNo,
        collectionIds,
      })
    })
  } catch (error) {
    if (sqlState(error) !== '23503') throw error
    throw new AppError('conflict', 'The stream or the credential was deleted at the same moment.', {
      cause: error,
    })
  }
  const [made] = await db.select(columns).from(syncs).where(mine(tenantId, input.id))
  if (made === undefined) throw goneSince('sync')
  return made
}

export async function getSync(db: Db, tenantId: string, id: string): Promise<Sync> {
  const [row] = await db.select(columns).from(syncs).where(mine(tenantId, id))
  if (row === undefined) throw notFound('sync')
  return row
}

/** By id; what is not there, or another tenant's, is left out. */
export async function getSyncs(
  db: Db,
  tenantId: string,
  ids: string[],
): Promise<Map<string, Sync>> {
  const rows = await db
    .select(columns)
    .from(syncs)
    .where(and(eq(syncs.tenantId, tenantId), isOneOf(syncs.id, ids), isNull(syncs.deletedAt)))
  return new Map(rows.map((row) => [row.id, row]))
}

export type SyncFilter = {
  provider: string | null
  streamId: string | null
  credentialId: string | null
  name: string | null
  externalId: string | null
  status: 'active' | 'paused' | null
  metadata: Record<string, unknown> | null
}

export async function listSyncs(
  db: Db,
  tenantId: string,
  filter: SyncFilter,
  options: ListOptions,
): Promise<Page<Sync>> {
  const conditions = [
    eq(syncs.tenantId, tenantId),
    isNull(syncs.deletedAt),
    filter.provider === null ? undefined : eq(syncs.provider, filter.provider),
    filter.streamId === null ? undefined : eq(syncs.streamId, filter.streamId),
    filter.credentialId === null ? undefined : isId(syncs.credentialId, filter.credentialId),
    filter.name === null ? undefined : eq(syncs.name, filter.name),
    filter.externalId === null ? undefined : eq(syncs.externalId, filter.externalId),
    filter.status === null ? undefined : eq(syncs.status, filter.status),
    filter.metadata === null ? undefined : contains(syncs.metadata, filter.metadata),
  ]
  return await listPage<Sync>(db, syncs, columns, conditions, options)
}

export type SyncPatch = {
  name?: string | null
  collectionIds?: string[]
  rateLimit?: RateLimit | null
  maxAgeDays?: number | null
  syncFrequency?: string
  externalId?: string | null
  metadata?: Record<string, unknown>
}

/** What is left out stays. Filters of consumers read sources: what they match on changes in the same transaction. */
export async function patchSync(
  db: Db,
  tenantId: string,
  id: string,
  patch: SyncPatch,
  version: string | null,
): Promise<Sync> {
  const { collectionIds, ...columnsOfPatch } = patch
  await db.transaction(async (tx) => {
    const [before] = await tx
      .select({
        id: syncs.id,
        provider: syncs.provider,
        streamId: syncs.streamId,
        maxAgeDays: syncs.maxAgeDays,
        externalId: syncs.externalId,
        metadata: typed<Record<string, unknown>>(all.metadata),
        version: versionOf(syncs.updatedAt),
      })
      .from(syncs)
      .where(mine(tenantId, id))
      .for('update')
    if (before === undefined) throw notFound('sync')
    if (version !== null && before.version !== version) throw changedMeanwhile('sync')
    if (Object.keys(patch).length === 0) return
    const now = { ...before, ...columnsOfPatch }
    await tx
      .update(syncs)
      .set({ ...columnsOfPatch, updatedAt: sql`clock_timestamp()` })
      .where(mine(tenantId, id))
    await updateSources(tx, tenantId, id, {
      ...(patch.externalId === undefined ? {} : { externalId: patch.externalId }),
      ...(patch.metadata === undefined ? {} : { metadata: patch.metadata }),
      enumerateAgain: reachesFurther(before.maxAgeDays, now.maxAgeDays),
    })
    if (collectionIds !== undefined) {
      const { streamNo } = await findStream(tx, tenantId, before.streamId)
      await setCollections(tx, tenantId, {
        syncId: id,
        provider: before.provider,
        externalId: now.externalId,
        metadata: now.metadata,
        streamNo,
        collectionIds,
      })
    }
  })
  return await getSync(db, tenantId, id)
}

function reachesFurther(before: number | null, now: number | null): boolean {
  return before !== null && (now === null || now > before)
}

/** One that is being deleted is not there any more. */
function mine(tenantId: string, id: string) {
  return isUuid(id)
    ? and(eq(syncs.tenantId, tenantId), eq(syncs.id, id), isNull(syncs.deletedAt))
    : sql`false`
}

/** Drizzle's client hands json over as text. */
function parsed(value: unknown): string[] {
  return (typeof value === 'string' ? JSON.parse(value) : value) as string[]
}
