"""Run `status`, `plan`, `apply` or `drift` on one repository."""

from __future__ import annotations

import hashlib
import shlex
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from meshwright.core import forge
from meshwright.core.git import CAREFUL, IDENTITY, ISOLATED, REMOTE, Git, GitError, run, text
from meshwright.core.merge import Merge
from meshwright.core.rejected_changes import with_rejected
from meshwright.core.template_store import Unrenderable
from meshwright.rollout.fetched_repository import (
    FetchedRepository,
    TemplateRelease,
    changes,
    drift,
    load_repository,
    merge_release,
)
from meshwright.rollout.fleet import Repository
from meshwright.rollout.outcome import Outcome
from meshwright.rollout.own_machine import OwnMachine, of_own_machine
from meshwright.rollout.remote import Unusable, push

BRANCH = "meshwright/"
"""Prefix of a rollout's branches; the version follows."""
TRAILER = "Meshwright-Rollout"
VERIFY_SECONDS = 1800.0
MAX_REASON = 500


@dataclass(frozen=True)
class RolloutRequest:
    """The request, the same for every repository."""

    verb: str
    template: TemplateRelease
    folder: Path
    """The parent of a worker's temporary folders."""
    timeout: float
    """Seconds to wait for an answer of a server."""
    with_conflicts: bool = False
    verify: tuple[str, ...] = ()
    forges: dict[str, str] = field(default_factory=dict)

    @property
    def branch(self) -> str:
        return BRANCH + self.template.version


def process_repository(request: RolloutRequest, repository: Repository) -> Outcome:
    """Process one repository; errors are in the outcome."""
    clock = time.perf_counter()
    outcome = Outcome(repository.name, repository.url, repository.wave, target=request.template.version)
    with tempfile.TemporaryDirectory(
        prefix="product-", dir=request.folder, ignore_cleanup_errors=True
    ) as folder:
        try:
            _on_this_machine(request, repository, outcome, Path(folder))
        except OwnMachine:
            raise
        except Unusable as error:
            outcome.state, outcome.reason, outcome.fix = "refused", str(error), error.fix
        except Unrenderable as error:
            outcome.state = "refused"
            outcome.reason = f"The template cannot be rendered with its answers: {error}"
            outcome.fix = "Check its .copier-answers.yml, and the output of `copier update` there."
        except GitError as error:
            outcome.reason = outcome.reason or str(error)
        except Exception as error:  # one repository must never stop the others
            outcome.state, outcome.reason = "failed", f"{type(error).__name__}: {error}"[:MAX_REASON]
            outcome.fix = "See how this repository differs from the others; if it does not, report this as a defect of Meshwright."
    outcome.seconds = time.perf_counter() - clock
    return outcome


def _on_this_machine(request: RolloutRequest, repository: Repository, outcome: Outcome, folder: Path) -> None:
    """Run the verb. Raises OwnMachine for what is no repository's failure."""
    try:
        VERBS[request.verb](request, repository, outcome, folder)
    except Exception as error:
        if own := of_own_machine(error):
            raise own from error
        raise


def _status(request: RolloutRequest, repository: Repository, outcome: Outcome, folder: Path) -> None:
    fetched = load_repository(request.template, repository, outcome, folder, request.timeout, deep=False)
    outcome.state = _standing(request, fetched, outcome)


def _standing(request: RolloutRequest, fetched: FetchedRepository, outcome: Outcome) -> str:
    if fetched.recorded == request.template.commit:
        return "up to date"
    return "ahead" if outcome.behind is not None and outcome.behind < 0 else "behind"


def _plan(request: RolloutRequest, repository: Repository, outcome: Outcome, folder: Path) -> None:
    _planned(request, repository, outcome, folder)


def _planned(
    request: RolloutRequest, repository: Repository, outcome: Outcome, folder: Path
) -> tuple[FetchedRepository, Merge] | None:
    """Plan an update; return None if there is nothing to do."""
    fetched = load_repository(
        request.template, repository, outcome, folder, request.timeout, more=(request.branch,)
    )
    outcome.state = _standing(request, fetched, outcome)
    if outcome.state != "behind":
        return None
    outcome.state = "refused"  # a later error is due to the repository
    merge = merge_release(request.template, fetched)
    outcome.changes = changes(fetched, merge.files)
    outcome.conflicts, outcome.notes = merge.conflicts, list(merge.notes)
    outcome.state = "conflict" if merge.conflicts else "clean"
    outcome.fix = "Resolve it with the team: docs/how-to/roll-out.md" if merge.conflicts else ""
    _refuse_if_taken(request, fetched)
    older = [name for name in fetched.remote.heads if name.startswith(BRANCH) and name != request.branch]
    if older:
        outcome.notes.append(f"branches of other rollouts still exist: {', '.join(sorted(older)[:5])}")
    return fetched, merge


def _refuse_if_taken(request: RolloutRequest, fetched: FetchedRepository) -> None:
    """Refuse a repository in which the rollout's branch cannot be pushed: a plan says what a push would. Raises Unusable."""
    branch = request.branch
    for name in fetched.remote.heads:
        if branch.startswith(f"{name}/") or name.startswith(f"{branch}/"):
            raise Unusable(
                f"It has a branch {name}.",
                f"Rename that branch: git does not allow a branch {branch} beside it.",
            )
    tip = fetched.branches.get(branch)
    if tip and _tip(fetched, tip, "") == "foreign":
        raise Unusable(
            f"{branch} has commits of others, so it was left alone.",
            "Merge it or delete it, then run this again.",
        )


