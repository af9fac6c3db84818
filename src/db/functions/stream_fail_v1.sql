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
