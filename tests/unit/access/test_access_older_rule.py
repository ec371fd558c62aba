"""Approvals from before the present rule: they stay as they were, and nothing new goes by the older rule."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from shared_product import AGREEMENT, SharedProduct
from signed import APPROVERS, BO, PATH, People, Repository, agreement

from meshwright.access.approval import Approval, approval, approvers, authorised
from meshwright.core.git_history import History
from meshwright.product import schema

SCHEMA = ".meshwright/access-agreement.schema.json"
OLDER = '{"enum": ["principal", "requester", "purpose"]}\n'
PRESENT = '{"enum": ["principal", "requester", "purpose", "approvedBy"]}\n'
POLICY = "access/policy.yaml"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def product(tmp_path: Path, people: People) -> Repository:
    """A product of an older template, with two approvers."""
    product = Repository(tmp_path / "product", people)
    files = {SCHEMA: OLDER, POLICY: "one: 1\n", PATH: agreement(), APPROVERS: people.approvers("ada", "dan")}
    product.commit("Born", files)
    return product


def found(product: Repository, *needed: str) -> Approval:
    return approval(History(product.root), PATH, needed or ("owner",), BO)


def touched_by_ada(product: Repository, path: str, text: str) -> None:
    """What the older rule takes for an approval: Bo's change, and then a signature on something else in the file."""
    product.commit("Ask", {path: text})
    product.commit("Format", {path: f"{text}# formatted\n"}, signed="ada")


def update(product: Repository) -> None:
    product.commit("copier update", {SCHEMA: PRESENT})


def test_what_was_approved_before_the_update_stays_and_is_named(product: Repository) -> None:
    touched_by_ada(product, PATH, agreement("approved"))
    assert found(product).evidence == "older rule"
    update(product)
    product.commit("Format", {PATH: agreement("approved")})
    last = found(product)
    assert (last.accepted, last.evidence, last.signers) == (True, "older rule", ("ada@example.org (owner)",))


def test_a_further_approval_adds_to_an_older_one(product: Repository) -> None:
    touched_by_ada(product, PATH, agreement("approved"))
    update(product)
    product.commit("Approve too", {PATH: agreement("approved", by=["dan"])}, signed="dan")
    last = found(product, "owner", "data-protection")
    assert (last.accepted, last.evidence) == (True, "older rule")


def test_a_change_of_the_terms_needs_the_present_rule(product: Repository) -> None:
    touched_by_ada(product, PATH, agreement("approved"))
    update(product)
    touched_by_ada(product, PATH, agreement("approved", "writer"))
    assert "“Ask”), is not signed" in found(product).reasons[0]
    product.commit("Ask again", {PATH: agreement(role="writer")})
    product.commit("Approve", {PATH: agreement("approved", "writer")}, signed="ada")
    assert (found(product).accepted, found(product).evidence) == (True, "signature")


def test_an_older_approval_that_is_merged_after_the_update_does_not_count(product: Repository) -> None:
    product.branch("ask")
    touched_by_ada(product, PATH, agreement("approved"))
    product.switch("main")
    update(product)
    product.merge("ask")
    assert not found(product).accepted


@pytest.mark.parametrize("later", [OLDER, None, "{}\n"], ids=["the older one", "none", "another"])
def test_the_older_schema_does_not_bring_the_older_rule_back(product: Repository, later: str | None) -> None:
    update(product)
    product.commit("Back", {SCHEMA: later})
    touched_by_ada(product, PATH, agreement("approved"))
    touched_by_ada(product, POLICY, "two: 2\n")
    assert not found(product).accepted
    assert authorised(History(product.root), POLICY).text == "one: 1\n"


@pytest.mark.parametrize("at_birth", [None, PRESENT], ids=["no schema", "the present schema"])
def test_a_repository_that_began_without_the_older_rule_never_has_it(
    tmp_path: Path, people: People, at_birth: str | None
) -> None:
    product = Repository(tmp_path / "fresh", people)
    files = {PATH: agreement(), APPROVERS: people.approvers("ada")}
    product.commit("Born", files | ({SCHEMA: at_birth} if at_birth else {}))
    product.commit("Older", {SCHEMA: OLDER})
    touched_by_ada(product, PATH, agreement("approved"))
    assert not found(product).accepted


def test_files_that_were_authorised_before_the_update_stay(product: Repository, people: People) -> None:
    touched_by_ada(product, POLICY, "two: 2\n")
    touched_by_ada(product, APPROVERS, people.approvers("ada", "dan", "eve"))
    update(product)
    assert authorised(History(product.root), POLICY).text == "two: 2\n# formatted\n"
    assert "eve@example.org" in {one.email for one in approvers(History(product.root))}
    touched_by_ada(product, POLICY, "three: 3\n")
    touched_by_ada(product, APPROVERS, people.approvers("ada", "dan", "eve", "sam"))
    assert authorised(History(product.root), POLICY).text == "two: 2\n# formatted\n"
    assert "sam@example.org" not in {one.email for one in approvers(History(product.root))}


@pytest.mark.slow
def test_plan_and_explain_list_what_the_older_rule_approved(
    make: Callable[..., Path], tmp_path: Path, people: People
) -> None:
    root = Path(shutil.copytree(make("departures"), tmp_path / "departures"))
    present = (root / SCHEMA).read_text()
    (root / SCHEMA).write_text(present.replace('"approvedBy"', '"other"'))
    shared = SharedProduct(root, people)
    shared.publish()
    shared.agree()
    shared.repository.commit("copier update", {SCHEMA: present})
    listed = f"agreement {AGREEMENT}, by ada@example.org (owner)"
    for form in ("human", "markdown"):
        printed = shared.access("plan", "--format", form)
        assert listed in printed.split("Approved by the older rule, until they end")[1]
    plan = json.loads(shared.access("plan", "--format", "json"))
    assert [one["evidence"] for one in plan["agreements"]] == ["older rule"]
    assert "approved by the older rule" in shared.access("explain", "svc-punctuality", "carrier")
    path = root / f"access/agreements/{AGREEMENT}.yaml"
    shared.repository.commit("Longer", {path.relative_to(root).as_posix(): re.sub("endTimestamp: .*", "endTimestamp: '2027-09-01T00:00:00Z'", path.read_text())})  # fmt: skip
    assert "Approved by the older rule" not in shared.access("plan")


def test_the_schema_that_products_get_is_the_present_one() -> None:
    assert '"approvedBy"' in json.dumps(schema.access_agreement())
