"""The data set's columns and how sensitive each is, which only an approver can lower."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from meshwright.access.approval import (
    Guarded,
    Settled,
    Trust,
    again,
    baseline,
    change_refusal,
    present_changes,
    trust_in,
)
from meshwright.access.grants import Column
from meshwright.core.git_history import Entry, History
from meshwright.core.yaml import Document, Unreadable, parse
from meshwright.product import metamodel
from meshwright.product.contract import column_key, described, tables
from meshwright.product.files import SPEC


def columns(spec: Document, contract: Document) -> Iterator[Column]:
    """Yield the columns in the contract's order; each is as sensitive as the most sensitive field in it."""
    order = metamodel.CLASSIFICATIONS
    classified: list[tuple[tuple[str | int, ...], dict[str, Any], str]] = []  # place, column, classification
    for place, _, column in described(spec, contract):
        declared = column.get("classification")
        level = declared if declared in order else order[-1]
        if classified and place[: len(classified[-1][0])] == classified[-1][0]:  # nested in the one before
            outer, entry, before = classified.pop()
            classified.append((outer, entry, max(before, level, key=order.index)))
        else:
            classified.append((place, column, level))
    for _, column, level in classified:
        yield Column(
            str(column.get("physicalName") or column["name"]),
            str(column.get("logicalType") or "object"),
            level,
        )


def guarded_columns(
    history: History, spec: Document, contract: Document, problems: list[str]
) -> Iterator[Column]:
    """Yield the columns, none less sensitive than it ever was since an approver last lowered its classification.

    A new column is as sensitive as it says. Adds to `problems` what nobody authorised.
    """
    order = metamodel.CLASSIFICATIONS
    path = contract.path.as_posix()
    lowest = lowest_levels(history, path)
    if lowest.levels is None:
        problems.append(
            f"{path}: No approver has signed it, so every column counts as {order[-1]}. {again(path)}"
        )
    for column in columns(spec, contract):
        least = (
            lowest.levels.get(column_key(column.name), order[0]) if lowest.levels is not None else order[-1]
        )
        level = max(column.classification, least, key=order.index)
        if lowest.levels is not None and level != column.classification:
            problems.append(
                f"{path}: Nobody authorised that {column.name} is {column.classification}; it counts as {level}. "
                f"{lowest.refusals.get(column_key(column.name)) or again(path)}"
            )
        yield replace(column, classification=level)


@dataclass(frozen=True)
class LowestLevels:
    """How sensitive the columns of a contract are at least."""

    levels: Mapping[str, str] | None
    """`column_key` of a column -> the lowest classification that is authorised; None if no approver ever took the contract."""
    refusals: Mapping[str, str]
    """`column_key` of a column -> why its last lowering does not count."""
    commit: str
    """The newest commit of the mainline that lowers none of them without authority; empty if there is none."""

    @property
    def problem(self) -> tuple[str, str]:
        """What is not authorised now (empty: nothing), and the commit."""
        if self.levels is None:
            return "No approver has signed it.", self.commit
        return next(filter(None, self.refusals.values()), ""), self.commit


def lowest_levels(history: History, path: str) -> LowestLevels:
    """Return how sensitive each column of a contract is at least: anybody can raise it, and an approver lower it.

    Raises HistoryError.
    """
    trust, declared = trust_in(history), _Declared(history, path)
    counts, _ = baseline(trust, path)
    start = declared.at(counts) if counts else None
    settled: dict[str, Settled[str | None]] | None = None
    if start is not None:
        settled = {name: Settled(level, counts) for name, level in start.items()}
    refusals: dict[str, str] = {}
    new = set(present_changes(trust, path))
    for commit in filter(history.continues, history.touched(path)):
        if (counts and history.position(commit) <= history.position(counts)) or not (counts or commit in new):
            continue
        present = declared.at(commit)
        if settled is None:
            whole: Guarded[Mapping[str, str] | None] = Guarded(path, declared.at, operator.eq)
            nothing: Settled[Mapping[str, str] | None] = Settled(None, "")
            if present is None or change_refusal(trust, commit, whole, nothing):
                continue
            settled = {}
        refusals = {
            name: _settle(trust, commit, declared, settled, name, commit in new) for name in present or {}
        }
        if not any(refusals.values()):
            counts = commit
    levels = None if settled is None else {name: one.value for name, one in settled.items() if one.value}
    return LowestLevels(levels, refusals, counts)


def _settle(
    trust: Trust,
    commit: str,
    declared: _Declared,
    settled: dict[str, Settled[str | None]],
    name: str,
    is_present: bool,
) -> str:
    """Take over what a commit of the mainline says of one column; return why it does not count, empty if it does.

    `is_present`: whether the present rule decides on the commit. By the older one, only what was signed as a whole lowers.
    """
    before, level = settled.get(name), declared.level(commit, name)
    if level is None:  # what is taken out and comes back is not new
        return ""
    if before is None or _is_no_lower(before.value, level):
        if before is None or before.value != level:
            settled[name] = Settled(level, commit)
        return ""
    guarded = Guarded(declared.path, lambda at: declared.level(at, name), _is_no_lower)
    refusal = change_refusal(trust, commit, guarded, before) if is_present else again(declared.path)
    if before.value not in metamodel.REVIEW_APPROVES and trust.is_by_review(commit, declared.path):
        refusal = refusal or f"No review lowers what is {before.value}; an approver has to sign it."
    if not refusal:
        settled[name] = Settled(level, commit)
    return refusal


def _is_no_lower(before: str | None, after: str | None) -> bool:
    """Return True if nobody has to authorise a change of a column's classification; None: there is no such column."""
    order = metamodel.CLASSIFICATIONS
    return before == after or (
        before is not None and after is not None and order.index(after) >= order.index(before)
    )


class _Declared:
    """The classifications that the versions of a contract declare."""

    def __init__(self, history: History, path: str) -> None:
        self.history, self.path = history, path
        self._read: dict[Entry, Mapping[str, str] | None] = {}

    def at(self, commit: str) -> Mapping[str, str] | None:
        """Return `column_key` -> the highest classification that such a column has in any table; None without a readable contract."""
        entry = self.history.entry(commit, self.path)
        if entry is not None and entry not in self._read:
            self._read[entry] = self._levels(entry)
        return self._read[entry] if entry is not None else None

    def level(self, commit: str, name: str) -> str | None:
        """Return the classification of one column; None if there is no such column."""
        return (self.at(commit) or {}).get(name)

    def _levels(self, entry: Entry) -> Mapping[str, str] | None:
        try:
            contract = parse(self.path, self.history.text(self.path, entry))
        except Unreadable:  # a version that nobody could use
            return None
        levels: dict[str, str] = {}
        for _, table in tables(contract):
            about = Document(Path(SPEC), {"spec": {"dataset": {"name": table.get("name")}}})
            for column in columns(about, contract):
                key = column_key(column.name)
                before = levels.get(key, metamodel.CLASSIFICATIONS[0])
                levels[key] = max(before, column.classification, key=metamodel.CLASSIFICATIONS.index)
        return levels
