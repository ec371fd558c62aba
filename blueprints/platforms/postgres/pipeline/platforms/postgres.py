"""`postgres@1`: a PostgreSQL database. Three schemas of the product hold the data between its inputs and its ports."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from psycopg import errors

from pipeline import disclosure, physical_types
from pipeline.errors import PromiseBroken, UnreadableInput
from pipeline.platforms import PART
from pipeline.port_types import beyond
from pipeline.postgres import limits, server
from pipeline.postgres.columns import columns, from_text
from pipeline.postgres.copies import fetched, fill, types
from pipeline.postgres.database_layout import SCHEMA, DatabaseLayout, database_layout, whole
from pipeline.postgres.limits import ARRAYS, CHANGED, FORMAT
from pipeline.postgres.session import connect, database_errors
from pipeline.spec import Product
from pipeline.sql import form, identifier, literal, only_row, scan
from pipeline.values import shown

TLS = ("sslmode", "sslcert", "sslkey", "sslrootcert")
MODELS_AT_ONCE = 4
BYTES = ("pg_c_utf8", "C.utf8", "C.UTF-8", "C")
"""Collations that order text by its bytes, best first: the last one only knows the capital letters of ASCII."""
KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}
NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
APPROXIMATE = ("DOUBLE", "FLOAT", "FLOAT or DOUBLE")
"""Physical types that may lose digits, if the contract has them."""
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")


@dataclass(frozen=True)
class Postgres:
    """PostgreSQL, with the connection that holds the product's lock: if it is lost, the run ends."""

    product: Product
    metadata: Mapping[str, str]
    layout: DatabaseLayout
    connection: psycopg.Connection[Any]
    collation: str = ""
    """Collation of text columns, so that they are ordered by bytes; empty if that is the database's default."""
    own_table: str = ""

    @property
    def inputs(self) -> str:
        return f"{self.layout.schema}_inputs"

    @property
    def staging(self) -> str:
        """The schema in which dlt stages rows to merge."""
        return f"{self.inputs}_staging"

    @property
    def models(self) -> str:
        """Separate from `inputs`: see pipeline/macros/inputs_postgres.sql."""
        return f"{self.layout.schema}_models"

    def attach(self, name: str, files: Sequence[Path]) -> None:
        table, rows = f"{identifier(self.inputs)}.{identifier(whole(name))}", scan(files)
        names = {column: FORMAT.refused_name(column) for column in pq.read_schema(files[0]).names}
        if len(names) > FORMAT.columns:
            raise _unfit(name, [f"{len(names)} columns, but PostgreSQL allows {FORMAT.columns}"])
        refused = [f"column {column}: {reason}" for column, reason in names.items() if reason]
        show = partial(disclosure.of_input, self.product)
        if refused := refused or beyond(CHANGED, files, show):
            raise _unfit(name, refused)
        try:
            with self.connection.transaction():
                self.connection.execute(f"drop table if exists {table} cascade")
                fill(self.connection, table, columns(rows, arrays=True), rows)
                self._order_by_bytes(table)
        except UnreadableInput as error:
            raise _unfit(name, beyond(FORMAT, files, show, arrays=ARRAYS) or [str(error)]) from error
        self.connection.execute(f"analyze {table}")

    def landing(self) -> tuple[Any, dict[str, Any]]:
        info = self.connection.info
        more = {**info.get_parameters(), "host": info.host}
        for given in ("user", "port", "dbname", "service", "client_encoding"):
            more.pop(given, None)
        if " " in "".join([info.user, info.password, info.dbname, *more.values()]):
            raise UnreadableInput(
                "dlt cannot pass a space in a login to PostgreSQL, or in its url.",
                fix="Give the login a password without spaces, and the platform a url without them.",
            )
        login = f"{quote(info.user, safe='')}:{quote(info.password, safe='')}"
        # libpq's host may be a folder, which dlt does not accept as a host; libpq takes the last host given.
        url = f"postgresql://{login}@host:{info.port}/{quote(info.dbname, safe='')}?{urlencode(more, quote_via=quote)}"
        # The only format of dlt that distinguishes an empty text from null without converting rows to Python.
        options = {"dataset_name": self.inputs, "loader_file_format": "parquet"}
        return _destination(url), options

    def loadable(self, name: str, rows: pa.Table) -> pa.Table:
        """Return the rows unchanged. Raises UnreadableInput for a text that the database cannot store."""
        for column in rows.column_names:
            texts = rows.column(column)
            if not pa.types.is_string(texts.type):
                continue
            if (place := pc.index(pc.match_substring(texts, "\0"), True).as_py()) >= 0:
                text = shown(texts[place].as_py())
                raise _unfit(name, [f"column {column}: {text} contains {limits.WITHOUT_NUL.reason}"])
        return rows

    def landed(self, name: str) -> None:
        table = f"{identifier(self.inputs)}.{identifier(name)}"
        self._order_by_bytes(table)
        self.connection.execute(f"analyze {table}")

    def _order_by_bytes(self, table: str) -> None:
        """Set the collation of a table's text columns, without rewriting the table."""
        texts = self.connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = to_regclass(%s)"
            " and attnum > 0 and not attisdropped and attcollation = 'pg_catalog.default'::regcollation",
            [table],
        ).fetchall()
        changes = ", ".join(
            f"alter column {identifier(name)} type {type_} collate {identifier(self.collation)}"
            for name, type_ in texts
        )
        if self.collation and changes:
            self.connection.execute(f"alter table {table} {changes}")

    def rows(self, name: str) -> int:
        ((rows,),) = self.query(f"select count(*) from {identifier(self.inputs)}.{identifier(name)}")
        return int(rows)

    def profile(self) -> dict[str, Any]:
        info = self.connection.info
        known = info.get_parameters()
        # dbt hides the values of variables with such a name. The other variable is libpq's.
        os.environ |= {"DBT_ENV_SECRET_POSTGRES": info.password, "PGTZ": "UTC"}
        os.environ["PIPELINE_COLLATION"] = self.collation  # see pipeline/macros/order_postgres.sql
        return {
            "type": "postgres",
            "host": info.host,
            "port": info.port,
            "user": info.user,
            "password": "{% raw %}{{ env_var('DBT_ENV_SECRET_POSTGRES') }}{% endraw %}",
            "dbname": info.dbname,
            "schema": self.models,
            "search_path": "pg_catalog,pg_temp",  # no functions and operators of others
            "keepalives_idle": 30,
            "threads": MODELS_AT_ONCE,
            **{name: known[name] for name in TLS if name in known},
        }

    def release(self) -> None:
        """Nothing to do: dbt closes its connections itself."""

    def input(self, name: str) -> str:
        return f"{identifier(self.inputs)}.{identifier(whole(name))}"

    def relation(self, model: str) -> str:
        return f"{identifier(self.models)}.{identifier(whole(model))}"

    def columns(self, model: str) -> dict[str, str]:
        return types(self.connection, self.relation(model))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def text(self, model: str, column: str) -> str:
        return f'cast({identifier(column)} as text) collate "C"'

    def fingerprint(self, model: str, columns: Sequence[str]) -> str:
        return f"sum(hashtextextended(row({', '.join(map(identifier, columns))})::text, 0))"

    def write(self, model: str, columns: Sequence[str], folder: Path, rows: str = "", by: str = "") -> None:
        known, promised = self.columns(model), _promised(self.product)
        targets = {name: _target(promised.get(name, {})) for name in columns if _is_open_numeric(known[name])}
        self._refuse_losses(model, targets, rows)
        read = {name: _read(name, known[name], targets.get(name, "")) for name in columns}
        if by:
            read[PART] = (
                f"encode(sha256(convert_to({self.text(model, by)}, 'UTF8')), 'hex')",
                identifier(PART),
            )
        query = f"select {', '.join(sent for sent, _ in read.values())} from {self.relation(model)}"
        if rows:
            query += f" where {rows}"
        target, options = folder / f"{model}.parquet", form(self.metadata)
        if by:
            target = folder
            options = f"format parquet, compression zstd, partition_by ({PART})"
        folder.mkdir(parents=True)
        typed = {name: value for name, (_, value) in read.items()}
        with fetched(self.connection, query, typed) as (engine, selected):
            engine.execute(f"set temp_directory = {literal(str(self.product.scratch / 'spilled'))}")
            engine.execute(f"copy ({selected}) to {literal(str(target))} ({options})")

    def _refuse_losses(self, model: str, targets: Mapping[str, str], rows: str) -> None:
        """Raise PromiseBroken for a `numeric` without a precision whose values do not fit the contract's type."""
        losses = {name: loss for name, type_ in targets.items() if (loss := _loss(name, type_))}
        if not losses:
            return
        lost = ", ".join(f"min({identifier(name)}) filter (where {loss})" for name, loss in losses.items())
        where = f" where {rows}" if rows else ""
        values = self.query(f"select {lost} from {self.relation(model)}{where}")[0]
        for name, value in zip(losses, values, strict=True):
            if value is not None:
                target = (
                    f"as {targets[name]}"
                    if targets[name]
                    else "as a double, the default without a physicalType"
                )
                number = value if disclosure.of_dataset(self.product, name) else "a number"
                raise PromiseBroken(
                    f"column {name} of {model} is a numeric without a precision and contains {number}, which would lose"
                    f" digits {target}.",
                    fix=f"Cast it in the model, as in cast({name} as decimal(18, 2)); or give {name} in the contract"
                    " a physicalType that fits, such as decimal(38, 10), or double if digits may be lost.",
                )

    def delete(self, model: str, rows: str) -> None:
        relation = self.relation(model)
        kind = "select relkind from pg_class where oid = to_regclass(%s)"
        # With a view, this would delete rows of the inputs.
        if self.connection.execute(kind, [relation]).fetchone() == ("r",):
            self.connection.execute(f"delete from {relation} where {rows}")


