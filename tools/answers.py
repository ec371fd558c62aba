"""Answers to copier.yml's questions: few, and each two choices that may meet do meet.

Whatever folders there are below blueprints/ are choices, so that a new capability joins by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import Any

import yaml
from checkout import ROOT, git
from jinja2 import Template, meta
from jinja2.sandbox import SandboxedEnvironment
from jinja2_ansible_filters import AnsibleCoreFiltersExtension

Answers = dict[str, Any]
Choice = tuple[str, str]  # the question, and the capability where it is one of many
Row = dict[Choice, Any]

JINJA = SandboxedEnvironment(extensions=[AnsibleCoreFiltersExtension])


@dataclass
class Questions:
    """The questions that one version of the template asks and that are answered by choosing."""

    one: dict[str, list[str]] = field(default_factory=dict)  # one choice each
    many: dict[str, list[str]] = field(default_factory=dict)  # any number: the capabilities of a kind
    validators: list[str] = field(default_factory=list)
    deprecated: dict[str, list[str]] = field(default_factory=dict)  # accepted where an older version has it

    def allow(self, answers: Answers) -> bool:
        """Whether no validator objects, of those that speak of these answers alone."""
        compiled = [understood(validator) for validator in self.validators]
        return not any(
            template.render(answers).strip() for template, names in compiled if names <= answers.keys()
        )


@cache
def understood(validator: str) -> tuple[Template, set[str]]:
    return JINJA.from_string(validator), meta.find_undeclared_variables(JINJA.parse(validator))


def read_questions(commit: str | None = None) -> Questions:
    """Return the questions of the template in the work tree, or in a commit."""
    if commit:
        text = git("show", f"{commit}:copier.yml", cwd=ROOT)
        paths = git("ls-tree", "-r", "--name-only", commit, "blueprints/", cwd=ROOT).splitlines()
    else:
        text = (ROOT / "copier.yml").read_text("utf-8")
        paths = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("blueprints/*/*/blueprint.yaml")]
    folders = sorted(path.split("/")[1:3] for path in paths if path.endswith("/blueprint.yaml"))
    former = {
        path.parent.relative_to(ROOT / "blueprints").as_posix()
        for path in ([] if commit else ROOT.glob("blueprints/*/*/blueprint.yaml"))
        if yaml.safe_load(path.read_text("utf-8"))["maturity"] == "deprecated"
    }
    questions = Questions()
    for name, question in yaml.safe_load(text).items():
        if name.startswith("_") or "choices" not in question:
            continue
        if question.get("multiselect"):
            named = [folder for kind, folder in folders if kind == name]
            questions.deprecated[name] = [one for one in named if f"{name}/{one}" in former]
            questions.many[name] = [one for one in named if one not in questions.deprecated[name]]
        elif isinstance(question["choices"], str):  # one capability of a kind
            questions.one[name] = [folder for kind, folder in folders if kind == name]
        else:
            choices = question["choices"]
            questions.one[name] = list(choices.values() if isinstance(choices, dict) else choices)
        questions.validators.append(question.get("validator", ""))
    return questions


def pairwise(now: Questions, then: Questions) -> Iterator[Answers]:
    """Answers that both versions know and allow, each two choices that they allow together at least once.

    allpairspy does the same, but leaves out pairs where answers exclude each other.
    """
    values: dict[Choice, list[Any]] = {}
    for name, choices in now.one.items():
        if known := [choice for choice in choices if choice in then.one.get(name, [])]:
            values[name, ""] = known
    for name, choices in now.many.items():
        older = [choice for choice in now.deprecated.get(name, []) if choice in then.many.get(name, [])]
        for choice in (*choices, *older):
            values[name, choice] = [True, False] if choice in then.many.get(name, []) else [False]

    def order(fixed: Row) -> list[Choice]:
        """All choices, those first that a validator reads with what is fixed: what it refuses is seen at once."""
        names = {name for name, _ in fixed}
        read = [understood(validator)[1] for validator in now.validators + then.validators]
        first = min((together for together in read if names <= together), key=len, default=names)
        return sorted(values, key=lambda choice: choice[0] not in first)

    def fill(row: Row, fixed: Row) -> Row | None:
        """The row and what is fixed, made complete with what has met the least; None where it is not allowed."""
        given = answers(row, values)
        if not (now.allow(given) and then.allow(given)):
            return None
        if len(row) == len(values):
            return row
        choice = next(choice for choice in order(fixed) if choice not in row)
        rows = [{**row, choice: value} for value in values[choice] if fixed.get(choice, value) == value]
        rows.sort(key=lambda row: -sum(pair in waiting for pair in pairs(row)))
        return next(filter(None, (fill(longer, fixed) for longer in rows)), None)

    # A dictionary, because its order is always the same.
    waiting = dict.fromkeys(
        ((one, value), (other, another))
        for one, other in combinations(values, 2)
        for value in values[one]
        for another in values[other]
    )
    while waiting:
        fixed = next(iter(waiting))
        row = fill({}, dict(fixed))
        for met in pairs(row) if row else [fixed]:
            waiting.pop(met, None)
        if row:
            yield answers(row, values)


def pairs(row: Row) -> Iterator[tuple[tuple[Choice, Any], tuple[Choice, Any]]]:
    return combinations(row.items(), 2)


def answers(row: Row, values: dict[Choice, list[Any]]) -> Answers:
    """As Copier takes them; a list of capabilities counts when each of them is decided."""
    undecided = {name for name, _ in values.keys() - row.keys()}
    given: Answers = {}
    for (name, capability), value in row.items():
        if not capability:
            given[name] = value
        elif name not in undecided:
            given[name] = [*given.get(name, []), *([capability] if value else [])]
    return given
