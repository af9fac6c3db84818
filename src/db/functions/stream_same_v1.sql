-- Does an observation with hash h leave the stored (sh, deleted) as it is? A plain delete (all zero) adds nothing to a tombstone,
-- erased ones included. Locks nothing; inlined by the planner.
create function stream_same_v1(sh uuid, deleted boolean, h uuid)
returns boolean
language sql immutable parallel safe
return sh = h or (deleted and h = '00000000-0000-0000-0000-000000000000');
