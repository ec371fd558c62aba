"""What stands in other files of the repository because it cannot stand in the spec alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meshwright.document import Document, Unreadable, read
from meshwright.rules import Problem, Rule

CODEOWNERS = ".github/CODEOWNERS"
SCHEDULE = ".github/workflows/schedule.yml"
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
NAMES = {
    3: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    4: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}


class OwnerReviews(Rule):
    """CODEOWNERS asks the owner who is named in the spec."""

    broken = {"data-product.yaml": {"spec": {"owner": {"email": "somebody.else@example.org"}}}}

    def check(self, root: Path, spec: Document) -> Iterator[Problem]:
        email = spec.get("spec.owner.email")
        if not isinstance(email, str) or not email:
            return
        mend = f"Run `copier update --data owner_email={email}`."
        file = root / CODEOWNERS
        if not file.is_file():
            yield Problem(spec, ("spec", "owner", "email"), f"There is no {CODEOWNERS}.", mend)
            return
        for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), 1):
            pattern, *owners = line.partition("#")[0].split() or [""]
            if pattern in ("*", "/access/") and email not in owners:
                yield Problem(
                    CODEOWNERS,
                    (),
                    f"{pattern} is reviewed by {', '.join(owners) or 'nobody'}, not by the owner {email}.",
                    mend,
                    number,
                )


class ScheduleValid(Rule):
    """The schedule trait's cron expression is one that comes to pass."""

    broken = {
        "data-product.yaml": {
            "spec": {"traits": [{"uses": "schedule@1", "properties": {"cron": "0 25 * * *"}}]}
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, cron in _crons(spec):
            if not _comes_to_pass(cron):
                yield Problem(
                    spec,
                    (*keys, "properties", "cron"),
                    f"{cron!r} is no time: minute, hour, day of the month, month, day of the week.",
                    'Write five fields, such as "0 5 * * *" for five o\'clock every day (UTC).',
                )


class ScheduleAgrees(Rule):
    """The workflow that runs the pipeline has the same cron expression as the schedule trait.

    GitHub reads the expression from the workflow alone, so it has to stand in both.
    """

    broken = {
        "data-product.yaml": {
            "spec": {"traits": [{"uses": "schedule@1", "properties": {"cron": "30 4 * * 1"}}]}
        }
    }

    def check(self, root: Path, spec: Document) -> Iterator[Problem]:
        if not (root / SCHEDULE).is_file():
            return
        wanted = [cron for _, cron in _crons(spec)]
        try:
            workflow = read(root, SCHEDULE, plain_keys=True)
        except Unreadable as problem:
            yield Problem(SCHEDULE, (), str(problem), problem.mend, problem.line)
            return
        found = [str(item.get("cron")) for _, item in workflow.items("on.schedule")]
        if found != wanted:
            yield Problem(
                workflow,
                ("on", "schedule"),
                f"It runs at {', '.join(found) or 'no time'}; the schedule trait says {', '.join(wanted) or 'never'}.",
                f"Write the same there: {', '.join(repr(cron) for cron in wanted)}."
                if wanted
                else f"Remove {SCHEDULE}.",
            )


def _crons(spec: Document) -> Iterator[tuple[Any, str]]:
    for keys, item in spec.items("spec.traits"):
        properties = item.get("properties")
        cron = properties.get("cron") if isinstance(properties, dict) else None
        if str(item.get("uses")).startswith("schedule@") and isinstance(cron, str):
            yield keys, cron


def _comes_to_pass(cron: str) -> bool:
    fields = cron.split()
    return len(fields) == 5 and all(_field(field, place) for place, field in enumerate(fields))


def _field(field: str, place: int) -> bool:
    low, high = RANGES[place]
    for name_number, name in enumerate(NAMES.get(place, []), low):
        field = re.sub(rf"\b{name}\b", str(name_number), field, flags=re.IGNORECASE)
    for part in field.split(","):
        match = re.fullmatch(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", part, re.ASCII)
        if not match:
            return False
        start = int(match[1]) if match[1] else low
        end = int(match[2]) if match[2] else (start if match[1] else high)
        if not low <= start <= end <= high or (match[3] and not 1 <= int(match[3]) <= high):
            return False
    return True
