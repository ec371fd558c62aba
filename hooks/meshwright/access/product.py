"""What a product's repository says of who may read it, as it is committed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from meshwright.access.approval import AGAIN, authorised, authorised_below, root_of_trust, trust_problem
from meshwright.access.grants import Column, Port
from meshwright.core.git_history import History
from meshwright.core.yaml import Document, Unreadable, parse
from meshwright.product import metamodel, schema, team_rego
from meshwright.product.contract import described, tables
from meshwright.product.environments import bind
from meshwright.product.files import AGREEMENTS, SPEC, TEAM_REGO, TESTS
from meshwright.product.grammar import VARIABLE
from meshwright.product.validate import misshapen

PARTS = (
    "metadata.name",
    "metadata.domain",
    "spec.access",
    "spec.dataset",
    "spec.outputs",
    "spec.environments",
)
"""What of the spec decides who reads what, and where: it counts as an approver signed it."""

SECRET = re.compile(
    r"^(PG|AWS_|AZURE_|GOOGLE_|MESHWRIGHT_|GITHUB_|GITLAB_|CI_|ACTIONS_)|TOKEN|PASSWORD|SECRET", re.IGNORECASE
)
"""Variables that a spec cannot name: an address could carry them away."""


@dataclass(frozen=True)
class Agreement:
    """One file of access/agreements/."""

    path: str
    document: Document
    problem: str = ""
    """Why it cannot be read; empty if it can."""

    @property
    def id(self) -> str:
        return Path(self.path).stem

    def custom(self, name: str) -> Any:
        """The value of one of its customProperties, or None."""
        return next(
            (
                item.get("value")
                for _, item in self.document.items("customProperties")
                if item.get("property") == name
            ),
            None,
        )

    @property
    def role(self) -> str:
        return next((str(item.get("role")) for _, item in self.document.items("roles")), "")

    @property
    def principals(self) -> list[str]:
        """`group:<name>` or `id:<id>`, whom it names."""
        value = self.custom("principal")
        return [value] if isinstance(value, str) else list(value or [])

    @property
    def port(self) -> str | None:
        """The one output port that it is about; None: all."""
        port: str | None = self.document.get("provider.outputPortId")
        return port

    def time(self, key: str) -> datetime | None:
        """`startTimestamp` or `endTimestamp`; None where it says no such time."""
        try:
            time = datetime.fromisoformat(str(self.document.get(key)))
        except ValueError:
            return None
        # near the ends of the calendar, another time zone has no such day
        return time if time.tzinfo and 1970 < time.year < 9990 else None


@dataclass(frozen=True)
class Product:
    """All that the decision needs of one product, at one commit."""

    root: Path
    history: History
    id: str
    """`<domain>/<name>`."""
    mode: str
    dataset: str
    columns: tuple[Column, ...]
    ports: tuple[Port, ...]
    policy: Mapping[str, Any]
    """access/policy.yaml, as far as it is authorised."""
    policy_commit: str
    trust: str | None
    """The commit that first named an approver: what was before it is taken as it is."""
    agreements: tuple[Agreement, ...]
    tests: Sequence[Mapping[str, Any]]
    team: Mapping[str, str]
    """Path -> text of the team's own Rego."""
    problems: tuple[str, ...] = field(default=())
    """What is wrong, but stops nobody: edits that nobody authorised, files that cannot be read."""

    @property
    def roles(self) -> Mapping[str, Mapping[str, Any]]:
        roles: Mapping[str, Mapping[str, Any]] = self.policy["roles"]
        return roles


def variables(environment: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """What a spec can name: CI hands over all variables of the repository as one; those of the environment come first."""
    try:
        given = json.loads(environment.get("PIPELINE_VARIABLES") or "{}")
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"PIPELINE_VARIABLES is no JSON object: {error}.", "Correct it, or unset it."
        ) from error
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise Unreadable("PIPELINE_VARIABLES is no JSON object of texts.", "Correct it, or unset it.")
    return {**given, **environment}


