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
    """A characteristic that does not certainly reach its floor, or a broken critical function."""
    score: int | None = None
    """Of what is known; None: nothing is."""
    lowest: int = 0
    """The score that is certain: what is not known counts as broken."""
    floor: int | None = None
    """None: a critical function."""


def failures(assessment: Mapping[str, Any], floors: Mapping[str, int]) -> Iterator[MissedFloor]:
    """Return the failures of an assessment by product; what is excepted is none."""
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in assessment["functions"]}
    for product in assessment["products"]:
        for result in product["results"]:
            if result["state"] == "broken" and kinds[result["function"]][1] == "critical":
                yield MissedFloor(product["id"], result["function"])
        cells = scores.cells(product["results"], kinds) if floors else {}
        for name, floor in floors.items():
            cell = cells[name]
            is_excepted = cell.functions and cell.excepted == cell.functions
            if not is_excepted and (cell.score is None or cell.lowest < floor):
                yield MissedFloor(product["id"], name, cell.score, cell.lowest, floor)
