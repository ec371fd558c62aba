"""Tables of real servers are described without rights on them, and profiled and read as `database@1` lands them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import mariadb_server
import postgres_server
import psycopg
import pytest

from meshwright.core.errors import Error
from meshwright.inspection import profile
from meshwright.inspection.databases import catalog
from meshwright.inspection.joins import Contained, contained
from meshwright.inspection.sources import open_source
from meshwright.survey.report import as_text
from meshwright.survey.run import survey

POSTGRES = """
create schema crm;
create type state as enum ('new', 'paid');
create domain euro as numeric(12, 2) not null;
create table crm.customers (
  id bigint generated always as identity primary key, mail varchar(99) not null unique, "Full Name" text, country char(2),
  segment text check (segment in ('a', 'b')), born date, rate numeric);
comment on table crm.customers is 'People';
create table orders (id integer primary key, customer bigint references crm.customers, state state not null, total euro, ref uuid, tags text[]);
create table "Größe" ("select" int, "a.b%" text);
create view crm.german as select * from crm.customers where country = 'DE';
insert into crm.customers (mail, "Full Name", country, segment, born, rate)
  select 'u' || i || '@example.org', nullif('N' || i, 'N7'), 'DE', 'a', date '1960-01-01' + i, i / 10.0 from generate_series(1, 60) i;
insert into orders select i, 1 + i % 60, 'new', i, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, array['x'] from generate_series(1, 6000) i;
insert into "Größe" values (1, 'x');
analyze;
"""
MARIADB = """
create table customers (id bigint unsigned auto_increment primary key, mail varchar(99) not null unique comment 'Login',
  segment enum('a','b'), code varchar(9) collate utf8mb4_general_ci, `we``ird` int, seen timestamp not null) comment 'People';
