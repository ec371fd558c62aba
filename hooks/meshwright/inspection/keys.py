"""Find the columns that identify each row of a table, verified on all rows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.core.text import singular
from meshwright.inspection.model import Column
from meshwright.inspection.relation import (
    ORDERED,
    WHOLE,
    Counts,
    Relation,
    is_text,
)

MOST_KEYS = 8
"""Single columns that are verified as keys."""
MOST_PAIRS = 12
LONGEST_KEY = 80

KEY_NAME = re.compile(
    r"(^|_)(id|ids|key|code|no|nr|num|number|uuid|guid|pk|sku|isbn|ean|iban|ref|hash)($|_)|id$"
)
PART_NAME = re.compile(
    r"(^|_)(id|key|code|no|nr|num|number|line|pos|position|seq|sequence|item|year|month|week|day|hour|date|period|version)($|_)|id$"
)


def keys_of(
    relation: Relation,
    rows: int,
    counts: Mapping[str, Counts],
    texts: Mapping[str, list[Any]],
    distinct: Mapping[str, int],
) -> list[tuple[str, ...]]:
    """Return the columns that identify each row: those that the source declares, then single columns, then pairs."""
    if not rows:
        return [relation.table.primary_key] if relation.table.primary_key else []
    keys: list[tuple[str, ...]] = []

    def add(key: tuple[str, ...]) -> bool:
        if not key or any(counts[name].present < rows for name in key if name in counts):
            return False
        if any(set(known) <= set(key) for known in keys) or not {*key} <= counts.keys():
            return False
        if _is_unique(relation, key, rows, distinct):
            keys.append(key)
            return True
        return False

    for key in (relation.table.primary_key, *relation.table.unique_keys):
        if key and not add(key) and key == relation.table.primary_key and {*key} <= counts.keys():
            relation.notes.append(
                f"{', '.join(key)} is declared as the primary key, but does not identify each row."
            )
    single = [
        (score, number, column.name)
        for number, column in enumerate(relation.table.columns)
        for score in [_single_score(column, number, counts[column.name], relation.table.name)]
        if score
        and counts[column.name].present == rows
        and _may_be_unique(column.name, rows, texts, distinct)
    ]
    for _, _, name in sorted(single, key=lambda one: (-one[0], one[1]))[:MOST_KEYS]:
        add((name,))
    if not keys and rows > 1:
        for pair in itertools.islice(_pairs(relation, rows, counts, texts), MOST_PAIRS):
            if add(pair):
                break
    return keys


def _single_score(column: Column, number: int, counts: Counts, table: str) -> int:
    """Return how plausible a column is as a key, by type, name and place; 0 if it is not."""
    name = plain_name(column.name)
    named = bool(KEY_NAME.search(name))
    if WHOLE.fullmatch(column.type):
        score = 3 if named else 1 if number == 0 else 0
    elif is_text(column.type):
        score = 3 if named else 2 if number == 0 and (counts.longest or 0) <= LONGEST_KEY else 1
        if (counts.longest or 0) > LONGEST_KEY:
            score = 0
    elif column.type in ORDERED:
        score = 1 if number == 0 else 0
    else:
        return 0
    if not score:
        return 0
    row = singular(plain_name(table))
    if name == "id" or name in (f"{row}_id", f"{row}_key", f"{row}_code", f"{row}_no"):
        score += 2
    return score + (1 if number == 0 else 0)


def plain_name(name: str) -> str:
    """Return a name in lower case with underscores: `customerId` becomes `customer_id`."""
    broken = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", broken).strip("_").lower()


def _may_be_unique(name: str, rows: int, texts: Mapping[str, list[Any]], distinct: Mapping[str, int]) -> bool:
    """Return False if there are values that occur twice."""
    if name in distinct:
        return distinct[name] == rows
    sample = texts[name]
    return len({*sample}) == len(sample)


def _pairs(
    relation: Relation, rows: int, counts: Mapping[str, Counts], texts: Mapping[str, list[Any]]
) -> Iterator[tuple[str, ...]]:
    """Yield pairs of columns that may identify a row together, the most plausible ones first."""
    plausible = []
    for number, column in enumerate(relation.table.columns):
        if counts[column.name].present < rows:
            continue
        named = bool(PART_NAME.search(plain_name(column.name)))
        is_whole = bool(WHOLE.fullmatch(column.type))
        if (is_whole and named) or column.type in ORDERED[:1] + ORDERED[2:]:
            plausible.append((0 if named else 1, number, column.name))
        elif is_text(column.type) and (counts[column.name].longest or 0) <= LONGEST_KEY:
            plausible.append((0 if named else 2, number, column.name))
    plausible.sort()
    names = [name for _, _, name in plausible[:12]]
    place = {column.name: number for number, column in enumerate(relation.table.columns)}
    for one, other in itertools.combinations(names, 2):
        first, second = sorted((one, other), key=place.__getitem__)
        seen = list(zip(texts[first], texts[second], strict=True))
        if len({*seen}) == len(seen):
            yield first, second


def _is_unique(relation: Relation, key: tuple[str, ...], rows: int, distinct: Mapping[str, int]) -> bool:
    """Return True if no two rows have the same values in these columns, verified on all rows."""
    if len(key) == 1 and key[0] in distinct:
        return distinct[key[0]] == rows
    listed = ", ".join(relation.exact(name) for name in key)
    twice = f"select 1 from {relation.source} group by {listed} having count(*) > 1 limit 1"
    return not relation.query(twice)
