"""The engine of `meshwright check`: metamodel, contract and access policy of a product."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshwright.check.findings import Finding
from meshwright.check.rules import RULES
from meshwright.check.rules.base import Rule
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Keys, Unreadable, inside, read, valued
from meshwright.product import exceptions, metamodel, schema
from meshwright.product.dbt_folders import described
from meshwright.product.files import AGREEMENTS, APPROVERS, EXCEPTIONS, SPEC, TESTS, answers_file
from meshwright.product.problem import Problem
from meshwright.product.proposals import marked_models
from meshwright.product.record import Record
from meshwright.product.validate import misshapen

if TYPE_CHECKING:
    from meshwright.mesh.lineage import Issue, Lineage
    from meshwright.product.breaking.kinds_of_change import Comparison


READABLE = "Readable"
SHAPE = "Shape"
EXCEPTION = "ExceptionValid"
PROMISES = {
    READABLE: "Every checked file can be read: UTF-8, YAML, one document, no duplicate key, no excessive aliases.",
    SHAPE: "Every checked file fits its JSON Schema; unknown fields are refused.",
    EXCEPTION: "Every exception from a rule is one that governance approved, with an end, and is needed.",
}
"""What is checked around the rules: that they can be asked, and what suspends them."""


@dataclass
class Facts:
    """What a rule can ask for by naming it as an argument; None if it cannot be read."""

    root: Path
    """The product's repository."""
    spec: Document | None = None
    contract: Document | None = None
    policy: Document | None = None
    approvers: Document | None = None
    access_tests: Document | None = None
    exceptions: Document | None = None
    agreements: Sequence[Document] = ()
    """The readable files of access/agreements/."""
    documents: Sequence[Document] = ()
    """All readable documents of the above, and dbt's YAML files with a proposal."""
    answers: dict[str, Any] = field(default_factory=dict)
    """Copier's answers; empty if there is no answers file."""
    products: Sequence[Document] = ()
    """The specs of all products in this check, including this one."""
    sources: Sequence[Document] = ()
    """The readable YAML files of models/ that define dbt sources."""
    record: Record | None = None
    """The product's record in the mesh."""
    mesh: Lineage | None = None
    """The products of this check, and those of the given mesh."""
    issues: Sequence[Issue] = ()
    """The problems of the product in that mesh."""
    namesakes: Sequence[Record] = ()
    """Products of the mesh with the same name."""
    comparison: Comparison | None = None
    """The changes since the given commit."""


def check(
    roots: Sequence[Path],
    others: Sequence[Record] | None = None,
    retired: Mapping[str, str] | None = None,
    against: str | None = None,
) -> list[Finding]:
    """Check the products in the repositories `roots`; file names in findings start with the root as given.

    `others`: the mesh to check their inputs and names against; None if not given. `retired`: the products that it has
    retired, as for Lineage. `against`: the commit to compare with; a change since then must not break consumers without
    a new major version. Raises Unreadable if git does not know it.
    """
    distinct = {root.resolve(): root for root in roots}  # the same repository given twice counts once
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
    """Give each product its record, and its problems in the mesh."""
    from meshwright.mesh.lineage import Lineage, is_same, issues
    from meshwright.product.record_builder import record_source, record_value

    own: dict[str, Record] = {}
    for facts in checked:
        value = record_value(facts.spec, facts.contract, facts.policy, facts.agreements)
        facts.record = Record(value, facts.root, fallback=f"unknown/{facts.root.resolve().name}")
        own.setdefault(facts.record.id, facts.record)
        namesakes = [other for other in others or () if other.id == facts.record.id]
        if namesakes:
            here = replace(facts.record, value={**value, "source": record_source(facts.root)})
            facts.namesakes = [other for other in namesakes if is_same(here, other) is False]
    mesh = Lineage([*own.values(), *(other for other in others or () if other.id not in own)], retired)
    mesh_issues = list(issues(mesh))
    for facts in checked:
        facts.mesh = mesh
        id = facts.record.id if facts.record else ""
        facts.issues = [
            issue
            for issue in mesh_issues
            if own[id] is facts.record
            and (issue.product == id or (issue.kind == "cycle" and id in issue.about))
            # Without the whole mesh, a product that is not here is not reported as missing.
            and (issue.kind != "dangling-input" or issue.about or others is not None)
        ]


OF_RECORD = {
    "product": ("spec", schema.data_product),
    "contract": ("contract", schema.contract),
    "policy": ("policy", schema.access_policy),
}
"""Part of a catalog record -> the fact of the rules, and its schema."""


