"""Decides what everybody may read: from a product and the directory to the desired state, with a reason for each no."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from meshwright.access.agreement import Agreement
from meshwright.access.approval import Approval, approval, beyond_review
from meshwright.access.directory import Snapshot
from meshwright.access.grants import Desired, Member, Port, Principal, View
from meshwright.access.product_access import ProductAccess
from meshwright.access.rego_evaluation import PolicyEngine, filled
from meshwright.access.reviews import due
from meshwright.access.role_views import role_views
from meshwright.access.subjects import assumed_principal, authors, names_of, parties, subjects
from meshwright.product import metamodel
from meshwright.product.agreement_length import counted_from, effective_end, longest_days, shown_end
from meshwright.product.approvers import person
from meshwright.product.break_glass import break_glass_issues, can_end, is_break_glass

OWNER = ("owner",)
"""Who approves where a role names nobody."""

EVERYBODY = "everybody whom the directory knows"

PEOPLE = {"human": "people", "machine": "programs"}


@dataclass(frozen=True)
class AccessVerdict:
    """The decision on one agreement, or (without one) on a role that is open to all."""

    role: str
    agreement: Agreement | None
    approval: Approval | None
    members: tuple[Principal, ...]
    refused: tuple[str, ...]
    """Why it counts for nobody; empty if it counts."""
    unfit: Mapping[str, tuple[str, ...]]
    """Principal or group, as the agreement names it -> why it does not count for this one."""
    until: datetime | None = None
    """When access by it ends; None without an agreement, or where its time cannot be read."""
    reviewed_until: datetime | None = None
    """When it ends unless somebody confirms it; None if nobody has to."""

    @property
    def id(self) -> str:
        return self.agreement.id if self.agreement else ""

    @property
    def opened_by(self) -> str:
        """Who opened the pull request that asks, as the forge knows them, and its number; empty if no forge showed it."""
        review = self.approval.review if self.approval else None
        if review is None:
            return ""
        program = ", a program" if review.by_bot else ""
        return f"{review.author or 'a deleted account'}{program} (pull request {review.pull})"


@dataclass(frozen=True)
class AccessDecisions:
    """All verdicts on a product, and what its roles see."""

    product: ProductAccess
    now: datetime
    views: tuple[View, ...]
    verdicts: tuple[AccessVerdict, ...]
    snapshot: Snapshot | None
    """None: nobody asked the directory; members are then groups and ids as agreements name them."""

    @property
    def directory(self) -> Snapshot:
        """The snapshot, where the directory was asked."""
        assert self.snapshot is not None
        return self.snapshot

    def desired(self, port: Port) -> Desired:
        """Return who may read what through one output port."""
        by_member: dict[tuple[str, str], list[AccessVerdict]] = {}
        principals = {member.id: member for verdict in self.verdicts for member in verdict.members}
        for verdict in self.verdicts:
            if verdict.agreement and verdict.agreement.port not in (None, port.name):
                continue
            for member in verdict.members:
                by_member.setdefault((verdict.role, member.id), []).append(verdict)
        views = tuple(view for view in self.views if not view.break_glass or can_end(port.uses))
        visible = {view.role for view in views}
        members = tuple(
            Member(
                principals[id],
                role,
                tuple(sorted(verdict.id for verdict in verdicts if verdict.id)),
                _latest(verdicts),
            )
            for (role, id), verdicts in sorted(by_member.items())
            if role in visible
        )
        return Desired(self.product.id, self.product.dataset, views, members)

    @property
    def groups(self) -> set[str]:
        """The groups by which somebody may read now."""
        counting = (
            verdict.agreement for verdict in self.verdicts if verdict.agreement and not verdict.refused
        )
        return {
            name
            for agreement in counting
            for kind, _, name in (named.partition(":") for named in agreement.principals)
            if kind == "group"
        }


def _latest(verdicts: Iterable[AccessVerdict]) -> datetime | None:
    ends = [verdict.until for verdict in verdicts]
    return None if None in ends else max(end for end in ends if end)


def named_in_agreements(product: ProductAccess, kind: str) -> set[str]:
    """Return the groups (`group`) or single principals (`id`) that agreements name, to ask the directory for."""
    names = (name.partition(":") for agreement in product.agreements for name in agreement.principals)
    return {name for prefix, _, name in names if prefix == kind}


def decide(product: ProductAccess, snapshot: Snapshot | None, now: datetime) -> AccessDecisions:
    """Return the decisions on every agreement, at a moment (with a time zone). Raises Refused.

    Without a snapshot: as if the directory had everybody whom an agreement names, with what the role requires.
    """
    engine = PolicyEngine(product.team)
    views = tuple(role_views(product, engine))
    about = _about(product)
    verdicts = [
        _verdict(product, agreement, snapshot, now, about, engine) for agreement in product.agreements
    ]
    if product.mode == "open":
        for name, role in product.roles.items():
            people = list(snapshot.principals.values()) if snapshot else [assumed_principal(EVERYBODY, role)]
            answer = engine.everybody(_seconds(now), about, role, people)
            members = tuple(one for one in people if one.id in set(answer["members"]))
            unfit = {id: tuple(sorted(map(str, reasons))) for id, reasons in answer["unfit"].items()}
            verdicts.append(AccessVerdict(name, None, None, members, (), unfit))
    return AccessDecisions(product, now, views, tuple(verdicts), snapshot)


def ends(agreement: Agreement, role: Mapping[str, Any], reviewed_until: datetime | None) -> datetime | None:
    """Return when access by an agreement ends: as it says, unless it outlives what its role allows.

    `reviewed_until`: when it ends unless somebody confirms it; None if nobody has to.
    """
    start, end = agreement.time("startTimestamp"), agreement.time("endTimestamp")
    if start is None or end is None:
        return end
    latest = effective_end(role, start, end)
    return latest if reviewed_until is None else min(latest, reviewed_until)


def break_glass_notes(decisions: AccessDecisions) -> list[str]:
    """Return an alarm, as a sentence, for each agreement in force that is for emergencies."""
    return [
        f"ALARM: break-glass access by agreement {verdict.id}: {', '.join(one.id for one in verdict.members)} as {verdict.role} "
        f"until {_day(verdict.until)}, approved by {' and '.join(verdict.approval.signers if verdict.approval else ())}."
        for verdict in decisions.verdicts
        if verdict.members and is_break_glass(decisions.product.roles.get(verdict.role, {}))
    ]


def shortened(decisions: AccessDecisions) -> list[str]:
    """Return a sentence for each agreement that counts and ends earlier than it says."""
    sentences = []
    for verdict in decisions.verdicts:
        if not verdict.agreement or verdict.refused:
            continue
        written, role = verdict.agreement.time("endTimestamp"), decisions.product.roles.get(verdict.role, {})
        if written == verdict.until:
            continue
        because = f"its role allows {longest_days(role)} days"
        if verdict.until == verdict.reviewed_until:
            because = (
                f"its role asks for a review every {role.get('reviewDays')} days: an approver runs `meshwright access "
                f"review {verdict.id}`"
            )
        sentences.append(
            f"Agreement {verdict.id} names {_day(written)} as its end. It ends on {_day(verdict.until)}, because {because}."
        )
    return sentences


def _seconds(time: datetime) -> int:
    return int(time.timestamp())


def _about(product: ProductAccess) -> dict[str, Any]:
    """Return what the policies are told of a product."""
    return {
        "id": product.id,
        "mode": product.mode,
        "maxDays": metamodel.LONGEST_AGREEMENT_DAYS,
        "open": metamodel.CLASSIFICATIONS[: metamodel.CLASSIFICATIONS.index(metamodel.OPEN_UP_TO) + 1],
    }


def verdict_if_approved(
    decisions: AccessDecisions, agreement: Agreement, engine: PolicyEngine
) -> AccessVerdict:
    """Return the decision on an agreement as if everybody had approved it, at its start if that is still to come."""
    if agreement.problem:
        return AccessVerdict(agreement.role, agreement, None, (), (agreement.problem,), {})
    product = decisions.product
    role = product.roles.get(agreement.role) or {}
    people, unknown = subjects(agreement, decisions.snapshot, role)
    moment = max(filter(None, (decisions.now, agreement.time("startTimestamp"))))
    question = _question(agreement, Approval(True, "", (), ()), role)
    question |= {"status": "approved"}
    declared = product.roles.get(agreement.role)
    answer = engine.agreement(_seconds(moment), _about(product), declared, question, people)
    facts = _facts(agreement, role)
    unfit = {
        id: tuple(sorted(filled(str(reason), facts) for reason in reasons))
        for id, reasons in answer["unfit"].items()
    }
    members = tuple(one for one in people if one.id in answer["members"])
    refused = (
        *sorted(filled(str(reason), facts) for reason in answer["refused"]),
        *_break_glass_refused(product, agreement, role),
    )
    return AccessVerdict(
        agreement.role, agreement, None, members, refused, {**unknown, **unfit}, ends(agreement, role, None)
    )


def _verdict(
    product: ProductAccess,
    agreement: Agreement,
    snapshot: Snapshot | None,
    now: datetime,
    about: Mapping[str, Any],
    engine: PolicyEngine,
) -> AccessVerdict:
    if agreement.problem:
        return AccessVerdict(agreement.role, agreement, None, (), (agreement.problem,), {})
    declared = product.roles.get(agreement.role)
    role = declared or {}
    people, unknown = subjects(agreement, snapshot, role)
    involved = frozenset(
        {*parties(agreement, people if snapshot else []), *authors(product.history, agreement.path)}
    )
    approved = approval(
        product.history,
        agreement.path,
        tuple(role.get("approvals", OWNER)),
        involved,
        beyond_review(role),
        str(agreement.custom("requester") or ""),
    )
    reviewed_until = due(role, agreement, product.reviews.get(agreement.id), involved, now)
    until = ends(agreement, role, reviewed_until)
    answer = engine.agreement(_seconds(now), about, declared, _question(agreement, approved, role), people)
    facts = _facts(agreement, role)
    unfit = {
        id: tuple(sorted(filled(str(reason), facts) for reason in reasons))
        for id, reasons in answer["unfit"].items()
    }
    signers = {person(signer.partition(" ")[0]) for signer in approved.signers}
    for one in people:
        if signers & {person(name) for name in names_of(one)}:
            unfit[one.id] = (*unfit.get(one.id, ()), "They approved it themselves; another person has to.")
    refused = (
        *_refused(answer["refused"], approved, facts),
        *_unreviewed(agreement, role, reviewed_until, now),
        *_break_glass_refused(product, agreement, role),
    )
    members = (
        () if refused else tuple(one for one in people if one.id in answer["members"] and one.id not in unfit)
    )
    return AccessVerdict(
        agreement.role,
        agreement,
        approved,
        members,
        refused,
        {**unknown, **unfit},
        until,
        reviewed_until,
    )


def _unreviewed(
    agreement: Agreement, role: Mapping[str, Any], reviewed_until: datetime | None, now: datetime
) -> Iterator[str]:
    """Yield why an agreement that nobody confirmed in time counts no more."""
    if reviewed_until and reviewed_until <= now:
        since = _day(reviewed_until - timedelta(days=role["reviewDays"]))
        yield (
            f"Nobody has confirmed it since {since}, and its role asks for that every {role['reviewDays']} days. An approver "
            f"runs `meshwright access review {agreement.id}`."
        )


def _break_glass_refused(
    product: ProductAccess, agreement: Agreement, role: Mapping[str, Any]
) -> Iterator[str]:
    """Yield why an agreement for a role that is for emergencies counts for nobody."""
    ports = {port.name: port.uses for port in product.ports}
    for _, detail, fix in break_glass_issues(role, agreement.document, ports):
        yield f"{detail} {fix}"


def _question(agreement: Agreement, approved: Approval, role: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the policies are asked about an agreement."""
    document = agreement.document
    start, end = agreement.time("startTimestamp"), ends(agreement, role, None)
    return {
        "id": agreement.id,
        # Who reviews a request sets no status, and the policies have one word for what is approved.
        "status": "approved" if approved.accepted else document.get("status"),
        "approved": approved.accepted,
        "product": document.get("provider.dataProductId"),
        "consumer": document.get("consumer.teamId"),
        "description": document.get("description.purpose"),
        "requester": agreement.custom("requester"),
        "purpose": agreement.custom("purpose") or "",
        "start": start and _seconds(start),
        "countedFrom": start and _seconds(counted_from(role, start)),
        "end": end and _seconds(end),
    }


