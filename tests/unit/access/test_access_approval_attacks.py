"""A8: whatever an approver's git does to somebody else's change, signed or not, it adds no approval; what they do themselves does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from signed import APPROVERS, BO, PATH, People, Repository, agreement

from meshwright.access.approval import approval, approvers, authorised, trust_problem
from meshwright.core.git_history import History

POLICY, TESTS = "access/policy.yaml", "access/tests.yaml"
LONG_AGO = "2026-01-01T00:00:00Z"
ASK_FILES = {PATH: agreement(), POLICY: "roles: {}\n", TESTS: "tests: []\n", "README.md": "x\n"}


@dataclass(frozen=True)
class Case:
    """A product, and a change of one of its files that only an approver may make."""

    product: Repository
    path: str
    before: str
    after: str

    def counts(self) -> tuple[bool, str]:
        """Whether the change counts, and why not."""
        history = History(self.product.root)
        if self.path == PATH:
            found = approval(history, PATH, ("owner",), BO)
            return found.accepted, " ".join(found.reasons)
        if self.path == APPROVERS:
            return any(one.email == "eve@example.org" for one in approvers(history)), trust_problem(history)
        newest = authorised(history, self.path)
        assert newest.text is not None
        return newest.text.replace("\r\n", "\n") == self.after, newest.problem

    def propose(self, *options: str, **variables: str) -> None:
        """Bo makes the change on a branch, unsigned."""
        self.product.branch("ask")
        self.product.write({self.path: self.after})
        self.product.git("commit", "--quiet", "--all", "-m", "Ask", *options, **variables)

    def forge(self) -> None:
        """The same under Ada's name."""
        author = {
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_AUTHOR_DATE": LONG_AGO,
        }
        self.propose(**author)

    def as_ada(self, *arguments: str, **variables: str) -> None:
        """Ada runs git, which signs whatever it commits."""
        options = self.product.signing("ada")
        self.product.git(*options, *arguments, by="ada", GIT_EDITOR="true", **variables)

    def move_main(self) -> None:
        self.product.switch("main")
        self.product.commit("Meanwhile", {"README.md": "y\n"})

    def land(self) -> None:
        self.product.switch("main")
        self.product.git("merge", "--quiet", "--ff-only", "ask")

    def approve(self) -> None:
        self.product.commit("Approve", {self.path: self.after}, signed="ada")


def rebase(case: Case) -> None:
    case.propose()
    case.move_main()
    case.product.switch("ask")
    case.as_ada("rebase", "--quiet", "main")
    case.land()


def rebase_of_a_forged_author(case: Case) -> None:
    case.forge()
    case.move_main()
    case.product.switch("ask")
    case.as_ada("rebase", "--quiet", "main")
    case.land()


def rebase_interactively(case: Case) -> None:
    case.propose()
    case.as_ada("rebase", "--quiet", "-i", "main", GIT_SEQUENCE_EDITOR="sed -i s/^pick/reword/")
    case.land()


def squash_in_a_rebase(case: Case) -> None:
    case.propose()
    case.product.commit("More", {"README.md": "y\n"})
    case.as_ada("rebase", "--quiet", "-i", "main", GIT_SEQUENCE_EDITOR="sed -i 2s/^pick/squash/")
    case.land()


def cherry_pick(case: Case) -> None:
    case.propose()
    case.move_main()
    case.as_ada("cherry-pick", "ask")


def cherry_pick_of_a_forged_author(case: Case) -> None:
    case.forge()
    case.move_main()
    case.as_ada("cherry-pick", "ask")


def squash_merge(case: Case) -> None:
    case.propose()
    case.move_main()
    case.as_ada("merge", "--quiet", "--squash", "ask")
    case.as_ada("commit", "--quiet", "--no-edit")


def amend(case: Case) -> None:
    case.propose()
    case.as_ada("commit", "--quiet", "--amend", "--no-edit")
    case.land()


