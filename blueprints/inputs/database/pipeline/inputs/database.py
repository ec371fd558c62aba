"""`database@1`: a table or view of a database, complete or only what has changed since the last run."""

from __future__ import annotations

import contextlib
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from dlt.extract import DltResource
from sqlalchemy.dialects import mysql, postgresql

from pipeline import disclosure, values
from pipeline.connections import explained
from pipeline.database_sessions import read_only_engine, unquoted
from pipeline.database_types import base_type, expression, sqlite_affinity, sqlite_type, sqlite_types
from pipeline.declared_columns import SPEC, declared, declared_at
from pipeline.dlt_columns import hints, landed_name, loaded_columns, refuse_other_types
from pipeline.errors import UnreadableInput
from pipeline.inputs import IngestReport
from pipeline.spec import Capability, Product

CHUNK_ROWS = 20_000
START_OVER = "start over with `python -m pipeline --full-refresh`"

DATA_EXCEPTION = "22"
"""First digits of SQLSTATE for errors whose message quotes a value."""
ENDLESS = ("NaN", "nan", "Infinity", "infinity", "Inf", "inf")
"""Texts of numbers and times after which there is none."""
AHEAD = timedelta(days=1)
"""How far a cursor may be in the future, unless the input has a `cursor_ceiling`: enough for any time zone."""


@dataclass(frozen=True)
class _Column:
    """A column to read."""

    name: str
    """The name that it lands with."""
    read: sa.ColumnElement[Any]
    """Its value, as the database computes it."""
    type: str
    """The type that it lands as, in the spelling of pipeline.column_types."""
    place: str = ""
    """The file that declares the type; empty: the database does."""
    utc: bool = False
    """True if a time without a zone is in UTC."""
    native: str = ""
    """The type that it lands as without a declaration."""
    sort: str = ""
    """What the database orders it as: number, time or text; empty: by no order that a cursor can follow."""
    order: Any = None
    """What the database orders."""
    distinct: bool = False
    """True if values that differ in the database differ once loaded."""


def resource(source: Capability, product: Product) -> DltResource:
    """Return what dlt loads into the table `source.name`: all rows, or with `cursor` the new and changed ones.

    Inspects the table's columns at once, and reads the rows when dlt asks for them. Raises UnreadableInput
    for any failure, now or then.
    """
    given = source.properties
    with _readable(source):
        engine = _engine(source, product)
        with warnings.catch_warnings(
            category=sa.exc.SAWarning, action="ignore"
        ):  # types that SQLAlchemy does not know
            metadata = sa.MetaData(schema=given.get("schema"))
            table = sa.Table(
                given["table"],
                metadata,
                autoload_with=engine,
                resolve_fks=False,
                listeners=[("column_reflect", unquoted)] if engine.dialect.name == "mysql" else [],
            )
            by_name = _by_name(source, table)
            key = _named(source, "key", by_name)
            columns = _columns(source, product, engine, table, by_name)
            cursor = next(iter(_named(source, "cursor", by_name)), "")
            for column in columns:
                if column.name == cursor:
                    _check_cursor(source, engine, table, column)
            landed = not all(column.distinct for column in columns if column.name in key)
            reader = _Reader(
                source=source,
                product=product,
                engine=engine,
                table=table,
                columns=columns,
                key=key,
                compare=landed,
                proof=None
                if landed
                else _duplicates(engine, table, [by_name[name] for name in key], columns),
                cursor=cursor,
                report=IngestReport(described=True),
            )
    loaded = dlt.resource(
        reader.tables(),
        name=source.name,
        write_disposition="merge" if reader.cursor else "replace",
        primary_key=key or None,
    )
    loaded.ingest_report = reader.report
    return loaded


