"""Aggregates: their types, their order, and distinct values."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from meshwright.check.portable_sql.construct import DISPATCH, Construct, by_platform
from meshwright.check.portable_sql.nodes import is_cast

STATISTICS = (
    *("Sum", "Avg", "Stddev", "StddevSamp", "StddevPop", "Variance", "VariancePop", "Corr"),
    "PercentileCont",
)
ORDERED = (exp.AggFunc, exp.Anonymous, exp.AnonymousAggFunc, exp.GroupConcat)


def _counts_several(node: Any) -> bool:
    return isinstance(node.this, exp.Distinct) and len(node.this.expressions) > 1


CONSTRUCTS = (
    Construct(
        id="order-in-aggregate",
        what="an aggregate with an order in it",
        does=by_platform(duckdb="takes it", postgres="takes it", spark="cannot parse it"),
        fix=f"Use min, max, or a window. {DISPATCH}",
        bad="(select array_agg(v order by v) from (values ('b'), ('a')) as t(v))",
        good="(select min(v) from (values ('b'), ('a')) as t(v))",
        value="a",
        nodes=("Order",),
        is_node=lambda node: isinstance(node.parent, ORDERED),
    ),
    Construct(
        id="uncast-aggregate",
        what="sum, avg or another statistic without a cast",
        does=by_platform(
            duckdb="has hugeint for sums and double for averages",
            postgres="has numeric for both",
            spark="has bigint for sums, and decimals of more digits",
        ),
        fix="Write cast(sum(x) as bigint), cast(avg(x) as decimal(18, 6)).",
        bad="(select avg(v) from (values (1), (2)) as t(v))",
        good="(select cast(avg(v) as decimal(18, 6)) from (values (1), (2)) as t(v))",
        value="1.500000",
        certain=False,
        nodes=STATISTICS,
        is_node=lambda node: not is_cast(node),
    ),
    Construct(
        id="distinct-of-several",
        what="count(distinct a, b)",
        does=by_platform(duckdb="has none", postgres="has none", spark="leaves out rows with a null"),
        fix="Count the rows of a select distinct.",
        bad="(select count(distinct a, b) from (values (1, 1), (1, 2)) as t(a, b))",
        good="(select count(*) from (select distinct a, b from (values (1, 1), (1, 2)) as t(a, b)) as d)",
        value="2",
        nodes=("Count",),
        is_node=_counts_several,
    ),
)