def amend_of_a_forged_author(case: Case) -> None:
    case.forge()
    case.as_ada("commit", "--quiet", "--amend", "--no-edit")
    case.land()


def filter_branch(case: Case) -> None:
    case.propose()
    signing = 'git commit-tree -S "$@"'
    case.as_ada(
        "filter-branch", "-f", "--commit-filter", signing, "main..ask", FILTER_BRANCH_SQUELCH_WARNING="1"
    )
    case.land()


def mailed_patch(case: Case) -> None:
    case.propose()
    patch = case.product.git("format-patch", "--stdout", "-1")
    case.product.switch("main")
    case.product.git(*case.product.signing("ada"), "am", "--quiet", by="ada", feed=patch.encode() + b"\n")


def mailed_patch_of_a_forged_author(case: Case) -> None:
    case.forge()
    patch = case.product.git("format-patch", "--stdout", "-1")
    case.product.switch("main")
    case.product.git(*case.product.signing("ada"), "am", "--quiet", by="ada", feed=patch.encode() + b"\n")


def reformat(case: Case) -> None:
    case.propose()
    case.land()
    case.product.commit("Format", {case.path: f"# Formatted.\n{case.after}"}, signed="ada")


def edit_of_something_else(case: Case) -> None:
    case.propose()
    case.land()
    case.product.commit("Work", {"README.md": "y\n"}, signed="ada")


def merge_that_is_signed(case: Case) -> None:
    case.propose()
    case.product.switch("main")
    case.product.merge("ask", signed="ada", by="ada")


def fast_forward(case: Case) -> None:
    case.propose()
    case.land()
    case.product.commit("Landed", {}, signed="ada")


def change_and_undo(case: Case) -> None:
    case.propose()
    case.land()
    case.product.commit("Undo", {case.path: case.before})


def revert(case: Case) -> None:
    change_and_undo(case)
    case.as_ada("revert", "--no-edit", "HEAD")


def revert_with_a_reference(case: Case) -> None:
    change_and_undo(case)
    case.as_ada("revert", "--edit", "--reference", "HEAD")


def revert_of_a_merge(case: Case) -> None:
    case.propose()
    case.land()
    case.product.branch("undo")
    case.product.commit("Undo", {case.path: case.before})
    case.product.switch("main")
    case.product.merge("undo")
    case.as_ada("revert", "--no-edit", "-m", "1", "HEAD")


def revert_on_a_branch(case: Case) -> None:
    change_and_undo(case)
    case.product.branch("again")
    case.as_ada("revert", "--no-edit", "HEAD")
    case.move_main()
    case.product.merge("again")


def reapply(case: Case) -> None:
    case.propose()
    case.land()
    case.product.git("revert", "--no-edit", "HEAD")
    case.as_ada("revert", "--no-edit", "HEAD")


def revert_after_a_reformat(case: Case) -> None:
    """Ada's own commit on top of it did not bring it into force, and so it is nothing that counted."""
    case.propose()
    case.land()
    case.product.commit("Format", {case.path: f"# Formatted.\n{case.after}"}, signed="ada")
    case.product.commit("Undo", {case.path: case.before})
    case.as_ada("revert", "--no-edit", "HEAD")


def author_of_another_name(case: Case) -> None:
    case.product.write({case.path: case.after})
    case.product.git("commit", "--quiet", "--all", "-m", "Ask", "--author", "Ada <ada@example.org>")


def key_of_the_requester(case: Case) -> None:
    case.product.commit("Approve", {case.path: case.after}, signed="bo", by="ada")


def commit_for_somebody_else(case: Case) -> None:
    case.product.write({case.path: case.after})
    case.as_ada("commit", "--quiet", "--all", "-m", "For Bo", "--author", "Bo <bo@example.org>")


def revert_of_a_revert_unsigned(case: Case) -> None:
    case.approve()
    case.product.git("revert", "--no-edit", "HEAD")
    case.product.git("revert", "--no-edit", "HEAD")


