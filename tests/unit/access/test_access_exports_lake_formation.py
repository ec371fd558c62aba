"""The calls for Lake Formation, made against moto, and checked against AWS's own model of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from moto import mock_aws

from meshwright.access.exports import lake_formation
from meshwright.access.grants import (
    Column,
    Condition,
    Desired,
    Member,
    Principal,
    Refused,
    Value,
    View,
    VisibleColumn,
)

ACCOUNT = "123456789012"
TABLE = f"{ACCOUNT}.airport.departures"
FLIGHT, ORIGIN = Column("flight", "integer", "public"), Column("origin", "string", "public")
SALARY = Column("salary", "number", "secret")
READER = View(
    "reader",
    "human",
    (VisibleColumn(FLIGHT), VisibleColumn(ORIGIN)),
    (Condition(ORIGIN, "in", ("JFK", "LGA")),),
)
MACHINE = View("machine", "machine", (VisibleColumn(ORIGIN), VisibleColumn(FLIGHT)))
ADA, SERVICE = (f"arn:aws:iam::{ACCOUNT}:{name}" for name in ("user/ada", "role/punctuality"))


def member(name: str, role: str, arn: str) -> Member:
    return Member(Principal(name, "human", logins={"aws": arn}), role, ("a1",), None)


def desired(*members: Member, views: tuple[View, ...] = (READER, MACHINE)) -> Desired:
    return Desired("airport-operations/departures", "departures", views, members)


DESIRED = desired(member("service", "machine", SERVICE), member("ada", "reader", ADA))


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("lakeformation", region_name="eu-central-1")


def grant(
    client: Any, principal: str, resource: dict[str, Any], *rights: str, passed_on: tuple[str, ...] = ()
) -> None:
    client.grant_permissions(
        CatalogId=ACCOUNT,
        Principal={"DataLakePrincipalIdentifier": principal},
        Resource=resource,
        Permissions=list(rights),
        PermissionsWithGrantOption=list(passed_on),
    )


def whole(**more: Any) -> dict[str, Any]:
    return {"Table": {"CatalogId": ACCOUNT, "DatabaseName": "airport", "Name": "departures", **more}}


def columns(*names: str) -> dict[str, Any]:
    place = {"CatalogId": ACCOUNT, "DatabaseName": "airport", "Name": "departures"}
    return {"TableWithColumns": {**place, "ColumnNames": list(names)}}


def there(client: Any) -> list[tuple[str, Any, list[str]]]:
    found = client.list_permissions(CatalogId=ACCOUNT)["PrincipalResourcePermissions"]
    return sorted(
        (each["Principal"]["DataLakePrincipalIdentifier"], str(each["Resource"]), sorted(each["Permissions"]))
        for each in found
    )


def test_each_principal_gets_the_columns_and_rows_of_its_role() -> None:
    expression = "((\"origin\" = 'JFK') OR (\"origin\" = 'LGA'))"
    data_filter, *grants = lake_formation.calls(DESIRED, TABLE)
    place = {"TableCatalogId": ACCOUNT, "DatabaseName": "airport", "TableName": "departures"}
    name = data_filter["parameters"]["TableData"]["Name"]
    assert name.startswith("reader-")
    assert data_filter == {
        "operation": "create_data_cells_filter",
        "parameters": {
            "TableData": {
                **place,
                "Name": name,
                "RowFilter": {"FilterExpression": expression},
                "ColumnNames": ["flight", "origin"],
            }
        },
    }
    assert [call["parameters"]["Resource"] for call in grants] == [
        columns("origin", "flight"),
        {"DataCellsFilter": {**place, "Name": name}},
    ]
    assert [call["parameters"]["Principal"]["DataLakePrincipalIdentifier"] for call in grants] == [
        SERVICE,
        ADA,
    ]
    assert {json.dumps(call["parameters"]["Permissions"]) for call in grants} == {'["SELECT"]'}
    [text] = lake_formation.files(DESIRED, TABLE).values()
    assert json.loads(text)["calls"] == [data_filter, *grants]


def test_a_filter_that_says_something_else_is_another_one() -> None:
    names = {
        lake_formation.calls(desired(member("ada", "reader", ADA), views=(view,)), TABLE)[0]["parameters"]["TableData"]["Name"]
        for view in (
            READER,
            View("reader", "human", READER.columns[:1], READER.rows),
            View("reader", "human", READER.columns, (Condition(ORIGIN, "in", ("JFK",)),)),
        )
    }  # fmt: skip
    assert len(names) == 3


def test_every_call_is_one_that_aws_knows(client: Any) -> None:
    grant(client, ADA, whole(), "ALL", passed_on=("SELECT",))
    wanted = lake_formation.calls(DESIRED, TABLE)
    takes, _ = lake_formation.difference(client, wanted, TABLE)
    operations = {call["operation"] for call in [*wanted, *takes]}
    assert operations == set(lake_formation.OPERATIONS)
    for call in [*wanted, *takes]:
        name = "".join(word.capitalize() for word in call["operation"].split("_"))
        shape = client.meta.service_model.operation_model(name).input_shape
        report = ParamValidator().validate(call["parameters"], shape)
        assert not report.has_errors(), report.generate_report()


def test_what_is_granted_stays_and_what_is_not_goes(client: Any) -> None:
    wanted = lake_formation.calls(desired(member("service", "machine", SERVICE)), TABLE)
    lake_formation.run(client, wanted)
    grant(client, ADA, whole(), "SELECT", "DESCRIBE")
    grant(client, "IAM_ALLOWED_PRINCIPALS", whole(), "ALL")
    grant(client, SERVICE, columns("origin", "flight", "salary"), "SELECT")
    grant(client, f"{ADA}2", columns("salary"), "SELECT", passed_on=("SELECT",))
    grant(client, f"{ADA}-pipeline", whole(), "ALL")
    grant(client, ADA, whole(Name="others"), "SELECT")
    grant(
        client,
        ADA,
        {"Table": {"CatalogId": ACCOUNT, "DatabaseName": "other", "Name": "departures"}},
        "SELECT",
    )
    takes, manual_actions = lake_formation.difference(client, wanted, TABLE, keep=[f"{ADA}-pipeline"])
    assert manual_actions == []
    lake_formation.run(client, takes)
    lake_formation.run(client, wanted)
    assert there(client) == sorted(
        [
            (SERVICE, str(columns("origin", "flight")), ["SELECT"]),
            (f"{ADA}-pipeline", str(whole()), ["ALL"]),
            (ADA, str(whole(Name="others")), ["SELECT"]),
            (
                ADA,
                str({"Table": {"CatalogId": ACCOUNT, "DatabaseName": "other", "Name": "departures"}}),
                ["SELECT"],
            ),
        ]
    )
    assert lake_formation.difference(client, wanted, TABLE, keep=[f"{ADA}-pipeline"])[0] == []


def test_applying_leaves_what_was_decided_and_those_who_run_the_lake(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also IAM_ALLOWED_PRINCIPALS goes, which Terraform's provider cannot leave out of a new table."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    administrator = f"{ADA}-administrator"
    client.put_data_lake_settings(
        CatalogId=ACCOUNT,
        DataLakeSettings={"DataLakeAdmins": [{"DataLakePrincipalIdentifier": administrator}]},
    )
    grant(client, "IAM_ALLOWED_PRINCIPALS", whole(), "ALL")
    for principal in (administrator, f"{ADA}-run", f"{ADA}-leaver"):
        grant(client, principal, whole(), "ALL")
    decided = desired(member("service", "machine", SERVICE))
    for _ in range(2):
        assert lake_formation.apply(decided, TABLE, keep=[f"{ADA}-run"]) == []
        assert there(client) == sorted(
            [
                (SERVICE, str(columns("origin", "flight")), ["SELECT"]),
                (administrator, str(whole()), ["ALL"]),
                (f"{ADA}-run", str(whole()), ["ALL"]),
            ]
        )


def test_a_machine_without_a_region_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(Refused, match="You must specify a region") as refused:
        lake_formation.apply(desired(), TABLE)
    assert "AWS_REGION" in refused.value.fix


def test_a_right_that_can_be_passed_on_is_granted_anew_without(client: Any) -> None:
    wanted = lake_formation.calls(desired(member("service", "machine", SERVICE)), TABLE)
    grant(client, SERVICE, columns("origin", "flight"), "SELECT", passed_on=("SELECT",))
    takes, _ = lake_formation.difference(client, wanted, TABLE)
    lake_formation.run(client, [*takes, *wanted])
    [found] = client.list_permissions(CatalogId=ACCOUNT)["PrincipalResourcePermissions"]
    assert (found["Permissions"], found["PermissionsWithGrantOption"]) == (["SELECT"], [])


def test_a_leaver_loses_everything(client: Any) -> None:
    lake_formation.run(client, lake_formation.calls(desired(member("service", "machine", SERVICE)), TABLE))
    takes, _ = lake_formation.difference(client, lake_formation.calls(desired(), TABLE), TABLE)
    lake_formation.run(client, takes)
    assert there(client) == []


class Pages:
    """A client that answers with one entry a page, as AWS may."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.entries = entries

    def list_permissions(self, NextToken: str = "0", **asked: Any) -> dict[str, Any]:
        place = int(NextToken)
        more = {"NextToken": str(place + 1)} if place + 1 < len(self.entries) else {}
        return {"PrincipalResourcePermissions": self.entries[place : place + 1], **more}


