"""The embedded catalog: one process, one database, no JavaScript needed.

A product's data is the record that its own CI has sent. Everything in a record is untrusted: it is
checked by the metamodel, kept as it is, and reaches a page through autoescaping only.
"""

from __future__ import annotations

from datetime import UTC, datetime

from meshwright.core.errors import Error
from meshwright.core.renamed import with_old


class RequestProblem(Error):
    """A request that is not done, and why; said as JSON to programs and as a page to browsers."""

    def __init__(self, status: int, error: str, detail: str, fix: str, **more: object) -> None:
        super().__init__(detail, fix)
        self.status, self.error, self.detail, self.more = status, error, detail, more

    def value(self) -> dict[str, object]:
        """Return the body of the answer."""
        value: dict[str, object] = with_old(
            {"error": self.error, "detail": self.detail, "fix": self.fix, **self.more}
        )
        return value


def now() -> str:
    """Return the current time in RFC 3339, to the millisecond; such texts sort by time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
