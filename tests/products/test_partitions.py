"""`incremental@1` by any column: what was published before is told from what is new by one text for each value."""

from __future__ import annotations

import importlib
import json
import random
import re
import shutil
from pathlib import Path

import duckdb
import pytest
from port_runs import FILES, Runs, texts

VALUES = {
    "varchar": ["'x/1'", "'y ''z'''", "'w%41'", "'a=b'", "'é😀'", "' '", "'NULL'", "'__HIVE_DEFAULT_PARTITION__'",
        "'a\"b'", "'a\\b'", "'new\nline'", "'A'", "'a'", "'..'", "'+'", "'null'"],
    "varchar  ": ["''", "'x'", "' '"],
    "varchar   ": ["repeat('é/', 200)", "repeat('x', 300)", "'x'"],
    "integer": ["1", "2", "-5"],
    "ubigint": ["18446744073709551615", "1"],
    "decimal(4,2)": ["1.10", "-0.05", "0"],
    "date": ["'2024-01-01'", "'0001-01-01'", "'9999-12-31'", "'1969-12-31'"],
    "timestamp": ["'2024-01-01'", "'2024-01-01 10:00:00.123456'", "'9999-12-31 23:59:59.999999'"],
    "timestamptz": ["'2024-01-01 00:00:00+00'", "'2024-01-01 10:00:00.123456+05:30'", "'0001-01-01 00:00:00+00'"],
    "double": ["0.1", "1e20", "1e-7", "'nan'", "'inf'", "'-0.0'"],
}  # fmt: skip
SLOW = ("varchar  ", "timestamptz")
"""Where Iceberg is asked too, which takes its time."""


@pytest.mark.parametrize("kind", VALUES)
def test_rows_that_go_change_or_stay_are_served_once_by_every_port(
    kind: str, every_port: Path, tmp_path: Path
) -> None:
    ports = FILES if kind in SLOW else FILES[:2]
    here, type_ = Runs(tmp_path, partition="p", uses=ports), kind.strip()

    def model(numbers: list[int | None]) -> str:
        """A row for each value, with its number; none where there is no number."""
        rows = [
            f"select cast({value} as {type_}) as p, {number} as n"
            for value, number in zip(VALUES[kind], numbers, strict=True)
            if number is not None
        ]
        return " union all ".join(rows)

    whole = list(range(len(VALUES[kind])))
    runs = {
        "first": (whole, None),
        "one value goes, and one changes": ([None, *whole[1:-1], 100], 2),
        "the same again": ([None, *whole[1:-1], 100], 0),
        "one is back, and one goes": ([7, *whole[1:-1], None], 2),
    }
    for name, (numbers, changed) in runs.items():
        dataset = here.run(model(numbers))
        assert (len(dataset.changes.values) if dataset.changes else None) == changed, name
        for port in ports:
            assert here.rows(port) == texts(model(numbers)), (name, port)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("select null::integer as p, 1 as n", "Some rows have no p"),
        ("select [1] as p, 1 as n", r"p is a INTEGER\[\], which cannot be a partition column"),
        ("select 'x'::blob as p, 1 as n", "p is a BLOB"),
        ("select 1 as p, 2 as __PART", "has a column __PART"),
    ],
)
def test_what_cannot_part_a_data_set_is_refused(
    query: str, says: str, every_port: Path, tmp_path: Path
) -> None:
    here = Runs(tmp_path, partition="p", uses=("parquet",))
    with pytest.raises(Exception, match=says) as refused:
        here.run(query)
    assert refused.value.fix and not Path(here.root / "build/ports").exists()


