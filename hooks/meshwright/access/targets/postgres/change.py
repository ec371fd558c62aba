"""What has to change, and what only an administrator can: the difference between the catalog and what is desired."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from meshwright.access.grants import Change, Desired, ManualAction, Member, Refused, View
from meshwright.access.targets.postgres.found import (
    PUBLIC,
    Found,
    Grant,
    Membership,
    Relation,
    Role,
    Thing,
    identity,
)
from meshwright.access.targets.postgres.names import Names, is_role_name, quoted, shown
from meshwright.access.targets.postgres.wanted import WITHOUT_SET

POWERFUL = (
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_maintain",
)
"""Roles of PostgreSQL itself that can do something with every table, or become somebody who can."""
REMOVABLE = {
    **{
        kind: kind.upper()
        for kind in ("view", "function", "procedure", "aggregate", "type", "collation", "conversion")
    },
    **{kind: kind.upper() for kind in ("operator", "operator class", "operator family")},
    **{f"text search {kind}": f"TEXT SEARCH {kind.upper()}" for kind in ("configuration", "dictionary")},
    "statistics object": "STATISTICS",
}
"""What PostgreSQL calls a thing that holds no data -> what DROP calls it. The applier removes nothing else."""
DROPPABLE = ("view", "materialized view", "function", "procedure")
GRANTED = {
    **dict.fromkeys(("table", "view", "materialized view", "foreign table"), "TABLE"),
    **{kind: kind.upper() for kind in ("schema", "function", "procedure", "database", "sequence", "type")},
}
"""What PostgreSQL calls a thing -> what GRANT calls it."""
AS_A_LOGIN = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


@dataclass(frozen=True)
class Blocker:
    """What only an administrator can fix, and which differences in the matrix it explains."""

    manual_action: ManualAction
    logins: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


@dataclass
class Plan:
    """Changes in the order in which they work, and blockers."""

    changes: list[Change] = field(default_factory=list)
    blockers: list[Blocker] = field(default_factory=list)
    members: set[tuple[str, str]] = field(default_factory=set)
    """Login and role of the policy: who reads after this, as far as it can be."""

    def blocker(
        self, sentence: str, statement: str, logins: Iterable[str] = (), objects: Iterable[str] = ()
    ) -> None:
        self.blockers.append(
            Blocker(ManualAction(sentence, statement), frozenset(logins), frozenset(objects))
        )


def difference(
    desired: Desired,
    found: Found,
    twins: Mapping[str, Relation],
    queries: Mapping[str, str],
    trusted: set[str],
) -> Plan:
    """What has to change. `twins`: role -> its view as it should be; `queries`: role -> its SQL;
    `trusted`: the port's administrators. Raises Refused."""
    plan = Plan()
    _own_roles(found, desired, plan)
    _powers(found, trusted, plan)
    _outside(found, plan)
    _defaults(found, plan)
    members = _principals(desired, found, plan)
    memberships = _memberships(found, members, trusted, plan)
    plan.changes += [change for change in memberships if change.action == "revoke"]
    gone, stuck, made = _views(desired, found, twins, queries, plan)
    _grants(desired, found, gone | stuck, plan)
    plan.changes += made
    _allow(desired, found, gone, made, plan)
    plan.changes += [change for change in memberships if change.action == "grant"]
    return plan


# --- roles -----------------------------------------------------------------------------------------------------------


def _attributes(role: Role, login: bool) -> list[str]:
    """The attributes that such a role should not have, as SQL calls them."""
    has = {
        "LOGIN": role.login and not login,
        "SUPERUSER": role.superuser,
        "CREATEDB": role.createdb,
        "CREATEROLE": role.createrole,
        "REPLICATION": role.replication,
        "BYPASSRLS": role.bypassrls,
    }
    return [name for name, there in has.items() if there]


def readers(found: Found) -> list[Role]:
    """The roles that are this product's by their name, also of roles that the policy no longer has."""
    return [role for role in found.roles.values() if role.name.startswith(found.names.reader_prefix)]


