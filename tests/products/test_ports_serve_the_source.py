"""Source = every port, value by value, whatever is in it: over a full run, one that goes on, and the same again.

MESHWRIGHT_TABLES says how many tables are drawn; `make soak` asks for thousands.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import duckdb
import postgres_server
import psycopg
import pyarrow as pa
import pytest
import yaml
from drawn_tables import Kind, Table, tables
from hypothesis import HealthCheck, Phase, example, given, note, settings
from platform_products import PLATFORMS, needs_java, platforms_python
from port_runs import FILES, Runs
from products import SUPPORT, Make

from meshwright.access.targets.postgres import bootstrap

__all__ = ["platforms_python"]

TABLES = int(os.environ.get("MESHWRIGHT_TABLES", "3"))
PORTS = (*FILES, "postgres")
EXACT = Context(prec=10**5, Emax=10**6, Emin=-(10**6))
NEGATIVE_ZERO = re.compile(r"(?<![\d.])-0\.0(?!\d)")
"""The same number as 0.0: DuckDB 1 does not keep its sign, and JSON in PostgreSQL has none."""
INFINITE = {2**63 - 1: Decimal("Infinity"), 1 - 2**63: Decimal("-Infinity")}
"""What DuckDB stores for an infinite time stamp -> what PostgreSQL says of one."""
numbers = itertools.count()


@pytest.fixture(scope="module")
def warehouse() -> Iterator[str]:
    """The url of a database that is ready for the schema `drawn`."""
    for server in postgres_server.running():
        database = server.database()
        with psycopg.connect(server.url(database)) as connection:
            connection.execute(bootstrap("drawn", []))
            connection.execute(f"grant create on database {database} to drawn_pipeline")
        yield server.url(database, "drawn_pipeline")


def values(rows: str, columns: list[tuple[str, str]], connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Rows, in order, each value as the text of the type that it has in the source."""
    selected = ", ".join(
        'cast(cast("{}" as {}) as varchar)'.format(column.replace('"', '""'), kind)
        for column, kind in columns
    )
    found = connection.execute(f"select {selected} from {rows}").fetchall()
    return sorted(NEGATIVE_ZERO.sub("0.0", repr(row)) for row in found)


def documents(rows: str, columns: list[tuple[str, str]], connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The same of PostgreSQL, where what has parts is a JSON document."""
    selected = []
    relation = connection.sql(f"from {rows} limit 0")
    kind_of = importlib.import_module("pipeline.port_types")._kind
    known = {name: kind_of(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    types = {name: kind.text for name, kind in known.items()}
    for column, kind in columns:
        quoted = '"' + column.replace('"', '""') + '"'
        # DuckDB's `to_json` loses digits of a document that is in a list: it comes as a text, and is read from that.
        texts = re.sub(r"\bJSON\b", "VARCHAR", kind)
        as_document = "{}" if types[column] in ("JSON", "VARCHAR") else f"to_json(cast({{}} as {texts}))"
        selected.append(
            f"cast({as_document.format(quoted)} as varchar)"
            if is_document(kind)
            else f"cast(cast({quoted} as {kind}) as varchar)"
        )
    found = connection.execute(f"select {', '.join(selected)} from {rows}").fetchall()

    def plain(value: str | None, column: str, kind: str) -> Any:
        if value is None or not is_document(kind):
            return value
        parsed = json.loads(value, parse_float=Decimal)
        return document(parsed if types[column] in ("JSON", "VARCHAR") else embedded(parsed, known[column]))

    return sorted(
        NEGATIVE_ZERO.sub(
            "0.0", repr([plain(value, *column) for value, column in zip(row, columns, strict=True)])
        )
        for row in found
    )


def embedded(value: Any, kind: Any) -> Any:
    """A document whose parts that are documents themselves came as texts."""
    match value, kind.name:
        case None, _:
            return None
        case _, "JSON":
            return json.loads(value, parse_float=Decimal)
        case _, "LIST":
            return [embedded(one, kind.parts[0][1]) for one in value]
        case _, "STRUCT":
            return {name: embedded(value[name], part) for name, part in kind.parts}
        case _, "MAP":
            return {key: embedded(one, kind.parts[1][1]) for key, one in value.items()}
    return value


def is_document(kind: str) -> bool:
    """Return True if a column of the type is a JSON document in PostgreSQL."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP")) or kind == "JSON"


