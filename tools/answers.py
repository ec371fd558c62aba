"""Answers to copier.yml's questions: few, and each two choices that may meet do meet.

Whatever folders there are below blueprints/ are choices, so that a new capability joins by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
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

    def allow(self, answers: Answers, undecided: Collection[Choice] = ()) -> bool:
        """Whether no validator objects, of those that speak of these answers alone.

        `undecided`: capabilities that can still join their lists. An objection that one of them can remove does not count yet.
        """
        for validator in self.validators:
            template, names = understood(validator)
            if not names <= answers.keys() or not template.render(answers).strip():
                continue
            further = [
                {**answers, name: [*answers[name], capability]}
                for name, capability in undecided
                if capability and name in names
            ]
            if all(template.render(each).strip() for each in further):
                return False
        return True


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

    places = {choice: place for place, choice in enumerate(values)}

    def in_order(row: Row) -> Row:
        return dict(sorted(row.items(), key=lambda item: places[item[0]]))

    def pairs(row: Row) -> Iterator[tuple[tuple[Choice, Any], tuple[Choice, Any]]]:
        return combinations(in_order(row).items(), 2)

    def fill(row: Row, fixed: Row, ordered: list[Choice]) -> Row | None:
        """The row and what is fixed, made complete with what has met the least; None where it is not allowed."""
        given, undecided = answers(in_order(row)), values.keys() - row.keys()
        if not (now.allow(given, undecided) and then.allow(given, undecided)):
            return None
        if len(row) == len(values):
            return row
        choice = next(choice for choice in ordered if choice not in row)
        rows = [{**row, choice: value} for value in values[choice] if fixed.get(choice, value) == value]
        rows.sort(key=lambda row: -sum(pair in waiting for pair in pairs(row)))
        return next(filter(None, (fill(longer, fixed, ordered) for longer in rows)), None)

    # A dictionary, because its order is always the same.
    waiting = dict.fromkeys(
        ((one, value), (other, another))
        for one, other in combinations(values, 2)
        for value in values[one]
        for another in values[other]
    )
    while waiting:
        fixed = next(iter(waiting))
        row = fill({}, dict(fixed), ordered_for(dict(fixed), values, now.validators + then.validators))
        for met in pairs(row) if row else [fixed]:
            waiting.pop(met, None)
        if row:
            yield answers(in_order(row))


def ordered_for(fixed: Row, values: dict[Choice, list[Any]], validators: list[str]) -> list[Choice]:
    """All choices, those first without which no validator can refuse what is fixed: it is then seen at once."""
    names = {name for name, _ in fixed}
    reads = [understood(validator)[1] for validator in validators]
    related = names.union(*(read for read in reads if read & names))
    firsts = {name: next(choice for choice in values if choice[0] == name) for name, _ in values}

    def rank(choice: Choice) -> int:
        if choice in fixed or choice[0] not in related:
            return 0 if choice in fixed else 3
        return 1 if not choice[1] else 2 if choice == firsts[choice[0]] else 3

    return sorted(values, key=rank)


def answers(row: Row) -> Answers:
    """As Copier takes them; a list has the capabilities that are decided so far."""
    given: Answers = {}
    for (name, capability), value in row.items():
        if not capability:
            given[name] = value
        else:
            given[name] = [*given.get(name, []), *([capability] if value else [])]
    return given
