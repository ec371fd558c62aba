"""Run git safely on untrusted repositories.

All work is done on objects, in a bare repository of our own. So neither a product's hooks, filters and drivers
nor its file names can affect this machine. Remotes are contacted with the user's git configuration, because it
holds the credentials; no other command reads any configuration.
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
"""Larger files are not fetched, if the server supports partial clones."""

# Variables that git regards as belonging to one repository (`git rev-parse --local-env-vars`): a hook that starts
# us must not make us work in its repository. Configuration given in the environment stays: CI passes
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
ISOLATED = {
    **ALWAYS,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "",
}
"""Isolated: no configuration but ours, and no network; a missing object stays missing."""
REMOTE = {**ALWAYS, "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_NO_LAZY_FETCH": "1"}
"""Remote: the user's configuration, but no transport that is a program (`ext::`), and no lazy fetch that a
remote repository could start: it could name a program to run."""
ON_DEMAND = {"GIT_NO_LAZY_FETCH": "0"}
"""For reading from our own repository, which fetches a file on demand."""

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
"""Author of a rollout's commits, if git has no user configured."""


NO_VARIABLES: Mapping[str, str] = MappingProxyType({})

FOLDER = "040000"
"""Mode of a folder in a tree."""
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The empty tree, which git always has."""


class GitError(Exception):
    """Git failed; its message, without credentials."""


class Git:
    """A bare repository of our own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        if (directory / "HEAD").exists():
            return
        # Written by hand, because `git init` takes as long as a merge and copies the user's templates.
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
        """Run git here, isolated; return its output. Raises GitError."""
        return run(
            ["git", f"--git-dir={self.directory}", *arguments], {**ISOLATED, **variables}, feed, ok
        ).stdout

    def status(self, *arguments: str) -> int:
        """Return the exit code of a git command."""
        return run(["git", f"--git-dir={self.directory}", *arguments], ISOLATED, ok=()).returncode

    def remote_command(
        self,
        *arguments: str,
        timeout: float,
        ok: Sequence[int] = (0,),
        variables: Mapping[str, str] = NO_VARIABLES,
    ) -> str:
        """Run git here with the user's configuration, to contact a remote. Raises GitError."""
        return self.remote_answer(*arguments, timeout=timeout, ok=ok, variables=variables)[0]

    def remote_answer(
        self,
        *arguments: str,
        timeout: float,
        ok: Sequence[int] = (0,),
        variables: Mapping[str, str] = NO_VARIABLES,
    ) -> tuple[str, str]:
        """Do the same; return git's output, and its error output, where a server's own words are. Raises GitError."""
        command = ["git", f"--git-dir={self.directory}", *CAREFUL, *arguments]
        done = run(command, {**REMOTE, **variables}, ok=ok, timeout=timeout)
        return text(done.stdout), text(done.stderr)

    def lines(self, *arguments: str) -> list[str]:
        """Return the entries that git prints with -z."""
        return text(self(*arguments)).split("\0")[:-1]

    def one(self, *arguments: str, feed: bytes = b"", variables: Mapping[str, str] = NO_VARIABLES) -> str:
        """Return the single word that git prints, such as an object's name."""
        return text(self(*arguments, feed=feed, variables=variables)).strip()

    def tree(self, folder: Path, product: str) -> str:
        """Return the tree of a folder's files, as its .gitattributes would have them committed.

        A file that its .gitignore names is included only if the tree `product` has it, too.
        """
        place = {"GIT_INDEX_FILE": str(self.directory / "index.tree"), "GIT_WORK_TREE": str(folder)}
        (self.directory / "index.tree").unlink(missing_ok=True)
        self("add", "--all", "--force", "--", str(folder), variables=place)
        output = self("ls-files", "--cached", "--ignored", "--exclude-standard", "-z", variables=place)
        ignored = text(output).split("\0")[:-1]
        kept = self.entries(product, *ignored) if ignored else {}
        if excluded := [os.fsencode(path) + b"\0" for path in ignored if path not in kept]:
            remove = ("update-index", "-z", "--force-remove", "--stdin")
            self(*remove, feed=b"".join(excluded), variables=place)
        return self.one("write-tree", variables=place)

    def attributes(self, rules: bytes) -> None:
        """Use these .gitattributes for text files and line ends; they cannot name a program."""
        (self.directory / "info").mkdir(exist_ok=True)
        (self.directory / "info/attributes").write_bytes(rules)

    def edited(self, tree: str, entries: Mapping[str, tuple[str, str] | None]) -> str:
        """Return a copy of a tree with some entries (mode, object) replaced, or removed if None."""
        place = {"GIT_INDEX_FILE": str(self.directory / "index.edit")}
        self("read-tree", tree, variables=place)
        index_info = b"".join(
            f"{mode} {name}\t".encode() + os.fsencode(path) + b"\0"
            for path, (mode, name) in ((path, entry or ("0", "0" * 40)) for path, entry in entries.items())
        )
        self("update-index", "-z", "--index-info", feed=index_info, variables=place)
        return self.one("write-tree", variables=place)

    def entries(self, tree: str, *paths: str) -> dict[str, tuple[str, str]]:
        """Return path -> (mode, object) of the files below a tree; of all files, or of `paths`."""
        return self._listed("--literal-pathspecs", "ls-tree", "-r", "-z", tree, "--", *paths)

    def in_root(self, tree: str, *, below: bool = False) -> dict[str, tuple[str, str]]:
        """Return the same for the root folder alone, with its subfolders as entries; reads only one tree.

        With `below`, return all files and folders.
        """
        return self._listed("ls-tree", *(("-r", "-t") if below else ()), "-z", tree)

    def _listed(self, *arguments: str) -> dict[str, tuple[str, str]]:
        found = {}
        for line in self.lines(*arguments):
            about, _, path = line.partition("\t")
            mode, _, name = about.split(" ")
            found[path] = (mode, name)
        return found

    def blob(self, name: str) -> bytes:
        return self("cat-file", "blob", name)

    def blobs(self, names: Sequence[str], largest: int) -> list[bytes | None]:
        """Return the contents of blobs in their order; None for one that is larger. Raises GitError."""
        feed = "".join(f"{name}\n" for name in names).encode()
        sizes = text(self("cat-file", "--batch-check=%(objectsize)", feed=feed)).split("\n")[:-1]
        if any(not size.isdigit() for size in sizes):
            raise GitError("Some files are missing in this clone.")
        small = [name for name, size in zip(names, sizes, strict=True) if int(size) <= largest]
        output = self(
            "cat-file", "--batch=%(objectsize)", feed="".join(f"{name}\n" for name in small).encode()
        )
        contents, place = {}, 0
        for name in small:
            end = output.index(b"\n", place)
            size = int(output[place:end])
            contents[name] = output[end + 1 : end + 1 + size]
            place = end + size + 2
        return [contents.get(name) for name in names]

    def keep(self, content: bytes) -> str:
        """Write a blob; return its name."""
        return self.one("hash-object", "-w", "--stdin", feed=content)


