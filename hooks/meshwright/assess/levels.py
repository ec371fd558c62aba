"""Service levels: what an objective says, and what the data says to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from meshwright.assess.storage import Table, Unseen
from meshwright.product.grammar import SECONDS, Objective
from meshwright.product.record import ServiceLevel

AHEAD = timedelta(minutes=10)
"""By how much clocks may differ."""
ZONES = timedelta(hours=14)
"""By how much a time or a day that says no zone can be ahead of UTC."""


@dataclass(frozen=True)
class Recomputed:
    """What the data itself says."""

    value: float
    """Now, in the objective's unit."""
    then: float | None
    """When it was measured; None if the data has changed since, or nobody knows whether it has."""
    words: str
    """How it was found, as the beginning of a sentence."""


def recompute(
    level: ServiceLevel, goal: Objective, table: Table, now: datetime, measured: datetime | None
) -> Recomputed | None:
    """The indicator, from the rows themselves; None for one that rows cannot tell. Raises storage.Blocker."""
    told = moment(table.metadata.get("ingestedAt"))
    same = measured is not None and told is not None and told <= measured + AHEAD
    if level.indicator == "freshness":
        newest = told if level.column is None else table.newest(level.column)
        if newest is None:
            where = "beside the data" if level.column is None else f"in the column {level.column}"
            raise Unseen(f"Nothing {where} says how old it is.", "Publish with the pipeline, which writes `ingestedAt` beside the data.")  # fmt: skip
        how = "its inputs were read" if level.column is None else f"of the newest {level.column}"
        unit = SECONDS.get(goal.unit, 1)
        then = (measured - newest).total_seconds() / unit if same and measured else None
        return Recomputed((now - newest).total_seconds() / unit, then, f"By the moment {how}")
    if level.indicator == "completeness" and level.column:
        rows = table.count()
        value = 100.0 * table.filled(level.column) / rows if rows else 0.0
        return Recomputed(value, value if same else None, f"By the values of {level.column}")
    if level.indicator == "volume":
        volume = float(table.count())
        return Recomputed(volume, volume if same else None, "By its rows")
    return None


def impossible(value: float, unit: str, column: str | None = None) -> str:
    """Return why a value cannot be true; empty if it can. `column`: that its moment was taken from."""
    ahead = (AHEAD + (ZONES if column else timedelta())).total_seconds()
    if value != value or abs(value) == float("inf"):
        return "it is no number"
    if unit in SECONDS and value * SECONDS[unit] < -ahead:
        return "it comes from the future"
    if unit == "%" and not 0 <= value <= 100:
        return "no share is like that"
    return "there are never fewer than none" if unit == "rows" and value < 0 else ""


def contradicts(level: ServiceLevel, goal: Objective, then: float) -> bool:
    """Whether the published measurement is another than the data of that moment gives."""
    if level.value is None:
        return False
    slack = max(600 / SECONDS[goal.unit], 0.05 * abs(then)) if goal.unit in SECONDS else 0.01
    return abs(level.value - then) > slack


def moment(text: object) -> datetime | None:
    """A moment with a time zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def shown(value: float, unit: str) -> str:
    """A number for a sentence."""
    return f"{value:,.2f}".rstrip("0").rstrip(".") + (unit if unit in ("%", *SECONDS) else f" {unit}")
