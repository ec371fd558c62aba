"""The same models on every platform give the same rows, of the same types."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import deltalake
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from edits import edit
from platform_products import (
    PLATFORMS,
    bound,
    connect,
    contract_of,
    needs_java,
    platforms_python,
    run,
    spec_of,
)
from portable_calls import CALLS
from products import Make

from meshwright.check.portable_sql import CONSTRUCTS

pytestmark = pytest.mark.slow

__all__ = ["connect", "platforms_python"]

HERE = list(PLATFORMS)

SPELLINGS = {construct.id: (construct.good, construct.value) for construct in CONSTRUCTS.values()} | CALLS
EXTREMES = r"""
    select * from (values
        (1, date '0001-01-01', timestamp '0001-01-01 00:00:00', cast('-9999999999999999999999999999.9999999999' as decimal(38, 10)), -9223372036854775808, cast('-inf' as double), ''),
        (2, date '9999-12-31', timestamp '9999-12-31 23:59:59.999999', cast('9999999999999999999999999999.9999999999' as decimal(38, 10)), 9223372036854775807, cast('inf' as double), ' ' || chr(9) || chr(13) || chr(10)),
        (3, date '1582-10-10', timestamp '1582-10-10 12:00:00', cast('0.0000000001' as decimal(38, 10)), 0, cast('nan' as double), '\N'),
        (4, date '1970-01-01', timestamp '1969-12-31 23:59:59.999999', cast('-0.0000000001' as decimal(38, 10)), 9007199254740993, 5e-324, 'null'),
        (5, date '2000-02-29', timestamp '2013-03-10 02:30:00', cast('0' as decimal(38, 10)), -1, 1.7976931348623157e308, chr(128512) || 'e' || chr(769) || 'ß"''\,;'),
        (6, null, null, null, null, null, null)
    ) as t(id, day, moment, amount, whole, ratio, label)
"""
"""What is at the edge of each type, in a table of its own."""

THINGS = """
    select
        i as id,
        case when i % 7 = 0 then null else list_extract(['Ünïcode ☃', 'it''s', 'back\\slash', '', ' pad ', '"q"', '日本'], 1 + (i % 7)::int) end as label,
        case when i % 5 = 0 then null else (i * 1.37)::decimal(18, 4) end as amount,
        case when i % 11 = 0 then null else i / 8 end as ratio,
        date '1999-12-20' + (i % 4000)::int as day,
        case when i % 13 = 0 then null else timestamp '2013-03-31 01:59:59.123456' + to_seconds(i * 3601) end as moment,
        timestamptz '2013-03-31 00:30:00+00' + to_hours(i) as instant,
        case when i % 3 = 0 then null else i % 2 = 0 end as flag,
        (i % 40)::integer as grp,
        (i % 120)::utinyint as small,
        i::float / 4 as single
    from range(10000) t(i)
