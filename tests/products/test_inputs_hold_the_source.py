"""What an input lands is what its source holds, value by value, or the run refuses and says where and how to fix it.

Sources are written by other libraries than those that read them. MESHWRIGHT_TABLES says how many tables are drawn for each
kind of source; `make soak` asks for a thousand.
"""

from __future__ import annotations

import csv
import http.server
import io
import itertools
import json
import os
import re
import sqlite3
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import mariadb_server
import postgres_server
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from drawn_inputs import (
    DOCUMENTS,
    FLAVOURS,
    TYPES,
    Cell,
    Drawn,
    Number,
    agrees,
    csv_tables,
    json_tables,
    meaning,
    real,
    written,
)
from drawn_tables import DOUBLES, TEXTS, decimals, integers
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from products import SUPPORT, Make

TABLES = int(os.environ.get("MESHWRIGHT_TABLES", "2"))


@dataclass
class Landing:
    """A process of a product that lands inputs, each in a folder of its own."""

    process: subprocess.Popen[str]
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def root(self) -> Path:
        root = self.folder / str(next(self.numbers))
        (root / "models").mkdir(parents=True)
        return root

    def __call__(self, root: Path, uses: str, declared: dict[str, str], **properties: Any) -> Landed:
        columns = [{"name": name, "data_type": kind} for name, kind in declared.items()]
        sources = {"sources": [{"name": "inputs", "tables": [{"name": "t", "columns": columns}]}]}
        (root / "models/sources.yml").write_text(json.dumps(sources))
        given = {"uses": uses, "from": properties.pop("source", "system:drawn"), "properties": properties}
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"root": str(root), "inputs": {"t": given}}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "crash" not in answer, answer["crash"]
        if "error" in answer:
            note(f"refused: {answer['error']}")
            assert answer["fix"]
            return Landed(answer["error"])
        with pa.memory_map(str(root / "t.arrow")) as file:
            table = pa.ipc.open_file(file).read_all()
        note(f"landed: {answer['types']['t']}\n{table}")
        return Landed("", answer["types"]["t"], table)


@dataclass
class Landed:
    refused: str
    types: dict[str, str] = field(default_factory=dict)
    table: pa.Table = field(default_factory=lambda: pa.table({}))

    def rows(self, names: list[str]) -> list[list[Any]]:
        """The rows as Python has them; dates and times as numbers, for Python has not all of them."""
        if not names:
            return []
        return [list(row) for row in zip(*(plain(self.table[name]) for name in names), strict=True)]


