"""`databricks@1`: a SQL warehouse of Databricks, in a catalog of the product's own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

import dlt

from pipeline import warehouse
from pipeline.spec import Product


def opened(product: Product, metadata: Mapping[str, str]) -> AbstractContextManager[warehouse.Warehouse]:
    """The product's catalog, for one run."""
    known = product.platform.properties
    place = {name: known[name] for name in ("catalog", "http_path", "client_id")}
    destination = dlt.destinations.databricks(
        {
            **place,
            "server_hostname": known["host"],
            "client_secret": known["client_secret"],
            "session_timezone": "UTC",
        }
    )
    profile = {
        "type": "databricks",
        **place,
        "host": known["host"],
        "auth_type": "oauth",
        "client_secret": warehouse.hidden("databricks", known["client_secret"]),
        "session_properties": {"timezone": "UTC"},
    }
    return warehouse.opened(product, metadata, destination, profile)
