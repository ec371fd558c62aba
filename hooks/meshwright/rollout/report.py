"""A rollout's report: a table for the terminal, JSON for programs, an HTML page for a browser."""

from __future__ import annotations

import json
from pathlib import Path

from meshwright.core.text import printable
from meshwright.rollout.outcome import STATES, Outcome, counted
from meshwright.rollout.run import Report

SHOWN_HUNKS = 3
"""Maximum conflicts of one file in the table; JSON and HTML have all."""


def table(report: Report) -> str:
    """Return a line for each repository, then what people have to resolve."""
    rows = [("repository", "wave", "version", "state", "")]
    rows += [
        (outcome.name, outcome.wave, outcome.version or "?", outcome.state, _summary(outcome))
        for outcome in report.outcomes
    ]
    if len({wave for _, wave, *_ in rows[1:]}) < 2:
        rows = [(name, "", version, state, summary) for name, _, version, state, summary in rows]
    widths = [max(len(printable(row[column])) for row in rows) for column in range(4)]
    lines = [
        "  ".join(printable(cell).ljust(width) for cell, width in zip(row[:4], widths, strict=True) if width)
        + f"  {printable(row[4])}".rstrip()
        for row in rows
    ]
    details = [line for outcome in report.outcomes for line in _details(outcome)]
    counts = ", ".join(f"{count} {state}" for state, count in counted(report.outcomes).items())
    to = f" to {report.target}" if report.verb in ("plan", "apply") else ""
    total = f"{len(report.outcomes)} repositor{'y' if len(report.outcomes) == 1 else 'ies'}"
    return "\n".join(
        [
            *(line.rstrip() for line in lines),
            *details,
            "",
            f"{report.verb}{to}: {total}: {counts or 'nothing'}",
        ]
    )


def _summary(outcome: Outcome) -> str:
    if outcome.state in ("refused", "unreachable", "failed", "waiting"):
        return outcome.reason
    if outcome.state == "behind" and outcome.behind:
        return f"{outcome.behind} release{'s' if outcome.behind > 1 else ''} behind {outcome.target}"
    if outcome.conflicts:
        return ", ".join(conflict.path for conflict in outcome.conflicts)
    if outcome.state == "pushed":
        return outcome.pull_request or outcome.branch
    count = len(outcome.changes)
    return f"{count} file{'s' if count > 1 else ''}" if count else ""


def _details(outcome: Outcome) -> list[str]:
    lines = []
    if outcome.fix and not outcome.well:
        lines.append(f"  fix: {outcome.fix}")
    for conflict in outcome.conflicts:
        lines.append(f"  {conflict.path}: {conflict.kind}")
        for hunk in conflict.hunks[:SHOWN_HUNKS]:
            lines += [f"    {line}" for line in hunk.splitlines()]
        if len(conflict.hunks) > SHOWN_HUNKS:
            lines.append(f"    … {len(conflict.hunks) - SHOWN_HUNKS} more (--format json, --html)")
    lines += [f"  note: {note}" for note in outcome.notes]
    for diff in outcome.diff:
        lines += [f"    {line}" for line in diff.splitlines()]
    if outcome.branch and outcome.pull_request and outcome.state == "conflict":
        lines.append(f"  {outcome.branch}: {outcome.pull_request}")
    return ["", f"{printable(outcome.name)}: {outcome.state}", *map(printable, lines)] if lines else []


def as_json(report: Report) -> str:
    return json.dumps(report.as_json_value(), indent=2, ensure_ascii=False)


def html(report: Report) -> str:
    """Return one page that loads nothing."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    content = report.as_json_value()
    content["repositories"].sort(key=lambda one: (STATES[one["state"]][0], one["state"], one["name"]))
    states = {state: {"well": well, "means": means} for state, (well, means) in STATES.items()}
    return environment.get_template("report.html.jinja").render(**content, states=states)


FORMATS = {"table": table, "json": as_json}
