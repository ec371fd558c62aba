"""How long an agreement may last: as long as its role allows, or as the organisation does where the role says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from meshwright.product import metamodel


def longest_days(role: Mapping[str, Any]) -> int:
    """Return how many days an agreement for a role lasts at the most."""
    days = role.get("maxDays")
    return days if isinstance(days, int) else metamodel.LONGEST_AGREEMENT_DAYS


def counted_from(role: Mapping[str, Any], start: datetime) -> datetime:
    """Return the moment from which the days of an agreement are counted.

    Agreements that began before roles had a default are counted from the day on which it came, so that nobody loses
    access on the day of an update.
    """
    return start if "maxDays" in role else max(start, metamodel.LONGEST_AGREEMENT_SINCE)


def shown_end(end: datetime) -> str:
    """Return the end of an agreement for a sentence, in UTC: a day, with the minute unless that is midnight."""
    return f"{end.astimezone(UTC):%Y-%m-%d %H:%M} UTC".replace(" 00:00 UTC", "")


def effective_end(role: Mapping[str, Any], start: datetime, end: datetime) -> datetime:
    """Return when access by an agreement ends: as it says, or earlier where it is older than the default and outlives it."""
    counted = counted_from(role, start)
    return end if counted == start else min(end, counted + timedelta(days=longest_days(role)))
