"""Names in a directory: which ones can be used, which look alike, and how they are printed."""

from __future__ import annotations

import unicodedata

from meshwright.product.lookalikes import INVISIBLE

MAX_TEXT = 256
"""How many characters an id, a login or a group's name has at most."""


def is_plain(text: str) -> bool:
    """Return True if a text can be an id, a login or a group's name: all of it is visible, and it is not too long."""
    return (
        0 < len(text) <= MAX_TEXT
        and text.isprintable()
        and text == text.strip()
        and not INVISIBLE.search(text)
    )


def folded(text: str) -> str:
    """Return the same for any two texts that differ only in case, width, spaces or Unicode's normalisation."""
    twice = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(twice.split())


def display_text(text: str) -> str:
    """Return a text of the directory for printing, without what would move the cursor or reverse the text."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[:MAX_TEXT]).split())
