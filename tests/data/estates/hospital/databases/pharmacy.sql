-- SQLite. The pharmacy's own application: a Node service with Knex.
create table drugs (id integer primary key, pzn text not null unique, name text not null, form text, manufacturer_id integer references manufacturers (id), narcotic integer not null default 0, updated_at text);
create table manufacturers (id integer primary key, name text not null);
create table ingredients (id integer primary key, name text not null, atc_code text);
create table drug_ingredients (drug_id integer not null references drugs (id), ingredient_id integer not null references ingredients (id), milligrams real, primary key (drug_id, ingredient_id));
create table prescriptions (id integer primary key, patient_mrn text not null, prescriber text not null, ward text, prescribed_at text not null, cancelled_at text);
create table prescription_lines (id integer primary key, prescription_id integer not null references prescriptions (id), drug_id integer not null references drugs (id), dose text not null, frequency text not null);
create table dispensings (id integer primary key, prescription_line_id integer not null references prescription_lines (id), batch text, quantity integer not null, dispensed_by text not null, dispensed_at text not null);
create table stock (drug_id integer not null references drugs (id), location_id integer not null references locations (id), quantity integer not null, counted_at text not null, primary key (drug_id, location_id));
create table locations (id integer primary key, name text not null);
create table narcotics_book (id integer primary key, drug_id integer not null references drugs (id), direction text not null, quantity integer not null, witness text not null, booked_at text not null);
create table knex_migrations (id integer primary key, name text, batch integer, migration_time text);
create table knex_migrations_lock (id integer primary key, is_locked integer);
create table job_runs (id integer primary key, job text, started_at text, finished_at text, error text);
create table drugs_import (pzn text, name text, form text);
create table sessions (sid text primary key, sess text not null, expired text not null);
