"""Trino's questions to the exported bundle, answered by real OPA."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opa import loaded, opa_bindings

from meshwright.access.exports import trino
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
from meshwright.product.masks import MASKS

TABLE = "Lake.Airport.Departures"
SOON = datetime.now(UTC) + timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAST = datetime.now(UTC) - timedelta(seconds=1)

FLIGHT = Column("Flight", "integer", "public")
ORIGIN = Column("origin", "string", "public")
LEFT = Column("left_at", "timestamp", "internal")
DAY = Column("day", "date", "internal")
MAIL = Column("mail", "string", "confidential")
SALARY = Column("salary", "number", "secret")
COLUMNS = ("flight", "origin", "left_at", "day", "mail", "salary")

READER = View(
    "reader",
    "human",
    (
        VisibleColumn(FLIGHT),
        VisibleColumn(ORIGIN),
        VisibleColumn(LEFT),
        VisibleColumn(DAY, "year"),
        VisibleColumn(MAIL, "domain"),
    ),
    (Condition(ORIGIN, "in", ("JFK", "O'Hare")),),
)
AUDITOR = View(
    "auditor",
    "human",
    (
        VisibleColumn(FLIGHT),
        VisibleColumn(ORIGIN),
        VisibleColumn(DAY),
        VisibleColumn(MAIL, "redacted"),
        VisibleColumn(SALARY, "empty"),
    ),
    (Condition(FLIGHT, "atLeast", (7,)),),
)
MACHINE = View("machine", "machine", tuple(map(VisibleColumn, (FLIGHT, ORIGIN, LEFT, DAY, MAIL, SALARY))))
STRANGE = View("strange", "human", (VisibleColumn(SALARY),))
FEW = View("few", "human", (VisibleColumn(FLIGHT), VisibleColumn(ORIGIN)))


def member(name: str, role: str, until: datetime | None = SOON, login: str = "") -> Member:
    principal = Principal(f"{name}@example.org", "human", logins={"trino": login or name})
    return Member(principal, role, ("a1",), until)


DESIRED = Desired(
    "airport-operations/departures",
    "departures",
    (READER, AUDITOR, MACHINE, STRANGE, FEW),
    (
        member("ada", "reader"),
        member("bob", "auditor"),
        member("both", "auditor"),
        member("both", "reader"),
        member("late", "reader", PAST),
        member("half", "auditor", PAST),
        member("half", "reader"),
        member("program", "machine", None),
        member("apart", "machine"),
        member("apart", "strange"),
        member("less", "reader"),
        member("less", "few"),
        member("nothing", "few"),
        member("nothing", "strange"),
    ),
)
OTHER = replace(
    DESIRED,
    product="airport-operations/planes",
    members=(member("zoe", "few"),),
)


def request(user: Any, operation: str, resource: Any = None, **more: Any) -> dict[str, Any]:
    """What Trino's plugin sends."""
    action = {"operation": operation, **({"resource": resource} if resource is not None else {}), **more}
    context = {
        "identity": {"user": user, "groups": ["everybody", "admin"]},
        "softwareStack": {"trinoVersion": "476"},
        "properties": {},
        "queryId": "20260101_081710_03427_trino",
    }
    return {"context": context, "action": action}


def table(
    name: str = "departures", columns: Any = None, schema: str = "airport", catalog: str = "lake"
) -> dict:
    found = {"catalogName": catalog, "schemaName": schema, "tableName": name}
    return {"table": found if columns is None else {**found, "columns": columns}}


def column(name: str, of: str = "departures", schema: str = "airport", catalog: str = "lake") -> dict:
    found = {"catalogName": catalog, "schemaName": schema, "tableName": of, "columnName": name}
    return {"column": {**found, "columnType": "varchar"}}


def schema(name: str, catalog: str = "lake") -> dict:
    return {"schema": {"catalogName": catalog, "schemaName": name}}


