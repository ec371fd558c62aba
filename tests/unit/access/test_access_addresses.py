"""What an agreement gives is in the address registry, and a product that reads under it sees that and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from products import Make
from shared_product import AGREEMENT, CONSUMER, SOURCE, Reader, SharedProduct, day
from signed import People

LAKE, TABLES = f"dp:{SOURCE}#lake", f"dp:{SOURCE}#tables"
HIDDEN = "tail_number"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def agreed(make: Make, people: People, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product with two ports and one confidential column, read under one agreement. Only to be copied."""
    product = make("departures", outputs=["parquet", "delta"])
    place = tmp_path_factory.mktemp("shared") / "departures"
    shared = SharedProduct(Path(shutil.copytree(product, place)), people)
    shared.hide(HIDDEN)
    shared.publish()
    shared.agree()
    return shared.root


@pytest.fixture
def shared(agreed: Path, people: People, tmp_path: Path, every_port: Path) -> SharedProduct:
    return SharedProduct(Path(shutil.copytree(agreed, tmp_path / "departures")), people)


@pytest.fixture
def reader(shared: SharedProduct, tmp_path: Path) -> Reader:
    (tmp_path / "punctuality").mkdir()
    return Reader(tmp_path / "punctuality", str(shared.root / "build/addresses.yaml"))


def values(landed: Any) -> dict[str, Any]:
    """The one row that was read."""
    rows = duckdb.sql(f"select * from read_parquet({[str(path) for path in landed.paths]})")
    (row,) = rows.fetchall()
    return dict(zip(rows.columns, row, strict=True))


def test_the_registry_says_where_a_role_reads_what_and_until_when(shared: SharedProduct) -> None:
    registry = shared.apply()
    assert registry[LAKE]["location"] == str(shared.root / "build/ports/lake/departures.parquet")
    entry = registry[LAKE]["agreements"][AGREEMENT]
    masks = {name: ("redacted" if name == HIDDEN else None) for name, _ in shared.columns}
    assert entry == {
        "role": "service",
        "kind": "machine",
        "consumer": CONSUMER,
        "location": str(shared.root / "build/ports/lake/roles/service/departures.parquet"),
        "columns": masks,
        "classification": "internal",
        "until": f"{day(90)}T00:00:00Z",
    }
    assert registry[TABLES]["agreements"][AGREEMENT]["location"] == str(
        shared.root / "build/ports/tables/roles/service/departures"
    )
    text = (shared.root / "build/addresses.yaml").read_text()
    assert "svc-" not in text and "@example.org" not in text
    shared.revoke()
    assert shared.apply()[LAKE]["agreements"] == {}


@pytest.mark.parametrize("address", [LAKE, TABLES])
def test_a_product_reads_what_its_role_sees(shared: SharedProduct, reader: Reader, address: str) -> None:
    shared.apply()
    reader.source = address
    landed = reader.files(agreement=AGREEMENT)
    assert values(landed)[HIDDEN] == "***" and values(landed)["carrier"] == "SENTINEL-carrier"
    until = f"{day(90)}T00:00:00+00:00"
    assert landed.agreement == {"agreement": AGREEMENT, "role": "service", "until": until}
    assert landed.notes == ()
    clear = reader.files()  # as before
    assert values(clear)[HIDDEN] == f"SENTINEL-{HIDDEN}" and clear.agreement == {} and clear.notes == ()


def test_a_run_warns_of_the_end_and_stops_when_it_was_revoked(shared: SharedProduct, reader: Reader) -> None:
    shared.agree("short", until=day(10))
    shared.apply()
    (note,) = reader.files(agreement="short").notes
    assert f"ends on {day(10)}" in note and "meshwright access renew short" in note
    shared.revoke("short")
    shared.apply()
    message, fix = reader.refused(agreement="short")
    assert "the agreement short is not in force" in message and SOURCE in fix


def test_a_renewal_goes_on_under_the_name_that_consumers_have(shared: SharedProduct, reader: Reader) -> None:
    shared.agree("short", until=day(10))
    shared.access("renew", "short", "--until", day(100))
    shared.repository.commit("Ask to go on", {}, by="bo")
    shared.access("approve", "short-2")
    shared.repository.commit("Approve short-2", {}, signed="ada")
    registry = shared.apply()[LAKE]["agreements"]
    assert registry["short"] == registry["short-2"] and registry["short"]["until"].startswith(day(100))
    assert reader.files(agreement="short").notes == ()
    shared.revoke("short")  # what has ended may be cleared away
    assert shared.apply()[LAKE]["agreements"]["short"]["until"].startswith(day(100))


