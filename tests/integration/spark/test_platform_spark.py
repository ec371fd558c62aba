"""spark@1: what is its own, beside the models' rows, which tests/test_platforms.py compares."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from platform_products import bound, contract_of, needs_java, platforms_python, run, spec_of
from products import Make

pytestmark = pytest.mark.slow

__all__ = ["platforms_python"]

INCREMENTAL = """
    {{ config(materialized='incremental', unique_key='id') }}
    select events.id, events.day, events.changed_at, events.label, history.versions, history.ended
    from {{ source('inputs', 'events') }} as events
    left join (
        select id, count(*) as versions, count(dbt_valid_to) as ended from {{ ref('events_history') }} group by id
    ) as history on events.id = history.id
    {% if is_incremental() %} where events.changed_at > (select max(changed_at) from {{ this }}) {% endif %}
"""
ODD = """
    select 255::utinyint as tiny, 18446744073709551615::ubigint as huge, time '01:02:03.5' as clock,
        timestamp_ns '2013-01-01 00:00:00.123456' as nanos, uuid '6d3d6a4c-0000-4000-8000-000000000001' as uuid,
        interval 1 day as span, null as nothing, 1.25::decimal(9, 2) as price, date '0001-01-01' as day,
        timestamptz '2013-01-01 00:00:00+02' as instant, 'it''s \\ ☃' as text, '{"a": 1}'::json as json
"""
DIFFERENT = {
    "array<string>": ["null", "array()", "array(null)", "array('null')", "array('')", "array('a, b')", "array('a', 'b')"],
    "array<array<int>>": ["null", "array()", "array(array())", "array(null)", "array(array(1), array())"],
    "struct<a: string, b: string>": ["null", "struct(null, null)", "struct('null', null)", "struct('', null)",
        "struct('a, b', 'c')", "struct('a', 'b, c')"],
    "struct<a: array<int>>": ["null", "struct(null)", "struct(array())", "struct(array(null))"],
    "map<string, string>": ["null", "map()", "map('a', null)", "map('a', 'null')", "map('a', 'b, c -> d')", "map('a', 'b', 'c', 'd')"],
    "array<timestamp_ntz>": ["array('2024-01-01 00:00:00.000001')", "array('2024-01-01 00:00:00')", "array('-2023-01-01 00:00:00')"],
    "array<binary>": ["array(unhex('80'))", "array(unhex('81'))"],
    "array<double>": ["array(0.1)", "array(0.10000000000000002d)", "array('nan')", "array(null)"],
}  # fmt: skip
"""A type -> values of which no two are the same."""
SCRIPT = (
    f"DIFFERENT = {DIFFERENT!r}"
    + """
import json, shutil, sys
from pathlib import Path
import pyarrow.parquet as pq
from pipeline import spec
from pipeline.errors import UnreadableInput
from pipeline.platforms.spark import opened
from pipeline.sql import literal

product, said, scratch = spec.load(Path.cwd(), {}, "spark"), {}, Path("build/scratch")
shutil.rmtree(scratch, ignore_errors=True)
scratch.mkdir(parents=True)

def files(folder):
    return {str(file.relative_to(folder)): pq.read_table(file, partitioning=None).to_pylist() for file in folder.rglob("*") if file.is_file()}

