"""What is wrong with the audit records next to a port, held against the anchor that the last run left."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from meshwright.access.alarms import Alarm, token
from meshwright.access.anchor import Anchor, Anchors, Unreadable
from meshwright.access.audit import Record, broken, fingerprint
from meshwright.access.grants import Address, Port
from meshwright.core.text import printable

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
SECONDS = 5.0
"""How long to wait for another run, which has written its record and not yet the anchor."""
RECENT = timedelta(minutes=10)
SHOWN = 5


@dataclass
class ChainState:
    """The audit records next to a port, held against the anchor."""

    chain: Sequence[Record]
    anchor: Anchor | None
    alarms: list[Alarm] = field(default_factory=list)
    first: str = ""
    """Why this is a first run, as far as anybody can tell; empty if it is none."""
    unanchored: Sequence[Record] = ()
    """Records that follow the anchored one."""
    overtaken: bool = False
    """Whether another run has ended since the anchors were read."""
    broken: bool = False
    """Whether the records do not follow one another."""

    @property
    def counted(self) -> Sequence[Record]:
        """The records that count: not those before an alarm that somebody confirmed."""
        return self.chain[self.anchor.skipped if self.anchor else 0 :]

    @property
    def anchored(self) -> Record | None:
        """The newest record that a run has anchored; without an anchor, the newest one. None if that is not there."""
        if self.broken or not self.counted:
            return None
        if self.anchor is None:
            return self.counted[-1]
        place = self.anchor.number - self.anchor.first
        return self.counted[place] if 0 <= place < len(self.counted) else None

    def successor(self, record: Record) -> tuple[int, int]:
        """Return how many records do not count once `record` is added, and the number of the first one that does."""
        if self.broken or not self.counted:
            return len(self.chain), record["number"]
        return (self.anchor.skipped, self.anchor.first) if self.anchor else (0, 1)

    def notices(self) -> Iterator[str]:
        """Yield a sentence for each record that no run has anchored."""
        for record in self.unanchored[-SHOWN:]:
            yield (
                f"Audit record {_about(record)} is not anchored: a run was cut off after it had written the record, or "
                "somebody else wrote it. Compare it with the output of that run."
            )


def examine(
    product: str, port: Port, address: Address, chain: Sequence[Record], anchors: Anchors, now: datetime
) -> ChainState:
    """Return what the records are worth. `product`: its id. Raises Refused if the anchors cannot be read."""
    where, alarms = anchors.where(address), []
    if rewound := anchors.rewound(address):
        sentence = (
            f"The commit {rewound[:9]} is gone from {where}: what the last runs recorded was taken back."
        )
        alarms.append(Alarm(sentence, token("rewound", rewound, str(anchors.tip(address)))))
    try:
        anchor = anchors.read(port.name, address)
    except Unreadable as unreadable:
        anchor = None
        sentence = f"The anchor of port {port.name} on {where} cannot be read: {unreadable}."
        alarms.append(Alarm(sentence, token("anchor", port.name, str(unreadable), fingerprint(chain))))
    state = ChainState(chain, anchor, alarms)
    if problem := _problem(product, port, state):
        alarms.append(Alarm(problem, token("chain", port.name, problem, fingerprint(chain))))
        return state
    newest = state.counted[-1] if state.counted else None
    followed = newest.get("anchor") if newest else None
    if followed and not (COMMIT.fullmatch(str(followed)) and anchors.includes(address, followed)):
        sentence = (
            f"The last run on port {port.name} followed the commit {str(followed)[:9]}, which is not on {where}: "
            "what was recorded there was taken away."
        )
        alarms.append(Alarm(sentence, token("followed", port.name, str(followed), fingerprint(chain))))
    elif anchor is None and not alarms:
        state.first = _first(port, address, chain, anchors)
        state.overtaken = bool(chain) and _has_anchor(port, address, anchors)
    if anchor and newest and newest["number"] > anchor.number:
        _wait(port, address, state, anchors, now)
    return state


def _problem(product: str, port: Port, state: ChainState) -> str:
    """Return what is wrong with the records; empty if nothing is."""
    anchor, counted, name = state.anchor, state.counted, port.name
    if anchor and not counted:
        return (
            f"The audit records of port {name} are gone. The last run wrote number {anchor.number} "
            f"({anchor.hash[:16]}) at {anchor.at}: who could read until then can no longer be shown."
        )
    about = {"product": product, "port": name}
    if wrong := broken(counted, about, anchor.first if anchor else 1):
        state.broken = True
        return f"Port {name}: {printable(wrong)}"
    if anchor is None or (newest := counted[-1]["number"]) is None:
        return ""
    if newest < anchor.number:
        return (
            f"The audit records of port {name} end with number {newest}. The last run wrote number {anchor.number} "
            f"({anchor.hash[:16]}) at {anchor.at}: {_count(anchor.number - newest)} lost."
        )
    record = state.anchored
    if record is None or record["hash"] != anchor.hash:
        actual = str(record["hash"])[:16] if record else "none"
        return (
            f"Audit record {anchor.number} of port {name} is {actual}, and the last run wrote {anchor.hash[:16]}: "
            "another chain of records is in its place."
        )
    return ""


def _count(number: int) -> str:
    return "1 record is" if number == 1 else f"{number} records are"


def _first(port: Port, address: Address, chain: Sequence[Record], anchors: Anchors) -> str:
    """Return why this may be a first run."""
    moved = [
        f"{printable(other.address)} (audit record {other.number}, {printable(other.hash)[:16]})"
        for other in anchors.elsewhere(port.name, address)
    ]
    before = f" It was at {', '.join(moved)} before: a new chain begins." if moved else ""
    if not chain:
        return f"This is the first run on port {port.name} at {printable(address.text)}.{before}"
    return (
        f"Port {port.name} has audit records at {printable(address.text)} and no anchor on {anchors.where(address)}"
        f"{'.' if moved else ', as after an update from Meshwright 0.2.'}{before} The newest record is number "
        f"{_about(chain[-1])}. Compare it with the output of that run."
    )


def _about(record: Record) -> str:
    at, by = printable(str(record.get("at", "")))[:40], printable(str(record.get("by", "")))[:80]
    return f"{record['number']} ({at}, by {by or 'nobody'}, {str(record['hash'])[:16]})"


def _has_anchor(port: Port, address: Address, anchors: Anchors) -> bool:
    """Return True if a port has an anchor now: another first run has ended."""
    try:
        return anchors.again(port.name, address) is not None
    except Unreadable:
        return False


def _wait(port: Port, address: Address, state: ChainState, anchors: Anchors, now: datetime) -> None:
    """Wait for the anchor of a run that has just written its record; note what has none."""
    newest, read = state.counted[-1], state.anchor
    assert read is not None
    anchored, end = read.number, time.monotonic() + (SECONDS if _is_recent(newest, now) else 0)
    while anchored < newest["number"]:
        try:
            again = anchors.again(port.name, address)
        except Unreadable:
            again = None
        anchored = max(anchored, again.number if again else 0)
        if time.monotonic() >= end:
            break
        time.sleep(0.25)
    state.overtaken = anchored > read.number
    state.unanchored = [record for record in state.counted if record["number"] > anchored]


def _is_recent(record: Record, now: datetime) -> bool:
    at: Any = record.get("at")
    try:
        return abs(datetime.fromisoformat(at).astimezone(UTC) - now) < RECENT
    except (TypeError, ValueError, OverflowError):
        return False
