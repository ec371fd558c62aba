"""Which tables make a candidate, and which are left out: small databases of well-known shapes."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout import git
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwright.cli import main
from meshwright.core.errors import Error
from meshwright.inspection.database_address import FIXES
from meshwright.inspection.model import Column, ForeignKey, Table
from meshwright.inspection.reading.connections import CAUSES
from meshwright.inspection.sources import open_source
from meshwright.survey.model import Source
from meshwright.survey.names import product_name, singular, words
from meshwright.survey.run import of_sources, survey

CASES = {
    "details and lookups follow foreign keys": (
        """create table orders (order_id integer primary key, status_code text references statuses, placed_at timestamp);
           create table statuses (status_code text primary key, label text);
           create table order_lines (order_id integer references orders, line integer, sku text, primary key (order_id, line))""",
        {"orders": {"orders": "main", "order_lines": "detail", "statuses": "lookup"}},
    ),
    "an event of its own is no detail": (
        """create table products (id integer primary key, name text, price numeric, weight integer, sku text);
           create table product_reviews (id integer primary key, product_id integer references products, customer_id integer references customers, created_at timestamp, body text);
           create table customers (id integer primary key, email text, name text)""",
        {"products": {"products": "main"}, "product-reviews": {"product_reviews": "main"}, "customers": {"customers": "main"}},
    ),
    "undeclared keys by their names": (
        """create table "InvoiceLine" ("InvoiceLineId" integer primary key, "InvoiceId" integer, "Amount" numeric);
           create table "Invoice" ("InvoiceId" integer primary key, "IssuedAt" timestamp, "Total" numeric)""",
        {"invoice": {"Invoice": "main", "InvoiceLine": "detail"}},
    ),
    "customer_id is not customer_key": (
        """create table customers (customer_key integer primary key, name text, email text);
           create table visits (visit_id integer primary key, customer_id integer, visited_at timestamp)""",
        {"customers": {"customers": "main"}, "visits": {"visits": "main"}},
    ),
    "links belong to what they are named after": (
        """create table film (film_id integer primary key, title text, length integer, rating text, year integer);
           create table category (category_id integer primary key, name text);
           create table film_category (film_id integer references film, category_id integer references category, primary key (film_id, category_id))""",
        {"film": {"film": "main", "film_category": "link", "category": "lookup"}},
    ),
    "what links connect many to many is no lookup, however small": (
        """create table title (title_id integer primary key, isbn text, name text);
           create table genre (genre_id integer primary key, name text);
           create table title_genre (title_id integer references title, genre_id integer references genre, primary key (title_id, genre_id));
           create table item (barcode text primary key, title_id integer references title, shelf text, acquired_on date, price numeric)""",
        {"title": {"title": "main", "title_genre": "link", "genre": "lookup"}, "item": {"item": "main"}},
    ),
    "a small table that others refer to by its own key is no link": (
        """create table store (store_id integer primary key, manager_id integer references staff, address_id integer references address);
           create table staff (staff_id integer primary key, first_name text, email text, address_id integer references address, store_id integer references store);
           create table address (address_id integer primary key, street text, city text, district text, phone text, zip text)""",
        {"staff": {"staff": "main", "address": "lookup"}, "store": {"store": "main", "address": "lookup"}},
    ),
    "tables that refer to each other": (
        """create table a (a_id integer primary key, b_id integer references b, happened_at timestamp, x text);
           create table b (b_id integer primary key, a_id integer references a, happened_at timestamp, y text)""",
        {"a": {"a": "main"}, "b": {"b": "main"}},
    ),
    "facts with their dimensions": (
        """create table dim_date (date_key integer primary key, day date);
           create table dim_store (store_key integer primary key, name text);
           create table fct_sales (sale_id integer primary key, date_key integer, store_key integer, revenue numeric)""",
        {"sales": {"fct_sales": "main", "dim_date": "dimension", "dim_store": "dimension"}},
    ),
    "a view over several entities is for consumers": (
        """create table orders (order_id integer primary key, customer_id integer references customers, placed_at timestamp);
           create table customers (customer_id integer primary key, name text, email text);
           create view order_report as select o.placed_at as day, c.email, count(*) as orders from orders o join customers c using (customer_id) group by 1, 2;
           create view active_customers as select * from customers""",
        {"orders": {"orders": "main"}, "customers": {"customers": "main"}, "order-report": {"order_report": "main"}},
    ),
    "an account that the business refers to stays": (
        """create table users (id integer primary key, email text, password_digest text, created_at timestamp, updated_at timestamp);
           create table posts (id integer primary key, user_id integer, title text, published_at timestamp)""",
        {"users": {"users": "main"}, "posts": {"posts": "main"}},
    ),
    "no table": ("create table schema_migrations (version text primary key)", {}),
}  # fmt: skip

LEFT_OUT = """
create table orders (order_id integer primary key, placed_at timestamp, total numeric, note text);
create table alembic_version (version_num text primary key);
create table django_session (session_key text primary key, session_data text);
create table orders_bak_2023 (order_id integer, placed_at timestamp, total numeric, note text);
create table orders_old (order_id integer, placed_at timestamp, total numeric, note text);
create table orders_2022 (order_id integer primary key, placed_at timestamp, total numeric, note text);
create table my_orders (order_id integer, placed_at timestamp, total numeric, note text);
create table tmp_import (line text, number integer);
create table stg_orders (order_id integer, total numeric);
create table email_queue (id integer primary key, payload text, attempts integer);
create table app_settings (name text primary key, value text);
create table audit_log (id integer primary key, table_name text, old_value text, new_value text);
create table accounts_admin (id integer primary key, password text);
create table outgoing (mail_id integer primary key, recipient text, body text, queued_at timestamp, sent_at timestamp, attempts integer);
create table single_runs (name text primary key, lock_until timestamp, locked_by text, at timestamp);
create table feeds (source text primary key, last_cursor text, last_run timestamp);
create table removed (table_name text, row_id integer, deleted_at timestamp);
"""
KEPT = """
create table flight_log (flight_id integer primary key, tail text, took_off timestamp, crew text);
create table job_history (employee_id integer, start_date date, end_date date, job text, primary key (employee_id, start_date));
create table lab_test (test_id integer primary key, code text, taken_at timestamp, unit text);
create table book_copy (copy_id integer primary key, isbn text, bought_on date, shelf text);
create table properties (property_id integer primary key, street text, rooms integer, built_on date);
create table exam_attempts (attempt_id integer primary key, student text, attempt integer, score numeric, taken_at timestamp);
create table bike_locks (lock_id integer primary key, station text, lock_type text, fitted_on date, serial text);
create table dining_tables (table_id integer primary key, room text, seats integer, bought_on date);
"""


@pytest.fixture
def database(tmp_path: Path) -> Callable[[str], str]:
    def make(script: str, name: str = "db") -> str:
        with sqlite3.connect(tmp_path / f"{name}.sqlite") as connection:
            connection.executescript(script)
        return f"sqlite:///{tmp_path / f'{name}.sqlite'}"

    return make


def surveyed(*arguments: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["survey", *arguments, "--template", "https://git.example.org/m", "--format", "json"])  # fmt: skip
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def parts(survey: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        one["name"]: {table["id"].rpartition(".")[2]: table["role"] for table in one["tables"]}
        for one in survey["candidates"]
    }


@pytest.mark.parametrize("name", CASES)
def test_candidates(database: Callable[[str], str], name: str) -> None:
    script, expected = CASES[name]
    assert parts(surveyed(database(script))) == expected


def test_what_is_no_product_is_left_out_with_a_reason(database: Callable[[str], str]) -> None:
    found = surveyed(database(LEFT_OUT))
    assert parts(found) == {"orders": {"orders": "main"}}
    assert len(found["leftOut"]) == LEFT_OUT.count("create table") - 1


def test_words_that_only_look_like_noise_are_kept(database: Callable[[str], str]) -> None:
    assert len(surveyed(database(KEPT))["candidates"]) == KEPT.count("create table")


def test_a_copy_in_another_database_is_left_out(database: Callable[[str], str]) -> None:
    shop = database(
        "create table orders (order_id integer primary key, total numeric, placed_at timestamp)", "shop"
    )
    lake = database(
        "create table raw_shop_orders (order_id integer, total numeric, placed_at timestamp, _loaded_at timestamp);"
        "create table raw_crm_calls (call_id integer, caller text, called_at timestamp, _loaded_at timestamp)",
        "lake",
    )  # fmt: skip
    found = surveyed(shop, lake)
    assert {one["table"]: one["reason"] for one in found["leftOut"]} == {
        "lake.raw_shop_orders": "a copy of shop.orders"
    }
    assert [one["name"] for one in found["candidates"]] == ["orders", "crm-calls"]
    assert found["candidates"][1]["doubts"]


def test_guesses_are_doubtful_until_the_rows_confirm_them(database: Callable[[str], str]) -> None:
    source = database(
        "create table receipts (receipt_id integer primary key, closed_at timestamp, total integer);"
        "create table receipt_items (receipt_id integer, line integer, sku text, primary key (receipt_id, line));"
        "insert into receipts values (1, '2026-01-01', 5), (2, '2026-01-02', 7);"
        "insert into receipt_items values (1, 1, 'a'), (2, 1, 'b')"
    )
    assert "receipt_items" in " ".join(surveyed(source)["candidates"][0]["doubts"])
    verified = surveyed(source, "--profile")["candidates"][0]
    assert verified["doubts"] == []
    assert any("2 of 2 values" in line for line in verified["evidence"])
    with sqlite3.connect(source.removeprefix("sqlite:///")) as connection:
        connection.execute("insert into receipt_items values (7, 1, 'c'), (8, 1, 'c'), (9, 1, 'c')")  # fmt: skip
    assert any("2 of 5 values" in line for line in surveyed(source, "--profile")["candidates"][0]["doubts"])


def test_the_commands_are_quoted_for_the_shell(database: Callable[[str], str]) -> None:
    name = 'x\'; touch owned; `id` $(id) ü "q" %2E.& ?'
    quoted = name.replace('"', '""')
    found = surveyed(
        database(f'create table "{quoted}" (id integer primary key, amount integer, paid_at timestamp)'),
        "--domain",
        "billing",
    )
    copy, draft = found["candidates"][0]["commands"]
    words = shlex.split(draft)
    assert words[:2] == ["meshwright", "draft"]
    assert len(words) == 5
    assert shlex.split(copy)[0] == "copier"
    assert "product_name=" + words[2] in shlex.split(copy)

    input_name, _, where = words[4].partition("=")
    assert open_source(input_name, where, Path())[0].table().name == name


def test_hostile_names_reach_no_terminal(database: Callable[[str], str]) -> None:
    source = database(
        'create table "a\x1b[31m\u202eb" ("c\x1b[2J" integer primary key, d timestamp, e text, f text)'
    )
    result = CliRunner().invoke(main, ["survey", source])
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("Order Details", "order-details"),
        ("fct_sales", "sales"),
        ("日本", "data"),
        ("Ärzte", "arzte"),
        ("2024", "data-2024"),
        ("null", "data-null"),
        ("x" * 99, "x" * 40),
        ("taken", "taken-2"),
    ],
)
def test_names_of_products_are_what_copier_accepts(table: str, name: str) -> None:
    assert product_name(table, {"taken"}) == name


def test_words_and_singulars() -> None:
    assert words("OrderLines") == words("order_lines") == words("ORDER LINES") == ("order", "lines")
    assert [singular(word) for word in ("categories", "addresses", "boxes", "status", "orders", "bus")] == ["category", "address", "box", "status", "order", "bus"]  # fmt: skip


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_table_is_in_a_candidate_or_left_out(data: st.DataObject) -> None:
    heads = ["order", "order_line", "status", "address", "customer", "customer_order", "x", "log", "users"]
    names = data.draw(st.lists(st.sampled_from(heads), min_size=1, max_size=7, unique=True))
    tables = []
    for name in names:
        others = data.draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        extra = data.draw(
            st.lists(st.sampled_from(["note", "placed_at", "email", "amount", "rowguid"]), unique=True)
        )
        columns = [Column("id", "BIGINT"), *(Column(f"{other}_id", "BIGINT") for other in others)]
        columns += [Column(one, "TIMESTAMP" if one.endswith("_at") else "VARCHAR") for one in extra]
        key = data.draw(st.sampled_from([(), ("id",), tuple(f"{other}_id" for other in others)]))
        declared = tuple(
            ForeignKey((f"{other}_id",), other, ("id",)) for other in others[: data.draw(st.integers(0, 3))]
        )
        tables.append(Table(name, tuple(columns), "", key, (), declared))
    survey = of_sources([Source("db", "database", "", tuple(tables))], "d")
    mine = {part.id for candidate in survey.candidates for part in candidate.parts}
    assert mine | {id for id, _ in survey.left_out} == {f"db.{name}" for name in names}


def test_five_thousand_tables_take_seconds() -> None:
    tables = []
    for number in range(4_000):
        columns = [Column(f"thing{number}_id", "BIGINT"), Column(f"thing{number // 3}_ref", "BIGINT")]
        columns += [Column(f"c{one}", "VARCHAR") for one in range(5)] + [Column("at", "TIMESTAMP")]
        tables.append(Table(f"thing{number}s", tuple(columns), "public", (f"thing{number}_id",)))
        if number % 4 == 0:
            reads = (f"public.thing{number}s", f"public.thing{(number + 9) % 4000}s")
            tables.append(Table(f"v_{number}", (Column("a", "VARCHAR"), Column("b", "VARCHAR")), "public", is_view=True, reads_from=reads))  # fmt: skip
    began = time.process_time()
    survey = of_sources([Source("big", "database", "", tuple(tables))], "d")
    assert time.process_time() - began < 15
    assert len(survey.candidates) == 5_000


# -- sources that cannot be read ---------------------------------------------------------------------------


def test_what_cannot_be_read_is_listed_and_the_rest_is_read(
    database: Callable[[str], str], tmp_path: Path
) -> None:
    good = database("create table orders (order_id integer primary key, placed_at timestamp, total numeric)")
    (tmp_path / "empty").mkdir()
    bad = ["postgresql://nobody@127.0.0.1:1/gone", str(tmp_path / "empty"), str(tmp_path / "nowhere")]
    found = surveyed(good, *bad, code=1)
    assert [one["name"] for one in found["candidates"]] == ["orders"]
    assert [one["source"] for one in found["unread"]] == ["postgresql://127.0.0.1:1/gone", *bad[1:]]
    assert all("fix: " in one["reason"] for one in found["unread"])
    assert surveyed(*bad, code=2)["candidates"] == []


@pytest.mark.parametrize("broken", ["create view broken as select * from gone", "create view broken as select gone from orders"])  # fmt: skip
def test_a_broken_view_leaves_the_rest_of_a_database(database: Callable[[str], str], broken: str) -> None:
    source = database(f"create table orders (order_id integer primary key, placed_at timestamp, total numeric); {broken}")  # fmt: skip
    found = surveyed(source, code=1)
    assert parts(found) == {"orders": {"orders": "main"}}
    (unread,) = found["unread"]
    assert "broken: no such " in unread["reason"] and "data-product.yaml" not in str(found)
    with pytest.raises(Error, match="no such"):
        open_source("b", f"{source}?table=broken", Path())


def test_an_index_of_full_texts_keeps_its_tables_to_itself(database: Callable[[str], str]) -> None:
    source = database(
        "create table articles (article_id integer primary key, title text, published_at timestamp, body text);"
        "create virtual table articles_fts using fts5(title, body)"
    )
    found = surveyed(source)
    tables = {one["id"] for candidate in found["candidates"] for one in candidate["tables"]}
    assert tables | {one["table"] for one in found["leftOut"]} <= {"db.articles", "db.articles_fts"}


@pytest.mark.parametrize("fix", [fix for _, _, fix in CAUSES])
def test_a_fix_for_a_run_can_be_put_for_a_command(fix: str) -> None:
    for of_a_run, of_a_command in FIXES:
        fix = fix.replace(of_a_run, of_a_command)
    assert "data-product.yaml" not in fix and "`url`" not in fix


def test_passwords_are_in_no_output(database: Callable[[str], str]) -> None:
    result = CliRunner().invoke(main, ["survey", "shop=postgresql://me:hunter2@127.0.0.1:1/gone"])
    assert result.exit_code == 2
    assert "hunter2" not in result.output


def test_the_products_of_a_mesh_are_matched(database: Callable[[str], str], tmp_path: Path) -> None:
    source = database(
        "create table orders (order_id integer primary key, placed_at timestamp, total numeric, note text)"
    )
    mesh = [
        {"product": {"metadata": {"name": name, "domain": domain}, "spec": {"type": "source-oriented", "dataset": {"name": name}}}}
        for domain, name in (("sales", "orders"), ("sales", "leads"), ("hr", "staff"))
    ]  # fmt: skip
    (tmp_path / "records.json").write_text(json.dumps(mesh))
    found = surveyed(source, "--domain", "sales", "--mesh", str(tmp_path / "records.json"))
    (candidate,) = found["candidates"]
    assert (candidate["state"], candidate["product"], candidate["commands"]) == ("there", "sales/orders", [])
    assert {one["state"] for one in candidate["attributes"]} == {"there", "lacking"}
    assert found["delta"] == {"there": 2, "planned": 0, "missing": 0}
    assert [one["id"] for one in found["products"]] == ["sales/leads", "sales/orders"]


def test_an_empty_database_is_no_success(database: Callable[[str], str]) -> None:
    assert "sees no table" in surveyed(database(""), code=1)["unread"][0]["reason"]


def test_a_domain_that_copier_refuses_is_refused(database: Callable[[str], str]) -> None:
    assert CliRunner().invoke(main, ["survey", database(""), "--domain", "No Domain"]).exit_code == 2


# -- repositories and files -----------------------------------------------------------------------------------


def repository(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    git("init", "-q", "-b", "main", cwd=folder)
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git("add", "--all", "--force", cwd=folder)
    git("commit", "-qm", "As it is", cwd=folder)
    return folder


DBT = {
    "dbt_projectDOTyml": "name: sales\nprofile: p\n",
    "models__stagingDOTsql": "select 1",
    "models__stg_ordersDOTsql": "select * from {{ source('shop', 'orders') }}",
    "models__revenueDOTsql": "select day, sum(total) as total from {{ ref('stg_orders') }} group by 1",
    "models__schemaDOTyml": (
        "sources: [{name: shop, tables: [{name: orders, freshness: {error_after: {count: 6, period: hour}}}]}]\n"
        "models: [{name: revenue, description: Revenue per day, config: {meta: {owner: Ada}}, columns: [{name: day}, {name: total}]}]\n"
        "exposures: [{name: board, type: dashboard, owner: {email: bo@example.org}, depends_on: [ref('revenue')]}]\n"
    ),
    "CODEOWNERS": "* cleo@example.org\n",
}


def test_models_and_sources_that_only_the_project_itself_needs(tmp_path: Path) -> None:
    made = repository(
        tmp_path / "p",
        dbt_projectDOTyml="name: p\nprofile: p\n",
        models__monthsDOTsql="select * from {{ source('app', 'orders') }}",
        models__revenueDOTsql="select * from {{ ref('months') }}",
        models__schemaDOTyml=(
            "sources: [{name: app, schema: \"{{ var('s') }}\", tables: [{name: orders, identifier: \"{{ var('o', 'x') }}\"}, {name: unused}]}]\n"
        ),
    )
    found = surveyed(str(made))
    assert [one["name"] for one in found["candidates"]] == ["revenue", "orders"]
    assert {one["table"] for one in found["leftOut"]} == {"p.months", "p.unused"}


def test_a_repository_without_a_work_tree(tmp_path: Path) -> None:
    made = repository(tmp_path / "sales", **DBT)
    git("clone", "-q", "--bare", str(made), str(tmp_path / "sales.git"), cwd=tmp_path)
    assert "revenue" in parts(surveyed(str(tmp_path / "sales.git")))


@pytest.mark.parametrize("form", ["folder", "address", "folder of repositories"])
def test_a_dbt_project_in_a_repository(tmp_path: Path, form: str) -> None:
    made = repository(tmp_path / "all" / "sales-dbt", **DBT)
    source = {"folder": str(made), "address": f"file://{made}", "folder of repositories": str(made.parent)}[
        form
    ]
    found = {one["name"]: one for one in surveyed(source, "--domain", "sales")["candidates"]}
    attributes = {one["rule"]: one for one in found["revenue"]["attributes"]}
    assert attributes["DescriptionGiven"]["value"] == "Revenue per day"
    assert attributes["OwnerAndStewardNamed"]["value"] == "Ada"
    assert found["orders"]["state"] == "missing"
    assert found["revenue"]["reads"] == ["sales/orders"]
    assert {one["value"] for one in found["orders"]["attributes"] if one["rule"] == "ServiceLevelsGiven"} == {
        "freshness <= 6 hours"
    }
    *clone, adopt = map(shlex.split, found["revenue"]["commands"])
    assert adopt[:3] == ["meshwright", "adopt", "revenue" if form == "address" else str(made)]
    assert clone == ([["git", "clone", "--", source, "revenue"]] if form == "address" else [])


def test_a_script_says_what_it_writes_and_what_it_needs(tmp_path: Path) -> None:
    script = 'import pika\nimport psycopg\nwith psycopg.connect() as c:\n    c.execute("insert into landing.arrivals (run, vehicle) values (1, 2)")\n'
    found = surveyed(str(repository(tmp_path / "loaders", loadDOTpy=script)))
    (candidate,) = found["candidates"]
    assert candidate["tables"][0]["id"] == "loaders.landing.arrivals"
    assert candidate["needs"] == ["rabbitmq"]
    assert found["needs"][0]["origins"] == ["loaders/load.py:1"]


def test_nothing_leads_out_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("insert into landing.secrets (a) values (1)")
    made = repository(tmp_path / "loaders", aDOTpy="x = 1")
    (made / "link.py").symlink_to(tmp_path / "secret.py")
    (made / "broken.yml").write_bytes(b"\xff\xfe\x00")
    git("add", "--all", "--force", cwd=made)
    git("commit", "-qm", "More", cwd=made)
    found = surveyed(str(made), code=1)
    assert found["candidates"] == []
    assert len(found["unread"]) == 2


def test_what_is_no_file_of_a_folder_is_listed_and_never_opened(tmp_path: Path) -> None:
    place, other = tmp_path / "lake", tmp_path / "other"
    for folder in (place / "deep", other):
        folder.mkdir(parents=True)
    for folder in (place, other):
        (folder / "orders.csv").write_text("id,customer,amount\n1,2,3\n")
    (place / "out").symlink_to(other)
    (place / "out.csv").symlink_to(other / "orders.csv")
    (place / "deep" / "cycle").symlink_to(place)
    os.mkfifo(place / "deep" / "pipe.csv")
    found = surveyed(str(place), code=1)
    assert [one["tables"] for one in found["sources"]] == [1]
    assert {one["reason"] for one in found["unread"]} == {
        "out: a link; it is not followed.",
        "out.csv: a link; it is not followed.",
        "deep/cycle: a link; it is not followed.",
        "deep/pipe.csv: a named pipe; it is not read.",
    }


def test_a_dbt_project_that_cannot_be_parsed_is_listed(tmp_path: Path) -> None:
    made = repository(tmp_path / "p", dbt_projectDOTyml="name: [", models__aDOTsql="select 1")
    assert "the dbt project in ." in surveyed(str(made), code=1)["unread"][0]["reason"]


SERVER = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
input()
"""


