-- One row for each line of an order, with what is known of its order, customer, part and supplier.
-- Every platform understands this SQL, and a bare engine too: bench/platforms.py runs it there.
with

lineitem as (
    select * from {{ source('inputs', 'lineitem') }}
    {%- if is_incremental() %}
    where l_updated_at > (select max(updated_at) from {{ this }})
    {%- endif %}
),

nations as (
    select
        n_nationkey,
        n_name,
        r_name
    from {{ source('inputs', 'nation') }}
    inner join {{ source('inputs', 'region') }} on n_regionkey = r_regionkey
)

select
    lineitem.l_orderkey as order_key,
    cast(lineitem.l_linenumber as integer) as line_number,
    orders.o_orderdate as order_date,
    cast(date_trunc('month', orders.o_orderdate) as date) as order_month,
    orders.o_orderstatus as order_status,
    orders.o_orderpriority as order_priority,
    orders.o_custkey as customer_key,
    customer.c_name as customer_name,
    customer.c_mktsegment as market_segment,
    origin.n_name as customer_nation,
    origin.r_name as customer_region,
    lineitem.l_partkey as part_key,
    part.p_name as part_name,
    part.p_brand as brand,
    part.p_type as part_type,
    lineitem.l_suppkey as supplier_key,
    supplier.s_name as supplier_name,
    source.n_name as supplier_nation,
    cast(lineitem.l_quantity as decimal(12, 2)) as quantity,
    cast(lineitem.l_extendedprice as decimal(12, 2)) as extended_price,
    cast(lineitem.l_discount as decimal(4, 2)) as discount,
    cast(lineitem.l_tax as decimal(4, 2)) as tax,
    cast(
        cast(lineitem.l_extendedprice as decimal(12, 2)) * (1 - cast(lineitem.l_discount as decimal(4, 2)))
        as decimal(14, 4)
    ) as net_price,
    lineitem.l_returnflag as return_flag,
    lineitem.l_linestatus as line_status,
    lineitem.l_shipdate as ship_date,
    lineitem.l_commitdate as commit_date,
    lineitem.l_receiptdate as receipt_date,
    lineitem.l_receiptdate > lineitem.l_commitdate as is_late,
    lineitem.l_shipmode as ship_mode,
    lineitem.l_updated_at as updated_at
from lineitem
inner join {{ source('inputs', 'orders') }} as orders on lineitem.l_orderkey = orders.o_orderkey
inner join {{ source('inputs', 'customer') }} as customer on orders.o_custkey = customer.c_custkey
inner join nations as origin on customer.c_nationkey = origin.n_nationkey
inner join {{ source('inputs', 'part') }} as part on lineitem.l_partkey = part.p_partkey
inner join {{ source('inputs', 'supplier') }} as supplier on lineitem.l_suppkey = supplier.s_suppkey
inner join nations as source on supplier.s_nationkey = source.n_nationkey
