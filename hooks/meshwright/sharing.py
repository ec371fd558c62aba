"""How one product should share another's data: a virtual port, the platform's native mechanism, or a governed copy.

The patterns are those of the article's guidance on data sharing: a virtual database is good enough for simple
reporting; on like platforms the native mechanism comes first; a copy is the last resort, and carries its source's
policies along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meshwright.record import Input, Record

Pattern = Literal["virtual", "native", "copy"]


@dataclass(frozen=True)
class Advice:
    """Which pattern fits one input, and why."""

    pattern: Pattern
    reason: str
    """A sentence; names of the mesh stand in it as they are: hostile until printed or escaped."""
    declared: Pattern | None
    """What the product says that it does; None if it says nothing."""


def advise(input: Input, consumer: Record, source: Record | None) -> Advice:
    """The pattern that fits an input which reads another product. `source` is None where it is not known."""
    raise NotImplementedError


def is_copy(input: Input, consumer: Record, source: Record) -> bool:
    """Whether the consumer serves its source's data again: it says so, or has all of its columns."""
    raise NotImplementedError