CLAIMS = {
    "another consumer": {"consumer": "network-planning/routes"},
    "another team": {"team": "network-planning"},
    "another principal": {"principal": "group:services"},
    "another port": {"port": "lake"},
    "another role": {"role": "reader", "principal": "group:analysts"},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_an_agreement_for_somebody_else_takes_over_no_name(shared: SharedProduct, claim: str) -> None:
    shared.agree("short", until=day(10))
    shared.access("renew", "short", "--until", day(100))
    path = shared.root / "access/agreements/short-2.yaml"
    document, changed = yaml.safe_load(path.read_text()), CLAIMS[claim]
    document["consumer"] |= {"dataProductId": changed.get("consumer", CONSUMER)}
    document["consumer"] |= {"teamId": changed["team"]} if "team" in changed else {}
    document["provider"] |= {"outputPortId": changed["port"]} if "port" in changed else {}
    document["roles"][0]["role"] = changed.get("role", "service")
    for item in document["customProperties"]:
        if item["property"] == "principal":
            item["value"] = changed.get("principal", item["value"])
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    shared.repository.commit("Ask for more", {}, by="bo")
    shared.access("approve", "short-2")
    shared.repository.commit("Approve short-2", {}, signed="ada")
    kept = shared.apply()[LAKE]["agreements"]["short"]
    assert kept["until"].startswith(day(10)) and kept["role"] == "service"
    plan = shared.access("plan", "--directory", str(shared.root / "access/directory.yaml"))
    assert "short-2 is no renewal of short" in plan
    assert "remove `renews` from access/agreements/short-2.yaml" in plan
    shared.revoke("short")  # nor the name of one that is gone
    assert "short" not in shared.apply()[LAKE]["agreements"]


def test_a_run_of_the_pipeline_keeps_the_agreements(shared: SharedProduct, every_port: Path) -> None:
    from pipeline import publish, spec

    before = shared.apply()
    product = spec.load(shared.root, {})
    locations = {"lake": "elsewhere.parquet", "tables": "elsewhere"}
    after = yaml.safe_load(publish.address_registry(product, locations))
    assert after[LAKE]["location"] == "elsewhere.parquet"
    assert after[LAKE]["agreements"] == before[LAKE]["agreements"]


NOW = datetime.now(UTC)
GIVEN = {
    "role": "service",
    "kind": "machine",
    "location": "rows.parquet",
    "columns": {"a": None, "b": "redacted"},
    "until": f"{NOW + timedelta(days=90):%Y-%m-%dT%H:%M:%SZ}",
}
ENDED = f"{NOW - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
Entry = Callable[[], Mapping[str, Any]]


def entry(uses: str = "parquet@1", **changed: Any) -> dict[str, Any]:
    return {"uses": uses, "location": "clear.parquet", "agreements": {"ours": GIVEN | changed}}


REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "nobody has applied": ({"uses": "parquet@1", "location": "clear.parquet"}, "has no agreements of this port"),
    "another one": (entry() | {"agreements": {"theirs": GIVEN}}, "the agreement ours is not in force"),
    "none": (entry() | {"agreements": {}}, "the agreement ours is not in force"),
    "ended": (entry(until=ENDED), "the agreement ours ended on"),
    "no end": (entry(until=None), "ended on an unknown day"),
    "another product": (entry(consumer="crew/rosters"), "is for crew/rosters, and not for this product"),
    "people": (entry(kind="human", role="reader"), "the role reader, which is for people"),
    "a view": (entry("view@1"), "served by view@1, on which no agreement has an effect: readers of a view"),
    "iceberg": (entry("iceberg@1"), "served by iceberg@1, on which no agreement has an effect: nothing writes"),
    "gone": (entry(location="gone.parquet"), "in the role service of the agreement ours: "),
    "a table that is gone": (entry("delta@1", location="gone"), "was revoked"),
    "no place": (entry(location=None), "has no location in the address registry"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_an_agreement_that_gives_nothing_is_refused_with_the_reason(
    why: str, tmp_path: Path, every_port: Path
) -> None:
    written, reason = REFUSED[why]
    reader = local(tmp_path, written)
    message, fix = reader.refused(agreement="ours")
    assert message.startswith(f"Input departures: dp:{SOURCE}#lake") and reason in message
    assert fix.endswith(".") or fix.endswith("`")


def local(folder: Path, written: Mapping[str, Any], place: str = "registry") -> Reader:
    """A consumer with a registry of its own making, whose clear rows have one column more than the role's."""
    registry = folder / place / "addresses.yaml"
    registry.parent.mkdir(parents=True)
    registry.write_text(yaml.safe_dump({f"dp:{SOURCE}#lake": dict(written)}))
    duckdb.sql("select 1 as a, '***' as b").write_parquet(str(registry.parent / "rows.parquet"))
    duckdb.sql("select 1 as a, 'x' as b, 2 as c").write_parquet(str(registry.parent / "clear.parquet"))
    return Reader(folder, str(registry))


def test_where_only_agreements_are_given_an_input_has_to_name_one(tmp_path: Path, every_port: Path) -> None:
    closed = {key: value for key, value in entry().items() if key != "location"}
    reader = local(tmp_path, closed)
    message, fix = reader.refused()
    assert "is read only under an agreement, and the input names none" in message and "`agreement: " in fix
    assert values(reader.files(agreement="ours")) == {"a": 1, "b": "***"}


def test_a_declared_column_that_the_role_hides_is_named(tmp_path: Path, every_port: Path) -> None:
    reader = local(tmp_path, entry())
    columns = [{"name": name, "data_type": "INTEGER"} for name in "ac"]
    tables = {"sources": [{"name": "inputs", "tables": [{"name": "departures", "columns": columns}]}]}
    (tmp_path / "models").mkdir()
    (tmp_path / "models/sources.yml").write_text(yaml.safe_dump(tables))
    message, fix = reader.refused(agreement="ours")
    assert "does not show c, declared in models/sources.yml:7. It shows a, b." in message and SOURCE in fix
    assert values(reader.files()) == {"a": 1, "b": "x", "c": 2}


def test_the_sample_needs_no_agreement_and_says_so(tmp_path: Path, every_port: Path) -> None:
    reader = local(tmp_path, {"uses": "parquet@1", "location": "clear.parquet"}, "sample_data")
    landed = reader.files(agreement="ours")
    assert landed.agreement == {"agreement": "ours", "sample": True}
    assert "the sample's own address registry" in landed.notes[0]
    assert reader.files().notes == () and reader.files().agreement == {}
