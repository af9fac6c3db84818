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
