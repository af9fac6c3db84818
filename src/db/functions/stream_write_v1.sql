-- One page of observations into the stream: one statement, one transaction, numbered in the order of the page.
--
-- p_ids and p_data are joined with chr(31), which JSON text cannot hold raw; the other lists are array literals, one element
-- a row. p_source and p_observed may have one element for all rows; p_version, p_created and p_updated (microseconds since
-- 1970) may be '{}'. Of rows with the same source and id the last one wins.
-- hash all zero: a delete; its data is used only where the id is unknown. hash all ones: a delete as a privacy request; its
-- data replaces the last state.
-- p_page true: a page of a listing (backfill, resync). Unchanged rows are not touched, and a tombstone is not resurrected on
--   the word of a listing unless the upstream's version says so: the position in the page comes back in `recheck`.
-- p_page false: the change path (feed, re-fetch by id, answer to a mutation). Unchanged rows move observed_at forward in
--   place; positions refused as older, with different content, come back in `refused`.
-- p_checkpoint: the fence; null: none. p_move: cursor (null: as it was), counts and p_done are written to it. Raises SL001
-- when lease or epoch are no longer ours. `page_no`: pages of the checkpoint so far, with p_move.
-- last_idx is null when no record moved; then no stream lock was taken. With nothing to touch and p_move false either: no
-- transaction id, no WAL.
--
-- Locks: checkpoint, then advisory (7001, stream), then stream_head and record rows; touches take record rows with skip
-- locked and wait for nothing. The advisory lock is load-bearing: it is held until commit, so that commit order is
-- updated_idx order (G4).
-- Cost: 4-8 µs an unchanged row, 25-35 µs a new or changed one of 1.5 kB.
create function stream_write_v1(
  p_stream int, p_source text, p_ids text, p_hash text, p_data text, p_observed text,
  p_version text, p_created text, p_updated text, p_page boolean,
  p_checkpoint int, p_lease uuid, p_epoch bigint, p_cursor text, p_move boolean, p_done boolean,
  out last_idx bigint, out inserted int, out updated int, out touched int, out stale int,
  out recheck int[], out refused int[], out page_no bigint)
language plpgsql as $f$
declare
  c_gone constant uuid := '00000000-0000-0000-0000-000000000000';
  c_erased constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_clk timestamptz := clock_timestamp();
  v_base bigint;
  v_at timestamptz;
  n int;
  k int;
  v_fenced boolean := p_checkpoint is null;
  v_locked boolean := false;
  a_src int[] := p_source::int[];
  a_id text[] := string_to_array(p_ids, E'\x1f');
  a_h uuid[] := p_hash::uuid[];
  a_o timestamptz[] := p_observed::timestamptz[];
  a_v bigint[] := p_version::bigint[];
  a_c bigint[];
  a_u bigint[];
  v_chg int[];
  v_tch int[];
