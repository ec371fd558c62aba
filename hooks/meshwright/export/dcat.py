"""Records as DCAT: a catalog of data sets, with the properties that DCAT-AP 3 names.

https://www.w3.org/TR/vocab-dcat-3/ and https://semiceu.github.io/DCAT-AP/releases/3.0.0/. A product is the data set
that it publishes, and an output port is a distribution. Its identifiers are addresses of the catalog that has the product;
`dct:identifier` is its name in the mesh. Nearly every node has an identifier, so that the pages of a feed make one graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote

from meshwright.core.pages import is_link
from meshwright.export import dprod
from meshwright.product.record import PRODUCT, Port, Record

CONTEXT: dict[str, str] = {
    **{name: str(value) for name, value in dprod.CONTEXT.items()},
    "foaf": "http://xmlns.com/foaf/0.1/",
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
ACCESS_RIGHTS = "http://publications.europa.eu/resource/authority/access-right/"
MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
PARQUET = f"{MEDIA_TYPES}application/vnd.apache.parquet"
FILES = {"parquet": PARQUET, "delta": PARQUET, "iceberg": PARQUET}
"""Capability of a port -> the media type of its files. `dct:format` says how they make a table."""
ID = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")
TITLE = "Data products"


class Addresses(Protocol):
    """Addresses of the pages and files of a catalog."""

    def home(self) -> str: ...

    def product(self, id: str) -> str: ...

    def domain(self, name: str) -> str: ...

    def contract(self, id: str) -> str: ...


def dataset(record: Record, to: Addresses, published_at: str) -> dict[str, Any]:
    """Return the node of a product. `published_at`: when the catalog got it, RFC 3339; the measurement's time comes first."""
    page = to.product(record.id)
    here = f"{page}#dataset"
    owner = record.owner
    contact = {
        "@id": f"{page}#owner",
        "@type": ["vcard:Kind", "vcard:Individual" if owner.name else "vcard:Organization"],
        "vcard:fn": owner.name or owner.team or owner.email,
        "vcard:hasEmail": _mail(owner.email),
    }
    described = " ".join(filter(None, (record.purpose, record.usage, record.limitations)))
    policy = dprod.policy(record, here)
    sources = {one.product for one in record.inputs if ID.fullmatch(one.product)}
    return {
        "@id": here,
        "@type": "dcat:Dataset",
        **_without_empty(
            {
                "dct:identifier": f"{PRODUCT}{record.id}",
                "dct:title": record.title,
                "dct:description": described or record.title,
                "dct:publisher": _publisher(to, owner.team or owner.name or record.domain),
                "dcat:contactPoint": _without_empty(contact) if contact["vcard:fn"] else None,
                "dcat:theme": _theme(record, to),
                "dcat:keyword": list(record.tags),
                "dct:accessRights": _access_rights(record),
                "dct:rights": _rights(record, page),
                "dprod:informationSensitivityClassification": _sensitivity(record),
                "dct:license": _license(record, page),
                "odrl:hasPolicy": policy and {"@id": f"{page}#policy", **policy},
                "dct:conformsTo": _contract(record, to),
                "dcat:version": record.version,
                "dct:modified": _moment(record.publication) or _moment(published_at),
                "dcat:landingPage": {"@id": page, "@type": "foaf:Document"},
                "prov:wasDerivedFrom": [{"@id": f"{to.product(id)}#dataset"} for id in sorted(sources)],
                "dcat:distribution": [_distribution(record, port, to) for port in record.outputs],
            }
        ),
    }


def catalog(
    to: Addresses, datasets: Iterable[dict[str, Any]], total: int, page: str = "", next_page: str = ""
) -> list[dict[str, Any]]:
    """Return the nodes of a page of a catalog. `total`: data sets in all; `page`, `next_page`: addresses."""
    listed = list(datasets)
    home = to.home()
    view = {
        "@id": page,
        "@type": "hydra:PartialCollectionView",
        **({"hydra:next": {"@id": next_page}} if next_page else {}),
    }
    return [
        {
            "@id": f"{home}#catalog",
            "@type": ["dcat:Catalog", "hydra:Collection"],
            "dct:title": TITLE,
            "dct:description": "The products of a data mesh, as their own pipelines publish them.",
            "dct:publisher": _publisher(to, TITLE),
            "foaf:homepage": {"@id": home, "@type": "foaf:Document"},
            "hydra:totalItems": total,
            **({"hydra:view": view} if page else {}),
            "dcat:dataset": [{"@id": one["@id"]} for one in listed],
        },
        *listed,
    ]


