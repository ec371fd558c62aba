"""Sample rows of products: sent by their pipelines, read by whoever may see them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from meshwright.mesh.sample_rows import SampleRows, sample_rows
from meshwright.serve import RequestProblem, lookup, request_bodies
from meshwright.serve.context import of
from meshwright.serve.lookup import ID
from meshwright.serve.rights import forbidden, principals_of, require_reading, right_of
from meshwright.serve.routes.openapi import reading, writing
from meshwright.serve.visible_samples import visible_samples

MOST = 4_000_000
"""Bytes of a body."""
SENT = {
    "port": "lake",
    "policy": "9c4f…",
    "open": False,
    "roles": {
        "reader": {
            "columns": [{"name": "origin", "mask": "clear", "personal": False}],
            "rows": [["JFK"], ["LGA"]],
        }
    },
}
SHOWN = {"samples": [{"role": "reader", "port": "lake", "columns": ["origin"], "rows": [["JFK"], ["LGA"]]}]}

router = APIRouter(tags=["Products"])


@router.get(
    "/api/products/{domain}/{name}/sample",
    **reading(
        "The rows, in each role of whoever has signed in; otherwise the unmasked columns of open products. A token of a "
        "program has no role of a policy.",
        SHOWN,
        errors=("unknown-product", "retired"),
    ),
)
def sample(request: Request, domain: str, name: str) -> Response:
    """A few rows of the product's own sample data, as its reader may see them; all values are texts."""
    id, store = f"{domain}/{name}", of(request).store
    require_reading(request, id)
    record = lookup.active(store, id).record
    shown = visible_samples(record, store.samples.get(id), principals_of(request))
    return JSONResponse(
        {"samples": [one.value() for one in shown]}, headers={"Vary": "Cookie", "Cache-Control": "no-store"}
    )


@router.put(
    "/api/products/{domain}/{name}/sample",
    **writing(
        "The rows were taken over, or are unchanged.",
        {"outcome": "updated", "id": "airport-operations/departures"},
        SENT,
        errors=("unknown-product",),
    ),
)
async def put_sample(request: Request, domain: str, name: str) -> dict[str, Any]:
    """Replaces the sample rows of a product, masked for each role: what `meshwright catalog sample` sends."""
    id = f"{domain}/{name}"
    right = await run_in_threadpool(right_of, request)
    if not right.may_write(id):
        raise forbidden()
    sent = _checked(await request_bodies.json_of(request, MOST))
    store = of(request).store
    if not ID.fullmatch(id):
        lookup.product(store, id)  # raises
    outcome = await run_in_threadpool(store.samples.put, id, sent)
    return {"outcome": outcome, "id": id}


def _checked(value: Any) -> SampleRows:
    try:
        return sample_rows(value)
    except ValueError as error:
        detail = f"The sample rows have another form: {error}."
        fix = "Send what `meshwright catalog sample` of this version sends."
        raise RequestProblem(422, "invalid", detail, fix, findings=[]) from error
