"""Texts and times of records, as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime

STEERING = dict.fromkeys(
    [*range(9), *range(11, 32), 127, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
"""Invisible characters that change how others are displayed."""


def short(text: str, most: int = 2_000) -> str:
    """Return a text cut to a length for pages, without characters that would change the display around it."""
    text = text if len(text) <= most else f"{text[: most - 2]} …"
    return text.translate(STEERING)


def minute(moment: str) -> str:
    """Return a time for people, in one time zone."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return moment
