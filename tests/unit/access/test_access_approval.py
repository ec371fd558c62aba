"""Approvals: whose signature lets an agreement count, and what every way around it comes to."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from signed import APPROVERS, BO, PATH, People, Repository, agreement

from meshwright.access import approval as rules
from meshwright.access.approval import Approval, approval, authorised
from meshwright.core.git_history import History

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="this machine has no ssh-keygen")

REQUESTED, APPROVED = {PATH: agreement()}, {PATH: agreement("approved")}
WIDENED = {PATH: agreement("approved", role="everything")}


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def born(tmp_path_factory: pytest.TempPathFactory, people: People) -> Path:
    """A product with two approvers and a request for access."""
    product = Repository(tmp_path_factory.mktemp("born") / "product", people)
    product.commit("Born", {"README.md": "x\n", "access/policy.yaml": "roles: {}\n"}, by="ada")
    product.commit("Name approvers", {APPROVERS: people.approvers("ada", "dan")}, by="ada")
    product.commit("Ask", REQUESTED)
    return product.root


@pytest.fixture
def product(born: Path, tmp_path: Path, people: People) -> Repository:
    shutil.copytree(born, tmp_path / "product", symlinks=True)
    return Repository(tmp_path / "product", people)


def asked(
    product: Repository, *needed: str, not_by: frozenset[str] = BO, path: str = PATH, at: str = "HEAD"
) -> Approval:
    return approval(History(product.root, at), path, needed or ("owner",), not_by)


def refused(product: Repository, says: str, *needed: str, **more: object) -> None:
    found = asked(product, *needed, **more)  # type: ignore[arg-type]
    assert not found.accepted
    assert len(found.reasons) == 1
    assert says in found.reasons[0], found.reasons[0]
    assert any(word in found.reasons[0] for word in ("approve", "Merge", "Commit", "Keep one", "Move"))


# What counts


def test_what_an_owner_signs_is_approved(product: Repository) -> None:
    commit = product.commit("Approve", APPROVED, signed="ada")
    assert asked(product) == Approval(True, commit, ("ada@example.org (owner)",), ())


def test_an_owner_signs_on_the_consumers_branch_and_the_forge_merges(product: Repository) -> None:
    product.commit("Take it back", {PATH: None})
    product.branch("ask")
    product.commit("Ask", REQUESTED)
    commit = product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.commit("Meanwhile", {"README.md": "y\n"})
    product.merge("ask")
    product.commit("Later", {"README.md": "z\n"})
    assert asked(product) == Approval(True, commit, ("ada@example.org (owner)",), ())


def test_an_owner_writes_an_agreement_down_for_a_consumer_and_then_approves_it(product: Repository) -> None:
    product.commit("Take it back", {PATH: None})
    product.commit("Agreed on the phone", APPROVED, signed="ada")
    refused(product, "the agreement was not requested")
    product.commit("Ask for a consumer", REQUESTED, signed="ada")
    product.commit("Approve", APPROVED, signed="ada")
    assert asked(product).accepted


def test_the_main_branch_is_merged_into_the_consumers_branch_after_the_approval(product: Repository) -> None:
    product.branch("ask")
    commit = product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.commit("Meanwhile", {"README.md": "y\n"})
    product.switch("ask")
    product.merge("main")
    product.switch("main")
    product.merge("ask")
    assert asked(product).commit == commit
    assert asked(product).accepted


def test_a_branch_that_came_in_by_another_branch_keeps_its_approval(product: Repository) -> None:
    product.branch("next")
    product.commit("Work", {"README.md": "next\n"})
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="ada")
    product.switch("next")
    product.merge("ask")
    product.switch("main")
    product.merge("next")
    assert asked(product).accepted


def test_two_people_approve_in_two_capacities(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="ada")
    needed = ("owner", "data-protection")
    refused(product, "no approval of a data-protection", *needed)
    product.commit("Approve too", {PATH: agreement("approved", by=["dan"])}, signed="dan")
    product.switch("main")
    product.merge("ask")
    found = asked(product, *needed)
    assert found.accepted
    assert found.signers == ("dan@example.org (data-protection)", "ada@example.org (owner)")


def test_an_approval_on_main_and_one_on_a_later_branch_add_up(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="dan")
    product.branch("more")
    product.commit("Approve too", {PATH: agreement("approved", by=["ada"])}, signed="ada")
    product.switch("main")
    product.merge("more")
    assert asked(product, "data-protection", "owner").accepted


def test_a_merge_approves_nothing_whoever_signs_it(product: Repository) -> None:
    product.branch("ask")
    product.commit("Edit", {PATH: agreement(role="writer")})
    product.switch("main")
    product.merge("ask", signed="ada", by="ada", files={PATH: agreement("approved", "writer")})
    refused(product, "a merge approves nothing")
    product.commit("Ask again", {PATH: agreement(role="writer")})
    commit = product.commit("Approve", {PATH: agreement("approved", "writer")}, signed="ada")
    assert asked(product).commit == commit
    assert asked(product).accepted


def test_an_approval_stays_when_its_key_is_taken_away_later(product: Repository, people: People) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.commit("Ada leaves", {APPROVERS: people.approvers("dan")}, signed="dan")
    assert asked(product).accepted
    product.commit("Widen", WIDENED, signed="ada")
    refused(product, "no approver's when it came in")


def test_a_new_approver_counts_once_the_main_branch_has_them(product: Repository, people: People) -> None:
    product.branch("sam")
    product.commit("Name Sam", {APPROVERS: people.approvers("ada", "dan", "sam")}, signed="ada")
    product.switch("main")
    product.merge("sam")
    product.commit("Approve", APPROVED, signed="sam")
    assert asked(product, "steward").accepted


def test_before_anybody_is_named_nobody_can_approve(tmp_path: Path, people: People) -> None:
    product = Repository(tmp_path / "new", people)
    product.commit("Born", {APPROVERS: people.approvers()})
    product.commit("Approve", APPROVED, signed="ada")
    refused(product, "nobody could approve")
    product.commit("Name approvers", {APPROVERS: people.approvers("ada")})
    refused(product, "nobody could approve")
    product.commit("Ask again", REQUESTED)
    product.commit("Approve", APPROVED, signed="ada")
    assert asked(product).accepted


@pytest.mark.parametrize(
    "kind",
    [("-t", "ecdsa", "-b", "256"), ("-t", "ecdsa", "-b", "384"), ("-t", "ecdsa", "-b", "521"), ("-t", "rsa", "-b", "3072")],
    ids=" ".join,
)  # fmt: skip
def test_every_kind_of_key_can_sign(tmp_path: Path, people: People, kind: tuple[str, ...]) -> None:
    name = "key" + "".join(kind).replace("-", "")
    people.make(name, *kind)
    product = Repository(tmp_path / "kinds", people)
    product.commit("Name approvers", {APPROVERS: people.approvers(name), **REQUESTED})
    product.commit("Approve", APPROVED, signed=name)
    assert asked(product).accepted


def test_a_repository_that_names_objects_by_sha256_is_read_alike(tmp_path: Path, people: People) -> None:
    product = Repository(tmp_path / "long", people, "--object-format=sha256")
    product.commit("Name approvers", {APPROVERS: people.approvers("ada")})
    product.commit("Ask", REQUESTED)
    refused(product, "nobody has approved it")
    commit = product.commit("Approve", APPROVED, signed="ada")
    assert len(commit) == 64
    assert asked(product).accepted
    product.commit("Widen", WIDENED)
    refused(product, "is not signed")


def test_git_verifies_what_is_accepted(product: Repository, people: People, tmp_path: Path) -> None:
    commit = product.commit("Approve\n\nAt length: ä", APPROVED, signed="ada")
    allowed = tmp_path / "allowed"
    allowed.write_text(f"ada@example.org {people.public('ada')}\n")
    product.git("-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", commit)
    assert asked(product).accepted


# What does not count


def squash(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.git("merge", "--quiet", "--squash", "ask")
    product.commit("Squash of ask", {}, by="ada")


def rebase(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.commit("Meanwhile", {"README.md": "y\n"})
    product.switch("ask")
    product.git("-c", "commit.gpgSign=false", "rebase", "--quiet", "main")
    product.switch("main")
    product.git("merge", "--quiet", "--ff-only", "ask")


def approved_by_nobody(product: Repository) -> None:
    product.commit("I am Ada, I say so", APPROVED, by="ada")


def approved_by_requester(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="bo")


def widened_unsigned(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.commit("Widen", WIDENED)


def widened_signed_by_requester(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.commit("Widen", WIDENED, signed="bo", by="ada")


def widened_on_a_branch(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="ada")
    product.commit("Widen", WIDENED)
    product.switch("main")
    product.merge("ask", by="ada")


def widened_in_the_merge(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.merge("ask", files=WIDENED)


def widened_in_a_merge_of_something_else(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.branch("other")
    product.commit("Work", {"README.md": "y\n"})
    product.switch("main")
    product.merge("other", files=WIDENED)


def named_in_the_same_commit(product: Repository) -> None:
    files = {APPROVERS: product.people.approvers("ada", "dan", "bo"), **APPROVED}
    product.commit("Approve", files, signed="bo")


def named_earlier_on_the_branch(product: Repository) -> None:
    product.branch("ask")
    product.commit("Name Eve", {APPROVERS: product.people.approvers("ada", "dan", "eve")}, signed="eve")
    product.commit("Approve", APPROVED, signed="eve")
    product.switch("main")
    product.merge("ask")


def named_earlier_on_main_unsigned(product: Repository) -> None:
    product.commit("Name Eve", {APPROVERS: product.people.approvers("ada", "dan", "eve")})
    product.commit("Approve", APPROVED, signed="eve")


def named_by_a_new_start(product: Repository) -> None:
    product.commit("Remove", {APPROVERS: None})
    product.commit("Name approvers", {APPROVERS: product.people.approvers("eve")})
    product.commit("Approve", APPROVED, signed="eve")


def named_by_an_empty_list_first(product: Repository) -> None:
    product.commit("Remove", {APPROVERS: product.people.approvers()})
    product.commit("Name approvers", {APPROVERS: product.people.approvers("eve")})
    product.commit("Approve", APPROVED, signed="eve")


def named_by_an_unreadable_list_first(product: Repository) -> None:
    product.commit("Break", {APPROVERS: "a: [\n"})
    product.commit("Name approvers", {APPROVERS: product.people.approvers("eve")})
    product.commit("Approve", APPROVED, signed="eve")


def named_by_an_approver_on_the_same_branch(product: Repository) -> None:
    product.branch("ask")
    product.commit("Name Sam", {APPROVERS: product.people.approvers("ada", "dan", "sam")}, signed="ada")
    product.commit("Approve", APPROVED, signed="sam")
    product.switch("main")
    product.merge("ask")


def named_by_the_merge_itself(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="eve")
    product.switch("main")
    product.merge("ask", files={APPROVERS: product.people.approvers("ada", "dan", "eve")})


def another_history(product: Repository) -> None:
    product.git("switch", "--quiet", "--orphan", "other")
    product.commit("Name approvers", {APPROVERS: product.people.approvers("eve")})
    product.commit("Approve", APPROVED, signed="eve")
    product.switch("main")
    product.merge("other", "--allow-unrelated-histories", "--strategy-option=theirs")


def signed_before_they_were_named(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="sam")
    product.switch("main")
    product.commit("Name Sam", {APPROVERS: product.people.approvers("ada", "dan", "sam")}, signed="ada")
    product.merge("ask")


def signed_after_they_were_removed(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.commit("Ada has left", {APPROVERS: product.people.approvers("dan")})
    product.merge("ask")


def revoked_and_resurrected(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.branch("old")
    product.commit("Work", {"README.md": "y\n"})
    product.switch("main")
    product.commit("Revoke", {PATH: None}, signed="ada")
    product.merge("old", "--strategy=ours", files=APPROVED)


def revoked_and_resurrected_from_the_very_commit(product: Repository) -> None:
    approved = product.commit("Approve", APPROVED, signed="ada")
    revoked = product.commit("Revoke", {PATH: None}, signed="ada")
    merge = product.made(f"{approved}^{{tree}}", [revoked, approved])
    product.git("reset", "--quiet", "--hard", merge)


def approved_elsewhere_and_brought_over_a_revocation(product: Repository) -> None:
    """Ada signed a version on a branch that was given up; main had another, which was revoked."""
    product.branch("given-up")
    product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.commit("Approve", {PATH: agreement("approved") + "# main\n"}, signed="ada")
    product.commit("Revoke", REQUESTED)
    product.merge("given-up")


def revocation_swallowed_by_a_merge(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.branch("revoke")
    product.commit("Revoke", {PATH: agreement("rejected")}, signed="dan")
    product.switch("main")
    product.merge("revoke", "--strategy=ours")


def reverted_revert(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.git("revert", "--no-edit", "HEAD")
    product.git("revert", "--no-edit", "HEAD")


def octopus(product: Repository) -> None:
    for name in ("two", "one"):
        product.switch("main")
        product.branch(name)
        product.commit("Work", {f"{name}.md": "y\n"})
    product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.commit("Meanwhile", {"README.md": "y\n"})
    product.git("merge", "--quiet", "--no-edit", "one", "two")


def status_requested(product: Repository) -> None:
    product.commit("Looks good", {PATH: agreement(more="note: looks good\n")}, signed="ada")


def status_rejected(product: Repository) -> None:
    product.commit("No", {PATH: agreement("rejected")}, signed="ada")


def a_message_that_mentions_it(product: Repository) -> None:
    product.commit("Ask", APPROVED)
    product.commit(f"Approve {PATH}", {"README.md": "y\n"}, signed="ada")


def executable(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    (product.root / PATH).chmod(0o755)
    product.commit("Run", {}, signed="ada")


def mode_there_and_back(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    for mode in (0o755, 0o644):
        (product.root / PATH).chmod(mode)
        product.commit("Mode", {})


def link(product: Repository) -> None:
    product.write({"approved.yaml": agreement("approved")})
    (product.root / PATH).unlink()
    (product.root / PATH).symlink_to("../../approved.yaml")
    product.commit("Approve", {}, signed="ada")


def case_variant(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.commit("Ask", {"access/agreements/Punctuality.yaml": agreement("approved", "everything")})


def case_variant_of_the_folder(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.commit("Ask", {"Access/agreements/punctuality.yaml": agreement("approved", "everything")})


def not_yaml(product: Repository) -> None:
    product.commit("Approve", {PATH: "status: approved\nstatus: approved\n"}, signed="ada")


def huge(product: Repository) -> None:
    product.commit("Approve", {PATH: agreement("approved") + "#" * 1_100_000}, signed="ada")


def gone(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.commit("Revoke", {PATH: None})


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (approved_by_nobody, "is not signed. A squash or a rebase drops signatures"),
        (approved_by_requester, "no approver's when it came in. Approvers were Ada Example (ada@example.org, owner)"),
        (squash, "“Squash of ask”), is not signed"),
        (rebase, "is not signed"),
        (widened_unsigned, "“Widen”), is not signed"),
        (widened_signed_by_requester, "no approver's"),
        (widened_on_a_branch, "“Widen”), is not signed"),
        (widened_in_the_merge, "“Merge ask”), is not signed"),
        (widened_in_a_merge_of_something_else, "“Merge other”), is not signed"),
        (named_in_the_same_commit, "no approver's"),
        (named_earlier_on_the_branch, "with the merge"),
        (named_earlier_on_main_unsigned, "no approver's"),
        (named_by_a_new_start, "named nobody"),
        (named_by_an_empty_list_first, "named nobody"),
        (named_by_an_unreadable_list_first, "named nobody"),
        (named_by_an_approver_on_the_same_branch, "no approver's when it came in, with the merge"),
        (named_by_the_merge_itself, "no approver's"),
        (another_history, "which its author had not seen"),
        (signed_before_they_were_named, "was no approver yet in the commit before it"),
        (signed_after_they_were_removed, "no approver's when it came in, with the merge"),
        (revoked_and_resurrected, "brought an older version back"),
        (revoked_and_resurrected_from_the_very_commit, "brought an older version back"),
        (approved_elsewhere_and_brought_over_a_revocation, "which its author had not seen"),
        (revocation_swallowed_by_a_merge, "merged but not in effect"),
        (reverted_revert, "is not signed"),
        (octopus, "“Merge branches 'one' and 'two'”), merges more than two branches"),
        (status_requested, "It is requested, and nobody has approved it"),
        (status_rejected, "Its status is 'rejected'"),
        (a_message_that_mentions_it, "“Ask”), is not signed"),
        (executable, "is an executable file"),
        (mode_there_and_back, "“Mode”), is not signed"),
        (link, "is a symbolic link"),
        (case_variant, "differ only in case"),
        (case_variant_of_the_folder, "differ only in case"),
        (not_yaml, "appears here twice"),
        (huge, "larger than"),
        (gone, "no such file"),
    ],
)  # fmt: skip
def test_whatever_goes_around_an_approver_is_refused(
    product: Repository, attack: Callable[[Repository], None], says: str
) -> None:
    attack(product)
    refused(product, says)


@pytest.mark.parametrize(
    ("names", "signer", "says"),
    [
        (("eve",), "eve", "no approver's when it came in, with the merge"),
        (("ada", "dan"), "ada", "on a line of history without"),
        ((), "ada", "on a line of history without"),
    ],
    ids=["approvers of its own", "another product of the same owner", "no approvers"],
)
def test_what_was_approved_in_another_history_is_not_approved_here(
    product: Repository, people: People, names: tuple[str, ...], signer: str, says: str
) -> None:
    other = "access/agreements/other.yaml"
    product.git("switch", "--quiet", "--orphan", "other")
    if names:
        product.commit("Name approvers", {APPROVERS: people.approvers(*names)})
    product.commit("Approve", {other: agreement("approved")}, signed=signer)
    product.switch("main")
    product.merge("other", "--allow-unrelated-histories", "--strategy-option=ours")
    refused(product, says, path=other)


def test_a_copy_of_an_approved_agreement_is_not_approved(product: Repository) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    product.commit("Copy", {"access/agreements/other.yaml": agreement("approved")})
    product.git("mv", PATH, "access/agreements/moved.yaml")
    product.commit("Move", {})
    for name in ("other", "moved"):
        refused(product, "is not signed", path=f"access/agreements/{name}.yaml")


@pytest.mark.parametrize(
    "party", ["ada@example.org", "ADA@Example.ORG", " ada@example.org", "ａda@example.org"]
)
def test_nobody_approves_what_they_ask_for_or_gain_from(product: Repository, party: str) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    refused(
        product,
        "Somebody else has to approve it: Dan Example (dan@example.org, data-protection)",
        not_by=frozenset({party}),
    )


def test_a_new_address_makes_no_other_person(product: Repository, people: People) -> None:
    changed = people.approvers("ada", "dan", changed={"email: ada@": "email: owner@"})
    product.commit("A new address", {APPROVERS: changed}, signed="ada")
    product.commit("Approve", APPROVED, signed="ada")
    assert asked(product).accepted
    for address in ("ada@example.org", "owner@example.org"):
        refused(product, "asks for it, wrote terms of it or gains", not_by=frozenset({address}))


def test_one_person_in_two_capacities_is_one_approval(product: Repository, people: People) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    other = people.approvers("ada", "dan", changed={"capacity: owner": "capacity: steward"})
    product.commit("Ada is steward", {APPROVERS: other}, signed="dan")
    product.commit("Approve", {PATH: agreement("approved", by=["ada"])}, signed="ada")
    assert asked(product, "steward").accepted
    assert asked(product, "owner").accepted
    refused(product, "2 different people", "owner", "steward")


@pytest.mark.parametrize(
    "between",
    [
        [REQUESTED],
        [{PATH: agreement("rejected")}],
        [{PATH: None}],
        [WIDENED],
        [{PATH: agreement("approved").replace("reader", "true")}, {PATH: agreement("approved").replace("reader", "1")}],
    ],
    ids=["requested", "rejected", "deleted", "widened", "another kind of value"],
)  # fmt: skip
def test_an_approval_does_not_outlast_what_was_said_after_it(
    product: Repository, between: list[dict[str, str | None]]
) -> None:
    product.commit("Approve", APPROVED, signed="ada")
    for files in between:
        product.commit("Between", files)
    product.commit("Ask again", REQUESTED)
    product.commit("Approve", {PATH: agreement("approved", by=["dan"])}, signed="dan")
    refused(product, "no approval of an owner", "owner", "data-protection")
    assert asked(product, "data-protection").accepted


def test_an_approval_from_before_a_revocation_elsewhere_does_not_count_again(product: Repository) -> None:
    product.branch("ask")
    product.commit("Approve", APPROVED, signed="ada")
    product.switch("main")
    product.merge("ask")
    product.commit("Revoke", {PATH: None}, signed="ada")
    product.switch("ask")
    product.merge("main", "--strategy=ours")
    product.commit("Approve", {PATH: agreement("approved", by=["dan"])}, signed="dan")
    product.switch("main")
    product.merge("ask")
    refused(product, "took that back", "owner", "data-protection")
    refused(product, "took that back", "data-protection")


def test_noise_on_a_branch_takes_no_approval_away(product: Repository) -> None:
    commit = product.commit("Approve", APPROVED, signed="ada")
    product.branch("noise")
    product.commit("Edit", WIDENED)
    product.commit("Undo", APPROVED)
    product.switch("main")
    product.merge("noise")
    assert asked(product).commit == commit
    assert asked(product).accepted


# Approvers


def test_an_unsigned_change_of_approvers_takes_away_and_adds_nobody(
    product: Repository, people: People
) -> None:
    def now() -> list[str]:
        history = History(product.root)
        assert bool(rules.trust_problem(history)) == unauthorised
        return [approver.email.split("@")[0] for approver in rules.approvers(history)]

    unauthorised = False
    assert now() == ["ada", "dan"]
    unauthorised = True
    product.commit("Dan goes, Eve comes", {APPROVERS: people.approvers("ada", "eve")})
    assert now() == ["ada"]
    product.commit("Everybody", {APPROVERS: people.approvers("ada", "dan", "eve")})
    assert now() == ["ada", "dan"]
    product.commit("Ada is Eve", {APPROVERS: people.approvers("ada", "dan", changed={"ada@": "eve@"})})
    assert now() == ["dan"]
    product.commit("Nobody", {APPROVERS: None})
    assert now() == []
    product.commit("Unreadable", {APPROVERS: "approvers: {}\n"})
    assert now() == []
    product.commit("Again", {APPROVERS: people.approvers("ada", "eve")})
    assert now() == ["ada"]
    product.commit("So be it?", {APPROVERS: people.approvers("ada", "eve", "sam")}, signed="ada")
    assert now() == ["ada"]
    unauthorised = False
    product.commit("Restore", {APPROVERS: people.approvers("ada", "dan")})
    assert now() == ["ada", "dan"]
    product.commit("So be it", {APPROVERS: people.approvers("ada", "eve", "sam")}, signed="ada")
    assert now() == ["ada", "eve", "sam"]


def test_an_approver_can_empty_the_list_and_the_same_people_can_come_back(
    product: Repository, people: People
) -> None:
    product.commit("Nobody", {APPROVERS: people.approvers()}, signed="ada")
    assert rules.approvers(History(product.root)) == ()
    product.commit("Some", {APPROVERS: people.approvers("dan", "eve")})
    assert [one.email for one in rules.approvers(History(product.root))] == ["dan@example.org"]


def test_the_root_of_trust_is_where_the_main_branch_first_names_somebody(
    tmp_path: Path, people: People
) -> None:
    product = Repository(tmp_path / "new", people)
    product.commit("Born", {APPROVERS: people.approvers()})
    assert rules.root_of_trust(History(product.root)) is None
    product.commit("Wrong", {APPROVERS: people.approvers("ada", changed={"ssh-ed25519": "ssh-dss"})})
    assert "ssh-dss is not an accepted type of key" in rules.trust_problem(History(product.root))
    product.branch("start")
    product.commit("Name approvers", {APPROVERS: people.approvers("ada")})
    product.switch("main")
    merge = product.merge("start")
    product.commit("Another", {APPROVERS: people.approvers("ada", "eve")})
    assert rules.root_of_trust(History(product.root)) == merge


def test_a_main_branch_that_was_put_in_anothers_place_is_noticed(product: Repository, people: People) -> None:
    """Whoever may push to main can make another line of history the mainline; the last run's commit tells."""
    last = product.commit("Work", {"README.md": "y\n"})
    born = product.git("rev-list", "--max-parents=0", "main")
    product.branch("theirs", born)
    product.commit("Name approvers", {APPROVERS: people.approvers("eve")})
    product.git("merge", "--quiet", "--no-ff", "--no-edit", "--strategy=ours", "main")
    history = History(product.root)
    assert history.is_ancestor(last, history.commit)
    assert not history.continues(last)
    assert History(product.root, "main").continues(last)


