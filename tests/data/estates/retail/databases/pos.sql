-- SQLite. The point-of-sale system of the same retailer, replicated to one file a night. No key refers to another by declaration.
create table stores (store_id integer primary key, name text not null, street text, city text not null, country_code text not null, opened_on text, square_metres integer);
create table tills (till_id integer primary key, store_id integer not null, label text not null);
create table cashiers (cashier_id integer primary key, name text not null, pin text not null);
create table vat_rates (vat_code text primary key, rate real not null);
create table receipts (
  receipt_id integer primary key,
  store_id integer not null,
  till_id integer not null,
  cashier_id integer not null,
  loyalty_email text,
  total_cents integer not null,
  closed_at text not null
);
create table receipt_items (
  receipt_id integer not null,
  line_no integer not null,
  sku text not null,
  quantity integer not null,
  price_cents integer not null,
  vat_code text not null,
  primary key (receipt_id, line_no)
);
create table cash_movements (
  movement_id integer primary key,
  till_id integer not null,
  cashier_id integer not null,
  amount_cents integer not null,
  reason text,
  moved_at text not null
);
create view daily_totals as
  select s.name as store, date(r.closed_at) as day, count(*) as receipts, sum(r.total_cents) / 100.0 as total
  from receipts r join stores s on s.store_id = r.store_id group by 1, 2;
create table sync_queue (id integer primary key autoincrement, entity text not null, payload text not null, sent integer not null default 0);
create table schema_version (version integer primary key, applied_at text not null);
create table receipts_tmp (receipt_id integer, total_cents integer);
create table device_log (id integer primary key, till_id integer, level text, message text, logged_at text);
