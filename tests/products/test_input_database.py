"""The input `database@1` against real databases: what lands is what they hold, whatever happens in between."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import mariadb_server
import postgres_server
import psycopg
import pytest
from checkout import ROOT
from products import SUPPORT, Make, pipeline

from meshwright.inspection.landed_names import landed_name
from meshwright.inspection.sources import open_source

DRIVER = SUPPORT / "database_ingest.py"
SAMPLE = "sample_data/flights.sqlite"

SECRET = mariadb_server.PASSWORD


class Worker:
    """A process of the product that ingests what it is asked to."""

    def __init__(self, python: Path, product: Path) -> None:
        self.process = subprocess.Popen(
            [python, DRIVER],
            cwd=product,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lock = threading.Lock()
        assert json.loads(self.process.stdout.readline()) == {"ready": True}

    def ask(self, **request: Any) -> dict[str, Any]:
        with self.lock:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            said = json.loads(self.process.stdout.readline())
        assert "crash" not in said, said["crash"]
        return said


@pytest.fixture(scope="session")
def worker(make: Make, product_python: Path) -> Iterator[Worker]:
    worker = Worker(product_python, make("databases", inputs=["database"]))
    yield worker
    worker.process.stdin.close()
    worker.process.wait()


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    yield from postgres_server.running()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[mariadb_server.Server]:
    yield from mariadb_server.running()


@dataclass
class Source:
    """A database that a test writes to, and an input that reads it."""

    kind: str
    run: Callable[[str], None]
    properties: dict[str, str]


def _sqlite(file: Path) -> Source:
    def run(statements: str) -> None:
        connection = sqlite3.connect(file)
        connection.executescript(statements)
        connection.close()

    return Source("sqlite", run, {"url": f"sqlite:///{file}"})


HOSTILE = {
    "extra_float_digits": "-15",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "datestyle": "German, DMY",
    "timezone": "Asia/Kolkata",
    "client_encoding": "SQL_ASCII",
    "quote_all_identifiers": "on",
}
"""Settings of a database that change what a session reads, unless it overrides them."""


def _postgres(server: postgres_server.Server, encoding: str = "UTF8") -> Source:
    database = server.database()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        if encoding != "UTF8":
            connection.execute(f"drop database {database}")
            connection.execute(f"create database {database} encoding '{encoding}' template template0")
        for name, value in HOSTILE.items():
            connection.execute(f"alter database {database} set {name} = '{value}'")

    def run(statements: str) -> None:
        with psycopg.connect(server.url(database), autocommit=True, client_encoding="UTF8") as connection:
            connection.execute(statements)

    return Source("postgres", run, {"url": server.url(database)})


def _mariadb(server: mariadb_server.Server) -> Source:
    database = server.database()
    return Source(
        "mariadb",
        lambda statements: server.run(statements, database),
        {"url": server.url(database), "password": SECRET},
    )


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    if request.param == "sqlite":
        return _sqlite(tmp_path / "source.sqlite")
    server = request.getfixturevalue(request.param)
    return {"postgres": _postgres, "mariadb": _mariadb}[request.param](server)


@dataclass
class Lake:
    """Where one input lands, run after run."""

    worker: Worker
    work: Path
    source: Source
    properties: dict[str, Any]
    to: str = "duckdb"
    place: str = ""
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Where there is more than the one table `t`."""

    def ingest(self, **options: Any) -> dict[str, Any]:
        return self.worker.ask(
            to=self.to,
            place=self.place or str(self.work),
            work=str(self.work),
            inputs={
                name: {**self.source.properties, **properties}
                for name, properties in (self.inputs or {"t": {"table": "t", **self.properties}}).items()
            },
            **options,
        )

    def rows(self, *columns: str, **options: Any) -> list[Any]:
        """Ingests, and returns what has landed, by column or as one value a row."""
        said = self.ingest(**options)
        assert "error" not in said, said
        rows = said["tables"]["t"]["rows"]
        return [
            tuple(row[column] for column in columns) if len(columns) > 1 else row[columns[0]] for row in rows
        ]

    def refused(self, **options: Any) -> str:
        """Ingests, and returns why it could not, with the fix; without any secret."""
        said = self.ingest(**options)
        assert "error" in said, said
        text = f"{said['error']} {said['fix']}"
        assert SECRET not in text
        return text


@pytest.fixture
def lake(worker: Worker, tmp_path: Path, source: Source) -> Callable[..., Lake]:
    return lambda **properties: Lake(worker, tmp_path, source, properties)


CHANGES = {"cursor": "changed", "key": ["id"]}
TIME = {"sqlite": "datetime", "postgres": "timestamp", "mariadb": "datetime(6)"}


def make_table(source: Source, rows: int = 3) -> None:
    """Ids from 1, whose times of change are seconds apart."""
    source.run(f"create table t (id integer primary key, value text, changed {TIME[source.kind]})")
    values = ", ".join(
        f"({number}, 'first', '2024-05-01 10:00:{number:02}')" for number in range(1, rows + 1)
    )
    source.run(f"insert into t values {values}")


def test_a_run_reads_only_what_is_new_or_may_have_changed(lake: Callable[..., Lake], source: Source) -> None:
    make_table(source)
    source.run("insert into t values (4, 'no time', null)")
    changes = lake(**CHANGES)
    assert changes.rows("value") == ["first", "first", "first", "no time"]
    source.run("insert into t values (5, 'new', '2024-05-01 10:00:05')")
    source.run("update t set value = 'changed', changed = '2024-05-02 10:00:00.5' where id = 1")
    # Within the last tick of the cursor, and without any: these could be lost.
    source.run("update t set value = 'within' where id = 3")
    source.run("update t set value = 'still no time' where id = 4")
    said = changes.ingest()
    assert [row["value"] for row in said["tables"]["t"]["rows"]] == [
        "changed",
        "first",
        "within",
        "still no time",
        "new",
    ]
    assert said["landed"]["t"] == (5 if source.kind == "sqlite" else 4)  # there, a whole day is the tick
    source.run("insert into t values (6, 'no time', null), (7, 'within', '2024-05-02 10:00:00.5')")
    said = changes.ingest()
    assert [row["value"] for row in said["tables"]["t"]["rows"]][5:] == ["no time", "within"]
    assert said["landed"]["t"] == 4


