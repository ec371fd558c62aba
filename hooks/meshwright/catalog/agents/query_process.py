"""Run one query in a process of its own, which can be ended: `python -m meshwright.catalog.agents.query_process`.

It reads a request as JSON, and prints the result as JSON. Its environment is the caller's, and so are its credentials: for
files those of the object store, for PostgreSQL PGUSER, PGPASSWORD or a password file.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

MEMORY = "512MB"
MOST_BYTES = 4 << 30
"""Bytes of memory of the process, for what the engine's own limit does not count, such as rows of PostgreSQL."""
MOST_COLUMNS, MOST_TEXT, MOST_ITEMS, MOST_DEPTH, MOST_SENT = 500, 2_000, 100, 3, 1_000_000
"""Columns; characters of a text; entries and levels of a nested value; characters of all rows."""
LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": MEMORY,
    "threads": "2",
}
"""DuckDB without files, network, extensions, and objects of this process."""


def main() -> None:
    request = json.load(sys.stdin)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        names, types, rows = RUNS[request["kind"]](request)
        if len(names) > MOST_COLUMNS:
            raise ValueError(f"it has {len(names)} columns, of at most {MOST_COLUMNS}")
        result: dict[str, Any] = {"columns": names, "types": types, **_sent(rows)}
    except Exception as error:  # whatever an engine raises, the server has to say it
        result = {
            "error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:500]
        }
    json.dump(result, sys.stdout)


def _files(request: Mapping[str, Any]) -> tuple[list[str], list[str], Sequence[Sequence[Any]]]:
    import duckdb

    with duckdb.connect(":memory:", config=LOCKED) as connection:
        connection.register(request["table"], _dataset(request["kind"], request["location"]))
        connection.execute("set lock_configuration = true")
        alarm = threading.Timer(request["seconds"], connection.interrupt)
        alarm.start()
        try:
            result = connection.execute(request["sql"])
            about = result.description or []
            rows = result.fetchmany(request["rows"])
        finally:
            alarm.cancel()
    return [str(one[0]) for one in about], [str(one[1]) for one in about], rows


def _dataset(kind: str, location: str) -> Any:
    if kind == "delta":
        from deltalake import DeltaTable

        return DeltaTable(location).to_pyarrow_dataset()
    import pyarrow.dataset
    import pyarrow.fs

    if "://" in location:
        filesystem, path = pyarrow.fs.FileSystem.from_uri(location)
        return pyarrow.dataset.dataset(path, filesystem=filesystem, format="parquet", partitioning="hive")
    return pyarrow.dataset.dataset(location, format="parquet", partitioning="hive")


def _postgres(request: Mapping[str, Any]) -> tuple[list[str], list[str], Sequence[Sequence[Any]]]:
    import psycopg

    from meshwright.catalog.agents.query_grant import database

    where = database(request["location"])
    options = (
        "-c default_transaction_read_only=on -c search_path=pg_catalog -c standard_conforming_strings=on "
        f"-c statement_timeout={int(request['seconds'] * 1000)} -c idle_in_transaction_session_timeout=60000"
    )
    with psycopg.connect(
        host=where["host"],
        port=where["port"],
        dbname=where["dbname"],
        options=options,
        connect_timeout=10,
        application_name="meshwright-mcp",
    ) as connection:
        connection.read_only = True
        with connection.cursor(
            name="query"
        ) as cursor:  # a cursor is declared for one SELECT, and nothing else
            cursor.execute(request["sql"])
            rows = cursor.fetchmany(request["rows"])
            about = cursor.description or []
            types = [str(connection.adapters.types[one.type_code].name) if connection.adapters.types.get(one.type_code) else "" for one in about]  # fmt: skip
            return [one.name for one in about], types, rows


def _sent(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return as many of the rows as are sent, and whether there are more."""
    sent: list[list[Any]] = []
    left = MOST_SENT
    for row in rows:
        cells = [_cell(value) for value in row]
        left -= len(json.dumps(cells))
        if left < 0:
            return {"rows": sent, "more": True}
        sent.append(cells)
    return {"rows": sent, "more": False}


def _cell(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and value not in (float("inf"), float("-inf")) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value[:500]).hex()
    if isinstance(value, list | tuple) and depth < MOST_DEPTH:
        return [_cell(one, depth + 1) for one in value[:MOST_ITEMS]]
    if isinstance(value, dict) and depth < MOST_DEPTH:
        return {str(key)[:200]: _cell(one, depth + 1) for key, one in islice(value.items(), MOST_ITEMS)}
    return str(value)[:MOST_TEXT]


RUNS = {"parquet": _files, "delta": _files, "postgres": _postgres}


if __name__ == "__main__":
    main()
