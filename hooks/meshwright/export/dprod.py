"""A record as a DPROD description in JSON-LD: https://www.omg.org/spec/DPROD/

The context is part of the document, so that no reader has to fetch it. Products and ports have their names in
the mesh, `dp:<domain>/<name>#<port>`, which are IRIs; so the input of one product is the same node as the port of another.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from meshwright.product.record import PRODUCT, Input, Person, Port, Record

OWN = "urn:meshwright:"
"""Prefix of terms that exist neither in DPROD nor in the vocabularies it builds on."""

CONTEXT: dict[str, Any] = {
    "dprod": "https://www.omg.org/spec/DPROD/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
}
ACTIONS = {"unmodified": "odrl:distribute", "modified": f"{OWN}distribute-modified"}
RULES = {"allowed": "odrl:permission", "forbidden": "odrl:prohibition"}


def document(record: Record) -> dict[str, Any]:
    """Return the document's value; properties that the record lacks are left out."""
    product = f"{PRODUCT}{_part(record.domain)}/{_part(record.name)}"
    dataset = f"{product}/{_part(record.dataset)}"
    return {
        "@context": CONTEXT,
        **_without_empty(
            {
                "@id": product,
                "@type": "dprod:DataProduct",
                "rdfs:label": record.title,
                "dct:description": " ".join(filter(None, (record.purpose, record.usage, record.limitations))),
                "dct:type": _named("type", record.type),
                "dct:accessRights": _named("access", record.access_mode),
                "dcat:version": record.version,
                "dcat:keyword": list(record.tags),
                "dcat:landingPage": _link(record.repository),
                "dprod:purpose": record.purpose,
                "dprod:domain": _named("domain", record.domain),
                "dprod:dataProductOwner": _agent(record.owner),
                "prov:qualifiedAttribution": _attribution(record.steward),
                "odrl:hasPolicy": policy(record, dataset),
                "dprod:inputPort": [_input(one) for one in record.inputs],
                "dprod:outputPort": [_output(port) for port in record.outputs],
                "dprod:outputDataset": _dataset(record, dataset) if record.dataset else None,
            }
        ),
    }


def _input(one: Input) -> dict[str, Any]:
    if one.product:
        domain, _, name = one.product.partition("/")
        # Details of another product's port are left to that product.
        return {
            "@id": f"{PRODUCT}{_part(domain)}/{_part(name)}#{_part(one.port)}",
            "@type": "dcat:DataService",
        }
    system = one.system or one.source
    return _without_empty(
        {"@id": f"system:{_part(system)}", "@type": "dcat:DataService", "rdfs:label": system}
    )


def _output(port: Port) -> dict[str, Any]:
    return _without_empty(
        {
            "@id": _port(port),
            "@type": "dcat:DataService",
            "rdfs:label": port.name,
            "dcat:endpointURL": _link(port.location),
            "dprod:protocol": _named("capability", port.uses),
            "dprod:isAccessServiceOf": {"@id": _distribution(port)},
        }
    )


def _dataset(record: Record, dataset: str) -> dict[str, Any]:
    contract = record.get("contract.id")
    description = record.get("contract.description.purpose")
    sensitivity = _named("classification", record.classification)
    return _without_empty(
        {
            "@id": dataset,
            "@type": "dcat:Dataset",
            "rdfs:label": record.dataset,
            "dct:description": description if isinstance(description, str) else "",
            "dct:conformsTo": {"@id": f"{OWN}contract:{_part(contract)}"}
            if isinstance(contract, str)
            else None,
            "dprod:informationSensitivityClassification": sensitivity
            and {**sensitivity, "@type": "dprod:InformationSensitivityClassification"},
            "dcat:distribution": [
                _without_empty(
                    {
                        "@id": _distribution(port),
                        "@type": "dcat:Distribution",
                        "dct:format": _named("capability", port.uses),
                        "dcat:accessService": {"@id": _port(port)},
                        "dprod:isDistributionOf": {"@id": dataset},
                    }
                )
                for port in record.outputs
            ],
        }
    )


def policy(record: Record, dataset: str) -> dict[str, Any] | None:
    """Return what may be passed on to third parties, as a policy of ODRL; None if nothing is said."""
    rules: dict[str, Any] = {}
    for what, right in record.distribution_rights.items():
        action: dict[str, Any] = {"@id": ACTIONS[what]}
        if what == "modified":
            action["odrl:includedIn"] = {"@id": "odrl:distribute"}
        rule = {"odrl:action": action, "odrl:target": {"@id": dataset}}
        rules.setdefault(RULES[right], []).append(rule)
    return {"@type": ["odrl:Policy", "odrl:Set"], **rules} if rules else None


def _agent(person: Person) -> dict[str, Any] | None:
    if not person.email and not person.name:
        return None
    mail = {"@id": f"mailto:{quote(person.email, safe='@+')}"} if person.email else {}
    return _without_empty({**mail, "@type": "prov:Agent", "rdfs:label": person.name})


def _attribution(steward: Person) -> dict[str, Any] | None:
    agent = _agent(steward)
    if agent is None:
        return None
    return {"@type": "prov:Attribution", "prov:agent": agent, "dcat:hadRole": {"@id": f"{OWN}role:steward"}}


def _named(kind: str, name: str) -> dict[str, Any] | None:
    """Return an object that is identified by its name."""
    return {"@id": f"{OWN}{kind}:{_part(name)}", "rdfs:label": name} if name else None


def _link(url: str) -> dict[str, Any] | None:
    """Return an address that others can use; None for a path on a machine."""
    return {"@id": quote(url, safe=":/?#[]@!$&'()*+,;=%-._~")} if "://" in url else None


def _port(port: Port) -> str:
    product, _, name = port.address.removeprefix(PRODUCT).partition("#")
    return f"{PRODUCT}{'/'.join(map(_part, product.split('/', 1)))}#{_part(name)}"


def _distribution(port: Port) -> str:
    return f"{_port(port)}/distribution"


def _part(text: str) -> str:
    """Return a text as a part of an IRI, fully escaped."""
    return quote(text, safe="@", errors="replace")


def _without_empty(value: dict[str, Any]) -> dict[str, Any]:
    return {key: content for key, content in value.items() if content not in (None, "", [], {})}
