"""From what a product and the directory say to what everybody shall be able to read, with a reason for each no."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from meshwright.access.approval import Approval, approval
from meshwright.access.decision import Decision, filled
from meshwright.access.directory import Snapshot
from meshwright.access.grants import Condition, Desired, Member, Port, Principal, Refused, Shown, View
from meshwright.access.product import Agreement, Product
from meshwright.product import metamodel
from meshwright.product.approvers import person

OWNER = ("owner",)
"""Who approves where a role names nobody."""

EVERYBODY = "everybody whom the directory knows"

PEOPLE = {"human": "people", "machine": "programs"}


@dataclass(frozen=True)
class Verdict:
    """What came of one agreement, or (without one) of a role that is open to all."""

    role: str
    agreement: Agreement | None
    approval: Approval | None
    members: tuple[Principal, ...]
    refused: tuple[str, ...]
    """Why it counts for nobody; empty if it counts."""
    unfit: Mapping[str, tuple[str, ...]]
    """Principal or group, as the agreement names it -> why it does not count for this one."""

    @property
    def id(self) -> str:
        return self.agreement.id if self.agreement else ""

    @property
    def until(self) -> datetime | None:
        return self.agreement.time("endTimestamp") if self.agreement else None


@dataclass(frozen=True)
class Decided:
    """All verdicts on a product, and what its roles see."""

    product: Product
    now: datetime
    views: tuple[View, ...]
    verdicts: tuple[Verdict, ...]
    snapshot: Snapshot | None
    """None: nobody asked the directory; members are then groups and ids as agreements name them."""

    @property
    def asked(self) -> Snapshot:
        """The snapshot, for what is done only after the directory was asked."""
        assert self.snapshot is not None
        return self.snapshot

    def desired(self, port: Port) -> Desired:
        """Who may read what through one output port."""
        found: dict[tuple[str, str], list[Verdict]] = {}
        principals = {member.id: member for verdict in self.verdicts for member in verdict.members}
        for verdict in self.verdicts:
            if verdict.agreement and verdict.agreement.port not in (None, port.name):
                continue
            for member in verdict.members:
                found.setdefault((verdict.role, member.id), []).append(verdict)
        visible = {view.role for view in self.views}
        members = tuple(
            Member(
                principals[id],
                role,
                tuple(sorted(verdict.id for verdict in verdicts if verdict.id)),
                _latest(verdicts),
            )
            for (role, id), verdicts in sorted(found.items())
            if role in visible
        )
        return Desired(self.product.id, self.product.dataset, self.views, members)

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


def _latest(verdicts: Iterable[Verdict]) -> datetime | None:
    ends = [verdict.until for verdict in verdicts]
    return None if None in ends else max(end for end in ends if end)


def named(product: Product, kind: str) -> set[str]:
    """The groups (`group`) or single principals (`id`) that agreements name, and the directory has to be asked for."""
    names = (name.partition(":") for agreement in product.agreements for name in agreement.principals)
    return {name for prefix, _, name in names if prefix == kind}


def decide(product: Product, snapshot: Snapshot | None, now: datetime) -> Decided:
    """Decides on every agreement, at a moment (with a time zone). Raises Refused.

    Without a snapshot of the directory: as if it knew whomever an agreement names, and said what the role requires.
    """
    decision = Decision(product.team)
    views = tuple(_views(product, decision))
    about = {
        "id": product.id,
        "mode": product.mode,
        "open": metamodel.CLASSIFICATIONS[: metamodel.CLASSIFICATIONS.index(metamodel.OPEN_UP_TO) + 1],
    }
    verdicts = [
        _verdict(product, agreement, snapshot, now, about, decision) for agreement in product.agreements
    ]
    if product.mode == "open":
        for name, role in product.roles.items():
            subjects = list(snapshot.principals.values()) if snapshot else [_assumed(EVERYBODY, role)]
            answer = decision.everybody(_seconds(now), about, role, subjects)
            members = tuple(subject for subject in subjects if subject.id in set(answer["members"]))
            unfit = {id: tuple(sorted(map(str, reasons))) for id, reasons in answer["unfit"].items()}
            verdicts.append(Verdict(name, None, None, members, (), unfit))
    return Decided(product, now, views, tuple(verdicts), snapshot)


def _seconds(time: datetime) -> int:
    return int(time.timestamp())


def _verdict(
    product: Product,
    agreement: Agreement,
    snapshot: Snapshot | None,
    now: datetime,
    about: Mapping[str, Any],
    decision: Decision,
) -> Verdict:
    if agreement.problem:
        return Verdict(agreement.role, agreement, None, (), (agreement.problem,), {})
    role = product.roles.get(agreement.role)
    subjects, unknown = _subjects(agreement, snapshot, role or {})
    approved = approval(
        product.history,
        agreement.path,
        tuple((role or {}).get("approvals", OWNER)),
        frozenset(_parties(agreement, subjects if snapshot else [])),
    )
    start, end = agreement.time("startTimestamp"), agreement.time("endTimestamp")
    document = agreement.document
    question: dict[str, Any] = {
        "id": agreement.id,
        "status": document.get("status"),
        "approved": approved.accepted,
        "product": document.get("provider.dataProductId"),
        "consumer": document.get("consumer.teamId"),
        "description": document.get("description.purpose"),
        "requester": agreement.custom("requester"),
        "purpose": agreement.custom("purpose") or "",
    }
    question |= {key: time and _seconds(time) for key, time in (("start", start), ("end", end))}
    answer = decision.agreement(_seconds(now), about, role, question, subjects)
    facts = {
        "status": str(question["status"]),
        "product": str(question["product"]),
        "role": agreement.role,
        "start": _day(start),
        "end": _day(end),
        "maxDays": str((role or {}).get("maxDays")),
        "purposes": ", ".join((role or {}).get("purposes", [])),
        "kind": PEOPLE.get((role or {}).get("kind", ""), ""),
        "requires": _required(role or {}),
    }
    refused = [filled(str(reason), facts) for reason in answer["refused"]]
    if not approved.accepted and "Nobody has approved it." in answer["refused"]:
        # who looked at the signatures knows better why
        vague = {
            filled(reason, facts) for reason in ("It is {status}, not approved.", "Nobody has approved it.")
        }
        refused = [*approved.reasons, *(reason for reason in refused if reason not in vague)]
    unfit = {
        id: tuple(sorted(filled(str(reason), facts) for reason in reasons))
        for id, reasons in answer["unfit"].items()
    }
    signers = {person(signer.partition(" ")[0]) for signer in approved.signers}
    for subject in subjects:
        if signers & {person(name) for name in _called(subject)}:
            unfit[subject.id] = (
                *unfit.get(subject.id, ()),
                "They approved it themselves; somebody else has to.",
            )
    members = tuple(
        subject for subject in subjects if subject.id in answer["members"] and subject.id not in unfit
    )
    return Verdict(agreement.role, agreement, approved, members, tuple(refused), {**unknown, **unfit})


def _assumed(named: str, role: Mapping[str, Any]) -> Principal:
    """Somebody of whom the directory would say what a role requires."""
    requires = {name: tuple(values) for name, values in role.get("requires", {}).items()}
    return Principal(named, role.get("kind", "human"), attributes=requires)


def _subjects(
    agreement: Agreement, snapshot: Snapshot | None, role: Mapping[str, Any]
) -> tuple[list[Principal], dict[str, tuple[str, ...]]]:
    """Whom an agreement names, and what of it the directory does not know."""
    if snapshot is None:
        kinds = {named: named.partition(":")[0] for named in agreement.principals}
        return [_assumed(named, role) for named, kind in kinds.items() if kind in ("group", "id")], {
            named: ("Write `group:<name>` or `id:<id>`.",)
            for named, kind in kinds.items()
            if kind not in ("group", "id")
        }
    ids: set[str] = set()
    unknown: dict[str, tuple[str, ...]] = {}
    for named in agreement.principals:
        kind, _, name = named.partition(":")
        if kind == "group" and name in snapshot.groups:
            ids |= snapshot.groups[name]
        elif kind == "id" and name in snapshot.principals:
            ids.add(name)
        else:
            word = {"group": "group", "id": "principal"}.get(kind)
            reason = f"The directory has no such {word}." if word else "Write `group:<name>` or `id:<id>`."
            unknown[named] = (reason,)
    return [snapshot.principals[id] for id in sorted(ids)], unknown


def _parties(agreement: Agreement, subjects: Sequence[Principal]) -> Iterator[str]:
    """Whoever asks, or is named, by every name that the directory has: none of them may approve.

    Who gains as one of a group makes no agreement void, but does not gain by what they approved themselves.
    """
    if isinstance(requester := agreement.custom("requester"), str):
        yield requester
    for named in agreement.principals:
        kind, _, id = named.partition(":")
        if kind == "id":
            yield id
            yield from (name for subject in subjects if subject.id == id for name in _called(subject))


def _called(principal: Principal) -> Iterator[str]:
    """The names by which somebody can be known to approvers.yaml."""
    yield principal.id
    for attribute in ("mail", "email"):
        value = principal.attributes.get(attribute, ())
        yield from (value,) if isinstance(value, str) else value


def _day(time: datetime | None) -> str:
    return (
        f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC".replace(" 00:00 UTC", "") if time else "an unknown day"
    )


def _required(role: Mapping[str, Any]) -> str:
    return " and ".join(f"{name} {' or '.join(values)}" for name, values in role.get("requires", {}).items())


def _views(product: Product, decision: Decision) -> Iterator[View]:
    """What each role sees; a role that sees no column at all has no view."""
    known = {column.name: column for column in product.columns}
    seen = decision.columns(product.roles, product.policy.get("masks", {}), product.columns)
    for name, role in product.roles.items():
        shown = tuple(
            Shown(column, None if sees == "clear" else sees)
            for column in product.columns
            if (sees := seen.get(name, {}).get(column.name))
        )
        if not shown:
            raise Refused(
                f"The role {name} sees no column of {product.dataset}.",
                "Give it a clearance that the classification of a column is in, or remove it.",
            )
        yield View(name, role["kind"], shown, tuple(_conditions(name, role, known)))


def _conditions(name: str, role: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Condition]:
    for condition in role.get("rows", []):
        column = known.get(condition["column"])
        if column is None:
            raise Refused(
                f"The role {name} looks at a column {condition['column']}, which the contract does not have.",
                "Fix its name in `rows`.",
            )
        (operation,) = condition.keys() - {"column"}
        values = condition[operation]
        yield Condition(column, operation, tuple(values if isinstance(values, list) else [values]))


def broken_tests(decided: Decided, port: Port) -> Iterator[tuple[bool, str]]:
    """The tests of access/tests.yaml that do not hold: whether somebody sees too much, and what is wrong."""
    desired = decided.desired(port)
    roles: dict[str, set[str]] = {view.role: {view.role} for view in desired.views}
    held: dict[str, set[str]] = {}
    for member in desired.members:
        held.setdefault(member.principal.id, set()).add(member.role)
    rank = ("nothing", "masked", "clear")
    for test in decided.product.tests:
        who = test.get("role") or test["principal"]
        if "role" in test and who not in roles:
            yield True, f"access/tests.yaml speaks of a role {who}, which the policy does not have."
            continue
        in_roles = roles[who] if "role" in test else held.get(who, set())
        for column in _tested(decided.product, test["columns"]):
            best = max(
                (_sees(desired.view(role), column) for role in in_roles), key=rank.index, default="nothing"
            )
            if column not in {entry.name for entry in decided.product.columns}:
                yield (
                    True,
                    f"access/tests.yaml speaks of a column {column}, which the contract does not have.",
                )
            elif best != test["sees"]:
                yield (
                    rank.index(best) > rank.index(test["sees"]),
                    f"{who} should see {_words(test['sees'])} of {column}, and sees {_words(best)}.",
                )


def _tested(product: Product, columns: Any) -> list[str]:
    if isinstance(columns, list):
        return columns
    return [column.name for column in product.columns if column.classification == columns]


def _sees(view: View, column: str) -> str:
    for shown in view.columns:
        if shown.column.name == column:
            return "masked" if shown.mask else "clear"
    return "nothing"


def _words(sees: str) -> str:
    return {"clear": "the values", "masked": "masks", "nothing": "nothing"}[sees]
