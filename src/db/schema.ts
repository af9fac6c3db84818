/**
 * The one source of shape. Migrations in drizzle/ are generated from it, then read and edited by a person (storage
 * parameters, collations, triggers and functions stand there only, each with a comment).
 *
 * Control plane: queried with drizzle, from src/store. Data plane: queried with raw SQL, from src/stream, src/delivery
 * and src/upstream; drizzle only knows its shape. `int` surrogates (stream_no, source_no, …) never leave the database.
 */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  foreignKey,
  index,
  integer,
  json,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  real,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

const at = () => timestamp({ withTimezone: true, mode: 'date' })
const big = () => bigint({ mode: 'number' })
const createdAt = () => at().notNull().defaultNow()
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const uuidArray = customType<{ data: string[] }>({ dataType: () => 'text[]' })
const intArray = customType<{ data: number[] }>({ dataType: () => 'int4[]' })

// ---------------------------------------------------------------- control plane

export const tenants = pgTable('tenants', {
  id: uuid().primaryKey().defaultRandom(),
  name: text().notNull().unique(),
  createdAt: createdAt(),
  deletedAt: at(),
})

export const apiKeys = pgTable('api_keys', {
  id: uuid().primaryKey().defaultRandom(),
  tenantId: uuid()
    .notNull()
    .references(() => tenants.id),
  name: text().notNull(),
  /** SHA-256 of the key, hex. The key itself is shown once and kept nowhere. */
  hash: text().notNull().unique(),
  scopes: text().array().notNull(),
  /** Makes tenants too. */
  operator: boolean().notNull().default(false),
  expiresAt: at(),
  lastUsedAt: at(),
  revokedAt: at(),
  createdAt: createdAt(),
})

export const streams = pgTable(
  'streams',
  {
    id: uuid().primaryKey().defaultRandom(),
    tenantId: uuid()
      .notNull()
      .references(() => tenants.id),
    /** Of table `stream`. */
    streamNo: integer()
      .notNull()
      .unique()
      .references(() => stream.streamNo),
    slug: text().notNull(),
    createdAt: createdAt(),
    updatedAt: createdAt(),
  },
  (t) => [unique().on(t.tenantId, t.slug), unique().on(t.tenantId, t.id)],
)

export const oauthApps = pgTable(
  'oauth_apps',
  {
    id: uuid().primaryKey().defaultRandom(),
    tenantId: uuid()
      .notNull()
      .references(() => tenants.id),
    provider: text().notNull(),
    name: text().notNull(),
    clientId: text().notNull(),
    ciphertext: bytea().notNull(),
    keyId: text().notNull(),
    metadata: jsonb().notNull().default({}),
    createdAt: createdAt(),
    updatedAt: createdAt(),
  },
  (t) => [unique().on(t.tenantId, t.id)],
)

export const credentials = pgTable(
  'credentials',
  {
    id: uuid().primaryKey().defaultRandom(),
    tenantId: uuid()
      .notNull()
      .references(() => tenants.id),
    provider: text().notNull(),
    kind: text().notNull(),
    name: text(),
    /** The upstream account; with provider and livemode the key of the upsert. */
    upstreamAccount: text().notNull(),
    livemode: boolean().notNull(),
    /** Properties that are no secrets. */
    properties: jsonb().notNull(),
    /** Sealed JSON of the secret properties (credentials/seal.ts), bound to this row's id. */
    ciphertext: bytea().notNull(),
    keyId: text().notNull(),
    baseUrl: text().notNull(),
    oauthAppId: uuid(),
    metadata: jsonb().notNull().default({}),
    checkedAt: at(),
    /** Set while the provider refuses it. */
    refusedAt: at(),
    refusedReason: text(),
    createdAt: createdAt(),
    updatedAt: createdAt(),
  },
  (t) => [
    unique().on(t.tenantId, t.provider, t.upstreamAccount, t.livemode),
    unique().on(t.tenantId, t.id),
    foreignKey({
      columns: [t.tenantId, t.oauthAppId],
      foreignColumns: [oauthApps.tenantId, oauthApps.id],
    }),
  ],
)