def _own_roles(found: Found, desired: Desired, plan: Plan) -> None:
    """The roles of the bootstrap: there, and no more than they should be."""
    names = found.names
    if names.pipeline not in found.by_name:
        plan.blocker(
            f"There is no role {names.pipeline}.", f"CREATE ROLE {quoted(names.pipeline)} LOGIN {AS_A_LOGIN};"
        )
    for view in desired.views:
        if names.reader(view.role) not in found.by_name:
            plan.blocker(
                f"There is no role {names.reader(view.role)}: nobody can read as {view.role} yet.",
                f"CREATE ROLE {quoted(names.reader(view.role))} NOLOGIN {AS_A_LOGIN};\n{_admin(found, view.role)}",
            )
        elif found.by_name[names.reader(view.role)].oid not in found.administered:
            plan.blocker(
                f"{names.access} may not say who is in {names.reader(view.role)}.",
                _admin(found, view.role),
                logins=_wanted_logins(desired, view.role),
            )
    for role in readers(found):
        if wrong := _attributes(role, login=False):
            plan.blocker(
                f"{shown(role.name)} is more than a group of readers: {', '.join(wrong)}.",
                f"ALTER ROLE {quoted(role.name)} {' '.join('NO' + name for name in wrong)};",
                logins=[role.name],
            )
        for row in found.memberships:
            if row.member == role.oid:
                plan.blocker(
                    f"Whoever reads as {shown(role.name)} is also in {shown(found.role(row.role))}.",
                    revocation(found, row),
                    logins=found.logins_with(role.oid),
                )
    for name in (names.access, names.pipeline):
        role_ = found.by_name.get(name)
        if role_ and (wrong := _attributes(role_, login=True)):
            plan.blocker(
                f"{name} can do more than its work: {', '.join(wrong)}.",
                f"ALTER ROLE {quoted(name)} {' '.join('NO' + entry for entry in wrong)};",
                logins=[name],
            )
    owner = found.by_name.get(names.pipeline)
    if owner and found.schemas.get(names.private) != owner.oid:
        plan.blocker(
            f"Schema {names.private} is not {names.pipeline}'s.",
            f"ALTER SCHEMA {quoted(names.private)} OWNER TO {quoted(names.pipeline)};",
            logins=[found.role(found.schemas.get(names.private, PUBLIC)), names.pipeline],
        )
    for relation in found.relations.values():
        if relation.schema == names.private and owner and relation.owner != owner.oid:
            plan.blocker(
                f"{shown(identity(relation))} is not {names.pipeline}'s, but {shown(found.role(relation.owner))}'s.",
                f"ALTER TABLE {identity(relation)} OWNER TO {quoted(names.pipeline)};",
                objects=[identity(relation)],
            )
    if not found.readable:
        plan.blocker(
            f"{names.access} may not read {names.private}.{shown(names.dataset)}: the views would show nothing.",
            f"GRANT SELECT ON {quoted(names.private, names.dataset)} TO {quoted(names.access)};",
            objects=[quoted(names.private, names.dataset)],
        )


def _admin(found: Found, role: str) -> str:
    options = "ADMIN TRUE, INHERIT FALSE, SET FALSE" if found.version >= WITHOUT_SET else "ADMIN OPTION"
    return f"GRANT {quoted(found.names.reader(role))} TO {quoted(found.names.access)} WITH {options};"


def _wanted_logins(desired: Desired, role: str) -> list[str]:
    return [member.principal.login("postgres") for member in desired.members if member.role == role]


def powerful(found: Found) -> dict[int, str]:
    """The roles before which no grant matters, and why."""
    why = {}
    for role in found.roles.values():
        has = [
            *(["is a superuser"] if role.superuser else []),
            *(["can bypass row security"] if role.bypassrls else []),
            *(["can replicate the whole server"] if role.replication else []),
            # From PostgreSQL 16 on it can only grant what it administers.
            *(["can grant every role"] if role.createrole and found.version < WITHOUT_SET else []),
        ]
        if role.name in POWERFUL or has:
            why[role.oid] = " and ".join(has) or f"is in {role.name}"
    return why


