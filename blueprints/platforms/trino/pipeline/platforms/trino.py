"""`trino@1`: Trino or Starburst, in a catalog of the product's own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from urllib.parse import quote

import dlt

from pipeline import warehouse
from pipeline.spec import Product


def opened(product: Product, metadata: Mapping[str, str]) -> AbstractContextManager[warehouse.Warehouse]:
    """Open the product's catalog, for one run."""
    known = product.platform.properties
    user, password, catalog = (quote(known[name], safe="") for name in ("user", "password", "catalog"))
    port = known.get("port", 443)
    # dlt supports Trino as one of SQLAlchemy's databases.
    destination = dlt.destinations.sqlalchemy(f"trino://{user}:{password}@{known['host']}:{port}/{catalog}")
    profile = {
        "type": "trino",
        "method": "ldap",  # any user with a password
        "host": known["host"],
        "port": port,
        "user": known["user"],
        "password": warehouse.hidden("trino", known["password"]),
        "catalog": known["catalog"],
        "timezone": "UTC",
    }
    return warehouse.opened(product, metadata, destination, profile)
