"""The catalog's address, and the result of publishing a product there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TOKEN = "MESHWRIGHT_CATALOG_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the catalog's token; not an option, because process lists and logs would show it."""
ADDRESS = "MESHWRIGHT_CATALOG"
"""The environment variable with the catalog's address."""


OutcomeKind = Literal["created", "updated", "unchanged", "retired"]


@dataclass(frozen=True)
class Outcome:
    """The result of publishing a product to a catalog."""

    outcome: OutcomeKind
    id: str
    """`<domain>/<name>`."""
    url: str = ""
    """The product's page; empty if the catalog gives none. Untrusted."""
    notes: tuple[str, ...] = ()
    """Sentences: what the catalog cannot store, and what a person has to do."""