def load(
    root: Path, commit: str = "HEAD", environment: Mapping[str, str] | None = None, target: str = ""
) -> Product:
    """Reads the repository at `root` as it is at a commit. Raises Unreadable, HistoryError.

    `environment`: what replaces the variables of the ports; None leaves them as they are. `target`: which of the
    spec's environments the ports are those of.
    """
    history = History(root, commit)
    problems = [found] if (found := trust_problem(history)) else []
    trust = root_of_trust(history)
    present = _document(history, SPEC, schema.data_product)
    spec = _signed(history, present, problems) if trust else present
    contract = _document(history, spec.get("spec.dataset.contract"), schema.contract)
    policy_path = spec.get("spec.access.policy")
    if not policy_path.startswith("access/"):
        raise Unreadable(
            f"{SPEC}: spec.access.policy lies outside of access/.", "Move it to access/policy.yaml."
        )
    policy, policy_commit = _authorised(history, policy_path, problems)
    if policy is None:
        raise Unreadable(
            f"{policy_path}: There is no policy that counts.", "Let an approver sign a commit that adds it."
        )
    tests, _ = _authorised(history, TESTS, problems)
    modes = {document.get("spec.access.mode") for document in (spec, present)}  # anybody may close it
    return Product(
        root=root,
        history=history,
        id=f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}",
        mode="open" if modes == {"open"} else "approval-required",
        dataset=spec.get("spec.dataset.name"),
        columns=tuple(_guarded(history, spec, contract, problems) if trust else columns(spec, contract)),
        ports=tuple(_ports(bind(spec, target) if target else spec, root, environment)),
        policy=_checked(policy_path, policy, schema.access_policy).value,
        policy_commit=policy_commit,
        trust=trust,
        agreements=tuple(_agreements(history)),
        tests=_checked(TESTS, tests, schema.access_tests).get("tests") if tests else [],
        team=_team(history, problems),
        problems=tuple(problems),
    )


def columns(spec: Document, contract: Document) -> Iterator[Column]:
    """The data set's columns in the contract's order; one is as sensitive as what is most so in it."""
    order = metamodel.CLASSIFICATIONS
    found: list[tuple[tuple[str | int, ...], dict[str, Any], str]] = []
    for place, _, column in described(spec, contract):
        said = column.get("classification")
        level = said if said in order else order[-1]
        if found and place[: len(found[-1][0])] == found[-1][0]:  # nested in the one before
            outer, entry, before = found.pop()
            found.append((outer, entry, max(before, level, key=order.index)))
        else:
            found.append((place, column, level))
    for _, column, level in found:
        yield Column(
            str(column.get("physicalName") or column["name"]),
            str(column.get("logicalType") or "object"),
            level,
        )


def _signed(history: History, present: Document, problems: list[str]) -> Document:
    """The spec as an approver last signed it, or as it was when the first one was named. Raises Unreadable."""
    found = authorised(history, SPEC)
    if found.text is None:
        raise Unreadable(f"{SPEC}: No approver has signed one.", AGAIN)
    signed = _checked(SPEC, found.text, schema.data_product)
    for part in PARTS:
        if signed.get(part) != present.get(part):
            problems.append(
                f"{SPEC}: Nobody authorised the change of {part}; it counts as it was at {found.commit[:9]}. {AGAIN}"
            )
    return signed


def _guarded(history: History, spec: Document, contract: Document, problems: list[str]) -> Iterator[Column]:
    """The columns, none less sensitive than it was since an approver last signed the contract.

    A column that is new since then is as it says.
    """
    order = metamodel.CLASSIFICATIONS
    path = contract.path.as_posix()
    known = _levels(history, path)
    if known is None:
        problems.append(f"{path}: No approver has signed it, so every column counts as {order[-1]}. {AGAIN}")
    for column in columns(spec, contract):
        lowest = order[-1] if known is None else known.get(column.name, order[0])
        level = max(column.classification, lowest, key=order.index)
        if known is not None and level != column.classification:
            problems.append(
                f"{path}: Nobody authorised that {column.name} is {column.classification}; it counts as {level}. {AGAIN}"
            )
        yield replace(column, classification=level)


