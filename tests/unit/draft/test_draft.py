"""A draft from tables in memory: what it writes into a fresh product, and what it refuses."""

from __future__ import annotations

import datetime
import random
import sqlite3
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from drawn_sources import TableSource
from products import findings

from meshwright.core.errors import Error
from meshwright.draft import sample_files
from meshwright.draft.accept import accept
from meshwright.draft.dataset import dataset
from meshwright.draft.made_up import names as names_of_nobody
from meshwright.draft.models import identifier
from meshwright.draft.plan import _input
from meshwright.draft.run import apply, compare, prepare, write
from meshwright.draft.sample import choose, made_up
from meshwright.inspection.model import ForeignKey, Source
from meshwright.inspection.sources import open_source
from meshwright.product.portable_names import PORTABLE, RESERVED
from meshwright.product.proposals import of_repository

Copy = Callable[[Path], Path]
FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Linus", "Margaret")
LAST = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Torvalds", "Hamilton")


def shop() -> dict[str, TableSource]:
    """Four tables that belong together, with columns that are personal by name and by value."""
    dice = random.Random(3)  # noqa: S311
    customers = [
        (
            number,
            f"{dice.choice(FIRST)} {dice.choice(LAST)}",
            f"{dice.choice(FIRST).lower()}{number}@mail.example.com",
            ("DE", "FR", "GB")[number % 3],
            f"+49 171 {dice.randrange(10**6, 10**7)}",
            datetime.date(1950 + number % 50, 1 + number % 12, 1 + number % 28),
        )
        for number in range(1, 81)
    ]
    orders = [
        (1000 + number, dice.randrange(1, 81), ("new", "paid", "sent")[number % 3], datetime.date(2024, 1 + number % 12, 9), None if number % 2 else f"Ring twice for Mrs {dice.choice(LAST)}")
        for number in range(400)
    ]  # fmt: skip
    items = [
        (number, dice.randrange(1000, 1400), f"SKU-{dice.randrange(10, 50)}", dice.randrange(1, 5))
        for number in range(900)
    ]
    products = [(f"SKU-{number}", f"Fancy thing {number}", 9.5 + number) for number in range(10, 50)]
    return {
        "customers": TableSource("customers", {"id": "BIGINT", "name": "VARCHAR", "email": "VARCHAR", "country": "VARCHAR", "contact": "VARCHAR", "date_of_birth": "DATE"}, customers, properties={"path": "data/customers.csv"}),
        "orders": TableSource("orders", {"id": "BIGINT", "customer_id": "BIGINT", "status": "VARCHAR", "order": "DATE", "comment": "VARCHAR"}, orders, properties={"path": "data/orders.csv"}),
        "order_items": TableSource("order_items", {"id": "BIGINT", "order_id": "BIGINT", "sku": "VARCHAR", "quantity": "BIGINT"}, items, properties={"path": "data/items.csv", "delimiter": ";"}),
        "products": TableSource("products", {"sku": "VARCHAR", "name": "VARCHAR", "price": "DOUBLE"}, products, properties={"path": "data/products.parquet"}),
    }  # fmt: skip


def drafted(product: Path, sources: Mapping[str, TableSource], rows: int = 60) -> Path:
    write(
        product, prepare(product, {name: (f"data/{name}", source) for name, source in sources.items()}, rows)
    )
    return product


def named(sources: Mapping[str, TableSource]) -> dict[str, tuple[str, Source]]:
    return {name: (f"data/{name}", source) for name, source in sources.items()}


def contract(product: Path) -> dict[str, dict[str, Any]]:
    (table,) = yaml.safe_load((product / "contract.odcs.yaml").read_text("utf-8"))["schema"]
    return {column["name"]: column for column in table["properties"]}


def everything(product: Path) -> dict[str, bytes]:
    return {
        path.relative_to(product).as_posix(): path.read_bytes()
        for path in product.rglob("*")
        if path.is_file()
    }


