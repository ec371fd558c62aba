"""Assessments of the mesh and of its products."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from meshwright.core.renamed import with_new
from meshwright.product.record import digest
from meshwright.serve import RequestProblem, lookup, request_bodies
from meshwright.serve.assessment import issues
from meshwright.serve.context import of
from meshwright.serve.rights import forbidden, require_reading, right_of
from meshwright.serve.routes.openapi import TOKEN, TOKEN_AND_BODY

ASSESSMENT, PACKED = 200_000_000, 25_000_000
"""Bytes of an assessment, and of one that is sent with gzip: ten thousand products have 90 MB, and 6 MB."""

router = APIRouter()


@router.get("/api/products/{domain}/{name}/assessments", **TOKEN)
def product_assessments(request: Request, domain: str, name: str) -> dict[str, Any]:
    """The product's scores, newest first; the latest with its results."""
    id, store = f"{domain}/{name}", of(request).store
    require_reading(request, id)
    lookup.product(store, id)
    return {"assessments": store.assessments.history(id)}


@router.get("/api/assessments", **TOKEN)
def assessments(request: Request) -> dict[str, Any]:
    """Dates and scores of the mesh, newest first."""
    require_reading(request)
    return {"assessments": of(request).store.assessments.list()}


@router.get("/api/assessments/latest", **TOKEN)
def latest(request: Request) -> Response:
    """The latest assessment, whole."""
    require_reading(request)
    body = of(request).store.assessments.latest()
    if body is None:
        raise RequestProblem(
            404, "no-assessment", "The mesh has not been assessed yet.", "Run `meshwright assess` on it."
        )
    return Response(body, media_type="application/json")


@router.post("/api/assessments", status_code=201, **TOKEN_AND_BODY)
async def assess(request: Request) -> Response:
    """Hands in an assessment of the mesh."""
    right = await run_in_threadpool(right_of, request)
    if not right.may_assess:
        raise forbidden()
    body = await request_bodies.body_of(request, ASSESSMENT, PACKED)
    return await run_in_threadpool(_keep, request, body)


def _keep(request: Request, body: bytes) -> Response:
    context, value = of(request), with_new(request_bodies.parse(body))
    problems = issues(value)
    if problems:
        fix = "Send what `meshwright assess --format json` writes."
        raise RequestProblem(422, "invalid", f"It is no assessment: {problems[0]}", fix, findings=problems)
    packed = json.dumps(value, separators=(",", ":")).encode()
    new = context.write(lambda: context.store.assessments.add(digest(value), value, packed))
    return JSONResponse({"outcome": "created" if new else "unchanged"}, 201)
