"""The sample rows that products have sent. They are in no record, so nothing that reads records has them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, insert, select

from meshwright.mesh.sample_rows import SampleRows, sample_rows
from meshwright.serve import now
from meshwright.serve.catalog_store.database import CatalogDatabase
from meshwright.serve.catalog_store.stored_products import unknown
from meshwright.serve.catalog_store.tables import PRODUCTS, SAMPLES


class Samples:
    """The sample rows of one database."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database

    def put(self, id: str, sample: SampleRows) -> str:
        """Store the sample of an active product: `updated` or `unchanged`; raises RequestProblem."""
        text = json.dumps(sample.value(), separators=(",", ":"))
        with self._database.write() as write:
            chosen = select(*PRODUCTS.c["number", "repository"]).where(
                PRODUCTS.c.id == id, PRODUCTS.c.retired_at.is_(None)
            )
            product = write.connection.execute(chosen).first()
            if product is None:
                raise unknown(id)
            here = SAMPLES.c.product == product.number
            row = write.connection.execute(select(SAMPLES).where(here)).first()
            if row and (row.body, row.repository) == (text, product.repository):
                return "unchanged"
            write.connection.execute(delete(SAMPLES).where(here))
            new: dict[str, Any] = {"repository": product.repository, "sent_at": now(), "body": text}
            write.connection.execute(insert(SAMPLES).values(product=product.number, **new))
            return "updated"

    def get(self, id: str) -> SampleRows | None:
        """Return the sample of an active product; None if its repository has sent none."""
        with self._database.read() as connection:
            joined = select(SAMPLES.c.body).join(PRODUCTS)
            chosen = joined.where(
                PRODUCTS.c.id == id,
                PRODUCTS.c.retired_at.is_(None),
                PRODUCTS.c.repository == SAMPLES.c.repository,  # not of the one that had the name before
            )
            text = connection.execute(chosen).scalar()
        return None if text is None else sample_rows(json.loads(text))
