/** What the rows say of syncs, in one query for many: right with all workers dead. */
import { withAppErrors } from '../db/errors.ts'
import type { Query } from '../db/pools.ts'
import type { SyncStatus } from '../domain/sync.ts'

/** Times in ms since 1970, by the database's clock. */
export type SyncFacts = {
  syncId: string
  nowMs: number
  status: SyncStatus
  frequency: string
  createdAtMs: number
  lastProgressAtMs: number | null
  error: { kind: string; message: string; sinceMs: number } | null
  refused: { reason: string; sinceMs: number } | null
  /** Told to wait by the provider. */
  quotaBlockedUntilMs: number | null
  collections: CollectionFacts[]
}

export type CollectionFacts = {
  collectionId: string
  phase: 'waiting' | 'backfilling' | 'live' | 'blocked'
  backfilled: boolean
  /** An enumeration is under way since then. */
  enumeratingSinceMs: number | null
  /** Records looked at in it, or in the last one. */
  seen: number
  /** Records that the last whole enumeration compared. */
  compared: number | null
  lastCheckedAtMs: number | null
  blocked: { reason: string; sinceMs: number } | null
  error: { message: string; sinceMs: number } | null
  held: { count: number; of: number; samples: string[]; since: string } | null
  quarantined: number
  /** Hints that wait to be looked at. */
  hints: number
  oldestHintAtMs: number | null
}

/** Syncs that are not there, or not the tenant's, are left out. `tenantId` null: of all tenants. */
export async function factsOf(
  sql: Query,
  tenantId: string | null,
  syncIds: string[],
): Promise<SyncFacts[]> {
  if (syncIds.length === 0) return []
  const rows = await withAppErrors(
    () => sql<{ facts: string }[]>`
      select json_build_object(
               'syncId', s.id, 'nowMs', (extract(epoch from clock_timestamp()) * 1000)::float8, 'status', s.status, 'frequency', s.sync_frequency,
               'createdAtMs', (extract(epoch from s.created_at) * 1000)::float8, 'lastProgressAtMs', (extract(epoch from s.last_progress_at) * 1000)::float8,
               'error', case when s.error_since is not null then json_build_object(
                 'kind', s.error_kind, 'message', s.error_message, 'sinceMs', (extract(epoch from s.error_since) * 1000)::float8) end,
               'refused', case when c.refused_at is not null then json_build_object(
                 'reason', c.refused_reason, 'sinceMs', (extract(epoch from c.refused_at) * 1000)::float8) end,
               'quotaBlockedUntilMs', (
                 select (extract(epoch from max(q.blocked_until)) * 1000)::float8 from quota q
                  where q.credential_id = c.id and q.blocked_until > clock_timestamp() and isfinite(q.blocked_until)),
               'collections', coalesce((select json_agg(collection order by source_no) from (
                 select o.source_no, json_build_object(
                          'collectionId', o.collection_id, 'phase', o.phase, 'backfilled', o.backfilled_at is not null,
                          'enumeratingSinceMs', case when o.enumerate_due_at is null then (extract(epoch from r.began) * 1000)::float8 end,
                          'seen', coalesce(r.seen, 0), 'compared', (o.coverage ->> 'compared')::int,
                          'lastCheckedAtMs', (extract(epoch from o.last_checked_at) * 1000)::float8,
                          'blocked', case when o.blocked_at is not null then json_build_object(
                            'reason', o.blocked_reason, 'sinceMs', (extract(epoch from o.blocked_at) * 1000)::float8) end,
                          'error', case when o.error_at is not null then json_build_object(
                            'message', o.error_message, 'sinceMs', (extract(epoch from o.error_at) * 1000)::float8) end,
                          'held', o.held, 'quarantined', (select count(*) from quarantine q where q.source_no = o.source_no),
                          'hints', t.hints, 'oldestHintAtMs', (extract(epoch from t.oldest) * 1000)::float8) as collection
                   from source o
                   left join lateral (
                     select sum(k.seen) as seen, min(k.created_at) as began
                       from checkpoint k
                      where k.source_no = o.source_no and k.generation = o.generation and k.kind = 'range') r on true
                   left join lateral (
                     select count(*) as hints, min(h.first_seen_at) as oldest from touched h where h.source_no = o.source_no) t on true
                  where o.sync_id = s.id and o.removed_at is null) of_sync), '[]'::json))::text as facts
        from syncs s
        join credentials c on c.id = s.credential_id
       where s.id = any(${syncIds}::uuid[]) and (${tenantId}::uuid is null or s.tenant_id = ${tenantId}::uuid)`,
  )
  return rows.map((row) => JSON.parse(row.facts) as SyncFacts)
}
