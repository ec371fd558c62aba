"""The files of statements for the data sharing of Snowflake and Redshift, held against the vendors' grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlglot
from sqlglot import exp

from meshwright.access.exports import EXPORTS
from meshwright.access.grants import (
    Column,
    Condition,
    Desired,
    Member,
    Principal,
    Refused,
    View,
    VisibleColumn,
)

MAIL, DAY, LEFT = Column("mail", "string", "internal"), Column("day", "date", "internal"), Column("left_at", "timestamp", "internal")  # fmt: skip
VIEW = View(
    "reader",
    "machine",
    (VisibleColumn(MAIL, "domain"), VisibleColumn(DAY, "year"), VisibleColumn(LEFT)),
    (Condition(MAIL, "notIn", ("O'Hare",)), Condition(DAY, "atLeast", ("2026-01-02",))),
)
OTHER = View("the-other", "machine", (VisibleColumn(DAY),))
ACCOUNTS = {"snowflake-account": "ORG.ANALYTICS", "redshift": "123456789012"}
PROGRAM = Principal("svc-analytics", "machine", logins=ACCOUNTS)
PERSON = Principal("ada@example.org", "human", logins=ACCOUNTS)
END = datetime(2027, 6, 30, tzinfo=UTC)
DESIRED = Desired(
    "airport-operations/departures",
    "departures",
    (VIEW, OTHER),
    (
        Member(PROGRAM, "reader", ("a1",), END),
        Member(PERSON, "the-other", ("a2",), datetime(2026, 1, 1, tzinfo=UTC)),
    ),
)
TABLES = {"snowflake-share": "LAKE.AIRPORT.DEPARTURES", "redshift-datashare": "lake.airport.departures"}
both = pytest.mark.parametrize("engine", TABLES)

N = r'"(?:[^"]|"")*"'
TEXT = r"'(?:[^']|'')*'"
GRAMMAR = {
    "snowflake-share": [
        rf"CREATE SHARE {N}",
        rf"DROP SHARE IF EXISTS {N}",
        rf"GRANT USAGE ON (DATABASE {N}|SCHEMA {N}\.{N}) TO SHARE {N}",
        rf"GRANT SELECT ON VIEW {N}\.{N}\.{N} TO SHARE {N}",
        rf"ALTER SHARE {N} ADD ACCOUNTS = \w+\.\w+(, \w+\.\w+)*",
        rf"CREATE EXTERNAL LISTING {N} SHARE {N} AS {TEXT} PUBLISH = TRUE REVIEW = FALSE",
        rf"ALTER LISTING IF EXISTS {N} UNPUBLISH",
        rf"DROP LISTING IF EXISTS {N}",
        rf"SHOW GRANTS (TO|OF) SHARE {N}",
        rf"CREATE SCHEMA IF NOT EXISTS {N}\.{N} WITH MANAGED ACCESS",
    ],
    "redshift-datashare": [
        rf"CREATE DATASHARE {N} SET PUBLICACCESSIBLE FALSE",
        rf"DROP DATASHARE IF EXISTS {N}",
        rf"ALTER DATASHARE {N} ADD (SCHEMA {N}|TABLE {N}\.{N})",
        rf"GRANT USAGE ON DATASHARE {N} TO (ACCOUNT '\d{{12}}'|NAMESPACE '[0-9a-f-]{{36}}')",
        r"SHOW DATASHARES",
        rf"DESC DATASHARE {N}",
        rf"CREATE SCHEMA IF NOT EXISTS {N}",
    ],
}
"""What the vendors document, as far as it is used."""


def statements(engine: str, desired: Desired = DESIRED, table: str = "") -> dict[str, list[str]]:
    files = EXPORTS[engine](desired, table or TABLES[engine])
    bare = {name: re.sub(r"^--.*\n", "", text, flags=re.MULTILINE) for name, text in files.items()}
    return {
        name: [one.strip() for one in re.split(r";\n", text) if one.strip()] for name, text in bare.items()
    }


@both
def test_every_statement_is_one_that_the_vendor_documents(engine: str) -> None:
    for done in statements(engine).values():
        for statement in done:
            if any(re.fullmatch(form, statement) for form in GRAMMAR[engine]):
                continue
            parsed = sqlglot.parse_one(statement, read=engine.partition("-")[0])
            assert isinstance(parsed, exp.Create | exp.Drop) and parsed.kind == "VIEW", statement


@both
def test_a_share_has_its_roles_view_and_nothing_else(engine: str) -> None:
    for done in statements(engine).values():
        for role in ("reader", "the-other"):
            word = "ON VIEW" if engine == "snowflake-share" else "ADD TABLE"
            given = [one for one in done if word in one and f'"{role}"' in one]
            assert len(given) == 1
        assert not any(
            re.search(r'(VIEW|TABLE) [^ ]*"DEPARTURES"|"departures"$', one, re.IGNORECASE)
            for one in done
            if "SHARE" in one
        )


@both
def test_people_are_no_recipients_and_programs_read_in_their_own_role(engine: str) -> None:
    for name, text in EXPORTS[engine](DESIRED, TABLES[engine]).items():
        recipient = ACCOUNTS["snowflake-account" if engine == "snowflake-share" else "redshift"]
        assert text.count(recipient) == 1, name
        line = next(one for one in text.splitlines() if recipient in one)
        assert "reader" in line and "other" not in line
        assert "2027-06-30" in text and "2026-01-01T" not in text.partition("CREATE")[0]
    nobody = replace(DESIRED, members=DESIRED.members[1:])
    assert not any(
        ACCOUNTS["redshift"] in one or "ORG." in one
        for one in EXPORTS[engine](nobody, TABLES[engine]).values()
    )


@both
@pytest.mark.parametrize(
    "account",
    ["", "ANALYTICS", "ORG.A.B", "ORG.A; DROP", "'1'", "12345678901", "*", "PUBLIC", "svc@example.org"],
)
def test_what_is_no_account_is_refused(engine: str, account: str) -> None:
    program = replace(PROGRAM, logins=dict.fromkeys(ACCOUNTS, account))
    with pytest.raises(Refused):
        statements(engine, replace(DESIRED, members=(Member(program, "reader", ("a1",), END),)))


@both
def test_two_programs_in_one_account_are_refused(engine: str) -> None:
    twin = replace(PROGRAM, id="svc-twin")
    members = (Member(PROGRAM, "reader", ("a1",), END), Member(twin, "the-other", ("a2",), END))
    with pytest.raises(Refused, match="has the login"):
        statements(engine, replace(DESIRED, members=members))


def sole(engine: str, column: Column, values: Sequence[str]) -> exp.Expression:
    """The view of a role whose rows are of these values, as an independent parser reads it."""
    view = View("reader", "machine", (VisibleColumn(column),), (Condition(column, "in", tuple(values)),))
    done = next(iter(statements(engine, Desired("a/b", "d", (view,), ())).values()))
    made = next(one for one in done if one.startswith(("CREATE VIEW", "CREATE SECURE VIEW")))
    return sqlglot.parse_one(made, read=engine.partition("-")[0])


@both
@pytest.mark.parametrize("value", ["O'Hare", "'; drop table x; --", 'a"b', "--", "/*", "ä", "1", "%_"])
def test_a_value_is_only_a_value(engine: str, value: str) -> None:
    read = sole(engine, MAIL, [value])
    texts = [one.this for one in read.find_all(exp.Literal) if one.is_string]
    if engine == "redshift-datashare":
        assert texts == [value]
    assert len(list(read.find_all(exp.In))) == 1 and len(texts) == 1


@both
@pytest.mark.parametrize("name", ['a"b', "a;b", "a'b", "a b", "ä", "select"])
def test_a_name_is_only_a_name(engine: str, name: str) -> None:
    read = sole(engine, Column(name, "string", "internal"), ["x"])
    assert name in {one.name for one in read.find_all(exp.Column)}


@pytest.mark.parametrize(
    ("column", "values"), [(LEFT, ["2026-01-01T00:00:00Z"]), (MAIL, ["a\\b"]), (MAIL, ["${x}"])]
)
def test_redshift_refuses_what_it_would_read_otherwise(column: Column, values: list[str]) -> None:
    with pytest.raises(Refused):
        sole("redshift-datashare", column, values)
    with pytest.raises(Refused, match="as another one"):
        statements("redshift-datashare", table="lake.airport.DEPARTURES")


def test_a_listing_names_its_accounts_only() -> None:
    text = EXPORTS["snowflake-share"](DESIRED, TABLES["snowflake-share"])["snowflake-listing.sql"]
    literal = re.search(r"AS '((?:[^'])*)' PUBLISH", text)
    assert literal
    manifest = json.loads(re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), literal[1]))
    assert manifest["targets"] == {"accounts": ["ORG.ANALYTICS"]} and manifest["title"].endswith("as reader")
    assert "ADD ACCOUNTS" not in text
