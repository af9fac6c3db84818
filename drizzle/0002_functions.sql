-- Copied from src/db/functions by tools/functions.ts.

-- Block: the provider told the credential to wait. Nobody starts a request that counts against this bucket ('' = any) before
-- now + p_wait_us; an earlier end never replaces a later one. All processes hear of it, to drop starts that they hold.
-- AIMD: refused again before p_few more starts were granted means that the pace is too fast: it is halved (not below 0.1) and
-- comes back within minutes (300 s for the whole). p_refused_us: when the refused request was granted; requests that were on
-- their way at the last refusal say nothing new. Null: not a refusal of the pace.
-- Locks: one quota row. The commit is awaited: a block must survive a crash.
create function quota_block_v1(
  p_credential uuid, p_bucket text, p_wait_us bigint, p_refused_us float8, p_few int, out until_us float8)
language plpgsql as $f$
declare
  v_now timestamptz;
  v_row quota;
begin
  insert into quota (credential_id, bucket) values (p_credential, p_bucket) on conflict do nothing;
  select q.* into v_row
    from quota q
   where q.credential_id = p_credential and q.bucket = p_bucket
     for update;
  v_now := clock_timestamp();
  v_row.blocked_until := greatest(v_row.blocked_until, v_now + p_wait_us * interval '1 microsecond');
  if p_refused_us is not null and to_timestamp(p_refused_us / 1000000) > v_row.refused_at then
    if v_row.granted - v_row.refused_granted < p_few then
      v_row.factor := greatest(
        0.1, least(1, v_row.factor + extract(epoch from v_now - v_row.factor_at) / 300) / 2);
      v_row.factor_at := v_now;
    end if;
    v_row.refused_at := v_now;
    v_row.refused_granted := v_row.granted;
  end if;
  update quota q
     set blocked_until = v_row.blocked_until, factor = v_row.factor, factor_at = v_row.factor_at,
         refused_at = v_row.refused_at, refused_granted = v_row.refused_granted
   where q.credential_id = p_credential and q.bucket = p_bucket;
  until_us := extract(epoch from v_row.blocked_until) * 1000000;
  perform pg_notify('sluice_quota', p_credential::text);
end $f$;
--> statement-breakpoint
-- Hold: how many requests against one bucket a process may have in flight, of p_max over all processes. It asks for p_wanted
-- and has p_used in flight, which nobody can take away. While another process waits, nobody holds more than an even share;
-- what is above it goes back as its requests end. The row outlives the longest request (p_ttl_ms): what a dead process
-- held comes back then. `low`: how many of them the lowest priority may use, so that a fifth of p_max is left by it.
-- Locks: the quota row of the bucket (it stands for all rows of quota_slot under it). Called when the number changes, not
-- once a request.
create function quota_hold_v1(
  p_credential uuid, p_bucket text, p_holder uuid, p_max int, p_wanted int, p_used int, p_ttl_ms int,
  out held int, out low int)
language plpgsql as $f$
declare
  v_now timestamptz;
  v_others int;
  v_others_low int;
  v_low_max int := greatest(1, p_max * 8 / 10);
  v_holders int;
  v_hungry boolean;
begin
  perform set_config('synchronous_commit', 'off', true);
  perform 1 from quota q where q.credential_id = p_credential and q.bucket = p_bucket for update;
  if not found then
    insert into quota (credential_id, bucket) values (p_credential, p_bucket) on conflict do nothing;
    perform 1 from quota q where q.credential_id = p_credential and q.bucket = p_bucket for update;
  end if;
  v_now := clock_timestamp();
  delete from quota_slot s where s.credential_id = p_credential and s.bucket = p_bucket and s.expires_at < v_now;
  select coalesce(sum(s.slots), 0), coalesce(sum(s.low), 0), count(*),
         coalesce(bool_or(s.wanted > s.slots and s.seen_at > v_now - interval '2 seconds'), false)
    into v_others, v_others_low, v_holders, v_hungry
    from quota_slot s
   where s.credential_id = p_credential and s.bucket = p_bucket and s.holder <> p_holder;
  held := least(p_wanted, p_max - v_others);
  low := v_low_max - v_others_low;
  if v_hungry then
    held := least(held, greatest(1, p_max / (v_holders + 1)));
    low := least(low, greatest(1, v_low_max / (v_holders + 1)));
  end if;
  held := greatest(held, p_used, 0);
  low := greatest(0, least(held, low));
  if p_wanted = 0 and p_used = 0 then
    delete from quota_slot s where s.credential_id = p_credential and s.bucket = p_bucket and s.holder = p_holder;
  else
    insert into quota_slot (credential_id, bucket, holder, slots, low, wanted, seen_at, expires_at)
    values (p_credential, p_bucket, p_holder, held, low, p_wanted, v_now, v_now + p_ttl_ms * interval '1 millisecond')
        on conflict (credential_id, bucket, holder)
        do update set slots = excluded.slots, low = excluded.low, wanted = excluded.wanted, seen_at = v_now, expires_at = excluded.expires_at;
  end if;