# The policy, and what else is below access/


def test_the_policy_that_counts_is_the_newest_that_an_approver_signed(product: Repository) -> None:
    def now() -> tuple[str | None, bool]:
        found = authorised(History(product.root), "access/policy.yaml")
        return found.text, bool(found.problem)

    assert now() == ("roles: {}\n", False)
    product.commit("Open", {"access/policy.yaml": "open\n"})
    assert now() == ("roles: {}\n", True)
    product.commit("Close, on top of it", {"access/policy.yaml": "closed\n"}, signed="dan")
    assert now() == ("roles: {}\n", True)
    product.commit("Restore", {"access/policy.yaml": "roles: {}\n"})
    assert now() == ("roles: {}\n", False)
    signed = product.commit("Close", {"access/policy.yaml": "closed\n"}, signed="dan")
    assert now() == ("closed\n", False)
    product.branch("more")
    product.commit("Open", {"access/policy.yaml": "open\n"})
    product.switch("main")
    product.merge("more")
    found = authorised(History(product.root), "access/policy.yaml")
    assert (found.text, found.commit) == ("closed\n", signed)
    assert "“Open”), is not signed" in found.problem
    assert f"What counts is how it was in {signed[:10]}" in found.problem
    product.commit("Restore", {"access/policy.yaml": "closed # as it was\n"})
    assert now() == ("closed\n", False)
    product.commit("Remove", {"access/policy.yaml": None}, signed="ada")
    assert now() == (None, False)


