/** Data plane, the stream: names as in src/db/functions. Queried with raw SQL, from src/stream; drizzle only knows its shape. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  index,
  integer,
  json,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { at, big, createdAt, textArray } from './columns.ts'

export const stream = pgTable('stream', {
  streamNo: integer().primaryKey().generatedAlwaysAsIdentity(),
  /** Moved by every transaction that creates, changes or drops a source. */
  sourceRev: big().notNull().default(0),
})

export const streamHead = pgTable(
  'stream_head',
  {
    streamNo: integer().notNull(),
    lastIdx: big().notNull(),
    lastAt: at()
      .notNull()
      .default(sql`'-infinity'`),
  },
  (t) => [uniqueIndex('stream_head_pk').on(t.streamNo, t.lastIdx)],
)

export const source = pgTable(
  'source',
  {
    sourceNo: integer().primaryKey().generatedAlwaysAsIdentity(),
    streamNo: integer()
      .notNull()
      .references(() => stream.streamNo),
    syncId: uuid().notNull(),
    collectionId: text().notNull(),
    provider: text().notNull(),
    externalId: text(),
    metadata: jsonb().notNull().default({}),
    /** waiting | backfilling | live | blocked. (`paused` is the sync's.) */
    phase: text().notNull().default('waiting'),
    /** Enumerations begun so far; ranges and seen_page carry it. 0: none yet. */
    generation: integer().notNull().default(0),
    backfilledAt: at(),
    /** A whole enumeration is due then; null: one is under way, or the collection is removed. */
    enumerateDueAt: at().defaultNow(),
    lastCheckedAt: at(),
    lastChangeAt: at(),
    blockedKind: text(),
    blockedReason: text(),
    blockedAt: at(),
    probeAt: at(),
    errorMessage: text(),
    errorAt: at(),
    /** A mass delete waiting for approval: { count, of, samples, since }; its ids are findings. */
    held: jsonb(),
    /**
     * Evidence of the last whole enumeration: { at, generation, compared, candidates, kept, held }. What it repaired and
     * tombstoned is counted from `finding` until the next one begins, then stands here too.
     */
    coverage: jsonb(),
    /** Observations taken in besides those of enumerations: changes. */
    looked: big().notNull().default(0),
    /** It is looked at again within this, as of the last look: how old what we know is expected to be. */
    lookEveryMs: big(),
    /** The collection was taken out of the sync; its records stay. */
    removedAt: at(),
  },
  (t) => [unique().on(t.syncId, t.collectionId), index('source_stream').on(t.streamNo)],
)

export const checkpoint = pgTable(
  'checkpoint',
  {
    checkpointNo: integer().primaryKey().generatedAlwaysAsIdentity(),
    streamNo: integer().notNull(),
    epoch: big().notNull().default(1),
    /** Records looked at, pages committed. */
    seen: big().notNull().default(0),
    pages: big().notNull().default(0),
    movedAt: at(),
    lease: uuid(),
    syncId: uuid().notNull(),
    /** `range/<collection>/<generation>/<n>` · `feed/<name>` · `relist/<collection>` */
    name: text().notNull(),
    kind: text().notNull(),
    /** Null for feeds. */
    sourceNo: integer().references(() => source.sourceNo),
    generation: integer(),
    rangeNo: integer(),
    loMs: big(),
    hiMs: big(),
    cursor: json(),
    doneAt: at(),
    createdAt: createdAt(),
  },
  (t) => [
    unique().on(t.syncId, t.name),
    index('checkpoint_open')
      .on(t.sourceNo, t.generation, t.rangeNo)
      .where(sql`kind = 'range' and done_at is null`),
  ],
)

export const record = pgTable(
  'record',
  {
    updatedIdx: big().notNull(),
    recordNo: big().notNull(),
    changedAt: at().notNull(),
    observedAt: at().notNull(),
    version: bigint({ mode: 'bigint' }),
    upstreamCreatedAt: at(),
    upstreamUpdatedAt: at(),
    /** 128 bits over the canonical form; all zero: tombstone, all ones: erased. */
    hash: uuid().notNull(),
    streamNo: integer().notNull(),
    sourceNo: integer().notNull(),
    deleted: boolean().notNull(),
    upstreamId: text().notNull(),
    data: json().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.streamNo, t.sourceNo, t.upstreamId] }),
    uniqueIndex('record_idx').on(t.streamNo, t.updatedIdx, t.sourceNo),
    uniqueIndex('record_no').on(t.streamNo, t.recordNo),
    index('record_tombstone')
      .on(t.streamNo, t.updatedIdx, t.sourceNo)
      .where(sql`deleted`),
  ],
)

/** Gives every hint a seq of its own: after a delete and a new hint the old one never comes again. */
export const touchedSeq = pgSequence('touched_seq')

/** Hints: each says no more than "look at this record". The drain looks, and deletes the row if its seq is still the one it saw. */
export const touched = pgTable(
  'touched',
  {
    sourceNo: integer()
      .notNull()
      .references(() => source.sourceNo, { onDelete: 'cascade' }),
    upstreamId: text().notNull(),
    /** Moves at every further hint. */
    seq: big()
      .notNull()
      .default(sql`nextval('touched_seq')`),
    firstSeenAt: createdAt(),
    /** Not before: a look that failed comes again later. */
    dueAt: createdAt(),
    attempts: integer().notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.sourceNo, t.upstreamId] }), index().on(t.sourceNo, t.dueAt)],
)

/** What an enumeration saw. Logged, never `unlogged`: emptied by a crash it would sweep everything. */
export const seenPage = pgTable(
  'seen_page',
  {
    sourceNo: integer()
      .notNull()
      .references(() => source.sourceNo, { onDelete: 'cascade' }),
    generation: integer().notNull(),
    rangeNo: integer().notNull(),
    pageNo: big().notNull(),
    ids: textArray().notNull(),
  },
  (t) => [primaryKey({ columns: [t.sourceNo, t.generation, t.rangeNo, t.pageNo] })],
)

/**
 * What a comparing enumeration found: `different` from what the feed had brought, or `missing` and hinted, so that a look by
 * id decides; missing and `held` by the fuse; missing and `rejected`: somebody said that it stays. One row a record. What the
 * feed tells of meanwhile was on its way, and is no finding (functions/stream_told_v2.sql).
 */
export const finding = pgTable(
  'finding',
  {
    sourceNo: integer()
      .notNull()
      .references(() => source.sourceNo, { onDelete: 'cascade' }),
    upstreamId: text().notNull(),
    generation: integer().notNull(),
    kind: text().notNull(),
    foundAt: at()
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (t) => [primaryKey({ columns: [t.sourceNo, t.upstreamId] })],
)

/** Records that could not be stored (stream/quarantine.ts). */
export const quarantine = pgTable(
  'quarantine',
  {
    sourceNo: integer()
      .notNull()
      .references(() => source.sourceNo, { onDelete: 'cascade' }),
    /** The record's own id; where it has none that could be stored, a name of ours, and not `named`. */
    upstreamId: text().notNull(),
    named: boolean().notNull().default(true),
    /** As the provider sent it, JSON or not; only the beginning of a long one. */
    raw: text(),
    rawBytes: integer(),
    error: text().notNull(),
    /** When what could not be stored was true: a record that is stored as of later leaves. */
    observedAt: at()
      .notNull()
      .default(sql`clock_timestamp()`),
    since: createdAt(),
    /** It was last refused. */
    at: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.sourceNo, t.upstreamId] })],
)
