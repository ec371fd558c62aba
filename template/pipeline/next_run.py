"""Compute when a cron expression starts the next run, in UTC, as forges and clouds read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
"""First and last number of minute, hour, day of the month, month and day of the week (from Sunday)."""
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
NAMES = {
    3: {name: number for number, name in enumerate(MONTHS, 1)},
    4: {name: number for number, name in enumerate(WEEKDAYS)},
}
"""Position of a field -> names of numbers in it."""
FARTHEST = 366 * 41
"""Days to search: 29 February is the same day of the week again after 40 years at most."""
EARLY = timedelta(seconds=30)
"""How long before its time a scheduler may start a run: clocks differ."""


def next_run(crons: Iterable[str], started: datetime) -> datetime | None:
    """Return when the first run after one that began at `started` is due; None without a valid schedule."""
    found = (next(times(cron, started + EARLY), None) for cron in crons)
    return min(filter(None, found), default=None)


def times(cron: str, after: datetime) -> Iterator[datetime]:
    """Yield the times of a cron expression after a moment; none if it is not valid."""
    texts = cron.split(" ")
    try:
        minutes, hours, days, months, weekdays = (
            _numbers(text, *FIELDS[at], NAMES.get(at, {})) for at, text in enumerate(texts)
        )
    except (ValueError, IndexError):
        return
    # POSIX: a day of the month and a day of the week are alternatives, unless one of them is `*` itself.
    either = "*" not in (texts[2], texts[4])
    first = after.astimezone(UTC).date()
    for number in range(FARTHEST):
        day = first + timedelta(days=number)
        if day.month not in months or not _is_one(day, days, weekdays, either):
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = datetime.combine(day, time(hour, minute), UTC)
                if moment > after:
                    yield moment


def _is_one(day: date, days: set[int], weekdays: set[int], either: bool) -> bool:
    matches = (day.day in days, day.isoweekday() % 7 in weekdays)
    return any(matches) if either else all(matches)


def _numbers(text: str, first: int, last: int, names: dict[str, int]) -> set[int]:
    """Return the numbers that a field of a cron expression stands for. Raises ValueError."""
    numbers: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        low, dash, high = span.partition("-")
        if span == "*":
            begin, end = first, last
        else:
            begin = _number(low, names)
            # `5` is itself; `5/10` goes on to the end, as `*` does.
            end = _number(high, names) if dash else last if slash else begin
        every = _number(step, {}) if slash else 1
        if not (first <= begin <= end <= last and every > 0):
            raise ValueError(part)
        numbers.update(range(begin, end + 1, every))
    return numbers


def _number(text: str, names: dict[str, int]) -> int:
    if text.upper() in names:
        return names[text.upper()]
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)
