"""Where columns come from by the SQL of models: what is certain is told, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.inspection.column_origins import column_origins

SOURCES = {
    "flights": ["carrier", "origin", "dest", "delay", "Tail No"],
    "airlines": ["carrier", "name"],
    "open": [],
}
FLIGHTS, AIRLINES, OPEN = (f"{{{{ source('inputs', '{name}') }}}}" for name in SOURCES)
ANY = "{{ source('inputs', 'undeclared') }}"


def origins(
    folder: Path, sql: str, platform: str = "duckdb", columns: str = "x", **models: str
) -> dict[str, Any]:
    """Column -> what it is made of, as `input.column`; None: not known."""
    (folder / "models").mkdir(exist_ok=True)
    (folder / "dbt_project.yml").write_text("name: p\nmodel-paths: [models]\n")
    described = [
        {"name": name, "columns": [{"name": column} for column in known]} for name, known in SOURCES.items()
    ]
    tables = {
        "sources": [{"name": "inputs", "tables": described}, {"name": "erp", "tables": [{"name": "t"}]}]
    }
    (folder / "models/sources.yml").write_text(yaml.safe_dump(tables))
    for name, text in {"data": sql, **models}.items():
        (folder / f"models/{name}.sql").write_text(text)
    found = column_origins(folder, "data", platform, columns.split())
    return {
        column: {f"{one.input or one.table}.{one.column}" for one in found[column]}
        if column in found
        else None
        for column in columns.split()
    }


KNOWN: dict[str, tuple[str, set[str]]] = {
    "a column": (f"select carrier as x from {FLIGHTS}", {"flights.carrier"}),
    "an expression": (f"select upper(origin) || dest as x from {FLIGHTS}", {"flights.origin", "flights.dest"}),
    "a qualified one": (f"select f.carrier as x from {FLIGHTS} f join {AIRLINES} a on f.carrier = a.carrier", {"flights.carrier"}),
    "only one has it": (f"select name as x from {FLIGHTS} join {AIRLINES} using (carrier)", {"airlines.name"}),
    "merged by a left join": (f"select carrier as x from {FLIGHTS} left join {AIRLINES} using (carrier)", {"flights.carrier"}),
    "merged by a full join": (f"select carrier as x from {FLIGHTS} f full join {AIRLINES} a using (carrier)", {"flights.carrier", "airlines.carrier"}),
    "a CTE": (f"with f as (select carrier as c from {FLIGHTS}), g as (select c as d from f) select d as x from g", {"flights.carrier"}),
    "a CTE that has a name of a table": (f"with flights as (select dest as carrier from {FLIGHTS}) select carrier as x from flights", {"flights.dest"}),
    "a star": (f"with f as (select * from {FLIGHTS}) select carrier as x from f", {"flights.carrier"}),
    "a star of what nobody has declared": (f"with f as (select * from {ANY}) select x from f", {"undeclared.x"}),
    "a star and more": (f"with f as (select *, delay > 15 as x from {FLIGHTS}) select * from f", {"flights.delay"}),
    "a star of one table": (f"select f.carrier as c, a.* from {FLIGHTS} f join (select name as x, carrier from {AIRLINES}) a on true", {"airlines.name"}),
    "a star that leaves out": (f"with f as (select * exclude (carrier), dest as carrier from {FLIGHTS}) select carrier as x from f", {"flights.dest"}),
    "a union": (f"select carrier as x from {FLIGHTS} union all select name from {AIRLINES}", {"flights.carrier", "airlines.name"}),
    "a union in other order": (f"select dest, carrier as x from {FLIGHTS} union all select carrier as x, name from {AIRLINES}", {"flights.carrier", "airlines.name"}),
    "a union by name": (f"select dest, carrier as x from {FLIGHTS} union all by name select name as x, carrier as dest from {AIRLINES}", {"flights.carrier", "airlines.name"}),
    "except": (f"select carrier as x from {FLIGHTS} except select carrier from {AIRLINES}", {"flights.carrier"}),
    "a window": (f"select sum(delay) over (partition by carrier order by dest) as x from {FLIGHTS}", {"flights.delay", "flights.carrier", "flights.dest"}),
    "a filter": (f"select count(*) filter (where delay < 15) as x from {FLIGHTS}", {"flights.delay"}),
    "a case": (f"select case when origin = 'JFK' then dest end as x from {FLIGHTS}", {"flights.origin", "flights.dest"}),
    "a count": (f"select count(*) as x from {FLIGHTS} group by carrier", set()),
    "a constant": (f"select 1 as x from {FLIGHTS}", set()),
    "a scalar query": (f"select (select max(a.name) from {AIRLINES} a where a.carrier = f.carrier) as x from {FLIGHTS} f", {"airlines.name"}),
    "a correlated column": (f"select (select max(f.dest || a.name) from {AIRLINES} a) as x from {FLIGHTS} f", {"airlines.name", "flights.dest"}),
    "a query in from": (f"select q.c as x from (select carrier as c from {FLIGHTS}) as q", {"flights.carrier"}),
    "an alias of the same select": (f"select delay * 2 as twice, twice + 1 as x from {FLIGHTS}", {"flights.delay"}),
    "a column before an alias": (f"select dest as carrier, carrier as x from {FLIGHTS}", {"flights.carrier"}),
    "a name that is given again": (f"select sum(n)::bigint as n, sum(m) / sum(n) as x from {ANY}", {"undeclared.m", "undeclared.n"}),
    "other letters": (f'with F as (select CARRIER from {FLIGHTS}) select f."Carrier" as X from f', {"flights.carrier"}),
    "a quoted name": (f'select "Tail No" as x from {FLIGHTS}', {"flights.Tail No"}),
    "a later run": (f"select carrier as x from {FLIGHTS} {{% if is_incremental() %}} where delay > (select max(delay) from {{{{ this }}}}) {{% endif %}}", {"flights.carrier"}),
    "a comment and a config": (f"{{{{ config(materialized='table') }}}} {{# {{{{ dbt.now() }}}} #}} select carrier as x from {FLIGHTS}", {"flights.carrier"}),
    "another source": ("select a as x from {{ source('erp', 't') }}", {"erp.t.a"}),
    "a semi join": (f"select carrier as x from {FLIGHTS} semi join {ANY} u on true", {"flights.carrier"}),
}  # fmt: skip
NOT_KNOWN = {
    "two may have it": f"select x from {ANY} a, {{{{ source('inputs', 'other') }}}} b",
    "both have it": f"select carrier as x from {FLIGHTS}, {AIRLINES}",
    "a star that may have it, too": f"with f as (select *, 1 as x from {ANY}) select x from f",
    "a star of two": f"with f as (select * from {FLIGHTS}, {ANY} u) select carrier as x from f",
    "a star that replaces": f"select * replace (dest as carrier), 1 as y from {FLIGHTS}",
    "columns by a pattern": f"select min(columns('c.*')) as x from {FLIGHTS}",
    "a whole row": f"select to_json(f) as x from {FLIGHTS} f",
    "all columns of a row": f"select count(f.*) as x from {FLIGHTS} f",
    "a natural join": f"select carrier as x from {FLIGHTS} natural join {AIRLINES}",
    "a named window": f"select sum(delay) over w as x from {FLIGHTS} window w as (partition by carrier)",
    "a table that is no node": "select carrier as x from raw.flights",
    "a function as a table": "select a as x from read_csv('flights.csv')",
    "unnested": f"select tag as x from {FLIGHTS}, unnest([1]) as u(tag)",
    "renamed where it is read": f"select a as x from (select carrier from {FLIGHTS}) as q(a)",
    "a pivot": f"select x from (select * from {FLIGHTS}) pivot (count(*) for origin in ('JFK' as x))",
    "unions of other widths": f"select carrier as x from {FLIGHTS} union all select * from {ANY}",
    "a macro": f"select {{{{ clean('carrier') }}}} as x from {FLIGHTS}",
    "a loop": f"select {{% for c in ['a'] %}}{{{{ c }}}} as x{{% endfor %}} from {FLIGHTS}",
    "another package's model": "select a as x from {{ ref('other_package', 'data2') }}",
    "a union in a later run": f"select 1 as x from {FLIGHTS} {{% if is_incremental() %}} where true union select dest from {FLIGHTS} {{% endif %}}",
    "a recursive query": f"with recursive r as (select carrier as x, 1 as n from {FLIGHTS} union all select x, n + 1 from r where n < 3) select x from r",
    "no SQL": "select from where",
    "two statements": "select 1 as x; select 2 as x",
    "no such column": f"select dest from {FLIGHTS}",
    "a name twice": f"select dest as x, carrier as X from {FLIGHTS}",
    "not its own column in a query inside": f"select (select max(dest) from {ANY} u) as x from {FLIGHTS}",
    "an alias that may be a column": f"select m + 1 as n, n * 2 as x from {ANY}",
    "it may read the table beside it": f"select q.x from {FLIGHTS} f, (select carrier as x from {ANY} u) q",
    "it may read what is far around it": f"select (select max(q.c) from (select origin as c from {ANY} u) q) as x from {FLIGHTS} f",
    "itself": "select x from {{ ref('data') }}",
    "a model that does not exist": "select x from {{ ref('gone') }}",
}  # fmt: skip


@pytest.mark.parametrize("case", KNOWN)
def test_what_is_certain_is_told(tmp_path: Path, case: str) -> None:
    sql, made_of = KNOWN[case]
    assert origins(tmp_path, sql) == {"x": made_of}


@pytest.mark.parametrize("case", NOT_KNOWN)
def test_what_is_not_certain_is_not_known(tmp_path: Path, case: str) -> None:
    assert origins(tmp_path, NOT_KNOWN[case]) == {"x": None}


def test_models_are_followed_to_the_inputs(tmp_path: Path) -> None:
    found = origins(
        tmp_path,
        "select a.*, b.code from {{ ref('staged') }} a left join {{ ref('codes') }} b on a.c = b.c",
        columns="c late code gone",
        staged=f"select carrier as c, delay > 15 as late from {FLIGHTS}",
        codes="select c, max(code) as code from {{ ref('raw_codes') }} group by c",
        raw_codes=f"select carrier as c, name as code from {AIRLINES}",
    )
    assert found == {"c": {"flights.carrier"}, "late": {"flights.delay"}, "code": {"airlines.name"}, "gone": None}  # fmt: skip


def test_seeds_are_named_and_python_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/codes.csv").write_text("code,label\n1,a\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/made.py").write_text(
        "def model(dbt, session): return dbt.source('inputs', 'flights')\n"
    )
    sql = "select s.label, m.y from {{ ref('codes') }} s, {{ ref('made') }} m"
    assert origins(tmp_path, sql, columns="label y") == {"label": {"codes.label"}, "y": None}


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("bigquery", "`Tail No`"),
        ("snowflake", '"Tail No"'),
        ("spark", "`Tail No`"),
        ("postgres", '"Tail No"'),
    ],
)
def test_platforms_quote_in_their_own_way(tmp_path: Path, platform: str, name: str) -> None:
    assert origins(tmp_path, f"select {name} as x from {FLIGHTS}", platform) == {"x": {"flights.Tail No"}}
    assert origins(tmp_path, f"select {name} as x from {FLIGHTS}", "oracle") == {"x": None}


def test_a_deep_project_takes_no_time(tmp_path: Path) -> None:
    """Each model reads the one before twice: without memory, that doubles with each of them."""
    models = {"m0": f"select carrier as x from {FLIGHTS}"}
    for number in range(1, 40):
        before = f"{{{{ ref('m{number - 1}') }}}}"
        models[f"m{number}"] = f"select coalesce(a.x, b.x) as x from {before} a left join {before} b on true"
    assert origins(tmp_path, "select * from {{ ref('m39') }}", **models) == {"x": {"flights.carrier"}}
    ctes = ", ".join(
        f"c{n} as (select coalesce(a.x, b.x) as x from c{n - 1} a, c{n - 1} b)" for n in range(1, 40)
    )
    sql = f"with c0 as (select carrier as x from {FLIGHTS}), {ctes} select x from c39"
    assert origins(tmp_path, sql) in ({"x": None}, {"x": {"flights.carrier"}})
