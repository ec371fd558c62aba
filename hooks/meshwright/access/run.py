"""Runs of `meshwright access`: plan, apply and verify on the ports of one product."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, NamedTuple

from meshwright.access.access_decisions import AccessDecisions, shortened
from meshwright.access.directory.shrink_detection import directory_state, shrink_alarm
from meshwright.access.grants import AuditRecord, Port, PortPlan, Refused
from meshwright.access.policy_tests import broken_tests
from meshwright.access.recorded_terms import recorded_terms
from meshwright.access.requested import AgreementEffect, requested
from meshwright.access.targets import target

SKEW = timedelta(minutes=5)
"""How far the clocks of two machines that apply may be apart."""


class Alarm(NamedTuple):
    """What may be a mistake or an attack; `apply` goes on only if somebody confirms it."""

    sentence: str
    token: str
    """Confirms just this alarm."""


@dataclass(frozen=True)
class PortRun:
    """The result of a run on one port."""

    plan: PortPlan
    refused: Refused | None = None
    """Why nothing was done there."""
    differences: tuple[str, ...] = ()
    """Of `verify`: what somebody can read and should not, or should and cannot."""
    record: Mapping[str, Any] | None = None
    """Of `apply`: the audit record that it wrote."""


@dataclass(frozen=True)
class Run:
    """The result of a run."""

    verb: str
    decisions: AccessDecisions
    ports: tuple[PortRun, ...]
    problems: tuple[str, ...] = field(default=())
    """What is wrong with the product itself, wherever it is published."""
    notes: tuple[str, ...] = ()
    """What somebody should know, and that is not wrong."""
    effects: tuple[AgreementEffect, ...] = ()
    """Of `plan`: what each agreement that is requested would change."""

    @property
    def well(self) -> bool:
        return not self.problems and not any(
            port.refused or port.differences or port.plan.manual_actions for port in self.ports
        )


def plan(decisions: AccessDecisions, ports: Sequence[Port]) -> Run:
    """Return what `apply` would change. Changes nothing."""
    done = _on_each_port(
        "plan", decisions, ports, lambda port: PortRun(target(port.uses).plan(port, decisions.desired(port)))
    )
    return replace(done, effects=requested(decisions))


def apply(decisions: AccessDecisions, ports: Sequence[Port], confirmed: Sequence[str] = ()) -> Run:
    """Grant and revoke, all or nothing on each port, and prove it. `confirmed`: tokens of alarms."""
    lasts: dict[str, Mapping[str, Any] | None] = {}
    for port in decisions.product.ports:  # whichever of them this run is about
        with contextlib.suppress(Refused):  # raised again when it is that port's turn
            lasts[port.name] = target(port.uses).last(port)
    newest = max((last for last in lasts.values() if last), key=lambda last: last["at"], default=None)
    alarms = [alarm for alarm in _alarms(decisions, newest) if alarm.token not in confirmed]

    def apply_to_port(port: Port) -> PortRun:
        storage = target(port.uses)
        if alarms:
            again = " ".join(f"--confirm {alarm.token}" for alarm in alarms)
            raise Refused(
                " ".join(alarm.sentence for alarm in alarms), f"If this is right, run with {again}."
            )
        broken = broken_tests(decisions, port)
        if wrongly_granted := [test.sentence for test in broken if test.grants_too_much]:
            raise Refused(
                " ".join(wrongly_granted), "Fix the policy, or access/tests.yaml if it asks for too little."
            )
        last = lasts[port.name] if port.name in lasts else storage.last(port)
        record = AuditRecord(_content(decisions, port), last["hash"] if last else "")
        return PortRun(storage.apply(port, decisions.desired(port), record), record=storage.last(port))

    return _on_each_port("apply", decisions, ports, apply_to_port)


def verify(decisions: AccessDecisions, ports: Sequence[Port]) -> Run:
    """Compare what everybody can read with what they should be able to read. Changes nothing."""

    def verify_port(port: Port) -> PortRun:
        differences = target(port.uses).verify(port, decisions.desired(port))
        return PortRun(PortPlan(port.name, port.uses), differences=tuple(differences))

    return _on_each_port("verify", decisions, ports, verify_port)


def _on_each_port(
    verb: str, decisions: AccessDecisions, ports: Sequence[Port], run_on_port: Callable[[Port], PortRun]
) -> Run:
    runs, problems = [], [*decisions.product.problems, *_unknown_names(decisions)]
    for port in ports:
        broken = [test.sentence for test in broken_tests(decisions, port)]
        problems += [sentence for sentence in broken if sentence not in problems]
        try:
            runs.append(run_on_port(port))
        except Refused as refused:
            runs.append(PortRun(PortPlan(port.name, port.uses), refused))
    return Run(verb, decisions, tuple(runs), tuple(problems), tuple(shortened(decisions)))


def _unknown_names(decisions: AccessDecisions) -> list[str]:
    """Return a sentence for each name in an agreement that counts and that the directory does not have."""
    principals = decisions.snapshot.principals if decisions.snapshot else {}
    return [
        f"Agreement {verdict.id}: {named}: {' '.join(reasons)}"
        for verdict in decisions.verdicts
        if not verdict.refused
        for named, reasons in verdict.unfit.items()
        if named not in principals
    ]


def _alarms(decisions: AccessDecisions, last: Mapping[str, Any] | None) -> Iterator[Alarm]:
    """Yield the alarms that comparing with the last run raises."""
    if last is None:
        return
    product = decisions.product
    before = datetime.fromisoformat(last["at"])
    if decisions.now + SKEW < before:
        sentence = f"It is {_minute(decisions.now)} here, and the last run was at {_minute(before)}."
        yield Alarm(sentence, _token("clock", last["hash"]))
    if last["trust"] not in (None, product.trust):
        yield Alarm(
            f"The mainline named its first approver at {last['trust'][:9]}, and now at {str(product.trust)[:9]}: "
            "somebody put another history in its place.",
            _token("trust", last["trust"], str(product.trust)),
        )
    if not product.history.continues(last["commit"]):
        yield Alarm(
            f"The last run was on commit {last['commit'][:9]}, which does not lead to {product.history.commit[:9]}: "
            "what has been revoked since would come back.",
            _token("commit", last["commit"], product.history.commit),
        )
    shrunk = shrink_alarm(last["directory"], directory_state(decisions.directory, decisions.groups))
    if shrunk:
        yield Alarm(f"{shrunk.sentence} {shrunk.fix}", shrunk.token)


def _token(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _content(decisions: AccessDecisions, port: Port) -> dict[str, Any]:
    """Return the content of the audit record of a run, to which the target adds."""
    product = decisions.product
    desired = decisions.desired(port)
    return {
        "product": product.id,
        "at": decisions.now.astimezone(UTC).isoformat(timespec="seconds"),
        "commit": product.history.commit,
        "policy": product.policy_commit,
        "trust": product.trust,
        "by": os.environ.get("GITHUB_ACTOR")
        or os.environ.get("GITLAB_USER_LOGIN")
        or os.environ.get("USER", ""),
        "meshwright": version("meshwright"),
        "agreements": {
            verdict.id: {
                "commit": verdict.approval.commit if verdict.approval else "",
                "signers": list(verdict.approval.signers) if verdict.approval else [],
                "evidence": verdict.approval.evidence if verdict.approval else "",
                "refused": list(verdict.refused),
            }
            for verdict in decisions.verdicts
            if verdict.id
        },
        "members": [
            {
                "principal": member.principal.id,
                "role": member.role,
                "agreements": list(member.agreements),
                "until": member.until.isoformat() if member.until else None,
            }
            for member in desired.members
        ],
        "directory": directory_state(decisions.directory, decisions.groups),
        **recorded_terms(decisions, port),
    }
