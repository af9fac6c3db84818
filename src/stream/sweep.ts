import { withAppErrors } from '../db/errors.ts'
import type { Query, Sql } from '../db/pools.ts'

/**
 * The fuse: more candidates than this, and more than this share of the collection, wait for somebody's approval. Those that a
 * hint asks for already do not count: a page may show a record as no more than a hint.
 */
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

export type Swept = {
  /** Records inside the bounds, not deleted here. */
  compared: number
  /** Of those, the ones that the enumeration should have seen and did not. */
  candidates: number
  /** Missing too, but a rejection said that they stay: no candidates. */
  kept: number
  /** The fuse holds the candidates back: somebody must approve. */
  held: boolean
}

/**
 * Deletes by enumeration: candidates are records inside the bounds, last observed before the enumeration began (whenever that
 * was written: an event of before may come late, of an object that went without one), that none of its pages showed. Each
 * becomes a hint, and is asked for by id; unless the fuse holds them all back (`source.held`: count, samples; their ids:
 * `finding`). What a rejection kept is no candidate until the provider shows it again. Called in the transaction that ends the
 * enumeration.
 */
export async function sweep(tx: Query, input: Enumerated): Promise<Swept> {
  const { sourceNo, generation, boundsFromMs } = input
  await forgetAnswered(tx, input)
  const { samples, ...swept } = await judge(tx, input)
  if (swept.held) {
    await tx`
      update source
         set held = jsonb_build_object(
               'count', ${swept.candidates}::int, 'of', ${swept.compared}::int, 'samples', to_jsonb(${samples}::text[]),
               'since', coalesce(held ->> 'since', clock_timestamp()::text)::timestamptz, 'generation', ${generation}::int,
               'bounds_from_ms', ${boundsFromMs}::bigint)
       where source_no = ${sourceNo}`
  } else {
    await tx`update source set held = null where source_no = ${sourceNo} and held is not null`
  }
  return swept
}

/**
 * Approves or rejects what the fuse holds. Approved: each candidate becomes a hint, and only what the provider then
 * refuses by id becomes a tombstone; what was rejected before is asked for too. Rejected: those records stay, and later
 * enumerations do not ask again. Returns how many hints were made; null: there was nothing to decide.
 */
export async function decideHeld(
  sql: Sql,
  { sourceNo, decision }: { sourceNo: number; decision: 'approve' | 'reject' },
): Promise<number | null> {
  return await withAppErrors(() =>
    sql.begin(async (tx) => {
      const [source] = await tx<{ held: boolean; kept: boolean }[]>`
        select s.held is not null as held,
               exists (select 1 from finding f where f.source_no = s.source_no and f.kind = 'rejected') as kept
          from source s
         where s.source_no = ${sourceNo}
           for no key update of s`
      const decidable = source?.held === true || (decision === 'approve' && source?.kept === true)
      if (!decidable) return null
      await tx`update source set held = null where source_no = ${sourceNo}`
      if (decision === 'reject') {
        await tx`update finding set kind = 'rejected' where source_no = ${sourceNo} and kind = 'held'`
        return 0
      }
      const [hinted] = await tx<{ count: number }[]>`
        with due as (
          update finding f
             set kind = 'missing', found_at = clock_timestamp(),
                 generation = (select s.generation from source s where s.source_no = ${sourceNo})
           where f.source_no = ${sourceNo} and f.kind in ('held', 'rejected')
          returning f.upstream_id as id),
        hinted as (
          insert into touched as t (source_no, upstream_id)
          select ${sourceNo}::int, due.id from due order by due.id
          on conflict (source_no, upstream_id) do update
            set seq = excluded.seq, due_at = least(t.due_at, excluded.due_at)
          returning 1)
        select count(*)::int as count from hinted`
      return hinted!.count
    }),
  )
}