@dataclass(frozen=True)
class _Reader:
    """Reads in chunks, in one transaction. A value that does not fit its column's type ends the run.

    The highest cursor value is part of dlt's state, which dlt loads together with the rows. dlt's own `incremental` is
    not used: with a lag it fails on times in Arrow, and it loses rows that change twice with the same cursor value.
    """

    source: Capability
    product: Product
    engine: sa.Engine
    table: sa.Table
    columns: list[_Column]
    key: list[str]
    """The columns that identify each row."""
    compare: bool
    """True if keys that differ in the database may be equal once loaded."""
    proof: sa.Select[Any] | None
    """A query for rows that they do not distinguish."""
    cursor: str
    report: IngestReport

    def tables(self) -> Iterator[Any]:
        """Yield the rows as Arrow tables, the first of them without rows."""
        with _readable(self.source), self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("begin")  # all that follows reads the same snapshot of the file
            if self.proof is not None and (row := connection.execute(self.proof).first()):
                raise UnreadableInput(
                    f"Input {self.source.name}: several rows have the same {', '.join(self.key)}: {self._pairs(row)}.",
                    fix="Set `key` to columns that identify each row.",
                )
            schema = self._schema()
            if self.compare:
                self._compare_keys(connection, schema)
            state: dict[str, Any] = {}
            reached = highest = None
            if self.cursor:
                state = self._state()
                reached = highest = self._reached(state, schema.field(self.cursor).type)
                if reached is not None and (new := self._new(state)):
                    # The source may have values there in rows that the cursor has passed.
                    self.report.notes.append(f"new columns: {', '.join(new)}. All rows are read again")
                    reached = None
                if self.source.properties.get("notice_deletions", True):
                    count = sa.select(sa.func.count()).select_from(self.table)
                    self.report.rows_at_source = connection.execute(count).scalar_one()
            # An empty table first, so that a table without rows still has its columns.
            yield dlt.mark.with_hints(
                schema.empty_table(), dlt.mark.make_hints(columns=hints(self.report.columns))
            )
            texts = bool(self.cursor) and pa.types.is_string(schema.field(self.cursor).type)
            if texts:  # the database orders them by its own collation, or by their own type
                last = self._last(connection)
                highest = highest if last is None else values.text(last)
            read = 0
            for rows in self._partitions(connection, self._query(reached)):
                chunk = self._chunk(schema, self.columns, rows, read)
                read += len(rows)
                if self.cursor and not texts:
                    highest = self._highest(chunk[self.cursor], highest)
                yield chunk
            if self.cursor:
                self._keep(state, reached, highest)

    def _partitions(self, connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Any]:
        """Yield the rows in chunks; name the column if its values are what the database or the driver refuses."""
        try:
            yield from connection.execution_options(yield_per=CHUNK_ROWS).execute(query).partitions()
        except Exception as error:
            if not _of_driver(error) or _cause(error)[0]:
                raise
            column = self._failing()
            if column is None:
                raise
            raise UnreadableInput(
                f"Input {self.source.name}: {_place(self.source)}: the column {column} cannot be read:"
                f" {_message(self.source, error)}",
                fix=f"Correct its values in the database, leave {column} out with `columns` in {SPEC}, or read a view that"
                " converts it to text.",
            ) from error

    def _failing(self) -> str | None:
        """Return the first column that cannot be read by itself; None if the rows cannot be read without columns either."""
        without = sa.select(sa.literal(1)).select_from(self.table)
        queries: list[tuple[str | None, sa.Select[Any]]] = [(None, without)]
        queries += [(column.name, sa.select(column.read.label(column.name))) for column in self.columns]
        for name, query in queries:
            with self.engine.connect() as connection:
                try:
                    rows = connection.execution_options(yield_per=CHUNK_ROWS).execute(query)
                    for _ in rows.partitions():
                        pass
                except Exception as error:
                    if not _of_driver(error):
                        raise
                    return None if _cause(error)[0] else name
        return None

    def _column(self, name: str) -> _Column:
        return next(column for column in self.columns if column.name == name)

    def _pairs(self, row: Any) -> str:
        return ", ".join(
            f"{name} = {disclosure.shown(value, self.product, name)}"
            for name, value in zip(self.key, row, strict=True)
        )

    def _compare_keys(self, connection: sa.Connection, schema: pa.Schema) -> None:
        """Refuse two rows of the table whose keys are equal once loaded: one of them would replace the other."""
        columns = [self._column(name) for name in self.key]
        schema = pa.schema([schema.field(name) for name in self.key])
        query = sa.select(*(column.read.label(column.name) for column in columns))

        def chunks() -> Iterator[tuple[Any, pa.Table]]:
            read = 0
            for rows in self._partitions(connection, query):
                yield rows, self._chunk(schema, columns, rows, read)
                read += len(rows)

        keys = pa.concat_tables([schema.empty_table(), *(chunk for _, chunk in chunks())])
        counts = keys.group_by(self.key).aggregate([([], "count_all")])
        same = counts.filter(pc.greater(counts["count_all"], 1)).select(self.key).slice(0, 1).to_pylist()
        if not same:
            return
        rows = [
            row
            for found, chunk in chunks()
            for row, key in zip(found, chunk.to_pylist(), strict=True)
            if key == same[0]
        ]
        others = [
            column
            for number, column in enumerate(columns)
            if column.type != "VARCHAR" and len({str(row[number]) for row in rows}) > 1
        ]
        declare = "".join(
            f", or declare in {column.place or declared_at(self.source).file}, for the table {self.source.name}:"
            f" {_entry(column.name, 'VARCHAR')}"
            for column in others[:1]
        )
        raise UnreadableInput(
            f"Input {self.source.name}: {_place(self.source)}: several rows have the same {', '.join(self.key)} once"
            f" loaded: {self._pairs(same[0].values())}. In the database: {'; '.join(map(self._pairs, rows[:2]))}.",
            fix=f"Correct one of them in the database, or set `key` to columns that identify each row{declare}.",
        )

    def _last(self, connection: sa.Connection) -> Any:
        """Return the highest accepted value of a cursor that lands as text; note those that are not accepted.

        A number or a time that is declared as text may be `infinity` or NaN, after which nothing is new.
        """
        column = self._column(self.cursor)
        order = column.order
        ceiling = self._ceiling(values.arrow(column.native))
        if column.sort == "number":  # also one of more digits than any type of a number has
            ceiling = self.source.properties.get("cursor_ceiling")
        accepted: list[sa.ColumnElement[bool]] = []
        if ceiling is not None:
            if self.engine.dialect.name == "sqlite" and isinstance(ceiling, date):
                ceiling = str(ceiling)  # its times are texts
            accepted.append(order <= ceiling)
        if column.sort in ("number", "time") and self.engine.dialect.name in ("postgresql", "sqlite"):
            accepted.append(sa.cast(order, sa.Text).not_in(ENDLESS))
        if accepted:
            beyond = sa.select(sa.func.count(), sa.func.max(order)).where(sa.not_(sa.and_(*accepted)))
            self.report.beyond, self.report.furthest = connection.execute(beyond).one()
        return connection.execute(sa.select(sa.func.max(order)).where(*accepted)).scalar_one()

    def _query(self, reached: Any) -> sa.Select[Any]:
        """Return the rows that may be new: also rows without a cursor, and rows at the highest value, which may have changed again."""
        rows = sa.select(*(column.read.label(column.name) for column in self.columns))
        if reached is None:
            return rows
        lag = self.source.properties.get("lag", 0)
        match reached:
            case datetime():
                reached -= timedelta(seconds=lag)
            case date():
                reached -= timedelta(days=lag)
            case Decimal():
                reached -= Decimal(lag)
            case int() | float():
                reached -= type(reached)(lag)
            case _ if lag:
                raise UnreadableInput(
                    f"Input {self.source.name}: {self.cursor} is neither a number nor a time, so `lag` does not apply.",
                    fix="Remove `lag`, or use another `cursor`.",
                )
        column = self._column(self.cursor)
        if column.sort == "text" and isinstance(reached, date):
            reached = _day(reached)
        return rows.where(sa.or_(column.order >= reached, column.order.is_(None)))

    def _state(self) -> dict[str, Any]:
        """Return the state of earlier runs: the cursor value that they reached, and the place that they read."""
        here = {"place": _place(self.source), "cursor": self.cursor}
        state: dict[str, Any] = dlt.current.resource_state(self.source.name)
        if state.get("place", here["place"]) != here["place"]:
            # Data of two databases must not be mixed, such as the sample and production.
            raise UnreadableInput(
                f"Input {self.source.name}: its rows came from {state['place']}, but now they would come"
                f" from {here['place']}.",
                fix=f"Correct `url` or `table`, or {START_OVER}.",
            )
        if state.get("cursor") != self.cursor:
            state.pop("reached", None)
        state |= here
        return state

    def _new(self, state: dict[str, Any]) -> list[str]:
        """The columns that the run before has not read."""
        naming = dlt.current.source_schema().naming
        names = [naming.normalize_identifier(column.name) for column in self.columns]
        before = state.get("columns") or list(loaded_columns(self.source.name))  # 0.2.0 kept none
        return [name for name in names if before and name not in before]

    def _ceiling(self, kind: pa.DataType) -> Any:
        """Return the highest accepted cursor value; None: any."""
        given, now = self.source.properties.get("cursor_ceiling"), self.report.started
        if pa.types.is_timestamp(kind):
            highest = values.latest(now, AHEAD if given is None else timedelta(seconds=given))
            return highest if kind.tz or highest is None else highest.replace(tzinfo=None)
        if pa.types.is_date(kind):
            highest = values.latest(now, AHEAD if given is None else timedelta(days=given))
            return highest and highest.date()
        return (
            given
            if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
            else None
        )

    def _reached(self, state: dict[str, Any], kind: pa.DataType) -> Any:
        """Return the cursor value that earlier runs reached; None to read from the beginning."""
        text = state.get("reached")
        if text is None:
            return None
        reached, ceiling = pa.scalar(text).cast(kind).as_py(), self._ceiling(kind)
        column = self._column(self.cursor)
        passed = ceiling is not None and reached > ceiling
        if pa.types.is_string(kind) and column.sort in ("number", "time"):
            native = values.arrow(column.native)
            ceiling = self._ceiling(native)
            passed = text in ENDLESS
            with contextlib.suppress(pa.ArrowException):  # such as a year before Christ
                passed = passed or (ceiling is not None and pa.scalar(text).cast(native).as_py() > ceiling)
        if passed:
            # Release 0.2.0 accepted any value, and read nothing from then on.
            self.report.notes.append(
                f"the cursor {self.cursor} was at {reached}, above {'any value' if ceiling is None else ceiling}:"
                " all rows are read again"
            )
            return None
        return reached

    def _highest(self, column: pa.ChunkedArray, before: Any) -> Any:
        """The highest accepted cursor value so far."""
        ceiling = self._ceiling(column.type)
        if ceiling is not None:
            beyond = column.filter(pc.greater(column, pa.scalar(ceiling).cast(column.type)))
            if count := len(beyond):
                self.report.beyond += count
                last = pc.max(beyond).as_py()
                self.report.furthest = max(last, self.report.furthest or last)
                column = column.filter(pc.less_equal(column, pa.scalar(ceiling).cast(column.type)))
        if pa.types.is_floating(column.type):
            column = column.filter(pc.is_finite(column))
        last = pc.max(column).as_py()
        return max((value for value in (before, last) if value is not None), default=None)

    def _keep(self, state: dict[str, Any], before: Any, highest: Any) -> None:
        """Store the cursor value that this run reached, and note what an unchanged cursor may mean."""
        now, notes = self.report.started.isoformat(timespec="seconds"), self.report.notes
        naming = dlt.current.source_schema().naming
        state["columns"] = [naming.normalize_identifier(column.name) for column in self.columns]
        if self.report.beyond:
            above = "above `cursor_ceiling`" if "cursor_ceiling" in self.source.properties else "not finite"
            beyond = "in the future" if self._is_time() else above
            notes.append(
                f"rows whose {self.cursor} is {beyond}: {self.report.beyond:,}, up to {self.report.furthest}. They are"
                " loaded, but the cursor is not set to them"
            )
        if highest is None:
            return
        if before is not None and highest == before:
            since = f", since {state['moved']}" if "moved" in state else ""
            notes.append(f"no row is newer: the cursor {self.cursor} has stayed at {before}{since}")
        else:
            state["moved"] = now
        state["reached"] = str(highest)
        self.report.newest = (self.cursor, str(highest))

    def _is_time(self) -> bool:
        return self._column(self.cursor).sort == "time" or _sort(self._column(self.cursor).type) == "time"

    def _schema(self) -> pa.Schema:
        """Return the columns as they will land; refuse those that landed as another type before."""
        types = {column.name: column.type for column in self.columns}
        refuse_other_types(self.source, types, {column.name: column.place for column in self.columns})
        self.report.columns |= types
        naming = dlt.current.source_schema().naming
        gone = sorted(loaded_columns(self.source.name).keys() - set(map(naming.normalize_identifier, types)))
        if gone and not self.cursor:
            raise UnreadableInput(
                f"Input {self.source.name}: {', '.join(gone)} is no longer among the columns that are read from"
                f" {_place(self.source)}. The table of earlier runs has it, and models would read NULL.",
                fix=f"Remove it from the models, and {START_OVER}; or restore the column.",
            )
        self.report.gone += gone
        return pa.schema(
            pa.field(name, values.arrow(kind), nullable=name not in self.key) for name, kind in types.items()
        )

    def _chunk(self, schema: pa.Schema, columns: list[_Column], rows: Any, before: int) -> pa.Table:
        arrays = []
        for column, found in zip(columns, zip(*rows, strict=True), strict=True):
            try:
                arrays.append(values.array(found, column.type, utc=column.utc))
            except values.Unfit as unfit:
                raise self._unfit(
                    columns, column, found, unfit.position, rows[unfit.position], before
                ) from unfit
            if column.name in self.key and arrays[-1].null_count:
                raise UnreadableInput(
                    f"Input {self.source.name}: some rows have no {column.name}, which is part of the key.",
                    fix="Use columns in `key` that every row has.",
                )
        return pa.Table.from_arrays(arrays, schema=schema)

    def _unfit(
        self, columns: list[_Column], column: _Column, found: Any, position: int, row: Any, before: int
    ) -> UnreadableInput:
        """Return the error for a value that does not fit its column: its place, and a type that fits."""
        names = [one.name for one in columns]
        key = self.key or [
            name for name in map(landed_name, self.table.primary_key.columns.keys()) if name in names
        ]
        where = (
            ", ".join(
                f"{name} = {disclosure.shown(row[names.index(name)], self.product, name)}" for name in key
            )
            if key and all(disclosure.of_input(self.product, name) for name in key)
            else f"row {before + position + 1:,}"
        )
        by = f"which {column.place or 'the database'} declares"
        fits = values.fitting(found)
        entry = _entry(column.name, fits)
        declare = (
            f"declare in {column.place or declared_at(self.source).file}, for the table {self.source.name}: {entry}"
            if fits
            else f"exclude {column.name} with `columns` in {SPEC}"
        )
        return UnreadableInput(
            f"Input {self.source.name}: {_place(self.source)}: {where}: the column {column.name} contains"
            f" {disclosure.shown(found[position], self.product, column.name)}, which does not fit {column.type}, {by}.",
            fix=f"Correct it in the database, or {declare}.",
        )


