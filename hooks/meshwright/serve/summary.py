"""The summary of a product for lists, searches and lineage, so that they need not read its record."""

from __future__ import annotations

from typing import Any

from meshwright.product.record import Record

OF_A_LIST = (
    "id",
    "title",
    "domain",
    "name",
    "version",
    "classification",
    "type",
    "purpose",
    "owner",
    "ports",
    "tags",
    "hash",
    "publishedAt",
)
"""Fields in the API's list of products."""
LONG = 500
"""Maximum characters of a text in a list."""


def summary(record: Record, published_at: str) -> dict[str, Any]:
    """Return the summary as a JSON object."""
    return {
        "id": record.id,
        "title": record.title,
        "domain": record.domain,
        "name": record.name,
        "version": record.version,
        "classification": record.classification,
        "type": record.type,
        "purpose": _short(record.purpose),
        "owner": {"name": record.owner.name, "email": record.owner.email, "team": record.owner.team},
        "ports": [{"name": port.name, "uses": port.uses} for port in record.outputs[:100]],
        "tags": [tag[:100] for tag in record.tags[:50]],
        "hash": record.hash,
        "publishedAt": published_at,
        "mode": record.access_mode,
        "triggered": record.trigger is not None,
        "reads": sorted({one.product[:300] for one in record.inputs if one.product})[:200],
    }


def _short(text: str) -> str:
    return text if len(text) <= LONG else text[: LONG - 2] + " …"