def _unfit(name: str, reasons: Iterable[str]) -> UnreadableInput:
    """Return the error for an input that the database cannot store unchanged."""
    return UnreadableInput(
        "\n".join(f"Input {name}: {reason}" for reason in reasons),
        fix="Correct it at the source, or run the product on duckdb@1, where a model can correct it.",
    )


def _destination(url: str) -> Any:
    """dlt's destination for PostgreSQL, which also loads a file without rows; dlt's own fails with an error."""
    import dlt  # heavy, and only for what dlt loads
    from dlt.destinations.impl.postgres.postgres import PostgresClient
    from dlt.destinations.job_impl import FinalizedLoadJobWithFollowupJobs

    class Client(PostgresClient):
        def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> Any:
            # ADBC takes the columns from the first batch, and there is none.
            if file_path.endswith(".parquet") and not pq.read_metadata(file_path).num_rows:
                return FinalizedLoadJobWithFollowupJobs(file_path)
            return super().create_load_job(table, file_path, load_id, restore)

    class Destination(dlt.destinations.postgres):
        @property
        def client_class(self) -> type[PostgresClient]:
            return Client

    return Destination(url, destination_name="postgres")


@contextlib.contextmanager
def opened(product: Product, metadata: Mapping[str, str]) -> Iterator[Postgres]:
    """Open the product's schemas, locked against other runs. They are emptied first, unless state is kept."""
    here = database_layout(product.platform, product, _schema(product))
    with database_errors(), contextlib.ExitStack() as stack:
        address: dict[str, Any] = {"conninfo": here.url}
        if not here.url:
            address = stack.enter_context(server.running(here.folder, make=True))
            with psycopg.connect(**address, user="postgres") as administrator:
                _admit(administrator, here)
            address |= {"user": here.pipeline}
        connection = stack.enter_context(contextlib.closing(connect(address)))
        engine = Postgres(product, metadata, here, connection, _collation(connection))
        _alone(engine)
        for schema in (engine.inputs, engine.staging, engine.models):
            _make(engine, schema)
        yield engine


