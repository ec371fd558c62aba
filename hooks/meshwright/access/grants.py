"""The types of a plan: what everybody should be able to read of a product, and what changes bring that about.

The decisions (`access_decisions.py`) make a Desired; each target turns it into grants on one kind of storage. Nothing
here is SQL. Whatever is not in a Desired is denied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Its name in the storage (ODCS: physicalName, or else name)."""
    logical_type: str
    """One of LOGICAL_TYPES."""
    classification: str
    """One of metamodel.CLASSIFICATIONS; a column without one has the highest."""


@dataclass(frozen=True)
class VisibleColumn:
    """A column that a role sees, unmasked or masked."""

    column: Column
    mask: str | None = None
    """A key of MASKS; None: unmasked."""


@dataclass(frozen=True)
class Condition:
    """Which rows a role sees: those whose value in the column matches. An empty value (null) never does."""

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
    columns: tuple[VisibleColumn, ...]
    """Explicit; the role has no column that is not listed. Never empty."""
    rows: tuple[Condition, ...] = ()
    """All must hold."""
    break_glass: bool = False
    """For emergencies: the storage itself ends what each member reads, at the member's `until`."""


@dataclass(frozen=True)
class Principal:
    """A person or a program in the corporate directory."""

    id: str
    """Unique in the directory, such as `ada@example.org` or `svc-punctuality`. Hostile until quoted."""
    kind: Kind
    name: str = ""
    attributes: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict, hash=False)
    """What else the directory has: country, department, trained … A policy can require it."""
    logins: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Target (postgres, trino, aws …) -> the principal's name there, where it differs from the id."""

    def login(self, target: str) -> str:
        return self.logins.get(target, self.id)


@dataclass(frozen=True)
class Member:
    """A principal who reads in a role, by which agreements, and until when (the latest of their ends)."""

    principal: Principal
    role: str
    agreements: tuple[str, ...]
    """Ids of agreements; empty where access is open."""
    until: datetime | None
    """With a time zone; None where access is open."""


@dataclass(frozen=True)
class Desired:
    """The desired state of a product: anybody and anything not listed has no access."""

    product: str
    """`<domain>/<name>`."""
    dataset: str
    """The data set's name in spec and contract."""
    views: tuple[View, ...]
    """One for each role of the policy, in its order, including roles without members."""
    members: tuple[Member, ...]
    """Sorted by role and principal; a pair occurs once."""

    def without_break_glass(self) -> Desired:
        """Return the same without roles for emergencies, for engines where nothing ends by itself."""
        views = tuple(view for view in self.views if not view.break_glass)
        roles = {view.role for view in views}
        members = tuple(member for member in self.members if member.role in roles)
        return Desired(self.product, self.dataset, views, members)

    def view(self, role: str) -> View:
        return next(view for view in self.views if view.role == role)


Action = Literal["grant", "revoke", "create", "replace", "remove"]


@dataclass(frozen=True)
class Change:
    """One step of a plan."""

    action: Action
    sentence: str
    """What happens, for people: `Ada Example (ada@example.org) may read as reader, until 2027-06-30`."""
    statement: str
    """The complete SQL or call that does it. Never has a value of the data or a credential."""
    agreements: tuple[str, ...] = ()
    """Which agreements ask for it; none where the change revokes something or fixes drift."""
    principal: str = ""
    """Who gains or loses access: a principal's id, or the name of the login."""
    role: str = ""


@dataclass(frozen=True)
class ManualAction:
    """What only an administrator of the storage can fix, and how. A port with one is not in the desired state."""

    sentence: str
    statement: str


@dataclass(frozen=True)
class PortPlan:
    """What changes on one output port, and what only an administrator can change there."""

    port: str
    uses: str
    changes: tuple[Change, ...] = ()
    manual_actions: tuple[ManualAction, ...] = ()
    record: Mapping[str, Any] | None = None
    """Of `apply`: the audit record that it wrote."""
    advice: tuple[ManualAction, ...] = ()
    """What an administrator should do; the port is in the desired state without it."""


ChainCheck = Callable[[Sequence[Mapping[str, Any]]], Mapping[str, Any]]
"""Gets all audit records next to a port, the first one first, before anything is changed there; returns what the new
record says of them. Raises Refused."""


def unchecked(_: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return nothing: whoever calls a target alone has checked the records, or does not need to."""
    return {}


@dataclass(frozen=True)
class AuditRecord:
    """The audit record of a run, which is written next to the port (see `audit.py`)."""

    content: Mapping[str, Any]
    check: ChainCheck = unchecked
    """Called under the lock under which the record is written."""


@dataclass(frozen=True)
class Address:
    """Where the storage of a port is, without users and secrets."""

    text: str
    in_clone: bool
    """Whether it is inside of the product's clone, so that it is this machine's alone."""


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
    """A module for one kind of output port; `targets/__init__.py` chooses it by the port's `uses`."""

    def plan(self, port: Port, desired: Desired, check: ChainCheck = unchecked) -> PortPlan:
        """Return what would change. Changes nothing. Raises Refused."""

    def apply(self, port: Port, desired: Desired, record: AuditRecord) -> PortPlan:
        """Change it, all or nothing, prove it, write the audit record; return what was changed. Raises Refused."""

    def verify(self, port: Port, desired: Desired, check: ChainCheck = unchecked) -> Sequence[str]:
        """Return each difference between what everybody can read and what is desired, as a sentence. Raises Refused."""

    def location(self, port: Port, dataset: str, role: str) -> Mapping[str, str]:
        """Return `location`, where a role's variant is, and `table`, where that is one of a database; no credentials.

        Without a role: where the data set itself is. Raises Refused.
        """

    def audit_records(self, port: Port) -> Sequence[Mapping[str, Any]]:
        """Return all audit records next to the port, the first one first. Raises Refused."""

    def address(self, port: Port) -> Address:
        """Return where the storage is. Raises Refused."""