def _powers(found: Found, trusted: set[str], plan: Plan) -> None:
    """Logins that need no grant, and are not among the administrators that the port names."""
    why = powerful(found)
    machinery = {
        found.by_name[name].oid: f"can act as {name}"
        for name in (found.names.access, found.names.pipeline)
        if name in found.by_name
    }
    for role in found.roles.values():
        if not role.login or role.name in trusted:
            continue
        for reason, target in [(why, oid) for oid in why] + [(machinery, oid) for oid in machinery]:
            if target not in found.reach[role.oid] or (reason is machinery and target == role.oid):
                continue
            if target == role.oid:
                wrong = [entry for entry in _attributes(role, login=True) if entry != "CREATEDB"]
                statement = f"ALTER ROLE {quoted(role.name)} {' '.join('NO' + entry for entry in wrong)};"
                because = reason[target]
            else:
                statement = "\n".join(_leading(found, role.oid, target))
                because = f"{reason[target]}, by way of {shown(found.role(target))}"
            plan.blocker(
                f"{shown(role.name)} needs no grant here: {because}. "
                "The port's `administrators` do not name this login.",
                statement,
                logins=[role.name],
            )


def _leading(found: Found, member: int, target: int) -> list[str]:
    """The statements that take a role out of the memberships that lead it to another; those of readers stay."""
    reader = {role.oid for role in readers(found)}
    rows = [
        row
        for row in found.memberships
        if row.role not in reader
        and row.member in found.reach[member]
        and row.role in found.reach
        and target in found.reach[row.role]
    ]
    return [revocation(found, row) for row in rows if row.member == member] or [
        revocation(found, row) for row in rows
    ]


def revocation(found: Found, row: Membership) -> str:
    by = f" GRANTED BY {quoted(found.role(row.grantor))}" if found.version >= WITHOUT_SET else ""
    return f"REVOKE {quoted(found.role(row.role))} FROM {quoted(found.role(row.member))}{by} CASCADE;"


def _outside(found: Found, plan: Plan) -> None:
    """What lies elsewhere, and opens a way to the product's data."""
    names = found.names
    for entry in found.outside:
        what, who = f"{entry.kind} {shown(entry.identity)}", shown(found.role(entry.role))
        by_hand = f"-- By hand, because it is a {entry.kind}."
        drop = f"DROP {entry.kind.upper()} {entry.identity};" if entry.kind in DROPPABLE else by_hand
        sentence, statement = {
            "reads": (
                f"The {what} reads what is {names.schema}'s with rights that its own readers do not have.",
                drop,
            ),
            "inherits": (
                f"The table {shown(entry.identity)} shows what is in {names.private} to its own readers.",
                entry.statement,
            ),
            "owned": (f"The {what} is {who}'s, and lies outside of its schemas.", drop),
            "granted": (
                f"{who} has privileges on the {what}, which is not this product's.",
                f"REVOKE ALL ON {GRANTED[entry.kind]} {entry.identity} FROM {quoted(found.role(entry.role))} CASCADE;"
                if entry.kind in GRANTED
                else by_hand,
            ),
            "elsewhere": (
                f"{who} owns or may use something in the database {shown(entry.identity)}: a schema's name is one "
                "product's in the whole server.",
                f"-- In that database: DROP OWNED BY {quoted(found.role(entry.role))};",
            ),
        }[entry.why]
        plan.blocker(sentence, statement)


def _defaults(found: Found, plan: Plan) -> None:
    """Default privileges: what is created must be nobody's but its owner's."""
    names = found.names
    kinds = {
        "r": "TABLES",
        "S": "SEQUENCES",
        "f": "FUNCTIONS",
        "T": "TYPES",
        "n": "SCHEMAS",
        "L": "LARGE OBJECTS",
    }
    for entry in found.defaults:
        creator, grantee = found.role(entry.role), found.role(entry.grantee)
        if (creator, entry.schema, grantee, entry.kind, entry.privilege) == (
            *(names.pipeline, names.private, names.access),
            *("r", "SELECT"),
        ):
            continue
        if not entry.schema and entry.grantee == PUBLIC and entry.kind in ("f", "T"):
            continue  # What PostgreSQL itself gives to everybody; the schemas are closed.
        what = kinds.get(entry.kind, entry.kind)
        where = f" IN SCHEMA {quoted(entry.schema)}" if entry.schema else ""
        to = "PUBLIC" if entry.grantee == PUBLIC else quoted(grantee)
        statement = (
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(creator)}{where} "
            f"REVOKE {entry.privilege} ON {what} FROM {to} CASCADE"
        )
        who = "everybody" if entry.grantee == PUBLIC else shown(grantee)
        sentence = f"{who} no longer gets {entry.privilege} on {what.lower()} that {shown(creator)} creates"
        if creator == names.access:
            plan.changes.append(Change("revoke", f"{sentence}.", statement, principal=shown(who)))
        else:
            plan.blocker(
                f"{who} gets {entry.privilege} on {what.lower()} that {shown(creator)} will create"
                f"{' in ' + entry.schema if entry.schema else ''}.",
                f"{statement};",
            )


