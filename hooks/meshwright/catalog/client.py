"""A Python client of the embedded catalog: search, read, publish. docs/reference/catalog-client.md shows it.

Every error is a core.errors.Error, with `what`, and the fix in `fix`. Texts of products are untrusted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.mesh.catalog_client import Catalog, Retired
from meshwright.mesh.catalog_variables import ADDRESS, TOKEN
from meshwright.mesh.publish_result import PublishResult
from meshwright.mesh.run_events import ObservedRead
from meshwright.mesh.sources import of_repository
from meshwright.product.contract_servers import published
from meshwright.product.record import Record

PAGE = 100
"""Products in one request of a search."""


class NoProduct(Error):
    """The catalog has no such product, or it is retired."""

    successor = ""
    """The id of the product to use instead; empty if there is none."""


@dataclass(frozen=True)
class ProductSummary:
    """A product in the results of a search."""

    id: str
    """`<domain>/<name>`."""
    title: str
    purpose: str
    classification: str
    standing: str
    """See docs/reference/standings.md; empty if the catalog has no assessment."""
    value: dict[str, Any]
    """All that the catalog's API says of it."""


class Client:
    """An embedded catalog."""

    def __init__(self, url: str = "", token: str = "", patience: float = 30.0) -> None:
        """`url`, `token`: otherwise from MESHWRIGHT_CATALOG and MESHWRIGHT_CATALOG_TOKEN; an open catalog is read without a token.

        `patience`: maximum seconds of retries after failures of the network.
        """
        url = url or os.environ.get(ADDRESS, "")
        if not url:
            raise Error("There is no address of a catalog.", f"Give `url`, or set {ADDRESS}.")
        self._catalog = Catalog(url, token or os.environ.get(TOKEN) or None, patience)

    def search(
        self,
        words: str = "",
        *,
        domain: str = "",
        classification: str = "",
        standing: str = "",
        access: str = "",
    ) -> Iterator[ProductSummary]:
        """Yield the active products that match, best first; a page is requested when it is needed."""
        filters = {"domain": domain, "classification": classification, "standing": standing, "access": access}
        chosen = {name: value for name, value in filters.items() if value}
        offset = 0
        while True:
            page = self._catalog.search(words, PAGE, offset=str(offset), **chosen)
            for entry in page:
                yield _summary(entry)
            if len(page) < PAGE:
                return
            offset += PAGE

    def record(self, id: str) -> Record:
        """Return an active product as it was published last. Raises NoProduct."""
        record = self._catalog.get(id)
        if isinstance(record, Record):
            return record
        if isinstance(record, Retired):
            fix = f"Use {record.successor}." if record.successor else "Ask its owner what to use."
            error = NoProduct(f"{id} was retired: {record.reason}", fix)
            error.successor = record.successor
            raise error
        raise NoProduct(f"The catalog has no product {id}.", "Look for it with `search`.")

    def contract(self, id: str, role: str = "", port: str = "") -> str:
        """Return the contract of an active product as YAML, with servers for `datacontract test`: of a role, and of a port."""
        return self._catalog.contract(id, role=role, port=port)

    def records(self) -> Sequence[Record]:
        """Return every active product, by id."""
        return self._catalog.records()

    def read(self, path: str, **parameters: Any) -> Any:
        """Return the answer to any GET request of the API, such as `/api/assessments/latest`: a JSON value, or a text.

        A parameter may have a list of values. The page `/api` of the catalog has all requests.
        """
        return self._catalog.read(path, parameters)

    def lineage(self) -> Sequence[ObservedRead]:
        """Return which products have read each other in their last complete runs."""
        return self._catalog.observed()

    def publish(self, product: Record | Path) -> PublishResult:
        """Create or update a product, given as a record or a repository, unless the catalog has exactly this record."""
        record = of_repository(product) if isinstance(product, Path) else product
        if record.problem:
            raise Error(record.problem, "Correct the file.")
        sent = published(record)
        return PublishResult("unchanged", record.id) if self._catalog.has(sent) else self._catalog.put(sent)

    def retire(self, id: str, reason: str, successor: str | None = None) -> PublishResult:
        """Take a product out of search; its page and its versions stay."""
        return self._catalog.retire(id, reason, successor)

    def add_assessment(self, assessment: dict[str, Any]) -> None:
        """Hand in an assessment of the mesh, as `meshwright assess --format json` writes it."""
        self._catalog.post_assessment(assessment)


def _summary(entry: dict[str, Any]) -> ProductSummary:
    values = (entry.get(name) for name in ("id", "title", "purpose", "classification", "standing"))
    id, title, purpose, classification, standing = (one if isinstance(one, str) else "" for one in values)
    return ProductSummary(id, title, purpose, classification, standing, entry)
