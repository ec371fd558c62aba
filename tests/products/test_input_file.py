"""What a file says lands exactly, or the run names the file, the line and the fix."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

Land = Callable[..., Any]


def declares(columns: dict[str, str]) -> str:
    """models/sources.yml with one table."""
    listed = [{"name": name, "data_type": kind} for name, kind in columns.items()]
    return json.dumps({"sources": [{"name": "inputs", "tables": [{"name": "t", "columns": listed}]}]})


@pytest.fixture(scope="module")
def land(every_port: Path, tmp_path_factory: pytest.TempPathFactory) -> Land:
    """Lands the files of one input; returns types and rows, or the UnreadableInput."""
    from pipeline.declared_columns import recorded
    from pipeline.errors import UnreadableInput
    from pipeline.inputs import file
    from pipeline.spec import Capability, Product

    base, numbers = tmp_path_factory.mktemp("land"), itertools.count()

    def call(
        content: Any,
        declared: Any = "",
        record: Any = None,
        how: str = "files",
        later: dict[str, str] | None = None,
        **properties: Any,
    ) -> Any:
        root = base / str(next(numbers))
        for folder in ("models", "build/scratch"):
            (root / folder).mkdir(parents=True)
        (root / "models/sources.yml").write_text(
            declared if isinstance(declared, str) else declares(declared)
        )
        files = content if isinstance(content, dict) else {"x.csv": content}
        for name, body in files.items():
            (root / name).write_bytes(body if isinstance(body, bytes) else body.encode())
        first = next(iter(files))
        properties.setdefault("path", first if len(files) == 1 else f"*{Path(first).suffix}")
        transform = Capability("transforms", "dbt@1")
        product = Product(root, "p", "d", "1.0.0", "data", root / "c.yaml", (), transform, (), ())
        if record is not None:
            recorded(product).parent.mkdir(parents=True)
            recorded(product).write_text(json.dumps(record))
        source = Capability("inputs", "file@1", "t", properties=properties)
        try:
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                if how == "reader_sql":
                    query = file.reader_sql(source, product)
                    for name, text in (later or {}).items():  # when somebody reads
                        (root / name).write_text(text)
                    return connection.execute(query).fetchall()
                landed = file.files(source, product)
                rows = connection.execute("from read_parquet($1)", [[str(path) for path in landed.paths]])
                found = landed.columns, rows.fetchall()
                return (*found, landed.notes) if how == "notes" else found
        except UnreadableInput as error:
            return error

    return call


DAY = {"day": "DATE"}
EXACT: dict[str, tuple[dict[str, Any], dict[str, str], list[tuple[Any, ...]]]] = {
    "values that begin with #": (
        {"content": "n,v\n1001,5\n#1002,6\n"}, {"n": "VARCHAR", "v": "BIGINT"}, [("1001", 5), ("#1002", 6)]),
    "comments": (
        {"content": '# a "title\nn,v\n# 1\n1,"x\n#y"\n', "comment": "#"}, {"n": "BIGINT", "v": "VARCHAR"}, [(1, "x\n#y")]),
    "long ids and money": (
        {"content": "id,m\n12345678901234567890,1234567890123456.78\n"},
        {"id": "VARCHAR", "m": "DECIMAL(18,2)"},
        [("12345678901234567890", Decimal("1234567890123456.78"))]),
    "dates of one country": (
        {"content": "id,day\n1,01/02/2025\n"}, {"id": "BIGINT", "day": "VARCHAR"}, [(1, "01/02/2025")]),
    "dates whose form is given": (
        {"content": "day\n01/02/2025\n03/14/2025\n", "declared": DAY, "date_format": "%m/%d/%Y"},
        DAY, [(date(2025, 1, 2),), (date(2025, 3, 14),)]),
    "a form for each column": (
        {"content": "day,due\n02.01.2025,2025-01-03\n", "declared": DAY | {"due": "DATE"}, "date_format": {"day": "%d.%m.%Y"}},
        DAY | {"due": "DATE"}, [(date(2025, 1, 2), date(2025, 1, 3))]),
    "moments whose form is given, and others": (
        {"content": "at,iso\n01.02.2025 01:30 +02:00,2025-02-01T10:00\n", "declared": {"at": "timestamptz"}, "timestamp_format": "%d.%m.%Y %H:%M %z"},
        {"at": "TIMESTAMP WITH TIME ZONE", "iso": "TIMESTAMP"},
        [(datetime(2025, 1, 31, 23, 30, tzinfo=UTC), datetime(2025, 2, 1, 10))]),
    "weekdays and days of the year": (
        {
            "content": "at,day,utc\n\"Mon, 02 Jan 2006 23:30 -0500\",2024-366,2025-07-01 UTC\n",
            "declared": {"at": "timestamptz", "day": "DATE", "utc": "timestamptz"}, "date_format": "%Y-%j",
            "timestamp_format": {"at": "%a, %d %b %Y %H:%M %z", "utc": "%Y-%m-%d %Z"}},
        {"at": "TIMESTAMP WITH TIME ZONE", "day": "DATE", "utc": "TIMESTAMP WITH TIME ZONE"},
        [(datetime(2006, 1, 3, 4, 30, tzinfo=UTC), date(2024, 12, 31), datetime(2025, 7, 1, tzinfo=UTC))]),
    "a byte order mark in the data": (
        {"content": "a,b\n\ufeff1,2\n\ufeff3,4\n"}, {"a": "VARCHAR", "b": "BIGINT"}, [("\ufeff1", 2), ("\ufeff3", 4)]),
    "nanoseconds whose form is given": (
        {"content": "at\n2025-02-01 10:00:00.123456000\n", "declared": {"at": "TIMESTAMP"}, "timestamp_format": "%Y-%m-%d %H:%M:%S.%n"},
        {"at": "TIMESTAMP"}, [(datetime(2025, 2, 1, 10, 0, 0, 123456),)]),
    "thousands where commas are decimal": (
        {"content": "m;n\n1.234;1,0\n", "declared": {"n": "BIGINT"}, "delimiter": ";", "decimal": ","},
        {"m": "VARCHAR", "n": "BIGINT"}, [("1.234", 1)]),
    "what is nested deeper than its type": (
        {"content": {"x.json": '[{"s":{"v":{"y":1.10},"j":[1.10,1e400],"n":5.10}}]'}, "declared": {"s": "STRUCT(v VARCHAR, j JSON, n JSON)"}},
        {"s": "STRUCT(v VARCHAR, j JSON, n JSON)"}, [({"v": '{"y":1.10}', "j": "[1.10,1e400]", "n": "5.10"},)]),
    "texts and numbers as JSON": (
        {"content": {"x.json": '[{"j":"5","s":{"j":"5"}},{"j":5,"s":{"j":5}},{"j":"x","s":null}]'}, "declared": {"j": "JSON", "s": "STRUCT(j JSON)"}},
        {"j": "JSON", "s": "STRUCT(j JSON)"}, [('"5"', {"j": '"5"'}), ("5", {"j": "5"}), ('"x"', None)]),
    "odd keys": (
        {"content": {"x.json": '[{"m":{"":1,"*":2,"a/b~c":3,"q\\"":4}}]'}, "declared": {"m": "MAP(VARCHAR, BIGINT)"}},
        {"m": "MAP(VARCHAR, BIGINT)"}, [({"": 1, "*": 2, "a/b~c": 3, 'q"': 4},)]),
    "a name like a pattern": ({"content": {"x[1].csv": "a,b\n1,2\n"}}, {"a": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    "commas and tabs": (
        {"content": {"1.csv": "a,b\n1,2\n", "2.tsv": "a\tb\n3\t4\n"}, "path": "*.?sv"},
        {"a": "BIGINT", "b": "BIGINT"}, [(1, 2), (3, 4)]),
    "lists and lines of JSON": (
        {"content": {"1.json": '[{"a":1}]', "2.jsonl": '{"a":2}\n{"a":3}\n'}, "path": "*.json*"}, {"a": "BIGINT"}, [(1,), (2,), (3,)]),
    "packed, in capitals": ({"content": {"X.CSV.GZ": gzip.compress(b"a,b\n1,2\n")}}, {"a": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    "decimal comma": (
        {"content": "m;n\n1,5;7\n", "declared": {"m": "DECIMAL(9,2)"}, "delimiter": ";", "decimal": ","},
        {"m": "DECIMAL(9,2)", "n": "BIGINT"}, [(Decimal("1.50"), 7)]),
    "mixed line ends": (
        {"content": "a,b\r\n1,2\n3,4\r5,6\r\n"}, {"a": "BIGINT", "b": "BIGINT"}, [(1, 2), (3, 4), (5, 6)]),
    "blank lines": ({"content": "a,b\n\n1,2\n\n"}, {"a": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    "blank lines of one column": ({"content": "a\n1\n\n"}, {"a": "BIGINT"}, [(1,), (None,)]),
    "an inch": ({"content": 'a,b\n1,5" pipe\n2,"q"\n'}, {"a": "BIGINT", "b": "VARCHAR"}, [(1, '5" pipe'), (2, "q")]),
    "empty and missing texts": (
        {"content": 'a,b\n1,""\n2,\n3,"NA"\n4,NA\n', "nulls": ["NA"]},
        {"a": "BIGINT", "b": "VARCHAR"}, [(1, ""), (2, None), (3, "NA"), (4, None)]),
    "missing numbers in quotes": ({"content": 'a\n""\n"5"\n'}, {"a": "BIGINT"}, [(None,), (5,)]),
    "a title": ({"content": 'The "title\na,b\n1,2\n', "skip": 1}, {"a": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    "no header": ({"content": "1,2\n", "header": False, "names": ["A", "b c"]}, {"a": "BIGINT", "b_c": "BIGINT"}, [(1, 2)]),
    "no header, but a declaration": (
        {"content": "1,2\n", "header": False, "declared": {"a": "DOUBLE", "b": "VARCHAR"}},
        {"a": "DOUBLE", "b": "VARCHAR"}, [(1.0, "2")]),
    "latin-1": ({"content": "a\nZürich\n".encode("latin-1"), "encoding": "latin-1"}, {"a": "VARCHAR"}, [("Zürich",)]),
    "utf-16": ({"content": "a\nZürich\n".encode("utf-16"), "encoding": "utf-16"}, {"a": "VARCHAR"}, [("Zürich",)]),
    "a byte order mark": ({"content": codecs.BOM_UTF8 + b'"a"\n1\n'}, {"a": "BIGINT"}, [(1,)]),
    "escapes": ({"content": 'a,b\n"x\\"y",1\n', "escape": "\\"}, {"a": "VARCHAR", "b": "BIGINT"}, [('x"y', 1)]),
    "no quotes": ({"content": 'a,b\n"x,1\n', "quote": ""}, {"a": "VARCHAR", "b": "BIGINT"}, [('"x', 1)]),
    "escapes of all that needs one": (
        {"content": 'a,b\n"x\\\\",\\,\\\\\n', "escape": "\\"}, {"a": "VARCHAR", "b": "VARCHAR"}, [("x\\", ",\\")]),
    "JSON in CSV": (
        {"content": "a\n'{\"nan, ]\":\"inf \\\",]\",\"b\":[1.10]}'\n", "quote": "'", "declared": {"a": "JSON"}},
        {"a": "JSON"}, [('{"nan, ]":"inf \\",]","b":[1.10]}',)]),
    "names that are the header": ({"content": "A,b\n1,2\n", "names": ["a", "b"]}, {"a": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    "tabs, packed": (
        {"content": {"x.tsv.gz": gzip.compress(b"a\tb\n1\t,\n")}}, {"a": "BIGINT", "b": "VARCHAR"}, [(1, ",")]),
    "columns in another order": (
        {"content": {"1.csv": "a,b\n1,x\n", "2.csv": "b,A\ny,2\n"}},
        {"a": "BIGINT", "b": "VARCHAR"}, [(1, "x"), (2, "y")]),
    "columns that may be missing": (
        {"content": {"1.csv": "a\n1\n", "2.csv": "b\n2\n"}, "declared": DAY, "missing_columns": "allowed"},
        {"a": "BIGINT", "b": "BIGINT", "day": "DATE"}, [(1, None, None), (None, 2, None)]),
    "a header only": ({"content": "a,day\n", "declared": DAY}, {"a": "VARCHAR", "day": "DATE"}, []),
    "a header only, recorded": (
        {"content": "a,day\n", "record": {"version": 2, "inputs": {"t": DAY | {"gone": "DATE"}}}},
        {"a": "VARCHAR", "day": "DATE"}, []),
    "no values, published by 0.2.0": (
        {"content": "a,day\n1,\n", "record": {"t": {"a": "int64", "day": "date32[day]"}}},
        {"a": "BIGINT", "day": "DATE"}, [(1, None)]),
    "times": (
        {"content": "a,b,c\n10:00:00,2024-01-01T10:00,2024-01-01 10:00:00.5+02:00\n"},
        {"a": "TIME", "b": "TIMESTAMP", "c": "TIMESTAMP WITH TIME ZONE"},
        [(time(10), datetime(2024, 1, 1, 10), datetime(2024, 1, 1, 8, 0, 0, 500000, UTC))]),
    "a number here and a text there": (
        {"content": {"x.json": '[{"id":1},{"id":"A2"},{"id":1.10},{"id":[1.10]}]'}},
        {"id": "VARCHAR"}, [("1",), ("A2",), ("1.10",), ("[1.10]",)]),
    "digits of JSON": (
        {"content": {"x.json": '[{"i":12345678901234567890,"m":1234567890123456.78,"e":1e5,"o":{"x":[1.10]},"n":null,"s":"5"}]'}},
        {"i": "VARCHAR", "m": "DECIMAL(18,2)", "e": "VARCHAR", "o": "JSON", "n": "VARCHAR", "s": "VARCHAR"},
        [("12345678901234567890", Decimal("1234567890123456.78"), "1e5", '{"x":[1.10]}', None, "5")]),
    "declared JSON": (
        {"content": {"x.jsonl": '{"i":12345678901234567890,"o":{"x":[1.10,12345678901234567890]}}\n\n{"i":"7","o":{}}'},
         "declared": {"i": "DECIMAL(20,0)", "o": "STRUCT(x DECIMAL(22,2)[])", "gone": "DATE"}},
        {"i": "DECIMAL(20,0)", "o": "STRUCT(x DECIMAL(22,2)[])", "gone": "DATE"},
        [(Decimal(12345678901234567890), {"x": [Decimal("1.10"), Decimal("12345678901234567890.00")]}, None),
         (Decimal(7), {"x": None}, None)]),
    "one object": ({"content": {"x.json": '{"a":1,"b":true}'}}, {"a": "BIGINT", "b": "BOOLEAN"}, [(1, True)]),
    "no rows of JSON": ({"content": {"x.json": " [ ] "}, "declared": DAY}, DAY, []),
    "JSON lines by property": ({"content": {"x.json": '{"a":1}\n{"a":2}'}, "lines": True}, {"a": "BIGINT"}, [(1,), (2,)]),
}  # fmt: skip

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a short line": ({"content": "a,b,c\n1,2,3\n4,5"}, "x.csv:3: 2 fields, but the header has 3", "`delimiter`"),
    "a long line": ({"content": 'a,b\n"x\ny",2\n4,5,6\n'}, "x.csv:4: 3 fields", "Correct the line"),
    "a delimiter too many": ({"content": "a,b\n1,2,\n"}, "x.csv:2: 3 fields", "Correct the line"),
    "text after a quote": ({"content": 'a,b\n1,"x"y\n'}, "x.csv:2: a quoted field has text after", "`quote`"),
    "blanks after a quote": ({"content": 'a,b\n1,2\n3,"x" \n'}, "x.csv:3: a quoted field has text after", "`quote`"),
    "an open quote": ({"content": 'a,b\n1,"2\n3,4\n'}, "x.csv:2: a quoted field", "`quote`"),
    "latin-1": ({"content": "a,b\n1,x\n2,Zürich\n".encode("latin-1")}, "x.csv:3: byte 12 of the file is not utf-8", "`encoding`"),
    "utf-16": ({"content": "a\nx\n".encode("utf-16")}, "x.csv:1: byte 1 of the file is not utf-8", "such as utf-16"),
    "another encoding": ({"content": "a\nü\n", "encoding": "ascii"}, "x.csv:2: byte 3 of the file is not ascii", "`encoding`"),
    "no encoding": ({"content": "a\n1\n", "encoding": "rot13"}, "'rot13' is not an encoding", "`encoding`"),
    "NUL": ({"content": "a,b\n1,x\0\n"}, "x.csv:2: a NUL", "utf-16"),
    "garbage": ({"content": bytes(range(256)) * 9}, "x.csv:3: byte 129 of the file is not utf-8", "It does not seem to be text"),
    "a letter of latin-1": ({"content": "a,b\n1,Zürich\n".encode("latin-1")}, "x.csv:2: byte 8 of the file is not utf-8", "such as latin-1"),
    "a name twice": ({"content": "a b,a.b\n1,2\n"}, "several columns would have the name a_b", "`names`"),
    "no header": ({"content": "1,2025-01-01\n2,x\n"}, "its first line is not a header, but 2 values", "`header: false`"),
    "no header and no names": ({"content": "1,2\n", "header": False}, "x.csv has no header", "column_2"),
    "another delimiter": ({"content": "a;b\n1;2\n"}, "its header is a single name that contains ';'", 'delimiter: ";"'),
    "tabs": ({"content": "a\tb\n1\t2\n"}, "its header is a single name that contains", 'delimiter: "\\t"'),
    "a key twice within JSON": (
        {"content": 'o\n"{""a"":1,""b"":{""x"":1,""x"":2}}"\n', "declared": {"o": "STRUCT(a BIGINT, b VARCHAR)"}}, "x.csv:2: column o", "Correct"),
    "half a character within JSON": (
        {"content": 'o\n"{""a"":""\\ud83d""}"\n', "declared": {"o": "STRUCT(a VARCHAR)"}}, "x.csv:2: column o", "Correct"),
    "a file without header": (
        {"content": {"1.csv": "id,v\n1,2\n", "2.csv": "3,4\n5,6\n"}}, "2.csv has different columns than 1.csv: it lacks id, v", "missing_columns"),
    "JSON of other columns": (
        {"content": {"1.json": '[{"a":1}]', "2.json": '[{"b":1}]'}}, "2.json has different columns than 1.json", "missing_columns"),
    "two formats": ({"content": {"1.csv": "a\n1\n", "2.json": "[]"}, "path": "*.*"}, "1.csv and", "`format`"),
    "a column that is declared only": ({"content": "a\n1\n", "declared": {"b": "DATE"}}, "has no column b, which models/sources.yml:1 declares", "missing_columns"),
    "another type": ({"content": 'a,b\n"x\ny",1\nz,1.5\n', "declared": {"b": "BIGINT"}}, "x.csv:4: column b: '1.5' does not fit BIGINT", "VARCHAR"),
    "a date of another form": ({"content": "day\n01/02/2025\n", "declared": DAY}, "x.csv:2: column day: '01/02/2025' does not fit DATE", "`date_format`"),
    "a date without its form": ({"content": "day\n2025-01-02\n", "declared": DAY, "date_format": "%m/%d/%Y"}, "column day", "Correct"),
    "a text that is too long": ({"content": "a\nabcd\n", "declared": {"a": "VARCHAR(3)"}}, "'abcd' does not fit VARCHAR(3)", "Correct"),
    "another type than recorded": (
        {"content": "a\n1\n1.5\n", "record": {"version": 2, "inputs": {"t": {"a": "BIGINT"}}}}, "x.csv:3: column a: '1.5' does not fit BIGINT", '"DECIMAL(18,1)"'),
    "another type than 0.2.0 published": (
        {"content": "a\n1.5\n", "record": {"t": {"a": "double"}}}, "a was published as DOUBLE, and would be DECIMAL(18,1)", "data_type: DOUBLE"),
    "two types for one column": ({"content": "a\n1\n", "declared": {"a": "INT"}, "types": {"A": "text"}}, "a is VARCHAR, but models/sources.yml:1 has INTEGER", "`types`"),
    "a type that is none": ({"content": "a\n1\n", "types": {"a": "money"}}, "`money` is not a known type", "VARCHAR"),
    "a broken line of JSON": ({"content": {"x.jsonl": '{"a":1}\n{"a":2\n{"a":3}\n'}}, "x.jsonl:2: it ends in the middle", "Correct"),
    "two objects on a line": ({"content": {"x.jsonl": '{"a":1}{"a":2}\n'}}, "x.jsonl:1: the line has text after", "its own line"),
    "lines that are not said to be": ({"content": {"x.json": '{"a":1}\n{"a":2}'}}, "x.json:2: the file has text after", "`lines: true`"),
    "JSON cut short": ({"content": {"x.json": '[{"a":1},\n{"a":'}}, "x.json:2: it ends in the middle", "Correct"),
    "a list that is never closed": ({"content": {"x.json": '[{"a":1},\n{"a":2}'}}, "x.json:2: the list is never closed", "Correct"),
    "JSON without a comma": ({"content": {"x.json": '[{"a":1},\n{"a" 2}]' + " " * 99}}, "x.json:2: it is not JSON", "Correct"),
    "a key twice": ({"content": {"x.json": '[{"a":{"b":1,"b":2}}]'}}, "x.json:1: the key 'b' occurs twice", "Correct"),
    "two keys for one column": ({"content": {"x.json": '[{"a b":1},\n{"a_b":2}]'}}, "x.json:2: the keys 'a b' and 'a_b'", "Rename"),
    "a thousand levels": ({"content": {"x.json": '[{"a":' + "[" * 1000 + "]" * 1000 + "}]"}}, "x.json:1: a value is nested too deep", "Flatten"),
    "NaN in JSON": ({"content": {"x.json": '[{"a":NaN}]'}}, "x.json:1: NaN is not JSON", "Correct"),
    "half a character": ({"content": {"x.json": '[{"a":"\\ud800"}]'}}, "x.json:1: a text contains a lone surrogate", "Correct"),
    "no objects": ({"content": {"x.json": "[1]"}}, "x.json:1: a row is no object", "list of objects"),
    "a field that nobody declared": (
        {"content": {"x.json": '[{"o":{"x":1}},\n{"o":{"x":1,"y":2}}]'}, "declared": {"o": "STRUCT(x BIGINT)"}}, "x.json:2: column o", "Correct"),
    "rows of JSON that nobody knows": ({"content": {"x.json": "[]"}}, "has no rows", "data_type"),
    **{
        f"{text} by {form}": (
            {"content": f"at\n{text}\n", "declared": {"at": kind}, key: form}, f"x.csv:2: column at: '{text}' does not fit", "Correct")
        for text, form, kind, key in (
            ("1/2/25", "%m/%d/%Y", "DATE", "date_format"), ("2025031", "%Y%m%d", "DATE", "date_format"),
            ("infinity", "%Y", "DATE", "date_format"), (" 1.2.2025", "%d.%m.%Y", "DATE", "date_format"),
            ("1.2.0000", "%d.%m.%Y", "DATE", "date_format"), ("2025 24:00", "%Y %H:%M", "TIMESTAMP", "timestamp_format"),
            ("2025 .123456789", "%Y .%n", "TIMESTAMP", "timestamp_format"),
            ("2025-366", "%Y-%j", "DATE", "date_format"), ("2025-53", "%Y-%U", "DATE", "date_format"),
            ("2025-W53", "%G-W%V", "DATE", "date_format"), ("Mon 29 Nov 2026", "%a %d %b %Y", "DATE", "date_format"),
            ("2025-01-02 300", "%Y-%m-%d %j", "DATE", "date_format"),
            ("2025-07-01 +99", "%Y-%m-%d %z", "timestamptz", "timestamp_format"),
            ("2025-07-01 CET", "%Y-%m-%d %Z", "timestamptz", "timestamp_format"),
            ("2025-03-30 Europe/Berlin", "%Y-%m-%d %Z", "timestamptz", "timestamp_format"),
            ("Tue 02 Jan 2006 23:30 -0500", "%a %d %b %Y %H:%M %z", "timestamptz", "timestamp_format"))
    },
    **{
        f"a form like {form}": (
            {"content": "at\nx\n", "declared": {"at": kind}, key: form}, f"column at: the `{key}` {form!r} cannot be used: {words}", key)
        for form, kind, words, key in (
            ("%d %b", "DATE", "it has no year", "date_format"), ("%Q", "DATE", "it has %Q", "date_format"),
            ("%Y%", "DATE", "it has a percent sign at its end", "date_format"), ("%Y %I", "TIMESTAMP", "it has %I", "timestamp_format"),
            ("%Y %z", "TIMESTAMP", "it has a time zone", "timestamp_format"),
            ("%Y %H", "TIMESTAMP WITH TIME ZONE", "it has no time zone", "timestamp_format"))
    },
    "a form of no column": ({"content": "day\n2025-01-01\n", "declared": DAY, "date_format": {"due": "%Y"}}, "`date_format` names due", "Correct"),
    "year zero": ({"content": "day\n0000-01-01\n", "declared": DAY}, "'0000-01-01' does not fit DATE", "Correct"),
    "a thousand where commas are decimal": (
        {"content": "m;n\n1.000;1\n", "declared": {"m": "BIGINT"}, "delimiter": ";", "decimal": ","}, "x.csv:2: column m: '1.000'", "Correct"),
    "what is not zero": ({"content": "a\n0e9\n1e-400\n", "declared": {"a": "DOUBLE"}}, "x.csv:3: column a: '1e-400' does not fit DOUBLE", "Correct"),
    "a word for nothing": ({"content": "a\nNA\n", "declared": {"a": "BIGINT"}}, "x.csv:2: column a: 'NA'", "`nulls`"),
    "a comma before decimals": ({"content": 'a\n"1,5"\n', "declared": {"a": "DOUBLE"}}, "x.csv:2: column a: '1,5'", 'decimal: ","'),
    "a key twice in a text": (
        {"content": 'a\n"{""x"":1,""x"":2}"\n', "declared": {"a": "STRUCT(x BIGINT)"}}, "x.csv:2: column a", "Correct"),
    "two keys that are one": (
        {"content": {"x.json": '[{"m":{"1":2}},\n{"m":{"1":2,"01":3}}]'}, "declared": {"m": "MAP(BIGINT, BIGINT)"}}, "x.json:2: column m", "Correct"),
    "a list in a file of lines": ({"content": {"x.jsonl": '[{"a":1},\n{"a":2}]'}}, "x.jsonl:1: it ends in the middle", "`lines: false`"),
    "names beside a header": ({"content": "a,b\n1,2\n", "names": ["x", "y"]}, "x.csv has another header than `names`", "`header: false`"),
    "an escape of something else": ({"content": 'a,b\n"x\\"",1\nC:\\new,2\n', "escape": "\\"}, "x.csv:3: '\\\\n', but `escape`", "remove `escape`"),
    **{
        f"{text} as {kind}": ({"content": f"a\n'{text}'\n", "quote": "'", "declared": {"a": kind}}, f"column a: '{text}' does not fit", "Correct")
        for text, kind in (("[1,]", "JSON"), ('{"x":NaN}', "JSON"), ("-Infinity", "JSON"), ('{"x":1.10,}', "STRUCT(x DECIMAL(9,2))"))
    },
    "a URL of no protocol": ({"content": "a\n", "path": "nowhere://x.csv"}, "nowhere://x.csv cannot be fetched", "`path`"),
    "half a character in CSV": ({"content": b"a\n+2AA-\n", "encoding": "utf-7"}, "x.csv:2: a lone surrogate", "Correct"),
    "UTF-16 without its mark": ({"content": "a\nx\n".encode("utf-16-le"), "encoding": "utf-16"}, "x.csv:1: UTF-16 stream", "utf-16-le"),
    "UTF-16 cut short": ({"content": "a\nx\n".encode("utf-16") + b"x", "encoding": "utf-16"}, "x.csv:3: byte 11 of the file is not utf-16", "truncated"),
    "gzip cut short": ({"content": {"x.csv.gz": gzip.compress(b"a\n1\n")[:-9]}}, "x.csv.gz:1: it cannot be read further", "deliver it again"),
    "JSON in gzip cut short": ({"content": {"x.json.gz": gzip.compress(b"[]")[:-9]}}, "x.json.gz:1: it cannot be read further", "deliver it again"),
    "gzip by another name": ({"content": gzip.compress(b"a\n1\n")}, "x.csv:1: byte 2 of the file is not utf-8", "end in .gz"),
    "a workbook": ({"content": b"PK\x03\x04\xff"}, "x.csv:1: byte 5 of the file is not utf-8", "save it as CSV"),
    "HTML": ({"content": "<html>\n</html>\n"}, "its first line is not the header of a CSV file", "`path`"),
    "lines of JSON by another name": ({"content": '{"a":1}\n{"a":2}\n'}, "its first line is not the header of a CSV file", "`format`"),
    "a line for Excel": ({"content": "sep=;\na;b\n1;2\n", "delimiter": ";"}, "its first line is not a header, but Excel's delimiter", "`skip: 1`"),
    "only blanks": ({"content": "  \n"}, "its first line is not a header", "`header: false`"),
    "NUL in the header": ({"content": "a\0,b\n"}, "x.csv:1: a NUL", "utf-16"),
    "a delimiter that is no ASCII": ({"content": "a§b\n1§2\n", "delimiter": "§"}, "`escape` cannot be '§'", "data-product.yaml"),
    "one sign for two things": ({"content": "a,b\n1,2\n", "quote": ","}, "`escape` cannot be ',', ','", "data-product.yaml"),
    "an encoding with NUL": ({"content": "a\n", "encoding": "utf-8\0"}, "is not an encoding", "`encoding`"),
    "Parquet cut short": ({"content": {"x.parquet": b"PAR1"}}, "x.parquet cannot be read", "truncated"),
}  # fmt: skip


@pytest.mark.parametrize("case", EXACT)
def test_what_a_file_says_is_what_lands(case: str, land: Land) -> None:
    arguments, columns, rows = EXACT[case]
    assert land(**arguments) == (columns, rows)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_land_exactly_is_refused_with_its_place(case: str, land: Land) -> None:
    arguments, words, fix = REFUSED[case]
    refused = land(**arguments)
    assert isinstance(refused, Exception), refused
    assert words in str(refused) and fix in refused.fix


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_parquet_describes_itself_and_is_never_widened_in_silence(land: Land) -> None:
    whole, wide = parquet(**{"A b": [1], "c": [1.5]}), parquet(**{"A b": [2**53 + 1], "c": ["7"]})
    both = {"1.parquet": whole, "2.parquet": wide}
    assert land({"x.parquet": whole}) == ({"a_b": "BIGINT", "c": "DOUBLE"}, [(1, 1.5)])
    assert "column c is VARCHAR in 2.parquet, but DOUBLE in 1.parquet" in str(land(both))
    assert land(both, {"c": "DOUBLE"})[1] == [(1, 1.5), (2**53 + 1, 7.0)]
    assert "column A b: 9007199254740993 does not fit DOUBLE" in str(
        land({"x.parquet": wide}, {"a_b": "DOUBLE"})
    )
    assert "column c: 1.5 does not fit BIGINT" in str(land({"x.parquet": whole}, {"c": "BIGINT"}))
    assert "2.parquet has different columns than 1.parquet: it lacks c" in str(
        land({"1.parquet": whole, "2.parquet": parquet(**{"A b": [1]})})
    )


NS, NS_UTC = pa.timestamp("ns"), pa.timestamp("ns", "UTC")
PARQUET: dict[str, tuple[list[pa.Array], dict[str, str], dict[str, Any], str | tuple[str, Any]]] = {
    "more than 38 digits": ([pa.array([Decimal(1)], pa.decimal256(40, 2))], {}, {}, "column a is DECIMAL(40,2): more than 38 digits"),
    "nanoseconds of a moment": ([pa.array([1000, 1001], NS_UTC)], {}, {}, "1.parquet: row 2: column a has nanoseconds"),
    "no nanoseconds": ([pa.array([1000, None], NS_UTC)], {}, {}, ("TIMESTAMP WITH TIME ZONE", datetime(1970, 1, 1, 0, 0, 0, 1, UTC))),
    "nanoseconds of a day": ([pa.array([1], pa.time64("ns"))], {}, {}, "1.parquet: row 1: column a has nanoseconds"),
    "nested nanoseconds": ([pa.array([[1]], pa.list_(NS_UTC))], {}, {}, "1.parquet: column a has nanoseconds"),
    "texts in bytes": ([pa.array(["Zü".encode()])], {"a": "VARCHAR"}, {}, ("VARCHAR", "Zü")),
    "bytes that are no text": ([pa.array([b"\xff"])], {"a": "VARCHAR"}, {}, "1.parquet: row 1: column a: \\xFF does not fit"),
    "a time zone made up": ([pa.array([datetime(2025, 1, 1)])], {"a": "timestamptz"}, {}, "a time zone would be invented or lost"),
    "a time zone lost": ([pa.array([1000], NS_UTC)], {"a": "DATE"}, {}, "a time zone would be invented or lost"),
    "an object as JSON": ([pa.array([{"x": 1}])], {"a": "JSON"}, {}, "column a is STRUCT(x BIGINT) in the file, but"),
    "digits in JSON": (
        [pa.array(['{"a": 12345678901234567890.1234567891, "b": 1.10, "c": "1.0 \\" 2"}'])], {"a": "STRUCT(a DECIMAL(38,10), b VARCHAR, c VARCHAR)"}, {},
        ("STRUCT(a DECIMAL(38,10), b VARCHAR, c VARCHAR)", {"a": Decimal("12345678901234567890.1234567891"), "b": "1.10", "c": '1.0 " 2'})),
    "digits in lists": (
        [pa.array(["[1e2, 0.1234567890123456789012345]"])], {"a": "VARCHAR[]"}, {}, ("VARCHAR[]", ["1e2", "0.1234567890123456789012345"])),
    "digits in maps": ([pa.array(['{"k": 0.1234567890123456789012345}'])], {"a": "MAP(VARCHAR, VARCHAR)"}, {}, ("MAP(VARCHAR, VARCHAR)", {"k": "0.1234567890123456789012345"})),
    "a key twice within JSON": ([pa.array(['{"a": 1, "a": 2}'])], {"a": "STRUCT(a BIGINT)"}, {}, "1.parquet: row 1: column a"),
    "half a character within JSON": ([pa.array(['{"a": "\\ud83d"}'])], {"a": "STRUCT(a VARCHAR)"}, {}, "1.parquet: row 1: column a"),
    "JSON deeper than its type": ([pa.array(['{"a": {"x": 1.10}}'])], {"a": "STRUCT(a VARCHAR)"}, {}, "1.parquet: row 1: column a"),
    "a moment that is too far": ([pa.array([0, 2**62], pa.timestamp("ms"))], {}, {}, "1.parquet: row 2: column a has a time that is too far"),
    "fields of one name": ([pa.array([{"a": 1, "A": 2}])], {}, {}, "column a has fields that differ in upper and lower case only: A, a"),
    "nothing, declared": ([pa.nulls(1)], {"a": "DATE"}, {}, ("DATE", None)),
    "a form": ([pa.array(["01.02.2025"])], {"a": "DATE"}, {"date_format": "%d.%m.%Y"}, ("DATE", date(2025, 2, 1))),
    "a value of the second file": ([pa.array(["1"]), pa.array(["2", "x"])], {"a": "BIGINT"}, {}, "2.parquet: row 2: column a: x does not fit BIGINT"),
    "one type in two spellings": ([pa.array(["x"]).dictionary_encode(), pa.array(["y"])], {}, {}, ("VARCHAR", "x")),
    "a list of other times": ([pa.array([[1]], pa.list_(NS))], {"a": "TIMESTAMP[]"}, {}, "1.parquet: row 1: column a: ['1970-01-01"),
}  # fmt: skip


PERSONAL = {
    "a text": ({"content": "born\nJane Doe\n", "declared": {"born": "DATE"}}, "a value of the form Aaaa Aaa does not fit DATE"),
    "a date": ({"content": "born\n31.12.1999\n", "declared": {"born": "DATE"}}, "x.csv:2: column born: a value of the form 99.99.9999"),
    "a long text": ({"content": f"born\n{'Jane Doe ' * 9}\n", "declared": {"born": "DATE"}}, "a text of 81 characters does not fit DATE"),
    "a record": ({"content": "born\n1999-12-31\nJane Doe\n", "record": {"version": 2, "inputs": {"t": {"born": "DATE"}}}}, "Aaaa Aaa"),
    "JSON": ({"content": {"x.json": '[{"born": "Jane Doe"}]'}, "declared": {"born": "DATE"}}, "a value of the form Aaaa Aaa"),
    "Parquet": ({"content": {"x.parquet": lambda: parquet(born=["Jane Doe"])}, "declared": {"born": "DATE"}}, "row 1: column born: a value of the form Aaaa Aaa does"),
    "a field too many": ({"content": "a,b\nDoe, Jane,1\n"}, "x.csv:2: 3 fields, but the header has 2"),
    "no header": ({"content": "4711,31.12.1999,Jane Doe\n", "declared": {"born": "DATE"}}, "born"),
    "no header in one of them": ({"content": {"1.csv": "born\n1\n", "2.csv": "Jane Doe\n2\n"}}, "it lacks born"),
    "another encoding": ({"content": "a\nJane Dö\n".encode("latin-1")}, "x.csv:2: byte 9 of the file is not utf-8"),
}  # fmt: skip


@pytest.mark.parametrize("case", PERSONAL)
def test_no_value_is_printed_where_one_may_be_personal(case: str, land: Land) -> None:
    given, says = PERSONAL[case]
    content = given["content"]
    files = content if isinstance(content, dict) else {"x.csv": content}
    files = {name: body() if callable(body) else body for name, body in files.items()}
    contract = {
        "schema": [{"name": "data", "properties": [{"name": "birthday", "classification": "confidential"}]}]
    }
    path = next(iter(files)) if len(files) == 1 else "*.csv"
    refused = land(**given | {"content": {**files, "c.yaml": json.dumps(contract)}, "path": path})
    assert says in (text := f"{refused} {getattr(refused, 'fix', '')}")
    assert not [word for word in ("Jane", "Doe", "1999", "4711", "Dö", "4a 61") if word in text]


@pytest.mark.parametrize("case", PARQUET)
def test_parquet_lands_as_it_is_or_is_refused_with_its_row(case: str, land: Land) -> None:
    arrays, declaration, properties, expected = PARQUET[case]
    files = {f"{number}.parquet": parquet(a=array) for number, array in enumerate(arrays, 1)}
    found = land(files, declaration, **properties)
    if isinstance(expected, str):
        assert expected in str(found)
    else:
        columns, rows = found
        assert (columns["a"], rows[0][0]) == expected


@pytest.mark.parametrize("kind", ["struct", "list", "map"])
def test_old_timestamps_in_nested_columns_keep_their_digits_or_are_refused(kind: str, land: Land) -> None:
    def file(nanoseconds: int) -> bytes:
        moment = pa.array([nanoseconds], NS)
        nested = {
            "struct": pa.StructArray.from_arrays([moment], ["x"]),
            "list": pa.ListArray.from_arrays([0, 1], moment),
            "map": pa.MapArray.from_arrays([0, 1], pa.array(["x"]), moment),
        }[kind]
        sink = io.BytesIO()
        pq.write_table(pa.table({"a": nested}), sink, use_deprecated_int96_timestamps=True)
        return sink.getvalue()

    assert "column a has nanoseconds" in str(land({"x.parquet": file(1_700_000_000_123_456_789)}))
    columns, rows = land({"x.parquet": file(1_700_000_000_123_456_000)})
    assert "TIMESTAMP" in columns["a"] and "TIMESTAMP_NS" not in columns["a"]
    assert "123456" in str(rows[0][0])


@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
def test_damaged_pages_of_parquet_are_refused_with_the_file_and_its_rows(
    compression: str, land: Land
) -> None:
    table = pa.table({"id": range(3000), "v": [f"text {number * 7919 % 1000}" for number in range(3000)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=1000, compression=compression, write_page_checksum=True)
    content = bytearray(sink.getvalue())
    place = pq.ParquetFile(sink).metadata.row_group(1).column(0).data_page_offset + 200
    content[place : place + 4] = b"abcd"
    whole = sink.getvalue()
    assert "2.parquet: rows 1001 to 2000 cannot be read in column id" in str(
        land({"1.parquet": whole, "2.parquet": bytes(content)})
    )
    texts = pa.table({"v": pa.array([b"\xff"]).cast(pa.string(), safe=False)})
    pq.write_table(texts, sink := io.BytesIO())
    assert "rows 1 to 1 cannot be read in column v" in str(land({"x.parquet": sink.getvalue()}))


def test_a_file_is_read_once_and_what_cannot_be_opened_is_named(land: Land, tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a\n1\n")
    for name, target, words in (
        ("2.csv", "1.csv", "1.csv and .*2.csv are the same file"),
        ("folder", ".", "1.csv and .*folder/1.csv are the same file"),
        ("3.csv", "nothing", "3.csv cannot be opened: No such file"),
        ("4.csv", "4.csv", "4.csv cannot be opened"),
    ):
        link = tmp_path / name
        link.symlink_to(target)
        refused = land("", path=f"{tmp_path}/**/*.csv")
        assert re.search(words, str(refused)) and refused.fix
        link.unlink()
    assert "no file matches" in str(land("", path="x" * 300))


def test_a_record_takes_only_what_is_certain(land: Land) -> None:
    """Nobody has declared that `007` is a number, and a run without a record would keep it as a text."""
    for kind, text, json_value in (
        ("BIGINT", "007", '"7"'),
        ("BIGINT", "5.0", "5.0"),
        ("DECIMAL(18,2)", "+5.50", '"5.50"'),
        ("BOOLEAN", "yes", "1"),
        ("BOOLEAN", "1", '"true"'),
        ("DATE", "2026-01-01T00:00", "20260101"),
        ("TIMESTAMP", "2026-01-01", "true"),
    ):
        record = {"version": 2, "inputs": {"t": {"a": kind, "b": "VARCHAR"}}}
        for content in (
            f"b,a\nx,{text}\n",
            {"x.json": f'[{{"b":"x","a":null}},\n{{"b":"y","a":{json_value}}}]'},
        ):
            refused = land(content, record=record)
            assert re.search(r"x\.(csv|json):2: column a", str(refused)), refused
            block = refused.fix.partition("\n")[2]
            assert land(content, block, record)[0].keys() == {"a", "b"}
    assert land("a\n007\n", {"a": "BIGINT"})[1] == [(7,)]


def test_memory_does_not_grow_by_the_square_of_the_columns(land: Land) -> None:
    names = [f"c{number}" for number in range(300)]
    content = f"{','.join(names)}\n{','.join('1' for _ in names)}\n"
    with duckdb.connect() as connection:  # a FILTER on each of many aggregates is what made it grow
        asked: list[str] = []
        from pipeline import conversion

        conversion.certain_types(
            lambda sql: (
                asked.append(sql),
                connection.execute(f"with texts as (select '1' as a) {sql}").fetchall(),
            )[1],
            {"a": "a"},
        )
    assert not any("filter (" in sql.lower() for sql in asked)
    assert set(land(content)[0].values()) == {"BIGINT"}


def test_a_header_that_is_none_is_no_line_to_skip(land: Land) -> None:
    refused = land("0,0,1\n1,2,3\n")
    assert "its first line is not a header" in str(refused) and "skip" not in refused.fix


def test_times_of_old_parquet_files_are_read_to_the_microsecond(land: Land) -> None:
    def old(values: pa.Array) -> dict[str, bytes]:
        sink = io.BytesIO()
        pq.write_table(pa.table({"a": values}), sink, use_deprecated_int96_timestamps=True)
        return {"x.parquet": sink.getvalue()}

    days = [datetime(9999, 12, 31), datetime(1, 1, 1), None, datetime(2025, 1, 1, 0, 0, 0, 1)]
    assert land(old(pa.array(days, pa.timestamp("us")))) == ({"a": "TIMESTAMP"}, [(day,) for day in days])
    assert "row 2: column a has nanoseconds" in str(land(old(pa.array([1000, 1001], NS))))


def test_columns_of_parquet_have_names_of_their_own(land: Land) -> None:
    for names, words in (
        (["a", "a"], "several columns called a"),
        (["a", ""], "a column without a name"),
    ):
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=names), sink)
        assert words in str(land({"x.parquet": sink.getvalue()}))


def test_what_is_printed_works_as_printed(land: Land) -> None:
    content = "a,b\n1,x\n1.5,y\n"
    record = {"version": 2, "inputs": {"t": {"a": "BIGINT", "b": "VARCHAR"}}}
    refused = land(content, record=record)
    block = refused.fix.partition("\n")[2]
    assert land(content, block, record)[0] == {"a": "DECIMAL(18,1)", "b": "VARCHAR"}
    two = {"version": 2, "inputs": {"t": {"a": "BIGINT", "b": "BIGINT", "c": "DATE"}}}
    block = land("a,b,c\nx,y,\n", record=two).fix.partition("\n")[2]
    assert land("a,b,c\nx,y,\n", block, two)[0] == {"a": "VARCHAR", "b": "VARCHAR", "c": "DATE"}
    record = {"t": {"a": "double", "b": "string"}}
    block = land(content, record=record).fix.partition("\n")[2]
    assert land(content, block, record)[1] == [(1.0, "x"), (1.5, "y")]


GUESSED = """day,at,short,clock,amount,big,yes,padded,iso
13/02/2025,02/13/2025 10:00:00 PM,25/12/31,07:30,.5,1e3,yes, 5,2025-01-02
01/02/2025,01/13/2025 09:05:00 AM,01/02/25,23:59:10,2.,NaN,no,6,2025-01-03
"""
IN_0_2_0 = {"day": "date32[day]", "at": "timestamp[us]", "short": "date32[day]", "clock": "time64[us]", "amount": "double",
            "big": "double", "yes": "bool", "padded": "int64", "iso": "date32[day]"}  # fmt: skip


def test_what_keeps_the_guesses_of_0_2_0_is_printed_with_the_formats(land: Land) -> None:
    refused = land(GUESSED, record={"t": IN_0_2_0})
    block, _, rest = refused.fix.partition("\n")[2].partition("\nAnd add")
    formats, _, notes = rest.partition("\n")[2].partition("\nCheck these:")
    properties = yaml.safe_load(formats)
    assert properties == {
        "date_format": {"day": "%d/%m/%Y", "short": "%y/%m/%d"},
        "timestamp_format": {"at": "%m/%d/%Y %I:%M:%S %p"},
    }
    assert [line.split(":")[0].strip() for line in notes.strip().splitlines()] == ["t.short", "t.padded"]
    columns, rows = land(GUESSED, block, {"t": IN_0_2_0}, **properties)
    assert columns["padded"] == "VARCHAR"
    assert rows[1][:5] == (date(2025, 2, 1), datetime(2025, 1, 13, 9, 5), date(2001, 2, 25), time(23, 59, 10), 2.0)  # fmt: skip
    assert rows[0][2:] == (date(2025, 12, 31), time(7, 30), 0.5, 1000.0, True, " 5", date(2025, 1, 2))


def test_what_undeclared_texts_look_like_is_noted_and_the_note_works(land: Land) -> None:
    document = '{"at":"13/02/2025","v":"1.2.3","a":{"b c":1,"l":[{"x":1.5}]}}\n{"at":null,"a":{"b c":-2}}\n'
    columns, _, notes = land({"x.jsonl": document}, how="notes")
    assert columns == {"at": "VARCHAR", "v": "VARCHAR", "a": "JSON"}
    written = [yaml.safe_load(part) for note in notes for part in note.split("`")[1::2]]
    assert written == [
        {"name": "at", "data_type": "DATE"},
        {"date_format": {"at": "%d/%m/%Y"}},
        {"name": "a", "data_type": 'STRUCT("b c" BIGINT, l STRUCT(x DOUBLE)[])'},
    ]
    declared = {one["name"]: one["data_type"] for one in written if "name" in one}
    large = '{"a":{"x":0.12345678901234567890,"y":18446744073709551615}}\n'
    (note,) = land({"x.jsonl": large}, how="notes")[2]
    assert yaml.safe_load(note.split("`")[1])["data_type"] == "STRUCT(x VARCHAR, y DECIMAL(38,0))"
    rows = land({"x.jsonl": document}, declared, **written[1])[1]
    assert [row[0] for row in rows] == [date(2025, 2, 13), None]
    assert rows[0][2] == {"b c": 1, "l": [{"x": 1.5}]}


def test_a_view_reads_only_what_duckdb_reads_exactly(land: Land) -> None:
    plain = "a,day\n1,01/02/2025\n"
    assert land(plain, DAY, how="reader_sql", date_format="%m/%d/%Y") == [(1, date(2025, 1, 2))]
    assert land({"x.json": '[{"A b":1}]'}, how="reader_sql") == [(1,)]
    for content in ({"x.json": '[{"a":1234567890123456.78}]'}, 'a,b\n1, "x"\n'):
        assert "DuckDB alone cannot read" in str(land(content, how="reader_sql"))
    assert "`comment`" in str(land("a\n1\n", how="reader_sql", comment="#"))


def test_a_view_of_json_refuses_what_it_would_change_later(land: Land) -> None:
    """Its query runs when somebody reads, on files that nobody has checked."""
    later = {
        '[{"a":1234567890123456.78}]': "a view cannot read",
        '[{"a":1.50}]': "a view cannot read",
        '[{"a":NaN}]': "NaN|JSON",
        '[{"A":1.5}]': "a view cannot read",
        '[{"a":1.5,"a":2.5}]': "a view cannot read",
    }
    for content, words in later.items():
        with pytest.raises(duckdb.Error, match=words):
            land(
                {"x.json": '[{"a":1.5}]'}, {"a": "DECIMAL(18,2)"}, how="reader_sql", later={"x.json": content}
            )
    same = land(
        {"x.json": '[{"a":1.5}]'},
        {"a": "DECIMAL(18,2)"},
        how="reader_sql",
        later={"x.json": '[{"a":2.5,"b":1}]'},
    )
    assert same == [(Decimal("2.50"),)]


TEXT = st.text(
    st.sampled_from('ab,;"\t\n\r #\\üß’0125.-eNA') | st.characters(codec="utf-8", exclude_characters="\0"),
    max_size=6,
)
CELL = (
    st.none()
    | TEXT
    | st.integers(-(10**20), 10**20).map(str)
    | st.decimals(allow_nan=False, places=3).map(str)
)
TABLE = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=6)
)


@settings(max_examples=120, deadline=None)
@given(TABLE, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_every_table_that_is_written_as_csv_lands_as_it_was(
    land: Land, rows: list[list[str | None]], delimiter: str, end: str, quoted: bool
) -> None:
    def field(text: str | None) -> str:
        if text is None:
            return ""
        special = quoted or text == "" or any(sign in text for sign in (delimiter, '"', "\n", "\r"))
        return '"' + text.replace('"', '""') + '"' if special else text

    width = len(rows[0]) if rows else 1
    names = [f"c{number}" for number in range(width)]
    content = "".join(
        delimiter.join(line) + end for line in [names, *([field(cell) for cell in row] for row in rows)]
    )
    again = list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True))[1:]
    assert [row or [""] for row in again] == [[cell or "" for cell in row] for row in rows]
    # A line with nothing in it is a row only where there is one column.
    texts = land(content, dict.fromkeys(names, "VARCHAR"), delimiter=delimiter)
    assert texts == (dict.fromkeys(names, "VARCHAR"), [tuple(row) for row in rows])
    columns, values = land(content, delimiter=delimiter)
    for number, kind in enumerate(columns.values()):
        for row, landed in zip(rows, values, strict=True):
            text, value = row[number], landed[number]
            if kind == "VARCHAR" or value is None:
                assert value == text or (value is None and text == "" and kind != "VARCHAR")
            elif kind == "BIGINT":
                assert str(value) == text
            elif kind.startswith("DECIMAL"):
                assert value == Decimal(text or "")


NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
LEAF = NUMBER | st.text(max_size=4).map(json.dumps) | st.sampled_from(["true", "false", "null"])
VALUE = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.dictionaries(st.text("ab", max_size=2).map(json.dumps), inner, max_size=2).map(
            lambda items: "{" + ",".join(f"{key}:{value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=4,
)


def test_rows_that_are_longer_than_a_block_are_there_once(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import csv_files

    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 32)
    rows = [(number, "x" * (2000 if number in (40, 80) else 5)) for number in range(100)]
    content = "".join(f"{number},{text}\n" for number, text in rows)
    assert land(f"a,b\n{content}")[1] == rows
    assert "x.csv:102: column a: 'z'" in str(land(f"a,b\n{content}z,\n", {"a": "BIGINT"}))
    monkeypatch.setattr(csv_files, "LARGEST_BLOCK_BYTES", 2**10)
    before = csv.field_size_limit(2**10)
    try:
        for row in (
            "41," + "x" * 4000,
            '41,"never closed\n' + "1,2\n" * 900,
            f'"{"x" * 1900}","{"x" * 1900}"',
        ):
            refused = land(f"a,b\n40,\n{row}\n")
            assert "x.csv:3: a row of more than" in str(refused) and "quote" in refused.fix
    finally:
        csv.field_size_limit(before)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), VALUE, min_size=1), min_size=1, max_size=4),
    st.booleans(),
)
def test_every_document_of_json_lands_digit_by_digit(
    land: Land, rows: list[dict[str, str]], lines: bool
) -> None:
    objects = ["{" + ", ".join(f'"{key}": {value}' for key, value in row.items()) + "}" for row in rows]
    content = "\n".join(objects) if lines else "[" + ",\n".join(objects) + "]"
    names = sorted({key for row in rows for key in row})
    columns, values = land(
        {"x.jsonl" if lines else "x.json": content},
        dict.fromkeys(names, "VARCHAR"),
        missing_columns="allowed",
    )
    for row, landed in zip(rows, values, strict=True):
        for name, value in zip(columns, landed, strict=True):
            text = row.get(name, "null")
            expected = None if text == "null" else json.loads(text) if text.startswith('"') else text
            if text[:1] in "[{" and "\\u" in text:
                assert json.loads(value) == json.loads(text)
            else:
                assert value == expected
