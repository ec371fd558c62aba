"""Every rule: kept by a fresh product, broken by its own example, and explained."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from checkout import git
from edits import edit, merged
from products import findings

from meshwright.check.engine import Facts, check
from meshwright.check.rules import RULES
from meshwright.check.rules.base import Rule
from meshwright.check.rules.contract import ObjectsDescribed
from meshwright.check.rules.environments import _unviewable
from meshwright.check.rules.mandatory import Mandatory
from meshwright.core.yaml import parse
from meshwright.mesh.lineage import Issue, Lineage
from meshwright.product import composed_schemas, metamodel, schema
from meshwright.product.breaking.kinds_of_change import Comparison

Copy = Callable[[Path], Path]


def write(file: Path, patch: Any) -> None:
    """Breaks a file as `Rule.broken` says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(patch, str):
        file.write_text(patch, "utf-8")
        return
    if not file.exists():
        file.write_text("{}", "utf-8")
    edit(file, lambda value: merged(value, patch))


def rules_found(product: Path) -> set[str]:
    return {finding.rule for finding in findings(product)}


def test_a_fresh_product_keeps_every_rule(departures: Path, punctuality: Path) -> None:
    # What there is to tell is how the consumer best shares what it reads, and that nobody has agreed to that yet.
    told = {(finding.rule, finding.level) for finding in check([departures, punctuality])}
    assert told == {("SharingTold", "note"), ("ReadsUnderAgreement", "warning")}