def test_a_shop_becomes_one_data_set_with_open_decisions_only(departures: Path, copy_of: Copy) -> None:
    product = drafted(copy_of(departures), shop())
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
    sql = (product / "models" / "departures.sql").read_text("utf-8")
    assert "left join customers on orders.customer_id = customers.id" in sql
    assert 'orders."order" as order_value' in sql and "products.name as product_name" in sql
    columns = contract(product)
    assert columns["id"]["primaryKey"] and columns["quantity"]["logicalTypeOptions"]["minimum"] == 0
    assert columns["status"]["quality"][0]["arguments"] == {"validValues": ["new", "paid", "sent"]}
    assert columns["email"]["classification"] == "confidential" == columns["date_of_birth"]["classification"]
    assert columns["contact"]["classification"] == "confidential", "its values are phone numbers"
    spec = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))
    assert spec["spec"]["classification"] == "confidential"
    assert spec["spec"]["inputs"][2]["properties"] == {
        "path": "${ORDER_ITEMS:-sample_data/order_items.csv}",
        "delimiter": ";",
    }


def test_the_flights_leave_no_trace(departures: Path, copy_of: Copy) -> None:
    product = drafted(copy_of(departures), shop())
    ours = ("pipeline/", ".meshwright/", ".github/", ".copier-answers.yml")
    words = (b"flight", b"airline", b"nycflights", b"tail_number", b"punctuality", b"planes")
    left = [
        path
        for path, content in everything(product).items()
        if not path.startswith(ours) and any(word in content.lower() for word in words)
    ]
    assert not left
    assert not any("flights" in path for path in everything(product))


def test_no_value_of_a_personal_column_is_written(departures: Path, copy_of: Copy) -> None:
    sources = shop()
    product = drafted(copy_of(departures), sources)
    written = b"\n".join(everything(product).values())
    names = list(sources["customers"].columns)
    for row in sources["customers"].values:
        for column in ("name", "email", "contact"):
            assert row[names.index(column)].encode() not in written
    births = {row[5].isoformat() for row in sources["customers"].values}
    lines = (product / "sample_data" / "customers.csv").read_text("utf-8").splitlines()[1:]
    assert not births & {line.rpartition(",")[2] for line in lines}
    assert b"Ring twice" not in written and b"Fancy thing" not in written


def test_no_made_up_value_is_one_of_a_row_outside_of_the_sample(tmp_path: Path) -> None:
    """Four in five dates of the time in which people are born are somebody's."""
    first = datetime.date(1941, 1, 1)
    days = [first + datetime.timedelta(days=day) for day in range(23_376) if day % 5]
    names = [f"{one} {other}" for one in names_of_nobody()[0][:300] for other in names_of_nobody()[1][:300:3]]
    path = tmp_path / "people.csv"
    rows = (f"{number},{day},{names[number % len(names)]}\n" for number, day in enumerate(days))
    path.write_text("id,birth_date,full_name\n" + "".join(rows), "utf-8")
    (source,) = open_source("people", str(path), tmp_path)
    inputs = {"people": _input("people", source, source.profile())}
    real = choose({"people": source}, inputs, ())
    made = made_up({"people": source}, inputs, real, bytes(32))["people"]
    assert len(made) == len(real["people"]) >= 200
    assert not {row[1] for row in made} & {*days} and not {row[2] for row in made} & {*names}


def test_keys_between_inputs_hold_in_the_sample(departures: Path, copy_of: Copy) -> None:
    product = drafted(copy_of(departures), shop(), 20)

    def column(name: str, place: int, delimiter: str = ",") -> list[str]:
        lines = (product / "sample_data" / f"{name}.csv").read_text("utf-8").splitlines()[1:]
        return [line.split(delimiter)[place] for line in lines]

    items = column("order_items", 1, ";")
    assert len(items) == 20 and set(items) <= set(column("orders", 0))
    assert set(column("orders", 1)) <= set(column("customers", 0))


