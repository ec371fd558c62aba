"""The transforms that this product can use: one module a capability, with a `transform` that returns `Transformed`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Transformed:
    """What a transform did."""

    done: str
    """In words, for the line of its stage."""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    """What does not end the run: `name`, `file`, `rows` and `message` of each, as build/run.json keeps them."""
