"""`meshwright check`: the metamodel, the contract and the access policy of a product."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshwright.check.findings import Finding
from meshwright.check.rules import RULES
from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document, Unreadable, inside, read, valued
from meshwright.product import metamodel, schema
from meshwright.product.files import AGREEMENTS, ANSWERS, APPROVERS, SPEC, TESTS
from meshwright.product.problem import Problem
from meshwright.product.record import Record
from meshwright.product.validate import misshapen

if TYPE_CHECKING:
    from meshwright.mesh.lineage import Issue, Lineage
    from meshwright.product.breaking.changes import Comparison


READABLE = "Readable"
SHAPE = "Shape"
PROMISES = {
    READABLE: "Every file that is checked can be read: UTF-8, YAML, one document, no key twice, no trick with aliases.",
    SHAPE: "Every file that is checked has the shape of its JSON Schema; what the schema does not know is refused.",
}
"""The two checks that come before the rules, because the rules stand on them."""


@dataclass
class Facts:
    """What a rule can ask for by naming it as an argument; None where it cannot be read."""

    root: Path
    """The product's repository."""
    spec: Document | None = None
    contract: Document | None = None
    policy: Document | None = None
    approvers: Document | None = None
    access_tests: Document | None = None
    agreements: Sequence[Document] = ()
    """Those that could be read, of access/agreements/."""
    documents: Sequence[Document] = ()
    """All of the above that could be read."""
    answers: dict[str, Any] = field(default_factory=dict)
    """Copier's answers; empty where there is no answers file."""
    products: Sequence[Document] = ()
    """The specs of all products of this check, this one among them."""
    record: Record | None = None
    """The product as the mesh sees it."""
    mesh: Lineage | None = None
    """The products of this check, and those of the mesh that it was given."""
    issues: Sequence[Issue] = ()
    """What is wrong about the product in that mesh."""
    namesakes: Sequence[Record] = ()
    """Products of the mesh that have its name."""
    comparison: Comparison | None = None
    """What has changed since the commit that the check was given."""


def check(
    roots: Sequence[Path],
    others: Sequence[Record] | None = None,
    retired: Mapping[str, str] | None = None,
    against: str | None = None,
) -> list[Finding]:
    """Checks the products whose repositories lie at `roots`; file names start with it, as it was given.

    `others`: the mesh that their inputs and names are held against; None if nobody has said what there is. `retired`:
    what the mesh has no more, as for Lineage. `against`: the commit that a change must not break without a new major
    version; Unreadable is raised where git does not know it.
    """
    distinct = {root.resolve(): root for root in roots}  # a repository that is named twice is one
    gathered = [_gather(root) for root in distinct.values()]
    products = [facts.spec for facts, _ in gathered if facts.spec is not None]
    _place_in_mesh([facts for facts, _ in gathered if facts.spec is not None], others, retired)
    findings: list[Finding] = []
    for facts, problems in gathered:
        if against is not None and facts.spec is not None and facts.contract is not None:
            from meshwright.product.breaking import compare

            facts.comparison = compare(facts.root, against, facts.spec, facts.contract, facts.policy)
        facts.products = products
        prefix = "" if facts.root == Path() else f"{facts.root.as_posix()}/"
        findings += _findings(facts, problems, prefix)
    return sorted(set(findings))