def _distribution(record: Record, port: Port, to: Addresses) -> dict[str, Any]:
    page = to.product(record.id)
    kind = port.uses.partition("@")[0]
    media = FILES.get(kind)
    opened = record.access_mode == "open" and port.agreements is None and is_link(port.location)
    return {
        "@id": f"{page}#port-{_part(port.name)}",
        "@type": "dcat:Distribution",
        **_without_empty(
            {
                "dct:identifier": port.address,
                "dct:title": port.name,
                "dcat:accessURL": {"@id": f"{page}#read"},
                "dcat:downloadURL": {"@id": port.location} if opened else None,
                "dcat:mediaType": {"@id": media, "@type": "dct:MediaType"} if media else None,
                "dct:format": _format(port),
                "dct:license": _license(record, page),
                "dct:conformsTo": _contract(record, to),
            }
        ),
    }


def _format(port: Port) -> dict[str, Any] | None:
    named = {"@id": f"{dprod.OWN}capability:{_part(port.uses)}", "@type": "dct:MediaTypeOrExtent"}
    return {**named, "rdfs:label": port.uses} if port.uses else None


def _publisher(to: Addresses, name: str) -> dict[str, Any]:
    """Return a team, under one name on all pages of a feed."""
    return {"@id": f"{to.home()}#by-{_part(name)}", "@type": "foaf:Agent", "foaf:name": name}


def _mail(address: str) -> dict[str, str] | None:
    return {"@id": f"mailto:{quote(address, safe='@+', errors='replace')}"} if address else None


def _theme(record: Record, to: Addresses) -> dict[str, Any]:
    address = f"{to.domain(record.domain)}#domain"
    return {"@id": address, "@type": "skos:Concept", "skos:prefLabel": record.domain}


def _access_rights(record: Record) -> dict[str, str]:
    """Return the value of the EU's list. What needs an approval, or is open within the organisation only, is restricted."""
    for_all = record.access_mode == "open" and record.classification == "public"
    return {"@id": f"{ACCESS_RIGHTS}{'PUBLIC' if for_all else 'RESTRICTED'}", "@type": "dct:RightsStatement"}


def _rights(record: Record, page: str) -> dict[str, Any]:
    words = f"Access: {record.access_mode or 'not known'}. Classification: {record.classification or 'not known'}."
    return {"@id": f"{page}#rights", "@type": "dct:RightsStatement", "rdfs:label": words}


def _sensitivity(record: Record) -> dict[str, Any] | None:
    if not record.classification:
        return None
    return {
        "@id": f"{dprod.OWN}classification:{_part(record.classification)}",
        "@type": "dprod:InformationSensitivityClassification",
        "rdfs:label": record.classification,
    }


def _license(record: Record, page: str) -> dict[str, Any]:
    """Return the data sharing agreement, which the product's page has."""
    version = record.get("product.spec.dataSharingAgreement.version")
    label = f"Data sharing agreement {version if isinstance(version, str) else ''} of {record.id}"
    return {"@id": f"{page}#ask", "@type": "dct:LicenseDocument", "rdfs:label": " ".join(label.split())}


def _contract(record: Record, to: Addresses) -> dict[str, Any] | None:
    contract = record.get("contract")
    if not isinstance(contract, dict):
        return None
    named = {"dct:identifier": contract.get("id"), "dcat:version": contract.get("version")}
    texts = {key: value for key, value in named.items() if isinstance(value, str) and value}
    title = f"Contract of {record.title} (ODCS)"
    return {"@id": to.contract(record.id), "@type": "dct:Standard", "dct:title": title, **texts}


def _moment(text: str) -> dict[str, str] | None:
    """Return a time in one time zone; None if a text is none, or has no zone."""
    try:
        moment = datetime.fromisoformat(text)
        exact = moment.astimezone(UTC).isoformat() if moment.tzinfo else ""
    except (ValueError, OverflowError):
        return None
    return {"@value": exact, "@type": "xsd:dateTime"} if exact else None


def _part(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _without_empty(value: dict[str, Any]) -> dict[str, Any]:
    return {key: content for key, content in value.items() if content not in (None, "", [], {})}
