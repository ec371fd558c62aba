"""Source = every port, value by value, whatever is in it: over a full run, one that goes on, and the same again.

MESHWRIGHT_TABLES says how many tables are drawn; `make soak` asks for thousands.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import postgres_server
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drawn_tables import Table, tables
from hypothesis import HealthCheck, Phase, given, note, settings
from port_runs import FILES, Runs

from meshwright.access.targets.postgres import bootstrap

TABLES = int(os.environ.get("MESHWRIGHT_TABLES", "3"))
PORTS = (*FILES, "postgres")
numbers = itertools.count()


@pytest.fixture(scope="module")
def warehouse() -> Iterator[str]:
    """The url of a database that is ready for the schema `drawn`."""
    for server in postgres_server.running():
        database = server.database()
        with psycopg.connect(server.url(database)) as connection:
            connection.execute(bootstrap("drawn", []))
        yield server.url(database, "drawn_pipeline")


def values(rows: str, columns: list[tuple[str, str]], connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Rows, in order, each value as the text of the type that it has in the source."""
    selected = ", ".join(
        'cast(cast("{}" as {}) as varchar)'.format(column.replace('"', '""'), kind)
        for column, kind in columns
    )
    return sorted(map(repr, connection.execute(f"select {selected} from {rows}").fetchall()))


def documents(
    rows: str, columns: list[tuple[str, str]], connection: duckdb.DuckDBPyConnection, document: str
) -> list[str]:
    """The same of PostgreSQL, where what has parts is a JSON document, as DuckDB's expression `document` makes it."""
    selected = []
    for column, kind in columns:
        quoted = '"' + column.replace('"', '""') + '"'
        nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP")) or kind == "JSON"
        selected.append(
            f"cast({document.format(quoted)} as varchar)"
            if nested
            else f"cast(cast({quoted} as {kind}) as varchar)"
        )
    found = connection.execute(f"select {', '.join(selected)} from {rows}").fetchall()

    def plain(value: str | None, kind: str) -> Any:
        nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP")) or kind == "JSON"
        return value if value is None or not nested else json.dumps(json.loads(value), sort_keys=True)

    return sorted(
        repr([plain(value, kind) for value, (_, kind) in zip(row, columns, strict=True)]) for row in found
    )


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
        for port in here.uses:
            note(f"port {port}")
            found: pa.Table = here.read(port)
            assert found.column_names == [column for column, _ in columns]
            connection.register("found", found)
            if port == "postgres":
                assert documents("found", columns, connection, "{}") == documents(
                    "source", columns, connection, "to_json({})"
                )
                continue
            assert values("found", columns, connection) == expected
            shutil.rmtree(landed, ignore_errors=True)
            landed.mkdir()
            location = next(some for some in here.product.outputs if some.name == port)
            location = location.module().location(location, here.product)
            files = data_product.OPEN[f"{port}@1"](location, landed)
            note(f"another product reads {port}")
            read = f"read_parquet({list(map(str, files))}, hive_partitioning = false)"
            assert values(read, columns, connection) == expected
            if port == "parquet":
                connection.register("arrow", pq.read_table(location))
                assert values("arrow", columns, connection) == expected


@settings(
    max_examples=TABLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="MESHWRIGHT_TABLES" not in os.environ,
    database=None,
    phases=[Phase.generate],  # a smaller table is not worth the minutes that it takes
)
@given(table=tables())
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
            assert refused.mend
            # What one port cannot hold, no port has: the others can take it without that one.
            here.uses = tuple(port for port in here.uses if f"({port}@1)" not in str(refused))
            assert len(here.uses) < len(PORTS) and here.uses
            if served is not None:
                held_to(here, served)
            here.run(query)
        held_to(here, query)
        served = query
    shutil.rmtree(root)
