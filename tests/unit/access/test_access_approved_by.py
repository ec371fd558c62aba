"""`approvedBy`: who approved an agreement, each by a commit of their own; nobody adds anybody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from signed import APPROVERS, BO, PATH, People, Repository, agreement

from meshwright.access.approval import Approval, approval
from meshwright.core.git_history import History

Step = tuple[str | None, str]
"""Who signs a commit (None: Bo, unsigned), and what it makes of the agreement."""
ASKED = agreement()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def product(tmp_path: Path, people: People) -> Repository:
    product = Repository(tmp_path / "product", people)
    product.commit("Born", {PATH: ASKED, APPROVERS: people.approvers("ada", "dan", "sam")})
    return product


def found(product: Repository, *needed: str, not_by: frozenset[str] = BO) -> Approval:
    return approval(History(product.root), PATH, needed or ("owner",), not_by)


def approved(*by: str, **more: str) -> str:
    return agreement("approved", by=by, **more)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([("ada", approved("dan"))], "something else than their own address"),
        ([("ada", approved("ada", "dan"))], "something else than their own address"),
        ([(None, agreement(by=["ada"])), ("ada", approved("ada"))], "something else than their own address"),
        ([(None, agreement(by=["ada"])), ("dan", approved("ada"))], "something else than their own address"),
        ([(None, approved("ada"))], "“Step”), is not signed"),
        ([(None, approved()), ("ada", approved("ada"))], "“Step”), is not signed"),
        ([("ada", approved("ada")), (None, approved("ada", "dan"))], "“Step”), is not signed"),
        ([("ada", approved("ada")), (None, approved())], "“Step”), is not signed"),
        ([("ada", approved("ada")), ("dan", approved("dan"))], "something else than their own address"),
        ([("ada", approved("ada")), ("dan", approved("ada", "sam"))], "something else than their own address"),
        ([("ada", approved("ada", role="writer"))], "changes the terms, too"),
        ([("ada", approved("ada")), ("dan", approved("ada", "dan", role="writer"))], "changes the terms, too"),
        ([(None, agreement("rejected")), ("ada", approved("ada"))], "was not requested"),
        ([(None, "status: [\n"), ("ada", approved("ada"))], "was not requested"),
        ([("ada", approved("ada")), (None, ASKED), (None, approved("ada"))], "“Step”), is not signed"),
    ],
    ids=["another's", "also another's", "listed before", "listed before, by another", "unsigned", "after an unsigned one",
         "added unsigned", "taken out unsigned", "replaced", "a third's", "with the terms", "the second with the terms",
         "rejected before", "unreadable before", "taken back"],
)  # fmt: skip
def test_what_adds_no_approval(product: Repository, steps: list[Step], says: str) -> None:
    for signer, text in steps:
        product.commit("Step", {PATH: text}, signed=signer)
    last = found(product)
    assert not last.accepted
    assert says in last.reasons[0]


@pytest.mark.parametrize("by", [(), ("ada",)], ids=["by hand", "listed"])
def test_one_approval_is_enough_with_and_without_a_list(product: Repository, by: tuple[str, ...]) -> None:
    product.commit("Approve", {PATH: approved(*by)}, signed="ada")
    assert found(product).signers == ("ada@example.org (owner)",)
    assert found(product).accepted


def test_a_list_written_as_one_address_is_the_same(product: Repository) -> None:
    text = approved("ada").replace("[ada@example.org]", "ADA@example.org")
    product.commit("Approve", {PATH: text}, signed="ada")
    assert found(product).accepted


def test_a_comment_that_a_second_approver_signs_is_no_approval(product: Repository) -> None:
    product.commit("Approve", {PATH: approved("ada")}, signed="ada")
    product.commit("Looks good", {PATH: approved("ada") + "# approved once more\n"}, signed="dan")
    assert found(product).accepted
    assert "no approval of a data-protection" in found(product, "owner", "data-protection").reasons[0]


def test_three_people_approve_one_after_the_other(product: Repository) -> None:
    for listed in (["ada"], ["ada", "dan"], ["ada", "dan", "sam"]):
        product.commit("Approve", {PATH: approved(*listed)}, signed=listed[-1])
    last = found(product, "owner", "data-protection", "steward")
    assert last.accepted
    assert [one.split("@")[0] for one in last.signers] == ["sam", "dan", "ada"]


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "by hand"])
def test_two_people_approve_on_two_branches(product: Repository, listed: bool) -> None:
    for name in ("ada", "dan"):
        product.switch("main")
        product.branch(name)
        product.commit("Approve", {PATH: approved(*([name] if listed else []))}, signed=name)
    product.switch("main")
    product.merge("ada")
    if listed:
        product.merge("dan", "--strategy=ours", files={PATH: approved("ada", "dan")})
    else:
        product.merge("dan")
    assert found(product, "owner", "data-protection").accepted


def test_a_merge_of_two_approvals_lists_nobody_who_did_not_approve(product: Repository) -> None:
    for name in ("ada", "dan"):
        product.switch("main")
        product.branch(name)
        product.commit("Approve", {PATH: approved(name)}, signed=name)
    product.switch("main")
    product.merge("ada")
    product.merge("dan", "--strategy=ours", files={PATH: approved("ada", "dan", "sam")})
    assert "is not signed" in found(product).reasons[0]


def test_an_old_approval_is_not_brought_back_below_a_reformatting(product: Repository) -> None:
    """A branch keeps what was approved while main takes it back; a commit on it that only reformats would carry it over."""
    product.commit("Approve", {PATH: approved("ada")}, signed="ada")
    product.branch("old")
    product.commit("Work", {"README.md": "x\n"})
    product.switch("main")
    product.commit("Revoke", {PATH: agreement("rejected")})
    product.switch("old")
    product.merge("main", "--strategy=ours")
    product.commit("Format", {PATH: f"# Formatted.\n{approved('ada')}"})
    product.switch("main")
    product.merge("old", "--strategy-option=theirs")
    assert (product.root / PATH).read_text().startswith("# Formatted.")
    assert "took that back" in found(product).reasons[0]


def test_whoever_asks_adds_nothing_to_the_approval_of_others(product: Repository) -> None:
    product.commit("Approve", {PATH: approved("ada")}, signed="ada")
    product.commit("Approve", {PATH: approved("ada", "dan")}, signed="dan")
    for party, other, capacity in (
        ("ada@example.org", "dan", "data-protection"),
        ("dan@example.org", "ada", "owner"),
    ):
        last = found(product, capacity, not_by=frozenset({party}))
        assert last.accepted
        assert [one.split("@")[0] for one in last.signers] == [other]
    last = found(product, not_by=frozenset({"ada@example.org", "dan@example.org"}))
    assert "Somebody else has to approve it" in last.reasons[0]
