"""Which inputs read without an agreement, or beyond one: in the check, the map and the scores of one mesh."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from meshes import agreed, id_of
from records import value

from meshwright.assess.run import assess
from meshwright.check.engine import check
from meshwright.cli import main
from meshwright.map.model import model
from meshwright.mesh.lineage import Issue, Lineage, issues
from meshwright.product import metamodel
from meshwright.product.record import Record
from meshwright.serve.routes.mesh_routes import address_entry

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SOURCE, READER = "airport-operations/departures", "customer-experience/punctuality"
Change = Callable[[dict[str, Any], dict[str, Any]], None]


def pair() -> tuple[dict[str, Any], dict[str, Any]]:
    """A source, and a product that reads it under an agreement."""
    source, reader = agreed([value(SOURCE), value(READER, "consumer-oriented", reads=f"dp:{SOURCE}#lake")])
    return source, reader


def found(*values: dict[str, Any]) -> list[Issue]:
    return list(issues(Lineage([Record(one) for one in values]), NOW))


def given(**changed: Any) -> Change:
    """Changes the agreement."""

    def change(source: dict[str, Any], _: dict[str, Any]) -> None:
        source["readers"][0] |= changed

    return change


def named(name: str | None) -> Change:
    def change(_: dict[str, Any], reader: dict[str, Any]) -> None:
        properties = reader["product"]["spec"]["inputs"][0]["properties"]
        properties.pop("agreement")
        if name:
            properties["agreement"] = name

    return change


def served(uses: str, name: bool = True) -> Change:
    def change(source: dict[str, Any], reader: dict[str, Any]) -> None:
        source["product"]["spec"]["outputs"][0]["uses"] = uses
        if not name:
            named(None)(source, reader)

    return change


def applied(*names: str) -> Change:
    """Access was applied, and these agreements are in force."""

    def change(source: dict[str, Any], _: dict[str, Any]) -> None:
        for entry in source["addresses"].values():
            entry["agreements"] = {name: {} for name in names}

    return change


def column(of: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in of["contract"]["schema"][0]["properties"] if one["name"] == name)


def hides(
    name: str, here: str = "confidential", *tags: str, above: str = "deny", spelled: str = ""
) -> Change:
    """A column of the source is confidential; the reader's contract has it too, with a classification and tags."""

    def change(source: dict[str, Any], reader: dict[str, Any]) -> None:
        spec = {"classification": "confidential"}
        source["product"]["spec"] |= spec
        reader["product"]["spec"] |= spec
        source["policy"]["roles"]["service"]["above"] = above
        column(source, name)["classification"] = "confidential"
        own = {"name": spelled or name, "logicalType": "string", "classification": here, "description": "The same.", "tags": list(tags)}  # fmt: skip
        reader["contract"]["schema"][0]["properties"].append(own)

    return change


def opened(source: dict[str, Any], reader: dict[str, Any]) -> None:
    named(None)(source, reader)
    source["product"]["spec"]["access"]["mode"] = "open"


def unknown(source: dict[str, Any], reader: dict[str, Any]) -> None:
    del source["readers"]


def in_force(source: dict[str, Any], reader: dict[str, Any]) -> None:
    applied(source["readers"][0]["agreement"])(source, reader)


def nothing(source: dict[str, Any], reader: dict[str, Any]) -> None:
    pass


