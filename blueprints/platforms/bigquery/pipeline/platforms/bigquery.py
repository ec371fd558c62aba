"""`bigquery@1`: BigQuery, in a project of the product's own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

import dlt

from pipeline import warehouse
from pipeline.spec import Product


def opened(product: Product, metadata: Mapping[str, str]) -> AbstractContextManager[warehouse.Warehouse]:
    """The product's project, for one run. Who asks is what Google's own libraries find: no secret is named."""
    known = product.platform.properties
    destination = dlt.destinations.bigquery(project_id=known["project"], location=known["location"])
    profile = {
        "type": "bigquery",
        "method": "oauth",
        "project": known["project"],
        "location": known["location"],
    }
    return warehouse.opened(product, metadata, destination, profile)
