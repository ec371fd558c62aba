"""What the search keeps of each product: made when it is published, because reading all records takes too long."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from meshwright.product.record import Record
from meshwright.serve.catalog_store.database import CatalogDatabase
from meshwright.serve.catalog_store.tables import PRODUCTS, SEARCH_TERMS
from meshwright.serve.search_terms import FORM, written

AT_ONCE = 500
"""Products of one query."""


class SearchEntries:
    """The search entries of one database."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database

    def replace(self, connection: Connection, number: int, record: Record) -> None:
        """Store the entry of a product, instead of the one before."""
        connection.execute(delete(SEARCH_TERMS).where(SEARCH_TERMS.c.number == number))
        values = {"number": number, "form": FORM, "terms": written(record)}
        connection.execute(insert(SEARCH_TERMS).values(values))

    def of(self, numbers: Collection[int]) -> Mapping[int, Mapping[str, Any]]:
        """Return number -> its entry: `terms` by part, `columns`, `values`. Those of an earlier release are made, and stored."""
        found: dict[int, Mapping[str, Any]] = {}
        listed = list(numbers)
        for start in range(0, len(listed), AT_ONCE):
            some = listed[start : start + AT_ONCE]
            with self._database.read() as connection:
                chosen = SEARCH_TERMS.c.number.in_(some) & (SEARCH_TERMS.c.form == FORM)
                rows = connection.execute(select(*SEARCH_TERMS.c["number", "terms"]).where(chosen)).all()
            found |= {row.number: json.loads(row.terms) for row in rows}
            if missing := [number for number in some if number not in found]:
                found |= self._make(missing)
        return found

    def _make(self, numbers: Collection[int]) -> Mapping[int, Mapping[str, Any]]:
        with self._database.write() as write:
            chosen = select(*PRODUCTS.c["number", "record"]).where(PRODUCTS.c.number.in_(numbers))
            rows = write.connection.execute(chosen).all()
            for row in rows:
                self.replace(write.connection, row.number, Record(json.loads(row.record)))
            stored = select(*SEARCH_TERMS.c["number", "terms"]).where(SEARCH_TERMS.c.number.in_(numbers))
            return {row.number: json.loads(row.terms) for row in write.connection.execute(stored).all()}
