"""A product that is drafted from files and a database runs as it is, on a sample without a value of the personal columns."""

from __future__ import annotations

import csv
import json
import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import mariadb_server
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from products import Make, findings, pipeline

from meshwright.cli import main


def shop(folder: Path) -> list[str]:
    """Write four tables of a shop in four formats; return names of people, addresses and phones in them."""
    dice = random.Random(5)  # noqa: S311 - the same shop each time
    folder.mkdir()
    people = [
        (f"Zoe{number} Quill{number}", f"zq{number}@mail.example.com", f"+49 30 {5550000 + number}")
        for number in range(120)
    ]
    with (folder / "customers.csv").open("w", encoding="latin-1", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["CustomerID", "Name", "E-Mail", "Land", "Umsatz"])
        for number, (name, mail, _) in enumerate(people):
            writer.writerow([number, name, mail, ("DE", "FR", "Ö")[number % 3], f"{number},50"])
    orders = [
        {"order_id": 5000 + number, "customer_id": dice.randrange(120), "placed_at": f"2024-02-{1 + number % 28:02}T10:00:00", "delivery": {"to": people[number % 120][0], "phone": people[number % 120][2]}}
        for number in range(600)
    ]  # fmt: skip
    (folder / "orders.jsonl").write_text("".join(json.dumps(order) + "\n" for order in orders), "utf-8")
    items = [
        {
            "id": number,
            "order_id": 5000 + dice.randrange(600),
            "sku": f"S-{dice.randrange(100, 150)}",
            "order": number % 4,
        }
        for number in range(900)
    ]
    pq.write_table(pa.Table.from_pylist(items), folder / "items.parquet")
    with sqlite3.connect(folder / "catalog.db") as database:
        database.execute(
            "create table products (sku varchar(10) primary key, title text not null, contact text, added date)"
        )
        database.executemany(
            "insert into products values (?, ?, ?, '2024-01-31')",
            [
                (f"S-{number}", f"Thing {number}", people[number % 120][1] if number % 9 else None)
                for number in range(100, 150)
            ],
        )
    return [text for person in people for text in person]


@pytest.mark.main
def test_a_drafted_product_runs_and_keeps_what_it_drafted(
    make: Make, product_python: Path, tmp_path: Path
) -> None:
    product = make(
        "shop", inputs=["file", "database"], product_name="sales", domain="shop", start_with="own-data"
    )
    sentinels = shop(product / "data")
    arguments = ["draft", str(product), "--sample-rows", "50"]
    for one in (
        "customers=data/customers.csv?encoding=latin-1",
        "orders=data/orders.jsonl",
        "items=data/items.parquet",
        "products=sqlite:///data/catalog.db?table=products",
    ):
        arguments += ["--from", one]
    dry = CliRunner().invoke(main, [*arguments, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert not (product / "models" / "sales.sql").exists()
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
    run = pipeline(product_python, product)
    assert run.returncode == 0, run.stdout + run.stderr
    data = tmp_path / "real"
    (product / "data").rename(data)
    written = [path for path in product.rglob("*") if path.is_file()]
    for path in written:
        content = path.read_bytes()
        assert not any(sentinel.encode() in content for sentinel in sentinels), path
    assert not any(sentinel in dry.output + done.output + run.stdout + run.stderr for sentinel in sentinels)
    port = pq.read_table(product / "build" / "ports" / "lake" / "sales.parquet")
    assert port.num_rows == 50 and None not in port["title"].to_pylist(), "the sample keeps the keys"
    accepted = CliRunner().invoke(main, ["draft", str(product), "--accept", "*"])
    assert accepted.exit_code == 0 and not findings(product)


TABLES = """
create table addresses (id integer primary key, city varchar(40) not null);
insert into addresses values (1, 'Zqville'), (2, 'Zqham'), (3, 'Zqton');
create table orders (
    id integer primary key, state varchar(9) not null, price decimal(8, 2), placed date, remark varchar(80),
    billing_id integer not null references addresses (id), shipping_id integer references addresses (id)
);
"""
ORDERS = [
    f"insert into orders values ({number}, '{('new', 'paid')[number % 2]}', {number}.50, '2024-01-{1 + number % 28:02}',"
    f" 'called Zquill{number}', {1 + number % 3}, {1 + number % 2});"
    for number in range(40)
]


def _sqlite(folder: Path) -> Iterator[list[str]]:
    with sqlite3.connect(folder / "shop.db") as database:
        database.executescript(TABLES + "".join(ORDERS))
    yield [f"{name}=sqlite:///../shop.db?table={name}" for name in ("orders", "addresses")]


TYPES = """
alter table orders add serial bigint unsigned not null default 0, add is_paid tinyint(1), add gift bit(1), add stars tinyint(1),
    add extra json;
update orders set serial = 18446744073709551615 - id, is_paid = id % 2, gift = id % 2, stars = id % 5, extra = '{"colour": 1}';
"""


EXPECTED = ["decimal128(20, 0)", "bool", "bool", "int64", "string"]


def _mariadb(folder: Path) -> Iterator[list[str]]:
    for server in mariadb_server.running():
        server.run(TABLES + "".join(ORDERS) + TYPES, name := server.database())
        before, _, after = server.url(name).partition("?")
        before = before.replace("reader@", "reader:${SHOP_PASSWORD}@")
        yield [f"{name}={before}.{name}?{after}" for name in ("orders", "addresses")]


def _port(folder: Path) -> Iterator[list[str]]:
    rows = [{"id": number, "state": ("new", "paid")[number % 2], "remark": f"called Zquill{number}"} for number in range(40)]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), folder / "orders.parquet")
    (folder / "addresses.yaml").write_text(
        "dp:shop/sales#lake: {uses: parquet@1, location: orders.parquet}\n"
    )
    yield ["orders=dp:shop/sales#lake?addresses=../addresses.yaml"]


