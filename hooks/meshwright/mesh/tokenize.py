"""Split a text into words, in the same way for indexing and for searching, whatever the database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from meshwright.product.record import Record

LONGEST = 40
"""Maximum characters of a word; more would not distinguish it better."""
OF_A_QUERY = 16
"""Maximum words of a query."""
MOST = {"title": 20_000, "description": 200_000, "columns": 600_000}
"""Part of a document -> maximum bytes that are searched. PostgreSQL accepts at most one megabyte a document."""

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> Iterator[str]:
    """Yield lower-case words without accents, of letters and digits only, so that they cannot contain query syntax."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return (found[0][:LONGEST] for found in _WORD.finditer(bare))


def of_query(text: str) -> tuple[str, ...]:
    """Return the words of a query; the last one may be incomplete."""
    return tuple(islice(words(text[:2_000]), OF_A_QUERY))


def of_record(record: Record) -> Mapping[str, list[str]]:
    """Return part of a document -> its words, most important part first."""
    texts = {"title": _title(record), "description": _description(record), "columns": _columns(record)}
    return {part: list(_up_to(most, texts[part])) for part, most in MOST.items()}


def _up_to(most: int, texts: Iterable[str]) -> Iterator[str]:
    for word in (word for text in texts for word in words(text)):
        most -= len(word.encode()) + 10  # bytes for a position in the index
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
