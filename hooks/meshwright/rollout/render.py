"""The template at any of its versions, rendered by Copier itself, many times in one process.

Copier does all that decides what a file holds. What is left out is what it does anew for every single
render: clone the template, compile its Jinja, and ask git about each file. Most of that is done by handing
Copier's own worker what it would otherwise have made itself (https://copier.readthedocs.io, 9.16 to 9.19);
were it to stop asking, renders would become slow, not wrong.
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

from meshwright.core.git import ABROAD, ALONE, CAREFUL, Git, GitError, run
from meshwright.rollout.fleet import cloneable

# libyaml reads the same language ten times as fast, and Copier reads YAML for every computed answer.
if hasattr(yaml, "CSafeLoader"):
    yaml.safe_load = lambda stream: yaml.load(stream, Loader=yaml.CSafeLoader)


class Unrenderable(Exception):
    """The template cannot be rendered with these answers, or at this version; says why."""


class Release(Template):
    """A template at one version, whose checkout is there already."""

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
    """A template's repository, cloned once, and the checkouts of the versions that are asked for."""

    folder: Path
    url: str

    @property
    def git(self) -> Git:
        return Git(self.folder / "template.git")

    @classmethod
    def cloned(cls, folder: Path, url: str, timeout: float) -> Store:
        """Fetches all versions. Raises GitError."""
        store = cls(folder, url)
        refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        store.git.abroad("fetch", "--quiet", "--update-shallow", "--", cloneable(url), *refs, timeout=timeout)
        return store

    @lru_cache(maxsize=512)  # noqa: B019 - one store lives as long as its process
    def commit(self, version: str) -> str | None:
        """The commit that a version (a tag, `git describe`'s words, a branch, a commit) names."""
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._/+-]{0,199}", version):
            return None
        for name in (f"refs/tags/{version}", version):
            try:
                return self.git.one("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            except GitError:
                continue
        return None

    def versions(self) -> list[tuple[Version, str]]:
        """All releases (tags that are versions), the oldest first."""
        tags = self.git.one("for-each-ref", "--format=%(refname:strip=2)", "refs/tags").split()
        return sorted((version, tag) for tag in tags if (version := _version(tag)))

    def newest(self) -> str | None:
        """The newest release that is no prerelease, as `copier update` chooses it."""
        final = [tag for version, tag in self.versions() if not version.is_prerelease]
        return final[-1] if final else None

    def described(self, commit: str) -> str:
        """What Copier calls a commit: its tag, or the nearest one and how far it is away."""
        return self.git.one("describe", "--tags", "--always", commit)

    def position(self, commit: str) -> tuple[Version, int] | None:
        """Where a commit lies among the releases: the last one before it, and how many commits follow."""
        try:
            name = self.git.one("describe", "--tags", commit)
        except GitError:  # no tag comes before it; its short name may look like a version, and is none
            return None
        match = re.fullmatch(r"(.+)-(\d+)-g[0-9a-f]+", name)
        version = _version(match[1] if match else name)
        return (version, int(match[2]) if match else 0) if version else None

    @lru_cache(maxsize=512)  # noqa: B019
    def between(self, commit: str, target: str) -> int | None:
        """How many releases a commit is behind another; negative where it is ahead; None where nobody can say."""
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
        """The folder with the template's files at a commit; several processes may ask at once."""
        target = self.folder / "checkouts" / commit
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=self.folder))
            local = {**ALONE, **ABROAD}
            run(["git", *CAREFUL, "clone", "--quiet", "--shared", "--no-checkout", "--template=", str(self.git.directory), str(fresh)], local)  # fmt: skip
            run(["git", *CAREFUL, "-C", str(fresh), "checkout", "--quiet", "--detach", commit], local)
            try:
                fresh.rename(target)
            except OSError:  # another process was faster
                shutil.rmtree(fresh)
        return target

    @lru_cache(maxsize=8)  # noqa: B019 - one store lives as long as its process
    def release(self, commit: str, url: str) -> Release:
        """The template at a commit, as whoever took it from `url` has it. Raises GitError, Unrenderable."""
        release = Release(url=url, ref=commit)
        release.checkout = self.checkout(commit).resolve()
        release.commit = self.described(commit)
        _refuse_what_no_rollout_can_do(release)
        position = self.position(commit)
        release.version = Version(".post".join(map(str, position))) if position else None
        return release


