-- The in-flight rows that the tokens (record_no, op, nonce) name, one element a token, null where it names nothing: replaced,
-- of another consumer, or of a past that a crash took back. p_late: those whose ack_wait ran out and that wait for redelivery.
-- One probe by primary key a token (the scalar subquery pins the plan). The caller holds the consumer's state row.
create function stream_tokens_v1(p_consumer int, p_no bigint[], p_op bigint[], p_nonce bigint[], p_late boolean)
returns tid[]
language plpgsql as $f$
begin
  return (
    select array_agg(q.tid)
      from (
        select (
                 select f.ctid
                   from inflight f
                  where f.consumer_no = p_consumer
                    and f.record_no = t.n
                    and f.op = case when p_late then -t.o else t.o end
                    and f.nonce = t.x
                    and t.o > 0) as tid
          from unnest(p_no, p_op, p_nonce) t(n, o, x)) q);
end $f$;