def test_a_lag_finds_what_was_committed_late(lake: Callable[..., Lake], source: Source) -> None:
    make_table(source)
    changes = lake(**CHANGES)
    changes.ingest()
    source.run("insert into t values (4, 'late', '2024-04-29 10:00:00')")
    assert changes.rows("id") == ["1", "2", "3"]
    changes.properties["lag"] = 3 * 24 * 3600
    assert changes.rows("id") == ["1", "2", "3", "4"]


def test_what_can_be_ordered_can_be_a_cursor(lake: Callable[..., Lake], source: Source) -> None:
    source.run("create table t (id bigint primary key, day date, amount decimal(10, 2), name varchar(20))")
    source.run("insert into t values (1, '2024-01-01', 1.10, 'a'), (2, '2024-01-02', 2.20, 'b')")
    cursors = lake()
    cursors.inputs = {
        f"by_{cursor}": {"table": "t", "cursor": cursor, "key": ["id"]}
        for cursor in ("id", "day", "amount", "name")
    }
    cursors.ingest()
    source.run("insert into t values (3, '2024-01-03', 3.30, 'c')")
    said = cursors.ingest()
    for name in cursors.inputs:
        assert [row["name"] for row in said["tables"][name]["rows"]] == ["a", "b", "c"]
        assert said["landed"][name] == 2  # the highest again, and the new one


def test_a_whole_table_is_replaced(lake: Callable[..., Lake], source: Source) -> None:
    make_table(source)
    whole = lake()
    assert whole.rows("id") == ["1", "2", "3"]
    source.run("delete from t where id < 3")
    assert whole.rows("id") == ["3"]
    source.run("delete from t")
    assert whole.rows("id") == []


def test_a_table_without_rows_lands_with_its_columns(lake: Callable[..., Lake], source: Source) -> None:
    source.run(
        'create table t (id integer primary key, "flight no." decimal(8, 3))'.replace(
            '"', "`" if source.kind == "mariadb" else '"'
        )
    )
    types = lake().ingest()["tables"]["t"]["types"]
    assert types == {"id": "BIGINT", "flight_no": "DECIMAL(8,3)"}


TYPES = {
    "sqlite": {
        "n integer": ("-9223372036854775808", "BIGINT", "-9223372036854775808"),
        "d decimal(10, 2)": ("12.34", "DECIMAL(10,2)", "12.34"),
        "r real": ("1.5", "DOUBLE", "1.5"),
        "b boolean": ("1", "BOOLEAN", "True"),
        "day date": ("'2024-02-29'", "DATE", "2024-02-29"),
        "clock time": ("'23:59:59'", "TIME", "23:59:59"),
        "seen datetime": ("'2024-02-29 10:00:00.123456'", "TIMESTAMP", "2024-02-29 10:00:00.123456"),
        "moment timestamp": (
            "'2024-02-29T10:00:00+02:00'",
            "TIMESTAMP WITH TIME ZONE",
            "2024-02-29 08:00:00+00:00",
        ),
        "doc json": ("'{\"a\": 1}'", "JSON", '{"a": 1}'),
        "raw blob": ("x'00ff'", "BLOB", str(b"\x00\xff")),
        "anything": ("7", "VARCHAR", "7"),
    },
    "postgres": {
        "n bigint": ("-9223372036854775808", "BIGINT", "-9223372036854775808"),
        "d numeric(10, 2)": ("12.34", "DECIMAL(10,2)", "12.34"),
        "free numeric": ("1.123456789", "DECIMAL(38,9)", "1.123456789"),
        "huge numeric(50, 2)": (
            "12345678901234567890123456789012345678901.25",
            "VARCHAR",
            "12345678901234567890123456789012345678901.25",
        ),
        "r double precision": ("1.2345678901234567", "DOUBLE", "1.2345678901234567"),
        "floating double precision": ("0.1::float8 + 0.2", "DOUBLE", "0.30000000000000004"),
        "floats double precision[]": ("array[0.1::float8 + 0.2]", "JSON", "[0.30000000000000004]"),
        "b boolean": ("true", "BOOLEAN", "True"),
        "day date": ("'2024-02-29'", "DATE", "2024-02-29"),
        "clock time": ("'23:59:59'", "TIME", "23:59:59"),
        "zoned timetz": ("'23:59:59+02'", "VARCHAR", "23:59:59+02"),
        "seen timestamp": ("'2024-02-29 10:00:00.123456'", "TIMESTAMP", "2024-02-29 10:00:00.123456"),
        "moment timestamptz": (
            "'2024-02-29 10:00:00+02'",
            "TIMESTAMP WITH TIME ZONE",
            "2024-02-29 08:00:00+00:00",
        ),
        "doc jsonb": ("'{\"a\": 1.00000000000000000001}'", "JSON", '{"a": 1.00000000000000000001}'),
        "raw bytea": ("'\\x00ff'", "BLOB", str(b"\x00\xff")),
        "raws bytea[]": ("array['\\xff'::bytea]", "JSON", '["\\\\xff"]'),
        "kind regclass": ("'pg_class'", "VARCHAR", "pg_class"),
        "u uuid": (
            "'123e4567-e89b-12d3-a456-426655440000'",
            "VARCHAR",
            "123e4567-e89b-12d3-a456-426655440000",
        ),
        "list text[]": ("'{x,\"y,z\"}'", "JSON", '["x","y,z"]'),
        "moods mood[]": ("'{fine}'", "JSON", '["fine"]'),
        "m mood": ("'fine'", "VARCHAR", "fine"),
        "positive positive": ("5", "BIGINT", "5"),
        "span interval": ("'1 day 2 hours'", "VARCHAR", "1 day 02:00:00"),
        "address inet": ("'192.0.2.1'", "VARCHAR", "192.0.2.1/32"),
        "area int4range": ("'[1,5)'", "VARCHAR", "[1,5)"),
    },
    "mariadb": {
        "n bigint unsigned": ("18446744073709551615", "DECIMAL(20,0)", "18446744073709551615"),
        "d decimal(10, 2)": ("12.34", "DECIMAL(10,2)", "12.34"),
        "f float": ("1.2345678", "DOUBLE", "1.2345677614212036"),
        "r double": ("1.2345678901234567", "DOUBLE", "1.2345678901234567"),
        "b boolean": ("true", "BIGINT", "1"),
        "flag bit(1)": ("b'1'", "BIGINT", "1"),
        "day date": ("'2024-02-29'", "DATE", "2024-02-29"),
        "clock time": ("'-838:59:59'", "VARCHAR", "-838:59:59"),
        "seen datetime(6)": ("'2024-02-29 10:00:00.123456'", "TIMESTAMP", "2024-02-29 10:00:00.123456"),
        "moment timestamp(6) null": (
            "'2024-02-29 10:00:00+02:00'",
            "TIMESTAMP WITH TIME ZONE",
            "2024-02-29 08:00:00+00:00",
        ),
        "doc json": ("'{\"a\": 1}'", "VARCHAR", '{"a": 1}'),
        "short char(3)": ("'x'", "VARCHAR", "x"),
        "emoji text": ("'\U0001f6eb'", "VARCHAR", "\U0001f6eb"),
        "raw varbinary(4)": ("x'00ff'", "BLOB", str(b"\x00\xff")),
        "u uuid": (
            "'123e4567-e89b-12d3-a456-426655440000'",
            "VARCHAR",
            "123e4567-e89b-12d3-a456-426655440000",
        ),
        "m enum('fine', 'other')": ("'fine'", "VARCHAR", "fine"),
        "many set('p', 'q')": ("'p,q'", "VARCHAR", "p,q"),
        "y year": ("2024", "VARCHAR", "2024"),
    },
}
"""Declared -> (as SQL writes a value, where it lands, what lands there)."""


