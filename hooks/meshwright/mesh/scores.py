"""Compute scores from verdicts: 0 to 100 for each characteristic of a product, None if nothing is known.

Scores are rounded down, so that 100 means all kept, and a score below a floor never equals the floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

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
    critical: bool
    """True if a critical function is broken."""
    standing: str
    """A key of STANDINGS."""

    @property
    def known(self) -> int:
        """Number of functions that are not inconclusive."""
        return self.decided + self.excepted


STANDINGS = {
    "bad": "critical or below the floor",
    "fair": "something is broken",
    "good": "nothing known is broken",
    "excepted": "broken, with an exception",
    "unknown": "not known",
}
"""State of a cell -> its meaning. Without a floor, a score below 50 counts as bad."""
BAD_BELOW = 50


def state(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Combine the verdicts of one function over all places: broken if one is broken; kept only if all are; inconclusive
    if any place could not be examined."""
    found = {verdict["state"] for verdict in verdicts}
    if "broken" in found:
        return "broken"
    return "kept" if found == {"kept"} else "inconclusive"


def cells(
    results: Iterable[Mapping[str, Any]],
    functions: Mapping[str, tuple[str, str]],
    floors: Mapping[str, int] | None = None,
) -> dict[str, Cell]:
    """Return the six cells of a product. `results`: as in an assessment; `functions`: id -> characteristic,
    severity."""
    by_characteristic: dict[str, list[tuple[Mapping[str, Any], str]]] = {name: [] for name in CHARACTERISTICS}
    for result in results:
        characteristic, severity = functions[result["function"]]
        by_characteristic[characteristic].append((result, severity))
    floors = floors or {}
    return {name: _cell(found, floors.get(name)) for name, found in by_characteristic.items()}


def _cell(results: Sequence[tuple[Mapping[str, Any], str]], floor: int | None) -> Cell:
    states = [result["state"] for result, _ in results]
    decided = [(result, severity) for result, severity in results if result["state"] in ("kept", "broken")]
    critical = any(severity == "critical" and result["state"] == "broken" for result, severity in decided)
    score = 0 if critical else _weighed(decided)
    excepted = states.count("excepted")
    if score is None:
        standing = "excepted" if excepted and excepted == len(states) else "unknown"
    elif critical or score < (BAD_BELOW if floor is None else floor):
        standing = "bad"
    else:
        standing = "fair" if "broken" in states else "good"
    return Cell(score, len(states), len(decided), states.count("broken"), excepted, critical, standing)


def _weighed(decided: Sequence[tuple[Mapping[str, Any], str]]) -> int | None:
    total = 0
    points: int | Fraction = 0
    for result, severity in decided:
        weight = SEVERITIES[severity] or KEPT_CRITICAL
        total += weight
        points += weight if result["state"] == "kept" else weight * _share(result["verdicts"])
    return int(100 * points / total) if total else None


def _share(verdicts: Sequence[Mapping[str, Any]]) -> Fraction | int:
    """Return the share of examined places that keep a function which is broken somewhere."""
    states = [verdict["state"] for verdict in verdicts]
    kept, broken = states.count("kept"), states.count("broken")
    return kept and Fraction(kept, kept + broken)


def mean(scores: Iterable[int | None]) -> int | None:
    """Return the mean of the known scores; None if there are none."""
    known = [score for score in scores if score is not None]
    return sum(known) // len(known) if known else None


def worst(found: Iterable[Cell]) -> str:
    """Return the state of a product: that of its worst known characteristic, or unknown."""
    standings = {cell.standing for cell in found}
    return next(name for name in ("bad", "fair", "good", "excepted", "unknown") if name in standings)
