"""What a product has to carry along from one whose data it reads: how sensitive the data is, and who may see it.

That it is at least as sensitive holds for whatever reads; the rest for a copy, which hands out the very data that its
source's policies are about. What is not known of one of the two is held against neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from meshwright.core.text import listed, short
from meshwright.core.yaml import Keys
from meshwright.mesh.sharing import is_copy
from meshwright.product import metamodel
from meshwright.product.record import Input, Reader, Record, rank

OPEN = metamodel.CLASSIFICATIONS[: metamodel.CLASSIFICATIONS.index(metamodel.OPEN_UP_TO) + 1]
"""What everybody in the organisation sees of a product whose access is open."""


@dataclass(frozen=True)
class Breach:
    """One thing that a product does not carry along."""

    kind: Literal["classification-lowered", "readers-widened"]
    sentence: str
    fix: str
    place: Keys
    """Where in the consumer's record."""
    level: Literal["error", "warning"] = "error"


def breaches(input: Input, consumer: Record, source: Record, now: datetime) -> Iterator[Breach]:
    """What the consumer does not carry along from the source that this input reads; `now` has a time zone."""
    yield from _classification(consumer, source)
    if is_copy(input, consumer, source):
        here, there = consumer.column_levels, source.column_levels
        pair = _Pair(consumer, source, here, there, [name for name in there if name in here])
        yield from _column_classifications(pair)
        yield from _mode(pair)
        yield from _roles(pair)
        yield from _principals(pair, now)


def ageing(copy: Record, source: Record) -> str:
    """How old a copy and its source may be, and how long each is kept, as a sentence for whoever relies on the copy."""
    return f"A copy ages: {_lasting(copy)} here, {_lasting(source)} at its source."


def _lasting(product: Record) -> str:
    fresh = [short(level.objective) for level in product.service_levels if level.indicator == "freshness"]
    said = product.get("contract.slaProperties")
    kept = [
        short(f"{item.get('value')} {item.get('unit') or ''}".strip())
        for item in (said if isinstance(said, list) else ())
        if isinstance(item, dict) and item.get("property") == "retention"
    ]
    return f"freshness {listed(fresh) if fresh else 'not promised'}, retention {listed(kept) if kept else 'not said'}"


@dataclass(frozen=True)
class _Pair:
    """A copy, its source, and how sensitive each column of both is."""

    copy: Record
    source: Record
    here: Mapping[str, str]
    there: Mapping[str, str]
    shared: Sequence[str]
    """The columns that both have, in the source's order."""


def _classification(consumer: Record, source: Record) -> Iterator[Breach]:
    said, needed = consumer.classification, source.classification
    if said and needed and rank(said) < rank(needed):
        yield Breach(
            "classification-lowered",
            f"It is {said}, and what it reads from {short(source.id)} is {needed}.",
            f"Classify it {needed}; or ask the source's owner for a port of what is no more than {said}.",
            ("product", "spec", "classification"),
        )


def _column_classifications(pair: _Pair) -> Iterator[Breach]:
    lowered = [name for name in pair.shared if rank(pair.here[name]) < rank(pair.there[name])]
    if lowered:
        needed = listed(f"{short(name)}: {pair.there[name]}" for name in lowered)
        yield Breach(
            "classification-lowered",
            f"It copies columns of {short(pair.source.id)} and calls them less sensitive: "
            f"{listed(map(short, lowered))}.",
            f"Give them in the contract the classification that they have there ({needed}).",
            _place(pair.copy, lowered[0]),
        )


def _place(product: Record, column: str) -> Keys:
    """Where the contract says how sensitive a column is."""
    tables = product.get("contract.schema")
    for number, table in enumerate(tables if isinstance(tables, list) else ()):
        columns = table.get("properties") if isinstance(table, dict) else None
        for index, item in enumerate(columns if isinstance(columns, list) else ()):
            if isinstance(item, dict) and column in (item.get("physicalName"), item.get("name")):
                return ("contract", "schema", number, "properties", index, "classification")
    return ("contract",)


def _mode(pair: _Pair) -> Iterator[Breach]:
    if pair.copy.access_mode == "open" and pair.source.access_mode == "approval-required":
        yield Breach(
            "readers-widened",
            f"It copies {short(pair.source.id)}, which takes an approval to read, and is itself open to everybody.",
            "Write `mode: approval-required`, or read the source where it lies.",
            ("product", "spec", "access", "mode"),
        )


