"""Cron expressions in the form that all forges and clouds read: five fields of numbers, names, lists, ranges and steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from cronsim import CronSim, CronSimError

FIELDS = re.compile(r"[0-9A-Za-z*,/-]+(?: [0-9A-Za-z*,/-]+){4}", re.ASCII)
ONLY_SOME = re.compile(r"(?i)(?<![a-z])L|(?<= )\S*7\S*$")
"""The last day of a month (L), and 7 for Sunday: some implementations know them, GitHub does not."""


def times(cron: str, moment: datetime, *, before: bool = False) -> Iterator[datetime]:
    """Yield the times after a moment, or those before it, nearest first. Raises ValueError for an invalid expression."""
    if not FIELDS.fullmatch(cron) or len(cron) > 200 or ONLY_SOME.search(cron):
        raise ValueError(f"{cron[:200]!r} is not a cron expression of five fields")
    minute, hour, day, month, weekday = cron.split(" ")
    # POSIX: a day of the month and a day of the week are alternatives, unless one of them is `*` itself.
    day, weekday = re.sub(r"^\*(?=/)", "1-31", day), re.sub(r"^\*(?=/)", "0-6", weekday)
    try:
        yield from CronSim(" ".join((minute, hour, day, month, weekday)), moment, reverse=before)
    except CronSimError as error:
        raise ValueError(str(error)) from error
