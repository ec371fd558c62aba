"""Earlier versions of a product's own documents: from the catalog, or from the git history of its repository."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from meshwright.core.git import ISOLATED, GitError, run
from meshwright.core.yaml import Unreadable, parse
from meshwright.product.files import SPEC
from meshwright.product.record import Record

SECONDS = 20
"""How long git may take for one answer."""
MANY = 30
"""Commits of the product's documents that are compared."""


class Unknown(Exception):
    """No earlier version is known; the message says why."""


def of_repository(record: Record) -> Sequence[Record]:
    """Return what the newest commits of the spec and the contract promised, newest first. Raises Unknown."""
    contract = record.get("product.spec.dataset.contract")
    if record.root is None or not isinstance(contract, str) or "\n" in contract:
        raise Unknown("Its repository is not on this machine.")
    root = record.root.absolute()
    try:
        options = ("--no-show-signature", "--first-parent", f"--max-count={MANY}", "--format=%H")
        commits = _git(root, "log", *options, "--", f"./{SPEC}", f"./{contract}").decode().split()
        if not commits:
            raise Unknown("Its documents are not committed.")
        if len(commits) == 1 and _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
            raise Unknown("The clone has no history, because it is shallow.")
        places = [f"{commit}:./{path}" for commit in commits for path in (SPEC, contract)]
        texts = list(_texts(_git(root, "cat-file", "--batch", feed="\n".join([*places, ""]).encode())))
    except GitError:
        raise Unknown("Its repository has no git history that can be read.") from None
    pairs = zip(texts[::2], texts[1::2], strict=False)
    return [Record(value) for spec, terms in pairs if (value := _documents(spec, terms))]


def _git(root: Path, *arguments: str, feed: bytes = b"") -> bytes:
    """Run a command that only reads, in a repository whose configuration names no program that it would start."""
    return run(["git", "-C", str(root), "--no-pager", *arguments], ISOLATED, feed, timeout=SECONDS).stdout


def _texts(batch: bytes) -> Iterator[bytes]:
    """Yield the contents of `git cat-file --batch`; what is missing is empty."""
    while batch:
        head, _, batch = batch.partition(b"\n")
        *_, last = head.split(b" ")
        if not last.isdigit():
            yield b""
            continue
        size = int(last)
        yield batch[:size]
        batch = batch[size + 1 :]


def _documents(spec: bytes, contract: bytes) -> dict[str, Any]:
    """Return both documents as a record has them; empty if one of them cannot be read."""
    try:
        found = [parse(SPEC, text.decode()).value for text in (spec, contract)]
    except (Unreadable, UnicodeDecodeError):
        return {}
    return dict(zip(("product", "contract"), found, strict=True)) if all(found) else {}
