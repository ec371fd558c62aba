"""What is known of a table while its catalog is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from meshwright.inspection.model import Activity, Column, ForeignKey, Table
from meshwright.inspection.reading.database_types import expression


@dataclass
class Parts:
    """What is known of a table while it is read."""

    columns: list[Column] = field(default_factory=list)
    types: list[Any] = field(default_factory=list)
    """Types of the columns for SQLAlchemy."""
    primary_key: tuple[str, ...] = ()
    unique_keys: list[tuple[str, ...]] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    comment: str = ""
    is_view: bool = False
    rows: int | None = None
    reads_from: tuple[str, ...] = ()
    activity: Activity | None = None
    grants: tuple[str, ...] = ()
    problem: str = ""
    """See Table."""

    def add(self, column: Column, kind: Any) -> None:
        self.columns.append(column)
        self.types.append(kind)

    def table(self, name: str, schema: str) -> Table:
        return Table(
            name,
            tuple(self.columns),
            schema,
            self.primary_key,
            tuple(key for key in dict.fromkeys(self.unique_keys) if key != self.primary_key),
            tuple(self.foreign_keys),
            self.rows,
            self.comment,
            self.is_view,
            self.reads_from,
            self.activity,
            self.grants,
            self.problem,
        )


Found = dict[tuple[str, str], Parts]
"""Schema and name -> what is known of a table."""


def described(
    name: str, kind: Any, *, native: str, required: bool, comment: str, values: Sequence[str] = ()
) -> Column:
    """Return a column as `database@1` lands it."""
    column: sa.Column[Any] = sa.Column(name, kind)
    enum = isinstance(kind, sa.Enum)
    return Column(
        name=name,
        type=expression(column)[1],
        native_type=native,
        required=required,
        max_length=_length(kind),
        description=comment,
        values=tuple(map(str, kind.enums)) if enum else tuple(values),
    )


def _length(kind: Any) -> int | None:
    """Return the characters that a type allows; None if it does not tell, or lists its values."""
    if isinstance(kind, mysql.SET):  # SQLAlchemy's is that of one value; a set may have all of them
        return sum(len(value) + 1 for value in kind.values) - 1
    return (
        kind.length if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum) and kind.length else None
    )


def utc(moment: Any) -> datetime | None:
    """Return a moment in UTC; None if it is none."""
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
