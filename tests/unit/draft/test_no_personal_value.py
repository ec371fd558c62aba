"""No value of a column that is proposed as personal is in anything that a draft writes or prints, under random tables."""

from __future__ import annotations

import csv
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
from meshwright.draft.columns import examine
from meshwright.draft.run import prepare
from meshwright.inspection.model import Column, ColumnProfile

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=8, max_size=12).map("zq{}".format)
"""No word that a product has anyway: Hypothesis also draws texts that it finds in the code."""
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
    written = _written(product, source)
    for row in source.values:
        for sentinel in (text for value in row[len(HARMLESS) :] for text in _leaves(value)):
            found = [path for path, text in written.items() if sentinel in text]
            assert not found, f"{sentinel} is in {found}"


PEOPLE = ("Zqhuber", "Zqmeier", "Zqschmid")
HIDDEN: Mapping[str, tuple[str, Callable[[int], Any]]] = {
    "prefs": ("JSON", lambda n: json.dumps({f"thyrza{n}.okwuosa@corp-zz.example.com": 0})),
    "tree": ("JSON", lambda n: json.dumps({f"Anna Zq{'abcdefghij'[n % 10]}quist": {"telefonnr": 491_700_000_000 + n}})),
    "seen_by": ("JSON", lambda n: json.dumps({f"zqkey{'abcdefghij'[n % 10]}{'abcdefghij'[n // 10]}x": True})),
    "extra": ("VARCHAR", lambda n: json.dumps({"to": f"zqada{n}@corp-zz.example.com", "n": [n]})),
    "tel_mobile": ("BIGINT", lambda n: 491_710_000_000 + n),
    "rut": ("BIGINT", lambda n: 176_300_000 + n),
    "gebdat": ("DATE", lambda n: datetime.date(1911, 1 + n % 12, 1 + n % 28)),
    "data_nascita": ("DATE", lambda n: datetime.date(1912, 1 + n % 12, 1 + n % 28)),
    "stand": ("DATE", lambda n: datetime.date(1913, 1 + n % 12, 1 + n % 28)),
    "betreuer": ("VARCHAR", lambda n: PEOPLE[n % 3]),
    "chef": ("VARCHAR", lambda n: ("Hamilton", "Lovelace", "Nguyen", "Rodriguez")[n % 4]),
    "zeichen": ("VARCHAR", lambda n: ("j.zqokw", "a.zqlov", "k.zqmei")[n % 3]),
    "wer": ("VARCHAR", lambda n: ("ada zqlovelace", "anna zqhopper")[n % 2]),
    "bem": ("VARCHAR", lambda n: ("call Zqhuber", "paid")[n % 2] if n % 2 == 0 else None),
    "icd": ("VARCHAR", lambda n: ("Z71.88", "F32.19")[n % 2]),
    "photo": ("BLOB", lambda n: f"zqphoto{n:04}".encode()),
}  # fmt: skip
"""Columns of values that are personal though neither an English name nor their form says it."""
KEYS: Mapping[str, Callable[[int], str]] = {
    "pnr": lambda n: f"1950{1 + n % 12:02}01-7{n:03}",
    "kennung": lambda n: f"Zqmeier{n}",
    "name": lambda n: f"Zqhuber{n}",
    "ahv_nr": lambda n: f"756.9217.07{n:02}.85",
    "kennzeichen": lambda n: f"GZ-Q{n + 100}",
}


@pytest.mark.parametrize("kind", ["csv", "json", "database"])
def test_what_only_its_meaning_makes_personal(kind: str, product: Path) -> None:
    uses, properties = USES[kind]
    rows = [(n, *(make(n) for _, make in HIDDEN.values())) for n in range(40)]
    types = {"id": "BIGINT"} | {name: type_ for name, (type_, _) in HIDDEN.items()}
    written = _written(product, TableSource("people", types, rows, uses, properties))
    for place, name in enumerate(HIDDEN, 1):
        for sentinel in {text for row in rows for text in _leaves(row[place]) if len(text) > 4}:
            found = [path for path, text in written.items() if sentinel in text]
            assert not found, f"{sentinel} of {name} is in {found}"


