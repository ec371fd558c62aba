"""What the product is called, and that nothing in it still waits to be written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed, short
from meshwright.core.yaml import Document, Keys, inside, read_text
from meshwright.product import metamodel
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem
from meshwright.product.record import Record

PLACEHOLDER = re.compile(r"(?i)\bREPLACE[-_ ]ME\b")
FILLER = re.compile(rf"(?:{metamodel.FILLERS}|[\W_])+|<[^<>]*>", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TODO|TBD|FIXME|XXX)\b")
PROSE = {"title", "purpose", "usage", "limitations", "description", "action", "users"}
"""Fields that somebody writes for somebody else to read; the names of people are looked at too."""


class NameUnique(Rule):
    """No other product of the domain has the same name.

    Within one check, over all products that it was given and over those of the mesh that `--mesh` names: there, one of
    the same repository is the product itself. The catalog refuses a name that is taken.
    """

    broken = {"twin": SPEC}

    def check(
        self, spec: Document, products: Sequence[Document], namesakes: Sequence[Record]
    ) -> Iterator[Problem]:
        name = (spec.get("metadata.domain"), spec.get("metadata.name"))
        first = next(
            other for other in products if (other.get("metadata.domain"), other.get("metadata.name")) == name
        )
        where = [short(other.repository or str(other.root)) for other in namesakes]
        if None not in name and (first is not spec or where):
            yield Problem(
                spec,
                ("metadata", "name"),
                f"{name[0]}/{name[1]} is the name of another product too{f': {listed(where)}' if where else ''}.",
                "Give one of the two another name.",
            )


class PlaceholderReplaced(Rule):
    """Nothing stands where somebody still has to write: no REPLACE-ME, no TODO.

    A fresh product that was made without naming its owner has such places.
    """

    broken = {SPEC: {"spec": {"owner": {"name": "REPLACE-ME"}}}}

    def check(self, root: Path, spec: Document, documents: Sequence[Document]) -> Iterator[Problem]:
        for document in documents:
            for keys, text in document.texts():
                if keys[:1] != ("extensions",) and _unwritten(keys, text):
                    where = ".".join(map(str, keys))
                    yield Problem(
                        document, keys, f"{where} is still {text.strip()!r}.", "Write what belongs there."
                    )
        agreement = spec.get("spec.dataSharingAgreement.document")
        if isinstance(agreement, str) and inside(root, agreement):
            for number, line in enumerate(read_text(root, agreement).splitlines(), 1):
                if PLACEHOLDER.search(line) or UNFINISHED.search(line):
                    told = f"It still says {line.strip()[:100]!r}."
                    yield Problem(agreement, (), told, "Write what belongs there.", number)


def _unwritten(keys: Keys, text: str) -> bool:
    if keys[:1] == ("spec",) and "properties" in keys:
        return False  # what a capability is told is no prose: `nulls: [NA]` means just that
    field = next((key for key in reversed(keys) if isinstance(key, str)), "")
    prose = field in PROSE or keys[-2:] in (("owner", "name"), ("steward", "name"))
    unwritten = prose and (FILLER.fullmatch(text) or UNFINISHED.search(text))
    return bool(PLACEHOLDER.search(text) or unwritten)
