"""Runs of `meshwright access`: plan, apply and verify on the ports of one product."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from meshwright.access.access_decisions import AccessDecisions, break_glass_notes, shortened
from meshwright.access.alarms import SKEW, Alarm, alarms_since, token
from meshwright.access.anchor import Anchor, Anchors, Unreadable
from meshwright.access.approval import evidence_used
from meshwright.access.chain_alarms import ChainState, examine
from meshwright.access.directory.shrink_detection import directory_state
from meshwright.access.grants import AuditRecord, Port, PortPlan, Refused
from meshwright.access.policy_tests import broken_tests
from meshwright.access.recorded_terms import recorded_terms
from meshwright.access.renewals import false_renewals
from meshwright.access.requested import AgreementEffect, requested
from meshwright.access.targets import target
from meshwright.core.git import GitError
from meshwright.core.text import printable

APPLY = "meshwright access apply"


@dataclass(frozen=True)
class PortRun:
    """The result of a run on one port."""

    plan: PortPlan
    refused: Refused | None = None
    """Why nothing was done there."""
    differences: tuple[str, ...] = ()
    """What is not as it should be: of `verify`, what somebody can read and should not, or should and cannot."""
    notes: tuple[str, ...] = ()
    """What is as it should be, and good to know."""
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


def plan(decisions: AccessDecisions, ports: Sequence[Port], command: str = APPLY) -> Run:
    """Return what `apply` would change. Changes nothing. `command`: what applies the same."""
    anchors = Anchors(decisions.product.root)

    def plan_port(port: Port) -> PortRun:
        chain = _Chain(decisions, port, anchors, command)
        planned = target(port.uses).plan(port, decisions.desired(port), chain.look)
        is_new = bool(chain.state.first and not chain.state.chain)
        differences = tuple(chain.differences())
        return PortRun(
            planned, differences=() if is_new else differences, notes=differences if is_new else ()
        )

    return replace(_on_each_port("plan", decisions, ports, plan_port), effects=requested(decisions))


def apply(
    decisions: AccessDecisions,
    ports: Sequence[Port],
    confirmed: Sequence[str] = (),
    first: bool = False,
    command: str = APPLY,
) -> Run:
    """Grant and revoke, all or nothing on each port, and prove it.

    `confirmed`: tokens of alarms. `first`: ports that no run has recorded anything about are new. `command`: what
    applies the same.
    """
    anchors = Anchors(decisions.product.root)

    def apply_to_port(port: Port) -> PortRun:
        chain = _Chain(decisions, port, anchors, command, confirmed, first)
        broken = broken_tests(decisions, port)
        if wrongly_granted := [test.sentence for test in broken if test.grants_too_much]:
            raise Refused(
                " ".join(wrongly_granted), "Fix the policy, or access/tests.yaml if it asks for too little."
            )
        record = AuditRecord(_content(decisions, port), chain.refuse_alarms)
        done = target(port.uses).apply(port, decisions.desired(port), record)
        differences = (*chain.state.notices(), *chain.anchored(done))
        return PortRun(done, differences=differences, record=done.record)

    return _on_each_port("apply", decisions, ports, apply_to_port)


def verify(decisions: AccessDecisions, ports: Sequence[Port], command: str = APPLY) -> Run:
    """Compare what everybody can read with what they should be able to read. Changes nothing.

    `command`: what applies the same.
    """
    anchors = Anchors(decisions.product.root)

    def verify_port(port: Port) -> PortRun:
        chain = _Chain(decisions, port, anchors, command)
        differences = target(port.uses).verify(port, decisions.desired(port), chain.look)
        return PortRun(PortPlan(port.name, port.uses), differences=(*differences, *chain.differences()))

    return _on_each_port("verify", decisions, ports, verify_port)


class _Chain:
    """The audit records of one port in one run, and their anchor."""

    def __init__(
        self,
        decisions: AccessDecisions,
        port: Port,
        anchors: Anchors,
        command: str,
        confirmed: Sequence[str] = (),
        first: bool = False,
    ) -> None:
        """Read the anchor, before anything is looked at or changed. Raises Refused."""
        self._decisions, self._port, self._anchors = decisions, port, anchors
        self._command, self._confirmed, self._first = command, confirmed, first
        self.address = target(port.uses).address(port)
        anchors.tip(self.address)
        self.state = ChainState((), None)

    def look(self, chain: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Examine the records, and stop nothing. Raises Refused if the anchors cannot be read."""
        product = self._decisions.product.id
        self.state = examine(product, self._port, self.address, chain, self._anchors, self._decisions.now)
        return {}

    def refuse_alarms(self, chain: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Examine the records; return what the next one says of them. Raises Refused."""
        self.look(chain)
        alarms = list(dict.fromkeys([*self.state.alarms, *self._alarms_of_runs()]))
        self._refuse([alarm for alarm in alarms if alarm.token not in self._confirmed])
        newest = chain[-1] if chain else None
        if self.state.overtaken or (newest and not self.state.alarms and self._is_later(newest)):
            raise Refused("Another run has changed the port meanwhile.", "Run it again.")
        return {
            "anchor": self._anchors.tip(self.address),
            "confirmed": [alarm.sentence for alarm in alarms],
        }

    def differences(self) -> list[str]:
        """Return a sentence for each alarm about the records, with the command that confirms it."""
        state = self.state
        sentences = [
            f"{alarm.sentence} If this is right: {self._command} --confirm {alarm.token}"
            for alarm in state.alarms
        ]
        if state.first:
            sentences.append(f"{state.first} {self._first_fix()}")
        return [*sentences, *state.notices()]

    def anchored(self, done: PortPlan) -> list[str]:
        """Keep the new record as the anchor; return why that failed, as a sentence."""
        record, product = done.record, self._decisions.product
        assert record is not None, "a target returns the record that it wrote"
        skipped, first = self.state.successor(record)
        anchor = Anchor(
            product.id, self._port.name, self.address.text, record["number"], record["hash"],
            record["at"], record["commit"], record["trust"], skipped, first,
        )  # fmt: skip
        try:
            self._anchors.write(anchor, self.address, self.state.anchor)
        except GitError as error:
            return [
                f"What is listed here was done, and audit record {anchor.number} ({anchor.hash[:16]}) says so, but "
                f"{self._anchors.where(self.address)} could not be written: {printable(str(error))}. Let the applier "
                f"push there, and run it again: {self._command}"
            ]
        return []

    def _refuse(self, alarms: Sequence[Alarm]) -> None:
        """Raise Refused if there are alarms, or this is a first run that nobody called one."""
        is_first = bool(self.state.first) and not self._first
        if not alarms and not is_first:
            return
        sentences = [alarm.sentence for alarm in alarms]
        if not alarms:
            raise Refused(self.state.first, self._first_fix())
        again = " ".join(f"--confirm {alarm.token}" for alarm in alarms)
        options = f"--first {again}" if is_first else again
        sentences += [self.state.first] if is_first else []
        raise Refused(" ".join(sentences), f"If this is right: {self._command} {options}")

    def _first_fix(self) -> str:
        return f"If nobody has applied this before: {self._command} --first"

    def _alarms_of_runs(self) -> list[Alarm]:
        """Return the alarms that comparing with the last run on each of the product's ports raises."""
        alarms: list[Alarm] = []
        for port in self._decisions.product.ports:  # whichever of them this run is about
            try:
                address = target(port.uses).address(port)
                anchor = self._anchors.read(port.name, address)
            except (Refused, Unreadable):  # raised again when it is that port's turn
                continue
            if anchor:
                alarms += alarms_since(self._decisions, asdict(anchor))
        for record in {
            id(each): each for each in (self.state.anchored, *self.state.chain[-1:]) if each
        }.values():
            try:
                alarms += alarms_since(self._decisions, record)
            except (
                KeyError,
                TypeError,
                ValueError,
                AttributeError,
            ):  # well linked, and nothing that a run writes
                sentence = f"Audit record {record['number']} of port {self._port.name} was written by no run."
                alarms.append(Alarm(sentence, token("foreign", self._port.name, str(record["hash"]))))
        return alarms

    def _is_later(self, record: Mapping[str, Any]) -> bool:
        """Return True if a record is of a run that decided later than this one: it may know of somebody who left."""
        now = self._decisions.now.replace(microsecond=0)
        with contextlib.suppress(KeyError, TypeError, ValueError):  # an alarm that somebody confirmed
            return now < datetime.fromisoformat(record["at"]) <= now + SKEW
        return False


def _on_each_port(
    verb: str, decisions: AccessDecisions, ports: Sequence[Port], run_on_port: Callable[[Port], PortRun]
) -> Run:
    runs, problems = [], [*decisions.product.problems, *_unknown_names(decisions)]
    for port in ports:
        broken = [test.sentence for test in broken_tests(decisions, port)]
        problems += [sentence for sentence in broken if sentence not in problems]
        try:
            if port.name in decisions.product.closed_ports:
                raise decisions.product.closed_ports[port.name]
            runs.append(run_on_port(port))
        except Refused as refused:
            runs.append(PortRun(PortPlan(port.name, port.uses), refused))
    notes = (*break_glass_notes(decisions), *shortened(decisions), *false_renewals(decisions))
    return Run(verb, decisions, tuple(runs), tuple(problems), notes)


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
        "reviews": [evidence.as_json() for evidence in evidence_used(product.history)],
        "agreements": {
            verdict.id: {
                "commit": verdict.approval.commit if verdict.approval else "",
                "signers": list(verdict.approval.signers) if verdict.approval else [],
                "evidence": verdict.approval.evidence if verdict.approval else "",
                "openedBy": verdict.opened_by,
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
