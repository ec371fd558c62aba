"""Notices of what happens to agreements, derived from audit records: requested, decided, ending, ended, and confirmed alarms.

A notice is a CloudEvent (1.0, JSON). Its id depends on what it is about and nothing else, so that whoever gets one twice,
or from two ports of a product, can drop the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

DAYS_BEFORE = (3, 14)
"""How many days before its end an agreement is announced, the nearest first."""
TYPE = "org.meshwright.access"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Notice:
    """One thing that happened, or is about to."""

    kind: str
    """`requested`, `decided`, `ending`, `ended` or `alarm`."""
    product: str
    agreement: str
    """Empty for an alarm that is about no agreement."""
    key: str
    """What tells it apart from an earlier notice of the same kind."""
    time: datetime
    sentence: str
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        parts = "\0".join((self.kind, self.product, self.agreement, self.key))
        return hashlib.sha256(parts.encode()).hexdigest()[:32]

    def event(self) -> dict[str, Any]:
        """Return it as a CloudEvent."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/data-products/{self.product}",
            "type": f"{TYPE}.{self.kind}",
            **({"subject": self.agreement} if self.agreement else {}),
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {"sentence": self.sentence, **self.data},
        }


def notices(product: str, records: Sequence[Record], now: datetime) -> Iterator[Notice]:
    """Yield what the audit records of one port tell, the oldest first, and what is about to end by the newest of them."""
    before: Mapping[str, Mapping[str, Any]] = {}
    for record in records:
        at = datetime.fromisoformat(record["at"])
        terms = _terms(record)
        if terms is None:  # an older record: what comes after it is compared with nothing
            continue
        for name, now_says in terms.items():
            yield from _changed(product, name, before.get(name), now_says, _commit(record, name), at)
            if now_says["counts"] and now_says.get("breakGlass") and not _counted(before.get(name)):
                yield _broken_glass(product, name, now_says, record, at)
        for name in before.keys() - terms.keys():
            if before[name]["counts"]:
                yield _notice("ended", product, name, before[name], f"removed {before[name]['until']}", at)
        for sentence in record.get("confirmed") or ():
            yield Notice("alarm", product, "", f"{record['at']} {sentence}", at, str(sentence), {})
        before = terms
    yield from _ending(product, before, now)


def _changed(
    product: str,
    name: str,
    before: Mapping[str, Any] | None,
    terms: Mapping[str, Any],
    commit: str,
    at: datetime,
) -> Iterator[Notice]:
    old_status, counted = (before["status"], before["counts"]) if before else ("", False)
    if terms["status"] == "requested" and old_status != "requested" and not terms["counts"]:
        yield _notice("requested", product, name, terms, commit or str(terms["start"]), at)
    if terms["counts"] and not counted:
        yield _notice("decided", product, name, terms, f"approved {commit}", at, "is approved")
    if terms["status"] == "rejected" and old_status != "rejected":
        yield _notice("decided", product, name, terms, f"rejected {commit}", at, "is rejected")
    if counted and not terms["counts"]:
        yield _notice("ended", product, name, terms, str(terms["until"]), at)


def _ending(product: str, terms: Mapping[str, Mapping[str, Any]], now: datetime) -> Iterator[Notice]:
    renewed = {
        one["renews"]: datetime.fromisoformat(one["until"])
        for one in terms.values()
        if one["counts"] and one["until"]
        # Older records have what an agreement claims to renew, whosever that is.
        if (other := terms.get(one["renews"])) and all(one[key] == other[key] for key in ("role", "team"))
    }
    for name, one in terms.items():
        if not one["counts"] or not one["until"]:
            continue
        until = datetime.fromisoformat(one["until"])
        if one.get("breakGlass"):  # it ends by itself, and no run has to record that
            if until <= now:
                yield _notice("ended", product, name, one, str(one["until"]), until)
            continue
        if renewed.get(name, until) > until or until <= now:
            continue
        days = next((days for days in DAYS_BEFORE if now >= until - timedelta(days=days)), None)
        if days is not None:
            key, announced = f"{one['until']} {days}", until - timedelta(days=days)
            yield _notice("ending", product, name, one, key, announced, f"ends on {until:%Y-%m-%d}")


def _counted(terms: Mapping[str, Any] | None) -> bool:
    return bool(terms and terms["counts"])


def _broken_glass(product: str, name: str, terms: Mapping[str, Any], record: Record, at: datetime) -> Notice:
    """Return the alarm that somebody reads by an agreement that is for emergencies."""
    about = (record.get("agreements") or {}).get(name, {})
    sentence = (
        f"Break-glass access to {product}: {', '.join(terms.get('principals') or ())} can read as {terms['role']} until "
        f"{terms['until']}, by agreement {name}, approved by {' and '.join(about.get('signers') or ()) or 'nobody'}: "
        f"{terms['purpose']}"
    )
    key = f"break-glass {_commit(record, name)}"
    kept = {
        part: terms[part]
        for part in ("role", "purpose", "requester", "team", "start", "until", "principals")
        if terms.get(part)
    }
    return Notice("alarm", product, name, key, at, sentence, kept)


def _notice(
    kind: str,
    product: str,
    name: str,
    terms: Mapping[str, Any],
    key: str,
    at: datetime,
    does: str = "",
) -> Notice:
    sentence = f"The agreement {name} of {product} {does or {'requested': 'is requested', 'ended': 'has ended'}[kind]}."
    kept = ("role", "purpose", "requester", "team", "start", "until", "decision")
    return Notice(
        kind, product, name, key, at, sentence, {part: terms[part] for part in kept if terms.get(part)}
    )


def _terms(record: Record) -> Mapping[str, Mapping[str, Any]] | None:
    terms = record.get("terms")
    return terms if isinstance(terms, dict) else None


def _commit(record: Record, name: str) -> str:
    return str((record.get("agreements") or {}).get(name, {}).get("commit", ""))
