"""The index of the search, in memory: which products have a stem, and how much it is worth there.

The same for every database, and so is the order of results. Not thread-safe: the search holds a lock.
"""

from __future__ import annotations

import heapq
import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA

from meshwright.serve.search_terms import EMPTY, WEIGHTS, stem, words

OF_A_QUERY = 16
"""Words of a query that are looked for."""
BEGINNINGS = 64
"""Stems that the last word can be the beginning of, the most frequent first."""
TYPOS = 6
"""Stems that a word without any can be meant for."""
EXACT, BEGINNING, SYNONYM, TYPO = 1.0, 0.6, 0.7, 0.4
"""What a word is worth, by how it was found."""

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """The result of a query."""

    numbers: Sequence[int]
    """Products, best first."""
    stems: frozenset[str] = frozenset()
    """Stems that were looked for, for highlights."""
    meant: tuple[tuple[str, str], ...] = ()
    """Word that no product has -> the stem that was taken instead."""
    words: tuple[str, ...] = ()
    """The words of the query."""


class Synonyms:
    """Words that mean the same, as an organisation declares them."""

    def __init__(self, groups: Iterable[Sequence[str]]) -> None:
        self._others: dict[Phrase, set[Phrase]] = {}
        for group in groups:
            phrases = {tuple(map(stem, words(one))): _kept(one) for one in group}
            for phrase in phrases:
                others = {kept for other, kept in phrases.items() if other != phrase and kept}
                self._others.setdefault(phrase, set()).update(others)
        self.longest = max(map(len, self._others), default=1)

    def of(self, phrase: Phrase) -> Iterable[Phrase]:
        """Return the phrases that mean the same, in a fixed order."""
        return sorted(self._others.get(phrase, ()))

    def __contains__(self, phrase: Phrase) -> bool:
        return phrase in self._others


def _kept(text: str) -> Phrase:
    """Return the stems that an index has of a phrase; none if a single word of it would be left, such as of "on time"."""
    found = list(words(text))
    kept = tuple(stem(word) for word in found if word not in EMPTY)
    return kept if len(kept) == len(found) or len(kept) > 1 else ()


@dataclass
class _Postings:
    """The products with one stem: slots and weights side by side."""

    slots: array[int] = field(default_factory=lambda: array("I"))
    weights: array[float] = field(default_factory=lambda: array("f"))


