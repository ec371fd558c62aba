"""Derive from a record what a page shows in addition: who may read, and how to ask."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from meshwright.core.git_url import is_remote
from meshwright.product.record import Reader, Record

MONTHS = timedelta(days=180)
"""Duration of the access in the example of a request."""
SOON = timedelta(days=14)
"""How long before its end an agreement is shown as ending."""


State = Literal["requested", "in force", "ending soon", "ended"]
STATES: Sequence[State] = ("requested", "ending soon", "in force", "ended")
"""The order on a page."""


@dataclass(frozen=True)
class ReaderEntry:
    """One agreement, requested or approved, as a catalog may show it."""

    agreement: str
    role: str
    port: str
    groups: tuple[str, ...]
    programs: tuple[str, ...]
    people: int
    """Number of single people, without names: a catalog is not a directory of who works on what."""
    until: str
    """The date."""
    state: State
    team: str
    consumer: str

    @property
    def named(self) -> tuple[str, ...]:
        return (*self.groups, *self.programs)


def readers(record: Record, at: datetime | None = None) -> Sequence[ReaderEntry]:
    """Return the agreements: what is requested, what ends soon, what else is in force, and what has ended.

    The address registry has what was granted: a request that was approved by review still says `requested`, and an end can
    come earlier than the file says.
    """
    at = at or datetime.now(UTC)
    granted = _granted(record)
    entries = []
    for one in record.requests:
        until = granted.get(one.agreement)
        entries.append(
            _reader_entry(record, one, until or one.until, _state(until, at) if until else "requested")
        )
    for one in record.readers:
        until = min(granted.get(one.agreement, one.until), one.until, key=_moment)
        entries.append(_reader_entry(record, one, until, _state(until, at)))
    return sorted(entries, key=lambda one: (STATES.index(one.state), one.agreement))


def _granted(record: Record) -> dict[str, str]:
    """Return agreement -> when what was granted by it ends; the latest end, if several ports differ."""
    granted: dict[str, str] = {}
    addresses = record.get("addresses")
    for entry in addresses.values() if isinstance(addresses, dict) else ():
        agreements = entry.get("agreements") if isinstance(entry, dict) else None
        for name, terms in agreements.items() if isinstance(agreements, dict) else ():
            until = terms.get("until") if isinstance(terms, dict) else None
            if isinstance(until, str):
                granted[name] = max(granted.get(name, until), until, key=_moment)
    return granted


def _moment(until: str) -> datetime:
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _reader_entry(record: Record, one: Reader, until: str, state: State) -> ReaderEntry:
    machine = record.roles.get(one.role, {}).get("kind") == "machine"
    groups = [who.removeprefix("group:") for who in one.principals if who.startswith("group:")]
    singles = [who.removeprefix("id:") for who in one.principals if not who.startswith("group:")]
    return ReaderEntry(
        one.agreement,
        one.role,
        one.port,
        tuple(groups),
        tuple(filter(None, singles)) if machine else (),
        0 if machine else len(singles),
        until[:10],
        state,
        one.team,
        one.consumer,
    )


def _state(until: str, at: datetime) -> State:
    end = _moment(until)
    return "ended" if end <= at else "ending soon" if end <= at + SOON else "in force"


def request(record: Record, at: datetime | None = None) -> str:
    """Return the commands that request access, for pasting into a shell: all texts of the record are quoted."""
    role = next(
        (name for name, entry in record.roles.items() if entry.get("kind") == "human"),
        next(iter(record.roles), "reader"),
    )
    until = ((at or datetime.now(UTC)) + MONTHS).date().isoformat()
    clone = f"git clone -- {shlex.quote(record.repository)} {shlex.quote(record.name)} && cd {shlex.quote(record.name)}\n"
    return (
        f"{clone if is_remote(record.repository) else ''}"
        f"meshwright access request my-use --role {shlex.quote(role)} --principal group:my-group \\\n"
        f'  --for "What the data is needed for" --until {until} --team my-team --requester me@example.org'
    )


def level(value: float | None, unit: str) -> str:
    """Return a measured value for people."""
    return "not measured" if value is None else f"{value:,.6g} {unit}".strip()


def broken(
    history: Sequence[Mapping[str, Any]], functions: Sequence[Mapping[str, Any]]
) -> Sequence[dict[str, Any]]:
    """Return what is not kept in the latest assessment: broken functions first, each with its question."""
    by_id = {function["id"]: function for function in functions}
    order = {"broken": 0, "excepted": 1, "inconclusive": 2}
    found = [
        dict(result) | {"about": by_id[result["function"]]}
        for result in (history[0]["results"] if history else ())
        if result["state"] in order and result["function"] in by_id
    ]
    return sorted(found, key=lambda result: (order[result["state"]], result["function"]))
