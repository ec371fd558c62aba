"""`snowflake@1`: Snowflake, in a database of the product's own."""

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
    place: dict[str, Any] = {name: known[name] for name in ("database", "warehouse", "role") if name in known}
    destination = dlt.destinations.snowflake(
        {
            **place,
            "host": known["account"],
            "username": known["user"],
            "private_key": known["private_key"],
        }
    )
    profile = {
        "type": "snowflake",
        **place,
        "account": known["account"],
        "user": known["user"],
        "private_key": warehouse.hidden("snowflake", known["private_key"]),
    }
    return warehouse.opened(product, metadata, destination, profile)