def catalog(name: str) -> dict:
    return {"catalog": {"name": name}}


def select(user: Any, columns: Any, **where: str) -> dict:
    return request(user, "SelectFromColumns", table(columns=columns, **where))


def allows(yes: bool, *asked: dict) -> list[tuple[str, dict, Any]]:
    return [("allow", each, yes) for each in asked]


def rows(user: Any, expected: str, **where: str) -> tuple[str, dict, Any]:
    return ("rowFilters", request(user, "GetRowFilters", table(**where)), [{"expression": expected}])


def masks(user: Any, expected: list[str | None], *resources: dict) -> list[tuple[str, dict, Any]]:
    """The same question in Trino's two ways: all columns at once, and one by one."""
    resources = resources or tuple(column(name) for name in COLUMNS)
    batch = [
        {"index": index, "viewExpression": {"expression": text}}
        for index, text in enumerate(expected)
        if text is not None
    ]
    one_by_one = [
        ("columnMask", request(user, "GetColumnMask", resource), text and {"expression": text})
        for resource, text in zip(resources, expected, strict=True)
    ]
    asked = request(user, "GetColumnMask", filterResources=list(resources))
    return [("batchColumnMasks", asked, batch), *one_by_one]


def batch(user: Any, operation: str, expected: list[int], *resources: dict) -> tuple[str, dict, Any]:
    return ("batch", request(user, operation, filterResources=list(resources)), expected)


BY_ORIGIN = "(\"origin\" IN ('JFK', 'O''Hare'))"
BY_FLIGHT = '("flight" >= 7)'
YEAR = "date_trunc('year', \"day\")"
DOMAIN = "CASE WHEN strpos(\"mail\", '@') > 0 THEN element_at(split(\"mail\", '@'), -1) END"
REDACTED = "CASE WHEN \"mail\" IS NOT NULL THEN '***' END"
STRANGERS = ("eve", "", "ADA", "Ada", "ada ", "late", None, 7, ["ada"], {"ada": 1}, "admin", "everybody")
DENIED = (
    "AddColumn",
    "AlterColumn",
    "CreateCatalog",
    "CreateFunction",
    "CreateMaterializedView",
    "CreateRole",
    "CreateSchema",
    "CreateTable",
    "CreateView",
    "CreateViewWithExecuteFunction",
    "CreateViewWithSelectFromColumns",
    "DeleteFromTable",
    "DropCatalog",
    "DropColumn",
    "DropFunction",
    "DropMaterializedView",
    "DropSchema",
    "DropTable",
    "DropView",
    "ExecuteFunction",
    "ExecuteProcedure",
    "ExecuteTableProcedure",
    "FilterFunctions",
    "FilterViewQueryOwnedBy",
    "GrantTablePrivilege",
    "ImpersonateUser",
    "InsertIntoTable",
    "KillQueryOwnedBy",
    "ReadSystemInformation",
    "RefreshMaterializedView",
    "RenameTable",
    "SetCatalogSessionProperty",
    "SetColumnComment",
    "SetSystemSessionProperty",
    "SetTableAuthorization",
    "SetTableProperties",
    "SetViewAuthorization",
    "ShowCreateSchema",
    "ShowCreateTable",
    "ShowFunctions",
    "TruncateTable",
    "UpdateTableColumns",
    "ViewQueryOwnedBy",
    "WriteSystemInformation",
    "selectfromcolumns",
    "",
)
EVERYTHING = {
    **table(columns=["flight"]),
    **schema("airport"),
    **catalog("lake"),
    **column("flight"),
    "user": {"user": "ada", "groups": []},
    "function": {"catalogSchema": {"catalogName": "lake", "schemaName": "system"}, "functionName": "query"},
}
TABLES = [
    table(),
    table("planes"),
    table("secrets"),
    table("departures", schema="other"),
    table("departures", catalog="other"),
]

