"""Sources are read as a product's run would read them, with the properties that it needs for that."""

from __future__ import annotations

import shlex
import sqlite3
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from meshwright.core.errors import Error
from meshwright.inspection import database_address, dbt_project, file_address, files, profile
from meshwright.inspection.file_listing import listing
from meshwright.inspection.joins import Contained, contained
from meshwright.inspection.model import Source
from meshwright.inspection.sources import open_source


def opened(root: Path, text: str | bytes, name: str = "rows.csv", options: str = "") -> Source:
    """A file with this content, as the source of an input."""
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (source,) = open_source("rows", f"{name}{options}", root)
    return source


def types(source: Source) -> dict[str, str]:
    return {column.name: column.type for column in source.table().columns}


CSV: dict[str, tuple[str | bytes, dict[str, Any], dict[str, str], tuple[Any, ...]]] = {
    "plain": ("id,name\n1,a\n2,b\n", {}, {"id": "BIGINT", "name": "VARCHAR"}, (1, "a")),
    "semicolons, commas before decimals, dates of a country": (
        'id;Datum;Betrag;"a;b"\n1;01.02.2026;12,5;x\n2;28.02.2026;0,75;y\n',
        {"delimiter": ";", "decimal": ",", "date_format": {"Datum": "%d.%m.%Y"}},
        {"id": "BIGINT", "Datum": "DATE", "Betrag": "DECIMAL(18,2)", "a;b": "VARCHAR"},
        (1, date(2026, 2, 1), Decimal("12.50"), "x"),
    ),
    "a missing value that is written": (
        "id,mass,sex\n1,3.5,male\n2,NA,NA\n",
        {"nulls": ["NA"]},
        {"id": "BIGINT", "mass": "DECIMAL(18,1)", "sex": "VARCHAR"},
        (1, Decimal("3.5"), "male"),
    ),
    "a code that looks like a missing value": (
        "country,n\nNA,1\nDE,NA\n",
        {},
        {"country": "VARCHAR", "n": "VARCHAR"},
        ("DE", "NA"),
    ),
    "leading zeros": ("plz\n01234\n99999\n", {}, {"plz": "VARCHAR"}, ("01234",)),
    "day or month first": ("id,d\n1,01/02/2026\n", {}, {"id": "BIGINT", "d": "VARCHAR"}, (1, "01/02/2026")),
    "lines before the header": (
        "Report\n\nid,name\n1,a\n2,b\n",
        {"skip": 1},
        {"id": "BIGINT", "name": "VARCHAR"},
        (1, "a"),
    ),
    "no header": (
        "1,x,2024-01-01\n2,y,2024-01-02\n",
        {"header": False, "names": ["column_1", "column_2", "column_3"]},
        {"column_1": "BIGINT", "column_2": "VARCHAR", "column_3": "DATE"},
        (1, "x", date(2024, 1, 1)),
    ),
    "the same name twice": (
        "a,b,A\n1,x,3\n",
        {"header": False, "skip": 1, "names": ["a", "b", "a_2"]},
        {"a": "BIGINT", "b": "VARCHAR", "a_2": "BIGINT"},
        (1, "x", 3),
    ),
    "years are names": (
        "country,2019\nDE,1\nFR,2\n",
        {},
        {"country": "VARCHAR", "2019": "BIGINT"},
        ("DE", 1),
    ),
    "UTF-16": (
        "id,n\n1,ä\n".encode("utf-16"),
        {"encoding": "utf-16"},
        {"id": "BIGINT", "n": "VARCHAR"},
        (1, "ä"),
    ),
    "times without seconds": (
        "id|at\n1|01.02.2026 10:15\n2|28.02.2026 09:00\n",
        {"delimiter": "|", "timestamp_format": {"at": "%d.%m.%Y %H:%M"}},
        {"id": "BIGINT", "at": "TIMESTAMP"},
        (1, datetime(2026, 2, 1, 10, 15)),
    ),
    "only a header": ("id,name\n", {}, {"id": "VARCHAR", "name": "VARCHAR"}, ()),
    "unicode and reserved names": (
        'select,Größe,"a.b"\n1,x,y\n',
        {},
        {"select": "BIGINT", "Größe": "VARCHAR", "a.b": "VARCHAR"},
        (1, "x", "y"),
    ),
}


