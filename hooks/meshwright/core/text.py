"""Names and texts for a terminal and for a sentence, whoever wrote them and however many they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from meshwright.core.git import without_credentials


def printable(words: str, lines: bool = False) -> str:
    """A text from a repository that nobody vouches for: it steers no terminal, and keeps to its line.

    With `lines` it may have several, as files have; otherwise credentials are taken out, too.
    """
    allowed = "\n\t" if lines else ""
    return "".join(
        sign if sign in allowed or sign.isprintable() else f"\\x{ord(sign):02x}"
        for sign in (words if lines else without_credentials(words))
    )


def listed(names: Iterable[Any]) -> str:
    """Names for a sentence; not all of them if there are many."""
    names = [str(name) for name in names]
    more = [f"… ({len(names)} in all)"] if len(names) > 12 else []
    return ", ".join([*names[:12], *more]) or "none"


def short(name: str) -> str:
    """A name for a sentence; not the whole of one that is much longer than names are."""
    return name if len(name) <= 200 else f"{name[:150]} … {name[-40:]}"