"""
MODELS = {
    "staged_things.sql": """
        {{ config(materialized='view') }}
        select *, amount * 2 as twice from {{ source('inputs', 'things') }} where id >= 0
    """,
    "per_group.sql": """
        select
            grp,
            count(*) as things,
            count(distinct label) as labels,
            count(*) filter (where flag) as flagged,
            cast(sum(amount) as decimal(38, 4)) as total,
            cast(avg(ratio) as decimal(18, 6)) as mean_ratio,
            min(day) as first_day,
            max(moment) as last_moment,
            min(label) as first_label
        from {{ ref('staged_things') }}
        group by grp
    """,
    "everything.sql": """
        with

        ranked as (
            select
                id,
                row_number() over (partition by grp order by id) as place,
                lag(label) over (partition by grp order by id) as label_before,
                sum(amount) over (partition by grp order by id rows between 2 preceding and current row) as amount_of_three,
                max(day) over (partition by grp) as last_day
            from {{ ref('staged_things') }}
        ),

        odd as (
            select id from {{ ref('staged_things') }} where label in ('it''s', 'back\\slash')
            union
            select id from {{ ref('staged_things') }} where id < 10
        )

        select
            things.id,
            things.label,
            upper(things.label) as loud,
            cast(length(things.label) as integer) as letters,
            trim(things.label) || '''s \\n -- no comment' as "possessive",
            coalesce(things.label, 'none /* here */') as label_or_none,
            replace(things.label, '\\', '/') as slashed,
            things.amount,
            cast(things.twice as decimal(20, 4)) as twice,
            cast(round(things.amount, 1) as decimal(18, 1)) as rounded,
            things.ratio,
            things.single,
            cast(things.small as smallint) as small,
            things.day,
            cast(extract(year from things.day) as integer) as year,
            cast(date_trunc('month', things.day) as date) as month,
            things.moment,
            things.moment + interval '90' minute as later,
            cast(things.moment as date) as moment_day,
            cast(things.instant as timestamp) as instant_utc,
            things.flag,
            not things.flag as unflag,
            things.flag is null as unknown,
            case when things.amount > 100 then 'much' when things.amount is null then null else 'little' end as class,
            cast(ranked.place as bigint) as place,
            ranked.label_before,
            cast(ranked.amount_of_three as decimal(28, 4)) as amount_of_three,
            ranked.last_day,
            groups.name as group_name,
            groups.since as group_since,
            per_group.things as group_things,
            per_group.labels as group_labels,
            per_group.flagged as group_flagged,
            per_group.total as group_total,
            per_group.mean_ratio as group_mean_ratio,
            per_group.last_moment as group_last_moment,
            per_group.first_label as group_first_label,
            odd.id is not null as odd,
            nothing.text as nothing,
            events.at as event_at,
            events.price as event_price,
            events.note as event_note,
            (select count(*) from {{ source('inputs', 'nothing') }}) as nothings,
            extremes.day as x_day,
            extremes.moment as x_moment,
            extremes.amount as x_amount,
            extremes.whole as x_whole,
            extremes.ratio as x_ratio,
            extremes.label as x_label,
            portable.name as portable_name,
            portable.value as portable_value
        from {{ ref('staged_things') }} as things
        join ranked on things.id = ranked.id
        left join {{ source('inputs', 'groups') }} as groups on things.grp = groups.grp
        left join {{ ref('per_group') }} as per_group on things.grp = per_group.grp
        left join odd on things.id = odd.id
        left join {{ source('inputs', 'nothing') }} as nothing on things.id = nothing.id
        left join {{ source('inputs', 'events') }} as events on things.id = events.id
        left join {{ source('inputs', 'extremes') }} as extremes on things.id = extremes.id
        left join {{ ref('portable') }} as portable on things.id = portable.id
    """,
    "portable.sql": "\nunion all\n".join(
        f"select {number} as id, '{name}' as name, cast({sql} as varchar(1000)) as value"
        for number, (name, (sql, _)) in enumerate(SPELLINGS.items())
    ),
    "everything.yml": """
        unit_tests:
          - name: a_quote_and_a_backslash_stay_what_they_are
            model: staged_things
            given:
              - input: source('inputs', 'things')
                rows: [{id: 1, label: "it's a \\\\ ☃", amount: 1.5}, {id: -1, label: gone}]
            expect:
              rows: [{id: 1, label: "it's a \\\\ ☃", twice: '3.0000'}]
    """,
}
TYPES = {
    "integer": "id letters small year place group_things group_labels group_flagged nothings x_whole",
    "number": "amount twice rounded ratio single amount_of_three group_total group_mean_ratio event_price x_amount x_ratio",
    "date": "day month moment_day last_day group_since x_day",
    "timestamp": "moment later instant_utc group_last_moment event_at x_moment",
    "boolean": "flag unflag unknown odd",
    "string": "label loud possessive label_or_none slashed class label_before group_name group_first_label nothing event_note x_label portable_name portable_value",
}


@pytest.fixture(scope="module")
def everything(make: Make, platforms_python: Path) -> Path:
    """A product with all kinds of columns. Only to be read, and run."""
    product = bound(
        make(
            "everything",
            platforms=["postgres", "spark"],
            product_name="everything",
            inputs=["file", "database"],
            outputs=["parquet", "delta"],
        )
    )
    for file in (product / "models").iterdir():
        file.unlink()
    for name, text in MODELS.items():
        (product / "models" / name).write_text(text)
    sample = product / "sample_data"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"copy ({THINGS}) to '{sample}/things.parquet'")
        connection.execute(f"copy ({EXTREMES}) to '{sample}/extremes.parquet'")
        connection.execute(f"copy (select 1 as id, 'x' as text limit 0) to '{sample}/nothing.parquet'")
    (sample / "groups.csv").write_text(
        "grp,name,since\n" + "".join(f'{n},"Group ""{n}"", é",2013-0{1 + n % 9}-01\n' for n in range(30))
    )
    with sqlite3.connect(sample / "events.sqlite") as connection:
        connection.execute(
            "create table events (id integer primary key, at datetime, price decimal(9, 2), note text)"
        )
        rows = [
            (n, f"2013-01-01 00:{n % 60:02}:00", f"{n}.25", None if n % 2 else f"nöte '{n}'")
            for n in range(500)
        ]
        connection.executemany("insert into events values (?, ?, ?, ?)", rows)
    names = duckdb.sql("select 1").columns and [name for names in TYPES.values() for name in names.split()]
    kinds = {name: kind for kind, some in TYPES.items() for name in some.split()}
    contract_of(product, {name: kinds[name] for name in names})
    files = [
        {"name": name, "uses": "file@1", "from": "system:lab", "properties": {"path": f"sample_data/{file}"}}
        for name, file in (
            ("things", "things.parquet"),
            ("groups", "groups.csv"),
            ("nothing", "nothing.parquet"),
            ("extremes", "extremes.parquet"),
        )
    ]
    events = {"url": "sqlite:///sample_data/events.sqlite", "table": "events"}
    spec_of(
        product,
        [*files, {"name": "events", "uses": "database@1", "from": "system:lab", "properties": events}],
        [],
    )
    return product


@pytest.fixture(scope="module")
def sample(request: pytest.FixtureRequest, make: Make, everything: Path) -> Path:
    """`everything`, or the sample of a type of product, as it is made."""
    if request.param == "everything":
        return everything
    kind = {"inputs": ["data-product"]} if request.param == "consumer-oriented" else {}
    return bound(
        make(
            request.param,
            type=request.param,
            platforms=["postgres", "spark"],
            outputs=["parquet", "delta"],
            **kind,
        )
    )


def published(product: Path, folder: Path) -> dict[str, pa.Table]:
    """What each port serves, in an order that does not depend on who wrote it."""
    (file,) = (folder / "lake").glob("*.parquet")
    tables = {
        "parquet": pq.read_table(file),
        "delta": deltalake.DeltaTable(folder / "tables" / file.stem).to_pyarrow_table(),
    }
    return {
        port: table.sort_by(
            [
                (name, "ascending")
                for name in table.column_names
                if not pa.types.is_nested(table.schema.field(name).type)
            ]
        )
        for port, table in tables.items()
    }


def same_everywhere(product: Path, python: Path, folder: Path, **variables: str) -> None:
    """Runs it on each platform and compares what was published: types, rows, every value."""
    found = {}
    for platform in HERE:
        ports = {name: str(folder / platform / name.lower()) for name in ("LAKE", "TABLES")}
        done = run(python, product, platform, **ports, **variables)
        assert done.returncode == 0, f"{platform}: {done.stdout}{done.stderr}"
        assert done.stderr == "", platform
        found[platform] = published(product, folder / platform)
    for platform in HERE[1:]:
        for port, expected in found["duckdb"].items():
            table = found[platform][port]
            assert table.schema.remove_metadata() == expected.schema.remove_metadata(), (platform, port)
            different = [
                name
                for name in table.column_names
                # NaN is not what it is.
                if table[name] != expected[name]
                and repr(table[name].to_pylist()) != repr(expected[name].to_pylist())
            ]
            assert not different, (platform, port, different)
            assert table.num_rows > 0


@pytest.mark.parametrize("sample", ["source-oriented", "everything"], indirect=True)
def test_a_product_publishes_the_same_on_every_platform(
    sample: Path, platforms_python: Path, tmp_path: Path
) -> None:
    needs_java()
    same_everywhere(sample, platforms_python, tmp_path)
    if sample.parent.name.startswith("everything"):
        table = published(sample, tmp_path / "duckdb")["parquet"]
        made = dict(zip(table["portable_name"].to_pylist(), table["portable_value"].to_pylist(), strict=True))
        assert {name: made[name] for name in SPELLINGS} == {
            name: value for name, (_, value) in SPELLINGS.items()
        }


@pytest.mark.parametrize("sample", ["consumer-oriented"], indirect=True)
def test_a_product_publishes_the_same_behind_spark_connect_with_a_storage_that_is_a_url(
    sample: Path, connect: str, make: Make, platforms_python: Path, tmp_path: Path
) -> None:
    platform = {
        "uses": "spark@1",
        "properties": {"remote": "${SPARK_REMOTE}", "storage": f"file://{tmp_path}/storage"},
    }

    def elsewhere(spec: dict) -> dict:
        known = {**spec["spec"].get("environments", {}), "spark": {"platform": platform}}
        return {**spec, "spec": {**spec["spec"], "environments": known}}

    edit(sample / "data-product.yaml", elsewhere)
    same_everywhere(sample, platforms_python, tmp_path, SPARK_REMOTE=connect)
    assert not [path for path in (tmp_path / "storage").rglob("*") if path.name == "written"]

    other = make("other", platforms=["spark"], product_name="other")
    edit(other / "data-product.yaml", elsewhere)
    done = run(platforms_python, other, "spark", SPARK_REMOTE=connect)
    assert done.returncode == 2 and "that does not belong to this product" in done.stdout
