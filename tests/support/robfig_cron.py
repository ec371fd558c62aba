"""Cron expressions as Kubernetes reads them: robfig/cron v3, `ParseStandard` (parser.go) and `dayMatches` (spec.go)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
BOUNDS = {
    "minute": (0, 59, {}),
    "hour": (0, 23, {}),
    "dom": (1, 31, {}),
    "month": (1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    "dow": (0, 6, {name: number for number, name in enumerate(DAYS)}),
}


def _range(text: str, bounds: tuple[int, int, dict[str, int]]) -> tuple[set[int], bool]:
    """Return the values of one term, and whether it sets the star bit."""
    low, high, names = bounds

    def number(part: str) -> int:
        return names[part.lower()] if part.lower() in names else int(part)

    ends, _, step = text.partition("/")
    single, star = "-" not in ends, False
    if ends in ("*", "?"):
        start, end, star = low, high, True
    else:
        first, _, last = ends.partition("-")
        start = number(first)
        end = start if single else number(last)
    each = int(step) if step else 1
    if step and single and not star:
        end = high  # "N/step" means "N-max/step"
    if each > 1:
        star = False
    if not (low <= start <= end <= high and each > 0):
        raise ValueError(text)
    return set(range(start, end + 1, each)), star


def robfig_times(cron: str, after: datetime, days: int) -> Iterator[datetime]:
    """Yield the times within so many days of a midnight. Raises ValueError, as Kubernetes refuses the schedule."""
    values, stars = {}, {}
    for (name, bounds), field in zip(BOUNDS.items(), cron.split(), strict=True):
        terms = [_range(term, bounds) for term in field.split(",") if term]
        values[name] = set().union(*(numbers for numbers, _ in terms))
        stars[name] = any(star for _, star in terms)
    for day in (after + timedelta(days=number) for number in range(days)):
        dom, dow = day.day in values["dom"], (day.weekday() + 1) % 7 in values["dow"]
        matches = (dom and dow) if stars["dom"] or stars["dow"] else (dom or dow)
        if matches and day.month in values["month"]:
            for hour in sorted(values["hour"]):
                for minute in sorted(values["minute"]):
                    yield day.replace(hour=hour, minute=minute)
