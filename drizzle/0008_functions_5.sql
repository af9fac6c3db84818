-- Copied from src/db/functions by tools/functions.ts.

-- Take: starts of requests for one credential, by GCRA over all its limits at once. One call serves everything that a process
-- wants to send for the credential, so that at speed there is no statement a request.
--   Buckets: p_bucket (sorted by bytes, '' = counts every call), p_spacing µs between two starts (0: no pace, it can only be blocked),
--   p_slack µs that a start may come before its turn (the burst), p_shared: counts every call.
--   Asks, most urgent first: p_uses (bit mask over the buckets), p_count starts, p_horizon µs that a start may lie ahead,
--   p_share of the slack that this priority may use, p_sync + p_epoch (null: not for a sync).
-- Answer, per ask: stopped (its sync is not active at that epoch any more: G8) and wait_us (ask again then; 0: nothing left
-- to ask for); per start: which ask it is for, when, µs from now_us, and by how much that is before its turn.
-- Turns are `spacing` apart, so of requests that are sent between `slack` before and `late` after their turn at most
-- 1 + (w + slack + late) / spacing lie in any window of length w (G10). A start ahead is only promised where a limit
-- that counts every call is what it waits for: promised for the sake of a narrower bucket it would leave a hole in the wider
-- one that nobody can fill. Asks take turns, one start each, so that of equals none starves another.
-- The commit is not awaited (a crash of the database forgets < 1 s of starts, and takes longer than that).
-- Locks: the credential's quota rows, in order of bucket. Cost: about 0.2 ms.
create function quota_take_v2(
  p_credential uuid, p_bucket text[], p_spacing bigint[], p_slack bigint[], p_shared boolean[],
  p_uses bigint[], p_count int[], p_horizon bigint[], p_share float8[], p_sync uuid[], p_epoch bigint[],
  out now_us float8, out stopped boolean[], out wait_us float8[], out start_ask int[], out start_us float8[], out early_us float8[])
language plpgsql as $f$
declare
  v_now bigint;
  v_row record;
  v_tat bigint[];
  v_blocked bigint[];
  v_spacing bigint[];
  v_granted int[] := array_fill(0, array[cardinality(p_bucket)]);
  v_left int[] := p_count;
  v_more boolean := true;
  v_at bigint;
  v_free bigint;
  v_until bigint;
  v_ready bigint;
  v_early bigint;
  k int;
  v_back boolean := false;
