"""Each fitness function sees the product that is bad in its way, and blames no good one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import assessed
import catalog_server
import pyarrow as pa
import pytest
import records
from assessed import ID, NOW, ROWS, Assessed, good, masked, metadata, rows, write
from products import Make, pipeline

from meshwright.assess.discovery import functions
from meshwright.assess.evidence import gather, prepare
from meshwright.mesh.lineage import Lineage
from meshwright.mesh.scores import CHARACTERISTICS
from meshwright.mesh.sources import of_repository
from meshwright.product.personal_columns import recognized
from meshwright.product.record import Record

NEW_KEY = "AKIA" + "Q3EXAMPLE0" + "123456"
CARDS = ["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009"]
IBANS = ["CH93 0076 2011 6238 5295 7", "DE89370400440532013000"]


@pytest.fixture
def product(tmp_path: Path) -> Assessed:
    return good(tmp_path)


@pytest.fixture(scope="module")
def fine(tmp_path_factory: pytest.TempPathFactory) -> Assessed:
    """Only to be read."""
    return good(tmp_path_factory.mktemp("good"))


def states(product: Assessed, name: str) -> set[str]:
    return {verdict.state for verdict in product.ask(name)}


@pytest.mark.parametrize("name", [one.id for one in functions()])
def test_a_good_product_is_blamed_by_none(fine: Assessed, name: str) -> None:
    found = fine.ask(name)
    needs_a_catalog = name in ("PublishedInCatalog", "NoPromiseWithdrawn")
    expected = "inconclusive" if needs_a_catalog else "kept"
    assert found and {verdict.state for verdict in found} == {expected}, found
    assert all(verdict.evidence.strip().endswith((".", "…")) for verdict in found)


def test_there_are_functions_for_each_characteristic_that_say_what_and_why() -> None:
    for characteristic in CHARACTERISTICS:
        assert sum(one.characteristic == characteristic for one in functions()) >= 4
    for one in functions():
        assert one.question.endswith("?") and one.why, one.id


# -- each sees what is bad --------------------------------------------------------------------------------------

Change = Callable[[Assessed], None]


def setting(dotted: str, said: Any) -> Change:
    return lambda product: product.change(dotted, said)


def column(of: str, /, **said: Any) -> Change:
    def change(product: Assessed) -> None:
        for key, value in said.items():
            if value is None:
                product.column(of).pop(key)
            else:
                product.column(of)[key] = value

    return change


def lake(table: pa.Table | None = None, **told: str) -> Change:
    """Other rows, or other words beside them, at one of the two ports."""
    return lambda product: write(product.lake, rows() if table is None else table, metadata(**told))


def tables(table: pa.Table | None = None, **told: str) -> Change:
    return lambda product: write(product.tables, rows() if table is None else table, metadata(**told))


def both(*changes: Change) -> Change:
    def change(product: Assessed) -> None:
        for one in changes:
            one(product)

    return change


def seen_by(role: str, **changed: Any) -> Change:
    """Something else in what a role reads at the lake."""

    def change(product: Assessed) -> None:
        table = masked(role, rows())
        for name, values in changed.items():
            if name in table.column_names:
                table = table.set_column(table.schema.get_field_index(name), name, [values])
            else:
                table = table.append_column(name, [values])
        write(product.lake.parent / "roles" / role / product.lake.name, table)

    return change


def bytes_of(content: bytes) -> Change:
    return lambda product: product.lake.write_bytes(content) and None


def sli(name: str, **said: Any) -> Change:
    def change(product: Assessed) -> None:
        entry = next(one for one in product.value["measurement"]["serviceLevels"] if one["name"] == name)
        entry.update(said)

    return change


def without_sli(name: str) -> Change:
    def change(product: Assessed) -> None:
        told = product.value["measurement"]
        told["serviceLevels"] = [one for one in told["serviceLevels"] if one["name"] != name]

    return change


def without_location(product: Assessed) -> None:
    del product.value["addresses"][f"dp:{ID}#lake"]


def twin(product: Assessed) -> None:
    product.others.append(records.record(ID))


def crowd(product: Assessed) -> None:
    """Many others with the same title, which is what they are called, too."""
    product.change("product.metadata.name", "g-7")
    for number in range(25):
        other = json.loads(json.dumps(product.value))
        other["product"]["metadata"]["name"] = f"hotel-guests-{number}"
        product.others.append(Record(other))


def open_files(product: Assessed) -> None:
    folder = product.lake.parent
    while folder != folder.parent and os.stat(folder).st_uid == os.geteuid():
        if not os.stat(folder).st_mode & 0o001:
            folder.chmod(0o755)
        folder = folder.parent


def foreign_file(product: Assessed) -> None:
    log = next((product.tables / "_delta_log").glob("*.json"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["path"] = "../../../../../../etc/hostname"
    log.write_text("\n".join(map(json.dumps, lines)))


def removed(*names: str) -> Change:
    def change(product: Assessed) -> None:
        for name in names:
            path = getattr(product, name)
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


OLD = (NOW - timedelta(days=9)).isoformat()
PURPOSE, COLUMN = "product.spec.description.purpose", "contract.schema.0.properties"

BAD: dict[str, list[tuple[str, Change, str]]] = {
    "SpecReadable": [
        ("no spec", setting("product", None), "product"),
        ("a contract that is none", setting("contract", "oops"), "contract"),
        ("no policy", setting("policy", None), "policy"),
        ("an empty agreement", setting("agreement", " \n"), "agreement"),
        ("an agreement of filler", setting("agreement", "# Agreement\n\nLorem ipsum dolor sit amet, consectetur adipiscing elit."), "agreement"),
    ],
    "MetamodelKept": [
        ("no owner", setting("product.spec.owner", None), ""),
        ("no classification", setting("product.spec.classification", None), ""),
        ("no rights", setting("product.spec.distributionRights", None), ""),
        ("a field that nobody knows", setting("product.spec.colour", "red"), "Shape"),
    ],
    "PurposeSaid": [
        ("nothing", setting(PURPOSE, " "), "purpose"),
        ("filler", setting(PURPOSE, "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor."), "purpose"),
        ("filler from the middle", setting(PURPOSE, "Vestibulum tincidunt malesuada hotel guests viverra."), "purpose"),
        ("keys in a row", setting("product.spec.description.usage", "asdf qwer asdf hjkl"), "usage"),
        ("boilerplate", setting(PURPOSE, "This data product provides data for analysis."), "purpose"),
        ("the title", setting(PURPOSE, "Hotel guests"), "purpose"),
        ("not yet", setting("product.spec.description.usage", "TODO"), "usage"),
        ("no limits", setting("product.spec.description.limitations", "N/A"), "limitations"),
    ],
    "DescriptionFitsData": [
        (
            "somebody else's",
            both(
                setting("product.metadata.title", "Engine overhauls"),
                setting(
                    "product.spec.description",
                    {
                        "purpose": "Turbine inspections with torque and vibration readings.",
                        "usage": "Filter by workshop.",
                        "limitations": "Excludes leased engines.",
                    },
                ),
            ),
            "",
        )
    ],
    "ColumnsExplained": [
        ("nothing", column("nights", description=""), "nights"),
        ("filler", column("nights", description="Dolor sit amet consectetur adipiscing elit."), "nights"),
        ("its name", column("guest_number", description="The guest number."), "guest_number"),
        ("its name, as one", column("country", description="Country"), "country"),
        (
            "the same for all",
            lambda product: [entry.update(description="A value of the table.") for entry in product.value["contract"]["schema"][0]["properties"]] and None,
            "paid",
        ),
    ],
    "RowExplained": [
        ("nothing", setting("contract.schema.0.description", None), ""),
        ("its name", setting("contract.schema.0.description", "Table of guests"), ""),
    ],
    "IdUnique": [
        ("twice", twin, ""),
        ("no name", setting("product.metadata.name", None), ""),
        ("no address", setting("product.metadata.name", "<b>x</b>"), ""),
    ],
    "AddressesPublished": [
        ("never run", setting("addresses", None), "lake"),
        ("one of two", without_location, "lake"),
        ("one place for two", lambda product: product.location("lake", str(product.tables)), "lake"),
        ("of an older version", setting("product.metadata.version", "2.0.0"), "tables"),
    ],
    "ReadsUnderAgreements": [
        (
            "without one",
            both(setting("product.spec.inputs.0.from", "dp:a/other#lake"), lambda product: product.others.append(records.record("a/other"))),
            "flights",
        ),
    ],
    "InputsLeadSomewhere": [
        (
            "a product that is gone",
            both(setting("product.spec.inputs.0.from", "dp:a/gone#lake"), lambda product: product.others.append(records.record("a/other"))),
            "flights",
        ),
        (
            "a port that is gone",
            both(setting("product.spec.inputs.0.from", "dp:a/other#sea"), lambda product: product.others.append(records.record("a/other"))),
            "flights",
        ),
    ],
    "LocationAnswers": [
        ("no file", removed("lake"), "lake"),
        ("no table", removed("tables"), "tables"),
        ("never run", setting("addresses", None), "lake"),
        ("nowhere", lambda product: product.location("lake", str(product.ports / "not/there.parquet")), "lake"),
    ],
    "DataMatchesContract": [
        ("a column too few", lake(rows(paid=None)), "lake"),
        ("a column too many", tables(rows(secret=["x"] * ROWS)), "tables"),
        ("a text for a number", lake(rows(nights=["two"] * ROWS)), "lake"),
        ("a number for a whole one", tables(rows(nights=[1.5] * ROWS)), "tables"),
        ("a text for a day", lake(rows(born=["1970-01-01"] * ROWS)), "lake"),
        ("another contract", column("country", name="land"), "lake"),
    ],
    "FoundByItsOwnWords": [("one of many", crowd, "title")],
    "UseCasesTold": [
        ("none", setting("product.spec.useCases", []), ""),
        ("nobody", setting("product.spec.useCases.0.users", []), "Occupancy"),
        ("a port that is not there", setting("product.spec.useCases.0.outputs", ["sea"]), "Occupancy"),
    ],
    "AccessExplained": [
        ("for whom", setting("policy.roles.reader.description", None), "reader"),
        ("whom to ask", setting("product.spec.owner.email", "ask around"), "owner"),
        ("how", setting("product.spec.access.mode", None), ""),
        ("no role", setting("policy.roles", {}), "policy"),
    ],
    "AnonymousReadRefused": [("readable by all accounts", open_files, "lake")],
    "SensitiveColumnsHidden": [
        ("a column that is denied", seen_by("service", email=pa.array(["x"] * ROWS)), "lake: service"),
        ("names", seen_by("reader", guest_name=rows()["guest_name"]), "lake: reader"),
        ("one name", seen_by("reader", guest_name=pa.array(["***"] * (ROWS - 1) + ["Guest 3"])), "lake: reader"),
        ("birthdays", seen_by("reader", born=rows()["born"]), "lake: reader"),
        ("a column of nobody", seen_by("reader", salary=pa.array(range(ROWS))), "lake: reader"),
        ("a mask that was made stricter", setting("policy.masks", {}), "tables: reader"),
        ("a column that was classified higher", column("country", classification="secret"), "tables: service"),
    ],
    "PersonalDataClassified": [
        ("addresses", column("email", classification="internal"), "lake: email"),
        ("cards", lake(rows(country=[CARDS[n % 3] for n in range(ROWS)])), "lake: country"),
        ("cards as numbers", tables(rows(nights=pa.array([(4111111111111111, 5500000000000004)[n % 2] for n in range(ROWS)]))), "tables: nights"),
        ("accounts", tables(rows(country=[IBANS[n % 2] for n in range(ROWS)])), "tables: country"),
        ("one address", lake(rows(country=["CH"] * (ROWS - 1) + ["bo.example@example.org"])), "lake: country"),
    ],
    "PersonalColumnsClassified": [
        ("by its tag", column("country", tags=["PII"]), "country"),
        ("by its name", column("nights", name="date_of_birth"), "date_of_birth"),
    ],
    "EveryColumnClassified": [("one is not", column("nights", classification=None), "")],
    "PolicyAsNarrowAsNeeded": [
        ("more than there is", setting("policy.roles.reader.clearance", ["public", "internal", "confidential", "secret"]), "reader"),
        ("with everybody", setting("readers.0.principals", ["group:everyone"]), "occupancy"),
    ],
    "NoCredentialsPublished": [
        ("a key", setting("product.extensions", {"aws": NEW_KEY}), "product"),
        ("a password", setting("addresses.x", {"uses": "postgres@1", "location": "postgresql://ada:hunter2@db.example.org/x"}), "addresses"),
        ("a private key", setting("agreement", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA"), "agreement"),
    ],
    "ServiceLevelsPromised": [
        ("none", setting("product.spec.serviceLevels", []), ""),
        ("no number", setting("product.spec.serviceLevels.0.objective", "as fresh as can be"), "fresh"),
    ],
    "ServiceLevelsMeasured": [
        ("nothing", setting("measurement", None), ""),
        ("one of them", without_sli("enough"), "enough"),
        ("another objective", setting("product.spec.serviceLevels.0.objective", "<= 1h"), "fresh"),
        ("another version", setting("product.metadata.version", "1.1.0"), ""),
        ("long ago", setting("measurement.measuredAt", OLD), ""),
        ("tomorrow", setting("measurement.measuredAt", (NOW + timedelta(days=1)).isoformat()), ""),
        ("one that nobody promised", setting("product.spec.serviceLevels", assessed.LEVELS[:2]), "enough"),
        ("nothing to measure", sli("fresh", value=None), "fresh"),
    ],
    "ServiceLevelsKept": [
        ("missed", sli("fresh", value=30.0, kept=False), "fresh"),
        ("missed, and called kept", sli("country-known", value=80.0, kept=True), "country-known"),
        ("in another unit", sli("fresh", unit="d"), "fresh"),
        ("from the future", sli("fresh", value=-631922.0, kept=True), "fresh"),
        ("more than all", sli("country-known", value=120.0, kept=True), "country-known"),
    ],
    "MeasurementsTrue": [
        ("old data that is called fresh", lake(ingestedAt=OLD), "lake: fresh"),
        ("holes that nobody told of", tables(rows(country=["CH", None] * (ROWS // 2))), "tables: country-known"),
        ("an edited number", sli("country-known", value=99.9), "lake: country-known"),
        ("more rows than there are", sli("enough", value=4000.0), "tables: enough"),
        ("fewer rows than promised", tables(rows().slice(0, 3)), "tables: enough"),
        ("no rows", lake(rows().slice(0, 0)), "lake: country-known"),
        ("data from the future", lake(ingestedAt=(NOW + timedelta(days=2)).isoformat()), "lake: fresh"),
        (
            "an old column",
            both(setting("product.spec.serviceLevels.0.column", "arrived"), lake(rows(arrived=pa.array([NOW - timedelta(days=5)] * ROWS, pa.timestamp("us", "UTC"))))),
            "lake: fresh",
        ),
    ],
    "DataKeepsPromises": [
        ("old data", lake(ingestedAt=OLD), "lake: fresh"),
        ("data that has grown old", both(lake(ingestedAt=OLD), setting("measurement.measuredAt", OLD)), "lake: fresh"),
        ("an honest miss", both(tables(rows(country=["CH", None] * (ROWS // 2))), sli("country-known", value=50.0, kept=False)), "tables: country-known"),
        ("fewer rows than promised", tables(rows().slice(0, 3)), "tables: enough"),
        ("metadata that was dropped", lambda product: write(product.lake, rows(), {}), "lake: fresh"),
    ],
    "DataIsThisProducts": [
        ("another's", lake(product="airport-operations/departures"), "lake"),
        ("an older version", tables(productVersion="0.9.0"), "tables"),
        ("metadata that was dropped", lambda product: write(product.lake, rows(), {}), "lake"),
    ],
    "LastRunPassed": [
        ("none", setting("quality", None), ""),
        ("never", both(setting("quality", None), setting("measurement", None), setting("addresses", None)), ""),
        ("failed", setting("quality", {"startedAt": OLD, "outcome": "failed", "problem": "no input"}), ""),
        ("a check", setting("quality.failed", [{"name": "unique", "field": "nights", "result": "failed"}]), "nights"),
        ("nothing checked", setting("quality.checks", 0), ""),
        ("another contract", setting("contract.version", "2.0.0"), ""),
        ("long ago", setting("quality.startedAt", (NOW - timedelta(days=200)).isoformat()), ""),
        ("without a time", setting("quality.startedAt", None), ""),
        ("before the schedule", both(setting("product.spec.traits", [{"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}}]), setting("quality.startedAt", OLD)), ""),
    ],
    "QualityPromised": [("no rule", setting("contract.schema.0.quality", None), "")],
    "CapabilitiesKnown": [
        ("a port that nobody knows", lambda product: product.location("lake", str(product.lake), "stone@1"), "lake"),
        ("a version that is gone", lambda product: product.location("lake", str(product.lake), "parquet@9"), "lake"),
        ("a trait that nobody knows", setting("product.spec.traits", [{"uses": "magic@1"}]), "magic@1"),
    ],
    "ContractIsStandard": [
        ("another version", setting("contract.apiVersion", "v2.2.2"), "contract"),
        ("a type that the standard does not have", column("nights", logicalType="int"), "contract"),
        ("no version", setting("contract.apiVersion", None), ""),
    ],
    "OpenFormatOffered": [
        (
            "one vendor's",
            both(lambda product: product.location("lake", "x", "stone@1"), lambda product: product.location("tables", "y", "spreadsheet@1")),
            "",
        )
    ],
    "BytesAreWhatTheyClaim": [
        ("CSV", bytes_of(b"guest_number,nights\n1,2\n"), "lake"),
        ("nothing", bytes_of(b""), "lake"),
        ("noise", bytes_of(bytes(range(256)) * 40), "lake"),
        ("half a file", lambda product: product.lake.write_bytes(product.lake.read_bytes()[:-100]) and None, "lake"),
        ("its frame alone", bytes_of(b"PAR1" + b"\0" * 400 + b"PAR1"), "lake"),
        ("a folder without a log", lambda product: shutil.rmtree(product.tables / "_delta_log"), "tables"),
        ("a log that leads elsewhere", foreign_file, "tables"),
        ("a table without its files", lambda product: [path.unlink() for path in product.tables.glob("*.parquet")] and None, "tables"),
    ],
    "ReadByAnotherReader": [
        ("broken in the middle", lambda product: product.lake.write_bytes(_scrambled(product.lake.read_bytes())) and None, "lake"),
        ("CSV", bytes_of(b"guest_number,nights\n1,2\n"), "lake"),
    ],
    "NamesPortable": [
        ("capitals", column("nights", name="Nights"), ""),
        ("a space", column("nights", name="nights booked"), ""),
        ("a word of SQL", column("nights", name="order"), ""),
        ("the data set", both(setting("product.spec.dataset.name", "group"), setting("contract.schema.0.name", "group")), ""),
    ],
}  # fmt: skip


def _scrambled(content: bytes) -> bytes:
    return content[:4] + b"\xff" * 900 + content[904:]


@pytest.mark.parametrize(
    ("name", "change", "place"),
    [
        pytest.param(name, change, place, id=f"{name}: {what}")
        for name, cases in BAD.items()
        for what, change, place in cases
    ],
)
def test_a_bad_product_is_seen_where_it_is_bad(
    product: Assessed, name: str, change: Change, place: str
) -> None:
    change(product)
    found = [verdict for verdict in product.ask(name) if verdict.state == "broken"]
    assert found, product.ask(name)
    assert place in {verdict.place for verdict in found} or (not place and found)
    assert all(verdict.fix and verdict.evidence for verdict in found)


@pytest.mark.parametrize(
    ("traits", "evidence", "fix"),
    [
        ([{"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}}], "never run; the schedule required a run at 2026-11-22 05:00", "did not start"),
        ([{"uses": "schedule@1", "properties": {"cron": "0 5 30 2 *"}}], "It has never run.", "Run the pipeline"),
        ([], "It has never run.", "Run the pipeline"),
    ],
)  # fmt: skip
def test_a_product_that_never_ran_is_noticed(
    product: Assessed, traits: list[dict[str, Any]], evidence: str, fix: str
) -> None:
    product.change("product.spec.traits", traits)
    for part in ("quality", "measurement", "addresses"):
        product.change(part, None)
    (verdict,) = product.ask("LastRunPassed")
    assert verdict.state == "broken" and evidence in verdict.evidence and fix in verdict.fix


def test_every_function_is_shown_a_bad_product() -> None:
    apart = {"PublishedInCatalog", "ExamplesGiven"}
    # A module of an organisation's own has another name than a characteristic.
    modules = {name.replace("-", "_") for name in CHARACTERISTICS}
    ours = {one.id for one in functions() if type(one).__module__.rpartition(".")[2] in modules}
    assert ours - set(BAD) == apart


# -- what must not be blamed --------------------------------------------------------------------------------------

FINE: dict[str, list[tuple[str, Change]]] = {
    "AnonymousReadRefused": [
        ("open to everybody", both(open_files, setting("product.spec.access.mode", "open"))),
        ("public", both(open_files, setting("product.spec.classification", "public"))),
    ],
    "PersonalDataClassified": [
        ("an office's address", lake(rows(country=["info@example.org", "no-reply@example.org"] * (ROWS // 2)))),
        ("numbers that are no cards", lake(rows(nights=pa.array([4111111111111112 + 10 * n for n in range(ROWS)])))),
        ("moments as numbers", lake(rows(nights=pa.array([1_700_000_000_000_000 + n for n in range(ROWS)])))),
        ("codes like accounts", lake(rows(country=[f"AB{n:02}C0DE{n:010}" for n in range(10, 10 + ROWS)]))),
        ("addresses that are confidential", lake()),
    ],
    "DataMatchesContract": [
        ("another order", lake(rows().select(list(reversed(rows().column_names))))),
        ("smaller whole numbers", lake(rows(nights=pa.array([1] * ROWS, pa.int8())))),
        ("a decimal for a number", tables(rows(paid=pa.array(["1.50"] * ROWS).cast(pa.decimal128(10, 2))))),
        ("a moment without a zone", lake(rows(arrived=pa.array([datetime(2026, 1, 1)] * ROWS, pa.timestamp("ns"))))),
        ("texts from a dictionary", lake(rows(country=pa.array(["CH"] * ROWS).dictionary_encode()))),
    ],
    "DataKeepsPromises": [
        ("measured before the next run", both(lake(rows().slice(0, 30), ingestedAt=NOW.isoformat()), tables(ingestedAt=NOW.isoformat()))),
        ("a measurement that is wrong", sli("enough", value=4000.0)),
    ],
    "MeasurementsTrue": [
        ("an honest miss", both(lake(rows(country=["CH", None] * (ROWS // 2))), tables(rows(country=["CH", None] * (ROWS // 2))), sli("country-known", value=50.0, kept=False))),
        ("measured again later", both(setting("measurement.measuredAt", NOW.isoformat()), sli("fresh", value=1.0))),
    ],
    "ServiceLevelsMeasured": [
        ("the night before", setting("measurement.measuredAt", "2026-11-22T05:02:00+00:00")),
        ("weekly", both(setting("product.spec.traits", [{"uses": "schedule@1", "properties": {"cron": "0 5 * * mon"}}]), setting("measurement.measuredAt", "2026-11-16T05:03:00+00:00"))),
        ("when its inputs are ready", both(setting("product.spec.traits", [{"uses": "trigger@1", "properties": {"cron": "*/15 * * * *", "deadline": "9d"}}]), setting("measurement.measuredAt", "2026-11-16T05:03:00+00:00"))),
    ],
    "ColumnsExplained": [
        ("short, and more than the name", column("country", description="ISO 3166 code.")),
        ("the same words in another order", column("guest_number", description="Number of the guest at the desk")),
    ],
    "LastRunPassed": [("a warning", setting("quality.failed", [{"name": "x", "result": "warning"}]))],
    "SensitiveColumnsHidden": [("nobody was let in", both(setting("readers", []), lambda product: shutil.rmtree(product.lake.parent / "roles")))],
    "NoCredentialsPublished": [("a variable", setting("product.spec.inputs.0.properties.path", "https://${USER}:${PASSWORD}@example.org/x"))],
    "PersonalColumnsClassified": [("a tag on what is confidential", column("email", tags=["pii"]))],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param(name, change, id=f"{name}: {what}")
        for name, cases in FINE.items()
        for what, change in cases
    ],
)
def test_what_only_looks_bad_is_not_blamed(product: Assessed, name: str, change: Change) -> None:
    change(product)
    assert states(product, name) == {"kept"}, product.ask(name)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("SensitiveColumnsHidden", lambda product: shutil.rmtree(product.lake.parent / "roles"), "access apply"),
        ("MeasurementsTrue", lambda product: write(product.lake, rows(), {}), "ingestedAt"),
        ("LastRunPassed", setting("quality.unchecked", [{"name": "Check format of x", "field": "x", "result": "unchecked"}]), "format of x"),
        ("MeasurementsTrue", both(lake(ingestedAt=NOW.isoformat()), tables(ingestedAt=NOW.isoformat())), "the current data"),
        ("DataIsThisProducts", both(setting("quality", None), setting("measurement", None), lambda product: write(product.lake, rows(), {})), "no metadata on its product"),
        ("DataMatchesContract", removed("lake"), "no file"),
        ("DataMatchesContract", lambda product: product.settings.pop("paths"), "path of a machine"),
        ("LocationAnswers", lambda product: product.settings.pop("paths"), "path of a machine"),
        ("AnonymousReadRefused", removed("lake"), "no file"),
        ("ExamplesGiven", column("guest_number", examples=None), "it is unknown"),
        ("InputsLeadSomewhere", setting("product.spec.inputs.0.from", "dp:a/other#lake"), "whole mesh"),
        ("LocationAnswers", lambda product: product.location("lake", "ftp://example.org/x.parquet"), "ftp://"),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_at_is_neither_kept_nor_broken(
    product: Assessed, name: str, change: Change, why: str
) -> None:
    change(product)
    found = product.ask(name)
    unknown = [verdict for verdict in found if verdict.state == "inconclusive"]
    assert unknown and "broken" not in {verdict.state for verdict in found}, found
    assert any(why in f"{verdict.evidence} {verdict.fix}" for verdict in unknown), unknown


def test_evidence_never_holds_a_value_of_the_data(product: Assessed) -> None:
    told = {f"SENTINEL{n}@example.org" for n in range(ROWS)}
    write(product.lake, rows(country=sorted(told), email=sorted(told)))
    product.column("email")["classification"] = "public"
    seen_by("reader", guest_name=pa.array(sorted(told)))(product)
    product.lake.parent.joinpath("roles/reader").chmod(0o700)
    evidence = product.evidence()
    said = " ".join(f"{v.evidence} {v.fix} {v.place}" for one in functions() for v in one.check(evidence))
    assert "SENTINEL" not in said and "e-mail addresses" in said


def test_personal_data_is_known_by_its_check_digits() -> None:
    seen = recognized("country", "string", [*CARDS, *IBANS, "ada@example.org"])
    assert {one.kind: one.count for one in seen} == {"email": 1, "bank account": 2, "card": 3}
    assert not recognized("country", "string", ["4111 1111 1111 1112", "5500000000000005", "DE89370400440532013001", "x" * 9000, "hello@example.org", "a@b", ""])  # fmt: skip


# -- the mesh around it -------------------------------------------------------------------------------------------


def test_a_product_is_found_by_its_own_words_in_a_large_mesh(product: Assessed) -> None:
    for number in range(300):
        other = json.loads(json.dumps(product.value))
        other["product"]["metadata"] |= {"name": f"p-{number}", "title": f"Hotel topic{number}"}
        other["product"]["spec"]["description"]["purpose"] = f"Who paid for subject{number} in our hotels."
        product.others.append(Record(other))
    assert states(product, "FoundByItsOwnWords") == {"kept"}
    product.value = product.others[7].value
    assert states(product, "FoundByItsOwnWords") == {"kept"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with catalog_server.catalog(tmp_path_factory.mktemp("catalog")) as running:
        yield running


def test_the_catalog_shows_the_product_and_finds_it(product: Assessed, catalog: Any) -> None:
    from meshwright.assess.embedded_catalog import EmbeddedCatalog
    from meshwright.mesh.catalog_client import Catalog

    product.catalog = EmbeddedCatalog(catalog.url)
    assert states(product, "PublishedInCatalog") == {"broken"}
    assert states(product, "FoundByItsOwnWords") == {"broken"}
    Catalog(catalog.url, catalog.token(ID)).put(product.record)
    assert states(product, "PublishedInCatalog") == {"kept"}
    assert states(product, "FoundByItsOwnWords") == {"kept"}
    sli("fresh", value=0.1)(product)
    (verdict,) = product.ask("PublishedInCatalog")
    assert verdict.state == "broken" and "measurement" in verdict.evidence
    product.change("product.spec.description.purpose", "Zebras grazing quietly beside muddy rivers.")
    (verdict,) = product.ask("PublishedInCatalog")
    assert verdict.state == "broken" and "older description" in verdict.evidence
    assert {v.place for v in product.ask("FoundByItsOwnWords") if v.state == "broken"} == {"purpose"}
    assert states(product, "NoPromiseWithdrawn") == {"kept"}
    product.change("product.spec.serviceLevels", assessed.LEVELS[1:])
    (verdict,) = product.ask("NoPromiseWithdrawn")
    assert verdict.state == "broken" and "fresh is no longer promised" in verdict.evidence
    product.change("contract.version", "2.0.0")
    assert states(product, "NoPromiseWithdrawn") == {"kept"}


@pytest.mark.slow
def test_a_fresh_product_that_ran_is_good_by_construction(
    make: Make, product_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make("assessed", outputs=["parquet", "delta"], owner_name="Ada Example")
    ran = pipeline(product_python, root)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [(root / "build/ports" / port).stat().st_mode & 0o077 for port in ("lake", "tables")] == [0, 0]
    record = of_repository(root, "https://git.example.org/fresh.git")
    evidence = gather(record, Lineage([record]), datetime.now(UTC))
    found = {one.id: list(one.check(evidence)) for one in functions()}
    assert not [(name, v) for name, told in found.items() for v in told if v.state == "broken"]
    apart = {name for name, told in found.items() if {v.state for v in told} != {"kept"}}
    assert apart <= {"PublishedInCatalog", "NoPromiseWithdrawn"}


# -- hostile records -----------------------------------------------------------------------------------------------

NASTY: list[Any] = [None, 7, [], {}, "\0<script>", "x" * 100_000, [[3]], {"a": None}, [{"name": 3}]]
PLACES = [
    "product", "product.metadata", "product.metadata.name", "product.metadata.title", "product.spec", "product.spec.description",
    PURPOSE, "product.spec.outputs", "product.spec.outputs.0", "product.spec.outputs.0.uses", "product.spec.serviceLevels",
    "product.spec.serviceLevels.0.objective", "product.spec.traits", "product.spec.useCases", "product.spec.dataset.name",
    "product.spec.inputs", "contract", "contract.schema", "contract.schema.0", COLUMN, f"{COLUMN}.0", f"{COLUMN}.0.name",
    f"{COLUMN}.0.quality", f"{COLUMN}.0.tags", "contract.schema.0.quality", "policy", "policy.roles", "policy.roles.reader",
    "policy.roles.reader.clearance", "policy.masks", "policy.masks.confidential", "addresses", "measurement",
    "measurement.serviceLevels", "measurement.measuredAt", "quality", "quality.failed", "quality.checks", "readers", "agreement", "source",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_shape_of_a_record_stops_a_function(fine: Assessed, place: str) -> None:
    for nasty in NASTY:
        value = json.loads(json.dumps(fine.value))
        records._set(value, place.split("."), [None] if nasty is None else nasty)
        broken = Assessed(fine.ports, value, {})
        evidence = broken.evidence()
        for one in functions():
            for verdict in one.check(evidence):
                assert len(verdict.evidence) < 5_000, (place, one.id)


def test_an_index_of_many_products_is_made_once(fine: Assessed) -> None:
    mesh = Lineage([fine.record])
    prepare(mesh, NOW)
    one, other = (gather(fine.record, mesh, NOW).index for _ in range(2))
    assert one is other