with opened(product, {}) as platform:
    platform.attach("odd", [Path("sample_data/odd.parquet")])
    said["odd"] = platform.query("select * from inputs.odd")
    platform.session.sql('''
        create table main.m using parquet as select * from (
            values (1, 'a', date '2013-01-01'), (2, 'it''s', date '2013-01-02'), (3, 'b\\\\', date '2013-01-02'), (4, '/:%é ', null)
        ) as v (id, text, day)
    ''')
    said["columns"] = [platform.columns("m"), platform.columns("none"), platform.columns('no"ne`')]
    said["found"] = {
        text: [row[0] for row in platform.query(f'select "id" from {platform.relation("m")} where "text" = {literal(text)}')]
        for text in ("it's", "b\\\\", "\\\\' or 1=1 --", "' or ''='", "\\\\")
    }
    platform.session.sql('''
        create table main.prints using parquet as select * from (values
            (1, 'a', null, array(1, null), map('k', 1)), (2, null, 'a', array(1, null), map('k', 1)),
            (3, 'a', null, array(null, 1), map('k', 1)), (4, 'a', null, array(1, null), map('k', 2)),
            (5, 'a', '', array(1, null), map('k', 1)), (6, null, null, null, null), (7, 'a', null, array(1, null), map('k', 1))
        ) as v (id, one, other, list, known)
    ''')
    print_of = platform.fingerprint("prints", ["one", "other", "list", "known"])
    said["prints"] = [row[1] for row in platform.query(f"select id, {print_of} from main.prints group by id order by id")]
    platform.session.sql("drop table main.prints")
    said["pairs"] = {}
    for kind, values in DIFFERENT.items():
        rows = " union all ".join(f"select {number} as id, cast({value} as {kind}) as v" for number, value in enumerate(values))
        platform.session.sql(f"create table main.prints using parquet as {rows}")
        found = platform.query(f"select id, {platform.fingerprint('prints', ['v'])} from main.prints group by id")
        said["pairs"][kind] = [len(values), len({row[1] for row in found})]
        platform.session.sql("drop table main.prints")
    platform.write("m", ["id", "text", "day"], scratch / "whole")
    platform.write("m", ["day", "id"], scratch / "some", rows="id > 1")
    platform.write("m", ["id"], scratch / "none", rows="id > 100")
    platform.write("m", ["id", "text"], scratch / "parts", by="text")
    said["written"] = {name: files(scratch / name) for name in ("whole", "some", "none", "parts")}
    said["left"] = [name for name in ("written",) if (Path(platform.storage) / name).exists()]
    platform.delete("m", "not (day is null or day >= '2013-01-02')")
    said["kept"] = platform.query("select id from main.m order by id")
    for name in ("old", "old__rewritten", "whole__rewritten"):
        platform.session.sql(f"create table main.{name} using parquet as select '{name}' as said")
    (Path(platform.storage) / "warehouse/main.db/half/_temporary").mkdir(parents=True)
    try:
        platform.query("select nope from main.m")
    except UnreadableInput as error:
        said["error"] = [str(error), error.fix]

shutil.rmtree(scratch)
scratch.mkdir()
with opened(product, {}) as platform:
    said["lasting"] = [row[1] for row in platform.query("show tables in main")]
    said["said"] = [platform.query(f"select * from main.{name}")[0][0] for name in ("old", "whole")]
    platform.session.sql("create table main.half using parquet as select 1 as one")