@pytest.mark.parametrize("case", CSV)
def test_the_form_of_a_csv_file(case: str, tmp_path: Path) -> None:
    text, properties, expected, first = CSV[case]
    source = opened(tmp_path, text)
    assert types(source) == expected
    assert source.properties == {"path": "rows.csv", **properties}
    assert next(iter(source.rows(1)), ()) == first


FIRST_LINES: dict[str, tuple[str, bool, str]] = {
    "people": ("Ada Lovelace,Graz,Ada\nGrace Hopper,Wien,Grace\n", False, "header=true"),
    "one person a line": ("Ada Lovelace\nGrace Hopper\n", False, "header=true"),
    "people in lower case": ("ada,graz\ngrace,wien\n", False, "header=true"),
    "people and a value that is missing": ("Ada,unknown,Graz\nGrace,12,Wien\n", False, "header=true"),
    "addresses": ("ada@example.org,a\ngrace@example.org,b\n", False, "header=true"),
    "a word that is repeated": ("cat,name\nDog,name\n", False, "header=true"),
    "codes": ("AT,EUR\nDE,CHF\n", False, "header=true"),
    "names that differ from the values": ("foo,bar\nAda Lovelace,Graz\nGrace,Wien\n", True, "header=false"),
    "a longer text below": ("Frage\nWas ist das?\nWo ist das?\n", True, "header=false"),
    "usual names": ("Vorname,Stadt\nAda,Graz\n", True, ""),
    "usual names of several words": ("customerName,home_city\nada,graz\n", True, ""),
    "one usual name of many": ("name,foo,bar\nada,graz,x\n", True, "header=false"),
    "a text above numbers": ("maker,power\nbosch,12\n", True, ""),
    "a text above codes of digits": ("plz\n01234\n", True, ""),
    "a single line": ("Ada Lovelace,Graz\n", True, "header=false"),
    "a blank name": (",name\nx,ada\n", True, ""),
    "only blanks": (",\nx,ada\n", False, ""),
}
"""Name -> the file, whether its first line is the header, and what a note says to write if it is not so."""


@pytest.mark.parametrize("case", FIRST_LINES)
def test_no_row_becomes_a_header_in_silence(case: str, tmp_path: Path) -> None:
    text, is_header, otherwise = FIRST_LINES[case]
    source = opened(tmp_path, text)
    first = text.partition("\n")[0]
    assert ("names" not in source.properties) is is_header
    (described,) = listing(str(tmp_path)).tables
    assert [column.name for column in described.columns] == (
        first.split(",") if is_header else [f"column_{number + 1}" for number in range(len(first.split(",")))]
    )
    notes = source.profile().notes
    assert any(f"?{otherwise} " in note for note in notes) if otherwise else not notes
    assert not any(word in note for note in notes for word in first.split(",") if word.istitle())
    if otherwise:
        other = opened(tmp_path, text, options=f"?{otherwise}")
        assert len(list(other.rows(9))) == len(list(source.rows(9))) + (1 if is_header else -1)


