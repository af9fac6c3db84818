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