class _AsItIs(sa.types.UserDefinedType[Any]):
    """Return values as the driver's Python types, which represent the database's values most exactly."""

    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """Return a cursor value as text, to compare with texts in SQLite."""

        def write(value: Any) -> Any:
            match value:
                case date():
                    return _day(value)
                case Decimal() if value == value.to_integral_value():
                    return int(value)
                case Decimal():
                    return math.nextafter(float(value), -math.inf)
            return value

        return write if dialect.name == "sqlite" else None


def _day(value: date) -> str:
    """Return the text that sorts before all texts of this time, and of later ones."""
    if isinstance(value, datetime) and value.tzinfo and value.date() > date.min:
        # A text with a time zone goes by its own day, which may be the one before.
        return (value.date() - timedelta(days=1)).isoformat()
    return value.isoformat()[:10]  # the shortest form of a date sorts first


def _engine(source: Capability, product: Product) -> sa.Engine:
    """Connections that only read, each table in one snapshot."""
    url = _url(source)
    if password := source.properties.get("password") or dlt.secrets.get(f"sources.{source.name}.password"):
        url = url.set(password=password)
    return read_only_engine(url, product.root, source.properties.get("row_security", "refuse"))


def _url(source: Capability) -> sa.URL:
    try:
        return sa.make_url(source.properties["url"])
    except (sa.exc.ArgumentError, ValueError):
        # Without the url, which may contain a password.
        raise UnreadableInput(
            f"Input {source.name}: its `url` is not valid for SQLAlchemy.",
            fix="Write it as postgresql://user@host:5432/database, mysql://user@host/database or sqlite:///path, with"
            " the password in `password`.",
        ) from None