def test_types_and_values_are_kept(lake: Callable[..., Lake], source: Source) -> None:
    types = TYPES[source.kind]
    if source.kind == "postgres":
        source.run(
            "create type mood as enum ('fine', 'other'); create domain positive as integer check (value > 0)"
        )
    source.run(f"create table t (id integer primary key, {', '.join(types)})")
    values = ", ".join(value for value, _, _ in types.values())
    # An offset in a text is read in the session's zone, which is not the reader's.
    zone = {"postgres": "set time zone 'Asia/Kolkata'; ", "mariadb": "set time_zone = '+00:00'; "}.get(
        source.kind, ""
    )
    values = values.replace("10:00:00+02:00'", "08:00:00'") if source.kind == "mariadb" else values
    source.run(f"{zone}insert into t values (1, {values})")
    source.run("insert into t (id) values (2)")
    said = lake().ingest()
    assert "error" not in said, said
    landed = said["tables"]["t"]
    names = [declared.split()[0] for declared in types]
    wanted = list(types.values())
    assert {name: (landed["types"][name], landed["rows"][0][name]) for name in names} == {
        name: (kind, value) for name, (_, kind, value) in zip(names, wanted, strict=True)
    }
    assert {landed["rows"][1][name] for name in names} == {None}


def test_a_type_that_changes_is_refused_by_name_and_new_columns_come_along(
    lake: Callable[..., Lake], source: Source
) -> None:
    make_table(source)
    changes = lake(**CHANGES)
    changes.ingest()
    # Rows that the cursor has passed have a value there too.
    source.run("alter table t add column extra integer default 5")
    source.run("insert into t values (4, 'new', '2024-05-02 10:00:00', 7)")
    said = changes.ingest()
    assert [row["extra"] for row in said["tables"]["t"]["rows"]] == ["5", "5", "5", "7"]
    assert said["notes"]["t"][0] == "new columns: extra. All rows are read again" and said["landed"]["t"] == 4
    assert changes.ingest()["landed"]["t"] == 1
    source.run("alter table t drop column extra")
    source.run("insert into t values (5, 'without', '2024-05-03 10:00:00')")
    assert changes.rows("extra")[4:] == [None]
    source.run("alter table t add column extra integer default 6")  # it is back, and it was loaded without it
    assert changes.rows("extra") == ["6"] * 5
    source.run("alter table t drop column extra")
    assert changes.ingest()["gone"]["t"] == ["extra"]
    source.run("alter table t add column extra varchar(9)")
    source.run("insert into t values (6, 'text', '2024-05-04 10:00:00', 'seven')")
    said = changes.refused()
    assert "the column extra has changed at its source: it was bigint (int64), and is now VARCHAR" in said
    assert "--full-refresh" in said
    source.run("alter table t drop column extra")
    assert changes.rows("id") == ["1", "2", "3", "4", "5", "6"]
    source.run("alter table t add column extra varchar(9)")
    assert changes.rows("id", anew=True) == ["1", "2", "3", "4", "5", "6"]


def test_two_databases_are_not_mixed(lake: Callable[..., Lake], source: Source, tmp_path: Path) -> None:
    make_table(source)
    lake(**CHANGES).ingest()
    other = _sqlite(tmp_path / "other.sqlite")
    make_table(other)
    moved = lake(**CHANGES)
    moved.source = other
    assert "its rows came from" in moved.refused()


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"table": "gone"}, "the table gone does not exist"),
        ({"columns": ["id", "gone"]}, "`columns` names gone"),
        ({"columns": ["id"], "cursor": "changed", "key": ["id"]}, "`cursor` names changed"),
        ({"cursor": "changed", "key": ["gone"]}, "`key` names gone"),
        ({"cursor": "changed", "key": ["value"]}, "several rows have the same value"),
    ],
)
def test_what_the_spec_has_wrong_is_said(
    lake: Callable[..., Lake], source: Source, properties: dict[str, Any], reason: str
) -> None:
    make_table(source)
    assert reason in lake(**properties).refused()


def test_a_key_that_a_row_lacks_is_refused(lake: Callable[..., Lake], source: Source) -> None:
    make_table(source)
    source.run("update t set value = id; update t set value = null where id = 3")
    assert "rows have no value, which is part of the key" in lake(cursor="changed", key=["value"]).refused()


def test_names_that_would_be_one_column_are_refused(lake: Callable[..., Lake], source: Source) -> None:
    quote = "`" if source.kind == "mariadb" else '"'
    source.run(f"create table t ({quote}flight no{quote} integer, {quote}Flight.No{quote} integer)")
    assert "several columns would have the name flight_no" in lake().refused()
    source.run(f"drop table t; create table t ({quote}größe{quote} integer, {quote}grüße{quote} integer)")
    assert "several columns would have the name gr_e" in lake().refused()


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"url": "sqlite:///gone.sqlite"}, "the file does not exist"),
        (
            {"url": f"postgresql://reader:{SECRET}@127.0.0.1:1/bookings"},
            "no server listens on that host and port",
        ),
        (
            {"url": "mariadb://reader@127.0.0.1:1/bookings", "password": SECRET},
            "no server listens on that host",
        ),
        (
            {"url": "oracle+oracledb://reader@127.0.0.1/bookings", "password": SECRET},
            "oracledb is not installed",
        ),
        ({"url": f"postgresql://u:{SECRET}@h:port/x"}, "not valid for SQLAlchemy"),
    ],
)
def test_a_database_that_is_not_there_is_said_without_the_password(
    worker: Worker, tmp_path: Path, properties: dict[str, str], reason: str
) -> None:
    assert reason in Lake(worker, tmp_path, Source("none", print, properties), {}).refused()


