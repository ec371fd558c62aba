"""The adapter of the embedded catalog (`meshwright catalog serve`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshwright.catalog import Payload, Place
from meshwright.core.http import path
from meshwright.core.yaml import Unreadable
from meshwright.mesh.catalog import TOKEN, Outcome
from meshwright.mesh.catalog_client import Catalog
from meshwright.product.record import Record

NAME = "embedded"


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """Return the record itself. There are no settings: raises Unreadable for any."""
    _without(settings)
    return [Payload(f"PUT {path('api', 'products', record.domain, record.name)}", dict(record.value))]


def current(id: str, place: Place) -> Record | None:
    """Return the catalog's record of an active product."""
    found = _catalog(place).get(id)
    return found if isinstance(found, Record) else None


def publish(record: Record, place: Place) -> Outcome:
    """Send the record, unless the catalog has it already."""
    catalog = _catalog(place)
    if catalog.has(record):
        page = path("products", record.domain, record.name)
        return Outcome("unchanged", record.id, f"{catalog.url}{page}")
    return catalog.put(record)


def retire(id: str, place: Place, reason: str, successor: str | None) -> Outcome:
    """Retire the product; its page and its versions stay, marked as retired."""
    return _catalog(place).retire(id, reason, successor)


def _catalog(place: Place) -> Catalog:
    _without(place.settings)
    if not place.token:
        raise Unreadable("There is no token for the catalog.", f"Set {TOKEN} to the token from its operator.")
    return Catalog(place.url, place.token, place.patience, place.notify)


def _without(settings: Mapping[str, str] | None) -> None:
    if settings:
        raise Unreadable(
            "The embedded catalog has no settings.", "Omit --set, or give the kind of catalog with --to."
        )
