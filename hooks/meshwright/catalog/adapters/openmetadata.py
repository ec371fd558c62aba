"""OpenMetadata: domain, data product, and a table for each output port, by its REST interface (1.12 and later).

Existing entities are changed by JSON Patch, because a PUT by a bot does not change descriptions and owners. The
database service of the tables must exist; database, schema and table are named after domain, product and port.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from meshwright.catalog import CatalogConnection, Payload
from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.core.http import Http, Refused, path
from meshwright.core.text import printable
from meshwright.mesh.publish_result import PublishOutcome, PublishResult
from meshwright.product import metamodel
from meshwright.product.record import Port, Record

NAME = "openmetadata"

SETTINGS: common.Settings = {
    "service": (
        "meshwright",
        "the database service for the tables of output ports, which must exist",
    ),
    "classification": (
        "DataClassification",
        "the classification with tags for the levels; created if missing",
    ),
    "domain-type": (
        "Aggregate",
        "the type of new domains: `Source-aligned`, `Consumer-aligned` or `Aggregate`",
    ),
    "users": (
        "local",
        "how users are named: by the `local` part of their e-mail address, or the whole `email`",
    ),
}

API = "/api/v1"
NAMES = 128
"""Maximum characters of a name, in the strictest of its schemas."""
TYPES = {
    "string": "STRING",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "object": "STRUCT",
    "array": "ARRAY",
}
"""ODCS logical type -> data type of a column; UNKNOWN for an unknown one."""
FORMATS = {"parquet": "parquet"}
"""Capability -> file format, if OpenMetadata supports it."""
LISTS = ("domains", "dataProducts")
ONES = ("databaseSchema", "database", "service")
"""Fields with a name in requests, and a reference in answers."""


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """Return what would be sent to an empty catalog; ids that it assigns are in angle brackets."""
    settings, limiter = common.chosen(SETTINGS, settings), TextLimiter("OpenMetadata")
    made = [(kind, body) for kind, body in _tags(record, settings)]
    made += _entities(record, settings, limiter)
    sent = [Payload(f"PUT {API}/{kind}", body) for kind, body in made]
    product = _product_name(record.domain, record.name)
    tables = [{"id": f"<id of table {port.name}>", "type": "table"} for port in _ports(record, limiter)]
    if tables:
        sent.append(Payload(f"PUT {API}/dataProducts/{product}/assets/add", {"assets": tables}))
        sent.append(Payload(f"PUT {API}/dataProducts/{product}/outputPorts/add", {"assets": tables}))
    sources = [{"id": f"<id of table {name}>", "type": "table"} for name in _reads(record, settings, limiter)]
    if sources:
        sent.append(Payload(f"PUT {API}/dataProducts/{product}/inputPorts/add", {"assets": sources}))
    edges = [{"edge": {"fromEntity": source, "toEntity": table}} for source in sources for table in tables]
    return sent + [Payload(f"PUT {API}/lineage", edge) for edge in edges]


def publish(record: Record, connection: CatalogConnection) -> PublishResult:
    """Create what is missing, change what differs, and add the lineage from existing ports."""
    settings, limiter = common.chosen(SETTINGS, connection.settings), TextLimiter("OpenMetadata")
    http = _http(connection)
    if _found(http, "services/databaseServices", _fqn(settings["service"])) is None:
        service = printable(settings["service"])[:100]
        raise Refused(
            f"OpenMetadata has no database service {service!r}.",
            "Have an administrator create one of type Custom Database for the ports of data products; or use --set service=NAME.",
        )
    changes: list[str] = []
    for kind, body in _tags(record, settings):
        name = _fqn(body["classification"], body["name"]) if kind == "tags" else _fqn(body["name"])
        if _found(http, kind, name) is None:
            http.request("PUT", f"{API}/{kind}", body)
    owners = _owners(http, record, settings, limiter)
    product: dict[str, Any] = {}
    tables: list[dict[str, str]] = []
    for kind, body in _entities(record, settings, limiter):
        if owners and kind in ("dataProducts", "tables"):
            body["owners"] = owners
        actual = _upsert(http, kind, body, changes)
        if kind == "dataProducts":
            product = actual
        elif kind == "tables":
            tables.append({"id": str(actual.get("id")), "type": "table"})
    _connect(
        http, record, settings, str(product.get("fullyQualifiedName") or product.get("name")), tables, limiter
    )
    outcome: PublishOutcome = (
        "unchanged" if not changes else "created" if "PUT dataProducts" in changes else "updated"
    )
    url = f"{http.url}/dataProduct/{quote(str(product.get('fullyQualifiedName') or ''), safe='')}"
    return PublishResult(outcome, record.id, url, tuple(dict.fromkeys(limiter.notes)))


def retire(id: str, connection: CatalogConnection, reason: str, successor: str | None) -> PublishResult:
    """Mark the product as retired in its description and name; deleting it would break links."""
    http, limiter = _http(connection), TextLimiter("OpenMetadata")
    domain, _, name = id.partition("/")
    actual = _found(http, "dataProducts", _product_name(domain, name))
    if actual is None:
        raise Refused(f"OpenMetadata has no data product {printable(id)}.", "Check domain and name.", 404)
    why = f"Retired: {limiter.line(reason, common.PARAGRAPH, 'The reason')}"
    why += f" Its successor is {printable(successor)}." if successor else ""
    title = str(actual.get("displayName") or name).removesuffix(" (retired)")
    _patch(http, "dataProducts", actual, {"displayName": f"{title} (retired)", "description": common.plain_markdown(why)})  # fmt: skip
    fqn = str(actual.get("fullyQualifiedName") or actual.get("name"))
    return PublishResult("retired", id, f"{http.url}/dataProduct/{quote(fqn, safe='')}", tuple(limiter.notes))


# -- what is sent -------------------------------------------------------------------------------------


def _tags(record: Record, settings: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Return the classification and the tags of the product and its columns, in case they are missing."""
    levels = {record.classification, *(column.classification for column in record.columns)} - {""}
    if not levels:
        return []
    of = settings["classification"]
    made: list[tuple[str, dict[str, Any]]] = [
        (
            "classifications",
            {"name": of, "description": "How sensitive data is.", "mutuallyExclusive": True},
        )
    ]
    for level in metamodel.CLASSIFICATIONS:
        if level in levels:
            made.append(
                ("tags", {"classification": of, "name": level, "description": f"Data that is {level}."})
            )
    return made