def test_what_lies_in_the_state_is_what_was_published_or_everything_is_written(
    every_port: Path, tmp_path: Path
) -> None:
    here = Runs(tmp_path, partition="p", uses=("parquet",))
    query = "select range as p, range as n from range(3)"
    other = query.replace("range as n", "if(range = 2, 5, range) as n")
    parts = tmp_path / "build/state/default/parts"

    def spoil_nothing() -> None: ...

    def leave_a_file() -> None:
        (parts / ".DS_Store").touch()
        (parts / "__part=of-a-killed-run").mkdir()
        (parts / "__part=of-a-killed-run" / "data_0.parquet").write_bytes(b"PAR1")

    def lose_a_part() -> None:
        shutil.rmtree(next(parts.iterdir()))

    def lose_rows() -> None:
        for file in parts.rglob("*.parquet"):
            duckdb.execute(f"copy (from read_parquet('{file}') where false) to '{file}.new' (format parquet)")
            file.with_name(file.name + ".new").rename(file)

    for spoil, whole in (
        (spoil_nothing, False),
        (leave_a_file, False),
        (lose_a_part, True),
        (lose_rows, True),
    ):
        here.run(query, anew=True)
        spoil()
        assert (here.run(other).changes is None) is whole, spoil
        assert here.rows("parquet") == texts(other)
        assert len(list(parts.iterdir())) == 3
    # A column of another type is another data set.
    assert (
        here.run(other.replace("end as n", "end::double as n").replace("5, range)", "5.5, range)")).changes
        is None
    )
    assert ("2", "5.5") in here.rows("parquet")


AT = "cast({0} as timestamp) as at"
CHANGED = {
    "a row goes, and another one comes behind the highest": ("'2024-01-01'", 1, "'2024-01-02'", 2),
    "a row without a cursor changes": ("null", 1, "null", 2),
    "the cursor goes back": ("'2024-01-03'", 1, "'2024-01-02'", 2, "'2024-01-01'"),
    "the last value is gone": ("'2024-01-03'", 1, "null", 1, "'2024-01-01'"),
}
"""A row's cursor and value, before and after; and the cursor of the highest row, which stays."""


@pytest.mark.parametrize("case", CHANGED)
def test_a_part_whose_cursor_says_nothing_is_not_taken_for_unchanged(
    case: str, every_port: Path, tmp_path: Path
) -> None:
    before, old, after, new, highest = (*CHANGED[case], "'2024-06-01'")[:5]
    here = Runs(tmp_path, partition="p", cursor="at", uses=("parquet", "delta"))

    def model(cursor: str, value: int) -> str:
        rows = [(1, cursor, value), (1, highest, 0), (2, "'2024-01-01'", 9)]
        return " union all ".join(f"select {p} as p, {AT.format(at)}, {n} as n" for p, at, n in rows)

    here.run(model(before, old))
    assert here.run(model(before, old)).changes.values == frozenset()
    assert here.run(model(after, new)).changes.values == {"1"}
    for port in here.uses:
        assert here.rows(port) == texts(model(after, new)), port


DIFFERENT = {
    "varchar[]": ["null", "[]", "[null]", "['NULL']", "['']", "['a, b']", "['a', 'b']", "['b', 'a']", "[null, null]"],
    "integer[][]": ["null", "[]", "[[]]", "[null]", "[[null]]", "[[], [1]]", "[[1], []]", "[[1]]", "[[1, 2]]", "[[1], [2]]"],
    "struct(a varchar, b varchar)": ["null", "{'a': null, 'b': null}", "{'a': '', 'b': null}", "{'a': null, 'b': ''}",
        "{'a': 'x, ''b'': y', 'b': null}", "{'a': 'x', 'b': 'y'}"],
    "struct(a varchar[])": ["null", "{'a': null}", "{'a': []}", "{'a': [null]}"],
    "struct(a varchar)[]": ["null", "[]", "[null]", "[{'a': null}]", "[{'a': ''}]"],
    "map(varchar, varchar)": ["null", "map {}", "map {'a': null}", "map {'a': 'b'}", "map {'b': 'a'}", "map {'a': 'b, c=d'}",
        "map {'a': 'b', 'c': 'd'}"],
    "map(varchar, integer[])": ["null", "map {}", "map {'a': null}", "map {'a': []}", "map {'a': [null]}"],
    "interval": ["null", "'1 month'", "'30 days'", "'720 hours'"],
    "interval[]": ["['1 month']", "['30 days']"],
    "double": ["null", "0", "'-0'", "'nan'", "'-nan'", "1e-300"],
    "double[]": ["null", "[]", "[0]", "['-0'::double]", "['nan'::double]", "[0.1]", "[0.10000000000000002]"],
    "float[2]": ["null", "[0, 0]", "['-0'::float, 0]", "[null, 0]", "[0, null]"],
    "json[]": ["null", "['null']", "[null]", "['[1]']", "['[ 1]']", "['1.0']", "['1.00']"],
    "blob[]": ["['\\x00']", "['\\x5Cx00']", "['']"],
    "timestamptz[]": ["['2024-01-01 00:00:00+00']", "['2024-01-01 00:00:00.000001+00']"],
}  # fmt: skip


