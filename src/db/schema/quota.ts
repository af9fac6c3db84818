/** Data plane: what credentials may spend (src/upstream), and who runs what (activities). */
import { sql } from 'drizzle-orm'
import { index, integer, pgTable, primaryKey, real, text, uuid } from 'drizzle-orm/pg-core'
import { at, big, createdAt } from './columns.ts'
import { credentials } from './control.ts'

/** What a credential may spend: one row a limit, for all processes (functions/quota_take_v2.sql). */
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
