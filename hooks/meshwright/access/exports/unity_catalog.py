"""Databricks Unity Catalog: a file of statements with a view for each role of the policy, and its readers' grants.

The views are dropped and made anew, so that no grant on one survives that the policy does not name. In between,
readers have no access. Grants go to people and service principals only, never to groups, so that nobody comes in who
is not in the policy's members. The file cannot see what else there is: it ends with the queries that show it.

Somebody with several roles chooses the view; no view mixes roles. Readers choose the time zone of their sessions: a
row filter on a timestamp shows no rows where the column is a TIMESTAMP_NTZ, whose meaning would depend on it, and
`year` of a timestamp is the year in the session's time zone.

Tested as far as text goes (golden file, quoting read back by an independent tokenizer); no Databricks was at hand.
https://docs.databricks.com/en/views/dynamic.html
https://docs.databricks.com/en/sql/language-manual/data-types/string-type.html
https://docs.databricks.com/en/sql/language-manual/sql-ref-principal.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshwright.access.exports import sql
from meshwright.access.grants import Desired, Refused, View
from meshwright.core.sql import databricks

PERSON_OR_PROGRAM = re.compile(r"[^\s@]+@[^\s@]+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _quoted(name: str) -> str:
    return databricks.identifier(sql.plain(name, "name"))


def _text(value: str) -> str:
    try:
        return databricks.literal(value)
    except ValueError as error:
        raise Refused(
            f"The value {value!r} has a control character, which Databricks documents no way to write.",
            "Filter rows by another value.",
        ) from error


DATABRICKS = sql.Dialect(
    name=_quoted,
    text=_text,
    day=databricks.day,
    moment=lambda name: f"CASE WHEN typeof({name}) = 'timestamp' THEN unix_micros({name}) END",
    since_1970=str,
    masks={
        ("empty", "*"): "CASE WHEN FALSE THEN {} END",
        ("redacted", "*"): "CASE WHEN {} IS NOT NULL THEN '***' END",
        ("year", "date"): "trunc({}, 'YEAR')",
        ("year", "*"): "date_trunc('YEAR', {})",
        ("domain", "*"): "CASE WHEN instr({}, '@') > 0 THEN substring_index({}, '@', -1) END",
    },
)


def files(desired: Desired, table: str) -> dict[str, str]:
    """Return the file of statements, by its name. Raises Refused."""
    catalog, schema, name = sql.table_parts(table)
    base = ".".join(map(_quoted, (catalog, schema, name)))
    place = ".".join(map(_quoted, (catalog, sql.readers_schema(schema, name))))
    names = {view.role: f"{place}.{_quoted(view.role)}" for view in desired.views}
    members = sql.logins(desired, "databricks")
    for login in members:
        if not PERSON_OR_PROGRAM.fullmatch(login):
            raise Refused(
                f"{login!r} is neither a user's e-mail address nor a service principal's application id, so"
                " Databricks could take it for a group.",
                "Correct the principal's `databricks` login in the corporate directory.",
            )
    head = [
        f"Who reads the data product {sql.plain(desired.product, 'product')}, and what.",
        "",
        "Run it as the owner of the schema of the views, who may read the table, and stop at the first error. It",
        "drops the views that it makes: nobody reads until it is done. Grants do not end by themselves here: make",
        f"and run it again after each change, and not later than {sql.next_end(desired) or '(no access has an end)'}.",
        "",
        "It cannot revoke other grants. The queries at its end must show no more than this:",
        "no SELECT on the table, the schemas or the catalog for readers (it is inherited); no view that the file does",
        "not make; the principals below as the only ones that have SELECT on a view.",
    ]
    grants = (
        [
            f"GRANT USE CATALOG ON CATALOG {_quoted(catalog)} TO {_quoted(login)}",
            f"GRANT USE SCHEMA ON SCHEMA {place} TO {_quoted(login)}",
            *(f"GRANT SELECT ON VIEW {names[member.role]} TO {_quoted(login)}" for member in reads),
        ]
        for login, reads in members.items()
    )
    checks = [
        f"SHOW GRANTS ON TABLE {base}",
        f"SHOW GRANTS ON SCHEMA {_quoted(catalog)}.{_quoted(schema)}",
        f"SHOW GRANTS ON SCHEMA {place}",
        f"SHOW GRANTS ON CATALOG {_quoted(catalog)}",
        f"SHOW VIEWS IN {place}",
        *(f"SHOW GRANTS ON VIEW {view}" for view in names.values()),
    ]
    text = sql.statements(
        head,
        [f"CREATE SCHEMA IF NOT EXISTS {place}"],
        *(_made(view, names[view.role], base) for view in desired.views),
        *grants,
        checks,
    )
    return {"unity-catalog.sql": text}


def _made(view: View, place: str, base: str) -> Iterator[str]:
    sql.unique(
        (visible.column.name.lower() for visible in view.columns),
        "Two columns are both {} in Databricks, which knows no capitals.",
        "Rename one of them.",
    )
    columns = ", ".join(_quoted(visible.column.name) for visible in view.columns)
    expressions = ",\n  ".join(DATABRICKS.column_expression(visible) for visible in view.columns)
    rows = DATABRICKS.rows(view)
    yield f"DROP VIEW IF EXISTS {place}"
    yield f"CREATE VIEW {place} ({columns}) AS SELECT\n  {expressions}\nFROM {base}" + (
        f"\nWHERE {rows}" if rows else ""
    )
