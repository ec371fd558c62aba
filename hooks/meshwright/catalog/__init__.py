"""`meshwright catalog`: one product in, one record out, to the embedded catalog or to the one that a company has.

Each catalog is an adapter: a module that says what it would send (`payloads`), sends it, and takes it out again. All
three are free of side effects until `publish` or `retire`, and doing either twice is the same as doing it once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from meshwright.mesh.catalog import Outcome

if TYPE_CHECKING:
    from meshwright.product.record import Record


@dataclass(frozen=True)
class Payload:
    """One request of a sequence, as it would be sent."""

    call: str
    """What is called, such as `PUT /api/products/airport-operations/departures`."""
    body: Any = None
    """A JSON value."""


@dataclass(frozen=True)
class Place:
    """Where a catalog is, and who speaks to it."""

    url: str
    """Its http(s) address; a file or folder for those that read files."""
    token: str | None = field(default=None, repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    """What an adapter needs besides, `--set KEY=VALUE`."""
    patience: float = 120.0
    """Seconds that may be lost to failures of the network."""
    notify: Callable[[str], None] = field(default=lambda _: None, repr=False)
    """Is given a sentence before each wait."""


class Adapter(Protocol):
    """A module that speaks to one kind of catalog. Raises http.Refused, http.NoAnswer, document.Unreadable."""

    NAME: str
    """As in `--to NAME`."""

    def payloads(self, record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
        """What would be sent, in order; the same for the same record and settings."""

    def publish(self, record: Record, place: Place) -> Outcome:
        """Creates the product in the catalog, brings it up to date, or leaves it where nothing has changed."""

    def retire(self, id: str, place: Place, reason: str, successor: str | None) -> Outcome:
        """Takes the product out without breaking links to it."""