# --- members ---------------------------------------------------------------------------------------------------------


def _principals(desired: Desired, found: Found, plan: Plan) -> dict[str, list[Member]]:
    """Login -> its memberships, for the principals that have a login of their own here."""
    by_login: dict[str, list[Member]] = defaultdict(list)
    for member in desired.members:
        by_login[member.principal.login("postgres")].append(member)
    usable = {}
    for login, members in by_login.items():
        people = sorted({member.principal.id for member in members})
        role = found.by_name.get(login)
        own = login in (found.names.access, found.names.pipeline) or login.startswith(
            found.names.reader_prefix
        )
        who = " and ".join(shown(person) for person in people)
        if len(people) > 1:
            plan.blocker(
                f"{who} have the same login {shown(login)}: one would read what the other may. Neither does.",
                "-- Give each a login of their own in the directory.",
            )
        elif own or (role is not None and not role.login) or (role is None and not is_role_name(login)):
            plan.blocker(
                f"{who} cannot read: {shown(login)} is no login for a person or a program.",
                "-- Give them a login of their own in the directory.",
            )
        elif role is None:
            plan.blocker(
                f"{who} cannot read yet: there is no login {shown(login)}.",
                f"CREATE ROLE {quoted(login)} LOGIN {AS_A_LOGIN};",
            )
        else:
            usable[login] = members
    return usable


def _memberships(
    found: Found, members: Mapping[str, list[Member]], trusted: set[str], plan: Plan
) -> list[Change]:
    """Who is in the roles of readers. What cannot be changed becomes a blocker."""
    names = found.names
    access = found.by_name[names.access].oid
    exact = found.version >= WITHOUT_SET
    wanted = {
        (found.by_name[login].oid, found.by_name[names.reader(member.role)].oid): member
        for login, entries in members.items()
        for member in entries
        if names.reader(member.role) in found.by_name
    }
    own = {role.oid: role for role in readers(found)}
    rows = [row for row in found.memberships if row.role in own and row.member != access]
    changes: list[Change] = []
    standing = set()
    for row in rows:
        role, login = own[row.role], found.role(row.member)
        administered = row.role in found.administered
        ours = row.grantor == access or not exact
        here = (row.member, row.role)
        if not ours and administered and _ours_at_root(found, row, access):
            continue  # It goes with the right of whoever passed it on.
        if not (ours and administered):
            plan.blocker(
                f"{shown(login)} is in {shown(role.name)} by {shown(found.role(row.grantor))}'s grant, which "
                f"{names.access} cannot revoke.",
                revocation(found, row),
                logins=found.logins_with(row.member),
            )
        elif here not in wanted:
            changes.append(
                Change(
                    "revoke",
                    f"{shown(login)} may no longer read as {shown(role.name.removeprefix(names.reader_prefix))}.",
                    f"REVOKE {quoted(role.name)} FROM {quoted(login)} CASCADE",
                    principal=shown(login),
                    role=role.name.removeprefix(names.reader_prefix),
                )
            )
        elif row.admin:
            changes.append(
                Change(
                    "revoke",
                    f"{shown(login)} may no longer say who else reads as {wanted[here].role}.",
                    f"REVOKE ADMIN OPTION FOR {quoted(role.name)} FROM {quoted(login)} CASCADE",
                    principal=wanted[here].principal.id,
                    role=wanted[here].role,
                )
            )
        if ours and here in wanted and (not exact or (row.inherit and not row.set)):
            standing.add(here)
    for (login_, role_), member in sorted(wanted.items(), key=lambda item: (item[1].role, item[0])):
        account, reader = found.roles[login_], found.roles[role_]
        plan.members.add((account.name, member.role))
        if (login_, role_) in standing or role_ not in found.administered:
            continue
        if login_ in found.reach[role_]:
            plan.blocker(
                f"{shown(account.name)} cannot become a reader: {shown(reader.name)} is itself in {shown(account.name)}.",
                f"REVOKE {quoted(account.name)} FROM {quoted(reader.name)} CASCADE;",
                logins=[account.name],
            )
            continue
        options = " WITH ADMIN FALSE, INHERIT TRUE, SET FALSE" if exact else ""
        changes.append(
            Change(
                "grant",
                f"{_person(member)} may read as {member.role}"
                f"{f', until {member.until:%Y-%m-%d}' if member.until else ''}.",
                f"GRANT {quoted(reader.name)} TO {quoted(account.name)}{options}",
                member.agreements,
                member.principal.id,
                member.role,
            )
        )
    for name, role_name in sorted(plan.members):
        # Whoever can act as a reader reads as well.
        for other in sorted(found.logins_with(found.by_name[name].oid) - {name} - trusted):
            plan.blocker(
                f"{shown(other)} can act as {shown(name)}, and so read as {role_name}.",
                "\n".join(_leading(found, found.by_name[other].oid, found.by_name[name].oid)),
                logins=[other],
            )
    return changes


