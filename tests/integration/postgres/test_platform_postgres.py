"""The platform `postgres@1`: the rows that come out of a real database, and what lies in it while runs fail and meet."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import duckdb
import psycopg
import pyarrow as pa
import pytest
import yaml
from edits import edit
from postgres_port import VALUES
from postgres_product import newest
from postgres_server import Server
from products import Make, pipeline
from readings import CORRECTED, only_the_correction_is_written, steps, without_cursor

SAME = [
    "boolean",
    "integer",
    "bigint",
    "float",
    "double",
    "decimal(38,10)",
    "decimal(4,2)",
    "varchar",
    "blob",
    "uuid",
]
SAME += ["date", "time", "timestamp", "timestamptz", "interval"]
PASSWORD = "p'w\":{}+%40#/ü"  # noqa: S105 - of nobody


@dataclass
class Runs:
    """A product whose runs a test goes through by hand, up to what dbt would do."""

    code: SimpleNamespace
    root: Path
    url: str
    admin: str = ""
    schema: str = "d"
    name: str = "departures"
    inputs: tuple[Any, ...] = ()
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.promise([])

    def promise(self, columns: list[dict[str, str]]) -> None:
        contract = {"schema": [{"name": "data", "properties": columns}]}
        (self.root / "contract.yaml").write_text(yaml.safe_dump(contract))

    @contextlib.contextmanager
    def run(self) -> Iterator[Any]:
        properties = {"url": self.url, "schema": self.schema}
        platform = self.code.spec.Capability("platforms", "postgres@1", properties=properties)
        product = self.code.spec.Product(
            *[self.root, self.name, "operations", "1.0.0", "data", self.root / "contract.yaml"],
            *[self.inputs, None, (), ()],
            platform=platform,
        )
        product.scratch.mkdir(parents=True, exist_ok=True)
        with self.code.platform.opened(product, {"product": "it's"}) as engine:
            yield engine

    def lasting(self) -> None:
        """What it loads, it goes on with in the next run."""
        self.inputs = (self.code.spec.Capability("inputs", "database@1", "t", properties={"cursor": "at"}),)

    def file(self, query: str) -> Path:
        file = self.root / f"{next(self.numbers)}.parquet"
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"copy ({query}) to '{file}' (format parquet)")
        return file

    def written(self, engine: Any, model: str, **how: str) -> Path:
        """The one file of a model that is written."""
        folder = self.root / f"written-{next(self.numbers)}"
        engine.write(model, list(engine.columns(model)), folder, **how)
        (file,) = folder.iterdir()
        return file


def rows(file: Path) -> tuple[list[Any], list[Any]]:
    """The columns with their types, and the rows."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        described = [column[:2] for column in connection.execute(f"describe from '{file}'").fetchall()]
        return described, connection.execute(f"select columns(*)::text from '{file}'").fetchall()


@pytest.fixture
def here(server: Server, code: SimpleNamespace, tmp_path: Path) -> Runs:
    """In a database of its own, whose owner it is."""
    database = server.database()
    user = f"{database}_owner"
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        connection.execute(f"create role {user} login")
        connection.execute(f"grant create on database {database} to {user}")
    return Runs(code, tmp_path, server.url(database, user), server.url(database))


