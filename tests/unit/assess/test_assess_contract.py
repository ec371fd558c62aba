"""The rows at the ports are held against the contract: each mutation of a good product is seen, and no harmless change blamed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest
from assessed import ID, INGESTED, NOW, ROWS, Assessed, masked, metadata, promising, rows, write

from meshwright.assess import contract_rows
from meshwright.assess.storage import Unseen, duck
from meshwright.product import promises

ASKED = ("RowsKeepContract", "QualityRulesKept", "PortsAgree", "RoleCopiesCurrent")


@pytest.fixture
def product(tmp_path: Path) -> Assessed:
    return promising(tmp_path)


def everywhere(product: Assessed, table: pa.Table) -> None:
    """Write the same rows at both ports."""
    write(product.lake, table)
    write(product.tables, table)


def every(**changed: Any) -> Callable[[Assessed], None]:
    return lambda product: everywhere(product, rows(**changed))


def changed_at(numbers: range, value: Any, before: Any) -> list[Any]:
    return [value if n in numbers else before(n) for n in range(ROWS)]


def doubled(product: Assessed) -> None:
    everywhere(product, pa.concat_tables([rows(), rows()]))


def one_less(product: Assessed) -> None:
    write(product.tables, rows().slice(1))


def shifted(product: Assessed) -> None:
    write(product.tables, rows(guest_number=pa.array(range(1, ROWS + 1), pa.int32())))


def old_copies(product: Assessed) -> None:
    told = metadata(ingestedAt=(INGESTED - timedelta(days=200)).isoformat())
    write(product.lake.parent / "roles/reader/guests.parquet", masked("reader", rows()), told)


def smaller_copy(product: Assessed) -> None:
    write(product.tables.parent / "roles/service/guests", masked("service", rows().slice(3)))


def stale_values(product: Assessed) -> None:
    table = rows(nights=pa.array([2] * ROWS, pa.int64()))
    write(product.lake.parent / "roles/service/guests.parquet", masked("service", table))


def undated_copy(product: Assessed) -> None:
    write(product.lake.parent / "roles/service/guests.parquet", masked("service", rows()), {})


EMAILS = [f"guest{n}@example.org" if n % 3 else None for n in range(ROWS)]
MUTATIONS: dict[str, tuple[Callable[[Assessed], None], str, str]] = {
    "keys twice": (doubled, "RowsKeepContract", "lake: guest_number"),
    "one key twice": (every(guest_number=pa.array([0, *range(ROWS - 1)], pa.int32())), "RowsKeepContract", "tables: guest_number"),
    "a key that is missing": (every(guest_number=pa.array([None, *range(1, ROWS)], pa.int32())), "RowsKeepContract", "lake: guest_number"),
    "half of the required values": (every(guest_name=[None if n % 2 else "Bo" for n in range(ROWS)]), "RowsKeepContract", "lake: guest_name"),
    "one required value": (every(nights=pa.array([None, *[1] * (ROWS - 1)], pa.int64())), "RowsKeepContract", "lake: nights"),
    "no number": (every(paid=pa.array([float("nan"), *[1.0] * (ROWS - 1)])), "RowsKeepContract", "tables: paid"),
    "too many nights": (every(nights=pa.array(changed_at(range(3), 31, lambda n: 1), pa.int64())), "RowsKeepContract", "tables: nights"),
    "nights below one": (every(nights=pa.array(changed_at(range(1), -1, lambda n: 1), pa.int64())), "RowsKeepContract", "lake: nights"),
    "a birthday to come": (every(born=pa.array([date(2031, 1, 1)] * ROWS)), "RowsKeepContract", "lake: born"),
    "half a step": (every(paid=pa.array([0.75] * ROWS)), "RowsKeepContract", "lake: paid"),
    "another alphabet": (every(country=["ch"] * ROWS), "RowsKeepContract", "lake: country"),
    "a longer code": (every(country=["CHE"] * ROWS), "RowsKeepContract", "lake: country"),
    "a name of one letter": (every(guest_name=["B"] * ROWS), "RowsKeepContract", "lake: guest_name"),
    "a name without end": (every(guest_name=["B" * 41] * ROWS), "RowsKeepContract", "lake: guest_name"),
    "no address": (every(email=[None if text is None else text[5:] + "@" for text in EMAILS]), "RowsKeepContract", "lake: email"),
    "an address twice": (every(email=["bo@example.org"] * 2 + EMAILS[2:]), "RowsKeepContract", "lake: email"),
    "an unknown country": (every(country=["XX"] + ["CH"] * (ROWS - 1)), "QualityRulesKept", "lake: country"),
    "most addresses gone": (every(email=[None] * ROWS), "QualityRulesKept", "tables: email"),
    "placeholders": (every(email=["n/a"] * ROWS), "QualityRulesKept", "lake: email"),
    "rows gone": (lambda product: everywhere(product, rows().slice(0, 12)), "QualityRulesKept", "lake"),
    "all rows gone": (lambda product: everywhere(product, rows().slice(0, 0)), "QualityRulesKept", "tables"),
    "a query": (every(nights=pa.array([6] * ROWS, pa.int64())), "QualityRulesKept", "lake"),
    "a pair of columns twice": (doubled, "QualityRulesKept", "lake: guest_number, arrived"),
    "ports of other rows": (one_less, "PortsAgree", "tables"),
    "ports of other keys": (shifted, "PortsAgree", "tables"),
    "ports of other values": (lambda product: write(product.tables, rows(paid=[2.5] * ROWS)), "PortsAgree", "tables"),
    "ports of other columns": (lambda product: write(product.tables, rows(paid=None)), "PortsAgree", "tables"),
    "an old copy": (old_copies, "RoleCopiesCurrent", "lake: reader"),
    "a copy of fewer rows": (smaller_copy, "RoleCopiesCurrent", "tables: service"),
    "a copy of other values": (stale_values, "RoleCopiesCurrent", "lake: service"),
    "a copy without a date": (undated_copy, "RoleCopiesCurrent", "lake: service"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "name", "place"), MUTATIONS.values(), ids=MUTATIONS)
def test_each_mutation_of_the_rows_is_seen(
    product: Assessed, change: Callable[[Assessed], None], name: str, place: str
) -> None:
    change(product)
    found = [verdict for verdict in product.ask(name) if verdict.state == "broken"]
    assert place in {verdict.place for verdict in found}, product.ask(name)
    assert all(verdict.fix for verdict in found)


def as_csv(product: Assessed) -> None:
    """The lake as CSV, whose types DuckDB guesses."""
    product.only("lake")
    path = product.lake.with_suffix(".csv")
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    pyarrow.csv.write_csv(rows(country=["1e5"] * ROWS), path, options)
    product.column("country")["logicalTypeOptions"] = {"pattern": "^1e5$"}
    product.location("lake", str(path), "csv@1")


def only_some_rows(product: Assessed) -> None:
    product.change("policy.roles.service.rows", [{"column": "country", "in": ["CH"]}])
    smaller_copy(product)


HARMLESS: dict[str, Callable[[Assessed], None]] = {
    "as it is": lambda product: None,
    "another order of rows and columns": lambda product: write(
        product.tables, rows().take(list(reversed(range(ROWS)))).select(list(reversed(rows().column_names)))
    ),
    "smaller whole numbers": lambda product: write(
        product.tables, rows(nights=pa.array([1 + n % 5 for n in range(ROWS)], pa.int8()))
    ),
    "moments in finer units": lambda product: write(
        product.lake, rows(arrived=rows()["arrived"].cast(pa.timestamp("ns", "UTC")))
    ),
    "texts from a dictionary": lambda product: write(
        product.lake, rows(country=rows()["country"].combine_chunks().dictionary_encode())
    ),
    "one port": lambda product: product.only("lake"),
    "nobody reads": lambda product: shutil.rmtree(product.lake.parent / "roles"),
    "a role of some rows": only_some_rows,
    "another spelling of a column": lambda product: product.column("nights").update(name="Nights"),
    "prose for people": lambda product: product.value["contract"]["schema"][0]["quality"].append(
        {"type": "text", "description": "Guests are real."}
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_no_harmless_change_is_blamed(product: Assessed, change: Callable[[Assessed], None]) -> None:
    change(product)
    for name in ASKED:
        assert {verdict.state for verdict in product.ask(name)} == {"kept"}, product.ask(name)


def test_guessed_types_of_text_files_are_no_reason_to_blame(product: Assessed) -> None:
    as_csv(product)
    found = product.ask("RowsKeepContract")
    assert {verdict.state for verdict in found} == {"inconclusive", "kept"}, found
    assert "does not say its types" in found[0].evidence


def test_all_rows_are_examined_or_the_sentence_says_how_many(
    product: Assessed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all("all 40 rows" in verdict.evidence for verdict in product.ask("RowsKeepContract"))
    ask = duck.Files.ask

    def slow(table: duck.Files, sql: str) -> Any:
        if "filter" in sql and "limit 10)" not in sql:
            raise Unseen("Reading it took longer than 20 s.")
        return ask(table, sql)

    monkeypatch.setattr(duck.Files, "ask", slow)
    monkeypatch.setattr("meshwright.assess.storage.duck_promises.FEWER", 10)
    found = product.ask("RowsKeepContract")
    assert {verdict.state for verdict in found} == {"inconclusive"}
    assert all("only the first 10 of 40 rows" in verdict.evidence for verdict in found)
    doubled(product)
    every(nights=pa.array([99] * ROWS, pa.int64()))(product)
    assert "lake: nights" in {one.place for one in product.ask("RowsKeepContract") if one.state == "broken"}


def test_a_contract_that_means_harm_is_not_computed(product: Assessed) -> None:
    product.column("country")["logicalTypeOptions"] = {"maxLength": "1e999999999", "pattern": "(" * 2000}
    product.column("nights")["logicalTypeOptions"] = {"minimum": "-1e999999999", "multipleOf": 10**5000}
    product.column("guest_name")["enum"] = [{"value": f"guest {n}"} for n in range(20_000)]
    queries = (
        "select 1; drop table guests",
        "select content from read_text('/etc/hostname')",
        "copy (select 1) to '/tmp/x'",
        "select 1) --",
    )
    product.value["contract"]["schema"][0]["quality"] = [
        {"type": "sql", "query": query, "mustBe": 0} for query in queries
    ]
    for name in ("RowsKeepContract", "QualityRulesKept"):
        assert "broken" not in {verdict.state for verdict in product.ask(name)}, product.ask(name)
    said = " ".join(verdict.evidence for verdict in product.ask("RowsKeepContract"))
    assert "too large to be compared" in said
    assert product.ask("QualityRulesKept")[0].evidence.startswith("4 of 7 promises could not be compared")


def test_every_promise_that_rows_show_is_asked_for() -> None:
    apart = {
        "presence",
        "structure",
        "timezone",
        "relationships",
        "freshness",
        "retention",
        "custom",
        "elementType",
    }
    nobody = {kind for kind, (_, who, _) in promises.KINDS.items() if who == promises.NOBODY}
    asked = {*contract_rows.KEYS, *contract_rows.VALUES, *contract_rows.RULES}
    assert promises.KINDS.keys() - asked - nobody == apart


def test_no_value_of_the_data_is_printed(product: Assessed) -> None:
    texts = [f"SENTINEL{n}" for n in range(ROWS)]
    everywhere(product, rows(guest_name=texts, email=texts, country=texts))
    said = " ".join(f"{v.evidence} {v.fix} {v.place}" for name in ASKED for v in product.ask(name))
    assert "SENTINEL" not in said and "40 rows of 40" in said


def test_the_assessment_reads_under_its_own_agreement(product: Assessed) -> None:
    product.settings["principal"] = "id:mesh-assessment"
    found = product.ask("RowsKeepContract")
    assert {verdict.state for verdict in found} == {"inconclusive"}
    assert "No agreement in force admits the assessment" in found[0].evidence
    assert "meshwright access request mesh-assessment --role service" in found[0].fix and ID in found[0].fix
    product.value["readers"].append(
        {"agreement": "assessment", "role": "service", "principals": ["id:mesh-assessment"], "until": "2027-06-30T00:00:00Z"}
    )  # fmt: skip
    found = product.ask("RowsKeepContract")
    assert {verdict.state for verdict in found} == {"inconclusive", "kept"} and "hides" in found[0].evidence
    assert {verdict.state for verdict in product.ask("DataMatchesContract")} == {"kept"}
    path = product.lake.parent / "roles/service/guests.parquet"
    write(path, masked("service", rows(nights=pa.array([99] * ROWS, pa.int64()))))
    assert "lake: nights" in {one.place for one in product.ask("RowsKeepContract") if one.state == "broken"}
    path.unlink()
    assert {verdict.state for verdict in product.ask("LocationAnswers")} == {"kept", "inconclusive"}
    product.value["readers"][-1]["until"] = (NOW - timedelta(days=1)).isoformat()
    assert "No agreement in force" in product.ask("RowsKeepContract")[0].evidence
    product.change("product.spec.access.mode", "open")
    assert {verdict.state for verdict in product.ask("RowsKeepContract")} == {"kept"}
