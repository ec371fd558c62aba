-- PostgreSQL. The information system of a fictional hospital: a Rails application.
create schema reporting;

create table patients (
  id bigint primary key, mrn varchar(20) not null unique, given_name varchar(80) not null, family_name varchar(80) not null,
  birth_date date not null, sex char(1), national_insurance_number varchar(20), insurer_id bigint, deceased_at timestamp,
  created_at timestamp not null, updated_at timestamp not null
);
comment on table patients is 'Master data of patients, one row per medical record number';
create table patient_contacts (
  id bigint primary key, patient_id bigint not null references patients, relation varchar(30), full_name varchar(160) not null, phone varchar(40)
);
create table patient_allergies (
  id bigint primary key, patient_id bigint not null references patients, substance varchar(120) not null, severity varchar(20), recorded_on date
);
create table insurers (id bigint primary key, name varchar(120) not null, code varchar(10) not null unique);
alter table patients add foreign key (insurer_id) references insurers;
create table departments (id bigint primary key, name varchar(80) not null, cost_centre varchar(12));
create table wards (id bigint primary key, department_id bigint not null references departments, name varchar(40) not null, floor int);
create table beds (id bigint primary key, ward_id bigint not null references wards, label varchar(10) not null, is_isolation boolean not null default false);
create table practitioners (
  id bigint primary key, department_id bigint references departments, licence_number varchar(30) unique, given_name varchar(80), family_name varchar(80),
  email varchar(254), employed_from date, employed_until date, created_at timestamp, updated_at timestamp
);
create table specialties (id bigint primary key, name varchar(80) not null);
create table practitioner_specialties (practitioner_id bigint not null references practitioners, specialty_id bigint not null references specialties, primary key (practitioner_id, specialty_id));
create table encounters (
  id bigint primary key, patient_id bigint not null references patients, department_id bigint not null references departments,
  attending_id bigint references practitioners, kind varchar(12) not null, admitted_at timestamp not null, discharged_at timestamp,
  discharge_disposition varchar(30), created_at timestamp not null, updated_at timestamp not null
);
comment on table encounters is 'Stays and ambulatory visits';
create table icd_codes (code varchar(8) primary key, title varchar(300) not null);
create table encounter_diagnoses (
  encounter_id bigint not null references encounters, rank int not null, icd_code varchar(8) not null references icd_codes, present_on_admission boolean,
  primary key (encounter_id, rank)
);
create table bed_assignments (
  id bigint primary key, encounter_id bigint not null references encounters, bed_id bigint not null references beds, from_time timestamp not null, to_time timestamp
);
create table appointments (
  id bigint primary key, patient_id bigint not null references patients, practitioner_id bigint not null references practitioners,
  starts_at timestamp not null, ends_at timestamp not null, status varchar(12) not null, reason text, created_at timestamp, updated_at timestamp
);
create table procedures (
  id bigint primary key, encounter_id bigint not null references encounters, ops_code varchar(12) not null, surgeon_id bigint references practitioners,
  started_at timestamp not null, ended_at timestamp, outcome varchar(40)
);
create table procedure_staff (procedure_id bigint not null references procedures, practitioner_id bigint not null references practitioners, role varchar(20), primary key (procedure_id, practitioner_id));
create table consents (
  id bigint primary key, patient_id bigint not null, document_id bigint, purpose varchar(40) not null, given_at timestamp not null, withdrawn_at timestamp
);
create table vital_signs (
  id bigint not null, encounter_id bigint not null, kind varchar(20) not null, value numeric(8,2) not null, unit varchar(12), measured_at timestamp not null, device_id varchar(40),
  primary key (id, measured_at)
) partition by range (measured_at);
create table vital_signs_p2026w01 partition of vital_signs for values from ('2026-01-01') to ('2026-01-08');
create table vital_signs_p2026w02 partition of vital_signs for values from ('2026-01-08') to ('2026-01-15');
create table vital_signs_default partition of vital_signs default;

create view reporting.bed_occupancy as
  select w.name as ward, d.name as department, date_trunc('day', a.from_time)::date as day, count(distinct b.id) as occupied
  from bed_assignments a join beds b on b.id = a.bed_id join wards w on w.id = b.ward_id join departments d on d.id = w.department_id
  group by 1, 2, 3;
create materialized view reporting.length_of_stay as
  select e.id as encounter_id, d.name as department, extract(epoch from e.discharged_at - e.admitted_at) / 86400 as days, g.icd_code, e.discharged_at
  from encounters e join departments d on d.id = e.department_id left join encounter_diagnoses g on g.encounter_id = e.id and g.rank = 1
  where e.discharged_at is not null;
comment on materialized view reporting.length_of_stay is 'Days of each stay, for the quality report';
create view inpatients as select * from encounters where kind = 'inpatient';

create table schema_migrations (version varchar(255) primary key);
create table ar_internal_metadata (key varchar(255) primary key, value varchar(255), created_at timestamp, updated_at timestamp);
create table delayed_jobs (id bigint primary key, priority int not null, attempts int not null, handler text not null, last_error text, run_at timestamp, queue varchar(40));
create table versions (id bigint primary key, item_type varchar(80) not null, item_id bigint not null, event varchar(20) not null, whodunnit varchar(80), object jsonb, created_at timestamp);
create table active_storage_blobs (id bigint primary key, key varchar(80) not null unique, filename text not null, byte_size bigint not null, checksum varchar(80), created_at timestamp not null);
create table active_storage_attachments (id bigint primary key, name varchar(80) not null, record_type varchar(80) not null, record_id bigint not null, blob_id bigint not null references active_storage_blobs);
create table users (id bigint primary key, login varchar(80) not null unique, encrypted_password varchar(120) not null, last_sign_in_at timestamp);
create table roles (id bigint primary key, name varchar(40) not null);
create table users_roles (user_id bigint not null references users, role_id bigint not null references roles, primary key (user_id, role_id));
create table user_sessions (id bigint primary key, user_id bigint not null references users, token varchar(80) not null, expires_at timestamp not null);
create table patients_backup_20240101 as select * from patients;
create table encounters_copy as select * from encounters;
create table import_patients_temp (line int, raw text);
create table hl7_inbox (id bigint primary key, message text not null, received_at timestamp not null, processed boolean not null);
create table access_log (id bigint primary key, user_id bigint, patient_id bigint, path text, accessed_at timestamp not null);

create role quality nologin;
create role ward_board nologin;
grant usage on schema public, reporting to quality, ward_board;
grant select on all tables in schema reporting to quality;
grant select on reporting.bed_occupancy, beds, wards, bed_assignments to ward_board;
