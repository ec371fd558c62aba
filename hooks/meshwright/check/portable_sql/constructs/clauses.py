"""The clauses of a select: its order and limit, its aliases, and clauses that only some platforms have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from meshwright.check.portable_sql.construct import Construct, by_platform
from meshwright.check.portable_sql.sql_tokens import SqlTokens

ONE_SIDED = ("ANTI", "SEMI", "ASOF")


def _leaves_nulls_open(node: Any) -> bool:
    """Return True for an order that does not say where the nulls are, and decides which rows there are."""
    if node.meta.get("nulls", True):
        return False
    place = node.parent.parent if node.parent else None
    if isinstance(place, exp.Query):
        return any(place.args.get(key) for key in ("limit", "offset", "distinct"))
    return isinstance(place, exp.Window)


def _has_no_order(node: Any) -> bool:
    return node.parent is not None and not node.parent.args.get("order")


def _uses_alias(select: Any) -> bool:
    return _uses_alias_in_columns(select) or _uses_alias_in_conditions(select) or _uses_alias_in_order(select)


def _uses_alias_in_columns(select: Any) -> bool:
    before: set[str] = set()
    for part in select.expressions:
        if _has_name(part, before):
            return True
        if _is_renamed(part):
            before.add(part.alias.lower())
    return False


def _uses_alias_in_conditions(select: Any) -> bool:
    used = {column.name.lower() for part in select.expressions for column in _own_columns(part)}
    conditions = [select.args.get(key) for key in ("where", "having")]
    return any(_has_name(condition, _aliases(select) - used) for condition in conditions if condition)


def _uses_alias_in_order(select: Any) -> bool:
    order = select.args.get("order")
    parts = [part.this for part in (order.expressions if order else [])]
    computed = [part for part in parts if not isinstance(part, (exp.Column, exp.Literal))]
    return any(_has_name(part, _aliases(select)) for part in computed)


def _aliases(select: Any) -> set[str]:
    return {part.alias.lower() for part in select.expressions if _is_renamed(part)}


def _is_renamed(part: Any) -> bool:
    """Return True if the alias of a column is not its own name."""
    if not isinstance(part, exp.Alias):
        return False
    return not (isinstance(part.this, exp.Column) and part.this.name == part.alias)


def _has_name(part: Any, names: set[str]) -> bool:
    """Return True if a column of the expression has no table before it, and one of the names."""
    return any(not column.table and column.name.lower() in names for column in _own_columns(part))


def _own_columns(part: Any) -> Iterator[Any]:
    """Return the columns of an expression, not those of the selects in it."""
    for node in part.walk(prune=lambda inner: isinstance(inner, exp.Query)):
        if isinstance(node, exp.Column):
            yield node


def _leaves_columns_out(node: Any) -> bool:
    return any(node.args.get(key) for key in ("except_", "except", "replace", "rename"))


def _is_other_clause(node: Any) -> bool:
    if isinstance(node, exp.Lateral):
        return bool(node.args.get("view"))
    if not isinstance(node, exp.Join):
        return True
    kind, side, method = ((node.args.get(key) or "").upper() for key in ("kind", "side", "method"))
    return kind in (*ONE_SIDED, "POSITIONAL") or side in ONE_SIDED or method == "ASOF"


def _is_other_word(tokens: SqlTokens, place: int) -> bool:
    return tokens.words[place] != "offset" or tokens.words[place + 2 : place + 3] == ["limit"]


CONSTRUCTS = (
    Construct(
        id="order-of-nulls",
        what="an order in which it counts where the nulls are",
        does=by_platform(
            duckdb="has nulls last",
            postgres="has nulls last, and first in desc",
            spark="has nulls first, and last in desc",
        ),
        fix="Write order by x nulls last.",
        bad="(select v from (values (2), (null), (1)) as t(v) order by v limit 1)",
        good="(select v from (values (2), (null), (1)) as t(v) order by v nulls last limit 1)",
        value="1",
        certain=False,
        nodes=("Ordered",),
        is_node=_leaves_nulls_open,
    ),
    Construct(
        id="limit-without-order",
        what="limit without an order",
        does=by_platform(duckdb="takes some rows", postgres="takes other rows", spark="takes any rows"),
        fix="Order by what is unique: order by id limit 10.",
        bad="(select v from (values (2), (1)) as t(v) limit 1)",
        good="(select v from (values (2), (1)) as t(v) order by v nulls last limit 1)",
        value="1",
        certain=False,
        nodes=("Limit", "Offset"),
        is_node=_has_no_order,
    ),
    Construct(
        id="qualify",
        what="qualify",
        does=by_platform(duckdb="takes it", postgres="cannot parse it", spark="cannot parse it"),
        fix="Number the rows in a CTE with row_number(), and choose with where.",
        bad="(select v from (values (1), (2)) as t(v) qualify row_number() over (order by v nulls last) = 1)",
        good="(select v from (select v, row_number() over (order by v nulls last) as n from (values (1), (2)) as t(v)) as r where n = 1)",
        value="1",
        nodes=("Qualify",),
    ),
    Construct(
        id="distinct-on",
        what="distinct on",
        does=by_platform(duckdb="takes it", postgres="takes it", spark="cannot parse it"),
        fix="Number the rows in a CTE with row_number(), and choose with where.",
        bad="(select distinct on (a) b from (values (1, 1), (1, 2)) as t(a, b) order by a nulls last, b nulls last)",
        good="(select b from (select b, row_number() over (partition by a order by b nulls last) as n from (values (1, 1), (1, 2)) as t(a, b)) as r where n = 1)",
        value="1",
        nodes=("Distinct",),
        is_node=lambda node: bool(node.args.get("on")),
    ),
    Construct(
        id="alias-used-again",
        what="an alias that is used in the same select",
        does=by_platform(
            duckdb="takes it, in where too", postgres="does not know it", spark="takes it, but not in where"
        ),
        fix="Repeat the expression, or name it in a CTE.",
        bad="(select max(c) from (select v as b, b + 1 as c from (values (1)) as t(v)) as q)",
        good="(select max(c) from (select v as b, v + 1 as c from (values (1)) as t(v)) as q)",
        value="2",
        certain=False,
        nodes=("Select",),
        is_node=_uses_alias,
    ),
    Construct(
        id="group-by-all",
        what="group by all",
        does=by_platform(duckdb="takes it", postgres="cannot parse it", spark="takes it"),
        fix="Write group by 1, 2, or the expressions.",
        bad="(select count(*) from (select v from (values (1), (1)) as t(v) group by all) as q)",
        good="(select count(*) from (select v from (values (1), (1)) as t(v) group by 1) as q)",
        value="1",
        nodes=("Group",),
        is_node=lambda node: bool(node.args.get("all")),
    ),
    Construct(
        id="star-but",
        what="select * exclude, replace or except",
        does=by_platform(
            duckdb="takes exclude and replace", postgres="cannot parse it", spark="takes except"
        ),
        fix="Name the columns.",
        bad="(select count(*) from (select * exclude (a) from (values (1, 1)) as t(a, b)) as q)",
        good="(select count(*) from (select b from (values (1, 1)) as t(a, b)) as q)",
        value="1",
        nodes=("Star",),
        is_node=_leaves_columns_out,
    ),
    Construct(
        id="other-clause",
        what="a clause that not all have",
        does=by_platform(
            duckdb="has from first, anti and semi join, sample",
            postgres="has fetch first",
            spark="has minus, anti join, lateral view",
        ),
        fix="Write select … from … where not exists (…) limit 1 offset 1; except instead of minus.",
        bad="(select count(*) from (values (1), (2)) as a(v) anti join (values (1)) as b(v) on a.v = b.v)",
        good="(select count(*) from (values (1), (2)) as a(v) where not exists (select 1 from (values (1)) as b(v) where a.v = b.v))",
        value="1",
        nodes=("TableSample", "Fetch", "Pivot", "Unpivot", "Join", "Lateral"),
        is_node=_is_other_clause,
        words=("fetch", "minus", "offset"),
        is_word=_is_other_word,
    ),
)
