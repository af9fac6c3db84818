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
