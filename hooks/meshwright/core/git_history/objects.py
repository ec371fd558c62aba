"""The objects of a repository, read by a git that sees nothing else of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import weakref
from pathlib import Path
from typing import IO

from meshwright.core.git import ISOLATED, OF_A_REPOSITORY, Git, GitError, end, run, text
from meshwright.core.git_history.history_error import INCOMPLETE, HistoryError
from meshwright.core.yaml import MAX_BYTES, Unreadable

SECONDS = 600.0
"""How long git may take to compare the whole history."""
PATHSPECS = ("LITERAL", "ICASE", "GLOB", "NOGLOB")
QUIET = {
    **ISOLATED,
    "GIT_NO_LAZY_FETCH": "1",
    **{f"GIT_{way}_PATHSPECS": "0" for way in PATHSPECS},  # paths mean what we say, whatever a user likes
}


def resolve(directory: Path, commit: str) -> tuple[str, Path]:
    """Return the full name of a commit, and where the objects of the repository at `directory` are.

    Raises HistoryError.
    """
    try:
        return _resolved(directory, commit)
    except GitError as error:
        raise HistoryError(f"Git cannot read the repository: {error}", "Fix what it says.") from error


def _resolved(directory: Path, commit: str) -> tuple[str, Path]:
    def ask(*arguments: str) -> str:
        command = ["git", f"--git-dir={directory.resolve()}", "rev-parse", *arguments]
        return text(run(command, QUIET, cwd=directory.parent, timeout=SECONDS).stdout).removesuffix("\n")

    shallow, _, objects = ask("--is-shallow-repository", "--git-path", "objects").partition("\n")
    if shallow != "false":
        raise HistoryError(
            "The clone is shallow, so older commits are missing, and approvals and approvers are read from those.",
            "In GitHub Actions: actions/checkout with fetch-depth: 0. By hand: git fetch --unshallow",
        )
    try:
        name = ask("--verify", "--end-of-options", f"{commit}^{{commit}}")
    except GitError as error:
        raise HistoryError(
            f"The repository has no commit {commit!r}.", "Commit the product, or name another."
        ) from error
    return name, directory.parent / objects


class Objects:
    """A git directory of our own that borrows a repository's objects."""

    def __init__(self, objects: Path, sha256: bool) -> None:
        """`sha256`: objects are named by SHA-256 rather than by SHA-1."""
        self.sha256 = sha256
        self._place = tempfile.TemporaryDirectory(prefix="meshwright-history-", ignore_cleanup_errors=True)
        self._git = Git(Path(self._place.name) / "view.git")
        if sha256:
            config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
            (self._git.directory / "config").write_text(config)
        self._variables = QUIET | {"GIT_OBJECT_DIRECTORY": str(objects)}
        self._reader: subprocess.Popen[bytes] | None = None

    def ask(self, *arguments: str, feed: bytes = b"") -> bytes:
        """Return what a git command prints. Raises HistoryError."""
        command = ["git", f"--git-dir={self._git.directory}", *arguments]
        try:
            return run(command, self._variables, feed, timeout=SECONDS).stdout
        except GitError as error:
            raise HistoryError(f"Git cannot read the history: {error}", INCOMPLETE) from error

    def blob(self, name: str) -> bytes:
        """Return the content of a file. Raises HistoryError, and Unreadable if it is larger than a megabyte."""
        return self._object(name, b"blob")

    def commit(self, name: str) -> bytes:
        """Return a commit as git keeps it. Raises HistoryError, and Unreadable if it is larger than a megabyte."""
        return self._object(name, b"commit")

    def commit_start(self, name: str) -> bytes:
        """Return the first megabyte of a commit. Raises HistoryError.

        Whatever somebody wrote into a message: one commit must not make the whole history unreadable.
        """
        size = self._request(name, b"commit")
        return self._content(name, size, MAX_BYTES)

    def _object(self, name: str, kind: bytes) -> bytes:
        size = self._request(name, kind)
        if size > MAX_BYTES:
            self._stop()  # rather than read what may be gigabytes
            raise Unreadable(
                f"It is larger than {MAX_BYTES:,} bytes.", "Move what is not about access elsewhere."
            )
        return self._content(name, size, size)

    def _request(self, name: str, kind: bytes) -> int:
        """Ask for an object; return its size. Raises HistoryError if it is missing, or of another kind."""
        requests, answers = self._running()
        requests.write(name.encode() + b"\n")
        requests.flush()
        header = answers.readline().split()
        if len(header) != 3 or header[1] != kind:
            self._stop()
            raise HistoryError(f"The object {name[:10]} is not there, or is no {kind.decode()}.", INCOMPLETE)
        return int(header[2])

    def _content(self, name: str, size: int, most: int) -> bytes:
        """Return the first bytes of the requested object, and skip the rest of it."""
        _, answers = self._running()
        content = answers.read(min(size, most))
        left = size + 1 - len(content)  # git ends it with a line break
        while left and (skipped := answers.read(min(left, MAX_BYTES))):
            left -= len(skipped)
        if left:
            self._stop()
            raise HistoryError(f"Git stopped while it read the object {name[:10]}.", INCOMPLETE)
        return content

    def _running(self) -> tuple[IO[bytes], IO[bytes]]:
        """Return the input and the output of a git that answers one request after another.

        To start one for each would take minutes.
        """
        if self._reader is None:
            kept = {key: value for key, value in os.environ.items() if key not in OF_A_REPOSITORY}
            self._reader = subprocess.Popen(
                ["git", f"--git-dir={self._git.directory}", "cat-file", "--batch"],
                env=kept | self._variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._ending = weakref.finalize(self, _end, self._reader)
        return _pipes(self._reader)

    def _stop(self) -> None:
        self._ending()
        self._reader = None


def _end(process: subprocess.Popen[bytes]) -> None:
    end(process.pid)
    for pipe in _pipes(process):
        pipe.close()
    process.wait()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None and process.stdout is not None, "it was started with both"
    return process.stdin, process.stdout
