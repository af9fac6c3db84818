-- What drizzle cannot say: storage, collations, expression indexes, the trigger of `source`. Written by hand.

-- One hot row a stream. Pages stay half empty so that new versions of it find room; vacuum comes early and at full speed.
alter table stream_head set (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
--> statement-breakpoint
alter table consumer_state set (fillfactor = 50, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
--> statement-breakpoint
alter table checkpoint set (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0);
--> statement-breakpoint
-- Small tables whose rows come and go all the time.
alter table inflight set (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0);
--> statement-breakpoint
alter table touched set (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0);
--> statement-breakpoint

-- Upstream ids are compared byte by byte: cheap, and the same on every machine.
alter table record alter column upstream_id type text collate "C";
--> statement-breakpoint
alter table touched alter column upstream_id type text collate "C";
--> statement-breakpoint
alter table quarantine alter column upstream_id type text collate "C";
--> statement-breakpoint
-- lz4 halves the cost of writing bodies of 6 kB; a server may be built without it.
do $$
begin
  alter table record alter column data set compression lz4;
exception when feature_not_supported then
  raise notice 'this server has no lz4: bodies are compressed with pglz';
end $$;
--> statement-breakpoint

-- "+ 0" on purpose: a probe by (consumer_no, record_no) can then only use the primary key, and a scan by time only these
-- indexes, whatever the statistics of this tiny, churning table say. A wrong choice cost a factor of 20.
create index inflight_out on inflight ((consumer_no + 0), due_at) where op > 0;
--> statement-breakpoint
create index inflight_wait on inflight ((consumer_no + 0), due_at) where op <= 0;
--> statement-breakpoint

-- Move the stream's source_rev in the transaction that makes, changes or drops a source, so that consumers resolve their
-- filters again before they pass its first record (G4). Once a statement and stream, for a sync has many collections and the
-- stream's row is one. Only for columns that filters and records read: the phase of a collection changes often and means
-- nothing to them.
create function source_made_or_dropped() returns trigger language plpgsql as $$
begin
  update stream
     set source_rev = source_rev + 1
   where stream_no in (select r.stream_no from rows r);
  return null;
end $$;
--> statement-breakpoint
create function source_changed() returns trigger language plpgsql as $$
begin
  update stream
     set source_rev = source_rev + 1
   where stream_no in (
     select unnest(array[b.stream_no, a.stream_no])
       from before b
       full join after a on a.source_no = b.source_no
      where (a.stream_no, a.sync_id, a.collection_id, a.provider, a.external_id, a.metadata)
            is distinct from (b.stream_no, b.sync_id, b.collection_id, b.provider, b.external_id, b.metadata));
  return null;
end $$;
--> statement-breakpoint
create trigger source_made
  after insert on source
  referencing new table as rows
  for each statement execute function source_made_or_dropped();
--> statement-breakpoint
create trigger source_dropped
  after delete on source
  referencing old table as rows
  for each statement execute function source_made_or_dropped();
--> statement-breakpoint
create trigger source_changed
  after update on source
  referencing old table as before new table as after
  for each statement execute function source_changed();
