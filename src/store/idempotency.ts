import { createHash } from 'node:crypto'
import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import { idempotencyKeys } from '../db/schema/control.ts'
import type { Db } from './page.ts'

/** A request that came to no end in this time is taken over by the next equal one: its process died. */
const takeoverMs = 60_000

export type Begun =
  /** Ours to do. `id` is what the created object is called: the same at every attempt, so that a takeover creates nothing twice. */
  | { state: 'ours'; id: string }
  | { state: 'answered'; status: number; response: string }
  | { state: 'at work' }
  | { state: 'other body' }

/** Claims `key` for 24 h, or says what became of it. */
export async function beginIdempotent(
  db: Db,
  tenantId: string,
  request: { key: string; route: string; bodyHash: string },
): Promise<Begun> {
  await forgetExpired(db, tenantId, request.key)
  const expires = sql<string>`${idempotencyKeys.expiresAt}::text`
  const [made] = await db
    .insert(idempotencyKeys)
    .values({ tenantId, ...request, expiresAt: sql`now() + interval '24 hours'` })
    .onConflictDoNothing()
    .returning({ expires })
  if (made !== undefined) return { state: 'ours', id: idFor(tenantId, request.key, made.expires) }
  const [row] = await db
    .select({
      route: idempotencyKeys.route,
      bodyHash: idempotencyKeys.bodyHash,
      status: idempotencyKeys.status,
      response: idempotencyKeys.response,
      expires,
      abandoned: sql<boolean>`${idempotencyKeys.expiresAt} < now() + interval '24 hours' - ${takeoverMs} * interval '1 millisecond'`,
    })
    .from(idempotencyKeys)
    .where(mine(tenantId, request.key))
  if (row === undefined) return { state: 'at work' }
  if (row.route !== request.route || row.bodyHash !== request.bodyHash)
    return { state: 'other body' }
  if (row.status !== null && row.response !== null)
    return { state: 'answered', status: row.status, response: row.response }
  return row.abandoned
    ? { state: 'ours', id: idFor(tenantId, request.key, row.expires) }
    : { state: 'at work' }
}

/** `response` is sealed by the caller: it may show a secret that is shown only once. */
export async function endIdempotent(
  db: Db,
  tenantId: string,
  key: string,
  answer: { status: number; response: string },
): Promise<void> {
  await db.update(idempotencyKeys).set(answer).where(mine(tenantId, key))
}

/** Nothing was created: the key is free again. */
export async function releaseIdempotent(db: Db, tenantId: string, key: string): Promise<void> {
  await db.delete(idempotencyKeys).where(and(mine(tenantId, key), isNull(idempotencyKeys.status)))
}

/** This key where its day is over, and a few of anybody's: each create clears away more than it leaves. */
async function forgetExpired(db: Db, tenantId: string, key: string): Promise<void> {
  await db
    .delete(idempotencyKeys)
    .where(and(mine(tenantId, key), lt(idempotencyKeys.expiresAt, sql`now()`)))
  await db
    .delete(idempotencyKeys)
    .where(
      sql`ctid in (select i.ctid from idempotency_keys i where i.expires_at < now() limit 10 for update skip locked)`,
    )
}

function mine(tenantId: string, key: string) {
  return and(eq(idempotencyKeys.tenantId, tenantId), eq(idempotencyKeys.key, key))
}

/** A uuid (version 8) of the claim: not guessable from outside, for the time of the claim is in it. */
function idFor(tenantId: string, key: string, expires: string): string {
  const hex = createHash('sha256').update(`${tenantId}\n${key}\n${expires}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
