-- PostgreSQL. Finance: one schema a module.
create schema gl; create schema ar;
create table gl.account (account_no varchar(10) primary key, name varchar(80) not null, account_type varchar(20) not null, is_active boolean not null, opened_on date, currency char(3));
create table gl.cost_centre (cost_centre varchar(10) primary key, name varchar(80));
create table gl.journal (journal_id bigint primary key, period varchar(7) not null, posted_at timestamp not null, posted_by varchar(40), description text);
create table gl.journal_line (journal_id bigint not null references gl.journal, line int not null, account_no varchar(10) not null references gl.account, cost_centre varchar(10) references gl.cost_centre, debit numeric(14,2), credit numeric(14,2), primary key (journal_id, line));
create table ar.debtor (debtor_no varchar(10) primary key, name varchar(80) not null, vat_number varchar(20), payment_terms varchar(4), email varchar(200), iban varchar(34));
create table ar.payment_terms (payment_terms varchar(4) primary key, days int, discount numeric(4,2));
create table ar.invoice (invoice_no varchar(12) primary key, debtor_no varchar(10) not null references ar.debtor, invoice_date date not null, due_date date not null, currency char(3), total numeric(12,2));
create table ar.invoice_item (invoice_no varchar(12) not null references ar.invoice, item int not null, description text, amount numeric(12,2), primary key (invoice_no, item));
create table ar.receipt (receipt_no bigint primary key, debtor_no varchar(10) not null references ar.debtor, received_on date not null, amount numeric(12,2));
create table ar.receipt_allocation (receipt_no bigint not null references ar.receipt, invoice_no varchar(12) not null references ar.invoice, amount numeric(12,2), primary key (receipt_no, invoice_no));
create table ar.invoice_archive_2019 as select * from ar.invoice;
create table public.flyway_schema_history (installed_rank int primary key, version varchar(50), script varchar(1000));
create table public.job_queue (id bigint primary key, payload text, attempts int);
