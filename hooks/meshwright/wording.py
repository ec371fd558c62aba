"""How names stand in a sentence, whoever chose them and however many they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def listed(names: Iterable[Any]) -> str:
    """Names for a sentence; not all of them if there are many."""
    names = [str(name) for name in names]
    more = [f"… ({len(names)} in all)"] if len(names) > 12 else []
    return ", ".join([*names[:12], *more]) or "none"


def short(name: str) -> str:
    """A name for a sentence; not the whole of one that is much longer than names are."""
    return name if len(name) <= 200 else f"{name[:150]} … {name[-40:]}"
