-- num_pending: versions after the cursor and what waits for redelivery, exact up to p_cap, then p_cap (`capped`); capped also
-- when p_scan positions were looked at in 50 laps (a filter that matches little). Holes cost nothing: the next lap begins behind
-- them.
-- Locks nothing. Cost at a million records: 0.1 ms 500 behind, 1.3 ms 9,999 behind, with a filter 1.5-3.1 ms.
create function stream_info_v2(
  p_consumer int, p_cap int default 10000, p_scan bigint default 1000000,
  out num_pending bigint, out capped boolean, out num_ack_pending int)
language plpgsql stable as $f$
declare
  s record;
  v_src int[];
  v_lo bigint;
  v_hi bigint;
  v_n int;
begin
  select x.cursor_idx, x.ahead_idx, x.held, x.held_from, x.pending, x.waiting, c.stream_no, c.filter, c.sources, c.source_rev,
         (select t.source_rev from stream t where t.stream_no = c.stream_no) as rev,
         (select h.last_idx from stream_head h where h.stream_no = c.stream_no order by h.last_idx desc limit 1) as head
    into s
    from consumer c
   cross join lateral (
     select * from consumer_state y where y.consumer_no = c.consumer_no order by y.op desc limit 1) x
   where c.consumer_no = p_consumer;
  if not found then
    raise exception 'no such consumer %', p_consumer using errcode = 'SL003';
  end if;
  num_ack_pending := s.pending;
  if s.filter is not null then
    v_src := case when s.rev = s.source_rev then s.sources else stream_sources_v1(s.stream_no, s.filter) end;
  end if;
  num_pending := s.waiting;
  v_lo := s.cursor_idx;
  for lap in 1..50 loop
    exit when v_lo is null or v_lo >= s.head or num_pending > p_cap;
    -- What is held stands on both sides of ahead_idx.
    if s.filter is null then
      v_hi := case when s.held is null then s.head else least(s.head, v_lo + p_scan / 50) end;
      select count(*)
        into v_n
        from (
          select 1 from record r
           where r.stream_no = s.stream_no and r.updated_idx > v_lo and r.updated_idx <= v_hi
             and case
               when s.held is null then true
               when r.source_no = any(s.held) then r.updated_idx > s.held_from[array_position(s.held, r.source_no)]
               else r.updated_idx > s.ahead_idx
             end
           limit p_cap + 1) q;
    else
      v_hi := least(s.head, v_lo + p_scan / 50);
      select count(*)
        into v_n
        from (
          select 1 from record r
           where r.stream_no = s.stream_no and r.updated_idx > v_lo and r.updated_idx <= v_hi
             and r.source_no = any(v_src)
             and case
               when s.held is null then true
               when r.source_no = any(s.held) then r.updated_idx > s.held_from[array_position(s.held, r.source_no)]
               else r.updated_idx > s.ahead_idx
             end
           limit p_cap + 1) q;
    end if;
    num_pending := num_pending + v_n;
    v_lo := (
      select r.updated_idx - 1
        from record r
       where r.stream_no = s.stream_no and r.updated_idx > v_hi
       order by r.updated_idx
       limit 1);
  end loop;
  capped := num_pending > p_cap or coalesce(v_lo < s.head, false);
  num_pending := least(num_pending, p_cap);
end $f$;