UNFIT = {
    "sqlite": {
        # The declared type, the value, the type that is declared in models/sources.yml: what the run says.
        "word": (
            "decimal(8, 2)",
            "'many'",
            "",
            "'many', which does not fit DECIMAL(8,2), which the database declares",
        ),
        "digits": ("decimal(8, 2)", "1.234", "", "1.234, which does not fit DECIMAL(8,2)"),
        "missing": ("integer", "'NA'", "", "'NA', which does not fit BIGINT"),
        "fraction": ("integer", "1.9", "", "1.9, which does not fit BIGINT"),
        "point": (
            "floating point",
            "1.5",
            "",
            "1.5, which does not fit BIGINT",
        ),  # SQLite's rules find INT in it
        "truth": ("boolean", "'f'", "", "'f', which does not fit BOOLEAN"),
        "two": ("bool", "2", "", "2, which does not fit BOOLEAN"),
        "number": ("date", "5", "", "5, which does not fit DATE"),
        "moment": ("date", "'2024-01-01 10:00:00'", "", "which does not fit DATE"),
        "zone": ("datetime", "'2024-01-01T10:00:00+02:00'", "", "which does not fit TIMESTAMP"),
        "nanoseconds": ("datetime", "'2024-01-01 10:00:00.123456789'", "", "which does not fit TIMESTAMP"),
        "bytes": ("text", "x'ff'", "", "x'ff', which does not fit VARCHAR"),
        "letters": ("text", "x'41'", "", "x'41', which does not fit VARCHAR"),
        "latin": ("text", "cast(x'5afc' as text)", "", "\\udcfc', which does not fit VARCHAR"),
        "blob": ("blob", "'text'", "", "'text', which does not fit BLOB"),
        "json": ("json", "'{'", "", "'{', which does not fit JSON"),
        "third": ("numeric", "1.0 / 3", "", "0.3333333333333333, which does not fit DECIMAL(38,9)"),
        "declared": (
            "text",
            "'x1'",
            "INTEGER",
            "'x1', which does not fit INTEGER, which models/sources.yml declares",
        ),
        "long": ("text", "'four'", "VARCHAR(3)", "'four', which does not fit VARCHAR(3)"),
    },
    "postgres": {
        "third": ("numeric", "1.0 / 3", "", "0.33333333333333333333, which does not fit DECIMAL(38,9)"),
        "nan": ("numeric(5, 2)", "'NaN'", "", "NaN, which does not fit DECIMAL(5,2)"),
        "forever": ("timestamp", "'infinity'", "", "'infinity', which does not fit TIMESTAMP"),
        "zoned": (
            "timestamptz",
            "'-infinity'",
            "",
            "'-infinity', which does not fit TIMESTAMP WITH TIME ZONE",
        ),
        "ancient": ("date", "'0044-03-15 BC'", "", "'0044-03-15 BC', which does not fit DATE"),
        "far": ("date", "'20240-01-01'", "", "'20240-01-01', which does not fit DATE"),
        "midnight": ("time", "'24:00'", "", "'24:00:00', which does not fit TIME"),
        "declared": ("double precision", "1.5", "BIGINT", "1.5, which does not fit BIGINT"),
    },
    "mariadb": {
        "zero": ("date", "'0000-00-00'", "", "'0000-00-00', which does not fit DATE"),
        "never": ("datetime", "'0000-00-00 00:00:00'", "", "which does not fit TIMESTAMP"),
        "month": ("date", "'2024-00-00'", "", "'2024-00-00', which does not fit DATE"),
        "declared": ("bigint unsigned", "18446744073709551615", "BIGINT", "which does not fit BIGINT"),
    },
}
FIT = {
    "sqlite": {
        # The declared type, the value, the type that is declared in models/sources.yml: what lands, and as what.
        "uuid": ("uuid", "'BBD05AE7-6750-4ACA-8280-6D447C97C2BB'", "", "VARCHAR", "BBD05AE7-6750-4ACA-8280-6D447C97C2BB"),
        "string": ("string", "'007'", "", "VARCHAR", "7"),  # of NUMERIC affinity: SQLite makes a number of it
        "enum": ("enum", "'fine'", "", "VARCHAR", "fine"),
        "truth": ("boolean", "'false'", "", "BOOLEAN", "False"),
        "untyped": ("", "0.1 + 0.2", "", "VARCHAR", "0.30000000000000004"),
        "unsigned": ("unsigned big int", "9223372036854775807", "", "BIGINT", "9223372036854775807"),
        "native": ("native character(70)", "'x'", "", "VARCHAR", "x"),
        "double": ("double precision", "1", "", "DOUBLE", "1.0"),
        "number": ("number(10, 2)", "1.5", "", "DECIMAL(10,2)", "1.50"),
        "huge": ("decimal(50, 2)", "1.5", "", "VARCHAR", "1.5"),
        "third": ("numeric", "1.0 / 3", "DOUBLE", "DOUBLE", "0.3333333333333333"),
        "fraction": ("integer", "1.9", "DECIMAL(3,1)", "DECIMAL(3,1)", "1.9"),
        "short": ("integer", "7", "smallint", "SMALLINT", "7"),
        "day": ("text", "'2024-02-29'", "date", "DATE", "2024-02-29"),
        "emoji": ("text", "'\U0001f6eb e\u0301 ' || char(0)", "", "VARCHAR", "\U0001f6eb e\u0301 \0"),
    },
    "postgres": {
        "forever": ("timestamp", "'infinity'", "VARCHAR", "VARCHAR", "infinity"),
        "third": ("numeric", "1.0 / 3", "DECIMAL(38,20)", "DECIMAL(38,20)", "0.33333333333333333333"),
        "scale": ("numeric(2, 4)", "0.0012", "", "DECIMAL(4,4)", "0.0012"),
        "hundreds": ("numeric(3, -2)", "12300", "", "DECIMAL(5,0)", "12300"),
        "endless": ("double precision", "'infinity'", "", "DOUBLE", "inf"),
        "bits": ("bit(3)", "b'101'", "", "VARCHAR", "101"),
        "padded": ("char(3)", "'x'", "", "VARCHAR", "x  "),
    },
    "mariadb": {
        "bits": ("bit(64)", "b'" + "1" * 64 + "'", "", "DECIMAL(20,0)", "18446744073709551615"),
        "latin": ("varchar(9) character set latin1", "'Zürich'", "", "VARCHAR", "Zürich"),
        "truth": ("boolean", "true", "BOOLEAN", "BOOLEAN", "True"),
        "zero": ("date", "'0000-00-00'", "VARCHAR", "VARCHAR", "0000-00-00"),
    },
}  # fmt: skip


