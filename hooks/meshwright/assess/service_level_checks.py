"""Service levels: compute indicators from the data, and compare them with objectives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from meshwright.assess.storage import Table, Unseen
from meshwright.product.grammar import SECONDS, Objective
from meshwright.product.record import ServiceLevel

AHEAD = timedelta(minutes=10)
"""Maximum difference between clocks."""
ZONES = timedelta(hours=14)
"""How far a time or date without a zone can be ahead of UTC."""


class Undated(Unseen):
    """The data does not say when its inputs were read."""


@dataclass(frozen=True)
class Recomputed:
    """An indicator, computed from the data."""

    value: float
    """The value now, in the objective's unit."""
    then: float | None
    """The value at the time of the measurement; None if the data has changed since, or may have."""
    words: str
    """How it was computed, as the beginning of a sentence."""


def recompute(
    level: ServiceLevel, goal: Objective, table: Table, now: datetime, measured: datetime | None
) -> Recomputed | None:
    """Compute the indicator from the rows; None if rows do not show it. Raises storage.Blocker."""
    ingested = moment(table.metadata.get("ingestedAt"))
    same = measured is not None and ingested is not None and ingested <= measured + AHEAD
    if level.indicator == "freshness":
        newest = ingested if level.column is None else table.newest(level.column)
        if newest is None:
            if level.column is None:
                raise Undated("There is no time beside the data.", "Publish with the pipeline, which stores `ingestedAt` with the data.")  # fmt: skip
            raise Unseen(f"There is no time in the column {level.column}.", "Fill the column in the model.")
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


def impossible(value: float, unit: str, column: str | None = None, indicator: str = "") -> str:
    """Return why a value is impossible; empty if it is possible. `column`: the source of its time."""
    ahead = (AHEAD + (ZONES if column else timedelta())).total_seconds()
    if value != value or abs(value) == float("inf"):
        return "it is not a number"
    if unit in SECONDS and value * SECONDS[unit] < -ahead:
        return "it is in the future"
    if indicator == "volume-change":
        return "no more than all rows can be gone" if value < -100 else ""
    if unit == "%" and not 0 <= value <= 100:
        return "a percentage is between 0 and 100"
    return f"a number of {unit} is not negative" if unit in ("rows", "changes") and value < 0 else ""


def contradicts(level: ServiceLevel, goal: Objective, then: float) -> bool:
    """Return True if the published measurement differs from the value computed for the same time."""
    if level.value is None:
        return False
    slack = max(600 / SECONDS[goal.unit], 0.05 * abs(then)) if goal.unit in SECONDS else 0.01
    return abs(level.value - then) > slack


def moment(text: object) -> datetime | None:
    """Parse a time with a time zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def display_value(value: float, unit: str) -> str:
    """Return a number for a sentence."""
    return f"{value:,.2f}".rstrip("0").rstrip(".") + (unit if unit in ("%", *SECONDS) else f" {unit}")
