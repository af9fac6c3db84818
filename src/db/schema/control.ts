/**
 * This folder is the one source of shape. Migrations in drizzle/ are generated from it, then read and edited by a person
 * (storage parameters, collations, triggers and functions stand there only, each with a comment). `int` surrogates
 * (stream_no, source_no, …) never leave the database.
 *
 * Here: the control plane, queried with drizzle, from src/store.
 */
import { sql } from 'drizzle-orm'
import {
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { at, big, createdAt, bytea } from './columns.ts'
import { stream } from './stream.ts'

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
    /** What the provider told of the account (its time zone), for `ctx.config`. */
    facts: jsonb().notNull().default({}),
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

/** The current access token of a credential whose tokens expire, and who is getting the next one (credentials/refresh.ts). */
export const oauthTokens = pgTable('oauth_tokens', {
  credentialId: uuid()
    .primaryKey()
    .references(() => credentials.id, { onDelete: 'cascade' }),
  /** Sealed { accessToken, refreshToken, lifeMs, of }, bound to the credential; null before the first. */
  ciphertext: bytea(),
  keyId: text(),
  /** Moves with each new token. */
  version: big().notNull().default(0),
  expiresAt: at(),
  /** Who refreshes now. */
  lease: uuid(),
  leaseUntil: at(),
  /** Written ahead: a refresh was begun, and its outcome is not stored. */
  attemptedAt: at(),
  /** The first refresh of which nobody knows whether it was answered. */
  uncertainAt: at(),
  /** What the provider refused for good (a hash of it), when and in which words of ours. */
  refusedOf: text(),
  refusedReason: text(),
  refusedAt: at(),
})

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
    /** The watch nudged it because a collection stood still. */
    nudgedAt: at(),
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
    /** Null until there is an answer. */
    status: integer(),
    response: text(),
    /** Since when a request is at work, which is its claim too. Null: it failed, and the next one may begin at once. */
    takenAt: at().default(sql`now()`),
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
    /** Sealed { secret, token }, bound to the token's hash. */
    ciphertext: bytea().notNull(),
    keyId: text().notNull(),
    /** The provider's id of it, where we registered it. */
    upstreamId: text(),
    /** It has a signing secret, so what comes can be believed. */
    ready: boolean().notNull().default(true),
    lastReceivedAt: at(),
    /** A poll found what a webhook should have told: for a while they are not relied on. */
    missedAt: at(),
    createdAt: createdAt(),
  },
  (t) => [
    index().on(t.credentialId),
    foreignKey({
      columns: [t.tenantId, t.credentialId],
      foreignColumns: [credentials.tenantId, credentials.id],
    }).onDelete('cascade'),
  ],
)
