"""What a product says of itself is a claim: each way of looking better than it is is seen, and none pays more than an honest miss."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from assessed import (
    INGESTED,
    LEVELS,
    MEASURED,
    NOW,
    ROWS,
    Assessed,
    function,
    good,
    masked,
    metadata,
    promising,
    rows,
    write,
)

from meshwright.assess import samples
from meshwright.assess.discovery import functions
from meshwright.assess.results import results
from meshwright.mesh import scores
from meshwright.product import withdrawn
from meshwright.product.placeholder_text import is_placeholder
from meshwright.product.record import Record

REPORTS = ("ReportsPossible", "ReportsMatchData", "FreshnessShowsAge", "LastRunPassed", "DataIsThisProducts")
Change = Callable[[Assessed], None]


@pytest.fixture
def product(tmp_path: Path) -> Assessed:
    return good(tmp_path)


def told(dotted: str, value: Any) -> Change:
    return lambda product: product.change(dotted, value)


def before(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


def at_ports(table: pa.Table | None = None, **changed: str) -> Change:
    """The same rows at both ports and for each role, as a run and `access apply` leave them."""

    def change(product: Assessed) -> None:
        written = rows() if table is None else table
        for path in (product.lake, product.tables):
            write(path, written, metadata(**changed))
            for role in ("reader", "service"):
                write(path.parent / "roles" / role / path.name, masked(role, written), metadata(**changed))

    return change


def by_column(table: pa.Table) -> Change:
    """Freshness by the column of arrivals."""

    def change(product: Assessed) -> None:
        product.change("product.spec.serviceLevels.0.column", "arrived")
        write(product.lake, table)
        write(product.tables, table)

    return change


def arrived(*hours: float) -> pa.Table:
    """Rows whose moments are so many hours before the inputs were read; the last one is repeated."""
    every = [*hours, *[hours[-1] + n for n in range(ROWS - len(hours))]]
    return rows(arrived=pa.array([INGESTED - timedelta(hours=n) for n in every], pa.timestamp("us", "UTC")))


def stamped(hours: float) -> pa.Table:
    return rows(arrived=pa.array([INGESTED - timedelta(hours=hours)] * ROWS, pa.timestamp("us", "UTC")))


def restamped(product: Assessed) -> None:
    at_ports(ingestedAt=(INGESTED + timedelta(minutes=30)).isoformat())(product)
    product.change("measurement.measuredAt", (INGESTED + timedelta(minutes=40)).isoformat())


MUTATIONS: dict[str, tuple[Change, str, str]] = {
    "measured just before the inputs were read": (told("measurement.measuredAt", (INGESTED - timedelta(minutes=11)).isoformat()), "ReportsMatchData", "lake"),
    "metadata dropped": (lambda product: write(product.lake, rows(), {}), "DataIsThisProducts", "lake"),
    "one heartbeat row": (by_column(arrived(0.5, 2400)), "FreshnessShowsAge", "lake: fresh"),
    "two heartbeat rows": (by_column(arrived(0.5, 1.5, 2400)), "FreshnessShowsAge", "tables: fresh"),
    "restamped rows": (by_column(stamped(0)), "FreshnessShowsAge", "lake: fresh"),
    "rows from after the run": (by_column(arrived(-0.5, 1)), "FreshnessShowsAge", "lake: fresh"),
    "a run 200 days old": (told("quality.startedAt", before(200)), "LastRunPassed", ""),
    "a measurement that no run made": (told("quality.startedAt", before(9)), "ReportsPossible", ""),
    "a measurement from before the run": (told("measurement.measuredAt", before(1)), "ReportsPossible", ""),
    "a run to come": (told("quality.startedAt", before(-1)), "ReportsPossible", ""),
    "more rows than there are": (told("quality.rows", 4000), "ReportsMatchData", "tables"),
    "rows that are none": (told("quality.rows", -1), "ReportsPossible", ""),
    "rows that contradict the level": (told("quality.rows", 41), "ReportsPossible", ""),
    "checks that are none": (told("quality.checks", "all"), "ReportsPossible", ""),
    "a run that did not publish here": (at_ports(ingestedAt=before(2)), "ReportsMatchData", "lake"),
    "a moment of reading that no run had": (restamped, "ReportsMatchData", "tables"),
    "data of the future": (at_ports(ingestedAt=before(-2)), "ReportsMatchData", "lake"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "name", "place"), MUTATIONS.values(), ids=MUTATIONS)
def test_each_way_to_look_better_is_seen(product: Assessed, change: Change, name: str, place: str) -> None:
    change(product)
    found = [verdict for verdict in product.ask(name) if verdict.state == "broken"]
    assert place in {verdict.place for verdict in found}, product.ask(name)
    assert all(verdict.fix for verdict in found)


HARMLESS: dict[str, Change] = {
    "as it is": lambda product: None,
    "an honest miss": at_ports(rows(country=["CH", None] * (ROWS // 2))),
    "freshness by a column": by_column(rows()),
    "a row a day": by_column(arrived(*(24.0 * n for n in range(ROWS)))),
    "nothing at the week-end": by_column(arrived(1, 2, 3, *(66.0 + n for n in range(ROWS - 3)))),
    "a snapshot at the source": by_column(stamped(0.2)),
    "old rows only": by_column(arrived(2400)),
    "a run of an hour": told("measurement.measuredAt", (MEASURED + timedelta(minutes=50)).isoformat()),
    "a failed run after it": told("quality", {"startedAt": before(0.01), "outcome": "failed", "rows": None}),
}  # fmt: skip


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_no_honest_report_is_blamed(product: Assessed, change: Change) -> None:
    change(product)
    for name in ("ReportsPossible", "ReportsMatchData", "FreshnessShowsAge"):
        assert "broken" not in {verdict.state for verdict in product.ask(name)}, product.ask(name)


def test_a_run_that_is_under_way_is_not_blamed(product: Assessed) -> None:
    at_ports(ingestedAt=before(0))(product)
    assert {verdict.state for verdict in product.ask("ReportsMatchData")} == {"inconclusive"}


# -- promises of earlier versions -----------------------------------------------------------------------------------


def level(name: str, **changed: Any) -> Change:
    def change(product: Assessed) -> None:
        for entry in product.value["product"]["spec"]["serviceLevels"]:
            if entry["name"] == name:
                entry.update(changed)

    return change


def less_of(column: str, **changed: Any) -> Change:
    def change(product: Assessed) -> None:
        for key, value in changed.items():
            product.column(column).pop(key, None)
            if value is not None:
                product.column(column)[key] = value

    return change


def rule(number: int, **changed: Any) -> Change:
    return lambda product: product.value["contract"]["schema"][0]["quality"][number].update(changed)


def without_column(product: Assessed) -> None:
    columns = product.value["contract"]["schema"][0]["properties"]
    columns[:] = [one for one in columns if one["name"] != "paid"]


WITHDRAWN: dict[str, Change] = {
    "a service level": told("product.spec.serviceLevels", LEVELS[:2]),
    "all service levels": told("product.spec.serviceLevels", []),
    "a looser objective": level("fresh", objective="<= 90d"),
    "a lower completeness": level("country-known", objective=">= 1%"),
    "another column of a level": level("country-known", column="email"),
    "a required value": less_of("guest_name", required=None),
    "a key": less_of("guest_number", primaryKey=None),
    "unique values": less_of("email", unique=None),
    "a limit": less_of("nights", logicalTypeOptions=None),
    "a higher limit": less_of("nights", logicalTypeOptions={"minimum": 1, "maximum": 900}),
    "an earlier day": less_of("born", logicalTypeOptions={"minimum": "1800-01-01", "maximum": "2020-12-31"}),
    "a pattern": less_of("country", logicalTypeOptions=None),
    "a rule of a column": less_of("country", quality=None),
    "a looser rule": rule(0, mustBeGreaterOrEqualTo=1),
    "a harmless rule": rule(0, severity="warning"),
    "another operator": rule(1, mustBe=None, mustBeLessThan=500),
    "all rules": told("contract.schema.0.quality", None),
    "a query": lambda product: product.value["contract"]["schema"][0]["quality"].pop(2) and None,
    "a column": without_column,
    "a type": less_of("nights", logicalType="string", logicalTypeOptions=None),
    "a port": lambda product: product.only("lake"),
}


def renewed(product: Assessed) -> None:
    without_column(product)
    product.change("contract.version", "2.0.0")


STILL: dict[str, Change] = {
    "nothing": lambda product: None,
    "more": level("fresh", objective="<= 1h"),
    "a stricter limit": less_of("nights", logicalTypeOptions={"minimum": 2, "maximum": 7}),
    "a stricter rule": rule(0, mustBeGreaterOrEqualTo=35),
    "one more rule": lambda product: product.value["contract"]["schema"][0]["quality"].append({"type": "library", "metric": "rowCount", "mustBeLessThan": 90}),
    "one more column": lambda product: product.value["contract"]["schema"][0]["properties"].append({"name": "room", "logicalType": "string", "classification": "internal"}),
    "another description": less_of("nights", description="How many nights the guest has booked."),
    "another order": lambda product: product.value["contract"]["schema"][0]["properties"].reverse(),
    "a new major version": renewed,
}  # fmt: skip


def differences(product: Assessed, change: Change) -> list[str]:
    earlier = Record(copy.deepcopy(product.value))
    change(product)
    now = product.record
    return list(withdrawn.withdrawn(earlier, now)) if withdrawn.is_comparable(earlier, now) else []


@pytest.mark.parametrize("change", WITHDRAWN.values(), ids=WITHDRAWN)
def test_a_promise_that_was_withdrawn_or_loosened_is_seen(tmp_path: Path, change: Change) -> None:
    assert differences(promising(tmp_path), change)


@pytest.mark.parametrize("change", STILL.values(), ids=STILL)
def test_what_still_promises_as_much_is_not_blamed(tmp_path: Path, change: Change) -> None:
    assert not differences(promising(tmp_path), change)


def committed(product: Assessed, root: Path, message: str) -> Record:
    """Commit the product's documents, and return its record in that repository."""
    (root / "data-product.yaml").write_text(yaml.safe_dump(product.value["product"]), "utf-8")
    (root / "contract.odcs.yaml").write_text(yaml.safe_dump(product.value["contract"]), "utf-8")
    author = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.org")
    for command in (("init", "--quiet"), ("add", "--all"), (*author, "commit", "--quiet", "--allow-empty", "--message", message)):  # fmt: skip
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return Record(product.value, root)


