"""The words of a text, the same for what is found and for what it is searched by, whatever the database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from meshwright.product.record import Record

LONGEST = 40
"""Signs of a word; more does not tell it from others."""
OF_A_QUERY = 16
"""Words of a query that are looked at."""
MOST = {"title": 20_000, "description": 200_000, "columns": 600_000}
"""Part of a document -> bytes of it that can be searched. PostgreSQL takes a document of one megabyte at most."""

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> Iterator[str]:
    """In small letters without accents; nothing but letters and digits, so that no query language sees a sign of its."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return (found[0][:LONGEST] for found in _WORD.finditer(bare))


def of_query(text: str) -> tuple[str, ...]:
    """The words of a query; the last one may be only the beginning of a word."""
    return tuple(islice(words(text[:2_000]), OF_A_QUERY))


def of_record(record: Record) -> Mapping[str, list[str]]:
    """Part of a document -> its words, most telling part first."""
    texts = {"title": _title(record), "description": _description(record), "columns": _columns(record)}
    return {part: list(_up_to(most, texts[part])) for part, most in MOST.items()}


def _up_to(most: int, texts: Iterable[str]) -> Iterator[str]:
    for word in (word for text in texts for word in words(text)):
        most -= len(word.encode()) + 10  # what a place in the document takes besides
        if most < 0:
            return
        yield word


def _title(record: Record) -> Iterator[str]:
    yield from (record.title, record.name, record.domain)


def _description(record: Record) -> Iterator[str]:
    yield from (record.purpose, record.usage, record.limitations, *record.tags)
    for case in record.use_cases:
        yield from (case.name, case.action, *case.users)
    for person in (record.owner, record.steward):
        yield from (person.name, person.team, person.email)
    yield from (record.type, record.classification, record.dataset, *record.capabilities)
    yield from (entry.system or entry.product for entry in record.inputs)


def _columns(record: Record) -> Iterator[str]:
    for column in record.columns:
        yield from (column.name, column.description, *column.tags)
    yield from _texts(record.get("contract.description"))
    for table in record.get("contract.schema") or ():
        yield from _texts(table, ("name", "businessName", "description"))


def _texts(value: Any, keys: Iterable[str] = ("purpose", "usage", "limitations")) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value[key] for key in keys if isinstance(value.get(key), str))
