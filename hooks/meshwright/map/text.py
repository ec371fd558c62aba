"""Estimate the maximum width of a text without knowing its font."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

WIDTHS = (
    # The widths, in em, of the widest common sans-serif font; with a narrower one, there is a little more space.
    ("'|ijlI.,:;!", 0.34),
    ('frt ()[]{}-/\\"*`°·', 0.46),
    ("ABCDEFGHJKLNOPQRSTUVXYZ+=<>~&#…", 0.8),
    ("mwMW%@—", 1.02),
)
REST, FOREIGN, WIDE, LIGATURE = 0.64, 0.9, 1.1, 12.0
BOLD = 1.1


@cache
def _sign(sign: str) -> float:
    for signs, width in WIDTHS:
        if sign in signs:
            return width
    if sign < "\u0590":
        return REST if sign < "\u0080" or sign.islower() else FOREIGN
    if unicodedata.east_asian_width(sign) in "WF":
        return WIDE
    # A single character for a whole phrase, or a stack of wedges.
    return (
        LIGATURE if "\ufdf0" <= sign <= "\ufdff" or (sign >= "\U00012000" and sign < "\U00012550") else WIDE
    )


def width(text: str, size: float, bold: bool = False) -> float:
    """Return the width in pixels for a font size."""
    return sum(map(_sign, text)) * size * (BOLD if bold else 1)


def clipped(text: str, room: float, size: float, bold: bool = False) -> str:
    """Return as much of a text as fits into `room` pixels, with an ellipsis if it is cut."""
    if width(text, size, bold) <= room:
        return text
    left = room - width("…", size, bold)
    kept = 0
    for kept, sign in enumerate(text):  # noqa: B007 - the position is used after the loop
        left -= width(sign, size, bold)
        if left < 0:
            break
    return text[:kept].rstrip() + "…"


def wrapped(text: str, room: float, size: float, lines: int, bold: bool = False) -> Sequence[str]:
    """Break a text into at most `lines` lines, between words if possible."""
    found: list[str] = []
    words = text.split()
    while words and len(found) < lines - 1:
        taken = [words[0]]
        while len(taken) < len(words) and width(" ".join([*taken, words[len(taken)]]), size, bold) <= room:
            taken.append(words[len(taken)])
        if len(taken) == len(words):
            break
        found.append(clipped(" ".join(taken), room, size, bold))
        words = words[len(taken) :]
    return (*found, clipped(" ".join(words), room, size, bold)) if words else tuple(found)
