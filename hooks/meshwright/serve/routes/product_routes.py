"""Products: searched, read, published and retired."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from meshwright.check.engine import check_record
from meshwright.product.record import Record
from meshwright.serve import RequestProblem, lookup, request_bodies
from meshwright.serve.context import of
from meshwright.serve.lookup import ID
from meshwright.serve.rights import forbidden, require_reading, right_of
from meshwright.serve.routes.openapi import reading, writing
from meshwright.serve.search import FACET_NAMES, LAST_OFFSET, SORTS, Query

RECORD, FAREWELL = 2_000_000, 20_000
"""Bytes of a body: a product's record, what is said on retiring."""
LIMIT = 100
"""Entries of a page of a search."""
FINDINGS = 200
AT_ONCE = 201
"""Products in one request for publications: those that one product reads, and itself."""

FOUND = {
    "products": [
        {
            "id": "airport-operations/departures",
            "title": "Departures",
            "purpose": "Departures from New York's three airports.",
            "classification": "internal",
            "standing": "kept",
            "score": 97,
        }
    ],
    "total": 1,
    "facets": {"domain": {"airport-operations": 1}},
}
"""An example of what a search finds."""
RECORD_EXAMPLE = {
    "apiVersion": "meshwright/v1",
    "kind": "CatalogRecord",
    "product": {},
    "contract": {},
    "policy": {},
}
"""The parts that every record has."""
VERSION = {
    "version": "1.0.0",
    "hash": "5d41…",
    "publishedAt": "2026-11-22T10:00:00.000+00:00",
    "commit": "8c1f…",
}

router = APIRouter(tags=["Products"])


@router.get(
    "/api/products",
    **reading(
        "The products that match, best first, with standing and score, and how many each facet has.",
        FOUND,
        errors=("bad-request",),
        python='for product in catalog.search("delays", access="open"):\n    print(product.id, product.standing)',
    ),
)
async def products(
    request: Request,
    q: str = Parameter("", description="Words; the last may be the beginning of one."),
    domain: str = Parameter("", description="The domain."),
    classification: str = Parameter("", description="public, internal, confidential or secret."),
    port: str = Parameter("", description="A capability such as parquet@1."),
    tag: str = Parameter("", description="A tag of the contract."),
    type: str = Parameter("", description="source-oriented or consumer-oriented."),
    standing: str = Parameter("", description="critical, broken, not-known, partly-known, excepted or kept."),
    access: str = Parameter("", description="open or approval-required."),
    owner: str = Parameter("", description="The owner's team, or name."),
    sort: str = Parameter("", description="standing or published; otherwise the best match is first."),
    limit: int = Parameter(20, ge=1, le=LIMIT, description="Products in one answer."),
    offset: int = Parameter(0, ge=0, le=LAST_OFFSET, description="Products to leave out before."),
) -> Response:
    """Searches the active products."""
    context = of(request)
    if context.settings.private:
        await run_in_threadpool(require_reading, request)
    values = {
        "domain": domain,
        "classification": classification,
        "port": port,
        "tag": tag,
        "type": type,
        "standing": standing,
        "access": access,
        "owner": owner,
    }
    chosen = tuple((name, values[name]) for name in FACET_NAMES if values[name])
    query = Query(q, chosen, limit, offset, sort if sort in SORTS else "")
    text = await to_thread.run_sync(
        context.search.answer, query, request.scope["query_string"], limiter=context.searches
    )
    return Response(text, media_type="application/json")


@router.get(
    "/api/products/{domain}/{name}",
    **reading(
        "The record. Its hash is the ETag: with If-None-Match, an unchanged one is answered with 304.",
        RECORD_EXAMPLE,
        errors=("unknown-product", "retired"),
        python='record = catalog.record("airport-operations/departures")\nprint(record.owner.email)',
    ),
)
def product(request: Request, domain: str, name: str) -> Response:
    """The record as it was published."""
    id = f"{domain}/{name}"
    require_reading(request, id)
    known = lookup.active(of(request).store, id)
    return _record(request, known.text, known.hash)


@router.get(
    "/api/products/{domain}/{name}/versions",
    **reading("The versions.", {"versions": [VERSION]}, errors=("unknown-product",)),
)
def versions(request: Request, domain: str, name: str) -> dict[str, Any]:
    """What the product said of itself, newest first."""
    id, store = f"{domain}/{name}", of(request).store
    require_reading(request, id)
    lookup.product(store, id)
    return {"versions": [version.value() for version in store.products.versions(id)]}


@router.get(
    "/api/products/{domain}/{name}/versions/{hash}",
    **reading("The record.", RECORD_EXAMPLE, errors=("unknown-product", "unknown-version")),
)
def one_version(request: Request, domain: str, name: str, hash: str) -> Response:
    """The record with which this version was published first."""
    id, store = f"{domain}/{name}", of(request).store
    require_reading(request, id)
    lookup.product(store, id)
    return _record(request, lookup.version(store, id, hash), hash)