def plain(column: pa.ChunkedArray) -> list[Any]:
    """A column's values: days, and microseconds, with the fraction that nanoseconds are."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column, kind = column.cast(kind.storage_type), kind.storage_type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_date(kind):
        return column.cast(pa.date32()).cast(pa.int32()).to_pylist()
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        if pa.types.is_time32(kind):
            column, kind = column.cast(pa.time64("us")), pa.time64("us")
        scale = {"s": Decimal(10**6), "ms": Decimal(1000), "us": Decimal(1), "ns": Decimal("0.001")}[
            kind.unit
        ]
        units = column.cast(pa.int64()).to_pylist()
        return [one if one is None else whole(one * scale) for one in units]
    return [real(one) if isinstance(one, float) else one for one in column.to_pylist()]


def whole(number: Decimal) -> Decimal | int:
    return int(number) if number == number.to_integral_value() else number


@pytest.fixture(scope="module")
def land(make: Make, product_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landing]:
    product = make("inputs", inputs=["file", "database", "rest-api", "data-product"])
    process = subprocess.Popen(
        [product_python, SUPPORT / "input_worker.py"],
        cwd=product,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield Landing(process, tmp_path_factory.mktemp("landed"))
    process.communicate()


def drawn(**strategies: Any) -> Callable[[Any], Any]:
    """Runs a test with as many tables as are asked for; the same ones, if nothing is."""

    def decorate(test: Any) -> Any:
        many = settings(
            max_examples=TABLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="MESHWRIGHT_TABLES" not in os.environ,
            database=None,
            phases=[Phase.generate],
        )
        return many(given(**strategies)(test))

    return decorate


def held(
    landed: Landed, table: Drawn, *, is_null: Callable[[Cell, str], bool] = lambda cell, kind: False
) -> None:
    """Each value is what its cell says. `is_null`: whether a cell stands for a missing value in a column of a type."""
    if landed.refused:
        assert not table.has_to_land, landed.refused
        return
    names = [name for name in table.columns if name in landed.types]
    assert (
        not {name for name, kind in table.declared.items() if kind not in (landed.types.get(name), "FLOAT")}
        - {name for name in table.columns if name not in names}
        - {name for name, kind in table.declared.items() if re.sub(r"\(\d\)", "", kind) == "VARCHAR"}
    )
    rows = landed.rows(names)
    assert len(rows) == len(table.rows) or not names
    for cells, row in zip(table.rows, rows, strict=False):
        by_name = dict(zip(table.columns, cells, strict=True))
        for name, value in zip(names, row, strict=True):
            kind, cell = landed.types[name], by_name[name]
            if is_null(cell, kind):
                cell = None
            assert agrees(cell, value, kind), (name, kind, cell, value)
            # "007" is a text to JSON, and true is none: only a declaration makes something else of them.
            open_ = name not in table.declared and cell is not None
            if open_ and kind not in ("VARCHAR", "JSON"):
                assert is_certain(cell, kind), (name, kind, cell)


def is_certain(cell: Cell, kind: str) -> bool:
    """Return True if an undeclared cell can only be of this type, and is written as that type writes it."""
    text = written(cell) if isinstance(cell, bool) else str(cell)
    if kind == "BIGINT":
        return str(int(text)) == text
    if kind.startswith("DECIMAL"):
        return re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", text) is not None
    return True


# Files --------------------------------------------------------------------------------------------------------------

FORMS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|", " "]),
        "quote": st.sampled_from(['"', "'"]),
        "escape": st.sampled_from(["", "\\"]),
        "encoding": st.sampled_from(
            ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252", "gb18030"]
        ),
        "skip": st.integers(0, 2),
        "comment": st.sampled_from(["", "", "#", "//"]),
        "header": st.booleans(),
        "nulls": st.sampled_from([[], ["NA"], ["NULL", "\\N"]]),
        "quoted_nulls": st.booleans(),
        "ends": st.sampled_from(["\n", "\r\n", "\r"]),
        "all": st.booleans(),
    }
)


def csv_of(table: Drawn, form: dict[str, Any]) -> bytes:
    """The file, each field as Python's csv writes it: a missing value as nothing, in quotes what would not be itself."""

    def field_(cell: Cell) -> str:
        if cell is None:
            return ""
        line = io.StringIO(newline="")
        csv.writer(
            line,
            delimiter=form["delimiter"],
            quotechar=form["quote"],
            doublequote=not form["escape"],
            escapechar=form["escape"] or None,
            lineterminator="",
            quoting=csv.QUOTE_ALL if needs_quotes(str(cell), form) else csv.QUOTE_MINIMAL,
        ).writerow([cell])
        return line.getvalue()

    lines = [f"line {number} before the header" for number in range(form["skip"])]
    if form["header"]:
        lines.append(form["delimiter"].join(table.columns))
    for number, row in enumerate(table.rows):
        lines.append(form["delimiter"].join(map(field_, row)))
        if form["comment"] and number % 2 == 0:
            lines.append(f"{form['comment']} a comment")
    return "".join(line + form["ends"] for line in lines).encode(form["encoding"])


def needs_quotes(cell: str, form: dict[str, Any]) -> bool:
    """Return True for a text that would be something else without quotes."""
    if form["all"] or not cell or cell in form["nulls"] or form["quote"] in cell:
        return True
    return bool(form["comment"] and cell.startswith(form["comment"])) or any(sign in cell for sign in "\r\n")


