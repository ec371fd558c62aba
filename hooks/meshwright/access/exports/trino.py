"""Trino with Open Policy Agent: a bundle that OPA serves, and the configuration of Trino's OPA plugin.

The folder is read by `opa run --server --bundle FOLDER` (OPA 1.0 or newer). The policy is the same for every product
(`trino.rego`); each table adds one `data.json` of its own, so several products can be exported into one folder. A
product that has gone leaves its folder below meshwright/trino/published: delete it.

Only reading is ever allowed: no view, no function of a connector, no impersonation, no SHOW CREATE. Trino takes the
names of catalogs, schemas, tables and columns in small letters, and so does the bundle; users are as they are. Groups
are ignored: the directory's members are in the data with the end of their access, which OPA compares with its clock
at every request.

Trino knows one table for all roles of a user. Somebody who has several roles sees what *all* of them see: the rows
that satisfy every role's conditions, the columns that every role has, a value as it is only where every role shows it
so; where the roles mask it differently, no value at all.

A filter's columns are read by Trino as the user. A role whose rows depend on a column that it does not see is
refused, and so is a principal whose roles are like that together. `redacted` gives `***`, which a column that is
shorter than three characters cannot hold: Trino then ends the query with an error.

Tested with real OPA 1.20 against the requests of Trino's plugin (documentation and source, 434 to 476); not with a
running Trino. https://trino.io/docs/current/security/opa-access-control.html
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from meshwright.access.exports import sql
from meshwright.access.grants import Desired, Member, Refused, View
from meshwright.core.sql import trino

POLICY = Path(__file__).with_name("trino.rego")
ROOT = "meshwright/trino"
NO_FILE_NAME = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]")
LATEST = datetime(2262, 1, 1, tzinfo=UTC)
"""OPA counts nanoseconds in 64 bits."""

PROPERTIES = """\
# For etc/access-control.properties of Trino; put in OPA's address. Leave out none of these lines: without the
# third, Trino filters no rows, and without the fourth it masks nothing.
access-control.name=opa
opa.policy.uri=http://localhost:8181/v1/data/meshwright/trino/allow
opa.policy.row-filters-uri=http://localhost:8181/v1/data/meshwright/trino/rowFilters
opa.policy.batch-column-masking-uri=http://localhost:8181/v1/data/meshwright/trino/batchColumnMasks
opa.policy.batched-uri=http://localhost:8181/v1/data/meshwright/trino/batch
"""


def _since_1970(microseconds: int) -> str:
    return f"{Decimal(microseconds).scaleb(-6):f}E0"


TRINO = sql.Dialect(
    name=trino.identifier,
    text=trino.literal,
    day=trino.day,
    moment="to_unixtime({})".format,
    since_1970=_since_1970,
    masks={
        ("empty", "*"): "NULL",  # Trino gives it the column's type
        ("redacted", "*"): "CASE WHEN {} IS NOT NULL THEN '***' END",
        ("year", "*"): "date_trunc('year', {})",
        ("domain", "*"): "CASE WHEN strpos({}, '@') > 0 THEN element_at(split({}, '@'), -1) END",
    },
)


def files(desired: Desired, table: str) -> dict[str, str]:
    """Return the files of a bundle, by their path in the folder. Raises Refused."""
    catalog, schema, name = (_place(part) for part in sql.table_parts(table))
    if catalog == "system" or schema == "information_schema":
        raise Refused(f"The table {table!r} would be one of Trino's own.", "Publish the product elsewhere.")
    users = sql.logins(desired, "trino")
    for members in users.values():
        _refuse_filters_on_hidden_columns(
            [desired.view(member.role) for member in members], members[0].principal.id
        )
    document = {
        "product": desired.product,
        "roles": {view.role: _role(view) for view in desired.views},
        "users": {
            user: {member.role: _until(member) for member in members} for user, members in users.items()
        },
    }
    return {
        ".manifest": _json({"rego_version": 1, "roots": [ROOT]}),
        f"{ROOT}/policy.rego": POLICY.read_text(encoding="utf-8"),
        f"{ROOT}/published/{catalog}/{schema}/{name}/data.json": _json(document),
        "access-control.properties": PROPERTIES,
    }


def _place(part: str) -> str:
    """Return a part of the table's name, which becomes a folder. Raises Refused."""
    if NO_FILE_NAME.search(part) or len(part.encode()) > 255:
        raise Refused(
            f"{part!r} cannot be the name of a folder in the bundle.",
            "Give the catalog, schema or table a shorter name, without slashes and the like.",
        )
    return part.lower()


def _role(view: View) -> dict[str, Any]:
    sql.unique(
        (visible.column.name.lower() for visible in view.columns),
        "The data set has two columns that are both {} in Trino, which knows no capitals.",
        "Rename one of them.",
    )
    _refuse_filters_on_hidden_columns([view], "")
    columns = {
        visible.column.name.lower(): {"mask": TRINO.column_expression(visible)}
        if visible.mask is not None
        else {}
        for visible in view.columns
    }
    return {"columns": columns, "rows": TRINO.rows(view) or "true"}


def _refuse_filters_on_hidden_columns(views: list[View], principal: str) -> None:
    """Raise Refused if a view filters rows by a column that another of the views does not have."""
    for view in views:
        for condition in view.rows:
            for other in views:
                if condition.column.name not in {visible.column.name for visible in other.columns}:
                    who = f", and {principal!r} reads in both" if principal else ""
                    raise Refused(
                        f"The rows of the role {view.role} depend on {condition.column.name!r}, which the role"
                        f" {other.role} does not see{who}. Trino reads a filter's columns as the user.",
                        "Let the role see the column through a mask (`above: mask`), filter by another one, or"
                        " give the principal one role.",
                    )


def _until(member: Member) -> str | None:
    if member.until is None:
        return None
    return min(member.until.astimezone(UTC), LATEST).isoformat(timespec="microseconds")


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
