"""Index the words of a mesh's products: how rare a word is, and what a search for some words would return.

It is simpler and stricter than the embedded catalog's search: every word must be there as it is written. A mesh of thousands
of products is searched three times for each of them, which would take too long there.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from weakref import WeakKeyDictionary

from meshwright.mesh import tokenize as catalog
from meshwright.mesh.lineage import Lineage
from meshwright.product.record import Record

WEIGHTS = (10.0, 3.0, 1.0)
"""Weights of a word in the title, the description and the columns. A word in a short title weighs more than one in a long title."""
KEPT = 10_000
"""Number of cached searches: many products have the same texts."""
LONGEST = 50_000
"""Maximum characters of one part of a product that are indexed, because a text may have a million."""
_PLAIN = re.compile(r"[a-z0-9]+")
_KNOWN: WeakKeyDictionary[Lineage, Index] = WeakKeyDictionary()


def split(text: str) -> list[str]:
    """Return the words of a text, as the catalog splits it."""
    if text.isascii():  # the same result, much faster
        return [word[: catalog.LONGEST] for word in _PLAIN.findall(text.lower())]
    return list(catalog.words(text))


LITTLE = frozenset(
    split(
        "a an and are as at be by column contains field for from in is it its of on or that the this to value which with"
    )
)
"""Words without meaning."""
EMPTY = LITTLE | frozenset(
    split(
        "all any can columns contain contained data dataset datasets describes description domain has have here information into may"
        " name no not one our product products provides set some table tables their them type us use used useful user users values"
        " various we what you your analysis business purpose purposes general stuff things records record etc"
    )
)
"""Words that fit any product."""
SHORTEST = 3
"""Minimum letters of a distinctive word."""


def distinctive(text: str) -> set[str]:
    """Return the words of a text that do not fit every product."""
    return {
        word for word in split(text) if len(word) >= SHORTEST and word not in EMPTY and not word.isdigit()
    }


def index(mesh: Lineage) -> Index:
    """Return the index, created once for each mesh."""
    found = _KNOWN.get(mesh)
    if found is None:
        found = _KNOWN[mesh] = Index(mesh)
    return found


class Index:
    """The words of the products of a mesh."""

    def __init__(self, mesh: Lineage) -> None:
        self._ids = tuple(mesh.records)
        self._having: tuple[dict[str, array[int]], ...] = ({}, {}, {})
        """For each part: word -> the products that have it there."""
        self._titles = array("I")
        """Number of words of each title."""
        self._sets: dict[str, frozenset[int]] = {}
        self._found: dict[tuple[Sequence[str], int], Sequence[str]] = {}
        for number, record in enumerate(mesh.records.values()):
            self._titles.append(len(split(record.title[:LONGEST])))
            for having, text in zip(self._having, _parts(record), strict=True):
                for word in set(split(text)):
                    if word in having:
                        having[word].append(number)
                    else:
                        having[word] = array("I", (number,))

    def __len__(self) -> int:
        return len(self._ids)

    def rarity(self, word: str) -> int:
        """Return the number of products with the word; one that has it in two parts counts twice."""
        return sum(len(having.get(word, ())) for having in self._having)

    def rarest(self, words: Iterable[str], many: int) -> list[str]:
        """Return the most distinctive words: rare ones first, then long ones."""
        return sorted(set(words), key=lambda word: (self.rarity(word), -len(word), word))[:many]

    def search(self, words: Sequence[str], limit: int) -> Sequence[str]:
        """Return the ids of the products that have all the words, best first. If more products rank equally than fit,
        none of them is returned, because it would be chance."""
        key = (tuple(words), limit)
        if key not in self._found:
            if len(self._found) > KEPT:
                self._found.clear()
            self._found[key] = tuple(self._ids[number] for number in self._search(frozenset(words), limit))
        return self._found[key]

    def _anywhere(self, word: str) -> frozenset[int]:
        """Return the products that have the word in any part."""
        if word not in self._sets:
            if len(self._sets) > KEPT:
                self._sets.clear()
            self._sets[word] = frozenset().union(*(part.get(word, ()) for part in self._having))
        return self._sets[word]

    def _search(self, words: frozenset[str], limit: int) -> Sequence[int]:
        anywhere = sorted((self._anywhere(word) for word in words), key=len)
        found = anywhere[0].intersection(*anywhere[1:]) if anywhere else frozenset()
        if len(found) <= limit:
            return sorted(found)
        having = [[found.intersection(part.get(word, ())) for part in self._having] for word in words]
        scores = dict.fromkeys(found, 0.0)
        for parts in having:
            for part, weight in zip(parts, WEIGHTS, strict=True):
                for number in part:
                    scores[number] += weight / (self._titles[number] or 1) if weight == WEIGHTS[0] else weight
        best = sorted(scores, key=lambda number: (-scores[number], number))
        room = scores[best[limit]]
        return [number for number in best[:limit] if scores[number] > room]


def _parts(record: Record) -> Iterator[str]:
    """Yield the texts by which the catalog finds a product, in three parts, from the product's own documents."""
    yield " ".join((record.title, record.name, record.domain))[:LONGEST]
    cases = [text for case in record.use_cases for text in (case.name, case.action, *case.users)]
    texts = (record.purpose, record.usage, record.limitations, *record.tags, *cases)
    yield " ".join(text[:LONGEST] for text in texts)[:LONGEST]
    columns = (text for column in record.columns for text in (column.name, column.description[:LONGEST]))
    yield " ".join(columns)[:LONGEST]
