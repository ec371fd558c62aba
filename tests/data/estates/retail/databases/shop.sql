-- PostgreSQL. The web shop of a fictional outdoor retailer: a Django application, grown since 2019.
create schema crm;
create schema audit;

create table countries (code char(2) primary key, name text not null);
create table customer_segments (code varchar(10) primary key, label varchar(60) not null);
create table customers (
  customer_id bigint primary key,
  email varchar(254) not null unique,
  first_name varchar(80) not null,
  last_name varchar(80) not null,
  phone varchar(40),
  date_of_birth date,
  segment_code varchar(10) references customer_segments,
  marketing_consent boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table customers is 'Everybody who has an account in the shop';
comment on column customers.email is 'Address that the customer logs in with';
create table customer_addresses (
  address_id bigint primary key,
  customer_id bigint not null references customers,
  kind varchar(10) not null,
  street text not null,
  postal_code varchar(12) not null,
  city text not null,
  country_code char(2) not null references countries,
  is_default boolean not null default false
);
create table brands (brand_id int primary key, name varchar(80) not null, website text);
create table categories (category_id int primary key, parent_id int references categories, name varchar(80) not null);
create table products (
  product_id int primary key,
  sku varchar(32) not null unique,
  name varchar(200) not null,
  description text,
  brand_id int references brands,
  list_price numeric(10,2) not null,
  weight_grams int,
  is_active boolean not null default true,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table product_categories (
  product_id int not null references products,
  category_id int not null references categories,
  primary key (product_id, category_id)
);
create table order_statuses (code varchar(12) primary key, label varchar(60) not null);
create table orders (
  order_id bigint primary key,
  customer_id bigint not null references customers,
  status_code varchar(12) not null references order_statuses,
  delivery_address_id bigint references customer_addresses,
  currency char(3) not null default 'EUR',
  total_amount numeric(12,2) not null,
  placed_at timestamptz not null,
  updated_at timestamptz not null
);
comment on table orders is 'Orders as the customer placed them';
create table order_lines (
  order_id bigint not null references orders,
  line_no int not null,
  product_id int not null references products,
  quantity int not null,
  unit_price numeric(10,2) not null,
  discount numeric(10,2) not null default 0,
  primary key (order_id, line_no)
);
create table payment_methods (method_id int primary key, name varchar(40) not null);
create table payments (
  payment_id bigint primary key,
  order_id bigint not null references orders,
  method_id int not null references payment_methods,
  amount numeric(12,2) not null,
  card_last4 char(4),
  iban varchar(34),
  paid_at timestamptz not null
);
create table refunds (
  refund_id bigint primary key,
  payment_id bigint not null references payments,
  amount numeric(12,2) not null,
  reason text,
  refunded_at timestamptz not null
);
create table carriers (carrier_id int primary key, name varchar(60) not null, tracking_url text);
-- written by the logistics service: nobody declared what its columns refer to
create table shipments (
  shipment_id bigint primary key,
  order_id bigint not null,
  carrier_id int,
  tracking_number varchar(64),
  shipped_at timestamptz,
  delivered_at timestamptz
);
create table shipment_items (
  shipment_id bigint not null,
  line_no int not null,
  order_id bigint not null,
  quantity int not null,
  primary key (shipment_id, line_no)
);
create table warehouses (warehouse_id int primary key, name varchar(80) not null, city text);
create table stock_levels (
  warehouse_id int not null references warehouses,
  product_id int not null references products,
  quantity int not null,
  counted_at timestamptz not null,
  primary key (warehouse_id, product_id)
);
create table product_reviews (
  review_id bigint primary key,
  product_id int not null references products,
  customer_id bigint references customers,
  rating smallint not null,
  body text,
  created_at timestamptz not null
);
create table web_events (
  event_id bigint not null,
  occurred_at timestamptz not null,
  session_id uuid not null,
  customer_id bigint,
  event_type varchar(40) not null,
  page_url text,
  ip_address inet,
  user_agent text,
  primary key (event_id, occurred_at)
) partition by range (occurred_at);
create table web_events_2026_01 partition of web_events for values from ('2026-01-01') to ('2026-02-01');
create table web_events_2026_02 partition of web_events for values from ('2026-02-01') to ('2026-03-01');
create table web_events_2026_03 partition of web_events for values from ('2026-03-01') to ('2026-04-01');

create table crm.channels (code varchar(12) primary key, name varchar(40) not null);
create table crm.campaigns (
  campaign_id int primary key,
  name varchar(120) not null,
  channel_code varchar(12) not null references crm.channels,
  budget numeric(12,2),
  starts_on date not null,
  ends_on date
);
create table crm.campaign_members (
  campaign_id int not null references crm.campaigns,
  customer_id bigint not null references public.customers,
  sent_at timestamptz,
  responded_at timestamptz,
  primary key (campaign_id, customer_id)
);
create table crm.support_tickets (
  ticket_id bigint primary key,
  customer_id bigint,
  subject text not null,
  priority smallint not null,
  opened_at timestamptz not null,
  closed_at timestamptz
);
create table crm.ticket_messages (
  message_id bigint primary key,
  ticket_id bigint not null,
  author_email varchar(254) not null,
  body text not null,
  sent_at timestamptz not null
);

create view active_customers as select * from customers where updated_at > now() - interval '1 year';
create view order_overview as
  select o.order_id, o.placed_at, o.total_amount, s.label as status, c.email, c.last_name, g.label as segment,
         p.amount as paid, p.paid_at, t.name as country
  from orders o
  join customers c using (customer_id)
  join order_statuses s on s.code = o.status_code
  left join customer_segments g on g.code = c.segment_code
  left join payments p using (order_id)
  left join customer_addresses a on a.address_id = o.delivery_address_id
  left join countries t on t.code = a.country_code;
comment on view order_overview is 'What the Monday report of sales reads';

-- what is nobody's data product
create table django_migrations (id bigint primary key, app varchar(255) not null, name varchar(255) not null, applied timestamptz not null);
create table django_content_type (id int primary key, app_label varchar(100) not null, model varchar(100) not null);
create table django_session (session_key varchar(40) primary key, session_data text not null, expire_date timestamptz not null);
create table auth_group (id int primary key, name varchar(150) not null unique);
create table auth_permission (id int primary key, name varchar(255) not null, content_type_id int not null references django_content_type, codename varchar(100) not null);
create table auth_user (id int primary key, password varchar(128) not null, username varchar(150) not null unique, is_staff boolean not null, date_joined timestamptz not null);
create table auth_user_groups (id int primary key, user_id int not null references auth_user, group_id int not null references auth_group);
create table django_admin_log (id int primary key, action_time timestamptz not null, object_repr varchar(200) not null, user_id int not null references auth_user);
create table celery_taskmeta (id int primary key, task_id varchar(155) unique, status varchar(50), result bytea, date_done timestamp);
create table orders_bak_2023 as select * from orders;
create table customers_old as select * from customers;
create table tmp_price_import (sku varchar(32), price text, imported_at timestamptz);
create table stg_supplier_feed (line text, loaded_at timestamptz);
create table price_copy_anna as select * from tmp_price_import;
create table feature_flags (name varchar(80) primary key, enabled boolean not null);
create table app_settings (key varchar(80) primary key, value text);
create table email_queue (id bigint primary key, recipient varchar(254) not null, payload jsonb not null, attempts int not null, next_attempt_at timestamptz);
create table audit.audit_log (id bigint primary key, table_name text not null, row_pk text, operation char(1) not null, old_row jsonb, new_row jsonb, changed_by text, changed_at timestamptz not null);
create table audit.orders_history as select o.*, 'U'::char(1) as operation, now() as changed_at from orders o;

create role bi_reader nologin;
create role logistics nologin;
grant usage on schema public, crm to bi_reader, logistics;
grant select on order_overview, active_customers, orders, order_lines, products to bi_reader;
grant select on orders, order_lines to logistics;
grant select, insert, update, delete on shipments, shipment_items to logistics;