def _entities(
    record: Record, settings: Mapping[str, str], limiter: TextLimiter
) -> list[tuple[str, dict[str, Any]]]:
    """Return the entities, each after those that it refers to."""
    domain, product = _name(record.domain), _product_name(record.domain, record.name)
    kind = common.one_of(settings, "domain-type", "Source-aligned", "Consumer-aligned", "Aggregate")
    title = limiter.line(record.title, common.SHORT, "The title")
    tags = [_label(record.classification, settings)] if record.classification else []
    entities: list[tuple[str, dict[str, Any]]] = [
        (
            "domains",
            {"name": domain, "domainType": kind, "description": f"The business domain {domain}."},
        ),
        (
            "dataProducts",
            {
                "name": product,
                "displayName": title,
                "description": common.as_markdown(record, limiter) or title,
                "domains": [domain],
                "tags": tags,
            },
        ),
    ]
    ports = _ports(record, limiter)
    if ports:
        schema = _fqn(settings["service"], domain, _name(record.name))
        entities.append(("databases", {"name": domain, "service": _fqn(settings["service"])}))
        entities.append(
            ("databaseSchemas", {"name": _name(record.name), "database": _fqn(settings["service"], domain)})
        )
        entities += [("tables", _table(record, port, schema, product, settings, limiter)) for port in ports]
    return entities


def _table(
    record: Record, port: Port, schema: str, product: str, settings: Mapping[str, str], limiter: TextLimiter
) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": _name(port.name),
        "displayName": limiter.line(f"{record.title}: {port.name}", common.SHORT, "A port's name"),
        "description": common.plain_markdown(
            limiter.line(
                f"Output port of {record.id}, {port.uses}. {record.purpose}",
                common.PARAGRAPH,
                "A port's description",
            )
        ),
        "tableType": "External",
        "databaseSchema": schema,
        "dataProducts": [product],
        "columns": [_column(column, settings, limiter) for column in common.columns(record, limiter)],
        "tags": [_label(record.classification, settings)] if record.classification else [],
    }
    if common.location_of(port):
        table["locationPath"] = limiter.line(common.location_of(port), 2_000, "A port's location")
    if (form := FORMATS.get(port.uses.partition("@")[0])) is not None:
        table["fileFormat"] = form
    return table


def _column(column: Any, settings: Mapping[str, str], limiter: TextLimiter) -> dict[str, Any]:
    kind = TYPES.get(column.logical_type, "UNKNOWN")
    made: dict[str, Any] = {
        "name": common.fitting(column.name, limiter, NAMES, "::"),
        "dataType": kind,
        "description": common.plain_markdown(
            limiter.line(column.description, common.PARAGRAPH, "A column's description")
        ),
        "tags": [_label(column.classification, settings)],
    }
    if kind == "ARRAY":
        made["arrayDataType"] = "UNKNOWN"
    if column.logical_type:
        made["dataTypeDisplay"] = limiter.line(column.logical_type, NAMES, "A column's type")
    if column.required:
        made["constraint"] = "NOT_NULL"
    return made


def _label(level: str, settings: Mapping[str, str]) -> dict[str, str]:
    return {
        "tagFQN": _fqn(settings["classification"], level),
        "source": "Classification",
        "labelType": "Automated",
        "state": "Confirmed",
    }


def _ports(record: Record, limiter: TextLimiter) -> list[Port]:
    return limiter.first((port for port in record.outputs if port.name), "output ports", 100)


