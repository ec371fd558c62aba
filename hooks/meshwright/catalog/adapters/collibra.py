"""Collibra: one job of its Import API, which commits all commands or none. It creates and updates by name.

The asset types are Collibra's standard types for data products: Data Product, Data Product Port, Data Contract. Ids of
relation types and user groups differ between companies: they are settings, and skipped if not set.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from meshwright.catalog import CatalogConnection, Payload
from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.core.http import Http, NoAnswer, Refused, path
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.mesh.publish_result import PublishResult
from meshwright.product.record import Port, Record

NAME = "collibra"

SETTINGS: common.Settings = {
    "community": ("Data products", "the community, which must exist"),
    "domains": (
        "import",
        "`import`: creates the domain, of the type Data Product Catalog; `there`: it exists",
    ),
    "auth": ("bearer", "how the token is sent: `bearer`, or `basic` (the token is `user:password`)"),
    "attributes": (
        "",
        "`property=Attribute type, ...`: attributes for properties, in addition to Description",
    ),
    "groups": ("", "`Role=id of a user group, ...`: who is responsible for the product"),
    "exposes": ("", "id of the relation type from a product to its output ports (`exposes data as`)"),
    "consumes": (
        "",
        "id of the relation type from a product to the ports it reads (`consumes data through`)",
    ),
    "contract": ("", "id of the relation type from a port to its data contract"),
    "status": ("", "the status of the assets (default: unchanged)"),
    "retired-status": ("Obsolete", "their status when the product is retired"),
}

JOB = "/rest/2.0/import/json-job"
ENDED = {"COMPLETED", "ERROR", "FAILED", "CANCELED", "CANCELLED", "ABORTED"}
"""Final states of a job. It succeeded only if COMPLETED with the result SUCCESS."""
FIRST_LOOK, LONGEST_PAUSE = 0.05, 5.0
"""Seconds between two polls of a job; each pause is twice as long as the one before."""


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """Return the file of commands."""
    commands = _commands(record, common.chosen(SETTINGS, settings), TextLimiter("Collibra"))
    return [Payload(f"POST {JOB}", commands)]


def publish(record: Record, connection: CatalogConnection) -> PublishResult:
    """Send the file, and wait until the job has ended. Importing the same again changes nothing in Collibra."""
    settings, limiter = common.chosen(SETTINGS, connection.settings), TextLimiter("Collibra")
    http = _http(connection, settings)
    _import(http, _commands(record, settings, limiter), connection.patience)
    return PublishResult("updated", record.id, http.url, tuple(dict.fromkeys(limiter.notes)))


def retire(id: str, connection: CatalogConnection, reason: str, successor: str | None) -> PublishResult:
    """Set the status of the product's asset, with the reason; nothing is deleted."""
    settings, limiter = common.chosen(SETTINGS, connection.settings), TextLimiter("Collibra")
    http = _http(connection, settings)
    domain, _, name = id.partition("/")
    why = f"Retired: {limiter.line(reason, common.PARAGRAPH, 'The reason')}"
    why += f" Its successor is {printable(successor)}." if successor else ""
    asset = {
        "resourceType": "Asset",
        "identifier": _identifier(settings, domain, name),
        "type": {"name": "Data Product"},
        "attributes": {"Description": [{"value": f"<p>{escape(why)}</p>"}]},
        "status": {"name": settings["retired-status"]},
    }
    _import(http, [asset], connection.patience)
    return PublishResult("retired", id, http.url, tuple(limiter.notes))


# -- what is sent -------------------------------------------------------------------------------------


def _commands(record: Record, settings: Mapping[str, str], limiter: TextLimiter) -> list[dict[str, Any]]:
    """Return the commands, each after those that it refers to: domain, contract, ports, product."""
    commands: list[dict[str, Any]] = []
    if common.one_of(settings, "domains", "import", "there") == "import":
        domain = _identifier(settings, record.domain, record.name)["domain"]
        commands.append(
            {"resourceType": "Domain", "identifier": domain, "type": {"name": "Data Product Catalog"}}
        )
    columns = common.columns(record, limiter)
    contract = f"{record.title}: contract"
    if columns:
        listed = "".join(f"<li>{_column(column, limiter)}</li>" for column in columns)
        commands.append(
            _asset(record, settings, "Data Contract", contract, f"<ul>{listed}</ul>", limiter, "contract")
        )
    ports = [port for port in limiter.first(record.outputs, "output ports", 100) if port.name]
    for port in ports:
        description = escape(
            limiter.line(f"{port.uses} {common.location_of(port)}", common.PARAGRAPH, "A port's place")
        )
        title = f"{record.title}: {port.name}"
        asset = _asset(
            record, settings, "Data Product Port", title, f"<p>{description}</p>", limiter, "port", port.name
        )
        if columns and settings["contract"]:
            to = _identifier(settings, record.domain, record.name, "contract")
            asset["relations"] = {f"{settings['contract']}:TARGET": [to]}
        commands.append(asset)
    product = _asset(record, settings, "Data Product", record.title, common.as_html(record, limiter), limiter)
    product["attributes"] |= _attributes(record, settings, limiter)
    if relations := _relations(record, ports, settings, limiter):
        product["relations"] = relations
    if groups := _pairs(settings, "groups"):
        product["responsibilities"] = {role: [{"userGroup": {"id": id}}] for role, id in groups.items()}
    return [*commands, product]


