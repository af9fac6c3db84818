-- Copied from src/db/functions by tools/functions.ts.

-- After a page of a comparing enumeration, in its transaction: the records that the page moved were different from what the
-- feed had brought, and are noted as findings. Of every collection on the page that is being compared; a first backfill
-- finds everything new, and notes nothing.
--
-- p_last_idx: of the page's stream_page_v1; null: it moved nothing.
-- Locks: finding rows in order of (source_no, upstream_id), after those of the page.
-- Cost: nothing where nothing moved; else one probe an id.
create function stream_found_v1(p_stream int, p_source text, p_ids text, p_last_idx bigint) returns int
language plpgsql as $f$
declare
  a_src int[] := p_source::int[];
  a_id text[] := string_to_array(p_ids, E'\x1f');
  v_found int;
begin
  if p_last_idx is null then return 0; end if;
  insert into finding as f (source_no, upstream_id, generation, kind)
  select distinct r.source_no, r.upstream_id, s.generation, 'different'
    from generate_series(1, cardinality(a_id)) g(i)
    join record r
      on r.stream_no = p_stream
     and r.source_no = coalesce(a_src[g.i], a_src[1])
     and r.upstream_id = a_id[g.i] collate "C"
    join source s on s.source_no = r.source_no
   where r.xmin = pg_current_xact_id()::xid
     and r.updated_idx > p_last_idx - cardinality(a_id)
     and s.backfilled_at is not null and s.enumerate_due_at is null
   order by r.source_no, r.upstream_id
  on conflict (source_no, upstream_id) do update
    set generation = excluded.generation, kind = excluded.kind, found_at = excluded.found_at;
  get diagnostics v_found = row_count;
  return v_found;
end $f$;
--> statement-breakpoint
-- After a page of a feed (or of a window of young objects), in its transaction: what it tells of had been on its way when an
-- enumeration found it different or missing, so it is no finding. p_since_ms: the page tells of nothing older (the look
-- before it saw that); findings from before stay.
-- Locks: finding rows in order of (source_no, upstream_id), after those of the page. Cost: one probe an id into a table that
-- is empty but for enumerations.
create function stream_told_v1(p_source text, p_ids text, p_since_ms float8) returns int
language plpgsql as $f$
declare
  a_src int[] := p_source::int[];
  a_id text[] := string_to_array(p_ids, E'\x1f');
  v_told int;
begin
  delete from finding
   where ctid = any(array(
     select f.ctid
       from finding f
      where (f.source_no, f.upstream_id) in (
              select coalesce(a_src[g.i], a_src[1]), a_id[g.i] collate "C"
                from generate_series(1, cardinality(a_id)) g(i))
        and f.kind in ('different', 'missing') and f.found_at >= to_timestamp(p_since_ms / 1000)
      order by f.source_no, f.upstream_id
        for update));
  get diagnostics v_told = row_count;
  return v_told;
end $f$;
--> statement-breakpoint
-- Like all upstream ids: compared byte by byte.
alter table finding alter column upstream_id type text collate "C";
