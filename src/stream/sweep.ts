import { withAppErrors } from '../db/errors.ts'
import { toNumber } from '../db/pools.ts'
import type { Query, Sql } from '../db/pools.ts'

/** The fuse: more candidates than this, and more than this share of the collection, wait for somebody's approval. */
export const fuseRecords = 100
export const fuseShare = 0.05

type Enumerated = {
  streamNo: number
  sourceNo: number
  generation: number
  startedAt?: string
  boundsFromMs: number | null
  deletable: boolean
}

/**
 * Deletes by enumeration: candidates are records inside the bounds, last changed and last observed before the enumeration
 * began, that none of its pages showed. Each becomes a hint, and is asked for by id; unless the fuse holds them all back
 * (`source.held`: count, samples). Called in the transaction that ends the enumeration.
 */
export async function sweep(
  tx: Query,
  input: Enumerated,
): Promise<{ compared: number; candidates: number; held: boolean }> {
  const { sourceNo, generation, deletable, boundsFromMs } = input
  const fuse = deletable ? 'armed' : 'off'
  const row = await judge(tx, input, fuse)
  if (row.held) {
    await tx`
      update source
         set held = jsonb_build_object(
               'count', ${row.candidates}::int, 'of', ${row.compared}::int, 'samples', to_jsonb(${row.samples}::text[]),
               'since', clock_timestamp(), 'generation', ${generation}::int, 'started_at', ${row.startedAt}::timestamptz,
               'bounds_from_ms', ${boundsFromMs}::bigint)
       where source_no = ${sourceNo}`
  }
  return { compared: row.compared, candidates: row.candidates, held: row.held }
}

/**
 * Approves or rejects what the fuse holds. Approved: each candidate becomes a hint, and only what the provider then
 * refuses by id becomes a tombstone. Rejected: forgotten until the next enumeration. Returns how many hints were made;
 * null: nothing was held.
 */
export async function decideHeld(
  sql: Sql,
  { sourceNo, decision }: { sourceNo: number; decision: 'approve' | 'reject' },
): Promise<number | null> {
  return await withAppErrors(() =>
    sql.begin(async (tx) => {
      const [held] = await tx<HeldRow[]>`
        select stream_no, generation, held ->> 'started_at' as started_at, held ->> 'bounds_from_ms' as bounds_from_ms
          from source
         where source_no = ${sourceNo} and held is not null and (held ->> 'generation')::int = generation
           for no key update`
      if (held === undefined) return null
      const { candidates } =
        decision === 'reject'
          ? { candidates: 0 }
          : await judge(
              tx,
              {
                streamNo: held.stream_no,
                sourceNo,
                generation: held.generation,
                startedAt: held.started_at,
                boundsFromMs: held.bounds_from_ms === null ? null : toNumber(held.bounds_from_ms),
              },
              'overruled',
            )
      await tx`update source set held = null where source_no = ${sourceNo}`
      await tx`delete from seen_page where source_no = ${sourceNo} and generation = ${held.generation}`
      return candidates
    }),
  )
}

type HeldRow = {
  stream_no: number
  generation: number
  started_at: string
  bounds_from_ms: string | null
}

type Verdict = {
  compared: number
  candidates: number
  held: boolean
  samples: string[]
  startedAt: string
}

/** Reads each record of the collection once; writes the hints unless the fuse is off or blows. */
async function judge(
  tx: Query,
  input: Omit<Enumerated, 'deletable'>,
  fuse: 'armed' | 'off' | 'overruled',
): Promise<Verdict> {
  const { streamNo, sourceNo, generation, boundsFromMs } = input
  const [row] = await tx<Verdict[]>`
    with began as materialized (
      select coalesce(
               ${input.startedAt ?? null}::timestamptz,
               (select min(c.created_at) from checkpoint c
                 where c.source_no = ${sourceNo} and c.generation = ${generation} and c.kind = 'range')) as at),
    seen as materialized (
      select distinct unnest(p.ids) as id
        from seen_page p
       where p.source_no = ${sourceNo} and p.generation = ${generation}),
    inside as materialized (
      select r.upstream_id as id,
             seen.id is null and r.changed_at < began.at and r.observed_at < began.at as missing
        from record r
       cross join began
        left join seen on seen.id = r.upstream_id
       where r.stream_no = ${streamNo} and r.source_no = ${sourceNo} and not r.deleted
         and (${boundsFromMs}::bigint is null
              or r.upstream_created_at >= timestamptz 'epoch' + ${boundsFromMs}::float8 * interval '1 ms')),
    verdict as materialized (
      select count(*)::int as compared,
             (count(*) filter (where missing))::int as candidates,
             ${fuse === 'armed'}::bool
               and count(*) filter (where missing) > greatest(${fuseRecords}::float8, count(*) * ${fuseShare}::float8) as held
        from inside),
    hinted as (
      insert into touched as t (source_no, upstream_id)
      select ${sourceNo}::int, inside.id
        from inside
       where inside.missing and ${fuse !== 'off'}::bool and not (select held from verdict)
       order by inside.id collate "C"
      on conflict (source_no, upstream_id) do update
        set seq = excluded.seq, due_at = least(t.due_at, excluded.due_at))
    select verdict.compared, verdict.candidates, verdict.held,
           array(select inside.id from inside where inside.missing order by inside.id limit 10) as samples,
           began.at::text as "startedAt"
      from verdict
     cross join began`
  return row!
}
