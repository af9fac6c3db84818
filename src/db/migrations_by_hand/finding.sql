-- Like all upstream ids: compared byte by byte.
alter table finding alter column upstream_id type text collate "C";
