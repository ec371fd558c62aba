"""`database@1`: a table or view of a database, whole or what has changed since the run before."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from dlt.common.libs.pyarrow import get_py_arrow_datatype
from dlt.extract import DltResource
from dlt.sources.sql_database import TableLoader, sql_table
from sqlalchemy.dialects import mysql, postgresql

from pipeline.errors import UnreadableInput
from pipeline.inputs import column_name
from pipeline.spec import Capability, Product

CHUNK_ROWS = 20_000
START_OVER = "start over with `python -m pipeline --full-refresh`"

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
SESSION = {
    "postgresql": ["set time zone 'UTC'", "set session characteristics as transaction read only"],
    "mysql": ["set time_zone = '+00:00'", "set session transaction read only"],
}
"""SQLite is opened read-only instead. Other databases have their account's permissions."""

KEPT = (
    sa.Numeric,
    sa.Integer,
    sa.String,
    sa.types._Binary,
    sa.DateTime,
    sa.Date,
    sa.Time,
    sa.Boolean,
)
DOUBLE = sa.Numeric(asdecimal=False)  # what dlt knows as one, with any version of SQLAlchemy
LOOSE = {
    "decimal": lambda value: Decimal(str(value)),
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "bool": {0: False, 1: True}.__getitem__,
}
"""What SQLite has no type of its own for, by dlt's name of it."""


def resource(source: Capability, product: Product) -> DltResource:
    """What dlt loads into the table `source.name`: all rows, or with `cursor` those that are new or changed.

    Looks at the table's columns at once, and reads the rows when dlt asks for them. Raises UnreadableInput
    for whatever does not work, now or then.
    """
    said = source.properties
    with _readable(source):
        engine = _engine(source, product)
        metadata = sa.MetaData(schema=said.get("schema"))
        with warnings.catch_warnings(
            category=sa.exc.SAWarning, action="ignore"
        ):  # types that it does not know
            table = sa.Table(said["table"], metadata, autoload_with=engine, resolve_fks=False)
            columns = _columns(source, table)
            key = _named(source, "key", columns)
            duplicates = _duplicates(engine, table, [columns[name] for name in key])
        rows = sa.select(*(_expression(column).label(name) for name, column in columns.items()))

        class Loader(_Loader):  # dlt makes it, and knows nothing of what belongs to this input
            input, unique, proof = source, key, duplicates
            cursor = next(iter(_named(source, "cursor", columns)), "")

        return (
            sql_table(
                engine,
                table.name,
                table.schema,
                metadata,
                chunk_size=CHUNK_ROWS,
                backend="pyarrow",
                table_adapter_callback=lambda _: rows.subquery(),
                type_adapter_callback=lambda as_it_is: as_it_is.declared,
                table_loader_class=Loader,
            )
            .with_name(source.name)
            .apply_hints(
                table_name=source.name,
                write_disposition="merge" if Loader.cursor else "replace",
                primary_key=key,
            )
        )


