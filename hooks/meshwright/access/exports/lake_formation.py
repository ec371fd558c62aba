"""AWS Lake Formation: a list of calls that gives each principal its columns, and its rows by a data cells filter.

A table is `<account>.<database>.<table>`; principals are ARNs of users, roles or users of Identity Center. Lake
Formation masks no values, and it adds up what several filters of one principal show: a role with a mask, and a
principal with several roles, are refused.

Grants do not end by themselves: run it again after each change and after each end. `apply` first takes away what
`difference` finds, then makes the calls. Not seen by it are grants by LF-tags (`ListPermissions` with the resource type
LF_TAG_POLICY_TABLE) and whoever reads the bucket itself.

Tested with moto (grant, list, revoke) and, where moto has nothing (data cells filters), against botocore's model of
the calls; not with AWS. Row filters keep to what is documented: no dates, no quotes in a value.
https://docs.aws.amazon.com/lake-formation/latest/dg/partiql-support.html
https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_ListPermissions.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from meshwright.access.exports import sql
from meshwright.access.grants import Condition, Desired, ManualAction, Refused, View
from meshwright.core.sql.standard import CONTROL

Call = dict[str, Any]
"""`operation`: the method of boto3's client for lakeformation; `parameters`: its arguments."""

OPERATIONS = ("create_data_cells_filter", "grant_permissions", "revoke_permissions")
PRINCIPAL = re.compile(
    r"arn:aws(-[a-z]+)*:(iam::[0-9]{12}:(user|role)/[\w+=,.@/-]+|identitystore:::user/[0-9a-fA-F-]+)",
    re.ASCII,
)
COMPARED = {"in": ("=", " OR "), "notIn": ("<>", " AND "), "atLeast": (">=", ""), "atMost": ("<=", "")}
LONGEST_FILTER = 2047


def files(desired: Desired, table: str) -> dict[str, str]:
    """Return the file of calls, by its name. Raises Refused."""
    content = {
        "product": desired.product,
        "notLaterThan": sql.next_end(desired),
        "calls": calls(desired, table),
    }
    return {"lake-formation.json": json.dumps(content, indent=2, ensure_ascii=True) + "\n"}


def calls(desired: Desired, table: str) -> list[Call]:
    """Return the calls in their order: the filters, then the grants. Raises Refused."""
    account, database, name = sql.table_parts(table)
    if not re.fullmatch(r"[0-9]{12}", account):
        raise Refused(f"{account!r} is no AWS account.", "Write the table as <account>.<database>.<table>.")
    members = sql.logins(desired, "aws")
    for login, reads in members.items():
        if not PRINCIPAL.fullmatch(login):
            raise Refused(
                f"{login!r} is not the ARN of one user or role.",
                "Correct the principal's `aws` login in the corporate directory.",
            )
        if len(reads) > 1:
            raise Refused(
                f"The principal {reads[0].principal.id!r} has several roles, whose rows and columns Lake Formation"
                " would mix.",
                "Give it one of them, or publish through an engine that keeps them apart.",
            )
    used = [view for view in desired.views if any(member.role == view.role for member in desired.members)]
    resources = {view.role: _resource(view, account, database, name) for view in used}
    filters = [
        {"operation": "create_data_cells_filter", "parameters": {"TableData": _filter(view, resource)}}
        for view, resource in ((view, resources[view.role]) for view in used)
        if view.rows
    ]
    grants = [
        {
            "operation": "grant_permissions",
            "parameters": {
                "CatalogId": account,
                "Principal": {"DataLakePrincipalIdentifier": login},
                "Resource": resources[reads[0].role],
                "Permissions": ["SELECT"],
            },
        }
        for login, reads in members.items()
    ]
    return [*filters, *grants]