class SearchIndex:
    """Stems of products."""

    def __init__(self, synonyms: Synonyms) -> None:
        self._synonyms = synonyms
        self._numbers: list[int] = []
        """Slot -> product; -1: of a record that was replaced."""
        self._slots: dict[int, int] = {}
        self._postings: dict[str, _Postings] = {}
        self._sorted: list[str] | None = None

    def put(self, number: int, terms: Mapping[str, Sequence[str]]) -> None:
        """Add a product, or replace what it was before."""
        self.remove(number)
        slot = len(self._numbers)
        self._numbers.append(number)
        self._slots[number] = slot
        worth: dict[str, float] = {}
        for part, weight in WEIGHTS.items():
            found = terms.get(part, ())
            # A word of a short title says more of the product than one of a long title.
            weight = weight / (1 + 0.1 * max(0, len(found) - 1)) if part == "title" else weight
            for one in found:
                # In several places it is worth a little more than in the best of them.
                worth[one] = max(weight, worth.get(one, 0.0)) + 0.1 * min(weight, worth.get(one, 0.0))
        for one, weight in worth.items():
            postings = self._postings.get(one)
            if postings is None:
                postings = self._postings[one] = _Postings()
                self._sorted = None
            postings.slots.append(slot)
            postings.weights.append(weight)

    def remove(self, number: int) -> None:
        """Remove a product."""
        slot = self._slots.pop(number, None)
        if slot is not None:
            self._numbers[slot] = -1

    @property
    def is_worn(self) -> bool:
        """True if most of it is of records that were replaced: it should be made again."""
        return len(self._numbers) > 1_000 + 2 * len(self._slots)

    def search(self, text: str) -> Ranking:
        """Return the products that a query is about: those with all of its words, or else with most of them."""
        found = list(words(text))[:OF_A_QUERY]
        units = self._units(found)
        if not units:
            return Ranking(())
        looked_for: set[str] = set()
        meant: dict[str, str] = {}
        scores: dict[int, float] = {}
        counts: dict[int, int] = {}
        for place, phrase in enumerate(units):
            variants = self._variants(phrase, is_last=place == len(units) - 1)
            if not variants and len(phrase) == 1 and (typos := self._typos(phrase[0])):
                meant[phrase[0]] = typos[0]
                variants = [((one,), TYPO) for one in typos]
            looked_for.update(one for variant, _ in variants for one in variant)
            best: dict[int, float] = {}
            for variant, factor in variants:
                for slot, weight in self._having(variant).items():
                    best[slot] = max(best.get(slot, 0.0), factor * weight)
            for slot, weight in best.items():
                scores[slot] = scores.get(slot, 0.0) + weight
                counts[slot] = counts.get(slot, 0) + 1
        most = max(counts.values(), default=0)
        if 2 * most < len(units):
            return Ranking(())
        least = len(units) if most == len(units) else math.ceil(len(units) / 2)
        chosen = [slot for slot, count in counts.items() if count >= least and self._numbers[slot] >= 0]
        chosen.sort(key=lambda slot: (-counts[slot], -scores[slot], self._numbers[slot]))
        taken = tuple((word, meant[stem(word)]) for word in found if stem(word) in meant)
        numbers = array("Q", (self._numbers[slot] for slot in chosen))
        return Ranking(numbers, frozenset(looked_for), taken, tuple(found))

    def _units(self, found: Sequence[str]) -> list[Phrase]:
        """Return the words of a query that say something, those together that have synonyms together."""
        units: list[Phrase] = []
        query = [stem(word) for word in found]
        says = {stem(word) for word in found if word not in EMPTY} or {*query}
        place = 0
        while place < len(query):
            length = next(
                (length for length in range(min(self._synonyms.longest, len(query) - place), 1, -1) if tuple(query[place : place + length]) in self._synonyms),
                1,
            )  # fmt: skip
            if length > 1 or query[place] in says:
                units.append(tuple(query[place : place + length]))
            place += length
        return list(dict.fromkeys(units))

    def _variants(self, phrase: Phrase, is_last: bool) -> list[tuple[Phrase, float]]:
        """Return the phrases that answer one of the query, and what each is worth."""
        variants = [(phrase, EXACT)] if all(one in self._postings for one in phrase) else []
        variants += [(other, SYNONYM) for other in self._synonyms.of(phrase)]
        if is_last and len(phrase) == 1:
            exact = bool(variants)
            variants += [
                ((one,), BEGINNING if exact else 1.5 * BEGINNING) for one in self._beginning(phrase[0])
            ]
        return [
            (variant, factor) for variant, factor in variants if all(one in self._postings for one in variant)
        ]

    def _having(self, phrase: Phrase) -> Mapping[int, float]:
        """Return slot -> what a phrase is worth there; all of its words have to be there."""
        found: dict[int, float] = {}
        for place, one in enumerate(phrase):
            postings = self._postings[one]
            rare = math.log(1 + (1 + len(self._slots)) / len(postings.slots))
            worth = {
                slot: rare * weight for slot, weight in zip(postings.slots, postings.weights, strict=True)
            }
            found = (
                worth
                if not place
                else {slot: min(worth[slot], found[slot]) for slot in worth.keys() & found.keys()}
            )
        return found

    def _vocabulary(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._postings)
        return self._sorted

    def _beginning(self, beginning: str) -> list[str]:
        """Return the stems that begin so, but for itself."""
        vocabulary = self._vocabulary()
        start = bisect_left(vocabulary, beginning)
        end = bisect_left(vocabulary, beginning + "\U0010ffff")
        longer = (one for one in vocabulary[start:end] if one != beginning)
        return heapq.nsmallest(BEGINNINGS, longer, key=lambda one: (-len(self._postings[one].slots), one))

    def _typos(self, word: str) -> list[str]:
        """Return the stems that a word is probably meant for: one sign is wrong, or two of a long word."""
        if len(word) < 4 or any(sign.isdigit() for sign in word):
            return []
        wrong = 1 if len(word) < 8 else 2
        near = (one for one in self._vocabulary() if abs(len(one) - len(word)) <= wrong and not one.isdigit())
        scorer: Any = OSA.distance
        found = process.extract(word, near, scorer=scorer, score_cutoff=wrong, limit=50)
        ordered = sorted(
            found, key=lambda one: (one[1], one[0][0] != word[0], -len(self._postings[one[0]].slots), one[0])
        )
        return [one for one, _, _ in ordered[:TYPOS]]
