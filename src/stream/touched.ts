import { withAppErrors } from '../db/errors.ts'
import { toNumber } from '../db/pools.ts'
import type { Query } from '../db/pools.ts'
import { isId } from './quarantine.ts'
import type { Hint } from './write.ts'

export type TouchedRow = Hint & {
  collectionId: string
  seq: number
  attempts: number
  /** Since the first word of it. */
  ageMs: number
}

/** Hints of a sync that are due, oldest first; not those of collections that are blocked or were taken out. */
export async function dueTouched(
  sql: Query,
  { syncId, limit }: { syncId: string; limit: number },
): Promise<TouchedRow[]> {
  const rows = await withAppErrors(
    () => sql<(Omit<TouchedRow, 'seq'> & { seq: string })[]>`
      select t.source_no as "sourceNo", s.collection_id as "collectionId", t.upstream_id as id, t.seq, t.attempts,
             (extract(epoch from clock_timestamp() - t.first_seen_at) * 1000)::float8 as "ageMs"
        from source s
        join touched t on t.source_no = s.source_no
       where s.sync_id = ${syncId} and s.blocked_at is null and s.removed_at is null and t.due_at <= clock_timestamp()
       order by t.due_at
       limit ${limit}`,
  )
  return rows.map((row) => ({ ...row, seq: toNumber(row.seq) }))
}

/** A look that failed comes again later, unless a newer hint has come meanwhile. */
export async function postponeTouched(
  sql: Query,
  rows: (Hint & { seq: number })[],
  delayMs: number,
): Promise<void> {
  if (rows.length === 0) return
  await withAppErrors(
    () => sql`
      update touched t
         set due_at = clock_timestamp() + ${delayMs}::float8 * interval '1 ms', attempts = t.attempts + 1
        from unnest(
               ${rows.map(({ sourceNo }) => sourceNo)}::int[],
               ${rows.map(({ id }) => id)}::text[],
               ${rows.map(({ seq }) => seq)}::bigint[]) l(src, id, seq)
       where t.source_no = l.src and t.upstream_id = l.id and t.seq = l.seq`,
  )
}

/** Writes hints: each says no more than "look at this record", and coalesces with one that is there. */
export async function touch(sql: Query, rows: Hint[]): Promise<void> {
  if (rows.length === 0) return
  await withAppErrors(
    () => sql`
      insert into touched as t (source_no, upstream_id)
      select distinct l.src, l.id collate "C" as id
        from unnest(${rows.map(({ sourceNo }) => sourceNo)}::int[], ${rows.map(({ id }) => id)}::text[]) l(src, id)
       order by l.src, id
      on conflict (source_no, upstream_id) do update
        set seq = excluded.seq, due_at = least(t.due_at, excluded.due_at)`,
  )
}

/**
 * The same for callers who know collections by name (a webhook). Names that no sync has are passed over, and what is no id.
 * Returns how many.
 */
export async function touchByName(
  sql: Query,
  rows: { syncId: string; collectionId: string; id: string }[],
): Promise<number> {
  const known = rows.filter(({ id }) => isId(id))
  if (known.length === 0) return 0
  const result = await withAppErrors(
    () => sql`
      insert into touched as t (source_no, upstream_id)
      select distinct s.source_no, l.id collate "C" as id
        from unnest(
               ${known.map(({ syncId }) => syncId)}::uuid[],
               ${known.map(({ collectionId }) => collectionId)}::text[],
               ${known.map(({ id }) => id)}::text[]) l(sync_id, collection_id, id)
        join source s on s.sync_id = l.sync_id and s.collection_id = l.collection_id
       where s.removed_at is null
       order by s.source_no, id
      on conflict (source_no, upstream_id) do update
        set seq = excluded.seq, due_at = least(t.due_at, excluded.due_at)`,
  )
  return result.count
}

/** How long until the next hint of the sync is due, 0 where one is; null: there is none. */
export async function nextTouchedDueMs(sql: Query, syncId: string): Promise<number | null> {
  const [row] = await withAppErrors(
    () => sql<{ ms: number | null }[]>`
      select (extract(epoch from min(t.due_at) - clock_timestamp()) * 1000)::float8 as ms
        from source s
        join touched t on t.source_no = s.source_no
       where s.sync_id = ${syncId} and s.blocked_at is null and s.removed_at is null`,
  )
  const ms = row?.ms ?? null
  return ms === null ? null : Math.max(0, Math.ceil(ms))
}
