import { withAppErrors } from '../db/errors.ts'
import type { Query } from '../db/pools.ts'
import { limits } from '../domain/limits.ts'
import type { CollectionPhase } from '../domain/sync.ts'

/** One collection of a sync. Spans of time are measured by the database's clock. */
export type Source = {
  sourceNo: number
  streamNo: number
  collectionId: string
  phase: CollectionPhase
  /** Enumerations begun so far. */
  generation: number
  backfilled: boolean
  /** An enumeration is under way: its ranges stand in `checkpoint`. */
  enumerating: boolean
  /** Until the next enumeration, 0 where it is due; null: one is under way. */
  enumerateDueInMs: number | null
  blockedKind: string | null
  blockedReason: string | null
  /** Until the next probe of a blocked collection, 0 where it is due. */
  probeDueInMs: number | null
  lastCheckedAtMs: number | null
  lastChangeAtMs: number | null
  /** The next look was due within this of the last one; null: not known. */
  lookEveryMs: number | null
  /** A mass delete waits for approval. */
  held: boolean
}

/** The collections of a sync that were not taken out, in the order they were made. */
export async function sourcesOf(sql: Query, syncId: string): Promise<Source[]> {
  return await withAppErrors(
    () => sql<Source[]>`
      select source_no as "sourceNo", stream_no as "streamNo", collection_id as "collectionId", phase, generation,
             backfilled_at is not null as backfilled,
             enumerate_due_at is null and generation > 0 as enumerating,
             case when enumerate_due_at is not null then ${msUntil(sql, 'enumerate_due_at')} end as "enumerateDueInMs",
             blocked_kind as "blockedKind", blocked_reason as "blockedReason",
             case when probe_at is not null then ${msUntil(sql, 'probe_at')} end as "probeDueInMs",
             (extract(epoch from last_checked_at) * 1000)::float8 as "lastCheckedAtMs",
             (extract(epoch from last_change_at) * 1000)::float8 as "lastChangeAtMs",
             look_every_ms::float8 as "lookEveryMs",
             held is not null as held
        from source
       where sync_id = ${syncId} and removed_at is null
       order by source_no`,
  )
}

/** All sources of a sync, those that were taken out too: what a purge has to walk. */
export async function sourcesToPurge(
  sql: Query,
  syncId: string,
): Promise<{ sourceNo: number; streamNo: number }[]> {
  return await withAppErrors(
    () => sql<{ sourceNo: number; streamNo: number }[]>`
      select source_no as "sourceNo", stream_no as "streamNo" from source where sync_id = ${syncId} order by source_no`,
  )
}

export async function setPhase(
  sql: Query,
  sourceNo: number,
  phase: CollectionPhase,
): Promise<void> {
  await withAppErrors(
    () =>
      sql`update source set phase = ${phase} where source_no = ${sourceNo} and phase <> ${phase}`,
  )
}

/** Not to be had with this credential for now: `reason` is a sentence for people. Looked at again after `probeMs`, later and later. */
export async function block(
  sql: Query,
  sourceNo: number,
  { kind, reason, probeMs }: { kind: string; reason: string; probeMs: number },
): Promise<void> {
  await withAppErrors(
    () => sql`
      update source
         set phase = 'blocked', blocked_kind = ${kind}, blocked_reason = ${reason},
             blocked_at = coalesce(blocked_at, clock_timestamp()),
             probe_at = clock_timestamp()
               + greatest(${probeMs}::float8 * interval '1 ms',
                          least(clock_timestamp() - blocked_at, ${limits.probeMaxMs}::float8 * interval '1 ms'))
       where source_no = ${sourceNo}`,
  )
}

/** Takes up where it was: the ranges of its enumeration are still there. */
export async function unblock(sql: Query, sourceNo: number): Promise<void> {
  await withAppErrors(
    () => sql`
      update source
         set phase = case when backfilled_at is not null then 'live' when generation > 0 then 'backfilling' else 'waiting' end,
             blocked_kind = null, blocked_reason = null, blocked_at = null, probe_at = null
       where source_no = ${sourceNo} and blocked_at is not null`,
  )
}

/**
 * Somebody looked, and all was well; the next look is within `everyMs`. Written at most every 5 s, for it is called at every
 * poll.
 */
export async function noteChecked(
  sql: Query,
  sourceNos: number[],
  { changed, everyMs }: { changed: boolean; everyMs: number },
): Promise<void> {
  if (sourceNos.length === 0) return
  await withAppErrors(
    () => sql`
      update source
         set last_checked_at = clock_timestamp(),
             last_change_at = case when ${changed}::bool then clock_timestamp() else last_change_at end,
             look_every_ms = ${Math.round(everyMs)}::bigint,
             error_message = null, error_at = null
       where source_no = any(${sourceNos}::int[])
         and (last_checked_at is null or last_checked_at < clock_timestamp() - interval '5 s'
              or error_message is not null
              or (${changed}::bool and (last_change_at is null or last_change_at < clock_timestamp() - interval '5 s')))`,
  )
}

/** Observations taken in besides those of enumerations, by source. */
export async function noteLooked(sql: Query, counts: Map<number, number>): Promise<void> {
  if (counts.size === 0) return
  await withAppErrors(
    () => sql`
      update source s
         set looked = s.looked + l.n
        from unnest(${[...counts.keys()]}::int[], ${[...counts.values()]}::int[]) l(source_no, n)
       where s.source_no = l.source_no`,
  )
}

/** `message` in our own words. `error_at` stays the time of the first of a row of errors. */
export async function noteError(sql: Query, sourceNos: number[], message: string): Promise<void> {
  if (sourceNos.length === 0) return
  await withAppErrors(
    () => sql`
      update source
         set error_message = ${message}, error_at = coalesce(error_at, clock_timestamp())
       where source_no = any(${sourceNos}::int[]) and error_message is distinct from ${message}`,
  )
}

/** The same for being told to wait, which is an error only once no page of the enumeration has come for so long. */
export async function noteWaiting(sql: Query, sourceNo: number, message: string): Promise<void> {
  await withAppErrors(
    () => sql`
      update source o
         set error_message = ${message}, error_at = coalesce(o.error_at, clock_timestamp())
       where o.source_no = ${sourceNo} and o.error_message is distinct from ${message}
         and (select max(coalesce(k.moved_at, k.created_at))
                from checkpoint k
               where k.source_no = o.source_no and k.generation = o.generation and k.kind = 'range')
             < clock_timestamp() - ${limits.toldToWaitMs}::float8 * interval '1 ms'`,
  )
}

/** A resync: the next plan begins a new enumeration of these collections (null: all), even where one is under way. */
export async function requestEnumeration(
  sql: Query,
  { syncId, collectionIds }: { syncId: string; collectionIds: string[] | null },
): Promise<void> {
  await withAppErrors(
    () => sql`
      update source
         set enumerate_due_at = clock_timestamp()
       where sync_id = ${syncId} and removed_at is null
         and (${collectionIds === null}::bool or collection_id = any(${collectionIds ?? []}::text[]))`,
  )
}

/** 0 where it has passed. (`greatest` takes null for no value: the caller asks for that itself.) */
function msUntil(sql: Query, column: 'enumerate_due_at' | 'probe_at') {
  return sql`greatest(0, extract(epoch from ${sql(column)} - clock_timestamp()) * 1000)::float8`
}
