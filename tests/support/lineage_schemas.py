"""OpenLineage's published schemas (tests/data/openlineage), and what they say of an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from checkout import ROOT
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = ROOT / "tests/data/openlineage"
EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"


@cache
def registry() -> Registry[Any]:
    """The schemas by their own addresses."""
    files = [FOLDER / "OpenLineage.json", *sorted((FOLDER / "facets").glob("*.json"))]
    schemas = [json.loads(file.read_text("utf-8")) for file in files]
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)


def problems(event: dict[str, Any]) -> list[str]:
    """What the schema of an event and those of its facets say against it, with formats."""
    found = list(_against(event, event["schemaURL"], "event"))
    try:
        UUID(event["run"]["runId"])
        assert datetime.fromisoformat(event["eventTime"]).tzinfo
    except (ValueError, AssertionError) as error:
        found.append(repr(error))
    for name, facet in facets(event):
        # With its name, as the schema of each facet has it.
        whole = facet["_schemaURL"].partition("#")[0]
        found += _against(facet, facet["_schemaURL"], name)
        found += _against({name: facet}, whole, name)
    return found


def facets(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each facet of an event, with its name."""
    holders = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for holder in holders:
        for place in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(place, {}).items()


def _against(value: Any, schema: str, what: str) -> Iterator[str]:
    validator = Draft202012Validator({"$ref": schema}, registry=registry())
    for error in validator.iter_errors(value):
        yield f"{what}: {error.json_path}: {error.message}"
