"""A catalog in this process, for tests that ask it for documents: `with served(records) as client`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from meshwright.product.record import Record
from meshwright.serve.app import application
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.context import Settings

ADDRESS = "https://catalog.example.org"


@contextlib.contextmanager
def served(
    folder: Path, records: Sequence[Record], **settings: Any
) -> Iterator[tuple[TestClient, CatalogStore]]:
    """Yield a client of a catalog with these products, and its store. `settings`: of the catalog."""
    store = CatalogStore(f"sqlite:///{folder}/catalog.db")
    for record in records:
        store.products.put(record)
    settings = {"log": False, "url": ADDRESS, **settings}
    with TestClient(application(store, Settings(**settings)), base_url=ADDRESS) as client:
        yield client, store
