"""What the portal is sent of a product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.product.record import Port, Record

NAMESPACE = 64
ACCESS = {"open": "unrestricted", "approval-required": "restricted"}
"""Access mode -> the portal's access type. An unknown mode is not open."""
STATUS = {"published": "success", "failed": "failure"}

Ids = Callable[[str, str], str]
"""Kind and name of an entity in the portal -> its id; for a `duration`: the default for this kind of consumer."""


def product_body(
    record: Record, ids: Ids, settings: Mapping[str, str], limiter: TextLimiter
) -> dict[str, Any]:
    """Return the product itself."""
    return {
        "name": limiter.line(record.title, common.SHORT, "The title"),
        "namespace": namespace_of(record),
        "description": limiter.line(record.purpose or record.title, common.PARAGRAPH, "The purpose"),
        "about": common.as_html(record, limiter),
        "type_id": ids("type", settings["type"] or record.type),
        "domain_id": ids("domain", record.domain),
        "lifecycle_id": ids("lifecycle", settings["lifecycle"]),
        "tag_ids": _tags(record, ids),
    }


def port_body(
    record: Record, port: Port, ids: Ids, settings: Mapping[str, str], limiter: TextLimiter
) -> dict[str, Any]:
    """Return an output port."""
    text = f"{port.uses}: {record.purpose or record.title}"
    return {
        "name": limiter.line(f"{record.title}: {port.name}", common.SHORT, "A port's name"),
        "namespace": namespace_of(record, port.name),
        "description": limiter.line(text, common.PARAGRAPH, "A port's description"),
        "about": common.as_html(record, limiter),
        "access_type_id": ids("access type", ACCESS.get(record.access_mode, "restricted")),
        "data_product_access_duration_type": ids("duration", "data_products"),
        "exploration_access_duration_type": ids("duration", "explorations"),
        "lifecycle_id": ids("lifecycle", settings["lifecycle"]),
        "tag_ids": _tags(record, ids),
    }


def _tags(record: Record, ids: Ids) -> list[str]:
    """Return the ids of the tags that the portal has; the classification is one of them, where it has such a tag."""
    names = [*record.tags[:100], record.classification]
    return sorted({id for id in (ids("tag", name) for name in names if name) if id})


def details(record: Record, limiter: TextLimiter) -> list[tuple[str, dict[str, Any]]]:
    """Return what is below a port: the contract's schema, and the result of the last run."""
    parts = (
        ("data_contract", _schema(record, limiter)),
        ("data_quality_summary", _last_run(record, limiter)),
    )
    return [(name, part) for name, part in parts if part]


def _schema(record: Record, limiter: TextLimiter) -> dict[str, Any]:
    """Return the contract's columns; empty if there are none."""
    properties = []
    for column in common.columns(record, limiter):
        level = column.classification if column.stated else f"{column.classification}, as none is stated"
        text = f"{column.description} [{level}]"
        properties.append(
            {
                "name": limiter.line(column.name, common.SHORT, "A column's name"),
                "logicalType": column.logical_type or None,
                "description": limiter.line(text, common.PARAGRAPH, "A column's description").strip(),
                "required": column.required,
            }
        )
    if not properties:
        return {}
    name = limiter.line(record.dataset, common.SHORT, "The data set's name")
    return {"schema": [{"name": name, "properties": properties}]}


def _last_run(record: Record, limiter: TextLimiter) -> dict[str, Any]:
    """Return the result of the last run; empty before the first."""
    at, outcome = moment(record.get("quality.startedAt")), record.get("quality.outcome")
    if not at or outcome not in STATUS:
        return {}
    verdicts = {True: "success", False: "failure", None: "unknown"}
    return {
        "created_at": at,
        "overall_status": STATUS[outcome],
        "description": limiter.line(common.last_run(record), common.PARAGRAPH, "The last run"),
        "technical_assets": [],
        "dimensions": {
            limiter.line(one.name, common.SHORT, "A service level's name"): verdicts[one.fulfilled]
            for one in record.service_levels[: common.MANY]
        },
    }


def ports_of(record: Record, limiter: TextLimiter) -> list[Port]:
    """Return the output ports that are sent."""
    return limiter.first((port for port in record.outputs if port.name), "output ports", 100)


def namespaces_read(record: Record, limiter: TextLimiter) -> list[str]:
    """Return the namespaces of the ports that the product reads, each once."""
    namespaces = {}
    for one in record.inputs:
        if one.product:
            domain, _, name = one.product.partition("/")
            namespaces[common.identifier(domain, name, one.port, most=NAMESPACE)] = one.source
    return limiter.first(namespaces, "inputs", 50)


def justification(record: Record) -> str:
    """Return why the product asks for access to what it reads."""
    return f"{record.id} reads it, according to its data-product.yaml. Access is decided by its agreement."


def namespace_of(record: Record, *port: str) -> str:
    """Return the namespace of a product, or of one of its ports."""
    return common.identifier(record.domain, record.name, *port, most=NAMESPACE)


def moment(text: Any) -> str:
    """Return a time as every system writes it; empty if it is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (TypeError, ValueError, OverflowError):
        return ""
