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
