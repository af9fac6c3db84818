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