def document(value: Any) -> Any:
    """A JSON document with its keys in order, and its numbers in one spelling."""
    if isinstance(value, dict):
        return [[key, document(value[key])] for key in sorted(value)]
    if isinstance(value, list):
        return [document(one) for one in value]
    return number(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def number(value: Decimal | int) -> str:
    """Its one spelling: 1.10 and 1.1 are the same number, as are 0 and -0."""
    normal = Decimal(value).normalize(EXACT)
    return str(normal) if normal else "0"


def python_values(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Rows, in order, as Python has their values, without an engine that reads or casts them."""

    def plain(value: Any) -> Any:
        match value:
            case bool() | None | bytes():
                return value
            case int() | Decimal():
                return number(value) if Decimal(value).is_finite() else str(value)
            case float():
                return repr(value + 0.0)
            case dict():
                return [plain(one) for one in value.items()]
            case list() | tuple():
                return [plain(one) for one in value]
        return str(value)

    return sorted(repr([plain(value) for value in row]) for row in rows)


def arrow_rows(found: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of a table by pyarrow alone; what Python has no date for as a number of days or microseconds."""
    columns = []
    for column in found.columns:
        kind = column.type
        if pa.types.is_date(kind):
            column = column.cast(pa.int32())
        elif pa.types.is_timestamp(kind):
            column = column.cast(pa.int64())
            scale = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[kind.unit]
            columns.append(
                [
                    INFINITE.get(value, value if value is None else value * scale)
                    for value in column.to_pylist()
                ]
            )
            continue
        columns.append(column.to_pylist())
    return list(zip(*columns, strict=True)) if columns and found.num_rows else []


def server_rows(connection: psycopg.Connection[Any], view: str, kinds: Mapping[str, str]) -> list[str]:
    """The rows of a view in PostgreSQL by psycopg alone, without its documents."""
    read = {
        "DATE": "{} - date '1970-01-01'",
        "FLOAT": "cast({} as double precision)",
        "TIMESTAMP": "extract(epoch from {}) * 1000000000",
    }
    selected = ", ".join(
        read.get(re.split("_| WITH", kind)[0], "{}").format('"' + name.replace('"', '""') + '"')
        for name, kind in kinds.items()
    )
    return python_values(connection.execute(f"select {selected} from {view}").fetchall())


def held_to(here: Runs, query: str) -> None:
    """Every port, its independent readers, and another product that reads it have the rows of the query."""
    data_product = importlib.import_module("pipeline.inputs.data_product")
    landed = here.root / "landed"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"create table source as {query}")
        columns = [
            (column, "BIGINT" if kind == "HUGEINT" else kind)
            for column, kind, *_ in connection.execute("describe source").fetchall()
        ]
        expected = values("source", columns, connection)
        chosen = ", ".join(
            'cast("{0}" as {1}) as "{0}"'.format(column.replace('"', '""'), kind) for column, kind in columns
        )
        in_python = rows_of(connection.sql(f"select {chosen} from source").to_arrow_table())
        for port in here.uses:
            note(f"port {port}")
            found: pa.Table = here.read(port)
            assert found.column_names == [column for column, _ in columns]
            first = here.first_row(port)
            assert (first.column_names, first.num_rows) == (found.column_names, min(1, found.num_rows))
            connection.register("found", found)
            if port == "postgres":
                assert documents("found", columns, connection) == documents("source", columns, connection)
                held_by_server(here, columns, connection)
                continue
            assert values("found", columns, connection) == expected
            note(f"without an engine, {port}")
            assert in_python is None or rows_of(found) == in_python
            shutil.rmtree(landed, ignore_errors=True)
            landed.mkdir()
            location = next(some for some in here.product.outputs if some.name == port)
            location = location.module().location(location, here.product)
            where = data_product.Place(f"{port}@1", location)
            files = data_product.OPEN[where.uses](None, where, landed)
            note(f"another product reads {port}")
            read = f"read_parquet({list(map(str, files))}, hive_partitioning = false)"
            assert values(read, columns, connection) == expected


def rows_of(found: pa.Table) -> list[str] | None:
    """The rows as Python has them; None where it has no such date."""
    try:
        return python_values(arrow_rows(found))
    except (OverflowError, ValueError):
        return None


def held_by_server(here: Runs, columns: list[tuple[str, str]], connection: duckdb.DuckDBPyConnection) -> None:
    """The view has the rows of `source`, without its documents, for a client that is not the pipeline."""
    port = next(some for some in here.product.outputs if some.name == "postgres")
    plain = {name: kind for name, kind in columns if not is_document(kind)}
    selected = ", ".join(
        'cast("{0}" as {1}) as "{0}"'.format(name.replace('"', '""'), kind) for name, kind in plain.items()
    )
    if not plain:
        return
    expected = rows_of(connection.sql(f"select {selected} from source").to_arrow_table())
    with psycopg.connect(port.properties["url"]) as client:
        try:
            view = (
                importlib.import_module("pipeline.postgres.database_layout")
                .database_layout(port, here.product)
                .view
            )
            actual = server_rows(client, view, plain)
        except (psycopg.DataError, psycopg.errors.DatetimeFieldOverflow):
            return  # a date that Python has none for
    assert expected is None or actual == expected


def test_a_machine_without_a_record_publishes_no_other_types_than_a_port_serves(
    every_port: Path, warehouse: str, tmp_path: Path
) -> None:
    evolution = importlib.import_module("pipeline.evolution")
    landed_type = importlib.import_module("pipeline.ingest").Landed
    here = Runs(
        tmp_path / "product",
        uses=PORTS,
        properties={"postgres": {"url": warehouse, "schema": "drawn"}},
    )
    columns = {"id": "BIGINT", "amount": "DECIMAL(18,1)", "name": "VARCHAR", "other": "DATE"}
    landed = {"t": landed_type(1, columns, undeclared=tuple(columns))}
    same = here.run("select 1 as id, 1.5::double as amount, 'x' as name, [1] as parts")
    evolution.refuse_changed(here.product, landed, same)
    other = Runs(tmp_path / "fresh", uses=("parquet",)).run(
        "select 1::smallint as id, 1.5::decimal(18,1) as amount, 'x' as name, ['1'] as parts"
    )
    for port in PORTS:
        here.uses = (port,)
        with pytest.raises(evolution.PublishedTypesChanged) as refused:
            evolution.refuse_changed(here.product, landed, other)
        (line,) = str(refused.value).splitlines()[1:]
        assert line.split() == f"amount is DOUBLE at the port {port}, and would be DECIMAL(18,1)".split()
        block = yaml.safe_load(refused.value.fix.partition("\n")[2])
        (table,) = block["sources"][0]["tables"]
        types = {column["name"]: column["data_type"] for column in table["columns"]}
        assert types == columns | {"amount": "DOUBLE"}
        # What is declared, or what a record knows, is not held against the ports.
        evolution.refuse_changed(here.product, {"t": landed_type(1, columns)}, other)
        evolution.remember(here.product, landed, {})
        evolution.refuse_changed(here.product, landed, other)
        importlib.import_module("pipeline.declared_columns").recorded(here.product).unlink()


def drawn(test: Any) -> Any:
    """Runs a test with as many tables as are asked for; the same ones, if nothing is. Spark takes its time with each."""
    few = settings(
        max_examples=max(TABLES // 10, 6) if "spark" in test.__name__ else TABLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize="MESHWRIGHT_TABLES" not in os.environ,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # a smaller table is not worth the minutes that it takes
    )
    return few(given(table=tables())(test))


@pytest.mark.main
@drawn
def test_every_port_serves_what_the_source_holds(
    table: Table, every_port: Path, warehouse: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / f"drawn-{next(numbers)}"
    here = Runs(
        root,
        partition=table.partition,
        uses=PORTS,
        properties={"postgres": {"url": warehouse, "schema": "drawn"}},
    )
    promise_broken = importlib.import_module("pipeline.errors").PromiseBroken
    first, later = table.query(table.rows), table.query(table.others)
    note(f"{table.partition=}\n{first}\n{later}")
    served = None
    for query in (first, later, later):
        try:
            here.run(query)
        except promise_broken as refused:
            note(f"refused: {refused}")
            assert refused.fix
            if served is not None:
                held_to(here, served)
            # What one port cannot hold, no port has: the others can take it without that one.
            left = tuple(port for port in here.uses if f"({port}@1)" not in str(refused))
            if not left or left == here.uses:
                break
            here.uses = left
            here.run(query)
        held_to(here, query)
        served = query
    shutil.rmtree(root)


@drawn
def test_postgres_as_the_platform_keeps_what_the_source_holds(
    table: Table, every_port: Path, warehouse: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / f"drawn-{next(numbers)}"
    here = Runs(
        root,
        partition=table.partition,
        uses=("parquet",),
        warehouse={"url": warehouse, "schema": "platform"},
    )
    unreadable = importlib.import_module("pipeline.errors").UnreadableInput
    for query in (table.query(table.rows), table.query(table.others)):
        note(f"{table.partition=}\n{query}")
        try:
            here.run(query)
        except unreadable as refused:
            note(f"refused: {refused}")
            assert refused.fix
            continue
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"create table source as {query}")
            columns = [
                (column, "BIGINT" if kind == "HUGEINT" else kind)
                for column, kind, *_ in connection.execute("describe source").fetchall()
            ]
            connection.register("found", here.read("parquet"))
            assert documents("found", columns, connection) == documents("source", columns, connection)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def spark(
    make: Make, platforms_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str]]:
    """A process with one session of Spark: see tests/support/spark_worker.py."""
    needs_java()
    product = make("sparks", platforms=["spark"])
    given = json.dumps(PLATFORMS["spark"]["properties"])
    process = subprocess.Popen(
        [platforms_python, SUPPORT / "spark_worker.py", tmp_path_factory.mktemp("spark"), given],
        cwd=product,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.communicate()


NANOSECONDS = Table(
    [("at", Kind("TIMESTAMP_NS", "TIMESTAMP_NS"))],
    [["cast('2024-02-29 10:00:00.123456789' as timestamp_ns)"]],
)
"""Spark keeps microseconds: refused."""


@drawn
@example(table=NANOSECONDS)
def test_spark_as_the_platform_keeps_what_the_source_holds(
    table: Table, every_port: Path, spark: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"drawn-{next(numbers)}"
    folder.mkdir()
    query = table.query(table.rows)
    note(query)
    narrow = importlib.import_module("pipeline.platforms.duckdb")._narrow  # as no file has a HUGEINT
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"create table source as {query}")
        columns = [(name, kind) for name, kind, *_ in connection.execute("describe source").fetchall()]
        selected = ", ".join(itertools.starmap(narrow, columns))
        connection.execute(
            f"copy (select {selected} from source) to '{folder}/rows.parquet' (format parquet)"
        )
        assert spark.stdin and spark.stdout
        spark.stdin.write(json.dumps(str(folder)) + "\n")
        spark.stdin.flush()
        answer = json.loads(spark.stdout.readline())
        assert "crash" not in answer, answer["crash"]
        if "refused" in answer:
            note(f"refused: {answer}")
            assert answer["fix"]
            return
        assert table is not NANOSECONDS
        files = [str(file) for file in (folder / "made").rglob("*.parquet")]
        made = f"read_parquet({files}, hive_partitioning = false)"
        assert list(answer["columns"]) == [name for name, _ in columns]
        assert values(made, columns, connection) == values("source", columns, connection)
    shutil.rmtree(folder)
