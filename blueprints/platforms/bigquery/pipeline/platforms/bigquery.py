"""`bigquery@1`: BigQuery, in a project of the product's own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

import dlt

from pipeline import warehouse
from pipeline.spec import Product


def opened(product: Product, metadata: Mapping[str, str]) -> AbstractContextManager[warehouse.Warehouse]:
    """Open the product's project, for one run. Google's own libraries find the credentials."""
    known = product.platform.properties
    destination = dlt.destinations.bigquery(project_id=known["project"], location=known["location"])
    profile = {
        "type": "bigquery",
        "method": "oauth",
        "project": known["project"],
        "location": known["location"],
    }
    return warehouse.opened(product, metadata, destination, profile)