def test_every_page_is_read_and_old_filters_go() -> None:
    wanted = lake_formation.calls(DESIRED, TABLE)
    kept = wanted[-1]["parameters"]["Resource"]
    old = {"DataCellsFilter": {**kept["DataCellsFilter"], "Name": "reader-0123456789abcdef"}}
    entries = [
        {"Principal": {"DataLakePrincipalIdentifier": ADA}, "Resource": resource, "Permissions": ["SELECT"]}
        for resource in (kept, old, columns("flight"), columns("salary"))
    ]
    takes, _ = lake_formation.difference(Pages(entries), wanted, TABLE)
    assert [call["parameters"]["Resource"] for call in takes] == [old, columns("flight"), columns("salary")]


def test_what_is_granted_on_all_tables_is_left_to_an_administrator() -> None:
    everything = {"Table": {"CatalogId": ACCOUNT, "DatabaseName": "airport", "TableWildcard": {}}}
    entry = {
        "Principal": {"DataLakePrincipalIdentifier": ADA},
        "Resource": everything,
        "Permissions": ["SELECT"],
    }
    takes, [manual_action] = lake_formation.difference(Pages([entry]), [], TABLE)
    assert takes == []
    assert manual_action.sentence == f"{ADA} has SELECT on all tables of the database airport."
    assert json.loads(manual_action.statement)["parameters"]["Resource"] == everything