def check_record(value: Any) -> list[Finding]:
    """Check a catalog record with the same metamodel: its shape, its documents' shapes, and every rule that needs
    only these documents. A finding's file is the part of the record (`product`, `contract`, `policy`); its place
    is in its message."""
    try:
        return _checked(value)
    except Unreadable as problem:
        detail, fix = str(problem), problem.fix
    except UnicodeEncodeError:
        detail, fix = "It contains a lone surrogate (half a character).", "Remove it."
    return [_finding(READABLE, Problem("record", (), detail, fix), "", metamodel.HOME)]


def _checked(value: Any) -> list[Finding]:
    parts = value if isinstance(value, dict) else {}
    found = {part: valued(part, parts[part]) for part in OF_RECORD if isinstance(parts.get(part), dict)}
    # The record's own schema does not cover these.
    record = valued("record", {**parts, **dict.fromkeys(found)} if found else value)
    record.value = value
    facts = Facts(Path(), documents=list(found.values()))
    if isinstance(parts.get("exceptions"), list):
        facts.exceptions = valued("record", {"exceptions": parts["exceptions"]})
    problems = [(SHAPE, problem) for problem in misshapen(record, schema.catalog_record)]
    for part, document in found.items():
        fact, shape = OF_RECORD[part]
        setattr(facts, fact, document)
        problems += [(SHAPE, problem) for problem in misshapen(document, shape)]
    return sorted(set(_findings(facts, problems, "", BEYOND)))


BEYOND = {one.name for one in fields(Facts)} - {fact for fact, _ in OF_RECORD.values()} - {"documents"}
"""Facts that a record does not contain."""


def _findings(
    facts: Facts, problems: list[tuple[str, Problem]], prefix: str, beyond: Set[str] = frozenset()
) -> list[Finding]:
    """Return the findings of the schemas and the rules for one product."""
    home = _home(facts.answers)
    broken = list(_rules(facts, beyond))
    # A rule's message about a place, or about something in it, is better than the schema's message
    # that the place is wrong or missing.
    reported = {(_file(problem), problem.keys) for rule, problem in broken if rule.level == "error"}
    around = {(file, keys[:depth]) for file, keys in reported for depth in range(len(keys))}
    covered = {True: reported | around, False: reported}
    shape: list[tuple[str | Rule, Problem]] = [
        (rule, problem)
        for rule, problem in problems
        if (_file(problem), problem.keys) not in covered[_is_missing(problem)]
    ]
    found = [_finding(rule, problem, prefix, home) for rule, problem in [*shape, *broken]]
    return _excepted(facts, found, prefix, home)


def _excepted(facts: Facts, found: list[Finding], prefix: str, home: str) -> list[Finding]:
    """Return the findings with those under an exception marked as such, and what is wrong with the exceptions."""
    document = facts.exceptions
    if document is None:
        return found
    today = datetime.now(UTC).date()
    suspended = exceptions.applying(document.value, today)
    marked = [
        replace(
            finding,
            level="excepted",
            message=f"{finding.message} Excepted until {one.until}, approved by {one.approved_by}: {one.reason}",
        )
        if finding.level == "error" and (one := suspended.get(finding.rule))
        else finding
        for finding in found
    ]
    broken = {finding.rule for finding in found if finding.level == "error"}
    problems = _wrong_exceptions(document, today)
    wrong = [_finding(EXCEPTION, problem, prefix, home) for problem in problems]
    if facts.documents and document in facts.documents:  # a record has less than the rules need
        needless = _needless_exceptions(document, {rule.id for rule in RULES} & suspended.keys() - broken)
        wrong += [replace(_finding(EXCEPTION, one, prefix, home), level="warning") for one in needless]
    return [*marked, *wrong]


def _needless_exceptions(document: Document, kept: Set[str]) -> Iterator[Problem]:
    for one in exceptions.exceptions(document.value):
        if one.rule in kept:
            detail = f"The exception from {one.rule} is not needed: the rule is kept."
            yield Problem(document, ("exceptions", one.index), detail, "Remove it.")


def _wrong_exceptions(document: Document, today: date) -> Iterator[Problem]:
    known = {rule.id for rule in RULES}
    for one in exceptions.exceptions(document.value):
        place: Keys = ("exceptions", one.index)
        if not one.has_shape:
            continue  # the schema's finding says so
        if one.rule in metamodel.NEVER_EXCEPTED:
            detail, fix = f"{one.rule} cannot be excepted.", "Keep the rule, and remove the exception."
            yield Problem(document, (*place, "rule"), detail, fix)
        elif one.rule not in known:
            detail = f"There is no rule {one.rule}."
            yield Problem(document, (*place, "rule"), detail, "Fix its spelling, or remove the exception.")
        elif one.until is None:
            detail = "`until` is not a date."
            yield Problem(document, (*place, "until"), detail, "Write the last day, such as 2027-03-31.")
        elif one.until < today:
            detail = f"The exception from {one.rule} ended on {one.until}."
            yield Problem(document, (*place, "until"), detail, "Keep the rule, and remove the exception.")
        elif (one.until - today).days > metamodel.LONGEST_EXCEPTION_DAYS:
            detail = (
                f"The exception from {one.rule} lasts longer than {metamodel.LONGEST_EXCEPTION_DAYS} days."
            )
            yield Problem(document, (*place, "until"), detail, "Let it end earlier.")
        elif not one.approved:
            detail = f"The exception from {one.rule} is not approved by governance."
            fix = f"Governance approves it with `approvedBy`: {listed(metamodel.GOVERNANCE)}."
            yield Problem(document, place, detail, fix)


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
        link=_page(home, name),
    )