CASES: list[tuple[str, dict, Any]] = [
    # The rows and columns of one role.
    *allows(True, request("ada", "ExecuteQuery"), select("ada", ["flight", "mail"]), select("ada", [])),
    *allows(True, *(select("ada", [name]) for name in COLUMNS[:5]), select("program", list(COLUMNS))),
    *allows(False, select("ada", ["salary"]), select("ada", ["flight", "salary"]), select("ada", ["Flight"])),
    *allows(False, select("ada", ["flight", "nowhere"]), select("ada", [""]), select("ada", [None])),
    *allows(
        False, select("ada", None), select("ada", "flight"), select("ada", {"0": "flight"}), select("ada", 1)
    ),
    *allows(False, select("ada", ["left_at"], name="departures$files"), select("ada", [], name="nowhere")),
    *allows(False, select("ada", ["flight"], name="DEPARTURES"), select("ada", ["flight"], catalog="Lake")),
    *allows(False, select("ada", ["flight"], schema="other"), select("ada", ["flight"], name="planes")),
    rows("ada", BY_ORIGIN),
    rows("bob", BY_FLIGHT),
    rows("program", "true"),
    rows("ada", "false", name="nowhere"),
    rows("ada", "false", name="planes"),
    *masks("ada", [None, None, None, YEAR, DOMAIN, "NULL"]),
    *masks("bob", [None, None, "NULL", None, REDACTED, "NULL"]),
    *masks("program", [None] * 6),
    *masks(
        "ada",
        ["NULL"] * 4 + [None],
        column("Flight"),
        column("flight", of="planes"),
        column("flight", schema="other"),
        {},
        column("flight"),
    ),
    # Two roles: what both show.
    *allows(True, select("both", ["flight", "origin", "day", "mail"])),
    *allows(False, select("both", ["left_at"]), select("both", ["salary"])),
    rows("both", f"{BY_FLIGHT} AND {BY_ORIGIN}"),
    *masks("both", [None, None, "NULL", YEAR, "NULL", "NULL"]),
    *allows(True, select("apart", ["salary"]), select("half", ["left_at"])),
    *allows(False, select("apart", ["flight"]), select("nothing", ["flight"]), select("nothing", [])),
    *allows(False, request("nothing", "ExecuteQuery")),
    rows("half", BY_ORIGIN),
    rows("nothing", "false"),
    *masks("nothing", ["NULL"] * 6),
    *masks("less", [None, None] + ["NULL"] * 4),
    rows("less", f"{BY_ORIGIN} AND true"),
    *masks("apart", ["NULL"] * 5 + [None]),
    # Strangers, and those whose time is over.
    *(case for user in STRANGERS for case in allows(False, select(user, ["flight"]), select(user, []))),
    *allows(False, *(request(user, "ExecuteQuery") for user in STRANGERS)),
    *(rows(user, "false") for user in STRANGERS),
    *(case for user in ("eve", "late", None) for case in masks(user, ["NULL"] * 6)),
    # Whatever does not read.
    *allows(False, *(request("program", operation, EVERYTHING) for operation in DENIED)),
    *allows(False, *(request("program", operation) for operation in DENIED)),
    # What there is.
    *allows(
        True,
        *(request("ada", operation, catalog("lake")) for operation in ("AccessCatalog", "ShowSchemas")),
        request("ada", "FilterCatalogs", catalog("lake")),
        request("ada", "AccessCatalog", catalog("system")),
        *(request("ada", operation, schema("airport")) for operation in ("ShowTables", "FilterSchemas")),
        *(request("ada", operation, table()) for operation in ("ShowColumns", "FilterTables")),
        request("ada", "FilterColumns", table(columns=["mail"])),
    ),
    *allows(
        False,
        *(
            request("ada", operation, catalog(name))
            for operation in ("AccessCatalog", "ShowSchemas", "FilterCatalogs")
            for name in ("other", "", "LAKE")
        ),
        *(request("ada", operation, catalog("system")) for operation in ("ShowSchemas", "FilterCatalogs")),
        *(
            request("ada", operation, asked)
            for operation in ("ShowTables", "FilterSchemas")
            for asked in (schema("other"), schema("airport", "other"), schema("", ""), {})
        ),
        *(request("ada", operation, table("planes")) for operation in ("ShowColumns", "FilterTables")),
        *(request("ada", operation, {}) for operation in ("ShowColumns", "FilterTables", "FilterColumns")),
        request("ada", "FilterColumns", table(columns=["salary"])),
        request("ada", "FilterColumns", table(columns=[])),
        request("ada", "FilterColumns", table()),
        request("ada", "ShowColumns", table("columns", schema="information_schema")),
        *(
            request("eve", operation, EVERYTHING)
            for operation in ("FilterTables", "FilterSchemas", "ShowTables")
        ),
        *(request("eve", operation, EVERYTHING) for operation in ("FilterCatalogs", "ShowSchemas")),
        *(request("late", operation, EVERYTHING) for operation in ("AccessCatalog", "ShowColumns")),
        request("eve", "AccessCatalog", catalog("system")),
    ),
    batch("ada", "FilterCatalogs", [1], catalog("other"), catalog("lake"), catalog("system")),
    batch("ada", "FilterSchemas", [0], schema("airport"), schema("other"), schema("airport", "other")),
    batch("ada", "FilterTables", [0], *TABLES),
    batch("zoe", "FilterTables", [1], *TABLES),
    batch("eve", "FilterTables", [], *TABLES),
    batch("ada", "FilterColumns", [0, 1, 2, 3, 4], table(columns=list(COLUMNS))),
    batch("both", "FilterColumns", [1, 2], table(columns=["salary", "mail", "flight", "left_at"])),
    batch("ada", "FilterColumns", [], table(columns=["flight"]), table(columns=["flight"])),
    batch("ada", "FilterColumns", [], table("planes", columns=["flight"])),
    batch("ada", "FilterFunctions", [], EVERYTHING),
    batch("ada", "ImpersonateUser", [], EVERYTHING),
    ("batch", request("ada", "FilterTables"), []),
    # Where Trino and its drivers look that up.
    *allows(
        True,
        select("ada", ["table_name"], name="columns", schema="information_schema"),
        select("ada", ["table_name"], name="tables", schema="information_schema"),
        select("ada", ["type_name"], name="columns", schema="jdbc", catalog="system"),
    ),
    *allows(
        False,
        select("ada", ["view_definition"], name="views", schema="information_schema"),
        select("ada", ["table_name"], name="columns", schema="information_schema", catalog="other"),
        select("ada", ["table_name"], name="columns", schema="elsewhere", catalog="lake"),
        select("ada", ["query"], name="queries", schema="runtime", catalog="system"),
        select("ada", ["query"], name="columns", schema="runtime", catalog="system"),
        select("ada", ["query"], name="queries", schema="jdbc", catalog="system"),
        select("ada", ["query"], name="types", schema="jdbc", catalog="lake"),
        *(
            select(user, ["table_name"], name="columns", schema="information_schema")
            for user in ("eve", "late")
        ),
        *(select(user, ["a"], name="columns", schema="jdbc", catalog="system") for user in ("eve", "late")),
    ),
    rows("ada", "true", name="columns", schema="information_schema"),
    rows("eve", "false", name="columns", schema="information_schema"),
    *masks("ada", [None], column("table_name", of="columns", schema="information_schema")),
    *masks("eve", ["NULL"], column("table_name", of="columns", schema="information_schema")),
    batch("ada", "FilterColumns", [0], table("tables", schema="information_schema", columns=["table_name"])),
    # Requests that are none.
    *(("allow", asked, False) for asked in ({}, {"action": {}}, {"action": {"operation": "ExecuteQuery"}})),
    ("rowFilters", {}, [{"expression": "false"}]),
    ("rowFilters", request("ada", "GetRowFilters"), [{"expression": "false"}]),
    ("columnMask", {}, {"expression": "NULL"}),
    ("columnMask", request("ada", "GetColumnMask", {"column": None}), {"expression": "NULL"}),
    *masks("ada", ["NULL", "NULL"], {"column": None}, {"column": {"columnName": "flight"}}),
    ("batchColumnMasks", {}, []),
    ("batch", {}, []),
]