def test_an_email_as_key_is_the_same_in_all_inputs(departures: Path, copy_of: Copy) -> None:
    people = [(f"person{number}@mail.example.com", 1980 + number % 20) for number in range(40)]
    visits = [(number, people[number % 40][0]) for number in range(90)]
    sources = {
        "people": TableSource(
            "people", {"email": "VARCHAR", "birth_year": "BIGINT"}, people, properties={"path": "people.csv"}
        ),
        "visits": TableSource(
            "visits", {"visit": "BIGINT", "email": "VARCHAR"}, visits, properties={"path": "visits.csv"}
        ),
    }
    product = drafted(copy_of(departures), sources)
    lines = {
        name: [
            line.split(",")
            for line in (product / f"sample_data/{name}.csv").read_text("utf-8").splitlines()[1:]
        ]
        for name in sources
    }
    known = {email for email, _ in lines["people"]}
    assert len(known) == 40 and {email for _, email in lines["visits"]} <= known
    assert not known & {email for email, _ in people}
    assert "minimum" not in str(contract(product)["birth_year"])


@pytest.mark.parametrize("first", ["sales", "sale_lines"])
@pytest.mark.parametrize("declares", ["key and foreign key", "foreign key", "key"])
def test_what_a_source_declares_wins_over_what_its_values_suggest(
    departures: Path, copy_of: Copy, first: str, declares: str
) -> None:
    """Each sale has one line for now."""
    foreign = (ForeignKey(("sale_id",), "sales", ("sale_id",)),) if "foreign" in declares else ()
    key = ("sale_id", "line_no") if declares.startswith("key") else ()
    lines = TableSource("sale_lines", {"sale_id": "BIGINT", "line_no": "BIGINT", "price": "BIGINT"}, [(number, 1, 7) for number in range(40)], properties={"path": "lines.csv"}, foreign_keys=foreign, primary_key=key)  # fmt: skip
    sales = TableSource("sales", {"sale_id": "BIGINT", "till": "BIGINT"}, [(number, number % 3) for number in range(40)], properties={"path": "sales.csv"}, primary_key=("sale_id",))  # fmt: skip
    both = {"sales": sales, "sale_lines": lines}
    product = drafted(copy_of(departures), dict(sorted(both.items(), key=lambda one: one[0] != first)))
    sql = (product / "models" / "departures.sql").read_text("utf-8")
    assert "left join sales on sale_lines.sale_id = sales.sale_id" in sql
    promised = tuple(name for name, column in contract(product).items() if column.get("primaryKey"))
    assert promised == (key or ("sale_id",))


@pytest.mark.parametrize("first", ["bigpos", "auftrag"])
@pytest.mark.parametrize(("column", "is_joined"), [("auftrag", True), ("menge", False)])
def test_a_column_with_the_name_of_a_table_names_its_rows(
    departures: Path, copy_of: Copy, first: str, column: str, is_joined: bool
) -> None:
    positions = TableSource("bigpos", {"pos": "BIGINT", column: "BIGINT"}, [(number, 1 + number % 30) for number in range(90)], properties={"path": "bigpos.csv"})  # fmt: skip
    orders = TableSource("auftrag", {"nr": "BIGINT", "state": "VARCHAR"}, [(1 + number, ("new", "paid")[number % 2]) for number in range(30)], properties={"path": "auftrag.csv"})  # fmt: skip
    both = {"bigpos": positions, "auftrag": orders}
    product = drafted(copy_of(departures), dict(sorted(both.items(), key=lambda one: one[0] != first)))
    sql = (product / "models" / "departures.sql").read_text("utf-8")
    assert ("left join auftrag on bigpos.auftrag = auftrag.nr" in sql) is is_joined


def test_any_keyword_is_a_name_in_quotes_or_a_name_of_its_own() -> None:
    words = [word for (word,) in duckdb.sql("select keyword_name from duckdb_keywords()").fetchall()]
    for word in words:
        name = identifier(word)
        duckdb.sql(f"with t as (select 1 as {name}), {name} as (select 1 as {name}) select t.{name} from t join {name} on t.{name} = {name}.{name}")  # fmt: skip
    source = TableSource("base", dict.fromkeys(words, "BIGINT"), [tuple(range(len(words)))] * 3)
    entry = _input("base", source, source.profile())
    for column in dataset("base", {"base": entry}, ()).columns:
        duckdb.sql(f"select 1 as {column.name}")
        assert identifier(column.name) == column.name


