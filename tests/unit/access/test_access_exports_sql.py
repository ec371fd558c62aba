"""The files of statements for Snowflake and Databricks, read back by a tokenizer that follows the vendors' pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.access.exports import EXPORTS, sql
from meshwright.access.exports.snowflake import SNOWFLAKE
from meshwright.access.exports.unity_catalog import DATABRICKS
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

SNOWFLAKE_FILE = """\
-- Who reads the data product airport-operations/departures, and what.
--
-- Run it as a role that owns the schema of the views, may read the table and manages roles and grants, and
-- stop at the first error. It drops the views and roles that it makes: nobody reads until it is done.
-- Grants do not end by themselves here: make and run it again after each change, and not later than
-- 2027-06-30T00:00:00+00:00.
--
-- It cannot revoke other grants. The queries at its end must show no more than this:
-- no grant on the table and no future grant for readers; no view and no role of this table that the file
-- does not make; the users below as the only ones that have its roles, and no role that has them.

ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE;
CREATE SCHEMA IF NOT EXISTS "LAKE"."AIRPORT__DEPARTURES__access" WITH MANAGED ACCESS;

DROP ROLE IF EXISTS "LAKE.AIRPORT.DEPARTURES:reader";

DROP VIEW IF EXISTS "LAKE"."AIRPORT__DEPARTURES__access"."reader";
CREATE SECURE VIEW "LAKE"."AIRPORT__DEPARTURES__access"."reader" ("flight", "left_at", "day", "mail", "name", "pay") AS SELECT
  "flight",
  DATE_TRUNC('YEAR', "left_at"),
  DATE_TRUNC('YEAR', "day"),
  CASE WHEN POSITION('@', "mail") > 0 THEN SPLIT_PART("mail", '@', -1) END,
  CASE WHEN "name" IS NOT NULL THEN '***' END,
  CASE WHEN FALSE THEN "pay" END
FROM "LAKE"."AIRPORT"."DEPARTURES"
WHERE ("mail" NOT IN ('O\\u0027Hare', 'x')) AND ("day" >= DATE_FROM_PARTS(2026, 1, 2)) AND (DATE_PART(EPOCH_MICROSECOND, "left_at") <= 1767225600000000)

CREATE ROLE "LAKE.AIRPORT.DEPARTURES:reader";
GRANT USAGE ON DATABASE "LAKE" TO ROLE "LAKE.AIRPORT.DEPARTURES:reader";
GRANT USAGE ON SCHEMA "LAKE"."AIRPORT__DEPARTURES__access" TO ROLE "LAKE.AIRPORT.DEPARTURES:reader";
GRANT SELECT ON VIEW "LAKE"."AIRPORT__DEPARTURES__access"."reader" TO ROLE "LAKE.AIRPORT.DEPARTURES:reader";
GRANT ROLE "LAKE.AIRPORT.DEPARTURES:reader" TO USER "ADA@EXAMPLE.ORG";

SHOW GRANTS ON TABLE "LAKE"."AIRPORT"."DEPARTURES";
SHOW FUTURE GRANTS IN DATABASE "LAKE";
SHOW FUTURE GRANTS IN SCHEMA "LAKE"."AIRPORT";
SHOW FUTURE GRANTS IN SCHEMA "LAKE"."AIRPORT__DEPARTURES__access";
SHOW VIEWS IN SCHEMA "LAKE"."AIRPORT__DEPARTURES__access";
SHOW ROLES STARTS WITH 'LAKE.AIRPORT.DEPARTURES:';
SHOW GRANTS ON VIEW "LAKE"."AIRPORT__DEPARTURES__access"."reader";
SHOW GRANTS OF ROLE "LAKE.AIRPORT.DEPARTURES:reader";
SHOW GRANTS TO ROLE "LAKE.AIRPORT.DEPARTURES:reader";
""".replace("1767225600000000)\n", "1767225600000000);\n")

DATABRICKS_FILE = """\
-- Who reads the data product airport-operations/departures, and what.
--
-- Run it as the owner of the schema of the views, who may read the table, and stop at the first error. It
-- drops the views that it makes: nobody reads until it is done. Grants do not end by themselves here: make
-- and run it again after each change, and not later than 2027-06-30T00:00:00+00:00.
--
-- It cannot revoke other grants. The queries at its end must show no more than this:
-- no SELECT on the table, the schemas or the catalog for readers (it is inherited); no view that the file does
-- not make; the principals below as the only ones that have SELECT on a view.