export const syncs = pgTable(
  'syncs',
  {
    id: uuid().primaryKey().defaultRandom(),
    tenantId: uuid()
      .notNull()
      .references(() => tenants.id),
    streamId: uuid().notNull(),
    credentialId: uuid().notNull(),
    provider: text().notNull(),
    name: text(),
    /** active | paused | deleted. With `epoch` written only by activities/setIntent.ts (and the insert). */
    status: text().notNull().default('active'),
    /** Moves at pause, resume, resync and delete: whoever works under an older one gets no quota and writes nothing. */
    epoch: big().notNull().default(1),
    syncFrequency: text().notNull().default('continuous'),
    maxAgeDays: integer(),
    rateLimit: jsonb(),
    externalId: text(),
    metadata: jsonb().notNull().default({}),
    initialBackfillCompletedAt: at(),
    /** When the next sign of life is due; past it the watch starts or nudges the workflow. */
    deadlineAt: at(),
    lastProgressAt: at(),
    /** The last failure that is not of one collection, in our own words; cleared by progress. */
    errorKind: text(),
    errorMessage: text(),
    errorSince: at(),
    keepRecords: boolean().notNull().default(false),
    deletedAt: at(),
    createdAt: createdAt(),
    updatedAt: createdAt(),
  },
  (t) => [
    unique().on(t.tenantId, t.id),
    foreignKey({
      columns: [t.tenantId, t.streamId],
      foreignColumns: [streams.tenantId, streams.id],
    }),
    foreignKey({
      columns: [t.tenantId, t.credentialId],
      foreignColumns: [credentials.tenantId, credentials.id],
    }),
    index().on(t.tenantId, t.createdAt, t.id),
    index().on(t.credentialId),
    index().using('gin', t.metadata),
    index()
      .on(t.deadlineAt)
      .where(sql`deleted_at is null`),
  ],
)

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    tenantId: uuid()
      .notNull()
      .references(() => tenants.id),
    key: text().notNull(),
    route: text().notNull(),
    bodyHash: text().notNull(),
    /** Null while the first request is still at work. */
    status: integer(),
    response: text(),
    expiresAt: at().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.key] }), index().on(t.expiresAt)],
)

export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    tokenHash: text().primaryKey(),
    tenantId: uuid().notNull(),
    provider: text().notNull(),
    credentialId: uuid().notNull(),
    ciphertext: bytea().notNull(),
    keyId: text().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    foreignKey({
      columns: [t.tenantId, t.credentialId],
      foreignColumns: [credentials.tenantId, credentials.id],
    }).onDelete('cascade'),
  ],
)

// ---------------------------------------------------------------- data plane: the stream (names of functions/*.sql)

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
    /** A mass delete waiting for approval: { count, of, samples, since }. */
    held: jsonb(),
    /** Evidence of the last whole enumeration: { at, compared, repaired, tombstoned }. */
    coverage: jsonb(),
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
    ids: uuidArray().notNull(),
  },
  (t) => [primaryKey({ columns: [t.sourceNo, t.generation, t.rangeNo, t.pageNo] })],
)

/** Records that our own code could not take in. */
export const quarantine = pgTable(
  'quarantine',
  {
    sourceNo: integer()
      .notNull()
      .references(() => source.sourceNo, { onDelete: 'cascade' }),
    upstreamId: text().notNull(),
    raw: json(),
    error: text().notNull(),
    at: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.sourceNo, t.upstreamId] })],
)

// ---------------------------------------------------------------- data plane: consumers

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

// ---------------------------------------------------------------- data plane: quota, workers

/** What a credential may spend: one row a limit, for all processes (functions/quota_take_v1.sql). */
export const quota = pgTable(
  'quota',
  {
    credentialId: uuid()
      .notNull()
      .references(() => credentials.id, { onDelete: 'cascade' }),
    /** `''` counts every call; else the bucket of the connector's limit, with its interval behind it where one bucket has several. */
    bucket: text().notNull(),
    /** Theoretical arrival time of GCRA, microseconds since 1970, … */
    tatUs: big().notNull().default(0),
    /** … and the time between two starts that it was counted in. */
    spacingUs: big().notNull().default(0),
    /** Told to wait: nobody sends before. */
    blockedUntil: at()
      .notNull()
      .default(sql`'-infinity'`),
    /** Learned: 429s halve it, quiet minutes give it back (AIMD), 1 = the whole allowance. */
    factor: real().notNull().default(1),
    factorAt: createdAt(),
    /** Starts granted so far, and how many they were at the last refusal. */
    granted: big().notNull().default(0),
    refusedAt: at()
      .notNull()
      .default(sql`'-infinity'`),
    refusedGranted: big().notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.credentialId, t.bucket] })],
)

/**
 * Requests that a process may have in flight, where a cap on concurrency holds: one row a process, renewed while it works.
 * Outlives the request timeout, so that what a dead process held comes back, and not too early.
 */
export const quotaSlot = pgTable(
  'quota_slot',
  {
    credentialId: uuid()
      .notNull()
      .references(() => credentials.id, { onDelete: 'cascade' }),
    bucket: text().notNull(),
    holder: uuid().notNull(),
    slots: integer().notNull(),
    /** How many of them the lowest priority may use. */
    low: integer().notNull(),
    /** How many it could use: more than `slots` means that it waits. */
    wanted: integer().notNull(),
    seenAt: createdAt(),
    expiresAt: at().notNull(),
  },
  (t) => [primaryKey({ columns: [t.credentialId, t.bucket, t.holder] })],
)

/** One lease per worker process instead of a heartbeat per sync. */
export const workers = pgTable('workers', {
  id: uuid().primaryKey(),
  seenAt: createdAt(),
})

/** Running slices: who runs what, so that a survivor can fail the activities of a dead worker. */
export const slices = pgTable(
  'slices',
  {
    syncId: uuid().notNull(),
    name: text().notNull(),
    workerId: uuid().notNull(),
    workflowId: text().notNull(),
    runId: text().notNull(),
    activityId: text().notNull(),
    startedAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.syncId, t.name] }), index().on(t.workerId)],
)
