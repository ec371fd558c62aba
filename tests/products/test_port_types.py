"""One gate decides what each port can hold, before the first one is touched."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checkout import ROOT
from port_runs import FILES, Runs, texts

EVERY = (*FILES, "postgres", "view")


@pytest.fixture
def here(every_port: Path, tmp_path: Path) -> Runs:
    return Runs(tmp_path, uses=EVERY, properties={"postgres": {"url": "build/warehouse"}})


def data(here: Runs, query: str) -> Any:
    """The data set of a query, as the stage before leaves it."""
    file = here.root / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"copy ({query}) to '{file}' (format parquet)")
    return dataset(file)


def dataset(file: Path) -> Any:
    return importlib.import_module("pipeline.dataset").Dataset((file,), 1, {})


def refused(here: Runs, data: Any) -> dict[str, str]:
    """Port -> what it refuses; "" is what all of them do."""
    port_types = importlib.import_module("pipeline.port_types")
    try:
        port_types.refuse(here.product, data)
    except Exception as problem:
        assert problem.exit_code == 1 and problem.fix.startswith("In models/readings.sql: ")
        said = [line.partition(": ") for line in str(problem).splitlines()]
        return {port.split()[1] if port.startswith("port ") else "": rest or port for port, _, rest in said}
    return {}


HELD = [
    *("true", "-5::tinyint", "200::utinyint", "65535::usmallint", "4294967295::uinteger", "18446744073709551615::ubigint"),
    *("'nan'::double", "'inf'::float", "'-0.0'::double", "1.5::decimal(38,10)", "'é😀'", "''", "'\\x00'::blob"),
    *("date '0001-01-01'", "date '9999-12-31'", "timestamp '2024-01-01 00:00:00.123456'", "timestamptz '2024-01-01 10:00+05'"),
    *("uuid()", "'{\"a\": 1}'::json", "[1, null]", "{'a': {'b': [date '2024-01-01']}}", "map {'a': uuid()}", "[[1], null]"),
    *("'b'::enum('a', 'b')", "'101'::bit", "null::varchar"),
]  # fmt: skip


def test_what_every_port_holds(here: Runs) -> None:
    columns = ", ".join(f"{value} as c{number}" for number, value in enumerate(HELD))
    assert refused(here, data(here, f"select {columns}")) == {}
    assert refused(here, data(here, f"select {columns} where false")) == {}


REFUSED = {
    # value: (port: a part of what is said of it)
    "interval '1 day'": {"": "c is a INTERVAL, which no port can store"},
    "[timetz '10:00:00+00']": {"": "c[] is a TIME WITH TIME ZONE"},
    "time '10:00:00.5'": {"delta": "c is a TIME, and Delta does not have this type"},
    "{'a': [time '10:00']}": {"delta": "c.a[] is a TIME, and Delta"},
    "time '24:00:00'": {"parquet": "1 row contains 24:00:00", "iceberg": "24:00:00", "delta": "does not have this type"},
    "'infinity'::date": dict.fromkeys(FILES, "1 row contains"),
    "['-infinity'::timestamp]": dict.fromkeys(FILES, "1 row contains"),
    "'infinity'::timestamptz": dict.fromkeys(FILES, "such as infinity"),
    "'0044-03-15 (BC)'::date": dict.fromkeys(("delta", "iceberg"), "such as 0044-03-15 (BC)"),
    "'0044-03-15 (BC) 10:00:00+00'::timestamptz": dict.fromkeys(("delta", "iceberg"), "such as 0044-03-15 (BC)"),
    "[timestamptz '0001-01-01 00:00:00+00', timestamptz '9999-12-31 23:59:59.999999+00']": {},
    "timestamp '12345-01-01'": dict.fromkeys(("delta", "iceberg"), "outside of the years 1 to 9999"),
    "'4800-01-01 (BC)'::date": dict.fromkeys(("delta", "iceberg", "postgres"), "such as"),
    "timestamp_ns '2024-01-01 00:00:00.000000001'": dict.fromkeys(("delta", "iceberg", "postgres"), "contains nanoseconds"),
    "'a' || chr(0)": {"postgres": "1 row contains the character NUL"},
    "{'a': ['a' || chr(0)]}": {"postgres": "the character NUL"},
    "map {'a' || chr(0): 1}": {"postgres": "the character NUL"},
    "'{\"a\": \"\\u0000\"}'::json": {"postgres": "the character NUL"},
    "'{\"a\": \"\\\\u0000\"}'::json": {},
    "'[{\"k\": 1, \"k\": null}]'::json": {"postgres": "a duplicate key"},
    "'{\"k\": 1, \"a\": {\"k\": [{\"k\": 2}, {\"k\": 3}]}}'::json": {},
    "['{\"k\": 1, \"k\": 2}'::json]": {"postgres": "a duplicate key"},
    "{'a': map {'b': '[{\"k\": {\"x\": 1, \"\\u0078\": 2}}]'::json}}": {"postgres": "a duplicate key"},
    "'[1e9999, -0.5e-9999, \"1e99999\"]'::json": {},
    "'[1e10000]'::json": {"postgres": "an exponent of five digits"},
    "['0.5E-0020000'::json]": {"postgres": "an exponent of five digits"},
    "[1.5, 'nan'::double]": {"postgres": "NaN or infinity within a list"},
    "[{'a': 1}]": {},
    "[map {'a': timestamp '2024-01-01'}]": {"delta": "cannot write a time without a zone within a map"},
    "[timestamp '2024-01-01']": {},
    "null::struct(a integer)[]": {"iceberg": "NULL for a list or a map of structs"},
    "{'a': null::map(varchar, struct(a integer))}": {"iceberg": "NULL for a list or a map of structs"},
    "null::struct(b struct(a integer)[])": {},
    "[[{'b c': 1}]]": {"iceberg": "names contain other characters than letters"},
    "map {'k': [{'d.e': 1}]}": {"iceberg": "names contain other characters than letters"},
    "[{'b c': 1}]": {},
    "[[{'b_c': 1}]]": {},
}  # fmt: skip


@pytest.mark.parametrize("value", REFUSED)
def test_what_a_port_cannot_hold_is_refused_with_its_column(value: str, here: Runs) -> None:
    said = refused(here, data(here, f"select {value} as c union all by name select 1 as other where false"))
    assert said.keys() == REFUSED[value].keys(), said
    assert all(part in said[port] for port, part in REFUSED[value].items()), said


FIXED = {
    # value of the column "end" -> its text after the fix; fixes of several ports one after the other
    "'infinity'::date": None,
    "['-infinity'::timestamp, '2024-01-01']": "[NULL, '2024-01-01 00:00:00']",
    "{'a': [{'d e': date '0044-03-15 (BC)'}, null], 'b': 1}": "{'a': [{'d e': NULL}, NULL], 'b': 1}",
    "map {'k': timestamptz '12345-01-01 00:00:00+00'}": "{k=NULL}",
    "map {'a' || chr(0): ['b' || chr(0)]}": "{a=[b]}",
    "{'a': ['a' || chr(0), null], 'b': chr(0)}": "{'a': [a, NULL], 'b': ''}",
    "[timestamp_ns '2024-01-01 00:00:00.000000001']": "['2024-01-01 00:00:00']",
    "[1.5, 'nan'::double]": "[1.5, NULL]",
    '\'{"a": "b\\u0000"}\'::json': '{"a": "b"}',
    '[\'{"a": "b\\u0000"}\'::json]': '[{"a": "b"}]',
    "null::struct(a integer)[]": "[]",
    "{'a': null::map(varchar, struct(a integer))}": "{'a': {}}",
}


@pytest.mark.parametrize("value", FIXED)
def test_the_printed_fix_works(value: str, here: Runs) -> None:
    port_types = importlib.import_module("pipeline.port_types")
    query = f'select {value} as "end"'
    for _ in range(3):
        with pytest.raises(Exception, match="column end") as problem:
            port_types.refuse(here.product, data(here, query))
        fixes = problem.value.fix.removeprefix("In models/readings.sql: ").removesuffix(
            ". Nothing was published."
        )
        query = f'select {fixes.partition("; ")[0]} as "end" from ({query})'
        if not refused(here, data(here, query)):
            break
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        assert connection.sql(f'select cast("end" as varchar) from ({query})').fetchall() == [(FIXED[value],)]


def test_a_value_within_a_column_is_shown(here: Runs) -> None:
    said = refused(here, data(here, "select {'a': [null, date '2024-01-01', 'infinity'::date]} as c"))
    assert all(reason.endswith(", such as infinity") for reason in said.values()), said
    said = refused(here, data(here, 'select [\'{"k": 1, "k": 2}\'::json] as c'))
    assert "such as" not in said["postgres"]


NAMES = {
    "Flight No.": {},
    "a.b": {},
    "é😀": {},
    'q"uote': {},
    "x;{}()=,\n": {},
    "UPPER": {},
    "select": {},
    "x" * 63: {},
    "é" * 32: {"postgres": "longer than the 63 bytes"},
    "ctid": {"postgres": "PostgreSQL itself has a column with this name"},
    "_file": {"iceberg": "Iceberg itself has a column with this name"},
}


def test_names_that_a_port_has_no_place_for(here: Runs) -> None:
    for name, ports in NAMES.items():
        quoted = name.replace('"', '""')
        said = refused(here, data(here, f'select 1 as "{quoted}"'))
        assert said.keys() == ports.keys() and all(part in said[port] for port, part in ports.items()), name


def test_a_name_that_is_that_of_a_part_of_another_column(here: Runs) -> None:
    for query in (
        "{'b': 1} as a, 2 as \"a.b\"",
        '[1] as a, 2 as "a.element"',
        "{'b': {'c': 1}, 'b.c': 2} as a",
    ):
        said = refused(here, data(here, f"select {query}"))
        assert (
            said.keys() == {"iceberg"}
            and "uses the same name for a part of another column" in said["iceberg"]
        )


def test_names_that_differ_only_in_case_and_columns_without_a_type(here: Runs) -> None:
    file = here.root / "rows.parquet"
    pq.write_table(pa.table({"a": [1], "A": [2]}), file)
    assert "only in case" in refused(here, dataset(file))[""]
    pq.write_table(pa.table({"a": [1], "n": pa.nulls(1)}), file)
    # DuckDB 1 takes such a column for one of integers, whatever it holds later.
    said = refused(here, dataset(file))
    assert said == {} if duckdb.__version__.startswith("1.") else "n has no type" in said[""]


def test_all_refusals_are_said_at_once_and_no_port_is_touched(every_port: Path, tmp_path: Path) -> None:
    here = Runs(tmp_path)
    here.run("select 1 as a")
    with pytest.raises(Exception, match="port delta") as problem:
        here.run(
            "select 1 as a, time '10:00' as at, 'infinity'::date as day, timestamp '12345-01-01' as late"
        )
    lines = str(problem.value).splitlines()
    assert len(lines) == 6 and sum("column day (DATE)" in line for line in lines) == 3
    assert "cast(at as {{ dbt.type_string() }})" in problem.value.fix
    assert all(here.rows(port) == [("1",)] for port in FILES)


def test_a_type_stays_whatever_values_come_later(every_port: Path, tmp_path: Path) -> None:
    here = Runs(tmp_path)
    types = {port: set() for port in FILES}
    for value in (5, 200):
        query = f"select {value}::utinyint as v, [{value}::uinteger] as w, {value}::ubigint as x, '{value}'::json as y"
        here.run(query)
        for port in FILES:
            assert here.rows(port) == texts(query)
            types[port].add(str(here.read(port).schema.remove_metadata()))
    assert [len(known) for known in types.values()] == [1, 1, 1]


def test_an_id_is_a_readable_text_in_delta(every_port: Path, tmp_path: Path) -> None:
    here = Runs(tmp_path)
    known = "bbd05ae7-6750-4aca-8280-6d447c97c2bb"
    here.run(
        f"select '{known}'::uuid as id, ['{known}'::uuid] as ids, {{'id': '{known}'::uuid}} as deep,"
        f" map {{'{known}'::uuid: true}} as map"
    )
    assert here.read("delta").to_pylist() == [
        {"id": known, "ids": [known], "deep": {"id": known}, "map": [(known, True)]}
    ]
    assert (
        pq.ParquetFile(here.root / "build/ports/parquet/readings.parquet").schema.column(0).logical_type.type
        == "UUID"
    )
    assert (
        here.rows("parquet")
        == here.rows("iceberg")
        == [(known, f"[{known}]", f"{{'id': {known}}}", f"{{{known}=true}}")]
    )


def test_what_parquet_would_keep_a_part_of_is_refused_before_it_is_written(
    every_port: Path, tmp_path: Path
) -> None:
    here = Runs(tmp_path, uses=("parquet",))
    for value in (
        "interval '1 microsecond'",
        "timetz '10:00:00+02'",
        "{'a': [interval '1 day']}",
        "[union_value(a := 1)]",
    ):
        with pytest.raises(Exception, match=r"column c is of the type .* cannot hold every value") as refused:
            here.run(f"select {value} as c, {{'INTERVAL': 'UNION('}} as other")
        assert "cast(c as {{ dbt.type_string() }})" in refused.value.fix and "other" not in str(refused.value)


def test_a_sum_within_a_struct_is_a_whole_number(every_port: Path, tmp_path: Path) -> None:
    here = Runs(tmp_path, uses=("parquet",))
    here.run("select {'a': [9007199254740993::hugeint]} as c, 5::hugeint as d")
    assert here.read("parquet").to_pylist() == [{"c": {"a": [9007199254740993]}, "d": 5}]


def test_the_documentation_has_the_table_of_types_and_ports(every_port: Path) -> None:
    known = importlib.import_module("pipeline.port_types")
    forms = {port: importlib.import_module(f"pipeline.outputs.{port}").FORMAT for port in EVERY}
    lines = [
        "| type | " + " | ".join(f"`{port}@1`" for port in EVERY) + " |",
        "|---" * (len(EVERY) + 1) + "|",
    ]
    for name in known.TYPES:
        held = [forms[port].types.get(name) for port in EVERY]
        lines.append(
            f"| `{name}` | " + " | ".join("refused" if kind is None else f"`{kind}`" for kind in held) + " |"
        )
    table = "\n".join(lines)
    assert table in (ROOT / "docs/reference/port-types.md").read_text(), table
