"""The portal itself: how it is reached, what it has, and how that is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshwright.catalog import CatalogConnection
from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters.portal.portal_bodies import moment
from meshwright.core.http import Http, path

API = "/api/v2"


def connect(connection: CatalogConnection, settings: Mapping[str, str]) -> Http:
    """Return a client for a portal, with the token sent as the settings say."""
    key = common.one_of(settings, "auth", "bearer", "x-key") == "x-key"
    return Http(
        connection.url,
        connection.token,
        header="x-key" if key else "Authorization",
        scheme="" if key else "Bearer",
        patience=connection.patience,
        server="catalog",
        notify=connection.notify,
    )


def listed(http: Http, where: str, key: str) -> list[dict[str, Any]]:
    """Return what the portal lists at an address under a key."""
    items = http.request("GET", where).object().get(key)
    return [item for item in (items if isinstance(items, list) else []) if isinstance(item, dict)]


def by_namespace(items: list[dict[str, Any]]) -> dict[str, str]:
    """Return namespace -> id of what the portal lists."""
    return {str(item.get("namespace")): str(item.get("id")) for item in items}


def upsert(
    http: Http, where: str, id: str | None, body: dict[str, Any], owners: list[str], changes: list[str]
) -> str:
    """Create it, or change it where it differs; return its id. What another one made meanwhile is not made twice."""
    if id is None:
        answer = http.request("POST", where, body | {"owners": owners}, again=False).object()
        changes.append(f"POST {where}")
        return str(answer.get("id"))
    actual = http.request("GET", f"{where}{path(id)}").object()
    if not common.same(body, _flat(actual)):
        http.request("PUT", f"{where}{path(id)}", body)
        changes.append(f"PUT {where}")
    return id


def _flat(actual: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the portal says of a product or port, with the keys with which it is sent."""
    flat = dict(actual)
    for key in ("type", "domain", "lifecycle", "access_type"):
        value = actual.get(key)
        flat[f"{key}_id"] = value.get("id") if isinstance(value, Mapping) else None
    tags = actual.get("tags")
    flat["tag_ids"] = sorted(str(tag.get("id")) for tag in (tags if isinstance(tags, list) else []) if isinstance(tag, Mapping))  # fmt: skip
    return flat


def activate(http: Http, where: str, changes: list[str]) -> None:
    """Make a product or port active, if it is not."""
    if http.request("GET", where).object().get("status") != "active":
        http.request("PUT", f"{where}/status", {"status": "active"})
        changes.append("status")


def archive(http: Http, where: str) -> bool:
    """Archive a product or port; return False if it is archived already."""
    if http.request("GET", where).object().get("status") == "archived":
        return False
    http.request("PUT", f"{where}/status", {"status": "archived"})
    return True


def present(http: Http, where: str, part: str) -> dict[str, Any]:
    """Return what is below a port already, with the keys with which it is sent; empty if nothing is."""
    answer = http.request("GET", f"{where}/{part}", ok={200, 404})
    actual = answer.object() if answer.status == 200 else {}
    if part == "data_quality_summary":
        return actual | {"created_at": moment(actual.get("created_at"))}
    tables = [item for item in actual.get("schema_objects") or [] if isinstance(item, dict)]
    for table in tables:
        columns = [item for item in table.get("properties") or [] if isinstance(item, dict)]
        table["properties"] = [column | {"logicalType": column.get("logical_type")} for column in columns]
    return {"schema": tables}
