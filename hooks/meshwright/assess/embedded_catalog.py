"""The embedded catalog's interface for fitness functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshwright.mesh.catalog_client import Catalog as Client
from meshwright.product.record import Record

PATIENCE = 10.0
"""Timeout, in seconds, of each request to a catalog."""


VERSIONS = 5
"""Versions of a product that are fetched: the newest, and the oldest of each major version."""


class EmbeddedCatalog:
    """The catalog at an address."""

    def __init__(self, url: str) -> None:
        self._client = Client(url, patience=PATIENCE)

    def product(self, id: str) -> Mapping[str, Any] | None:
        """Return the record of a product; None if the catalog does not have it."""
        record = self._client.get(id)
        return record.value if isinstance(record, Record) else None

    def versions(self, id: str) -> Sequence[Mapping[str, Any]]:
        """Return the records of the versions that the catalog has, newest first: some, if there are many."""
        return [record.value for record in self._client.versions(id, VERSIONS)]

    def search(self, words: str, limit: int) -> Sequence[str]:
        """Return the ids of the products that have these words."""
        return [str(entry.get("id")) for entry in self._client.search(words, limit)]