@pytest.mark.parametrize("source", ["sqlite"], indirect=True)  # the others do not store such a value
def test_no_value_is_printed_where_one_may_be_personal(lake: Callable[..., Lake], source: Source) -> None:
    source.run(
        "create table t (email text primary key, born date); insert into t values ('ada@example.org', 'Ada')"
    )
    one = lake()
    columns = [
        {"name": "email", "classification": "confidential"},
        {"name": "born", "classification": "confidential"},
    ]
    (one.work / "c.yaml").write_text(json.dumps({"schema": [{"name": "data", "properties": columns}]}))
    refused = one.refused()
    assert "row 1: the column born contains a value of the form Aaa, which does not fit DATE" in refused
    assert "Ada" not in refused and "ada@" not in refused


def in_tables(lake: Lake, cases: dict[str, tuple[str, ...]], **properties: Any) -> dict[str, dict[str, Any]]:
    """What a run says of each case, in a table of its own."""
    source = lake.source
    for name, (declared, value, *_) in cases.items():
        zero = "set sql_mode = ''; " if source.kind == "mariadb" else ""
        source.run(
            f"{zero}create table {name} (id integer primary key, v {declared} null);"
            f" insert into {name} values (1, null), (7, {value})"
        )
    declare(lake.work, {name: {"v": case[2]} for name, case in cases.items() if case[2]})
    lake.inputs = {name: {"table": name, **properties} for name in cases}
    return lake.ingest(each=True)


def declare(product: Path, tables: dict[str, dict[str, str]]) -> None:
    """Writes models/sources.yml."""
    columns = [
        {"name": name, "columns": [{"name": column, "data_type": kind} for column, kind in columns.items()]}
        for name, columns in tables.items()
    ]
    (product / "models").mkdir(exist_ok=True)
    content = {"sources": [{"name": "inputs", "tables": columns}]}
    (product / "models" / "sources.yml").write_text(json.dumps(content), "utf-8")


def test_a_value_that_its_column_cannot_hold_ends_the_run_with_its_place(
    lake: Callable[..., Lake], source: Source
) -> None:
    cases = UNFIT[source.kind]
    for name, ended in in_tables(lake(), cases).items():
        assert f" {name}: id = 7: the column v contains " in ended.get("error", ""), (name, ended)
        assert cases[name][3] in ended["error"], (name, ended)
        assert "declare in models/sources.yml, for the table " in ended["fix"] or name == "latin", ended


def test_a_value_that_fits_lands_as_what_is_declared(lake: Callable[..., Lake], source: Source) -> None:
    cases = FIT[source.kind]
    said = in_tables(lake(), cases)
    assert {
        name: (one["tables"][name]["types"]["v"], one["tables"][name]["rows"][1]["v"])
        if "tables" in one
        else one
        for name, one in said.items()
    } == {name: case[3:] for name, case in cases.items()}


FUTURE = "2999-01-01 00:00:00"


def test_a_cursor_does_not_follow_a_row_into_the_future(lake: Callable[..., Lake], source: Source) -> None:
    make_table(source)
    source.run(f"insert into t values (4, 'tomorrow', '{FUTURE}')")
    changes = lake(**CHANGES)
    (note,) = changes.ingest()["notes"]["t"]
    assert note.startswith("rows whose changed is in the future: 1, up to 2999-01-01 00:00:00")
    source.run("insert into t values (5, 'new', '2024-05-02 10:00:00')")
    source.run("delete from t where id = 4")
    said = changes.ingest()
    assert [row["value"] for row in said["tables"]["t"]["rows"]] == ["first"] * 3 + ["tomorrow", "new"]
    assert [note.partition(":")[0] for note in said["notes"]["t"]] == [
        "the source has 4 rows, but 5 are kept here"
    ]
    (still, _) = changes.ingest()["notes"]["t"]
    assert still.startswith("no row is newer: the cursor changed has stayed at 2024-05-02 10:00:00, since ")
    changes.properties |= {"notice_deletions": False, "cursor_ceiling": 1000 * 366 * 24 * 3600}
    source.run(f"insert into t values (6, 'believed', '{FUTURE}')")
    assert changes.ingest()["notes"]["t"] == []
    changes.properties.pop("cursor_ceiling")  # as after an update from 0.2.0, which believed everything
    notes = changes.ingest()["notes"]["t"]
    assert notes[0].startswith("the cursor changed was at 2999-01-01 00:00:00, above ")


