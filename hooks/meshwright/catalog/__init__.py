"""`meshwright catalog`: publish a product's record to the embedded catalog, or to another one.

Each catalog is an adapter: a module that returns the requests (`payloads`), sends them, and retires the product. Only
`publish` and `retire` have side effects, and both are idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from meshwright.mesh.publish_result import PublishResult

if TYPE_CHECKING:
    from meshwright.product.record import Record


@dataclass(frozen=True)
class Payload:
    """One request of a sequence, as it would be sent."""

    call: str
    """Method and path, such as `PUT /api/products/airport-operations/departures`."""
    body: Any = None
    """A JSON value."""


@dataclass(frozen=True)
class CatalogConnection:
    """The address of a catalog, and the credentials."""

    url: str
    """Its http(s) address; a file or folder for catalogs that read files."""
    token: str | None = field(default=None, repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of an adapter, `--set KEY=VALUE`."""
    patience: float = 120.0
    """Maximum seconds of retries after network failures."""
    notify: Callable[[str], None] = field(default=lambda _: None, repr=False)
    """Called with a sentence before each wait."""


class Adapter(Protocol):
    """A module for one kind of catalog. Raises http.Refused, http.NoAnswer, document.Unreadable."""

    NAME: str
    """As in `--to NAME`."""

    def payloads(self, record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
        """Return what would be sent, in order; the same for the same record and settings."""

    def publish(self, record: Record, connection: CatalogConnection) -> PublishResult:
        """Create or update the product in the catalog, unless it is unchanged."""

    def retire(
        self, id: str, connection: CatalogConnection, reason: str, successor: str | None
    ) -> PublishResult:
        """Retire the product without breaking links to it."""