def test_a_second_foreign_key_to_a_table_is_an_open_decision(departures: Path, copy_of: Copy) -> None:
    keys = tuple(ForeignKey((one,), "team", ("id",)) for one in ("home", "away"))
    games = TableSource("game", {"id": "BIGINT", "home": "BIGINT", "away": "BIGINT", "x": "BIGINT"}, [(number, number % 3, number % 2, number % 5) for number in range(40)], properties={"path": "game.csv"}, foreign_keys=keys)  # fmt: skip
    teams = TableSource("team", {"id": "BIGINT", "x": "BIGINT", "status": "VARCHAR"}, [(number, 1, "on") for number in range(3)], properties={"path": "team.csv"})  # fmt: skip
    product = drafted(copy_of(departures), {"game": games, "team": teams})
    (one,) = (one for one in of_repository(product) if one.id == "contract:departures.description")
    assert "game.away names rows of team too (joined by game.home)" in one.reason
    assert accept(product, [one.id])[0] and one.id not in {left.id for left in of_repository(product)}


def test_lists_and_ranges_that_rows_show_are_one_open_decision(departures: Path, copy_of: Copy) -> None:
    product = drafted(copy_of(departures), shop())
    (one,) = (one for one in of_repository(product) if one.field == "properties")
    assert "lists of values of status" in one.reason and "ranges of quantity, price" in one.reason
    assert "birth" not in one.reason and "customers" not in one.reason
    assert accept(product, [one.id])[0] and contract(product)["status"]["quality"]


def test_more_columns_than_a_contract_describes_are_refused_by_the_header(
    departures: Path, tmp_path: Path
) -> None:
    names = [f"c{number}" for number in range(5_000)]
    (tmp_path / "wide.csv").write_text("\n".join([",".join(names), *[",".join(["x"] * 5_000)] * 40, ""]))
    (source,) = open_source("wide", "wide.csv", tmp_path)
    begun = time.process_time()
    with pytest.raises(Error, match="5,000 columns"):
        prepare(departures, {"wide": ("wide.csv", source)})
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("name", "column"), [("x", "x"), ("touch_x", "x"), ("status", "id"), ("orders", "order")]
)
def test_any_name_of_a_column_has_a_meaning_that_passes(
    departures: Path, copy_of: Copy, name: str, column: str
) -> None:
    rows = [(number, number % 3) for number in range(30)]
    source = TableSource(name, {"key": "BIGINT", column: "BIGINT"}, rows, properties={"path": "x.csv"})
    ready = prepare(copy_of(departures), named({name: source}))
    text = (ready.changes["contract.odcs.yaml"] or b"").decode()
    assert "statu." not in text


def test_what_a_team_wrote_stops_the_draft(departures: Path, copy_of: Copy) -> None:
    product = copy_of(departures)
    model = product / "models" / "departures.sql"
    model.write_text(model.read_text("utf-8") + "where flights.carrier <> 'ZZ'\n", "utf-8")
    before = everything(product)
    with pytest.raises(Error, match=r"models/departures\.sql") as refused:
        drafted(product, shop())
    assert refused.value.exit_code == 2 and "mv " in refused.value.fix
    assert everything(product) == before


