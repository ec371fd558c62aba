"""Rules on the product's name, and on placeholders that still have to be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed, short
from meshwright.core.yaml import Document, Keys, inside, read_text
from meshwright.product import metamodel
from meshwright.product.files import AGREEMENTS, APPROVERS, CONTRACT, SPEC, TESTS
from meshwright.product.problem import Problem
from meshwright.product.record import Record

PLACEHOLDER = re.compile(r"(?i)\bREPLACE[-_ ]ME\b")
FILLER = re.compile(rf"(?:{metamodel.FILLERS}|[\W_])+|<[^<>]*>", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TODO|TBD|FIXME|XXX)\b")
NAMES: dict[Keys, str] = {("metadata", "name"): "my-product", ("metadata", "domain"): "my-domain"}
"""The names of a product that was made without a sample and without answers: see copier.yml."""
OF_GOVERNANCE = {
    tuple(attribute.split("."))[:2]
    for rule, mandatory in metamodel.MANDATORY.items()
    if rule in metamodel.NEVER_EXCEPTED
    for attribute in mandatory.attributes
}
"""Places of the spec that rules cover which no exception suspends."""
PROSE = {"title", "purpose", "usage", "limitations", "description", "action", "users"}
"""Fields with prose for people; the names of people are checked, too."""


class NameUnique(Rule):
    """No other product of the domain has the same name.

    Checks the products of this run and those of the mesh given with `--mesh`; one from the same repository is the
    product itself. The catalog, too, refuses a name that is taken.
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
                f"{name[0]}/{name[1]} is also the name of another product{f': {listed(where)}' if where else ''}.",
                "Rename one of them.",
            )


class PlaceholderReplaced(Rule):
    """No placeholder is left: no REPLACE-ME, no TODO, no name that the template gave.

    A product that was made without a sample and without a name is called `my-product`, in `my-domain`: names of ports, access groups and the catalog come from them.
    """

    broken = {SPEC: {"spec": {"description": {"purpose": "REPLACE-ME"}}}}

    def check(self, root: Path, spec: Document, documents: Sequence[Document]) -> Iterator[Problem]:
        yield from _placeholders(root, spec, documents, of_governance=False)


class GovernancePlaceholderReplaced(Rule):
    """No placeholder is left where a product names who answers for it, who may read it, and how sensitive it is.

    A fresh product that was made without its owner's name has such places. PlaceholderReplaced is about all others. No exception suspends this one: otherwise, a product with an exception
    could do without an owner, a steward or approvers. The text of the data sharing agreement counts, too.
    """

    broken = {SPEC: {"spec": {"owner": {"name": "REPLACE-ME"}}}}

    def check(self, root: Path, spec: Document, documents: Sequence[Document]) -> Iterator[Problem]:
        yield from _placeholders(root, spec, documents, of_governance=True)


def _placeholders(
    root: Path, spec: Document, documents: Sequence[Document], *, of_governance: bool
) -> Iterator[Problem]:
    for document in documents:
        for keys, text in document.texts():
            if _is_of_governance(spec, document, keys) is not of_governance:
                continue
            if document is spec and NAMES.get(keys) == text:
                question = "product_name" if keys[-1] == "name" else "domain"
                yield Problem(
                    document,
                    keys,
                    f"{'.'.join(map(str, keys))} is still {text!r}.",
                    f"Replace it here and in {spec.get('spec.contract') or CONTRACT}, and commit; then"
                    f" `uvx copier update --defaults --data {question}=…` replaces it in the template's files.",
                )
            elif keys[:1] != ("extensions",) and _unwritten(keys, text):
                where = ".".join(map(str, keys))
                yield Problem(document, keys, f"{where} is still {text.strip()!r}.", "Replace it.")
    agreement = spec.get("spec.dataSharingAgreement.document")
    if of_governance and isinstance(agreement, str) and inside(root, agreement):
        for number, line in enumerate(read_text(root, agreement).splitlines(), 1):
            if PLACEHOLDER.search(line) or UNFINISHED.search(line):
                detail = f"It still contains {line.strip()[:100]!r}."
                yield Problem(agreement, (), detail, "Replace it.", number)


def _is_of_governance(spec: Document, document: Document, keys: Keys) -> bool:
    """Return True for a place about responsibility, access or classification."""
    if document is spec:
        return keys[:2] in OF_GOVERNANCE
    path = document.path.as_posix()
    return (
        path in (APPROVERS, TESTS, spec.get("spec.access.policy"))
        or path.startswith(f"{AGREEMENTS}/")
        or keys[-1:] == ("classification",)
    )


def _unwritten(keys: Keys, text: str) -> bool:
    if keys[:1] == ("spec",) and "properties" in keys:
        return False  # properties of a capability are not prose: `nulls: [NA]` is meant as written
    field = next((key for key in reversed(keys) if isinstance(key, str)), "")
    prose = field in PROSE or keys[-2:] in (("owner", "name"), ("steward", "name"))
    unwritten = prose and (FILLER.fullmatch(text) or UNFINISHED.search(text))
    return bool(PLACEHOLDER.search(text) or unwritten)