def test_values_that_differ_have_other_fingerprints(every_port: Path, tmp_path: Path) -> None:
    here = Runs(tmp_path)
    here.product.scratch.mkdir(parents=True)
    with here.platform(here.product, {}) as platform:
        for kind, values in DIFFERENT.items():
            rows = ", ".join(
                f"({number}, {value}::{kind})" for number, value in enumerate([*values, values[0]])
            )
            with platform.connected() as connection:
                connection.execute(f'create or replace table m as select * from (values {rows}) t(id, "a b")')
            prints = platform.query(
                f"select {platform.fingerprint('m', ['a b'])} from m group by id order by id"
            )
            assert len(set(prints)) == len(values), (kind, prints)
            assert prints[-1] == prints[0], kind


def test_an_empty_list_takes_the_place_of_none_in_every_port(every_port: Path, tmp_path: Path) -> None:
    here = Runs(tmp_path, partition="p", uses=FILES[:2])
    for tags in ("null::varchar[]", "[]::varchar[]", "[null]::varchar[]"):
        query = f"select 1 as p, {tags} as tags union all select 2, ['x']"
        here.run(query)
        for port in here.uses:
            assert here.rows(port) == texts(query), (tags, port)


def test_ports_that_come_and_go_serve_what_the_model_holds(every_port: Path, tmp_path: Path) -> None:
    """Each port is left out for a while, a run dies before it is remembered, and rows move between parts."""
    chance = random.Random(14)  # noqa: S311 - nobody guesses anything by it
    here = Runs(tmp_path, partition="p", uses=("parquet", "delta"))
    rows: dict[int, tuple[int, int]] = {}
    for step in range(12):
        for _ in range(3):
            key = chance.randrange(8)
            if chance.random() < 0.3:
                rows.pop(key, None)
            else:
                rows[key] = (chance.randrange(3), chance.randrange(100))
        chosen = chance.choice([("parquet", "delta"), ("parquet",), ("delta",), ("delta", "iceberg")])
        query = "select null::int as id, 0 as p, 0 as n where false" + "".join(
            f" union all select {key}, {part}, {number}" for key, (part, number) in rows.items()
        )
        here.uses = chosen
        if step % 4 == 3:  # killed when the first port has the new rows, and the second one has not
            here.uses = chosen[:1]
            here.run(query)
            (tmp_path / "build/state/default/published.json").unlink()
            here.uses = chosen
        here.run(query)
        for port in chosen:
            assert here.rows(port) == texts(query), (step, port)


KEYS = {
    "select * from (values (1, 'a'), (1, 'c'), (2, 'b')) t(id, n)": "2 rows have the key id = 1.",
    "select * from (values (1, 'a'), (null, 'c')) t(id, n)": "1 rows have no value in id",
    "select 1 as other, 'a' as n": "has no column id",
    "select * from (values (1, 'a'), (2, 'c')) t(\"ID\", n)": "",
}


JOINED = {
    "values ('a|b', 'c', 'one'), ('a', 'b|c', 'two')": "(j = a, k = b|c) and (j = a|b, k = c)",
    "values ('', '|', 'one'), ('|', '', 'two'), ('x', 'y', 'three')": "(j = , k = |) and (j = |, k = )",
    "values ('a|b', 'c', 'one'), ('a', 'b', 'two'), ('a|b', 'd', 'three'), ('|', '|', 'four')": "",
    "values (1, 'b|c', 'one'), (11, 'b', 'two'), (1, 'c|b', 'three')": "",
}
"""Rows with the key (j, k) -> the two keys that dbt would take for one."""


