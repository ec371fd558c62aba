"""`redshift@1`: Amazon Redshift, in a database of the product's own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import dlt

from pipeline import warehouse
from pipeline.spec import Product


def opened(product: Product, metadata: Mapping[str, str]) -> AbstractContextManager[warehouse.Warehouse]:
    """Open the product's database, for one run."""
    known = product.platform.properties
    place: dict[str, Any] = {name: known[name] for name in ("host", "port", "database") if name in known}
    destination = dlt.destinations.redshift(
        {**place, "username": known["user"], "password": known["password"]}
    )
    profile = {
        "type": "redshift",
        "port": 5439,
        **place,
        "user": known["user"],
        "password": warehouse.hidden("redshift", known["password"]),
    }
    return warehouse.opened(product, metadata, destination, profile)
