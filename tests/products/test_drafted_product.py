"""A product that is drafted from files and a database runs as it is, on a sample without a value of the personal columns."""

from __future__ import annotations

import csv
import json
import random
import sqlite3
from pathlib import Path

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
