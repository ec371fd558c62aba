"""Run a rollout over a whole mesh, in parallel, wave by wave; no repository can stop the others."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fnmatch import fnmatchcase
from multiprocessing import active_children
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.git import LIVE, GitError, end, without_credentials
from meshwright.core.template_store import Store, Unrenderable
from meshwright.rollout.fetched_repository import TemplateRelease
from meshwright.rollout.fleet import Fleet, Repository
from meshwright.rollout.outcome import Outcome, counted
from meshwright.rollout.verbs import RolloutRequest, process_repository

INTERRUPTED = "The rollout was interrupted."

Progress = Callable[[Outcome], None]


class Unready(Error):
    """The rollout cannot begin."""


@dataclass
class Report:
    """The result of a rollout."""

    verb: str
    template: str
    target: str
    outcomes: list[Outcome]
    """In the order of the mesh."""
    interrupted: bool = False

    @property
    def well(self) -> bool:
        return all(outcome.well for outcome in self.outcomes)

    def as_json_value(self) -> dict[str, Any]:
        return {
            "verb": self.verb,
            "template": without_credentials(self.template),
            "target": self.target,
            "summary": counted(self.outcomes),
            "repositories": [outcome.as_json_value() for outcome in self.outcomes],
        }


def chosen(fleet: Fleet, waves: Sequence[str], only: Sequence[str]) -> list[Repository]:
    """Return the repositories of the given waves (default: all) whose name or address matches one of the patterns."""
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
    """Run a verb on every repository. Raises Unready if the template or the version does not exist."""
    with tempfile.TemporaryDirectory(prefix="meshwright-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        template = _template_release(verb, fleet, folder, to, timeout)
        request = RolloutRequest(
            verb,
            template,
            folder,
            timeout,
            with_conflicts,
            fleet.verify if verify else (),
            dict(fleet.forges),
        )
        outcomes: dict[str, Outcome] = {}
        stopped = ""
        try:
            for wave in fleet.waves if verb == "apply" else (None,):
                members = [one for one in repositories if wave in (None, one.wave)]
                if stopped:
                    break
                for outcome in _all(request, members, jobs):
                    outcomes[outcome.url] = outcome
                    progress(outcome)
                # Failures that are due to the release stop the rollout; an unreachable server does not.
                if not keep_going and any(
                    outcomes[one.url].state in ("conflict", "failed") for one in members
                ):
                    stopped = f"Not all repositories of the wave {wave} have taken the release."
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        results = [outcomes.get(one.url) or _waiting(one, template, stopped) for one in repositories]
    return Report(verb, fleet.template, template.version, results, interrupted=stopped == INTERRUPTED)


def _template_release(
    verb: str, fleet: Fleet, folder: Path, to: str | None, timeout: float
) -> TemplateRelease:
    try:
        store = Store.cloned(folder, fleet.template, timeout)
    except GitError as error:
        fix = "Check `template` in mesh.yaml, and that git can read it."
        raise Unready(
            f"The template cannot be fetched from {without_credentials(fleet.template)}: {error}", fix
        ) from error
    version = to or store.newest()
    if version is None:
        raise Unready(
            "The template has no release.", "Tag one (docs/how-to/release.md), or give a version with --to."
        )
    commit = store.commit(version)
    if commit is None:
        known = ", ".join(tag for _, tag in store.versions()[-5:]) or "no release at all"
        raise Unready(f"The template has no version {version}.", f"It has {known}.")
    if verb in ("plan", "apply"):
        try:
            store.release(commit, fleet.template)
        except Unrenderable as error:
            fix = "Release a version that can be rolled out: docs/how-to/blueprints-that-update.md"
            raise Unready(f"The template's version {version} cannot be rolled out. {error}", fix) from error
    tagged = any(tag == version for _, tag in store.versions())
    return TemplateRelease(
        store, fleet.template, fleet.formerly, commit, version if tagged else store.described(commit)
    )


def _waiting(repository: Repository, template: TemplateRelease, why: str) -> Outcome:
    fix = "Run it again." if why == INTERRUPTED else "Check them first; or continue with --keep-going."
    return Outcome(
        repository.name,
        repository.url,
        repository.wave,
        "waiting",
        target=template.version,
        reason=why,
        fix=fix,
    )


def _all(request: RolloutRequest, repositories: Sequence[Repository], jobs: int) -> Iterator[Outcome]:
    """Process all repositories in parallel. If one kills its process, it is tried again alone."""
    if jobs == 1 and len(repositories) == 1:
        yield from (process_repository(request, one) for one in repositories)
        return
    left = {one.url: one for one in repositories}
    yield from _pooled(request, list(left.values()), min(jobs, len(left)), left)
    for one in list(left.values()):
        yield from _pooled(request, [one], 1, left)
        if one.url in left:
            yield Outcome(
                one.name, one.url, one.wave, "failed", target=request.template.version,
                reason="The process that worked on it died.", fix="Check that there is enough memory.",
            )  # fmt: skip


def _pooled(
    request: RolloutRequest, repositories: Iterable[Repository], jobs: int, left: dict[str, Repository]
) -> Iterator[Outcome]:
    if not jobs:
        return
    pool = ProcessPoolExecutor(jobs, initializer=_begin, initargs=(os.getpid(),))
    try:
        for future in as_completed([pool.submit(process_repository, request, one) for one in repositories]):
            outcome = future.result()
            left.pop(outcome.url)
            yield outcome
    except BrokenExecutor:
        pass
    except BaseException:  # on Ctrl-C, above all, nothing more is pushed
        for child in active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(parent: int) -> None:
    """In a worker: end on a signal or when the parent process is gone, together with all child processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent process
    signal.signal(signal.SIGTERM, lambda *_: _stop())
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    _stop()


def _stop() -> None:
    end(*LIVE)
    os._exit(143)


def default_jobs() -> int:
    """Return more jobs than cores, because most of the time is spent waiting for servers."""
    return max(4, 2 * (os.cpu_count() or 1))
