"""Products and versions by what an address says of them."""

from __future__ import annotations

import re

from meshwright.serve import RequestProblem
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.stored_products import StoredProduct, unknown

ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*/[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""As the spec has it, so that what stands in an address is never more than this."""
HASH = re.compile(r"[0-9a-f]{64}")


def product(store: CatalogStore, id: str) -> StoredProduct:
    """Return a product, active or retired; raises RequestProblem."""
    known = store.products.get(id) if ID.fullmatch(id) else None
    if known is None:
        raise unknown(id[:200])
    return known


def active(store: CatalogStore, id: str) -> StoredProduct:
    """Return a product that is not retired; raises RequestProblem."""
    known = product(store, id)
    if known.retired_at:
        raise _gone(known)
    return known


def version(store: CatalogStore, id: str, hash: str) -> str:
    """Return the record of a product's version, as JSON; raises RequestProblem."""
    text = store.products.version(id, hash) if HASH.fullmatch(hash) else None
    if text is None:
        raise RequestProblem(
            404, "unknown-version", f"{id} has no such version.", "See its list of versions."
        )
    return text


def _gone(product: StoredProduct) -> RequestProblem:
    detail = f"{product.id} was retired: {product.reason}"
    fix = f"Use {product.successor}." if product.successor else "Ask its owner what to use."
    more = {"reason": product.reason, "successor": product.successor, "retiredAt": product.retired_at}
    return RequestProblem(410, "retired", detail, fix, **more)
