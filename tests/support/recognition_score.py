"""Precision and recall of a recognition of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from labelled_columns import Labelled

SAME = {"first name": "name", "last name": "name", "user name": "name"}


@dataclass
class Score:
    """Counts of columns, and those that were wrong."""

    right: int = 0
    blamed: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Right answers among all columns for which a kind was named."""
        return self.right / (self.right + len(self.blamed))

    @property
    def recall(self) -> float:
        """Right answers among all columns that hold personal data."""
        return self.right / (self.right + len(self.missed))


def score(columns: Iterable[Labelled], answer: Callable[[Labelled], str]) -> Score:
    """Return the score of `answer`, which returns a kind or an empty text.

    A wrong kind is a false accusation, and the right one is missed.
    """
    result = Score()
    for column in columns:
        kind = answer(column)
        place = f"{column.label} | {column.table} | {column.name} {column.type} | {column.values[:3]}: {kind or '-'}"
        if column.is_personal and SAME.get(kind, kind) in column.label.split("/"):
            result.right += 1
            continue
        if kind:
            result.blamed.append(place)
        if column.is_personal:
            result.missed.append(place)
    return result
