"""Deputies: who stands in for an approver, for which files, and how long."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from signed import APPROVERS, BO, PATH, People, Repository, agreement

from meshwright.access.approval import Approval, approval, approvers, authorised, list_problem
from meshwright.core.git_history import History
from meshwright.core.yaml import Document
from meshwright.product.approvers import unsound

POLICY = "access/policy.yaml"
TERM = {"from": "2026-03-01T00:00:00Z", "until": "2026-03-20T00:00:00Z"}
BEFORE, WITHIN, AFTER = "2026-02-20", "2026-03-10", "2026-03-21"
FOR_ADA = ("eve@example.org (owner, for ada@example.org)",)


def term(**changed: str) -> str:
    return "".join(
        f"    {key}: {value}\n" for key, value in ({"deputyFor": "ada@example.org"} | TERM | changed).items()
    )


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory, people: People) -> Path:
    """A product whose owner is away, and has a deputy."""
    product = Repository(tmp_path_factory.mktemp("born") / "product", people)
    product.commit("Born", {POLICY: "roles: {}\n"}, by="ada", on=BEFORE)
    product.commit("Name", {APPROVERS: people.approvers("ada", "dan")}, by="ada", on=BEFORE)
    listed = people.approvers("ada", "dan", "eve") + term()
    product.commit("Go on holiday", {APPROVERS: listed}, signed="ada", on=BEFORE)
    product.commit("Ask", {PATH: agreement()}, on=BEFORE)
    return product.root


@pytest.fixture
def product(born: Path, tmp_path: Path, people: People) -> Repository:
    shutil.copytree(born, tmp_path / "product", symlinks=True)
    return Repository(tmp_path / "product", people)


def decision(product: Repository, *needed: str, not_by: frozenset[str] = BO) -> Approval:
    return approval(History(product.root), PATH, needed or ("owner",), not_by)


APPROVED = {PATH: agreement("approved", by=["eve"])}


def test_a_deputy_approves_within_the_term(product: Repository) -> None:
    commit = product.commit("Approve", APPROVED, signed="eve", on=WITHIN)
    assert decision(product) == Approval(True, commit, FOR_ADA, ())
    product.commit("Later", {"README.md": "x\n"}, on=AFTER)
    assert decision(product).accepted  # what was approved stays so


@pytest.mark.parametrize("on", [BEFORE, AFTER])
def test_outside_of_the_term_a_deputy_approves_nothing(product: Repository, on: str) -> None:
    product.commit("Approve", APPROVED, signed="eve", on=on)
    (reason,) = decision(product).reasons
    assert (
        f"could approve from 2026-03-01 00:00 UTC until 2026-03-20 00:00 UTC, and this is of {on}" in reason
    )


def test_an_approval_that_is_merged_after_the_term_counts_for_nothing(product: Repository) -> None:
    """Whoever signs can write any time; the merge is the forge's."""
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="eve", on=WITHIN)
    product.switch("main")
    late = {"GIT_AUTHOR_DATE": f"{AFTER}T12:00:00Z", "GIT_COMMITTER_DATE": f"{AFTER}T12:00:00Z"}
    product.git("merge", "--quiet", "--no-ff", "-m", "Merge", "ask", **late)
    assert f"this is of {AFTER}" in decision(product).reasons[0]


def test_after_the_term_no_time_that_a_deputy_writes_counts(product: Repository) -> None:
    """Without a merge commit, the time of what came in is the deputy's own word."""
    product.commit("Go on", {"README.md": "x\n"}, on=AFTER)
    product.commit("Approve", APPROVED, signed="eve", on=WITHIN)
    (reason,) = decision(product).reasons
    assert f"this is of {AFTER}" in reason


def test_an_approver_who_left_is_still_the_one_person_of_the_deputy(product: Repository) -> None:
    """Also by an address that the approver no longer went by."""
    moved = product.people.approvers("ada", "dan", "eve", changed={"email: ada@": "email: ada.new@"})
    moved += term(deputyFor="ada.new@example.org")
    product.commit("Move", {APPROVERS: moved}, signed="ada", on=BEFORE)
    product.commit("Approve", APPROVED, signed="eve", on=WITHIN)
    asked_by_ada = frozenset({"ada@example.org"})
    assert decision(product).accepted
    assert not decision(product, not_by=asked_by_ada).accepted
    product.commit("Leave", {APPROVERS: product.people.approvers("dan")}, signed="dan", on=AFTER)
    assert decision(product).accepted
    assert not decision(product, not_by=asked_by_ada).accepted


