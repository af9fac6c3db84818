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