FOLLOWED = {
    # The declared type, a value, a later one, and the type that is declared in models/sources.yml.
    "sqlite": {
        "text_numbers": ("string", "999", "1000", ""),
        "untyped": ("", "999", "1000", "BIGINT"),
        "days": ("text", "'2024-01-01'", "'2024-01-02'", "DATE"),
        "as_text": ("datetime", "'2024-01-01 10:00:00'", "'2024-01-01 11:00:00'", "VARCHAR"),
    },
    "postgres": {
        "huge": ("numeric(50, 2)", "999", "1000", ""),
        "small": ("integer", "999", "1000", "VARCHAR"),
        "feeling": ("mood", "'some'", "'great'", ""),
        "u": (
            "uuid",
            "'018f0000-0000-7000-8000-000000000001'",
            "'018f0000-0000-7000-8000-00000000000a'",
            "",
        ),
        "days": ("text", "'2024-01-01 10:00:00'", "'2024-01-01 11:00:00'", "TIMESTAMP"),
        "forever": ("timestamptz", "'2024-01-01'), (8, 'infinity'", "'2024-01-02'", "VARCHAR"),
        "far": ("date", "'2024-01-01'), (8, '2999-01-01'", "'2024-01-02'", "VARCHAR"),
        "nan": ("numeric", "999), (8, 'NaN'", "1000", "VARCHAR"),
        "endless": ("double precision", "999), (8, 'infinity'), (9, 'nan'", "1000", "VARCHAR"),
    },
    "mariadb": {
        "huge": ("decimal(50, 2)", "999", "1000", ""),
        "small": ("integer", "999", "1000", "VARCHAR"),
        "f": ("float", "1.5", "1.75", ""),
        "y": ("year", "2024", "2025", ""),
        "far": ("datetime", "'2024-01-01'), (8, '2999-01-01'", "'2024-01-02'", "VARCHAR"),
    },
}
NOT_FOLLOWED = {
    "sqlite": {
        "clock": ("time", "'10:00'", ""),
        "raw": ("blob", "x'00'", ""),
        "truth": ("boolean", "1", ""),
        "untyped": ("", "999", ""),
        "number": ("text", "'999'", "BIGINT"),
    },
    "postgres": {
        "raw": ("bytea", "'\\x00'", ""),
        "later": ("xid8", "'999'", ""),
        "span": ("interval", "'9 days'", ""),
        "price": ("money", "9", ""),
        "o": ("oid", "999", ""),
        "log": ("pg_lsn", "'9/0'", ""),
        "clock": ("time", "'10:00'", ""),
        "zoned": ("timetz", "'10:00+00'", ""),
        "truth": ("boolean", "true", ""),
        "number": ("text", "'999'", "BIGINT"),
        "single": ("real", "1.5", "FLOAT"),
    },
    "mariadb": {
        "raw": ("binary(8)", "'a'", ""),
        "clock": ("time", "'99:00:00'", ""),
        "m": ("enum('z', 'a')", "'z'", ""),
    },
}


def test_a_cursor_follows_the_order_of_the_database_or_is_refused(
    lake: Callable[..., Lake], source: Source
) -> None:
    followed, refused = FOLLOWED[source.kind], NOT_FOLLOWED[source.kind]
    if source.kind == "postgres":
        source.run("create type mood as enum ('some', 'great')")
    cases = {name: (*case[:2], case[3]) for name, case in followed.items()}
    cases |= {f"not_{name}": case for name, case in refused.items()}
    cursors = lake()
    said = in_tables(cursors, cases, cursor="v", key=["id"])
    for name in refused:
        assert ": the cursor v " in said[f"not_{name}"].get("error", ""), (name, said[f"not_{name}"])
    cursors.inputs = {name: cursors.inputs[name] for name in followed}
    first = cursors.ingest()
    assert "error" not in first, first
    for name, (_, _, later, _) in followed.items():
        source.run(f"insert into {name} values (2, {later})")
    second = cursors.ingest()
    assert "error" not in second, second
    for name in followed:
        assert "2" in [row["id"] for row in second["tables"][name]["rows"]], (name, second["notes"][name])


SAME_ONCE_LOADED = {
    # The types of the key, two keys, and the type that is declared in models/sources.yml.
    "sqlite": {
        "seconds": ("datetime", "'2024-01-01 10:00:00'", "'2024-01-01T10:00:00'", ""),
        "untyped": ("", "1", "'1'", ""),
        "moment": ("timestamp", "'2024-01-01T10:00:00+00:00'", "'2024-01-01T11:00:00+01:00'", ""),
        "u": (
            "text",
            "'018f0000-0000-7000-8000-00000000000a'",
            "'018F0000-0000-7000-8000-00000000000A'",
            "UUID",
        ),
    },
    "postgres": {
        "number": ("text", "'1'", "'01'", "BIGINT"),
        "bounds": ("integer[]", "'{1,2}'", "'[0:1]={1,2}'", ""),
    },
    "mariadb": {"number": ("varchar(9)", "'1'", "'1.0'", "BIGINT")},
}


def test_keys_that_are_the_same_once_loaded_are_refused(lake: Callable[..., Lake], source: Source) -> None:
    cases = SAME_ONCE_LOADED[source.kind]
    for name, (declared, one, other, _) in cases.items():
        source.run(
            f"create table {name} (k {declared} not null, part integer, changed integer, primary key (k, part));"
            f" insert into {name} values ({one}, 1, 1), ({other}, 1, 2), ({one}, 2, 3)"
        )
    keys = lake()
    declare(keys.work, {name: {"k": case[3]} for name, case in cases.items() if case[3]})
    keys.inputs = {name: {"table": name, "cursor": "changed", "key": ["k", "part"]} for name in cases}
    for name, ended in keys.ingest(each=True).items():
        assert "several rows have the same k, part once loaded: k = " in ended.get("error", ""), (name, ended)
    (name, (_, one, other, _)), *_ = cases.items()
    source.run(f"delete from {name} where k = {other}")
    keys.inputs = {name: keys.inputs[name]}
    assert len(keys.ingest()["tables"][name]["rows"]) == 2
    source.run(f"insert into {name} values ({other}, 1, 9)")  # the other row was read in an earlier run
    assert "once loaded" in keys.ingest().get("error", "")


def test_a_primary_key_does_not_cover_the_tables_that_inherit(
    worker: Worker, tmp_path: Path, postgres: postgres_server.Server
) -> None:
    source = _postgres(postgres)
    make_table(source)
    source.run("create table kid () inherits (t); insert into kid values (1, 'kid', now())")
    assert "several rows have the same id: id = 1." in Lake(worker, tmp_path, source, CHANGES).refused()


def test_a_column_that_is_gone_is_named_and_one_that_is_declared_is_missed(
    lake: Callable[..., Lake], source: Source
) -> None:
    make_table(source)
    changes = lake(**CHANGES)
    changes.ingest()
    source.run("alter table t drop column value")
    said = changes.ingest()
    assert said["gone"]["t"] == ["value"] and sorted(said["columns"]["t"]) == ["changed", "id"]
    declare(changes.work, {"t": {"value": "VARCHAR"}})
    assert "models/sources.yml declares value, but " in changes.refused()


def test_a_column_that_a_whole_table_has_no_more_is_not_read_as_empty(
    lake: Callable[..., Lake], source: Source
) -> None:
    make_table(source)
    whole = lake()
    whole.ingest()
    source.run("alter table t drop column value")
    said = whole.refused()
    assert "value is no longer among the columns" in said and "--full-refresh" in said
    assert sorted(whole.ingest(anew=True)["tables"]["t"]["types"]) == ["changed", "id"]


