"""Full text search over the active products, and how its results are ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import text as sql
from sqlalchemy.engine import Connection

from meshwright.mesh.tokenize import of_record
from meshwright.product.record import Record
from meshwright.serve.catalog_store.database import CatalogDatabase

REMOVE = {
    "sqlite": "delete from words where rowid = :number",
    "postgresql": "delete from words where number = :number",
}
ADD = {
    "sqlite": "insert into words (rowid, title, description, columns) values (:number, :title, :description, :columns)",
    "postgresql": "insert into words (number, document) values (:number, cast(:document as tsvector))",
}
SEARCH_RANKED = {
    "sqlite": "select rowid from words where words match :query order by bm25(words, 10.0, 3.0, 1.0), rowid",
    "postgresql": "select number from words, cast(%(query)s as tsquery) query where document @@ query "
    "order by ts_rank('{0, 0.1, 0.3, 1}', document, query) desc, number",
}
"""A word of the title is worth more than one of the description, and that more than one of the columns."""


class FullText:
    """The words of the products of one database."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database

    def find(self, query: Sequence[str]) -> Sequence[int]:
        """Return the numbers of the active products that have all of these words (tokenize.of_query), best first."""
        if self._database.kind == "sqlite":
            words = " ".join(f'"{word}"' for word in query) + "*"
        else:
            words = " & ".join(f"'{word}'" for word in query) + ":*"
        rows = self._database.driver_rows(SEARCH_RANKED[self._database.kind], {"query": words})
        return [row[0] for row in rows]

    def replace(self, connection: Connection, number: int, record: Record) -> None:
        """Store the words of a product's record, instead of those before."""
        parts = of_record(record)
        self.remove(connection, number)
        if self._database.kind == "sqlite":
            words = {part: " ".join(found) for part, found in parts.items()}
        else:
            words = {"document": _document(parts)}
        connection.execute(sql(ADD[self._database.kind]), {"number": number, **words})

    def remove(self, connection: Connection, number: int) -> None:
        """Remove the words of a product."""
        connection.execute(sql(REMOVE[self._database.kind]), {"number": number})


def _document(parts: Mapping[str, Sequence[str]]) -> str:
    """Return a tsvector as PostgreSQL writes one; its own parser takes texts apart in another way."""
    places: dict[str, list[str]] = {}
    position = 0
    for weight, words in zip("ABC", parts.values(), strict=True):
        for word in words:
            position += 1
            kept = places.setdefault(word, [])
            if len(kept) < 30:
                kept.append(f"{min(position, 16_383)}{weight}")
    return " ".join(f"'{word}':{','.join(listed)}" for word, listed in places.items())
