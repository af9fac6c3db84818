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
