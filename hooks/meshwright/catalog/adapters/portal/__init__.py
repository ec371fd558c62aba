"""data-product-portal (conveyordata), by its REST interface of version 0.8: look up, then create or change.

Entities of the portal's administrators (domains, types of products, tags) are only looked up. Products are
identified by their namespace, `<domain>.<name>`, and ports by `<domain>.<name>.<port>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshwright.catalog import CatalogConnection, Payload
from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.catalog.adapters.portal.portal_access import make_owner, request_access
from meshwright.catalog.adapters.portal.portal_bodies import (
    NAMESPACE,
    details,
    justification,
    namespace_of,
    namespaces_read,
    port_body,
    ports_of,
    product_body,
)
from meshwright.catalog.adapters.portal.portal_client import (
    API,
    activate,
    archive,
    by_namespace,
    connect,
    listed,
    present,
    upsert,
)
from meshwright.catalog.adapters.portal.portal_ids import finder, known_ids, owner_ids, title_of
from meshwright.core.http import Refused, path
from meshwright.core.text import printable
from meshwright.mesh.publish_result import PublishOutcome, PublishResult
from meshwright.product.record import Record

NAME = "portal"

SETTINGS: common.Settings = {
    "auth": ("bearer", "how the token is sent: `bearer` (OpenID Connect), or `x-key` (the portal's own key)"),
    "type": ("", "the type of data product in the portal (default: the product's own type)"),
    "lifecycle": ("", "the lifecycle in the portal (default: the portal's default)"),
    "inputs": ("request", "`request`: request access to the ports that the product reads; `none`: do not"),
}


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """Return what would be sent to an empty portal; ids that it gives are named in angle brackets."""
    settings, limiter = common.chosen(SETTINGS, settings), TextLimiter("the portal")

    def ids(kind: str, name: str) -> str:
        return f"<id of {kind} {name}>" if kind != "duration" else "permanent"

    people = [ids("user", record.owner.email), ids("user", "of the token")]
    home = f"{API}/data_products"
    sent = [Payload(f"POST {home}", product_body(record, ids, settings, limiter) | {"owners": people})]
    usage = limiter.line(record.usage, common.PARAGRAPH, "The usage")
    sent.append(Payload(f"PUT {home}/<id of product {namespace_of(record)}>/usage", {"usage": usage}))
    for port in ports_of(record, limiter):
        there = f"{home}/<id of product {namespace_of(record)}>/output_ports"
        sent.append(
            Payload(f"POST {there}", port_body(record, port, ids, settings, limiter) | {"owners": people})
        )
        for part, body in details(record, limiter):
            sent.append(Payload(f"POST {there}/<id of port {port.name}>/{part}", body))
    if settings["inputs"] == "request":
        requested = [{"output_port_id": ids("port", name)} for name in namespaces_read(record, limiter)]
        if requested:
            body = {"output_ports": requested, "justification": justification(record)}
            sent.append(Payload(f"POST {home}/<id of product {namespace_of(record)}>/input_ports", body))
    return sent


def publish(record: Record, connection: CatalogConnection) -> PublishResult:
    """Create or change the product, its ports, their contracts and the result of the last run."""
    settings, limiter = common.chosen(SETTINGS, connection.settings), TextLimiter("the portal")
    http = connect(connection, settings)
    known = known_ids(http)
    ids = finder(known, record, limiter)
    changes: list[str] = []
    product = upsert(
        http,
        f"{API}/data_products",
        known["product"].get(namespace_of(record)),
        product_body(record, ids, settings, limiter) | {"name": title_of(record, known, limiter)},
        owner_ids(record, known, limiter),
        changes,
    )
    created = bool(changes) and changes[0].startswith("POST")
    home = f"{API}/data_products{path(product)}"
    activate(http, home, changes)
    usage = limiter.line(record.usage, common.PARAGRAPH, "The usage")
    if (
        http.request("GET", home).object().get("usage") or ""
    ) != usage:  # or the text from when it was retired
        http.request("PUT", f"{home}/usage", {"usage": usage})
        changes.append("usage")
    make_owner(http, "data_product", product, known, record, changes)
    ports = by_namespace(listed(http, f"{home}/output_ports", "output_ports"))
    planned = {namespace_of(record, port.name): port for port in ports_of(record, limiter)}
    for namespace, port in planned.items():
        body = port_body(record, port, ids, settings, limiter)
        port_id = upsert(
            http,
            f"{home}/output_ports",
            ports.get(namespace),
            body,
            owner_ids(record, known, TextLimiter("")),
            changes,
        )
        there = f"{home}/output_ports{path(port_id)}"
        activate(http, there, changes)
        for part, value in details(record, limiter):
            if not common.same(value, present(http, there, part)):
                http.request("POST", f"{there}/{part}", value, again=True)  # both replace the whole value
                changes.append(part)
    for namespace in sorted(set(ports) - set(planned)):
        if archive(http, f"{home}/output_ports{path(ports[namespace])}"):
            changes.append("archive")
            limiter.notes.append(
                f"The port {printable(namespace)[:100]} is archived, because the product no longer has it."
            )
    if settings["inputs"] == "request":
        request_access(http, home, record, known, limiter, changes)
    outcome: PublishOutcome = "created" if created else "updated" if changes else "unchanged"
    return PublishResult(
        outcome, record.id, f"{http.url}/data-products{path(product)}", tuple(dict.fromkeys(limiter.notes))
    )


def retire(id: str, connection: CatalogConnection, reason: str, successor: str | None) -> PublishResult:
    """Archive the product and its ports: their pages stay, and say why."""
    settings = common.chosen(SETTINGS, connection.settings)
    http = connect(connection, settings)
    domain, _, name = id.partition("/")
    there = by_namespace(listed(http, f"{API}/data_products", "data_products"))
    product = there.get(common.identifier(domain, name, most=NAMESPACE))
    if product is None:
        raise Refused(f"The portal has no data product {printable(id)}.", "Check domain and name.", 404)
    home = f"{API}/data_products{path(product)}"
    for port in by_namespace(listed(http, f"{home}/output_ports", "output_ports")).values():
        archive(http, f"{home}/output_ports{path(port)}")
    limiter = TextLimiter("the portal")
    why = limiter.line(reason, common.PARAGRAPH, "The reason")
    usage = f"Retired: {why}" + (f" Its successor is {printable(successor)}." if successor else "")
    http.request("PUT", f"{home}/usage", {"usage": usage})
    archive(http, home)
    return PublishResult("retired", id, f"{http.url}/data-products{path(product)}", tuple(limiter.notes))