def _place_in_mesh(
    checked: Sequence[Facts], others: Sequence[Record] | None, retired: Mapping[str, str] | None
) -> None:
    """Gives each product its record, and what is wrong about it among the others."""
    from meshwright.mesh.lineage import Lineage, is_same, issues
    from meshwright.product.documents import of_documents, origin

    own: dict[str, Record] = {}
    for facts in checked:
        value = of_documents(facts.spec, facts.contract, facts.policy, facts.agreements)
        facts.record = Record(value, facts.root, fallback=f"unknown/{facts.root.resolve().name}")
        own.setdefault(facts.record.id, facts.record)
        namesakes = [other for other in others or () if other.id == facts.record.id]
        if namesakes:
            here = replace(facts.record, value={**value, "source": origin(facts.root)})
            facts.namesakes = [other for other in namesakes if is_same(here, other) is False]
    mesh = Lineage([*own.values(), *(other for other in others or () if other.id not in own)], retired)
    told = list(issues(mesh))
    for facts in checked:
        facts.mesh = mesh
        id = facts.record.id if facts.record else ""
        facts.issues = [
            issue
            for issue in told
            if own[id] is facts.record
            and (issue.product == id or (issue.kind == "cycle" and id in issue.about))
            # A product that is not there is missing only if it is known what there is.
            and (issue.kind != "dangling-input" or issue.about or others is not None)
        ]


OF_RECORD = {
    "product": ("spec", schema.data_product),
    "contract": ("contract", schema.contract),
    "policy": ("policy", schema.access_policy),
}
"""Part of a catalog record -> the fact that rules ask for, and its schema."""


def check_record(value: Any) -> list[Finding]:
    """Checks a catalog record with the same metamodel: its shape, its documents' shapes, and every rule that needs no
    more than these documents. A finding's file is the part of the record: `product`, `contract`, `policy`; its place
    is told in its message."""
    try:
        return _checked(value)
    except Unreadable as problem:
        told, fix = str(problem), problem.fix
    except UnicodeEncodeError:
        told, fix = "It holds half a character (a lone surrogate).", "Leave it out."
    return [_finding(READABLE, Problem("record", (), told, fix), "", metamodel.HOME)]


def _checked(value: Any) -> list[Finding]:
    parts = value if isinstance(value, dict) else {}
    found = {part: valued(part, parts[part]) for part in OF_RECORD if isinstance(parts.get(part), dict)}
    # The record's own schema does not look into these.
    record = valued("record", {**parts, **dict.fromkeys(found)} if found else value)
    record.value = value
    facts = Facts(Path(), documents=list(found.values()))
    problems = [(SHAPE, problem) for problem in misshapen(record, schema.catalog_record)]
    for part, document in found.items():
        fact, shape = OF_RECORD[part]
        setattr(facts, fact, document)
        problems += [(SHAPE, problem) for problem in misshapen(document, shape)]
    return sorted(set(_findings(facts, problems, "", BEYOND)))


BEYOND = {one.name for one in fields(Facts)} - {fact for fact, _ in OF_RECORD.values()} - {"documents"}
"""Facts that a record does not carry."""


def _findings(
    facts: Facts, problems: list[tuple[str, Problem]], prefix: str, beyond: Set[str] = frozenset()
) -> list[Finding]:
    """What the schemas found of one product, and what its rules find."""
    home = _home(facts.answers)
    broken = list(_rules(facts, beyond))
    # Where a rule speaks of a place, or of something in it, its words are better than the schema's
    # that the place is wrong or missing.
    told = {(_file(problem), problem.keys) for rule, problem in broken if rule.level == "error"}
    around = {(file, keys[:depth]) for file, keys in told for depth in range(len(keys))}
    covered = {True: told | around, False: told}
    shape: list[tuple[str | Rule, Problem]] = [
        (rule, problem)
        for rule, problem in problems
        if (_file(problem), problem.keys) not in covered[_is_missing(problem)]
    ]
    return [_finding(rule, problem, prefix, home) for rule, problem in [*shape, *broken]]


def _is_missing(problem: Problem) -> bool:
    return isinstance(problem.document, Document) and not problem.document.has(problem.keys)


def _file(problem: Problem) -> str:
    return problem.document if isinstance(problem.document, str) else problem.document.path.as_posix()


def _finding(rule: str | Rule, problem: Problem, prefix: str, home: str) -> Finding:
    name = rule if isinstance(rule, str) else rule.id
    line, column = (
        (problem.line, 1) if isinstance(problem.document, str) else problem.document.place(problem.keys)
    )
    detail = problem.detail
    if isinstance(rule, Rule) and rule.level != "note":
        detail += f" {rule.promise}"
    return Finding(
        file=prefix + _file(problem),
        line=line,
        column=column,
        rule=name,
        message=" ".join(detail.split()),
        fix=" ".join(problem.fix.split()),
        level="error" if isinstance(rule, str) else rule.level,
        link=f"{home}/docs/reference/rules/{name}.md",
    )


