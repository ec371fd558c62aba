-- SQLite. Assets in the grid, kept by the field service.
create table substations (substation_id integer primary key, name text, voltage_kv integer, latitude real, longitude real, commissioned_on text);
create table transformers (transformer_id integer primary key, substation_id integer, serial_no text, rating_kva integer, manufacturer_id integer, installed_on text);
create table manufacturers (manufacturer_id integer primary key, name text, country text);
create table inspections (inspection_id integer primary key, transformer_id integer, inspector text, inspected_at text, result text, next_due text);
create table inspection_photos (photo_id integer primary key, inspection_id integer, file_name text, taken_at text);
create table outages (outage_id integer primary key, substation_id integer, started_at text, restored_at text, cause_code text, customers_affected integer);
create table outage_causes (cause_code text primary key, description text);
create table crews (crew_id integer primary key, name text, depot text);
create table crew_assignments (assignment_id integer primary key, outage_id integer, crew_id integer, dispatched_at text, arrived_at text);
create table sync_state (table_name text primary key, last_sync text);
create table photos_tmp (photo_id integer, blob_ref text);
