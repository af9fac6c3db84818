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
