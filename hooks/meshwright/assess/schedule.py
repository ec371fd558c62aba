"""Compute when a product should have run last, by its own schedule, and whether it ever has."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from meshwright.product.cron import times
from meshwright.product.grammar import SECONDS
from meshwright.product.record import Record

LATE = timedelta(hours=6)
"""How late a run may end; forges start scheduled runs with a delay."""
LENGTH = re.compile(r"([1-9][0-9]{0,4})([mhd])")
FARTHEST = timedelta(days=400)
"""How far back to search."""


def due(record: Record, now: datetime) -> datetime | None:
    """Return the time since when there should have been a run; None without a valid schedule or trigger."""
    if (deadline := _deadline(record)) is not None:
        return now - deadline - LATE
    moments = [_last(cron, now - LATE) for cron in _crons(record)]
    return max(filter(None, moments), default=None)


def _deadline(record: Record) -> timedelta | None:
    """Return how long after its last run a product with trigger@1 is late."""
    match = LENGTH.fullmatch(str((record.trigger or {}).get("deadline")))
    return match and timedelta(seconds=int(match[1]) * SECONDS[match[2]])


def never_ran(record: Record) -> bool:
    """Return True if nothing in the record comes from a run: no result, no measurement, no place of a port."""
    return not any(record.get(part) for part in ("quality", "measurement", "addresses"))


def without_run(record: Record, now: datetime) -> str:
    """Return what is known of the runs of a product whose record has no result of one, as a sentence."""
    if not never_ran(record):
        return "The result of the last run of this version is not published."
    at = due(record, now)
    return (
        f"It has never run; the schedule required a run at {at:%Y-%m-%d %H:%M} UTC."
        if at
        else "It has never run."
    )


def _crons(record: Record) -> list[str]:
    traits = record.get("product.spec.traits")
    return [
        trait["properties"]["cron"]
        for trait in (traits if isinstance(traits, list) else ())
        if isinstance(trait, dict)
        and str(trait.get("uses")).startswith("schedule@")
        and isinstance(trait.get("properties"), dict)
        and isinstance(trait["properties"].get("cron"), str)
    ]


@lru_cache(maxsize=1024)  # products share schedules, and functions ask for the same
def _last(cron: str, before: datetime) -> datetime | None:
    before = before.astimezone(UTC)
    try:
        last = next(times(cron, before + timedelta(minutes=1), before=True), None)
    except ValueError:
        return None
    return last if last and before - last < FARTHEST else None