def test_any_file_can_be_asked_for_its_authorised_version(product: Repository) -> None:
    spec = "data-product.yaml"
    product.commit("Spec", {spec: "mode: approval-required\n", "models/a.sql": "a\n"}, signed="ada")
    product.commit("Open", {spec: "mode: open\n", "Data-Product.yaml": "x\n"})
    history = History(product.root)
    assert authorised(history, spec).text == "mode: approval-required\n"
    assert "“Open”), is not signed" in authorised(history, spec).problem
    assert authorised(history, "models/a.sql").text == "a\n"
    assert authorised(history, "none").text is None


def test_a_rule_of_denial_is_neither_added_nor_removed_without_authority(product: Repository) -> None:
    rego = "access/rego/product.rego"
    product.commit("Deny", {rego: "deny\n"})
    assert authorised(History(product.root), rego).text is None
    product.commit("Take it out", {rego: None})
    product.commit("Deny", {rego: "deny more\n"}, signed="ada")
    product.commit("Remove", {rego: None})
    found = rules.authorised_below(History(product.root), "access/rego")
    assert list(found) == [rego]
    assert found[rego].text == "deny more\n"
    assert found[rego].problem


def test_before_there_are_approvers_the_present_text_counts(tmp_path: Path, people: People) -> None:
    product = Repository(tmp_path / "new", people)
    product.commit("Born", {"access/policy.yaml": "one\n"})
    product.commit("Edit", {"access/policy.yaml": "two\n"})
    assert authorised(History(product.root), "access/policy.yaml").text == "two\n"
    assert authorised(History(product.root), "access/none.yaml").text is None