@router.get(
    "/api/publications",
    **reading(
        "Id -> publication, for the products that the catalog has.",
        {
            "publications": {
                "airport-operations/departures": {
                    "publication": "2026-11-22T10:00:00+00:00",
                    "consumed": {},
                    "failedAt": None,
                    "retired": False,
                }
            }
        },
        errors=("bad-request",),
    ),
)
def publications(
    request: Request,
    of_: Annotated[
        list[str] | None,
        Parameter(alias="of", max_length=AT_ONCE, description="The id of a product; repeatable."),
    ] = None,
) -> Response:
    """The last publication of each product that is named, and what it was made of: what trigger@1 asks."""
    ids = of_ or []
    if of(request).settings.private and not all(map(right_of(request).may_read, ids or [""])):
        raise forbidden()
    known = of(request).store.products.publications([id for id in set(ids) if ID.fullmatch(id)])
    text = json.dumps({"publications": {id: asdict(known[id]) for id in sorted(known)}})
    return _record(request, text, hashlib.sha256(text.encode()).hexdigest())


@router.put(
    "/api/products/{domain}/{name}",
    **writing(
        "It was brought up to date, or is unchanged: `outcome` says which.",
        {"outcome": "updated", "id": "airport-operations/departures", "hash": "5d41…", "url": "https://…"},
        RECORD_EXAMPLE,
        also={201: "It was created."},
        errors=("bad-request", "name-taken"),
        python='from pathlib import Path\n\nresult = catalog.publish(Path("."))  # a product\'s repository\nprint(result.outcome)',
    ),
)
async def put(
    request: Request,
    domain: str,
    name: str,
    transfer: bool = Parameter(
        False, description="Hand the name over to another repository; for administrators."
    ),
) -> Response:
    """Publishes a product: creates it, brings it up to date, or leaves it as it is."""
    id = f"{domain}/{name}"
    right = await run_in_threadpool(right_of, request)
    if not right.may_write(id) or (transfer and not right.is_admin):
        raise forbidden()
    value = await request_bodies.json_of(request, RECORD)
    return await run_in_threadpool(_publish, request, id, value, transfer)


@router.post(
    "/api/products/{domain}/{name}/retire",
    **writing(
        "It was retired.",
        {
            "outcome": "retired",
            "id": "airport-operations/departures",
            "url": "https://…",
            "reason": "Nobody reads it.",
            "successor": "airport-operations/movements",
        },
        {"reason": "Nobody reads it.", "successor": "airport-operations/movements"},
        errors=("unknown-product",),
        python='catalog.retire("airport-operations/departures", "Nobody reads it.", "airport-operations/movements")',
    ),
)
async def retire(request: Request, domain: str, name: str) -> dict[str, Any]:
    """Takes a product out of search; its page and its versions stay."""
    id, context = f"{domain}/{name}", of(request)
    right = await run_in_threadpool(right_of, request)
    if not right.may_write(id):
        raise forbidden()
    reason, successor = _farewell(await request_bodies.json_of(request, FAREWELL), id)
    await run_in_threadpool(context.write, partial(context.store.products.retire, id, reason, successor))
    url = context.page_address(request, id)
    return {"outcome": "retired", "id": id, "url": url, "reason": reason, "successor": successor}


def _record(request: Request, text: str, hash: str) -> Response:
    """Return a text with its hash, or that it is the one that the client has already."""
    tag = f'"{hash}"'
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(text, media_type="application/json", headers={"ETag": tag})


def _publish(request: Request, id: str, value: Any, transfer: bool) -> Response:
    context, record = of(request), _checked(value, id)
    outcome = context.write(lambda: context.store.products.put(record, transfer))
    url = context.page_address(request, id)
    answer = {"outcome": outcome, "id": id, "hash": record.hash, "url": url}
    return JSONResponse(answer, 201 if outcome == "created" else 200, {"ETag": f'"{record.hash}"'})


def _checked(value: Any, id: str) -> Record:
    """Return the record that was sent for a product, if it keeps the rules; raises RequestProblem."""
    findings = [asdict(finding) for finding in check_record(value) if finding.level == "error"]
    if findings:
        detail = f"The record does not keep {len(findings)} rule{'s' if len(findings) > 1 else ''}."
        fix = "See `findings`; `meshwright check` finds the same in the repository."
        raise RequestProblem(422, "invalid", detail, fix, findings=findings[:FINDINGS])
    record = Record(value)
    if record.id != id or not ID.fullmatch(id):
        detail, fix = f"The record is not {id}'s.", "Send it to the address of its own domain and name."
        raise RequestProblem(422, "invalid", detail, fix, findings=[])
    return record


def _farewell(value: Any, id: str) -> tuple[str, str | None]:
    """Return why a product is retired, and its successor; raises RequestProblem."""
    fields = value if isinstance(value, dict) else {}
    reason, successor = fields.get("reason"), fields.get("successor")
    if (
        isinstance(reason, str)
        and 0 < len(reason.strip()) <= 2_000
        and "\0" not in reason
        and (successor is None or _is_another(successor, id))
        and not set(fields) - {"reason", "successor"}
    ):
        return reason, successor
    detail = "What is said on retiring is not `reason` and `successor`."
    fix = 'Send {"reason": "a sentence", "successor": "<domain>/<name>" or null}, another product.'
    raise RequestProblem(422, "invalid", detail, fix, findings=[])


def _is_another(successor: Any, id: str) -> bool:
    is_id = isinstance(successor, str) and len(successor) <= 500 and ID.fullmatch(successor) is not None
    return is_id and successor != id
