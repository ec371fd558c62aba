"""Readers of earlier runs whom the directory no longer has: their membership ends, and their login may still be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshwright.access.audit import broken
from meshwright.access.directory import Snapshot
from meshwright.access.grants import Port, Refused
from meshwright.access.targets import target
from meshwright.core.sql.postgres import identifier


@dataclass(frozen=True)
class Orphan:
    """Somebody who once read a port, and is gone."""

    principal: str
    port: str
    login: str
    """What they were called on the port."""
    last: str
    """The day of the newest run by which they could read."""
    exists: bool | None
    """Whether there still is such a login; None where the port has none of its own."""

    @property
    def sentence(self) -> str:
        before = (
            f"The directory no longer has {self.principal}, who could still read {self.port} on {self.last}."
        )
        if self.exists:
            return f"{before} The login {self.login} is still there; an administrator ends it: DROP ROLE {identifier(self.login)};"
        return before


def orphans(
    port: Port,
    records: Sequence[Mapping[str, Any]],
    gone: Iterable[str],
    logins: Callable[[Port, Sequence[str]], set[str]],
) -> list[Orphan]:
    """Return those of the principals `gone` who read a port by its audit records, sorted. Raises Refused.

    `logins`: returns which of some names are logins on a port of its own.
    """
    last: dict[str, str] = {}
    names: dict[str, str] = {}
    for record in records:
        people = record.get("people") or {}
        for member in record.get("members", ()):
            id = member["principal"]
            last[id] = record["at"][:10]
            own = (people.get(id) or {}).get("logins") or {}
            names[id] = str(own.get(port.uses.partition("@")[0], id))
    leavers = sorted(set(gone) & last.keys())
    has_logins = port.uses == "postgres@1"
    existing = logins(port, [names[id] for id in leavers]) if has_logins and leavers else set()
    return [
        Orphan(id, port.name, names[id], last[id], names[id] in existing if has_logins else None)
        for id in leavers
    ]


def recorded_principals(ports: Iterable[Port]) -> dict[str, list[Mapping[str, Any]]]:
    """Return port -> its audit records; none of a port that cannot be read, or whose records somebody changed."""
    records: dict[str, list[Mapping[str, Any]]] = {}
    for port in ports:
        try:
            chain = list(target(port.uses).audit_records(port))
        except Refused:
            chain = []
        records[port.name] = [] if broken(chain) else chain
    return records


def orphans_of(ports: Sequence[Port], known: Snapshot, ask: Callable[[set[str]], Snapshot]) -> list[Orphan]:
    """Return the readers of earlier runs whom the directory no longer has. `ask`: asks the directory for some principals."""
    from meshwright.access.targets.postgres.logins import existing_logins

    records = recorded_principals(ports)
    readers = {
        member["principal"]
        for chain in records.values()
        for record in chain
        for member in record.get("members", ())
    }
    missing = readers - known.principals.keys()
    if not missing:
        return []
    gone = missing - ask(missing).principals.keys()
    result = []
    for port in ports:
        try:
            result += orphans(port, records[port.name], gone, existing_logins)
        except Refused:
            continue  # that port's own run says why it cannot be read
    return result