def test_a_text_with_a_time_zone_goes_by_its_moment(worker: Worker, tmp_path: Path) -> None:
    source = _sqlite(tmp_path / "source.sqlite")
    source.run("create table t (id integer primary key, value text, changed timestamp)")
    source.run("insert into t values (1, 'first', '2024-05-01T00:30:00Z')")
    changes = Lake(worker, tmp_path, source, CHANGES)
    assert changes.rows("id") == ["1"]
    source.run("insert into t values (2, 'later, and the day before', '2024-04-30T23:00:00-12:00')")
    source.run("insert into t values (3, 'later, and the day after', '2024-05-02T00:00:00+14:00')")
    assert changes.rows("id") == ["1", "2", "3"]


def test_who_may_not_read_is_told_why(
    worker: Worker, tmp_path: Path, postgres: postgres_server.Server, mariadb: mariadb_server.Server
) -> None:
    source = _mariadb(mariadb)
    make_table(source)
    source.properties["password"] = "open-sesame"  # noqa: S105 - a wrong one
    text = Lake(worker, tmp_path, source, {}).refused()
    assert "the server refuses the login" in text and "the variable that holds the password" in text
    assert "open-sesame" not in text
    source = _postgres(postgres)
    make_table(source)
    source.run("create role may_read_nothing login")
    source.properties["url"] = source.properties["url"].replace("postgres@", "may_read_nothing@")
    text = Lake(worker, tmp_path, source, {}).refused()
    assert "the account lacks the permission: permission denied for table t" in text and "`select`" in text


def test_rows_that_a_policy_hides_are_not_missing_in_silence(
    worker: Worker, tmp_path: Path, postgres: postgres_server.Server
) -> None:
    source = _postgres(postgres)
    make_table(source)
    source.run("create role sees_one login; grant select on t to sees_one")
    source.run("create policy one on t using (id = 1); alter table t enable row level security")
    source.properties["url"] = source.properties["url"].replace("postgres@", "sees_one@")
    text = Lake(worker, tmp_path, source, {}).refused()
    assert "a row-level security policy would hide rows" in text and 'for table "t"' in text
    assert Lake(worker, tmp_path, source, {"row_security": "apply"}).rows("id") == ["1"]


def test_a_view_of_mariadb_needs_another_permission(
    worker: Worker, tmp_path: Path, mariadb: mariadb_server.Server
) -> None:
    source = _mariadb(mariadb)
    source.run(
        "create table base (id integer); insert into base values (12345);"
        " create view t as select group_concat(id) as id from base"
    )
    source.run("create user sees_t@localhost; grant select on t to sees_t@localhost")
    source.properties["url"] = source.properties["url"].replace("reader@", "sees_t@")
    del source.properties["password"]
    lake = Lake(worker, tmp_path, source, {})
    assert "`grant show view`" in lake.refused()
    source.run("grant show view on t to sees_t@localhost")
    assert lake.rows("id") == ["12345"]  # the server's own limit for group_concat is 4 characters


def test_a_column_that_cannot_be_read_is_named(
    worker: Worker, tmp_path: Path, postgres: postgres_server.Server, mariadb: mariadb_server.Server
) -> None:
    source = _postgres(postgres, encoding="SQL_ASCII")
    source.run("create table t (id integer, good text, latin text); insert into t values (1, 'ü', 'Z')")
    lake = Lake(worker, tmp_path, source, {})
    assert lake.rows("good", "latin") == [("ü", "Z")]
    source.run(r"update t set latin = convert_from('\xfc'::bytea, 'SQL_ASCII')")
    text = lake.refused()
    assert " t: the column latin cannot be read: invalid byte sequence for encoding" in text, text
    source = _mariadb(mariadb)
    source.properties["url"] = source.properties["url"].replace("mariadb:", "mariadb+pymysql:")
    source.run("create table t (at timestamp, `q``q` integer primary key, place point)")
    source.run("set time_zone = '+00:00'; insert into t values ('2024-02-29 08:00:00', 2, point(1, 2))")
    lake = Lake(worker, tmp_path, source, {"table": "t"})
    text = lake.refused(anew=True)
    assert " t: the column place cannot be read: " in text and "leave place out with `columns`" in text
    lake.properties["columns"] = ["at", "q`q"]
    assert lake.rows("at", "q_q", anew=True) == [("2024-02-29 08:00:00+00:00", "2")]


def test_a_table_without_columns_is_refused(
    worker: Worker, tmp_path: Path, postgres: postgres_server.Server
) -> None:
    source = _postgres(postgres)
    source.run("create table t ()")
    assert " t has no columns." in Lake(worker, tmp_path, source, {}).refused()


def test_nothing_can_be_written(
    worker: Worker, tmp_path: Path, postgres: postgres_server.Server, mariadb: mariadb_server.Server
) -> None:
    source = _postgres(postgres)
    source.run(
        "create table log (at timestamp); create function note() returns integer language sql as 'insert into log values (now()) returning 1'; create view t as select note() as id"
    )
    assert "read-only transaction" in Lake(worker, tmp_path, source, {}).refused()
    source = _mariadb(mariadb)
    source.properties["url"] = source.properties["url"].replace("mariadb:", "mariadb+pymysql:")
    source.run(
        "create table log (at datetime);\ndelimiter //\ncreate function note() returns integer modifies sql data"
        " begin insert into log values (now()); return 1; end //\ndelimiter ;\n"
        "create view t as select note() as id; grant show view on t to reader@localhost"
    )
    assert "READ ONLY transaction" in Lake(worker, tmp_path, source, {"table": "t"}).refused(anew=True)


def test_changes_are_merged_into_a_delta_table(worker: Worker, tmp_path: Path) -> None:
    source = _sqlite(tmp_path / "source.sqlite")
    make_table(source, rows=30)
    lake = Lake(worker, tmp_path, source, {}, to="delta")
    lake.inputs = {"t": {"table": "t", **CHANGES}, "whole": {"table": "t"}}
    lake.ingest(chunk=7)
    source.run(
        "update t set value = 'changed', changed = '2024-06-01' where id = 1; delete from t where id = 2"
    )
    source.run("insert into t values (31, 'new', '2024-06-01 10:00:00')")
    tables = lake.ingest(chunk=7)["tables"]
    assert [tables["t"]["rows"][number]["value"] for number in (0, 1, 30)] == ["changed", "first", "new"]
    assert [len(tables[name]["rows"]) for name in ("t", "whole")] == [31, 30]


