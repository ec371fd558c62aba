"""Random histories, in which a slow reading of the rules, written down apart from the code, comes to the same."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import zlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
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

    def commit(self, parents: list[Node], files: Files, signer: str | None, number: int) -> Node:
        head = [f"tree {self.tree(files)}", *(f"parent {parent.name}" for parent in parents)]
        head += [f"{role} X <x@example.org> {number} +0000" for role in ("author", "committer")]
        if signer:
            payload = "\n".join([*head, "", f"Commit {number}\n"]).encode()
            command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(self.people.make(signer))]
            done = subprocess.run(command, input=payload, capture_output=True, check=True)
            head.append("gpgsig " + done.stdout.decode().strip().replace("\n", "\n "))
        name = self.object("commit", "\n".join([*head, "", f"Commit {number}\n"]).encode())
        return Node(name, parents, files, signer, {name}.union(*(parent.past for parent in parents)))


def history(writer: Writer, choose: random.Random) -> Node:
    """A history with a root of trust, branches, honest and evil merges; returns the tip of the main branch."""
    people = writer.people
    start: Files = {POLICY: "0\n", PATH: agreement()}
    main = writer.commit([], start, None, 0)
    if choose.random() < 0.9:
        main = writer.commit([main], start | {APPROVERS: people.approvers("ada", "dan")}, None, 1)
    branches = [main, main]  # the first is the main branch
    signers = [None, *["ada"] * 4, *["dan"] * 4, "eve", "sam"]
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
                _edit(files, people, choose)
            if (third := choose.choice(others)) is not other and choose.random() < 0.2:
                parents.append(third)
        else:
            _edit(files, people, choose)
            if choose.random() < 0.1:  # an old version, word for word
                old = choose.choice(branches)
                while old.parents and choose.random() < 0.7:
                    old = choose.choice(old.parents)
                path = choose.choice([PATH, APPROVERS, POLICY])
                _put(files, path, old.files.get(path))
        branches[at] = writer.commit(parents, files, signer, number)
        if len(branches) < 4 and choose.random() < 0.3:
            branches.append(choose.choice(branches))
    return branches[0]


def _put(files: Files, path: str, text: str | None) -> None:
    files.pop(path, None)
    if text is not None:
        files[path] = text


def _edit(files: Files, people: People, choose: random.Random) -> None:
    kind = choose.random()
    if kind < 0.55:
        status = choose.choice([*["approved"] * 6, "requested", "rejected"])
        text = agreement(status, choose.choice([*["reader"] * 5, "writer"]))
        _put(files, PATH, choose.choice([None, *[text + f"# {choose.randint(0, 3)}\n"] * 12]))
    elif kind < 0.7:
        named = [name for name, odds in LISTED.items() if choose.random() < odds]
        texts = [people.approvers(*named)] * 6 + [None, "unreadable: [\n"]
        _put(files, APPROVERS, choose.choice(texts))
    elif kind < 0.9:
        files[POLICY] = f"{choose.randint(0, 4)}\n"
    else:
        files["README.md"] = f"{choose.random()}\n"


# The rules, read slowly


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

    def changed_rightly(self, at: int, path: str) -> bool:
        node = self.mainline[at]
        found, _, _ = self.source(node, path)
        if found is None:
            return True
        found = self.counts(node, path)
        return found is not None and self.signed(found) is not None

    def _authority(self, at: int) -> frozenset[str]:
        """Whom the last authorised list names that names anybody."""
        root = self.root()
        if root is None or at < root:
            return frozenset()
        node = self.mainline[at]
        if at == root:
            return frozenset(self.named(node))
        if self.touches(node, APPROVERS) and self.named(node) and self.changed_rightly(at, APPROVERS):
            return frozenset(self.named(node))
        return self.authority(at - 1)

    def _effective(self, at: int) -> frozenset[str]:
        return self.authority(at) & self.named(self.mainline[at])

    def policy(self) -> str | None:
        root = self.root()
        for at in range(len(self.mainline) - 1, -1, -1):
            if root is None or at <= root:
                return self.mainline[at].files.get(POLICY)
            if self.touches(self.mainline[at], POLICY) and self.changed_rightly(at, POLICY):
                return self.mainline[at].files.get(POLICY)
        raise AssertionError

    def approves(self, needed: tuple[str, ...], not_by: str) -> bool:
        text = self.tip.files.get(PATH)
        if text is None or "status: approved" not in text:
            return False
        last = self.counts(self.tip, PATH)
        if last is None or (first := self.signed(last)) is None or first == not_by:
            return False
        touching = [node for node in self.nodes.values() if self.touches(node, PATH)]
        others = [node for node in touching if self.terms(node) != self.terms(last)]
        if any(node.name not in last.past and self.signed(node) for node in others):
            return False
        agreed = {first}
        for node in touching:
            unsaid = all(other.name in node.past for other in others if other.name in last.past)
            if unsaid and node.name in last.past and self.terms(node) == self.terms(last):
                agreed.add(self.signed(node) or first)
        agreed.discard(not_by)
        return all(any(CAPACITY[one] == capacity for one in agreed) for capacity in needed)

    def terms(self, node: Node) -> str:
        return node.files.get(PATH, "").partition("#")[0]


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
