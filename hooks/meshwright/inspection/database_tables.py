"""Read and profile one table of a database, as `database@1` lands it."""

from __future__ import annotations

import contextlib
import itertools
import re
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from meshwright.core.errors import Error
from meshwright.core.sql import databricks, postgres
from meshwright.core.sql.standard import literal
from meshwright.core.text import listed, printable
from meshwright.inspection.database_address import DatabaseAddress, readable
from meshwright.inspection.model import Column, Table, TableProfile
from meshwright.inspection.mysql_columns import as_meant, without_shapes
from meshwright.inspection.profile import profile
from meshwright.inspection.reading import values as reading
from meshwright.inspection.reading.database_types import base_type, expression, sqlite_type
from meshwright.inspection.relation import Relation, SqlWriting, batches

VALUES_AT_ONCE = 5_000
"""Values in one condition."""
CHUNK_ROWS = 2_000
MANY_ROWS = 1_000_000
"""Rows from which PostgreSQL is asked for a sample of its pages."""


class DatabaseSource:
    """A table or a view. One connection is open from the first question on, and sees one state of the table."""

    uses = "database@1"

    def __init__(
        self,
        name: str,
        address: DatabaseAddress,
        described: Table,
        table: sa.Table,
        json: Collection[str] = (),
    ) -> None:
        """`json`: columns of MariaDB that hold JSON."""
        self.name = name
        self.address = address
        self._engine = address.engine()
        self._dialect = self._engine.dialect
        self._described, self._table = described, table
        self.notes: list[str] = []
        """Sentences for the person, on what is read beside it."""
        self._left_out: tuple[str, ...] = ()
        if self._dialect.name == "mysql":
            self._described, self._table, self._left_out = without_shapes(described, table)
            self._described = as_meant(self._described, json)

    def close(self) -> None:
        """Close the connection, which holds a state of the table until then."""
        if "_connection" in self.__dict__:
            self._connection.close()
        self._engine.dispose()

    @property
    def properties(self) -> Mapping[str, Any]:
        """See model.Source."""
        schema = self.address.schema or (self._described.schema if self._needs_schema else "")
        given = replace(self.address, schema=schema, table=self._described.name).properties
        if self._left_out:
            given["columns"] = [column.name for column in self._described.columns]
        return given

    @cached_property
    def _needs_schema(self) -> bool:
        """Return True if the account's search path would find another table, or none, by the name alone."""
        return self._dialect.name == "postgresql" and self._described.schema != "public"

    @cached_property
    def _connection(self) -> sa.Connection:
        with readable(self.address):
            connection = self._engine.connect()
            weakref.finalize(self, _close, connection)
            if self._dialect.name == "sqlite":
                raw: Any = connection.connection.dbapi_connection
                raw.create_function("regexp", 2, _matches, deterministic=True)
                raw.create_function("unfit", 3, _is_unfit, deterministic=True)
                connection.exec_driver_sql("begin")
            return connection

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        with readable(self.address):
            escaped = sql if self._dialect.name == "sqlite" else sql.replace("%", "%%")
            return [tuple(row) for row in self._connection.exec_driver_sql(escaped).fetchall()]

    @cached_property
    def _relation(self) -> Relation:
        preparer = self._dialect.identifier_preparer
        source = preparer.format_table(self._table)
        values = {column.name: self._read(column.name) for column in self._described.columns}
        name = self._dialect.name
        relation = Relation(
            self._described,
            source,
            values,
            self._ask,
            WRITING[name],
            self._value,
            lambda size: self._sample(source, values, size),
            self.notes,
        )
        if self._left_out:
            names = listed([printable(name) for name in self._left_out])
            relation.notes.append(
                f"{names} cannot be read as text and is left out: a view can convert it with st_astext."
            )
        relation.table = self._fitting(relation)
        relation.as_texts = frozenset(
            column.name
            for column in relation.table.columns
            if column.type == "VARCHAR" and not self._is_text(column)
        )
        for before, column in zip(self._described.columns, relation.table.columns, strict=True):
            if before.type != column.type and column.type == "VARCHAR":
                values[column.name] = f"cast({values[column.name]} as {TEXTS[name]})"
        return relation

    def _is_text(self, column: Column) -> bool:
        """Return True if the source itself holds texts in a column, each of which is one value."""
        kind = base_type(self._table.columns[column.name])
        if self._dialect.name == "sqlite":
            return column.type == self._described.column(column.name).type
        return isinstance(kind, sa.String) and not isinstance(kind, mysql.SET)

    def _read(self, name: str) -> str:
        """Return the SQL of a column's value as it is read."""
        column = self._table.columns[name]
        read = self._reading(column)
        if self._dialect.name == "postgresql" and isinstance(column.type, sa.Enum):
            read = sa.cast(column, sa.Text)
        compiled = read.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True})
        return str(compiled).replace("%%", "%")

    def _sample(self, source: str, values: Mapping[str, str], size: int) -> list[tuple[Any, ...]]:
        """Return rows from all over the table if the engine has a way to, else its first ones."""
        selected = ", ".join(values.values()) or "1"
        rows = self._described.rows or 0
        where = ""
        if self._dialect.name == "postgresql" and rows > MANY_ROWS and not self._described.is_view:
            percent = min(100.0, 150.0 * size / rows)
            source = f"{source} tablesample system ({percent:.6f}) repeatable (1)"
        elif self._dialect.name == "mysql" and rows > MANY_ROWS:
            where = f" where rand(1) < {min(1.0, 1.5 * size / rows):.9f}"
        return self._ask(f"select {selected} from {source}{where} limit {size}")

    # Values that do not fit ------------------------------------------------------------------------------------------

    def _fitting(self, relation: Relation) -> Table:
        """Return the table with types that hold all values: a database accepts some that its own types do not hold."""
        tests: dict[str, tuple[str, str]] = {}
        for column in self._described.columns:
            value = relation.values[column.name]
            for condition, kind in self._doubts(column, value):
                tests[column.name] = condition, kind
        changed: dict[str, str] = {}
        for group in batches(list(tests), 100):
            selected = ", ".join(f"max(case when {tests[name][0]} then 1 else 0 end)" for name in group)
            (answer,) = self._ask(f"select {selected} from {relation.source}")
            changed |= {name: tests[name][1] for name, found in zip(group, answer, strict=True) if found}
        if changed:
            for name, kind in changed.items():
                relation.notes.append(
                    f"{printable(name)} has values that do not fit {self._described.column(name).type}: it is declared as {kind}."
                )
        return replace(
            self._described,
            columns=tuple(
                replace(column, type=changed.get(column.name, column.type))
                for column in self._described.columns
            ),
        )

    def _doubts(self, column: Column, value: str) -> Iterator[tuple[str, str]]:
        """Yield a condition for values that the column's type does not hold, and the type that does."""
        match self._dialect.name, column.type:
            case "sqlite", kind if kind != "VARCHAR":
                utc = int(sqlite_type(column.native_type)[1])
                yield f"{value} is not null and unfit({value}, {literal(kind)}, {utc})", "VARCHAR"
            case "postgresql", "DATE" | "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
                yield f"not isfinite({value}) or extract(year from {value}) not between 1 and 9999", "VARCHAR"
            case "postgresql", kind if kind.startswith("DECIMAL") and "numeric" in column.native_type:
                if "(" not in column.native_type:
                    wide = f"{value} <> round({value}, 9) or abs({value}) >= 1e29"
                    yield f"{value} = 'NaN' or {wide}", "VARCHAR"
                else:
                    yield f"{value} = 'NaN'", "VARCHAR"
            case "mysql", "BOOLEAN":
                yield f"{value} not in (0, 1)", "BIGINT"
            case "mysql", "DATE" | "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
                yield f"year({value}) = 0 or month({value}) = 0 or day({value}) = 0", "VARCHAR"

    # Source ----------------------------------------------------------------------------------------------------------

    def table(self) -> Table:
        """See model.Source."""
        return self._described

    @cached_property
    def _profile(self) -> TableProfile:
        return profile(self._relation)

    def profile(self) -> TableProfile:
        """See model.Source."""
        return self._profile

    def rows(self, limit: int, among: Mapping[str, Collection[Any]] | None = None) -> Iterator[Sequence[Any]]:
        """See model.Source."""
        found = self._profile
        order = next(iter(found.keys), ()) or tuple(
            column.name for column in found.table.columns if column.type not in ("JSON", "BLOB")
        )
        places = [position for position, column in enumerate(found.table.columns) if column.name in order]
        several = [self._select(order, limit, dict(one)) for one in self._combinations(among)]
        if not several:
            return
        rows = several[0] if len(several) == 1 else _merged(several, places)
        yield from itertools.islice(rows, limit)

    def distinct(
        self, columns: Sequence[str], limit: int, among: Mapping[str, Collection[Any]] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """See model.Source."""
        found: set[tuple[Any, ...]] = set()
        listed_columns = [self._table.columns[name] for name in columns]
        for combination in self._combinations(among):
            query = self._chosen(listed_columns, dict(combination)).distinct()
            for column in listed_columns:
                query = query.where(column.is_not(None))
            query = query.order_by(*_places(range(len(columns)))).limit(limit)
            with readable(self.address):
                rows = self._connection.execute(query).fetchall()
            found |= {*self._converted([tuple(row) for row in rows], columns)}
        yield from itertools.islice(_merged([list(found)], range(len(columns))), limit)

    def _combinations(
        self, among: Mapping[str, Collection[Any]] | None
    ) -> Iterator[tuple[tuple[str, Sequence[Any]], ...]]:
        """Yield the conditions of `among` in parts that one query can take."""
        chunks = [
            [(name, chunk) for chunk in batches(list(given), VALUES_AT_ONCE)]
            for name, given in (among or {}).items()
        ]
        return itertools.product(*chunks)

    def _chosen(
        self, columns: Iterable[sa.Column[Any]], among: Mapping[str, Sequence[Any]]
    ) -> sa.Select[Any]:
        """Return the query for columns of the rows that have one of the values in each column of `among`."""
        readings = [sa.type_coerce(self._reading(column), _AsItIs()) for column in columns]
        query = sa.select(*readings).select_from(self._table)
        for name, given in among.items():
            query = query.where(self._has(self._table.columns[name], given))
        return query

    def _has(self, column: sa.Column[Any], given: Sequence[Any]) -> sa.ColumnElement[bool]:
        """Return the condition that a column has one of the values, which are written as they land."""
        if self._described.column(column.name).type == self._relation.table.column(column.name).type:
            read = sa.cast(column, sa.Text) if isinstance(column.type, sa.Enum) else self._reading(column)
            if isinstance(base_type(column), sa.REAL):  # its values are the shortest texts of numbers
                return read.in_([sa.cast(value, sa.REAL) for value in given])
            return read.in_(given)
        if self._dialect.name == "sqlite":  # it compares a text with a number as its column's type says
            return sa.type_coerce(column, sa.Text).in_(given)
        spellings = [spelling for value in given for spelling in _spellings(str(value))]
        return sa.cast(column, sa.Text).in_(spellings)

    def _select(
        self, order: Sequence[str], limit: int, among: Mapping[str, Sequence[Any]]
    ) -> list[tuple[Any, ...]]:
        names = [column.name for column in self._described.columns]
        is_indexed = order in (self._described.primary_key, *self._described.unique_keys)
        # What has no index is ordered as it is read: some types, such as points, have no order of their own.
        ordered = (
            [self._table.columns[name] for name in order]
            if is_indexed
            else _places([names.index(name) for name in order])
        )
        query = self._chosen(self._table.columns, among).order_by(*ordered).limit(limit)
        with readable(self.address):
            rows = [tuple(row) for row in self._connection.execute(query).fetchall()]
        return self._converted(rows, names)

    def _reading(self, column: sa.Column[Any]) -> Any:
        return column if self._dialect.name == "sqlite" else expression(column)[0]

    def _converted(self, rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return rows of these columns with the values that land."""
        if not rows:
            return []
        columns = []
        for name, found in zip(names, zip(*rows, strict=True), strict=True):
            column = self._relation.table.column(name)
            utc = self._is_utc(column)
            try:
                columns.append(reading.array(found, column.type, utc=utc).to_pylist())
            except reading.Unfit as error:
                raise Error(
                    f"{self.address.shown}: the column {printable(column.name)} has a value that does not fit {column.type}.",
                    "Correct it in the database, or read a view that converts it to text.",
                ) from error
        return list(zip(*columns, strict=True))

    def _value(self, column: Column, value: Any) -> Any:
        """Return the value that lands; None if it does not fit its column."""
        try:
            return None if value is None else reading.convert(value, column.type, utc=self._is_utc(column))
        except (ValueError, ArithmeticError):
            return None

    def _is_utc(self, column: Column) -> bool:
        if self._dialect.name == "sqlite":
            return sqlite_type(column.native_type)[1]
        return expression(self._table.columns[column.name])[2]


def _close(connection: sa.Connection) -> None:
    """Close a connection whose server may be gone."""
    with contextlib.suppress(Exception):
        connection.close()


class _AsItIs(sa.types.UserDefinedType[Any]):
    """Returns values as the driver's Python types, which represent the database's values most exactly."""

    cache_ok = True


def _places(positions: Iterable[int]) -> list[sa.ColumnElement[Any]]:
    """Return what orders a query by columns that it selects, at these positions from 0."""
    return [sa.literal_column(str(position + 1)) for position in positions]


FRACTION = re.compile(r"(?P<clock>:\d\d:\d\d)(\.(?P<digits>\d+))?(?P<zone>[+-]\d\d(:\d\d)?)?$", re.ASCII)
"""The end of a date and time, from its minutes on."""


def _spellings(text: str) -> Iterator[str]:
    """Yield a text, and for a date and time its spellings by databases, whose number of digits is the column's."""
    yield text
    if match := FRACTION.search(text):
        digits = (match["digits"] or "").rstrip("0")
        zone = (match["zone"] or "").removesuffix(":00")
        for size in range(len(digits), 7):
            fraction = f".{digits.ljust(size, '0')}" if size else ""
            spelling = f"{text[: match.start()]}{match['clock']}{fraction}{zone}"
            if spelling != text:
                yield spelling


def _merged(several: Iterable[list[tuple[Any, ...]]], places: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return the rows of several queries in one order: None is last, and types are compared by their texts if they must."""
    rows = list(itertools.chain(*several))
    try:
        return sorted(rows, key=lambda row: tuple((row[place] is None, row[place]) for place in places))
    except TypeError:
        return sorted(rows, key=lambda row: tuple((row[place] is None, str(row[place])) for place in places))


def _matches(form: str, text: Any) -> bool | None:
    """SQLite's `text regexp form`."""
    return None if text is None else re.search(form, str(text)) is not None


def _is_unfit(value: Any, kind: str, utc: int) -> bool:
    """Return True if a value of SQLite does not fit a type."""
    try:
        reading.convert(value, kind, utc=bool(utc))
    except (ValueError, ArithmeticError):
        return True
    return False


TEXTS = {"postgresql": "text", "mysql": "char", "sqlite": "text"}
"""Dialect of SQLAlchemy -> its type of texts."""
WRITING = {
    "postgresql": SqlWriting(
        postgres.identifier, postgres.literal, exact='{} collate "C"', finite="nullif({}, 'NaN')"
    ),
    "mysql": SqlWriting(
        databricks.identifier,
        lambda text: literal(text.replace("\\", "\\\\")),
        matches="{text} regexp {form}",
        exact="cast({} as binary)",
    ),
    "sqlite": SqlWriting(
        postgres.identifier,
        literal,
        length="length({})",
        matches="{text} regexp {form}",
        exact="{} collate binary",
    ),
}
"""Dialect of SQLAlchemy -> how it writes SQL."""
