"""The data at the addresses of output ports, read as a stranger who trusts neither the address nor the bytes.

Every address and every byte may have been made by somebody who wants this process to read another file, to ask another
host, to hang or to grow. So: nothing is read that governance has not let in (`Allowed`), nothing waits for longer than
it says, nothing is fetched that is larger, and credentials go to nobody whom governance has not named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from meshwright.product.store import Absent, Blocker, Corrupt, Limits, Unseen

SECONDS, MEGABYTES = 20, 256
"""How long one answer may take, and how much is fetched at most, unless governance says otherwise."""


class TooSlow(Unseen):
    """The storage takes longer than governance allows."""


@dataclass(frozen=True)
class Allowed:
    """What governance lets this process look at."""

    root: Path | None = None
    """The repository of the product, if it is on this machine; its record may then name paths of this machine."""
    hosts: frozenset[str] = frozenset()
    """Hosts (`name` or `name:port`, or the folder of a socket) that may be asked although they are private, and that
    credentials for PostgreSQL may go to."""
    paths: tuple[Path, ...] = ()
    """Folders of this machine that any record may name files in."""
    seconds: float = SECONDS
    bytes: int = MEGABYTES * 1_000_000

    def host(self, name: str, port: int | None = None) -> bool:
        """Whether governance has named it."""
        return name.lower() in self.hosts or f"{name.lower()}:{port}" in self.hosts

    def permits(self, path: Path) -> bool:
        """Return True if files there may be read for this record."""
        if self.root is not None:
            return True
        try:
            real = path.resolve()
            return any(real.is_relative_to(folder.resolve()) for folder in self.paths)
        except (OSError, ValueError, RuntimeError):
            return False

    def resolve(self, host: str, port: int) -> str:
        """Return the IP address of a host that may be asked. Raises Absent, Unseen."""
        from meshwright.core.http import NoAnswer, public_address

        try:
            return public_address(host, port, self.host)
        except NoAnswer as error:
            if error.reason == "unknown host":
                raise Absent(str(error), error.fix) from None
            named = "Governance names it in `hosts` of fitness.yaml, if it is to be asked."
            raise Unseen(str(error), named if error.reason == "not public" else error.fix) from None

    @property
    def limits(self) -> Limits:
        return Limits(self.seconds, self.bytes)


def allowed(root: Path | None, settings: Mapping[str, Any]) -> Allowed:
    """From what fitness.yaml says; what has another shape there allows nothing."""
    hosts, paths = (settings.get(key) for key in ("hosts", "paths"))
    seconds, megabytes = (settings.get(key) for key in ("seconds", "megabytes"))
    return Allowed(
        root,
        frozenset(str(host).lower() for host in hosts) if isinstance(hosts, list | tuple) else frozenset(),
        tuple(Path(str(path)) for path in paths) if isinstance(paths, list | tuple) else (),
        float(seconds) if isinstance(seconds, int | float) and seconds > 0 else SECONDS,
        int((megabytes if isinstance(megabytes, int | float) and megabytes > 0 else MEGABYTES) * 1_000_000),
    )


COMPARABLE = ("integer", "string", "date", "timestamp", "boolean")
"""Logical types whose values every storage spells alike."""


@dataclass(frozen=True)
class Field:
    """A column of the stored data."""

    name: str
    type: str
    """As the storage calls it."""
    logical: frozenset[str]
    """The logical types (ODCS) that it can be; empty for a type that has no counterpart."""


@dataclass(frozen=True)
class Tally:
    """How often one promise of the contract is broken at a port: a number, and never a value."""

    number: Any = None
    """Rows that break it, or key values that occur more than once; of a metric or a query, its own number."""
    unseen: str = ""
    """Why this is not known; empty if it is."""


@dataclass(frozen=True)
class Tallies:
    """The answers of a port to the promises of a contract, in their order."""

    rows: int
    examined: int
    """Of these rows; less than all if the storage takes too long for all."""
    each: Sequence[Tally]


SPREAD = (
    "count({0}), count({0}) filter (where {0} >= {1}), min({0}), max({0}) filter (where {0} < {1}),"
    " min({0}) filter (where {0} >= {1}), max({0})"
)
"""SQL for the fields of Moments; {0}: the seconds of a row, {1}: those of the given moment."""


@dataclass(frozen=True)
class Moments:
    """How the moments of a column are spread, in seconds since 1970; None where there is none."""

    rows: int
    recent: int
    """Rows since the given moment."""
    first: float | None
    last_before: float | None
    """The last moment before it."""
    first_since: float | None
    last: float | None


class Table(Protocol):
    """The rows at a port, or what a role sees of them. Every method raises Unseen or Corrupt."""

    reader: str
    """What it is read with, for a sentence: `DuckDB`."""

    @property
    def fields(self) -> Sequence[Field]: ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the pipeline wrote beside the rows: product, productVersion, ingestedAt."""

    def count(self) -> int:
        """How many rows there are."""

    def filled(self, column: str) -> int:
        """In how many rows the column has a value."""

    def newest(self, column: str) -> datetime | None:
        """The latest moment in the column; None if it has no value."""

    def moments(self, column: str, since: datetime) -> Moments:
        """How the moments in the column are spread around one."""

    def unlike(self, column: str, pattern: str) -> int:
        """In how many of all rows the column has a value whose text is not of a pattern, which RE2 and PostgreSQL read alike."""

    def texts(self, column: str, limit: int) -> Sequence[str]:
        """Different values of the column, as texts; not all of them if there are more than `limit`."""

    def decoded(self) -> int:
        """Read rows whole, with all their columns, and return how many: all, or the first if that takes too long."""

    def fingerprint(self, columns: Sequence[str]) -> int:
        """Return a number that two tables share if the rows have the same values in these columns, in any order. The columns
        have one of COMPARABLE as their type."""


@dataclass(frozen=True)
class Refusal:
    """Whether somebody without credentials can read."""

    open: bool
    sentence: str
    fix: str = ""


__all__ = [
    "COMPARABLE",
    "SPREAD",
    "Absent",
    "Allowed",
    "Blocker",
    "Corrupt",
    "Field",
    "Limits",
    "Moments",
    "Refusal",
    "Table",
    "Tallies",
    "Tally",
    "TooSlow",
    "Unseen",
    "allowed",
]
