"""The open decisions of a product: what `meshwright draft` proposed, and how a person accepts it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.yaml import Document, Keys, Unreadable, read
from meshwright.product.dbt_folders import described
from meshwright.product.files import CONTRACT, SPEC
from meshwright.product.proposal_marks import MARK, Mark, marks


@dataclass(frozen=True)
class Proposal:
    """A proposed value that nobody has accepted yet."""

    document: Document
    keys: Keys
    """Path of the proposed value."""
    field: str
    """The kind of decision: the last part of the path, such as `description` or `classification`."""
    id: str
    """What `draft --accept` takes: `contract:email.classification`, `spec:spec.description.purpose`."""
    reason: str
    mark: Mark

    @property
    def value(self) -> Any:
        """The proposed value; None if there is none."""
        found = self.document.value
        for key in self.keys:
            try:
                found = found[key]
            except (LookupError, TypeError):
                return None
        return found


def proposals(documents: Sequence[Document]) -> Iterator[Proposal]:
    """Yield the open decisions in the documents of a product, in their order."""
    for document in documents:
        kind = _kind(document)
        for mark in marks(document.value):
            names = mark.names
            if kind == "contract":
                names = names[1:] or names  # the data set's own name says nothing
            where = ".".join((*names, mark.field))
            yield Proposal(
                document,
                (*mark.keys, *_steps(document, mark)),
                mark.field.rpartition(".")[2],
                f"{kind}:{where}",
                mark.reason,
                mark,
            )


def of_repository(root: Path) -> list[Proposal]:
    """Return the open decisions of the product at `root`. Raises Unreadable."""
    spec = read(root, SPEC)
    documents = [spec]
    with contextlib.suppress(Unreadable):  # `check` reports a contract that cannot be read
        documents.append(read(root, str(spec.get("spec.dataset.contract", CONTRACT))))
    return list(proposals([*documents, *marked_models(root)]))


def marked_models(root: Path) -> list[Document]:
    """Return dbt's YAML files of the product that have marks; unreadable ones are left to dbt."""
    found = []
    for file in described(root):
        with contextlib.suppress(Unreadable, OSError):
            if MARK.encode() in file.read_bytes():
                document = read(root, file.relative_to(root).as_posix())
                if any(True for _ in marks(document.value)):
                    found.append(document)
    return found


def chosen(open_decisions: Sequence[Proposal], selectors: Collection[str]) -> list[Proposal]:
    """Return the decisions that a person names: by id, by kind (`classification`), or by a pattern of ids (`contract:*`).

    Raises Error for a selector that names none.
    """
    found = []
    for selector in selectors:
        named = [one for one in open_decisions if selector == one.field or fnmatchcase(one.id, selector)]
        if not named:
            raise Error(
                f"No open decision is called {selector}.",
                "`meshwright check` lists the open decisions with their ids."
                if open_decisions
                else "Nothing is left to accept.",
            )
        found += [one for one in named if one not in found]
    return found


def settle(document: Any, accepted: Collection[Mark]) -> None:
    """Remove marks from the value of a document, and what is empty without them."""
    for keys in {mark.keys for mark in accepted}:
        gone = {mark.field for mark in accepted if mark.keys == keys}
        node = document
        for key in keys:
            node = node[key]
        if isinstance(custom := node.get("customProperties"), list):
            for item in [one for one in custom if isinstance(one, dict) and one.get("property") == MARK]:
                if not _kept(item, "value", gone):
                    custom.remove(item)
            if not custom:
                del node["customProperties"]
        config = node.get("config")
        for owner, key in ((node, "meta"), (config, "meta"), (node, "extensions")):
            meta = owner.get(key) if isinstance(owner, dict) else None
            if isinstance(meta, dict) and MARK in meta and not (key == "extensions" and keys):
                if not _kept(meta, MARK, gone):
                    del meta[MARK]
                if not meta and key == "meta":
                    del owner[key]
        if config == {}:
            del node["config"]


def _kept(owner: Any, key: str, gone: Collection[str]) -> bool:
    """Remove the entries of some fields from a mark in place; return True if any is left."""
    entries = owner[key]
    if not isinstance(entries, list):
        return "" not in gone
    for index in reversed(range(len(entries))):
        if _field(entries[index]) in gone:
            del entries[index]
    return bool(entries)


def _field(entry: Any) -> str:
    found = entry.get("field", entry.get("at")) if isinstance(entry, dict) else None
    return found if isinstance(found, str) else ""


def _kind(document: Document) -> str:
    if document.path.as_posix() == SPEC:
        return "spec"
    return "contract" if document.has(("schema",)) else "models"


def _steps(document: Document, mark: Mark) -> Keys:
    """Return the keys of the proposed value within its object; a step into a list names the item."""
    node: Any = document.value
    steps: list[str | int] = []
    for key in mark.keys:
        node = node[key]
    for part in mark.field.split(".") if mark.field else ():
        step: str | int = part
        if isinstance(node, list):
            names = [item.get("name") if isinstance(item, dict) else None for item in node]
            step = names.index(part) if part in names else int(part) if part.isdecimal() else part
        steps.append(step)
        try:
            node = node[step]
        except (LookupError, TypeError):
            node = None
    return tuple(steps)
