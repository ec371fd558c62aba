"""Check the policies that a product inherits from its sources: how sensitive the data is, and who may see it.

Every consumer must be at least as sensitive as its source. The other checks are for copies, which hand out the
very data that the source's policies protect. Unknown facts about either product cause no breach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from meshwright.core.text import listed, short
from meshwright.core.yaml import Keys
from meshwright.mesh.agreements import ended
from meshwright.mesh.role_columns import shown_levels
from meshwright.mesh.sharing import is_copy
from meshwright.product import metamodel
from meshwright.product.contract import as_spelled, column_key
from meshwright.product.record import Input, Reader, Record, rank

OPEN = metamodel.CLASSIFICATIONS[: metamodel.CLASSIFICATIONS.index(metamodel.OPEN_UP_TO) + 1]
"""Classifications that everybody in the organisation may see in an open product."""


@dataclass(frozen=True)
class Breach:
    """An inherited policy that a product does not keep."""

    kind: Literal["classification-lowered", "readers-widened"]
    sentence: str
    fix: str
    place: Keys
    """Path within the consumer's record."""
    level: Literal["error", "warning"] = "error"


def breaches(
    input: Input, consumer: Record, source: Record, now: datetime, role: Mapping[str, Any] | None = None
) -> Iterator[Breach]:
    """Yield the source's policies that the consumer of this input does not keep; `now` has a time zone.

    `role`: the source's role in which the input is read; without one, all of the source counts.
    """
    shown = source.column_levels if role is None else shown_levels(source, role)
    yield from _classification(consumer, source, shown)
    if is_copy(input, consumer, source, shown):
        here, there = as_spelled(consumer.column_levels, shown), shown
        pair = _Pair(consumer, source, here, there, [name for name in there if name in here])
        yield from _column_classifications(pair)
        yield from _mode(pair)
        yield from _roles(pair)
        yield from _principals(pair, now)


def ageing(copy: Record, source: Record) -> str:
    """Return how old a copy and its source may be, and how long each is kept, as a sentence."""
    return f"A copy ages: {_lasting(copy)} here, {_lasting(source)} at its source."


def _lasting(product: Record) -> str:
    fresh = [short(level.objective) for level in product.service_levels if level.indicator == "freshness"]
    levels = product.get("contract.slaProperties")
    kept = [
        short(f"{item.get('value')} {item.get('unit') or ''}".strip())
        for item in (levels if isinstance(levels, list) else ())
        if isinstance(item, dict) and item.get("property") == "retention"
    ]
    return f"freshness {listed(fresh) if fresh else 'not promised'}, retention {listed(kept) if kept else 'not promised'}"


@dataclass(frozen=True)
class _Pair:
    """A copy, its source, and the classification of each column of both."""

    copy: Record
    source: Record
    here: Mapping[str, str]
    there: Mapping[str, str]
    shared: Sequence[str]
    """The columns that both have, in the source's order."""


def _classification(consumer: Record, source: Record, shown: Mapping[str, str]) -> Iterator[Breach]:
    declared, needed = consumer.classification, source.classification
    if (
        shown != source.column_levels
    ):  # the role shows less than the whole, and not how sensitive the whole is
        needed = max(shown.values(), key=rank, default=needed)
    if declared and needed and rank(declared) < rank(needed):
        yield Breach(
            "classification-lowered",
            f"It is {declared}, but its input from {short(source.id)} is {needed}.",
            f"Classify it {needed}, or ask the source's owner for a port whose data is at most {declared}.",
            ("product", "spec", "classification"),
        )


def _column_classifications(pair: _Pair) -> Iterator[Breach]:
    lowered = [name for name in pair.shared if rank(pair.here[name]) < rank(pair.there[name])]
    if lowered:
        needed = listed(f"{short(name)}: {pair.there[name]}" for name in lowered)
        yield Breach(
            "classification-lowered",
            f"It classifies columns that it copies from {short(pair.source.id)} as less sensitive than the source does: "
            f"{listed(map(short, lowered))}.",
            f"Give them the source's classification in the contract ({needed}).",
            _place(pair.copy, lowered[0]),
        )


def _place(product: Record, column: str) -> Keys:
    """Return where the contract classifies a column."""
    tables = product.get("contract.schema")
    for number, table in enumerate(tables if isinstance(tables, list) else ()):
        columns = table.get("properties") if isinstance(table, dict) else None
        for index, item in enumerate(columns if isinstance(columns, list) else ()):
            if isinstance(item, dict) and column_key(column) in {
                column_key(str(item.get(key))) for key in ("physicalName", "name")
            }:
                return ("contract", "schema", number, "properties", index, "classification")
    return ("contract",)


