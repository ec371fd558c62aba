"""Entropy Data: the contract (ODCS), the product (ODPS), and a request for access to each port that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from meshwright.catalog import CatalogConnection, Payload
from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.core.http import Http, Refused, path
from meshwright.core.text import printable
from meshwright.export import odcs, odps
from meshwright.mesh.publish_result import PublishOutcome, PublishResult
from meshwright.product.record import Record

NAME = "entropy-data"

SETTINGS: common.Settings = {
    "team": ("", "the id of the team that owns the product (default: the product's own team)"),
    "inputs": ("request", "`request`: request access to the ports that the product reads; `none`: do not"),
}

IDS = 256
"""Maximum characters of an id, as in its own client."""
TODAY = "<the day it is sent>"


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """Return what would be sent to an empty catalog."""
    return [Payload(f"PUT {where}", body) for where, body in _bodies(record, common.chosen(SETTINGS, settings), TextLimiter("Entropy Data"))]  # fmt: skip


def publish(record: Record, connection: CatalogConnection) -> PublishResult:
    """Send what is missing or differs. Existing access agreements are left alone, because people decide on them there."""
    limiter = TextLimiter("Entropy Data")
    http = _http(connection)
    changes: list[bool] = []
    url = ""
    for where, body in _bodies(record, common.chosen(SETTINGS, connection.settings), limiter):
        found = http.request("GET", where, ok={200, 404})
        actual = found.object() if found.status == 200 else None
        is_access = where.startswith("/api/access/")
        if actual is not None and (is_access or common.same(body, actual)):
            continue
        if is_access:
            body["info"]["startDate"] = datetime.now(UTC).date().isoformat()
            limiter.notes.append(
                f"Access to {printable(body['provider']['dataProductId'])} was requested there."
            )
        answer = http.request("PUT", where, body)
        if where.startswith("/api/dataproducts/"):
            url = answer.headers.get("location-html") or ""
        changes.append(actual is None)
    outcome: PublishOutcome = "unchanged" if not changes else "created" if all(changes) else "updated"
    return PublishResult(outcome, record.id, url, tuple(dict.fromkeys(limiter.notes)))


def retire(id: str, connection: CatalogConnection, reason: str, successor: str | None) -> PublishResult:
    """Set the product's status to retired, with the reason; its page stays."""
    http, limiter = _http(connection), TextLimiter("Entropy Data")
    domain, _, name = id.partition("/")
    where = path("api", "dataproducts", _id(domain, name))
    found = http.request("GET", where, ok={200, 404})
    if found.status == 404:
        raise Refused(f"Entropy Data has no data product {printable(id)}.", "Check domain and name.", 404)
    actual = found.object()
    why = f"Retired: {limiter.line(reason, common.PARAGRAPH, 'The reason')}"
    why += f" Its successor is {printable(successor)}." if successor else ""
    described = actual.get("description")
    body = actual | {
        "status": "retired",
        "description": (described if isinstance(described, dict) else {}) | {"purpose": why},
    }
    answer = http.request("PUT", where, body)
    return PublishResult("retired", id, answer.headers.get("location-html") or "", tuple(limiter.notes))


def _http(connection: CatalogConnection) -> Http:
    return Http(
        connection.url,
        connection.token,
        header="x-api-key",
        scheme="",
        patience=connection.patience,
        server="catalog",
        notify=connection.notify,
    )


def _bodies(
    record: Record, settings: Mapping[str, str], limiter: TextLimiter
) -> list[tuple[str, dict[str, Any]]]:
    """Return path and body of each resource, each after those that it refers to."""
    team = settings["team"] or record.owner.team
    if not team:
        limiter.notes.append("The product has no team, so it has no owner in Entropy Data.")
    bodies: list[tuple[str, dict[str, Any]]] = []
    contract_id = ""
    contract = record.get("contract")
    if isinstance(contract, Mapping) and contract:
        declared = contract.get("id")
        contract_id = (
            declared if isinstance(declared, str) and _is_id(declared) else _id(record.domain, record.name)
        )
        body = _cleaned(odcs.document(record, published=True) | {"id": contract_id}, limiter)
        if team:
            body.setdefault("team", {"name": team})
        bodies.append((path("api", "datacontracts", contract_id), body))
    product = _cleaned(odps.document(record), limiter) | {"id": _id(record.domain, record.name)}
    product.setdefault("status", "active")
    if team:
        product["team"] = {**product.get("team", {}), "name": team}
    for port in product.get("outputPorts", []):
        if contract_id:
            port["contractId"] = contract_id
    bodies.append((path("api", "dataproducts", product["id"]), product))
    if common.one_of(settings, "inputs", "request", "none") == "request":
        bodies += _agreements(record, limiter)
    return bodies


def _agreements(record: Record, limiter: TextLimiter) -> list[tuple[str, dict[str, Any]]]:
    """Return one for each port that is read: Entropy Data shows lineage between products by agreements."""
    found = {}
    for one in limiter.first((one for one in record.inputs if one.product), "inputs", 100):
        domain, _, name = one.product.partition("/")
        id = _id(record.domain, record.name, "reads", domain, name, one.port)
        purpose = f"{record.id} reads it: {record.purpose or record.title}"
        found[path("api", "access", id)] = {
            "id": id,
            "info": {"purpose": limiter.line(purpose, common.PARAGRAPH, "The purpose"), "startDate": TODAY},
            "provider": {"dataProductId": _id(domain, name), "outputPortId": _cleaned(one.port, limiter)},
            "consumer": {"dataProductId": _id(record.domain, record.name)},
        }
    return list(found.items())


def _id(*parts: str) -> str:
    """Return an id that can be part of an address: without slashes."""
    return common.identifier(*parts, most=IDS)


def _is_id(text: str) -> bool:
    return 0 < len(text) <= IDS and text.isprintable() and text.isascii() and not set(text) & set("/\\ ") and text.strip(".") != ""  # fmt: skip


def _cleaned(value: Any, limiter: TextLimiter) -> Any:
    """Return a document with cleaned and shortened texts."""
    if isinstance(value, str):
        return limiter.lines(value, common.LONG, "A text")
    if isinstance(value, Mapping):
        return {
            limiter.line(str(key), common.SHORT, "A key"): _cleaned(item, limiter)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(item, limiter) for item in value]
    return value
