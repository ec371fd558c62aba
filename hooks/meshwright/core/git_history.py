"""A product's repository as one commit and the commits before it say it, read object by object.

Only git's objects are believed. Configuration, hooks, grafts, replacements and attributes of the repository are
not looked at: git runs with a directory of our own beside the repository's objects. What the objects are is
git's own promise, kept when it fetched them.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import stat
import subprocess
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from meshwright.core.errors import Error
from meshwright.core.git import ALONE, OF_A_REPOSITORY, Git, GitError, end, run, text
from meshwright.core.yaml import MAX_BYTES, Unreadable, decode

REGULAR = "100644"
SECONDS = 600.0
"""How long git may take to compare the whole history."""
PATHSPECS = ("LITERAL", "ICASE", "GLOB", "NOGLOB")
QUIET = {
    **ALONE,
    "GIT_NO_LAZY_FETCH": "1",
    **{f"GIT_{way}_PATHSPECS": "0" for way in PATHSPECS},  # paths mean what we say, whatever a user likes
}


class HistoryError(Error):
    """The repository cannot be read as one history."""


@dataclass(frozen=True)
class Commit:
    """A commit. What it says of people and of its purpose are claims of whoever made it."""

    name: str
    tree: str
    parents: tuple[str, ...]
    subject: str
    """The message's first line, shortened, without signs that could deceive on a screen."""

    def __str__(self) -> str:
        return f"{self.name[:10]} (“{self.subject}”)" if self.subject else self.name[:10]


Entry = tuple[str, str]
"""Mode and object of a file."""