def _ours_at_root(found: Found, row: Membership, access: int) -> bool:
    """Whether a membership rests, in the end, on nothing but what the applier itself has granted."""
    above = [
        other
        for other in found.memberships
        if other.role == row.role and other.member == row.grantor and other.admin and other != row
    ]
    return bool(above) and all(
        other.grantor == access or _ours_at_root(found, other, access) for other in above
    )


def _person(member: Member) -> str:
    principal = member.principal
    login = principal.login("postgres")
    more = [principal.id] if principal.name else []
    more += [f"login {login}"] if login != principal.id else []
    named = principal.name or principal.id
    return shown(f"{named} ({', '.join(more)})" if more else named)


# --- views -----------------------------------------------------------------------------------------------------------


def _views(
    desired: Desired, found: Found, twins: Mapping[str, Relation], queries: Mapping[str, str], plan: Plan
) -> tuple[set[int], set[int], list[Change]]:
    """Removes what should not lie in the schemas; returns the oids of what is gone then and of what stays although
    it is somebody else's, and the views to be made."""
    names = found.names
    access = found.by_name[names.access].oid
    existing = {
        relation.name: relation for relation in found.relations.values() if relation.schema == names.schema
    }
    kept = {
        relation.oid
        for relation in found.relations.values()
        if (relation.schema, relation.name) == (names.audit, "record")
    }
    again: dict[int, View] = {}
    made: list[Change] = []
    for view in desired.views:
        there, twin = existing.get(names.view(view.role)), twins[view.role]
        if there and there.kind == "v" and there.owner == access:
            if there.shape == twin.shape:
                kept.add(there.oid)
                continue
            if _replaceable(there, twin):
                kept.add(there.oid)
                made.append(_made("replace", "CREATE OR REPLACE VIEW", view, names, queries))
                continue
        if there:
            again[there.oid] = view
        made.append(_made("create", "CREATE VIEW", view, names, queries))
    unwanted = {
        (thing.catalog, thing.oid): thing
        for thing in found.things
        if thing.schema != names.private and not (thing.catalog == "pg_class" and thing.oid in kept)
    }
    stuck = _stuck(found, unwanted)
    gone: set[int] = set()
    foreign: set[int] = set()
    for key in _in_order(found, [key for key in unwanted if key not in stuck]):
        thing = unwanted[key]
        gone.add(thing.oid)
        why = "is made anew" if thing.oid in again else "is removed: the policy does not know it"
        plan.changes.append(
            Change(
                "remove",
                f"The {thing.kind} {shown(thing.identity)} {why}.",
                f"DROP {REMOVABLE[thing.kind]} {thing.identity}",
            )
        )
    for key, because in stuck.items():
        thing = unwanted[key]
        relation = found.relations.get(thing.oid) if thing.catalog == "pg_class" else None
        if thing.oid in again and relation and relation.kind == "v" and relation.owner == access:
            gone.add(thing.oid)
            plan.changes += _set_aside(found, relation, because)
            continue
        if relation is None or relation.owner != access:
            foreign.add(thing.oid)  # What it lets anybody read is its owner's to say.
        if thing.oid in again:
            blocked = names.view(again[thing.oid].role)
            made = [change for change in made if change.role != again[thing.oid].role]
            plan.blocker(
                f"The view {names.schema}.{blocked} cannot be made: a {thing.kind} has its name.",
                f"DROP {thing.kind.upper()} {thing.identity} CASCADE;",
                objects=[quoted(names.schema, blocked)],
            )
            continue
        plan.blocker(
            f"The {thing.kind} {shown(thing.identity)} should not be there; it stays, because {because}.",
            f"DROP {thing.kind.upper()} {thing.identity} CASCADE;",
            objects=[thing.identity, *([identity(relation)] if relation else [])],
        )
    for oid, kind, name in found.hooks:
        if oid in kept:
            table = identity(found.relations[oid])
            plan.changes.append(
                Change(
                    "remove",
                    f"The {kind.lower()} {shown(name)} on {shown(table)} is removed.",
                    f"DROP {kind} {name} ON {table}",
                )
            )
    return gone, foreign, made


