"""Git, on repositories that nobody vouches for.

All work is done on objects, in a bare repository of our own, so that neither the hooks, filters and drivers
of a product's repository nor what its files claim to be can reach this machine. Remotes are spoken to with
the user's own configuration, because credentials are git's own; nothing else reads any configuration.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

MAX_BLOB = "8m"
"""Larger files are not even fetched, where the server can leave them out."""

# What git itself regards as belonging to one repository (`git rev-parse --local-env-vars`); whoever starts
# us from a hook must not lead us into theirs. Configuration given by environment stays: CI hands over
# credentials that way.
OF_A_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DEFAULT_HASH",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
ALWAYS = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}
ALONE = {
    **ALWAYS,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "",
}
"""No configuration but ours, and no way to a network: an object that is missing stays missing."""
ABROAD = {**ALWAYS, "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_NO_LAZY_FETCH": "1"}
"""The user's configuration, but no transport that is a program (`ext::`), and nothing that a repository at the
other end would fetch for itself: it could name a program for that."""
ON_DEMAND = {"GIT_NO_LAZY_FETCH": "0"}
"""For asking our own repository, which fetches a file when it is read."""

CAREFUL = (
    *("-c", "core.hooksPath=" + os.devnull),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.bigFileThreshold=16m"),  # streamed, never held whole
    *("-c", "fetch.fsckObjects=true"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "protocol.version=2"),
    *("-c", "submodule.recurse=false"),
)
# A push to a path runs git in that repository, as us: its configuration must not name programs.
RECEIVE = (
    f"git -c core.hooksPath={os.devnull} -c core.fsmonitor=false -c core.alternateRefsCommand=true "
    "-c receive.autogc=false -c receive.denyCurrentBranch=refuse receive-pack"
)

IDENTITY = {"user.name": "Meshwright", "user.email": "meshwright@localhost"}
"""Whose commits a rollout makes, where git knows nobody better."""


NO_VARIABLES: Mapping[str, str] = MappingProxyType({})

EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The tree without a file, which git always has."""


class GitError(Exception):
    """Git said no, in its own words (credentials taken out)."""


class Git:
    """A bare repository of our own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        if (directory / "HEAD").exists():
            return
        # By hand, because `git init` costs as much as a merge and copies the user's own templates.
        for folder in ("objects/info", "objects/pack", "refs/heads"):
            (directory / folder).mkdir(parents=True)
        (directory / "config").write_text(
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
        )
        (directory / "HEAD").write_text("ref: refs/heads/none\n")

    def __call__(
        self,
        *arguments: str,
        feed: bytes = b"",
        ok: Sequence[int] = (0,),
        variables: Mapping[str, str] = NO_VARIABLES,
    ) -> bytes:
        """Runs git here, alone with its objects; returns what it prints. Raises GitError."""
        return run(
            ["git", f"--git-dir={self.directory}", *arguments], {**ALONE, **variables}, feed, ok
        ).stdout

    def status(self, *arguments: str) -> int:
        """The exit code of a command that asks something."""
        return run(["git", f"--git-dir={self.directory}", *arguments], ALONE, ok=()).returncode

    def abroad(
        self,
        *arguments: str,
        timeout: float,
        ok: Sequence[int] = (0,),
        variables: Mapping[str, str] = NO_VARIABLES,
    ) -> str:
        """Runs git here with the user's configuration, to speak to a remote. Raises GitError."""
        command = ["git", f"--git-dir={self.directory}", *CAREFUL, *arguments]
        return text(run(command, {**ABROAD, **variables}, ok=ok, timeout=timeout).stdout)

    def lines(self, *arguments: str) -> list[str]:
        """What git prints with -z, entry by entry."""
        return text(self(*arguments)).split("\0")[:-1]

    def one(self, *arguments: str, feed: bytes = b"", variables: Mapping[str, str] = NO_VARIABLES) -> str:
        """The one word that git prints, such as an object's name."""
        return text(self(*arguments, feed=feed, variables=variables)).strip()

    def tree(self, folder: Path, product: str) -> str:
        """The tree of what lies in a folder, as its .gitattributes would have it committed.

        What its .gitignore names belongs to it only if the product (a tree) has it, too.
        """
        place = {"GIT_INDEX_FILE": str(self.directory / "index.tree"), "GIT_WORK_TREE": str(folder)}
        (self.directory / "index.tree").unlink(missing_ok=True)
        self("add", "--all", "--force", "--", str(folder), variables=place)
        told = self("ls-files", "--cached", "--ignored", "--exclude-standard", "-z", variables=place)
        ignored = text(told).split("\0")[:-1]
        there = self.entries(product, *ignored) if ignored else {}
        if unwanted := [os.fsencode(path) + b"\0" for path in ignored if path not in there]:
            remove = ("update-index", "-z", "--force-remove", "--stdin")
            self(*remove, feed=b"".join(unwanted), variables=place)
        return self.one("write-tree", variables=place)

    def attributes(self, rules: bytes) -> None:
        """Lets a .gitattributes decide what is text here, and how its lines end; it can name no program."""
        (self.directory / "info").mkdir(exist_ok=True)
        (self.directory / "info/attributes").write_bytes(rules)

    def edited(self, tree: str, entries: Mapping[str, tuple[str, str] | None]) -> str:
        """A tree like another, with some entries (mode, object) replaced, or removed where they are None."""
        place = {"GIT_INDEX_FILE": str(self.directory / "index.edit")}
        self("read-tree", tree, variables=place)
        told = b"".join(
            f"{mode} {name}\t".encode() + os.fsencode(path) + b"\0"
            for path, (mode, name) in ((path, entry or ("0", "0" * 40)) for path, entry in entries.items())
        )
        self("update-index", "-z", "--index-info", feed=told, variables=place)
        return self.one("write-tree", variables=place)

    def entries(self, tree: str, *paths: str) -> dict[str, tuple[str, str]]:
        """Path -> mode and object, of the files below a tree; of all, or of those named."""
        return self._listed("--literal-pathspecs", "ls-tree", "-r", "-z", tree, "--", *paths)

    def in_root(self, tree: str) -> dict[str, tuple[str, str]]:
        """The same of what lies in the root itself, folders too; reads one tree and no more."""
        return self._listed("ls-tree", "-z", tree)

    def _listed(self, *arguments: str) -> dict[str, tuple[str, str]]:
        found = {}
        for line in self.lines(*arguments):
            about, _, path = line.partition("\t")
            mode, _, name = about.split(" ")
            found[path] = (mode, name)
        return found

    def blob(self, name: str) -> bytes:
        return self("cat-file", "blob", name)

    def keep(self, content: bytes) -> str:
        """Writes a blob; returns its name."""
        return self.one("hash-object", "-w", "--stdin", feed=content)