class History:
    """A commit, and all that led to it.

    The *mainline* is the commit, its first parent, that one's first parent, and so on: what the branch was,
    if every change came in by a merge or directly. `position` counts along it, from 0 for the oldest.
    """

    def __init__(self, root: Path, commit: str = "HEAD") -> None:
        """Opens the repository whose top folder is `root`, at a commit or a branch. Raises HistoryError."""
        self.root = root
        self.worked_out: dict[str, Any] = {}
        """What others have made of it, kept as long as the history is."""
        directory = root / ".git"
        if not directory.exists():
            raise HistoryError(
                f"{root} is not the top folder of a git repository.",
                "Run in the product's repository: what is committed there decides.",
            )
        try:
            self.commit, objects = _opened(directory, commit)
        except GitError as error:
            raise HistoryError(f"Git cannot read the repository: {error}", "Fix what it says.") from error
        self._place = tempfile.TemporaryDirectory(prefix="meshwright-history-", ignore_cleanup_errors=True)
        self._git = Git(Path(self._place.name) / "view.git")
        if self.sha256:
            config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
            (self._git.directory / "config").write_text(config)
        self._objects = {"GIT_OBJECT_DIRECTORY": str(objects)}
        self._listed: dict[str, dict[str, Entry]] = {}
        self._changed: dict[str, _Changes] = {}
        self._reader: subprocess.Popen[bytes] | None = None

    @property
    def sha256(self) -> bool:
        """Whether objects are named by SHA-256 rather than by SHA-1."""
        return len(self.commit) == 64

    # What is there at the commit

    def read(self, path: str) -> str | None:
        """The text of a file at the commit; None if there is none. Raises Unreadable if it is no ordinary text."""
        entry = self._listing(path).get(path)
        return None if entry is None else self.text(path, entry)

    def text(self, path: str, entry: Entry) -> str:
        """The text of one version of a file. Raises Unreadable."""
        mode, name = entry
        if mode != REGULAR:
            kinds = {"100755": "an executable file", "120000": "a symbolic link", "160000": "a submodule"}
            raise Unreadable(
                f"{path} is {kinds.get(mode, 'no file')}.", "Commit it as an ordinary file, mode 644."
            )
        try:
            return decode(self.blob(name))
        except Unreadable as error:
            raise Unreadable(f"{path}: {error}", error.fix, error.line, error.column) from error

    def list(self, folder: str) -> list[str]:
        """The paths of all that lies below a folder at the commit, sorted."""
        return sorted(path for path in self._files(folder) if path.startswith(f"{folder.rstrip('/')}/"))

    def uncommitted(self, paths: Iterable[str]) -> Sequence[str]:
        """What lies in the work tree in another way than in the commit, among some files and folders, sorted.

        Whether lines end in the way of Unix or of Windows makes no difference.
        """
        found: set[str] = set()
        for path in paths:
            committed = self._files(path)
            there = set(_below(self.root, path))
            found |= there - committed.keys()
            found |= {
                file for file, entry in committed.items() if file not in there or self._differs(file, entry)
            }
        return sorted(found)

    def _differs(self, path: str, entry: Entry) -> bool:
        mode, name = entry
        file = self.root / path
        try:
            about = file.lstat()
            if stat.S_ISLNK(about.st_mode):
                return mode != "120000" or os.fsencode(os.readlink(file)) != self.blob(name)
            if not stat.S_ISREG(about.st_mode) or mode not in (REGULAR, "100755"):
                return True
            if about.st_size > 2 * MAX_BYTES:  # twice, because its lines may have become longer
                return True
            return file.read_bytes().replace(b"\r\n", b"\n") != self.blob(name).replace(b"\r\n", b"\n")
        except (OSError, Unreadable):
            return True

    def _files(self, path: str) -> dict[str, Entry]:
        """What lies at a path or below it, at the commit."""
        below = f"{path.rstrip('/')}/"
        return {
            file: entry
            for file, entry in self._listing(path).items()
            if file == below[:-1] or file.startswith(below)
        }

    def _listing(self, path: str) -> dict[str, Entry]:
        """What lies there in the part of the root that a path is in: git is asked once for all agreements."""
        top = path.partition("/")[0]
        if top not in self._listed:
            self._listed[top] = self._asked(top)
        return self._listed[top]

    def _asked(self, top: str) -> dict[str, Entry]:
        told = self._ask("--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", self.commit, "--", top)
        found: dict[str, Entry] = {}
        for line in text(told).split("\0")[:-1]:
            about, _, file = line.partition("\t")
            mode, _, name = about.split(" ")
            if file in found:
                raise HistoryError(f"The commit holds {file!r} twice.", MALFORMED)
            found[file] = (mode, name)
        return found

    # What led to it

    def is_ancestor(self, before: str, after: str) -> bool:
        """Whether a commit led to another (or is the same); the later one is of this history, both in full."""
        if before not in self._graph.position:
            return False
        graph = self._graph
        position, order = graph.position[before], graph.order[before]
        if position <= graph.base[after]:
            return True
        # What is left are commits that one merge, or a later one, brought in.
        look, seen = [after], {after}
        while look:
            name = look.pop()
            if name == before:
                return True
            for parent in self.commits[name].parents:
                if parent not in seen and graph.order[parent] >= order and graph.position[parent] >= position:
                    seen.add(parent)
                    look.append(parent)
        return False

    def continues(self, before: str) -> bool:
        """Whether a commit lies on the mainline.

        Stronger than being an ancestor: who merges the main branch into a branch of their own, and puts that in
        its place, has every commit there still as an ancestor, and another mainline.
        """
        at = self._graph.position.get(before)
        return at is not None and self.mainline[at] == before

    @property
    def commits(self) -> Mapping[str, Commit]:
        """Every commit that led to this one, by name."""
        return self._graph.commits

    @property
    def mainline(self) -> Sequence[str]:
        """The commits of the mainline, oldest first."""
        return self._graph.mainline

    def position(self, commit: str) -> int:
        """Where on the mainline a commit came in: its own place, or that of the merge that brought it."""
        return self._graph.position[commit]

    def base(self, commit: str) -> int:
        """The position of the newest commit of the mainline that led to a commit; -1 if none did."""
        return self._graph.base[commit]

    def paths(self, top: str) -> Iterable[str]:
        """Every path that there ever was at or below something in the root, also where its case differs."""
        return self._changes(top).touches.keys()

    def touched(self, path: str) -> Iterable[str]:
        """The commits that left a file in another way than their first parent had it, in order."""
        return self._changes(path).touches.get(path, {}).keys()

    def last_touch(self, commit: str, path: str) -> str | None:
        """The newest of them among a commit, its first parent, that one's first parent, and so on."""
        changes = self._changes(path)
        touches = changes.touches.get(path, {})
        while not self.continues(commit):
            if commit in touches:
                return commit
            parents = self.commits[commit].parents
            if not parents:
                return None
            commit = parents[0]
        positions = changes.positions.get(path, [])
        index = bisect_right(positions, self.position(commit))
        return self.mainline[positions[index - 1]] if index else None

    def entry(self, commit: str, path: str) -> Entry | None:
        """What a commit has at a path."""
        touch = self.last_touch(commit, path)
        return None if touch is None else self._changes(path).touches[path][touch]

    def blob(self, name: str) -> bytes:
        """The content of a file. Raises Unreadable if it is larger than a megabyte."""
        return self._object(name, b"blob")

    def raw(self, commit: str) -> bytes:
        """A commit as git keeps it."""
        return self._object(commit, b"commit")

    @functools.cached_property
    def _graph(self) -> _Graph:
        return _Graph(self.commit, self._commit)

    def _commit(self, name: str) -> Commit:
        # Whatever somebody wrote into a message: one commit must not make the whole history unreadable.
        size = self._about(name, b"commit")
        raw = self._content(name, size, MAX_BYTES)
        return _parsed(name, raw)

    def _changes(self, path: str) -> _Changes:
        """What changed, in the part of the root that a path is in: git compares whole histories at once."""
        top = path.partition("/")[0]
        if top not in self._changed:
            self._changed[top] = self._compared(top)
        return self._changed[top]

    def _compared(self, top: str) -> _Changes:
        algorithm = "sha256" if self.sha256 else "sha1"
        empty = hashlib.new(algorithm, b"tree 0\0", usedforsecurity=False).hexdigest()
        pairs: dict[tuple[str, str], list[str]] = {}
        for name in self._graph.order:
            commit = self.commits[name]
            before = self.commits[commit.parents[0]].tree if commit.parents else empty
            if before != commit.tree:
                pairs.setdefault((before, commit.tree), []).append(name)
        feed = b"".join(f"{before} {after}\n".encode() for before, after in pairs)
        # Two trees at a time, because what git makes of commits depends on merges and simplification.
        told = self._ask(
            *("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames"),
            *(
                "--no-ext-diff",
                "--no-textconv",
                "--ignore-submodules=none",
                "--",
                f":(icase,top,literal){top}",
            ),
            feed=feed,
        )
        found: dict[str, dict[str, Entry | None]] = {}
        for pair, path, entry in _differences(told):
            for name in pairs[pair]:
                found.setdefault(path, {})[name] = entry
        order = self._graph.order
        touches = {
            path: dict(sorted(by.items(), key=lambda item: order[item[0]])) for path, by in found.items()
        }
        positions = {
            path: [self.position(name) for name in by if self.continues(name)] for path, by in touches.items()
        }
        last = {path: touches[path][self.mainline[at[-1]]] for path, at in positions.items() if at}
        there = {path: entry for path, entry in last.items() if entry and path.partition("/")[0] == top}
        if there != self._files(top):  # a tree that git reads in two ways
            raise HistoryError(f"What commits changed at {top!r} is not what they hold.", MALFORMED)
        return _Changes(touches, positions)

    # Git

    def _ask(self, *arguments: str, feed: bytes = b"") -> bytes:
        command = ["git", f"--git-dir={self._git.directory}", *arguments]
        try:
            return run(command, QUIET | self._objects, feed, timeout=SECONDS).stdout
        except GitError as error:
            raise HistoryError(f"Git cannot read the history: {error}", INCOMPLETE) from error

    def _object(self, name: str, kind: bytes) -> bytes:
        """The content of an object that is not larger than a megabyte. Raises Unreadable, HistoryError."""
        size = self._about(name, kind)
        if size > MAX_BYTES:
            self._stop()  # rather than read what may be gigabytes
            raise Unreadable(
                f"It is larger than {MAX_BYTES:,} bytes.", "Move what is not about access elsewhere."
            )
        return self._content(name, size, size)

    def _about(self, name: str, kind: bytes) -> int:
        """Asks for an object; returns its size. Raises HistoryError if it is not there, or of another kind."""
        asked, answered = self._running()
        asked.write(name.encode() + b"\n")
        asked.flush()
        about = answered.readline().split()
        if len(about) != 3 or about[1] != kind:
            self._stop()
            raise HistoryError(f"The object {name[:10]} is not there, or is no {kind.decode()}.", INCOMPLETE)
        return int(about[2])

    def _content(self, name: str, size: int, most: int) -> bytes:
        """The first bytes of the object that was asked for; the rest of it is passed over."""
        _, answered = self._running()
        content = answered.read(min(size, most))
        left = size + 1 - len(content)  # git ends it with a line break
        while left and (passed := answered.read(min(left, MAX_BYTES))):
            left -= len(passed)
        if left:
            self._stop()
            raise HistoryError(f"Git stopped while it read the object {name[:10]}.", INCOMPLETE)
        return content

    def _running(self) -> tuple[IO[bytes], IO[bytes]]:
        """The input and the output of a git that answers one question after another; to start one for each would
        take minutes."""
        if self._reader is None:
            kept = {key: value for key, value in os.environ.items() if key not in OF_A_REPOSITORY}
            self._reader = subprocess.Popen(
                ["git", f"--git-dir={self._git.directory}", "cat-file", "--batch"],
                env=kept | QUIET | self._objects,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._ending = weakref.finalize(self, _ended, self._reader)
        return _pipes(self._reader)

    def _stop(self) -> None:
        self._ending()
        self._reader = None


MALFORMED = "Somebody made a commit with a tool that is not git. Take it out of the history."
INCOMPLETE = "Clone it anew and in full: without --depth, --filter and --reference."


@dataclass(frozen=True)
class _Changes:
    touches: Mapping[str, Mapping[str, Entry | None]]
    """Path -> commit -> what the commit left there, for each that changed it against its first parent, in order."""
    positions: Mapping[str, Sequence[int]]
    """Path -> the positions of those among them that are of the mainline, rising."""


class _Graph:
    """The commits that led to one, and how they hang together."""

    def __init__(self, tip: str, read: Any) -> None:
        self.commits: dict[str, Commit] = {}
        self.mainline: list[str] = []
        self.position: dict[str, int] = {}
        self.base: dict[str, int] = {}
        self.order: dict[str, int] = {}
        name: str | None = tip
        while name is not None:
            self.mainline.append(name)
            commit = self.commits[name] = read(name)
            name = commit.parents[0] if commit.parents else None
        self.mainline.reverse()
        for position, name in enumerate(self.mainline):
            self._bring_in(name, position, read)

    def _bring_in(self, tip: str, position: int, read: Any) -> None:
        """Numbers what is new with a commit of the mainline, parents first."""
        look = [tip]
        while look:
            name = look[-1]
            if name in self.position:
                look.pop()
                continue
            if name not in self.commits:
                self.commits[name] = read(name)
            new = [parent for parent in self.commits[name].parents if parent not in self.position]
            if new:
                look += reversed(new)
                continue
            look.pop()
            self.position[name] = position
            self.order[name] = len(self.order)
            known = [self.base[parent] for parent in self.commits[name].parents]
            self.base[name] = position if name == self.mainline[position] else max(known, default=-1)


def _opened(directory: Path, commit: str) -> tuple[str, Path]:
    """The full name of a commit, and where the repository's objects are."""

    def ask(*arguments: str) -> str:
        command = ["git", f"--git-dir={directory.resolve()}", "rev-parse", *arguments]
        return text(run(command, QUIET, cwd=directory.parent, timeout=SECONDS).stdout).removesuffix("\n")

    shallow, _, objects = ask("--is-shallow-repository", "--git-path", "objects").partition("\n")
    if shallow != "false":
        raise HistoryError(
            "The clone is shallow: the commits that approvals and approvers are read from are missing.",
            "In GitHub Actions: actions/checkout with fetch-depth: 0. By hand: git fetch --unshallow",
        )
    try:
        name = ask("--verify", "--end-of-options", f"{commit}^{{commit}}")
    except GitError as error:
        raise HistoryError(
            f"The repository has no commit {commit!r}.", "Commit the product, or name another."
        ) from error
    return name, directory.parent / objects


def _parsed(name: str, raw: bytes) -> Commit:
    """Reads a commit as git itself would: headers that stand elsewhere than git puts them are none."""
    head, _, message = raw.partition(b"\n\n")
    lines = text(head).split("\n")
    parents = [line.removeprefix("parent ") for line in itertools.takewhile(_is_parent, lines[1:])]
    following = lines[1 + len(parents) :]
    if not lines[0].startswith("tree ") or not following or not following[0].startswith("author "):
        raise HistoryError(f"The commit {name[:10]} is malformed.", MALFORMED)
    subject = message.strip().split(b"\n", 1)[0][:200].decode(errors="replace")
    shown = "".join(sign if sign.isprintable() else "�" for sign in subject)
    shown = shown if len(shown) <= 50 else f"{shown[:49]}…"
    return Commit(name, lines[0].removeprefix("tree "), tuple(parents), shown)


def _is_parent(line: str) -> bool:
    return line.startswith("parent ")


def _differences(told: bytes) -> Iterator[tuple[tuple[str, str], str, Entry | None]]:
    """What git says of pairs of trees: the pair, a path, and what the second tree has there."""
    pair = ("", "")
    rest = told
    at = 0
    while at < len(rest):
        if rest[at : at + 1] != b":":
            stop = rest.index(b"\n", at)
            before, after = rest[at:stop].decode().split(" ")
            pair = (before, after)
            at = stop + 1
            continue
        middle = rest.index(b"\0", at)
        stop = rest.index(b"\0", middle + 1)
        _, mode, _, name, state = rest[at + 1 : middle].decode().split(" ")
        yield pair, text(rest[middle + 1 : stop]), None if state == "D" else (mode, name)
        at = stop + 1


def _below(root: Path, path: str) -> Iterator[str]:
    """The paths of the files of the work tree at a path or below it."""
    start = root / path
    if start.is_symlink() or not start.is_dir():
        if start.is_symlink() or start.exists():
            yield path
        return
    for folder, folders, files in os.walk(start):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*files, *links):
            yield (Path(folder) / name).relative_to(root).as_posix()


def _ended(process: subprocess.Popen[bytes]) -> None:
    end(process.pid)
    for pipe in _pipes(process):
        pipe.close()
    process.wait()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None and process.stdout is not None, "it was started with both"
    return process.stdin, process.stdout
