"""Reads of shared ports: who was given which files, and when. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import insert, select

from meshwright.serve.catalog_store.database import CatalogDatabase
from meshwright.serve.catalog_store.tables import SHARED_READS


@dataclass(frozen=True)
class SharedRead:
    """One request that was answered."""

    at: str
    token: str
    """The token's id."""
    agreement: str
    port: str
    """`<domain>/<product>#<port>`."""
    role: str
    request: str
    """`query`: links to files were given; `file`: a file was sent."""
    version: int
    files: int
    """How many files."""
    client: str
    """Its address, as the catalog sees it."""


class SharedReads:
    """The reads of one database."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database

    def add(self, read: SharedRead) -> None:
        """Record a read; before anything is sent, so that nothing is read without a record."""
        with self._database.alone() as connection:
            connection.execute(insert(SHARED_READS).values(**asdict(read)))

    def list(self, agreement: str = "") -> Sequence[SharedRead]:
        """Return all reads, the first one first; of one agreement, if it is named."""
        names = [SHARED_READS.c[name] for name in SharedRead.__dataclass_fields__]
        statement = select(*names).order_by(SHARED_READS.c.number)
        if agreement:
            statement = statement.where(SHARED_READS.c.agreement == agreement)
        with self._database.read() as connection:
            return [SharedRead(*row) for row in connection.execute(statement)]
