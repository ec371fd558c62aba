"""The access matrix: what each login can do in the product's schemas, as PostgreSQL itself decides it.

Grants are only one way to a privilege: superusers, predefined roles and memberships that somebody can switch to
(SET ROLE) are others. So the server is asked for each role, and a login has what the roles have that it can reach.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import psycopg

from meshwright.access.targets.postgres.actual import Actual
from meshwright.access.targets.postgres.names import display_text
from meshwright.core.sql.postgres import identifier


class Can(NamedTuple):
    """A login's privilege on a schema, a relation, a column or a function."""

    login: str
    schema: str
    object: str
    column: str
    privilege: str


class RightsDifference(NamedTuple):
    can: Can
    wrongly_granted: bool
    """False: what was granted is missing."""


# Statistics hold values of columns; nobody but superusers may read their tables.
_MATRIX = """
WITH schemas AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY(%(schemas)s)),
who AS (SELECT unnest(%(roles)s::oid[]) AS role),
tables AS (
  SELECT c.oid, n.nspname AS schema, c.relname::text AS name  -- not of the type name, which cuts what is longer
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE (c.relnamespace IN (SELECT oid FROM schemas) AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S'))
     OR c.oid IN ('pg_statistic'::regclass, 'pg_statistic_ext_data'::regclass)
),
-- Role by role (OFFSET keeps it so): the server remembers whose memberships it worked out last, and no others.
opened AS MATERIALIZED (
  SELECT who.role, readable.* FROM who CROSS JOIN LATERAL (
    SELECT * FROM tables WHERE has_table_privilege(who.role, tables.oid, %(any)s) OFFSET 0
  ) AS readable
)
SELECT role::bigint, schema, name, '', privilege
FROM opened CROSS JOIN unnest(%(privileges)s::text[]) AS privilege
WHERE has_table_privilege(role, opened.oid, privilege)
UNION ALL
-- Without a right to the whole table, a right to a column can only come from the column's own grants.
SELECT role::bigint, schema, name, attname, privilege
FROM tables JOIN pg_attribute a ON a.attrelid = tables.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped
CROSS JOIN who CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege
WHERE schema = ANY(%(schemas)s) AND has_column_privilege(role, tables.oid, a.attnum, privilege)
  AND NOT has_table_privilege(role, tables.oid, privilege)
UNION ALL
SELECT role::bigint, nspname, '', '', privilege
FROM who CROSS JOIN schemas CROSS JOIN unnest(ARRAY['USAGE', 'CREATE']) AS privilege
WHERE has_schema_privilege(role, schemas.oid, privilege)
UNION ALL
SELECT role::bigint, s.nspname, (pg_identify_object('pg_proc'::regclass, p.oid, 0)).identity, '()', 'EXECUTE'
FROM who CROSS JOIN pg_proc p JOIN schemas s ON s.oid = p.pronamespace
WHERE has_function_privilege(role, p.oid, 'EXECUTE')
"""

_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def actual_matrix(connection: psycopg.Connection[Any], actual: Actual, trusted: set[str]) -> set[Can]:
    """Return what every login can do in the product's schemas, the administrators apart."""
    logins = [role for role in actual.roles.values() if role.login and role.name not in trusted]
    privileges = [*_PRIVILEGES, *(["MAINTAIN"] if actual.version >= 170000 else [])]
    parameters = {
        "schemas": list(actual.names.schemas),
        "roles": sorted({role for login in logins for role in actual.reach[login.oid]}),
        "privileges": privileges,
        "any": ", ".join(privileges),
    }
    rights: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for role, *right in connection.execute(_MATRIX, parameters):
        rights[role].add(tuple(right))
    return {
        Can(
            login.name,
            schema,
            identifier(schema, object_) if object_ and column != "()" else object_ or identifier(schema),
            column,
            privilege,
        )
        for login in logins
        for role in actual.reach[login.oid]
        for schema, object_, column, privilege in rights.get(role, ())
    }


def desired_matrix(members: Iterable[tuple[str, str]], actual: Actual, closed: bool = False) -> set[Can]:
    """Return what every login should be able to do in the product's schemas. `members`: login and role of the policy.

    `closed`: nobody should read the views now.
    """
    names = actual.names
    can = set()
    for login, role in members:
        can.add(Can(login, names.schema, identifier(names.schema), "", "USAGE"))
        if not closed:
            can.add(Can(login, names.schema, identifier(names.schema, names.view(role)), "", "SELECT"))
    can.add(Can(names.access, names.private, identifier(names.private), "", "USAGE"))
    if actual.published:  # Older generations may be dropped meanwhile.
        can.add(
            Can(names.access, names.private, identifier(names.private, names.dataset), "", "SELECT"),
        )
    return can


def differences(
    actual_rights: set[Can], desired_rights: set[Can], actual: Actual, trusted: set[str]
) -> list[RightsDifference]:
    """Return where the two are not equal. Owners may do everything in their own schemas."""
    names = actual.names
    owners = {(names.access, names.schema), (names.access, names.audit), (names.pipeline, names.private)}

    def counts(entry: Can) -> bool:
        if (entry.login, entry.schema, entry.privilege) == (names.access, names.private, "SELECT"):
            return entry in desired_rights  # It may also read what the published view is made of.
        return entry.login not in trusted and (entry.login, entry.schema) not in owners

    return [
        *(RightsDifference(entry, True) for entry in sorted(actual_rights - desired_rights) if counts(entry)),
        *(
            RightsDifference(entry, False)
            for entry in sorted(desired_rights - actual_rights)
            if counts(entry)
        ),
    ]


def sentences(different: list[RightsDifference]) -> list[str]:
    """Return one sentence for each login, schema and set of privileges, however many objects."""
    per_object: dict[tuple[bool, str, str, str], set[str]] = defaultdict(set)
    for (login, schema, object_, column, privilege), wrongly_granted in different:
        what = f"{object_}.{column}" if column and column != "()" else object_
        per_object[wrongly_granted, login, schema, what].add(privilege)
    grouped: dict[tuple[bool, str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (wrongly_granted, login, schema, what), privileges in per_object.items():
        grouped[wrongly_granted, login, schema, tuple(sorted(privileges))].append(what)
    return [
        f"{display_text(login)} {'can' if wrongly_granted else 'cannot'} {', '.join(privileges)} on {_some(objects)}, "
        f"{'which nobody granted' if wrongly_granted else 'which was granted'}."
        for (wrongly_granted, login, _, privileges), objects in sorted(grouped.items())
    ]


def _some(objects: Iterable[str]) -> str:
    listed = sorted(objects)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return display_text(", ".join(listed[:3])) + more