@drawn(table=csv_tables(), form=FORMS)
def test_csv_lands_as_it_is_written(land: Landing, table: Drawn, form: dict[str, Any]) -> None:
    root = land.root()
    try:
        body = csv_of(table, form)
    except UnicodeEncodeError:
        form["encoding"] = "utf-8"
        body = csv_of(table, form)
    note(f"{table}\n{form}\n{body!r}")
    (root / "x.csv").write_bytes(body)
    given = {
        key: value for key, value in form.items() if key not in ("ends", "all") and value not in ("", [])
    }
    if not form["header"]:
        given["names"] = table.columns
    landed = land(root, "file@1", table.declared, path="x.csv", **given)
    texts = [str(cell) for row in table.rows for cell in row]
    # A file without a line has no columns; a NUL, and an escape before another sign, are refused.
    table.has_to_land &= bool(table.rows or form["header"]) and not any("\0" in text for text in texts)
    if form["escape"]:
        table.has_to_land &= not any(form["escape"] in text for text in texts)
    missing = {"", *form["nulls"]}

    def is_null(cell: Cell, kind: str) -> bool:
        return cell in missing and (form["quoted_nulls"] or not kind.startswith("VARCHAR"))

    held(landed, table, is_null=is_null)


@drawn(
    table=json_tables(),
    lines=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    leaves_out=st.booleans(),
    ascii_=st.booleans(),
)
def test_json_lands_as_it_is_written(
    land: Landing, table: Drawn, lines: bool, encoding: str, leaves_out: bool, ascii_: bool
) -> None:
    root = land.root()
    rows = [
        {
            name: cell
            for name, cell in zip(table.columns, row, strict=True)
            if not (leaves_out and cell is None)
        }
        for row in table.rows
    ]
    texts = [written(row, ascii_=ascii_ or encoding == "latin-1") for row in rows]
    body = "\n".join(texts) if lines else "[" + ",\n".join(texts) + "]"
    note(f"{table}\n{body}")
    (root / "x.json").write_bytes(body.encode(encoding))
    landed = land(root, "file@1", table.declared, path="x.json", lines=lines, encoding=encoding)
    table.has_to_land &= bool(table.rows) and all(map(is_plain, itertools.chain(*table.rows)))
    held(landed, table)


def is_plain(cell: Any) -> bool:
    """Return True for what no declared type may refuse: nested values have parts that some do."""
    return not isinstance(cell, list | dict)


# Parquet, and other products ------------------------------------------------------------------------------------------