# Signatures


def resigned(product: Repository, header: bytes, commit: str = "HEAD") -> None:
    """Puts something into the header of a commit, in the place of its signature."""
    raw = subprocess.run(["git", "cat-file", "commit", commit], cwd=product.root, capture_output=True, check=True).stdout  # fmt: skip
    head, _, message = raw.partition(b"\n\n")
    lines = head.split(b"\ngpgsig")[0]
    name = product.git("hash-object", "-t", "commit", "-w", "--stdin", feed=lines + header + b"\n\n" + message)  # fmt: skip
    product.git("reset", "--quiet", "--hard", name)


def signature(product: Repository, signer: str, namespace: str, commit: str = "HEAD") -> bytes:
    """A signature over a commit, folded as git folds it, whatever the namespace is."""
    payload = subprocess.run(["git", "cat-file", "commit", commit], cwd=product.root, capture_output=True, check=True).stdout  # fmt: skip
    key = product.people.make(signer)
    done = subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace], input=payload, capture_output=True, check=True)  # fmt: skip
    return done.stdout.strip().replace(b"\n", b"\n ")


def test_a_signature_made_by_hand_is_as_good_as_gits(product: Repository) -> None:
    product.commit("Approve", APPROVED, by="ada")
    resigned(product, b"\ngpgsig " + signature(product, "ada", "git"))
    assert asked(product).accepted