def _asset(
    record: Record,
    settings: Mapping[str, str],
    kind: str,
    title: str,
    described: str,
    limiter: TextLimiter,
    *part: str,
) -> dict[str, Any]:
    tags = {record.classification, record.type, *record.tags[:100]} - {""}
    asset: dict[str, Any] = {
        "resourceType": "Asset",
        "identifier": _identifier(settings, record.domain, record.name, *part),
        "displayName": limiter.line(title, common.SHORT, "A title"),
        "type": {"name": kind},
        "attributes": {"Description": [{"value": described}]},
        "tags": sorted({limiter.line(tag, common.SHORT, "A tag") for tag in tags}),
    }
    if settings["status"]:
        asset["status"] = {"name": settings["status"]}
    return asset


def _identifier(settings: Mapping[str, str], domain: str, *name: str) -> dict[str, Any]:
    community = settings["community"]
    return {
        "name": common.identifier(*name, most=common.SHORT),
        "domain": {"name": common.identifier(domain, most=common.SHORT), "community": {"name": community}},
    }


def _attributes(
    record: Record, settings: Mapping[str, str], limiter: TextLimiter
) -> dict[str, list[dict[str, str]]]:
    facts, found = common.facts(record), {}
    for key, attribute in _pairs(settings, "attributes").items():
        if key in facts:
            found[attribute] = [{"value": limiter.line(facts[key], common.PARAGRAPH, "An attribute")}]
    return found


def _relations(
    record: Record, ports: list[Port], settings: Mapping[str, str], limiter: TextLimiter
) -> dict[str, list[dict[str, Any]]]:
    exposed = [_identifier(settings, record.domain, record.name, "port", port.name) for port in ports]
    read = []
    for one in limiter.first(record.inputs, "inputs", 100):
        if one.product:
            domain, _, name = one.product.partition("/")
            read.append(_identifier(settings, domain, name, "port", one.port))
    relations = {}
    for key, others in (("exposes", exposed), ("consumes", read)):
        if others and settings[key]:
            relations[f"{settings[key]}:TARGET"] = list(
                {json.dumps(other): other for other in others}.values()
            )
        elif others:
            limiter.notes.append(
                f"Without --set {key}=ID, Collibra does not get the relation from the product to the ports that it {key}."
            )
    return relations


def _column(column: Any, limiter: TextLimiter) -> str:
    level = column.classification if column.stated else f"{column.classification}, as none is stated"
    description = f"{column.name} ({column.logical_type or 'of unknown type'}, {level}): {column.description}"
    return escape(limiter.line(description, common.PARAGRAPH, "A column's description"))


def _pairs(settings: Mapping[str, str], key: str) -> dict[str, str]:
    """Parse a setting such as `a=b, c=d`. Raises Unreadable."""
    found = {}
    for pair in filter(None, (part.strip() for part in settings[key].split(","))):
        name, equals, value = (word.strip() for word in pair.partition("="))
        if not (name and equals and value):
            raise Unreadable(
                f"The setting {key} has {printable(pair)[:100]!r}.", "Write NAME=VALUE, separated by commas."
            )
        found[name] = value
    return found


# -- the job ------------------------------------------------------------------------------------------


def _http(connection: CatalogConnection, settings: Mapping[str, str]) -> Http:
    token, scheme = connection.token, "Bearer"
    if common.one_of(settings, "auth", "bearer", "basic") == "basic":
        if token and ":" not in token:
            raise Unreadable(
                "The token for --set auth=basic has no colon.", "Set it as user:password, in the environment."
            )
        token, scheme = (base64.b64encode(token.encode()).decode() if token else None), "Basic"
    return Http(
        connection.url,
        token,
        scheme=scheme,
        patience=connection.patience,
        server="catalog",
        notify=connection.notify,
    )


def _import(http: Http, commands: list[dict[str, Any]], patience: float) -> None:
    """Run the import. Raises Refused unless the whole job succeeded."""
    body, boundary = _multipart(commands)
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    job = http.request("POST", JOB, body=body, headers=kind, again=True).object()
    id, until, pause = job.get("id"), time.monotonic() + patience, FIRST_LOOK
    if not isinstance(id, str) or not id:
        raise Refused("Collibra returned no job.", "Check the address.")
    while str(job.get("state")).upper() not in ENDED:
        if time.monotonic() > until:
            raise NoAnswer(
                f"Collibra's job {printable(id)[:100]} has not ended within {patience:.0f} s.",
                "Check the job in Collibra, or run this again: nothing is imported twice.",
            )
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
        job = http.request("GET", f"/rest/2.0/jobs{path(id)}").object()
    state, result = str(job.get("state")).upper(), str(job.get("result")).upper()
    if (state, result) != ("COMPLETED", "SUCCESS"):
        message = job.get("message") or job.get("errorMessage") or ""
        raise Refused(
            f"Collibra's job {printable(id)[:100]} ended as {printable(state)[:50]}, {printable(result)[:50]}: {printable(str(message))[:500]}",
            "Nothing was imported. Fix the cause: often a type, an attribute or a permission is missing.",
        )


def _multipart(commands: list[dict[str, Any]]) -> tuple[bytes, str]:
    boundary = secrets.token_hex(16)
    fields = {"fileName": "meshwright.json", "sendNotification": "false", "continueOnError": "false"}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    text = json.dumps(commands, ensure_ascii=False)
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="meshwright.json"\r\n'
        f"Content-Type: application/json\r\n\r\n{text}\r\n--{boundary}--\r\n"
    )
    return "".join(parts).encode("utf-8", "replace"), boundary