MOMENT = st.integers(-62135596800 * 10**6, 253402300799 * 10**6)
NANOSECONDS = st.integers(-(2**62), 2**62)
ARROW: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.bool_(), st.booleans()),
    *((pa.type_for_alias(f"int{bits}"), integers(bits, True).map(int)) for bits in (8, 16, 32, 64)),
    *((pa.type_for_alias(f"uint{bits}"), integers(bits, False).map(int)) for bits in (8, 16, 32, 64)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.float16(), st.floats(width=16)),
    (pa.decimal128(18, 2), decimals(18, 2).map(Decimal)),
    (pa.decimal128(38, 10), decimals(38, 10).map(Decimal)),
    (pa.decimal256(38, 2), decimals(38, 2).map(Decimal)),
    (pa.decimal256(60, 2), decimals(60, 2).map(Decimal)),
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.dictionary(pa.int32(), pa.string()), TEXTS),
    (pa.binary(), st.binary(max_size=6)),
    (pa.binary(4), st.binary(min_size=4, max_size=4)),
    (pa.date32(), st.integers(-719162, 2932896)),
    (pa.date64(), st.integers(-719162, 2932896).map(lambda days: days * 86_400_000)),
    (pa.time32("s"), st.integers(0, 86399)),
    (pa.time32("ms"), st.integers(0, 86399999)),
    (pa.time64("us"), st.integers(0, 86399999999)),
    (pa.time64("ns"), st.integers(0, 86399999999).map(lambda micro: micro * 1000)),
    (pa.time64("ns"), st.integers(0, 86399999999999)),
    (pa.timestamp("s"), st.integers(-62135596800, 253402300799)),
    (pa.timestamp("ms"), st.integers(-62135596800000, 253402300799000)),
    (pa.timestamp("us"), MOMENT),
    (pa.timestamp("ns"), NANOSECONDS),
    (pa.timestamp("us", "UTC"), MOMENT),
    (pa.timestamp("ms", "Europe/Zurich"), st.integers(-62135596800000, 253402300799000)),
    (pa.timestamp("ns", "America/New_York"), NANOSECONDS.map(lambda nano: nano // 1000 * 1000)),
    (pa.timestamp("ns", "UTC"), NANOSECONDS),
    (pa.list_(pa.int64()), st.lists(st.none() | integers(64, True).map(int), max_size=3)),
    (pa.list_(pa.struct([("a", pa.string()), ("b", pa.decimal128(18, 2))])), st.lists(st.none() | st.fixed_dictionaries({"a": st.none() | TEXTS, "b": decimals(18, 2).map(Decimal)}), max_size=2)),
    (pa.struct([("x", pa.int64()), ("y z", pa.list_(pa.string()))]), st.fixed_dictionaries({"x": st.none() | integers(64, True).map(int), "y z": st.none() | st.lists(TEXTS, max_size=2)})),
    (pa.map_(pa.string(), pa.int64()), st.dictionaries(st.sampled_from(["a", "", "é"]), st.none() | integers(64, True).map(int), max_size=2).map(lambda some: list(some.items()))),
    (pa.null(), st.none()),
]  # fmt: skip


@st.composite
def arrow_tables(draw: Any) -> pa.Table:
    count = draw(st.integers(0, 5))
    arrays, fields = [], []
    for name in ["a", "b", "Flight No.", "d"][: draw(st.integers(1, 4))]:
        kind, some = draw(st.sampled_from(ARROW))
        values = [None if draw(st.integers(0, 5)) == 0 else draw(some) for _ in range(count)]
        units = pa.types.is_temporal(kind)
        width = pa.int32() if units and kind.bit_width == 32 else pa.int64()
        arrays.append(pa.array(values, width).cast(kind) if units else pa.array(values, kind))
        fields.append(pa.field(name, kind))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def rows_of(table: pa.Table) -> list[str]:
    return sorted(repr(list(row)) for row in zip(*map(plain, table.columns), strict=True))


FINER = re.compile(r"nanoseconds|more than 38 digits")


@drawn(
    table=arrow_tables(),
    options=st.fixed_dictionaries(
        {
            "version": st.sampled_from(["1.0", "2.4", "2.6"]),
            "compression": st.sampled_from(["none", "snappy", "zstd", "gzip"]),
            "use_dictionary": st.booleans(),
            "data_page_version": st.sampled_from(["1.0", "2.0"]),
            "row_group_size": st.sampled_from([1, 2, 1000]),
            "store_schema": st.booleans(),
        }
    ),
    files=st.integers(1, 2),
)
def test_parquet_lands_as_it_is_written(
    land: Landing, table: pa.Table, options: dict[str, Any], files: int
) -> None:
    root = land.root()
    note(f"{table}\n{options}")
    try:
        for number in range(files):
            pq.write_table(table, root / f"{number}.parquet", **options)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return  # such a file cannot be written
    landed = land(root, "file@1", {}, path="*.parquet")
    if landed.refused:
        assert FINER.search(landed.refused)
        return
    stored = pa.concat_tables(
        pq.read_table(root / f"{number}.parquet", partitioning=None) for number in range(files)
    )
    names = [re.sub(r"\W+", "_", name).strip("_").lower() for name in stored.column_names]
    assert landed.table.column_names == names
    assert rows_of(landed.table) == rows_of(stored)


@drawn(table=arrow_tables(), port=st.sampled_from(["parquet", "delta"]), files=st.integers(1, 2))
def test_another_products_port_lands_as_it_serves(
    land: Landing, table: pa.Table, port: str, files: int
) -> None:
    root = land.root()
    lake = root / "lake"
    lake.mkdir()
    try:
        for number in range(files):
            if port == "delta":
                deltalake.write_deltalake(lake, table, mode="append")
            else:
                pq.write_table(table, lake / f"{number}.parquet")
    except Exception as error:  # delta-rs knows fewer types, and has many errors
        note(repr(error))
        return
    registry = {"dp:air/other#lake": {"uses": f"{port}@1", "location": "lake", "version": "1.0.0"}}
    (root / "addresses.yaml").write_text(yaml.safe_dump(registry))
    landed = land(root, "data-product@1", {}, source="dp:air/other#lake", addresses="addresses.yaml")
    if landed.refused:
        assert FINER.search(landed.refused)
        return
    if port == "delta":
        stored = deltalake.DeltaTable(lake).to_pyarrow_table()
    else:
        stored = pa.concat_tables(pq.read_table(file, partitioning=None) for file in sorted(lake.iterdir()))
    assert landed.table.column_names == stored.column_names
    assert rows_of(landed.table) == rows_of(stored)


# Databases ------------------------------------------------------------------------------------------------------------

SQLITE = ["INTEGER", "INT UNSIGNED", "BIGINT", "BOOLEAN", "TEXT", "VARCHAR(5)", "CHARINT", "REAL", "DOUBLE PRECISION", "NUMERIC",
          "DECIMAL(10,2)", "DECIMAL", "DATE", "DATETIME", "TIMESTAMP", "TIME", "BLOB", "JSON", "uuid", "string", ""]  # fmt: skip
SQLITE_VALUES = st.one_of(
    st.none(),
    integers(64, True).map(int),
    st.integers(0, 1),
    st.floats(allow_nan=False),
    st.integers(-9, 9).map(float),
    st.decimals(-10**6, 10**6, places=2).map(float),
    TEXTS,
    st.one_of(*(FLAVOURS[name].texts for name in ("integers", "money", "odd numbers", "dates", "times", "timestamps", "moments", "odd times", "booleans"))),
    st.binary(max_size=4),
    st.sampled_from(['{"a":1}', "[1.10]", "NaN", "5", "5.0", "1e3"]),
)  # fmt: skip


@drawn(
    kinds=st.lists(st.sampled_from(SQLITE), min_size=1, max_size=4),
    rows=st.lists(st.lists(SQLITE_VALUES, min_size=4, max_size=4), max_size=5),
    alike=st.booleans(),
    declared=st.lists(st.sampled_from(["", "", "", *TYPES]), min_size=4, max_size=4),
)
def test_sqlite_lands_as_it_is_held(
    land: Landing, kinds: list[str], rows: list[list[Any]], alike: bool, declared: list[str]
) -> None:
    root = land.root()
    names = [f"c{number}" for number in range(len(kinds))]
    if alike and rows:  # values of the first row's kind only: a run that refuses anything shows nothing
        rows = [
            [cell if type(cell) is type(first) else None for cell, first in zip(row, rows[0], strict=True)]
            for row in rows
        ]
    with sqlite3.connect(root / "x.sqlite") as connection:
        connection.execute(f"create table t ({', '.join(map(' '.join, zip(names, kinds, strict=True)))})")
        connection.executemany(
            f"insert into t values ({', '.join('?' * len(names))})", [row[: len(names)] for row in rows]
        )
    connection.close()
    with sqlite3.connect(root / "x.sqlite") as connection:
        held_there = connection.execute("select * from t").fetchall()
    connection.close()
    types = {name: kind for name, kind in zip(names, declared, strict=False) if kind}
    note(f"{kinds}\n{held_there}\n{types}")
    landed = land(root, "database@1", types, url="sqlite:///x.sqlite", table="t")
    if landed.refused:
        assert landed.refused.startswith("Input t: sqlite:///") and re.search(
            r"row \d|c\d declares|declares c\d", landed.refused
        )
        return
    actual = landed.rows(names)
    assert len(actual) == len(held_there)
    for row, cells in zip(actual, held_there, strict=True):
        for name, value, cell in zip(names, row, cells, strict=True):
            assert of_sqlite(cell, value, landed.types[name]), (name, landed.types[name], cell, value)


def of_sqlite(cell: Any, value: Any, kind: str) -> bool:
    """Return True if a value is what SQLite holds: an integer, a float, a text or bytes, whatever the column is."""
    match cell:
        case None:
            return value is None
        case bytes():
            return bool(value == cell)
        case float() if kind in ("DOUBLE", "VARCHAR"):
            return bool(value == (real(cell) if kind == "DOUBLE" else repr(cell)))
        case int() if kind.startswith("VARCHAR"):
            return bool(value == str(cell))
        case int() if kind in ("DOUBLE", "FLOAT"):
            return int(float(value)) == cell
        case int() | float() if kind == "BOOLEAN":
            return value is bool(cell) and cell in (0, 1)
        case float() if kind == "FLOAT":
            return agrees(repr(cell), value, kind)
        case int() | float():
            return bool(value is not None and not isinstance(value, bool) and Decimal(repr(cell)) == value)
    if kind.startswith("TIMESTAMP WITH") and re.fullmatch(r"[0-9-]{10}([T ][0-9:.]*)?", cell):
        cell += "Z" if len(cell) > 10 else " 00:00Z"  # a time without a zone is one in UTC there
    return agrees(
        json.loads(cell, parse_int=Number, parse_float=Number) if kind == "JSON" else cell, value, kind
    )


SERVERS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "postgres": {
        "smallint": integers(16, True), "integer": integers(32, True), "bigint": integers(64, True), "numeric(18,2)": decimals(18, 2),
        "numeric(38,10)": decimals(38, 10), "numeric(50,5)": decimals(50, 5), "numeric": st.one_of(decimals(20, 5), decimals(38, 20), st.sampled_from(["NaN", "1e30"])),
        "numeric(5,-2)": st.sampled_from(["12300", "-100"]), "numeric(3,5)": st.sampled_from(["0.00123"]),
        "real": st.floats(width=32).map(repr), "double precision": DOUBLES, "text": TEXTS, "varchar(3)": st.text("aé😀 ", max_size=3), "char(4)": st.text("aé ", max_size=4),
        "boolean": st.sampled_from(["true", "false"]), "bytea": st.binary(max_size=4).map(lambda some: "\\x" + some.hex()),
        "date": st.one_of(st.dates().map(str), st.sampled_from(["infinity", "0044-03-15 BC", "10000-01-01"])),
        "time": st.one_of(st.times().map(str), st.sampled_from(["24:00:00"])), "time with time zone": st.times().map(lambda one: f"{one}+05:30"),
        "timestamp": st.one_of(st.datetimes().map(str), st.sampled_from(["-infinity", "9999-12-31 23:59:59.999999", "294276-01-01"])),
        "timestamptz": st.tuples(st.datetimes().map(str), st.sampled_from(["+00", "+05:30", "-08"])).map("".join),
        "uuid": st.uuids().map(str), "json": DOCUMENTS.map(written), "jsonb": DOCUMENTS.map(written), "integer[]": st.lists(integers(32, True), max_size=3).map(lambda some: "{" + ",".join(some) + "}"),
        "numeric(18,2)[]": st.lists(decimals(18, 2), max_size=2).map(lambda some: "{" + ",".join(some) + "}"),
        "interval": st.sampled_from(["1 day 02:03:04", "-1 mon"]), "inet": st.sampled_from(["10.0.0.1/8"]), "money": st.sampled_from(["12.50"]), "int4range": st.sampled_from(["[1,5)"]),
        "bit(3)": st.sampled_from(["101"]), "xml": st.sampled_from(["<a/>"]), "oid": st.sampled_from(["4294967295"]),
    },
    "mariadb": {
        "tinyint": integers(8, True), "boolean": st.sampled_from(["0", "1"]), "int": integers(32, True), "int unsigned": integers(32, False), "bigint": integers(64, True),
        "bigint unsigned": integers(64, False), "decimal(18,2)": decimals(18, 2), "decimal(38,10)": decimals(38, 10), "decimal(60,5)": decimals(60, 5),
        "float": st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr), "double": st.floats(allow_nan=False, allow_infinity=False).map(repr),
        "text": TEXTS, "varchar(9)": st.text("aé😀 ", max_size=9), "char(4)": st.text("aé", max_size=4), "date": st.dates().filter(lambda some: some.year > 999).map(str),
        "time(6)": st.times().map(str), "datetime(6)": st.datetimes().filter(lambda some: some.year > 999).map(str), "year": st.sampled_from(["1901", "2155"]),
        "blob": st.binary(max_size=4), "json": DOCUMENTS.map(written), "enum('a','B')": st.sampled_from(["a", "B"]), "set('a','B')": st.sampled_from(["a", "a,B", ""]),
        "bit(9)": st.sampled_from([0, 511]), "uuid": st.uuids(version=4).map(str), "timestamp(6) null": st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)).map(str),
    },
}  # fmt: skip