CREATE SCHEMA IF NOT EXISTS `lake`.`airport__departures__access`;

DROP VIEW IF EXISTS `lake`.`airport__departures__access`.`reader`;
CREATE VIEW `lake`.`airport__departures__access`.`reader` (`flight`, `left_at`, `day`, `mail`, `name`, `pay`) AS SELECT
  `flight`,
  date_trunc('YEAR', `left_at`),
  trunc(`day`, 'YEAR'),
  CASE WHEN instr(`mail`, '@') > 0 THEN substring_index(`mail`, '@', -1) END,
  CASE WHEN `name` IS NOT NULL THEN '***' END,
  CASE WHEN FALSE THEN `pay` END
FROM `lake`.`airport`.`departures`
WHERE (`mail` NOT IN ('O\\'Hare', 'x')) AND (`day` >= DATE'2026-01-02') AND (CASE WHEN typeof(`left_at`) = 'timestamp' THEN unix_micros(`left_at`) END <= 1767225600000000);

GRANT USE CATALOG ON CATALOG `lake` TO `ada@example.org`;
GRANT USE SCHEMA ON SCHEMA `lake`.`airport__departures__access` TO `ada@example.org`;
GRANT SELECT ON VIEW `lake`.`airport__departures__access`.`reader` TO `ada@example.org`;

SHOW GRANTS ON TABLE `lake`.`airport`.`departures`;
SHOW GRANTS ON SCHEMA `lake`.`airport`;
SHOW GRANTS ON SCHEMA `lake`.`airport__departures__access`;
SHOW GRANTS ON CATALOG `lake`;
SHOW VIEWS IN `lake`.`airport__departures__access`;
SHOW GRANTS ON VIEW `lake`.`airport__departures__access`.`reader`;
"""


def text_column(name: str) -> Column:
    return Column(name, "string", "internal")


FLIGHT, LEFT, DAY = Column("flight", "integer", "public"), Column("left_at", "timestamp", "internal"), Column("day", "date", "internal")  # fmt: skip
READER = View(
    "reader",
    "human",
    (
        VisibleColumn(FLIGHT),
        VisibleColumn(LEFT, "year"),
        VisibleColumn(DAY, "year"),
        VisibleColumn(text_column("mail"), "domain"),
        VisibleColumn(text_column("name"), "redacted"),
        VisibleColumn(Column("pay", "number", "secret"), "empty"),
    ),
    (
        Condition(text_column("mail"), "notIn", ("O'Hare", "x")),
        Condition(DAY, "atLeast", ("2026-01-02",)),
        Condition(LEFT, "atMost", ("2026-01-01T01:00:00+01:00",)),
    ),
)
ADA = Principal("ada@example.org", "human", logins={"snowflake": "ADA@EXAMPLE.ORG"})
DESIRED = Desired(
    "airport-operations/departures",
    "departures",
    (READER,),
    (Member(ADA, "reader", ("a1",), datetime(2027, 6, 30, tzinfo=UTC)),),
)


@dataclass(frozen=True)
class Reader:
    """How a vendor says that a file is read."""

    target: str
    quote: str
    dialect: sql.Dialect
    escapes: dict[str, str]

    def statements(self, text: str) -> list[tuple[str, str]]:
        """Kind and content of each token, without comments and spaces; fails on what is no token."""
        name = f"{self.quote}(?:[^{self.quote}]|{self.quote}{self.quote})*{self.quote}"
        token = re.compile(
            rf"(?P<comment>--[^\n]*)|(?P<text>'(?:[^'\\]|\\.)*')|(?P<name>{name})|(?P<space>\s+)"
            r"|(?P<number>[0-9.]+(?:E[+-]?[0-9]+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[(),;.=<>-])",
            re.DOTALL,
        )
        found, end = [], 0
        while end < len(text):
            match = token.match(text, end)
            assert match, text[end : end + 40]
            end = match.end()
            if match.lastgroup not in ("comment", "space"):
                found.append((str(match.lastgroup), self.content(match)))
        return found

    def content(self, match: re.Match[str]) -> str:
        if match.lastgroup == "name":
            return match[0][1:-1].replace(self.quote * 2, self.quote)
        if match.lastgroup == "text":
            return re.sub(r"\\(u[0-9a-f]{4}|.)", self.sign, match[0][1:-1], flags=re.DOTALL)
        return match[0]

    def sign(self, match: re.Match[str]) -> str:
        if self.target == "snowflake" and len(match[1]) == 5:
            return chr(int(match[1][1:], 16))
        return self.escapes.get(match[1][0], match[1][0]) + match[1][1:]

    def file(self, desired: Desired, table: str) -> str:
        [text] = EXPORTS[self.target](desired, table).values()
        return text


READERS = [
    Reader("snowflake", '"', SNOWFLAKE, {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "0": "\0"}),
    Reader(
        "unity-catalog",
        "`",
        DATABRICKS,
        {"b": "\b", "n": "\n", "r": "\r", "t": "\t", "0": "\0", "Z": "\x1a", "%": "\\%", "_": "\\_"},
    ),
]
both = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.target)


@pytest.mark.parametrize(
    ("target", "table", "expected"),
    [
        ("snowflake", "LAKE.AIRPORT.DEPARTURES", SNOWFLAKE_FILE),
        ("unity-catalog", "lake.airport.departures", DATABRICKS_FILE),
    ],
)
def test_a_file_reads_as_it_was_reviewed(target: str, table: str, expected: str) -> None:
    [text] = EXPORTS[target](DESIRED, table).values()
    assert text.splitlines() == expected.splitlines()


def named(catalog: str, schema: str, table: str, column: str, value: str, user: str) -> tuple[Desired, str]:
    principal = Principal("somebody", "human", logins={"snowflake": user, "databricks": user})
    view = View(
        "reader",
        "human",
        (VisibleColumn(text_column(column), "domain"),),
        (Condition(text_column(column), "in", (value,)),),
    )
    return Desired(
        "a/b", "d", (view,), (Member(principal, "reader", (), None),)
    ), f"{catalog}.{schema}.{table}"


HARMLESS = ("c", "s", "t", "n", "v", "u@example.org")
PLAIN = st.text(st.characters(exclude_categories=["C"], exclude_characters="$&{}<>.\u2028\u2029"), min_size=1, max_size=63).filter(
    lambda text: text == text.strip() == text.strip("_") and "__" not in text
)  # fmt: skip
VALUES = st.text(
    st.characters(exclude_categories=["C"]) | st.sampled_from("'\"`\\$&{}<>;-%_unrtZ\n\r\t"), max_size=20
)


@both
@given(PLAIN, PLAIN, PLAIN, PLAIN, VALUES, PLAIN)
def test_no_name_and_no_value_changes_what_a_file_does(
    reader: Reader, catalog: str, schema: str, table: str, column: str, value: str, user: str
) -> None:
    user = re.sub(r"[\s@]", "x", user) + "@example.org"
    odd = (catalog, schema, table, column, value, user)
    usual = reader.statements(reader.file(*named(*HARMLESS)))
    found = reader.statements(reader.file(*named(*odd)))
    assert [(kind, kind in ("name", "text") or said) for kind, said in found] == [
        (kind, kind in ("name", "text") or said) for kind, said in usual
    ]
    meant = dict(zip(HARMLESS, odd, strict=True))
    meant |= {
        "s__t__access": f"{schema}__{table}__access",
        "c.s.t:": f"{catalog}.{schema}.{table}:",
        "c.s.t:reader": f"{catalog}.{schema}.{table}:reader",
    }
    for (kind, said), (_, before) in zip(found, usual, strict=True):
        if kind in ("name", "text"):
            assert said == meant.get(before, before)


HOSTILE = [
    "'",
    "\\",
    "\\'",
    "'; DROP TABLE x; --",
    "${secret}",
    "{{ x }}",
    "&x",
    "<% x %>",
    "\n",
    "a\nb",
    "/*",
    "%\\_",
]


@both
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_holds_nothing_that_a_console_replaces(reader: Reader, value: str) -> None:
    literal = reader.dialect.text(value)
    assert reader.statements(literal) == [("text", value)]
    assert not re.search(r"\$\{|\{\{|\}\}|--|\n", literal)
    if reader.target == "snowflake":
        assert not sql.TEMPLATED.search(literal)


@both
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("name", ["a${b}", "a{{b", "a&b", "a<%b", "a\nb", "a\0b", "a\u2028b"])
def test_a_name_that_a_console_would_replace_is_refused(reader: Reader, place: int, name: str) -> None:
    parts = list(HARMLESS)
    parts[place] = name
    with pytest.raises(Refused, match="cannot be in a file"):
        reader.file(*named(*parts))


@both
@pytest.mark.parametrize("parts", [("c", "a__b", "t"), ("c", "a_", "t"), ("c", "s", "_t"), ("c", "s", "__")])
def test_no_two_tables_share_a_schema_of_views(reader: Reader, parts: tuple[str, str, str]) -> None:
    with pytest.raises(Refused, match="underscore"):
        reader.file(*named(*parts, *HARMLESS[3:]))


@pytest.mark.parametrize(
    "user", ["account users", "users", "admins", "", "a@b c", "a b@example.org", "svc-x"]
)
def test_databricks_is_given_no_group(user: str) -> None:
    with pytest.raises(Refused):
        READERS[1].file(*named(*HARMLESS[:5], user))


@pytest.mark.parametrize("user", ["ada@example.org", "1f0e3dad-9990-4e59-8f3a-000000000001"])
def test_databricks_is_given_people_and_programs(user: str) -> None:
    assert f"TO `{user}`;" in READERS[1].file(*named(*HARMLESS[:5], user))


def test_databricks_refuses_a_value_that_it_could_not_read() -> None:
    with pytest.raises(Refused, match="control character"):
        DATABRICKS.text("a\x07")


@both
def test_columns_that_the_engine_takes_for_one_are_refused(reader: Reader) -> None:
    view = View("reader", "human", (VisibleColumn(text_column("a")), VisibleColumn(text_column("a"))))
    with pytest.raises(Refused, match="Two columns"):
        reader.file(Desired("a/b", "d", (view,), ()), "c.s.t")


@both
def test_a_mask_or_filter_that_fits_no_column_is_refused(reader: Reader) -> None:
    for view in (
        View("reader", "human", (VisibleColumn(FLIGHT, "redacted"),)),
        View("reader", "human", (VisibleColumn(FLIGHT),), (Condition(FLIGHT, "in", ("1",)),)),
    ):
        with pytest.raises(Refused) as caught:
            reader.file(Desired("a/b", "d", (view,), ()), "c.s.t")
        assert caught.value.fix


@both
def test_a_role_that_nobody_has_gives_nobody_anything(reader: Reader) -> None:
    text = reader.file(Desired("a/b", "d", (READER,), ()), "c.s.t")
    assert "TO USER" not in text
    assert "@example.org" not in text
    assert "no access has an end" in text
