"""No value of a column that is proposed as personal is in anything that a draft writes or prints, under random tables."""

from __future__ import annotations

import datetime
import io
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from drawn_sources import TableSource
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from meshwright.draft import command
from meshwright.draft.run import prepare

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=8, max_size=12)
MAILS = st.builds("{}@{}.example.com".format, WORDS, WORDS)
NUMBERS = st.integers(10**8, 10**9 - 1)
COLUMNS: Mapping[str, tuple[str, st.SearchStrategy[Any]]] = {
    "email": ("VARCHAR", MAILS),
    "contact_details": ("VARCHAR", MAILS),
    "phone": ("BIGINT", NUMBERS),
    "mobile_number": ("VARCHAR", st.builds("+49 {}".format, NUMBERS)),
    "last_name": ("VARCHAR", WORDS.map(str.title)),
    "salary": ("DECIMAL(18,2)", st.builds(lambda number: Decimal(number) / 100, NUMBERS)),
    "date_of_birth": ("DATE", st.dates(datetime.date(1890, 1, 1), datetime.date(1925, 1, 1))),
    "registered_at_birth": ("VARCHAR", st.builds("{} {}".format, WORDS, WORDS)),
    "notes": ("VARCHAR", st.builds("{} called {{{{ {} }}}}".format, WORDS, WORDS)),
    "Ort, Straße": ("VARCHAR", st.builds("{}weg {}".format, WORDS, st.integers(100, 999))),
    "profile": ("STRUCT(email VARCHAR, phone BIGINT)", st.fixed_dictionaries({"email": MAILS, "phone": NUMBERS})),
    "mails": ("VARCHAR[]", st.lists(MAILS, min_size=1, max_size=3)),
    "payload": ("JSON", st.builds(lambda mail, phone: json.dumps({"to": [mail], "phone": phone}), MAILS, NUMBERS)),
    "remark": ("VARCHAR", WORDS | st.none()),
}  # fmt: skip
HARMLESS = {"id": "BIGINT", "kind": "VARCHAR", "amount": "DOUBLE"}
USES = {
    "csv": ("file@1", {"path": "people.csv", "delimiter": ";"}),
    "json": ("file@1", {"path": "people.jsonl"}),
    "parquet": ("file@1", {"path": "people.parquet"}),
    "database": ("database@1", {"url": "postgresql://reader@db.example.org/crm", "table": "people"}),
}


@st.composite
def tables(draw: st.DrawFn) -> TableSource:
    chosen = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5, unique=True))
    count = draw(st.integers(2, 30))
    rows = [
        (number, ("new", "old")[number % 2], number / 4, *(draw(COLUMNS[name][1]) for name in chosen))
        for number in range(count)
    ]
    uses, properties = USES[draw(st.sampled_from(sorted(USES)))]
    return TableSource(
        "people", HARMLESS | {name: COLUMNS[name][0] for name in chosen}, rows, uses, properties
    )


@pytest.fixture(scope="module")
def product(make: Callable[..., Path]) -> Path:
    return make("people", inputs=["file", "database"], product_name="people", start_with="own-data")


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(source=tables())
def test_no_personal_value_is_written_or_printed(source: TableSource, product: Path) -> None:
    drafted = prepare(product, {"people": ("people", source)}, 200)
    written = dict(_texts(drafted.changes))
    with CliRunner().isolation() as (output, *_):
        command._report(product, drafted, True)
        written["dry run"] = output.getvalue().decode()
    for row in source.values:
        for sentinel in (text for value in row[len(HARMLESS) :] for text in _leaves(value)):
            found = [path for path, text in written.items() if sentinel in text]
            assert not found, f"{sentinel} is in {found}"


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)


def _texts(files: Mapping[str, bytes | None]) -> Iterator[tuple[str, str]]:
    for path, content in files.items():
        if content is None:
            continue
        if path.endswith(".parquet"):
            yield path, str(pq.read_table(io.BytesIO(content)).to_pylist()) + content.decode("latin-1")
        elif path.endswith(".sqlite"):
            with sqlite3.connect(":memory:") as database:
                database.deserialize(content)
                yield path, "\n".join(database.iterdump()) + content.decode("latin-1")
        else:
            yield path, content.decode("utf-8")
