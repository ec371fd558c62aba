"""What breaks consumers is refused without a new major version: real contracts, in real git repositories."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT, git
from click.testing import CliRunner

from meshwright.check.engine import check
from meshwright.check.findings import Finding
from meshwright.cli import main
from meshwright.product.breaking.kinds_of_change import KINDS

CONTRACT, SPEC, POLICY = "contract.odcs.yaml", "data-product.yaml", "access/policy.yaml"
REFUSED, UNDECIDED = "BreakingChangeIsMajor", "ChangeUnderstood"

Edit = Callable[[dict[str, Any]], Any]


def columns(contract: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in contract["schema"][0]["properties"]}


def quality(contract: dict[str, Any]) -> list[dict[str, Any]]:
    return contract["schema"][0]["quality"]


def place(contract: dict[str, Any]) -> dict[str, Any]:
    """A column within an array."""
    (column,) = columns(contract)["stops"]["items"]["properties"]
    return column


def richer(contract: dict[str, Any]) -> None:
    """What the sample's contract does not happen to have."""
    contract["schema"][0]["properties"] += [
        {"name": "sent", "logicalType": "timestamp", "description": "When it was sent.", "classification": "public",
         "logicalTypeOptions": {"format": "yyyy-MM-dd", "timezone": True, "defaultTimezone": "UTC"}},
        {"name": "stops", "logicalType": "array", "description": "Where it stops.", "classification": "public",
         "items": {"logicalType": "object", "properties": [
             {"name": "place", "logicalType": "string", "description": "The place.", "classification": "internal",
              "physicalType": "varchar(30)", "logicalTypeOptions": {"format": "uuid"}}]}},
    ]  # fmt: skip
    columns(contract)["airline"]["quality"] = [
        {"type": "library", "metric": "invalidValues", "arguments": {"validValues": ["a", "b"]}, "mustBe": 0}
    ]
    quality(contract).append({"type": "text", "description": "As the airline says."})
    contract["slaProperties"] = [
        {"property": "retention", "value": 3, "unit": "y"},
        {"property": "latency", "value": 4, "unit": "d"},
        {"property": "generalAvailability", "value": "2022-05-12"},
    ]
    columns(contract)["distance_miles"] |= {"physicalType": "decimal(10,2)"}
    columns(contract)["distance_miles"]["logicalTypeOptions"]["multipleOf"] = 2
    columns(contract)["airline"]["physicalType"] = "varchar(30)"


def full(spec: dict[str, Any]) -> None:
    """What the sample's spec does not happen to have."""
    traits(spec)["retention@1"] = {"column": "scheduled_departure", "keep": "365d"}
    traits(spec)["snapshot@1"] = {"input": "flights", "key": ["carrier"]}
    traits(spec).list.insert(0, {"uses": "snapshot@1", "properties": {"input": "planes", "key": ["tailnum"]}})
    spec["spec"]["environments"] = {
        "production": {"outputs": {"lake": {"properties": {"path": "/data/lake"}}}}
    }