def later_edit(case: Case) -> None:
    case.approve()
    case.product.commit("Later", {case.path: case.after.replace("tests: [one", "tests: [two").replace("reader", "writer").replace("eve@", "mal@")})  # fmt: skip


def mode(case: Case) -> None:
    case.approve()
    (case.product.root / case.path).chmod(0o755)
    case.product.commit("Run", {})


def rename(case: Case) -> None:
    case.approve()
    case.product.git("mv", case.path, "access/agreements/moved.yaml")
    case.product.commit("Move", {})
    case.product.git("mv", "access/agreements/moved.yaml", case.path)
    case.product.commit("Move back", {})


ATTACKS: list[tuple[Callable[[Case], None], str]] = [
    (rebase, "its author is bo@example.org"),
    (rebase_of_a_forged_author, "at another time than it was committed"),
    (rebase_interactively, "its author is bo@example.org"),
    (squash_in_a_rebase, "its author is bo@example.org"),
    (cherry_pick, "its author is bo@example.org"),
    (cherry_pick_of_a_forged_author, "at another time than it was committed"),
    (squash_merge, "is a squash of other commits"),
    (amend, "its author is bo@example.org"),
    (amend_of_a_forged_author, "at another time than it was committed"),
    (filter_branch, "its author is bo@example.org"),
    (mailed_patch, "its author is bo@example.org"),
    (mailed_patch_of_a_forged_author, "at another time than it was committed"),
    (reformat, "“Ask”)"),
    (edit_of_something_else, "“Ask”), is not signed"),
    (merge_that_is_signed, "“Ask”), is not signed"),
    (fast_forward, "“Ask”), is not signed"),
    (revert, "git made it of another commit"),
    (revert_with_a_reference, "git made it of another commit"),
    (revert_of_a_merge, "git made it of another commit"),
    (revert_on_a_branch, "git made it of another commit"),
    (reapply, "git made it of another commit"),
    (revert_after_a_reformat, "git made it of another commit"),
    (author_of_another_name, "“Ask”), is not signed"),
    (key_of_the_requester, "no approver's when it came in"),
    (commit_for_somebody_else, "its author is bo@example.org"),
]
TAKEN_BACK: list[tuple[Callable[[Case], None], str]] = [
    (revert_of_a_revert_unsigned, "is not signed"),
    (later_edit, "is not signed"),
    (mode, "executable"),
    (rename, "is not signed"),
]
"""Of agreements: of the other files, the version that an approver made stays in force."""


def own_commit(case: Case) -> None:
    case.approve()


def own_commit_on_a_branch(case: Case) -> None:
    case.product.branch("ask")
    case.approve()
    case.move_main()
    case.product.merge("ask")


def own_commit_with_other_files(case: Case) -> None:
    case.product.commit("Approve", {case.path: case.after, "README.md": "y\n"}, signed="ada")


def own_revert_of_a_revert(case: Case) -> None:
    case.approve()
    case.product.git("revert", "--no-edit", "HEAD")
    case.as_ada("revert", "--no-edit", "HEAD")


def own_words_that_begin_as_git_does(case: Case) -> None:
    for number, message in enumerate(
        ("Amend the wording", "Squash rows", "Fixup of rows", "Reverted by hand")
    ):
        case.product.commit("Restore", {case.path: case.before + f"# {number}\n"})
        case.product.commit(message, {case.path: case.after}, signed="ada")
        assert case.counts() == (True, "")


def revert_of_what_was_approved_since(case: Case) -> None:
    """What an approver reverts is a change that was approved: what it brings back was approved before."""
    case.approve()
    if case.path != PATH:
        case.product.commit("Otherwise", {case.path: case.before}, signed="dan")
        case.as_ada("revert", "--no-edit", "HEAD")