begin
  inserted := 0;
  updated := 0;
  touched := 0;
  for pass in 1..2 loop
    -- 1. What has to be done? No lock yet. act 1: write, 2: touch, 3: ask by id, 4: refused. "offset 0" pins one index probe a row.
    select array_agg(q.i) filter (where q.act = 1),
           array_agg(q.i) filter (where q.act = 2),
           array_agg(q.i) filter (where q.act = 3),
           array_agg(q.i) filter (where q.act = 4)
      into v_chg, v_tch, recheck, refused
      from (
        select y.i, y.act
          from (
            select x.i,
                   case
                     when r.same is null then 1
                     when p_page and r.deleted and x.h <> c_gone and x.h <> c_erased
                          and (x.v <> r.version) is not true
                          and (x.o >= r.observed_at or r.observed_at > v_clk) then 3
                     when not stream_newer_v1(x.v, x.o, r.version, r.observed_at, v_clk) then
                       case when not r.same then 4 end
                     when not r.same then 1
                     when not p_page then case when pass = 1 then 2 else 1 end
                   end as act
              from (
                select distinct on (z.src, z.id)
                       z.i, z.src, z.id, a_h[z.i] as h, a_v[z.i] as v,
                       least(coalesce(a_o[z.i], a_o[1]), v_clk) as o
                  from (
                    select g.i, coalesce(a_src[g.i], a_src[1]) as src, a_id[g.i] collate "C" as id
                      from generate_series(1, cardinality(a_id)) g(i)) z
                 order by z.src, z.id, z.i desc) x
              left join lateral (
                select stream_same_v1(r.hash, r.deleted, x.h) as same, r.deleted, r.version, r.observed_at
                  from record r
                 where r.stream_no = p_stream and r.source_no = x.src and r.upstream_id = x.id
                offset 0) r on true) y
         where y.act is not null
         order by y.i) q;
    n := coalesce(cardinality(v_chg), 0);

    -- 2. The fence, first in lock order; held until commit.
    if not v_fenced then
      if p_move then
        update checkpoint c
           set cursor = coalesce(p_cursor::json, c.cursor),
               seen = c.seen + cardinality(a_id),
               pages = c.pages + 1,
               moved_at = v_clk,
               done_at = case when p_done then v_clk else c.done_at end
         where c.checkpoint_no = p_checkpoint and c.lease = p_lease and c.epoch = p_epoch
        returning c.pages into page_no;
      elsif n > 0 or v_tch is not null then
        perform 1
           from checkpoint c
          where c.checkpoint_no = p_checkpoint and c.lease = p_lease and c.epoch = p_epoch
            for share;
      else
        perform 1
           from checkpoint c
          where c.checkpoint_no = p_checkpoint and c.lease = p_lease and c.epoch = p_epoch;
      end if;
      if not found then
        raise exception 'checkpoint % is no longer ours', p_checkpoint using errcode = 'SL001';
      end if;
      v_fenced := true;
    end if;
    exit when n = 0 and v_tch is null;
    if n > 0 and not v_locked then
      perform pg_advisory_xact_lock(7001, p_stream);
      v_locked := true;
    end if;

    -- 3. Unchanged: move observed_at forward in place (HOT where the page has room). Without the stream lock another writer
    --    may have changed such a row meanwhile, or hold it (wait for none: no deadlock). Then give the row locks back
    --    (subtransaction), take the stream lock, look again, and let 4 do it.
    exit when v_tch is null;
    begin
      update record u
         set observed_at = greatest(least(u.observed_at, v_clk), t.o), version = t.v
        from (
          select r.ctid as tid, a_v[g.i] as v, least(coalesce(a_o[g.i], a_o[1]), v_clk) as o
            from unnest(v_tch) g(i)
            join record r
              on r.stream_no = p_stream
             and r.source_no = coalesce(a_src[g.i], a_src[1])
             and r.upstream_id = a_id[g.i]
           where stream_same_v1(r.hash, r.deleted, a_h[g.i])
             and stream_newer_v1(a_v[g.i], least(coalesce(a_o[g.i], a_o[1]), v_clk), r.version, r.observed_at, v_clk)
             for no key update of r skip locked) t
       where u.stream_no = p_stream and u.ctid = t.tid;      -- stream_no: a ctid means little in a partitioned table
      get diagnostics touched = row_count;
      if touched < cardinality(v_tch) then
        raise exception using errcode = 'SL002';
      end if;
      exit;
    exception when sqlstate 'SL002' then
      touched := 0;
      if not v_locked then
        perform pg_advisory_xact_lock(7001, p_stream);
        v_locked := true;
      end if;
    end;
  end loop;
  stale := coalesce(cardinality(refused), 0);
  if n = 0 then return; end if;

  -- 4. Numbers, then the rows, under a fresh snapshot.
  a_c := p_created::bigint[];
  a_u := p_updated::bigint[];
  update stream_head h
     set last_idx = h.last_idx + n, last_at = greatest(clock_timestamp(), h.last_at)
   where h.stream_no = p_stream
     and h.last_idx = (select x.last_idx from stream_head x where x.stream_no = p_stream order by x.last_idx desc limit 1)
  returning h.last_idx, h.last_at into strict last_idx, v_at;
  v_base := last_idx - n;
  with up as (
    insert into record as r (
      stream_no, source_no, upstream_id, updated_idx, record_no, changed_at, observed_at, version,
      upstream_created_at, upstream_updated_at, hash, deleted, data)
    select p_stream, coalesce(a_src[t.i], a_src[1]), a_id[t.i], v_base + t.rk, v_base + t.rk, v_at,
           least(coalesce(a_o[t.i], a_o[1]), v_clk), a_v[t.i],
           timestamptz 'epoch' + a_c[t.i] * interval '1 microsecond',
           timestamptz 'epoch' + a_u[t.i] * interval '1 microsecond',
           a_h[t.i], a_h[t.i] in (c_gone, c_erased), d.body::json
      from unnest(v_chg) with ordinality t(i, rk)
      join unnest(string_to_array(p_data, E'\x1f')) with ordinality d(body, i) on d.i = t.i
    on conflict (stream_no, source_no, upstream_id) do update
      set observed_at = greatest(least(r.observed_at, v_clk), excluded.observed_at),
          version = excluded.version,
          deleted = excluded.deleted,
          -- became the same meanwhile: a touch
          hash = case when stream_same_v1(r.hash, r.deleted, excluded.hash) then r.hash else excluded.hash end,
          updated_idx = case when stream_same_v1(r.hash, r.deleted, excluded.hash) then r.updated_idx else excluded.updated_idx end,
          changed_at = case when stream_same_v1(r.hash, r.deleted, excluded.hash) then r.changed_at else excluded.changed_at end,
          upstream_created_at = coalesce(excluded.upstream_created_at, r.upstream_created_at),
          upstream_updated_at = coalesce(excluded.upstream_updated_at, r.upstream_updated_at),
          data = case when excluded.hash = c_gone or r.hash = excluded.hash then r.data else excluded.data end
      where stream_newer_v1(excluded.version, excluded.observed_at, r.version, r.observed_at, v_clk)
        and not (p_page and r.deleted and not excluded.deleted and (excluded.version <> r.version) is not true)
    returning r.updated_idx > v_base as moved, r.record_no = r.updated_idx as ins)
  select count(*),
         count(*) filter (where moved and ins),
         count(*) filter (where moved and not ins),
         touched + count(*) filter (where not moved)
    into k, inserted, updated, touched
    from up;

  -- 5. Rare: refused by the second look.
  if k < n then
    if p_page then      -- deleted since the first look
      select recheck || array_agg(g.i), n - count(*)
        into recheck, n
        from unnest(v_chg) g(i)
        join record r
          on r.stream_no = p_stream
         and r.source_no = coalesce(a_src[g.i], a_src[1])
         and r.upstream_id = a_id[g.i]
       where r.deleted and a_h[g.i] <> c_gone and a_h[g.i] <> c_erased
         and (a_v[g.i] <> r.version) is not true
         and (least(coalesce(a_o[g.i], a_o[1]), v_clk) >= r.observed_at or r.observed_at > v_clk);
    else                -- a newer observation came in between
      select refused || array_agg(g.i)
        into refused
        from unnest(v_chg) g(i)
        join record r
          on r.stream_no = p_stream
         and r.source_no = coalesce(a_src[g.i], a_src[1])
         and r.upstream_id = a_id[g.i]
       where not stream_same_v1(r.hash, r.deleted, a_h[g.i]);
    end if;
    stale := stale + n - k;
  end if;
end $f$;
