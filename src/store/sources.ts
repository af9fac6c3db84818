import { and, asc, eq, inArray, isNull, notInArray, sql } from 'drizzle-orm'
import { syncs } from '../db/schema/control.ts'
import { quarantine, source } from '../db/schema/stream.ts'
import type { Db } from './page.ts'
import { typed } from './page.ts'

/** What the control plane does with sources: a sync's collections. Their progress is written by src/stream alone. */
export type SourceOwner = {
  syncId: string
  provider: string
  externalId: string | null
  metadata: Record<string, unknown>
  streamNo: number
  collectionIds: string[]
}

/** Only inside the transaction that inserts the sync: `tenantId` is the sync's. */
export async function insertSources(tx: Db, _tenantId: string, owner: SourceOwner): Promise<void> {
  const { collectionIds, ...rest } = owner
  await tx.insert(source).values(collectionIds.map((collectionId) => ({ ...rest, collectionId })))
}

/**
 * The sync has exactly these collections from now on. Added: waits for its backfill. Removed: stops, its records stay.
 * Added again: enumerated again, under the same source, so that its records keep their ids.
 */
export async function setCollections(tx: Db, tenantId: string, owner: SourceOwner): Promise<void> {
  const { syncId, collectionIds, ...rest } = owner
  const mine = and(eq(source.syncId, syncId), inArray(source.syncId, syncsOf(tx, tenantId)))
  await tx
    .update(source)
    .set({ removedAt: sql`now()`, enumerateDueAt: null })
    .where(and(mine, isNull(source.removedAt), notInArray(source.collectionId, collectionIds)))
  await tx
    .insert(source)
    .values(collectionIds.map((collectionId) => ({ ...rest, syncId, collectionId })))
    .onConflictDoUpdate({
      target: [source.syncId, source.collectionId],
      set: {
        removedAt: null,
        phase: 'waiting',
        enumerateDueAt: sql`now()`,
        blockedKind: null,
        blockedReason: null,
        blockedAt: null,
        probeAt: null,
      },
      setWhere: sql`${source.removedAt} is not null`,
    })
}

/** Names in `set` only what changed: the trigger moves the stream's source_rev for every column that is named. */
export async function updateSources(
  tx: Db,
  tenantId: string,
  syncId: string,
  change: {
    externalId?: string | null
    metadata?: Record<string, unknown>
    enumerateAgain: boolean
  },
): Promise<void> {
  const { enumerateAgain, ...named } = change
  const mine = and(eq(source.syncId, syncId), inArray(source.syncId, syncsOf(tx, tenantId)))
  if (Object.keys(named).length > 0) await tx.update(source).set(named).where(mine)
  if (enumerateAgain) {
    await tx
      .update(source)
      .set({ enumerateDueAt: sql`now()` })
      .where(and(mine, sql`${source.enumerateDueAt} is not null`))
  }
}

export type Coverage = {
  collectionId: string
  phase: string
  generation: number
  backfilledAt: Date | null
  enumerateDueAt: Date | null
  lastCheckedAt: Date | null
  coverage: Record<string, unknown> | null
  /** What the last whole enumeration found different, and what became a tombstone by it; so far. */
  repaired: number
  tombstoned: number
  /** Missing in it, and not yet asked for by id. */
  open: number
  /** Could not be stored as they were when last looked at. */
  quarantined: number
  held: Record<string, unknown> | null
}

/** What each collection is known to hold, with the evidence of its last whole enumeration. */
export async function coverageOf(db: Db, tenantId: string, syncId: string): Promise<Coverage[]> {
  return await db
    .select({
      collectionId: source.collectionId,
      phase: source.phase,
      generation: source.generation,
      backfilledAt: source.backfilledAt,
      enumerateDueAt: source.enumerateDueAt,
      lastCheckedAt: source.lastCheckedAt,
      coverage: typed<Record<string, unknown> | null>(source.coverage),
      repaired,
      tombstoned,
      open,
      quarantined,
      held: typed<Record<string, unknown> | null>(source.held),
    })
    .from(source)
    .where(
      and(
        eq(source.syncId, syncId),
        isNull(source.removedAt),
        inArray(source.syncId, syncsOf(db, tenantId)),
      ),
    )
    .orderBy(asc(source.sourceNo))
}

/** Findings of the enumeration that the evidence is of. */
const ofEvidence = sql`f.source_no = source.source_no and f.generation = (source.coverage ->> 'generation')::int`

/** Once another enumeration is under way, the number stands in the evidence. */
const repaired = sql<number>`coalesce((source.coverage ->> 'repaired')::int, (
  select count(*)::int from finding f where ${ofEvidence} and f.kind = 'different'))`

const tombstoned = sql<number>`coalesce((source.coverage ->> 'tombstoned')::int, (
  select count(*)::int
    from finding f
    join record r
      on r.stream_no = source.stream_no and r.source_no = f.source_no and r.upstream_id = f.upstream_id
   where ${ofEvidence} and f.kind = 'missing' and r.deleted))`

const open = sql<number>`(
  select count(*)::int
    from finding f
    join touched t on t.source_no = f.source_no and t.upstream_id = f.upstream_id
   where ${ofEvidence} and f.kind = 'missing')`

const quarantined = sql<number>`(select count(*)::int from quarantine q where q.source_no = source.source_no)`

export type Quarantined = {
  collectionId: string
  upstreamId: string
  error: string
  raw: string | null
  rawBytes: number | null
  since: Date
  at: Date
}

/** Records that could not be stored, in the order of collection and id. `after`: the last pair of the page before. */
export async function listQuarantine(
  db: Db,
  tenantId: string,
  syncId: string,
  options: { after: { collectionId: string; upstreamId: string } | null; limit: number },
): Promise<Quarantined[]> {
  const { after } = options
  return await db
    .select({
      collectionId: source.collectionId,
      upstreamId: quarantine.upstreamId,
      error: quarantine.error,
      raw: quarantine.raw,
      rawBytes: quarantine.rawBytes,
      since: quarantine.since,
      at: quarantine.at,
    })
    .from(quarantine)
    .innerJoin(source, eq(source.sourceNo, quarantine.sourceNo))
    .where(
      and(
        eq(source.syncId, syncId),
        inArray(source.syncId, syncsOf(db, tenantId)),
        after === null
          ? undefined
          : sql`(${source.collectionId}, ${quarantine.upstreamId}) > (${after.collectionId}, ${after.upstreamId})`,
      ),
    )
    .orderBy(asc(source.collectionId), asc(quarantine.upstreamId))
    .limit(options.limit)
}

/** Rows of the data plane carry no tenant: they are reached through their sync. */
function syncsOf(db: Db, tenantId: string) {
  return db.select({ id: syncs.id }).from(syncs).where(eq(syncs.tenantId, tenantId))
}