def _home(answers: dict[str, Any]) -> str:
    """Where the documentation of this product's very template version lies."""
    source, commit = answers.get("_src_path"), answers.get("_commit")
    if not isinstance(source, str) or not isinstance(commit, str) or re.search(r"\s", source + commit):
        return metamodel.HOME
    source = source.removeprefix("git+")
    for short, address in (("gh:", "https://github.com/"), ("gl:", "https://gitlab.com/")):
        source = re.sub(f"^{short}/?", address, source)
    source = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", source).removesuffix(".git")
    source = re.sub(r"^https?://[^/@]*@", "https://", source)  # never a credential
    if source.startswith(("https://", "http://")):
        return f"{source}/blob/{commit}"
    return source if source.startswith("/") else metamodel.HOME


def _gather(root: Path) -> tuple[Facts, list[tuple[str, Problem]]]:
    """Reads the product's files and holds each against its schema."""
    facts = Facts(root)
    problems: list[tuple[str, Problem]] = []
    with contextlib.suppress(Unreadable):  # a product may have been made without Copier
        facts.answers = read(root, ANSWERS).value
    if not isinstance(facts.answers, dict):
        facts.answers = {}

    def load(path: Any) -> Document | None:
        """The document at `path`; one that is not there is left to the rule about files that are named."""
        if not isinstance(path, str) or (path != SPEC and not inside(root, path)):
            return None
        try:
            return read(root, path)
        except Unreadable as problem:
            at = Document(Path(path), places={(): (problem.line, problem.column)})
            problems.append((READABLE, Problem(at, (), str(problem), problem.fix)))
        return None

    facts.spec = load(SPEC)
    if facts.spec is not None:
        facts.contract = load(facts.spec.get("spec.dataset.contract"))
        facts.policy = load(facts.spec.get("spec.access.policy"))
    facts.approvers, facts.access_tests = (
        load(path) if (root / path).exists() else None for path in (APPROVERS, TESTS)
    )
    asked = sorted((root / AGREEMENTS).glob("*.y*ml"))
    agreements = [load(path.relative_to(root).as_posix()) for path in asked]
    facts.agreements = [agreement for agreement in agreements if agreement is not None]
    shapes = (
        (facts.spec, schema.data_product),
        (facts.contract, schema.contract),
        (facts.policy, schema.access_policy),
        (facts.approvers, schema.approvers),
        (facts.access_tests, schema.access_tests),
        *((agreement, schema.access_agreement) for agreement in facts.agreements),
    )
    for document, shape in shapes:
        if document is not None:
            problems.extend((SHAPE, problem) for problem in misshapen(document, shape))
    facts.documents = [document for document, _ in shapes if document is not None]
    return facts, problems


def _rules(facts: Facts, beyond: Set[str]) -> Iterator[tuple[Rule, Problem]]:
    for rule, asked in _askable(frozenset(beyond)):
        if rule.level == "off":
            continue
        arguments = {name: getattr(facts, name) for name in asked}
        if None in arguments.values():
            continue
        try:
            for problem in rule.check(**arguments):
                yield rule, problem
        except Unreadable as problem:  # a file beside the three documents, which the rule had to read
            yield rule, Problem(SPEC, (), f"A file that the rule needs: {problem}", problem.fix)


@cache
def _askable(beyond: frozenset[str]) -> tuple[tuple[Rule, tuple[str, ...]], ...]:
    """Each rule that asks for nothing beyond what there is, and the facts that it asks for."""
    asked = ((rule, tuple(inspect.signature(rule.check).parameters)) for rule in RULES)
    return tuple((rule, names) for rule, names in asked if not beyond.intersection(names))
