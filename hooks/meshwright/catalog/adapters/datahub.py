"""DataHub, by its own library: a data product, and a dataset for each output port, as metadata change proposals.

The proposals are made without the library, so that they can be inspected or saved for `datahub ingest` without
it; it is only imported for sending. The product's own aspect is sent last: it shows that all others arrived.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshwright.catalog import CatalogConnection, Payload
from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.core import files
from meshwright.core.http import Http, NoAnswer, Refused
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.mesh.publish_result import PublishOutcome, PublishResult
from meshwright.product.record import Column, Port, Record, digest

NAME = "datahub"

SETTINGS: common.Settings = {
    "env": ("PROD", "the environment of the datasets"),
    "platform": ("meshwright", "the data platform of the output ports"),
    "users": ("email", "how users are named: by their `email`, or its `local` part"),
    "tags": ("classification.", "the prefix of a classification in the name of its tag"),
}

KINDS = {
    "string": "StringType",
    "integer": "NumberType",
    "number": "NumberType",
    "boolean": "BooleanType",
    "date": "DateType",
    "time": "TimeType",
    "timestamp": "TimeType",
    "object": "RecordType",
    "array": "ArrayType",
}
"""ODCS logical type -> type of a field; NullType for an unknown one."""
SCHEMA = "com.linkedin.schema."
ACTOR = "urn:li:corpuser:meshwright"
NEVER = {"time": 0, "actor": ACTOR}
"""Fixed audit stamp, instead of the current time: the same record always makes the same proposals."""


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """Return the proposals, in the format of DataHub's `file` source."""
    made = _proposals(record, common.chosen(SETTINGS, settings), TextLimiter("DataHub"))
    return [Payload(f"UPSERT {one['entityUrn']} {one['aspectName']}", one) for one in made]


def publish(record: Record, connection: CatalogConnection) -> PublishResult:
    """Send the proposals, unless DataHub already has exactly this record; or write them to a file."""
    settings, limiter = common.chosen(SETTINGS, connection.settings), TextLimiter("DataHub")
    proposals = _proposals(record, settings, limiter)
    if not connection.url.startswith(("http://", "https://")):
        return _written(Path(connection.url), record, [_domain(record), *proposals], limiter)
    graph = _graph(connection)
    urn = _product_urn(record.domain, record.name)
    actual = _actual_product(graph, urn)
    back = actual is not None and _is_removed(graph, urn)
    mark = proposals[-1]["aspect"]["json"]["customProperties"]["digest"]
    if actual is not None and actual.customProperties.get("digest") == mark and not back:
        return PublishResult(
            "unchanged", record.id, _page(connection, urn), tuple(dict.fromkeys(limiter.notes))
        )
    if not _exists(graph, _domain_urn(record)):
        _send(graph, [_domain(record)])
    if back:
        ports = [asset["destinationUrn"] for asset in proposals[-1]["aspect"]["json"]["assets"]]
        undone = {"deprecated": False, "note": "", "actor": ACTOR}
        _send(graph, [_proposal("dataset", port, "deprecation", undone) for port in ports])
    _send(graph, proposals)
    outcome: PublishOutcome = "created" if actual is None else "updated"
    return PublishResult(outcome, record.id, _page(connection, urn), tuple(dict.fromkeys(limiter.notes)))


def retire(id: str, connection: CatalogConnection, reason: str, successor: str | None) -> PublishResult:
    """Deprecate its datasets, and remove the product from DataHub's search; the pages stay."""
    limiter = TextLimiter("DataHub")
    graph = _graph(connection)
    domain, _, name = id.partition("/")
    urn = _product_urn(domain, name)
    actual = _actual_product(graph, urn)
    if actual is None:
        raise Refused(f"DataHub has no data product {printable(id)}.", "Check domain and name.", 404)
    why = f"Retired: {limiter.line(reason, common.PARAGRAPH, 'The reason')}"
    deprecation: dict[str, Any] = {"deprecated": True, "note": why, "actor": ACTOR}
    if successor:
        deprecation["note"] += f" Its successor is {printable(successor)}."
    assets = [asset.destinationUrn for asset in actual.assets or []]
    proposals = [_proposal("dataset", asset, "deprecation", deprecation) for asset in assets]
    _send(graph, [*proposals, _proposal("dataProduct", urn, "status", {"removed": True})])
    return PublishResult("retired", id, _page(connection, urn), tuple(limiter.notes))


