"""Amazon Redshift's datashares: one for each role that programs of other accounts or namespaces read in.

A program is an AWS account (12 digits) or a Redshift namespace (a GUID) here: what the directory says it is called at
`redshift`. Everybody whom that one lets in reads what is shared with it, so people are never recipients.

A datashare has the role's view and nothing else; it is dropped and made anew. Redshift stores names in small letters
unless a session says otherwise, so other names are refused. A filter on a timestamp is refused as well: what
Redshift makes of one depends on the session's time zone.

Tested as far as text goes (golden file, quoting read back by an independent tokenizer); no Redshift was at hand.
https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_DATASHARE.html
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DATASHARE.html
https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshwright.access.exports import sql
from meshwright.access.grants import Desired, Refused, View
from meshwright.core.sql import redshift

RECIPIENT = re.compile(r"[0-9]{12}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _quoted(name: str) -> str:
    if not redshift.is_plain(name):
        raise Refused(
            f"Redshift would store the name {name!r} as another one.",
            f"Use small letters there, and at most {redshift.NAME_BYTES} bytes.",
        )
    return redshift.identifier(sql.plain(name, "name"))


def _text(text: str) -> str:
    if "\\" in text or sql.TEMPLATED.search(text):
        raise Refused(
            f"The value {text!r} cannot be in a file of statements for Redshift.",
            "Filter by a value without backslashes, control characters and $ & { } < >.",
        )
    return redshift.literal(text)


def _moment(name: str) -> str:
    raise Refused(
        f"Rows cannot be filtered by the timestamp {name} in Redshift.",
        "Filter by a date, or share the product through another engine.",
    )


REDSHIFT = sql.Dialect(
    name=_quoted,
    text=_text,
    day=redshift.day,
    moment=_moment,
    since_1970=str,
    masks={
        ("empty", "*"): "CASE WHEN FALSE THEN {} END",
        ("redacted", "*"): "CASE WHEN {} IS NOT NULL THEN '***' END",
        ("year", "date"): "CAST(DATE_TRUNC('year', {}) AS DATE)",
        ("year", "*"): "DATE_TRUNC('year', {})",
        ("domain", "*"): "CASE WHEN STRPOS({}, '@') > 0 THEN REVERSE(SPLIT_PART(REVERSE({}), '@', 1)) END",
    },
)


def files(desired: Desired, table: str) -> dict[str, str]:
    """Return the file of statements, by its name. Raises Refused."""
    desired = sql.of_programs(desired)
    database, schema, name = sql.table_parts(table)
    base, place = ".".join(map(_quoted, (schema, name))), _quoted(sql.readers_schema(schema, name))
    by_recipient = sql.accounts(
        desired, "redshift", RECIPIENT, "123456789012 or a namespace's GUID in small letters"
    )
    shares = {
        view.role: _quoted(f"{schema}__{name}__{view.role}".replace("-", "_")) for view in desired.views
    }
    sql.unique(shares.values(), "Two roles would have the datashare {}.", "Rename one of them.")
    head = [
        f"What other accounts read of the data product {sql.plain(desired.product, 'product')}.",
        "",
        f"Run it in the database {_quoted(database)}, as a user that may create datashares, owns the schema of the",
        "views and may read the table, and stop at the first error. It drops the datashares that it makes: nobody",
        "reads until it is done. Datashares do not end by themselves: make and run it again after each change, and",
        f"not later than {sql.next_end(desired) or '(no access has an end)'}.",
        "The queries at its end must show no other object and no other consumer.",
    ]
    text = sql.statements(
        head,
        [
            f"CREATE SCHEMA IF NOT EXISTS {place}",
            *(f"DROP DATASHARE IF EXISTS {share}" for share in shares.values()),
        ],
        *(_made_view(view, f"{place}.{_quoted(view.role)}", base) for view in desired.views),
        *(
            [
                f"CREATE DATASHARE {share} SET PUBLICACCESSIBLE FALSE",
                f"ALTER DATASHARE {share} ADD SCHEMA {place}",
                f"ALTER DATASHARE {share} ADD TABLE {place}.{_quoted(role)}",
                *(
                    f"GRANT USAGE ON DATASHARE {share} TO {_recipient(recipient)}"
                    for recipient, reads in by_recipient.items()
                    if role in {member.role for member in reads}
                ),
            ]
            for role, share in shares.items()
        ),
        ["SHOW DATASHARES", *(f"DESC DATASHARE {share}" for share in shares.values())],
    )
    return {"redshift-datashare.sql": text}


def _recipient(recipient: str) -> str:
    return f"{'ACCOUNT' if recipient.isdigit() else 'NAMESPACE'} '{recipient}'"


def _made_view(view: View, place: str, base: str) -> Iterator[str]:
    sql.unique(
        (visible.column.name for visible in view.columns), "Two columns are called {}.", "Rename one of them."
    )
    expressions = ",\n  ".join(
        f"{REDSHIFT.column_expression(visible)} AS {_quoted(visible.column.name)}" for visible in view.columns
    )
    rows = REDSHIFT.rows(view)
    yield f"DROP VIEW IF EXISTS {place}"
    yield f"CREATE VIEW {place} AS SELECT\n  {expressions}\nFROM {base}" + (f"\nWHERE {rows}" if rows else "")
