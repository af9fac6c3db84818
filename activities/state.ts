/** The few small writes on `syncs` and `credentials` that activities make. */
import type { Sql } from '../src/db/pools.ts'
import type { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import type { SyncStatus } from '../src/domain/sync.ts'
import type { Standing } from './contract.ts'

/**
 * All is well, and the next sign of life is due within `dueMs`; past it the watch asks. The deadline is the promise of whoever
 * follows the changes, and of nobody else: reading has a watch of its own (watchFrontiers), and would hide that the other hangs.
 */
export async function lifeSign(sql: Sql, syncId: string, dueMs: number): Promise<void> {
  await sql`
    update syncs
       set deadline_at = clock_timestamp() + ${dueMs}::float8 * interval '1 ms', last_progress_at = clock_timestamp(),
           error_kind = null, error_message = null, error_since = null
     where id = ${syncId} and deleted_at is null and status = 'active'`
}

/** The reading of a collection came forward. */
export async function noteProgress(sql: Sql, syncId: string): Promise<void> {
  await sql`
    update syncs
       set last_progress_at = clock_timestamp(), error_kind = null, error_message = null, error_since = null
     where id = ${syncId} and deleted_at is null and status = 'active'`
}

/** Somebody follows or waits on purpose, but nothing has come forward yet. */
export async function promiseLife(sql: Sql, syncId: string, dueMs: number): Promise<void> {
  await sql`
    update syncs
       set deadline_at = clock_timestamp() + ${dueMs}::float8 * interval '1 ms'
     where id = ${syncId} and status <> 'paused'`
}

/** For health. Being told to wait or to stop is no error. */
export async function noteFailure(sql: Sql, syncId: string, error: AppError): Promise<void> {
  if (error.kind === 'stopped' || error.kind === 'rate_limited') return
  await sql`
    update syncs
       set error_kind = ${error.kind}, error_message = ${error.message}, error_since = coalesce(error_since, clock_timestamp())
     where id = ${syncId}`
}

/** How a collection is blocked that the provider refuses. What this account just does not have is asked for seldom. */
export function blockFor(error: AppError): { kind: string; reason: string; probeMs: number } {
  const off = error.code === 'not-enabled'
  return {
    kind: off ? 'not_enabled' : error.kind,
    reason: error.message,
    probeMs: off ? limits.probeOffEveryMs : limits.probeEveryMs,
  }
}

export async function refuseCredential(
  sql: Sql,
  credentialId: string,
  reason: string,
): Promise<void> {
  await sql`
    update credentials
       set refused_at = coalesce(refused_at, clock_timestamp()), refused_reason = ${reason}, checked_at = clock_timestamp()
     where id = ${credentialId}`
}

export async function acceptCredential(sql: Sql, credentialId: string): Promise<void> {
  await sql`
    update credentials
       set refused_at = null, refused_reason = null, checked_at = clock_timestamp()
     where id = ${credentialId}`
}

/** What the sync is asked to be now. A row that is gone counts as deleted. */
export async function standingOf(sql: Sql, syncId: string): Promise<Standing> {
  const [row] = await sql<{ status: SyncStatus; epoch: string }[]>`
    select status, epoch from syncs where id = ${syncId}`
  return row === undefined
    ? { status: 'deleted', epoch: Number.MAX_SAFE_INTEGER }
    : { status: row.status, epoch: Number(row.epoch) }
}

/** Set once: every collection that can be read has been enumerated. */
export async function noteBackfilled(sql: Sql, syncId: string): Promise<void> {
  await sql`
    update syncs
       set initial_backfill_completed_at = clock_timestamp()
     where id = ${syncId} and initial_backfill_completed_at is null
       and exists (select 1 from source where sync_id = ${syncId} and removed_at is null and backfilled_at is not null)
       and not exists (
         select 1 from source
          where sync_id = ${syncId} and removed_at is null and backfilled_at is null and blocked_at is null)`
}

/** When webhooks for the credential last came, and when one was last missed, in ms since 1970; null: never. */
export async function webhooksOf(
  sql: Sql,
  credentialId: string,
): Promise<{ heardMs: number | null; missedMs: number | null }> {
  const [row] = await sql<{ heardMs: number | null; missedMs: number | null }[]>`
    select (extract(epoch from max(last_received_at)) * 1000)::float8 as "heardMs",
           (extract(epoch from max(missed_at)) * 1000)::float8 as "missedMs"
      from webhook_endpoints
     where credential_id = ${credentialId} and ready`
  return row!
}

export async function noteMissed(sql: Sql, credentialId: string): Promise<void> {
  await sql`update webhook_endpoints set missed_at = clock_timestamp() where credential_id = ${credentialId} and ready`
}
