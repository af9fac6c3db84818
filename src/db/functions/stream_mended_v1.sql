-- After a page, in its transaction: what stands on it could be stored, so it leaves the quarantine, unless it was seen there
-- later than here. Returns how many did.
--
-- Locks: quarantine rows in order of (source_no, upstream_id), after those of the page.
-- Cost: one probe where the quarantine holds nothing of the page's collections, which is nearly always; else one an id.
create function stream_mended_v1(p_source text, p_ids text, p_observed text) returns int
language plpgsql as $f$
declare
  a_src int[] := p_source::int[];
  a_id text[];
  a_o timestamptz[];
  v_mended int;
begin
  if not exists (select from quarantine q where q.source_no = any(a_src)) then return 0; end if;
  a_id := string_to_array(p_ids, E'\x1f');
  a_o := p_observed::timestamptz[];
  with better as materialized (
    select q.source_no, q.upstream_id
      from generate_series(1, cardinality(a_id)) g(i)
      join quarantine q on q.source_no = coalesce(a_src[g.i], a_src[1]) and q.upstream_id = a_id[g.i]
     where q.observed_at <= coalesce(a_o[g.i], a_o[1])
     order by q.source_no, q.upstream_id
       for update of q)
  delete from quarantine q
   using better b
   where q.source_no = b.source_no and q.upstream_id = b.upstream_id;
  get diagnostics v_mended = row_count;
  return v_mended;
end $f$;
