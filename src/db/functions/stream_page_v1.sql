-- What one provider response comes to, all of it in one transaction (G1): records and checkpoint (stream_write_v1), hints,
-- the settled hints, what an enumeration saw. One round trip.
--
-- p_hint_*: "look at this record" (ids joined with chr(31)); positions that stream_write_v1 gives back join them: a listing
--   that shows what is deleted here, and on the change path what was refused as older with different content. A re-fetch by
--   id, granted later, decides. `hinted`: how many.
-- p_looked_*: hints that this page answers; each goes only where its seq is still the one that was seen. A seq never comes
--   twice (touched_seq), so a hint that arrived meanwhile stays.
-- p_seen_*: the ids of that source go to seen_page under the number of the page; null: no enumeration.
--
-- Locks: those of stream_write_v1, then touched rows in order of (source_no, upstream_id).
-- Cost: nothing over stream_write_v1 where there are no hints; else about 10 µs a hint.
create function stream_page_v1(
  p_stream int, p_source text, p_ids text, p_hash text, p_data text, p_observed text,
  p_version text, p_created text, p_updated text, p_page boolean,
  p_checkpoint int, p_lease uuid, p_epoch bigint, p_cursor text, p_done boolean,
  p_hint_source text, p_hint_ids text,
  p_looked_source text, p_looked_ids text, p_looked_seq text,
  p_seen_source int, p_seen_generation int, p_seen_range int,
  out last_idx bigint, out inserted int, out updated int, out touched int, out stale int, out hinted int)
language plpgsql as $f$
declare
  a_src int[] := p_source::int[];
  a_id text[] := string_to_array(p_ids, E'\x1f');
  a_hint_src int[] := p_hint_source::int[];
  a_hint_id text[] := string_to_array(p_hint_ids, E'\x1f');
  a_looked_src int[] := p_looked_source::int[];
  a_looked_id text[] := string_to_array(p_looked_ids, E'\x1f');
  v_again int[];
  v_page_no bigint;
begin
  select w.last_idx, w.inserted, w.updated, w.touched, w.stale,
         case when p_page then w.recheck else w.refused end, w.page_no
    into last_idx, inserted, updated, touched, stale, v_again, v_page_no
    from stream_write_v1(
      p_stream, p_source, p_ids, p_hash, p_data, p_observed, p_version, p_created, p_updated, p_page,
      p_checkpoint, p_lease, p_epoch, p_cursor,
      p_cursor is not null or p_done or p_seen_source is not null, p_done) w;
  hinted := 0;

  if v_again is not null then
    select a_hint_src || array_agg(coalesce(a_src[g.i], a_src[1])), a_hint_id || array_agg(a_id[g.i])
      into a_hint_src, a_hint_id
      from unnest(v_again) g(i);
  end if;

  if cardinality(a_looked_id) > 0 then
    perform 1      -- what is deleted and what is hinted, locked in one order
       from touched t
      where (t.source_no, t.upstream_id) in (
              select l.src, l.id collate "C" from unnest(a_looked_src, a_looked_id) l(src, id)
              union all
              select h.src, h.id collate "C" from unnest(a_hint_src, a_hint_id) h(src, id))
      order by t.source_no, t.upstream_id
        for update;
    delete from touched t
     using unnest(a_looked_src, a_looked_id, p_looked_seq::bigint[]) l(src, id, seq)
     where t.source_no = l.src and t.upstream_id = l.id and t.seq = l.seq;
  end if;

  if cardinality(a_hint_id) > 0 then
    insert into touched as t (source_no, upstream_id)
    select distinct h.src, h.id collate "C" as id
      from unnest(a_hint_src, a_hint_id) h(src, id)
     order by h.src, id
    on conflict (source_no, upstream_id) do update
      set seq = excluded.seq, due_at = least(t.due_at, excluded.due_at);
    get diagnostics hinted = row_count;
  end if;

  if p_seen_source is not null and cardinality(a_id) > 0 then
    insert into seen_page (source_no, generation, range_no, page_no, ids)
    select p_seen_source, p_seen_generation, p_seen_range, v_page_no, array_agg(a_id[g.i])
      from generate_series(1, cardinality(a_id)) g(i)
     where coalesce(a_src[g.i], a_src[1]) = p_seen_source
    having count(*) > 0;
  end if;
end $f$;