@contextlib.contextmanager
def _readable(source: Capability) -> Iterator[None]:
    """Convert errors of the database or its driver to UnreadableInput, without passwords."""
    try:
        yield
    except sa.exc.NoSuchTableError as error:
        raise UnreadableInput(
            f"Input {source.name}: the table {error} does not exist, or this account cannot see it.",
            fix="Correct `table` or `schema` in data-product.yaml, or allow the account to read it.",
        ) from error
    except sa.exc.NoSuchModuleError as error:
        raise UnreadableInput(
            f"Input {source.name}: SQLAlchemy does not support {_url(source).drivername}.",
            fix="Correct the beginning of `url`, or `uv add` the package with the dialect.",
        ) from error
    except ModuleNotFoundError as error:
        raise UnreadableInput(
            f"Input {source.name}: the driver {error.name} is not installed.",
            fix="`uv add` its package.",
        ) from error
    except UnicodeDecodeError as error:
        raise UnreadableInput(
            f"Input {source.name}: {_place(source)}: a text is not {error.encoding}.",
            fix="Correct it in the database, or read a view that casts its column to bytes.",
        ) from error
    except Exception as error:
        if not _of_driver(error):
            raise
        cause, fix = _cause(error)
        raise UnreadableInput(
            f"Input {source.name}: {_place(source)} cannot be read{f': {cause}' if cause else ''}:"
            f" {_message(source, error)}",
            fix=f"{fix or 'Correct the cause, and run again.'} None of its rows were loaded.",
        ) from error