@pytest.mark.parametrize("source", [_sqlite, _mariadb, _port])
def test_tables_and_ports_become_a_product_that_runs(
    source: Callable[[Path], Iterator[list[str]]],
    make: Make,
    product_python: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", mariadb_server.PASSWORD)
    of_ports = source is _port
    product = make(
        source.__name__,
        inputs=["data-product" if of_ports else "database"],
        type="consumer-oriented" if of_ports else "source-oriented",
        product_name="sales",
        domain="reports",
        start_with="own-data",
    )
    for names in source(product.parent):
        arguments = [part for name in names for part in ("--from", name)]
        done = CliRunner().invoke(main, ["draft", str(product), *arguments])
        assert done.exit_code == 0, done.output
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
    run = pipeline(product_python, product)
    assert run.returncode == 0, run.stdout + run.stderr
    assert pq.read_table(product / "build" / "ports" / "lake" / "sales.parquet").num_rows == 40
    if source is _mariadb:
        types = pq.read_schema(product / "build" / "ports" / "lake" / "sales.parquet")
        named = ("serial", "is_paid", "gift", "stars", "extra")
        assert [str(types.field(name).type) for name in named] == EXPECTED
        assert "{name: extra, data_type: JSON" in (product / "models" / "sources.yml").read_text("utf-8")
        with sqlite3.connect(next((product / "sample_data").glob("*.sqlite"))) as sample:
            assert sample.execute("select max(cast(serial as text)) from orders").fetchone() == (
                str(2**64 - 1),
            )
    written = b"".join(path.read_bytes() for path in product.rglob("*") if path.is_file())
    assert not [word for word in (b"Zquill", b"Zqville", b"Zqham", b"Zqton") if word in written]
    assert mariadb_server.PASSWORD.encode() not in written
    assert CliRunner().invoke(main, ["draft", str(product), "--accept", "*"]).exit_code == 0
    assert not findings(product)


@pytest.mark.parametrize("password", ["${SHOP_PASSWORD}", mariadb_server.PASSWORD])
def test_a_second_draft_reads_with_the_account_of_the_first(
    password: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = make("twice", inputs=["database"], product_name="sales", domain="shop", start_with="own-data")
    monkeypatch.setenv("SHOP_PASSWORD", mariadb_server.PASSWORD)
    monkeypatch.chdir(product)
    for server in mariadb_server.running():
        name = server.database()
        server.run(
            "create table orders (id int primary key, state varchar(9)); insert into orders select seq, elt(1 + seq % 2, 'new', 'sent') from seq_1_to_40",
            name,
        )
        before, _, after = server.url(name).partition("?")
        where = f"{before.replace('reader@', f'reader:{password}@')}.orders?{after}"
        first = CliRunner().invoke(main, ["draft", "--from", f"orders={where}"])
        assert first.exit_code == 0, first.output
        if "$" not in password:
            (printed,) = re.findall(r"export (\w+)=…", first.output)
            monkeypatch.setenv(printed, mariadb_server.PASSWORD)
            assert f"${{{printed}}}" in (product / "data-product.yaml").read_text("utf-8")
        again = CliRunner().invoke(main, ["draft"])
        assert again.exit_code == 0 and "Nothing that the draft knows has changed" in again.output, (
            again.output
        )
        server.run("insert into orders values (41, 'paid')", name)
        assert "orders.state.values" in CliRunner().invoke(main, ["draft"]).output
        applied = CliRunner().invoke(main, ["draft", "--apply", "orders.state.values"])
        assert applied.exit_code == 0 and "write   contract.odcs.yaml" in applied.output, applied.output
    everything = b"".join(path.read_bytes() for path in product.rglob("*") if path.is_file())
    assert mariadb_server.PASSWORD.encode() not in everything
