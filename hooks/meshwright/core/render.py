"""Render any version of the template with Copier itself, many times in one process.

Copier decides the content of every file. Only work that it repeats for each render is avoided: cloning the
template, compiling its Jinja, and running git for each file. Most of that is done by passing objects to
Copier's worker that it would otherwise create itself (https://copier.readthedocs.io, 9.16 to 9.19);
if a version of Copier ignores them, renders become slow, not wrong.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from copier._jinja_ext import get_yield_context
from copier._main import Worker, as_operation
from copier._settings import SettingsModel
from copier._template import Template
from copier._types import Phase
from packaging.version import InvalidVersion, Version

from meshwright.core.git import CAREFUL, ISOLATED, REMOTE, Git, GitError, run
from meshwright.core.git_url import cloneable

# libyaml is ten times as fast, and Copier parses YAML for every computed answer.
if hasattr(yaml, "CSafeLoader"):
    yaml.safe_load = lambda stream: yaml.load(stream, Loader=yaml.CSafeLoader)


class Unrenderable(Exception):
    """The template cannot be rendered with these answers, or at this version; the message says why."""


class Release(Template):
    """A template at one version with an existing checkout."""

    checkout: Path
    environment: Any = None

    @cached_property
    def vcs(self) -> Literal["git"]:
        return "git"

    @cached_property
    def local_abspath(self) -> Path:
        return self.checkout


@dataclass(frozen=True)
class Store:
    """A template's repository, cloned once, with checkouts of the versions in use."""

    folder: Path
    url: str

    @property
    def git(self) -> Git:
        return Git(self.folder / "template.git")

    @classmethod
    def cloned(cls, folder: Path, url: str, timeout: float) -> Store:
        """Fetch all versions. Raises GitError."""
        store = cls(folder, url)
        refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        store.git.remote_command(
            "fetch", "--quiet", "--update-shallow", "--", cloneable(url), *refs, timeout=timeout
        )
        return store

    @lru_cache(maxsize=512)  # noqa: B019 - one store lives as long as its process
    def commit(self, version: str) -> str | None:
        """Return the commit of a version: a tag, output of `git describe`, a branch, or a commit."""
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._/+-]{0,199}", version):
            return None
        for name in (f"refs/tags/{version}", version):
            try:
                return self.git.one("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            except GitError:
                continue
        return None

    def head(self) -> str | None:
        """Return the commit of the template's HEAD, if one of its branches or tags has it. Raises GitError."""
        words = self.git.remote_command("ls-remote", "--", cloneable(self.url), "HEAD", timeout=60).split()
        return self.commit(words[0]) if words else None

    def versions(self) -> list[tuple[Version, str]]:
        """Return all releases (tags that are versions), the oldest first."""
        tags = self.git.one("for-each-ref", "--format=%(refname:strip=2)", "refs/tags").split()
        return sorted((version, tag) for tag in tags if (version := _version(tag)))

    def newest(self) -> str | None:
        """Return the newest release that is not a prerelease, as `copier update` chooses it."""
        final = [tag for version, tag in self.versions() if not version.is_prerelease]
        return final[-1] if final else None

    def described(self, commit: str) -> str:
        """Return Copier's name of a commit: its tag, or the nearest one and the distance."""
        return self.git.one("describe", "--tags", "--always", commit)

    def position(self, commit: str) -> tuple[Version, int] | None:
        """Return the position of a commit among the releases: the last one before it, and the number of commits after that."""
        try:
            name = self.git.one("describe", "--tags", commit)
        except GitError:  # no earlier tag; its short name may look like a version, but is not one
            return None
        match = re.fullmatch(r"(.+)-(\d+)-g[0-9a-f]+", name)
        version = _version(match[1] if match else name)
        return (version, int(match[2]) if match else 0) if version else None

    @lru_cache(maxsize=512)  # noqa: B019
    def between(self, commit: str, target: str) -> int | None:
        """Return how many releases a commit is behind another; negative if ahead; None if unknown."""
        if commit == target:
            return 0
        here, there = self.position(commit), self.position(target)
        if here is None or there is None:
            ahead = self.git.status("merge-base", "--is-ancestor", target, commit) == 0
            return -1 if ahead else None
        if here >= there:
            return -1
        return max(1, sum(here[0] < version <= there[0] for version, _ in self.versions()))

    def checkout(self, commit: str) -> Path:
        """Return a folder with the template's files at a commit. Safe for parallel processes."""
        target = self.folder / "checkouts" / commit
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=self.folder))
            local = {**ISOLATED, **REMOTE}
            run(["git", *CAREFUL, "clone", "--quiet", "--shared", "--no-checkout", "--template=", str(self.git.directory), str(fresh)], local)  # fmt: skip
            run(["git", *CAREFUL, "-C", str(fresh), "checkout", "--quiet", "--detach", commit], local)
            try:
                fresh.rename(target)
            except OSError:  # another process was faster
                shutil.rmtree(fresh)
        return target

    @lru_cache(maxsize=8)  # noqa: B019 - one store lives as long as its process
    def release(self, commit: str, url: str) -> Release:
        """Return the template at a commit, with the address `url`. Raises GitError, Unrenderable."""
        release = Release(url=url, ref=commit)
        release.checkout = self.checkout(commit).resolve()
        release.commit = self.described(commit)
        _refuse_what_needs_a_checkout(release)
        position = self.position(commit)
        release.version = Version(".post".join(map(str, position))) if position else None
        return release