begin
  perform set_config('synchronous_commit', 'off', true);
  loop
    v_tat := '{}';
    for v_row in
      select q.bucket, q.tat_us, q.spacing_us, q.blocked_until,
             least(1, q.factor + greatest(0, extract(epoch from clock_timestamp() - q.factor_at)) / 300) as factor
        from quota q
       where q.credential_id = p_credential and q.bucket = any(p_bucket)
       order by q.bucket collate "C"
         for update
    loop
      v_tat := v_tat || v_row.tat_us;
      v_blocked := v_blocked || case
        when v_row.blocked_until = '-infinity' then 0
        else (extract(epoch from v_row.blocked_until) * 1000000)::bigint
      end;
      v_spacing := v_spacing || ceil(p_spacing[cardinality(v_tat)] / v_row.factor)::bigint;
      v_now := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
      k := cardinality(v_tat);
      -- more than a full bucket, and the horizon, is owed by nobody: the clock was set back
      v_at := v_now + 1000000 + 2 * (p_slack[k] + greatest(v_row.spacing_us, p_spacing[k]));
      v_back := v_back or v_tat[k] > v_at;
      v_tat[k] := least(v_tat[k], v_at);
      -- what is owed is owed in requests: a changed pace does not change how many they are
      if v_tat[k] > v_now and v_row.spacing_us > 0 and v_row.spacing_us <> v_spacing[k] then
        v_tat[k] := v_now + ((v_tat[k] - v_now)::float8 * v_spacing[k] / v_row.spacing_us)::bigint;
      end if;
    end loop;
    exit when cardinality(v_tat) = cardinality(p_bucket);
    insert into quota (credential_id, bucket)
    select p_credential, b.bucket from unnest(p_bucket) b(bucket)
        on conflict do nothing;
    v_blocked := null;
    v_spacing := null;
  end loop;
  v_now := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
  now_us := v_now;
  wait_us := array_fill(0::float8, array[cardinality(p_uses)]);
  start_ask := '{}';
  start_us := '{}';
  early_us := '{}';

  for a in 1..cardinality(p_uses) loop
    stopped[a] := p_sync[a] is not null and not exists (
      select from syncs s where s.id = p_sync[a] and s.epoch = p_epoch[a] and s.status = 'active');
    if stopped[a] then v_left[a] := 0; end if;
  end loop;

  while v_more loop
    v_more := false;
    for a in 1..cardinality(p_uses) loop
      continue when v_left[a] = 0;
      v_at := v_now;
      v_free := v_now;
      v_until := 0;
      for k in 1..cardinality(p_bucket) loop
        continue when (p_uses[a] >> (k - 1)) & 1 = 0;
        v_until := greatest(v_until, v_blocked[k]);
        continue when p_spacing[k] = 0;
        v_ready := v_tat[k] - floor(p_slack[k] * p_share[a])::bigint;
        v_at := greatest(v_at, v_ready);
        if p_shared[k] then v_free := greatest(v_free, v_ready); end if;
      end loop;
      if v_until > v_now then
        wait_us[a] := greatest(v_until, v_at) - v_now;
        v_left[a] := 0;
      elsif v_at > v_now and (v_at > v_free or v_at > v_now + p_horizon[a]) then
        wait_us[a] := greatest(1, v_at - v_now - case when v_at > v_free then 0 else p_horizon[a] end);
        v_left[a] := 0;
      else
        v_early := null;
        for k in 1..cardinality(p_bucket) loop
          continue when (p_uses[a] >> (k - 1)) & 1 = 0 or p_spacing[k] = 0;
          v_early := least(v_early, greatest(v_tat[k] - v_at, 0));
          v_tat[k] := greatest(v_tat[k], v_at) + v_spacing[k];
          v_granted[k] := v_granted[k] + 1;
        end loop;
        start_ask := start_ask || a;
        start_us := start_us || (v_at - v_now)::float8;
        early_us := early_us || coalesce(v_early, 0)::float8;
        v_left[a] := v_left[a] - 1;
        v_more := true;
      end if;
    end loop;
  end loop;

  update quota q
     set tat_us = g.tat, spacing_us = g.spacing, granted = q.granted + g.granted
    from unnest(p_bucket, v_tat, v_spacing, v_granted) g(bucket, tat, spacing, granted)
   where q.credential_id = p_credential and q.bucket = g.bucket and (g.granted > 0 or v_back);
end $f$;
--> statement-breakpoint
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
--> statement-breakpoint
-- num_pending: versions after the cursor and what waits for redelivery, exact up to p_cap, then p_cap (`capped`); capped also
-- when p_scan positions were looked at in 50 laps (a filter that matches little). Holes cost nothing: the next lap begins behind
-- them.
-- Locks nothing. Cost at a million records: 0.1 ms 500 behind, 1.3 ms 9,999 behind, with a filter 1.5-3.1 ms.
create function stream_info_v2(
  p_consumer int, p_cap int default 10000, p_scan bigint default 1000000,
  out num_pending bigint, out capped boolean, out num_ack_pending int)
language plpgsql stable as $f$
declare
  s record;
  v_src int[];
  v_lo bigint;
  v_hi bigint;
  v_n int;