BAD: dict[str, tuple[str | bytes, str, str]] = {
    "empty": ("", "rows.csv is empty", "header"),
    "another encoding": (b"id,name\n1,Z\xfcrich\n", "rows.csv:2", "rows.csv?encoding=cp1252"),
    "a row that is too long": ("id,name\n1,a\n2,b,secret\n", "rows.csv:3: 3 fields", "delimiter"),
    "a quote that is never closed": ('id,name\n1,"a\n', "rows.csv:2", ""),
    "a workbook": (b"PK\x03\x04\xff\xfe\xfd\xfc" * 9, "rows.csv:1", "ZIP archive"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_refused_with_a_fix(case: str, tmp_path: Path) -> None:
    text, what, fix = BAD[case]
    with pytest.raises(Error) as caught:
        opened(tmp_path, text).profile()
    assert what in str(caught.value)
    assert fix in caught.value.fix
    assert "secret" not in f"{caught.value} {caught.value.fix}"
    assert caught.value.exit_code == 2


def test_options_behind_the_path_decide(tmp_path: Path) -> None:
    source = opened(tmp_path, b"id;name\n1;Z\xfcrich\n", options="?encoding=cp1252&delimiter=;")
    assert list(source.rows(9)) == [(1, "Zürich")]
    assert source.properties == {"path": "rows.csv", "encoding": "cp1252", "delimiter": ";"}


def test_json_keeps_its_numbers_and_nested_values(tmp_path: Path) -> None:
    source = opened(
        tmp_path, '[{"id": 1, "a": {"b": 1}, "x": 1.50}, {"id": 2, "t": "2024-01-01"}]', "rows.json"
    )
    assert types(source) == {"id": "BIGINT", "a": "JSON", "x": "DECIMAL(18,2)", "t": "DATE"}
    lines = opened(tmp_path, '{"id": 1}\n{"id": 2}\n', "lines.json")
    assert lines.properties == {"path": "lines.json", "lines": True}
    assert list(lines.rows(9)) == [(1,), (2,)]


def test_a_profile_counts_all_rows(tmp_path: Path) -> None:
    rows = "".join(f"{n},u{n}@example.org,{'ab'[n % 2]},{'' if n % 10 else n}\n" for n in range(100))
    found = opened(tmp_path, f"id,mail,kind,some\n{rows}").profile()
    assert (found.rows, found.keys[:2]) == (100, (("id",), ("mail",)))
    assert found.columns["mail"].form == "email"
    assert found.columns["kind"].values == ("a", "b")
    assert (found.columns["some"].missing, found.columns["some"].maximum) == (90, "90")
    assert (found.columns["id"].minimum, found.columns["id"].distinct) == ("0", 100)


def test_rows_are_those_of_a_key_and_the_same_each_time(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 7}\n" for n in reversed(range(6_000)))
    source = opened(tmp_path, f"id,k\n{rows}")
    assert list(source.rows(3)) == [(0, 0), (1, 1), (2, 2)]
    assert [row[1] for row in source.rows(9, {"id": range(3_000, 6_000), "k": [3]})] == [3] * 9


def test_a_table_of_sqlite_lands_as_it_is_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.executescript(
        "create table customers (id integer primary key, mail varchar(99) not null unique, born date, state text"
        " check (state in ('new', 'old')), u uuid);"
        "create table orders (id integer primary key, customer integer references customers, amount decimal(10,2), x int);"
        "insert into customers values (1, 'a@example.org', '2000-01-02', 'new', null), (2, 'b@example.org', null, 'old', 'x');"
        "insert into orders values (7, 1, 1.5, 1), (8, 2, 2, 'many');"
    )
    connection.close()
    (customers,) = open_source("customers", "sqlite:///shop.db.customers", tmp_path)
    assert customers.properties == {"url": "sqlite:///shop.db", "table": "customers"}
    table = customers.table()
    assert (table.primary_key, table.unique_keys) == (("id",), (("mail",),))
    assert table.column("state").values == ("new", "old")
    assert list(customers.rows(1)) == [(1, "a@example.org", date(2000, 1, 2), "new", None)]
    assert customers.profile().columns["born"].minimum == "2000-01-02"
    (orders,) = open_source("orders", "sqlite:///shop.db?table=orders", tmp_path)
    assert orders.table().foreign_keys[0].other_columns == ("id",)
    assert orders.profile().table.column("x").type == "VARCHAR"
    assert list(orders.rows(9)) == [(7, 1, Decimal("1.50"), "1"), (8, 2, Decimal("2.00"), "many")]
    assert [source.name for source in open_source("shop", "sqlite:///shop.db?table=*", tmp_path)] == [
        "customers",
        "orders",
    ]
    with pytest.raises(Error, match="no table is named"):
        open_source("shop", "sqlite:///shop.db", tmp_path)


@pytest.mark.parametrize("key", ["X-Amz-Signature", "sig", "access_token", "apikey", "authToken"])
def test_an_address_that_gives_access_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(Error) as caught:
        open_source("orders", f"https://127.0.0.1:1/orders.csv?day=1&{key}=s3cret", tmp_path)
    assert key in str(caught.value) and "curl -o orders.csv" in caught.value.fix
    assert "s3cret" not in f"{caught.value} {caught.value.fix}"


def test_only_commas_are_noted_as_commas(tmp_path: Path) -> None:
    assert opened(tmp_path, "id,n\n1,99999999999999999999\n2,5\n").profile().notes == ()
    (note,) = opened(tmp_path, 'id,n\n1,"1,000"\n2,"2,500"\n').profile().notes
    assert "decimal=," in note


ACCOUNTS = {
    "mysql://reader:s3cret@db.example.org/shop.orders": "READER_DB_EXAMPLE_ORG_PASSWORD",
    "mariadb://reader:s3cret@db.example.org/shop.customers": "READER_DB_EXAMPLE_ORG_PASSWORD",
    "postgresql://ada%40x:s3cret@db.example.org:5433/crm.a": "ADA_X_DB_EXAMPLE_ORG_5433_PASSWORD",
    "postgresql://:s3cret@127.0.0.1/crm.a": "DATABASE_127_0_0_1_PASSWORD",
    "postgresql://reader:${CRM_PASSWORD}@db.example.org/crm.a": "CRM_PASSWORD",
}
"""Address -> the variable that holds its password."""


@pytest.mark.parametrize("where", ACCOUNTS)
def test_the_tables_of_an_account_have_one_password(where: str, tmp_path: Path) -> None:
    address = database_address.parse(where, tmp_path)
    assert address.properties["password"] == "${" + ACCOUNTS[where] + "}"
    assert "s3cret" not in str(address.properties)


def test_a_contract_describes_tables_without_rows(tmp_path: Path) -> None:
    (tmp_path / "shop.odcs.yaml").write_text(
        """
apiVersion: v3.2.0
kind: DataContract
schema:
  - name: orders
    description: What was bought
    properties:
      - {name: id, physicalType: bigint, primaryKey: true, primaryKeyPosition: 1}
      - {name: mail, logicalType: string, required: true, classification: confidential, logicalTypeOptions: {maxLength: 99}}
      - {name: price, logicalType: number}
      - {name: weight, logicalType: number, logicalTypeOptions: {format: f64}}
      - {name: count, logicalType: integer, physicalType: counter}
      - {name: day, logicalType: date}
      - {name: customer, physicalType: "NUMBER(38,0)", relationships: [{to: customers.id}]}
      - name: state
        logicalType: string
        quality: [{metric: invalidValues, arguments: {validValues: [new, paid]}, mustBe: 0}]
"""
    )
    (source,) = open_source("orders", "shop.odcs.yaml", tmp_path)
    table = source.table()
    assert (table.primary_key, table.description) == (("id",), "What was bought")
    assert [(column.name, column.type, column.required) for column in table.columns] == [
        ("id", "BIGINT", True),
        ("mail", "VARCHAR", True),
        ("price", "DECIMAL(38,9)", False),
        ("weight", "DOUBLE", False),
        ("count", "BIGINT", False),
        ("day", "DATE", False),
        ("customer", "DECIMAL(38,0)", False),
        ("state", "VARCHAR", False),
    ]
    assert (table.column("mail").max_length, table.column("mail").classification) == (99, "confidential")
    assert table.column("state").values == ("new", "paid")
    assert (table.foreign_keys[0].table, table.foreign_keys[0].other_columns) == ("customers", ("id",))
    assert list(source.rows(9)) == [] and source.profile().notes


RULES = {
    "{metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}": (("a", "b"), False, False, ""),
    "{rule: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}": (("a", "b"), False, False, ""),
    "{rule: validValues, validValues: [a, b]}": (("a", "b"), False, False, ""),
    "{type: library, rule: validValues, arguments: {validValues: [a, b]}}": (("a", "b"), False, False, ""),
    "{metric: invalidValues, arguments: {validValues: [a, b]}, mustBeLessThan: 5}": ((), False, False, "invalidValues of x"),
    "{metric: invalidValues, arguments: {pattern: '^a'}, mustBe: 0}": ((), False, False, "invalidValues of x"),
    "{metric: nullValues, mustBe: 0}": ((), True, False, ""),
    "{rule: nullCheck}": ((), True, False, ""),
    "{metric: missingValues, mustBeLessThan: 5, unit: percent}": ((), False, False, "missingValues of x"),
    "{rule: duplicateCount, mustBe: 0}": ((), False, True, ""),
    "{rule: duplicateCount, mustBeLessThan: 9}": ((), False, False, "duplicateCount of x"),
    "{type: sql, query: select 1, mustBe: 1}": ((), False, False, "sql of x"),
}  # fmt: skip
"""A quality rule of a column -> its values, whether it is required and unique, and what is left to a person."""


@pytest.mark.parametrize("rule", RULES)
def test_a_quality_rule_is_taken_over_or_named(rule: str, tmp_path: Path) -> None:
    values, required, unique, left = RULES[rule]
    (tmp_path / "x.odcs.yaml").write_text(
        "apiVersion: v3.0.2\nkind: DataContract\nschema: [{name: t, quality: [{rule: rowCount, mustBe: 9}], properties: "
        f"[{{name: x, logicalType: string, quality: [{rule}]}}]}}]\n"
    )
    (source,) = open_source("t", "x.odcs.yaml", tmp_path)
    (column,) = source.table().columns
    assert (column.values, column.required, source.table().unique_keys) == (
        values,
        required,
        (("x",),) if unique else (),
    )
    names = f"rowCount of t, {left}" if left else "rowCount of t"
    assert f"not taken over: {names}. Add" in source.profile().notes[1]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("apiVersion: v2.2.2\nkind: DataContract\n", "ODCS 3"),
        ("dataContractSpecification: 1.1.0\nmodels: {}\n", "datacontract export odcs"),
        ("apiVersion: v3.1.0\nkind: DataContract\nschema: [{name: a}]\n", "Describe"),
    ],
)
def test_other_contracts_are_refused_with_a_fix(text: str, fix: str, tmp_path: Path) -> None:
    (tmp_path / "x.odcs.yaml").write_text(text)
    with pytest.raises(Error) as caught:
        open_source("x", "x.odcs.yaml", tmp_path)
    assert fix in caught.value.fix