@pytest.fixture(scope="module")
def bundle() -> dict[str, str]:
    """Two products, exported into one folder."""
    return trino.files(DESIRED, TABLE) | trino.files(OTHER, "lake.airport.planes")


@pytest.fixture(scope="module")
def opa(bundle: dict[str, str]) -> Any:
    return loaded(bundle)


def answer(engine: Any, document: str, asked: Any) -> Any:
    """What OPA's server would answer; None where it is undefined."""
    bindings = opa_bindings()
    try:
        found = engine.eval_document(f"meshwright.trino.{document}", asked)
    except bindings.OpaUndefinedError:
        return None
    return sorted(found, key=json.dumps) if document in ("batch", "batchColumnMasks") else found


def wrong(engine: Any) -> Iterator[str]:
    """The cases that are not answered as they should be."""
    bindings = opa_bindings()
    for document, asked, expected in CASES:
        try:
            told = answer(engine, document, asked)
        except bindings.OpaError as error:
            told = str(error)
        if told != expected:
            yield f"{document} {json.dumps(asked)}: {told} is not {expected}"
    for nanoseconds, expected in ((-1, True), (0, False), (1, False)):
        now = (SOON - EPOCH) // timedelta(microseconds=1) * 1000 + nanoseconds
        asked = select("ada", ["flight"])
        [told] = engine.eval_query(f"told := data.meshwright.trino.allow with time.now_ns as {now}", asked)
        if told["told"] != expected:
            yield f"{nanoseconds} ns after the end: {told} is not {expected}"


