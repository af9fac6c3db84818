-- A source goes, a slice a call: as tombstones, which consumers see, or hard. Call again with the id that came back until it
-- is null. A slice of nothing but tombstones takes no lock and no numbers: whoever begins again walks over millions of them.
-- Locks: advisory (7001, stream), then stream_head and record rows. Cost per 1,000: tombstones 50 ms, hard 22 ms.
create function stream_drop_v2(
  p_stream int, p_source int, p_hard boolean, p_after text, p_limit int,
  out n int, out last_id text, out last_idx bigint)
language plpgsql as $f$
declare
  v_ids text[];
  v_live int;
  v_base bigint;
  v_at timestamptz;
begin
  select array_agg(q.upstream_id), case when count(*) = p_limit then max(q.upstream_id) end, count(*) filter (where p_hard or not q.deleted)
    into v_ids, last_id, v_live
    from (
      select r.upstream_id, r.deleted
        from record r
       where r.stream_no = p_stream and r.source_no = p_source and r.upstream_id > p_after
       order by r.upstream_id
       limit p_limit) q;
  n := 0;
  if v_live = 0 then return; end if;
  perform pg_advisory_xact_lock(7001, p_stream);
  if p_hard then
    delete from record r
     where r.stream_no = p_stream and r.source_no = p_source and r.upstream_id = any(v_ids);
    get diagnostics n = row_count;
    return;
  end if;
  -- What is live under the lock.
  select array_agg(r.upstream_id order by r.upstream_id), count(*)
    into v_ids, n
    from record r
   where r.stream_no = p_stream and r.source_no = p_source and r.upstream_id = any(v_ids) and not r.deleted;
  if n = 0 then return; end if;
  update stream_head h
     set last_idx = h.last_idx + n, last_at = greatest(clock_timestamp(), h.last_at)
   where h.stream_no = p_stream
     and h.last_idx = (select x.last_idx from stream_head x where x.stream_no = p_stream order by x.last_idx desc limit 1)
  returning h.last_idx, h.last_at into strict last_idx, v_at;
  v_base := last_idx - n;
  update record r
     set deleted = true,
         hash = '00000000-0000-0000-0000-000000000000',
         version = null,
         observed_at = greatest(r.observed_at, clock_timestamp()),
         changed_at = v_at,
         updated_idx = v_base + t.ord
    from unnest(v_ids) with ordinality t(id, ord)
   where r.stream_no = p_stream and r.source_no = p_source and r.upstream_id = t.id;
end $f$;