def _written(
    file: Path, record: Record, proposals: list[dict[str, Any]], limiter: TextLimiter
) -> PublishResult:
    """Write a file for DataHub's `file` source, to be sent from elsewhere."""
    text = json.dumps(proposals, indent=1, ensure_ascii=False) + "\n"
    limiter.notes.append("Send the file with `datahub ingest`, from a machine that can reach DataHub.")
    actual = file.read_text("utf-8", errors="replace") if file.is_file() else None
    outcome: PublishOutcome = "created" if actual is None else "updated" if actual != text else "unchanged"
    if outcome != "unchanged":
        files.write(file, text)
    return PublishResult(outcome, record.id, str(file), tuple(dict.fromkeys(limiter.notes)))


# -- the proposals ------------------------------------------------------------------------------------


def _proposals(record: Record, settings: Mapping[str, str], limiter: TextLimiter) -> list[dict[str, Any]]:
    platform = f"urn:li:dataPlatform:{_word(settings['platform'])}"
    about = {"name": _word(settings["platform"]), "displayName": settings["platform"], "type": "OTHERS", "datasetNameDelimiter": "."}  # fmt: skip
    made = [_proposal("dataPlatform", platform, "dataPlatformInfo", about)]
    columns = common.columns(record, limiter)
    levels = sorted({record.classification, *(column.classification for column in columns)} - {""})
    for level in levels:
        tag = {"name": f"{settings['tags']}{level}", "description": f"Data that is {level}."}
        made.append(_proposal("tag", _tag(level, settings), "tagProperties", tag))
    ports = [port for port in limiter.first(record.outputs, "output ports", 100) if port.name]
    for port in ports:
        made += _dataset(record, port, columns, platform, settings, limiter)
    urn = _product_urn(record.domain, record.name)
    made += [
        _proposal("dataProduct", urn, aspect, value)
        for aspect, value in _shared(record, settings, limiter).items()
    ]
    made.append(_proposal("dataProduct", urn, "status", {"removed": False}))
    product: dict[str, Any] = {
        "name": limiter.line(record.title, common.SHORT, "The title"),
        "description": common.as_markdown(record, limiter),
        "customProperties": _properties(record, limiter),
        "assets": [
            {
                "destinationUrn": _dataset_urn(record.domain, record.name, port.name, settings),
                "outputPort": True,
            }
            for port in ports
        ],
    }
    if address := common.web(record.repository):
        product["externalUrl"] = address
    product["customProperties"]["digest"] = digest([*made, product])
    return [*made, _proposal("dataProduct", urn, "dataProductProperties", product)]


def _dataset(
    record: Record,
    port: Port,
    columns: list[Column],
    platform: str,
    settings: Mapping[str, str],
    limiter: TextLimiter,
) -> list[dict[str, Any]]:
    urn = _dataset_urn(record.domain, record.name, port.name, settings)
    description = f"Output port of {record.id}. {record.purpose}"
    properties: dict[str, Any] = {
        "name": limiter.line(f"{record.title}: {port.name}", common.SHORT, "A port's name"),
        "description": common.plain_markdown(
            limiter.line(description, common.PARAGRAPH, "A port's description")
        ),
        "customProperties": _cleaned(
            {"capability": port.uses, "address": port.address, "location": common.location_of(port)}, limiter
        ),
        "tags": [],
    }
    aspects: dict[str, Any] = {"datasetProperties": properties, **_shared(record, settings, limiter)}
    if columns:
        aspects["schemaMetadata"] = {
            "schemaName": limiter.line(record.dataset, common.SHORT, "The data set's name"),
            "platform": platform,
            "version": 0,
            "hash": "",
            "created": NEVER,
            "lastModified": NEVER,
            "platformSchema": {"com.linkedin.schema.OtherSchema": {"rawSchema": ""}},
            "fields": [_field(column, settings, limiter) for column in columns],
        }
    read = _reads(record, settings, limiter)
    if read:
        aspects["upstreamLineage"] = {
            "upstreams": [{"dataset": source, "type": "TRANSFORMED", "auditStamp": NEVER} for source in read]
        }
    return [_proposal("dataset", urn, aspect, value) for aspect, value in aspects.items()]