@st.composite
def server_tables(draw: Any, kind: str) -> tuple[list[str], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(list(SERVERS[kind])), min_size=1, max_size=5))
    count = draw(st.integers(0, 4))
    columns = [
        [None if draw(st.integers(0, 5)) == 0 else draw(SERVERS[kind][one]) for _ in range(count)]
        for one in kinds
    ]
    return kinds, [list(row) for row in zip(*columns, strict=True)]


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    for server in postgres_server.running():
        database = server.database()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"alter database {database} set extra_float_digits = -15")
        yield server.url(database)


@pytest.fixture(scope="module")
def mariadb() -> Iterator[mariadb_server.Server]:
    yield from mariadb_server.running()


@drawn(table=server_tables("postgres"))
def test_postgres_lands_as_it_holds(
    land: Landing, postgres_url: str, table: tuple[list[str], list[list[Any]]]
) -> None:
    kinds, rows = table
    note(f"{table}")
    names = [f"c{number}" for number in range(len(kinds))]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'; set extra_float_digits = 1")
        connection.execute(
            f"drop table if exists t; create table t ({', '.join(map(' '.join, zip(names, kinds, strict=True)))})"
        )
        for row in rows:
            values = ", ".join(f"cast(%s as {kind})" for kind in kinds)
            try:
                connection.execute(f"insert into t values ({values})", row)
            except psycopg.DataError:
                continue  # a NUL, half a character, too many digits
        texts = connection.execute(
            f"select {', '.join(as_text(name, kind) for name, kind in zip(names, kinds, strict=True))} from t"
        ).fetchall()
    landed = land(land.root(), "database@1", {}, url=postgres_url, table="t")
    held_by_server(landed, names, kinds, texts)


