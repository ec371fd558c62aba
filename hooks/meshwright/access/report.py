"""Runs and explanations, for people and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC
from typing import Any

from meshwright.access.access_decisions import AccessDecisions, AccessVerdict
from meshwright.access.grants import Change, Column, Principal
from meshwright.access.requested import as_plain, sentences
from meshwright.access.run import PortRun, Run
from meshwright.core.renamed import with_old
from meshwright.core.text import printable

SIGNS = {"grant": "+", "create": "+", "revoke": "-", "remove": "-", "replace": "~"}


def human(run: Run) -> str:
    """Return a run for people."""
    return printable_lines(_human(run))


def printable_lines(lines: Iterator[str]) -> str:
    return "\n".join(printable(line) for line in lines)


def _human(run: Run) -> Iterator[str]:
    product = run.decisions.product
    at = f"{run.decisions.now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield f"{product.id} at {product.history.commit[:9]}, {at}, access is {product.mode}"
    yield f"Approvers since {product.trust[:9]}" if product.trust else "There are no approvers yet"
    for port in run.ports:
        yield ""
        yield f"{port.plan.port} ({port.plan.uses})"
        yield from _port(run.verb, port, any(not effect.approved for effect in run.effects))
    if run.effects:
        yield ""
        yield "Agreements" if run.verb == "plan" and any(one.approved for one in run.effects) else "Requested"
        for effect in run.effects:
            for line in sentences(effect):
                yield f"  {line}"
    # Whom an open role does not fit is most of a company; `explain` says it of one.
    refused = [
        verdict
        for verdict in run.decisions.verdicts
        if verdict.agreement and (verdict.refused or verdict.unfit)
    ]
    if refused:
        yield ""
        yield "Not granted"
        for verdict in refused:
            yield from _refused(verdict)
    older = {
        verdict.id: verdict.approval.signers
        for verdict in run.decisions.verdicts
        if verdict.approval and verdict.approval.accepted and verdict.approval.evidence == "older rule"
    }
    if older:
        yield ""
        yield "Approved by the older rule, until they end; a renewal needs an approval by the present one"
    for name, signers in older.items():
        yield f"  agreement {name}, by {', '.join(signers)}"
    if run.notes:
        yield ""
        yield "Notes"
        for note in run.notes:
            yield f"  {note}"
    if run.problems:
        yield ""
        yield "Wrong"
        for problem in run.problems:
            yield f"  ! {problem}"


def _port(verb: str, port: PortRun, is_requested: bool) -> Iterator[str]:
    if port.refused:
        yield f"  ! {port.refused}"
        first, *rest = port.refused.fix.splitlines()
        yield f"    fix: {first}"
        for line in rest:
            yield f"      {line}"
        return
    for change in port.plan.changes:
        yield f"  {SIGNS[change.action]} {change.sentence.removesuffix('.')}{_agreements(change)}"
    for manual_action in port.plan.manual_actions:
        yield f"  ! {manual_action.sentence}"
        yield "    An administrator has to run:"
        for line in manual_action.statement.splitlines():
            yield f"      {line}"
    for advice in port.plan.advice:
        yield f"  warning: {advice.sentence}"
        yield "    An administrator should run:"
        for line in advice.statement.splitlines():
            yield f"      {line}"
    for difference in port.differences:
        yield f"  ! {difference}"
    for note in port.notes:
        yield f"  {note}"
    if port.record:
        yield f"  audit record {port.record['number']}, {port.record['hash'][:16]}"
    if not (port.plan.changes or port.plan.manual_actions or port.differences):
        yield (
            "  Everybody can read what they should, and nothing else."
            if verb == "verify"
            else f"  No change{' until somebody approves what is requested' if is_requested else ''}."
        )


def _agreements(change: Change) -> str:
    if not change.agreements:
        return ""
    return f" (agreement{'s' if len(change.agreements) > 1 else ''} {', '.join(change.agreements)})"


def _refused(verdict: AccessVerdict) -> Iterator[str]:
    yield f"  agreement {verdict.id}"
    for reason in verdict.refused:
        yield f"    {reason}"
    for named, reasons in verdict.unfit.items():
        for reason in reasons:
            yield f"    {named}: {reason}"


def as_json(run: Run) -> str:
    """Return a run for programs."""
    product = run.decisions.product
    plain: dict[str, Any] = {
        "verb": run.verb,
        "product": product.id,
        "commit": product.history.commit,
        "at": run.decisions.now.astimezone(UTC).isoformat(timespec="seconds"),
        "mode": product.mode,
        "trust": product.trust,
        "well": run.well,
        "ports": [
            {
                "port": port.plan.port,
                "uses": port.plan.uses,
                "refused": {"problem": str(port.refused), "fix": port.refused.fix} if port.refused else None,
                "changes": [asdict(change) for change in port.plan.changes],
                "manualActions": [asdict(manual_action) for manual_action in port.plan.manual_actions],
                "advice": [asdict(advice) for advice in port.plan.advice],
                "differences": list(port.differences),
                "notes": list(port.notes),
                "record": {key: port.record[key] for key in ("number", "hash")} if port.record else None,
            }
            for port in run.ports
        ],
        "agreements": [
            {
                "id": verdict.id,
                "role": verdict.role,
                "counts": not verdict.refused,
                "commit": verdict.approval.commit if verdict.approval else None,
                "signers": list(verdict.approval.signers) if verdict.approval else [],
                "evidence": verdict.approval.evidence
                if verdict.approval and verdict.approval.accepted
                else None,
                "openedBy": verdict.opened_by or None,
                "members": [member.id for member in verdict.members],
                "refused": list(verdict.refused),
                "unfit": {named: list(reasons) for named, reasons in verdict.unfit.items()},
            }
            for verdict in run.decisions.verdicts
        ],
        "problems": list(run.problems),
        "notes": list(run.notes),
        "effects": [as_plain(effect) for effect in run.effects],
    }
    return json.dumps(with_old(plain), indent=2, ensure_ascii=True)


def markdown(run: Run) -> str:
    """Return the same as `human`, for a comment in a forge: nothing in it is taken for markup."""
    text = human(run)
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 0)
    return f"### Who may read {run.decisions.product.id}\n\n{fence}text\n{text}\n{fence}\n"


FORMATS = {"human": human, "json": as_json, "markdown": markdown}


def explained(decisions: AccessDecisions, principal: Principal, column: Column) -> dict[str, Any]:
    """Return why a principal sees a column, or why not: the most that they see, and each agreement or role by which."""
    rank = ("nothing", "masked", "clear")
    ways = []
    for verdict in decisions.verdicts:
        named = _names(verdict, principal, decisions)
        if not named:
            continue
        view = next((view for view in decisions.views if view.role == verdict.role), None)
        visible = next((entry for entry in view.columns if entry.column == column), None) if view else None
        sees = "nothing" if visible is None else "masked" if visible.mask else "clear"
        reads = principal in verdict.members
        reasons = [*verdict.refused, *verdict.unfit.get(principal.id, ())]
        ways.append(
            {
                "agreement": verdict.id or None,
                "role": verdict.role,
                "port": verdict.agreement.port if verdict.agreement else None,
                "until": verdict.until.isoformat() if verdict.until else None,
                "counts": reads,
                "evidence": verdict.approval.evidence if verdict.approval and reads else None,
                "refused": reasons,
                "sees": sees if reads else "nothing",
                "mask": visible.mask if visible and reads else None,
                "rows": [
                    f"{row.column.name} {row.operation} {', '.join(map(str, row.values))}"
                    for row in view.rows
                ]
                if view
                else [],
                "because": _because(decisions, verdict.role, column, sees),
            }
        )
    best = max((way["sees"] for way in ways), key=rank.index, default="nothing")
    return {
        "principal": principal.id,
        "name": principal.name,
        "column": column.name,
        "classification": column.classification,
        "sees": best,
        "ways": ways,
    }


def _names(verdict: AccessVerdict, principal: Principal, decisions: AccessDecisions) -> bool:
    """Return True if a verdict is about somebody: they are named, or are in a group that is."""
    if verdict.agreement is None:
        return principal in verdict.members or principal.id in verdict.unfit
    groups = decisions.snapshot.groups if decisions.snapshot else {}
    return any(
        (kind == "id" and name == principal.id) or (kind == "group" and principal.id in groups.get(name, ()))
        for kind, _, name in (named.partition(":") for named in verdict.agreement.principals)
    )


def _because(decisions: AccessDecisions, role: str, column: Column, sees: str) -> str:
    clearance = ", ".join(decisions.product.roles.get(role, {}).get("clearance", []))
    what = {
        "clear": "within the role's clearance",
        "masked": "above the role's clearance, and the role gets masks of such columns",
        "nothing": "above the role's clearance, and the role gets nothing of such columns",
    }[sees]
    return f"{column.name} is {column.classification}, {what}. Clearance: {clearance or 'none'}."


def explanation(answer: dict[str, Any]) -> str:
    """Return an explanation for people."""
    return printable_lines(_explanation(answer))


def _explanation(answer: dict[str, Any]) -> Iterator[str]:
    who = f"{answer['name']} ({answer['principal']})" if answer["name"] else answer["principal"]
    what = {"clear": "sees", "masked": "sees masks of", "nothing": "sees nothing of"}[answer["sees"]]
    yield f"{who} {what} {answer['column']}."
    if not answer["ways"]:
        yield "  No agreement names them, and access is not open to them."
    for way in answer["ways"]:
        yield ""
        source = f"agreement {way['agreement']}" if way["agreement"] else "access is open"
        until = f", until {way['until'].removesuffix('T00:00:00+00:00')}" if way["until"] else ""
        port = f", on the port {way['port']} alone" if way["port"] else ""
        yield f"  as {way['role']} ({source}{port}{until})"
        for reason in way["refused"]:
            yield f"    no: {reason}"
        if way["evidence"] == "older rule":
            yield "    approved by the older rule, until it ends"
        if way["counts"]:
            mask = f" Mask: {way['mask']}." if way["mask"] else ""
            yield f"    {way['because']}{mask}"
            for row in way["rows"]:
                yield f"    only rows with {row}"
