"""The products of a catalog in formats of other catalogs: DCAT as linked data, and Bitol's Open Data Product Standard."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from meshwright.export import dcat, linked_data, odps
from meshwright.serve.catalog_store.stored_products import StoredProduct

Write = Callable[[Sequence[Mapping[str, Any]], Mapping[str, str]], str]
FORMS: Mapping[str, tuple[str, Write]] = {
    "jsonld": ("application/ld+json", linked_data.json_ld),
    "ttl": ("text/turtle", linked_data.turtle),
}
"""Ending of a file -> its media type, and what writes it."""


def dcat_page(
    form: str,
    products: Sequence[StoredProduct],
    to: dcat.Addresses,
    total: int,
    page: str = "",
    next_page: str = "",
) -> bytes:
    """Return a page of the catalog as DCAT. `total`: products in all; `page`, `next_page`: the pages' addresses."""
    nodes = [dcat.dataset(one.record, to, one.published_at) for one in products]
    return _written(form, dcat.catalog(to, nodes, total, page, next_page))


def dcat_product(form: str, product: StoredProduct, to: dcat.Addresses) -> bytes:
    """Return a product as DCAT."""
    return _written(form, [dcat.dataset(product.record, to, product.published_at)])


def odps_page(products: Sequence[StoredProduct], next_page: str) -> bytes:
    """Return documents of the Open Data Product Standard as JSON, and the address of the next page, or null."""
    value = {"products": [odps.document(one.record) for one in products], "next": next_page or None}
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def odps_product(product: StoredProduct) -> bytes:
    """Return a product as a document of the Open Data Product Standard, as YAML."""
    return odps.rendered(odps.document(product.record)).encode("utf-8", "replace")


def _written(form: str, nodes: Sequence[Mapping[str, Any]]) -> bytes:
    return FORMS[form][1](nodes, dcat.CONTEXT).encode("utf-8", "replace")