/** The provider showed them again, or they are deleted here: nothing is left to decide. The rest is judged anew. */
async function forgetAnswered(
  tx: Query,
  { streamNo, sourceNo, generation }: Enumerated,
): Promise<void> {
  await tx`
    delete from finding f
     where f.source_no = ${sourceNo} and f.kind in ('held', 'rejected')
       and (f.kind = 'held'
            or f.upstream_id in (
              select unnest(p.ids) from seen_page p where p.source_no = ${sourceNo} and p.generation = ${generation})
            or not exists (
              select 1 from record r
               where r.stream_no = ${streamNo} and r.source_no = f.source_no and r.upstream_id = f.upstream_id
                 and not r.deleted))`
}

/**
 * Reads each record of the collection once; writes the candidates as findings, and as hints unless the fuse blows. A first
 * backfill ends before anybody has analyzed what it wrote: taken for a handful, the records were compared with the ids one by
 * one (20,000 took 4.5 s, 60,000 more than 30 s; hashed, 20,000 take 0.07 s and a million 3.4 s).
 */
async function judge(tx: Query, input: Enumerated): Promise<Swept & { samples: string[] }> {
  const { streamNo, sourceNo, generation, boundsFromMs, deletable } = input
  await tx`set local enable_nestloop = off`
  const [row] = await tx<(Swept & { samples: string[] })[]>`
    with began as materialized (
      select coalesce(
               ${input.startedAt ?? null}::timestamptz,
               (select min(c.created_at) from checkpoint c
                 where c.source_no = ${sourceNo} and c.generation = ${generation} and c.kind = 'range')) as at),
    seen as materialized (
      select distinct unnest(p.ids) as id
        from seen_page p
       where p.source_no = ${sourceNo} and p.generation = ${generation}),
    asked as materialized (
      select t.upstream_id as id from touched t where t.source_no = ${sourceNo}),
    inside as materialized (
      select r.upstream_id as id, missing.is and f.kind is null as candidate, missing.is and f.kind is not null as kept,
             asked.id is not null as asked
        from record r
        left join seen on seen.id = r.upstream_id
        left join asked on asked.id = r.upstream_id
        left join finding f
          on f.source_no = r.source_no and f.upstream_id = r.upstream_id and f.kind = 'rejected'
       cross join lateral (
         select seen.id is null and r.observed_at < (select at from began) as is) missing
       where r.stream_no = ${streamNo} and r.source_no = ${sourceNo} and not r.deleted
         and (${boundsFromMs}::bigint is null
              or r.upstream_created_at >= timestamptz 'epoch' + ${boundsFromMs}::float8 * interval '1 ms')),
    verdict as materialized (
      select count(*)::int as compared,
             (count(*) filter (where candidate))::int as candidates,
             (count(*) filter (where kept))::int as kept,
             ${deletable}::bool
               and count(*) filter (where candidate and not asked)
                     > greatest(${fuseRecords}::float8, count(*) * ${fuseShare}::float8) as held
        from inside),
    noted as (
      insert into finding as f (source_no, upstream_id, generation, kind)
      select ${sourceNo}::int, inside.id, ${generation}::int, case when verdict.held then 'held' else 'missing' end
        from inside
       cross join verdict
       where inside.candidate and ${deletable}::bool
       order by inside.id collate "C"
      on conflict (source_no, upstream_id) do update
        set generation = excluded.generation, kind = excluded.kind, found_at = excluded.found_at),
    hinted as (
      insert into touched as t (source_no, upstream_id)
      select ${sourceNo}::int, inside.id
        from inside
       where inside.candidate and ${deletable}::bool and not (select held from verdict)
       order by inside.id collate "C"
      on conflict (source_no, upstream_id) do update
        set seq = excluded.seq, due_at = least(t.due_at, excluded.due_at))
    select verdict.compared, verdict.candidates, verdict.kept, verdict.held,
           array(select inside.id from inside where inside.candidate order by inside.id limit 10) as samples
      from verdict`
  return row!
}