def test_every_question_of_the_plugin_is_answered(opa: Any) -> None:
    assert list(wrong(opa)) == []


def changed_policies() -> list[str]:
    """The policy without one line, for each line that can be left out; and with each comparison turned round."""
    lines = trino.POLICY.read_text().splitlines()
    found = []
    for number, line in enumerate(lines):
        skipped = line.strip() in ("", "}") or line.startswith(("#", "package")) or line.endswith("{")
        if skipped or "# not needed" in line:
            continue
        found.append("\n".join(lines[:number] + lines[number + 1 :]))
        for old, new in ((" > ", " >= "), (" == ", " != "), ("if not ", "if "), ("not clear", "clear")):
            if old in line:
                found.append("\n".join([*lines[:number], line.replace(old, new), *lines[number + 1 :]]))
        if " if " in line:  # a rule on one line: without its condition
            found.append("\n".join([*lines[:number], line.split(" if ")[0], *lines[number + 1 :]]))
    return found


def test_no_line_of_the_policy_can_be_left_out(bundle: dict[str, str]) -> None:
    bindings, survivors = opa_bindings(), []
    policy = trino.POLICY.read_text()
    for changed in changed_policies():
        try:
            engine = loaded({**bundle, "meshwright/trino/policy.rego": changed})
            if not any(wrong(engine)):
                survivors.append("\n".join(difflib.unified_diff(policy.splitlines(), changed.splitlines())))
        except bindings.OpaError:
            continue  # OPA does not take such a policy
    assert survivors == []


# WHATEVER THE POLICY AND THE REQUEST ARE ------------------------------------------------------------

NAMES = st.sampled_from(
    ["flight", "origin", "left_at", "day", "mail", "salary", "Flight", "", "élan", 'a"b', "a\nb"]
)
USERS = st.sampled_from(["ada", "bob", "eve", "", "Ada"])