def as_text(name: str, kind: str) -> str:
    return f"to_json({name})::text" if kind.endswith("[]") else f"{name}::text"


def held_by_server(landed: Landed, names: list[str], kinds: list[str], texts: list[tuple[Any, ...]]) -> None:
    """What landed is what the texts say that the server itself gives."""
    note(f"{texts}")
    if landed.refused:
        unfit = {"numeric", "date", "timestamp", "timestamptz", "time", "text"}
        assert unfit & set(kinds) and re.search(r"row \d+: the column c\d contains", landed.refused)
        return
    actual = landed.rows(names)
    assert len(actual) == len(texts)
    left = list(actual)
    for cells in texts:
        match = next(
            (
                row
                for row in left
                if all(map(of_server, kinds, cells, row, (landed.types[name] for name in names)))
            ),
            None,
        )
        assert match is not None, (cells, left, landed.types)
        left.remove(match)


def of_server(kind: str, cell: Any, value: Any, landed: str) -> bool:
    if cell is None or value is None:
        return cell is None and value is None
    if landed == "JSON":
        return agrees(json.loads(cell, parse_int=Number, parse_float=Number), value, landed)
    if kind.startswith("char("):
        cell, value = cell.rstrip(" "), value.rstrip(" ")
    if kind in ("real", "float", "double", "double precision") and float(cell) == 0 == float(value):
        return True  # DuckDB stores a column of zeros as one value, with the sign of the first
    if kind in ("real", "float"):
        return struct.pack("f", float(cell)) == struct.pack("f", float(value))
    return agrees(str(cell), value, landed)