class traits(dict[str, Any]):
    """The properties of a spec's traits by their name, which can be written."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.list = spec["spec"].setdefault("traits", [])
        super().__init__((item["uses"], item.get("properties")) for item in self.list)

    def __setitem__(self, uses: str, properties: Any) -> None:
        self.list[:] = [item for item in self.list if item["uses"] != uses]
        self.list += [{"uses": uses, "properties": properties}] if properties else []


def outputs(spec: dict[str, Any]) -> dict[str, Any]:
    return spec["spec"]["outputs"][0]["properties"]


def closed(spec: dict[str, Any]) -> None:
    spec["spec"]["access"]["mode"] = "approval-required"


def role(policy: dict[str, Any], name: str = "reader") -> dict[str, Any]:
    return policy["roles"][name]


@pytest.fixture
def product(departures: Path, tmp_path: Path) -> Path:
    root = Path(shutil.copytree(departures, tmp_path / "product"))
    edit(root, CONTRACT, richer)
    edit(root, SPEC, full)
    git("init", "--quiet", "--initial-branch", "main", cwd=root)
    commit(root)
    git("switch", "--quiet", "--create", "change", cwd=root)
    return root


def commit(root: Path) -> None:
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--allow-empty", "--message", "Work", cwd=root)


def edit(root: Path, name: str, change: Edit) -> None:
    value = yaml.safe_load((root / name).read_text("utf-8"))
    change(value)
    (root / name).write_text(yaml.safe_dump(value, sort_keys=False), "utf-8")


def compared(root: Path, against: str = "main") -> list[Finding]:
    return [finding for finding in check([root], against=against) if finding.rule in (REFUSED, UNDECIDED)]


BREAKING: dict[str, tuple[str, Edit, str]] = {
    "a column goes": (CONTRACT, lambda it: it["schema"][0]["properties"].pop(2), "Removed property airline"),
    "a column is renamed": (CONTRACT, lambda it: columns(it)["airline"].update(name="line"), "Removed property airline"),
    "a column is stored under another name": (CONTRACT, lambda it: columns(it)["airline"].update(physicalName="line"), "physical name"),
    "a column is of another type": (CONTRACT, lambda it: columns(it)["cancelled"].update(logicalType="string"), "from 'boolean' to 'string'"),
    "a column may be empty": (CONTRACT, lambda it: columns(it)["airline"].update(required=False), "requiredness"),
    "a key is none any more": (CONTRACT, lambda it: columns(it)["carrier"].pop("primaryKey"), "key constraint"),
    "a pattern goes": (CONTRACT, lambda it: columns(it)["carrier"].pop("logicalTypeOptions"), "pattern"),
    "a value comes up that could not": (CONTRACT, lambda it: columns(it)["airline"]["quality"][0]["arguments"]["validValues"].append("c"), "validValues"),
    "a bound is further away": (CONTRACT, lambda it: columns(it)["flight_number"]["logicalTypeOptions"].update(minimum=-5), "minimum"),
    "a text is written another way": (CONTRACT, lambda it: columns(it)["sent"]["logicalTypeOptions"].update(format="dd.MM.yyyy"), "format 'yyyy-MM-dd'"),
    "a time is of another zone": (CONTRACT, lambda it: columns(it)["sent"]["logicalTypeOptions"].pop("defaultTimezone"), "defaultTimezone"),
    "a nested column goes": (CONTRACT, lambda it: columns(it)["stops"]["items"]["properties"][0].update(name="town"), "place"),
    "a nested text may be longer": (CONTRACT, lambda it: place(it).update(physicalType="text"), "stops[].place was stored as varchar(30)"),
    "a nested text is written another way": (CONTRACT, lambda it: place(it)["logicalTypeOptions"].update(format="uri"), "stops[].place was written"),
    "a nested column is classified lower": (CONTRACT, lambda it: place(it).update(classification="public"), "stops[].place was internal"),
    "the history of one of two inputs goes": (SPEC, lambda it: traits(it).list.remove({"uses": "snapshot@1", "properties": {"input": "planes", "key": ["tailnum"]}}), "history"),
    "the table is renamed": (CONTRACT, lambda it: it["schema"][0].update(name="flights"), "Removed schema departures"),
    "the table goes": (CONTRACT, lambda it: it.update(schema=[]), "Removed schema departures"),
    "a quality rule goes": (CONTRACT, lambda it: quality(it).pop(0), "Removed quality rule"),
    "a quality rule allows more": (CONTRACT, lambda it: quality(it)[0].update(mustBeGreaterThan=-1), "mustBeGreaterThan"),
    "a quality rule only warns": (CONTRACT, lambda it: quality(it)[0].update(severity="warning"), "severity"),
    "a service level of the contract goes": (CONTRACT, lambda it: it["slaProperties"].pop(1), "latency is no longer promised"),
    "multiples of less": (CONTRACT, lambda it: columns(it)["distance_miles"]["logicalTypeOptions"].update(multipleOf=1), "multipleOf 2"),
    "a scale is another": (CONTRACT, lambda it: columns(it)["distance_miles"].update(physicalType="decimal(10,3)"), "decimal(10,2)"),
    "a physical type goes": (CONTRACT, lambda it: columns(it)["distance_miles"].pop("physicalType"), "unknown"),
    "a text may be longer": (CONTRACT, lambda it: columns(it)["airline"].update(physicalType="text"), "varchar(30)"),
    "a column is classified lower": (CONTRACT, lambda it: columns(it)["tail_number"].update(classification="public"), "more people"),
    "a column is classified higher": (CONTRACT, lambda it: columns(it)["airline"].update(classification="confidential"), "no longer see it"),
    "retention of the contract is shorter": (CONTRACT, lambda it: it["slaProperties"][0].update(value=11, unit="months"), "retention was 3 y"),
    "latency is longer": (CONTRACT, lambda it: it["slaProperties"][1].update(value=5), "latency was 4 d"),
    "the product is classified lower": (SPEC, lambda it: it["spec"].update(classification="public"), "The product was internal"),
    "rows are kept for a shorter time": (SPEC, lambda it: traits(it).__setitem__("retention@1", {"column": "scheduled_departure", "keep": "30d"}), "365d"),
    "rows go by another column": (SPEC, lambda it: traits(it).__setitem__("retention@1", {"column": "actual_departure", "keep": "365d"}), "actual_departure"),
    "a port moves": (SPEC, lambda it: outputs(it).update(path="${LAKE:-elsewhere}"), "The path of the output port"),
    "a port moves in production": (SPEC, lambda it: it["spec"]["environments"]["production"]["outputs"]["lake"]["properties"].update(path="/other"), "lake in production"),
    "passing on is forbidden": (SPEC, lambda it: it["spec"]["distributionRights"].update(modified="forbidden"), "Passing it on"),
    "another agreement": (SPEC, lambda it: it["spec"]["dataSharingAgreement"].update(version="2.0.0"), "agreement was of version"),
    "a role goes": (POLICY, lambda it: it["roles"].pop("service"), "role service is gone"),
    "a role is cleared for less": (POLICY, lambda it: role(it).update(clearance=["public"]), "no longer sees columns that are internal"),
    "a role gets no masks": (POLICY, lambda it: role(it).update(above="deny"), "masks"),
    "a role sees fewer rows": (POLICY, lambda it: role(it).update(rows=[{"column": "origin", "in": ["JFK"]}]), "fewer rows"),
    "a role is for fewer purposes": (POLICY, lambda it: role(it).update(purposes=["planning"]), "purpose"),
    "agreements are shorter": (POLICY, lambda it: role(it, "service").update(maxDays=30), "30 days"),
    "the product is renamed": (SPEC, lambda it: it["metadata"].update(name="leavings"), "address"),
    "the product moves to another domain": (SPEC, lambda it: it["metadata"].update(domain="tourism"), "address"),
    "an output port goes": (SPEC, lambda it: it["spec"]["outputs"].pop(), "is gone"),
    "an output port is another": (SPEC, lambda it: it["spec"]["outputs"][0].update(uses="postgres@1"), "now it is postgres@1"),
    "a service level goes": (SPEC, lambda it: it["spec"]["serviceLevels"].pop(), "is no longer promised"),
    "a service level is looser": (SPEC, lambda it: it["spec"]["serviceLevels"][0].update(indicator="freshness", objective="<= 9000d"), "now it is <= 9000d"),
}  # fmt: skip
"""What changes -> in which file, how, and what is said of it."""

HARMLESS: dict[str, tuple[str, Edit]] = {
    "nothing": (CONTRACT, lambda it: None),
    "a description": (CONTRACT, lambda it: columns(it)["airline"].update(description="Who flies it.")),
    "the table's description": (CONTRACT, lambda it: it["schema"][0].update(description="Flights that leave.")),
    "a tag": (CONTRACT, lambda it: columns(it)["airline"].update(tags=["name"])),
    "a column more": (CONTRACT, lambda it: it["schema"][0]["properties"].append({"name": "gate", "logicalType": "string", "description": "Where it leaves.", "classification": "public"})),
    "a column that is always there": (CONTRACT, lambda it: columns(it)["tail_number"].update(required=True)),
    "another order of columns": (CONTRACT, lambda it: it["schema"][0]["properties"].reverse()),
    "another order of quality rules": (CONTRACT, lambda it: quality(it).reverse()),
    "a pattern more": (CONTRACT, lambda it: columns(it)["origin"].update(logicalTypeOptions={"pattern": "^[A-Z]{3}$"})),
    "a value less": (CONTRACT, lambda it: columns(it)["airline"]["quality"][0]["arguments"]["validValues"].pop()),
    "a quality rule more": (CONTRACT, lambda it: quality(it).insert(0, {"type": "library", "metric": "rowCount", "mustBeGreaterThan": 5})),
    "a service level more": (CONTRACT, lambda it: it["slaProperties"].append({"property": "frequency", "value": 1, "unit": "d"})),
    "a patch": (CONTRACT, lambda it: it.update(version="1.0.1")),
    "an output port more": (SPEC, lambda it: it["spec"]["outputs"].append({**it["spec"]["outputs"][0], "name": "second"})),
    "a tighter service level": (SPEC, lambda it: it["spec"]["serviceLevels"][0].update(objective="<= 1s") if it["spec"]["serviceLevels"][0]["objective"].startswith("<") else None),
    "multiples of more": (CONTRACT, lambda it: columns(it)["distance_miles"]["logicalTypeOptions"].update(multipleOf=4)),
    "as many months": (CONTRACT, lambda it: it["slaProperties"][0].update(value=36, unit="months")),
    "a shorter nested text": (CONTRACT, lambda it: place(it).update(physicalType="varchar2(20)")),
    "another spelling of a type": (CONTRACT, lambda it: columns(it)["distance_miles"].update(physicalType="NUMERIC(10, 2)")),
    "a shorter text": (CONTRACT, lambda it: columns(it)["airline"].update(physicalType="VARCHAR(20)")),
    "a class that its readers see": (CONTRACT, lambda it: columns(it)["airline"].update(classification="internal")),
    "rows of the contract are kept longer": (CONTRACT, lambda it: it["slaProperties"][0].update(value=4)),
    "rows are kept longer": (SPEC, lambda it: traits(it).__setitem__("retention@1", {"column": "scheduled_departure", "keep": "500d"})),
    "rows are kept for good": (SPEC, lambda it: traits(it).__setitem__("retention@1", None)),
    "a role more": (POLICY, lambda it: it["roles"].update(auditor=dict(role(it)))),
    "a role sees more": (POLICY, lambda it: role(it).update(clearance=["public", "internal", "confidential"])),
    "a title": (SPEC, lambda it: it["metadata"].update(title="All that leaves")),
}  # fmt: skip


@pytest.mark.parametrize(("file", "change", "says"), BREAKING.values(), ids=BREAKING)
def test_what_breaks_consumers_needs_a_new_major_version(
    file: str, change: Edit, says: str, product: Path
) -> None:
    edit(product, file, change)
    found = compared(product)
    refused = [finding for finding in found if finding.rule == REFUSED]
    assert any(says in finding.message for finding in refused), found
    for finding in refused:
        assert finding.file.endswith(file) and finding.level == "error", finding
        assert finding.fix == (
            f"Keep what was promised, or write `version: 2.0.0` in {CONTRACT} and `metadata.version: 2.0.0` in {SPEC}."
        )
    edit(product, CONTRACT, lambda it: it.update(version="2.0.0"))
    assert {finding.fix for finding in compared(product) if finding.rule == REFUSED} == {
        f"Keep what was promised, or write `metadata.version: 2.0.0` in {SPEC}."
    }
    edit(product, SPEC, lambda it: it["metadata"].update(version="3.1.0"))
    assert REFUSED not in {finding.rule for finding in compared(product)}


@pytest.mark.parametrize(("file", "change"), HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_nobody_passes(file: str, change: Edit, product: Path) -> None:
    edit(product, file, change)
    assert compared(product) == []


UNDECIDABLE: dict[str, tuple[str, Edit]] = {
    "pattern": (CONTRACT, lambda it: columns(it)["carrier"]["logicalTypeOptions"].update(pattern="^[A-Z]{2,3}$")),
    "query": (CONTRACT, lambda it: quality(it)[2].update(query="select 0")),
    "a rule for people": (CONTRACT, lambda it: quality(it).pop()),
    "availability": (CONTRACT, lambda it: it["slaProperties"][2].update(value="2024-01-01")),
    "physical type": (CONTRACT, lambda it: columns(it)["cancelled"].update(physicalType="boolean")),
    "status": (CONTRACT, lambda it: it.update(status="deprecated")),
    "a first target over time": (SPEC, lambda it: it["spec"]["serviceLevels"][0].update(target="99%", window="30d")),
    "environment": (SPEC, lambda it: it["spec"].pop("environments")),
    "masks": (POLICY, lambda it: it.update(masks={"secret": {"default": "empty"}})),
    "rows": (POLICY, lambda it: role(it, "other").update(rows=[{"column": "origin", "in": ["JFK"]}])),
}  # fmt: skip


@pytest.mark.parametrize(("file", "change"), UNDECIDABLE.values(), ids=UNDECIDABLE)
def test_what_nobody_can_tell_is_told_and_not_refused(file: str, change: Edit, product: Path) -> None:
    if change is UNDECIDABLE["rows"][1]:
        edit(product, POLICY, lambda it: it["roles"].update(other={**role(it), "rows": [{"column": "origin", "in": ["LGA"]}]}))  # fmt: skip
        commit(product)
        git("branch", "--force", "main", cwd=product)
    edit(product, file, change)
    (finding,) = compared(product)
    assert (finding.rule, finding.level) == (UNDECIDED, "warning")


def test_new_retention_and_an_opened_product(product: Path) -> None:
    edit(product, SPEC, lambda it: traits(it).__setitem__("retention@1", None))
    edit(product, SPEC, lambda it: it["spec"]["access"].update(mode="open"))
    commit(product)
    git("branch", "--force", "main", cwd=product)
    assert not compared(product)
    edit(product, SPEC, lambda it: traits(it).__setitem__("retention@1", {"column": "scheduled_departure", "keep": "30d"}))  # fmt: skip
    edit(product, SPEC, closed)
    said = [finding.message for finding in compared(product) if finding.rule == REFUSED]
    assert len(said) == 2 and "for good" in "".join(said) and "approval" in "".join(said), said


def test_every_kind_of_change_is_on_the_page() -> None:
    page = (ROOT / "docs" / "reference" / "changes.md").read_text("utf-8")
    assert all(f"| {what} |" in page for what, _ in KINDS.values())


def test_a_finding_stands_where_the_change_is(product: Path) -> None:
    edit(product, CONTRACT, lambda it: columns(it)["cancelled"].update(logicalType="string"))
    (finding,) = compared(product)
    assert (product / CONTRACT).read_text().splitlines()[finding.line - 1].strip() == "logicalType: string"


def test_a_contract_that_moved_is_found(product: Path) -> None:
    (product / CONTRACT).rename(product / "promise.yaml")
    edit(product, SPEC, lambda it: it["spec"]["dataset"].update(contract="promise.yaml"))
    assert compared(product) == []
    edit(product, "promise.yaml", lambda it: it["schema"][0]["properties"].pop())
    (finding,) = compared(product)
    assert finding.file.endswith("promise.yaml") and finding.rule == REFUSED


@pytest.mark.parametrize("gone", [(CONTRACT,), (SPEC,), (CONTRACT, SPEC)], ids=" and ".join)
def test_what_nobody_had_promised_breaks_nothing(gone: tuple[str, ...], product: Path) -> None:
    kept = {name: (product / name).read_text() for name in gone}
    git("switch", "--quiet", "main", cwd=product)
    for name in gone:
        (product / name).unlink()
    commit(product)
    for name, text in kept.items():
        (product / name).write_text(text)
    edit(product, CONTRACT, lambda it: it["schema"][0]["properties"].pop())
    assert compared(product, "HEAD") == []


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        (CONTRACT, "schema: ["),
        (CONTRACT, "- 1\n"),
        (CONTRACT, "schema: 5\n"),
        (CONTRACT, "a: &a [*a, *a]\n"),
        (SPEC, "kind: {"),
    ],
)
def test_what_the_default_branch_promises_unreadably_is_told(name: str, broken: str, product: Path) -> None:
    whole = (product / name).read_text()
    git("switch", "--quiet", "main", cwd=product)
    (product / name).write_text(broken)
    commit(product)
    (product / name).write_text(whole)
    found = compared(product, "HEAD")
    assert UNDECIDED in {finding.rule for finding in found}
    assert REFUSED not in {finding.rule for finding in found}


def test_a_commit_that_git_does_not_know_is_no_pass(product: Path) -> None:
    for unknown in ("origin/main", "--help", "main:data-product.yaml", ""):
        done = CliRunner().invoke(main, ["check", "--against", unknown, str(product)])
        assert done.exit_code == 2 and "no commit" in done.output, done.output


def test_a_clone_without_history_is_told_how_to_get_it(product: Path, tmp_path: Path) -> None:
    git("clone", "--quiet", "--depth", "1", product.as_uri(), str(tmp_path / "shallow"), cwd=tmp_path)
    done = CliRunner().invoke(main, ["check", "--against", "HEAD", str(tmp_path / "shallow")])
    assert done.exit_code == 2 and "fetch-depth: 0" in done.output


def test_addresses_in_a_contract_are_not_followed(product: Path) -> None:
    address = {"type": "definition", "url": "http://127.0.0.1:9/secret.yaml"}
    edit(product, CONTRACT, lambda it: columns(it)["airline"].update(authoritativeDefinitions=[address]))
    assert compared(product) == []
