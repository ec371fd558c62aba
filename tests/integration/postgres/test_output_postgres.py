"""The port `postgres@1`: what readers of a real database see while products publish, fail and are killed."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from postgres_port import VALUES
from postgres_product import newest
from postgres_server import Server
from products import Make, pipeline
from psycopg import sql

from meshwright.access.grants import (
    AuditRecord,
    Column,
    Desired,
    Member,
    Port,
    Principal,
    View,
    VisibleColumn,
)
from meshwright.access.targets import postgres
from meshwright.access.targets.postgres import bootstrap

DATASET = "departures"
METADATA = {"product": "operations/departures", "productVersion": "1.0.0", "note": 'it\'s \\ "so"'}
SECRET = "s3cret-7f3a"  # noqa: S105 - of nobody


@dataclass
class Published:
    """A product in a database, which a test publishes to as the pipeline does."""

    code: SimpleNamespace
    root: Path
    url: str
    schema: str
    admin: str = ""
    """The url of somebody who may do everything."""
    dataset: str = DATASET
    files: Iterator[int] = field(default_factory=itertools.count)

    @property
    def port(self) -> Any:
        properties = {"url": self.url, "schema": self.schema}
        return self.code.spec.Capability("outputs", "postgres@1", "warehouse", properties=properties)

    @property
    def product(self) -> Any:
        return self.code.spec.Product(
            *[self.root, DATASET, "operations", "1.0.0", self.dataset, self.root / "contract.odcs.yaml"],
            *[(), None, (), ()],
        )

    def ready(self, query: str | pa.Table) -> Iterator[None]:
        """A publication of the rows of a query, before it has begun."""
        file = self.root / f"{next(self.files)}.parquet"
        if isinstance(query, pa.Table):
            pq.write_table(query, file)
        else:
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                connection.execute(f"copy ({query}) to '{file}' (format parquet)")
        rows = pq.read_metadata(file).num_rows
        return self.code.port.publish(
            self.port, self.product, self.code.dataset.Dataset((file,), rows, METADATA)
        )

    def publish(self, query: str | pa.Table) -> None:
        for _ in self.ready(query):
            pass

    def read(self) -> pa.Table:
        return self.code.port.read(self.port, self.product)

    def sql(self, statement: str, login: str = "postgres") -> list[tuple[Any, ...]]:
        url = self.admin.replace("postgres@", f"{login}@", 1)
        with psycopg.connect(url, autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def tables(self) -> list[str]:
        """Every table and view of the pipeline."""
        listed = (
            "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'v')"
        )
        return sorted(name for (name,) in self.sql(listed.replace("%s", f"'{self.schema}_private'")))

    def role_view(self) -> None:
        """What the applier makes for a reader."""
        access = f"{self.schema}_access"
        self.sql(
            f"create or replace view {self.schema}.reader as select * from {self.schema}_private.{self.dataset}",
            access,
        )
        self.sql(f"grant usage on schema {self.schema} to {self.schema}_ada", access)
        self.sql(f"grant select on {self.schema}.reader to {self.schema}_ada", access)


numbers = itertools.count()


@pytest.fixture
def here(server: Server, code: SimpleNamespace, tmp_path: Path) -> Published:
    """A product in a database of its own, which its administrator has prepared; nothing is published yet."""
    database, schema = server.database(), f"product_{next(numbers)}"
    with psycopg.connect(server.url(database)) as connection:
        connection.execute(bootstrap(schema, []))
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(f"{schema}_ada")))
    return Published(code, tmp_path, server.url(database, f"{schema}_pipeline"), schema, server.url(database))


@pytest.fixture
def embedded(code: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """A product whose server is its own; nothing is there yet."""
    programs = newest()
    monkeypatch.setattr(code.server, "_programs", lambda: programs)
    return Published(code, tmp_path, "ware house's/deep", DATASET)


def version(number: int, rows: int = 1000) -> str:
    return f"select {number} as version, range as id from range({rows})"


NUMBERS = "values ({}), (null)"
NESTED = {
    "integer[]": ("[1, null]", [1, None]),
    "struct(a varchar, b date)": ("{'a': 'it''s \"\\', 'b': date '2026-01-01'}", {"a": "it's \"\\", "b": "2026-01-01"}),
    "map(varchar, double)": ("map {'k': 0.5}", {"k": 0.5}),
    "json": ("'{\"a\": [1, null]}'", {"a": [1, None]}),
}  # fmt: skip


@pytest.mark.main
@pytest.mark.parametrize("where", ["here", "embedded"])
def test_every_value_arrives_as_it_is(where: str, request: pytest.FixtureRequest) -> None:
    product: Published = request.getfixturevalue(where)
    longest = max(len(values) for _, values in VALUES.values())
    rows = [
        ", ".join(f"({values[row] if row < len(values) else 'null'})::{type_}" for type_, (_, values) in VALUES.items())
        for row in range(longest)
    ]  # fmt: skip
    nested = ", ".join(f"({value})::{type_}" for type_, (value, _) in NESTED.items())
    names = ", ".join(f'"{type_}"' for type_ in (*VALUES, *NESTED))
    nothing = ", ".join(["null"] * len(NESTED))
    query = f"select * from (values ({rows[0]}, {nested}), {', '.join(f'({row}, {nothing})' for row in rows[1:])}) as v({names})"
    product.publish(query)
    published = product.read()
    assert published.column_names == [*VALUES, *NESTED]
    file = product.root / "0.parquet"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for type_ in VALUES:
            wanted = connection.execute(f"select \"{type_}\"::varchar from '{file}'").fetchall()
            assert connection.execute(f'select "{type_}"::varchar from published').fetchall() == wanted, type_
    for type_, (_, value) in NESTED.items():
        assert json.loads(published[type_][0].as_py()) == value
        assert published[type_].null_count == longest - 1
    if where == "here":
        types = product.sql(
            f"select attname, format_type(atttypid, atttypmod) from pg_attribute"
            f" where attrelid = '{product.schema}_private.{DATASET}'::regclass and attnum > 0"
        )
        assert dict(types) == {
            **{type_: made for type_, (made, _) in VALUES.items()},
            **dict.fromkeys(NESTED, "jsonb"),
        }


NOT_KEPT = {
    "a NUL in a text": (
        "select 'x' as fine, 'top-' || chr(0) as bad",
        "column bad contains the character NUL",
    ),
    "a NUL in a part": ("select {'a': 'top-' || chr(0)} as bad", "column bad (jsonb) is rejected"),
    "a part that JSON cannot say": ("select [1.0, 'nan'::double] as bad", "column bad (jsonb) is rejected"),
    "a date after PostgreSQL's last": ("select date '5881000-01-01' as bad", "column bad (date) is rejected"),
    "nanoseconds": (
        "select timestamp_ns '2026-01-01 00:00:00.000000001' as bad",
        "column bad has nanoseconds, but",
    ),
    "a name that PostgreSQL cuts": (f'select 1 as "{"é" * 32}"', "longer than the 63 bytes"),
    "a type without a counterpart": (
        pa.table({"bad": pa.array([1], pa.time64("ns"))}),
        "column bad has the type TIME_NS",
    ),
}


@pytest.mark.parametrize("case", NOT_KEPT)
def test_what_postgresql_cannot_keep_is_refused_by_name_and_without_its_value(
    case: str, here: Published
) -> None:
    query, says = NOT_KEPT[case]
    here.publish(version(1))
    with pytest.raises(here.code.errors.UnreadableInput) as refused:
        here.publish(query)
    assert (
        says in str(refused.value) and "top-" not in str(refused.value) and "5881" not in str(refused.value)
    )
    assert here.read()["version"].unique().to_pylist() == [1]
    here.publish(version(2))
    assert here.tables() == [DATASET, f"{DATASET}__2"]


def test_names_are_quoted_whatever_they_are(here: Published) -> None:
    names = ["select", 'Quo"ted', "a b", "%s", "é" * 31, "drop table x; --", "UPPER"]
    for _ in range(2):
        here.publish("select " + ", ".join(f'{n} as "{name.replace(chr(34), 2 * chr(34))}"' for n, name in enumerate(names)))  # fmt: skip
        assert here.read().to_pylist() == [{name: n for n, name in enumerate(names)}]
    order = replace(here, dataset="order")
    order.publish(version(1))
    assert order.read().num_rows == 1000


def test_a_line_that_means_something_to_copy_or_nothing_is_a_row_like_any_other(here: Published) -> None:
    values = [None, "\\.", "", None, "\\N", '"', "\n", None]
    here.publish(pa.table({"alone": values}))
    assert here.read()["alone"].to_pylist() == values


def test_a_data_set_without_rows_has_its_columns(here: Published) -> None:
    here.publish(version(1, rows=0))
    assert here.read().num_rows == 0 and here.read().column_names == ["version", "id"]


def test_the_published_data_says_where_it_comes_from(here: Published) -> None:
    here.publish(version(1))
    ((comment,),) = here.sql(f"select obj_description('{here.schema}_private.{DATASET}'::regclass)")
    assert json.loads(comment) == METADATA


def test_only_the_applier_reads_what_the_pipeline_makes(here: Published) -> None:
    here.publish(version(1))
    here.publish("select 'x' as other")
    for table in here.tables():
        assert here.sql(f"select count(*) from {here.schema}_private.{table}", f"{here.schema}_access")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            here.sql(f"select count(*) from {here.schema}_private.{table}", f"{here.schema}_ada")


@pytest.mark.parametrize("query", [version(2), f"select *, 'x' as added from ({version(2)})"])
def test_the_views_of_readers_stay_where_columns_stay(query: str, here: Published) -> None:
    here.publish(version(1))
    here.role_view()
    here.publish(query)
    ada = f"{here.schema}_ada"
    assert here.sql(f"select distinct version from {here.schema}.reader", ada) == [(2,)]
    assert here.tables() == [DATASET, f"{DATASET}__2"]


@pytest.mark.parametrize(
    "query",
    [
        "select 2 as version, 'text' as id",
        "select 2 as version",
        "select 1 as id, 2 as version",
        "select 2::decimal(4,0) as version, range as id from range(3)",
    ],
)
def test_after_another_shape_readers_see_the_old_data_until_access_is_applied_again(
    query: str, here: Published
) -> None:
    ada, reader = f"{here.schema}_ada", f"select distinct version from {here.schema}.reader"
    here.publish(version(1))
    here.role_view()
    here.publish(query)
    assert here.sql(reader, ada) == [(1,)]
    aside = [f"{DATASET}__1", f"{DATASET}__1_view"]
    assert here.tables() == sorted([DATASET, *aside, f"{DATASET}__2"])
    here.publish(query)
    assert here.tables() == sorted([DATASET, *aside, f"{DATASET}__3"])
    here.sql(f"drop view {here.schema}.reader", f"{here.schema}_access")
    here.role_view()
    assert here.sql(reader, ada) == [(2,)]
    here.publish(query)
    assert here.tables() == [DATASET, f"{DATASET}__4"]


@pytest.mark.parametrize("where", ["here", "embedded"])
def test_access_is_applied_to_what_the_pipeline_published(where: str, request: pytest.FixtureRequest) -> None:
    product: Published = request.getfixturevalue(where)
    ada, private = f"{product.schema}_ada", f"{product.schema}_private"
    layout = product.code.database_layout.database_layout(product.port, product.product)
    with contextlib.ExitStack() as running:
        if where == "embedded":  # as `python -m pipeline.outputs.postgres` keeps it up
            found = running.enter_context(product.code.session.embedded(layout, make=True))
            product.admin = f"postgresql://postgres@/postgres?host={found['host']}"
            product.sql(f"create role {ada} login")
        with psycopg.connect(product.admin) as connection:
            connection.execute(bootstrap(product.schema, ["reader"]))
        url = product.url if where == "embedded" else product.url.replace("_pipeline@", "_access@")
        port = Port("warehouse", "postgres@1", {"url": url, "schema": product.schema}, str(product.root))
        visible = tuple(VisibleColumn(Column(name, "integer", "public")) for name in ("version", "id"))
        member = Member(Principal("ada", "human", logins={"postgres": ada}), "reader", ("a1",), None)
        desired = Desired(METADATA["product"], DATASET, (View("reader", "human", visible),), (member,))
        reader = f"select distinct version from {product.schema}.reader"

        product.publish(version(1))
        assert postgres.apply(port, desired, AuditRecord({})).manual_actions == ()
        product.publish(version(2))
        assert product.sql(reader, ada) == [(2,)]
        assert not postgres.plan(port, desired).changes, "a publication of the same shape changes no access"
        product.publish("select '3' as version, range as id from range(10)")
        assert product.sql(reader, ada) == [(2,)]
        assert postgres.apply(port, desired, AuditRecord({})).manual_actions == ()
        assert product.sql(reader, ada) == [("3",)] and list(postgres.verify(port, desired)) == []
        product.publish("select '4' as version, range as id from range(10)")
        assert product.sql(reader, ada) == [("4",)]
        assert product.tables() == [DATASET, f"{DATASET}__4"]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            product.sql(f"select * from {private}.{DATASET}", ada)


def test_a_publication_during_a_run_is_no_drift(here: Published) -> None:
    """Of the same shape and of another, while access is planned, applied and verified again and again."""
    visible = (VisibleColumn(Column("id", "integer", "public")),)
    member = Member(Principal("ada", "human", logins={"postgres": f"{here.schema}_ada"}), "reader", (), None)
    desired = Desired(METADATA["product"], DATASET, (View("reader", "human", visible),), (member,))
    properties = {"url": here.url.replace("_pipeline@", "_access@"), "schema": here.schema}
    port = Port("warehouse", "postgres@1", properties, str(here.root))
    here.sql(bootstrap(here.schema, ["reader"], product=METADATA["product"]))
    here.publish(version(0))
    postgres.apply(port, desired, AuditRecord({}))
    ended, closed = threading.Event(), []

    def run() -> None:
        while not ended.is_set():
            for verb in (postgres.plan, lambda *what: postgres.apply(*what, AuditRecord({}))):
                closed.extend(verb(port, desired).manual_actions)
            closed.extend(line for line in postgres.verify(port, desired) if "To be done" not in line)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for number in range(1, 9):
            here.publish(
                version(number) if number % 2 else f"select {number} as more, * from ({version(number)})"
            )
    finally:
        ended.set()
        thread.join()
    assert closed == []
    assert postgres.apply(port, desired, AuditRecord({})).manual_actions == ()
    assert list(postgres.verify(port, desired)) == []
    assert here.sql(f"select count(*) from {here.schema}.reader", f"{here.schema}_ada") == [(1000,)]


def test_nothing_that_somebody_needs_is_dropped(here: Published) -> None:
    here.publish(version(1))
    private, access = f"{here.schema}_private", f"{here.schema}_access"
    here.sql(
        f"create function {here.schema}.rows() returns bigint begin atomic"
        f" select count(*) from {private}.{DATASET}__1; end",
        access,
    )
    here.publish(version(2))
    here.sql(f"create materialized view {here.schema}.kept as select * from {private}.{DATASET}__2", access)
    here.publish(version(3))
    assert here.tables() == [DATASET, *(f"{DATASET}__{n}" for n in (1, 2, 3))]


class Cut(Exception):
    """The publication ends here."""


@pytest.fixture
def cut_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Cuts the connection before a call of the database, counted from 0."""

    def set_up(number: int) -> None:
        calls = itertools.count()

        def cutting(method: Callable[..., Any]) -> Callable[..., Any]:
            def call(self: Any, *arguments: Any, **options: Any) -> Any:
                if next(calls) == number:
                    connection = self if isinstance(self, psycopg.Connection) else self.connection
                    with socket.socket(fileno=os.dup(connection.fileno())) as line:
                        line.shutdown(socket.SHUT_RDWR)
                    raise Cut
                return method(self, *arguments, **options)

            return call

        for kind, name in (
            (psycopg.Connection, "execute"),
            (psycopg.Cursor, "execute"),
            (psycopg.Copy, "write"),
            (psycopg.Copy, "__exit__"),
            (psycopg.Transaction, "__exit__"),
        ):
            monkeypatch.setattr(kind, name, cutting(getattr(kind, name)))

    return set_up