@drawn(table=server_tables("mariadb"))
def test_mariadb_lands_as_it_holds(
    land: Landing, mariadb: mariadb_server.Server, table: tuple[list[str], list[list[Any]]]
) -> None:
    kinds, rows = table
    names = [f"c{number}" for number in range(len(kinds))]
    database = mariadb.database()
    statements = [
        f"create table t ({', '.join(map(' '.join, zip(names, kinds, strict=True)))})",
        "set time_zone = '+00:00'",
    ]
    kept = []
    for row in rows:
        if any("\0" in str(cell) or "\\u0000" in str(cell) for cell in row):
            continue
        kept.append(row)
        statements.append(f"insert into t values ({', '.join(map(mariadb_literal, row))})")
    note(f"{kinds}\n{kept}")
    mariadb.run(";\n".join(statements), database)
    landed = land(
        land.root(), "database@1", {}, url=mariadb.url(database), password=mariadb_server.PASSWORD, table="t"
    )
    assert not landed.refused
    actual = landed.rows(names)
    assert len(actual) == len(kept)
    for cells, row in zip(kept, actual, strict=True):
        for kind, cell, value, name in zip(kinds, cells, row, names, strict=True):
            assert of_mariadb(kind, cell, value, landed.types[name]), (kind, cell, value, landed.types[name])