UNVERSIONED = {".git", ".venv", ".env", "build", "node_modules", "target", "__pycache__"}
"""Folders that are skipped when git cannot tell which files belong to the repository."""


def tracked(root: Path) -> list[str]:
    """Return the files that git tracks, relative to `root`; all files if there is no repository yet."""
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
"""Process groups of the programs that are running."""


def run(
    command: Sequence[str],
    variables: Mapping[str, str],
    feed: bytes = b"",
    ok: Sequence[int] = (0,),
    timeout: float | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program in its own session: it cannot prompt, and ends together with all its child processes.

    `ok`: the accepted exit codes; empty accepts any. Raises GitError, also on a timeout.
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
    """Kill these sessions, with all their processes."""
    for session in sessions:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(session, signal.SIGKILL)


def text(output: bytes) -> str:
    """Decode git's output. File names that are not UTF-8 survive a round trip."""
    return os.fsdecode(output)


def _reason(errors: str) -> str:
    """Return the line of git's error output that has the reason."""
    lines = [line.removeprefix("remote: ").strip() for line in errors.splitlines() if line.strip()]
    for start in ("fatal: ", "error: ", "! "):
        for line in lines:
            if line.startswith(start):
                return without_credentials(line.removeprefix(start))
    return without_credentials(lines[-1]) if lines else ""


def without_credentials(words: str) -> str:
    """Return the sentence without users and passwords in its addresses."""
    return " ".join(_plain(word) for word in words.split(" "))


def _plain(word: str) -> str:
    if "://" not in word or "@" not in word:
        return word
    before, _, rest = word.partition("://")
    host, slash, path = rest.partition("/")
    return f"{before}://{host.rpartition('@')[2]}{slash}{path}"


def is_path(url: str) -> bool:
    """Return True if an address is a path on this machine."""
    return url.startswith("file://") or ("://" not in url and not _is_scp(url))


def _is_scp(url: str) -> bool:
    """Return True for ssh's short form, `user@host:path`, by the rule that git uses."""
    head, colon, _ = url.partition(":")
    return bool(colon) and "/" not in head and "://" not in url


def parts(url: str) -> tuple[str, str] | None:
    """Return the host and path of a remote address, without user, port and `.git`; None for a local path."""
    if is_path(url):
        return None
    if _is_scp(url):
        host, _, path = url.partition(":")
        host = host.rpartition("@")[2]
    else:
        split = urlsplit(url)
        host, path = split.hostname or "", split.path
    return host, path.strip("/").removesuffix(".git")