def _page(home: str, rule: str) -> str:
    """Return the address of a rule's page; empty if nobody knows one: a link that leads nowhere helps nobody."""
    page = f"{home}/docs/reference/rules/{rule}.md"
    return page if home and (not home.startswith("/") or Path(page).is_file()) else ""


def _home(answers: dict[str, Any]) -> str:
    """Return the address of the documentation for the product's version of the template; empty if it is not known."""
    source, commit = answers.get("_src_path"), answers.get("_commit")
    if not isinstance(source, str) or not isinstance(commit, str) or re.search(r"\s", source + commit):
        return metamodel.HOME
    source = source.removeprefix("git+")
    for short, address in (("gh:", "https://github.com/"), ("gl:", "https://gitlab.com/")):
        source = re.sub(f"^{short}/?", address, source)
    source = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", source).removesuffix(".git")
    source = re.sub(r"^https?://[^/@]*@", "https://", source)  # without credentials
    if source.startswith(("https://", "http://")):
        between = re.fullmatch(
            r".+-\d+-g([0-9a-f]{7,40})", commit
        )  # what git describes is no name that a server has
        return f"{source}/blob/{between[1] if between else commit}"
    return source if source.startswith("/") else metamodel.HOME


def _sources(root: Path) -> Iterator[Document]:
    for file in described(root):
        # dbt reports unreadable files, and may accept files that are not plain YAML.
        with contextlib.suppress(Unreadable, OSError):
            if b"sources" in file.read_bytes():
                yield read(root, file.relative_to(root).as_posix())


def _gather(root: Path) -> tuple[Facts, list[tuple[str, Problem]]]:
    """Read the product's files and validate each against its schema."""
    facts = Facts(root)
    problems: list[tuple[str, Problem]] = []
    with contextlib.suppress(Unreadable):  # a product may have been made without Copier
        facts.answers = read(root, answers_file(root)).value
    if not isinstance(facts.answers, dict):
        facts.answers = {}

    def load(path: Any) -> Document | None:
        """Return the document at `path`; None if it does not exist, which is left to the rule FilesExist."""
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
    facts.approvers, facts.access_tests, facts.exceptions = (
        load(path) if (root / path).exists() else None for path in (APPROVERS, TESTS, EXCEPTIONS)
    )
    facts.sources = tuple(_sources(root))
    paths = sorted((root / AGREEMENTS).rglob("*.y*ml"))
    agreements = [load(path.relative_to(root).as_posix()) for path in paths]
    facts.agreements = [agreement for agreement in agreements if agreement is not None]
    shapes = (
        (facts.spec, schema.data_product),
        (facts.contract, schema.contract),
        (facts.policy, schema.access_policy),
        (facts.approvers, schema.approvers),
        (facts.access_tests, schema.access_tests),
        (facts.exceptions, schema.exceptions),
        *((agreement, schema.access_agreement) for agreement in facts.agreements),
    )
    for document, shape in shapes:
        if document is not None:
            problems.extend((SHAPE, problem) for problem in misshapen(document, shape))
    facts.documents = [document for document, _ in shapes if document is not None] + marked_models(root)
    return facts, problems


def _rules(facts: Facts, beyond: Set[str]) -> Iterator[tuple[Rule, Problem]]:
    for rule, needed in _askable(frozenset(beyond)):
        if rule.level == "off":
            continue
        arguments = {name: getattr(facts, name) for name in needed}
        if None in arguments.values():
            continue
        try:
            for problem in rule.check(**arguments):
                yield rule, problem
        except Unreadable as problem:  # another file, read by the rule itself
            yield (
                rule,
                Problem(SPEC, (), f"The rule needs a file that cannot be read: {problem}", problem.fix),
            )


@cache
def _askable(beyond: frozenset[str]) -> tuple[tuple[Rule, tuple[str, ...]], ...]:
    """Return the rules that need no fact in `beyond`, each with the facts that it needs."""
    needs = ((rule, tuple(inspect.signature(rule.check).parameters)) for rule in RULES)
    return tuple((rule, names) for rule, names in needs if not beyond.intersection(names))
