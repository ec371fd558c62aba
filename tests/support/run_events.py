"""OpenLineage events of made-up runs."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

BASE = {
    "_producer": "https://example.org",
    "_schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
}


def run_of(name: str) -> str:
    """The id of a run that tests call so."""
    return str(uuid5(NAMESPACE_URL, name))


def dataset(name: str, port: str = "", **facets: Any) -> dict[str, Any]:
    """A data set, of the port `<domain>/<product>#<port>` if there is one."""
    links = (
        {"symlinks": {**BASE, "identifiers": [{"namespace": "dp", "name": port, "type": "PORT"}]}}
        if port
        else {}
    )
    return {"namespace": "s3://lake", "name": name, "facets": {**links, **facets}}


def event(
    product: str = "airport-operations/departures",
    type: str = "COMPLETE",
    run: str = "one",
    at: str = "2026-12-01T05:00:00+00:00",
    **changes: Any,
) -> dict[str, Any]:
    """An event of a run; `changes` stand at its top."""
    return {
        "eventTime": at,
        "eventType": type,
        "producer": "https://example.org",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_of(run), "facets": {}},
        "job": {"namespace": "meshwright", "name": product.replace("/", ".")},
        "inputs": [],
        "outputs": [dataset(f"{product}.parquet", f"{product}#lake")],
        **changes,
    }
