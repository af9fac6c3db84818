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
