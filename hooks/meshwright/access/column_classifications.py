"""The data set's columns and how sensitive each is, which only an approver can lower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from meshwright.access.approval import AGAIN, authorised
from meshwright.access.grants import Column
from meshwright.core.git_history import History
from meshwright.core.yaml import Document, Unreadable, parse
from meshwright.product import metamodel
from meshwright.product.contract import described, tables
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
    """Yield the columns, none less sensitive than it ever was since an approver last signed the contract.

    A column that is new since then is as sensitive as it says. Adds to `problems` what nobody authorised.
    """
    order = metamodel.CLASSIFICATIONS
    path = contract.path.as_posix()
    highest = _highest_levels(history, path)
    if highest is None:
        problems.append(f"{path}: No approver has signed it, so every column counts as {order[-1]}. {AGAIN}")
    for column in columns(spec, contract):
        lowest = order[-1] if highest is None else highest.get(column.name, order[0])
        level = max(column.classification, lowest, key=order.index)
        if highest is not None and level != column.classification:
            problems.append(
                f"{path}: Nobody authorised that {column.name} is {column.classification}; it counts as {level}. {AGAIN}"
            )
        yield replace(column, classification=level)


def _highest_levels(history: History, path: str) -> dict[str, str] | None:
    """Return column -> the highest classification it had in any table of the signed contract or of any version since.

    None if no approver ever signed one.
    """
    signed = authorised(history, path)
    if signed.text is None:
        return None
    texts = [signed.text]
    for commit in history.touched(path):
        entry = history.entry(commit, path)
        if entry and history.continues(commit) and history.position(commit) > history.position(signed.commit):
            texts.append(history.text(path, entry))
    levels: dict[str, str] = {}
    for text in texts:
        try:
            contract = parse(path, text)
        except Unreadable:  # a version that nobody could use
            continue
        for _, table in tables(contract):
            about = Document(Path(SPEC), {"spec": {"dataset": {"name": table.get("name")}}})
            for column in columns(about, contract):
                before = levels.get(column.name, metamodel.CLASSIFICATIONS[0])
                levels[column.name] = max(before, column.classification, key=metamodel.CLASSIFICATIONS.index)
    return levels