def _mode(pair: _Pair) -> Iterator[Breach]:
    if pair.copy.access_mode == "open" and pair.source.access_mode == "approval-required":
        yield Breach(
            "readers-widened",
            f"It copies {short(pair.source.id)}, which requires an approval, and is itself open to everybody.",
            "Write `mode: approval-required`, or read the source without a copy.",
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
                f"Its role {short(name)} has more access than any {role.get('kind')} role of {short(pair.source.id)}, "
                f"which it copies{f': {listed(more)}' if more else ''}.",
                "Limit the role's clearance, rows and readers to those of the source's roles.",
                ("policy", "roles", name),
            )


def _principals(pair: _Pair, now: datetime) -> Iterator[Breach]:
    """Yield readers of the copy who may not see as much of the source."""
    if not pair.source.access_mode or not isinstance(pair.source.get("readers"), list):
        return
    strangers: dict[str, int] = {}
    for index, reader in enumerate(pair.copy.readers):
        role = pair.copy.roles.get(reader.role, {})
        for principal in () if ended(reader, now) else reader.principals:
            if principal not in strangers and not _reads(pair, principal, role, now):
                strangers[principal] = index
    # A group there may contain a person here; only the directory knows.
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
            f"{listed(map(short, sure))} may read it, but no agreement of {copied}, which it copies, grants them as much.",
            "Get an agreement with the source's owner first, or end this one.",
            ("readers", strangers[sure[0]]),
        )
    if unsure:
        yield Breach(
            "readers-widened",
            f"{listed(map(short, unsure))} may read it, but {copied}, which it copies, grants access only to groups "
            f"({listed(map(short, groups))}) whose members are not known here.",
            "Name the groups of the source's agreements here.",
            ("readers", strangers[unsure[0]]),
            "warning",
        )


def _reads(pair: _Pair, principal: str, role: Mapping[str, Any], now: datetime) -> bool:
    """Return True if the source lets a principal see as much as a role of the copy does."""
    agreements: Sequence[Reader] = pair.source.agreements.get(principal, ())
    there = [pair.source.roles.get(reader.role, {}) for reader in agreements if not ended(reader, now)]
    if pair.source.access_mode == "open":
        there += [other for other in pair.source.roles.values() if _open_to_all(other)]
    return any(not pair.source.roles or _covers(pair, other, role) for other in there)


def _open_to_all(role: Mapping[str, Any]) -> bool:
    clearance = role.get("clearance")
    return isinstance(clearance, list) and bool(clearance) and all(level in OPEN for level in clearance)


def _same_kind(roles: Mapping[str, Mapping[str, Any]], role: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the roles of the same kind, for people or for programs."""
    return [other for other in roles.values() if other.get("kind") == role.get("kind")]


def _covers(pair: _Pair, there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Return True if a role of the source sees all that a role of the copy sees, and is open to as many people."""
    columns = _seen(pair, pair.here, here) <= _seen(pair, pair.there, there)
    return columns and _kept(there.get("rows"), here.get("rows")) and _required(there, here)


def _seen(pair: _Pair, columns: Mapping[str, str], role: Mapping[str, Any]) -> set[str]:
    """Return the copied columns that a role sees unmasked. If no copied column is known by name, return a stand-in for
    all of them, as sensitive as the product."""
    clearance = role.get("clearance")
    levels = clearance if isinstance(clearance, list) else []
    if not pair.shared:
        product = pair.copy if columns is pair.here else pair.source
        return {""} if product.classification in levels else set()
    return {name for name in pair.shared if columns[name] in levels}


def _kept(there: Any, here: Any) -> bool:
    """Return True if all rows hidden from a role of the source are hidden here, too."""
    conditions = there if isinstance(there, list) else []
    return all(condition in (here if isinstance(here, list) else []) for condition in conditions)


def _required(there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Return True if all requirements of the source for a reader are required here, too."""
    needed, required = there.get("requires"), here.get("requires")
    required = required if isinstance(required, dict) else {}
    for attribute, values in needed.items() if isinstance(needed, dict) else ():
        mine = required.get(attribute)
        allowed = values if isinstance(values, list) else []
        if not isinstance(mine, list) or not all(value in allowed for value in mine):
            return False
    return True