def _shared(record: Record, settings: Mapping[str, str], limiter: TextLimiter) -> dict[str, Any]:
    """Return the aspects that the product and its datasets have in common."""
    aspects: dict[str, Any] = {"domains": {"domains": [_domain_urn(record)]}}
    whole = common.one_of(settings, "users", "email", "local") == "email"
    owners = []
    for who, kind in ((record.owner, "BUSINESS_OWNER"), (record.steward, "DATA_STEWARD")):
        if who.email:
            login = who.email if whole else who.email.partition("@")[0]
            owners.append({"owner": f"urn:li:corpuser:{_urn_part(login)}", "type": kind})
    if record.owner.team:
        owners.append(
            {"owner": f"urn:li:corpGroup:{_urn_part(record.owner.team)}", "type": "TECHNICAL_OWNER"}
        )
    if owners:
        aspects["ownership"] = {"owners": owners, "lastModified": NEVER}
    tags = [_tag(record.classification, settings)] if record.classification else []
    tags += [f"urn:li:tag:{_urn_part(tag)}" for tag in record.tags[:100]]
    if tags:
        aspects["globalTags"] = {"tags": [{"tag": tag} for tag in dict.fromkeys(tags)]}
    if address := common.web(record.repository):
        link = {"url": address, "description": "Repository", "createStamp": NEVER}
        aspects["institutionalMemory"] = {"elements": [link]}
    return aspects


def _field(column: Column, settings: Mapping[str, str], limiter: TextLimiter) -> dict[str, Any]:
    kind = KINDS.get(column.logical_type, "NullType")
    tags = [
        _tag(column.classification, settings),
        *(f"urn:li:tag:{_urn_part(tag)}" for tag in column.tags[:100]),
    ]
    return {
        "fieldPath": common.fitting(column.name, limiter, 200),
        "nullable": not column.required,
        "description": limiter.line(column.description, common.PARAGRAPH, "A column's description"),
        "type": {"type": {f"{SCHEMA}{kind}": {}}},
        "nativeDataType": limiter.line(column.logical_type, common.SHORT, "A column's type") or "unknown",
        "recursive": False,
        "isPartOfKey": False,
        "globalTags": {"tags": [{"tag": tag} for tag in dict.fromkeys(tags)]},
    }


def _domain(record: Record) -> dict[str, Any]:
    """Return the proposal for the domain, which is sent only if DataHub does not have it."""
    return _proposal(
        "domain", _domain_urn(record), "domainProperties", {"name": common.identifier(record.domain)}
    )


def _proposal(kind: str, urn: str, aspect: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "entityType": kind,
        "entityUrn": urn,
        "changeType": "UPSERT",
        "aspectName": aspect,
        "aspect": {"json": value},
    }


def _properties(record: Record, limiter: TextLimiter) -> dict[str, str]:
    return _cleaned(common.facts(record), limiter)


def _cleaned(facts: Mapping[str, str], limiter: TextLimiter) -> dict[str, str]:
    return {
        limiter.line(key, common.SHORT, "A property's name"): limiter.line(
            value, common.PARAGRAPH, "A property"
        )
        for key, value in facts.items()
        if value
    }


def _reads(record: Record, settings: Mapping[str, str], limiter: TextLimiter) -> list[str]:
    """Return the datasets of the ports that are read, each once."""
    found = {}
    for one in record.inputs:
        if one.product:
            domain, _, name = one.product.partition("/")
            found[_dataset_urn(domain, name, one.port, settings)] = one
    return limiter.first(found, "inputs", 100)


def _dataset_urn(domain: str, name: str, port: str, settings: Mapping[str, str]) -> str:
    """Return the URN for a port's address, which its readers compute in the same way."""
    platform, env = _word(settings["platform"]), _word(settings["env"])
    return f"urn:li:dataset:(urn:li:dataPlatform:{platform},{common.identifier(domain, name, port, most=200)},{env})"


def _product_urn(domain: str, name: str) -> str:
    return f"urn:li:dataProduct:{common.identifier(domain, name, most=200)}"


