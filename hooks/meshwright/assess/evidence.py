"""What fitness functions can ask about a product: its record, its mesh, its repository's files, its ports and the catalog.

Everything is asked for at most once and then kept, because several functions look at the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from meshwright.lineage import Lineage
from meshwright.record import Record


@dataclass
class Evidence:
    """One product under assessment."""

    record: Record
    mesh: Lineage
    now: datetime
    """With a time zone; the moment of the whole assessment."""
