"""SQL that platforms read differently is found in a model, with its line; the values are compared in test_platforms.py."""

from __future__ import annotations

import pytest
from portable_calls import CALLS

from meshwright.check.portable_sql import CONSTRUCTS, EVERYWHERE, Unparsable, differences, render
from meshwright.check.rules.models import _platforms
from meshwright.core.yaml import Document

ALL = ("duckdb", "postgres", "spark")


def found(sql: str, platforms: tuple[str, ...] = ALL) -> list[tuple[int, str]]:
    places = differences(sql, platforms, floating=["ratio"])
    return [(difference.line, difference.construct.id) for difference in places]


@pytest.mark.parametrize("construct", CONSTRUCTS.values(), ids=CONSTRUCTS)
def test_a_construct_is_found_and_its_portable_spelling_is_not(construct) -> None:
    assert {"duckdb", "postgres", "spark"} == set(construct.does)
    assert [
        id_ for _, id_ in found(f"select\n    {construct.bad} as v from t") if id_.startswith(construct.id)
    ]
    assert found(f"select {construct.good} as v") == []


def test_every_function_that_is_said_to_be_the_same_is_called_on_each_platform() -> None:
    assert CALLS.keys() == EVERYWHERE
    for name, (call, _) in CALLS.items():
        assert f"{name}(" in call and found(f"select {call} as v") == [], name


CASES = {
    "a column of unknown type": ("select cast(price as integer) as n from t", [(1, "cast-to-integer")]),
    "what is whole anyway": ("select cast(count(*) as integer) as n, cast(extract(year from d) as integer) as y from t", []),
    "lines in a CTE": ("with a as (\n  select 1 as b\n)\n\nselect\n  b,\n  b::varchar(300) as c\nfrom a", [(7, "double-colon")]),
    "an alias in where": ("select a + 1 as b from t where b > 1", [(1, "alias-used-again")]),
    "an alias in having": ("select a, count(*) as n from t group by a having n > 1", [(1, "alias-used-again")]),
    "a length that can be negative": ("select left(s, position('@' in s) - 1) as a, left(s, greatest(n, 0)) as b from t", [(1, "computed-substring")]),
    "a start after a sign": ("select substring(s, position('@' in s) + 1) as a from t", []),
    "date_part as extract": ("select date_part('dow', d) as a,\n  date_part('year', d) as b from t", [(1, "day-of-week")]),
    "an average with its digits": ("select cast(cast(avg(v) as decimal(18, 6)) as decimal(9, 2)) as a,\n  cast(avg(v) as decimal(9, 2)) as b from t", [(2, "rounded-binary-number")]),
    "a round around an average": ("select cast(round(avg(v), 2) as decimal(9, 2)) as a from t", [(1, "rounded-binary-number")]),
    "a subquery in where": ("select a from t where a > 1 and b not in (select c from u)", []),
    "a subquery in case": ("select case when b in (select c from u) then 1 end as a from t", [(1, "in-subquery")]),
    "similar to": ("select s similar to 'a.c' as a from t", [(1, "regular-expression")]),
    "a number with an exponent": ("select 1e3 as a from t", [(1, "double-type")]),
    "an alias in a computed order": ("select -i as i from t order by i + 0 limit 3 -- nulls last", [(1, "alias-used-again"), (1, "order-of-nulls")]),
    "a column that is declared as a double": ("select ratio, cast(ratio as decimal(18, 6)) as a, cast(ratio as decimal(9, 2)) as b from t", [(1, "floating-point-column")]),
    "a window's order": ("select\n  row_number() over (\n    order by id\n  ) as n\nfrom t", [(3, "order-of-nulls")]),
    "an order at the end": ("select id from t order by id", []),
    "a function of one platform": ("select\n  year(d) as y\nfrom t", [(2, "other-function-year")]),
    "a function that nobody knows": ("select st_area(g) as a from t", [(1, "other-function-st_area")]),
    "columns of a CTE and of values": ("with a (b) as (select 1 as c), d(e) as (select 2 as f) select a.b from a cross join (values (1)) as v(w)", []),
    "a word in a text or a comment": ("select 'qualify x::int' as a -- b::int\n/* year(d) */ from t", []),
    "a reason": ("select a / b as c -- portable: both are decimals, and b is never zero\nfrom t", []),
    "Jinja": (
        "{{ config(materialized='incremental') }}\n{# a comment\nof two lines #}\nselect {{ cents('a') }} as a,\n  b::int as b\n"
        "from {{ ref('x') }} join {{ source('inputs', 'y') }} as y using (id)\n{% if is_incremental() %}\nwhere at > (select max(at) from {{ this }})\n{% else %}\nqualify\n{% endif %}\n",
        [(5, "cast-to-integer"), (5, "double-colon")],
    ),
    "a loop": ("select\n{% for n in [1, 2] %}\n  a_{{ n }}{{ ',' if not loop.last }}\n{% endfor %}\nfrom t", []),
    "a macro": ("{% macro a() %}\nqualify x::y\n{% endmacro %}\nselect 1 as a", []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_line_is_found_or_left_alone(case: str) -> None:
    sql, places = CASES[case]
    assert found(sql) == places
    assert render(sql).count("\n") == sql.count("\n")


def test_only_what_differs_between_the_platforms_is_found() -> None:
    sql = "select extract(dow from d) as a, cast(b as double) as c from t"
    assert found(sql, ("duckdb", "postgres")) == [(1, "double-type")]
    assert found(sql, ("databricks", "spark")) == []
    assert {id_ for _, id_ in found(sql, ("duckdb", "snowflake"))} == {"day-of-week", "double-type"}
    week = CONSTRUCTS["day-of-week"]
    assert week.certainly_differs(("duckdb", "spark")) and not week.certainly_differs(("duckdb", "snowflake"))


@pytest.mark.parametrize(
    ("sql", "certain"),
    [
        ("select cast(1.67 as integer) as a", True),
        ("select cast(price as integer) as a from t", False),
        ("select a / b as c, count(late) / count(*) as d from t", True),
        ("select a / count(*) as c from t", False),
    ],
)
def test_what_literals_and_functions_show_is_certain(sql: str, certain: bool) -> None:
    (difference,) = differences(sql, ALL)
    assert difference.construct.certainly_differs(ALL) == certain


def test_what_cannot_be_parsed_is_said_with_its_line() -> None:
    with pytest.raises(Unparsable) as caught:
        differences("select 1 as a\nfrom t\nwhere where\n", ALL)
    assert caught.value.line == 3


def test_the_platforms_of_a_product_are_those_of_its_environments_too() -> None:
    production = {
        "production": {"platform": {"uses": "spark@1"}},
        "staging": {"platform": {"properties": {}}},
    }
    assert _platforms(Document("x", {"spec": {"environments": production}}, {})) == ["duckdb", "spark"]
    assert _platforms(Document("x", {"spec": {"platform": {"uses": "spark@1"}}}, {})) == ["spark"]
