"""Which product has which words, over a whole mesh: how rare a word is, and what a search for some words would find.

The embedded catalog's search in little: all words have to be there, and weigh what they weigh there. A mesh of thousands
is searched three times for each of its products, which no database does in the time there is.
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
"""Of a word in the title, in what is said of the product, in the columns: the same as in the embedded catalog. A word of
a short title says more than one of a long title."""
KEPT = 10_000
"""Searches whose result is kept: many products say the same."""
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


def distinctive(text: str) -> set[str]:
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
    """The words of the products of a mesh."""

    def __init__(self, mesh: Lineage) -> None:
        self._ids = tuple(mesh.records)
        self._having: tuple[dict[str, array[int]], ...] = ({}, {}, {})
        """For each part: word -> the products that have it there."""
        self._titles = array("I")
        """How many words a title has."""
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
        """How many products have the word; one that has it in two parts counts twice."""
        return sum(len(having.get(word, ())) for having in self._having)

    def rarest(self, words: Iterable[str], many: int) -> list[str]:
        """The words that tell a product best from others: rare ones first, then long ones."""
        return sorted(set(words), key=lambda word: (self.rarity(word), -len(word), word))[:many]

    def search(self, words: Sequence[str], limit: int) -> Sequence[str]:
        """The ids of the products that have all the words, best first. Where more are equally good than there is room
        for, none of them: which one somebody would see is chance."""
        key = (tuple(words), limit)
        if key not in self._found:
            if len(self._found) > KEPT:
                self._found.clear()
            self._found[key] = tuple(self._ids[number] for number in self._search(frozenset(words), limit))
        return self._found[key]

    def _anywhere(self, word: str) -> frozenset[int]:
        """The products that have the word in any part."""
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
    """What a product is found by in the catalog, in its three parts, as far as the product says it of itself."""
    yield " ".join((record.title, record.name, record.domain))[:LONGEST]
    cases = [text for case in record.use_cases for text in (case.name, case.action, *case.users)]
    said = (record.purpose, record.usage, record.limitations, *record.tags, *cases)
    yield " ".join(text[:LONGEST] for text in said)[:LONGEST]
    columns = (text for column in record.columns for text in (column.name, column.description[:LONGEST]))
    yield " ".join(columns)[:LONGEST]