KEYED = [
    *(("refuse_doubled", query, ["id"], (), says) for query, says in KEYS.items()),
    *(
        ("refuse_joined", f"select * from ({rows}) t(j, k, n)", ["j", "k"], ("text",), says)
        for rows, says in JOINED.items()
    ),
]


@pytest.mark.parametrize(("check", "query", "key", "more", "says"), KEYED)
def test_the_key_of_a_history_names_one_row(
    check: str, query: str, key: list[str], more: tuple[str, ...], says: str, every_port: Path, tmp_path: Path
) -> None:
    refuse = getattr(importlib.import_module("pipeline.snapshot_checks"), check)
    here, file = Runs(tmp_path), tmp_path / "rows.parquet"
    duckdb.execute(f"copy ({query}) to '{file}' (format parquet)")
    here.product.scratch.mkdir(parents=True)
    columns = importlib.import_module("pipeline.dataset").described([file])
    with here.platform(here.product, {}) as platform:
        platform.attach("readings", [file])
        if not says:
            refuse(here.product, platform, "readings", key, columns, *more)
            return
        with pytest.raises(Exception, match=re.escape(says)) as refused:
            refuse(here.product, platform, "readings", key, columns, *more)
        assert "snapshot@1" in str(refused.value) and "readings" in str(refused.value) and refused.value.fix


def test_a_history_of_an_older_release_takes_no_values_of_another_type(
    every_port: Path, tmp_path: Path
) -> None:
    snapshot_checks, errors, declared_columns = (
        importlib.import_module(f"pipeline.{name}")
        for name in ("snapshot_checks", "errors", "declared_columns")
    )
    here = Runs(tmp_path, partition="p")
    product = here.product
    product.scratch.mkdir(parents=True)
    record = declared_columns.recorded(product)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"t": {"v": "int64"}}))  # as 0.2.0 wrote it, and no histories.json
    with here.platform(product, {}) as platform:
        with platform.connected() as connection:
            connection.execute("create table t_history as select 7 as v")
        with pytest.raises(
            errors.UnreadableInput, match="the column v is VARCHAR, but BIGINT in its history"
        ):
            snapshot_checks.refuse_other_types(product, platform, "t", {"v": "VARCHAR"})
        snapshot_checks.refuse_other_types(product, platform, "t", {"v": "BIGINT"})


HISTORIES = [
    ("BIGINT", "VARCHAR", False),
    ("DECIMAL(18,2)", "DECIMAL(18,4)", False),
    ("BIGINT", "DOUBLE", False),
    ("DATE", "TIMESTAMP", False),
    ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", False),
    ("STRUCT(a BIGINT)", "STRUCT(a BIGINT, b BIGINT)", False),
    ("INTEGER", "BIGINT", True),  # too large a value ends the run
    ("DECIMAL(38,4)", "DECIMAL(18,2)", True),
    ("VARCHAR", "VARCHAR(9)", True),
    ("odd", "odd", True),
]


def test_a_history_takes_no_values_of_another_type(every_port: Path, tmp_path: Path) -> None:
    snapshot_checks = importlib.import_module("pipeline.snapshot_checks")
    errors = importlib.import_module("pipeline.errors")
    here = Runs(tmp_path, partition="p")
    product = here.product
    product.scratch.mkdir(parents=True)
    with here.platform(product, {}) as platform:
        snapshot_checks.refuse_other_types(product, platform, "t", {"v": "DATE"})
        for before, now, is_kept in HISTORIES:
            # While there is no history, any type can begin one.
            with platform.connected() as connection:
                connection.execute("drop table if exists t_history")
            snapshot_checks.refuse_other_types(product, platform, "t", {"v": before})
            with platform.connected() as connection:
                connection.execute("create table t_history as select 1 as v")
            snapshot_checks.refuse_other_types(product, platform, "t", {"w": "BIGINT"})
            if is_kept:
                snapshot_checks.refuse_other_types(product, platform, "t", {"v": now, "w": "BIGINT"})
                continue
            with pytest.raises(errors.UnreadableInput) as refused:
                snapshot_checks.refuse_other_types(product, platform, "t", {"v": now, "w": "BIGINT"})
            assert f"the column v is {now}, but {before} in its history t_history" in str(refused.value)
            assert "models/sources.yml" in refused.value.fix