begin
  select x.cursor_idx, x.ahead_idx, x.held, x.held_from, x.pending, x.waiting, c.stream_no, c.filter, c.sources, c.source_rev,
         (select t.source_rev from stream t where t.stream_no = c.stream_no) as rev,
         (select h.last_idx from stream_head h where h.stream_no = c.stream_no order by h.last_idx desc limit 1) as head
    into s
    from consumer c
   cross join lateral (
     select * from consumer_state y where y.consumer_no = c.consumer_no order by y.op desc limit 1) x
   where c.consumer_no = p_consumer;
  if not found then
    raise exception 'no such consumer %', p_consumer using errcode = 'SL003';
  end if;
  num_ack_pending := s.pending;
  if s.filter is not null then
    v_src := case when s.rev = s.source_rev then s.sources else stream_sources_v1(s.stream_no, s.filter) end;
  end if;
  num_pending := s.waiting;
  v_lo := s.cursor_idx;
  for lap in 1..50 loop
    exit when v_lo is null or v_lo >= s.head or num_pending > p_cap;
    -- What is held stands on both sides of ahead_idx.
    if s.filter is null then
      v_hi := case when s.held is null then s.head else least(s.head, v_lo + p_scan / 50) end;
      select count(*)
        into v_n
        from (
          select 1 from record r
           where r.stream_no = s.stream_no and r.updated_idx > v_lo and r.updated_idx <= v_hi
             and case
               when s.held is null then true
               when r.source_no = any(s.held) then r.updated_idx > s.held_from[array_position(s.held, r.source_no)]
               else r.updated_idx > s.ahead_idx
             end
           limit p_cap + 1) q;
    else
      v_hi := least(s.head, v_lo + p_scan / 50);
      select count(*)
        into v_n
        from (
          select 1 from record r
           where r.stream_no = s.stream_no and r.updated_idx > v_lo and r.updated_idx <= v_hi
             and r.source_no = any(v_src)
             and case
               when s.held is null then true
               when r.source_no = any(s.held) then r.updated_idx > s.held_from[array_position(s.held, r.source_no)]
               else r.updated_idx > s.ahead_idx
             end
           limit p_cap + 1) q;
    end if;
    num_pending := num_pending + v_n;
    v_lo := (
      select r.updated_idx - 1
        from record r
       where r.stream_no = s.stream_no and r.updated_idx > v_hi
       order by r.updated_idx
       limit 1);
  end loop;
  capped := num_pending > p_cap or coalesce(v_lo < s.head, false);
  num_pending := least(num_pending, p_cap);
end $f$;
--> statement-breakpoint
-- Claim up to p_n deliveries for a consumer: versions after its cursor, and what waits for redelivery. Redeliveries take at
-- most half while newer versions exist (G7). p_scan: positions looked at in one lap. Raises SL003: no such consumer. With p_n 0
-- it only sets deliveries aside that ran out.
--
-- A fair consumer that is p_lag positions behind holds the sources of every sync that fills a tenth of the next p_lag: from
-- then on there are two cursors. `ahead_idx` goes over all the others, so that a sync's change does not wait for another's
-- backfill; `cursor_idx` comes after over what is held, from held_from of each source on; a batch is shared in halves. When
-- it has come up to ahead_idx nothing is held any more. At any time a source is on one side only, so a record's versions
-- keep their order.
--
-- Locks: the consumer's state row FIRST, in a statement of its own, so that the next statement reads with a fresh snapshot;
-- then inflight, then dead_letter. Claims are serial per consumer; writers are never met. (An advisory lock hands over
-- strictly in turn: fairer, but 1.5-2 × slower under contention: measured.)
-- For a pool with synchronous_commit off (a crash only causes redelivery), plan_cache_mode = force_generic_plan (planning the
-- big statement at every call cost a third of a small next) and enable_seqscan off; the last two pin the plans of tiny tables.
-- Cost: 0.4 ms for 10 records, 1.8 ms for 100; a filter on 100,000 sources 3.1 ms.
create function stream_next_v2(p_consumer int, p_n int, p_scan int default 20000, p_lag int default 1000)
returns table (
  r_no bigint, r_op bigint, r_nonce bigint, r_idx bigint, r_count int, r_source int, r_upstream text, r_deleted boolean,
  r_created timestamptz, r_updated timestamptz, r_inserted timestamptz, r_data text)
language plpgsql as $f$
declare
  s record;
  v_clk timestamptz;
  v_now timestamptz;
  v_due timestamptz;
  v_nonce bigint;
  v_hi bigint;
  v_lo bigint;
  v_left int;
  v_take int;
  v_n int;
  v_k int;
  v_redo int := 0;
  v_scans int := 0;
  v_max int;
  v_ahead int;
  v_from bigint;
  v_behind boolean := false;
  v_bulk int[];
  v_write boolean := false;
  v_nos bigint[];
  v_idx bigint[];
  v_tid tid[];