def _facts(agreement: Agreement, role: Mapping[str, Any]) -> dict[str, str]:
    """Return what fills the braces of the policies' reasons."""
    return {
        "status": str(agreement.document.get("status")),
        "product": str(agreement.document.get("provider.dataProductId")),
        "role": agreement.role,
        "start": _day(agreement.time("startTimestamp")),
        "end": _day(agreement.time("endTimestamp")),
        "maxDays": str(longest_days(role)),
        "purposes": ", ".join(role.get("purposes", [])),
        "kind": PEOPLE.get(role.get("kind", ""), ""),
        "requires": _required(role),
    }


def _refused(reasons: Sequence[Any], approved: Approval, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return why an agreement counts for nobody; where nobody approved it, as the signatures show it."""
    refused = [filled(str(reason), facts) for reason in reasons]
    if approved.accepted or "Nobody has approved it." not in reasons:
        return tuple(refused)
    vague = {filled(reason, facts) for reason in ("It is {status}, not approved.", "Nobody has approved it.")}
    return (*approved.reasons, *(reason for reason in refused if reason not in vague))


def _day(time: datetime | None) -> str:
    return shown_end(time) if time else "an unknown day"


def _required(role: Mapping[str, Any]) -> str:
    return " and ".join(f"{name} {' or '.join(values)}" for name, values in role.get("requires", {}).items())