class _Loader(TableLoader):
    """Reads in chunks, in one transaction. A value is what its column says, or the run ends.

    The highest cursor is part of dlt's state, which dlt loads together with the rows. dlt's own `incremental` does
    not do here: with a lag it fails on times in Arrow, and it forgets rows that change twice within one tick.
    """

    input: Capability
    cursor: str
    unique: list[str]
    """The columns that tell each row from all others."""
    proof: sa.Select[Any] | None
    """Finds rows that they do not tell apart."""

    def _load_rows(self, query: Any, backend_kwargs: dict[str, Any]) -> Iterator[pa.Table]:
        with _readable(self.input), self.engine.connect() as connection:
            if self.proof is not None and connection.execute(self.proof).first():
                raise UnreadableInput(
                    f"Input {self.input.name}: several rows have the same {', '.join(self.unique)}.",
                    mend="Name the columns in `key` that tell each row from all others.",
                )
            schema = self._schema()
            reached = None
            if self.cursor:
                state = self._state()
                reached = _read_back(state.get("reached"), schema.field(self.cursor).type)
                query = self._since(query, reached)
            # An empty chunk first: a table without rows is still a table with its columns.
            yield schema.empty_table()
            for rows in connection.execution_options(yield_per=self.chunk_size).execute(query).partitions():
                chunk = self._chunk(schema, rows)
                if self.cursor:
                    highest = pc.max(chunk[self.cursor]).as_py()
                    reached = max((value for value in (reached, highest) if value is not None), default=None)
                yield chunk
            if reached is not None:
                state["reached"] = str(reached)

    def _state(self) -> dict[str, Any]:
        """What the runs before have left: how far they came, and where."""
        here = {"place": _place(self.input), "cursor": self.cursor}
        state = dlt.current.resource_state(self.input.name)
        if state.get("place", here["place"]) != here["place"]:
            # What two databases hold is not mixed, such as the sample and the real one.
            raise UnreadableInput(
                f"Input {self.input.name}: its rows came from {state['place']}, and now they would come"
                f" from {here['place']}.",
                mend=f"Mend `url` or `table`, or {START_OVER}.",
            )
        if state.get("cursor") != self.cursor:
            state.pop("reached", None)
        state |= here
        return state

    def _since(self, query: Any, reached: Any) -> Any:
        """The rows that may be new. One without a cursor may be, too; and one at the highest, if it changed twice."""
        if reached is None:
            return query
        lag = self.input.properties.get("lag", 0)
        match reached:
            case datetime():
                reached -= timedelta(seconds=lag)
            case date():
                reached -= timedelta(days=lag)
            case int() | float() | Decimal():
                reached -= type(reached)(lag)
            case _ if lag:
                raise UnreadableInput(
                    f"Input {self.input.name}: {self.cursor} is neither a number nor a time, and knows no lag.",
                    mend="Take `lag` out, or name another `cursor`.",
                )
        column = self.table.c[self.cursor]
        return query.where(sa.or_(column >= reached, column.is_(None)))

    def _schema(self) -> pa.Schema:
        """The columns as they are to land; refuses those that landed as another type before."""
        landed, caps = dlt.current.source_schema(), dlt.current.pipeline().destination.capabilities()
        before = landed.tables.get(self.input.name, {}).get("columns", {})
        fields = []
        for name, column in self.columns.items():
            kind = get_py_arrow_datatype(column, caps, "UTC")
            fields.append(pa.field(name, kind))
            known = before.get(landed.naming.normalize_identifier(name), {})
            if "data_type" not in known:
                continue
            was = get_py_arrow_datatype(known, caps, "UTC")
            if (known["data_type"], was) != (column["data_type"], kind):
                raise UnreadableInput(
                    f"Input {self.input.name}: the type of the column {name} has changed in the database:"
                    f" it was {known['data_type']} ({was}), and is {column['data_type']} ({kind}).",
                    mend=f"Ask for the old type, read a view that casts to it, or {START_OVER}.",
                )
        return pa.schema(fields)

    def _chunk(self, schema: pa.Schema, rows: Any) -> pa.Table:
        arrays = []
        for field, values in zip(schema, zip(*rows, strict=True), strict=True):
            kind = self.columns[field.name]["data_type"]
            try:
                if self.engine.dialect.name == "sqlite" and kind in LOOSE:
                    values = [None if value is None else LOOSE[kind](value) for value in values]
                arrays.append(pa.array(values, type=field.type))
            except (ValueError, TypeError, KeyError, ArithmeticError, pa.ArrowException) as error:
                raise UnreadableInput(
                    f"Input {self.input.name}: the column {field.name} holds a value that is no {kind} ({field.type}).",
                    mend="Mend it in the database, or read a view that casts the column.",
                ) from error
            if field.name in self.unique and arrays[-1].null_count:
                raise UnreadableInput(
                    f"Input {self.input.name}: there are rows without {field.name}, which is part of the key.",
                    mend="Name columns in `key` that every row has.",
                )
        return pa.Table.from_arrays(arrays, schema=schema)


class _AsItIs(sa.types.UserDefinedType[Any]):
    """Values as the driver gives them, which says most exactly what the database holds."""

    cache_ok = True

    def __init__(self, declared: sa.types.TypeEngine[Any]) -> None:
        self.declared = declared

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """How the value of a cursor is written, to compare with what SQLite holds."""

        def write(value: Any) -> Any:
            match value:
                case date():  # a text of it, as the texts of one day go: the shortest form comes first
                    return value.isoformat()[:10]
                case Decimal():
                    return float(value)
            return value

        return write if dialect.name == "sqlite" else None


def _engine(source: Capability, product: Product) -> sa.Engine:
    """Connections that only read, each table as it was at one moment."""
    url = sa.make_url(source.properties["url"])
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    if password := source.properties.get("password") or dlt.secrets.get(f"sources.{source.name}.password"):
        url = url.set(password=password)
    backend = url.get_backend_name()
    options: dict[str, Any] = {}
    if backend == "sqlite":
        file = quote(str(product.root / (url.database or "")))
        url = url.set(database=f"file:{file}", query={"mode": "ro", "uri": "true"})
    elif backend in SESSION:
        options["isolation_level"] = "REPEATABLE READ"
    engine = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, **options)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for statement in SESSION.get(backend, ()):
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    return engine


