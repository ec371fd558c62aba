"""Find how the inputs of a product belong together: declared foreign keys, and those that names and values suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshwright.core.text import singular
from meshwright.inspection.joins import contained
from meshwright.inspection.model import Source, TableProfile
from meshwright.product.personal_data import words

SHARE = 0.9
"""Share of the different values of a column that must be keys of the other table."""
_TEXT, _NUMBER = "text", "number"


@dataclass(frozen=True)
class Link:
    """Columns of an input that name a row of another."""

    child: str
    """Name of the input."""
    columns: tuple[str, ...]
    """As the source spells them."""
    parent: str
    parent_columns: tuple[str, ...]
    reason: str
    """Why it is believed."""
    is_complete: bool
    """True if each row of the child has a row in the parent, as far as it was verified."""


def links(sources: Mapping[str, Source], profiles: Mapping[str, TableProfile]) -> list[Link]:
    """Return the links between inputs; for the same columns of a child, only the best one."""
    names = {profile.table.name: name for name, profile in profiles.items()}
    found: list[Link] = []
    taken: dict[str, set[tuple[str, ...]]] = {name: set() for name in profiles}
    for child, profile in profiles.items():
        for key in profile.table.foreign_keys:
            parent = names.get(key.table) or names.get(key.table.rpartition(".")[2])
            if parent and parent != child and key.columns not in taken[child]:
                complete = all(profile.columns[column].missing == 0 for column in key.columns)
                reason = "declared as a foreign key" if key.declared else key.reason
                found.append(
                    Link(child, key.columns, parent, key.other_columns, reason, complete and key.declared)
                )
                taken[child].add(key.columns)
    # A foreign key says which of two tables names the other: the values may suggest the opposite for now.
    declared = {frozenset((link.child, link.parent)) for link in found}
    for child, profile in profiles.items():
        for parent, other in profiles.items():
            if parent == child or frozenset((child, parent)) in declared:
                continue
            for own in other.keys[:3]:
                columns = _same(profile, own, parent)
                if (
                    columns
                    and columns not in taken[child]
                    and not _is_one_to_one_elsewhere(profile, columns, found, child, parent)
                ):
                    link = _verified(sources, profiles, child, columns, parent, own)
                    if link:
                        found.append(link)
                        taken[child].add(columns)
                        break
    return found


def base(names: Sequence[str], found: Sequence[Link]) -> str:
    """Return the input whose rows are the data set's: the one from which most others can be reached."""
    return max(names, key=lambda name: len(reached(name, found)))


def reached(start: str, found: Sequence[Link]) -> list[Link]:
    """Return the links that join the other inputs to `start`, nearest first; each input at most once."""
    joined, path, waiting = {start}, [], [start]
    while waiting:
        here = waiting.pop(0)
        for link in found:
            if link.child == here and link.parent not in joined:
                joined.add(link.parent)
                path.append(link)
                waiting.append(link.parent)
    return path


def unverified(profiles: Mapping[str, TableProfile], name: str) -> list[str]:
    """Return the columns that may join an input to another one, and that have no rows to verify that on."""
    others = [one for one in profiles if one != name]
    return [
        ", ".join(columns)
        for child, parent in [*((name, one) for one in others), *((one, name) for one in others)]
        if not (profiles[child].rows and profiles[parent].rows)
        for key in profiles[parent].keys[:3]
        if (columns := _same(profiles[child], key, parent))
    ][:3]


def _same(child: TableProfile, key: tuple[str, ...], parent: str) -> tuple[str, ...] | None:
    """Return the child's columns whose names say that they are the key of the parent; None if there are none."""
    names = {tuple(words(column.name)): column.name for column in child.table.columns}
    columns = []
    for part in key:
        own = tuple(words(part))
        table = tuple(words(parent))
        candidates = (
            [own] if own not in (("id",), ("code",), ("key",), ("no",), ("number",), ("name",)) else []
        )
        for one in {table, _singular(table), table[-1:], _singular(table[-1:])}:
            candidates += (
                [(*one, *own), (*one, "id"), (*one, "code"), (*one, "key")]
                if own[-1:] in (("id",), ("code",), ("key",))
                else [(*one, *own)]
            )
            if len(key) == 1:
                candidates.append(one)
        column = next((names[one] for one in candidates if one in names), None)
        if column is None:
            return None
        columns.append(column)
    # A key that is also the child's own is a link only where the parent's name or key is in it.
    return tuple(columns)


def _is_one_to_one_elsewhere(
    profile: TableProfile, columns: tuple[str, ...], found: Sequence[Link], child: str, parent: str
) -> bool:
    """Return True if the other table has been linked to this one by the same columns already."""
    return any(link.child == parent and link.parent == child for link in found) and columns in profile.keys


def _singular(name: tuple[str, ...]) -> tuple[str, ...]:
    return (*name[:-1], *map(singular, name[-1:]))


def _verified(
    sources: Mapping[str, Source],
    profiles: Mapping[str, TableProfile],
    child: str,
    columns: tuple[str, ...],
    parent: str,
    key: tuple[str, ...],
) -> Link | None:
    """Return the link if the values of the child's columns are in the parent."""
    values = contained(sources[child], columns, sources[parent], key)
    if not values.looked_for or values.found < SHARE * values.looked_for:
        return None
    complete = values.found == values.looked_for and all(
        profiles[child].columns[column].missing == 0 for column in columns
    )
    reason = (
        f"{values.found:,} of {values.looked_for:,} different values of {', '.join(columns)} are in {parent}"
    )
    return Link(child, columns, parent, key, reason, complete and values.is_all)