def _reads(record: Record, settings: Mapping[str, str], limiter: TextLimiter) -> list[str]:
    """Return the full names of the tables of the ports that are read, each once."""
    found = {}
    for one in record.inputs:
        if one.product:
            domain, _, name = one.product.partition("/")
            found[_fqn(settings["service"], _name(domain), _name(name), _name(one.port))] = one
    return limiter.first(found, "inputs", 100)


def _name(word: str) -> str:
    return common.identifier(word, most=NAMES)


def _product_name(domain: str, name: str) -> str:
    """Return a name that is unique in OpenMetadata, without a dot, which would have to be quoted."""
    return common.identifier(domain, name, most=NAMES, between="--")


def _fqn(*names: str) -> str:
    """Return a fully qualified name, quoted as its grammar requires."""
    return ".".join(f'"{name}"' if re.search(r'[."]', name) else name for name in names)


# -- existing entities --------------------------------------------------------------------------------


def _http(connection: CatalogConnection) -> Http:
    return Http(
        connection.url,
        connection.token,
        patience=connection.patience,
        server="catalog",
        notify=connection.notify,
    )


def _found(http: Http, kind: str, name: str) -> dict[str, Any] | None:
    fields = {"dataProducts": "?fields=owners,domains,tags", "tables": "?fields=owners,tags,columns"}.get(
        kind, ""
    )
    answer = http.request("GET", f"{API}/{kind}/name{path(name)}{fields}", ok={200, 404})
    return answer.object() if answer.status == 200 else None


PARENT = {"databases": "service", "databaseSchemas": "database", "tables": "databaseSchema"}


def _upsert(http: Http, kind: str, body: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    parent = body.get(PARENT.get(kind, ""))
    name = f"{parent}.{_fqn(body['name'])}" if parent else _fqn(body["name"])
    actual = _found(http, kind, name)
    if actual is None:
        changes.append(f"PUT {kind}")
        return http.request("PUT", f"{API}/{kind}", body).object()
    if kind in ("dataProducts", "tables"):
        # A reference cannot change without the entity becoming another one.
        fixed = {"name", *LISTS, *ONES}
        desired = {key: value for key, value in body.items() if key not in fixed}
        differing = {key: value for key, value in desired.items() if not common.same(value, actual.get(key) or _empty(value))}  # fmt: skip
        if differing:
            _patch(http, kind, actual, differing)
            changes.append(f"PATCH {kind}")
    return actual


def _empty(value: Any) -> Any:
    """Return the equivalent of a value that an answer omits."""
    return [] if isinstance(value, list) else "" if isinstance(value, str) else None


def _patch(http: Http, kind: str, actual: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    steps = [{"op": "add", "path": f"/{key}", "value": value} for key, value in values.items()]
    where = f"{API}/{kind}{path(str(actual.get('id')))}"
    http.request("PATCH", where, steps, headers={"Content-Type": "application/json-patch+json"}, again=True)


def _owners(
    http: Http, record: Record, settings: Mapping[str, str], limiter: TextLimiter
) -> list[dict[str, str]]:
    """Return the team, or else the owner: OpenMetadata accepts one team, or people."""
    if record.owner.team and (team := _found(http, "teams", _fqn(record.owner.team))) is not None:
        return [{"id": str(team.get("id")), "type": "team"}]
    whole = common.one_of(settings, "users", "local", "email") == "email"
    login = record.owner.email if whole else record.owner.email.partition("@")[0]
    if login and (user := _found(http, "users", _fqn(login))) is not None:
        return [{"id": str(user.get("id")), "type": "user"}]
    limiter.notes.append(
        "OpenMetadata has neither the product's team nor its owner, so the product has no owner there yet."
    )
    return []


def _connect(
    http: Http,
    record: Record,
    settings: Mapping[str, str],
    product: str,
    tables: list[dict[str, str]],
    limiter: TextLimiter,
) -> None:
    """Add ports and lineage. They are always sent, because an earlier run may have been interrupted; repeating changes nothing."""
    home = f"{API}/dataProducts{path(product)}"
    sources = []
    for name in _reads(record, settings, limiter):
        source = _found(http, "tables", name)
        if source is None:
            limiter.notes.append(
                f"OpenMetadata does not have {printable(name)[:200]}, so the lineage does not include it."
            )
        else:
            sources.append({"id": str(source.get("id")), "type": "table"})
    for part, assets in (("assets", tables), ("outputPorts", tables), ("inputPorts", sources)):
        if assets:
            answer = http.request("PUT", f"{home}/{part}/add", {"assets": assets}).json()
            if isinstance(answer, dict) and answer.get("status") not in (None, "success"):
                raise Refused(
                    f"OpenMetadata did not accept all {part} of {printable(record.id)}: {printable(str(answer.get('status')))[:50]}.",
                    "Ask its operator to check its log.",
                )
    for source in sources:
        for table in tables:
            http.request("PUT", f"{API}/lineage", {"edge": {"fromEntity": source, "toEntity": table}})
