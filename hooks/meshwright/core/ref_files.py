"""Small files that a git ref keeps, beside the branches that people work on; on a remote if there is one.

The work tree, the index and hooks are not involved. The commits of the ref are the history of the files. A write
succeeds only on what was read, so of two at once the second one reads again and writes on top of the first.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from meshwright.core.git import (
    ALWAYS,
    CAREFUL,
    ISOLATED,
    RECEIVE,
    REMOTE,
    GitError,
    is_path,
    run,
    text,
    without_credentials,
)

LARGEST = 65_536
"""Bytes of one file."""
SECONDS = 60.0
"""How long a remote may take to answer."""
TRIES = 12
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Meshwright"), ("EMAIL", "meshwright@localhost"))
}
QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")


class RefFiles:
    """The files of one ref, as they were when they were last read."""

    def __init__(self, root: Path, ref: str, seen: str = "", remote: str = "") -> None:
        """Read the ref of the repository whose top folder is `root`. Raises GitError.

        `remote`: the address of the repository that has the ref; empty: `root` itself has it. `seen`: a ref of `root`
        that remembers what the remote had.
        """
        self.root, self.ref, self.remote, self._seen = root, ref, remote, seen
        self.tip: str | None = None
        """The commit; None if there is no such ref."""
        self._listed: tuple[str, dict[str, str]] = ("", {})
        """A commit, and its files."""
        self.rewound = ""
        """A commit that the remote had before, and that did not lead to what it has now; empty if all is well."""
        self.read()

    def read(self) -> None:
        """Read the ref anew. Raises GitError."""
        before = self._here(self._seen) if self.remote else None  # first: another run may be writing
        self.tip = self._remote_tip() if self.remote else self._here(self.ref)
        if not self.remote:
            return
        self.rewound = before if before and not self.has(before) else ""
        if self.tip and not self.rewound:
            self._remember(self.tip)

    def file(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none. Raises GitError, also for one that is too large."""
        entry = self._entries().get(name)
        if entry is None:
            return None
        if int(self._git("cat-file", "-s", entry)) > LARGEST:
            raise GitError(f"{name} is larger than {LARGEST:,} bytes.")
        return run(self._command("cat-file", "blob", entry), ISOLATED).stdout

    def in_the_way(self) -> str:
        """Return a branch of the remote that lets it have no such ref; empty if there is none. Raises GitError.

        Git keeps no ref below another one, nor above: with `a`, there can be no `a/b`, and with `a/b/c`, no `a/b`.
        """
        if not self.remote or self.tip:
            return ""
        parts = self.ref.split("/")
        above = ["/".join(parts[:count]) for count in range(3, len(parts))]
        answer = self._ask_remote("ls-remote", "--refs", "--", self.remote, *above, f"{self.ref}/*")
        refs = sorted(line.partition("\t")[2] for line in answer.splitlines())
        return next((ref for ref in refs if ref in above or ref.startswith(f"{self.ref}/")), "")

    def names(self) -> list[str]:
        """Return the names of all files."""
        return sorted(self._entries())

    def has(self, commit: str) -> bool:
        """Return True if a commit is the ref's newest one, or led to it."""
        if self.tip is None:
            return False
        ask = self._command("merge-base", "--is-ancestor", "--end-of-options", commit, self.tip)
        return run(ask, ISOLATED, ok=()).returncode == 0

    def write(self, name: str, content: Callable[[bytes | None], bytes | None], message: str) -> None:
        """Write one file. `content` gets what the ref has of it, and returns what it will have, None to leave it.

        Raises GitError.
        """
        for attempt in range(TRIES):
            new = content(self.file(name))
            if new is None:
                return
            commit = self._commit(name, new, message)
            try:
                self._push(commit) if self.remote else self._update(commit)
            except GitError as error:
                if attempt + 1 == TRIES or not self._was_overtaken(str(error)):
                    raise
                time.sleep((50 + secrets.randbelow(150)) / 1000 * (attempt + 1))
                continue
            self.tip, self.rewound = commit, ""
            if self.remote:
                self._remember(commit)
            return

    def _was_overtaken(self, reason: str) -> bool:
        """Read anew; return True if another one wrote meanwhile, or is just writing."""
        before = self.tip
        self.tip = self._remote_tip() if self.remote else self._here(self.ref)
        return self.tip != before or "lock" in reason

    def _commit(self, name: str, content: bytes, message: str) -> str:
        """Return a commit that has the files of the newest one, and this one."""
        entries = self._entries() | {name: self._git("hash-object", "-w", "--stdin", feed=content)}
        tree = self._git(
            "mktree", "-z", feed=b"".join(f"100644 blob {blob}\t{each}\0".encode() for each, blob in entries.items())
        )  # fmt: skip
        parent = ("-p", self.tip) if self.tip else ()
        return self._git(
            "commit-tree", *parent, tree, feed=message.encode(errors="replace"), variables=IDENTITY
        )

    def _entries(self) -> dict[str, str]:
        """Return name -> blob of the newest commit; only of files."""
        if self.tip is None:
            return {}
        if self._listed[0] != self.tip:
            listing = text(run(self._command("ls-tree", "-z", self.tip), ISOLATED).stdout).split("\0")[:-1]
            about = [line.partition("\t") for line in listing]
            blobs = {name: kind.split(" ")[2] for kind, _, name in about if kind.startswith("100644 blob ")}
            self._listed = (self.tip, blobs)
        return self._listed[1]

    # On the remote

    def _remote_tip(self) -> str | None:
        """Return what the remote has now, and fetch it."""
        for _ in range(3):
            answer = self._ask_remote("ls-remote", "--refs", "--", self.remote, self.ref)
            lines = [line.split("\t") for line in answer.splitlines()]
            tip = next((line[0] for line in lines if line[1:] == [self.ref]), None)
            if tip is None or self._here(tip):
                return tip
            self._ask_remote(
                "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
                "--", self.remote, self.ref,
            )  # fmt: skip
            if self._here(tip):
                return tip
        raise GitError(f"{self.ref} of the remote changes all the time, or cannot be fetched.")

    def _push(self, commit: str) -> None:
        local = [f"--receive-pack={RECEIVE}"] if is_path(self.remote) else []
        output = self._ask_remote(
            "push", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no", *local,
            f"--force-with-lease={self.ref}:{self.tip or ''}", "--", self.remote, f"{commit}:{self.ref}",
            ok=(0, 1),
        )  # fmt: skip
        # The server's reason is in the results, not in the error output.
        results = [line.split("\t") for line in output.splitlines() if self.ref in line]
        if not any(flag in ("*", "+", " ", "=") for flag, *_ in results):
            raise GitError(without_credentials(results[0][-1]) if results else "The server gave no reason.")

    def _ask_remote(self, *arguments: str, ok: tuple[int, ...] = (0,)) -> str:
        # With the configuration of the clone, which has its credentials.
        command = ["git", f"--git-dir={self._directory}", *CAREFUL, *arguments]
        return text(run(command, REMOTE, ok=ok, timeout=SECONDS, cwd=self.root).stdout)

    def _remember(self, commit: str) -> None:
        """Keep what the remote had. Another run may be doing the same."""
        with contextlib.suppress(GitError):
            self._git("update-ref", self._seen, commit)

    # In the clone

    @property
    def _directory(self) -> Path:
        return self.root.resolve() / ".git"

    def _here(self, name: str) -> str | None:
        """Return the commit that the clone has under a name; None if it has none."""
        ask = self._command("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")
        return text(run(ask, ISOLATED, ok=(0, 1, 128)).stdout).strip() or None

    def _update(self, commit: str) -> None:
        self._git("update-ref", self.ref, commit, self.tip or "0" * len(commit))

    def _git(self, *arguments: str, feed: bytes = b"", variables: Mapping[str, str] | None = None) -> str:
        """Return the single word that git prints."""
        return text(run(self._command(*arguments), {**ISOLATED, **(variables or {})}, feed).stdout).strip()

    def _command(self, *arguments: str) -> list[str]:
        return ["git", f"--git-dir={self._directory}", *QUIET, *arguments]


def remote_address(root: Path, name: str = "origin") -> str:
    """Return the address of a remote of the repository whose top folder is `root`; empty if it has no such remote."""
    ask = ["git", f"--git-dir={root.resolve() / '.git'}", "config", "--get", f"remote.{name}.url"]
    return text(run(ask, ALWAYS, ok=(0, 1)).stdout).strip()