WITHOUT, BEYOND = "without-agreement", "beyond-agreement"
CASES: dict[str, tuple[Change, str, str]] = {
    "an agreement in force": (nothing, "", ""),
    "applied, and in force": (in_force, "", ""),
    "access is open": (opened, "", ""),
    "readers are not known": (unknown, "", ""),
    "none": (named(None), WITHOUT, "requires an approval, without naming an agreement."),
    "none, on a view": (served("view@1", name=False), WITHOUT, "view@1, on which no agreement has an effect."),
    "a view": (served("view@1"), BEYOND, "no agreement has an effect there"),
    "iceberg": (served("iceberg@1"), BEYOND, "no agreement has an effect there"),
    "unknown": (named("other"), BEYOND, "names the agreement other, which airport-operations/departures has not approved"),
    "ended": (given(until="2026-11-21T00:00:00Z"), BEYOND, "ended on 2026-11-21T00:00:00Z"),
    "no end": (given(until="some day"), BEYOND, "names no end"),
    "no time zone": (given(until="2036-01-01T00:00:00"), BEYOND, "names no end"),
    "another product": (given(consumer="crew/rosters"), BEYOND, "is for crew/rosters, and not for"),
    "people": (given(consumer=None), BEYOND, "is for no data product, and not for"),
    "another port": (given(port="tables"), BEYOND, "is about its port tables"),
    "no such role": (given(role="robot"), BEYOND, "in the role robot, which airport-operations/departures does not have"),
    "a role for people": (given(role="reader"), BEYOND, "which is for people"),
    "not in force": (applied(), BEYOND, "is not in force, says the address registry"),
    "a hidden column": (hides("tail_number"), BEYOND, "has tail_number, which the role service of"),
    "a hidden column in other letters": (hides("tail_number", spelled="Tail_Number"), BEYOND, "has tail_number, which the role"),
    "a mask passed on as clear": (hides("tail_number", above="mask"), BEYOND, "has tail_number (redacted) as if"),
    "a mask passed on as a mask": (hides("tail_number", "internal", "masked", above="mask"), "", ""),
    "a mask that is too public": (hides("tail_number", "public", "masked", above="mask"), BEYOND, "as less sensitive than"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_how_an_input_is_read(case: str) -> None:
    change, kind, sentence = CASES[case]
    source, reader = pair()
    change(source, reader)
    of_agreements = [issue for issue in found(source, reader) if issue.kind.endswith("-agreement")]
    if not kind:
        assert of_agreements == []
        return
    (issue,) = of_agreements
    assert (issue.product, issue.kind, issue.about, issue.input) == (READER, kind, (SOURCE,), "departures")
    assert sentence in issue.sentence and issue.fix.endswith(".") and issue.level == "warning"


def test_a_renewal_counts_for_the_agreement_that_it_renews() -> None:
    source, reader = pair()
    (first,) = source["readers"]
    source["readers"] = [
        first | {"until": "2026-11-01T00:00:00Z"},
        first | {"agreement": "again", "renews": first["agreement"], "until": "2026-11-20T00:00:00Z"},
        first | {"agreement": "and-again", "renews": "again"},
    ]
    assert found(source, reader) == []
    source["readers"][2]["until"] = "2026-11-21T00:00:00Z"
    (issue,) = found(source, reader)
    assert issue.kind == BEYOND and "2026-11-21" in issue.sentence


@pytest.mark.parametrize("listed", [True, False])
def test_what_only_claims_to_renew_an_agreement_counts_for_nothing(listed: bool) -> None:
    source, reader = pair()
    (first,) = source["readers"]
    other = first | {"agreement": "other", "renews": first["agreement"], "consumer": "crew/rosters"}
    other["principals"] = ["id:svc-rosters"]
    source["readers"] = [first, other | {"until": "2099-01-01T00:00:00Z"}] if listed else [other]
    issues = found(source, reader)
    assert issues == [] if listed else "has not approved" in issues[0].sentence


@pytest.mark.parametrize(
    ("consumer", "until", "shared"),
    [
        ("crew/rosters", "2099-01-01T00:00:00Z", True),
        ("crew/rosters", "2020-01-01T00:00:00Z", False),
        (READER, "2099-01-01T00:00:00Z", False),
        (None, "2099-01-01T00:00:00Z", False),
    ],
)
def test_two_products_that_read_as_one_principal_are_reported(
    consumer: str | None, until: str, shared: bool
) -> None:
    source, reader = pair()
    (first,) = source["readers"]
    source["readers"].append(first | {"agreement": "other", "consumer": consumer, "until": until})
    issues = found(source, reader)
    assert len(issues) == shared
    for issue in issues:
        assert (issue.product, issue.kind, issue.about) == (READER, BEYOND, (SOURCE, "crew/rosters"))
        assert (
            f"{first['principals'][0]}, and crew/rosters reads {SOURCE} as the same principal"
            in issue.sentence
        )


def test_what_a_role_shows_is_what_the_consumer_has_to_protect() -> None:
    """A product that reads only what is internal of a confidential one need not be confidential."""
    source, reader = pair()
    source["product"]["spec"]["classification"] = "confidential"
    column(source, "tail_number")["classification"] = "confidential"
    assert found(source, reader) == []
    named(None)(source, reader)
    assert {issue.kind for issue in found(source, reader)} == {WITHOUT, "classification-lowered"}


def test_from_the_organisations_day_on_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    source, reader = pair()
    named(None)(source, reader)
    for day, level in (("2026-11-23", "warning"), ("2026-11-22", "error")):
        monkeypatch.setattr(metamodel, "AGREEMENTS_REQUIRED_FROM", day)
        assert [issue.level for issue in found(source, reader)] == [level]
    assert not metamodel.agreements_required(date(2026, 11, 21))


@pytest.mark.parametrize("mode", ["approval-required", "open"])
@pytest.mark.parametrize("closed", [False, True])
def test_the_catalogs_registry_has_open_data_sets_and_what_agreements_give(mode: str, closed: bool) -> None:
    source, _ = pair()
    source["product"]["spec"]["access"]["mode"] = mode
    record = Record(source)
    (port,) = record.outputs
    entry = address_entry(record, port, closed)
    assert ("location" in entry) is (mode == "open" or not closed)
    applied("ours")(source, {})
    record = Record(source)
    entry = address_entry(record, record.outputs[0], closed)
    assert entry["agreements"] == {"ours": {}} and entry["uses"] == "parquet@1"


NAMES = ("one", "two", "three", "four", "five", "six")
WITHOUT_ONE = {"d/two", "d/four", "d/five"}


@pytest.fixture
def eight() -> list[dict[str, Any]]:
    """Two sources and six readers, of which three read without an agreement."""
    readers = [value(f"d/{name}", "consumer-oriented", reads=f"dp:{SOURCE}#lake") for name in NAMES]
    made = agreed([value(SOURCE), value("fleet/aircraft"), *readers])
    for one in made:
        if id_of(one) in WITHOUT_ONE:
            named(None)({}, one)
            made[0]["readers"] = [entry for entry in made[0]["readers"] if entry["consumer"] != id_of(one)]
    return made


def test_exactly_those_that_read_without_one_are_reported(
    eight: list[dict[str, Any]], punctuality: Path, tmp_path: Path
) -> None:
    records = [Record(one) for one in eight]
    drawn = model(records)
    assert {issue["product"] for issue in drawn["issues"] if issue["kind"] == WITHOUT} == WITHOUT_ONE
    assert {edge["consumer"] for edge in drawn["edges"] if not edge["agreement"]} == WITHOUT_ONE
    scored = assess(records, NOW, static=True)
    states = {
        product["id"]: {
            verdict["state"]
            for result in product["results"]
            if result["function"] == "ReadsUnderAgreements"
            for verdict in result["verdicts"]
        }
        for product in scored["products"]
    }
    assert {id for id, state in states.items() if state == {"broken"}} == WITHOUT_ONE
    assert {id for id, state in states.items() if state == {"kept"}} == states.keys() - WITHOUT_ONE
    mesh = tmp_path / "mesh.json"
    mesh.write_text(json.dumps(eight))
    done = CliRunner().invoke(main, ["check", "--mesh", str(mesh), "--format", "json", str(punctuality)])
    assert done.exit_code == 0, done.output
    (finding,) = [one for one in json.loads(done.stdout) if one["rule"] == "ReadsUnderAgreement"]
    assert finding["level"] == "warning" and finding["file"].endswith("data-product.yaml")
    assert not [one for one in check([punctuality]) if one.rule == "ReadsUnderAgreement"]  # knows no source


PUBLISHED = "s3://lake/departures"
BY_PLACE = [
    "s3://lake/departures",
    "s3a://lake/departures/",
    "s3://lake/departures/departures.parquet",
    "s3://lake/departures/roles/reader/*.parquet",
    "s3://lake//other/../departures",
    "https://lake.s3.eu-west-1.amazonaws.com/departures/departures.parquet?versionId=1",
    "https://s3.amazonaws.com/lake/departures/departures.parquet",
    "${DEPARTURES:-s3://lake/departures}/departures.parquet",
]
ELSEWHERE = ["s3://lake/departures-2", "s3://lake", "s3://other/departures", "sample_data/flights.csv", "${DEPARTURES}", "", "/"]  # fmt: skip


def reading_by_place(reader: dict[str, Any], text: str) -> None:
    entry = reader["product"]["spec"]["inputs"][0]
    entry |= {"uses": "file@1", "from": "system:reference-data", "properties": {"path": text}}


def published(source: dict[str, Any], where: str) -> None:
    source["addresses"] = {f"dp:{id_of(source)}#lake": {"uses": "parquet@1", "location": where}}


@pytest.mark.parametrize("text", [*BY_PLACE, *ELSEWHERE])
def test_what_reads_the_place_of_a_port_reads_its_product(text: str) -> None:
    source, reader = pair()
    published(source, PUBLISHED)
    reading_by_place(reader, text)
    reported = [issue for issue in found(source, reader) if issue.kind == WITHOUT]
    assert [issue.product for issue in reported] == ([READER] if text in BY_PLACE else [])
    for issue in reported:
        assert f"the place of dp:{SOURCE}#lake" in issue.sentence and issue.about == (SOURCE,)
        assert issue.fix.startswith(f"Read it with data-product@1, `from: dp:{SOURCE}#lake`. Ask the owner")


def test_a_place_of_several_products_or_of_open_data_blames_nobody() -> None:
    source, reader = pair()
    published(source, PUBLISHED)
    reading_by_place(reader, PUBLISHED)
    other = value("fleet/aircraft")
    published(other, PUBLISHED)
    assert WITHOUT not in {issue.kind for issue in found(source, reader, other)}
    published(reader, PUBLISHED)
    assert WITHOUT not in {issue.kind for issue in found(source, reader)}
    del reader["addresses"]
    source["product"]["spec"]["access"]["mode"] = "open"
    assert WITHOUT not in {issue.kind for issue in found(source, reader)}


@pytest.mark.parametrize("how", ["relative", "absolute", "link", "a file below", "file://"])
def test_a_folder_next_door_is_found_by_each_of_its_names(tmp_path: Path, how: str) -> None:
    source, reader = pair()
    port = tmp_path / "departures" / "build" / "ports" / "lake"
    port.mkdir(parents=True)
    consumer = tmp_path / "punctuality"
    consumer.mkdir()
    (tmp_path / "link").symlink_to(port)
    names = {
        "relative": "../departures/build/ports/lake",
        "absolute": str(port),
        "link": "../link/departures.parquet",
        "a file below": "${LAKE:-../departures/build/ports/lake}/departures.parquet",
        "file://": f"file://{port}",
    }
    reading_by_place(reader, names[how])
    source["product"]["spec"]["outputs"][0]["properties"] = {"path": "${LAKE:-build/ports/lake}"}
    reader["product"]["spec"]["outputs"][0]["properties"] = {"path": "${LAKE:-build/ports/lake}"}
    records = [Record(source, tmp_path / "departures"), Record(reader, consumer)]
    assert [issue.product for issue in issues(Lineage(records), NOW) if issue.kind == WITHOUT] == [READER]


def test_a_read_by_place_is_in_the_map_and_the_scores() -> None:
    source, reader = pair()
    published(source, PUBLISHED)
    reading_by_place(reader, PUBLISHED)
    records = [Record(source), Record(reader)]
    (edge,) = model(records)["edges"]
    assert (edge["source"], edge["consumer"], edge["agreement"]) == (SOURCE, READER, "")
    scored = {product["id"]: product for product in assess(records, NOW, static=True)["products"]}
    (result,) = [one for one in scored[READER]["results"] if one["function"] == "ReadsUnderAgreements"]
    assert {verdict["state"] for verdict in result["verdicts"]} == {"broken"}
