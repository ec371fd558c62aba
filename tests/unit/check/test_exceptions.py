"""A dated exception that governance approved suspends a rule, is shown as such, and ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from products import findings

from meshwright.assess.exemptions import apply
from meshwright.assess.expectations import Expectations
from meshwright.check.engine import check_record
from meshwright.check.rules import RULES
from meshwright.cli import main
from meshwright.mesh.sources import of_repository
from meshwright.product import metamodel
from meshwright.product.exceptions import applying
from meshwright.product.files import EXCEPTIONS

Copy = Callable[[Path], Path]
TODAY = datetime.now(UTC).date()
SOON = f"{TODAY + timedelta(days=30)}"
APPROVED = {"rule": "ColumnsDescribed", "reason": "Meanings follow by March.", "until": SOON, "approvedBy": metamodel.GOVERNANCE[0]}  # fmt: skip


@pytest.fixture
def product(departures: Path, copy_of: Copy) -> Path:
    """A product of which one column has no meaning."""
    product = copy_of(departures)
    contract = product / "contract.odcs.yaml"
    text = contract.read_text("utf-8")
    contract.write_text(text.replace("        description: Name of the airline.\n", ""), "utf-8")
    return product


def excepted(product: Path, *entries: dict[str, str]) -> Path:
    value = {"apiVersion": "meshwright/v1", "kind": "Exceptions", "exceptions": list(entries)}
    (product / EXCEPTIONS).write_text(yaml.safe_dump(value), "utf-8")
    return product


def levels(product: Path) -> set[tuple[str, str]]:
    return {(one.rule, one.level) for one in findings(product)}


def test_a_rule_is_excepted_until_its_day(product: Path) -> None:
    assert levels(product) == {("ColumnsDescribed", "error")}
    assert levels(excepted(product, APPROVED)) == {("ColumnsDescribed", "excepted")}
    result = CliRunner().invoke(main, ["check", str(product)])
    assert result.exit_code == 0 and "1 excepted" in result.output and "all rules kept" not in result.output
    log = json.loads(CliRunner().invoke(main, ["check", str(product), "--format", "sarif"]).output)
    assert [one["suppressions"] for one in log["runs"][0]["results"]] == [[{"kind": "external"}]]


@pytest.mark.parametrize(
    "change",
    [
        {"until": f"{TODAY - timedelta(days=1)}"},
        {"until": f"{TODAY + timedelta(days=metamodel.LONGEST_EXCEPTION_DAYS + 1)}"},
        {"until": "2027-02-30"},
        {"approvedBy": "ada@example.org"},
        {"approvedBy": ""},
    ],
    ids=["ended", "too long", "no date", "not governance", "not approved"],
)
def test_what_is_not_valid_suspends_nothing(product: Path, change: dict[str, str]) -> None:
    found = levels(excepted(product, APPROVED | change))
    assert found == {("ColumnsDescribed", "error"), ("ExceptionValid", "error")}


@pytest.mark.parametrize(
    "rule", ["NoSuchRule", "ColumnNotAboveProduct", "NoSecretCommitted", "AgreementEnds"]
)
def test_some_rules_are_never_excepted(product: Path, rule: str) -> None:
    found = levels(excepted(product, APPROVED, APPROVED | {"rule": rule}))
    assert found == {("ColumnsDescribed", "excepted"), ("ExceptionValid", "error")}


@pytest.mark.parametrize(
    "change",
    [
        {"until": f"{TODAY + timedelta(days=30):%Y%m%d}"},
        {"until": f"{TODAY + timedelta(days=30):%G-W%V-%u}"},
        {"reason": "Later."},
        {"ticket": "OPS-1"},
    ],
    ids=["no hyphens", "week", "short reason", "unknown field"],
)
def test_what_does_not_fit_the_schema_suspends_nothing(product: Path, change: dict[str, str]) -> None:
    entry = APPROVED | change
    assert levels(excepted(product, entry)) == {("ColumnsDescribed", "error"), ("Shape", "error")}
    record = of_repository(product, "https://git.example.org/a.git")
    value = {**record.value, "exceptions": [entry]}
    found = {(one.rule, one.level) for one in check_record(value)}
    assert found == {("ColumnsDescribed", "error"), ("Shape", "error")}
    assert not applying(value, TODAY)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("data-product.yaml", 'name: "Ada Example"', 'name: "REPLACE ME"'),
        ("data-product.yaml", "classification: internal", "classification: REPLACE-ME"),
        ("data-product.yaml", "policy: access/policy.yaml", "policy: access/REPLACE-ME.yaml"),
        ("contract.odcs.yaml", "classification: public", "classification: REPLACE-ME"),
        ("access/policy.yaml", "description: People", "description: REPLACE-ME"),
        ("docs/data-sharing-agreement.md", "## What is shared", "## TODO"),
    ],
)
def test_placeholders_where_governance_looks_stay_errors(
    departures: Path, copy_of: Copy, file: str, old: str, new: str
) -> None:
    product = copy_of(departures)
    text = (product / file).read_text("utf-8")
    assert old in text
    (product / file).write_text(text.replace(old, new), "utf-8")
    found = levels(excepted(product, APPROVED | {"rule": "PlaceholderReplaced"}))
    assert ("GovernancePlaceholderReplaced", "error") in found and "PlaceholderReplaced" not in dict(found)


@pytest.mark.parametrize(
    ("line", "good"),
    [
        ("", False),
        ("/.meshwright/ ada@example.org platform@example.org\n", False),
        ("/.meshwright/exceptions.yaml platform@example.org\n", True),
    ],
)
def test_in_a_codeowners_of_the_team_somebody_else_reviews_exceptions(
    product: Path, line: str, good: bool
) -> None:
    answers = product / ".copier-answers.yml"
    answers.write_text(answers.read_text("utf-8") + "declined: [.github/CODEOWNERS]\n", "utf-8")
    (product / ".github/CODEOWNERS").unlink()
    (product / "CODEOWNERS").write_text("* ada@example.org\n" + line, "utf-8")
    assert ("OwnerReviews", "error") not in levels(product)
    assert (("OwnerReviews", "error") not in levels(excepted(product, APPROVED))) is good
    if not good:
        (fix,) = [one.fix for one in findings(product) if one.rule == "OwnerReviews"]
        with (product / "CODEOWNERS").open("a") as opened:
            opened.write(fix.partition(": ")[2] + "\n")
        assert ("OwnerReviews", "error") not in levels(product)


def test_secrets_access_and_classification_are_among_them() -> None:
    names = {rule.id for rule in RULES}
    about = {
        rule.id
        for rule in RULES
        if type(rule).__module__.rpartition(".")[2] in ("access", "agreements", "secrets")
    }
    about |= {name for name in names if "Classif" in name or "Secret" in name or name.startswith("Access")}
    assert about <= metamodel.NEVER_EXCEPTED
    assert metamodel.NEVER_EXCEPTED - names == {"Readable", "Shape", "ExceptionValid"}


def test_a_needless_exception_is_a_warning(departures: Path, copy_of: Copy) -> None:
    product = excepted(copy_of(departures), APPROVED)
    assert levels(product) == {("ExceptionValid", "warning")}


def test_the_catalog_takes_it_and_the_score_does_not_call_it_kept(product: Path) -> None:
    record = of_repository(excepted(product, APPROVED), "https://git.example.org/a.git")
    assert {(one.rule, one.level) for one in check_record(record.value)} == {("ColumnsDescribed", "excepted")}
    result = {
        "function": "MetamodelKept",
        "state": "broken",
        "verdicts": [{"state": "broken", "place": "ColumnsDescribed"}],
    }
    apply([{"id": record.id, "results": [result]}], Expectations(), [record], datetime.now(UTC))
    assert result["state"] == "excepted" and result["until"] == SOON
    other = {
        "function": "MetamodelKept",
        "state": "broken",
        "verdicts": [{"state": "broken", "place": "OwnerReviews"}],
    }
    apply([{"id": record.id, "results": [other]}], Expectations(), [record], datetime.now(UTC))
    assert other["state"] == "broken"