@contextlib.contextmanager
def _readable(source: Capability) -> Iterator[None]:
    """Turns what the database or its driver says into an UnreadableInput, without values and passwords."""
    try:
        yield
    except sa.exc.NoSuchTableError as error:
        raise UnreadableInput(
            f"Input {source.name}: there is no table {error} that this account can see.",
            mend="Mend `table` or `schema` in data-product.yaml, or let the account read it.",
        ) from error
    except ModuleNotFoundError as error:
        raise UnreadableInput(
            f"Input {source.name}: the driver {error.name} is not installed.",
            mend="`uv add` the package that brings it.",
        ) from error
    except sa.exc.SQLAlchemyError as error:
        reason = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
        first, *_ = str(reason.args[-1] if reason.args else reason).splitlines() or [type(reason).__name__]
        raise UnreadableInput(
            f"Input {source.name}: the database cannot be read: {first}",
            mend="Nothing of it was loaded. Run again when the database answers.",
        ) from error


def _columns(source: Capability, table: sa.Table) -> dict[str, sa.Column[Any]]:
    """The columns to read, by the names they land under: `Flight No.` becomes `flight_no`, as with files."""
    names = [column_name(column.name) for column in table.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UnreadableInput(
            f"Input {source.name}: several columns would be called {', '.join(twice)}.",
            mend="Read a view that gives each a name of its own.",
        )
    columns = dict(zip(names, table.columns, strict=True))
    return {name: columns[name] for name in _named(source, "columns", columns) or names}


def _place(source: Capability) -> str:
    """Where the rows come from, without who asks."""
    said = source.properties
    url = sa.make_url(said["url"]).set(username=None, password=None, query={})
    return f"{url} {'.'.join(filter(None, (said.get('schema'), said['table'])))}"


def _named(source: Capability, what: str, columns: dict[str, sa.Column[Any]]) -> list[str]:
    """The columns that a property names, as they land."""
    said = source.properties.get(what, [])
    names = [column_name(name) for name in ([said] if isinstance(said, str) else said)]
    if missing := [name for name in names if name not in columns]:
        raise UnreadableInput(
            f"Input {source.name}: `{what}` names {', '.join(missing)}, which is none of the columns that are read:"
            f" {', '.join(columns)}.",
            mend=f"Mend `{what}` or `columns` in data-product.yaml.",
        )
    return names


def _read_back(text: str | None, kind: pa.DataType) -> Any:
    """A cursor's value, from the text that the state keeps."""
    return None if text is None else pa.scalar(text).cast(kind).as_py()


def _expression(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """How a column is read so that its values stay what they are; what has no like becomes text, in the database."""
    kind: Any = column.type
    while isinstance(kind, postgresql.DOMAIN):
        kind = kind.data_type
    read: Any = column
    match kind:
        case postgresql.ARRAY():
            read, kind = sa.cast(sa.func.to_json(column), sa.Text), sa.JSON()
        case sa.JSON():
            read, kind = sa.cast(column, sa.Text), sa.JSON()
        case mysql.TIMESTAMP():
            kind = sa.TIMESTAMP(timezone=True)
        case mysql.FLOAT():  # comes with six digits, unless it is computed with
            read, kind = column.op("+")(sa.literal_column("0e0")), DOUBLE
        case mysql.BIT():
            read, kind = sa.cast(column, sa.BigInteger), sa.BigInteger()
        case mysql.BIGINT(unsigned=True):
            kind = sa.Numeric(20, 0)
        case mysql.TIME() | mysql.SET() | sa.Time(timezone=True):
            read, kind = sa.cast(column, sa.Text), sa.Text()
        case sa.Float():
            kind = DOUBLE
        case _ if type(kind) is sa.TIMESTAMP:  # as SQLite has it: a moment too
            kind = sa.TIMESTAMP(timezone=True)
        case _ if not isinstance(kind, KEPT) or (getattr(kind, "precision", None) or 0) > 38:
            read, kind = sa.cast(column, sa.Text), sa.Text()
    return sa.type_coerce(read, _AsItIs(kind))


def _duplicates(engine: sa.Engine, table: sa.Table, key: list[sa.Column[Any]]) -> sa.Select[Any] | None:
    """Finds rows with the same key; None where the database vouches for it."""
    if not key:
        return None
    unique = [table.primary_key.columns.keys()] if table.primary_key else []
    unique += [
        found["column_names"] for found in sa.inspect(engine).get_unique_constraints(table.name, table.schema)
    ]
    names = {column.name for column in key}
    if any(names >= set(columns) for columns in unique):
        return None
    return sa.select(sa.literal(1)).select_from(table).group_by(*key).having(sa.func.count() > 1).limit(1)
