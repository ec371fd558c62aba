"""Memberships in the product's reader roles: who gets one, who loses one, and which only an administrator can end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from meshwright.access.grants import Change, Desired, Member
from meshwright.access.targets.postgres.actual import DATABASE_OWNER, NO_ATTRIBUTES, Actual, Membership
from meshwright.access.targets.postgres.database_plan import DatabasePlan
from meshwright.access.targets.postgres.desired import desired_memberships
from meshwright.access.targets.postgres.names import display_text, is_role_name
from meshwright.core.sql.postgres import identifier
from meshwright.product.agreement_length import shown_end

Keyed = Mapping[tuple[int, int], Member]
"""(oid of the login, oid of the reader role) -> member."""


def members_with_login(desired: Desired, actual: Actual, plan: DatabasePlan) -> dict[str, list[Member]]:
    """Return login -> its memberships, for the principals that have a login of their own; the others are blockers."""
    by_login: dict[str, list[Member]] = defaultdict(list)
    for member in desired.members:
        by_login[member.principal.login("postgres")].append(member)
    usable = {}
    for login, members in by_login.items():
        people = sorted({member.principal.id for member in members})
        role = actual.by_name.get(login)
        who = " and ".join(display_text(person) for person in people)
        if len(people) > 1:
            plan.blocker(
                f"{who} have the same login {display_text(login)}: one would read what the other may. Neither does.",
                "-- Give each a login of their own in the directory.",
            )
        elif (
            _is_product_role(actual, login)
            or (role is not None and not role.login)
            or (role is None and not is_role_name(login))
        ):
            plan.blocker(
                f"{who} cannot read: {display_text(login)} is no login for a person or a program.",
                "-- Give them a login of their own in the directory.",
            )
        elif role is None:
            plan.blocker(
                f"{who} cannot read yet: there is no login {display_text(login)}.",
                f"CREATE ROLE {identifier(login)} LOGIN {NO_ATTRIBUTES};",
            )
        else:
            usable[login] = members
    return usable


def _is_product_role(actual: Actual, login: str) -> bool:
    names = actual.names
    return login in (names.access, names.pipeline) or login.startswith(names.reader_prefix)


def change_memberships(
    actual: Actual, members: Mapping[str, list[Member]], trusted: set[str], plan: DatabasePlan
) -> list[Change]:
    """Return the revocations, then the grants. What the applier cannot change becomes a blocker.

    `members`: see `members_with_login`; `trusted`: logins that may act as others.
    """
    desired = desired_memberships(members, actual)
    revocations, unchanged = _revocations(actual, desired, plan)
    grants = _grants(actual, desired, unchanged, plan)
    _report_indirect_readers(actual, trusted, plan)
    return [*revocations, *grants]


def _revocations(
    actual: Actual, desired: Keyed, plan: DatabasePlan
) -> tuple[list[Change], set[tuple[int, int]]]:
    """Return what is revoked, and the memberships that stay exactly as they are."""
    access = actual.by_name[actual.names.access].oid
    readers = {role.oid for role in actual.readers}
    revocations: list[Change] = []
    unchanged = set()
    for row in actual.memberships:
        if row.role not in readers or row.member == access:
            continue
        login, key = actual.role(row.member), (row.member, row.role)
        administered = row.role in actual.administered
        ours = row.grantor == access or not actual.membership_options
        if not ours and administered and _rests_on(actual, row, access):
            continue  # It ends with the right of whoever passed it on.
        if not (ours and administered):
            plan.blocker(
                f"{display_text(login)} is in {display_text(actual.role(row.role))} by {display_text(actual.role(row.grantor))}'s grant, "
                f"which {actual.names.access} cannot revoke.",
                revocation(actual, row),
                logins=actual.logins_with(row.member),
            )
        elif key not in desired or row.admin:
            revocations.append(_revoked(actual, row, desired.get(key)))
        if ours and key in desired and (not actual.membership_options or (row.inherit and not row.set)):
            unchanged.add(key)
    return revocations, unchanged


def _revoked(actual: Actual, row: Membership, member: Member | None) -> Change:
    """Return the change that ends a membership; if it is desired, the one that ends only its admin option."""
    reader, login = actual.role(row.role), actual.role(row.member)
    if member is None:
        role = reader.removeprefix(actual.names.reader_prefix)
        return Change(
            "revoke",
            f"{display_text(login)} may no longer read as {display_text(role)}.",
            f"REVOKE {identifier(reader)} FROM {identifier(login)} CASCADE",
            principal=display_text(login),
            role=role,
        )
    return Change(
        "revoke",
        f"{display_text(login)} may no longer say who else reads as {member.role}.",
        f"REVOKE ADMIN OPTION FOR {identifier(reader)} FROM {identifier(login)} CASCADE",
        principal=member.principal.id,
        role=member.role,
    )


def _grants(
    actual: Actual, desired: Keyed, unchanged: set[tuple[int, int]], plan: DatabasePlan
) -> list[Change]:
    options = " WITH ADMIN FALSE, INHERIT TRUE, SET FALSE" if actual.membership_options else ""
    grants = []
    for (login_oid, reader_oid), member in sorted(desired.items(), key=lambda item: (item[1].role, item[0])):
        login, reader = actual.roles[login_oid], actual.roles[reader_oid]
        plan.members.add((login.name, member.role))
        if (login_oid, reader_oid) in unchanged or reader_oid not in actual.administered:
            continue
        if login_oid in actual.reach[reader_oid]:
            plan.blocker(
                f"{display_text(login.name)} cannot become a reader: {display_text(reader.name)} is itself in {display_text(login.name)}.",
                f"REVOKE {identifier(login.name)} FROM {identifier(reader.name)} CASCADE;",
                logins=[login.name],
            )
            continue
        until = f", until {shown_end(member.until)}" if member.until else ""
        grants.append(
            Change(
                "grant",
                f"{_person(member)} may read as {member.role}{until}.",
                f"GRANT {identifier(reader.name)} TO {identifier(login.name)}{options}",
                member.agreements,
                member.principal.id,
                member.role,
            )
        )
    return grants


def _report_indirect_readers(actual: Actual, trusted: set[str], plan: DatabasePlan) -> None:
    """Whoever can act as a reader reads as well."""
    for name, role in sorted(plan.members):
        reader = actual.by_name[name].oid
        for other in sorted(actual.logins_with(reader) - {name} - trusted):
            plan.blocker(
                f"{display_text(other)} can act as {display_text(name)}, and so read as {role}.",
                "\n".join(revocations_between(actual, actual.by_name[other].oid, reader)),
                logins=[other],
            )


def _rests_on(actual: Actual, row: Membership, grantor: int) -> bool:
    """Return True if, in the end, a membership rests on nothing but what `grantor` itself has granted."""
    above = [
        other
        for other in actual.memberships
        if other.role == row.role and other.member == row.grantor and other.admin and other != row
    ]
    return bool(above) and all(
        other.grantor == grantor or _rests_on(actual, other, grantor) for other in above
    )


def _person(member: Member) -> str:
    principal = member.principal
    login = principal.login("postgres")
    more = [principal.id] if principal.name else []
    more += [f"login {login}"] if login != principal.id else []
    named = principal.name or principal.id
    return display_text(f"{named} ({', '.join(more)})" if more else named)


def revocation(actual: Actual, row: Membership) -> str:
    """Return the statement that ends a membership, for an administrator."""
    if actual.role(row.role) == DATABASE_OWNER:
        return f"ALTER DATABASE {identifier(actual.database)} OWNER TO CURRENT_USER;"
    by = f" GRANTED BY {identifier(actual.role(row.grantor))}" if actual.membership_options else ""
    return (
        f"REVOKE {identifier(actual.role(row.role))} FROM {identifier(actual.role(row.member))}{by} CASCADE;"
    )


def revocations_between(actual: Actual, member: int, target: int) -> list[str]:
    """Return the statements that end the memberships that lead from a role to another; those of readers stay."""
    readers = {role.oid for role in actual.readers}
    rows = [
        row
        for row in actual.memberships
        if row.role not in readers
        and row.member in actual.reach[member]
        and row.role in actual.reach
        and target in actual.reach[row.role]
    ]
    return [revocation(actual, row) for row in rows if row.member == member] or [
        revocation(actual, row) for row in rows
    ]