@pytest.fixture
def embedded(code: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    programs = newest()
    monkeypatch.setattr(code.platform.server, "_programs", lambda: programs)
    return Runs(code, tmp_path, "ware house's/deep")


@pytest.mark.parametrize("where", ["here", "embedded"])
def test_what_comes_in_leaves_as_it_was(where: str, request: pytest.FixtureRequest) -> None:
    runs: Runs = request.getfixturevalue(where)
    longest = max(len(VALUES[type_][1]) for type_ in SAME)
    lines = [
        ", ".join(
            f"({VALUES[type_][1][row] if row < len(VALUES[type_][1]) else 'null'})::{type_}" for type_ in SAME
        )
        for row in range(longest)
    ]
    names = ", ".join(f'"{type_}"' for type_ in SAME)
    file = runs.file(f"select * from (values {', '.join(f'({line})' for line in lines)}) as v({names})")
    with runs.run() as engine:
        engine.attach("odd \"name's", [file, file])
        engine.attach("odd \"name's", [file])  # again, as in a run that goes on
        engine.connection.execute('create table d_models.m as select * from d_inputs."odd ""name\'s"')
        assert rows(runs.written(engine, "m")) == rows(file)
        assert rows(runs.written(engine, "m", rows="false")) == (rows(file)[0], [])


@pytest.mark.parametrize("type_", SAME)
def test_arrays_of_plain_values_come_in_and_leave_as_they_were(type_: str, here: Runs) -> None:
    values = ", ".join(f"({value})::{type_}" for value in [*VALUES[type_][1], "null"])
    odd = ["{}", ",", '"', "\\", "NULL", " a "] if type_ == "varchar" else []
    more = "".join(f", '{text}'" for text in odd)
    lists = [f"[{values}{more}]", "[]", "null", "[null]"]
    file = here.file(
        f"select v::{type_}[] as v from (values {', '.join(f'({one})' for one in lists)}) as t(v)"
    )
    with here.run() as engine:
        engine.attach("t", [file])
        engine.connection.execute("create table d_models.m as select v, v[1] as first from d_inputs.t")
        engine.connection.execute("create view d_models.w as select v from d_models.m")
        assert rows(here.written(engine, "w")) == rows(file)


UNFIT = {
    "'a' || chr(0)": "column v (VARCHAR): 1 row contains the character NUL",
    "[chr(0)]": "column v (VARCHAR[]): 1 row contains the character NUL",
    '\'{"a": 1, "a": 2}\'::json': "column v (JSON): 1 row contains a JSON object with a duplicate key",
    '[\'{"a": 1, "a": 2}\'::json]': "column v (JSON[]): 1 row contains a JSON object with a duplicate key",
    "{'a': 'nan'::double}": "column v (STRUCT(a DOUBLE)): 1 row contains NaN or infinity",
    "date '5881580-07-10'": "column v (DATE): 1 row contains a date out of PostgreSQL's range",
    "timestamp_ns '2024-01-01 00:00:00.000000001'": "column v (TIMESTAMP_NS): 1 row contains nanoseconds",
    "1 as ctid, 2": "column ctid: PostgreSQL itself has a column with this name",
    f"1 as {'x' * 64}, 2": "its name is longer than the 63 bytes",
}
"""A value -> what is said of an input that has it."""


def test_an_input_that_the_database_cannot_hold_is_named_with_its_column(here: Runs) -> None:
    with here.run() as engine:
        for value, reason in UNFIT.items():
            with pytest.raises(here.code.errors.UnreadableInput) as refused:
                engine.attach("t", [here.file(f"select {value} as v")])
            assert str(refused.value).startswith("Input t: ") and reason in str(refused.value), value
            assert "duckdb@1" in refused.value.fix
        texts = pa.table({"n": [1, 2], "v": ["a", "b\0c"]})
        with pytest.raises(here.code.errors.UnreadableInput, match=r"Input t: column v: 'b.c' contains the"):
            engine.loadable("t", texts)
        assert engine.loadable("t", texts[:1]) == texts[:1]
        file = here.file("select ['12345678901234567890.123456789'::json] as v, {'a': '0.10'::json} as w")
        engine.attach("t", [file])
        assert engine.query("select v[1]::text, w::text from d_inputs.t") == [
            ("12345678901234567890.123456789", '{"a": 0.10}')
        ]


DIFFERENT = {
    "text": ["null", "''", "' '", "'NULL'"],
    "text[]": [
        "null",
        "'{}'",
        "array[null]",
        "array['NULL']",
        "array['']",
        "array['a, b']",
        "array['a', 'b']",
        "array['a,b']",
    ],
    "jsonb": ["null", "'null'", "'[]'", "'[null]'", "'{}'", "'1.0'", "'1.00'"],
    "interval": ["null", "'1 month'", "'30 days'", "'720 hours'"],
    "float8": ["0", "'-0'", "'nan'", "0.1", "0.10000000000000002"],
    "numeric": ["1.0", "1.00"],
}
"""A type -> values of which no two are the same."""


def test_values_that_differ_have_other_fingerprints(here: Runs) -> None:
    with here.run() as engine:
        for kind, values in DIFFERENT.items():
            rows = " union all ".join(
                f"select {n} as id, ({value})::{kind} as v" for n, value in enumerate(values)
            )
            engine.connection.execute(f"drop table if exists d_models.m; create table d_models.m as {rows}")
            prints = engine.query(f"select {engine.fingerprint('m', ['v'])} from d_models.m group by id")
            assert len(set(prints)) == len(values), (kind, prints)


def test_a_row_of_nothing_is_a_row_and_parts_have_folders(here: Runs) -> None:
    with here.run() as engine:
        engine.connection.execute(
            "create table d_models.m as select * from (values (null), (''), ('\\N'), ('a=b/c')) as v(part)"
        )
        assert rows(here.written(engine, "m"))[1] == [(None,), ("",), ("\\N",), ("a=b/c",)]
        engine.write("m", ["part"], here.root / "parts", "part > ''", "part")
        parts = {path.name for path in (here.root / "parts").iterdir()}
        assert parts == {f"__part={hashlib.sha256(text).hexdigest()}" for text in (b"\\N", b"a=b/c")}


def test_a_numeric_without_a_precision_is_what_the_contract_says_and_loses_nothing(here: Runs) -> None:
    types = {
        "whole": {"logicalType": "integer"},
        "money": {"logicalType": "number", "physicalType": "NUMBER(38, 2)"},
        "third": {"logicalType": "number", "physicalType": "double"},
        "share": {"logicalType": "number"},
    }
    here.promise([{"name": name, **type_} for name, type_ in types.items()])
    with here.run() as engine:
        engine.connection.execute(
            "create table d_models.m as select sum(n) as whole, sum(n / 4.0)::numeric as money, 1 / 3.0 as third,"
            " 0.1 + sum(0) as share from (values (9223372036854775806::bigint), (1)) as v(n)"
        )
        described, values = rows(here.written(engine, "m"))
        kinds = ["BIGINT", "DECIMAL(38,2)", "DOUBLE", "DOUBLE"]
        assert described == list(zip(types, kinds, strict=True))
        assert values == [("9223372036854775807", "2305843009213693951.75", "0.3333333333333333", "0.1")]
        for name, value in [
            ("whole", "1.5"),
            ("whole", "9223372036854775808"),
            ("money", "0.001"),
            ("money", "1e36"),
            ("share", "0.33333333333333333333"),
            ("share", "12345678901234567.89"),
            ("share", "1e301"),
        ]:
            engine.connection.execute("drop view if exists d_models.v")
            engine.connection.execute(f"create view d_models.v as select {value}::numeric as {name}")
            with pytest.raises(here.code.errors.PromiseBroken, match="would lose digits") as caught:
                here.written(engine, "v")
            assert f"column {name} " in str(caught.value) and f"{Decimal(value):f}"[:5] in str(caught.value)
            assert "decimal(38, 10)" in caught.value.fix
        here.promise([{"name": "share", "classification": "confidential", "logicalType": "number"}])
        with pytest.raises(here.code.errors.PromiseBroken, match="contains a number, which would lose"):
            here.written(engine, "v")
        engine.connection.execute("create view d_models.w as select 'NaN'::numeric as share")
        assert rows(here.written(engine, "w"))[1] == [("nan",)]


def test_a_run_starts_from_nothing_unless_its_state_lasts(here: Runs) -> None:
    def made() -> list[Any]:
        with here.run() as engine:
            there = engine.query(
                "select count(*) from pg_class where relnamespace = 'd_models'::regnamespace"
            )
            engine.connection.execute("create table if not exists d_models.m (a int)")
            engine.connection.execute("create or replace view d_models.v as select * from d_models.m")
        return there

    assert [made(), made()] == [[(0,)], [(0,)]]
    here.lasting()
    assert made() == [(2,)]


def test_a_password_that_dlt_would_garble_is_refused_and_not_shown(here: Runs) -> None:
    here.url = here.url.replace("@", ":open%20sesame@", 1)
    with pytest.raises(here.code.errors.UnreadableInput, match="a space") as caught, here.run() as engine:
        engine.landing()
    assert "sesame" not in f"{caught.value} {caught.value.fix}"


def test_rows_are_deleted_from_a_model_and_never_through_a_view(here: Runs) -> None:
    with here.run() as engine:
        engine.connection.execute("create table d_inputs.t as select generate_series(1, 3) as a")
        engine.connection.execute("create table d_models.m as select * from d_inputs.t")
        engine.connection.execute("create view d_models.v as select * from d_inputs.t")
        engine.delete("m", "a = 1")
        engine.delete("v", "a = 1")
        counted = "select (select count(*) from d_models.m), (select count(*) from d_inputs.t)"
        assert engine.query(counted) == [(2, 3)]


def test_two_runs_and_two_products_do_not_meet(here: Runs) -> None:
    with here.run() as engine:
        engine.connection.execute("create table d_models.m (a int)")
        with pytest.raises(here.code.errors.UnreadableInput, match="Another run of this product"), here.run():
            pass
    here.name = "arrivals"
    with (
        pytest.raises(here.code.errors.UnreadableInput, match=r"d_models .* does not belong to this product"),
        here.run(),
    ):
        pass
    with psycopg.connect(here.admin) as connection:
        assert connection.execute("select count(*) from d_models.m").fetchone() == (0,)
    here.schema = "other"
    with here.run():
        pass


def test_who_may_not_make_schemas_is_told_which_and_works_in_those_made_for_it(here: Runs) -> None:
    user = psycopg.conninfo.conninfo_to_dict(here.url)["user"]
    with psycopg.connect(here.admin, autocommit=True) as connection:
        connection.execute(f"revoke create on database {connection.info.dbname} from {user}")
        with (
            pytest.raises(
                here.code.errors.UnreadableInput, match="is not allowed to create the schema d_inputs"
            ) as caught,
            here.run(),
        ):
            pass
        for schema in ("d_inputs", "d_inputs_staging", "d_models"):
            assert schema in caught.value.fix
            connection.execute(f"create schema {schema} authorization {user}")
    with here.run() as engine:
        engine.attach("t", [here.file("select 1 as a")])


def test_a_database_that_restarts_ends_the_run_and_not_the_next_one(here: Runs, server: Server) -> None:
    file = here.file("select range as a from range(1000)")
    with pytest.raises(here.code.errors.UnreadableInput, match="connection"), here.run() as engine:
        engine.attach("t", [file])
        server.kill()
        server.start()
        engine.connection.execute("create table d_models.m as select * from d_inputs.t")
        here.written(engine, "m")
    with here.run() as engine:
        engine.attach("t", [file])
        engine.connection.execute("create table d_models.m as select * from d_inputs.t")
        assert len(rows(here.written(engine, "m"))[1]) == 1000


def test_a_connection_lost_while_rows_leave_gives_no_data_set(here: Runs) -> None:
    with pytest.raises(here.code.errors.UnreadableInput, match=r"terminat|connection"), here.run() as engine:
        engine.connection.execute(
            "create view d_models.m as select n, pg_sleep(0.0005)::text from generate_series(1, 100000) as s(n)"
        )
        pid = engine.connection.info.backend_pid
        killer = subprocess.Popen(
            ["psql", "--quiet", here.admin, "-c", f"select pg_sleep(1), pg_terminate_backend({pid})"],
            stdout=subprocess.DEVNULL,
        )
        try:
            here.written(engine, "m")
        finally:
            killer.wait()


ICU = "--icu-locale=en-US --locale-provider=icu"
ORDERED = {
    "seeds/seeded.csv": "v\na\nB\n",
    "models/viewed.sql": "{{ config(materialized='view') }} select 'a' as v, 1 as n union all select 'B', 2",
    "models/made.sql": "select 'a' as v, 1 as n union all select 'B', 2",
    "tests/of_bytes.sql": """
{% for model in ('seeded', 'viewed', 'made') %}
select m from (select min(v) as m from {{ ref(model) }}) as lowest where m <> 'B' {{ 'union all' if not loop.last }}
{% endfor %}
""",
}


def in_words(server: Server, locale: str = ICU) -> str:
    """A new database that orders text by its words, or as a locale does."""
    database = server.database()
    made = ["createdb", *locale.split(), "--template=template0", "--maintenance-db", server.url(database)]
    subprocess.run([*made, f"{database}_ordered"], check=True)
    return f"{database}_ordered"


@pytest.mark.parametrize("locale", [ICU, "--locale=C"])
def test_text_is_ordered_by_its_bytes_whatever_the_database_does(
    locale: str, server: Server, code: SimpleNamespace, tmp_path: Path
) -> None:
    """As on the other platforms; and what is not ASCII has capitals too."""
    database = server.database()
    other = f"{database}_icu"
    subprocess.run(
        [
            "createdb",
            *locale.split(),
            "--template=template0",
            "--maintenance-db",
            server.url(database),
            other,
        ],
        check=True,
    )
    runs = Runs(code, tmp_path, server.url(other))
    with runs.run() as engine:
        engine.attach("t", [runs.file("select unnest(['a', 'B', 'ä', 'Z', '_', 'é', '1']) as v, 1 as n")])
        ordered = "select string_agg(v, '' order by v), min(v), max(upper(v)) from d_inputs.t"
        assert engine.query(ordered) == [("1BZ_aäé", "1", "É")]
        engine.connection.execute("create table d_inputs.loaded (v varchar(3), n int)")
        engine.landed("loaded")
        assert (
            engine.collation
            and [
                row[0]
                for row in engine.query(
                    "select collname from pg_attribute a join pg_collation c on c.oid = attcollation"
                    " where attrelid in ('d_inputs.t'::regclass, 'd_inputs.loaded'::regclass)"
                )
            ]
            == [engine.collation] * 2
        )


@pytest.mark.slow
def test_a_whole_run_gives_the_rows_that_duckdb_gives_and_writes_no_password(
    make: Make, product_python: Path, server: Server
) -> None:
    product = make("whole", inputs=["database"], platforms=["postgres"])
    for name, text in ORDERED.items():
        (product / name).parent.mkdir(exist_ok=True)
        (product / name).write_text(text)
    database = in_words(server)
    login = f"{database}_pipeline"
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        connection.execute(f"create role {login} login password {quoted(PASSWORD)}")
        for schema in ("inputs", "inputs_staging", "models"):
            connection.execute(f"create schema departures_production_{schema} authorization {login}")
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all {login} scram-sha-256\n{rules.read_text()}")
        connection.execute("select pg_reload_conf()")
    place = server.url(database, login)
    published = product / "build" / "ports" / "lake" / "departures.parquet"
    found = []
    for variables in (
        {},
        {"WAREHOUSE": place.replace("@", f":{quote(PASSWORD, safe='')}@", 1)},
        {"WAREHOUSE": place, "PGPASSWORD": PASSWORD},
    ):
        arguments = ["--environment", "production"] if variables else []
        done = pipeline(product_python, product, *arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        found.append((rows(published)[0], sorted(rows(published)[1], key=str)))
    assert found[0] == found[1] == found[2] and found[0][1]
    for form in (PASSWORD, quote(PASSWORD, safe="")):
        files = [path for path in (product / "build").rglob("*") if path.is_file()]
        assert not [path for path in files if form.encode() in path.read_bytes()]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.slow
def test_incremental_runs_end_as_a_full_run_would(
    copy_of: Callable[[Path], Path], readings: Path, product_python: Path
) -> None:
    product = copy_of(readings)

    def spec(document: dict[str, Any]) -> dict[str, Any]:
        document["spec"]["platform"] = {"uses": "postgres@1", "properties": {"url": "build/warehouse"}}
        return document

    edit(product / "data-product.yaml", spec)
    said = steps(
        product_python,
        product,
        """
said["first"] = go()
give("second.csv", "4,2026-03,8.0,2026-03-01 08:00:00", "5,2026-01,12.0,2026-03-02 08:00:00")
said["late"] = go()
said["full"] = go(anew=True)
""",
    )
    assert all(said[step]["same"] for step in said)
    assert [said[step]["anew"] for step in said] == [True, False, True]
    assert said["late"]["written"] == ["2026-01", "2026-03"]
    assert len(said["late"]["rows"]) == 5 and said["full"]["rows"] == said["late"]["rows"]
    (product / "in/second.csv").unlink()
    without_cursor(product)
    only_the_correction_is_written(steps(product_python, product, CORRECTED))


def test_a_product_and_an_environment_of_any_length_have_schemas_of_their_own(every_port: Path) -> None:
    from pipeline.platforms.postgres import _schema
    from pipeline.postgres.database_layout import SCHEMA

    names = [
        ("a" * 40, ""),
        ("a" * 40, "production"),
        ("a" * 40, "b" * 60),
        ("pg_stat", ""),
        ("orders", "pre-production"),
    ]
    schemas = [_schema(SimpleNamespace(dataset=dataset, target=target)) for dataset, target in names]
    assert all(map(SCHEMA.fullmatch, schemas)) and len({*schemas}) == len(schemas)
    assert schemas[0] == "a" * 40 and schemas[-1] == "orders_pre_production"
