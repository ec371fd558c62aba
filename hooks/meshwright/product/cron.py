"""Cron expressions in the form that all forges and clouds read: five fields of numbers, names, lists, ranges and steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

FIELDS = re.compile(r"[0-9A-Za-z*,/-]+(?: [0-9A-Za-z*,/-]+){4}", re.ASCII)
ONLY_SOME = re.compile(r"(?i)(?<![a-z])L|(?<= )\S*7\S*$")
"""The last day of a month (L), and 7 for Sunday: some implementations know them, GitHub does not."""

_TERM = r"(\*(/[0-9]+)?|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)"
SAME_EVERYWHERE = re.compile(rf"{_TERM}(,{_TERM})*")


def times(cron: str, moment: datetime, *, before: bool = False) -> Iterator[datetime]:
    """Yield the times after a moment, or those before it, nearest first. Raises ValueError for an invalid expression."""
    yield from _parsed(cron, moment, before)


def _parsed(cron: str, moment: datetime, before: bool = False) -> CronSim:
    if not FIELDS.fullmatch(cron) or len(cron) > 200 or ONLY_SOME.search(cron):
        raise ValueError(f"{cron[:200]!r} is not a cron expression of five fields")
    minute, hour, day, month, weekday = cron.split(" ")
    # POSIX: a day of the month and a day of the week are alternatives, unless one of them is `*` itself.
    day, weekday = re.sub(r"^\*(?=/)", "1-31", day), re.sub(r"^\*(?=/)", "0-6", weekday)
    try:
        return CronSim(" ".join((minute, hour, day, month, weekday)), moment, reverse=before)
    except CronSimError as error:
        raise ValueError(str(error)) from error


def as_kubernetes_reads(cron: str) -> str:
    """Return the expression with the same times to Kubernetes, as it is where that is certain, with lists of numbers elsewhere.

    To Kubernetes (robfig/cron), a `*` anywhere in a field means that the field is not given, which matters where both the
    day of the month and the day of the week are, and a step of one value is that value. Raises ValueError.
    """
    parsed = _parsed(cron, datetime(2026, 1, 1, tzinfo=UTC))
    fields = cron.split(" ")
    both = "*" not in (fields[2], fields[4])
    weekdays = {day % 7 for day in parsed.weekdays if isinstance(day, int)}  # 7 is Sunday, too
    values = (parsed.minutes, parsed.hours, parsed.days, parsed.months, weekdays)
    for place, (field, those) in enumerate(zip(fields, values, strict=True)):
        days = both and place in (2, 4)
        if days and re.match(r"\*(?!/)", field):
            fields[place] = "*"
        elif (days and "*" in field) or not SAME_EVERYWHERE.fullmatch(field):
            fields[place] = ",".join(map(str, sorted(those)))
    return " ".join(fields)