@pytest.mark.parametrize("namespace", ["file", "email", "git "])
def test_a_signature_for_something_else_does_not_count(product: Repository, namespace: str) -> None:
    product.commit("Approve", APPROVED)
    resigned(product, b"\ngpgsig " + signature(product, "ada", namespace))
    refused(product, "made for something else")


def test_a_signature_copied_from_another_commit_does_not_count(product: Repository) -> None:
    product.commit("Fine", {PATH: agreement("approved")}, signed="ada")
    raw = subprocess.run(["git", "cat-file", "commit", "HEAD"], cwd=product.root, capture_output=True, check=True).stdout  # fmt: skip
    copied = b"\ngpgsig" + raw.partition(b"\n\n")[0].partition(b"\ngpgsig")[2]
    product.commit("Fine", WIDENED, by="ada")
    resigned(product, copied)
    refused(product, "made for another commit, or forged")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (lambda good: b"\ngpgsig " + good + b"\ngpgsig " + good, "more than one signature"),
        (lambda good: b"\ngpgsig-sha256 " + good, "another form of the commit"),
        (lambda good: b"\ngpgsig-sha256 " + good + b"\ngpgsig " + good, "more than one signature"),
        (lambda good: b"\ngpgsignature " + good, "another form of the commit"),
        (lambda good: b"\nmergetag object x\n gpgsig " + good, "is not signed"),
        (lambda good: b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----", "cannot be read"),
        (lambda good: b"\ngpgsig -----BEGIN SIGNED MESSAGE-----\n abc\n -----END SIGNED MESSAGE-----", "is signed with X.509"),
        (lambda good: b"\ngpgsig " + good + b"\n x", "cannot be read"),
        (lambda good: b"\ngpgsig " + good.replace(b"U1NI", b"U1NJ", 1), "cannot be read"),
        (lambda good: b"\ngpgsig " + good[:100] + b"\n -----END SSH SIGNATURE-----", "cannot be read"),
        (lambda good: b"\ngpgsig", "cannot be read"),
        (lambda good: b"\ngpgsig " + good.replace(b"=", b"A").replace(b"\n -----END", b"A\n -----END"), "cannot be read"),
    ],
    ids=["twice", "sha256", "both", "alike", "in a tag", "gpg", "x509", "trailing", "magic", "cut", "empty", "padding"],
)  # fmt: skip
def test_a_signature_that_is_not_quite_one_does_not_count(
    product: Repository, header: Callable[[bytes], bytes], says: str
) -> None:
    product.commit("Approve", APPROVED)
    resigned(product, header(signature(product, "ada", "git")))
    refused(product, says)


def test_a_commit_that_says_it_is_old_is_no_older(product: Repository, people: People) -> None:
    product.commit("Ada has left", {APPROVERS: people.approvers("dan")}, signed="dan")
    product.write(APPROVED)
    product.git("add", "--all")
    past = "2001-01-01T00:00:00Z"
    product.git(*product.signing("ada"), "commit", "--quiet", "-m", "Approve", by="ada", GIT_COMMITTER_DATE=past, GIT_AUTHOR_DATE=past)  # fmt: skip
    refused(product, "no approver's when it came in")


def test_without_ssh_keygen_nothing_is_decided(
    product: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from meshwright.core.git_history import HistoryError

    product.commit("Approve", APPROVED, signed="ada")
    (tmp_path / "git").symlink_to(shutil.which("git") or "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HistoryError, match="no ssh-keygen") as caught:
        asked(product)
    assert "OpenSSH" in caught.value.fix