def test_a_failing_write_leaves_everything_as_it_was(
    departures: Path, copy_of: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = copy_of(departures)
    ready = prepare(product, {name: ("x", source) for name, source in shop().items()}, 20)
    before = everything(product)
    original, count = Path.replace, iter(range(10_000))

    def failing(self: Path, target: Path) -> Path:
        if next(count) == 7:
            raise OSError(28, "No space left on device", str(target))
        return original(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(Error, match="No space left"):
        write(product, ready)
    assert everything(product) == before


def test_a_database_input_needs_its_module(departures: Path, copy_of: Copy) -> None:
    source = TableSource(
        "clients",
        {"id": "BIGINT"},
        [(1,)],
        "database@1",
        {"url": "postgresql://reader@db.example.org/crm", "table": "clients"},
    )
    with pytest.raises(Error) as refused:
        drafted(copy_of(departures), {"clients": source})
    assert '--data \'inputs=["file", "database"]\'' in refused.value.fix


def test_a_port_needs_a_module_and_a_type_and_both_are_named(departures: Path, copy_of: Copy) -> None:
    port = {"addresses": "addresses.yaml"}
    source = TableSource("sales", {"id": "BIGINT"}, [(1,)], "data-product@1", port)
    with pytest.raises(Error, match="A source-oriented product reads") as refused:
        drafted(copy_of(departures), {"sales": source})
    assert '--data \'inputs=["file", "data-product"]\' --data type=consumer-oriented' in refused.value.fix
    assert "Write `type: consumer-oriented` in data-product.yaml" in refused.value.fix


def test_a_database_gets_a_sample_in_sqlite(make: Callable[..., Path], copy_of: Copy) -> None:
    source = TableSource(
        "clients",
        {"id": "BIGINT", "vat": "VARCHAR"},
        [(number, f"DE{number}") for number in range(30)],
        "database@1",
        {"url": "postgresql://reader@db.example.org/crm", "table": "clients", "schema": "sales"},
    )
    product = drafted(
        make("own", inputs=["database"], start_with="own-data", product_name="clients", domain="sales"),
        {"clients": source},
    )
    spec = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]
    assert spec["inputs"][0]["properties"] == {
        "url": "${CRM:-sqlite:///sample_data/crm.sqlite}",
        "table": "clients",
    }
    assert spec["environments"]["production"]["inputs"]["clients"]["properties"]["schema"] == "sales"
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
    with sqlite3.connect(product / "sample_data" / "crm.sqlite") as database:
        assert database.execute("select count(*) from clients").fetchone() == (30,)


def test_numbers_that_sqlite_would_round_keep_all_digits() -> None:
    numbers = [Decimal(2**64 - 1), Decimal("12345678901234567.125"), 5, None]
    source = TableSource(
        "t", {"a": "DECIMAL(38,9)", "b": "DECIMAL(18,2)"}, [(one, Decimal("9.95")) for one in numbers]
    )
    fields = list(_input("t", source, source.profile()).fields.values())
    with sqlite3.connect(":memory:") as database:
        database.deserialize(sample_files.sqlite({"t": (fields, source.values)}))
        rows = database.execute("select a, b, typeof(b) from t").fetchall()
    assert [one and Decimal(one) for one, *_ in rows] == numbers
    assert {kind for *_, kind in rows} == {"real"}


def test_not_a_product_is_named(tmp_path: Path) -> None:
    with pytest.raises(Error, match="not a data product") as refused:
        drafted(tmp_path, shop())
    assert refused.value.exit_code == 2 and "copier copy" in refused.value.fix


# -- the second draft -------------------------------------------------------------------------------------


def stock(*rows: tuple[Any, ...], **columns: str) -> dict[str, TableSource]:
    types = {"sku": "VARCHAR", "colour": "VARCHAR", "price": "BIGINT", **columns}
    return {"stock": TableSource("stock", types, rows, properties={"path": "stock.csv"})}


FEW = tuple((f"SKU-{number}", ("red", "blue")[number % 2], number % 7) for number in range(100, 140))


def test_a_second_draft_tells_what_has_changed_and_applies_what_is_asked(
    departures: Path, copy_of: Copy
) -> None:
    product = drafted(copy_of(departures), stock(*FEW))
    assert not compare(product, named(stock(*FEW)), 60).changes
    before = everything(product)
    later = [("SKU-100", "green", 70_000), *FEW, ("SKU-999", None, 1)]
    found = compare(product, named(stock(*later)), 60)
    assert {one.id for one in found.changes} == {
        "stock.colour.values", "stock.price.range", "stock.colour.required", "stock.sku.key",
    }  # fmt: skip
    assert everything(product) == before
    apply(product, found, ["stock.colour.values"])
    columns = contract(product)
    assert columns["colour"]["quality"][0]["arguments"]["validValues"] == ["blue", "red", "green"]
    assert columns["colour"]["required"], "it was not asked for"
    apply(product, compare(product, named(stock(*later)), 60), ["all"])
    columns = contract(product)
    assert "required" not in columns["colour"] and "primaryKey" not in columns["sku"]
    assert columns["price"]["logicalTypeOptions"]["maximum"] >= 70_000
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}