def apply(desired: Desired, table: str, keep: Collection[str] = ()) -> list[ManualAction]:
    """Revoke what `desired` does not grant, and grant it, with this machine's credentials; return what is left to do by hand.

    `keep`: identifiers of principals that nothing is taken from; administrators of the data lake are among them. The group
    IAM_ALLOWED_PRINCIPALS, by which every table is open to whoever IAM lets in, loses the table. Raises Refused.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    todo = calls(desired, table)
    try:
        import boto3

        client = boto3.client("lakeformation")
        settings = client.get_data_lake_settings(CatalogId=sql.table_parts(table)[0])["DataLakeSettings"]
        administrators = [each["DataLakePrincipalIdentifier"] for each in settings.get("DataLakeAdmins", ())]
        takes, manual_actions = difference(client, todo, table, {*keep, *administrators})
        run(client, [*takes, *todo])
    except (BotoCoreError, ClientError) as error:
        raise Refused(
            f"Lake Formation did not take the calls: {error}",
            "Run it again as an administrator of the data lake, with AWS_REGION and credentials; what was done stays.",
        ) from error
    return manual_actions


def run(client: Any, todo: Sequence[Call]) -> None:
    """Make the calls. `client`: boto3.client("lakeformation"). A filter that exists is left as it is."""
    for call in todo:
        if call["operation"] not in OPERATIONS:
            raise Refused(f"{call['operation']!r} is no call of this export.", "Export it again.")
    for call in todo:
        try:
            getattr(client, call["operation"])(**call["parameters"])
        except client.exceptions.AlreadyExistsException:
            if call["operation"] != "create_data_cells_filter":
                raise


def difference(
    client: Any, desired: Sequence[Call], table: str, keep: Collection[str] = ()
) -> tuple[list[Call], list[ManualAction]]:
    """Return what to revoke: whatever anybody may do with the table that `desired` (from `calls`) does not grant.

    `keep`: identifiers of principals that nothing is taken from, such as the pipeline and the administrators. What
    is granted on all tables of the database is a ManualAction, because other products may need it.
    """
    account, database, name = sql.table_parts(table)
    grants = [call["parameters"] for call in desired if call["operation"] == "grant_permissions"]
    granted = {_key(grant["Principal"], grant["Resource"]) for grant in grants}
    takes: list[Call] = []
    manual_actions: list[ManualAction] = []
    for permission in _permissions(client, account, database, name):
        resource, principal = permission["Resource"], permission["Principal"]["DataLakePrincipalIdentifier"]
        passed_on = sorted(permission.get("PermissionsWithGrantOption", ()))
        # Nobody may pass it on; what is desired of such a permission, the calls grant anew.
        wished = {"SELECT"} if not passed_on and _key(permission["Principal"], resource) in granted else set()
        rights = sorted({*permission.get("Permissions", ()), *passed_on} - wished)
        if principal in keep or not rights:
            continue
        call = {
            "operation": "revoke_permissions",
            "parameters": {
                "CatalogId": account,
                "Principal": permission["Principal"],
                "Resource": resource,
                "Permissions": rights,
                "PermissionsWithGrantOption": passed_on,
            },
        }
        if "TableWildcard" in next(iter(resource.values())):
            sentence = f"{principal} has {', '.join(rights)} on all tables of the database {database}."
            manual_actions.append(ManualAction(sentence, json.dumps(call, sort_keys=True)))
        else:
            takes.append(call)
    return takes, manual_actions


def _permissions(client: Any, account: str, database: str, table: str) -> list[dict[str, Any]]:
    """Return each permission on the table, its columns and its filters, once."""
    whole = {"Table": {"CatalogId": account, "DatabaseName": database, "Name": table}}
    questions: list[dict[str, Any]] = [
        {"Resource": whole, "IncludeRelated": "TRUE"},
        {"ResourceType": "TABLE"},  # the first question leaves out what is granted on all tables
    ]
    permissions: dict[str, dict[str, Any]] = {}
    for question in questions:
        more: dict[str, str] = {}
        while True:
            page = client.list_permissions(CatalogId=account, **question, **more)
            for entry in page["PrincipalResourcePermissions"]:
                place = next(iter(entry["Resource"].values()))
                named = (
                    place.get("Name")
                    if "DataCellsFilter" not in entry["Resource"]
                    else place.get("TableName")
                )
                if place.get("DatabaseName") == database and (named == table or "TableWildcard" in place):
                    permissions[_key(entry["Principal"], entry["Resource"])] = entry
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
    return [permissions[key] for key in sorted(permissions)]


def _key(principal: dict[str, str], resource: dict[str, Any]) -> str:
    """Return principal and resource as one text, whatever the order of the columns."""
    [(kind, place)] = resource.items()
    parts = {part: sorted(value) if isinstance(value, list) else value for part, value in place.items()}
    return json.dumps([principal["DataLakePrincipalIdentifier"], kind, parts], sort_keys=True)


def _resource(view: View, account: str, database: str, table: str) -> dict[str, Any]:
    """Return what a role reads: columns of the table, or a filter, whose name changes with its content. Raises Refused."""
    for visible in view.columns:
        if visible.mask is not None:
            raise Refused(
                f"The role {view.role} sees {visible.column.name!r} through the mask {visible.mask!r}, and Lake Formation"
                " masks nothing.",
                "Write `above: deny` for the role, or give it a file port, which writes its masked values.",
            )
    columns = [visible.column.name for visible in view.columns]
    if not view.rows:
        place = {"CatalogId": account, "DatabaseName": database, "Name": table, "ColumnNames": columns}
        return {"TableWithColumns": place}
    says = json.dumps([columns, _rows(view)]).encode()
    place = {"TableCatalogId": account, "DatabaseName": database, "TableName": table}
    return {"DataCellsFilter": {**place, "Name": f"{view.role}-{hashlib.sha256(says).hexdigest()[:16]}"}}


def _filter(view: View, resource: dict[str, Any]) -> dict[str, Any]:
    columns = [visible.column.name for visible in view.columns]
    return {
        **resource["DataCellsFilter"],
        "RowFilter": {"FilterExpression": _rows(view)},
        "ColumnNames": columns,
    }


def _rows(view: View) -> str:
    text = " AND ".join(f"({_condition(condition)})" for condition in view.rows)
    if len(text) > LONGEST_FILTER:
        raise Refused(
            f"The rows of the role {view.role} need a filter of {len(text)} characters, and Lake Formation takes"
            f" {LONGEST_FILTER}.",
            "Use fewer or shorter values in access/policy.yaml.",
        )
    return text


def _condition(condition: Condition) -> str:
    """Return a condition as Lake Formation writes it. Raises Refused."""
    name, kind = condition.column.name, condition.column.logical_type
    if kind not in ("string", "integer", "number", "boolean") or '"' in name or CONTROL.search(name):
        raise Refused(
            f"Lake Formation cannot filter rows by the column {name!r} ({kind}).",
            "Filter by a column of text, numbers or booleans without a quote in its name.",
        )
    operator, joined = COMPARED[condition.operation]
    return joined.join(f'("{name}" {operator} {_literal(condition, value)})' for value in condition.values)


def _literal(condition: Condition, value: Any) -> str:
    read = sql.typed(condition.column, value)
    if not isinstance(read, str):
        return str(read).lower() if isinstance(read, bool) else repr(read).upper()
    if "'" in read or "\\" in read or CONTROL.search(read):
        raise Refused(
            f"The value {read!r} has a quote, a backslash or a control character, for which Lake Formation"
            " documents no way to write it.",
            "Filter rows by another value.",
        )
    return f"'{read}'"