def _roles(pair: _Pair) -> Iterator[Breach]:
    there = pair.source.roles
    for name, role in pair.copy.roles.items():
        if there and not any(_covers(pair, other, role) for other in _same_kind(there, role)):
            most = set().union(*(_seen(pair, pair.there, other) for other in _same_kind(there, role)))
            seen = _seen(pair, pair.here, role) - most
            more = [short(column) for column in pair.shared if column in seen]
            yield Breach(
                "readers-widened",
                f"Its role {short(name)} sees more than any {role.get('kind')} role of {short(pair.source.id)}, "
                f"which it copies{f': {listed(more)}' if more else ''}.",
                "Give the role no more clearance, rows and readers than the source's roles have.",
                ("policy", "roles", name),
            )


def _principals(pair: _Pair, now: datetime) -> Iterator[Breach]:
    """Readers of the copy whom the source does not let see as much."""
    if not pair.source.access_mode or not isinstance(pair.source.get("readers"), list):
        return
    strangers: dict[str, int] = {}
    for index, reader in enumerate(pair.copy.readers):
        role = pair.copy.roles.get(reader.role, {})
        for principal in () if ended(reader, now) else reader.principals:
            if principal not in strangers and not _reads(pair, principal, role, now):
                strangers[principal] = index
    # Whoever is named by a group there may be named alone here; only the directory knows.
    groups = [
        name
        for name, agreements in pair.source.agreements.items()
        if name.startswith("group:") and not all(ended(reader, now) for reader in agreements)
    ]
    unsure = [name for name in strangers if groups and name.startswith("id:")]
    sure = [name for name in strangers if name not in unsure]
    copied = short(pair.source.id)
    if sure:
        yield Breach(
            "readers-widened",
            f"{listed(map(short, sure))} may read it, and no agreement of {copied}, which it copies, lets them see as much.",
            "Have the source's owner agree first, or end the agreement here.",
            ("readers", strangers[sure[0]]),
        )
    if unsure:
        yield Breach(
            "readers-widened",
            f"{listed(map(short, unsure))} may read it, and {copied}, which it copies, lets in only groups "
            f"({listed(map(short, groups))}) that they may belong to or not.",
            "Name here the groups that the source has agreed to.",
            ("readers", strangers[unsure[0]]),
            "warning",
        )


def _reads(pair: _Pair, principal: str, role: Mapping[str, Any], now: datetime) -> bool:
    """Whether the source lets somebody see as much as a role of the copy does."""
    agreements: Sequence[Reader] = pair.source.agreements.get(principal, ())
    there = [pair.source.roles.get(reader.role, {}) for reader in agreements if not ended(reader, now)]
    if pair.source.access_mode == "open":
        there += [other for other in pair.source.roles.values() if _open_to_all(other)]
    return any(not pair.source.roles or _covers(pair, other, role) for other in there)


def _open_to_all(role: Mapping[str, Any]) -> bool:
    clearance = role.get("clearance")
    return isinstance(clearance, list) and bool(clearance) and all(level in OPEN for level in clearance)


def _same_kind(roles: Mapping[str, Mapping[str, Any]], role: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The roles that are for people, as this one is, or for programs."""
    return [other for other in roles.values() if other.get("kind") == role.get("kind")]


def _covers(pair: _Pair, there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether a role of the source sees all that one of the copy sees of it, and is for no fewer people."""
    columns = _seen(pair, pair.here, here) <= _seen(pair, pair.there, there)
    return columns and _kept(there.get("rows"), here.get("rows")) and _required(there, here)


def _seen(pair: _Pair, columns: Mapping[str, str], role: Mapping[str, Any]) -> set[str]:
    """The columns that are copied and that a role sees as they are. Where none can be told by its name, a stand-in for
    them all, as sensitive as the product."""
    clearance = role.get("clearance")
    levels = clearance if isinstance(clearance, list) else []
    if not pair.shared:
        product = pair.copy if columns is pair.here else pair.source
        return {""} if product.classification in levels else set()
    return {name for name in pair.shared if columns[name] in levels}


def _kept(there: Any, here: Any) -> bool:
    """Whether the rows that a role of the source does not see are left out here, too."""
    conditions = there if isinstance(there, list) else []
    return all(condition in (here if isinstance(here, list) else []) for condition in conditions)


def _required(there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether what the source demands of a reader is demanded here, too."""
    needed, asked = there.get("requires"), here.get("requires")
    asked = asked if isinstance(asked, dict) else {}
    for attribute, values in needed.items() if isinstance(needed, dict) else ():
        mine = asked.get(attribute)
        allowed = values if isinstance(values, list) else []
        if not isinstance(mine, list) or not all(value in allowed for value in mine):
            return False
    return True


def ended(reader: Reader, now: datetime) -> bool:
    """Whether an agreement has ended at a moment with a time zone."""
    try:
        return datetime.fromisoformat(reader.until) <= now
    except (ValueError, TypeError):  # no time, or one without a zone: it is not known to have ended
        return False
