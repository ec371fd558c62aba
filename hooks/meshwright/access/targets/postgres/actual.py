"""The actual state of one product in a database: roles, memberships, schemas, the objects in them, and privileges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from meshwright.access.targets.postgres.names import Names
from meshwright.core.sql.postgres import identifier

PUBLIC = 0
"""The oid that stands for everybody."""
MEMBERSHIP_OPTIONS = 160000
"""The first version of PostgreSQL whose memberships say whether a member inherits privileges and may SET ROLE."""
DATABASE_OWNER = "pg_database_owner"
"""The role whose one member is whoever owns the database."""
NO_ATTRIBUTES = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
"""For CREATE ROLE and ALTER ROLE: a role that has nothing but what it is granted."""


class Role(NamedTuple):
    oid: int
    name: str
    login: bool
    superuser: bool
    createrole: bool
    createdb: bool
    replication: bool
    bypassrls: bool

    def excess_attributes(self, login: bool) -> list[str]:
        """Return the attributes that the role should not have, as SQL calls them. `login`: it may log in."""
        attributes = {
            "LOGIN": self.login and not login,
            "SUPERUSER": self.superuser,
            "CREATEDB": self.createdb,
            "CREATEROLE": self.createrole,
            "REPLICATION": self.replication,
            "BYPASSRLS": self.bypassrls,
        }
        return [name for name, is_set in attributes.items() if is_set]


class Membership(NamedTuple):
    role: int
    member: int
    grantor: int
    admin: bool
    inherit: bool
    set: bool


class SchemaRelation(NamedTuple):
    oid: int
    schema: str
    name: str
    kind: str
    """As in pg_class.relkind."""
    owner: int
    columns: tuple[tuple[str, str, int], ...]
    """Name, type and collation."""
    shape: str | None
    """Of a view: everything besides its name, owner and grants. Views of equal shape behave alike."""

    @property
    def identity(self) -> str:
        """Schema and name as SQL reads them."""
        return identifier(self.schema, self.name)


class Grant(NamedTuple):
    """A privilege that somebody other than the owner has."""

    kind: str
    """SCHEMA, TABLE, COLUMN or FUNCTION."""
    schema: str
    object: str
    """Its name; of a function, as SQL writes it."""
    oid: int
    column: str
    owner: int
    grantor: int
    grantee: int
    privilege: str
    grantable: bool


class DefaultPrivilege(NamedTuple):
    """A privilege that somebody will have on what a role creates."""

    role: int
    schema: str
    """Empty: in every schema."""
    kind: str
    grantee: int
    privilege: str


class SchemaObject(NamedTuple):
    """An object of any kind in one of the product's schemas."""

    schema: str
    catalog: str
    oid: int
    kind: str
    identity: str
    """As SQL writes it."""


class OutsideObject(NamedTuple):
    """An object outside of the product's schemas that leads to its data, or that one of its roles owns or may use."""

    why: str
    """reads, reads views (the roles' views alone), inherits, adds, sent, sent at all, member (of an
    extension), owned, granted or elsewhere."""
    role: int
    kind: str
    identity: str
    statement: str
    """What ends it, where that does not follow from its kind."""


class Opened(NamedTuple):
    """A privilege on something of the server's or of an extension's that is closed when it is installed."""

    kind: str
    """FUNCTION, TABLE or PARAMETER, as GRANT calls it."""
    object: str
    """As SQL writes it."""
    column: str
    """As SQL writes it; empty for all of the object."""
    grantee: int
    privilege: str


class Mark(NamedTuple):
    """What the bootstrap wrote on a login of the product: whose it is."""

    role: str
    product: str
    """`<domain>/<name>`."""
    database: str


class DefinerFunction(NamedTuple):
    """A function outside of the product's schemas that runs with its owner's rights, whoever calls it."""

    oid: int
    kind: str
    """As PostgreSQL calls it."""
    identity: str
    owner: int
    execute: tuple[int, ...]
    """The roles that may execute it; PUBLIC for everybody."""
    usage: tuple[int, ...]
    """The roles that may use its schema."""


class EventTrigger(NamedTuple):
    """Code that runs at whatever command or login, as whoever it is."""

    name: str
    """As SQL writes it."""
    function: str
    owner: int
    """Of the function, who can change what it does."""


class Type(NamedTuple):
    """The type of a column of the published data set, as SQL writes it."""

    full: str
    """With its length or precision; of a domain, the type below it, because a domain can forbid null."""
    base: str
    """Without."""


@dataclass(frozen=True)
class Actual:
    names: Names
    version: int
    database: str
    """Its name in the server, whatever a connection pool calls it."""
    roles: Mapping[int, Role]
    memberships: tuple[Membership, ...]
    schemas: Mapping[str, int]
    """Schema -> its owner."""
    relations: Mapping[int, SchemaRelation]
    audit_drift: tuple[tuple[str, str, str], ...]
    """What the table for audit records has or lacks; whether it is removed, restored or only named; the statement."""
    grants: tuple[Grant, ...]
    default_privileges: tuple[DefaultPrivilege, ...]
    objects: tuple[SchemaObject, ...]
    dependents: Mapping[tuple[str, int], frozenset[tuple[str, int, str]]]
    """(catalog, oid) of an object -> catalog, oid and name of each object that depends on it."""
    outside: tuple[OutsideObject, ...]
    definers: tuple[DefinerFunction, ...]
    event_triggers: tuple[EventTrigger, ...]
    marks: tuple[Mark, ...]
    opened: tuple[Opened, ...]
    types: Mapping[str, Type]
    """The columns of the published data set; empty where there is none."""
    published: bool
    can_enter: bool
    """Whether the applier may enter the private schema."""
    can_read: bool
    """Whether the applier may read the published data set."""
    by_name: Mapping[str, Role] = field(repr=False, default_factory=dict)

    @property
    def membership_options(self) -> bool:
        """Whether a membership says if its member inherits privileges and may SET ROLE."""
        return self.version >= MEMBERSHIP_OPTIONS

    @property
    def readers(self) -> list[Role]:
        """The product's reader roles by their name, including those of roles that the policy no longer has."""
        return [role for role in self.roles.values() if role.name.startswith(self.names.reader_prefix)]

    @cached_property
    def _up(self) -> Mapping[int, set[int]]:
        up: dict[int, set[int]] = defaultdict(set)
        for row in self.memberships:
            # Who may grant a role can grant it to themselves.
            if row.inherit or row.set or row.admin:
                up[row.member].add(row.role)
        return up

    @cached_property
    def reach(self) -> Mapping[int, frozenset[int]]:
        """Role -> the roles whose privileges it has or can give itself, its own included."""
        return {oid: frozenset(self._reached(oid)) for oid in self.roles}

    def _reached(self, oid: int) -> Iterable[int]:
        seen, todo = {oid}, [oid]
        while todo:
            for role in self._up.get(todo.pop(), ()):
                if role not in seen:
                    seen.add(role)
                    todo.append(role)
        return seen

    @cached_property
    def administered(self) -> frozenset[int]:
        """The roles whose members the applier can change."""
        access = self.by_name[self.names.access].oid
        return frozenset(row.role for row in self.memberships if row.member == access and row.admin)

    def logins_with(self, role: int) -> frozenset[str]:
        """Return the logins that have the role's privileges or can give them to themselves."""
        return frozenset(
            entry.name for entry in self.roles.values() if entry.login and role in self.reach[entry.oid]
        )

    def role(self, oid: int) -> str:
        """Return a role's name; its number if the role no longer exists."""
        return self.roles[oid].name if oid in self.roles else str(oid)
