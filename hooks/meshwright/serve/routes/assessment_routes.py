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
from meshwright.serve.routes.openapi import reading, writing

ASSESSMENT, PACKED = 200_000_000, 25_000_000
"""Bytes of an assessment, and of one that is sent with gzip: ten thousand products have 90 MB, and 6 MB."""

router = APIRouter(tags=["Assessments"])


@router.get(
    "/api/products/{domain}/{name}/assessments",
    **reading(
        "The scores.",
        {
            "assessments": [
                {"at": "2026-11-22T10:00:00+00:00", "score": 97, "standing": "kept", "results": []}
            ]
        },
        errors=("unknown-product",),
    ),
)
def product_assessments(request: Request, domain: str, name: str) -> dict[str, Any]:
    """The product's scores, newest first; the latest with its results."""
    id, store = f"{domain}/{name}", of(request).store
    require_reading(request, id)
    lookup.product(store, id)
    return {"assessments": store.assessments.history(id)}


@router.get(
    "/api/assessments",
    **reading("The assessments.", {"assessments": [{"at": "2026-11-22T10:00:00+00:00", "score": 91}]}),
)
def assessments(request: Request) -> dict[str, Any]:
    """Dates and scores of the mesh, newest first."""
    require_reading(request)
    return {"assessments": of(request).store.assessments.list()}


@router.get(
    "/api/assessments/latest",
    **reading(
        "The assessment, as `meshwright assess --format json` writes it.",
        {"at": "2026-11-22T10:00:00+00:00", "products": []},
        errors=("no-assessment",),
    ),
)
def latest(request: Request) -> Response:
    """The latest assessment, whole."""
    require_reading(request)
    body = of(request).store.assessments.latest()
    if body is None:
        raise RequestProblem(
            404, "no-assessment", "The mesh has not been assessed yet.", "Run `meshwright assess` on it."
        )
    return Response(body, media_type="application/json")


@router.post(
    "/api/assessments",
    **writing(
        "It is stored: `created`, or `unchanged` if the catalog has it already. The body may be sent with gzip.",
        {"outcome": "created"},
        {"at": "2026-11-22T10:00:00+00:00", "products": []},
        status=201,
        python='import json\nfrom pathlib import Path\n\ncatalog.add_assessment(json.loads(Path("assessment.json").read_text()))',
    ),
)
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