def test_columns_that_come_and_go_change_model_contract_and_sample(departures: Path, copy_of: Copy) -> None:
    product = drafted(copy_of(departures), stock(*FEW))
    mails = [(sku, price, f"ada{price}@mail.example.com") for sku, _, price in FEW]
    later = {"stock": TableSource("stock", {"sku": "VARCHAR", "price": "DOUBLE", "email": "VARCHAR"}, mails, properties={"path": "stock.csv"})}  # fmt: skip
    found = compare(product, named(later), 60)
    assert {(one.id, one.kind) for one in found.changes} == {("stock.email.new", "new"), ("stock.colour.gone", "gone"), ("stock.price.type", "type")}  # fmt: skip
    apply(product, found, ["all"])
    recorded_ = yaml.safe_load((product / ".meshwright/draft.yaml").read_text("utf-8"))
    assert recorded_["sources"]["stock"]["columns"]["email"]["personal"] == "email"
    columns = contract(product)
    assert {*columns} == {"sku", "price", "email"} and columns["price"]["logicalType"] == "number"
    assert columns["email"]["classification"] == "confidential"
    assert "email" in (product / "models" / "departures.sql").read_text("utf-8")
    assert (product / "sample_data" / "stock.csv").read_text("utf-8").startswith("sku,price,email\n")
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
    assert not compare(product, named(later), 60).changes


def test_a_model_of_the_teams_is_left_alone(departures: Path, copy_of: Copy) -> None:
    product = drafted(copy_of(departures), stock(*FEW))
    model = product / "models" / "departures.sql"
    model.write_text(model.read_text("utf-8") + "where price > 0\n", "utf-8")
    text = model.read_text("utf-8")
    more = [(*row, 1) for row in FEW]
    _, notes = apply(product, compare(product, named(stock(*more, size="BIGINT")), 60), ["new"])
    again = compare(product, named(stock(*more, size="BIGINT")), 60)
    assert [one.id for one in again.changes] == ["stock.size.new"], (
        "neither the model nor the contract has it"
    )
    assert model.read_text("utf-8") == text and any("size" in note for note in notes)
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
    fewer = {"stock": TableSource("stock", {"sku": "VARCHAR", "colour": "VARCHAR"}, [row[:2] for row in FEW], properties={"path": "stock.csv"})}  # fmt: skip
    with pytest.raises(Error, match="still reads price"):
        apply(product, compare(product, named(fewer), 60), ["gone"])


# -- the sample's files -----------------------------------------------------------------------------------


