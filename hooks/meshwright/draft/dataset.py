"""Propose the data set of a product: its columns, its key, and the inputs that are joined for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshwright.core.text import latin, singular
from meshwright.draft.columns import Field
from meshwright.draft.joins import Link, base, reached
from meshwright.draft.keywords import KEYWORDS
from meshwright.inspection.model import TableProfile

LONGEST_NAME = 60


@dataclass(frozen=True)
class Input:
    """An input of the product, with what the draft knows about it."""

    name: str
    profile: TableProfile
    fields: Mapping[str, Field]
    """By the name at the source, in the order of the columns."""

    def landed(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the names after loading of columns."""
        return tuple(self.fields[column].landed for column in columns)


@dataclass(frozen=True)
class OutputColumn:
    """A column of the data set."""

    name: str
    input: str
    field: Field
    required: bool
    key: int = 0
    """Position in the key, from 1; 0 if it is not part of it."""


@dataclass(frozen=True)
class Dataset:
    """The data set that is proposed."""

    name: str
    base: Input
    """The input whose rows it has."""
    inputs: Mapping[str, Input]
    joins: tuple[Link, ...]
    columns: tuple[OutputColumn, ...]
    apart: tuple[str, ...]
    """Inputs that no key joins."""
    again: tuple[Link, ...] = ()
    """Links to an input that is joined already by another one."""

    @property
    def key(self) -> tuple[OutputColumn, ...]:
        """The columns of its key, in order."""
        return tuple(sorted((column for column in self.columns if column.key), key=lambda column: column.key))


def dataset(name: str, inputs: Mapping[str, Input], found: Sequence[Link]) -> Dataset:
    """Return the data set that has all columns of the inputs, one row for each row of the base."""
    first = base(list(inputs), found)
    joins = tuple(reached(first, found))
    chosen: list[tuple[Input, Field, bool]] = [
        (inputs[first], field, _is_required(field, inputs[first])) for field in inputs[first].fields.values()
    ]
    complete = {first}
    for link in joins:
        other = inputs[link.parent]
        if link.is_complete and link.child in complete:
            complete.add(link.parent)
        chosen += [
            (other, field, link.parent in complete and _is_required(field, other))
            for column, field in other.fields.items()
            if column not in link.parent_columns
        ]
    names = _names([(entry.name, _spaced(field.column.name)) for entry, field, _ in chosen], first)
    key = next(iter(inputs[first].profile.keys), ())
    columns = tuple(
        OutputColumn(
            names[place],
            entry.name,
            field,
            required or (entry.name == first and field.column.name in key),
            key.index(field.column.name) + 1 if entry.name == first and field.column.name in key else 0,
        )
        for place, (entry, field, required) in enumerate(chosen)
    )
    joined = {first, *(link.parent for link in joins)}
    return Dataset(
        name,
        inputs[first],
        inputs,
        joins,
        columns,
        tuple(one for one in inputs if one not in joined),
        tuple(link for link in found if link not in joins and {link.child, link.parent} <= joined),
    )


def _is_required(field: Field, entry: Input) -> bool:
    return field.column.required or (field.profile.missing == 0 and entry.profile.rows > 0)


def _names(columns: Sequence[tuple[str, str]], first: str) -> list[str]:
    """Return a portable name for each column (input, name after loading), no two the same."""
    plain = [_portable(name, source) for source, name in columns]
    count = Counter(plain)
    taken: set[str] = set()
    result = []
    for (source, name), short in zip(columns, plain, strict=True):
        own = (
            short if count[short] == 1 or source == first else _portable(f"{singular(source)}_{name}", source)
        )
        number, unique = 2, own
        while unique in taken or (unique != short and unique in count):
            unique, number = f"{own}_{number}", number + 1
        taken.add(unique)
        result.append(unique)
    return result


def _spaced(name: str) -> str:
    """Return a name with its words apart: `BirthDate` is `Birth_Date`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)


def _portable(name: str, source: str) -> str:
    """Return a name that every engine takes without quotes."""
    made = re.sub(r"[^a-z0-9]+", "_", latin(name).lower()).strip("_")[:LONGEST_NAME].rstrip("_")
    if made in KEYWORDS or not made or made[0].isdigit():
        first = singular(source)
        made = f"{first}_{made or 'column'}" if made != first else f"{made}_value"
        made = made[:LONGEST_NAME].rstrip("_")
    return made