UNVERSIONED = {".git", ".venv", ".env", "build", "node_modules", "target", "__pycache__"}
"""What is not looked into where git cannot say what belongs to a repository."""


def tracked(root: Path) -> list[str]:
    """The paths, from `root`, of the files that git tracks there; of all files where there is no repository yet."""
    listing = ["git", *CAREFUL, "ls-files", "--cached", "-z"]
    with contextlib.suppress(GitError, OSError):
        if paths := text(run(listing, ALWAYS, cwd=root).stdout).split("\0")[:-1]:
            return paths
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted({*folders} - UNVERSIONED)
        found += [
            os.path.relpath(os.path.join(folder, name), root) for name in files if name not in UNVERSIONED
        ]
    return sorted(path.replace(os.sep, "/") for path in found)


LIVE: set[int] = set()
"""The sessions of programs that run at this moment."""


def run(
    command: Sequence[str],
    variables: Mapping[str, str],
    feed: bytes = b"",
    ok: Sequence[int] = (0,),
    timeout: float | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs a program in a session of its own, so that it can ask nobody and ends with all that it began.

    Any exit code is fine if `ok` is empty. Raises GitError.
    """
    kept = {key: value for key, value in os.environ.items() if key not in OF_A_REPOSITORY}
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**kept, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        LIVE.add(process.pid)
        try:
            output, errors = process.communicate(feed, timeout)
        except BaseException as error:
            end(process.pid)
            if isinstance(error, subprocess.TimeoutExpired):
                raise GitError(f"No answer within {timeout:g} s.") from error
            raise
        finally:
            LIVE.discard(process.pid)
    if ok and process.returncode not in ok:
        raise GitError(_reason(text(errors)) or f"git ended with exit code {process.returncode}.")
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def end(*sessions: int) -> None:
    """Ends programs at once, with all that they began."""
    for session in sessions:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(session, signal.SIGKILL)


def text(output: bytes) -> str:
    """What git printed. Names of files are bytes; those that are no UTF-8 survive the way back."""
    return os.fsdecode(output)


def _reason(errors: str) -> str:
    """The line of git's complaint that says what is wrong."""
    said = [line.removeprefix("remote: ").strip() for line in errors.splitlines() if line.strip()]
    for start in ("fatal: ", "error: ", "! "):
        for line in said:
            if line.startswith(start):
                return without_credentials(line.removeprefix(start))
    return without_credentials(said[-1]) if said else ""


def without_credentials(words: str) -> str:
    """A sentence in which no address carries a user or a password."""
    return " ".join(_plain(word) for word in words.split(" "))


def _plain(word: str) -> str:
    if "://" not in word or "@" not in word:
        return word
    before, _, rest = word.partition("://")
    host, slash, path = rest.partition("/")
    return f"{before}://{host.rpartition('@')[2]}{slash}{path}"


def is_path(url: str) -> bool:
    """Whether an address names a folder of this machine."""
    return url.startswith("file://") or ("://" not in url and not _is_scp(url))


def _is_scp(url: str) -> bool:
    """Whether it is ssh's short form, `user@host:path`, as git tells it from a path."""
    head, colon, _ = url.partition(":")
    return bool(colon) and "/" not in head and "://" not in url


def parts(url: str) -> tuple[str, str] | None:
    """Host and path of a remote address, without user, port and `.git`; None for a path of this machine."""
    if is_path(url):
        return None
    if _is_scp(url):
        host, _, path = url.partition(":")
        host = host.rpartition("@")[2]
    else:
        split = urlsplit(url)
        host, path = split.hostname or "", split.path
    return host, path.strip("/").removesuffix(".git")