def test_a_sample_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    kinds = {
        "a": "VARCHAR",
        "b": "DECIMAL(9,2)",
        "c": "TIMESTAMP",
        "d": "DATE",
        "e": "BOOLEAN",
        "f": "VARCHAR[]",
    }
    moment = datetime.datetime(2024, 3, 1, 12, 30, 0, 5)
    rows = [
        ("NA", Decimal("1.50"), moment, datetime.date(2024, 1, 2), True, ["x", "y"]),
        ("", None, None, None, None, None),
        (None, Decimal("-3.00"), moment, datetime.date(1999, 12, 31), False, []),
        ('two;lines\n"quoted"', Decimal(0), moment, datetime.date(2024, 2, 29), True, ["é"]),
    ]
    for name, properties in {
        "one.csv": {"delimiter": ";", "nulls": ["NA"], "decimal": ",", "encoding": "latin-1"},
        "two.jsonl": {},
        "three.json": {},
        "four.parquet": {},
    }.items():
        columns = dict(list(kinds.items())[:5]) if name == "one.csv" else kinds
        wanted = [row[: len(columns)] for row in rows]
        entry = _input("t", TableSource("t", columns, wanted), TableSource("t", columns, wanted).profile())
        given = {"path": f"data/{name}", **properties}
        (tmp_path / name).write_bytes(sample_files.file(given, list(entry.fields.values()), wanted))
        options = "&".join(
            f"{key}={value[0] if isinstance(value, list) else value}" for key, value in properties.items()
        )
        (source,) = open_source("t", f"{name}?{options}" if options else name, tmp_path)
        read = [tuple(row) for row in source.rows(10)]
        assert read == wanted or (
            name != "four.parquet" and [row[:1] for row in read] == [row[:1] for row in wanted]
        )


def test_databases_of_the_same_name_have_samples_of_their_own(
    make: Callable[..., Path], copy_of: Copy
) -> None:
    def table(name: str, host: str, schema: str, first: int) -> TableSource:
        properties = {"url": f"postgresql://reader@{host}/crm", "table": "clients", "schema": schema}
        return TableSource(
            name, {"id": "BIGINT"}, [(first + number,) for number in range(3)], "database@1", properties
        )

    sources = {
        "one": table("one", "a.example.org", "sales", 0),
        "two": table("two", "a.example.org", "support", 10),
        "three": table("three", "b.example.org", "sales", 20),
    }
    product = drafted(
        make("crm", inputs=["database"], start_with="own-data", product_name="crm", domain="sales"), sources
    )
    inputs = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]["inputs"]
    for item, first in zip(inputs, (0, 10, 20), strict=True):
        path = item["properties"]["url"].partition(":///")[2].rstrip("}")
        with sqlite3.connect(product / path) as database:
            assert database.execute("select min(id) from clients").fetchone() == (first,)
    assert len({item["properties"]["url"] for item in inputs}) == 3


# -- names and sources ------------------------------------------------------------------------------------


def test_any_name_of_a_column_becomes_a_portable_one(departures: Path, copy_of: Copy) -> None:
    names = [
        "{{ evil }}",
        "order",
        "Größe (cm)",
        "2nd",
        "select",
        "BirthPlace",
        "a'b\"c",
        "—",
        "x" * 100,
        "null",
    ]
    rows = [tuple(range(number, number + len(names))) for number in range(30)]
    source = TableSource("things", dict.fromkeys(names, "BIGINT"), rows, properties={"path": "things.csv"})
    product = drafted(copy_of(departures), {"things": source})
    columns = [*contract(product)]
    assert len(columns) == len(names) and all(
        PORTABLE.fullmatch(name) and name not in RESERVED for name in columns
    )
    assert {"thing_order", "grosse_cm", "birth_place"} <= {*columns}
    assert "{{ evil" not in (product / "models" / "departures.sql").read_text("utf-8")
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}


def test_nested_columns_are_described_and_classified(departures: Path, copy_of: Copy) -> None:
    kinds = {"id": "BIGINT", "person": "STRUCT(email VARCHAR, age BIGINT)", "tags": "VARCHAR[]", "by_day": "MAP(VARCHAR, BIGINT)"}  # fmt: skip
    rows = [
        (number, {"email": f"p{number}@mail.example.com", "age": 30}, ["a"], {"mon": 1})
        for number in range(30)
    ]
    source = TableSource("visits", kinds, rows, properties={"path": "visits.parquet"})
    product = drafted(copy_of(departures), {"visits": source})
    person = contract(product)["person"]
    assert [part["classification"] for part in person["properties"]] == ["confidential"] * 2
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}


