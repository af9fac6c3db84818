/**
 * Records that cannot be stored stand apart, raw, until a later look at the same record can be (functions/stream_mended_v1.sql).
 * The frontier goes on without them; health, coverage and the API show them.
 */
import { hash } from 'node:crypto'
import { withAppErrors } from '../db/errors.ts'
import type { PendingQuery, Row } from 'postgres'
import type { Query } from '../db/pools.ts'
import { limits } from '../domain/limits.ts'

type Fragment = PendingQuery<Row[]>

/** An index has no room for longer ones, of whatever characters. */
export const idCharsMax = 800

export type Refused = {
  sourceNo: number
  /** As the connector read it. */
  id: string
  /** As the provider sent it; null: not known. */
  raw: string | null
  /** Our own sentence. */
  error: string
  observedAt: string
}

/** Whether a record may have this id. */
export function isId(id: string): boolean {
  return id !== '' && id.length <= idCharsMax && !/[\u0000-\u001f]/.test(id) && id.isWellFormed()
}

/** Puts records there, or what is known of them now. */
export async function quarantine(sql: Query, refused: readonly Refused[]): Promise<void> {
  for (const { sourceNo, error, observedAt, ...record } of refused) {
    const { id, raw } = record
    const kept = raw === null ? null : printable(raw.slice(0, limits.quarantineRawChars))
    const bytes = raw === null ? null : Buffer.byteLength(raw)
    await withAppErrors(
      () => sql`
        insert into quarantine as q (source_no, upstream_id, named, raw, raw_bytes, error, observed_at)
        values (${sourceNo}, ${nameOf(record)}, ${isId(id)}, ${kept}, ${bytes}, ${error},
                least(${observedAt}::text::timestamptz, clock_timestamp()))
        on conflict (source_no, upstream_id) do update
          set raw = coalesce(excluded.raw, q.raw), raw_bytes = coalesce(excluded.raw_bytes, q.raw_bytes),
              error = excluded.error, observed_at = greatest(q.observed_at, excluded.observed_at), at = clock_timestamp()`,
    )
  }
}

/** Hints for all records of a sync that are in quarantine, so that each is looked at again by its id. Returns how many. */
export async function askAgain(sql: Query, syncId: string): Promise<number> {
  return await hintWhere(
    sql,
    sql`q.source_no in (select s.source_no from source s where s.sync_id = ${syncId} and s.removed_at is null)`,
  )
}

/**
 * An enumeration of a whole collection is over, and did not meet these again. `byId`: the provider can be asked for one, and
 * is; else they are gone, or stand under another name.
 */
export async function askForMissing(
  tx: Query,
  { sourceNo, generation, byId }: { sourceNo: number; generation: number; byId: boolean },
): Promise<void> {
  const missing = tx`
    q.source_no = ${sourceNo}
    and q.at < (select min(c.created_at) from checkpoint c
                 where c.source_no = q.source_no and c.generation = ${generation} and c.kind = 'range')`
  await tx`delete from quarantine q where ${missing} and not (q.named and ${byId}::bool)`
  await hintWhere(tx, missing)
}

async function hintWhere(sql: Query, chosen: Fragment): Promise<number> {
  const result = await withAppErrors(
    () => sql`
      insert into touched as t (source_no, upstream_id)
      select q.source_no, q.upstream_id
        from quarantine q
       where q.named and ${chosen}
       order by q.source_no, q.upstream_id collate "C"
       limit ${limits.quarantineAskedAtOnce}
      on conflict (source_no, upstream_id) do update
        set seq = excluded.seq, due_at = least(t.due_at, excluded.due_at)`,
  )
  return result.count
}

/** What has no id of its own stands under a name that is the same at each look. */
function nameOf({ id, raw }: Pick<Refused, 'id' | 'raw'>): string {
  if (isId(id)) return id
  const part = printable(id.slice(0, 60)).replaceAll(/[\u0000-\u001f]/g, '?')
  return `${part} (${hash('sha256', `${id}\n${raw ?? ''}`, 'hex').slice(0, 16)})`
}

/** Postgres keeps no NUL and no half of a character. */
function printable(text: string): string {
  return text.replaceAll('\u0000', '\\u0000').toWellFormed()
}