def _levels(history: History, path: str) -> dict[str, str] | None:
    """Column -> the highest classification it had in any table, in the signed contract or in any version since."""
    found = authorised(history, path)
    if found.text is None:
        return None
    texts = [found.text]
    for commit in history.touched(path):
        entry = history.entry(commit, path)
        if entry and history.continues(commit) and history.position(commit) > history.position(found.commit):
            texts.append(history.text(path, entry))
    levels: dict[str, str] = {}
    for text in texts:
        try:
            contract = parse(path, text)
        except Unreadable:  # a version that nobody could use
            continue
        for _, table in tables(contract):
            about = Document(Path(SPEC), {"spec": {"dataset": {"name": table.get("name")}}})
            for column in columns(about, contract):
                before = levels.get(column.name, metamodel.CLASSIFICATIONS[0])
                levels[column.name] = max(before, column.classification, key=metamodel.CLASSIFICATIONS.index)
    return levels


def _document(history: History, path: Any, shape: Any) -> Document:
    text = history.read(path) if isinstance(path, str) else None
    if text is None:
        raise Unreadable(f"{path}: There is no such file in the commit {history.commit[:9]}.", "Commit it.")
    return _checked(path, text, shape)


def _checked(path: str, text: str, shape: Any) -> Document:
    try:
        document = parse(path, text)
    except Unreadable as error:
        raise Unreadable(f"{path}:{error.line}:{error.column}: {error}", error.fix) from error
    for problem in misshapen(document, shape):
        line, column = document.place(problem.keys)
        raise Unreadable(f"{path}:{line}:{column}: {problem.detail}", problem.fix)
    return document


def _authorised(history: History, path: str, problems: list[str]) -> tuple[str | None, str]:
    """The newest text of a file that somebody authorised (None: that it is not there), and its commit."""
    found = authorised(history, path)
    if found.problem:
        problems.append(f"{path}: {found.problem}")
    return found.text, found.commit


def _ports(spec: Document, root: Path, environment: Mapping[str, str] | None) -> Iterator[Port]:
    usual = {"schema": spec.get("spec.dataset.name")}  # what blueprints say of a property that is left out
    for _, output in spec.items("spec.outputs"):
        said = {key: _replaced(value, environment) for key, value in output.get("properties", {}).items()}
        yield Port(output["name"], output["uses"], usual | said, str(root.resolve()))


def _replaced(value: Any, environment: Mapping[str, str] | None) -> Any:
    if environment is None or not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if SECRET.search(match["name"]):
            raise Unreadable(f"{SPEC}: {match[0]} may be a secret.", "Use a variable with another name.")
        found = environment.get(match["name"]) or match["default"]
        if found is None:
            raise Unreadable(
                f"{SPEC}: {match[0]} has no default, and {match['name']} is not set.",
                f"export {match['name']}=…",
            )
        return found

    return VARIABLE.sub(variable, value)


def _agreements(history: History) -> Iterator[Agreement]:
    for path in sorted(history.list(AGREEMENTS)):
        if not path.endswith((".yaml", ".yml")):
            continue
        try:
            document = _document(history, path, schema.access_agreement)
        except Unreadable as error:
            yield Agreement(path, Document(Path(path)), f"It cannot be read: {error}")
            continue
        name = document.get("id")
        wrong = (
            "" if Path(path).name == f"{name}.yaml" else f"It calls itself {name}; name the file {name}.yaml."
        )
        yield Agreement(path, document, wrong)


def _team(history: History, problems: list[str]) -> dict[str, str]:
    """The team's Rego, as far as it is authorised: without authority, no rule of denial goes either."""
    texts = {}
    for path, found in authorised_below(history, TEAM_REGO).items():
        if found.problem:
            problems.append(f"{path}: {found.problem}")
        if found.text is None or not path.endswith(".rego"):
            continue
        for line, problem, fix in team_rego.problems(found.text):
            raise Unreadable(f"{path}:{line}:1: {problem}", fix)
        texts[path] = found.text
    return texts