create table orders (id int primary key, customer bigint unsigned, foreign key (customer) references customers(id));
create view some as select * from customers;
insert into customers (mail, segment, code, `we``ird`, seen) select concat('u', seq, '@example.org'), 'a', if(seq % 2, 'x', 'X'), seq, '2024-01-01 12:00:00' from seq_1_to_60;
insert into orders select seq, 1 + seq % 60 from seq_1_to_600;
"""
ROOT = Path("/")


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[postgres_server.Server, str, str]]:
    """A server with the shop, and its URL before and after the table."""
    for server in postgres_server.running():
        name = server.database()
        with psycopg.connect(server.url(name), autocommit=True) as connection:
            connection.execute(POSTGRES)
            connection.execute("create role nobody login")
        before, _, after = server.url(name).partition("?")
        yield server, before, after


@pytest.fixture(scope="module")
def mariadb() -> Iterator[tuple[mariadb_server.Server, str, str]]:
    for server in mariadb_server.running():
        name = server.database()
        server.run(MARIADB, name)
        before, _, after = server.url(name).partition("?")
        yield server, before.replace("reader@", "reader:${SHOP_PASSWORD}@"), after


POSTGRES_TYPES = {
    "boolean": "(i = 1)",
    "smallint": "i",
    "bigint": "i",
    "numeric": "i / 7.0",
    "numeric(9,2)": "(case i when 1 then 'NaN' else i::text end)::numeric",
    "numeric(50,2)": "i",
    "real": "i / 3.0",
    "double precision": "i / 3.0",
    "money": "i",
    "text": "'t' || i",
    "varchar(9)": "'t' || i",
    "char(9)": "'t' || i",
    '"char"': 'i::text::"char"',
    "name": "'t' || i",
    "citext": "'t' || i",
    "bytea": "i::text::bytea",
    "uuid": "lpad(i::text, 32, '0')::uuid",
    "inet": "'10.0.0.0'::inet + i",
    "cidr": "('10.0.0.' || i)::cidr",
    "macaddr": "('08:00:2b:01:02:0' || i)::macaddr",
    "macaddr8": "('08:00:2b:01:02:03:04:0' || i)::macaddr8",
    "date": "case i when 1 then date 'infinity' else date '2024-01-01' + i end",
    "time": "time '10:00' + i * interval '1 hour 7.5 second'",
    "time(0)": "time '24:00' - (i - 1) * interval '1 hour'",
    "timetz": "timetz '10:00+02' + i * interval '1 hour'",
    "timestamp": "timestamp '2024-01-01 10:00' + i * interval '7.5 second'",
    "timestamp(3)": "case i when 1 then '-infinity' else timestamp '2024-01-01' + i * interval '7.5 second' end",
    "timestamptz": "timestamptz '2024-01-01 10:00Z' + i * interval '7.5 second'",
    "timestamptz(6)": "case i when 1 then 'infinity' else timestamptz '2024-01-01' + i * interval '7.25 second' end",
    "interval": "i * interval '1 day 7.5 second'",
    "json": "json_build_object('a', i)",
    "jsonb": "jsonb_build_object('a', i)",
    "xml": "('<a>' || i || '</a>')::xml",
    "bit(8)": "i::bit(8)",
    "varbit": "i::bit(8)",
    "integer[]": "array[i]",
    "text[]": "array['a', i::text]",
    "point": "point(i, i)",
    "box": "box(point(i, i), point(0, 0))",
    "polygon": "polygon(box(point(i, i), point(0, 0)))",
    "tsvector": "('a b' || i)::tsvector",
    "int4range": "int4range(i, i + 5)",
    "tstzrange": "tstzrange('2024-01-01', date '2024-01-02' + i)",
    "oid": "i::oid",
    "mood": "(array['sad', 'ok', 'happy'])[i]::mood",
    "euros": "i",
    "pair": "row(i, 'x')::pair",
}
"""Type -> SQL of a value for each i from 1 to 3."""
MARIADB_TYPES = {
    "boolean": "i = 1",
    "bigint": "i",
    "bigint unsigned": "i",
    "decimal(9,2)": "i / 4",
    "decimal(50,2)": "i / 4",
    "float": "i / 3",
    "double": "i / 3",
    "bit(8)": "i",
    "varchar(9)": "concat('t', i)",
    "char(9)": "concat('t', i)",
    "text": "concat('t', i)",
    "enum('a','b','c')": "i",
    "set('x','y')": "i",
    "binary(3)": "concat('t', i)",
    "varbinary(3)": "concat('t', i)",
    "blob": "concat('t', i)",
    "json": "json_object('a', i)",
    "date": "if(i = 1, '0000-00-00', concat('2024-01-0', i))",
    "datetime": "concat('2024-01-0', i, ' 10:00:00')",
    "datetime(3)": "if(i = 1, '0000-00-00', concat('2024-01-0', i, ' 10:00:00.5'))",
    "timestamp(6) null": "concat('2024-01-0', i, ' 10:00:00.5')",
    "time": "concat(i, ':00:00')",
    "year": "2020 + i",
    "uuid": "concat('00000000-0000-4000-8000-00000000000', i)",
    "inet6": "concat('::', i)",
}


def every_type(types: dict[str, str], series: str, quote: str) -> str:
    """SQL of a table with a column of each type: forty rows of three values, and two rows without any."""
    named = [f"c{number}" for number in range(len(types))]
    columns = ", ".join(f"{quote}{name}{quote} {kind}" for name, kind in zip(named, types, strict=True))
    values = ", ".join(types.values())
    return (
        f"create table every (id int primary key, {columns}); insert into every (id) values (98), (99);"
        f" insert into every select n, {values} from (select n, 1 + n % 3 as i from {series}) s;"
    )


def test_a_catalog_needs_no_right_on_any_table(postgres: tuple[postgres_server.Server, str, str]) -> None:
    _, before, after = postgres
    tables = {
        table.qualified: table for table in catalog(f"{before.replace('postgres@', 'nobody@')}?{after}")
    }
    assert {*tables} == {"crm.customers", "crm.german", "public.orders", "public.Größe"}
    customers = tables["crm.customers"]
    assert (customers.description, customers.rows, customers.primary_key) == ("People", 60, ("id",))
    assert customers.unique_keys == (("mail",),)
    assert customers.column("segment").values == ("a", "b")
    assert customers.column("mail").max_length == 99
    assert customers.activity and customers.activity.owner == "postgres" and customers.activity.writes == 60
    orders = tables["public.orders"]
    assert [column.type for column in orders.columns] == [
        "BIGINT",
        "BIGINT",
        "VARCHAR",
        "DECIMAL(12,2)",
        "VARCHAR",
        "JSON",
    ]
    assert (orders.column("state").values, orders.column("total").required) == (("new", "paid"), True)
    assert (orders.foreign_keys[0].table, orders.foreign_keys[0].other_columns) == ("crm.customers", ("id",))
    assert tables["crm.german"].is_view and tables["crm.german"].reads_from == ("crm.customers",)
    with pytest.raises(Error, match="permission"):
        open_source("c", f"{before.replace('postgres@', 'nobody@')}.crm.customers?{after}", ROOT)[0].profile()


def test_a_survey_names_the_grants_that_its_commands_need(
    postgres: tuple[postgres_server.Server, str, str],
) -> None:
    server, before, after = postgres
    url = f"{before.replace('postgres@', 'nobody@')}?{after}"
    (found,) = [one for one in survey([url]).candidates if "crm.customers" in one.main.id]
    grants = [one for one in found.grants if "crm" in one]
    assert grants == ["GRANT USAGE ON SCHEMA crm TO nobody;", "GRANT SELECT ON crm.customers TO nobody;"]
    everything = f"{url.partition('?')[0]}.crm.*?{after}"
    with pytest.raises(Error, match="may read none of its") as refused:
        open_source("all", everything, ROOT)
    assert all(one in refused.value.fix for one in grants)
    name = before.rpartition("/")[2]
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        for one in grants:
            connection.execute(one)
        assert (
            open_source("c", f"{url.partition('?')[0]}.crm.customers?{after}", ROOT)[0].profile().rows == 60
        )
        (only,) = open_source("all", everything, ROOT)
        assert only.name == "customers" and not only.profile().notes
        connection.execute(
            "revoke select on crm.customers from nobody; revoke usage on schema crm from nobody"
        )


def test_mariadb_tells_what_an_account_may_not_read(
    mariadb: tuple[mariadb_server.Server, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, before, after = mariadb
    name = before.rpartition("/")[2]
    server.run(
        f"create or replace user writer@localhost identified by '{mariadb_server.PASSWORD}';"
        " grant insert on customers to writer@localhost; grant select on orders to writer@localhost",
        name,
    )
    monkeypatch.setenv("SHOP_PASSWORD", mariadb_server.PASSWORD)
    url = f"{before.replace(mariadb_server.USER + ':', 'writer:')}?{after}"
    found = {table.name: table.grants for table in catalog(url)}
    (grant,) = found["customers"]
    assert not found["orders"] and grant.endswith(".`customers` TO `writer`@`localhost`;")
    (only,) = open_source("all", f"{url.partition('?')[0]}.*?{after}", ROOT)
    assert only.name == "orders" and any(grant in note for note in only.profile().notes)
    server.run(grant, name)
    assert not any(table.grants for table in catalog(url))


def test_mariadb_shows_columns_to_references_and_names_no_administrators(
    mariadb: tuple[mariadb_server.Server, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _, after = mariadb
    server.run(
        "create database hr; create table hr.leave_requests (request_id int primary key, days int, asked_at timestamp, note text);"
        "create table hr.staff (staff_id int primary key, name text, joined_at timestamp, office text);"
        f"create user surveyor@localhost identified by '{mariadb_server.PASSWORD}'; grant insert on hr.* to surveyor@localhost;"
        "create user boss@localhost; grant all on *.* to boss@localhost; create user clerk@localhost; grant select, insert on hr.* to clerk@localhost;"
        "create user blind@localhost identified by ''; grant create view on hr.* to blind@localhost"
    )
    url = f"mysql+pymysql://surveyor:{mariadb_server.PASSWORD}@localhost/hr?{after}"
    monkeypatch.setenv("HR_PASSWORD", mariadb_server.PASSWORD)
    server.run("grant select on mysql.* to surveyor@localhost")
    (staff,) = [one for one in catalog(url) if one.name == "staff"]
    assert staff.activity
    assert (staff.activity.readers, staff.activity.writers) == (("clerk", "reader"), ("clerk",))
    result = survey([f"hr={url}"])
    assert all("${HR_PASSWORD}" in one.commands[-1] for one in result.candidates if one.commands)
    assert len(result.candidates) == 2 and "HR_PASSWORD=" in as_text(result)
    blind = url.replace(f"surveyor:{mariadb_server.PASSWORD}", "blind")
    (unread,) = survey([blind]).unread
    assert unread[1].startswith("leave_requests, staff: this account sees no column")
    server.run(unread[1].partition("; ")[2].partition(" shows")[0])
    assert len(survey([blind]).candidates) == 2


def test_children_of_a_table_of_postgresql_are_part_of_it(
    postgres: tuple[postgres_server.Server, str, str],
) -> None:
    server, _, after = postgres
    name = server.database()
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        connection.execute(
            "create role manager superuser login; create role clerk login; create role surveyor login;"
            "create table readings (id bigint primary key, at timestamptz, kwh numeric); create table readings_2024 () inherits (readings);"
            "insert into readings_2024 values (1, now(), 2); grant select on readings to manager, clerk, surveyor"
        )
    url = server.url(name).replace("postgres@", "surveyor@")
    (table,) = catalog(url)
    assert (table.name, table.activity.readers if table.activity else None) == ("readings", ("clerk",))
    where = f"{server.url(name).partition('?')[0]}.readings_2024?{after}"
    assert open_source("old", where, ROOT)[0].profile().rows == 1


def test_a_table_of_postgresql(postgres: tuple[postgres_server.Server, str, str]) -> None:
    _, before, after = postgres
    (customers,) = open_source("customers", f"{before}.crm.customers?{after}", ROOT)
    (orders,) = open_source("orders", f"{before}.orders?{after}", ROOT)
    (odd,) = open_source("odd", f"{before}.Größe?{after}", ROOT)
    assert customers.properties == {"url": f"{before}?{after}", "schema": "crm", "table": "customers"}
    found = customers.profile()
    assert (found.rows, found.keys[:2]) == (60, (("id",), ("mail",)))
    assert (found.columns["mail"].form, found.columns["Full Name"].missing) == ("email", 1)
    assert found.columns["born"].maximum == "1960-03-01"
    assert contained(orders, ["customer"], customers, ["id"]) == Contained(60, 60, True)
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(1, 6001)]
    assert len(list(orders.rows(9_999, {"ref": ids, "state": ["new"]}))) == 6_000
    assert list(orders.rows(1)) == [(1, 2, "new", Decimal("1.00"), ids[0], '["x"]')]
    assert list(odd.rows(9)) == [(1, "x")]


@pytest.mark.parametrize("engine", ["postgres", "mariadb"])
def test_a_sample_only_decides_what_all_rows_are_asked(
    engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a table of ten million rows."""
    monkeypatch.setenv("SHOP_PASSWORD", mariadb_server.PASSWORD)
    _, before, after = request.getfixturevalue(engine)
    place = f"{before}.{'crm.' * (engine == 'postgres')}customers?{after}"
    (whole,), (sampled,) = open_source("c", place, ROOT), open_source("c", place, ROOT)
    exact = whole.profile()
    monkeypatch.setattr(profile, "SAMPLE_ROWS", 20)
    assert sampled.profile() == exact
    monkeypatch.setattr(profile, "EXACT_CELLS", 1)
    (guessed,) = open_source("c", place, ROOT)
    found = guessed.profile()
    assert found.keys == exact.keys and found.notes
    for name, column in found.columns.items():
        known = exact.columns[name]
        assert replace(column, distinct=None, is_estimate=False) == replace(known, distinct=None), name
        assert column.is_estimate or column.distinct == known.distinct, name