def _of_driver(error: Exception) -> bool:
    """Return True for an error of SQLAlchemy or of a driver, whose errors are all of a class `Error` (PEP 249)."""
    return isinstance(error, sa.exc.SQLAlchemyError | UnicodeDecodeError) or any(
        kind.__name__ == "Error" for kind in type(error).__mro__
    )


def _reason(error: Exception) -> BaseException:
    return error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error


def _cause(error: Exception) -> tuple[str, str]:
    """Return cause and fix of an error; both empty if they are not known."""
    reason = _reason(error)
    message = str(reason.args[-1] if reason.args else reason)
    return explained(f"{getattr(reason, 'sqlstate', None) or ''} {' '.join(message.split())}")


def _message(source: Capability, error: Exception) -> str:
    """Return the database's or the driver's message on one line, without the password."""
    reason = _reason(error)
    if isinstance(reason, UnicodeDecodeError):
        return f"a text is not {reason.encoding}"
    message = " ".join(str(reason.args[-1] if reason.args else reason).split()) or type(reason).__name__
    if str(getattr(reason, "sqlstate", None)).startswith(DATA_EXCEPTION):
        message = re.sub('"(.*)"', lambda quoted: values.form(quoted[1]), message)
    if password := source.properties.get("password") or _url(source).password:
        message = message.replace(str(password), "…")
    return message


