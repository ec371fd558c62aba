"""Which product has which words, over a whole mesh: how rare a word is, and what a search for some words would find.

Only where more products have all the words than a page shows does their order matter; then they are put into the same
engine that the embedded catalog searches with.
"""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from meshwright.catalog.serve import words as catalog
from meshwright.lineage import Lineage
from meshwright.record import Record

RANKED = 300
"""More products than these with the same words are not put in order: nobody finds one among them."""
LONGEST = 50_000
"""Signs of one part of a product that are looked at: somebody may have written a million."""
_PLAIN = re.compile(r"[a-z0-9]+")
_KNOWN: WeakKeyDictionary[Lineage, Index] = WeakKeyDictionary()


def split(text: str) -> list[str]:
    """The words of a text, as the catalog takes them."""
    if text.isascii():  # the same, and much faster
        return [word[: catalog.LONGEST] for word in _PLAIN.findall(text.lower())]
    return list(catalog.words(text))


LITTLE = frozenset(
    split(
        "a an and are as at be by column contains field for from in is it its of on or that the this to value which with"
    )
)
"""Words that say nothing at all."""
EMPTY = LITTLE | frozenset(
    split(
        "all any can columns contain contained data dataset datasets describes description domain has have here information into may"
        " name no not one our product products provides set some table tables their them type us use used useful user users values"
        " various we what you your analysis business purpose purposes general stuff things records record etc"
    )
)
"""Words that say nothing about one product in particular."""
SHORTEST = 3
"""Letters of a word that tells something."""


def telling(text: str) -> set[str]:
    """The words of a text that could not stand in every product's."""
    return {
        word for word in split(text) if len(word) >= SHORTEST and word not in EMPTY and not word.isdigit()
    }


def index(mesh: Lineage) -> Index:
    """Made once for each mesh."""
    found = _KNOWN.get(mesh)
    if found is None:
        found = _KNOWN[mesh] = Index(mesh)
    return found


class Index:
    """The words of the active products of a mesh."""

    def __init__(self, mesh: Lineage) -> None:
        self._records: Sequence[Record] = tuple(mesh.records.values())
        self._having: dict[str, array[int]] = {}
        self._ranked: dict[tuple[str, ...], Sequence[str]] = {}
        for number, record in enumerate(self._records):
            for word in set(split(" ".join(_parts(record)))):
                having = self._having.get(word)
                if having is None:
                    having = self._having[word] = array("I")
                having.append(number)

    def __len__(self) -> int:
        return len(self._records)

    def rarity(self, word: str) -> int:
        """How many products have the word."""
        return len(self._having.get(word, ()))

    def rarest(self, words: Iterable[str], many: int) -> list[str]:
        """The words that tell a product best from others: rare ones first, then long ones."""
        return sorted(set(words), key=lambda word: (self.rarity(word), -len(word), word))[:many]

    def search(self, words: Sequence[str], limit: int) -> Sequence[str]:
        """The ids of the products that have all the words, best first; none at all if more than RANKED have them."""
        key = (*words, str(limit))
        if key not in self._ranked:
            if len(self._ranked) > 10_000:
                self._ranked.clear()
            self._ranked[key] = self._search(words, limit)
        return self._ranked[key]

    def _search(self, words: Sequence[str], limit: int) -> Sequence[str]:
        having: list[Any] = sorted((self._having.get(word, array("I")) for word in set(words)), key=len)
        if not having:
            return ()
        found = set(having[0])
        for others in having[1:]:
            if found:
                found.intersection_update(others)
        records = [self._records[number] for number in sorted(found)]
        if len(records) <= limit:
            return tuple(record.id for record in records)
        return _ranked(records, words)[:limit] if len(records) <= RANKED else ()


def _ranked(records: Sequence[Record], words: Sequence[str]) -> Sequence[str]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("create virtual table found using fts5(title, description, columns)")
        for number, record in enumerate(records):
            parts = (" ".join(split(text)) for text in _parts(record))
            connection.execute("insert into found (rowid, title, description, columns) values (?, ?, ?, ?)", (number, *parts))  # fmt: skip
        query = " ".join(f'"{word}"' for word in words)
        rows = connection.execute("select rowid from found where found match ? order by bm25(found, 10.0, 3.0, 1.0), rowid", [query])  # fmt: skip
        return tuple(records[number].id for (number,) in rows)
    finally:
        connection.close()


def _parts(record: Record) -> Iterator[str]:
    """What a product is found by in the catalog, in its three parts, as far as the product says it of itself."""
    yield " ".join((record.title, record.name, record.domain))[:LONGEST]
    cases = [text for case in record.use_cases for text in (case.name, case.action, *case.users)]
    said = (record.purpose, record.usage, record.limitations, *record.tags, *cases)
    yield " ".join(text[:LONGEST] for text in said)[:LONGEST]
    columns = (text for column in record.columns for text in (column.name, column.description[:LONGEST]))
    yield " ".join(columns)[:LONGEST]