end $f$;
--> statement-breakpoint
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
create function quota_take_v1(
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
begin
  perform set_config('synchronous_commit', 'off', true);
  loop
    v_tat := '{}';
    for v_row in
      select q.bucket, q.tat_us, q.spacing_us, q.blocked_until,
             least(1, q.factor + extract(epoch from clock_timestamp() - q.factor_at) / 300) as factor
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
      -- what is owed is owed in requests: a changed pace does not change how many they are
      if v_row.tat_us > v_now and v_row.spacing_us > 0 and v_row.spacing_us <> v_spacing[cardinality(v_tat)] then
        v_tat[cardinality(v_tat)] := v_now
          + ((v_row.tat_us - v_now)::float8 * v_spacing[cardinality(v_tat)] / v_row.spacing_us)::bigint;
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
   where q.credential_id = p_credential and q.bucket = g.bucket and g.granted > 0;
end $f$;
--> statement-breakpoint
-- Ack. A token that names nothing (see stream_tokens_v1) changes nothing; its position comes back in `stale`. A token whose
-- ack_wait ran out still counts until the record is delivered again (G6). After the ack of an old version the newer one that
-- the cursor passed meanwhile becomes deliverable (G4).
-- Locks: the consumer's state row, then inflight rows. Cost: about 10 µs a token.
create function stream_ack_v1(p_consumer int, p_no bigint[], p_op bigint[], p_nonce bigint[], out acked int, out stale int[])
language plpgsql as $f$
declare
  v_out int;
  v_again int := 0;
  v_late int := 0;
  v_tid tid[];
  v_late_tid tid[];
begin
  perform 1 from consumer_state x where x.consumer_no = p_consumer order by x.op desc limit 1 for update;
  v_tid := stream_tokens_v1(p_consumer, p_no, p_op, p_nonce, false);
  delete from inflight f where f.ctid = any(v_tid) and f.next_idx is null;
  get diagnostics v_out = row_count;
  stale := '{}';
  if v_out < cardinality(p_no) then      -- rare
    update inflight f      -- a newer version arrived while it was out
       set idx = f.next_idx, next_idx = null, deliver_count = 0, op = 0,
           due_at = greatest(
             clock_timestamp(),
             (select y.wait_floor from consumer_state y where y.consumer_no = p_consumer order by y.op desc limit 1))
     where f.ctid = any(v_tid) and f.next_idx is not null;
    get diagnostics v_again = row_count;
    v_late_tid := stream_tokens_v1(p_consumer, p_no, p_op, p_nonce, true);
    delete from inflight f where f.ctid = any(v_late_tid);
    get diagnostics v_late = row_count;
    stale := array(select i from generate_subscripts(p_no, 1) i where v_tid[i] is null and v_late_tid[i] is null);
  end if;
  acked := v_out + v_again + v_late;
  if acked > 0 then
    update consumer_state x
       set op = x.op + 1, pending = x.pending - v_out - v_again, waiting = x.waiting + v_again - v_late
     where x.consumer_no = p_consumer
       and x.op = (select y.op from consumer_state y where y.consumer_no = p_consumer order by y.op desc limit 1);
  end if;
end $f$;
--> statement-breakpoint
-- A source goes, a slice a call: as tombstones, which consumers see, or hard. Call again with the id that came back until it
-- is null. Numbers are taken for the whole slice; those of rows that were gone already stay holes.
-- Locks: advisory (7001, stream), then stream_head and record rows. Cost per 1,000: tombstones 50 ms, hard 22 ms.
create function stream_drop_v1(
  p_stream int, p_source int, p_hard boolean, p_after text, p_limit int,
  out n int, out last_id text, out last_idx bigint)
language plpgsql as $f$
declare
  v_ids text[];
  v_base bigint;
  v_at timestamptz;
begin
  perform pg_advisory_xact_lock(7001, p_stream);
  select array_agg(q.upstream_id), case when count(*) = p_limit then max(q.upstream_id) end, count(*)
    into v_ids, last_id, n
    from (
      select r.upstream_id
        from record r
       where r.stream_no = p_stream and r.source_no = p_source and r.upstream_id > p_after
       order by r.upstream_id
       limit p_limit) q;
  if n = 0 then return; end if;
  if p_hard then
    delete from record r
     where r.stream_no = p_stream and r.source_no = p_source and r.upstream_id = any(v_ids);
  else
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
     where r.stream_no = p_stream and r.source_no = p_source and r.upstream_id = t.id and not r.deleted;
  end if;
  get diagnostics n = row_count;
end $f$;
--> statement-breakpoint
-- More time for deliveries in progress: p_wait_ms from now; never less than they had. Positions of tokens that name nothing
-- come back in `stale`. Locks: the consumer's state row, then inflight rows.
create function stream_extend_v1(
  p_consumer int, p_no bigint[], p_op bigint[], p_nonce bigint[], p_wait_ms int,
  out extended int, out stale int[])
language plpgsql as $f$
declare
  v_tid tid[];
begin
  perform 1 from consumer_state x where x.consumer_no = p_consumer order by x.op desc limit 1 for update;
  v_tid := stream_tokens_v1(p_consumer, p_no, p_op, p_nonce, false);
  stale := array(select i from generate_subscripts(p_no, 1) i where v_tid[i] is null);
  update inflight f
     set due_at = greatest(f.due_at, clock_timestamp() + p_wait_ms * interval '1 ms')
   where f.ctid = any(v_tid);
  get diagnostics extended = row_count;
end $f$;
--> statement-breakpoint
-- Deliveries that ended without an ack: a newer version takes the place with a new count; past max_deliver a dead letter; else
-- they wait. Without a delay of the caller's: at once for the first four, then 1 s × 2^n, at most 10 min. Returns how many rows
-- went away. Only called by stream_next_v1 and stream_nack_v1, which hold the consumer's state row.
-- Locks: inflight rows, then dead_letter.
create function stream_fail_v1(p_consumer int, p_tid tid[], p_at timestamptz, p_delay_ms bigint, p_expired boolean)
returns int
language plpgsql as $f$
declare
  v_max int;
  v_gone int := 0;
begin
  select c.max_deliver into v_max from consumer c where c.consumer_no = p_consumer;
  if v_max > 0 then
    with d as (
      delete from inflight f
       where f.ctid = any(p_tid) and f.next_idx is null and f.deliver_count >= v_max
      returning f.record_no, f.idx, f.deliver_count),
    l as (
      insert into dead_letter (consumer_no, record_no, idx, deliver_count, died_at)
      select p_consumer, d.record_no, d.idx, d.deliver_count, clock_timestamp()
        from d
       where exists (      -- a version that is no longer current is superseded, not dead
               select 1
                 from record r
                 join consumer c on c.stream_no = r.stream_no
                where c.consumer_no = p_consumer and r.updated_idx = d.idx)
      on conflict (consumer_no, record_no) do update
        set idx = excluded.idx, deliver_count = excluded.deliver_count, died_at = excluded.died_at)
    select count(*) into v_gone from d;
  end if;
  update inflight f
     set idx = coalesce(f.next_idx, f.idx),
         next_idx = null,
         deliver_count = case when f.next_idx is null then f.deliver_count else 0 end,
         op = case when p_expired and f.next_idx is null then -f.op else 0 end,
         due_at = p_at + case
           when f.next_idx is not null then interval '0'
           when p_delay_ms is not null then greatest(p_delay_ms, 0) * interval '1 ms'
           when f.deliver_count < 5 then interval '0'
           else least(600, 2 ^ least(f.deliver_count - 5, 10)) * interval '1 s'
         end
   where f.ctid = any(p_tid);
  return v_gone;
end $f$;
--> statement-breakpoint
-- num_pending is exact up to p_cap, then p_cap (`capped`); capped also when p_scan positions were looked at (a filter that
-- matches little). `blocked`: so much waits for redelivery that no new version is claimed.
-- Locks nothing. Cost at a million records: 0.1 ms 500 behind, 1.3 ms 9,999 behind, with a filter 1.5-3.1 ms.
create function stream_info_v1(
  p_consumer int, p_cap int default 10000, p_scan bigint default 1000000,
  out num_pending bigint, out capped boolean, out num_ack_pending int, out num_waiting int, out blocked boolean,
  out cursor_idx bigint, out head bigint)
language plpgsql stable as $f$
declare
  s record;
  v_src int[];
  v_hi bigint;
  v_from bigint;
  v_held int;
begin
  select x.cursor_idx, x.ahead_idx, x.held, x.held_from, x.pending, x.waiting, c.stream_no, c.filter, c.sources, c.source_rev, c.max_ack_pending,
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
  cursor_idx := s.cursor_idx;
  head := s.head;
  num_ack_pending := s.pending;
  num_waiting := s.waiting;
  blocked := s.waiting >= 10 * s.max_ack_pending;
  v_from := coalesce(s.ahead_idx, s.cursor_idx);
  v_hi := least(s.head, v_from + p_scan);
  if s.filter is not null then
    v_src := case when s.rev = s.source_rev then s.sources else stream_sources_v1(s.stream_no, s.filter) end;
  end if;
  if v_from >= s.head then
    num_pending := 0;
  elsif s.filter is null then
    select count(*)
      into num_pending
      from (
        select 1 from record r
         where r.stream_no = s.stream_no and r.updated_idx > v_from and r.updated_idx <= v_hi
           and (s.held is null or r.source_no <> all(s.held))
         limit p_cap + 1) q;
  else
    select count(*)
      into num_pending
      from (
        select 1 from record r
         where r.stream_no = s.stream_no and r.updated_idx > v_from and r.updated_idx <= v_hi
           and r.source_no = any(v_src)
           and (s.held is null or r.source_no <> all(s.held))
         limit p_cap + 1) q;
  end if;
  capped := num_pending > p_cap or v_hi < s.head;
  if s.held is not null then      -- what is held stands on both sides of ahead_idx
    v_hi := least(s.head, s.cursor_idx + p_scan);
    select count(*)
      into v_held
      from (
        select 1 from record r
         where r.stream_no = s.stream_no and r.updated_idx > s.cursor_idx and r.updated_idx <= v_hi
           and r.source_no = any(s.held)
           and r.updated_idx > s.held_from[array_position(s.held, r.source_no)]
           and (s.filter is null or r.source_no = any(v_src))
         limit p_cap + 1) q;
    num_pending := num_pending + v_held;
    capped := capped or num_pending > p_cap or v_hi < s.head;
  end if;
  num_pending := least(num_pending, p_cap);
end $f$;
--> statement-breakpoint
-- Nack: deliver again, at once or after p_delay_ms (null: see stream_fail_v1). Positions of tokens that name nothing come back
-- in `stale`. Locks: the consumer's state row, then inflight rows, then dead_letter.
create function stream_nack_v1(
  p_consumer int, p_no bigint[], p_op bigint[], p_nonce bigint[], p_delay_ms bigint,
  out nacked int, out stale int[])
language plpgsql as $f$
declare
  v_tid tid[];
  v_gone int;
  v_floor timestamptz;
begin
  select x.wait_floor
    into v_floor
    from consumer_state x
   where x.consumer_no = p_consumer
   order by x.op desc
   limit 1
     for update;
  v_tid := stream_tokens_v1(p_consumer, p_no, p_op, p_nonce, false);
  stale := array(select i from generate_subscripts(p_no, 1) i where v_tid[i] is null);
  select count(*) into nacked from inflight f where f.ctid = any(v_tid);
  if nacked = 0 then return; end if;
  v_gone := stream_fail_v1(p_consumer, v_tid, greatest(clock_timestamp(), v_floor), p_delay_ms, false);
  update consumer_state x
     set op = x.op + 1, pending = x.pending - nacked, waiting = x.waiting + nacked - v_gone
   where x.consumer_no = p_consumer
     and x.op = (select y.op from consumer_state y where y.consumer_no = p_consumer order by y.op desc limit 1);
end $f$;
--> statement-breakpoint
-- THE rule of order (G2): is observation (v, o) newer than the stored (sv, so)? Both versions known and different: the larger
-- one. Else the later observation. A stored time ahead of the clock is worth nothing: the clock was set back.
-- Locks nothing; inlined by the planner.
create function stream_newer_v1(v bigint, o timestamptz, sv bigint, so timestamptz, clk timestamptz)
returns boolean
language sql immutable parallel safe
return case when v <> sv then v > sv else o > so or so > clk end;
--> statement-breakpoint
-- Claim up to p_n deliveries for a consumer: versions after its cursor, and what waits for redelivery. Redeliveries take at
-- most half while newer versions exist (G7). p_scan: positions looked at in one lap. Raises SL003: no such consumer.
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
create function stream_next_v1(p_consumer int, p_n int, p_scan int default 20000, p_lag int default 1000)
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
  for lap in 1..50 loop
    -- State, configuration, revision of the sources and head of the stream in ONE snapshot, older than the scan below: every
    -- updated_idx <= head is committed and visible to the statements that follow, and so is its source.
    select x.op, x.cursor_idx, x.ahead_idx, x.held, x.held_from, x.pending, x.waiting, x.out_floor, x.wait_floor,
           c.stream_no, c.filter is not null as filtered, c.fairness = 'sync' as fair, c.sources, c.source_rev, c.ack_wait_ms, c.max_ack_pending,
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
          when s.waiting >= 10 * s.max_ack_pending then 0
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
      scan as (      -- where it got to, and whether what is held is then at an end
        select case when count(*) = v_n then max(cand.updated_idx) else v_hi end as idx,
               v_behind and count(*) < v_n and v_hi >= s.ahead_idx as over
          from cand),
      ins as (      -- an older version is still out: remember, do not deliver; it only waits: the newer one takes its place
        insert into inflight as f (consumer_no, record_no, idx, op, nonce, due_at, deliver_count)
        select p_consumer, cand.record_no, cand.updated_idx, s.op + 1, v_nonce, v_due, 1
          from cand
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
                             where g.consumer_no = p_consumer and g.record_no = cand.record_no and g.op <= 0))::int
                     from cand)
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
    return query      -- one snapshot decides: still the current version: deliver again; superseded: drop, the scan brings the newer
      with v as materialized (
        select f.ctid as tid, r.*
          from inflight f
          left join lateral (
            select q.updated_idx, q.source_no, q.upstream_id, q.deleted, q.upstream_created_at, q.upstream_updated_at,
                   q.changed_at, q.data
              from record q
             where q.stream_no = s.stream_no and q.updated_idx = f.idx
            offset 0) r on true
         where f.consumer_no = p_consumer and f.record_no = any(v_nos)),
      d as (
        delete from inflight f where f.ctid in (select v.tid from v where v.updated_idx is null)),
      u as (
        update inflight f
           set due_at = v_due, deliver_count = f.deliver_count + 1, op = s.op + 1, nonce = v_nonce
         where f.ctid in (select v.tid from v where v.updated_idx is not null)
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
--> statement-breakpoint
-- Dead letters back to work (a newer version that is in flight already stands in for the older one). Returns how many.
-- Locks: the consumer's state row, then dead_letter and inflight rows.
create function stream_redeliver_v1(p_consumer int, p_no bigint[])
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
-- The client went away before it got them: as if they had never been delivered. Returns how many were handed back.
-- Locks: the consumer's state row, then inflight rows.
create function stream_release_v1(p_consumer int, p_no bigint[], p_op bigint[], p_nonce bigint[])
returns int
language plpgsql as $f$
declare
  v_tid tid[];
  v_n int;
  v_floor timestamptz;
begin
  select x.wait_floor
    into v_floor
    from consumer_state x
   where x.consumer_no = p_consumer
   order by x.op desc
   limit 1
     for update;
  v_tid := stream_tokens_v1(p_consumer, p_no, p_op, p_nonce, false);
  update inflight f
     set op = 0,
         due_at = greatest(clock_timestamp(), v_floor),
         idx = coalesce(f.next_idx, f.idx),
         next_idx = null,
         deliver_count = case when f.next_idx is null then f.deliver_count - 1 else 0 end
   where f.ctid = any(v_tid);
  get diagnostics v_n = row_count;
  if v_n > 0 then
    update consumer_state x
       set op = x.op + 1, pending = x.pending - v_n, waiting = x.waiting + v_n
     where x.consumer_no = p_consumer
       and x.op = (select y.op from consumer_state y where y.consumer_no = p_consumer order by y.op desc limit 1);
  end if;
  return v_n;
end $f$;
--> statement-breakpoint
-- Move the cursor (replay or skip): outstanding tokens die with the in-flight rows.
-- Locks: the consumer's state row, then inflight rows.
create function stream_reset_v1(p_consumer int, p_idx bigint)
returns void
language plpgsql as $f$
begin
  perform 1 from consumer_state x where x.consumer_no = p_consumer order by x.op desc limit 1 for update;
  delete from inflight f where f.consumer_no = p_consumer;
  update consumer_state x
     set op = x.op + 1, cursor_idx = p_idx, ahead_idx = null, held = null, held_from = null, pending = 0, waiting = 0
   where x.consumer_no = p_consumer
     and x.op = (select y.op from consumer_state y where y.consumer_no = p_consumer order by y.op desc limit 1);
end $f$;
--> statement-breakpoint
-- Does an observation with hash h leave the stored (sh, deleted) as it is? A plain delete (all zero) adds nothing to a tombstone,
-- erased ones included. Locks nothing; inlined by the planner.
create function stream_same_v1(sh uuid, deleted boolean, h uuid)
returns boolean
language sql immutable parallel safe
return sh = h or (deleted and h = '00000000-0000-0000-0000-000000000000');
--> statement-breakpoint
-- The position before the first version that entered at p_at or later. changed_at never goes back along updated_idx: bisect.
-- Locks nothing. Cost: 0.7 ms at a million records.
create function stream_seek_v1(p_stream int, p_at timestamptz)
returns bigint
language plpgsql stable as $f$
declare
  v_lo bigint := 0;
  v_hi bigint;
  v_mid bigint;
  v_i bigint;
  v_t timestamptz;
begin
  select h.last_idx into v_hi from stream_head h where h.stream_no = p_stream order by h.last_idx desc limit 1;
  while v_lo < v_hi loop
    v_mid := (v_lo + v_hi) / 2;
    v_i := null;
    select r.updated_idx, r.changed_at
      into v_i, v_t
      from record r
     where r.stream_no = p_stream and r.updated_idx > v_mid
     order by r.updated_idx
     limit 1;
    if v_i is null or v_t >= p_at then v_hi := v_mid; else v_lo := v_i; end if;
  end loop;
  return v_hi;
end $f$;
--> statement-breakpoint
-- The part of a record's wire JSON that says where it comes from, as text without braces: the same for every record of a
-- source, so readers ask once a source and batch. Nulls where the source is gone.
-- Volatile on purpose: it must see with a fresh snapshot. The statement around stream_next_v1 began before the claim did, and
-- a source that was made in between would be unknown to it (seen: records without an origin, G4).
-- Locks nothing. Cost: one probe by primary key.
create function stream_source_json_v1(p_source int)
returns text
language plpgsql volatile as $f$
declare
  v_json text;
begin
  select '"sync_id":"' || s.sync_id || '","sync":{"id":"' || s.sync_id
         || '","external_id":' || coalesce(to_json(s.external_id)::text, 'null')
         || ',"metadata":' || s.metadata::text
         || '},"provider":' || to_json(s.provider)::text
         || ',"collection_id":' || to_json(s.collection_id)::text
    into v_json
    from source s
   where s.source_no = p_source;
  return coalesce(v_json, '"sync_id":null,"sync":null,"provider":null,"collection_id":null');
end $f$;
--> statement-breakpoint
-- A filter resolved to sources: {"source_no": [..], "sync_id": [..], "collection_id": [..], "provider": [..],
-- "external_id": [..], "metadata": {..}}. All that are given must match; metadata by containment.
-- Locks nothing. Cost: 51 ms at 100,000 sources of one stream.
create function stream_sources_v1(p_stream int, p_filter jsonb)
returns int[]
language sql stable
return (
  select coalesce(array_agg(s.source_no order by s.source_no), '{}')
    from source s
   where s.stream_no = p_stream
     and (p_filter -> 'source_no' is null or p_filter -> 'source_no' @> to_jsonb(s.source_no))
     and (p_filter -> 'sync_id' is null or p_filter -> 'sync_id' ? s.sync_id::text)
     and (p_filter -> 'collection_id' is null or p_filter -> 'collection_id' ? s.collection_id)
     and (p_filter -> 'provider' is null or p_filter -> 'provider' ? s.provider)
     and (p_filter -> 'external_id' is null or p_filter -> 'external_id' ? s.external_id)
     and (p_filter -> 'metadata' is null or s.metadata @> (p_filter -> 'metadata')));
--> statement-breakpoint
-- The in-flight rows that the tokens (record_no, op, nonce) name, one element a token, null where it names nothing: replaced,
-- of another consumer, or of a past that a crash took back. p_late: those whose ack_wait ran out and that wait for redelivery.
-- One probe by primary key a token (the scalar subquery pins the plan). The caller holds the consumer's state row.
create function stream_tokens_v1(p_consumer int, p_no bigint[], p_op bigint[], p_nonce bigint[], p_late boolean)
returns tid[]
language plpgsql as $f$
begin
  return (
    select array_agg(q.tid)
      from (
        select (
                 select f.ctid
                   from inflight f
                  where f.consumer_no = p_consumer
                    and f.record_no = t.n
                    and f.op = case when p_late then -t.o else t.o end
                    and f.nonce = t.x
                    and t.o > 0) as tid
          from unnest(p_no, p_op, p_nonce) t(n, o, x)) q);
end $f$;
--> statement-breakpoint
-- Forget old tombstones, a slice a call: only what every consumer's cursor has passed (`held_by` names the slowest), and what
-- none has in flight or as a dead letter of that very version (a dead letter of an older version is superseded).
-- p_keep must be longer than any observation can be on its way (the longest replay of a feed): afterwards nothing remembers
-- the delete.
-- Locks: record rows with skip locked; waits for nothing. Cost: 8 ms per 1,000.
create function stream_trim_v1(
  p_stream int, p_keep interval, p_limit int,
  out n int, out floor_idx bigint, out held_by int)
language plpgsql as $f$
begin
  select q.f, q.consumer_no
    into floor_idx, held_by
    from (
      select c.consumer_no,
             (select x.cursor_idx from consumer_state x where x.consumer_no = c.consumer_no order by x.op desc limit 1) as f
        from consumer c
       where c.stream_no = p_stream) q
   order by q.f
   limit 1;
  delete from record d
   where d.stream_no = p_stream
     and d.ctid in (
       select r.ctid
         from record r
        where r.stream_no = p_stream
          and r.deleted
          and (floor_idx is null or r.updated_idx <= floor_idx)
          and r.changed_at < clock_timestamp() - p_keep
          and not exists (
            select 1 from consumer c join inflight f using (consumer_no)
             where c.stream_no = p_stream and f.record_no = r.record_no)
          and not exists (
            select 1 from consumer c join dead_letter l using (consumer_no)
             where c.stream_no = p_stream and l.record_no = r.record_no and l.idx = r.updated_idx)
        order by r.updated_idx
        limit p_limit
          for update of r skip locked);
  get diagnostics n = row_count;
end $f$;
--> statement-breakpoint
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