@pytest.mark.parametrize("shape", ["the same shape", "another shape"])
def test_a_publication_that_is_cut_anywhere_leaves_the_old_version_or_the_new(
    shape: str, here: Published, cut_at: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(number: int) -> str:
        other = "'x'" if shape == "another shape" and number % 2 else "range"
        return f"select {number} as version, {other} as id from range(1000)"

    here.publish(of(0))
    current, outcomes, was_cut = 0, set(), True
    for number in itertools.count():
        publication = here.ready(of(current + 1))
        cut_at(number)
        try:
            for _ in publication:
                pass
            was_cut = False
        except (Cut, here.code.errors.UnreadableInput):
            pass
        monkeypatch.undo()
        query = f"select min(version), max(version), count(*) from {here.schema}_private.{DATASET}"
        ((low, high, rows),) = here.sql(query)
        assert low == high and low in (current, current + 1) and rows == 1000
        outcomes.add(low - current if was_cut else "all")
        current = low
        if not was_cut:
            break
    assert outcomes == {0, 1, "all"} and number > 15
    assert len(here.tables()) == 2, "what was left behind is gone"


def test_a_publication_survives_the_crash_of_the_server_only_whole(
    code: SimpleNamespace, tmp_path: Path
) -> None:
    server = Server()
    try:
        with psycopg.connect(server.url()) as connection:
            connection.execute(bootstrap("crashed", []))
        here = Published(code, tmp_path, server.url(user="crashed_pipeline"), "crashed", server.url())
        here.publish(version(1))
        publication = here.ready(version(2))
        next(publication)
        server.kill()
        with pytest.raises(code.errors.UnreadableInput):
            next(publication)
        server.start()
        assert here.read()["version"].unique().to_pylist() == [1]
        here.publish(version(3))
        server.kill()
        server.start()
        assert here.read()["version"].unique().to_pylist() == [3]
        assert here.tables() == [DATASET, f"{DATASET}__2"]
    finally:
        server.remove()


def test_readers_see_one_version_in_each_query_while_it_is_replaced(here: Published) -> None:
    here.publish(version(0))
    here.role_view()
    over, problems, seen = threading.Event(), [], set()
    direct = f"select min(version), max(version), count(*) from {here.schema}_private.{DATASET}"
    through = f"select min(version), max(version), count(*) from {here.schema}.reader"

    def look(login: str, query: str, prepare: bool) -> None:
        try:
            url = here.admin.replace("postgres@", f"{here.schema}_{login}@", 1)
            with psycopg.connect(url, autocommit=True) as connection:
                newest_seen = 0
                while not over.is_set():
                    low, high, count = connection.execute(query, prepare=prepare).fetchone()
                    assert low == high and count == 1000 and low >= newest_seen, (low, high, count)
                    newest_seen = low
                    seen.add(low)
        except Exception as error:
            problems.append(error)

    readers = [
        threading.Thread(target=look, args=arguments)
        for arguments in (("ada", through, False), ("ada", through, True), ("access", direct, False))
    ]
    for reader in readers:
        reader.start()
    for number in range(1, 21):
        here.publish(version(number))
    over.set()
    for reader in readers:
        reader.join()
    assert not problems and len(seen) > 5


def test_a_transaction_with_an_older_view_of_the_world_sees_the_new_data_whole(here: Published) -> None:
    here.publish(version(1))
    here.role_view()
    url = here.admin.replace("postgres@", f"{here.schema}_ada@", 1)
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("select 1")
        here.publish(version(2))
        query = f"select count(*), min(version) from {here.schema}.reader"
        assert connection.execute(query).fetchone() == (1000, 2)


def test_a_long_transaction_holds_up_a_publication_and_no_other_reader(
    here: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.publish(version(1))
    here.role_view()
    ada = here.admin.replace("postgres@", f"{here.schema}_ada@", 1)
    query = f"select min(version) from {here.schema}.reader"
    with psycopg.connect(ada) as slow:
        slow.execute(query)
        monkeypatch.setattr(here.code.generations, "SWAP_SECONDS", 2)
        with pytest.raises(
            here.code.errors.UnreadableInput, match=rf"{here.schema}_ada \(process {slow.info.backend_pid}\)"
        ):
            here.publish(version(2))
        monkeypatch.undo()
        publication = threading.Thread(target=here.publish, args=[version(3)])
        publication.start()
        waits = []
        deadline = time.monotonic() + 3
        with psycopg.connect(ada, autocommit=True) as quick:
            while time.monotonic() < deadline:
                began = time.monotonic()
                assert quick.execute(query).fetchone() == (1,)
                waits.append(time.monotonic() - began)
        assert max(waits) < 2 and publication.is_alive()
        slow.rollback()
        publication.join()
    assert here.read()["version"].unique().to_pylist() == [3]
    assert here.tables() == [DATASET, f"{DATASET}__2"]


def test_two_runs_do_not_publish_the_same_at_once(here: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here.code.generations, "RIVAL_SECONDS", 1)
    first = here.ready(version(1))
    next(first)
    with pytest.raises(here.code.errors.UnreadableInput, match="Another run is publishing"):
        here.publish(version(2))
    assert next(first, None) is None
    here.publish(version(3))
    assert here.read()["version"].unique().to_pylist() == [3]


UNPREPARED = {
    "no role": [],
    "a role that it is not": ["create role {0}_pipeline login"],
    "no schema": ["create role {0}_pipeline login", "grant {0}_pipeline to {0}_robot"],
    "a schema that is not open": [
        "create role {0}_pipeline login",
        "grant {0}_pipeline to {0}_robot",
        "create schema {0}_private",
    ],
}


@pytest.mark.parametrize("case", UNPREPARED)
def test_a_database_that_nobody_prepared_is_told_apart(
    case: str, server: Server, code: SimpleNamespace, tmp_path: Path
) -> None:
    database, schema = server.database(), f"product_{next(numbers)}"
    with psycopg.connect(server.url(database)) as connection:
        for statement in ["create role {0}_robot login", *UNPREPARED[case]]:
            connection.execute(statement.format(schema))
    here = Published(code, tmp_path, server.url(database, f"{schema}_robot"), schema)
    with pytest.raises(code.errors.UnreadableInput) as refused:
        here.publish(version(1))
    assert "meshwright access bootstrap" in refused.value.fix


def test_a_member_of_the_role_publishes_as_the_role(here: Published) -> None:
    robot = f"{here.schema}_robot"
    here.sql(f"create role {robot} login noinherit in role {here.schema}_pipeline")
    replace(here, url=here.admin.replace("postgres@", f"{robot}@", 1)).publish(version(1))
    owners = here.sql(
        f"select distinct relowner::regrole::text from pg_class where relnamespace = '{here.schema}_private'::regnamespace and relkind in ('r', 'v')"
    )
    assert owners == [(f"{here.schema}_pipeline",)]


HOSTILE = [
    "alter role {0}_pipeline set search_path = evil, pg_catalog",
    "alter role {0}_pipeline set statement_timeout = '100ms'",
    "alter role {0}_pipeline set lock_timeout = '1ms'",
    "alter role {0}_pipeline set datestyle = 'German, DMY'",
    "alter role {0}_pipeline set standard_conforming_strings = off",
    "alter role {0}_pipeline set bytea_output = escape",
    "alter role {0}_pipeline set timezone = 'Asia/Kolkata'",
    "create schema evil",
    "grant usage on schema evil to public",
    "create function evil.to_regclass(text) returns regclass language sql as 'select null::regclass'",
    "create function evil.hashtextextended(text, bigint) returns bigint language sql as 'select 1/0'",
]


def test_what_others_have_set_up_changes_nothing(here: Published) -> None:
    for statement in HOSTILE:
        here.sql(statement.format(here.schema))
    query = "select timestamptz '2026-02-01 00:00:00+00' as at, date '2026-02-01' as day, '\\xFF'::blob as raw, 'a\\''b' as text".replace("\\''", "\\''")  # fmt: skip
    for _ in range(2):
        here.publish(query)
    (row,) = here.read().to_pylist()
    assert (row["at"].isoformat(), row["day"].isoformat(), row["raw"]) == (
        "2026-02-01T00:00:00+00:00",
        "2026-02-01",
        b"\xff",
    )
    ((comment,),) = here.sql(f"select obj_description('{here.schema}_private.{DATASET}'::regclass)")
    assert json.loads(comment) == METADATA
    assert here.tables() == [DATASET, f"{DATASET}__2"]


@pytest.mark.parametrize(
    "statement",
    [
        "create table {0}_private.departures (version int, id bigint)",
        "create view {0}_private.departures as select 'mine' as version",
    ],
)
def test_what_somebody_else_put_in_the_place_of_the_view_stays(statement: str, here: Published) -> None:
    here.sql(statement.format(here.schema), f"{here.schema}_pipeline")
    with pytest.raises(here.code.errors.UnreadableInput):
        here.publish(version(1))
    assert here.tables() == [DATASET, f"{DATASET}__1"]


LOCATIONS = {
    f"postgresql://me:{SECRET}@db.example.org:6432/mesh?sslmode=require": "db.example.org:6432/mesh?sslmode=require&",
    f"postgres://me:{SECRET}@a.example.org,b.example.org:1/mesh": "a.example.org,b.example.org:1/mesh?",
    f"postgresql:///mesh?host=/run/pg&user=me&password={SECRET}&sslpassword={SECRET}": "%2Frun%2Fpg/mesh?",
    f"postgresql://[::1]/mesh?password={SECRET}": "%3A%3A1/mesh?",
    "postgresql://?service=mesh": "/?service=mesh&",
}


@pytest.mark.parametrize("url", LOCATIONS)
def test_a_location_is_an_address_without_a_login(url: str, code: SimpleNamespace, tmp_path: Path) -> None:
    here = Published(code, tmp_path, url, "mesh")
    location = code.port.location(here.port, here.product)
    assert location == f"postgresql://{LOCATIONS[url]}options=-csearch_path%3Dmesh"
    assert psycopg.conninfo.conninfo_to_dict(location)["options"] == "-csearch_path=mesh"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:p@{SECRET}@127.0.0.1:1/mesh",
        f"postgresql://me:{SECRET}/x@127.0.0.1:1/mesh",
        f"postgresql://me:1/{SECRET}@127.0.0.1:1/mesh",
        f"postgresql://me:{SECRET}?x@127.0.0.1:1/mesh",
        f"postgresql://me:%{SECRET}@127.0.0.1:1/mesh",
        f"postgresql://me:{SECRET}@127.0.0.1:{SECRET}/mesh",
        f"postgresql://me:{SECRET}@127.0.0.1:1/mesh?nonsense={SECRET}",
        f"postgresql://me:{SECRET}@127.0.0.1:1/mesh",
        f"postgresql://me@127.0.0.1:1/mesh?password={SECRET}",
        f"mysql://me:{SECRET}@127.0.0.1/mesh",
    ],
)
def test_no_error_shows_a_password(url: str, code: SimpleNamespace, tmp_path: Path) -> None:
    here = Published(code, tmp_path, url, "mesh")
    for use in (lambda: here.publish(version(1)), here.read):
        with pytest.raises(code.errors.UnreadableInput) as refused:
            use()
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "schema", ["", "Upper", "a-b", "pg_mesh", "a" * 41, "a.b", 'a"b', "a_private", "a_audit"]
)
def test_a_schema_that_is_none_is_refused(schema: str, code: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(code.errors.UnreadableInput) as refused:
        Published(code, tmp_path, "warehouse", schema).publish(version(1))
    assert "property `schema`" in refused.value.fix


def test_an_embedded_server_is_prepared_as_an_administrator_prepares_a_database(
    server: Server, code: SimpleNamespace
) -> None:
    catalogs = []
    for name in (f"product_{next(numbers)}" for _ in range(2)):
        with psycopg.connect(server.url(server.database())) as connection:
            if catalogs:
                connection.execute(bootstrap(name, []))
            else:
                for _ in range(2):
                    code.session.prepare(connection, code.database_layout.DatabaseLayout(name, DATASET))
            found = connection.execute(f"""
                select 'role', rolname, array[rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolbypassrls]::text
                  from pg_roles where rolname like '{name}%'
                union all select 'schema', nspname, nspowner::regrole || ' ' || coalesce(nspacl, acldefault('n', nspowner))::text
                  from pg_namespace where nspname like '{name}%'
                union all select 'default', coalesce(defaclnamespace::regnamespace::text, ''),
                  defaclrole::regrole || ' ' || defaclobjtype::text || ' ' || defaclacl::text from pg_default_acl
                union all select 'column', attrelid::regclass || '.' || attname,
                  format_type(atttypid, atttypmod) || attnotnull || coalesce(relacl, acldefault('r', relowner))::text || relowner::regrole
                  from pg_attribute join pg_class on pg_class.oid = attrelid
                  where relnamespace::regnamespace::text like '{name}%' and attnum > 0
            """).fetchall()
            catalogs.append(sorted(str(row).replace(name, "X") for row in found))
    assert catalogs[0] == catalogs[1] and len(catalogs[0]) > 8


def test_an_embedded_server_is_marked_and_another_product_is_refused(
    server: Server, code: SimpleNamespace
) -> None:
    layout = code.database_layout.DatabaseLayout("shared", DATASET, product="operations/departures")
    with psycopg.connect(server.url(server.database())) as connection:
        for _ in range(2):
            code.session.prepare(connection, layout)
        connection.execute(bootstrap("shared", ["reader"], product="operations/departures"))
        with pytest.raises(code.errors.UnreadableInput, match="product operations/departures") as refused:
            code.session.prepare(connection, replace(layout, product="operations/other"))
        assert "comment on role" in refused.value.fix
        connection.execute("alter schema shared_private owner to postgres")
        with pytest.raises(code.errors.UnreadableInput, match="postgres's"):
            code.session.prepare(connection, layout)
        connection.rollback()


def test_a_product_publishes_nothing_where_another_one_was_prepared(here: Published) -> None:
    here.publish(version(1))
    for role in ("pipeline", "access"):
        here.sql(f"""comment on role {here.schema}_{role} is 'meshwright {{"product": "operations/other", "database": "x"}}'""")  # fmt: skip
    before = here.tables()
    for use in (lambda: here.publish(version(2)), here.read):
        with pytest.raises(here.code.errors.UnreadableInput, match="operations/other"):
            use()
    assert here.tables() == before


# The embedded server ------------------------------------------------------------------------------


def address(folder: Path) -> dict[str, str]:
    """What a server says of itself, as everybody finds it who has its folder."""
    lines = (folder / "postmaster.pid").read_text().splitlines()
    return {"pid": lines[0], "port": lines[3], "host": lines[4], "listens": lines[5].strip()}


def test_an_embedded_server_runs_while_it_is_needed_and_for_its_owner_alone(embedded: Published) -> None:
    folder = embedded.root / embedded.url
    publication = embedded.ready(version(1))
    next(publication)
    running = address(folder)
    assert running["listens"] == ""
    assert oct(folder.stat().st_mode)[-3:] == oct(Path(running["host"]).stat().st_mode)[-3:] == "700"
    assert next(publication, None) is None
    assert not (folder / "postmaster.pid").exists() and not Path(running["host"]).exists()
    assert embedded.read()["version"].unique().to_pylist() == [1]
    assert embedded.code.port.location(embedded.port, embedded.product) == str(folder)
    assert not (folder / "postmaster.pid").exists()


def test_an_embedded_server_stops_after_an_error_too(embedded: Published) -> None:
    embedded.publish(version(1))
    for query, _ in (NOT_KEPT["a NUL in a text"], NOT_KEPT["nanoseconds"]):
        with pytest.raises(embedded.code.errors.UnreadableInput):
            embedded.publish(query)
        assert not (embedded.root / embedded.url / "postmaster.pid").exists()
    assert "top-" not in (embedded.root / embedded.url / "log").read_text()
    embedded.publish(version(2))
    assert embedded.read()["version"].unique().to_pylist() == [2]


def test_a_folder_whose_path_is_too_long_for_a_socket_is_none_too_long(embedded: Published) -> None:
    deep = replace(embedded, url="/".join(["d" * 60] * 3))
    deep.publish(version(1))
    assert deep.read().num_rows == 1000


@pytest.mark.parametrize("pid", ["its own", "a stranger's"])
def test_what_a_crash_left_behind_stops_nobody(pid: str, embedded: Published) -> None:
    folder = embedded.root / embedded.url
    embedded.publish(version(1))
    with embedded.code.server.running(folder, make=False) as where:
        left = (folder / "postmaster.pid").read_text()
        os.kill(int(left.splitlines()[0]), signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                psycopg.connect(**where, user="postgres").close()
            except psycopg.OperationalError:
                break
    if pid == "a stranger's":  # In a container the next process often has the same number.
        left = left.replace(left.splitlines()[0], str(os.getpid()), 1)
    (folder / "postmaster.pid").write_text(left)
    assert embedded.read()["version"].unique().to_pylist() == [1]
    embedded.publish(version(2))
    assert embedded.read()["version"].unique().to_pylist() == [2]


def test_a_server_that_runs_already_is_used_and_left_running(embedded: Published) -> None:
    folder = embedded.root / embedded.url
    with embedded.code.session.embedded(
        embedded.code.database_layout.database_layout(embedded.port, embedded.product), make=True
    ):
        running = address(folder)
        for number in (1, 2):
            embedded.publish(version(number))
        assert address(folder) == running
    assert not (folder / "postmaster.pid").exists()
    assert embedded.read()["version"].unique().to_pylist() == [2]


def test_two_products_that_start_one_server_at_once_both_publish(embedded: Published) -> None:
    problems = []

    def use(schema: str) -> None:
        try:
            with embedded.code.session.connected(
                embedded.code.database_layout.DatabaseLayout(
                    schema, DATASET, folder=embedded.root / "shared"
                ),
                make=True,
            ) as connection:
                connection.execute("select 1")
                both.wait(timeout=60)
        except Exception as error:
            problems.append(error)

    both = threading.Barrier(2)
    threads = [threading.Thread(target=use, args=[f"product_{n}"]) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


@pytest.mark.parametrize("content", ["precious.txt", "PG_VERSION"])
def test_a_folder_with_something_else_in_it_is_left_alone(content: str, embedded: Published) -> None:
    folder = embedded.root / "full"
    folder.mkdir()
    (folder / content).write_text("15")
    for use in (
        lambda: replace(embedded, url="full").publish(version(1)),
        replace(embedded, url="full").read,
    ):
        with pytest.raises(embedded.code.errors.UnreadableInput):
            use()
    assert [path.name for path in embedded.root.rglob("*") if path.suffix != ".parquet"] == ["full", content]


def test_nothing_is_made_by_reading(embedded: Published) -> None:
    with pytest.raises(embedded.code.errors.UnreadableInput, match="nothing was published"):
        embedded.read()
    assert not (embedded.root / embedded.url).exists()


def test_a_server_that_does_not_start_says_why(embedded: Published) -> None:
    embedded.publish(version(1))
    (embedded.root / embedded.url / "postgresql.auto.conf").write_text("nonsense = 1\n")
    with pytest.raises(embedded.code.errors.UnreadableInput, match='"nonsense"') as refused:
        embedded.publish(version(2))
    assert "remove the folder" in refused.value.fix


@pytest.mark.skipif(os.geteuid() != 0, reason="for root only")
def test_root_is_told_where_nobody_can_become_another_user(
    embedded: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded.code.server, "ANOTHER_USER", ["false"])
    with pytest.raises(embedded.code.errors.UnreadableInput, match="refuses to run as root"):
        embedded.publish(version(1))


def test_a_machine_without_the_package_is_told_so(
    embedded: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(embedded.code.server, "find_spec", lambda name: None)
    with pytest.raises(embedded.code.errors.UnreadableInput) as refused:
        embedded.publish(version(1))
    assert "uv sync" in refused.value.fix


# Whole products -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ran(make: Make, product_python: Path) -> Path:
    """A product with the port after a good run. Only to be read, or run again."""
    product = make("warehoused", outputs=["postgres", "parquet"])
    done = pipeline(product_python, product)
    assert done.returncode == 0, done.stdout + done.stderr
    return product


@contextlib.contextmanager
def kept_up(executable: Path, product: Path) -> Iterator[str]:
    """`python -m pipeline.outputs.postgres`; yields the url that it says."""
    process = subprocess.Popen(
        [executable, "-m", "pipeline.outputs.postgres"], cwd=product, stdout=subprocess.PIPE, text=True
    )
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        yield next(word for word in said.split("'") if word.startswith("postgresql://"))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


@pytest.mark.slow
def test_a_product_publishes_and_its_server_can_be_looked_at(ran: Path, product_python: Path) -> None:
    with kept_up(product_python, ran) as url:
        where = address(ran / "build/warehouse")
        assert quote(where["host"], safe="") in url
        with psycopg.connect(url) as connection:
            assert connection.execute("select current_user").fetchone() == ("departures_access",)
            assert connection.execute("select count(*) from departures_private.departures").fetchone() == (
                1667,
            )
        done = pipeline(product_python, ran)
        assert done.returncode == 0, done.stdout + done.stderr
        assert address(ran / "build/warehouse") == where
    assert not (ran / "build/warehouse/postmaster.pid").exists()


@pytest.mark.slow
def test_a_pipeline_that_is_killed_takes_its_server_with_it(
    ran: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    product = copy_of(ran)
    code = "import os, signal; from pathlib import Path; from pipeline.postgres import server\n"
    code += "with server.running(Path('build/warehouse'), make=False): os.kill(os.getpid(), signal.SIGKILL)"
    killed = subprocess.run([product_python, "-c", code], cwd=product)
    assert killed.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while (product / "build/warehouse/postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not (product / "build/warehouse/postmaster.pid").exists()
    with kept_up(product_python, product) as url, psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from departures_private.departures").fetchone() == (1667,)
