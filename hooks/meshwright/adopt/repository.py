"""The team's repository: read at its last commit through git's objects, and given one branch at the end."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from meshwright.core.errors import Error
from meshwright.core.git import ALWAYS, CAREFUL, Git, GitError, run, text
from meshwright.core.text import printable

BRANCH = "meshwright/adopt"
HEADS = "refs/heads/"
REGULAR = ("100644", "100755")
LINK, SUBMODULE = "120000", "160000"
NO_PERSON = re.compile(r"noreply|no-reply|\[bot\]|localhost|\.local$")
MAX_FILE = 8_000_000
"""Bytes of a file that is read; larger ones are left where they are, unread."""

Entry = tuple[str, str]
"""Mode and object of a file in a tree."""


@dataclass(frozen=True)
class TeamRepository:
    """A clone with a work tree, at its last commit. Only `keep_branch` changes it."""

    top: Path
    git: Git
    """A repository of our own that borrows the clone's objects; what is made goes there."""
    head: str
    """The last commit."""
    branch: str | None
    """The branch that is checked out; None for a detached HEAD."""
    changed: int
    """Number of files with uncommitted work."""
    remotes: tuple[str, ...]
    entries: dict[str, Entry]
    """Path -> mode and object of all files of the last commit."""

    @classmethod
    def opened(cls, place: Path, folder: Path) -> TeamRepository:
        """Read the repository that `place` is in. Raises Error if it is none that can be adopted."""
        top, objects = _located(place)
        git = Git(folder / "product.git")
        (git.directory / "objects/info/alternates").write_bytes(os.fsencode(objects) + b"\n")
        if (shallow := objects.parent / "shallow").is_file():
            shutil.copy(shallow, git.directory / "shallow")
        try:
            head = _ask(top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        except GitError as error:
            raise Error(f"{top} has no commit.", "Commit what is there, then adopt it.") from error
        try:
            entries = git.entries(head)
        except GitError as error:
            raise Error(
                f"The files of the last commit cannot be read: {error}",
                "Fetch them all: `git fetch --refetch`, or a clone without --filter.",
            ) from error
        return cls(
            top,
            git,
            head,
            _maybe(top, "symbolic-ref", "--quiet", "--short", "HEAD") or None,
            len(_ask(top, "--no-optional-locks", "status", "--porcelain", "-z").split("\0")) - 1,
            tuple(
                line.split("\t")[-1].rpartition(" ")[0] for line in _maybe(top, "remote", "-v").splitlines()
            ),
            entries,
        )

    def content(self, path: str) -> bytes | None:
        """Return the bytes of a regular file of reasonable size; None for anything else."""
        mode, name = self.entries.get(path, ("", ""))
        if mode not in REGULAR:
            return None
        try:
            return self.git.blob(name) if int(self.git.one("cat-file", "-s", name)) <= MAX_FILE else None
        except GitError as error:
            raise Error(
                f"{printable(path)} cannot be read: {error}", "Fetch it: `git fetch --refetch`."
            ) from error

    def extract(self, tree: str, folder: Path, *prefixes: str) -> None:
        """Copy the regular files of a tree whose path begins with one of `prefixes`, except very large ones. Raises Error."""
        names = {
            path: name
            for path, (mode, name) in self.git.entries(tree).items()
            if path.startswith(prefixes) and mode in REGULAR and ".." not in path.split("/")
        }
        try:
            contents = self.git.blobs(list(names.values()), MAX_FILE)
        except GitError as error:
            raise Error(str(error), "Fetch all files: `git fetch --refetch`.") from error
        for path, content in zip(names, contents, strict=True):
            if content is not None:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)

    def text(self, path: str) -> str | None:
        """Return the text of a file; None if there is none, or if it is not UTF-8."""
        content = self.content(path)
        try:
            return None if content is None else content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            return None

    def tip(self) -> str | None:
        """Return the commit of the branch that adopting makes, if it is there."""
        return _maybe(self.top, "rev-parse", "--verify", "--quiet", f"{HEADS}{BRANCH}^{{commit}}") or None

    def tree_of(self, commit: str) -> tuple[str, list[str]]:
        """Return the tree and the parents of a commit."""
        names = _ask(self.top, "log", "-1", "--format=%T %P", commit, "--").split()
        return names[0], names[1:]

    def last_author(self) -> tuple[str, str]:
        """Return the name and the address of the last commit's author who has one; empty texts if none has."""
        log = _ask(self.top, "log", "-100", "--format=%aN%x00%aE", self.head, "--")
        for line in log.split("\n"):
            name, _, email = line.partition("\0")
            if name and email and not NO_PERSON.search(f"{name} {email}"):
                return name, email
        return "", ""

    def author(self) -> dict[str, str]:
        """Return the variables for the author of a commit: git's user. Raises Error if there is none."""
        found = {key: _maybe(self.top, "config", "--get", f"user.{key}") for key in ("name", "email")}
        for key, value in found.items():
            if not value:
                raise Error(f"git does not know your {key}.", f"Run `git config --global user.{key} …`.")
        return {
            f"GIT_{role}_{key.upper()}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in found.items()
        }

    def keep_branch(self, tree: str, message: str) -> str:
        """Commit a tree on the last commit as a new branch; return the commit. Raises Error, with nothing changed."""
        commit = self.git.one(
            "commit-tree", tree, "-p", self.head, feed=message.encode(), variables=self.author()
        )
        pack = self.git("pack-objects", "--revs", "--stdout", "-q", feed=f"{commit}\n^{self.head}\n".encode())
        here = ["git", *CAREFUL, "-C", str(self.top)]
        try:
            run([*here, "unpack-objects", "-q"], ALWAYS, pack)
            # It must not exist: forty zeros.
            run([*here, "update-ref", HEADS + BRANCH, commit, "0" * 40], ALWAYS)
        except GitError as error:
            raise Error(
                f"The branch {BRANCH} cannot be made: {error}",
                "Rename or delete what is in its way (`git branch --list 'meshwright*'`), then run this again.",
            ) from error
        return commit


def _located(place: Path) -> tuple[Path, Path]:
    """Return the top of the work tree, and the folder of git's objects. Raises Error."""
    try:
        words = ("--is-bare-repository", "--is-inside-work-tree", "--git-common-dir", "--show-object-format")
        bare, inside, common, form = _ask(place, "rev-parse", *words).split("\n")
    except GitError as error:
        fix = "Run `git init` there and commit what is there; for a new product, use `copier copy`."
        raise Error(f"{place} is not a git repository: {error}", fix) from error
    except OSError as error:
        raise Error(f"git cannot be run: {error}", "Install git 2.38 or newer.") from error
    if bare == "true" or inside != "true":
        raise Error(f"{place} is a repository without a work tree.", "Clone it, and adopt the clone.")
    if form != "sha1":
        raise Error(f"The repository's objects are {form}.", "Only repositories with SHA-1 can be adopted.")
    top = Path(_ask(place, "rev-parse", "--show-toplevel"))
    return top, (place / common).resolve() / "objects"


def _ask(place: Path, *arguments: str) -> str:
    command = ["git", *CAREFUL, "-C", str(place), *arguments]
    return text(run(command, ALWAYS).stdout).removesuffix("\n")


def _maybe(place: Path, *arguments: str) -> str:
    try:
        return _ask(place, *arguments)
    except GitError:
        return ""
