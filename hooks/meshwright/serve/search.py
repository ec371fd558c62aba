"""Search: words are found by an index in memory, and facets are counted beside it.

The products with a value of a facet are one large integer with a bit for each product, so that counting ten thousand
products by five facets takes a few dozen `and`s. The data in memory follows the database by its revision.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, TypeVar

from meshwright.mesh.standings import rank
from meshwright.product.record import Record
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.stored_assessments import ProductFitness
from meshwright.serve.highlights import suggestion
from meshwright.serve.search_index import Ranking, SearchIndex, Synonyms
from meshwright.serve.summary import OF_A_LIST
from meshwright.serve.synonyms import known_synonyms

V = TypeVar("V")
FACETS: dict[str, Callable[[Mapping[str, Any]], Iterable[str]]] = {
    "domain": lambda product: (product["domain"],),
    "classification": lambda product: (product["classification"],),
    "port": lambda product: {port["uses"] for port in product["ports"]},
    "tag": lambda product: product["tags"],
    "type": lambda product: (product["type"],),
    "access": lambda product: (product["mode"],),
    "owner": lambda product: (product["owner"]["team"] or product["owner"]["name"],),
}
"""Facet -> the values that a product has (summary.py)."""
FACET_NAMES = ("standing", *FACETS)
"""All facets: the standing changes with each assessment."""
SORTS = {"": "best match", "standing": "worst standing", "published": "newest"}
"""Order of results -> its words; without words to search for, the best match is by title."""
LONGEST_QUERY = 1_000
"""Characters of a query that are read."""
LAST_OFFSET = 1_000_000
"""Maximum offset of a page of results."""
VALUES = 100
"""Maximum values of a facet that are returned, the most frequent first."""
FRESH = 0.2
"""Seconds after which another process may have written; our own writes are known at once. While a thread checks,
the previous answer is valid for as long again."""
RESPONSE_CACHE_BYTES, RANKING_CACHE_BYTES = 32_000_000, 16_000_000
"""Bytes of cached answers, and of cached results of the database; valid until something changes."""


@dataclass(frozen=True)
class Query:
    """A search request."""

    q: str = ""
    chosen: tuple[tuple[str, str], ...] = ()
    """Facets, each with its required value."""
    limit: int = 20
    offset: int = 0
    sort: str = ""
    """One of SORTS."""


@dataclass(frozen=True)
class Found:
    """One page of results."""

    total: int
    products: Sequence[Mapping[str, Any]]
    """Summaries with `fitness`."""
    facets: Mapping[str, Mapping[str, int]]
    """Facet -> value -> number of results with it; the most frequent first."""
    suggestion: str = ""
    """The query as it was probably meant; empty if every word is known."""
    stems: frozenset[str] = frozenset()
    """What was looked for, for highlights."""

    def text(self) -> bytes:
        """Return it in the API's format."""
        products = ",".join(
            f"{summary['text']},{_fitness(summary['fitness'])}}}" for summary in self.products
        )
        more = f',"suggestion":{_json(self.suggestion)}' if self.suggestion else ""
        return (
            f'{{"total":{self.total},"products":[{products}],"facets":{_json(self.facets)}{more}}}'.encode()
        )