def _refuse_what_no_rollout_can_do(release: Release) -> None:
    try:
        unsafe = release.tasks or release.jinja_extensions
        foreign = release.external_data
        # Read now, so that whatever is wrong with them is told once, and not for each product.
        _ = release.exclude, release.skip_if_exists, release.questions_data, release.envops
    except Exception as error:
        raise Unrenderable(f"copier.yml: {error}") from error
    if unsafe:
        raise Unrenderable("It runs code of its own (_tasks, _jinja_extensions), and a rollout runs none.")
    if foreign:
        raise Unrenderable("It reads files of the product (_external_data), and a rollout checks none out.")
    if (release.checkout / ".gitmodules").exists():
        raise Unrenderable("It has submodules, and a rollout fetches none.")


def _version(name: str) -> Version | None:
    try:
        return Version(name)
    except InvalidVersion:
        return None


@dataclass(frozen=True)
class Rendered:
    """What a render says of paths, besides the files that it wrote."""

    excluded: Callable[[Path], bool]
    """Whether updates leave a path alone (`_exclude`)."""
    skipped: Callable[[Path], bool]
    """Whether a path is only written where there is none (`_skip_if_exists`)."""


class Renderer(Worker):
    """Copier's worker with a release that many share, and without the settings of whoever runs it."""

    @cached_property
    def jinja_env(self) -> Any:
        release = self.template
        assert isinstance(release, Release)
        if release.environment is None:
            release.environment = _compiling_once(super().jinja_env)
        return release.environment

    @property
    def answers_relpath(self) -> Path:
        plain = self.template.answers_relpath
        return super().answers_relpath if "{" in str(plain) else plain

    def _render_context(self) -> Any:
        # Once all questions are answered it stays the same; Copier makes it anew for every part of every path.
        settled = Phase.current() is Phase.RENDER and "{" not in str(self.template.answers_relpath)
        return self._settled if settled else super()._render_context()

    @cached_property
    def _settled(self) -> Any:
        return super()._render_context()

    def _sync_git_index_executable_bit(self, *_: Any) -> None:
        """Nothing: there is no index where this renders, and asking git about each file takes most of the time."""


def old(release: Release, answers: Mapping[str, Any], exclude: Sequence[str], folder: Path) -> Rendered:
    """Renders what `copier update` starts from: the recorded version with the recorded answers.

    `exclude` is the new version's, because what that leaves alone must not look deleted. Raises Unrenderable.
    """
    return _render(release, folder, answers, {}, exclude)


def new(release: Release, answers: Mapping[str, Any], folder: Path) -> Rendered:
    """Renders what `copier update --defaults` arrives at; new questions get their defaults. Raises Unrenderable."""
    return _render(release, folder, {}, answers, ())


def _render(
    release: Release, folder: Path, given: Mapping[str, Any], last: Mapping[str, Any], exclude: Sequence[str]
) -> Rendered:
    try:
        with Renderer(
            src_path=release.url,
            dst_path=folder,
            data=dict(given),
            exclude=tuple(exclude),
            defaults=True,
            overwrite=True,
            quiet=True,
            settings=SettingsModel(),
        ) as worker:
            worker.template = release
            worker.subproject.last_answers = dict(last)
            as_operation("update")(worker.run_copy)()
            return Rendered(worker.match_exclude, worker.match_skip)
    except Exception as error:
        raise Unrenderable(f"{type(error).__name__}: {error}" if not str(error) else str(error)) from error


def _compiling_once(environment: Any) -> Any:
    """A Jinja environment that compiles each text once, and not again for every path and every product."""
    compile_text, find = lru_cache(maxsize=4096)(environment.from_string), environment.get_template

    def forget_yield() -> None:
        # Copier's yield tag leaves its state behind, and counts on every text being compiled anew.
        state = get_yield_context(environment)
        state.yield_name = state.yield_iterable = None

    def from_string(source: Any) -> Any:
        forget_yield()
        if not isinstance(source, str):
            raise TypeError("Not a text.")  # as Jinja does; Copier then takes the value as it is
        return compile_text(source)

    def get_template(name: str, *arguments: Any, **options: Any) -> Any:
        forget_yield()
        return find(name, *arguments, **options)

    environment.from_string, environment.get_template = from_string, get_template
    environment.auto_reload = False  # a checkout does not change
    return environment
