"""Set a product's owners in the portal, and request access to the ports that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.catalog.adapters.portal.portal_bodies import NAMESPACE, justification
from meshwright.catalog.adapters.portal.portal_client import API, by_namespace, listed
from meshwright.core.http import Http, path
from meshwright.core.text import printable
from meshwright.product.record import Record


def make_owner(
    http: Http,
    scope: str,
    id: str,
    known: Mapping[str, Mapping[str, str]],
    record: Record,
    changes: list[str],
) -> None:
    """Make the product's owner one in the portal, too, if it did not know them when the product was created."""
    owner = known["user"].get(record.owner.email)
    if owner is None:
        return
    where = f"{API}/authz/role_assignments/{scope}"
    actual = listed(http, f"{where}?{scope}_id={id}", "role_assignments")
    if any(_id_of(item.get("user")) == owner for item in actual):
        return
    roles = listed(http, f"{API}/authz/roles/{scope}", "roles")
    role = next((item.get("id") for item in roles if item.get("prototype") == 2), None)
    if role is not None:
        http.request("POST", where, {"user_id": owner, "role_id": role, f"{scope}_id": id}, again=False)
        changes.append("owner")


def _id_of(value: Any) -> str:
    return str(value.get("id")) if isinstance(value, Mapping) else ""


def request_access(
    http: Http,
    home: str,
    record: Record,
    known: Mapping[str, Mapping[str, str]],
    limiter: TextLimiter,
    changes: list[str],
) -> None:
    """Request access to each port that the product reads, once, whatever became of it: the portal's lineage."""
    actual = {str(item.get("output_port_id")) for item in listed(http, f"{home}/input_ports", "input_ports")}
    missing = []
    for one in record.inputs:
        if not one.product:
            continue
        domain, _, name = one.product.partition("/")
        product = known["product"].get(common.identifier(domain, name, most=NAMESPACE))
        ports = (
            listed(http, f"{API}/data_products{path(product)}/output_ports", "output_ports")
            if product
            else []
        )
        namespace = common.identifier(domain, name, one.port, most=NAMESPACE)
        id = by_namespace(ports).get(namespace)
        if id is None:
            limiter.notes.append(
                f"The portal does not have {printable(one.source)[:200]}, so the lineage does not include it."
            )
        elif id not in actual and id not in missing:
            missing.append(id)
    if missing:
        body = {
            "output_ports": [{"output_port_id": id} for id in missing],
            "justification": justification(record),
        }
        http.request("POST", f"{home}/input_ports", body, again=False)
        changes.append("input_ports")
        limiter.notes.append(
            f"Access to {len(missing)} port(s) was requested in the portal, which draws lineage by it."
        )
