-- PostgreSQL. The warehouse of the same retailer: landed by Fivetran-like tools and scripts, modelled by two dbt projects.
create schema raw;
create schema staging;
create schema marts;
create schema finance;
create schema reporting;

-- landed copies of the shop's tables
create table raw.shop_orders (order_id bigint, customer_id bigint, status_code varchar, delivery_address_id bigint, currency varchar, total_amount numeric, placed_at timestamptz, updated_at timestamptz, _loaded_at timestamptz);
create table raw.shop_order_lines (order_id bigint, line_no int, product_id int, quantity int, unit_price numeric, discount numeric, _loaded_at timestamptz);
create table raw.shop_customers (customer_id bigint, email varchar, first_name varchar, last_name varchar, phone varchar, date_of_birth date, segment_code varchar, marketing_consent boolean, created_at timestamptz, updated_at timestamptz, _loaded_at timestamptz);
create table raw.shop_products (product_id int, sku varchar, name varchar, description text, brand_id int, list_price numeric, weight_grams int, is_active boolean, created_at timestamptz, updated_at timestamptz, _loaded_at timestamptz);
-- from systems whose databases nobody gave us: the billing service, the ERP, suppliers' spreadsheets, a topic
create table raw.billing_invoices (invoice_id bigint, order_id bigint, customer_id bigint, invoice_number varchar, net_amount numeric, vat_amount numeric, due_on date, issued_at timestamptz, paid_at timestamptz, _loaded_at timestamptz);
create table raw.billing_invoice_lines (invoice_id bigint, line_no int, description text, net_amount numeric, vat_rate numeric, _loaded_at timestamptz);
create table raw.supplier_prices (supplier varchar, sku varchar, purchase_price numeric, currency varchar, valid_from date, file_name varchar, _loaded_at timestamptz);
create table raw.stock_movements (movement_id varchar, sku varchar, store_id int, quantity int, reason varchar, occurred_at timestamptz, _kafka_offset bigint, _loaded_at timestamptz);
create table raw.erp_purchase_orders (po_number varchar, supplier_number varchar, plant varchar, material varchar, ordered_quantity numeric, net_price numeric, ordered_on date, delivery_on date, _loaded_at timestamptz);
create table raw._dlt_loads (load_id varchar, schema_name varchar, status bigint, inserted_at timestamptz);
create table raw._dlt_version (version bigint, engine_version bigint, inserted_at timestamptz, schema_name varchar, version_hash varchar, schema text);
create table raw._dlt_pipeline_state (version bigint, pipeline_name varchar, state text, created_at timestamptz, _dlt_load_id varchar);

create view staging.stg_shop__orders as select order_id, customer_id, status_code as status, total_amount, placed_at from raw.shop_orders;
create view staging.stg_shop__order_lines as select * from raw.shop_order_lines;
create view staging.stg_shop__customers as select customer_id, lower(email) as email, first_name, last_name, segment_code, created_at from raw.shop_customers;
create view staging.stg_shop__products as select product_id, sku, name, list_price from raw.shop_products;
create view staging.stg_billing__invoices as select * from raw.billing_invoices;

create table marts.dim_date (date_day date primary key, year int, quarter int, month int, iso_week int, is_weekend boolean);
create table marts.dim_customer (customer_key bigint primary key, customer_id bigint, full_name text, segment text, first_order_on date);
create table marts.dim_product (product_key bigint primary key, product_id int, sku text, name text, brand text, category text);
create table marts.fct_sales (
  sale_key text primary key,
  order_id bigint not null,
  line_no int not null,
  date_day date not null references marts.dim_date,
  customer_key bigint not null references marts.dim_customer,
  product_key bigint not null references marts.dim_product,
  quantity int not null,
  revenue numeric(12,2) not null,
  discount numeric(12,2) not null
);
create table marts.fct_returns (
  return_key text primary key,
  date_day date not null references marts.dim_date,
  customer_key bigint not null references marts.dim_customer,
  product_key bigint not null references marts.dim_product,
  refunded numeric(12,2) not null
);
create view marts.customer_360 as
  select c.customer_key, c.full_name, c.segment, count(distinct s.order_id) as orders, sum(s.revenue) as revenue,
         max(s.date_day) as last_order_on, sum(r.refunded) as refunded
  from marts.dim_customer c
  left join marts.fct_sales s using (customer_key)
  left join marts.fct_returns r using (customer_key)
  group by 1, 2, 3;
create table finance.fct_receivables (invoice_id bigint primary key, customer_id bigint, net_amount numeric, open_amount numeric, days_overdue int, as_of date);
create table reporting.monthly_revenue (
  month date not null, segment text not null, category text not null, country text, orders int, units int,
  revenue numeric(14,2), discount numeric(14,2), refunds numeric(14,2), margin numeric(14,2),
  primary key (month, segment, category)
);
comment on table reporting.monthly_revenue is 'Figures of the board report, one row per month, segment and category';
create table reporting.monthly_revenue_backup_20260201 as select * from reporting.monthly_revenue;
create table reporting.scratch_jonas (a text, b text);
create table marts.fct_sales__dbt_tmp as select * from marts.fct_sales;

create role dashboards nologin;
create role dbt_runner nologin;
create role controlling nologin;
grant usage on schema raw, staging, marts, finance, reporting to dashboards, dbt_runner, controlling;
grant select on all tables in schema marts to dashboards;
grant select on reporting.monthly_revenue to dashboards, controlling;
grant select on finance.fct_receivables to controlling;
grant select, insert, update, delete on all tables in schema marts, finance, reporting to dbt_runner;
