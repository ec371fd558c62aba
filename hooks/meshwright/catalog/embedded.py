"""The adapter of the embedded catalog (`meshwright catalog serve`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshwright.catalog import CatalogConnection, Payload
from meshwright.core.http import path
from meshwright.core.yaml import Unreadable
from meshwright.mesh.catalog_client import Catalog
from meshwright.mesh.catalog_variables import TOKEN
from meshwright.mesh.publish_result import PublishResult
from meshwright.mesh.sample_rows import SampleRows
from meshwright.product.contract_servers import published
from meshwright.product.record import Record

NAME = "embedded"


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """Return the record as it is stored. There are no settings: raises Unreadable for any."""
    _without(settings)
    sent = published(record)
    return [Payload(f"PUT {path('api', 'products', record.domain, record.name)}", dict(sent.value))]


def stored(record: Record) -> Record:
    """Return the record that the catalog stores if this one is published: its contract has servers."""
    return published(record)


def current(id: str, connection: CatalogConnection) -> Record | None:
    """Return the catalog's record of an active product."""
    found = _catalog(connection).get(id)
    return found if isinstance(found, Record) else None


def publish(record: Record, connection: CatalogConnection) -> PublishResult:
    """Send the record, unless the catalog has it already."""
    catalog, record = _catalog(connection), published(record)
    if catalog.has(record):
        page = path("products", record.domain, record.name)
        return PublishResult("unchanged", record.id, f"{catalog.url}{page}")
    return catalog.put(record)


def retire(id: str, connection: CatalogConnection, reason: str, successor: str | None) -> PublishResult:
    """Retire the product; its page and its versions stay, marked as retired."""
    return _catalog(connection).retire(id, reason, successor)


def put_sample(id: str, sample: SampleRows, connection: CatalogConnection) -> bool:
    """Send the sample rows of a product; return False if the catalog is older than those."""
    return _catalog(connection).put_sample(id, sample)


def _catalog(connection: CatalogConnection) -> Catalog:
    _without(connection.settings)
    if not connection.token:
        raise Unreadable("There is no token for the catalog.", f"Set {TOKEN} to the token from its operator.")
    return Catalog(connection.url, connection.token, connection.patience, connection.notify)


def _without(settings: Mapping[str, str] | None) -> None:
    if settings:
        raise Unreadable(
            "The embedded catalog has no settings.", "Omit --set, or give the kind of catalog with --to."
        )