def test_a_dbt_project_describes_its_sources(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "daily.sql").write_text(
        "-- {{ ref('old') }}\nselect * from {{ source('crm', 'customers') }} join {{ ref('other') }} using (id)"
    )
    (tmp_path / "models" / "schema.yml").write_text(
        """
sources:
  - name: crm
    schema: raw
    meta: {owner: ada@example.org}
    tables:
      - name: customers
        columns:
          - {name: id, data_type: bigint, data_tests: [unique, not_null]}
          - name: state
            data_type: varchar(10)
            tests: [{accepted_values: {values: [new, old]}}]
          - {name: shop, tests: [{relationships: {arguments: {to: ref('shops'), field: id}}}]}
models:
  - {name: daily, description: "What {{ doc('x') }} says"}
exposures:
  - {name: board, type: dashboard, owner: {email: bo@example.org}, depends_on: [ref('daily')]}
"""
    )
    (source,) = open_source("customers", ".", tmp_path)
    table = source.table()
    assert source.properties == {"schema": "raw", "table": "customers"}
    assert (table.primary_key, table.column("state").values) == (("id",), ("new", "old"))
    assert (table.column("state").type, table.column("state").max_length) == ("VARCHAR", 10)
    assert (table.column("shop").type, table.foreign_keys[0].table) == ("", "shops")
    project = dbt_project.read(tmp_path)
    assert [(node.name, node.reads) for node in project.models] == [("daily", ("crm.customers", "other"))]
    assert [(node.owner, node.reads) for node in project.exposures] == [("bo@example.org", ("daily",))]
    assert [node.owner for node in project.sources] == ["ada@example.org"]