def twin(rule: Rule, product: Path, reader: Path) -> Path:
    """A second product, with which the first one breaks a rule about several."""
    if rule.id == "NameUnique":
        return Path(shutil.copytree(product, product.parent / "twin"))
    consumer = Path(shutil.copytree(reader, product.parent / "consumer"))
    if isinstance(rule.broken["twin"], dict):
        for file, patch in rule.broken["twin"].items():
            write(consumer / file, patch)
        return consumer
    if rule.id == "NoCycle":
        reads = {"name": "back", "uses": "data-product@1", "from": "dp:customer-experience/punctuality#lake"}
        write(product / "data-product.yaml", {"spec": {"inputs": [reads]}})
        return consumer
    replaced = (consumer / "data-product.yaml").read_text().replace("departures#lake", "departures#gone")
    (consumer / "data-product.yaml").write_text(replaced)
    return consumer


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_broken_by_its_example(
    rule: Rule, copy_of: Copy, departures: Path, punctuality: Path
) -> None:
    product = copy_of(departures)
    if rule.id == "CapabilityInstalled":
        (product / "pipeline/outputs/delta.py").unlink()
    against = "HEAD" if "comparison" in signature(rule.check).parameters else None
    if against:
        git("init", "--quiet", cwd=product)
        git("add", "--all", cwd=product)
        git("commit", "--quiet", "--message", "As it was", cwd=product)
    for file, patch in rule.broken.items():
        if file == "twin":
            assert rule.id in {finding.rule for finding in check([product, twin(rule, product, punctuality)])}
            return
        if patch is None:
            (product / file).unlink()
            continue
        write(product / file, patch)
    assert rule.id in {finding.rule for finding in check([product], against=against)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_it_promises(rule: Rule) -> None:
    assert rule.promise.endswith(".")
    assert rule.usually in ("error", "warning", "note")
    assert set(rule.broken)


def test_what_no_product_fails_by() -> None:
    """An organisation may add rules of its own, and give any the level that it wants."""
    lower = {rule.id: rule.usually for rule in RULES if rule.usually != "error"}
    assert LOWER.items() <= lower.items()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_takes_facts_as_the_engine_has_them(rule: Rule) -> None:
    """A type checker cannot look here: the engine hands over facts by the names of the arguments."""
    only_for_types = {"Issue": Issue, "Lineage": Lineage, "Comparison": Comparison}
    has = get_type_hints(Facts, localns=only_for_types)
    for name, taken in get_type_hints(rule.check, localns=only_for_types).items():
        if name != "return":
            assert taken in (has[name], *get_args(has[name])), name


LOWER = {
    "BuiltInTestsKept": "warning",
    "ViewsWhereDuckdbRuns": "warning",
    "InputsDeclared": "warning",
    "SourceFreshnessUnchecked": "warning",
    "SharingTold": "note",
    "SharingFits": "warning",
    "ReadersComparable": "warning",
    "ReadsUnderAgreement": "warning",
    "ReadsWithinAgreement": "warning",
    "ChangeUnderstood": "warning",
    "PromisesChecked": "warning",
    "CiPresent": "warning",
    "SqlNotKnownToDiffer": "warning",
    "SampleReplaced": "warning",
}
"""The rules that no product fails by."""

MANDATORY = [rule for rule in RULES if isinstance(rule, Mandatory)]


def test_the_metamodel_has_its_twelve_mandatory_attributes() -> None:
    """An organisation may add some."""
    assert {
        "NameGiven",
        "DomainGiven",
        "DescriptionGiven",
        "OwnerAndStewardNamed",
        "AgreementReferenced",
        "AccessModeChosen",
        "AccessPolicyPublished",
        "ClassificationGiven",
        "DistributionRightsGiven",
        "ServiceLevelsGiven",
        "PortsGiven",
        "TypeGiven",
    } <= {rule.id for rule in MANDATORY}


@pytest.mark.parametrize(
    "attribute", sorted({attribute for rule in MANDATORY for attribute in rule.attributes})
)
@pytest.mark.parametrize("empty", ["removed", None, "", [], {}], ids=repr)
def test_without_a_mandatory_attribute_its_rule_speaks_once(
    attribute: str, empty: Any, copy_of: Copy, departures: Path
) -> None:
    product = copy_of(departures)
    *parents, last = attribute.split(".")

    def without(spec: Any) -> Any:
        inner = spec
        for key in parents:
            inner = inner[key]
        if empty == "removed":
            del inner[last]
        else:
            inner[last] = empty
        return spec

    edit(product / "data-product.yaml", without)
    (rule,) = (rule for rule in MANDATORY if attribute in rule.attributes)
    there = [
        finding
        for finding in findings(product)
        if finding.message.startswith((f"{attribute} ", f"{attribute}:"))
    ]
    assert [finding.rule for finding in there] == [rule.id]
    assert there[0].file == "data-product.yaml" and there[0].line > 1
    assert there[0].fix == rule.fix


def test_an_organisation_lowers_a_level_in_one_place(
    monkeypatch: pytest.MonkeyPatch, copy_of: Copy, departures: Path
) -> None:
    product = copy_of(departures)
    edit(product / "data-product.yaml", lambda spec: merged(spec, {"spec": {"classification": None}}))
    for level, levels in (("warning", ["warning"]), ("note", []), ("off", [])):
        monkeypatch.setitem(metamodel.LEVELS, "ClassificationGiven", level)
        composed = composed_schemas.data_product()  # as `make reference` writes it
        monkeypatch.setattr(schema, "data_product", lambda composed=composed: composed)
        assert [finding.level for finding in findings(product)] == levels


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"inputs": [{"name": "t", "uses": "database@1"}]}, "loads its data"),
        ({"inputs": [{"name": "t", "uses": "database@1"}, {"name": "f", "uses": "file@1"}]}, ""),
        ({"traits": [{"uses": "snapshot@1"}]}, "with snapshot@1"),
    ],
)
def test_a_view_needs_what_can_be_read_in_place(spec: dict[str, Any], says: str) -> None:
    reason = _unviewable(parse("data-product.yaml", yaml.safe_dump({"spec": spec})))
    assert says in reason and bool(reason) is bool(says)


def test_a_capability_that_is_not_installed_names_the_command(
    make: Callable[..., Path], copy_of: Copy
) -> None:
    product = copy_of(make("parquet-only"))
    edit(
        product / "data-product.yaml",
        lambda spec: merged(
            spec,
            {"spec": {"outputs": [{"name": "lake", "uses": "delta@1", "properties": {"path": "build/x"}}]}},
        ),
    )
    (finding,) = findings(product)
    assert finding.rule == "CapabilityInstalled"
    assert finding.fix == (
        "Commit (`git commit --no-verify`), then run "
        """`uvx copier update --defaults --data 'outputs=["parquet", "delta"]'`."""
    )