def mariadb_literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, int):
        return str(value)
    return f"convert(x'{value.encode().hex()}' using utf8mb4)"


def of_mariadb(kind: str, cell: Any, value: Any, landed: str) -> bool:
    if isinstance(cell, bytes) or cell is None:
        return bool(value == cell)
    if kind == "char(4)":
        return bool(value.rstrip(" ") == cell.rstrip(" "))
    if kind == "time(6)":
        return meaning(value, "TIME") == meaning(cell, "TIME")
    if kind == "double":
        return float(cell) == float(value)  # InnoDB has no -0.0
    if kind == "float":
        return struct.pack("f", float(cell) + 0.0) == struct.pack("f", float(value) + 0.0)
    if kind.startswith("timestamp"):
        cell += "Z"
    return agrees(str(cell), value, landed)


# A REST API -----------------------------------------------------------------------------------------------------------


class Api(http.server.ThreadingHTTPServer):
    """Serves pages, each with a link to the next one."""

    pages: dict[str, list[bytes]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.pages = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Page(http.server.BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name, _, number = self.path[1:].partition("/")
        pages, at = self.server.pages[name], int(number or 0)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if at + 1 < len(pages):
            self.send_header(
                "Link", f'<http://127.0.0.1:{self.server.server_port}/{name}/{at + 1}>; rel="next"'
            )
        self.send_header("Content-Length", str(len(pages[at])))
        self.end_headers()
        self.wfile.write(pages[at])

    def log_message(self, *_: Any) -> None:
        """Not a word."""


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    server = Api()
    yield server
    server.shutdown()
    server.server_close()


@drawn(
    table=json_tables(nested_types=False),
    size=st.integers(1, 4),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
    leaves_out=st.booleans(),
)
def test_a_rest_api_lands_as_it_answers(
    land: Landing, api: Api, table: Drawn, size: int, encoding: str, leaves_out: bool
) -> None:
    rows = [
        written(
            {
                name: cell
                for name, cell in zip(table.columns, row, strict=True)
                if not (leaves_out and cell is None)
            }
        )
        for row in table.rows
    ]
    pages = [f"[{', '.join(rows[start : start + size])}]" for start in range(0, len(rows), size)] or ["[]"]
    note(f"{table}\n{pages}")
    root = land.root()
    api.pages[root.name] = [page.encode(encoding) for page in pages]
    url = f"http://127.0.0.1:{api.server_port}"
    landed = land(
        root, "rest-api@1", table.declared, base_url=url, path=root.name, paginator={"type": "header_link"}
    )
    table.has_to_land &= (
        bool(rows) and len(set(pages)) == len(pages) and all(map(is_plain, itertools.chain(*table.rows)))
    )
    held(landed, table)


def test_nanoseconds_of_another_product_are_not_cut_off(every_port: Path, tmp_path: Path) -> None:
    from pipeline.errors import UnreadableInput
    from pipeline.inputs import data_product
    from pipeline.spec import Capability, Product

    lake = tmp_path / "lake"
    lake.mkdir()
    at = pa.array([1, None], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"at": at}), lake / "0.parquet")
    registry = {
        "dp:air/other#lake": {"uses": "parquet@1", "location": "lake/0.parquet"}
    }  # as parquet@1 registers it
    (tmp_path / "addresses.yaml").write_text(yaml.safe_dump(registry))
    source = Capability("inputs", "data-product@1", "t", "dp:air/other#lake", {"addresses": "addresses.yaml"})
    transform = Capability("transforms", "dbt@1")
    product = Product(tmp_path, "p", "d", "1.0.0", "data", tmp_path / "c.yaml", (), transform, (), ())
    for read in (data_product.files, data_product.reader_sql):
        with pytest.raises(UnreadableInput, match="column at has nanoseconds") as refused:
            read(source, product)
        assert "Deliver it to the microsecond" in refused.value.fix
