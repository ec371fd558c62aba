"""The transforms that this product can use: one module for each capability, with a `transform` that returns `Transformed`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Transformed:
    """The result of a transform."""

    done: str
    """A phrase for the report of its stage."""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    """Findings that do not end the run: `name`, `file`, `rows` and `message` of each, as in build/run.json."""