def test_a_deputy_and_the_approver_are_one_person(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="eve", on=WITHIN)
    both = {PATH: agreement("approved", by=["eve", "ada"])}
    product.commit("Approve, too", both, signed="ada", on=WITHIN)
    assert not decision(product, "owner", "owner").accepted
    three = {PATH: agreement("approved", by=["eve", "ada", "dan"])}
    product.commit("Approve as well", three, signed="dan", on=WITHIN)
    assert decision(product, "owner", "data-protection").accepted


@pytest.mark.parametrize("name", ["eve", "ada"])
def test_a_deputy_approves_neither_for_themselves_nor_for_the_approver(
    product: Repository, name: str
) -> None:
    product.commit("Approve", APPROVED, signed="eve", on=WITHIN)
    assert not decision(product, not_by=frozenset({f"{name}@example.org"})).accepted


def _change_policy(product: Repository) -> bool:
    product.commit("Widen", {POLICY: "roles: {reader: {}}\n"}, signed="eve", on=WITHIN)
    return authorised(History(product.root), POLICY).text != "roles: {}\n"


def _name_somebody(product: Repository) -> bool:
    listed = product.people.approvers("ada", "dan", "sam", "eve") + term()
    product.commit("Name", {APPROVERS: listed}, signed="eve", on=WITHIN)
    return any(one.email == "sam@example.org" for one in approvers(History(product.root)))


def _stay(product: Repository) -> bool:
    listed = product.people.approvers("ada", "dan", "eve") + term(until="2026-03-25T00:00:00Z")
    product.commit("Stay", {APPROVERS: listed}, signed="eve", on=WITHIN)
    return not list_problem(History(product.root))[0]


def _become_an_approver(product: Repository) -> bool:
    product.commit(
        "Rise", {APPROVERS: product.people.approvers("ada", "dan", "eve")}, signed="eve", on=WITHIN
    )
    return any(one.term is None for one in approvers(History(product.root)) if one.name.startswith("Eve"))


@pytest.mark.parametrize("change", [_change_policy, _name_somebody, _stay, _become_an_approver])
def test_a_deputy_approves_agreements_and_nothing_else(
    product: Repository, change: Callable[[Repository], bool]
) -> None:
    assert not change(product)


def test_anybody_ends_a_term_and_only_an_approver_makes_one(product: Repository) -> None:
    product.commit("End", {APPROVERS: product.people.approvers("ada", "dan")}, on=WITHIN)
    product.commit("Approve", APPROVED, signed="eve", on=WITHIN)
    assert not decision(product).accepted
    listed = product.people.approvers("ada", "dan", "sam") + term()
    product.commit("Another", {APPROVERS: listed}, by="sam", on=WITHIN)
    assert all(one.email != "sam@example.org" for one in approvers(History(product.root)))


@pytest.mark.parametrize(
    ("changed", "place", "says"),
    [
        ({"deputyFor": "zoe@example.org"}, "deputyFor", "is no approver in their own right"),
        ({"deputyFor": "eve@example.org"}, "deputyFor", "is no approver in their own right"),
        ({"capacity": "steward"}, "capacity", "A deputy approves as owner"),
        ({"until": "2026-03-01T00:00:00Z"}, "until", "within 31 days"),
        ({"until": "2026-04-02T00:00:00Z"}, "until", "within 31 days"),
        ({"until": "2026-02-30T00:00:00Z"}, "until", "within 31 days"),
    ],
)
def test_what_is_wrong_with_a_term_is_shown_at_its_place(
    changed: dict[str, str], place: str, says: str
) -> None:
    own = {"name": "Ada", "email": "ada@example.org", "capacity": "owner", "login": "ada"}
    deputy = {"name": "Eve", "email": "eve@example.org", "capacity": "owner", "login": "eve"}
    deputy |= {"deputyFor": "ada@example.org", **TERM, **changed}
    problems = list(unsound(Document(Path(APPROVERS), {"approvers": [own, deputy]})))
    assert [where[-1] for where, *_ in problems] == [place]
    assert says in problems[0][1]