begin
  perform 1 from consumer_state x where x.consumer_no = p_consumer order by x.op desc limit 1 for update;
  v_clk := clock_timestamp();
  v_nonce := hashtextextended(gen_random_uuid()::text, 0);
  for lap in 1..1000 loop
    -- State, configuration, revision of the sources and head of the stream in ONE snapshot, older than the scan below: every
    -- updated_idx <= head is committed and visible to the statements that follow, and so is its source.
    select x.op, x.cursor_idx, x.ahead_idx, x.held, x.held_from, x.pending, x.waiting, x.out_floor, x.wait_floor,
           c.stream_no, c.filter is not null as filtered, c.fairness = 'sync' as fair, c.sources, c.source_rev, c.ack_wait_ms, c.max_ack_pending, c.max_deliver,
           (select h.last_idx from stream_head h where h.stream_no = c.stream_no order by h.last_idx desc limit 1) as head,
           case when c.filter is not null then (select t.source_rev from stream t where t.stream_no = c.stream_no) end as rev,
           lap = 1 and x.pending > 0 and exists (
             select 1 from inflight f
              where f.consumer_no + 0 = p_consumer and f.op > 0 and f.due_at >= x.out_floor and f.due_at <= v_clk) as expired
      into s
      from consumer c
     cross join lateral (
       select * from consumer_state y where y.consumer_no = c.consumer_no order by y.op desc limit 1) x
     where c.consumer_no = p_consumer;
    if not found then
      raise exception 'no such consumer %', p_consumer using errcode = 'SL003';
    end if;

    if lap = 1 then
      if s.out_floor > v_clk + interval '1 s' then      -- the clock was set back: the deadlines go with it
        update inflight f set due_at = f.due_at - (s.out_floor - v_clk) where f.consumer_no = p_consumer;
        s.wait_floor := s.wait_floor - (s.out_floor - v_clk);
        s.out_floor := v_clk;
        s.expired := s.pending > 0;
        v_write := true;
      end if;
      v_now := greatest(v_clk, s.out_floor);
      v_due := v_now + s.ack_wait_ms * interval '1 ms';
      v_max := s.max_deliver;
      if s.expired then
        -- A. Deliveries that ran out are out no more. The range starts at the floor: index entries of acked rows are passed
        --    once, not at every call.
        select array_agg(f.ctid)
          into v_tid
          from inflight f
         where f.consumer_no + 0 = p_consumer and f.op > 0 and f.due_at >= s.out_floor and f.due_at <= v_now;
        v_k := coalesce(cardinality(v_tid), 0);
        if v_k > 0 then
          s.pending := s.pending - v_k;
          s.waiting := s.waiting + v_k - stream_fail_v1(p_consumer, v_tid, v_now, null, true);
        end if;
        v_write := true;
      end if;
      v_write := v_write or v_now > s.out_floor + interval '5 s';
      s.out_floor := v_now;
      v_left := least(p_n, s.max_ack_pending - s.pending);
      v_take := v_left;
      if s.waiting > 0 and v_left > 0 then      -- redeliveries: at most half (by lot when odd) while newer versions exist
        select count(*)
          into v_redo
          from (
            select 1 from inflight f
             where f.consumer_no + 0 = p_consumer and f.op <= 0 and f.due_at >= s.wait_floor and f.due_at <= v_now
             limit v_left) q;
        v_take := case
          when s.waiting >= greatest(100000, 10 * s.max_ack_pending) then 0      -- bounds the table; health tells (facts.ts)
          else v_left - least(v_redo, floor(v_left / 2.0 + random())::int)
        end;
      end if;
    end if;

    if s.filtered and s.rev is distinct from s.source_rev then      -- a list newer than the head is complete for all below it
      update consumer c
         set sources = stream_sources_v1(c.stream_no, c.filter),
             source_rev = (select t.source_rev from stream t where t.stream_no = c.stream_no)
       where c.consumer_no = p_consumer
      returning c.sources into s.sources;
    end if;
    exit when v_take <= 0;
    v_from := coalesce(s.ahead_idx, s.cursor_idx);
    -- Looked at once in about half of p_lag records.
    if lap = 1 and s.fair and s.head - v_from > p_lag and random() * p_lag < 2 * v_take then
      select array_agg(o.source_no)
        into v_bulk
        from (
          select b.sync_id
            from (
              select r.source_no, count(*) as n
                from record r
               where r.stream_no = s.stream_no and r.updated_idx > v_from and r.updated_idx <= v_from + p_lag
                 and (not s.filtered or r.source_no = any(s.sources))
               group by r.source_no) q
            join source b on b.source_no = q.source_no
           group by b.sync_id
          having sum(q.n) * 10 >= p_lag) y
        join source o on o.sync_id = y.sync_id
       where o.stream_no = s.stream_no and (s.held is null or o.source_no <> all(s.held));
      if v_bulk is not null then
        s.held := s.held || v_bulk;
        s.held_from := s.held_from || array_fill(v_from, array[cardinality(v_bulk)]);
        s.ahead_idx := v_from;
        update consumer_state x
           set op = s.op + 1, ahead_idx = s.ahead_idx, held = s.held, held_from = s.held_from
         where x.consumer_no = p_consumer and x.op = s.op;
        s.op := s.op + 1;
      end if;
    end if;
    if v_ahead is null then
      v_ahead := case when s.held is null then v_take else v_take - floor(v_take / 2.0 + random())::int end;
    end if;
    exit when s.held is null and v_from >= s.head;
    v_behind := s.held is not null and (v_behind or v_ahead <= 0 or v_from >= s.head);
    v_n := case when s.held is null or v_behind then v_take else v_ahead end;
    if v_behind then v_from := s.cursor_idx; end if;

    -- B. Versions after the cursor: at most p_scan positions looked at a lap.
    v_hi := least(case when v_behind then s.ahead_idx else s.head end, v_from + p_scan);
    v_nos := null;
    v_idx := null;
    if v_behind then
      select array_agg(q.record_no), array_agg(q.updated_idx)
        into v_nos, v_idx
        from (
          select r.record_no, r.updated_idx
            from record r
           where r.stream_no = s.stream_no and r.updated_idx > v_from and r.updated_idx <= v_hi
             and r.source_no = any(s.held)
             and r.updated_idx > s.held_from[array_position(s.held, r.source_no)]
             and (not s.filtered or r.source_no = any(s.sources))
           order by r.updated_idx
           limit v_n) q;
    elsif s.filtered then      -- by itself, so that the list is a condition of the index
      select array_agg(q.record_no), array_agg(q.updated_idx)
        into v_nos, v_idx
        from (
          select r.record_no, r.updated_idx
            from record r
           where r.stream_no = s.stream_no and r.updated_idx > v_from and r.updated_idx <= v_hi
             and r.source_no = any(s.sources)
             and (s.held is null or r.source_no <> all(s.held))
           order by r.updated_idx
           limit v_n) q;
    end if;
    return query
      with cand as materialized (
        (select r.record_no, r.updated_idx
           from record r
          where not s.filtered and not v_behind
            and r.stream_no = s.stream_no and r.updated_idx > v_from and r.updated_idx <= v_hi
            and (s.held is null or r.source_no <> all(s.held))
          order by r.updated_idx
          limit v_n)
        union all
        select t.n, t.i from unnest(v_nos, v_idx) t(n, i)),
      live as materialized (      -- not moved since the list was made: a claim of it would be out with nobody until ack_wait is over
        select cand.*
          from cand
         where v_nos is null
            or exists (select 1 from record r where r.stream_no = s.stream_no and r.updated_idx = cand.updated_idx)),
      scan as (      -- where it got to, and whether what is held is then at an end
        select case when count(*) = v_n then max(cand.updated_idx) else v_hi end as idx,
               v_behind and count(*) < v_n and v_hi >= s.ahead_idx as over
          from cand),
      ins as (      -- an older version is still out: remember, do not deliver; it only waits: the newer one takes its place
        insert into inflight as f (consumer_no, record_no, idx, op, nonce, due_at, deliver_count)
        select p_consumer, live.record_no, live.updated_idx, s.op + 1, v_nonce, v_due, 1
          from live
        on conflict (consumer_no, record_no) do update
          set next_idx = case when f.op > 0 then excluded.idx end,
              idx = case when f.op > 0 then f.idx else excluded.idx end,
              op = case when f.op > 0 then f.op else excluded.op end,
              nonce = case when f.op > 0 then f.nonce else excluded.nonce end,
              due_at = case when f.op > 0 then f.due_at else excluded.due_at end,
              deliver_count = case when f.op > 0 then f.deliver_count else 1 end
        returning f.record_no, f.idx, f.next_idx),
      st as (
        update consumer_state x
           set op = s.op + 1,
               out_floor = s.out_floor,
               wait_floor = s.wait_floor,
               cursor_idx = case when s.held is null or v_behind then scan.idx else x.cursor_idx end,
               ahead_idx = case when scan.over then null when s.held is null or v_behind then x.ahead_idx else scan.idx end,
               held = case when scan.over then null else x.held end,
               held_from = case when scan.over then null else x.held_from end,
               pending = s.pending + (select count(*)::int from ins where ins.next_idx is null),
               waiting = s.waiting - case
                 when s.waiting > 0 then (
                   select count((
                            select 1 from inflight g
                             where g.consumer_no = p_consumer and g.record_no = live.record_no and g.op <= 0))::int
                     from live)
                 else 0
               end
          from scan
         where x.consumer_no = p_consumer and x.op = s.op)
      select ins.record_no, s.op + 1, v_nonce, ins.idx, 1, r.source_no, r.upstream_id, r.deleted,
             r.upstream_created_at, r.upstream_updated_at, r.changed_at, r.data::text
        from ins
       cross join lateral (
         select * from record r where r.stream_no = s.stream_no and r.updated_idx = ins.idx offset 0) r
       where ins.next_idx is null
       order by ins.idx;
    get diagnostics v_k = row_count;
    v_take := v_take - v_k;
    v_left := v_left - v_k;
    v_write := false;
    s.op := s.op + 1;
    v_ahead := v_ahead - v_k;
    exit when v_take <= 0;
    -- Ended by v_n and not by v_hi: what it met is out in an older version, or was written meanwhile.
    if s.held is null and (s.pending > 0 or v_nos is not null) then
      select x.cursor_idx into v_lo from consumer_state x where x.consumer_no = p_consumer order by x.op desc limit 1;
      continue when v_lo < v_hi;
    end if;
    v_scans := v_scans + 1;
    exit when v_scans = 50;
    if s.held is not null then
      v_behind := not v_behind or v_hi < s.ahead_idx;      -- one lap ahead, then what is held
      continue;
    end if;
    exit when v_hi >= s.head;
    -- Range exhausted and still room: jump over the holes to the next version that exists, and look again.
    select r.updated_idx
      into v_lo
      from record r
     where r.stream_no = s.stream_no and r.updated_idx > v_hi
     order by r.updated_idx
     limit 1;
    if v_lo > v_hi + 1 then
      update consumer_state x
         set op = s.op + 1, cursor_idx = least(v_lo - 1, s.head)
       where x.consumer_no = p_consumer and x.op = s.op and x.cursor_idx = v_hi;
    end if;
  end loop;

  -- C. Redeliveries.
  if v_redo > 0 and v_left > 0 then
    select x.op, x.cursor_idx,
           case when v_write then s.pending else x.pending end as pending,
           case when v_write then s.waiting else x.waiting end as waiting,
           s.out_floor as out_floor, s.wait_floor as wait_floor, s.stream_no as stream_no
      into s
      from consumer_state x
     where x.consumer_no = p_consumer
     order by x.op desc
     limit 1;
    select array_agg(q.record_no), case when count(*) < v_left then v_now else max(q.due_at) end
      into v_nos, s.wait_floor
      from (
        select f.record_no, f.due_at
          from inflight f
         where f.consumer_no + 0 = p_consumer and f.op <= 0 and f.due_at >= s.wait_floor and f.due_at <= v_now
         order by f.due_at
         limit v_left) q;
    -- One snapshot decides: still the current version: deliver again; superseded: drop, the scan brings the newer. A dead letter
    -- where max_deliver was lowered meanwhile.
    return query
      with v as materialized (
        select f.ctid as tid, f.record_no, f.deliver_count as done, v_max > 0 and f.deliver_count >= v_max as dead, r.*
          from inflight f
          left join lateral (
            select q.updated_idx, q.source_no, q.upstream_id, q.deleted, q.upstream_created_at, q.upstream_updated_at,
                   q.changed_at, q.data
              from record q
             where q.stream_no = s.stream_no and q.updated_idx = f.idx
            offset 0) r on true
         where f.consumer_no = p_consumer and f.record_no = any(v_nos)),
      d as (
        delete from inflight f where f.ctid in (select v.tid from v where v.updated_idx is null or v.dead)),
      l as (
        insert into dead_letter (consumer_no, record_no, idx, deliver_count, died_at)
        select p_consumer, v.record_no, v.updated_idx, v.done, v_clk
          from v
         where v.updated_idx is not null and v.dead
        on conflict (consumer_no, record_no) do update
          set idx = excluded.idx, deliver_count = excluded.deliver_count, died_at = excluded.died_at),
      u as (
        update inflight f
           set due_at = v_due, deliver_count = f.deliver_count + 1, op = s.op + 1, nonce = v_nonce
         where f.ctid in (select v.tid from v where v.updated_idx is not null and not v.dead)
        returning f.record_no, f.idx, f.deliver_count)
      select u.record_no, s.op + 1, v_nonce, u.idx, u.deliver_count, v.source_no, v.upstream_id, v.deleted,
             v.upstream_created_at, v.upstream_updated_at, v.changed_at, v.data::text
        from u
        join v on v.updated_idx = u.idx
       order by u.idx;
    get diagnostics v_k = row_count;
    s.pending := s.pending + v_k;
    s.waiting := s.waiting - coalesce(cardinality(v_nos), 0);
    v_write := true;
  end if;
  if v_write then
    update consumer_state x
       set op = s.op + 1, pending = s.pending, waiting = s.waiting, out_floor = s.out_floor, wait_floor = s.wait_floor
     where x.consumer_no = p_consumer and x.op = s.op;
  end if;
