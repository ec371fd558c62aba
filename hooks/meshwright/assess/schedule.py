"""When a product should have run last, by its own schedule."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from meshwright.product.cron import cron_values
from meshwright.product.record import Record

LATE = timedelta(hours=6)
"""How late a run may be, with all that it takes; forges start scheduled runs when they come round to it."""
FARTHEST = 400
"""Days that are looked back."""


def due(record: Record, now: datetime) -> datetime | None:
    """The moment since which there should have been a run; None without a schedule that comes to pass."""
    moments = [_last(cron, now - LATE) for cron in _crons(record)]
    return max(filter(None, moments), default=None)


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


def _last(cron: str, before: datetime) -> datetime | None:
    fields = cron.split(" ")
    if len(fields) != 5 or len(cron) > 200:
        return None
    minutes, hours, days, months, weekdays = (cron_values(field, place) for place, field in enumerate(fields))
    times = sorted((time(hour, minute) for hour in hours for minute in minutes), reverse=True)
    before = before.astimezone(UTC)
    for back in range(FARTHEST):
        day = (before - timedelta(days=back)).date()
        by_date, by_week = day.day in days, day.isoweekday() % 7 in weekdays
        # cron: where both are restricted, either will do.
        fits = by_date or by_week if "*" not in (fields[2], fields[4]) else by_date and by_week
        if day.month not in months or not fits:
            continue
        for at in times:
            moment = datetime.combine(day, at, UTC)
            if moment <= before:
                return moment
    return None
