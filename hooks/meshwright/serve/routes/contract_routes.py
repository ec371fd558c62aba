"""The contract of a product, as readers get it: with its service levels, and with the servers of their role."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.responses import Response

from meshwright.export import odcs, odps
from meshwright.serve import RequestProblem, lookup
from meshwright.serve.context import of
from meshwright.serve.rights import require_reading
from meshwright.serve.routes.openapi import YAML, reading

router = APIRouter(tags=["Products"])


@router.get(
    "/api/products/{domain}/{name}/contract.yaml",
    **reading(
        "The contract.",
        "apiVersion: v3.1.0\nkind: DataContract\nservers:\n- server: lake\n  type: s3\n  location: s3://…/roles/reader/departures.parquet\n",
        media=YAML,
        errors=("bad-request", "unknown-role", "unknown-port", "unknown-product", "retired"),
        python='text = catalog.contract("airport-operations/departures", role="reader")',
    ),
)
def contract(
    request: Request,
    domain: str,
    name: str,
    role: str = Parameter("", max_length=200, description="A role of the access policy: only its servers."),
    port: str = Parameter("", max_length=200, description="An output port: only its servers."),
) -> Response:
    """The contract (ODCS) with the service levels, and with servers, so that `datacontract test` runs on it."""
    id = f"{domain}/{name}"
    require_reading(request, id)
    record = lookup.active(of(request).store, id).record
    _require_one_of(role, record.roles, "role")
    _require_one_of(port, [one.name for one in record.outputs], "port")
    text = odps.rendered(odcs.document(record, role, port, published=True))
    return Response(text.encode("utf-8", "replace"), media_type=YAML)


def _require_one_of(name: str, known: Collection[str], what: str) -> None:
    if name and name not in known:
        fix = f"Give one of: {', '.join(known)}." if known else f"Leave out {what}."
        raise RequestProblem(400, f"unknown-{what}", f"The product has no {what} of this name.", fix)
