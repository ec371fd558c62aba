"""Compute scores from verdicts: 0 to 100 for each characteristic of a product, None if nothing is known.

Scores are rounded down, so that 100 means all kept, and a score below a floor never equals the floor. A score says how much
of what is known is kept; the standing (standings.py) comes before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from meshwright.mesh.standings import standing, worst

CHARACTERISTICS = (
    "self-describable",
    "addressable",
    "discoverable",
    "secure",
    "trustworthy",
    "interoperable",
)
"""In display order."""

SEVERITIES = {"critical": 0, "high": 8, "medium": 4, "low": 2}
"""Severity -> weight in the score of its characteristic. A broken critical function makes the score 0; a kept one
weighs as much as a high one."""

KEPT_CRITICAL = SEVERITIES["high"]


@dataclass(frozen=True)
class Cell:
    """One characteristic of one product."""

    score: int | None
    """None: nothing is known."""
    functions: int
    """Number of fitness functions."""
    decided: int
    """Number of functions that are kept or broken."""
    broken: int
    excepted: int
    standing: str
    """A key of STANDINGS."""
    lowest: int
    """The score if every function that is not known were broken: what is known to hold, and compared with a floor."""

    @property
    def known(self) -> int:
        """Number of functions that are not inconclusive."""
        return self.decided + self.excepted


def state(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Combine the verdicts of one function over all places: broken if one is broken; kept only if all are; inconclusive
    if any place could not be examined."""
    found = {verdict["state"] for verdict in verdicts}
    if "broken" in found:
        return "broken"
    return "kept" if found == {"kept"} else "inconclusive"


def cells(results: Iterable[Mapping[str, Any]], functions: Mapping[str, tuple[str, str]]) -> dict[str, Cell]:
    """Return the six cells of a product. `results`: as in an assessment; `functions`: id -> characteristic,
    severity."""
    by_characteristic: dict[str, list[tuple[Mapping[str, Any], str]]] = {name: [] for name in CHARACTERISTICS}
    for result in results:
        characteristic, severity = functions[result["function"]]
        by_characteristic[characteristic].append((result, severity))
    return {name: _cell(found) for name, found in by_characteristic.items()}


def whole(cells: Mapping[str, Cell]) -> str:
    """Return the standing of a product by those of its characteristics; one without functions has none."""
    return worst(cell.standing for cell in cells.values() if cell.functions)


def _cell(results: Sequence[tuple[Mapping[str, Any], str]]) -> Cell:
    given = [(result["state"], severity) for result, severity in results]
    states = [state for state, _ in given]
    decided = [(result, severity) for result, severity in results if result["state"] in ("kept", "broken")]
    counted = [(result, severity) for result, severity in results if result["state"] != "excepted"]
    name = standing(given)
    return Cell(
        score=0 if name == "critical" else _weighed(decided, unknown=0),
        functions=len(states),
        decided=len(decided),
        broken=states.count("broken"),
        excepted=states.count("excepted"),
        standing=name,
        lowest=0 if _may_be_critical(counted) else _weighed(counted, unknown=1) or 0,
    )


def _may_be_critical(results: Sequence[tuple[Mapping[str, Any], str]]) -> bool:
    return any(severity == "critical" and result["state"] != "kept" for result, severity in results)


def _weighed(results: Sequence[tuple[Mapping[str, Any], str]], unknown: int) -> int | None:
    total = 0
    points: int | Fraction = 0
    for result, severity in results:
        weight = SEVERITIES[severity] or KEPT_CRITICAL
        total += weight
        points += weight if result["state"] == "kept" else weight * _share(result["verdicts"], unknown)
    return int(100 * points / total) if total else None


def _share(verdicts: Sequence[Mapping[str, Any]], unknown: int) -> Fraction | int:
    """Return the share of places that keep a function which is not kept everywhere. `unknown`: 1 counts the places that could
    not be examined, 0 leaves them out."""
    states = [verdict["state"] for verdict in verdicts]
    kept = states.count("kept")
    return kept and Fraction(kept, kept + states.count("broken") + unknown * states.count("inconclusive"))


def mean(scores: Iterable[int | None]) -> int | None:
    """Return the mean of the known scores; None if there are none."""
    known = [score for score in scores if score is not None]
    return sum(known) // len(known) if known else None
