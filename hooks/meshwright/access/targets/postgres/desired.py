"""What is desired of a product in PostgreSQL's terms: logins, memberships and grants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from meshwright.access.grants import Desired, Member
from meshwright.access.targets.postgres.actual import Actual
from meshwright.core.sql.postgres import identifier


def desired_logins(desired: Desired, role: str) -> list[str]:
    """Return the logins of everybody who should read as a role of the policy."""
    return [member.principal.login("postgres") for member in desired.members if member.role == role]


def desired_ends(desired: Desired, role: str) -> dict[str, datetime]:
    """Return login -> when it reads no more, of everybody who should read as a role and whose reading ends."""
    return {
        member.principal.login("postgres"): member.until
        for member in desired.members
        if member.role == role and member.until
    }


def desired_memberships(members: Mapping[str, list[Member]], actual: Actual) -> dict[tuple[int, int], Member]:
    """Return (oid of the login, oid of the reader role) -> member. `members`: login -> its memberships.

    Roles that the bootstrap has not created yet are left out.
    """
    names = actual.names
    return {
        (actual.by_name[login].oid, actual.by_name[names.reader(member.role)].oid): member
        for login, entries in members.items()
        for member in entries
        if names.reader(member.role) in actual.by_name
    }


def desired_grants(desired: Desired, actual: Actual, closed: bool) -> dict[tuple[str, str, int], str]:
    """Return (kind, object, oid of the grantee) -> the one privilege that the grantee should have.

    `closed`: nobody should read the views now.
    """
    names = actual.names
    grants = {}
    for view in desired.views:
        reader = actual.by_name.get(names.reader(view.role))
        if reader:
            grants["SCHEMA", identifier(names.schema), reader.oid] = "USAGE"
            if not closed:
                grants["TABLE", identifier(names.schema, names.view(view.role)), reader.oid] = "SELECT"
    access = actual.by_name[names.access].oid
    grants["SCHEMA", identifier(names.private), access] = "USAGE"
    private = [
        relation.identity for relation in actual.relations.values() if relation.schema == names.private
    ]
    # A new generation may have come between the two looks.
    private += [
        identifier(grant.schema, grant.object) for grant in actual.grants if grant.schema == names.private
    ]
    for relation in private:
        grants["TABLE", relation, access] = "SELECT"
    return grants