def _refuse_what_needs_a_checkout(release: Release) -> None:
    try:
        unsafe = release.tasks or release.jinja_extensions
        foreign = release.external_data
        # Read now, so that errors in it are reported once, and not for each product.
        _ = release.exclude, release.skip_if_exists, release.questions_data, release.envops
    except Exception as error:
        raise Unrenderable(f"copier.yml: {error}") from error
    if unsafe:
        raise Unrenderable(
            "It has _tasks or _jinja_extensions, but Meshwright does not run a template's code."
        )
    if foreign:
        raise Unrenderable(
            "It reads files of the product (_external_data), but Meshwright does not check them out."
        )
    if (release.checkout / ".gitmodules").exists():
        raise Unrenderable("It has submodules, but Meshwright does not fetch them.")


def _version(name: str) -> Version | None:
    try:
        return Version(name)
    except InvalidVersion:
        return None


@dataclass(frozen=True)
class Rendered:
    """Path rules of a render, in addition to the files that it wrote."""

    excluded: Callable[[Path], bool]
    """True if updates leave a path alone (`_exclude`)."""
    skipped: Callable[[Path], bool]
    """True if a path is only written when missing (`_skip_if_exists`)."""


class Renderer(Worker):
    """Copier's worker with a shared release, and without the user's settings."""

    @cached_property
    def jinja_env(self) -> Any:
        release = self.template
        assert isinstance(release, Release)
        if release.environment is None:
            release.environment = _compiling_once(super().jinja_env)
        return release.environment

    @property
    def answers_relpath(self) -> Path:
        plain = Path(self.answers_file or self.template.answers_relpath)
        return super().answers_relpath if "{" in str(plain) else plain

    def _render_context(self) -> Any:
        # It does not change after all questions are answered, but Copier creates it again for every part of every path.
        settled = Phase.current() is Phase.RENDER and "{" not in str(self.template.answers_relpath)
        return self._settled if settled else super()._render_context()

    @cached_property
    def _settled(self) -> Any:
        return super()._render_context()

    def _sync_git_index_executable_bit(self, *_: Any) -> None:
        """Do nothing: there is no index here, and running git for each file takes most of the time."""


def old(
    release: Release, answers: Mapping[str, Any], exclude: Sequence[str], folder: Path, answers_file: str
) -> Rendered:
    """Render the base of `copier update`: the recorded version with the recorded answers.

    `exclude` comes from the new version, so that excluded files do not look deleted. Raises Unrenderable.
    """
    return _render("update", release, folder, answers, {}, exclude, answers_file)


def new(release: Release, answers: Mapping[str, Any], folder: Path, answers_file: str) -> Rendered:
    """Render the result of `copier update --defaults`; new questions get their defaults. Raises Unrenderable."""
    return _render("update", release, folder, {}, answers, (), answers_file)


def copy(release: Release, answers: Mapping[str, Any], folder: Path, answers_file: str) -> Rendered:
    """Render the result of `copier copy --defaults --data …`. Raises Unrenderable."""
    return _render("copy", release, folder, answers, {}, (), answers_file)


def _render(
    operation: Literal["copy", "update"],
    release: Release,
    folder: Path,
    given: Mapping[str, Any],
    last: Mapping[str, Any],
    exclude: Sequence[str],
    answers_file: str,
) -> Rendered:
    try:
        with Renderer(
            src_path=release.url,
            dst_path=folder,
            data=dict(given),
            exclude=tuple(exclude),
            answers_file=Path(answers_file),
            defaults=True,
            overwrite=True,
            quiet=True,
            settings=SettingsModel(),
        ) as worker:
            worker.template = release
            worker.subproject.last_answers = dict(last)
            # The outermost operation counts, so that _exclude sees an update.
            as_operation(operation)(worker.run_copy)()
            return Rendered(worker.match_exclude, worker.match_skip)
    except Exception as error:
        raise Unrenderable(f"{type(error).__name__}: {error}" if not str(error) else str(error)) from error


def _compiling_once(environment: Any) -> Any:
    """Return a Jinja environment that compiles each text only once."""
    compile_text, find = lru_cache(maxsize=4096)(environment.from_string), environment.get_template

    def forget_yield() -> None:
        # Copier's yield tag keeps state in the environment, and relies on every text being compiled again.
        state = get_yield_context(environment)
        state.yield_name = state.yield_iterable = None

    def from_string(source: Any) -> Any:
        forget_yield()
        if not isinstance(source, str):
            raise TypeError("Not a text.")  # as Jinja does; Copier then uses the value unchanged
        return compile_text(source)

    def get_template(name: str, *arguments: Any, **options: Any) -> Any:
        forget_yield()
        return find(name, *arguments, **options)

    environment.from_string, environment.get_template = from_string, get_template
    environment.auto_reload = False  # a checkout does not change
    return environment