def _collation(connection: psycopg.Connection[Any]) -> str:
    """Return the collation that orders text by bytes and knows all capital letters; empty if it is the database's default."""
    own = (
        "select coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'), datcollate from pg_database d"
        " where datname = current_database()"
    )
    provider, locale = only_row(connection.execute(own))
    if provider == "b" or (provider == "c" and locale in BYTES[:-1]):
        return ""
    known = connection.execute(
        "select collname from pg_collation where collname = any(%s) and collnamespace = 'pg_catalog'::regnamespace"
        " and collencoding in (-1, (select encoding from pg_database where datname = current_database()))",
        [list(BYTES)],
    ).fetchall()
    return min((str(name) for (name,) in known), key=BYTES.index)


def _schema(product: Product) -> str:
    """Return the default name of the schemas; a name that is not valid ends with its hash."""
    name = f"{product.dataset}_{product.target}".replace("-", "_") if product.target else product.dataset
    if SCHEMA.fullmatch(name):
        return name
    return f"{name.removeprefix('pg_')[:31]}_{sha256(name.encode()).hexdigest()[:8]}"


def _admit(administrator: psycopg.Connection[Any], here: DatabaseLayout) -> None:
    """Allow the product's role to log in to its embedded server."""
    role = identifier(here.pipeline)
    if not administrator.execute("select 1 from pg_roles where rolname = %s", [here.pipeline]).fetchone():
        administrator.execute(f"create role {role} login")
    administrator.execute(f"grant create on database {identifier(administrator.info.dbname)} to {role}")


