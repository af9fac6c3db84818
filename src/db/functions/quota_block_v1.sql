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
