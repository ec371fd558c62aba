"""Keys that the tables of one database do not declare, as their names suggest them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from meshwright.core.text import singular
from meshwright.inspection.model import ForeignKey, Table
from meshwright.survey.names import begins_with, subject, words

GENERIC = {
    "id",
    "code",
    "name",
    "key",
    "no",
    "number",
    "nr",
    "uuid",
    "guid",
    "seq",
    "line",
    "date",
    "type",
    "value",
}
"""Keys whose name does not say which table they are of."""
ENDINGS = {"id", "key", "code", "no", "nr", "num", "number", "uuid", "guid", "fk", "sk", "ref", "sku"}
"""Last words of the names of keys."""
FAMILIES = {
    "number": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "INT", "UINT", "UBIGINT", "DECIMAL", "NUMERIC", "DOUBLE"),
    "text": ("VARCHAR", "TEXT", "CHAR", "UUID"),
    "time": ("DATE", "TIME"),
}  # fmt: skip


def family(type: str) -> str:
    """Return which types a type can be compared with."""
    upper = type.upper()
    return next((name for name, starts in FAMILIES.items() if upper.startswith(starts)), upper)


def key_of(table: Table, prefix: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the primary key, or the first column if its name says that it is one; empty if neither."""
    if table.primary_key:
        return table.primary_key
    if table.unique_keys:
        return table.unique_keys[0]
    if table.is_view or not table.columns:
        return ()
    first = words(table.columns[0].name)
    if not first or first[-1] not in ENDINGS:
        return ()
    own = subject(table.name, prefix)
    return (
        (table.columns[0].name,)
        if len(first) == 1 or tuple(map(singular, first[:-1])) in (own, own[-1:])
        else ()
    )


class Keys:
    """The single-column keys of the tables of one database, by which undeclared references are recognized."""

    def __init__(self, tables: Sequence[Table], prefix: tuple[str, ...]) -> None:
        self.prefix = prefix
        self.by_column: dict[str, list[Table]] = {}
        """Name of a key in lower case -> the tables with that key."""
        self.by_subject: dict[tuple[str, ...], list[Table]] = {}
        """Words of a table's name, in the singular -> the tables."""
        for table in tables:
            key = key_of(table, prefix)
            if len(key) == 1 and not table.is_view:
                self.by_column.setdefault(key[0].lower(), []).append(table)
                whole = tuple(map(singular, subject(table.name, prefix)))
                for part in {whole, whole[-1:]}:
                    self.by_subject.setdefault(part, []).append(table)

    def referred(self, table: Table, column: str) -> tuple[Table, str] | None:
        """Return the table that a column seems to refer to, and why; None if there is none, or several."""
        parts = words(column)
        if not parts or (len(parts) == 1 and parts[0] in GENERIC):
            return None
        same = self._one(table, self.by_column.get(column.lower(), ()), column)
        if same and parts[-1] not in ("date",):
            return same, f"its key has the name {column}"
        if parts[-1] in ENDINGS and len(parts) > 1:
            base = tuple(map(singular, parts[:-1]))
            # The key of the other table says nothing by its own name: customer_id is not customer_key.
            plain = [
                one for one in self.by_subject.get(base, ()) if len(words(key_of(one, self.prefix)[0])) == 1
            ]
            named = self._one(table, plain, column)
            if named:
                return named, f"{column} names it"
        for start in range(1, len(parts) - 1):  # delivery_address_id -> address_id
            role = self._one(table, self.by_column.get("_".join(parts[start:]), ()), column)
            if role:
                return role, f"its key has the name that {column} ends with"
        return None

    def _one(self, table: Table, candidates: Sequence[Table], column: str) -> Table | None:
        others = [other for other in candidates if other is not table and self._fits(table, column, other)]
        near = [other for other in others if other.schema == table.schema]
        others = near or others
        if len(others) > 1:
            base = tuple(map(singular, words(column)[:-1]))
            others = [one for one in others if tuple(map(singular, subject(one.name, self.prefix))) == base]
        return others[0] if len(others) == 1 else None

    def _fits(self, table: Table, column: str, other: Table) -> bool:
        key = key_of(other, self.prefix)
        if key_of(table, self.prefix) == (column,) and not begins_with(table.name, other.name, self.prefix):
            return False  # its own key: the other one may just as well refer to it
        return family(table.column(column).type) == family(other.column(key[0]).type)


def with_inferred(tables: Sequence[Table], prefix: tuple[str, ...] = ()) -> list[Table]:
    """Return the tables with the foreign keys that names suggest, marked as not declared."""
    keys = Keys(tables, prefix)
    return [
        replace(table, foreign_keys=(*table.foreign_keys, *_inferred(table, keys)))
        if not table.is_view
        else table
        for table in tables
    ]


def _inferred(table: Table, keys: Keys) -> Iterator[ForeignKey]:
    declared = {column for key in table.foreign_keys for column in key.columns}
    for column in table.columns:
        if column.name in declared:
            continue
        found = keys.referred(table, column.name)
        if found:
            other, reason = found
            yield ForeignKey((column.name,), other.qualified, key_of(other, keys.prefix), False, reason)


def resolver(tables: Sequence[Table]) -> Mapping[tuple[str, str], Table]:
    """Return (schema of the referring table, name of the other one) -> the other one, for names with and without schema."""
    found: dict[tuple[str, str], Table] = {}
    for table in tables:
        found.setdefault(("", table.name.lower()), table)
        found[("", table.qualified.lower())] = table
    for table in tables:
        found[(table.schema, table.name.lower())] = table
    return found


def target(tables: Mapping[tuple[str, str], Table], table: Table, key: ForeignKey) -> Table | None:
    """Return the table that a foreign key refers to; None if it is not in the survey."""
    name = key.table.lower()
    return tables.get((table.schema, name)) or tables.get(("", name))
