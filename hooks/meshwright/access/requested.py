"""What agreements that nobody has approved yet would change: who would see which columns, masked how, and how many people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meshwright.access.access_decisions import AccessDecisions, AccessVerdict, verdict_if_approved
from meshwright.access.grants import View
from meshwright.access.rego_evaluation import PolicyEngine
from meshwright.access.renewals import renewals
from meshwright.product.agreement_length import shown_end


@dataclass(frozen=True)
class AgreementEffect:
    """What an agreement grants, or would grant once it is approved."""

    agreement: str
    status: str
    """As the file has it."""
    approved: bool
    """Whether it counts."""
    requester: str
    """Who asks, as the file says it: a claim."""
    opened_by: str
    """Who opened the pull request, as the forge knows them, and its number; empty if no forge showed it."""
    principals: tuple[str, ...]
    """Whom it names."""
    people: int | None
    """How many people and programs read by it; None if nobody asked the directory."""
    role: str
    port: str | None
    """None: every output port."""
    until: datetime | None
    renews: str
    clear: tuple[str, ...]
    """The columns that they see as they are."""
    masked: tuple[tuple[str, str], ...]
    """The columns that they see a mask of, each with the mask."""
    hidden: tuple[str, ...]
    rows: tuple[str, ...]
    refused: tuple[str, ...]
    """Why it would count for nobody even if it were approved; empty if it would."""
    unfit: tuple[str, ...]
    """Why it would not count for somebody whom it names."""


def requested(
    decisions: AccessDecisions, among: Collection[str] | None = None
) -> tuple[AgreementEffect, ...]:
    """Return the effect of each agreement that is requested. `among`: all agreements with these ids instead."""
    engine = PolicyEngine(decisions.product.team)  # compiled once, when it is first asked
    return tuple(
        _effect(decisions, verdict, engine)
        for verdict in decisions.verdicts
        if verdict.agreement
        and (
            verdict.agreement.document.get("status") == "requested" if among is None else verdict.id in among
        )
    )


def _effect(decisions: AccessDecisions, verdict: AccessVerdict, engine: PolicyEngine) -> AgreementEffect:
    agreement = verdict.agreement
    assert agreement is not None
    counts = not verdict.refused
    approved = counts and not (verdict.approval and verdict.approval.is_assumed)
    effective = verdict if counts else verdict_if_approved(decisions, agreement, engine)
    view = next((view for view in decisions.views if view.role == verdict.role), None)
    columns = view.columns if view else ()
    seen = {visible.column.name for visible in columns}
    return AgreementEffect(
        agreement=verdict.id,
        status=str(agreement.document.get("status")),
        approved=approved,
        requester=str(agreement.custom("requester") or ""),
        opened_by=verdict.opened_by,
        principals=tuple(agreement.principals),
        people=len(effective.members) if decisions.snapshot else None,
        role=verdict.role,
        port=agreement.port,
        until=effective.until,
        renews=renewals(decisions.product).get(verdict.id, ""),
        clear=tuple(visible.column.name for visible in columns if not visible.mask),
        masked=tuple((visible.column.name, visible.mask) for visible in columns if visible.mask),
        hidden=tuple(column.name for column in decisions.product.columns if column.name not in seen),
        rows=rows(view) if view else (),
        refused=effective.refused,
        unfit=tuple(f"{named}: {reason}" for named, reasons in effective.unfit.items() for reason in reasons),
    )


def rows(view: View) -> tuple[str, ...]:
    """Return the conditions of the rows that a role sees, for people; empty if it sees all."""
    return tuple(f"{row.column.name} {row.operation} {', '.join(map(str, row.values))}" for row in view.rows)


def sentences(effect: AgreementEffect) -> Iterator[str]:
    """Yield lines for people about one agreement."""
    state = "in force" if effect.approved else "requested" if effect.status == "requested" else "not in force"
    may = "may" if effect.approved else "could, once it is approved,"
    yield f"agreement {effect.agreement} ({state})"
    people = "" if effect.people is None else f" ({_count(effect.people)})"
    port = f"on the port {effect.port} alone" if effect.port else "on every port"
    until = shown_end(effect.until) if effect.until else "an unknown day"
    yield f"  {', '.join(effect.principals)}{people} {may} read as {effect.role} until {until}, {port}"
    if effect.people is None:
        yield "  how many people that is, only the directory knows"
    yield f"  they see {_listed(effect.clear) or 'no column as it is'}"
    if effect.masked:
        yield f"  they see masks: {', '.join(f'{mask} of {column}' for column, mask in effect.masked)}"
    if effect.hidden:
        yield f"  they see nothing of {_listed(effect.hidden)}"
    if effect.rows:
        yield f"  they see only rows with {' and '.join(effect.rows)}"
    if effect.opened_by:
        yield f"  {effect.opened_by} asks for it, as the forge shows; the file names {effect.requester}"
    else:
        yield f"  {effect.requester} asks for it, as the file says: by signature, that is a claim"
    if effect.renews:
        yield f"  it continues the agreement {effect.renews}"
    for reason in effect.refused:
        yield f"  ! It would count for nobody. {reason}"
    for reason in effect.unfit:
        yield f"  ! {reason}"


def as_plain(effect: AgreementEffect) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "agreement": effect.agreement,
        "approved": effect.approved,
        "requester": effect.requester,
        "openedBy": effect.opened_by or None,
        "principals": list(effect.principals),
        "people": effect.people,
        "role": effect.role,
        "port": effect.port,
        "until": effect.until.isoformat() if effect.until else None,
        "renews": effect.renews or None,
        "clear": list(effect.clear),
        "masked": dict(effect.masked),
        "hidden": list(effect.hidden),
        "rows": list(effect.rows),
        "refused": list(effect.refused),
        "unfit": list(effect.unfit),
    }


def _count(people: int) -> str:
    return "1 reader" if people == 1 else f"{people} readers"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
