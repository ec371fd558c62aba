"""Sources of tables in memory, for tests of what is drafted from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshwright.inspection.model import Column, ColumnProfile, ForeignKey, Table, TableProfile


@dataclass(frozen=True)
class TableSource:
    """A table in memory as a source."""

    name: str
    columns: Mapping[str, str]
    """Name -> type."""
    values: Sequence[Sequence[Any]]
    uses: str = "file@1"
    properties: Mapping[str, Any] = field(default_factory=dict)
    foreign_keys: tuple[ForeignKey, ...] = ()
    primary_key: tuple[str, ...] = ()

    def table(self) -> Table:
        columns = tuple(Column(name, type_) for name, type_ in self.columns.items())
        return Table(self.name, columns, primary_key=self.primary_key, foreign_keys=self.foreign_keys)

    def profile(self) -> TableProfile:
        columns = {}
        keys = [self.primary_key] if self.primary_key else []
        for place, (name, type_) in enumerate(self.columns.items()):
            values = [row[place] for row in self.values if row[place] is not None]
            plain = sorted({str(value) for value in values})
            is_text = type_ == "VARCHAR"
            ordered = not is_text and values and not isinstance(values[0], dict | list)
            if (
                values
                and len(plain) == len(self.values)
                and type_ in ("VARCHAR", "BIGINT")
                and (name,) not in keys
            ):
                keys.append((name,))
            columns[name] = ColumnProfile(
                missing=len(self.values) - len(values),
                distinct=len(plain),
                minimum=str(min(values)) if ordered else None,
                maximum=str(max(values)) if ordered else None,
                values=tuple(plain) if is_text and len(plain) <= 20 else (),
                shortest=min(map(len, plain)) if is_text and plain else None,
                longest=max(map(len, plain)) if is_text and plain else None,
            )
        return TableProfile(self.table(), len(self.values), columns, tuple(keys))

    def rows(self, limit: int, among: Mapping[str, Collection[Any]] | None = None) -> Iterator[Sequence[Any]]:
        names = list(self.columns)
        found = (
            row
            for row in self.values
            if all(row[names.index(one)] in there for one, there in (among or {}).items())
        )
        for _, row in zip(range(limit), found, strict=False):
            yield row

    def distinct(
        self, columns: Sequence[str], limit: int, among: Mapping[str, Collection[Any]] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        places = [list(self.columns).index(name) for name in columns]
        found = {tuple(row[place] for place in places) for row in self.rows(len(self.values), among)}
        yield from sorted(one for one in found if None not in one)[:limit]
