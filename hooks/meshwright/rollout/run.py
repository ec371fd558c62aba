"""A rollout over a whole mesh: all cores, wave by wave, and no repository can stop the others."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from meshwright.rollout.fleet import Fleet, Repository
from meshwright.rollout.git import GitError
from meshwright.rollout.outcome import Outcome, counted
from meshwright.rollout.product import Origin
from meshwright.rollout.render import Store
from meshwright.rollout.verbs import Task, work

Progress = Callable[[Outcome], None]


class Unready(Exception):
    """The rollout cannot begin; says why, and the mend."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.mend = mend


@dataclass
class Report:
    """What a rollout came to."""

    verb: str
    template: str
    target: str
    outcomes: list[Outcome]
    """In the order of the mesh."""

    @property
    def well(self) -> bool:
        return all(outcome.well for outcome in self.outcomes)

    def told(self) -> dict[str, Any]:
        return {
            "verb": self.verb,
            "template": self.template,
            "target": self.target,
            "summary": counted(self.outcomes),
            "repositories": [outcome.told() for outcome in self.outcomes],
        }


def chosen(fleet: Fleet, waves: Sequence[str], only: Sequence[str]) -> list[Repository]:
    """The repositories of some waves (all, if none is named) whose name or address fits one of the patterns."""
    return [
        repository
        for repository in fleet.repositories
        if (not waves or repository.wave in waves)
        and (
            not only
            or any(fnmatchcase(text, one) for one in only for text in (repository.name, repository.url))
        )
    ]


def roll(
    verb: str,
    fleet: Fleet,
    repositories: Sequence[Repository],
    *,
    to: str | None,
    jobs: int,
    timeout: float,
    progress: Progress,
    with_conflicts: bool = False,
    verify: bool = False,
    keep_going: bool = False,
) -> Report:
    """Does what a verb says with every repository. Raises Unready if the template or the version is not there."""
    with tempfile.TemporaryDirectory(prefix="meshwright-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        origin = _origin(fleet, folder, to, timeout)
        task = Task(
            verb, origin, folder, timeout, with_conflicts, fleet.verify if verify else (), dict(fleet.forges)
        )
        outcomes: dict[str, Outcome] = {}
        stopped = ""
        for wave in fleet.waves if verb == "apply" else (None,):
            members = [one for one in repositories if wave in (None, one.wave)]
            if stopped:
                outcomes |= {one.url: _waiting(one, origin, stopped) for one in members}
                continue
            for outcome in _all(task, members, jobs):
                outcomes[outcome.url] = outcome
                progress(outcome)
            # What speaks against the release stops it; a server that is down does not.
            if not keep_going and any(outcomes[one.url].state in ("conflict", "failed") for one in members):
                stopped = wave or ""
    return Report(verb, fleet.template, origin.version, [outcomes[one.url] for one in repositories])


def _origin(fleet: Fleet, folder: Path, to: str | None, timeout: float) -> Origin:
    try:
        store = Store.cloned(folder, fleet.template, timeout)
    except GitError as error:
        mend = "Check `template` in mesh.yaml, and that git may read it."
        raise Unready(f"The template cannot be fetched from {fleet.template}: {error}", mend) from error
    wanted = to or store.newest()
    if wanted is None:
        raise Unready(
            "The template has no release.", "Tag one (docs/how-to/release.md), or name a version with --to."
        )
    commit = store.commit(wanted)
    if commit is None:
        known = ", ".join(tag for _, tag in store.versions()[-5:]) or "no release at all"
        raise Unready(f"The template has no version {wanted}.", f"It has {known}.")
    return Origin(store, fleet.template, fleet.formerly, commit, store.described(commit))


def _waiting(repository: Repository, origin: Origin, wave: str) -> Outcome:
    reason = f"The wave {wave} has repositories that did not take the release."
    mend = "Look at them first; or go on with --keep-going."
    return Outcome(
        repository.name,
        repository.url,
        repository.wave,
        "waiting",
        target=origin.version,
        reason=reason,
        mend=mend,
    )


def _all(task: Task, repositories: Sequence[Repository], jobs: int) -> Iterator[Outcome]:
    """Works on all repositories in processes. One that takes its process with it does so a second time, alone."""
    if jobs == 1 and len(repositories) == 1:
        yield from (work(task, one) for one in repositories)
        return
    left = {one.url: one for one in repositories}
    yield from _pooled(task, list(left.values()), min(jobs, len(left)), left)
    for one in list(left.values()):
        yield from _pooled(task, [one], 1, left)
        if one.url in left:
            yield Outcome(
                one.name, one.url, one.wave, "failed", target=task.origin.version,
                reason="The process that worked on it died.", mend="Is there enough memory?",
            )  # fmt: skip


def _pooled(
    task: Task, repositories: Iterable[Repository], jobs: int, left: dict[str, Repository]
) -> Iterator[Outcome]:
    if not jobs:
        return
    pool = ProcessPoolExecutor(jobs, initializer=_begin)
    try:
        for future in as_completed([pool.submit(work, task, one) for one in repositories]):
            outcome = future.result()
            left.pop(outcome.url)
            yield outcome
    except BrokenExecutor:
        pass
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    # Ctrl-C is for the process that people see; it ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def default_jobs() -> int:
    """Servers are waited for more than cores are."""
    return max(4, 2 * (os.cpu_count() or 1))
