"""The typed plan: what everybody shall be able to read of a product, and nothing else.

The decision (`decision.py`) makes a Desired; each target turns it into grants on one kind of storage. Nothing
in here knows SQL. Whatever is not in a Desired is denied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from meshwright.core.errors import Error

Kind = Literal["human", "machine"]
Operation = Literal["in", "notIn", "atLeast", "atMost"]
Value = str | int | float | bool


@dataclass(frozen=True)
class Column:
    """A column of the contract."""

    name: str
    """As it is called where the data lies (ODCS: physicalName, or else name)."""
    logical_type: str
    """One of LOGICAL_TYPES."""
    classification: str
    """One of metamodel.CLASSIFICATIONS; a column that says none has the highest."""


@dataclass(frozen=True)
class Shown:
    """A column that a role sees: as it is, or through a mask."""

    column: Column
    mask: str | None = None
    """A key of MASKS; None: the value as it is."""


@dataclass(frozen=True)
class Condition:
    """Which rows a role sees: those whose value in the column fits. An empty value (null) never does."""

    column: Column
    operation: Operation
    values: tuple[Value, ...]
    """At least one; exactly one for `atLeast` and `atMost`. Hostile until quoted."""


@dataclass(frozen=True)
class View:
    """What a role sees of the data set: its columns in the contract's order, and its rows."""

    role: str
    """The role's name in access/policy.yaml: small letters, digits and single hyphens."""
    kind: Kind
    columns: tuple[Shown, ...]
    """Explicit; a column that is not listed is not there for the role. Never empty."""
    rows: tuple[Condition, ...] = ()
    """All must hold."""


@dataclass(frozen=True)
class Principal:
    """Somebody (or a program) that the corporate directory knows."""

    id: str
    """Unique in the directory, such as `ada@example.org` or `svc-punctuality`. Hostile until quoted."""
    kind: Kind
    name: str = ""
    attributes: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict, hash=False)
    """What else the directory says: country, department, trained … A policy can ask for it."""
    logins: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Target -> what the principal is called there, where that differs from the id: postgres, trino, aws …"""

    def login(self, target: str) -> str:
        return self.logins.get(target, self.id)


@dataclass(frozen=True)
class Member:
    """A principal who reads in a role, the agreements that say so, and until when (the latest of their ends)."""

    principal: Principal
    role: str
    agreements: tuple[str, ...]
    """Ids of agreements; empty where access is open."""
    until: datetime | None
    """With a time zone; None where access is open."""


@dataclass(frozen=True)
class Desired:
    """The whole: whoever and whatever is not named here has no access."""

    product: str
    """`<domain>/<name>`."""
    dataset: str
    """The data set's name in spec and contract."""
    views: tuple[View, ...]
    """One for each role of the policy, in its order; also for roles that nobody has."""
    members: tuple[Member, ...]
    """Sorted by role and principal; a pair occurs once."""

    def view(self, role: str) -> View:
        return next(view for view in self.views if view.role == role)


Action = Literal["grant", "revoke", "create", "replace", "remove"]


@dataclass(frozen=True)
class Change:
    """One step of a plan."""

    action: Action
    sentence: str
    """What happens, as a person would say it: `Ada Example (ada@example.org) may read as reader, until 2027-06-30`."""
    statement: str
    """What does it: SQL, or a call, complete. Never holds a value of the data or a credential."""
    agreements: tuple[str, ...] = ()
    """Which agreements ask for it; none where the change takes something away or fixes drift."""
    principal: str = ""
    """Whom it gives or takes access: a principal's id, or the name of the login."""
    role: str = ""


@dataclass(frozen=True)
class ManualAction:
    """What only an administrator of the storage can fix, and how. A port with one is not as it should be."""

    sentence: str
    statement: str


@dataclass(frozen=True)
class PortPlan:
    """What would change on one output port, and what could not."""

    port: str
    uses: str
    changes: tuple[Change, ...] = ()
    manual_actions: tuple[ManualAction, ...] = ()


@dataclass(frozen=True)
class Record:
    """A run, as it is written next to the port (see `audit.py`)."""

    content: Mapping[str, Any]
    after: str | None = None
    """The hash of the record that the run was checked against, empty for none; None: it was not checked."""


@dataclass(frozen=True)
class Port:
    """An output port of the spec, its variables replaced."""

    name: str
    uses: str
    properties: Mapping[str, Any]
    root: str
    """The product's repository; relative paths in properties start there."""


class Refused(Error):
    """The storage cannot be brought to what is desired; nothing was changed there."""


class Target(Protocol):
    """What a module for one kind of output port does; `targets/__init__.py` finds it by the port's `uses`."""

    def plan(self, port: Port, desired: Desired) -> PortPlan:
        """What would change. Changes nothing. Raises Refused."""

    def apply(self, port: Port, desired: Desired, record: Record) -> PortPlan:
        """Changes it, all or nothing, proves it, writes the audit record; returns what was changed. Raises Refused."""

    def verify(self, port: Port, desired: Desired) -> Sequence[str]:
        """Each difference between what everybody can read now and what is desired, as a sentence. Raises Refused."""

    def last(self, port: Port) -> Mapping[str, Any] | None:
        """The last audit record next to the port, or None before the first. Raises Refused."""
