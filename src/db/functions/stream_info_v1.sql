-- num_pending is exact up to p_cap, then p_cap (`capped`); capped also when p_scan positions were looked at (a filter that
-- matches little). `blocked`: so much waits for redelivery that no new version is claimed.
-- Locks nothing. Cost at a million records: 0.1 ms 500 behind, 1.3 ms 9,999 behind, with a filter 1.5-3.1 ms.
create function stream_info_v1(
  p_consumer int, p_cap int default 10000, p_scan bigint default 1000000,
  out num_pending bigint, out capped boolean, out num_ack_pending int, out num_waiting int, out blocked boolean,
  out cursor_idx bigint, out head bigint)
language plpgsql stable as $f$
declare
  s record;
  v_src int[];
  v_hi bigint;
  v_from bigint;
  v_held int;
begin
  select x.cursor_idx, x.ahead_idx, x.held, x.held_from, x.pending, x.waiting, c.stream_no, c.filter, c.sources, c.source_rev, c.max_ack_pending,
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
  cursor_idx := s.cursor_idx;
  head := s.head;
  num_ack_pending := s.pending;
  num_waiting := s.waiting;
  blocked := s.waiting >= 10 * s.max_ack_pending;
  v_from := coalesce(s.ahead_idx, s.cursor_idx);
  v_hi := least(s.head, v_from + p_scan);
  if s.filter is not null then
    v_src := case when s.rev = s.source_rev then s.sources else stream_sources_v1(s.stream_no, s.filter) end;
  end if;
  if v_from >= s.head then
    num_pending := 0;
  elsif s.filter is null then
    select count(*)
      into num_pending
      from (
        select 1 from record r
         where r.stream_no = s.stream_no and r.updated_idx > v_from and r.updated_idx <= v_hi
           and (s.held is null or r.source_no <> all(s.held))
         limit p_cap + 1) q;
  else
    select count(*)
      into num_pending
      from (
        select 1 from record r
         where r.stream_no = s.stream_no and r.updated_idx > v_from and r.updated_idx <= v_hi
           and r.source_no = any(v_src)
           and (s.held is null or r.source_no <> all(s.held))
         limit p_cap + 1) q;
  end if;
  capped := num_pending > p_cap or v_hi < s.head;
  if s.held is not null then      -- what is held stands on both sides of ahead_idx
    v_hi := least(s.head, s.cursor_idx + p_scan);
    select count(*)
      into v_held
      from (
        select 1 from record r
         where r.stream_no = s.stream_no and r.updated_idx > s.cursor_idx and r.updated_idx <= v_hi
           and r.source_no = any(s.held)
           and r.updated_idx > s.held_from[array_position(s.held, r.source_no)]
           and (s.filter is null or r.source_no = any(v_src))
         limit p_cap + 1) q;
    num_pending := num_pending + v_held;
    capped := capped or num_pending > p_cap or v_hi < s.head;
  end if;
  num_pending := least(num_pending, p_cap);
end $f$;