print(json.dumps(said, default=str))
"""
)


@pytest.fixture(scope="module")
def lasting(make: Make) -> Path:
    """A product whose models are incremental and whose input is kept with its history. Only to be copied."""
    product = bound(make("lasting", platforms=["spark"], product_name="changes"))
    for file in (product / "models").iterdir():
        file.unlink()
    (product / "models/changes.sql").write_text(INCREMENTAL)
    columns = {"id": "integer", "day": "date", "changed_at": "timestamp", "label": "string"}
    contract_of(product, {**columns, "versions": "integer", "ended": "integer"})
    spec_of(
        product,
        [
            {
                "name": "events",
                "uses": "file@1",
                "from": "system:lab",
                "properties": {"path": "sample_data/events.parquet"},
            }
        ],
        [
            {"uses": "incremental@1", "properties": {"partition": "day"}},
            {"uses": "snapshot@1", "properties": {"input": "events", "key": ["id"]}},
        ],
    )
    with duckdb.connect() as connection:
        connection.execute(f"copy ({ODD}) to '{product}/sample_data/odd.parquet'")
    return product


@pytest.fixture(scope="module")
def said(lasting: Path, platforms_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a platform that was opened twice has answered."""
    needs_java()
    product = shutil.copytree(lasting, tmp_path_factory.mktemp("said") / "product")
    done = subprocess.run(
        [platforms_python, "-W", "ignore", "-c", SCRIPT], cwd=product, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr and not (product / "derby.log").exists()
    return json.loads(done.stdout)


def test_what_spark_cannot_read_is_cast_on_the_way(said: dict[str, Any]) -> None:
    assert said["odd"] == [
        [
            *[255, "18446744073709551615", "01:02:03.5", "2013-01-01 00:00:00.123456"],
            *["6d3d6a4c-0000-4000-8000-000000000001", "1 day", None, "1.25", "0001-01-01"],
            *["2012-12-31 22:00:00+00:00", "it's \\ ☃", '{"a": 1}'],
        ]
    ]


def test_a_text_is_a_text_whatever_is_in_it(said: dict[str, Any]) -> None:
    assert said["found"] == {"it's": [2], "b\\": [3], "\\' or 1=1 --": [], "' or ''='": [], "\\": []}
    assert said["columns"] == [{"id": "int", "text": "string", "day": "date"}, {}, {}]


def test_rows_that_differ_have_other_fingerprints(said: dict[str, Any]) -> None:
    *others, again = said["prints"]
    assert len(set(others)) == 6 and again == others[0] != "None"
    assert said["pairs"] and all(values == prints for values, prints in said["pairs"].values()), said["pairs"]


def test_it_writes_parquet_files_and_nothing_else(said: dict[str, Any]) -> None:
    written = said["written"]
    assert all(name.endswith(".parquet") for files in written.values() for name in files)
    assert {row["id"] for rows in written["whole"].values() for row in rows} == {1, 2, 3, 4}
    assert [list(row) for rows in written["some"].values() for row in rows] == [["day", "id"]] * 3
    assert list(written["none"].values()) == [[]]
    parts = {Path(name).parent.name: rows for name, rows in written["parts"].items()}
    for number, text in ((2, "it's"), (3, "b\\")):
        folder = f"__part={hashlib.sha256(text.encode()).hexdigest()}"
        assert parts[folder] == [{"id": number, "text": text}]
    assert len(parts) == 4 and not said["left"]


def test_deleted_rows_are_gone_and_the_others_are_not(said: dict[str, Any]) -> None:
    assert said["kept"] == [[2], [3], [4]]


def test_what_a_run_that_died_was_about_is_ended_by_the_next(said: dict[str, Any]) -> None:
    assert sorted(said["lasting"]) == ["m", "old", "whole"]
    assert said["said"] == ["old", "whole__rewritten"]


def test_an_error_is_one_line_and_says_where_to_look(said: dict[str, Any]) -> None:
    message, fix = said["error"]
    assert "`nope` cannot be resolved" in message and "\n" not in message and "build/logs/spark.log" in fix


def test_incremental_models_and_snapshots_give_what_they_give_on_duckdb(
    lasting: Path, platforms_python: Path, tmp_path: Path
) -> None:
    needs_java()
    product = shutil.copytree(lasting, tmp_path / "product")
    first = "select i as id, date '2013-01-01' + (i % 5)::int as day, timestamp '2013-01-01' + to_hours(i) as changed_at, 'x' || i as label from range(100) t(i)"
    later = "select id, day, changed_at + interval 1 year as changed_at, label || '''' as label from ({}) where id % 10 = 0"
    second = f"select * from ({first}) where id % 10 <> 0 union all {later.format(first)} union all select 500, date '2013-01-04', timestamp '2014-06-01', null"
    found = {}
    for platform in ("duckdb", "spark"):
        for rows in (first, second):
            with duckdb.connect() as connection:
                connection.execute(f"copy ({rows}) to '{product}/sample_data/events.parquet'")
            done = run(platforms_python, product, platform, LAKE=f"build/{platform}")
            assert done.returncode == 0, f"{platform}: {done.stdout}{done.stderr}"
        assert json.loads((product / "build/run.json").read_text())["anew"] is False
        found[platform] = pq.read_table(product / f"build/{platform}/changes.parquet").sort_by("id")
    assert found["spark"].equals(found["duckdb"])
    rows = {row["id"]: row for row in found["spark"].to_pylist()}
    assert len(rows) == 101 and (rows[10]["label"], rows[10]["versions"], rows[10]["ended"]) == ("x10'", 2, 1)
    assert (rows[11]["versions"], rows[11]["ended"], rows[500]["label"]) == (1, 0, None)


@pytest.mark.parametrize("variables", [{"PATH": "/nonexistent"}, {"JAVA_HOME": "/nonexistent"}])
def test_without_java_it_says_how_to_get_it(
    variables: dict[str, str], lasting: Path, platforms_python: Path, tmp_path: Path
) -> None:
    product = shutil.copytree(lasting, tmp_path / "product")
    done = run(platforms_python, product, "spark", **variables)
    assert (
        done.returncode == 2
        and "spark@1 needs Java 17" in done.stdout
        and "openjdk-17-jre-headless" in done.stdout
    )
    assert "Traceback" not in done.stdout + done.stderr
