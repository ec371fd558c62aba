"""The result of publishing a product to a catalog, or retiring it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PublishOutcome = Literal["created", "updated", "unchanged", "retired"]


@dataclass(frozen=True)
class PublishResult:
    """The result of publishing a product to a catalog, or retiring it there."""

    outcome: PublishOutcome
    id: str
    """`<domain>/<name>`."""
    url: str = ""
    """The product's page; empty if the catalog gives none. Untrusted."""
    notes: tuple[str, ...] = ()
    """Sentences: what the catalog cannot store, and what a person has to do."""
