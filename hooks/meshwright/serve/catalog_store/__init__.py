"""What the catalog keeps, in SQLite or PostgreSQL. What has been acknowledged is on disk."""

from __future__ import annotations

from meshwright.serve.catalog_store.database import CatalogDatabase
from meshwright.serve.catalog_store.follows import Follows
from meshwright.serve.catalog_store.search_entries import SearchEntries
from meshwright.serve.catalog_store.shared_reads import SharedReads
from meshwright.serve.catalog_store.stored_assessments import Assessments
from meshwright.serve.catalog_store.stored_products import Products
from meshwright.serve.catalog_store.stored_runs import Runs
from meshwright.serve.catalog_store.stored_samples import Samples
from meshwright.serve.catalog_store.tokens import Tokens


class CatalogStore:
    """One database. Safe to be used by several threads, and by several processes at once."""

    def __init__(self, database: str) -> None:
        """Open the database, and make the tables if it is empty; raises Unreadable."""
        self._database = CatalogDatabase(database)
        self.search_entries = SearchEntries(self._database)
        self.products = Products(self._database, self.search_entries)
        self.assessments = Assessments(self._database)
        self.runs = Runs(self._database)
        self.samples = Samples(self._database)
        self.follows = Follows(self._database)
        self.tokens = Tokens(self._database)
        self.shared_reads = SharedReads(self._database)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def revision(self) -> int:
        """Return a number that grows with each change of a product or an assessment."""
        return self._database.revision()