def test_a_port_is_read_where_its_registry_says(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    pq.write_table(pa.table({"id": [2, 1], "name": ["b", "a"]}), tmp_path / "lake" / "rows.parquet")
    (tmp_path / "addresses.yaml").write_text("dp:shop/orders#lake: {uses: parquet@1, location: lake}\n")
    (source,) = open_source("orders", "dp:shop/orders#lake?addresses=addresses.yaml", tmp_path)
    assert (source.uses, source.properties) == ("data-product@1", {"addresses": "addresses.yaml"})
    assert list(source.rows(9)) == [(1, "a"), (2, "b")]
    with pytest.raises(Error, match="is not in the address registry"):
        open_source("orders", "dp:shop/orders#other?addresses=addresses.yaml", tmp_path)


def test_values_are_looked_for_among_the_keys_of_another_source(tmp_path: Path) -> None:
    customers = opened(tmp_path, "id,name\n1,a\n2,b\n", "customers.csv")
    orders = opened(tmp_path, "id,customer,name\n1,1,x\n2,1,y\n3,9,z\n4,,z\n", "orders.csv")
    assert contained(orders, ["customer"], customers, ["id"]) == Contained(1, 2, True)
    assert contained(orders, ["name"], customers, ["id"]).looked_for == 0  # a text is no number
    assert list(orders.distinct(["customer"], 9)) == [(1,), (9,)]


def test_a_sample_only_decides_what_all_rows_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{n},u{n}@example.org,{'ab'[n % 2]},{n % 3},{n % 50 or ''}\n" for n in range(500))
    text = f"id,mail,kind,one,two\n{rows}"
    exact = opened(tmp_path, text).profile()
    monkeypatch.setattr(profile, "SAMPLE_ROWS", 20)
    assert opened(tmp_path, text).profile() == exact
    monkeypatch.setattr(profile, "EXACT_CELLS", 1)
    monkeypatch.setattr(profile, "FEW_DISTINCT", 10)
    found = opened(tmp_path, text).profile()
    assert (found.keys, found.columns["mail"].form, found.columns["kind"].values) == (
        exact.keys,
        "email",
        ("a", "b"),
    )
    assert not found.columns["id"].is_estimate and not found.columns["one"].is_estimate
    assert found.columns["two"].is_estimate and "two" in found.notes[-1]


def test_hostile_names_are_quoted_and_printed_without_control_characters(tmp_path: Path) -> None:
    names = ['a"; drop table x; --', "{{ env_var('X') }}", "\x1b[31mred", "b'c"]
    text = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    source = opened(tmp_path, f"{text}\n1,x,01/02/2026,y\n")
    found = source.profile()
    assert [column.name for column in found.table.columns] == names
    assert list(source.rows(9)) == [(1, "x", "01/02/2026", "y")]
    assert found.notes and "\x1b" not in "".join(found.notes)
    pq.write_table(pa.table({name: [1] for name in names}), tmp_path / "odd.parquet")
    (columns,) = open_source("odd", "odd.parquet", tmp_path)
    assert list(columns.rows(9, {names[0]: [1]})) == [(1, 1, 1, 1)]
    assert columns.profile().rows == 1


def test_a_number_that_is_none_is_a_missing_value(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2, 3], "x": [1.5, float("nan"), 9.0]}), tmp_path / "rows.parquet")
    (source,) = open_source("rows", "rows.parquet", tmp_path)
    found = source.profile().columns["x"]
    assert (found.missing, found.minimum, found.maximum) == (1, None, None), "no range has NaN"


