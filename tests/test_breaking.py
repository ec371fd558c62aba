"""What breaks consumers is refused without a new major version: real contracts, in real git repositories."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import git
from click.testing import CliRunner

from meshwright.check import check
from meshwright.cli import main
from meshwright.findings import Finding

CONTRACT, SPEC = "contract.odcs.yaml", "data-product.yaml"
REFUSED, UNDECIDED = "BreakingChangeIsMajor", "ChangeUnderstood"

Edit = Callable[[dict[str, Any]], Any]


def columns(contract: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in contract["schema"][0]["properties"]}


def quality(contract: dict[str, Any]) -> list[dict[str, Any]]:
    return contract["schema"][0]["quality"]


def richer(contract: dict[str, Any]) -> None:
    """What the sample's contract does not happen to have."""
    contract["schema"][0]["properties"] += [
        {"name": "sent", "logicalType": "timestamp", "description": "When it was sent.", "classification": "public",
         "logicalTypeOptions": {"format": "yyyy-MM-dd", "timezone": True, "defaultTimezone": "UTC"}},
        {"name": "stops", "logicalType": "array", "description": "Where it stops.", "classification": "public",
         "items": {"logicalType": "object", "properties": [
             {"name": "place", "logicalType": "string", "description": "The place.", "classification": "public"}]}},
    ]  # fmt: skip
    columns(contract)["airline"]["quality"] = [
        {"type": "library", "metric": "invalidValues", "arguments": {"validValues": ["a", "b"]}, "mustBe": 0}
    ]
    contract["slaProperties"] = [
        {"property": "retention", "value": 3, "unit": "y"},
        {"property": "latency", "value": 4, "unit": "d"},
    ]


@pytest.fixture
def product(departures: Path, tmp_path: Path) -> Path:
    root = Path(shutil.copytree(departures, tmp_path / "product"))
    edit(root, CONTRACT, richer)
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
    "the table is renamed": (CONTRACT, lambda it: it["schema"][0].update(name="flights"), "Removed schema departures"),
    "the table goes": (CONTRACT, lambda it: it.update(schema=[]), "Removed schema departures"),
    "a quality rule goes": (CONTRACT, lambda it: quality(it).pop(0), "Removed quality rule"),
    "a quality rule allows more": (CONTRACT, lambda it: quality(it)[0].update(mustBeGreaterThan=-1), "mustBeGreaterThan"),
    "a quality rule only warns": (CONTRACT, lambda it: quality(it)[0].update(severity="warning"), "severity"),
    "a service level of the contract goes": (CONTRACT, lambda it: it["slaProperties"].pop(), "latency is promised no more"),
    "the product is renamed": (SPEC, lambda it: it["metadata"].update(name="leavings"), "address"),
    "the product moves to another domain": (SPEC, lambda it: it["metadata"].update(domain="tourism"), "address"),
    "an output port goes": (SPEC, lambda it: it["spec"]["outputs"].pop(), "is gone"),
    "an output port is another": (SPEC, lambda it: it["spec"]["outputs"][0].update(uses="postgres@1"), "now it is postgres@1"),
    "a service level goes": (SPEC, lambda it: it["spec"]["serviceLevels"].pop(), "is promised no more"),
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
        assert finding.file.endswith(file) and finding.level == "error"
        assert finding.mend == (
            f"Keep what was promised, or write `version: 2.0.0` in {CONTRACT} and `metadata.version: 2.0.0` in {SPEC}."
        )
    edit(product, CONTRACT, lambda it: it.update(version="2.0.0"))
    assert {finding.mend for finding in compared(product) if finding.rule == REFUSED} == {
        f"Keep what was promised, or write `metadata.version: 2.0.0` in {SPEC}."
    }
    edit(product, SPEC, lambda it: it["metadata"].update(version="3.1.0"))
    assert REFUSED not in {finding.rule for finding in compared(product)}


@pytest.mark.parametrize(("file", "change"), HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_nobody_passes(file: str, change: Edit, product: Path) -> None:
    edit(product, file, change)
    assert compared(product) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda it: columns(it)["carrier"]["logicalTypeOptions"].update(pattern="^[A-Z]{2,3}$"),
        lambda it: quality(it)[2].update(query="select 0"),
        lambda it: it["slaProperties"][0].update(value=1),
    ],
    ids=["pattern", "query", "retention"],
)
def test_what_nobody_can_tell_is_told_and_not_refused(change: Edit, product: Path) -> None:
    edit(product, CONTRACT, change)
    (finding,) = compared(product)
    assert (finding.rule, finding.level) == (UNDECIDED, "warning")
    assert CliRunner().invoke(main, ["check", "--against", "main", str(product)]).exit_code == 0


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