@st.composite
def policies(draw: st.DrawFn) -> Desired:
    columns = [FLIGHT, ORIGIN, LEFT, DAY, MAIL, SALARY]
    fitting = {
        each.name: [None, *(mask for mask, types in MASKS.items() if not types or each.logical_type in types)]
        for each in columns
    }
    views = []
    for role in ("one", "two", "three"):
        seen = draw(st.lists(st.sampled_from(columns), min_size=1, unique=True))
        visible = tuple(VisibleColumn(each, draw(st.sampled_from(fitting[each.name]))) for each in seen)
        texts = st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1
        )
        filtered = ORIGIN in seen and draw(st.booleans())
        conditions = (Condition(ORIGIN, "in", tuple(draw(texts))),) if filtered else ()
        views.append(View(role, "human", visible, conditions))
    pairs = draw(
        st.lists(st.tuples(USERS.filter(bool), st.sampled_from(["one", "two", "three"])), unique=True)
    )
    ends = st.sampled_from([SOON, PAST, None])
    members = tuple(member(name, role, draw(ends)) for name, role in sorted(pairs))
    return Desired("a/b", "departures", tuple(views), members)


@settings(max_examples=80, deadline=None)
@given(policies(), USERS, st.lists(NAMES, max_size=4))
def test_nothing_is_allowed_that_a_role_of_the_user_does_not_show(
    desired: Desired, user: str, columns: list[str]
) -> None:
    try:
        engine = loaded(trino.files(desired, "lake.airport.departures"))
    except Refused as refusal:
        assert "depend on 'origin'" in str(refusal)
        return
    views = [
        desired.view(each.role)
        for each in desired.members
        if each.principal.id == f"{user}@example.org" and each.until != PAST
    ]
    shown = [{each.column.name.lower(): each.mask for each in view.columns} for view in views]
    common = {name for name in COLUMNS if views and all(name in each for each in shown)}
    asked = select(user, columns)
    assert answer(engine, "allow", asked) is (bool(common) and set(columns) <= common)
    [row_filter] = answer(engine, "rowFilters", asked)
    expected = sorted({trino.TRINO.rows(view) or "true" for view in views}) if common else ["false"]
    assert row_filter == {"expression": " AND ".join(expected)}
    resources = [column(name) for name in (*COLUMNS, *columns)]
    told = answer(engine, "batchColumnMasks", request(user, "GetColumnMask", filterResources=resources))
    masked = {each["index"]: each["viewExpression"]["expression"] for each in told}
    assert len(masked) == len(told)
    for index, name in enumerate((*COLUMNS, *columns)):
        used = {each.get(name) for each in shown}
        assert (index not in masked) == (name in common and used == {None})
        if name not in common or len(used - {None}) > 1:
            assert masked[index] == "NULL"
        single = answer(engine, "columnMask", request(user, "GetColumnMask", column(name)))
        assert single == ({"expression": masked[index]} if index in masked else None)


# WHAT IS IN THE FILES -------------------------------------------------------------------------------


def test_the_files_are_always_the_same(bundle: dict[str, str]) -> None:
    assert trino.files(DESIRED, TABLE).items() <= bundle.items()
    assert list(bundle) == [
        ".manifest",
        "meshwright/trino/policy.rego",
        "meshwright/trino/published/lake/airport/departures/data.json",
        "access-control.properties",
        "meshwright/trino/published/lake/airport/planes/data.json",
    ]


def test_trino_is_told_every_address_that_the_policy_answers(opa: Any) -> None:
    paths = re.findall(r"/v1/data/(\S+)", trino.PROPERTIES)
    assert len(paths) == 4
    documents = {path.rpartition("/")[2] for path in paths}
    assert documents == {"allow", "rowFilters", "batchColumnMasks", "batch"}
    for document in documents:
        assert answer(opa, document, {}) in (False, [], [{"expression": "false"}])


