-- THE rule of order (G2): is observation (v, o) newer than the stored (sv, so)? Both versions known and different: the larger
-- one. Else the later observation. A stored time ahead of the clock is worth nothing: the clock was set back.
-- Locks nothing; inlined by the planner.
create function stream_newer_v1(v bigint, o timestamptz, sv bigint, so timestamptz, clk timestamptz)
returns boolean
language sql immutable parallel safe
return case when v <> sv then v > sv else o > so or so > clk end;
