"""Pages of whole products, by id: a page ends after a number of products, or of bytes."""

from __future__ import annotations

from collections.abc import Sequence

from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.stored_products import StoredProduct

STEP = 25
"""Products that are read at once."""
PAGE = 8_000_000
"""Bytes after which a page ends, however many products were asked for."""


def product_page(store: CatalogStore, after: str, limit: int) -> tuple[Sequence[StoredProduct], str]:
    """Return active products after an id, and the id after which the next page begins; empty if there is none."""
    found: list[StoredProduct] = []
    size, last = 0, after
    while len(found) < limit and size < PAGE:
        step = min(STEP, limit - len(found))
        products = store.products.after(last, step)
        for one in products:
            found.append(one)
            size, last = size + len(one.text), one.id
            if size >= PAGE:
                break
        if len(products) < step:
            break
    return found, last if store.products.after(last, 1) else ""