def _replaceable(there: Relation, twin: Relation) -> bool:
    """Whether CREATE OR REPLACE makes one of the other, so that what readers have built on it stays."""
    if there.columns != twin.columns[: len(there.columns)]:
        return False
    has, wants = json.loads(there.shape or "{}"), json.loads(twin.shape or "{}")
    return all(has.get(part) == wants.get(part) for part in ("row security", "rules", "triggers", "defaults"))


def _made(action: str, verb: str, view: View, names: Names, queries: Mapping[str, str]) -> Change:
    columns = ", ".join(
        shown(entry.column.name) + (f" ({entry.mask})" if entry.mask else "") for entry in view.columns
    )
    rows = (
        f"; only rows that fit on {', '.join(shown(row.column.name) for row in view.rows)}"
        if view.rows
        else ""
    )
    return Change(
        "create" if action == "create" else "replace",
        f"The view {names.schema}.{names.view(view.role)} shows {columns}{rows}.",
        f"{verb} {quoted(names.schema, names.view(view.role))} {definition(queries[view.role])}",
        role=view.role,
    )


def definition(query: str) -> str:
    """What follows a view's name. Without the barrier a reader's own functions would see hidden rows."""
    return f"WITH (security_barrier = true) AS {query}"


def _stuck(found: Found, unwanted: Mapping[tuple[str, int], Thing]) -> dict[tuple[str, int], str]:
    """What cannot be removed, and why."""
    stuck = {key: "it can hold data" for key, thing in unwanted.items() if thing.kind not in REMOVABLE}
    while True:
        more = {}
        for key in unwanted:
            if key in stuck:
                continue
            users = [
                name
                for catalog, oid, name in sorted(found.users.get(key, ()))
                if (catalog, oid) not in unwanted or (catalog, oid) in stuck
            ]
            if users:
                more[key] = f"{shown(users[0])}{f' and {len(users) - 1} more' if users[1:] else ''} use it"
        if not more:
            return stuck
        stuck |= more


