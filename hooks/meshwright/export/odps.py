"""A record as an Open Data Product Standard 1.1 document (Bitol's; another standard has the same name).

https://github.com/bitol-io/open-data-product-standard. Properties without a field there are in customProperties with the
vendor `meshwright`; docs/how-to/publish-to-the-catalog.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import yaml

from meshwright.product.record import Input, Person, Port, Record, ServiceLevel

API_VERSION = "v1.1.0"
VENDOR = "meshwright"
TYPES = {"source-oriented": "sourceAligned", "consumer-oriented": "consumerAligned"}


def document(record: Record) -> dict[str, Any]:
    """Return the document's value; properties that the record lacks are left out."""
    owner = record.owner
    return _without_empty(
        {
            "apiVersion": API_VERSION,
            "kind": "DataProduct",
            "id": record.id,
            "name": record.title,
            "version": record.version,
            "status": _text(record.get("contract.status")),
            "domain": record.domain,
            "type": TYPES.get(record.type, record.type),
            "description": _without_empty(
                {"purpose": record.purpose, "limitations": record.limitations, "usage": record.usage}
            ),
            "authoritativeDefinitions": [{"type": "canonicalUrl", "url": record.repository}]
            if record.repository.startswith(("https://", "http://"))
            else [],
            "tags": list(record.tags),
            "inputPorts": [_input(one) for one in record.inputs],
            "outputPorts": [_output(record, port) for port in record.outputs],
            "team": _without_empty({"name": owner.team, "members": list(_members(record))}),
            "support": [_support(owner)] if owner.email else [],
            "customProperties": _custom(
                classification=record.classification,
                accessMode=record.access_mode,
                accessRoles=sorted(record.roles),
                distributionRights=dict(record.distribution_rights),
                dataSharingAgreement=record.get("product.spec.dataSharingAgreement"),
                dataset=record.dataset,
                serviceLevels=[_level(level) for level in record.service_levels],
                measuredAt=_text(record.get("measurement.measuredAt")),
                useCases=[
                    _without_empty(
                        {
                            "name": use.name,
                            "users": list(use.users),
                            "action": use.action,
                            "outputs": list(use.outputs),
                        }
                    )
                    for use in record.use_cases
                ],
                capabilities=list(record.capabilities),
            ),
        }
    )


def rendered(value: Mapping[str, Any]) -> str:
    """Return YAML in which every text is unambiguous, without control characters."""
    text = yaml.dump(dict(value), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    return "".join(sign if sign.isprintable() or sign == "\n" else _escaped(sign) for sign in text)


class _Plain(yaml.SafeDumper):
    """Writes no anchors, and quotes texts with control characters, so that they are escaped."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = None if all(sign.isprintable() or sign == "\n" for sign in data) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Plain.add_representer(str, _Plain.represent_str)


def _escaped(sign: str) -> str:
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"


def _input(one: Input) -> dict[str, Any]:
    # The contract of another product's port is left to that product.
    return _without_empty(
        {"name": one.name, "customProperties": _custom(**{"from": one.source, "uses": one.uses})}
    )


def _output(record: Record, port: Port) -> dict[str, Any]:
    location = port.location if "://" in port.location else ""  # a path is useless to others
    return _without_empty(
        {
            "name": port.name,
            "type": port.uses,
            "version": record.version,
            "contractId": _text(record.get("contract.id")),
            "customProperties": _custom(address=port.address, location=location),
        }
    )


def _members(record: Record) -> Iterator[dict[str, Any]]:
    for role, person in (("owner", record.owner), ("data steward", record.steward)):
        if person.email:
            yield _without_empty({"username": person.email, "name": person.name, "role": role})


def _support(owner: Person) -> dict[str, Any]:
    mail = f"mailto:{quote(owner.email, safe='@+')}"
    return {"channel": "owner", "tool": "email", "scope": "interactive", "url": mail}


def _level(level: ServiceLevel) -> dict[str, Any]:
    promised = {
        "name": level.name,
        "indicator": level.indicator,
        "column": level.column,
        "objective": level.objective,
    }
    measured = {"value": level.value, "unit": level.unit} if level.value is not None else {}
    over_time: dict[str, Any] = {}
    if level.target is not None:
        over_time = {"target": level.target.share, "window": f"{level.target.days}d"}
        counted = {"runs": level.runs, "good": level.good, "errorBudget": level.error_budget, "burnRate": level.burn_rate}  # fmt: skip
        over_time |= {key: value for key, value in counted.items() if value is not None}
    return _without_empty(promised | measured) | over_time | ({"kept": level.fulfilled} if level.fulfilled is not None else {})  # fmt: skip


def _custom(**properties: Any) -> list[dict[str, Any]]:
    return [
        {"property": name, "value": value, "vendor": VENDOR}
        for name, value in properties.items()
        if value not in (None, "", [], {})
    ]


def _without_empty(value: dict[str, Any]) -> dict[str, Any]:
    return {key: content for key, content in value.items() if content not in (None, "", [], {})}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
