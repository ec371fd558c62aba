"""The findings of a check, and their output formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import quote

from meshwright.core.renamed import with_old
from meshwright.core.text import printable
from meshwright.product import metamodel


@dataclass(frozen=True, order=True)
class Finding:
    """A broken promise: its place, the rule that it breaks, and the fix."""

    file: str
    line: int
    column: int
    rule: str
    message: str
    fix: str
    level: str = "error"
    """`error`: the check fails; `warning`: it does not; `note`: nothing is wrong, and `fix` may be empty;
    `excepted`: a broken rule that governance has excepted for a while."""
    link: str = ""


def human(findings: Sequence[Finding]) -> str:
    """Return text for people, and for editors that know file:line:column."""
    lines = []
    for finding in findings:
        lines.append(
            f"{finding.file}:{finding.line}:{finding.column}: {finding.level} {finding.rule}: {finding.message}"
        )
        if finding.fix:
            lines.append(f"    fix: {finding.fix}")
        if finding.link:
            lines.append(f"    see:  {finding.link}")
    return "\n".join(map(printable, lines))


def github(findings: Sequence[Finding]) -> str:
    """Return workflow commands, which GitHub shows at the line in a pull request."""

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def value(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    return "\n".join(
        f"::{COMMANDS[finding.level]} file={value(finding.file)},line={finding.line},col={finding.column},"
        f"title={value(finding.rule)}::{data(_with_fix(finding) + (f' See {finding.link}' if finding.link else ''))}"
        for finding in findings
    )


COMMANDS = {"error": "error", "warning": "warning", "note": "notice", "excepted": "warning"}
"""Level -> GitHub's workflow command."""


def _with_fix(finding: Finding) -> str:
    return f"{finding.message} Fix: {finding.fix}" if finding.fix else finding.message


def as_json(findings: Sequence[Finding]) -> str:
    """Return a JSON list of objects, for programs."""
    return json.dumps(with_old([asdict(finding) for finding in findings]), indent=2, ensure_ascii=False)


def sarif(findings: Sequence[Finding]) -> str:
    """Return SARIF 2.1.0, for code scanning."""
    rules = {finding.rule: finding.link for finding in findings}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "meshwright",
                        **({"informationUri": metamodel.HOME} if metamodel.HOME else {}),
                        "rules": [_sarif_rule(rule, link) for rule, link in sorted(rules.items())],
                    }
                },
                "results": [
                    {
                        "ruleId": finding.rule,
                        "level": "error" if finding.level == "excepted" else finding.level,
                        **({"suppressions": [{"kind": "external"}]} if finding.level == "excepted" else {}),
                        "message": {"text": _with_fix(finding)},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": quote(finding.file)},
                                    "region": {"startLine": finding.line, "startColumn": finding.column},
                                }
                            }
                        ],
                    }
                    for finding in findings
                ],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _sarif_rule(rule: str, link: str) -> dict[str, str]:
    return {"id": rule, "helpUri": link} if link.startswith(("https://", "http://")) else {"id": rule}


FORMATS: dict[str, Callable[[Sequence[Finding]], str]] = {
    "human": human,
    "github": github,
    "sarif": sarif,
    "json": as_json,
}
