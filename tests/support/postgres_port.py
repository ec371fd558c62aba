"""The code of the PostgreSQL port, imported here, and a server for it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import postgres_server
import pytest
from postgres_server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    yield from postgres_server.running()


@pytest.fixture(scope="session")
def code(every_port: Path) -> SimpleNamespace:
    """The pipeline of a product with the port and the platform, imported here."""
    return SimpleNamespace(
        port=importlib.import_module("pipeline.outputs.postgres"),
        platform=importlib.import_module("pipeline.platforms.postgres"),
        **{
            name: importlib.import_module(f"pipeline.postgres.{name}")
            for name in ("columns", "generations", "database_layout", "server", "session")
        },
        spec=importlib.import_module("pipeline.spec"),
        dataset=importlib.import_module("pipeline.dataset"),
        errors=importlib.import_module("pipeline.errors"),
    )


VALUES = {
    "boolean": ("boolean", ["true", "false", "null"]),
    "utinyint": ("smallint", ["255", "null"]),
    "integer": ("integer", ["-2147483648", "null"]),
    "uinteger": ("bigint", ["4294967295"]),
    "bigint": ("bigint", ["-9223372036854775808"]),
    "ubigint": ("numeric(20,0)", ["18446744073709551615"]),
    "float": ("real", ["'nan'", "'-inf'", "0.1", "3.4e38"]),
    "double": ("double precision", ["'nan'", "'inf'", "'-inf'", "'-0.0'", "5e-324", "0.1", "1.7976931348623157e308"]),
    "decimal(38,10)": ("numeric(38,10)", ["-1234567890123456789012345678.0123456789", "0.1"]),
    "decimal(4,2)": ("numeric(4,2)", ["-99.99"]),
    "varchar": (
        "text",
        ["''", "null", "' '", "'\\.'", "'\\N'", "'NULL'", "'a\"b,c'", "'a\nb\r\nc\rd\\'", "'\t'", "'é😀'", "'\"'"],
    ),
    "blob": ("bytea", ["''", "'\\x00\\xFFa\\x5C'", "null"]),
    "uuid": ("uuid", ["'64a8c35b-8d20-4a38-bd77-10b475e42aeb'"]),
    "date": ("date", ["'0044-03-15 (BC)'", "'0001-01-01'", "'12345-01-01'", "'infinity'", "'-infinity'"]),
    "time": ("time without time zone", ["'24:00:00'", "'00:00:00.000001'"]),
    "timestamp": (
        "timestamp without time zone",
        ["'0044-03-15 (BC) 01:02:03'", "'2026-01-01 00:00:00.123456'", "'infinity'", "'-infinity'", "null"],
    ),
    "timestamp_ms": ("timestamp without time zone", ["'2026-01-01 00:00:00.5'"]),
    "timestamp_ns": ("timestamp without time zone", ["'2026-01-01 00:00:00.123456'", "null"]),
    "timestamptz": (
        "timestamp with time zone",
        ["'0044-03-15 (BC) 01:02:03+00'", "'2026-01-01 00:00:00.1+05:30'", "'infinity'"],
    ),
    "interval": ("interval", ["'1 year 2 months 3 days 04:05:06'", "null"]),
}  # fmt: skip
