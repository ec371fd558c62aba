"""Where the catalog is, and what becomes of a product there: what is known without asking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TOKEN = "MESHWRIGHT_CATALOG_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the catalog's token; never an option, which process lists and logs would show."""
ADDRESS = "MESHWRIGHT_CATALOG"
"""The environment variable with the catalog's address."""


OutcomeKind = Literal["created", "updated", "unchanged", "retired"]


@dataclass(frozen=True)
class Outcome:
    """What became of a product in a catalog."""

    outcome: OutcomeKind
    id: str
    """`<domain>/<name>`."""
    url: str = ""
    """Where people find it; empty if the catalog does not say. Hostile."""
    notes: tuple[str, ...] = ()
    """Sentences: what the catalog has no place for, what a person has to do."""