def everything(source: Source) -> list[tuple[str, str]]:
    """What the source holds, read by its own client."""
    match source.kind:
        case "sqlite":
            with sqlite3.connect(source.properties["url"].removeprefix("sqlite:///")) as connection:
                rows = connection.execute("select id, value from t order by id").fetchall()
        case _:
            with psycopg.connect(source.properties["url"], client_encoding="UTF8") as connection:
                rows = connection.execute("select id, value from t order by id").fetchall()
    return [(str(number), value) for number, value in rows]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("sqlite", CHANGES), ("sqlite", {}), ("postgres", CHANGES)],
    ids=["sqlite", "whole", "postgres"],
)
def test_a_run_that_is_killed_at_any_moment_loses_and_doubles_nothing(
    worker: Worker, tmp_path: Path, postgres: postgres_server.Server, kind: str, mode: dict[str, Any]
) -> None:
    source = _sqlite(tmp_path / "source.sqlite") if kind == "sqlite" else _postgres(postgres)
    make_table(source, rows=50)
    lake = Lake(worker, tmp_path, source, mode)
    began = time.monotonic()
    lake.ingest(read=False, chunk=7)
    whole = time.monotonic() - began
    for attempt in range(6):
        number = 100 + attempt
        source.run(f"insert into t values ({number}, 'new', '2024-06-{attempt + 1:02} 10:00:00')")
        source.run(
            f"update t set value = 'changed {attempt}', changed = '2024-06-{attempt + 1:02} 11:00:00' where id <= 25"
        )
        lake.ingest(read=False, chunk=7, killed_after=whole * (attempt + 1) / 7)
    assert lake.rows("id", "value", chunk=7) == everything(source)


@pytest.mark.parametrize(
    ("kind", "mode"), [("postgres", CHANGES), ("mariadb", {})], ids=["postgres", "mariadb"]
)
def test_a_server_that_restarts_while_it_is_read_costs_a_run_and_no_row(
    worker: Worker, tmp_path: Path, request: pytest.FixtureRequest, kind: str, mode: dict[str, Any]
) -> None:
    server = request.getfixturevalue(kind)
    source = {"postgres": _postgres, "mariadb": _mariadb}[kind](server)
    make_table(source, rows=3)
    many = {
        "postgres": "insert into t select n, repeat('x', 200), '2024-05-02' from generate_series(4, 100000) n",
        "mariadb": "insert into t select seq, repeat('x', 200), '2024-05-02' from seq_4_to_100000",
    }[kind]
    source.run(many)
    lake = Lake(worker, tmp_path, source, mode)
    answers: list[dict[str, Any]] = []
    run = threading.Thread(target=lambda: answers.append(lake.ingest(read=False, chunk=5_000, slow=0.05)))
    run.start()
    time.sleep(0.6)
    server.stop() if kind == "postgres" else server.kill()
    run.join()
    server.start()
    assert "cannot be read: " in answers[0].get("error", ""), answers
    assert lake.ingest(read=False)["landed"]["t"] == 100_000
    assert lake.ingest(read=False)["landed"]["t"] == (99_997 if mode else 100_000)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*), count(distinct id) from inputs.t").fetchone() == (
            100_000,
            100_000,
        )


@pytest.mark.slow
def test_a_product_of_a_database_publishes_what_one_of_files_does(make: Make, product_python: Path) -> None:
    product = make("from-a-database", inputs=["database"])
    done = pipeline(product_python, product)
    assert done.returncode == 0, done.stdout + done.stderr
    served = f"read_parquet('{product}/build/ports/lake/**/*.parquet')"
    of_files = ROOT / "template/sample_data" / "{% if consumer_sample %}departures.parquet{% endif %}"
    files = f"read_parquet('{of_files}')"
    for one, other in ((served, files), (files, served)):
        assert duckdb.sql(f"from {one} except all from {other}").fetchall() == []


DRAFTED = {
    "sqlite": (
        "create table t (id integer primary key, d date, a decimal(9,2), at datetime, x real, mixed int, n varchar(9))",
        "insert into t values (1, '2024-01-02', 1.5, '2024-01-02 10:00:00', 0.1, 'many', 'ä'), (2, null, 2, null, 2, 7, null)",
    ),
    "postgres": (
        "create type kind as enum ('a', 'b'); create table t (id int primary key, k kind, n numeric, e numeric(9,2), d date, u uuid,"
        ' at timestamptz, j jsonb, l text[], c char(3), "Größe" real, i inet)',
        "insert into t values (1, 'a', 1.25, 2, '2024-01-02', '64a8c35b-8d20-4a38-bd77-10b475e42aeb', '2024-01-02 10:00+02',"
        " '{\"a\": 1}', '{x,y}', 'b', 0.1, '10.0.0.1'), (2, null, 'NaN', null, 'infinity', null, null, null, null, null, null, null)",
    ),
    "mariadb": (
        "create table t (id bigint unsigned primary key, k enum('a','b'), b bit(8), f float, t time, y year, ok boolean,"
        " at timestamp null, n decimal(30,4), c varchar(9) collate utf8mb4_general_ci)",
        "insert into t values (1, 'a', 5, 0.1, '25:00:00', 2024, true, '2024-01-02 10:00:00', 1.5, 'x'),"
        " (2, null, null, null, null, null, null, null, null, 'X')",
    ),
}  # fmt: skip


def test_what_a_draft_profiles_is_what_lands(
    lake: Callable[..., Lake], source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for statement in DRAFTED[source.kind]:
        source.run(statement)
    monkeypatch.setenv("SECRET", SECRET)
    url = source.properties["url"].replace("reader@", "reader:${SECRET}@")
    (drafted,) = open_source("t", f"{url}{'&' if '?' in url else '?'}table=t", tmp_path)
    profile = drafted.profile()
    columns = {landed_name(column.name, "database@1"): column.type for column in profile.table.columns}
    (tmp_path / "models").mkdir()
    listed = [{"name": name, "data_type": kind} for name, kind in columns.items()]
    tables = [{"name": "t", "columns": listed}]
    (tmp_path / "models/sources.yml").write_text(
        json.dumps({"sources": [{"name": "inputs", "tables": tables}]})
    )
    said = lake().ingest()
    assert said["columns"]["t"] == columns
    landed = [
        tuple(value for name, value in row.items() if name in columns) for row in said["tables"]["t"]["rows"]
    ]
    rows = [tuple(None if value is None else str(value) for value in row) for row in drafted.rows(9)]
    assert rows == landed
    assert profile.keys[0] == ("id",)