@dataclass
class _State:
    """The data about all products at one revision."""

    index: SearchIndex
    shown: dict[int, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    """Number -> columns and values that a result can name."""
    revision: int = -1
    summaries: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Number -> summary, of active products."""
    ids: dict[str, int] = field(default_factory=dict)
    bits: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in FACET_NAMES})
    active: int = 0
    fitness: Mapping[str, ProductFitness] = field(default_factory=dict)
    orders: dict[str, Sequence[int]] = field(default_factory=dict)
    """Order of results -> all numbers."""
    read_by: dict[str, set[str]] = field(default_factory=dict)
    """Id -> the ids of the active products that read it."""


class Search:
    """Queries over all products. Thread-safe."""

    def __init__(self, store: CatalogStore, synonyms: Synonyms | None = None) -> None:
        """`synonyms`: of the language and the organisation; None: only those of the language."""
        self._store = store
        self._synonyms = synonyms or known_synonyms()
        self._state = _State(index=SearchIndex(self._synonyms))
        self._looked = 0.0
        """When the database was last checked; 0 after a write of our own."""
        self._sent = 0.0
        """When a thread was last sent to check."""
        self._lock = threading.RLock()
        self._ranking_cache: _BoundedCache[tuple[Ranking, int]] = _BoundedCache(RANKING_CACHE_BYTES)
        """Query -> its products, best first, and the same as bits."""
        self._response_cache: _BoundedCache[bytes] = _BoundedCache(RESPONSE_CACHE_BYTES)
        """Request -> its response in the API's format."""

    def wrote(self) -> None:
        """Must be called after each write of our own."""
        with self._lock:  # not during a check, which would then count as fresh
            self._looked = 0.0

    def quick(self, key: Any) -> bytes | None:
        """Return the cached answer to a request, if nothing has changed; does not query the database."""
        now = time.monotonic()
        if now - self._looked < FRESH:
            return self._response_cache.get(key)
        if self._looked and now - self._sent < FRESH:  # another thread is checking, so this one need not wait
            return self._response_cache.get(key)
        self._sent = now
        return None

    def answer(self, query: Query, key: Any) -> bytes:
        """Return the answer in the API's format; `key` identifies the same request."""
        with self._lock:
            self._refresh()
            if (kept := self._response_cache.get(key)) is not None:
                return kept
            revision = self._state.revision
        text = self.search(query).text()
        with self._lock:
            if revision == self._state.revision:
                self._response_cache.keep(key, text, len(text))
        return text

    def search(self, query: Query) -> Found:
        """Return one page of the products that the words are about, with all the chosen values."""
        text = query.q.strip()[:LONGEST_QUERY]
        with self._lock:
            self._refresh()
            state = self._state
            ranking = Ranking(())
            ranked: Sequence[int] = self._sorted("")
            found = 0 if text else state.active
            if text:
                ranking, found = self._ranked(text)
                ranked = ranking.numbers
            if query.sort:
                ranked = self._sorted(query.sort)
            masks = {name: state.bits[name].get(value, 0) for name, value in query.chosen}
            matching = found
            for mask in masks.values():
                matching &= mask
            page = [self._summary(number) for number in _page(ranked, matching, query)]
            facets = {name: self._counts(name, found, masks) for name in FACET_NAMES}
        return Found(matching.bit_count(), page, facets, suggestion(ranking, page), ranking.stems)

    def _ranked(self, text: str) -> tuple[Ranking, int]:
        """Return the products of a query, and the same as bits."""
        known = self._ranking_cache.get(text)
        if known is None:
            ranking = self._state.index.search(text)
            known = (ranking, _bits(ranking.numbers) & self._state.active)
            self._ranking_cache.keep(text, known, 10 * len(ranking.numbers) + 1_000)
        return known

    def summary_of(self, id: str) -> Mapping[str, Any] | None:
        """Return the summary of an active product."""
        with self._lock:
            self._refresh()
            number = self._state.ids.get(id)
            return None if number is None else self._summary(number)

    def title(self, id: str) -> str | None:
        """Return the title of an active product."""
        summary = self.summary_of(id)
        return None if summary is None else str(summary["title"])

    def fitness(self, id: str) -> ProductFitness:
        """Return what the latest assessment says of a product."""
        with self._lock:
            self._refresh()
            return self._state.fitness.get(id, ProductFitness())

    def consumers(self, id: str) -> Sequence[str]:
        """Return the ids of the active products that read a product."""
        with self._lock:
            self._refresh()
            return sorted(self._state.read_by.get(id, ()))

    def around(self, id: str) -> tuple[int, int]:
        """Return how many active products are upstream and downstream of a product.

        meshwright.mesh.lineage computes the same from records; here the edges are updated with each change, because building them
        again for the next page would take a second in a large mesh.
        """
        with self._lock:
            self._refresh()
            state = self._state
            up = _reached(
                id, lambda one: state.summaries[state.ids[one]]["reads"] if one in state.ids else ()
            )
            down = _reached(id, lambda one: state.read_by.get(one, ()))
            return sum(one in state.ids for one in up), len(down)

    def records(self) -> Iterator[Record]:
        """Yield every active product's complete record, by id."""
        last = ""
        while page := self._store.products.after(last, 500):
            yield from (product.record for product in page)
            last = page[-1].id

    @property
    def revision(self) -> int:
        """Return the revision, by which pages about all products are cached."""
        with self._lock:
            self._refresh()
            return self._state.revision

    def _refresh(self) -> None:
        if time.monotonic() - self._looked < FRESH:
            return
        looked = time.monotonic()
        state, revision = self._state, self._store.revision()
        if revision != state.revision:
            changes = self._store.products.changes(state.revision)
            entries = self._store.search_entries.of([one.number for one in changes if not one.retired])
            for change in changes:
                self._forget(change.number)
                if not change.retired:
                    self._learn(change.number, change.summary, entries[change.number])
            if state.index.is_worn:
                state.index = SearchIndex(self._synonyms)
                for number, entry in self._store.search_entries.of(state.summaries).items():
                    state.index.put(number, entry["terms"])
            state.fitness = self._store.assessments.fitness()
            state.bits["standing"] = self._by_standing()
            state.revision, state.orders = revision, {}
            self._ranking_cache.clear()
            self._response_cache.clear()
        self._looked = looked

    def _learn(self, number: int, summary: dict[str, Any], entry: Mapping[str, Any]) -> None:
        state, bit = self._state, 1 << number
        state.index.put(number, entry["terms"])
        state.shown[number] = (entry["columns"], entry["values"])
        # Rendered once for lists: most of the cost of a search is writing the same products again.
        state.summaries[number] = summary | {"text": _json({key: summary[key] for key in OF_A_LIST})[:-1]}
        state.ids[summary["id"]] = number
        state.active |= bit
        for source in summary["reads"]:
            state.read_by.setdefault(source, set()).add(summary["id"])
        for name, values in FACETS.items():
            for value in values(summary):
                state.bits[name][value] = state.bits[name].get(value, 0) | bit

    def _forget(self, number: int) -> None:
        state, bit = self._state, 1 << number
        summary = state.summaries.pop(number, None)
        if summary is None:
            return
        del state.ids[summary["id"]]
        state.index.remove(number)
        del state.shown[number]
        state.active &= ~bit
        for source in summary["reads"]:
            state.read_by[source].discard(summary["id"])
        for name, values in FACETS.items():
            for value in values(summary):
                state.bits[name][value] &= ~bit

    def _sorted(self, sort: str) -> Sequence[int]:
        """Return the numbers of all products in an order of SORTS."""
        state = self._state
        if sort not in state.orders:
            by_title = {
                number: (summary["title"].casefold(), summary["id"])
                for number, summary in state.summaries.items()
            }
            numbers = sorted(by_title, key=by_title.__getitem__)
            if sort == "published":
                numbers.sort(key=lambda number: state.summaries[number]["publishedAt"], reverse=True)
            elif sort == "standing":
                numbers.sort(key=self._by_fitness)
            state.orders[sort] = numbers
        return state.orders[sort]

    def _by_fitness(self, number: int) -> tuple[int, int]:
        fitness = self._state.fitness.get(self._state.summaries[number]["id"], ProductFitness())
        return rank(fitness.standing), 101 if fitness.score is None else fitness.score

    def _summary(self, number: int) -> dict[str, Any]:
        summary = self._state.summaries[number]
        columns, values = self._state.shown[number]
        return summary | {
            "columns": columns,
            "values": values,
            "fitness": self._state.fitness.get(summary["id"], ProductFitness()),
        }

    def _by_standing(self) -> dict[str, int]:
        found: dict[str, list[int]] = {}
        for id, number in self._state.ids.items():
            found.setdefault(self._state.fitness.get(id, ProductFitness()).standing, []).append(number)
        return {standing: _bits(numbers) for standing, numbers in found.items()}

    def _counts(self, name: str, found: int, masks: Mapping[str, int]) -> dict[str, int]:
        for other, mask in masks.items():
            if other != name:  # to count what another choice would return
                found &= mask
        counts = {value: (bits & found).bit_count() for value, bits in self._state.bits[name].items()}
        ranked = sorted((-count, value) for value, count in counts.items() if count and value)
        return {value: -count for count, value in ranked[:VALUES]}


def _page(ranked: Sequence[int], matching: int, query: Query) -> Iterator[int]:
    if not matching:
        return iter(())
    if matching.bit_count() == len(ranked):
        return iter(ranked[query.offset : query.offset + query.limit])
    chosen = (number for number in ranked if matching >> number & 1)
    return islice(chosen, query.offset, query.offset + query.limit)


def _reached(start: str, next_to: Callable[[str], Iterable[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for other in next_to(waiting.pop()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen - {start}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _fitness(fitness: ProductFitness) -> str:
    return f'"standing":"{fitness.standing}","score":{_json(fitness.score)},"known":{fitness.known},"functions":{fitness.functions}'


def _bits(numbers: Sequence[int]) -> int:
    found = bytearray(max(numbers, default=0) // 8 + 1)
    for number in numbers:
        found[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(found, "little")


class _BoundedCache(Generic[V]):
    """Cached values by key, up to a number of bytes; the oldest is removed first."""

    def __init__(self, most: int) -> None:
        self._values: OrderedDict[Any, tuple[V | None, int]] = OrderedDict()
        self._most, self._size = most, 0

    def get(self, key: Any) -> V | None:
        return self._values.get(key, (None, 0))[0]

    def keep(self, key: Any, value: V, size: int) -> None:
        self._size += size - self._values.pop(key, (None, 0))[1]
        self._values[key] = (value, size)
        while self._size > self._most:
            self._size -= self._values.popitem(last=False)[1][1]

    def clear(self) -> None:
        self._values.clear()
        self._size = 0
