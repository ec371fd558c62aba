"""The whole mesh: every record, where the repositories are, and where the ports are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import yaml
from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.responses import Response

from meshwright.product import metamodel
from meshwright.product.record import Port, Record
from meshwright.serve import mesh
from meshwright.serve.context import of
from meshwright.serve.paging import product_page
from meshwright.serve.rights import require_reading
from meshwright.serve.routes.openapi import YAML, reading

RECORDS = 500
"""Entries of a page of whole records."""

router = APIRouter(tags=["The mesh"])


@router.get(
    "/api/records",
    **reading(
        "The records, and the id after which to go on, or null.",
        {
            "records": [{"record": {}, "hash": "5d41…", "publishedAt": "2026-11-22T10:00:00.000+00:00"}],
            "next": None,
        },
        errors=("bad-request",),
        python="for record in catalog.records():\n    print(record.id)",
    ),
)
def records(
    request: Request,
    after: str = Parameter(
        "", max_length=500, description="The id after which to go on: `next` of the page before."
    ),
    limit: int = Parameter(RECORDS, ge=1, le=RECORDS, description="Records on a page; it may have fewer."),
) -> Response:
    """Every active product's record, by id. A page may have fewer than were asked for."""
    require_reading(request)
    products, last = product_page(of(request).store, after.replace("\0", ""), limit)
    entries = [
        f'{{"record":{one.text},"hash":"{one.hash}","publishedAt":"{one.published_at}"}}' for one in products
    ]
    more = json.dumps(last or None)
    return Response(f'{{"records":[{",".join(entries)}],"next":{more}}}', media_type="application/json")


@router.get(
    "/api/mesh.yaml",
    **reading(
        "The mesh file.",
        "apiVersion: meshwright/v1\nkind: Mesh\nrepositories:\n- https://git.example.org/airport-operations/departures.git\n",
        media=YAML,
        errors=("no-template",),
    ),
)
def the_mesh(request: Request) -> Response:
    """The active products' repositories, for `meshwright rollout --fleet`."""
    require_reading(request)
    context = of(request)
    return _yaml(mesh.document(context.store.products.sources(), context.settings.template))


@router.get(
    "/api/addresses.yaml",
    **reading(
        "The address registry.",
        "dp:airport-operations/departures#lake:\n  uses: parquet@1\n  location: s3://…/departures.parquet\n",
        media=YAML,
    ),
)
def addresses(request: Request) -> Response:
    """The location of every port of the active products, and of what each agreement gives: the address registry of the
    whole mesh, for inputs of `data-product@1`."""
    require_reading(request)
    closed = metamodel.agreements_required(datetime.now(UTC).date())
    return _yaml(
        {
            port.address: entry
            for record in of(request).search.records()
            for port in record.outputs
            if (entry := address_entry(record, port, closed))
        }
    )


def address_entry(record: Record, port: Port, closed: bool) -> dict[str, Any]:
    """Return a port's entry; empty if nobody knows where it is. `closed`: data sets that need approval are not listed."""
    entry: dict[str, Any] = {"uses": port.uses}
    if port.location and not (closed and record.access_mode != "open"):
        entry["location"] = port.location
    entry["version"] = record.version
    if port.agreements is not None:
        entry["agreements"] = port.agreements
    return entry if entry.keys() & {"location", "agreements"} else {}


def _yaml(value: Any) -> Response:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=False)
    return Response(text, media_type=YAML)
