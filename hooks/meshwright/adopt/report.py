"""The plan of an adoption, for people and as JSON."""

from __future__ import annotations

import shlex
from typing import Any

from meshwright.adopt.plan import DECLINED, MERGED, NEW, SAME, THEIRS, Plan, Step
from meshwright.adopt.repository import BRANCH
from meshwright.adopt.run import Result
from meshwright.core.text import printable

TITLES = {
    NEW: "new",
    SAME: "the same already",
    MERGED: "merged, with every line of yours",
    THEIRS: "yours, left as they are",
    DECLINED: "the template's is left out, also by updates (`declined` in the answers): yours stays",
}
SHOWN, MOST = 12, 40


def as_text(result: Result) -> str:
    """Return the plan as lines for a terminal."""
    plan, repository = result.plan, result.repository
    lines = [
        f"{repository.top}{'/' + plan.folder if plan.folder else ''}: the template at {plan.version}",
        "",
    ]
    if repository.changed:
        lines += [
            f"Uncommitted work ({_files(repository.changed)}) is left alone: the plan is for the last commit.",
            "",
        ]
    lines += ["Answers"]
    width = max((len(name) for name in plan.answers), default=0)
    lines += [f"  {name:{width}}  {answer.value}  ({answer.reason})" for name, answer in plan.answers.items()]
    for kind, title in TITLES.items():
        steps = plan.of(kind)
        if not steps:
            continue
        lines += ["", f"{_files(len(steps))}: {title}"]
        shown = steps if kind not in (NEW, SAME) else steps[:SHOWN]
        lines += [f"  {_place(plan, step)}{f'  ({step.note})' if step.note else ''}" for step in shown]
        if len(shown) < len(steps):
            lines.append(f"  … {len(steps) - len(shown)} more (--format json has all)")
    if plan.missing:
        lines += ["", "What is missing"]
        lines += [f"  {sentence}" for sentence in plan.missing]
    if result.findings:
        lines += ["", f"What `meshwright check` will report: {len(result.findings)}"]
        for finding in result.findings[:MOST]:
            lines += [
                f"  {finding.file}:{finding.line}: {finding.level} {finding.rule}: {finding.message}",
                f"      fix: {finding.fix}",
            ]
    return "\n".join([printable(line) for line in [*lines, "", *_next(result)]])


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _place(plan: Plan, step: Step) -> str:
    return step.path if step.at_root or not plan.folder else f"{plan.folder}/{step.path}"


def _next(result: Result) -> list[str]:
    top = shlex.quote(str(result.repository.top))
    if not result.commit:
        return ["Nothing was changed. Add --apply to commit this to the branch " + BRANCH + "."]
    branch = result.repository.branch or result.repository.head
    return [
        f"Committed to {BRANCH}: {result.commit[:12]}"
        if result.is_new
        else f"{BRANCH} has this already: {result.commit[:12]}. Nothing to do.",
        f"  look:  git -C {top} diff {branch}...{BRANCH}",
        f"  try:   git -C {top} worktree add ../adopted {BRANCH}",
        f"  merge: git -C {top} merge {BRANCH}",
    ]


def as_json_value(result: Result) -> dict[str, Any]:
    """Return the plan for machines."""
    plan = result.plan
    return {
        "adopted": False,
        "repository": printable(str(result.repository.top)),
        "folder": plan.folder,
        "version": plan.version,
        "answersFile": plan.answers_file,
        "answers": {
            name: {"value": answer.value, "reason": answer.reason} for name, answer in plan.answers.items()
        },
        "files": [
            {"path": printable(_place(plan, step)), "state": step.kind, "note": printable(step.note)}
            for step in plan.steps
        ],
        "missing": [printable(sentence) for sentence in plan.missing],
        "findings": [
            {
                "file": one.file,
                "line": one.line,
                "rule": one.rule,
                "level": one.level,
                "message": one.message,
                "fix": one.fix,
            }
            for one in result.findings
        ],
        "branch": BRANCH if result.commit else None,
        "commit": result.commit or None,
    }