def test_values_that_no_type_holds_make_a_column_text(
    postgres: tuple[postgres_server.Server, str, str],
) -> None:
    _, before, after = postgres
    with psycopg.connect(f"{before}?{after}", autocommit=True) as connection:
        connection.execute("create table odd (d date, n numeric, m numeric(9,2))")
        connection.execute("insert into odd values ('infinity', 1, 'NaN'), ('2024-01-01', 1e-12, 1)")
    (source,) = open_source("odd", f"{before}.odd?{after}", ROOT)
    assert [column.type for column in source.profile().table.columns] == ["VARCHAR"] * 3
    assert ("infinity", "1", "NaN") in list(source.rows(9))


def test_a_table_of_mariadb(
    mariadb: tuple[mariadb_server.Server, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, before, after = mariadb
    with pytest.raises(Error, match="SHOP_PASSWORD is not set"):
        open_source("customers", f"{before}.customers?{after}", ROOT)
    monkeypatch.setenv("SHOP_PASSWORD", mariadb_server.PASSWORD)
    (customers,) = open_source("customers", f"{before}.customers?{after}", ROOT)
    (orders,) = open_source("orders", f"{before}.orders?{after}", ROOT)
    assert customers.properties.get("password") == "${SHOP_PASSWORD}"
    assert mariadb_server.PASSWORD not in str(customers.properties)
    table = customers.table()
    assert (table.description, table.primary_key, table.unique_keys) == ("People", ("id",), (("mail",),))
    assert (table.column("id").type, table.column("segment").values) == ("DECIMAL(20,0)", ("a", "b"))
    found = customers.profile()
    assert found.columns["code"].values == ("X", "x")  # whatever the collation says
    assert (found.columns["we`ird"].maximum, found.columns["seen"].minimum) == ("60", "2024-01-01T06:30:00Z")
    assert contained(orders, ["customer"], customers, ["id"]) == Contained(60, 60, True)
    with pytest.raises(Error) as caught:
        open_source("some", f"{before}.some?{after}", ROOT)
    assert "show view" in caught.value.fix
    monkeypatch.setenv("SHOP_PASSWORD", "wrong-pass")
    with pytest.raises(Error, match="refuses the login") as caught:
        open_source("customers", f"{before}.customers?{after}", ROOT)
    assert "wrong-pass" not in f"{caught.value} {caught.value.fix}"


@pytest.mark.parametrize("engine", ["postgres", "mariadb"])
def test_values_of_every_type_are_found_again(
    engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one value is, and where none of its kind sorts or compares as it is."""
    monkeypatch.setenv("SHOP_PASSWORD", mariadb_server.PASSWORD)
    server, before, after = request.getfixturevalue(engine)
    if engine == "postgres":
        types = POSTGRES_TYPES
        with psycopg.connect(f"{before}?{after}", autocommit=True) as connection:
            connection.execute(
                "create extension if not exists citext; create type mood as enum ('sad', 'ok', 'happy');"
                "create domain euros as numeric(12, 2); create type pair as (a int, b text)"
            )
            connection.execute(every_type(types, "(select generate_series(1, 40) n) g", '"'))
    else:
        types = MARIADB_TYPES
        name = before.rpartition("/")[2]
        server.run(f"set sql_mode = ''; {every_type(types, '(select seq n from seq_1_to_40) g', '`')}", name)
    (source,) = open_source("every", f"{before}.every?{after}", ROOT)
    rows = list(source.rows(99))
    assert len(rows) == 42
    wrong = {}
    for place, kind in enumerate(types, 1):
        column = f"c{place - 1}"
        present = [row for row in rows if row[place] is not None]
        values = {row[place] for row in present}
        try:
            found = {value for (value,) in source.distinct([column], 9)}
            again = list(source.rows(99, {column: values}))
            one = {row[place] for value in values for row in source.rows(99, {column: [value]})}
        except Error as error:
            wrong[kind] = str(error)
            continue
        if not (len(present) == 40 and found == values == one and again == present):
            wrong[kind] = f"{len(present)} rows: {values} {found} {one}"
    assert not wrong


def test_what_a_column_of_mariadb_may_hold(
    mariadb: tuple[mariadb_server.Server, str, str],
    monkeypatch: pytest.MonkeyPatch,
    recwarn: pytest.WarningsRecorder,
) -> None:
    """A set has several of its values, a year is not one of a list, and a geometry is left out."""
    server, before, after = mariadb
    monkeypatch.setenv("SHOP_PASSWORD", mariadb_server.PASSWORD)
    server.run(
        "create table places (id int primary key, flags set('x','y'), founded year, ip inet6, at point);"
        "insert into places select seq, 'x', 2020 + seq % 3, '::1', point(1, 2) from seq_1_to_60",
        before.rpartition("/")[2],
    )
    (source,) = open_source("places", f"{before}.places?{after}", ROOT)
    found = source.profile()
    assert source.table().column("flags").max_length == 3
    assert not any(column.values for column in found.columns.values())
    assert source.properties["columns"] == ["id", "flags", "founded", "ip"]
    assert any(note.startswith("at ") and "left out" in note for note in found.notes)
    assert list(source.rows(1)) == [(1, "x", "2021", "::1")]
    assert not [warning for warning in recwarn if not issubclass(warning.category, DeprecationWarning)]


def test_values_cross_from_one_server_to_the_other(
    postgres: tuple[postgres_server.Server, str, str],
    mariadb: tuple[mariadb_server.Server, str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", mariadb_server.PASSWORD)
    (orders,) = open_source("orders", f"{postgres[1]}.orders?{postgres[2]}", ROOT)
    (customers,) = open_source("customers", f"{mariadb[1]}.customers?{mariadb[2]}", ROOT)
    assert contained(orders, ["customer"], customers, ["id"]) == Contained(60, 60, True)


def test_a_server_that_goes_away_is_an_error_with_a_fix(
    postgres: tuple[postgres_server.Server, str, str],
) -> None:
    server, before, after = postgres
    (source,) = open_source("orders", f"{before}.orders?{after}", ROOT)
    source.profile()
    server.stop()
    try:
        with pytest.raises(Error) as caught:
            list(source.rows(9))
        assert caught.value.fix and caught.value.exit_code == 2
        with pytest.raises(Error, match="no server listens"):
            catalog(f"{before}?{after}")
    finally:
        server.start()
