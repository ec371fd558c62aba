"""Snowflake: a file of statements with a secure view and a role for each role of the policy.

Everything is dropped and made anew, so that no grant on a view and no member of a role survives that the policy does
not name; `CREATE OR REPLACE` would not do, because it copies grants (always, from behaviour change BCR-2433 on). In
between, readers have no access. The file cannot see what else there is: it ends with the queries that show it.

All names are quoted, so they have to be as Snowflake stores them, mostly in capitals: the table's, the columns' in the
contract, and what the directory says principals are called at `snowflake`.

Somebody with several roles chooses the view; no view mixes roles. No filter depends on the reader's session
parameters; `year` of a TIMESTAMP_LTZ is the year in the session's time zone.

Tested as far as text goes (golden file, quoting read back by an independent tokenizer); no Snowflake was at hand.
https://docs.snowflake.com/en/user-guide/views-secure
https://docs.snowflake.com/en/sql-reference/data-types-text
https://docs.snowflake.com/en/release-notes/bcr-bundles/2026_08/bcr-2433
"""

from __future__ import annotations

from collections.abc import Iterator

from meshwright.access.exports import sql
from meshwright.access.grants import Desired, View
from meshwright.core.sql import snowflake


def quoted(name: str) -> str:
    """Return a name as an identifier. Raises Refused."""
    return snowflake.identifier(sql.plain(name, "name"))


SNOWFLAKE = sql.Dialect(
    name=quoted,
    text=snowflake.literal,
    day=snowflake.day,
    moment="DATE_PART(EPOCH_MICROSECOND, {})".format,
    since_1970=str,
    masks={
        ("empty", "*"): "CASE WHEN FALSE THEN {} END",
        ("redacted", "*"): "CASE WHEN {} IS NOT NULL THEN '***' END",
        ("year", "*"): "DATE_TRUNC('YEAR', {})",
        ("domain", "*"): "CASE WHEN POSITION('@', {}) > 0 THEN SPLIT_PART({}, '@', -1) END",
    },
)


def files(desired: Desired, table: str) -> dict[str, str]:
    """Return the file of statements, by its name. Raises Refused."""
    database, schema, name = sql.table_parts(table)
    base = ".".join(map(quoted, (database, schema, name)))
    place = ".".join(map(quoted, (database, sql.readers_schema(schema, name))))
    members = sql.logins(desired, "snowflake")
    names = {
        view.role: (f"{place}.{quoted(view.role)}", quoted(f"{table}:{view.role}")) for view in desired.views
    }
    head = [
        f"Who reads the data product {sql.plain(desired.product, 'product')}, and what.",
        "",
        "Run it as a role that owns the schema of the views, may read the table and manages roles and grants, and",
        "stop at the first error. It drops the views and roles that it makes: nobody reads until it is done.",
        "Grants do not end by themselves here: make and run it again after each change, and not later than",
        f"{sql.next_end(desired) or '(no access has an end)'}.",
        "",
        "It cannot revoke other grants. The queries at its end must show no more than this:",
        "no grant on the table and no future grant for readers; no view and no role of this table that the file",
        "does not make; the users below as the only ones that have its roles, and no role that has them.",
    ]
    checks = [
        f"SHOW GRANTS ON TABLE {base}",
        f"SHOW FUTURE GRANTS IN DATABASE {quoted(database)}",
        f"SHOW FUTURE GRANTS IN SCHEMA {quoted(database)}.{quoted(schema)}",
        f"SHOW FUTURE GRANTS IN SCHEMA {place}",
        f"SHOW VIEWS IN SCHEMA {place}",
        f"SHOW ROLES STARTS WITH {snowflake.literal(table + ':')}",
        *(f"SHOW GRANTS ON VIEW {view}" for view, _ in names.values()),
        *(f"SHOW GRANTS {which} ROLE {role}" for _, role in names.values() for which in ("OF", "TO")),
    ]
    text = sql.statements(
        head,
        [
            "ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE",
            f"CREATE SCHEMA IF NOT EXISTS {place} WITH MANAGED ACCESS",
        ],
        (f"DROP ROLE IF EXISTS {role}" for _, role in names.values()),
        *(made_view(view, names[view.role][0], base) for view in desired.views),
        *(
            [
                f"CREATE ROLE {role}",
                f"GRANT USAGE ON DATABASE {quoted(database)} TO ROLE {role}",
                f"GRANT USAGE ON SCHEMA {place} TO ROLE {role}",
                f"GRANT SELECT ON VIEW {view} TO ROLE {role}",
                *(
                    f"GRANT ROLE {role} TO USER {quoted(user)}"
                    for user, reads in members.items()
                    if policy_role in {member.role for member in reads}
                ),
            ]
            for policy_role, (view, role) in names.items()
        ),
        checks,
    )
    return {"snowflake.sql": text}


def made_view(view: View, place: str, base: str) -> Iterator[str]:
    """Yield the statements that make a role's view anew. `place`, `base`: the view and the table, quoted."""
    sql.unique(
        (visible.column.name for visible in view.columns), "Two columns are called {}.", "Rename one of them."
    )
    columns = ", ".join(quoted(visible.column.name) for visible in view.columns)
    expressions = ",\n  ".join(SNOWFLAKE.column_expression(visible) for visible in view.columns)
    rows = SNOWFLAKE.rows(view)
    yield f"DROP VIEW IF EXISTS {place}"
    yield f"CREATE SECURE VIEW {place} ({columns}) AS SELECT\n  {expressions}\nFROM {base}" + (
        f"\nWHERE {rows}" if rows else ""
    )