THOUSANDS = {
    "a point and a comma": (["1.020,45", "15,00", "-1.234.567,8"], "1020.45"),
    "a comma and a point": (["1,020.45", "15.00", "1020"], "1020.45"),
    "an apostrophe": (["1'020.45", "15"], "1020.45"),
    "a space": (["1 020,45", "15"], "1020.45"),
    "two commas": (["1,234,567", "15"], "1234567"),
    "ambiguous": (["1,020", "15,123"], ""),
    "codes": (["1.020,45", "A"], ""),
    "dates": (["01.02.2024", "03.12.2024"], ""),
}
"""What separates thousands -> texts, and the first as a number."""


@pytest.mark.parametrize("case", THOUSANDS)
def test_a_note_converts_numbers_with_separators_of_thousands(case: str, tmp_path: Path) -> None:
    texts, expected = THOUSANDS[case]
    lines = "".join(f'{number};"{text}"\n' for number, text in enumerate(texts))
    notes = opened(tmp_path, f"id;amount\n{lines}").profile().notes
    found = [
        note.partition("In the model, write ")[2].rstrip(".")
        for note in notes
        if "separators of thousands" in note
    ]
    assert bool(found) is bool(expected)
    for sql in found:
        rows = ", ".join("('{}')".format(text.replace("'", "''")) for text in texts)
        values = duckdb.sql(f"select {sql} from (values {rows}) t(amount)").fetchall()
        assert values[0] == (Decimal(expected),)