def _in_order(found: Found, keys: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Each after whatever cannot be without it."""
    left = list(keys)
    while left:
        free = [
            key
            for key in left
            if not any((catalog, oid) in left for catalog, oid, _ in found.users.get(key, ()))
        ]
        if not free:
            raise Refused(
                f"Things in {found.names.schema} depend on each other in a circle.",
                "A DBA drops them with CASCADE.",
            )
        yield from free
        left = [key for key in left if key not in free]


def _set_aside(found: Found, relation: Relation, because: str) -> Iterator[Change]:
    """A view that somebody builds on cannot be dropped; it must not let them read on, nor be in the way."""
    aside = f"{relation.name}~{relation.oid}"
    yield Change(
        "remove",
        f"The view {shown(identity(relation))} is set aside as {aside}, closed to everybody: {because}.",
        f"ALTER VIEW {identity(relation)} RENAME TO {quoted(aside)}",
    )
    held = [
        grant for grant in found.grants if grant.oid == relation.oid and grant.kind in ("TABLE", "COLUMN")
    ]
    for grantee in dict.fromkeys(grant.grantee for grant in held if grant.grantor == relation.owner):
        yield Change(
            "revoke",
            f"{_named(found, grantee)} may no longer read {shown(aside)}.",
            f"REVOKE ALL ON TABLE {quoted(relation.schema, aside)} FROM {_grantee(found, grantee)} CASCADE",
        )


# --- grants ----------------------------------------------------------------------------------------------------------


def _named(found: Found, grantee: int) -> str:
    return "Everybody" if grantee == PUBLIC else shown(found.role(grantee))


def _grantee(found: Found, grantee: int) -> str:
    return "PUBLIC" if grantee == PUBLIC else quoted(found.role(grantee))


def _wanted_grants(desired: Desired, found: Found) -> dict[tuple[str, str, int], str]:
    """(kind, object, grantee) -> the one privilege that the grantee should have."""
    names = found.names
    wanted = {}
    for view in desired.views:
        reader = found.by_name.get(names.reader(view.role))
        if reader:
            wanted["SCHEMA", quoted(names.schema), reader.oid] = "USAGE"
            wanted["TABLE", quoted(names.schema, names.view(view.role)), reader.oid] = "SELECT"
    access = found.by_name[names.access].oid
    wanted["SCHEMA", quoted(names.private), access] = "USAGE"
    for relation in found.relations.values():
        if relation.schema == names.private:
            wanted["TABLE", identity(relation), access] = "SELECT"
    return wanted


def _object(found: Found, grant: Grant) -> str:
    if grant.kind == "SCHEMA":
        return quoted(grant.schema)
    if grant.kind == "FUNCTION":
        return f"pg_catalog.{grant.object}" if grant.schema == "pg_catalog" else grant.object
    return quoted(grant.schema, grant.object)


def _grants(desired: Desired, found: Found, gone: set[int], plan: Plan) -> None:
    """Takes away what nobody should have."""
    names = found.names
    wanted = _wanted_grants(desired, found)
    access = found.by_name[names.access].oid
    passed_on = {(grant.oid, grant.grantee) for grant in found.grants if grant.grantable}
    for grant in found.grants:
        object_ = _object(found, grant)
        if grant.oid in gone or (grant.kind == "FUNCTION" and grant.schema in (names.schema, names.audit)):
            continue  # It goes altogether.
        right = wanted.get((grant.kind, object_, grant.grantee)) == grant.privilege
        if right and not grant.grantable:
            continue
        if grant.grantor != grant.owner and (grant.oid, grant.grantor) in passed_on:
            continue  # It goes with the right of whoever passed it on.
        kind = "TABLE" if grant.kind == "COLUMN" else grant.kind
        column = f" ({quoted(grant.column)})" if grant.column else ""
        option = "GRANT OPTION FOR " if right else ""
        statement = f"REVOKE {option}{grant.privilege}{column} ON {kind} {object_} FROM {_grantee(found, grant.grantee)} CASCADE"
        who, what = _named(found, grant.grantee), f"{grant.privilege}{shown(column)} on {shown(object_)}"
        if grant.owner == access:
            may = f"pass on {what}" if right else f"{what}"
            plan.changes.append(Change("revoke", f"{who} no longer has {may}.", statement, principal=who))
        else:
            plan.blocker(
                f"{who} has {'the right to pass on ' if right else ''}{what}, which "
                f"{found.names.access} cannot revoke.",
                f"{statement};",
                objects=[object_],
            )


def _allow(desired: Desired, found: Found, gone: set[int], made: list[Change], plan: Plan) -> None:
    """Gives readers what they lack."""
    names = found.names
    has = {
        (grant.kind, _object(found, grant), grant.grantee, grant.privilege)
        for grant in found.grants
        if grant.oid not in gone and grant.grantor == grant.owner
    }
    access = found.by_name[names.access].oid
    there = {
        identity(relation)
        for relation in found.relations.values()
        if relation.oid not in gone and relation.kind == "v" and relation.owner == access
    }
    there |= {quoted(names.schema, names.view(change.role)) for change in made}
    for (kind, object_, grantee), privilege in _wanted_grants(desired, found).items():
        if (kind, object_, grantee, privilege) in has or object_.startswith(quoted(names.private)):
            continue
        if kind == "TABLE" and object_ not in there:
            continue
        role = found.role(grantee).removeprefix(names.reader_prefix)
        plan.changes.append(
            Change(
                "grant",
                f"The role {role} may {'read' if kind == 'TABLE' else 'enter'} {shown(object_)}.",
                f"GRANT {privilege} ON {kind} {object_} TO {quoted(found.role(grantee))}",
                role=role,
            )
        )
