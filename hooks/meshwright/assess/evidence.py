"""What fitness functions can ask about a product: its record, its mesh, its repository's files, its ports and the catalog.

Everything is asked for at most once and then kept, because several functions look at the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from meshwright.lineage import Lineage
from meshwright.record import Record


class Catalog(Protocol):
    """What is asked of a catalog. What it raises makes the question inconclusive."""

    def product(self, id: str) -> Mapping[str, Any] | None:
        """The value of the record that it shows for `<domain>/<name>`; None if it shows none."""

    def search(self, words: str, limit: int) -> Sequence[str]:
        """The ids of the products that it finds by these words, best first."""


@dataclass
class Evidence:
    """One product under assessment."""

    record: Record
    mesh: Lineage
    now: datetime
    """With a time zone; the moment of the whole assessment."""
    static: bool = False
    """Whether nothing outside of the record may be looked at."""
    catalog: Catalog | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What governance allows, all of it optional: `hosts` (names or addresses that may be asked although they are
    private, and that PostgreSQL credentials may go to), `paths` (folders of this machine that may be read for records
    that came from elsewhere), `seconds` (how long one answer may take), `megabytes` (how much is fetched at most)."""


def gather(
    record: Record,
    mesh: Lineage,
    now: datetime,
    static: bool = False,
    catalog: Catalog | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Evidence:
    """Looks at nothing yet: whatever a function asks for is looked at then."""
    return Evidence(record, mesh, now, static, catalog, settings or {})


def prepare(mesh: Lineage) -> None:
    """Makes what all products of a mesh share, such as the index that they are searched in. Called once, before the
    assessment is spread over processes, so that each of them need not make it anew; whoever leaves it out gets the
    same, later."""