@pytest.mark.parametrize(
    ("traits", "answer"),
    [
        ([{"uses": "airflow@1"}], '["airflow"]'),
        (
            [{"uses": "airflow@1"}, {"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}}],
            '["schedule", "airflow"]',
        ),
    ],
)
def test_the_command_names_what_starts_the_runs_once(
    traits: list[dict[str, Any]], answer: str, copy_of: Copy, departures: Path
) -> None:
    product = copy_of(departures)
    edit(product / "data-product.yaml", lambda spec: {**spec, "spec": {**spec["spec"], "traits": traits}})
    (fix,) = (one.fix for one in findings(product) if one.rule == "CapabilityInstalled")
    assert f"'traits={answer}'" in fix


def test_where_another_place_was_chosen_the_fix_names_it(copy_of: Copy, departures: Path) -> None:
    """As after `copier update --data infrastructure=kubernetes`, which has taken the files of aws@1 away."""
    product = copy_of(departures)
    edit(product / ".copier-answers.yml", lambda answers: {**answers, "infrastructure": "kubernetes"})
    (product / "infra/variables.tf").unlink()
    (fix,) = (one.fix for one in findings(product) if one.rule == "CapabilityInstalled")
    assert "--data infrastructure=aws`. Or write `uses: kubernetes@1`, whose files are there." in fix


def test_what_an_orchestrator_replaced_is_not_brought_back(copy_of: Copy, departures: Path) -> None:
    """As after `copier update --data 'traits=["schedule", "airflow"]'`, which leaves the spec to the team."""
    product = copy_of(departures)
    edit(product / ".copier-answers.yml", lambda answers: {**answers, "traits": ["airflow", "schedule"]})
    (product / ".github/workflows/schedule.yml").unlink(missing_ok=True)
    schedule = [{"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}}]
    edit(product / "data-product.yaml", lambda spec: {**spec, "spec": {**spec["spec"], "traits": schedule}})
    (fix,) = (one.fix for one in findings(product) if one.rule == "CapabilityInstalled")
    assert fix.startswith("Add `- uses: airflow@1` to spec.traits: ")


def test_a_product_is_whole_without_what_is_for_work_by_hand(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    (product / "profiles.yml").unlink()
    assert [one for one in findings(product) if one.rule == "CapabilityInstalled"] == []


@pytest.mark.parametrize(
    ("chosen", "uses", "fixes"),
    [
        ("ci", "ci@1", []),
        ("aws", "ci@1", ["Write `uses: aws@1`, or go back: "]),
        ("kubernetes", "ci@1", ["Write `uses: kubernetes@1`, or go back: "]),
        ("ci", None, []),  # a product of 0.2.0 does not say where it runs
        ("", "ci@1", []),
        ("elsewhere", "ci@1", []),
    ],
)
def test_the_place_to_run_is_the_one_whose_files_were_brought(
    chosen: str, uses: str | None, fixes: list[str], copy_of: Copy, departures: Path
) -> None:
    product = copy_of(departures)
    edit(product / ".copier-answers.yml", lambda answers: {**answers, "infrastructure": chosen})
    place = {"infrastructure": {"uses": uses}} if uses else {}
    edit(
        product / "data-product.yaml",
        lambda spec: {
            **spec,
            "spec": {key: value for key, value in spec["spec"].items() if key != "infrastructure"} | place,
        },
    )
    given = [one.fix for one in findings(product) if one.rule == "CapabilityInstalled"]
    assert [fix.partition("commit (")[0] for fix in given] == fixes
    assert all(fix.endswith("--data infrastructure=ci`.") for fix in given)


@pytest.mark.parametrize(
    ("objective", "indicator", "good"),
    [
        ("<= 24h", "freshness", True),
        ("<1.5 d", "freshness", True),
        (">= 24h", "freshness", False),
        ("<= 24%", "freshness", False),
        ("<= 24", "freshness", False),
        ("<= -1h", "freshness", False),
        ("<= 0h", "freshness", False),
        ("< 0 s", "duration", False),
        (">= 99.5%", "completeness", True),
        ("> 100%", "completeness", False),
        (">= 101%", "completeness", False),
        (">= 0%", "completeness", False),
        (">= 1 rows", "volume", True),
        ("<= 10 rows", "volume", False),
        ("about 5", "volume", False),
    ],
)
def test_an_objective_can_be_met_and_missed(
    objective: str, indicator: str, good: bool, copy_of: Copy, departures: Path
) -> None:
    product = copy_of(departures)
    level = {"name": "level", "indicator": indicator, "objective": objective}
    if indicator == "completeness":
        level["column"] = "airline"
    edit(product / "data-product.yaml", lambda spec: merged(spec, {"spec": {"serviceLevels": [level]}}))
    assert (rules_found(product) == set()) is good


@pytest.mark.parametrize(
    ("cron", "good"),
    [
        ("0 5 * * *", True),
        ("*/15 8-18 1,15 jan-mar mon-fri", True),
        ("60 * * * *", False),
        ("0 24 * * *", False),
        ("0 0 0 * *", False),
        ("0 0 * 13 *", False),
        ("5-1 * * * *", False),
        ("*/0 * * * *", False),
        ("* * * *", False),
        ("0 0 30 2 *", False),
        ("0 0 31 4,6 *", False),
        ("0 0 29 2 *", True),
        ("0 0 30 2 mon", True),
        (" 0 5 * * *", False),
        ("0\t5 * * *", False),
        ("@daily", False),
        ("", False),
        ("0 5 * * * *", False),
    ],
)
def test_a_schedule_comes_to_pass(cron: str, good: bool, copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    trait = {"uses": "schedule@1", "properties": {"cron": cron}}
    edit(product / "data-product.yaml", lambda spec: merged(spec, {"spec": {"traits": [trait]}}))
    assert ("ScheduleValid" not in rules_found(product)) is good


def test_files_outside_the_repository_are_refused(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    outside = product.parent / "outside.yaml"
    shutil.copy(product / "access" / "policy.yaml", outside)
    for path in ("../outside.yaml", str(outside), "access/link.yaml"):
        if path == "access/link.yaml":
            (product / path).symlink_to(outside)
        edit(
            product / "data-product.yaml",
            lambda spec, path=path: merged(spec, {"spec": {"access": {"policy": path}}}),
        )
        assert rules_found(product) & {"Shape", "FilesExist"}, path


@pytest.mark.parametrize(
    ("lines", "good"),
    [
        ("* ada@example.org\n", True),
        ("* bob@example.org\n* ada@example.org\n", True),
        ("", False),
        ("# * ada@example.org\n", False),
        ("*.yaml bob@example.org\n", False),
        ("* ada@example.org\n** bob@example.org\n", False),
        ("* ada@example.org\naccess/ bob@example.org\n", False),
        ("* ada@example.org\n/access bob@example.org\n", False),
        ("* ada@example.org\n/access/policy.yaml\n", False),
        ("* ada@example.org\n/pipeline/ bob@example.org\n", True),
        ("* ada@example.org\n/access/* ada@example.org bob@example.org\n", True),
    ],
)
def test_the_last_line_of_codeowners_counts(lines: str, good: bool, copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    (product / ".github" / "CODEOWNERS").write_text(lines)
    assert ("OwnerReviews" not in rules_found(product)) is good


def test_a_sample_that_is_gone_is_to_be_added(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    (product / "sample_data/flights.csv").unlink()
    (fix,) = [one.fix for one in findings(product) if one.rule == "FilesExist"]
    assert fix == "Add sample_data/flights.csv, or correct the path."


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        (
            "data-product.yaml",
            "purpose: Departures from",
            "purpose: TODO write this about",
            "PlaceholderReplaced",
        ),
        ("data-product.yaml", 'name: "Ada Example"', 'name: "REPLACE ME"', "GovernancePlaceholderReplaced"),
        ("data-product.yaml", "  name: departures\n", "  name: my-product\n", "PlaceholderReplaced"),
        (
            "data-product.yaml",
            "  domain: airport-operations\n",
            "  domain: my-domain\n",
            "PlaceholderReplaced",
        ),
        (
            "data-product.yaml",
            'path: "${FLIGHTS:-sample_data/flights.csv}"',
            'path: "${FLIGHTS}"',
            "FilesExist",
        ),
        ("data-product.yaml", "sample_data/flights.csv", "../x/*.csv", "FilesExist"),
        ("data-product.yaml", "sample_data/flights.csv", "sample_data", "FilesExist"),
        ("data-product.yaml", "sample_data/flights.csv", "https://", "FilesExist"),
        ("data-product.yaml", "${LAKE:-build/ports/lake}", "${LAKE:-${X:-build/b}}", "VariablesWellFormed"),
        ("data-product.yaml", "${LAKE:-build/ports/lake}", "models", "PortsStayInBuild"),
        ("data-product.yaml", "${LAKE:-build/ports/lake}", "build/scratch/x", "PortsStayInBuild"),
        ("data-product.yaml", "${LAKE:-build/ports/lake}", "./build//ports/tables/", "PortPathsDistinct"),
        (
            "data-product.yaml",
            "indicator: freshness,",
            "indicator: freshness, column: airline,",
            "IndicatorColumnKnown",
        ),
        (
            "docs/data-sharing-agreement.md",
            "Version 1.0.0",
            "Version 2.0.0 (replaces 1.0.0)",
            "AgreementVersionNamed",
        ),
        ("docs/data-sharing-agreement.md", "## What is shared", "## TODO", "GovernancePlaceholderReplaced"),
        ("contract.odcs.yaml", "classification: public", "tags: [x]", "ColumnNotAboveProduct"),
        (
            "contract.odcs.yaml",
            "description: Name of the airline.",
            "description: Airline",
            "ColumnsDescribed",
        ),
        ("contract.odcs.yaml", "- name: airline\n", "- name: CARRIER\n", "ColumnsDescribed"),
        (
            "contract.odcs.yaml",
            "logicalType: boolean\n",
            "logicalType: object\n        properties: [{name: x, logicalType: string, description: Some words., classification: secret}]\n",
            "ColumnNotAboveProduct",
        ),
    ],
)
def test_what_people_get_wrong(
    file: str, old: str, new: str, rule: str, copy_of: Copy, departures: Path
) -> None:
    product = copy_of(departures)
    text = (product / file).read_text("utf-8")
    assert old in text
    (product / file).write_text(text.replace(old, new, 1), "utf-8")
    assert rule in rules_found(product)


OBJECT: dict[str, Any] = {"logicalType": "object"}
MAP = {"logicalType": "map", "map": {"key": {"logicalType": "string"}, "value": OBJECT}}
FIELDS = {**OBJECT, "properties": [{"name": "s", "logicalType": "string"}]}


@pytest.mark.parametrize(
    ("column", "missing"),
    [
        (OBJECT, "a"),
        ({**OBJECT, "properties": [{"name": "b", **OBJECT}]}, "a.b"),
        ({"logicalType": "array", "items": {"logicalType": "array", "items": OBJECT}}, "a[][]"),
        (MAP, "a[value]"),
        (FIELDS, ""),
        ({**OBJECT, "physicalType": "MAP<STRING, INT>"}, ""),
        ({"logicalType": "array", "items": FIELDS}, ""),
        ({"logicalType": "array"}, ""),
    ],
)
def test_what_an_object_holds_is_described(column: dict[str, Any], missing: str) -> None:
    contract = {"schema": [{"name": "t", "properties": [{"name": "a", **column}]}]}
    documents = [
        parse(name, yaml.safe_dump(value))
        for name, value in (
            ("data-product.yaml", {"spec": {"dataset": {"name": "t"}}}),
            ("contract.odcs.yaml", contract),
        )
    ]
    found = [problem.detail.partition(" is an object")[0] for problem in ObjectsDescribed().check(*documents)]
    assert found == ([missing] if missing else [])