@pytest.mark.slow
def test_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:  # fmt: skip
        assert server.stdout
        try:
            host, port = server.stdout.readline().split()
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
            client = pytest.importorskip("boto3").client("s3")
            client.create_bucket(Bucket="lake")
            for day in (1, 2):
                client.put_object(
                    Bucket="lake",
                    Key=f"feeds/trips/day=2026-01-0{day}/part-0.csv",
                    Body=b"trip_id,started_at,stops\n",
                )
            found = surveyed("s3://lake/feeds", "s3://lake/nothing", code=1)
        finally:
            server.kill()
    assert [one["name"] for one in found["candidates"]] == ["trips"]
    assert "files s3://lake/feeds/trips/**/*.csv" in found["candidates"][0]["evidence"]
    assert [one["source"] for one in found["unread"]] == ["s3://lake/nothing"]


def test_files_with_alike_names_are_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    for day in ("2026-01-01", "2026-01-02"):
        (folder / "orders").mkdir(parents=True, exist_ok=True)
        (folder / "orders" / f"orders_{day}.csv").write_text(
            "order_id;customer_id;placed_at\n1;2;2026-01-01\n"
        )
    (folder / "customers.json").write_text('[{"customer_id": 1, "email": "a@example.org", "name": "A"}]')
    (folder / "prices.xlsx").write_bytes(b"PK")
    (folder / "old.avro").write_bytes(b"Obj")
    found = surveyed(str(folder), code=1)
    assert {one["name"] for one in found["candidates"]} == {"customers", "orders"}
    assert [one["name"] for one in found["needs"]] == ["excel"]
    assert "avro" in found["unread"][0]["reason"]
    orders = next(one for one in found["candidates"] if one["name"] == "orders")
    assert shlex.split(orders["commands"][1])[-1].endswith("orders_2026-01-*.csv")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Zürich", "utf-8"), ("Zürich", "latin-1"), ("„Zürich“", "cp1252"), ("Zürich", "utf-16")],
)
def test_a_printed_draft_of_files_reads_their_encoding(text: str, encoding: str, tmp_path: Path) -> None:
    folder = tmp_path / "in & out"
    folder.mkdir()
    rows = [f"{number};{text};2024-01-{1 + number};{number}" for number in range(20)]
    (folder / "bookings.csv").write_text("\n".join(["booking_id;ort;booked_at;total", *rows, ""]), encoding)
    (candidate,) = survey([f"files={folder}"]).candidates
    _, name = shlex.split(candidate.commands[-1])[-2:]
    (source,) = open_source("bookings", name.partition("=")[2], tmp_path)
    assert [column.name for column in source.table().columns] == ["booking_id", "ort", "booked_at", "total"]
    assert next(iter(source.rows(1)))[1] == text