def filtered(column: Column, *values: Value) -> View:
    return View("reader", "human", (VisibleColumn(FLIGHT),), (Condition(column, "in", values),))


@pytest.mark.parametrize(
    ("view", "arn", "table", "says"),
    [
        (View("reader", "human", (VisibleColumn(SALARY, "empty"),)), ADA, TABLE, "masks nothing"),
        (filtered(Column("day", "date", "public"), "2026-01-01"), ADA, TABLE, "cannot filter rows by"),
        (filtered(Column('a"b', "string", "public"), "x"), ADA, TABLE, "cannot filter rows by"),
        (filtered(ORIGIN, "O'Hare"), ADA, TABLE, "documents no way"),
        (filtered(ORIGIN, "a\\"), ADA, TABLE, "documents no way"),
        (filtered(ORIGIN, "a\nb"), ADA, TABLE, "documents no way"),
        (filtered(FLIGHT, "1 OR 1=1"), ADA, TABLE, "cannot be filtered"),
        (filtered(ORIGIN, *(f"value {number}" for number in range(200))), ADA, TABLE, "2047"),
        (READER, "IAM_ALLOWED_PRINCIPALS", TABLE, "not the ARN"),
        (READER, f"{ACCOUNT}:IAMPrincipals", TABLE, "not the ARN"),
        (READER, f"arn:aws:iam::{ACCOUNT}:root", TABLE, "not the ARN"),
        (READER, "arn:aws:identitystore:::group/1f0e3dad", TABLE, "not the ARN"),
        (READER, f"{ADA}\n", TABLE, "not the ARN"),
        (READER, "ada@example.org", TABLE, "not the ARN"),
        (READER, ADA, "lake.airport.departures", "no AWS account"),
        (READER, ADA, "airport.departures", "full name of a table"),
    ],
)
def test_what_lake_formation_cannot_hold_is_refused(view: View, arn: str, table: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        lake_formation.calls(desired(member("ada", "reader", arn), views=(view,)), table)
    assert caught.value.fix


def test_several_roles_of_a_principal_are_refused() -> None:
    with pytest.raises(Refused, match="several roles"):
        lake_formation.calls(desired(member("ada", "machine", ADA), member("ada", "reader", ADA)), TABLE)


def test_only_the_calls_of_this_export_are_made(client: Any) -> None:
    wanted = lake_formation.calls(desired(member("service", "machine", SERVICE)), TABLE)
    with pytest.raises(Refused, match="no call of this export"):
        lake_formation.run(client, [*wanted, {"operation": "delete_lf_tag", "parameters": {}}])
    assert there(client) == []
