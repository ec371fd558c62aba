"""Cron expressions of five fields."""

from __future__ import annotations

import re

LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


NAMES = {
    3: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    4: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}


def cron_values(field: str, place: int) -> set[int]:
    """The numbers that a field stands for; none if it is no field."""
    low, high = RANGES[place]
    for number, name in enumerate(NAMES.get(place, []), low):
        field = re.sub(rf"\b{name}\b", str(number), field, flags=re.IGNORECASE)
    values: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", part, re.ASCII)
        if not match:
            return set()
        start = int(match[1]) if match[1] else low
        end = int(match[2]) if match[2] else (start if match[1] and not match[3] else high)
        step = int(match[3]) if match[3] else 1
        if not low <= start <= end <= high or step < 1:
            return set()
        values |= set(range(start, end + 1, step))
    return values