@pytest.mark.parametrize("key", KEYS)
def test_a_personal_key_is_made_up(key: str, product: Path) -> None:
    rows = [(KEYS[key](n), n / 4) for n in range(40)]
    source = TableSource("data", {key: "VARCHAR", "amount": "DOUBLE"}, rows, *USES["csv"], primary_key=(key,))
    written = _written(product, source)
    assert not [path for path, text in written.items() for row in rows if row[0] in text]


def test_json_in_a_text_column_stays_json(product: Path) -> None:
    rows = [(n, HIDDEN["extra"][1](n)) for n in range(9)]
    source = TableSource("people", {"id": "BIGINT", "extra": "VARCHAR"}, rows, *USES["csv"])
    changes = prepare(product, {"people": ("people", source)}, 50).changes
    (sample,) = [content for path, content in changes.items() if content and path == "sample_data/people.csv"]
    for row in csv.DictReader(io.StringIO(sample.decode()), delimiter=";"):
        assert json.loads(row["extra"])["n"], row


def test_a_comment_with_a_person_is_left_out() -> None:
    column = Column("code", "VARCHAR", description="As zqada@corp-zz.example.com wrote")
    assert not examine("data", column, ColumnProfile(0), "code", ["x"], 1).column.description


def _written(product: Path, source: TableSource) -> dict[str, str]:
    drafted = prepare(product, {source.name: (source.name, source)}, 200)
    written = dict(_texts(drafted.changes))
    with CliRunner().isolation() as (output, *_):
        command._report(product, drafted, True)
        written["dry run"] = output.getvalue().decode()
    return written


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, dict):
        yield from (key for key in value if "zq" in key.lower() or "@" in key)
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


NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Barbara Liskov")
SURNAMES = ("Müller", "Nguyen", "Rodriguez", "Hamilton")
NESTED: Mapping[str, tuple[str, Callable[[int], Any], str]] = {
    "the name of a customer": ("JSON", lambda n: json.dumps({"customer": {"name": f"Zq{n}"}, "sku": f"X-{n}"}), "name"),
    "a surname": ("JSON", lambda n: json.dumps({"who": {"surname": f"Zq{n}"}}), "last name"),
    "a given name": ("JSON", lambda n: json.dumps([{"given_name": f"Zq{n}"}]), "first name"),
    "names among others": ("JSON", lambda n: json.dumps({"a": NAMES[n % 4], "b": f"X-{n}", "c": f"Y-{n}", "d": f"Z-{n}"}), "name"),
    "surnames in JSON": ("JSON", lambda n: json.dumps({"a": SURNAMES[n % 4], "b": f"X-{n}", "c": f"Y-{n}"}), "name"),
    "surnames in a list": ("VARCHAR[]", lambda n: [SURNAMES[n % 4]], "name"),
    "a name in an object": ("STRUCT(buyer STRUCT(name VARCHAR), sku VARCHAR)", lambda n: {"buyer": {"name": f"Zq{n}"}, "sku": f"X-{n}"}, "name"),
    "names in a list of objects": ("STRUCT(a VARCHAR, b VARCHAR)[]", lambda n: [{"a": NAMES[n % 4], "b": f"X-{n}"}], "name"),
    "a product": ("JSON", lambda n: json.dumps({"product": {"name": ("Blue chair", "Red table")[n % 2]}, "sku": f"X-{n}"}), ""),
}  # fmt: skip


@pytest.mark.parametrize("case", NESTED)
def test_a_name_within_a_value_is_classified_as_in_a_column(case: str) -> None:
    type_, make, kind = NESTED[case]
    values = [make(n) for n in range(40)]
    field = examine("orders", Column("data", type_), ColumnProfile(0), "data", values, len(values))
    assert (field.kind, field.maker) == (kind, "json" if type_ == "JSON" else "nested")