def _by_name(source: Capability, table: sa.Table) -> dict[str, sa.Column[Any]]:
    """Return the columns to read, by the names that they land with: `Flight No.` becomes `flight_no`, as for files."""
    if not table.columns:
        raise UnreadableInput(
            f"Input {source.name}: {_place(source)} has no columns.",
            fix="Correct `table` or `schema` in data-product.yaml, or add a column to the table.",
        )
    names = [landed_name(column.name) for column in table.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UnreadableInput(
            f"Input {source.name}: several columns would have the name {', '.join(twice)}.",
            fix="Read a view with distinct names.",
        )
    columns = dict(zip(names, table.columns, strict=True))
    return {name: columns[name] for name in _named(source, "columns", columns) or names}


def _columns(
    source: Capability,
    product: Product,
    engine: sa.Engine,
    table: sa.Table,
    by_name: dict[str, sa.Column[Any]],
) -> list[_Column]:
    """Return the columns to read, with their declared types, or those of the database."""
    declaration = declared(source, product)
    # A database describes itself: the record of the last publication is not a declaration.
    given = {
        landed_name(name): (kind, declaration.origin(name).partition(":")[0])
        for name, kind in declaration.columns.items()
        if declaration.origin(name).startswith((SPEC, "models/"))
    }
    if missing := [name for name in given if name not in by_name]:
        raise UnreadableInput(
            f"Input {source.name}: {given[missing[0]][1]} declares {', '.join(missing)}, but {_place(source)} has only"
            f" {', '.join(by_name)}.",
            fix=f"Remove {', '.join(missing)} from {given[missing[0]][1]}, or restore the column.",
        )
    affinities = sqlite_types(engine, table) if engine.dialect.name == "sqlite" else {}
    columns = []
    for name, column in by_name.items():
        if affinities:
            read: Any = column
            order: Any = column
            stated = affinities.get(column.name, "")
            native, utc = sqlite_type(stated)
            sort = _sort(native)
            distinct = bool(sqlite_affinity(stated))
        else:
            read, native, utc = expression(column)
            sort, order = _order(column, read)
            distinct = not isinstance(base_type(column), postgresql.ARRAY | sa.types.NullType)
        kind, place = given.get(name, (native, ""))
        try:
            values.arrow(kind)
        except KeyError:
            raise UnreadableInput(
                f"Input {source.name}: {place} declares {name} as {kind}, which database@1 does not support.",
                fix="Declare it as JSON or VARCHAR, and parse it in a model.",
            ) from None
        same = (
            kind == native
            or {kind, native} <= values.INTEGERS.keys()
            or (native == "VARCHAR" and bool(values.LENGTH.fullmatch(kind)))
        )
        columns.append(
            _Column(
                name=name,
                read=sa.type_coerce(read, _AsItIs()),
                type=kind,
                place=place,
                utc=utc,
                native=native,
                sort=sort,
                order=sa.type_coerce(order, _AsItIs()),
                distinct=distinct and same,
            )
        )
    return columns


def _place(source: Capability) -> str:
    """Return the source of the rows, without the user."""
    given = source.properties
    url = _url(source).set(username=None, password=None, query={})
    return f"{url} {'.'.join(filter(None, (given.get('schema'), given['table'])))}"


def _named(source: Capability, what: str, columns: dict[str, sa.Column[Any]]) -> list[str]:
    """Return the columns that a property names, as they land."""
    given = source.properties.get(what, [])
    names = [landed_name(name) for name in ([given] if isinstance(given, str) else given)]
    if missing := [name for name in names if name not in columns]:
        raise UnreadableInput(
            f"Input {source.name}: `{what}` names {', '.join(missing)}, which is not one of the columns that are read:"
            f" {', '.join(columns)}.",
            fix=f"Correct `{what}` or `columns` in data-product.yaml.",
        )
    return names


def _entry(name: str, kind: str) -> str:
    """Return the declaration of a column, as it is written in the YAML of its source."""
    return "{" + f"name: {name}, data_type: {_scalar(kind)}" + "}"


def _scalar(text: str) -> str:
    return text if re.fullmatch(r"[A-Z ]+", text) else f'"{text}"'


def _order(column: sa.Column[Any], read: sa.ColumnElement[Any]) -> tuple[str, sa.ColumnElement[Any]]:
    """Return what a column is ordered as, empty if by no order that a cursor can follow, and what is ordered.

    Values that are converted to text are ordered as what they are: as text, 1000 is before 999.
    """
    match base_type(column):
        case mysql.ENUM() | mysql.SET():  # ordered by their position, but compared as texts
            return "", column
        case mysql.FLOAT() | mysql.BIT():
            return "number", read
        case sa.Numeric() | sa.Float() | sa.Integer() | mysql.YEAR():
            return "number", column
        case sa.Uuid():
            return "text", read
        case sa.String():
            return "text", column
        case sa.DateTime() | sa.Date():
            return "time", column
    return "", column


def _sort(kind: str) -> str:
    """Return what a type is ordered as: number, time or text; empty if a cursor cannot have it."""
    if kind in values.INTEGERS or kind == "DOUBLE" or values.DECIMAL.fullmatch(kind):
        return "number"
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return "time"
    return "text" if kind in ("VARCHAR", "UUID") or values.LENGTH.fullmatch(kind) else ""


def _check_cursor(source: Capability, engine: sa.Engine, table: sa.Table, column: _Column) -> None:
    """Refuse a cursor whose order is lost as the type that it lands as: rows would not be read."""
    landed = _sort(column.type)
    in_database = next(one for one in table.columns if landed_name(one.name) == column.name)
    declared = ""
    fix = (
        "Use a number, a text, a date or a timestamp as `cursor`, if need be from a view that converts to one; or"
        " read the table whole: remove `cursor`, `key`, `lag`, `cursor_ceiling` and `notice_deletions`."
    )
    if engine.dialect.name == "sqlite":
        declared = sqlite_types(engine, table).get(in_database.name, "")
        affinity = sqlite_affinity(declared)
        possible = bool(landed) and (landed, affinity) != ("number", "VARCHAR")
        if landed == "text" and affinity != "VARCHAR":
            with engine.connect() as connection:
                kinds = sa.select(sa.func.typeof(column.order)).where(column.order.is_not(None)).distinct()
                found = set(connection.execute(kinds).scalars())
            # SQLite orders numbers before texts, and compares them as numbers only in a column that is one of numbers.
            if found - {"text"} and (found - {"integer", "real"} or not declared or affinity == "BLOB"):
                raise UnreadableInput(
                    f"Input {source.name}: {_place(source)}: the cursor {column.name} is loaded as {column.type}, but"
                    f" contains values of the kind {', '.join(sorted(found))}, whose order is not that of their texts.",
                    fix=f"Declare in {declared_at(source).file}, for the table {source.name}:"
                    f" {_entry(column.name, 'DOUBLE' if 'real' in found else 'BIGINT')}."
                    if not found - {"integer", "real"} and not column.place
                    else fix,
                )
    else:
        possible = (
            bool(column.sort)
            and landed
            in {
                "number": ("number", "text"),
                "time": ("time", "text"),
                "text": ("text", "time"),
            }[column.sort]
        )
    if not possible:
        stated = f", as {column.place} declares" if column.place else ""
        kind = declared or type(base_type(in_database)).__name__
        raise UnreadableInput(
            f"Input {source.name}: {_place(source)}: the cursor {column.name} is of the type {kind}, and is loaded as"
            f" {column.type}{stated}. The next run could not know which of its values are newer.",
            fix=f"Remove the `data_type` of {column.name} from {column.place}, or {fix[0].lower()}{fix[1:]}"
            if column.place and column.sort
            else fix,
        )


def _duplicates(
    engine: sa.Engine, table: sa.Table, key: list[sa.Column[Any]], columns: list[_Column]
) -> sa.Select[Any] | None:
    """Return a query for rows with the same key; None if the database guarantees that there are none."""
    if not key:
        return None
    unique = [table.primary_key.columns.keys()] if table.primary_key else []
    unique += [
        found["column_names"] for found in sa.inspect(engine).get_unique_constraints(table.name, table.schema)
    ]
    names = {column.name for column in key}
    if any(names >= set(columns) for columns in unique) and not _inherited(engine, table):
        return None
    read = {column.name: column.read for column in columns}
    each = [read[landed_name(column.name)] for column in key]
    return sa.select(*each).select_from(table).group_by(*each).having(sa.func.count() > 1).limit(1)


def _inherited(engine: sa.Engine, table: sa.Table) -> bool:
    """Return True if rows of other tables are read too, which the table's constraints do not cover."""
    if engine.dialect.name != "postgresql":
        return False
    name = engine.dialect.identifier_preparer.format_table(table)
    parents = sa.text(
        "select exists (select from pg_inherits join pg_class on pg_class.oid = inhparent"
        " where inhparent = to_regclass(:name) and relkind = 'r')"
    )
    with engine.connect() as connection:
        return bool(connection.execute(parents, {"name": name}).scalar_one())