end $f$;
--> statement-breakpoint
-- Dead letters back to work (a newer version stands in for the older one, in flight or not). Returns how many.
-- Locks: the consumer's state row, then dead_letter and inflight rows.
create function stream_redeliver_v2(p_consumer int, p_no bigint[])
returns int
language plpgsql as $f$
declare
  v_n int;
begin
  perform 1 from consumer_state x where x.consumer_no = p_consumer order by x.op desc limit 1 for update;
  with d as (
    delete from dead_letter l
     where l.consumer_no = p_consumer and l.record_no = any(p_no)
    returning l.record_no, l.idx),
  i as (
    insert into inflight (consumer_no, record_no, idx, op, nonce, due_at, deliver_count)
    select p_consumer, d.record_no, d.idx, 0, 0,
           greatest(
             clock_timestamp(),
             (select y.wait_floor from consumer_state y where y.consumer_no = p_consumer order by y.op desc limit 1)),
           0
      from d
     where exists (
             select 1
               from record r
               join consumer c on c.stream_no = r.stream_no
              where c.consumer_no = p_consumer and r.updated_idx = d.idx)
    on conflict (consumer_no, record_no) do nothing
    returning 1)
  select count(*) into v_n from i;
  update consumer_state x
     set op = x.op + 1, waiting = x.waiting + v_n
   where x.consumer_no = p_consumer
     and x.op = (select y.op from consumer_state y where y.consumer_no = p_consumer order by y.op desc limit 1);
  return v_n;
end $f$;
--> statement-breakpoint
-- Move the cursor (replay or skip): outstanding tokens die with the in-flight rows, and dead letters that the cursor will come
-- over again are no more.
-- Locks: the consumer's state row, then inflight rows, then dead_letter.
create function stream_reset_v2(p_consumer int, p_idx bigint)
returns void
language plpgsql as $f$
begin
  perform 1 from consumer_state x where x.consumer_no = p_consumer order by x.op desc limit 1 for update;
  delete from inflight f where f.consumer_no = p_consumer;
  delete from dead_letter l where l.consumer_no = p_consumer and l.idx > p_idx;
  update consumer_state x
     set op = x.op + 1, cursor_idx = p_idx, ahead_idx = null, held = null, held_from = null, pending = 0, waiting = 0
   where x.consumer_no = p_consumer
     and x.op = (select y.op from consumer_state y where y.consumer_no = p_consumer order by y.op desc limit 1);
end $f$;