def _alone(engine: Postgres) -> None:
    """Allow one run at a time, across machines, until the connection ends."""
    lock = "select pg_try_advisory_lock(hashtextextended(%s, 0))"
    (free,) = only_row(engine.connection.execute(lock, [engine.models]))
    if not free:
        raise UnreadableInput(
            f"Another run of this product uses the schema {engine.models} of the same database.",
            fix="Wait until it has ended. If its machine has died, the database releases it within a minute.",
        )


def _make(engine: Postgres, schema: str) -> None:
    """Create the schema, or check that it is the product's own; empty it, unless state is kept."""
    product, connection = engine.product, engine.connection
    mark = f"Working data of {product.address('')}{product.target}, made by its pipeline".replace("#", " ")
    found = connection.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s", [schema]
    ).fetchone()
    try:
        if found is None:
            connection.execute(f"create schema {identifier(schema)}")
        there = connection.execute(
            "select relkind, relname from pg_class where relnamespace = %s::regnamespace and relkind = any(%s)",
            [identifier(schema), list(KINDS)],
        ).fetchall()
        if found != (mark,):
            if there:
                raise UnreadableInput(
                    f"The schema {schema} of the database does not belong to this product: {(found and found[0]) or 'it has no comment'}.",
                    fix="Give the platform another `schema` in data-product.yaml.",
                )
            connection.execute(f"comment on schema {identifier(schema)} is {literal(mark)}")
    except errors.InsufficientPrivilege as error:
        raise UnreadableInput(
            f"{connection.info.user} is not allowed to create the schema {schema}, or does not own it.",
            fix=f"An administrator runs: create schema {identifier(schema)} authorization {identifier(connection.info.user)};"
            f" the same for {engine.inputs}, {engine.staging} and {engine.models}.",
        ) from error
    if product.state is None:
        for kind, name in there:
            connection.execute(
                f"drop {KINDS[kind]} if exists {identifier(schema)}.{identifier(name)} cascade"
            )


def _promised(product: Product) -> dict[str, dict[str, Any]]:
    """Return the columns of the data set, as in the contract."""
    contract = yaml.safe_load(product.contract.read_text("utf-8"))
    return {
        column.get("physicalName") or column["name"]: column
        for table in contract.get("schema") or []
        if table["name"] == product.dataset
        for column in table.get("properties") or []
    }


def _is_open_numeric(type_: str) -> bool:
    """Return True for a `numeric` of unlimited precision, such as a sum or an average, which DuckDB has no decimal for."""
    precision = NUMERIC.fullmatch(type_)
    if not type_.startswith("numeric") or type_.endswith("[]"):
        return False
    return not (precision and int(precision[2]) <= int(precision[1]) <= 38)


def _target(promised: Mapping[str, Any]) -> str:
    """Return DuckDB's type for such a column, according to the contract; empty if the contract has none."""
    physical = physical_types.read(promised.get("physicalType") or "")
    if physical and physical.target.startswith("DECIMAL"):
        return physical.target
    if physical and physical.name in APPROXIMATE:
        return "DOUBLE"
    whole = physical.target in WHOLE if physical else promised.get("logicalType") == "integer"
    return "BIGINT" if whole else ""


def _loss(name: str, type_: str) -> str:
    """Return the SQL condition for a value that a type cannot represent; empty for a type that may lose digits."""
    value = identifier(name)
    if decimal := DECIMAL.fullmatch(type_):
        precision, scale = int(decimal[1]), int(decimal[2])
        return f"not (abs({value}) < 1e{precision - scale} and round({value}, {scale}) = {value})"
    if type_ == "BIGINT":
        return (
            f"not ({value} between -9223372036854775808 and 9223372036854775807 and trunc({value}) = {value})"
        )
    if type_:
        return ""
    # A double represents numbers of up to 15 digits exactly.
    kept = f"abs({value}) < 1e300 or {value} = 'NaN'"
    return f"case when {kept} then {value}::double precision::numeric <> {value} else true end"


def _read(name: str, type_: str, target: str) -> tuple[str, str]:
    """Return how to export a column, in PostgreSQL's SQL, and how to parse the text, in DuckDB's.

    `target` is the type of a `numeric` without a precision.
    """
    sent = identifier(name)
    if _is_open_numeric(type_):
        return f"trim_scale({sent})", f"cast({sent} as {target or 'DOUBLE'})"
    if type_.endswith("[]"):
        element = type_.removesuffix("[]")
        values = f"from_json({sent}, '[\"VARCHAR\"]')"
        return (
            f"array_to_json({sent}::text[])",
            f"list_transform({values}, lambda e: {from_text('e', element)})",
        )
    return sent, from_text(name, type_)
