/** Data plane, consumers: queried with raw SQL, from src/delivery. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { at, big, bigArray, createdAt, intArray } from './columns.ts'
import { tenants } from './control.ts'
import { stream } from './stream.ts'

export const consumer = pgTable(
  'consumer',
  {
    consumerNo: integer().primaryKey().generatedAlwaysAsIdentity(),
    streamNo: integer()
      .notNull()
      .references(() => stream.streamNo),
    ackWaitMs: integer().notNull().default(30000),
    maxAckPending: integer().notNull().default(1000),
    maxDeliver: integer().notNull().default(-1),
    maxWaiting: integer().notNull().default(20),
    /** none | sync. sync: a backlog of one sync holds back no other's changes (functions/stream_next_v2.sql). */
    fairness: text().notNull().default('sync'),
    /** As the caller gave them: `{provider, sync_id, collection_id, external_id, metadata}`. */
    filters: jsonb().notNull().default({}),
    /** What they say about sources. Null: all of the stream; else see stream_sources. */
    filter: jsonb(),
    /** Cache: the filter resolved to sources, as of source_rev. */
    sources: intArray(),
    sourceRev: big().notNull().default(-1),
    id: uuid().notNull().unique().defaultRandom(),
    tenantId: uuid()
      .notNull()
      .references(() => tenants.id),
    name: text(),
    deliverPolicy: jsonb()
      .notNull()
      .default(sql`'"all"'::jsonb`),
    metadata: jsonb().notNull().default({}),
    createdAt: createdAt(),
    updatedAt: createdAt(),
  },
  (t) => [index('consumer_stream').on(t.streamNo), index().on(t.tenantId, t.createdAt, t.id)],
)

export const consumerState = pgTable(
  'consumer_state',
  {
    consumerNo: integer().notNull(),
    op: big().notNull(),
    cursorIdx: big().notNull(),
    /** While sources are held: how far the others are. Null: as far as cursor_idx. */
    aheadIdx: big(),
    /** Sources that cursor_idx alone goes over, and from where on. */
    held: intArray(),
    heldFrom: bigArray(),
    pending: integer().notNull().default(0),
    waiting: integer().notNull().default(0),
    outFloor: at()
      .notNull()
      .default(sql`'-infinity'`),
    waitFloor: at()
      .notNull()
      .default(sql`'-infinity'`),
  },
  (t) => [uniqueIndex('consumer_state_pk').on(t.consumerNo, t.op)],
)

export const inflight = pgTable(
  'inflight',
  {
    recordNo: big().notNull(),
    idx: big().notNull(),
    nextIdx: big(),
    op: big().notNull(),
    nonce: bigint({ mode: 'bigint' }).notNull(),
    dueAt: at().notNull(),
    consumerNo: integer().notNull(),
    deliverCount: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.consumerNo, t.recordNo] })],
)

export const deadLetter = pgTable(
  'dead_letter',
  {
    consumerNo: integer().notNull(),
    recordNo: big().notNull(),
    idx: big().notNull(),
    deliverCount: integer().notNull(),
    diedAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.consumerNo, t.recordNo] })],
)
