"""Check that what will be published is on the default branch.

This keeps people and pipelines from publishing unmerged changes by mistake. It is not a security boundary: whoever has
the catalog's token could still publish by hand, so the token should be limited to an environment of the default branch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from meshwright.core.git import ALWAYS, GitError, run, text
from meshwright.core.http import Refused
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable, inside, read
from meshwright.product.files import AGREEMENTS, SPEC, answers_file

TRY_OUT = "To see what would be sent, use --dry-run."
MERGE = f"Merge it first; the pipeline of the default branch publishes. {TRY_OUT}"
CHECK_OUT = "Check out the commit of the pipeline."
PARTS = ("spec.dataset.contract", "spec.access.policy", "spec.dataSharingAgreement.document")
"""Paths of the other documents of a record, in the spec."""


@dataclass(frozen=True)
class Checkout:
    """What is checked out."""

    branch: str
    commit: str


def require_default_branch(root: Path, variables: Mapping[str, str]) -> Checkout:
    """Return the default branch, if it is checked out at `root` and the record's files are unchanged since the commit.

    `variables`: the environment. Raises http.Refused if not, Unreadable if git fails.
    """
    if not (root / ".git").exists():
        fix = f"Run it in a clone of the product's repository. {TRY_OUT}"
        raise Refused(f"{root} is not the root of a git repository, so it is unknown what is merged.", fix)
    here = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not here:
        raise Refused("The repository has no commit yet.", "Commit the product, and merge it.")
    rule = next((rule for name, rule in PIPELINES.items() if variables.get(name) == "true"), _by_git)
    branch = rule(root, here, variables)
    changed = list(_changed(root))
    if changed:
        problem = f"Not as committed, or a link: {printable(', '.join(changed))}."
        raise Refused(problem, f"Commit it as a file, or restore it with git. {TRY_OUT}")
    return Checkout(branch, here)


def _by_github(_: Path, here: str, variables: Mapping[str, str]) -> str:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/variables"""
    event, ref = variables.get("GITHUB_EVENT_NAME", ""), variables.get("GITHUB_REF", "")
    if event.startswith("pull_request") or event == "merge_group":
        raise Refused(f"This is the pipeline of a pull request ({printable(event)}).", MERGE)
    branch = ref.removeprefix("refs/heads/")
    if branch == ref or not branch:
        raise Refused(f"This is the pipeline of {printable(ref) or 'nothing'}, which is not a branch.", MERGE)
    # A schedule always belongs to the default branch, and its event may not name the repository.
    default = branch if event == "schedule" else _default_of_event(variables.get("GITHUB_EVENT_PATH", ""))
    return _same(branch, default, here, variables.get("GITHUB_SHA", ""))


def _by_gitlab(_: Path, here: str, variables: Mapping[str, str]) -> str:
    """https://docs.gitlab.com/ci/variables/predefined_variables/"""
    if "merge_request" in variables.get("CI_PIPELINE_SOURCE", "") or variables.get("CI_MERGE_REQUEST_IID"):
        raise Refused("This is the pipeline of a merge request.", MERGE)
    branch = variables.get("CI_COMMIT_BRANCH", "")
    if not branch:
        raise Refused("This is not the pipeline of a branch.", MERGE)
    return _same(branch, variables.get("CI_DEFAULT_BRANCH", ""), here, variables.get("CI_COMMIT_SHA", ""))


PIPELINES: Mapping[str, Callable[[Path, str, Mapping[str, str]], str]] = {
    "GITHUB_ACTIONS": _by_github,
    "GITLAB_CI": _by_gitlab,
}
"""Variable that is `true` in a kind of CI -> function that returns what the pipeline runs for. Elsewhere, git is used."""


def _same(branch: str, default: str, here: str, commit: str) -> str:
    if not default:
        raise Refused("The pipeline does not provide the name of the default branch.", TRY_OUT)
    if branch != default:
        problem = f"This is the pipeline of {printable(branch)}; the default branch is {printable(default)}."
        raise Refused(problem, MERGE)
    if here != commit:  # pipelines of the default branch can check out another commit
        raise Refused("The checked-out commit is not the one that this pipeline runs for.", CHECK_OUT)
    return branch


def _default_of_event(path: str) -> str:
    """Return the default branch in the event's file; empty if missing."""
    try:
        event = json.loads(Path(path).read_bytes())
        branch = event["repository"]["default_branch"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    return branch if isinstance(branch, str) else ""


def _by_git(root: Path, here: str, _: Mapping[str, str]) -> str:
    branch = _git(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    if not branch:
        raise Refused("No branch is checked out, only a commit.", f"Check out the default branch. {TRY_OUT}")
    if not _git(root, "remote"):
        if branch not in ("main", "master"):
            problem = f"{printable(branch)} is checked out, and without a remote only main or master is the default branch."
            raise Refused(problem, MERGE)
        return branch
    default = _git(root, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD").removeprefix(
        "refs/remotes/origin/"
    )
    if not default:
        problem = "The clone does not know the default branch of its remote `origin`."
        raise Refused(problem, "git remote set-head origin --auto")
    if branch != default:
        problem = f"{printable(branch)} is checked out; the default branch is {printable(default)}."
        raise Refused(problem, MERGE)
    if not _is_pushed(root, here, default):
        raise Refused(f"This commit is not on origin's {printable(default)} yet.", "Push it, or merge it.")
    return branch


def _is_pushed(root: Path, here: str, default: str) -> bool:
    command = ["git", "-C", str(root), "merge-base", "--is-ancestor", here, f"refs/remotes/origin/{default}"]
    return run(command, ALWAYS, ok=()).returncode == 0


def _changed(root: Path) -> Iterator[str]:
    """Yield the record's files that differ from the commit; compares contents, because git's index can be manipulated."""
    present = [path for path in _files(root) if inside(root, path)]
    paths = [*present, AGREEMENTS]
    committed = {}
    for line in _git(root, "--literal-pathspecs", "ls-tree", "-r", "-z", "HEAD", "--", *paths).split("\0"):
        about, _, path = line.partition("\t")
        if path:
            committed[path] = about.split(" ")[2]
    hashes = _git(root, "-c", "core.safecrlf=false", "hash-object", "--", *present).split() if present else []
    found = dict(zip(present, hashes, strict=True))
    of_agreements = {path for path in committed if Path(path).match(f"{AGREEMENTS}/*.y*ml")}
    for path in sorted({*found, *of_agreements}):
        if found.get(path) != committed.get(path) or (root / path).is_symlink():
            yield path


def _files(root: Path) -> Iterator[str]:
    """Yield the paths of the record's files; none outside of the repository."""
    yield SPEC
    yield answers_file(root)
    try:
        spec = read(root, SPEC)
        yield from {path for part in PARTS if isinstance(path := spec.get(part), str)}
    except Unreadable:
        pass
    yield from (path.relative_to(root).as_posix() for path in (root / AGREEMENTS).glob("*.y*ml"))


def _git(root: Path, *arguments: str) -> str:
    """Return git's output for the repository at `root`; its configuration cannot start programs. Raises Unreadable."""
    command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", *arguments]
    try:
        done = run(command, ALWAYS, ok=())
    except (GitError, OSError) as error:
        raise Unreadable(f"git cannot be run: {error}", "Install git.") from error
    if done.returncode > 1:
        message = printable(text(done.stderr).strip().partition("\n")[0])
        raise Unreadable(f"git fails in {root}: {message}", "Fix the clone.")
    return text(done.stdout).removesuffix("\n") if done.returncode == 0 else ""
