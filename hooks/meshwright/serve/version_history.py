"""The versions of products, each with what has changed, for pages and feeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from meshwright.product.record import Record
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.stored_products import Version
from meshwright.serve.feed import FeedEntry, atom
from meshwright.serve.version_changes import version_changes

ENTRIES = 30
"""Of a feed."""
KEPT = 5_000
"""Comparisons in memory: versions never change."""


class VersionHistory:
    """What has changed between versions. Thread-safe."""

    def __init__(self, store: CatalogStore) -> None:
        self._store = store
        self._compared = lru_cache(KEPT)(self._compare)

    def of(self, id: str, limit: int) -> Mapping[str, Sequence[str]]:
        """Return hash -> what has changed since the version before, of the newest versions of a product; the first has none."""
        versions = self._store.products.versions(id)
        return {
            new.hash: self._compared(id, old.hash, new.hash) for new, old in pairwise(versions[: limit + 1])
        }

    def feed(self, id: str, title: str, link: str) -> bytes:
        """Return the changes of a product as an Atom feed. `link`: the absolute address of its page."""
        changes = self.of(id, ENTRIES)
        entries = [
            self._entry(id, version, changes.get(version.hash, ()), link)
            for version in self._store.products.versions(id)[:ENTRIES]
        ]
        return atom(f"Changes of {title}", link, entries, "1970-01-01T00:00:00Z")

    def feed_of_all(self, home: str) -> bytes:
        """Return the newest changes of all products as an Atom feed. `home`: the absolute address of the catalog."""
        entries = []
        for id, version in self._store.products.newest_versions(ENTRIES):
            versions = [one.hash for one in self._store.products.versions(id)]
            older = versions[versions.index(version.hash) + 1 :]
            lines = self._compared(id, older[0], version.hash) if older else ()
            entries.append(self._entry(id, version, lines, f"{home.rstrip('/')}/products/{id}"))
        return atom("Changes of data products", home, entries, "1970-01-01T00:00:00Z")

    def _compare(self, id: str, before: str, after: str) -> Sequence[str]:
        old, new = (self._store.products.version(id, hash) for hash in (before, after))
        return tuple(version_changes(Record(json.loads(old or "{}")), Record(json.loads(new or "{}"))))

    def _entry(self, id: str, version: Version, changes: Sequence[str], link: str) -> FeedEntry:
        lines = tuple(changes) or ("It is new in the catalog.",)
        title = f"{id} {version.version}"
        return FeedEntry(f"{link}/versions/{version.hash}", title, version.published_at, link, lines, id)
