-- The part of a record's wire JSON that says where it comes from, as text without braces: the same for every record of a
-- source, so readers ask once a source and batch. Nulls where the source is gone.
-- Volatile on purpose: it must see with a fresh snapshot. The statement around stream_next_v1 began before the claim did, and
-- a source that was made in between would be unknown to it (seen: records without an origin, G4).
-- Locks nothing. Cost: one probe by primary key.
create function stream_source_json_v1(p_source int)
returns text
language plpgsql volatile as $f$
declare
  v_json text;
begin
  select '"sync_id":"' || s.sync_id || '","sync":{"id":"' || s.sync_id
         || '","external_id":' || coalesce(to_json(s.external_id)::text, 'null')
         || ',"metadata":' || s.metadata::text
         || '},"provider":' || to_json(s.provider)::text
         || ',"collection_id":' || to_json(s.collection_id)::text
    into v_json
    from source s
   where s.source_no = p_source;
  return coalesce(v_json, '"sync_id":null,"sync":null,"provider":null,"collection_id":null');
end $f$;