STORED = {
    "postgresql://127.0.0.1:5432/crm.sales.customers": ("postgresql://127.0.0.1:5432/crm.sales.customers", ""),
    "postgresql://reader@db.example.org/crm.sales.*?sslmode=require": (
        "postgresql://reader@db.example.org/crm.sales.*?sslmode=require",
        "",
    ),
    "mysql://reader:${CRM_PASSWORD}@db.example.org/crm.customers": (
        "mysql://reader:${CRM_PASSWORD}@db.example.org/crm.customers",
        "",
    ),
    "mysql://reader:pa%40ss@db.example.org:3306/crm.customers?charset=utf8mb4": (
        "mysql://reader:${READER_DB_EXAMPLE_ORG_3306_PASSWORD}@db.example.org:3306/crm.customers?charset=utf8mb4",
        "READER_DB_EXAMPLE_ORG_3306_PASSWORD",
    ),
    "postgresql://reader:a@b:c@/crm?host=/tmp&table=t": (
        "postgresql://reader:${READER_PASSWORD}@/crm?host=/tmp&table=t",
        "READER_PASSWORD",
    ),
    "sqlite:///../a:b@c.db?table=t": ("sqlite:///../a:b@c.db?table=t", ""),
}  # fmt: skip


@pytest.mark.parametrize("option", ["password", "sslpassword", "passwd", "oauth_client_secret"])
def test_a_secret_among_the_options_is_neither_stored_nor_printed(option: str) -> None:
    with pytest.raises(Error) as refused:
        database_address.parse(f"postgresql://me@db.example.org/crm.t?{option}=hunter2", Path())
    assert (
        option in refused.value.sentence and "hunter2" not in f"{refused.value.sentence} {refused.value.fix}"
    )
    database_address.parse(
        f"postgresql://me@db.example.org/crm.t?{option}=${{CRM}}&connect_timeout=3", Path()
    )


@pytest.mark.parametrize("where", STORED)
def test_a_stored_address_opens_the_same_table_without_its_password(where: str) -> None:
    stored, variable = database_address.storable(where)
    assert (stored, variable) == STORED[where]
    first, second = (database_address.parse(text, Path()) for text in (where, stored))
    assert first.properties == second.properties and not second.password
    assert first.password == "" or first.password not in stored


@pytest.mark.parametrize(
    ("path", "options"),
    [("a b.csv", {"delimiter": ";", "skip": "1"}), ("it's.csv", {"delimiter": "\t"}), ("a.csv", {"quote": "'", "comment": "#"}), ("a.csv", {"delimiter": "&", "encoding": "cp1252"}), ("a.csv", {})],
)  # fmt: skip
def test_a_printed_address_is_read_by_a_shell_as_it_was_meant(path: str, options: dict[str, str]) -> None:
    (word,) = shlex.split(file_address.argument(path, **options))
    assert files.split(word) == (path, {name: int(text) if name == "skip" else text for name, text in options.items()})  # fmt: skip


def test_a_printed_glob_is_read_by_a_shell_as_it_was_meant(tmp_path: Path) -> None:
    (tmp_path / "in & out").mkdir()
    (tmp_path / "in & out" / "a.csv").write_text("id\n1\n", "utf-8")
    with pytest.raises(Error) as refused:
        open_source("rows", "in & out", tmp_path)
    (glob,) = shlex.split(refused.value.fix.partition("such as")[2].partition(", or")[0])
    assert open_source("rows", glob, tmp_path)[0].table().columns