def reformat_of_what_is_approved(case: Case) -> None:
    case.approve()
    case.product.commit("Format", {case.path: f"# Formatted.\n{case.after}"})
    windows = case.after.replace("\n", "\r\n")
    (case.product.root / case.path).write_bytes(windows.encode())
    case.product.commit("Save on Windows", {})


def squash_under_own_words(case: Case) -> None:
    """No commit says whether somebody typed a change or took it from a branch: it is theirs, and its diff says what it does."""
    case.propose()
    case.product.switch("main")
    case.as_ada("merge", "--quiet", "--squash", "ask")
    case.as_ada("commit", "--quiet", "-m", "Approve")


def restored_and_taken(case: Case) -> None:
    case.propose()
    case.land()
    case.product.commit("Restore", {case.path: case.before})
    case.approve()


OWN = [
    own_commit,
    own_commit_on_a_branch,
    own_commit_with_other_files,
    own_revert_of_a_revert,
    own_words_that_begin_as_git_does,
    revert_of_what_was_approved_since,
    reformat_of_what_is_approved,
    squash_under_own_words,
    restored_and_taken,
]


@pytest.fixture(scope="module", params=["ssh", pytest.param("gpg", marks=pytest.mark.slow)])
def born(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A product that Ada and Dan approve, with keys of one kind."""
    people = People(tmp_path_factory.mktemp("keys"), request.param)
    product = Repository(tmp_path_factory.mktemp("born") / "product", people)
    product.commit("Born", {**ASK_FILES, APPROVERS: people.approvers("ada", "dan")}, by="ada")
    return product


def case_of(born: Repository, path: str, tmp_path: Path) -> Case:
    shutil.copytree(born.root, tmp_path / "product", symlinks=True)
    before = (born.root / path).read_text()
    after = {
        PATH: agreement("approved"),
        POLICY: "roles: {reader: {}}\n",
        TESTS: "tests: [one]\n",
        APPROVERS: born.people.approvers("ada", "dan", "eve"),
    }[path]
    return Case(Repository(tmp_path / "product", born.people), path, before, after)


SLOW = pytest.mark.slow
FILES = [PATH, pytest.param(POLICY, marks=SLOW), pytest.param(APPROVERS, marks=SLOW), pytest.param(TESTS, marks=SLOW)]  # fmt: skip


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize(("attack", "says"), ATTACKS)
def test_nobody_approves_what_somebody_else_changed(
    born: Repository, tmp_path: Path, attack: Callable[[Case], None], says: str, path: str
) -> None:
    case = case_of(born, path, tmp_path)
    attack(case)
    accepted, reason = case.counts()
    assert not accepted
    assert says in reason
    assert "meshwright access approve" in reason


@pytest.mark.parametrize(("attack", "says"), TAKEN_BACK)
def test_what_happens_to_an_approved_agreement_afterwards_takes_it_back(
    born: Repository, tmp_path: Path, attack: Callable[[Case], None], says: str
) -> None:
    case = case_of(born, PATH, tmp_path)
    attack(case)
    accepted, reason = case.counts()
    assert not accepted
    assert says in reason


@pytest.mark.slow
@pytest.mark.parametrize("path", [POLICY, TESTS, APPROVERS])
def test_what_happens_to_an_authorised_file_afterwards_changes_nothing(
    born: Repository, tmp_path: Path, path: str
) -> None:
    case = case_of(born, path, tmp_path)
    later_edit(case)
    if path == APPROVERS:  # who is not listed any more cannot approve, and nobody took their place
        names = {one.email for one in approvers(History(case.product.root))}
        assert names == {"ada@example.org", "dan@example.org"}
    else:
        assert case.counts()[0]
    assert "“Later”), is not signed" in case.counts()[1]


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("way", OWN)
def test_what_an_approver_changes_themselves_counts(
    born: Repository, tmp_path: Path, way: Callable[[Case], None], path: str
) -> None:
    case = case_of(born, path, tmp_path)
    way(case)
    assert case.counts() == (True, "")
