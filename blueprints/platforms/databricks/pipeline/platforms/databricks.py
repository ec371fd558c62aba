"""`databricks@1`: a SQL warehouse of Databricks, in a catalog of the product's own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

import dlt

from pipeline import warehouse
from pipeline.spec import Product


def opened(product: Product, metadata: Mapping[str, str]) -> AbstractContextManager[warehouse.Warehouse]:
    """Open the product's catalog, for one run."""
    known = product.platform.properties
    place = {name: known[name] for name in ("catalog", "http_path")}
    destination = dlt.destinations.databricks(
        {
            **place,
            "server_hostname": known["host"],
            "access_token": known["token"],
            "session_timezone": "UTC",
        }
    )
    profile = {
        "type": "databricks",
        **place,
        "host": known["host"],
        "token": warehouse.hidden("databricks", known["token"]),
        "session_properties": {"timezone": "UTC"},
    }
    return warehouse.opened(product, metadata, destination, profile)
