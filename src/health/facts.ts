/** What the rows say of syncs, in one query for many: right with all workers dead. */
import { withAppErrors } from '../db/errors.ts'
import type { Query } from '../db/pools.ts'
import { limits } from '../domain/limits.ts'
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
  /** Where the provider is to tell of changes; null: nowhere. */
  webhooks: { sinceMs: number; lastAtMs: number | null } | null
  /** Consumers of the stream that get nothing new, since so many records wait for redelivery (stream_next_v2). */
  consumersBlocked: { consumerId: string; name: string | null; waiting: number }[]
  /** The slowest consumer of the stream, for whose sake tombstones are kept past their time. */
  trimHeldBy: { consumerId: string; name: string | null; sinceMs: number } | null
  collections: CollectionFacts[]
}

export type CollectionFacts = {
  collectionId: string
  phase: 'waiting' | 'backfilling' | 'live' | 'blocked'
  backfilled: boolean
  /** An enumeration is under way since then. */
  enumeratingSinceMs: number | null
  /** When a page of it was last committed. */
  frontierAtMs: number | null
  /** A slice of it runs. */
  running: boolean
  /** Records looked at in it, or in the last one. */
  seen: number
  /** Records that the last whole enumeration compared. */
  compared: number | null
  /** Observations taken in besides: changes. */
  looked: number
  lastCheckedAtMs: number | null
  lastChangeAtMs: number | null
  /** The next look is due within this of the last one; null: not known. */
  lookEveryMs: number | null
  /** Missing at the provider, and kept by a rejection. */
  kept: number
  /** `not_enabled`: nothing is wrong, the account does not have it. */
  blocked: { kind: string; reason: string; sinceMs: number } | null
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
      with chosen as materialized (
        select *
          from syncs
         where id = any(${syncIds}::uuid[]) and (${tenantId}::uuid is null or tenant_id = ${tenantId}::uuid)),
      holding as materialized (      -- once a stream, not once a sync
        select t.id as stream_id, (
                 select json_build_object('consumerId', n.id, 'name', n.name, 'sinceMs', date_part('epoch', d.changed_at) * 1000)
                   from consumer n
                  cross join lateral (
                    select x.cursor_idx from consumer_state x where x.consumer_no = n.consumer_no order by x.op desc limit 1) q
                  cross join lateral (
                    select r.changed_at from record r
                     where r.stream_no = n.stream_no and r.deleted and r.updated_idx > q.cursor_idx
                     order by r.updated_idx limit 1) d
                  where n.stream_no = t.stream_no
                    and d.changed_at < clock_timestamp() - ${limits.tombstoneKeepMs}::float8 * interval '1 ms'
                  order by q.cursor_idx limit 1) as held_by, (
                 select json_agg(json_build_object('consumerId', n.id, 'name', n.name, 'waiting', q.waiting) order by n.consumer_no)
                   from consumer n
                  cross join lateral (
                    select x.waiting from consumer_state x where x.consumer_no = n.consumer_no order by x.op desc limit 1) q
                  where n.stream_no = t.stream_no and q.waiting >= greatest(100000, 10 * n.max_ack_pending)) as blocked
          from streams t
         where t.id in (select stream_id from chosen)),
      numbers as materialized (
        select array(select o.source_no from source o where o.sync_id = any(array(select id from chosen))) as of),
      counted as materialized (      -- nearly always empty: one look at each table; one for each collection was a quarter of all
        select (
                 select jsonb_object_agg(f.source_no, f.count)
                   from (
                     select source_no, count(*)
                       from finding
                      where source_no = any((select of from numbers)::int[]) and kind = 'rejected'
                      group by source_no) f) as kept, (
                 select jsonb_object_agg(q.source_no, q.count)
                   from (
                     select source_no, count(*)
                       from quarantine
                      where source_no = any((select of from numbers)::int[])
                      group by source_no) q) as quarantined, (
                 select jsonb_object_agg(h.source_no, jsonb_build_array(h.count, h.oldest_ms))
                   from (
                     select source_no, count(*), date_part('epoch', min(first_seen_at)) * 1000 as oldest_ms
                       from touched
                      where source_no = any((select of from numbers)::int[])
                      group by source_no) h) as hints,
               array(
                 select l.sync_id || l.name from slices l where l.sync_id = any(array(select id from chosen))) as running)
      select json_build_object(
               'syncId', s.id, 'nowMs', date_part('epoch', clock_timestamp()) * 1000, 'status', s.status, 'frequency', s.sync_frequency,
               'createdAtMs', date_part('epoch', s.created_at) * 1000, 'lastProgressAtMs', date_part('epoch', s.last_progress_at) * 1000,
               'error', case when s.error_since is not null then json_build_object(
                 'kind', s.error_kind, 'message', s.error_message, 'sinceMs', date_part('epoch', s.error_since) * 1000) end,
               'refused', case when c.refused_at is not null then json_build_object(
                 'reason', c.refused_reason, 'sinceMs', date_part('epoch', c.refused_at) * 1000) end,
               'quotaBlockedUntilMs', (
                 select date_part('epoch', max(q.blocked_until)) * 1000 from quota q
                  where q.credential_id = c.id and q.blocked_until > clock_timestamp() and isfinite(q.blocked_until)),
               'webhooks', (
                 select json_build_object('sinceMs', date_part('epoch', min(w.created_at)) * 1000,
                                          'lastAtMs', date_part('epoch', max(w.last_received_at)) * 1000)
                   from webhook_endpoints w where w.credential_id = c.id and w.ready having count(*) > 0),
               'consumersBlocked', coalesce((select y.blocked from holding y where y.stream_id = s.stream_id), '[]'::json),
               'trimHeldBy', (select y.held_by from holding y where y.stream_id = s.stream_id),
               'collections', coalesce((select json_agg(of_sync order by of_sync."sourceNo") from (   -- half the time of json_build_object
                 select o.source_no as "sourceNo", o.collection_id as "collectionId", o.phase, o.backfilled_at is not null as backfilled,
                        case when o.enumerate_due_at is null then date_part('epoch', r.began) * 1000 end as "enumeratingSinceMs",
                        date_part('epoch', r.moved) * 1000 as "frontierAtMs",
                        s.id || 'backfill/' || o.collection_id = any((select running from counted)::text[]) as running,
                        coalesce(r.seen, 0) as seen, (o.coverage ->> 'compared')::int as compared, o.looked, o.look_every_ms as "lookEveryMs",
                        coalesce(((select kept from counted) ->> o.source_no::text)::int, 0) as kept,
                        date_part('epoch', o.last_checked_at) * 1000 as "lastCheckedAtMs",
                        date_part('epoch', o.last_change_at) * 1000 as "lastChangeAtMs",
                        case when o.blocked_at is not null then json_build_object(
                          'kind', o.blocked_kind, 'reason', o.blocked_reason, 'sinceMs', date_part('epoch', o.blocked_at) * 1000) end as blocked,
                        case when o.error_at is not null then json_build_object(
                          'message', o.error_message, 'sinceMs', date_part('epoch', o.error_at) * 1000) end as error,
                        o.held, coalesce(((select quarantined from counted) ->> o.source_no::text)::int, 0) as quarantined,
                        coalesce(((select hints from counted) -> o.source_no::text ->> 0)::int, 0) as hints,
                        (((select hints from counted) -> o.source_no::text) ->> 1)::float8 as "oldestHintAtMs"
                   from source o
                   left join lateral (
                     select sum(k.seen) as seen, min(k.created_at) as began, max(k.moved_at) as moved
                       from checkpoint k
                      where k.sync_id = s.id and k.source_no = o.source_no and k.generation = o.generation and k.kind = 'range') r on true
                  where o.sync_id = s.id and o.removed_at is null) of_sync), '[]'::json))::text as facts
        from chosen s
        join credentials c on c.id = s.credential_id`,
  )
  return rows.map((row) => JSON.parse(row.facts) as SyncFacts)
}