HOSTILE = [
    "'",
    "''",
    "'--",
    "\\'",
    "\\",
    "x' OR 'a'='a",
    "');DROP TABLE t;",
    "a\nb",
    "${x}",
    "é" * 31,
    "\u202e",
    "😀",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_values_stay_between_their_quotes(text: str) -> None:
    odd = Column(f'{text}"', "string", "public")
    view = View(
        "reader",
        "human",
        (VisibleColumn(odd), VisibleColumn(MAIL, "domain")),
        (Condition(odd, "notIn", (text, "b")),),
    )
    desired = Desired("a/b", "d", (view,), (member("x", "reader", login=text),))
    engine = loaded(trino.files(desired, "lake.airport.departures"))
    [found] = answer(engine, "rowFilters", select(text, []))
    name, first, second = re.fullmatch(
        r"""\(("(?:[^"]|"")*") NOT IN \(('(?:[^']|'')*'), ('(?:[^']|'')*')\)\)""", found["expression"]
    ).groups()
    assert name[1:-1].replace('""', '"') == odd.name.lower()
    assert (first[1:-1].replace("''", "'"), second) == (text, "'b'")
    assert answer(engine, "allow", select(text, [odd.name.lower()])) is True
    assert answer(engine, "allow", select(text + " ", [odd.name.lower()])) is False


MOMENT = Column("m", "timestamp", "public")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(FLIGHT, "in", (1, -2)), '"flight" IN (1, -2)'),
        (Condition(SALARY, "atMost", (1.5,)), '"salary" <= 1.5'),
        (Condition(SALARY, "atLeast", (1e300,)), '"salary" >= 1E+300'),
        (Condition(DAY, "atLeast", ("2026-01-02",)), "\"day\" >= DATE '2026-01-02'"),
        (Condition(Column("late", "boolean", "public"), "in", (True,)), '"late" IN (TRUE)'),
        (
            Condition(MOMENT, "atMost", ("2026-01-01T02:00:00+02:00",)),
            'to_unixtime("m") <= 1767225600.000000E0',
        ),
        (Condition(MOMENT, "atMost", ("2026-01-01",)), 'to_unixtime("m") <= 1767225600.000000E0'),
        (Condition(MOMENT, "in", ("1969-12-31T23:59:59.999999Z",)), 'to_unixtime("m") IN (-0.000001E0)'),
    ],
)
def test_values_are_written_in_their_columns_type(condition: Condition, expected: str) -> None:
    assert trino.TRINO.condition(condition) == expected


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (Condition(FLIGHT, "in", ("1) OR (1=1",)), "cannot be filtered"),
        (Condition(FLIGHT, "in", (True,)), "cannot be filtered"),
        (Condition(FLIGHT, "in", (2**63,)), "cannot be filtered"),
        (Condition(SALARY, "in", (float("nan"),)), "cannot be filtered"),
        (Condition(SALARY, "in", (float("inf"),)), "cannot be filtered"),
        (Condition(DAY, "in", ("2026-01-02' OR '1'='1",)), "cannot be filtered"),
        (Condition(DAY, "in", ("20260102",)), "cannot be filtered"),
        (Condition(DAY, "in", ("2026-02-30",)), "cannot be filtered"),
        (Condition(MOMENT, "in", ("0001-01-01T00:00:00+14:00",)), "cannot be filtered"),
        (Condition(MOMENT, "in", ("now()",)), "cannot be filtered"),
        (Condition(ORIGIN, "in", (1,)), "cannot be filtered"),
        (Condition(ORIGIN, "in", ("\0",)), "cannot be filtered"),
        (Condition(ORIGIN, "in", ("\ud800",)), "cannot be filtered"),
        (Condition(Column("list", "array", "public"), "in", ("a",)), "cannot be filtered"),
        (Condition(ORIGIN, "in", ()), "not understood"),
        (Condition(FLIGHT, "atLeast", (1, 2)), "not understood"),
        (Condition(FLIGHT, "like", (1,)), "not understood"),  # type: ignore[arg-type]
    ],
)
def test_values_that_are_not_of_the_columns_type_are_refused(condition: Condition, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        trino.TRINO.condition(condition)
    assert caught.value.fix


def one(view: View, *members: Member) -> Desired:
    return Desired("a/b", "d", (view, FEW), members)


@pytest.mark.parametrize(
    ("desired", "place", "says"),
    [
        (DESIRED, "lake.departures", "full name of a table"),
        (DESIRED, "lake..departures", "full name of a table"),
        (DESIRED, "lake.a.b.c", "full name of a table"),
        (DESIRED, "lake. a.b", "full name of a table"),
        (DESIRED, "lake.a/b.c", "name of a folder"),
        (DESIRED, "lake.a\\b.c", "name of a folder"),
        (DESIRED, "lake.a\nb.c", "name of a folder"),
        (DESIRED, f"lake.{'x' * 256}.c", "name of a folder"),
        (DESIRED, "System.a.b", "Trino's own"),
        (DESIRED, "lake.INFORMATION_SCHEMA.columns", "Trino's own"),
        (one(replace(READER, columns=READER.columns[:1])), TABLE, "does not see"),
        (one(READER, member("a", "reader"), member("a", "few")), TABLE, ""),
        (one(replace(AUDITOR, rows=(Condition(MAIL, "in", ("x",)),)), member("a", "auditor"), member("a", "few")), TABLE, "reads in both"),
        (one(replace(READER, columns=(*READER.columns, VisibleColumn(Column("FLIGHT", "string", "public"))))), TABLE, "no capitals"),
        (one(replace(READER, columns=(VisibleColumn(ORIGIN), VisibleColumn(FLIGHT, "redacted")))), TABLE, "does not fit"),
        (one(replace(READER, columns=(VisibleColumn(ORIGIN, "sha256"),))), TABLE, "does not fit"),
        (one(READER, member("a", "reader", login="x"), member("b", "reader", login="x")), TABLE, "has the login 'x'"),
        (one(READER, Member(Principal("", "human"), "reader", (), None)), TABLE, "has the login ''"),
    ],
)  # fmt: skip
def test_what_trino_could_not_hold_is_refused(desired: Desired, place: str, says: str) -> None:
    if not says:
        assert trino.files(desired, place)
        return
    with pytest.raises(Refused, match=re.escape(says)) as caught:
        trino.files(desired, place)
    assert caught.value.fix


def test_access_without_an_end_in_this_age_still_ends() -> None:
    desired = replace(DESIRED, members=(member("ada", "reader", datetime(9999, 12, 31, tzinfo=UTC)),))
    engine = loaded(trino.files(desired, TABLE))
    assert answer(engine, "allow", select("ada", ["flight"])) is True


@pytest.mark.parametrize(
    "change",
    [
        {"roles": {}},
        {"roles": {"reader": {"columns": {"flight": {}}}}},
        {"roles": {"reader": {"columns": {"flight": {}}, "rows": None}}},
        {"roles": {"reader": {"rows": "true"}}},
        {"users": {"ada": {"reader": True}}},
        {"users": {"ada": {"reader": 99999999999999999999}}},
        {"users": {"ada": {"owner": None}}},
        {"users": {"ada": {}}},
        {"users": []},
    ],
)
def test_data_that_somebody_edited_gives_nobody_more(bundle: dict[str, str], change: dict) -> None:
    path = "meshwright/trino/published/lake/airport/departures/data.json"
    engine = loaded({**bundle, path: json.dumps(json.loads(bundle[path]) | change)})
    assert answer(engine, "allow", select("ada", ["flight"])) is False
    assert answer(engine, "rowFilters", select("ada", ["flight"])) == [{"expression": "false"}]
