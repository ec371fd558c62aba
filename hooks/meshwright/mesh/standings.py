"""The standing of a characteristic, a product or a group of products: one word for all that fitness functions say of it.

Of the words that apply, the worst counts. A number comes after it: a high score neither hides something critical that is
broken, nor that nobody has seen it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """How a standing is shown to people."""

    words: str
    meaning: str
    sign: str
    """For those who do not see its colour."""
    plain_sign: str
    """The same in ASCII."""


STANDINGS = {
    "critical": Standing("broken, critical", "something critical is broken", "\u2715", "x"),
    "broken": Standing("broken", "something is broken", "!", "!"),
    "not-known": Standing("not known", "something critical is not known, or nothing is", "?", "?"),
    "partly-known": Standing(
        "partly known", "nothing known is broken, and not all is known", "\u2026", "..."
    ),
    "excepted": Standing("excepted", "something is broken, with an exception for a time", "~", "~"),
    "kept": Standing("kept", "all is known, and kept", "\u2713", ""),
}
"""Standing -> how it is shown; the worst first."""
NOT_KNOWN = "not-known"
"""Also what has no functions, or was never assessed."""
_ORDER = {name: number for number, name in enumerate(STANDINGS)}


def standing(results: Iterable[tuple[str, str]]) -> str:
    """Return the standing by the results of functions: state (kept, broken, inconclusive or excepted) and severity."""
    results = list(results)
    states = {state for state, _ in results}
    if ("broken", "critical") in results:
        return "critical"
    if "broken" in states:
        return "broken"
    if ("inconclusive", "critical") in results or states <= {"inconclusive"}:
        return NOT_KNOWN
    if "inconclusive" in states:
        return "partly-known"
    return "excepted" if "excepted" in states else "kept"


def worst(standings: Iterable[str]) -> str:
    """Return the standing of a whole by those of its parts; without parts nothing is known."""
    return min(standings, key=rank, default=NOT_KNOWN)


def rank(standing: str) -> int:
    """Return the position of a standing; 0 is the worst."""
    return _ORDER[standing]
