"""A template's repository: its releases, and the files of each."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from copier._template import Template
from packaging.version import InvalidVersion, Version

from meshwright.core.git import CAREFUL, ISOLATED, REMOTE, Git, GitError, run
from meshwright.core.git_url import cloneable
from meshwright.core.rendered_once import names_in


class Unrenderable(Exception):
    """The template cannot be rendered with these answers, or at this version; the message says why."""


Placement = tuple[Path, Path, dict[str, Any]]
"""A file of the template, the file that is made from it, and the values that Copier's `yield` adds."""
MOST_PLACEMENTS = 1000
"""How many lists of placements are kept."""
File = tuple[str, bytes]
"""Git's mode of a file, and its content."""


class Release(Template):
    """A template at one version with an existing checkout."""

    checkout: Path
    environment: Any = None

    @cached_property
    def placements(self) -> dict[str, list[Placement]]:
        """What a render placed, by a digest of the values that decide it."""
        return {}

    def keep_placements(self, key: str, placements: list[Placement]) -> None:
        """Keep what a render placed; files that several renders have are kept once."""
        if len(self.placements) >= MOST_PLACEMENTS:
            self.placements.clear()
        self.placements[key] = [self._placed.setdefault(repr(one), one) for one in placements]

    @cached_property
    def has_links(self) -> bool:
        """Return whether the template has symbolic links, which Copier follows or copies on the disk."""
        return any(
            Path(parent, name).is_symlink()
            for parent, folders, files in os.walk(self.checkout)
            for name in (*folders, *files)
        )

    def content(self, path: Path) -> bytes:
        """Return the content of one of the template's files."""
        if path not in self._contents:
            self._contents[path] = (self.checkout / path).read_bytes()
        return self._contents[path]

    def mode(self, path: Path) -> str:
        """Return git's mode of a file that is made from one of the template's files."""
        if path not in self._modes:
            self._modes[path] = "100755" if (self.checkout / path).stat().st_mode & 0o100 else "100644"
        return self._modes[path]

    def placing_names(self, environment: Any) -> frozenset[str] | None:
        """Return the names whose values decide which files are made, and where; None if there is more that does."""
        if not self._placing_names:
            texts = {*map(str, self.exclude), *map(str, self.skip_if_exists), str(self.subdirectory)}
            for _, folders, files in os.walk(self.checkout):
                texts.update(folders, files)
            names = [names_in(environment, text, yields=True) for text in texts]
            known = [one for one in names if one is not None]
            self._placing_names.append(frozenset().union(*known) if len(known) == len(names) else None)
        return self._placing_names[0]

    @cached_property
    def _contents(self) -> dict[Path, bytes]:
        return {}

    @cached_property
    def _placed(self) -> dict[str, Placement]:
        return {}

    @cached_property
    def _placing_names(self) -> list[frozenset[str] | None]:
        return []

    @cached_property
    def _modes(self) -> dict[Path, str]:
        return {}

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
