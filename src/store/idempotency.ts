import { createHash } from 'node:crypto'
import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import { idempotencyKeys } from '../db/schema/control.ts'
import type { Db } from './page.ts'

/** A request that came to no end in this time is taken over by the next equal one: its process died. */
const takeoverMs = 60_000

/** A request at work. Who comes later and finds it dead gets another `takenAt`: what the dead one still writes counts no more. */
export type Claim = { tenantId: string; key: string; takenAt: string }

export type Begun =
  /** Ours to do. `id` is what the created object is called: the same at every attempt, so that a repeat creates nothing twice. */
  | { state: 'ours'; id: string; claim: Claim }
  | { state: 'answered'; status: number; response: string }
  | { state: 'at work' }
  | { state: 'other body' }

type Request = { key: string; route: string; bodyHash: string }

const expires = sql<string>`${idempotencyKeys.expiresAt}::text`
const takenAt = sql<string>`${idempotencyKeys.takenAt}::text`

/** Claims `key` for 24 h, or says what became of it. */
export async function beginIdempotent(db: Db, tenantId: string, request: Request): Promise<Begun> {
  await forgetExpired(db, tenantId, request.key)
  const [made] = await db
    .insert(idempotencyKeys)
    .values({ tenantId, ...request, expiresAt: sql`now() + interval '24 hours'` })
    .onConflictDoNothing()
    .returning({ expires, takenAt })
  if (made !== undefined) return ours(tenantId, request.key, made)
  const [row] = await db
    .select({
      route: idempotencyKeys.route,
      bodyHash: idempotencyKeys.bodyHash,
      status: idempotencyKeys.status,
      response: idempotencyKeys.response,
      takenAt: sql<string | null>`${takenAt}`,
      abandoned: sql<boolean>`${idempotencyKeys.takenAt} < now() - ${takeoverMs} * interval '1 millisecond'`,
    })
    .from(idempotencyKeys)
    .where(mine(tenantId, request.key))
  if (row === undefined) return { state: 'at work' }
  const equal = row.route === request.route && row.bodyHash === request.bodyHash
  const failed = row.status === null && row.takenAt === null
  if (!equal && !failed) return { state: 'other body' }
  if (row.status !== null && row.response !== null)
    return { state: 'answered', status: row.status, response: row.response }
  if (!failed && !row.abandoned) return { state: 'at work' }
  return await takeOver(db, tenantId, request, { takenAt: row.takenAt, equal })
}

/**
 * Of several that saw the same row, one gets it. After a failure another body may come with the key: that is a new request,
 * with a day and an id of its own.
 */
async function takeOver(
  db: Db,
  tenantId: string,
  request: Request,
  seen: { takenAt: string | null; equal: boolean },
): Promise<Begun> {
  const { key, route, bodyHash } = request
  const renewed = { route, bodyHash, expiresAt: sql`now() + interval '24 hours'` }
  const [taken] = await db
    .update(idempotencyKeys)
    .set({ takenAt: sql`clock_timestamp()`, ...(seen.equal ? {} : renewed) })
    .where(unanswered({ tenantId, key, takenAt: seen.takenAt }))
    .returning({ expires, takenAt })
  return taken === undefined ? { state: 'at work' } : ours(tenantId, key, taken)
}

/**
 * False: somebody took the request over, and its answer counts. `response` is sealed by the caller: it may show a secret
 * that is shown only once.
 */
export async function endIdempotent(
  db: Db,
  claim: Claim,
  answer: { status: number; response: string },
): Promise<boolean> {
  const ended = await db
    .update(idempotencyKeys)
    .set(answer)
    .where(unanswered(claim))
    .returning({ key: idempotencyKeys.key })
  return ended.length > 0
}

/** It failed, and may have created something all the same: the next equal request does it again, under the same id. */
export async function releaseIdempotent(db: Db, claim: Claim): Promise<void> {
  await db.update(idempotencyKeys).set({ takenAt: null }).where(unanswered(claim))
}

/** It was refused, and created nothing: the key is as if it had never come. */
export async function forgetIdempotent(db: Db, claim: Claim): Promise<void> {
  await db.delete(idempotencyKeys).where(unanswered(claim))
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

function unanswered(claim: { tenantId: string; key: string; takenAt: string | null }) {
  return and(
    mine(claim.tenantId, claim.key),
    isNull(idempotencyKeys.status),
    sql`${idempotencyKeys.takenAt} is not distinct from ${claim.takenAt}::timestamptz`,
  )
}

function ours(tenantId: string, key: string, row: { expires: string; takenAt: string }): Begun {
  const claim = { tenantId, key, takenAt: row.takenAt }
  return { state: 'ours', id: idFor(tenantId, key, row.expires), claim }
}

/** A uuid (version 8) of the claim: not guessable from outside, for the time of the claim is in it. */
function idFor(tenantId: string, key: string, expiresAt: string): string {
  const hex = createHash('sha256').update(`${tenantId}\n${key}\n${expiresAt}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
