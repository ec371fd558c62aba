"""Why an assessment does not end with exit code 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.mesh import scores


@dataclass(frozen=True)
class MissedFloor:
    """Why an assessment does not end with exit code 0."""

    product: str
    what: str
    """A characteristic with a floor that is below it or unknown, or a broken critical function."""
    score: int | None = None
    floor: int | None = None
    """None: a critical function."""


def failures(assessment: Mapping[str, Any], floors: Mapping[str, int]) -> Iterator[MissedFloor]:
    """Return the failures of an assessment by product; what is excepted is none."""
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in assessment["functions"]}
    for product in assessment["products"]:
        for result in product["results"]:
            if result["state"] == "broken" and kinds[result["function"]][1] == "critical":
                yield MissedFloor(product["id"], result["function"])
        cells = scores.cells(product["results"], kinds, floors) if floors else {}
        for name, floor in floors.items():
            cell = cells[name]
            if cell.standing != "excepted" and (cell.score is None or cell.score < floor):
                yield MissedFloor(product["id"], name, cell.score, floor)
