"""Run one query in a process of its own, which can be ended: `python -m meshwright.catalog.agents.query_process`.

It reads a request as JSON, and prints the result as JSON. Its environment is the caller's, and so are its credentials: for
files those of the object store, for PostgreSQL PGUSER, PGPASSWORD or a password file.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

MEMORY = "512MB"
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
        names, types, rows = RUNS[request["kind"]](request)
        result: dict[str, Any] = {
            "columns": names,
            "types": types,
            "rows": [list(map(_cell, row)) for row in rows],
        }
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
        "-c default_transaction_read_only=on -c search_path=pg_catalog "
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


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and value not in (float("inf"), float("-inf")) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)[:500].hex()
    if isinstance(value, list | tuple):
        return [_cell(one) for one in value[:100]]
    if isinstance(value, dict):
        return {str(key): _cell(one) for key, one in list(value.items())[:100]}
    return str(value)


RUNS = {"parquet": _files, "delta": _files, "postgres": _postgres}


if __name__ == "__main__":
    main()