def test_the_history_of_a_repository_shows_what_was_promised(product: Assessed, tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()

    def ask(record: Record) -> set[str]:
        evidence = product.evidence()
        evidence.record = record
        return {verdict.state for verdict in function("NoPromiseWithdrawn").check(evidence)}

    assert ask(Record(product.value, root)) == {"inconclusive"}  # no repository
    assert ask(committed(product, root, "First")) == {"kept"}
    committed(product, root, "Nothing new")
    product.change("product.spec.serviceLevels", LEVELS[:1])
    assert ask(Record(product.value, root)) == {"broken"}
    assert ask(committed(product, root, "Promise less")) == {"broken"}
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", root.as_uri(), str(shallow)], check=True)
    assert ask(Record(product.value, shallow)) == {"inconclusive"}
    product.change("contract.version", "2.0.0")
    assert ask(committed(product, root, "A new major version")) == {"kept"}
    for column in product.value["contract"]["schema"][0]["properties"]:  # the sample of a template, replaced
        column["name"] = f"{column['name']}_of_ours"
    assert ask(committed(product, root, "Our own data")) == {"kept"}


# -- silence does not pay -------------------------------------------------------------------------------------------


@dataclass
class Published:
    """A catalog that has one earlier version of the product."""

    value: dict[str, Any]

    def product(self, id: str) -> dict[str, Any]:
        return self.value

    def versions(self, id: str) -> list[dict[str, Any]]:
        return [self.value]

    def search(self, words: str, limit: int) -> list[str]:
        return []


def trustworthy(product: Assessed) -> int:
    every = [one for one in functions() if one.characteristic == "trustworthy"]
    asked = results(every, product.evidence(), {})
    cell = scores.cells(asked["results"], {one.id: (one.characteristic, one.severity) for one in every})
    return cell["trustworthy"].score or 0


def measured(product: Assessed, **changed: Any) -> None:
    """Change what is reported of the completeness of countries."""
    found = (one for one in product.value["measurement"]["serviceLevels"] if one["name"] == "country-known")
    next(found).update(changed)


def taken_out(product: Assessed) -> None:
    for place in ("product.spec.serviceLevels", "measurement.serviceLevels"):
        levels = product.record.get(place)
        levels[:] = [one for one in levels if one["name"] != "country-known"]


def loosened(product: Assessed) -> None:
    level("country-known", objective=">= 50%")(product)
    measured(product, objective=">= 50%", kept=True)


def undated(product: Assessed) -> None:
    for path in (product.lake, product.tables):
        write(path, rows(country=MISSED), {})


MISSED = ["CH"] * (ROWS - 4) + [None] * 4
"""90 % of the countries are known, and 99.5 % are promised."""
SILENCE: dict[str, Change] = {
    "the promise is taken out": taken_out,
    "the objective is loosened": loosened,
    "nothing is measured": told("measurement", None),
    "no run is reported": told("quality", None),
    "the metadata is dropped": undated,
    "the number is made up": lambda product: measured(product, value=100.0, kept=True),
    "the measurement is old": told("measurement.measuredAt", before(40)),
}


@pytest.mark.parametrize("hide", SILENCE.values(), ids=SILENCE)
def test_an_honest_miss_costs_less_than_silence(tmp_path: Path, hide: Change) -> None:
    (tmp_path / "honest").mkdir()
    (tmp_path / "silent").mkdir()
    honest, silent = (good(tmp_path / name) for name in ("honest", "silent"))
    published = Published(json.loads(json.dumps(honest.value)))
    for product in (honest, silent):
        product.catalog = published
        at_ports(rows(country=MISSED))(product)
        measured(product, value=90.0, kept=False)
    hide(silent)
    assert trustworthy(silent) < trustworthy(honest) < 100


# -- texts and samples that are none --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lorem ipsum dolor sit amet.", True),
        ("Sed ut perspiciatis unde omnis iste natus error sit voluptatem accusantium.", True),
        ("Flights: dolor sit amet consectetur adipiscing", True),
        ("asdf asdf qwer", True),
        ("foo bar baz", True),
        ("data data data data data data", True),
        ("Departures from New York's three airports, as they happened.", False),
        ("Ad hoc and in situ measurements, et cetera, non stop.", False),
        ("Mauris Bank: libero and massa are its branches.", False),
        ("Test results of the bar exam.", False),
        ("Wer in unseren Hotels war, woher, und wie viele Nächte.", False),
        ("", False),
    ],
)
def test_filler_is_known_from_prose(text: str, expected: bool) -> None:
    assert is_placeholder(text) is expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("guests.csv", b"guest_number,nights\n1,2\n", True),
        ("x/guests.jsonl", b'{"guest_number": 1}\n', True),
        ("guests.json", b'[{"country": "CH"}]', True),
        ("flights.csv", b"a;b\n1;2\n", True),
        ("flights.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:x\n", True),
        ("flights.xyz", b"of a format of its own", True),
        ("junk.xyz", b"of a format of its own", False),
        ("junk.csv", b"a,b\n1,2\n", False),
        ("junk.bin", b"\x00\x01\x02" * 99, False),
        ("junk.txt", b"This is not a table.\n", False),
        ("guests.csv", b"guest_number,nights\n", False),
        ("guests.csv", b"", False),
        ("guests.parquet", b"PAR0" + b"x" * 90, False),
        ("guests.json", b"{}", False),
        ("notes.md", b"guest_number,nights\n1,2\n", False),
        ("README.md", b"guest_number,nights\n1,2\n", False),
    ],
)
def test_a_sample_is_known_from_junk(
    product: Assessed, tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    path = tmp_path / "sample_data" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    if name.endswith(".xyz"):
        product.change("product.spec.inputs.0.properties.path", "${FLIGHTS:-sample_data/flights.*}")
    assert bool(samples.sample_of(product.record, tmp_path)) is expected