def test_a_contract_gives_its_meanings_types_and_keys(
    departures: Path, copy_of: Copy, tmp_path: Path
) -> None:
    (tmp_path / "orders.odcs.yaml").write_text(CONTRACT, "utf-8")
    given = {
        source.name: ("orders.odcs.yaml", source)
        for source in open_source("orders", "orders.odcs.yaml", tmp_path)
    }
    product = copy_of(departures)
    write(product, prepare(product, given, 50))
    columns = contract(product)
    assert columns["number"]["primaryKey"] and columns["number"]["description"] == "What the invoice shows."
    assert "customProperties" not in columns["number"], "nothing of it is guessed"
    assert columns["state"]["quality"][0]["arguments"] == {"validValues": ["new", "paid"]}
    assert columns["weight"]["logicalTypeOptions"] == {"minimum": 250, "maximum": 260.5}
    about = (product / "sample_data" / "README.md").read_text("utf-8")
    assert "invented" in about and "no value was replaced" not in about
    levels = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]["serviceLevels"]
    assert "volume" not in {level["indicator"] for level in levels}
    lines = (product / "sample_data" / "orders.csv").read_text("utf-8").splitlines()[1:]
    assert all(250 <= float(line.rpartition(",")[2]) <= 260.5 for line in lines)
    assert (columns["state"]["classification"], columns["buyer"]["classification"]) == ("public", "secret")
    assert (product / "sample_data" / "orders.csv").read_text("utf-8").count("\n") == 21
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}


CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: number, logicalType: integer, primaryKey: true, required: true, description: What the invoice shows.}
      - {name: buyer, logicalType: string, classification: secret, description: Who pays for it.}
      - name: state
        logicalType: string
        classification: public
        description: How far it is.
        quality:
          - {type: library, metric: invalidValues, arguments: {validValues: [new, paid]}, mustBe: 0}
      - {name: weight, logicalType: number, physicalType: "decimal(9,2)", description: Of the parcel., logicalTypeOptions: {minimum: 250, maximum: 260.5}}
"""


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("handled", ["Chidi Okafor", "Mei-Ling Tan", "Priya Raghunathan"], "name"),
        ("segment", ["Home Office", "Small Business", "Large Enterprise"], ""),
        ("state", ["new", "paid", "sent"], ""),
        ("passenger", ["Braund, Mr. Owen Harris", "Heikkinen, Miss. Laina", "Palsson, Master. Gosta"], "name"),
        ("sent_to", ["ada@mail.example.com", "bo@mail.example.com", "cy@mail.example.com"], "email"),
    ],
)  # fmt: skip
def test_a_short_list_of_people_is_no_list_of_values(column: str, values: list[str], kind: str) -> None:
    rows = [(number, values[number % 3]) for number in range(60)]
    source = TableSource("tickets", {"id": "BIGINT", column: "VARCHAR"}, rows)
    field = _input("tickets", source, source.profile()).fields[column]
    assert field.kind == kind and bool(field.values) != bool(kind) and bool(field.maker) == bool(kind)


def test_a_model_of_the_teams_keeps_its_input(departures: Path, copy_of: Copy) -> None:
    product = copy_of(departures)
    (product / "models" / "late.sql").write_text("select * from {{ source('inputs', 'flights') }}\n", "utf-8")
    with pytest.raises(Error, match=r"models/late\.sql reads the input flights"):
        drafted(product, shop())


def test_other_sources_replace_those_of_an_untouched_draft(make: Callable[..., Path]) -> None:
    product = make(
        "again", inputs=["file", "database"], start_with="own-data", product_name="stock", domain="shop"
    )
    properties = {"url": "postgresql://reader@db.example.org/crm", "table": "clients", "schema": "sales"}
    first = TableSource(
        "clients", {"id": "BIGINT"}, [(number,) for number in range(3)], "database@1", properties
    )
    drafted(product, {"clients": first})
    drafted(product, stock(*FEW))
    spec = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]
    assert [item["name"] for item in spec["inputs"]] == ["stock"] and "environments" not in spec
    assert {path.name for path in (product / "sample_data").iterdir()} == {"README.md", "stock.csv"}
    assert {finding.rule for finding in findings(product)} == {"DecisionOpen"}
