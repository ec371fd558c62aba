"""Runs of products and their lineage: taken as OpenLineage events, and read back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from meshwright.core.yaml import Unreadable
from meshwright.mesh.run_events import RunEvent, observed_reads, run_event
from meshwright.serve import RequestProblem, lookup, request_bodies
from meshwright.serve.context import of
from meshwright.serve.rights import forbidden, require_reading, right_of
from meshwright.serve.routes.openapi import reading, writing

EVENT = 2_000_000
"""Bytes of an event."""
LIMIT = 100

router = APIRouter(tags=["Lineage and runs"])


@router.post(
    "/api/v1/lineage",
    **writing(
        "The event is stored.",
        {"outcome": "created", "id": "airport-operations/departures", "run": "0198c3f2-…"},
        {
            "eventType": "COMPLETE",
            "eventTime": "2026-11-22T10:00:00Z",
            "run": {},
            "job": {},
            "inputs": [],
            "outputs": [],
        },
        status=201,
        also={200: "The catalog has it already."},
        python="# OpenLineage's own client: OPENLINEAGE_URL is the catalog, OPENLINEAGE_API_KEY the token\n"
        "from openlineage.client import OpenLineageClient\n\nOpenLineageClient().emit(event)",
    ),
)
async def lineage_event(request: Request) -> Response:
    """Takes an OpenLineage RunEvent of a product's own run, at the path that OpenLineage's clients use."""
    right = await run_in_threadpool(right_of, request)
    value = await request_bodies.json_of(request, EVENT)
    try:
        event = run_event(value)
    except Unreadable as problem:
        raise RequestProblem(422, "invalid", str(problem), problem.fix) from problem
    if not right.may_write(event.product):
        raise forbidden()
    return await run_in_threadpool(_keep, request, event, json.dumps(value, separators=(",", ":")).encode())


@router.get(
    "/api/lineage",
    **reading(
        "The last complete runs, and the reads.",
        {
            "runs": [],
            "reads": [
                {
                    "consumer": "customer-experience/punctuality",
                    "source": "airport-operations/departures",
                    "port": "lake",
                    "at": "2026-11-22T10:00:00Z",
                }
            ],
        },
        python="for read in catalog.lineage():\n    print(read.consumer, read.source, read.port)",
    ),
)
def lineage(request: Request) -> dict[str, Any]:
    """What the last complete run of each product read and wrote, and which products read each other by that."""
    require_reading(request)
    events = of(request).store.runs.complete()
    return {
        "runs": [event.value() for event in events],
        "reads": [asdict(read) for read in observed_reads(events)],
    }


@router.get(
    "/api/products/{domain}/{name}/runs",
    **reading(
        "The runs.",
        {"runs": [{"run": "0198c3f2-…", "state": "COMPLETE"}]},
        errors=("bad-request", "unknown-product"),
    ),
)
def runs(
    request: Request,
    domain: str,
    name: str,
    limit: int = Parameter(20, ge=1, le=LIMIT, description="Runs in one answer."),
) -> dict[str, Any]:
    """The product's last runs, newest first."""
    id, store = f"{domain}/{name}", of(request).store
    require_reading(request, id)
    lookup.product(store, id)
    return {"runs": [run.value() for run in store.runs.list(id, limit)]}


@router.get(
    "/api/products/{domain}/{name}/runs/{run}",
    **reading("The events.", {"events": []}, errors=("unknown-product", "unknown-run")),
)
def run_events(request: Request, domain: str, name: str, run: str) -> Response:
    """The events of a run as they were sent."""
    id, store = f"{domain}/{name}", of(request).store
    require_reading(request, id)
    lookup.product(store, id)
    bodies = store.runs.bodies(id, run[:100].replace("\0", ""))
    if not bodies:
        raise RequestProblem(404, "unknown-run", f"{id} has no such run.", "See its list of runs.")
    return Response(b'{"events":[' + b",".join(bodies) + b"]}", media_type="application/json")


def _keep(request: Request, event: RunEvent, body: bytes) -> Response:
    context = of(request)
    new = context.write(lambda: context.store.runs.add(event, body))
    answer = {"outcome": "created" if new else "unchanged", "id": event.product, "run": event.run}
    return JSONResponse(answer, 201 if new else 200)
