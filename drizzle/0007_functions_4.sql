-- Copied from src/db/functions by tools/functions.ts.

-- After a page of a feed (or of a window of young objects), in its transaction: what it tells of had been on its way when an
-- enumeration found it different, so it is no finding; nor is what it missed, where the page tells that it is gone or may be
-- (a hint). A page that was on its way and tells that a record was there says nothing of a delete after that: what the
-- enumeration missed stays. p_gone: true for each id that the page tells gone, one element where all are equal.
-- p_since_ms: the page tells of nothing older (the look before it saw that); findings from before stay.
-- Locks: finding rows in order of (source_no, upstream_id), after those of the page. Cost: one probe an id into a table that
-- is empty but for enumerations.
create function stream_told_v2(p_source text, p_ids text, p_gone text, p_since_ms float8) returns int
language plpgsql as $f$
declare
  a_src int[] := p_source::int[];
  a_id text[] := string_to_array(p_ids, E'\x1f');
  a_gone bool[] := p_gone::bool[];
  v_told int;
begin
  delete from finding
   where ctid = any(array(
     select f.ctid
       from generate_series(1, cardinality(a_id)) g(i)
       join finding f
         on f.source_no = coalesce(a_src[g.i], a_src[1]) and f.upstream_id = a_id[g.i] collate "C"
      where (f.kind = 'different' or f.kind = 'missing' and coalesce(a_gone[g.i], a_gone[1]))
        and f.found_at >= to_timestamp(p_since_ms / 1000)
      order by f.source_no, f.upstream_id
        for update of f));
  get diagnostics v_told = row_count;
  return v_told;
end $f$;