def _domain_urn(record: Record) -> str:
    return f"urn:li:domain:{common.identifier(record.domain)}"


def _tag(level: str, settings: Mapping[str, str]) -> str:
    return f"urn:li:tag:{_urn_part(settings['tags'] + level)}"


def _urn_part(text: str) -> str:
    return common.identifier(text, most=200, allowed="A-Za-z0-9_.@+-", between="")


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,50}", text):
        raise Unreadable(
            f"The setting {printable(text)[:100]!r} is not a word.", "Use letters, digits, - and _."
        )
    return text


# -- sending ------------------------------------------------------------------------------------------


SECONDS_PER_TRY, MOST_TRIES = 10, 6


def _graph(connection: CatalogConnection) -> Any:
    """Return DataHub's own client. Raises Unreadable, NoAnswer, Refused."""
    address = Http(
        connection.url, connection.token, server="catalog"
    ).url  # refuses addresses that must not get a token
    os.environ.setdefault("DATAHUB_TELEMETRY_ENABLED", "false")
    try:
        from datahub.ingestion.graph.client import DataHubGraph
        from datahub.ingestion.graph.config import DatahubClientConfig
    except ImportError as error:
        from meshwright.core.install import install_command

        raise Unreadable(
            "The library for DataHub is not installed.",
            "Write a file with --catalog FILE.json and send it with `datahub ingest`, or install it: "
            + install_command("catalog", "datahub"),
        ) from error
    retries = max(1, min(MOST_TRIES, round(connection.patience / SECONDS_PER_TRY)))
    config = DatahubClientConfig(
        server=address, token=connection.token, retry_max_times=retries, timeout_sec=30
    )
    return _reported(lambda: DataHubGraph(config), address)


def _send(graph: Any, proposals: Sequence[dict[str, Any]]) -> None:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper

    for one in proposals:
        proposal = MetadataChangeProposalWrapper.from_obj(one)
        _reported(lambda proposal=proposal: graph.emit_mcp(proposal), one["entityUrn"])


def _actual_product(graph: Any, urn: str) -> Any:
    from datahub.metadata.schema_classes import DataProductPropertiesClass

    return _reported(lambda: graph.get_aspect(urn, DataProductPropertiesClass), urn)


def _is_removed(graph: Any, urn: str) -> bool:
    from datahub.metadata.schema_classes import StatusClass

    status = _reported(lambda: graph.get_aspect(urn, StatusClass), urn)
    return bool(status is not None and status.removed)


def _exists(graph: Any, urn: str) -> bool:
    return bool(_reported(lambda: graph.exists(urn), urn))


def _reported(call: Any, what: str) -> Any:
    """Run a call and return its result; its errors become ours, without the data sent. Raises Refused, NoAnswer."""
    try:
        return call()
    except Exception as error:
        status = _status(error)
        where = printable(what)[:200]
        if status in range(400, 500) and status not in (408, 429):
            raise Refused(f"DataHub refused {where}: status {status}.", FIXES.get(status, "Ask its operator."), status) from None  # fmt: skip
        reason = f"status {status}" if status else type(error).__name__
        raise NoAnswer(f"DataHub did not answer for {where}: {reason}.", "Run it again: completed steps are not repeated.") from None  # fmt: skip


FIXES = {
    401: "Set the token from DataHub's operator.",
    403: "Ask DataHub's operator for a token with this permission.",
    404: "Give the address of DataHub's metadata service, such as https://datahub.example.org/api/gms.",
}


def _status(error: BaseException | None) -> int:
    """Return the HTTP status of an error of the library, or of its cause; 0 if it has none."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # libraries chain errors in circles, too
        seen.add(id(error))
        response = getattr(error, "response", None)
        info = getattr(error, "info", None)
        for found in (getattr(response, "status_code", None), info.get("status") if isinstance(info, dict) else None):  # fmt: skip
            if isinstance(found, int):
                return found
        error = error.__cause__ or error.__context__
    return 0


def _page(connection: CatalogConnection, urn: str) -> str:
    """Return the product's page in DataHub's front end, if its address can be derived from the service's."""
    home = connection.url.rstrip("/").removesuffix("/api/gms")
    return f"{home}/dataProduct/{urn}" if home != connection.url.rstrip("/") else ""
