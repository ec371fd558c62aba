"""Comparisons, above all with nulls."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from meshwright.check.portable_sql.construct import Construct, by_platform


def _tells_null_from_false(node: Any) -> bool:
    """Return True for an `in (select …)` whose answer is more than a condition for a row."""
    if not node.args.get("query"):
        return False
    place = node.parent
    if isinstance(place, exp.Not):
        place = place.parent
    while isinstance(place, (exp.And, exp.Paren)):
        place = place.parent
    return not isinstance(place, exp.Where)


CONSTRUCTS = (
    Construct(
        id="equals-equals",
        what="== or <=>",
        does=by_platform(duckdb="takes ==", postgres="has neither", spark="takes both"),
        fix="Write =, or: is not distinct from.",
        bad="(select count(*) from (select 1 as one) as t where one == 1)",
        good="(select count(*) from (select 1 as one) as t where one = 1)",
        value="1",
        words=("==", "<=>"),
    ),
    Construct(
        id="in-subquery",
        what="in (select …) where it counts whether the answer is false or null",
        does=by_platform(
            duckdb="is null if there is a null",
            postgres="is null if there is a null",
            spark="is false, but in where and on",
        ),
        fix="Write exists (select 1 from t where t.v = x), or not exists.",
        bad="(select count(*) from (select 1 in (select nullif(1, 1)) as known) as t where known is null)",
        good="(select count(*) from (select exists (select 1 from (select nullif(1, 1) as v) as n where n.v = 1) as known) as t where known)",
        value="0",
        certain=False,
        nodes=("In",),
        is_node=_tells_null_from_false,
    ),
    Construct(
        id="row-compared",
        what="several values that are compared at once",
        does=by_platform(
            duckdb="takes a null for equal to a null",
            postgres="is null for a null",
            spark="takes a null for equal to a null",
        ),
        fix="Compare each with each: a = 1 and b = 2.",
        bad="(1, nullif(1, 1)) = (1, nullif(1, 1))",
        good="coalesce(1 = 1 and nullif(1, 1) = nullif(1, 1), false)",
        value="false",
        certain=False,
        nodes=("EQ", "NEQ", "In"),
        is_node=lambda node: isinstance(node.this, exp.Tuple),
    ),
)
