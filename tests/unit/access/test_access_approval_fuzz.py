"""Random histories, in which a slow reading of the rules, written down apart from the code, comes to the same."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from signed import APPROVERS, PATH, People, Repository, agreement

from meshwright.access.approval import approval, approvers, authorised
from meshwright.core.git_history import History

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="this machine has no ssh-keygen")

POLICY = "access/policy.yaml"
Files = dict[str, str]
LISTED = {"ada": 0.85, "dan": 0.85, "eve": 0.4, "sam": 0.4}
"""How often a list of approvers names whom."""
HISTORIES = int(os.environ.get("MESHWRIGHT_FUZZ", "60"))


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


# Histories


@dataclass
class Node:
    """A commit of the model: what is true of it, whatever git makes of it."""

    name: str
    parents: list[Node]
    files: Files
    signer: str | None
    own: bool = True
    """Whether its signer wrote it, when it was committed."""
    past: set[str] = field(default_factory=set)
    """The names of all commits that led to it, and its own."""


class Writer:
    """Writes objects as git does, and faster."""

    def __init__(self, root: Path, people: People) -> None:
        self.root, self.people = root, people
        Repository(root, people)

    def object(self, kind: str, content: bytes) -> str:
        raw = f"{kind} {len(content)}\0".encode() + content
        name = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        file = self.root / ".git/objects" / name[:2] / name[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(raw, 1))
        return name

    def tree(self, files: Files) -> str:
        entries: dict[str, tuple[str, str]] = {}
        for folder in {path.split("/")[0] for path in files if "/" in path}:
            below = {
                path.split("/", 1)[1]: text for path, text in files.items() if path.startswith(f"{folder}/")
            }
            entries[f"{folder}/"] = ("40000", self.tree(below))
        for path, text in files.items():
            if "/" not in path:
                entries[path] = ("100644", self.object("blob", text.encode()))
        raw = [
            f"{mode} {name.rstrip('/')}\0".encode() + bytes.fromhex(object)
            for name, (mode, object) in sorted(entries.items())
        ]
        return self.object("tree", b"".join(raw))

    def commit(
        self, parents: list[Node], files: Files, signer: str | None, number: int, like: str = "own"
    ) -> Node:
        """Writes a commit. `like`: by its signer, by somebody else, or by its signer at another time."""
        head = [f"tree {self.tree(files)}", *(f"parent {parent.name}" for parent in parents)]
        author = signer if like != "other" and signer else "x"
        head.append(f"author X <{author}@example.org> {number - (like == 'late')} +0000")
        head.append(f"committer X <x@example.org> {number} +0000")
        if signer:
            payload = "\n".join([*head, "", f"Commit {number}\n"]).encode()
            command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(self.people.make(signer))]
            done = subprocess.run(command, input=payload, capture_output=True, check=True)
            head.append("gpgsig " + done.stdout.decode().strip().replace("\n", "\n "))
        name = self.object("commit", "\n".join([*head, "", f"Commit {number}\n"]).encode())
        past = {name}.union(*(parent.past for parent in parents))
        return Node(name, parents, files, signer, like == "own", past)


def history(writer: Writer, choose: random.Random) -> Node:
    """A history with a root of trust, branches, honest and evil merges; returns the tip of the main branch."""
    people = writer.people
    start: Files = {POLICY: "0\n", PATH: agreement()}
    main = writer.commit([], start, None, 0)
    if choose.random() < 0.9:
        main = writer.commit([main], start | {APPROVERS: people.approvers("ada", "dan")}, None, 1)
    branches = [main, main]  # the first is the main branch
    signers = [None, *["ada"] * 5, *["dan"] * 5, "eve", "sam"]
    for number in range(2, choose.randint(6, 18)):
        at = choose.choice([0, 0, 1, 2]) % len(branches)
        tip = branches[at]
        files = dict(tip.files)
        parents = [tip]
        signer = choose.choice(signers)
        others = [other for other in branches if other.name not in tip.past]
        if others and choose.random() < 0.45:
            other = choose.choice(others)
            parents.append(other)
            signer = signer if choose.random() < 0.2 else None
            for path in sorted({*files, *other.files}):
                if choose.random() < 0.75:  # or else as the first parent has it, whatever git would take
                    _put(files, path, other.files.get(path))
            if choose.random() < 0.15:
                _edit(files, people, choose, signer)
            if (third := choose.choice(others)) is not other and choose.random() < 0.2:
                parents.append(third)
        else:
            _edit(files, people, choose, signer)
            if choose.random() < 0.1:  # an old version, word for word
                old = choose.choice(branches)
                while old.parents and choose.random() < 0.7:
                    old = choose.choice(old.parents)
                path = choose.choice([PATH, APPROVERS, POLICY])
                _put(files, path, old.files.get(path))
        like = choose.choice([*["own"] * 10, "other", "late"])
        branches[at] = writer.commit(parents, files, signer, number, like)
        if len(branches) < 4 and choose.random() < 0.3:
            branches.append(choose.choice(branches))
    return branches[0]


def _put(files: Files, path: str, text: str | None) -> None:
    files.pop(path, None)
    if text is not None:
        files[path] = text


def _edit(files: Files, people: People, choose: random.Random, signer: str | None) -> None:
    kind = choose.random()
    if kind < 0.55:
        _put(files, PATH, _next_agreement(files.get(PATH), choose, signer))
    elif kind < 0.62:
        status = choose.choice([*["approved"] * 3, "requested", "rejected"])
        by = choose.sample(sorted(LISTED), choose.choice([0, 0, 1, 2]))
        text = agreement(status, choose.choice([*["reader"] * 5, "writer"]), by=by)
        _put(files, PATH, choose.choice([None, *[text + f"# {choose.randint(0, 3)}\n"] * 12]))
    elif kind < 0.74:
        named = [name for name, odds in LISTED.items() if choose.random() < odds]
        texts = [people.approvers(*named)] * 6 + [None, "unreadable: [\n"]
        _put(files, APPROVERS, choose.choice(texts))
    elif kind < 0.9:
        files[POLICY] = f"{choose.randint(0, 4)}\n"
    else:
        files["README.md"] = f"{choose.random()}\n"


def _next_agreement(text: str | None, choose: random.Random, signer: str | None) -> str:
    """The file after somebody approved it as they should, or asked again, or only touched it."""
    now = version(text)
    by = list(now.by)
    if now.status == "approved" and choose.random() < 0.9:
        by += [signer] if signer and choose.random() < 0.6 else []
        return agreement("approved", now.role, by=by) + f"# {choose.randint(0, 3)}\n"
    if now.status == "requested" and signer and choose.random() < 0.9:
        return agreement("approved", now.role, by=[signer] if signer and choose.random() < 0.5 else [])
    return agreement("requested", now.role or "reader")


class Version(NamedTuple):
    """What an agreement says."""

    status: str
    role: str
    by: tuple[str, ...]


@cache
def version(text: str | None) -> Version:
    value = yaml.safe_load(text or "{}")
    listed = value.get("customProperties", [{"value": []}])[0]["value"]
    return Version(value.get("status", ""), value.get("role", ""), tuple(one.split("@")[0] for one in listed))


# The rules, read slowly


class Settled(NamedTuple):
    """What is authorised, and the commit that made it so."""

    value: Any
    origin: Node | None


class Guarded(NamedTuple):
    """What is guarded in a file."""

    path: str
    value: Callable[[Node], Any]
    free: Callable[[Any, Any], bool]
    """Whether nobody has to authorise a change."""


class Slow:
    def __init__(self, tip: Node, people: People) -> None:
        self.tip = tip
        self.mainline = [tip]
        while self.mainline[0].parents:
            self.mainline.insert(0, self.mainline[0].parents[0])
        self.nodes: dict[str, Node] = {}
        look = [tip]
        while look:
            node = look.pop()
            if node.name not in self.nodes:
                self.nodes[node.name] = node
                look += node.parents
        self.names = {
            people.approvers(*[n for n, there in zip(("ada", "dan", "eve", "sam"), flags, strict=True) if there]):
            {n for n, there in zip(("ada", "dan", "eve", "sam"), flags, strict=True) if there}
            for flags in [tuple(bool(bits >> n & 1) for n in range(4)) for bits in range(16)]
        }  # fmt: skip
        self.effective = cache(self._effective)
        self.authority = cache(self._authority)

    def named(self, node: Node) -> set[str]:
        return self.names.get(node.files.get(APPROVERS, ""), set())

    def root(self) -> int | None:
        return next((at for at, node in enumerate(self.mainline) if self.named(node)), None)

    def touches(self, node: Node, path: str) -> bool:
        before = node.parents[0].files if node.parents else {}
        return node.files.get(path) != before.get(path)

    def source(self, node: Node, path: str) -> tuple[Node | None, bool, list[Node]]:
        """Who wrote what a commit has at a path, whether somebody did, and by which merges it came."""
        while not self.touches(node, path):
            if not node.parents:
                return None, True, []
            node = node.parents[0]
        if len(node.parents) == 2 and node.parents[1].files.get(path) == node.files.get(path):
            inner, well, merges = self.source(node.parents[1], path)
            if inner is None or inner.name in node.parents[0].past:
                return node, False, []
            return inner, well, [node, *merges]
        return node, True, []

    def counts(self, node: Node, path: str) -> Node | None:
        """The same commit, if nothing is wrong with how it came in."""
        found, well, merges = self.source(node, path)
        if found is None or not well:
            return None
        for merge in merges:
            seen, _, _ = self.source(merge.parents[0], path)
            if seen is not None and seen.name not in found.past:
                return None
        return found

    def signed(self, node: Node) -> str | None:
        """Who signed a commit, if they could."""
        at = next(at for at, one in enumerate(self.mainline) if node.name in one.past)
        root = self.root()
        if node.signer is None or root is None or at == 0 or node.signer not in self.effective(at - 1):
            return None
        if self.mainline[root].name not in node.past:
            return None
        if any(node.signer not in self.named(parent) for parent in node.parents):
            return None
        return node.signer

    def at(self, node: Node) -> int:
        return next(at for at, one in enumerate(self.mainline) if node.name in one.past)

    def made(self, node: Node) -> str | None:
        """Who made and signed a commit, as one change of their own."""
        return self.signed(node) if node.own and len(node.parents) == 1 else None

    def reaches(self, node: Node, at: int, guarded: Guarded, settled: Settled) -> bool:
        """Whether a version came from what was settled, by changes of approvers that came in with a commit of the mainline."""
        if guarded.free(settled.value, guarded.value(node)):
            return True
        found = self.counts(node, guarded.path)
        if found is None or self.at(found) != at or len(found.parents) != 1:
            return False
        before = found.parents[0]
        if not guarded.free(guarded.value(before), guarded.value(found)):
            seen = settled.origin is None or settled.origin.name in found.past
            if self.made(found) is None or not seen:
                return False
        return self.reaches(before, at, guarded, settled)

    def _authority(self, at: int) -> Settled:
        """Whom the last authorised list names that names anybody, and the commit that it is from."""
        root = self.root()
        if root is None or at < root:
            return Settled(frozenset(), None)
        node = self.mainline[at]
        named, origin = frozenset(self.named(node)), self.source(node, APPROVERS)[0]
        if at == root:
            return Settled(named, origin)
        before = self.authority(at - 1)
        if not self.touches(node, APPROVERS) or named == before.value or not named:
            return before
        if named < before.value:
            found = self.counts(node, APPROVERS)
            return Settled(named, origin) if found and self.made(found) else before
        guarded = Guarded(APPROVERS, lambda one: frozenset(self.named(one)), lambda old, new: new <= old)
        return Settled(named, origin) if self.reaches(node, at, guarded, before) else before

    def _effective(self, at: int) -> frozenset[str]:
        return self.authority(at).value & self.named(self.mainline[at])

    def policy(self) -> str | None:
        root = self.root()
        if root is None:
            return self.tip.files.get(POLICY)
        guarded = Guarded(POLICY, lambda one: one.files.get(POLICY), lambda old, new: old == new)
        settled = Settled(guarded.value(self.mainline[root]), self.source(self.mainline[root], POLICY)[0])
        for at in range(root + 1, len(self.mainline)):
            node = self.mainline[at]
            changed = self.touches(node, POLICY) and guarded.value(node) != settled.value
            if changed and self.reaches(node, at, guarded, settled):
                settled = Settled(guarded.value(node), self.source(node, POLICY)[0])
        return settled.value

    def says(self, node: Node | None) -> Version:
        return version(node.files.get(PATH) if node else None)

    def alike(self, node: Node) -> bool:
        """Whether a commit says what the tip says, whoever approved it."""
        return self.says(node)[:2] == self.says(self.tip)[:2]

    def approval(self, node: Node) -> str | None:
        """Who approves, by what a commit changes."""
        if len(node.parents) != 1 or not self.alike(node) or self.says(node).status != "approved":
            return None
        old, new = self.says(node.parents[0]), self.says(node)
        if old.role != new.role:
            return None
        if old.status == "requested":
            fits = new.by in ((), (node.signer,)) and old.by == ()
        else:
            fits = old.status == "approved" and new.by == (*old.by, node.signer)
        return self.made(node) if fits else None

    def base(self, last: Node) -> Node | None:
        """The commit that turned what was requested into what the tip says, if nothing else happened since."""
        node: Node | None = last
        while node is not None:
            parents = node.parents
            old = self.says(parents[0] if parents else None)
            listed = {name for parent in parents for name in self.says(parent).by}
            by = self.says(node).by
            joins = (
                len(parents) == 2
                and all(map(self.alike, parents))
                and {*by} <= listed
                and len({*by}) == len(by)
            )
            if old != self.says(node) and not joins:
                if self.approval(node) is None:
                    return None
                if old.status == "requested":
                    return node
            node = self.counts(parents[0], PATH)
        return None

    def approves(self, needed: tuple[str, ...], not_by: str) -> bool:
        if self.says(self.tip).status != "approved":
            return False
        last = self.counts(self.tip, PATH)
        if last is None or (base := self.base(last)) is None:
            return False
        touching = [node for node in self.nodes.values() if self.touches(node, PATH)]
        others = [node for node in touching if not self.alike(node)]
        if any(node.name not in last.past and self.signed(node) for node in others):
            return False
        changes = {node.name for node in others if node.name in last.past}
        if not changes <= base.past:
            return False
        agreed = {self.approval(node) for node in touching if changes <= node.past} - {None, not_by}
        return bool(agreed) and all(any(CAPACITY[str(one)] == kind for one in agreed) for kind in needed)


CAPACITY = {"ada": "owner", "eve": "owner", "dan": "data-protection", "sam": "steward"}


@pytest.mark.parametrize("part", range(4))
def test_a_slow_reading_of_the_rules_comes_to_the_same(tmp_path: Path, people: People, part: int) -> None:
    yes, no = 0, 0
    for seed in range(part, HISTORIES, 4):
        root = tmp_path / str(seed)
        tip = history(Writer(root, people), random.Random(seed))  # noqa: S311 - not for secrets
        (root / ".git/refs/heads").mkdir(exist_ok=True)
        (root / ".git/refs/heads/main").write_text(f"{tip.name}\n")
        fast, slow = History(root), Slow(tip, people)
        assert {one.email.split("@")[0] for one in approvers(fast)} == set(slow.effective(len(slow.mainline) - 1)), seed  # fmt: skip
        assert authorised(fast, POLICY).text == slow.policy(), seed
        for needed in (("owner",), ("owner", "data-protection"), ()):
            for party in ("bo", "ada"):
                found = approval(fast, PATH, needed, frozenset({f"{party}@example.org"}))
                assert found.accepted == slow.approves(needed, party), (seed, needed, party, found)
                assert found.accepted != bool(found.reasons)
                yes, no = yes + found.accepted, no + (not found.accepted)
        shutil.rmtree(root)
    assert yes > HISTORIES // 20
    assert no > HISTORIES // 20