def _apply(request: RolloutRequest, repository: Repository, outcome: Outcome, folder: Path) -> None:
    planned = _planned(request, repository, outcome, folder)
    if planned is None or (outcome.conflicts and not request.with_conflicts):
        return
    fetched, merge = planned
    tree = with_rejected(fetched.git, merge)
    outcome.state, outcome.branch = "failed", request.branch
    tip = fetched.branches.get(request.branch)
    state = _tip(fetched, tip, tree) if tip else "absent"
    if state != "current":
        message = _signed(_message(fetched, request, merge), tree, fetched.head)
        commit = fetched.git.one(
            "commit-tree",
            tree,
            "-p",
            fetched.head,
            feed=message.encode(),
            variables=_identity(fetched.git),
        )
        if request.verify and not _verified(request, fetched.git, commit, outcome, folder):
            return
        try:
            push(fetched.git, fetched.remote, request.branch, commit, request.timeout)
        except GitError as error:
            outcome.reason = f"The push was refused: {error}"
            outcome.fix = "Fix the cause, then run this again."
            return
    outcome.state = "conflict" if merge.conflicts else "pushed"
    title, _, body = _message(fetched, request, merge).partition("\n\n")
    runs_on = forge.forge_of(repository.url, request.forges)
    outcome.pull_request, note = forge.open_pull_request(
        repository.url, runs_on, request.branch, fetched.remote.branch, title, body
    )
    if note:
        outcome.notes.append(note)


def _tip(fetched: FetchedRepository, tip: str, tree: str) -> str:
    """Return the state of an existing branch: `current`, `stale`, or `foreign` (it has commits of others)."""
    head, _, message = text(fetched.git("cat-file", "commit", tip)).partition("\n\n")
    about = [line.split(" ", 1) for line in head.split("\n") if " " in line]
    made = next((value for key, value in about if key == "tree"), "")
    parents = [value for key, value in about if key == "parent"]
    if len(parents) != 1 or message != _signed(message.rpartition(f"\n{TRAILER}: ")[0], made, parents[0]):
        return "foreign"
    return "current" if made == tree and parents == [fetched.head] else "stale"


def _signed(message: str, tree: str, parent: str) -> str:
    """Add a trailer with a hash of message, tree and parent, by which a rollout recognizes its own commits."""
    content = f"{tree} {parent} {message}".encode(errors="surrogateescape")
    return f"{message}\n{TRAILER}: {hashlib.sha256(content).hexdigest()}\n"


def _message(fetched: FetchedRepository, request: RolloutRequest, merge: Merge) -> str:
    was = fetched.answers["_commit"]
    lines = [f"Update the template to {request.template.version}", ""]
    lines += [f"From {was}, by `meshwright rollout apply`, as `copier update` would."]
    if merge.conflicts:
        lines += ["", "To be resolved by hand:", ""]
        lines += [f"- {conflict.path!r}: {conflict.kind}" for conflict in merge.conflicts[:50]]
    if merge.notes:
        lines += ["", *(f"- {note!r}" for note in merge.notes[:50])]
    return "\n".join([*lines, ""])


def _identity(git: Git) -> dict[str, str]:
    """Return the author of the commit: git's user, or else Meshwright."""
    found = {}
    for key, otherwise in IDENTITY.items():
        try:
            # Git removes these characters, and requires the rest not to be empty.
            found[key] = (
                git.remote_command("config", "--get", key, timeout=10).strip(" \n<>.,:;\"'\\") or otherwise
            )
        except GitError:
            found[key] = otherwise
    return {
        f"GIT_{role}_{part.upper()}": found[f"user.{part}"]
        for role in ("AUTHOR", "COMMITTER")
        for part in ("name", "email")
    }


def _verified(request: RolloutRequest, git: Git, commit: str, outcome: Outcome, folder: Path) -> bool:
    """Run the product's own checks in a checkout of the result; this executes the product's code."""
    place = folder / "checkout"
    local = {**ISOLATED, **REMOTE}
    run(["git", *CAREFUL, "init", "--quiet", "--template=", "--object-format=sha1", "--initial-branch=meshwright", str(place)], local)  # fmt: skip
    run(["git", *CAREFUL, "-C", str(place), "fetch", "--quiet", "--depth=1", str(git.directory), commit], local)  # fmt: skip
    run(["git", *CAREFUL, "-C", str(place), "reset", "--quiet", "--hard", "FETCH_HEAD"], local)
    for command in request.verify:
        try:
            done = run(shlex.split(command), {}, ok=(), timeout=VERIFY_SECONDS, cwd=place)
        except (OSError, GitError) as error:
            outcome.reason = f"`{command}` could not be run: {error}"
            outcome.fix = "Fix `verify` in mesh.yaml."
            return False
        if done.returncode:
            outcome.reason = f"`{command}` ended with exit code {done.returncode} on the result."
            outcome.fix = "Nothing was pushed. Fix the product, or the release."
            outcome.notes += text(done.stdout + done.stderr).strip().splitlines()[-15:]
            return False
    return True


def _drift(request: RolloutRequest, repository: Repository, outcome: Outcome, folder: Path) -> None:
    fetched = load_repository(request.template, repository, outcome, folder, request.timeout)
    outcome.target, outcome.state = "", "refused"
    found = drift(request.template, fetched)
    outcome.changes = [(kind, path) for kind, path, _ in found]
    outcome.diff = [diff for _, _, diff in found]
    outcome.state = "drifted" if found else "kept"
    if found:
        outcome.fix = (
            "Undo the change, or propose it for the template, because the next update may overwrite it."
        )


VERBS: dict[str, Callable[[RolloutRequest, Repository, Outcome, Path], None]] = {
    "status": _status,
    "plan": _plan,
    "apply": _apply,
    "drift": _drift,
}
