"""`spark@1`: a Spark session, in a JVM of this run or on a Spark Connect server. Models are in the schema `main`."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.fs
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from pipeline.declared_columns import place_of
from pipeline.errors import UnreadableInput
from pipeline.inputs import held
from pipeline.platforms import INPUTS, PART
from pipeline.spec import Product
from pipeline.sql import identifier, literal, only_row, scan

MODELS = "main"
REWRITTEN = "__rewritten"
"""Suffix of a table that will replace another one: see pipeline/macros/rewrite_spark.sql."""
LOG = "build/logs/spark.log"

SESSION = {
    # As on the other platforms: times have no zone, and a value that cannot be cast or does not fit is an error.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
    # As many files as the data needs, not one for each core.
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
}
READ_AS = {
    "TIME": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "TIMESTAMP_NS": "TIMESTAMP",
    "UUID": "VARCHAR",
    "INTERVAL": "VARCHAR",
    '"NULL"': "INTEGER",
}
"""DuckDB's types in Parquet that Spark cannot read -> the type to convert to."""

SECRET = re.compile(r"(?i)secret|password|token|credential|key")
"""Names of settings to keep off the JVM's command line, which every account of the machine can see."""

COMMENT_NAME_OR_TEXT = re.compile(
    r"""--[^\n]*|/\*.*?\*/|`(?:[^`]|``)*`|"(?P<name>(?:[^"]|"")*)"|\b[rR]'[^']*'|'(?P<text>(?:[^']|'')*)'""",
    re.S,
)

logging.getLogger("SQLQueryContextLogger").disabled = True  # it prints errors that are raised anyway


@dataclass(frozen=True)
class Spark:
    """One session, which dbt uses, too."""

    session: SparkSession
    product: Product
    storage: str
    """A folder or a URL, used only by this product, that this machine and the cluster can read and write."""
    warehouse: Path | None
    """The folder of the tables' files, if it is on this machine."""
    own_table: str = ""

    def attach(self, name: str, files: Sequence[Path]) -> None:
        folder = (self.product.scratch if "://" in self.storage else Path(self.storage)) / "attached" / name
        folder.mkdir(parents=True)
        _make_readable(name, files, folder, place_of(self.product.root, name).file)
        url = f"{self.storage}/attached/{name}"
        if "://" in self.storage:
            filesystem, path = pyarrow.fs.FileSystem.from_uri(url)
            filesystem.create_dir(path)
            pyarrow.fs.copy_files(str(folder), path, destination_filesystem=filesystem)
        self._external(name, url)

    def landing(self) -> tuple[Any, dict[str, Any]]:
        import dlt  # heavy, and only for what dlt loads

        return dlt.destinations.filesystem(f"{self.storage}/landed"), {"table_format": "delta"}

    def landed(self, name: str) -> None:
        import deltalake
        import pyarrow as pa
        from pyspark.sql.pandas.types import from_arrow_schema

        where = f"{self.storage}/landed/{INPUTS}/{name}"
        table = deltalake.DeltaTable(where)
        # The folder keeps only the files of the last version, which Spark reads directly.
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
        columns = pa.schema(table.schema().to_arrow())
        self._external(name, where, schema=from_arrow_schema(columns, prefer_timestamp_ntz=True))

    def rows(self, name: str) -> int:
        ((rows,),) = self.query(f"select count(*) from {INPUTS}.{identifier(name)}")
        return int(rows)

    def profile(self) -> dict[str, Any]:
        # dbt uses the existing session. One model at a time, with the whole cluster.
        return {"type": "spark", "method": "session", "host": "session", "schema": MODELS, "threads": 1}

    def release(self) -> None:
        """Nothing to do: dbt holds only the session."""

    def input(self, name: str) -> str:
        return f"{INPUTS}.{identifier(name)}"

    def relation(self, model: str) -> str:
        return f"{MODELS}.{identifier(model)}"

    def columns(self, model: str) -> dict[str, str]:
        with _understood():
            if not self.session.catalog.tableExists(dialect(self.relation(model))):
                return {}
            return dict(self.session.sql(f"select * from {self.relation(model)}").dtypes)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with _understood():
            # Through Arrow: otherwise a time with a zone would be in this machine's local time.
            found = self.session.sql(sql).toArrow()
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def text(self, model: str, column: str) -> str:
        value = f"cast({identifier(column)} as string)"
        # The text of an instant is in the session's time zone, without naming it.
        return f"({value} || '+00')" if self.columns(model)[column] == "timestamp" else value

    def fingerprint(self, model: str, columns: Sequence[str]) -> str:
        types, hashed = self.columns(model), []
        for name in columns:
            value = identifier(name)
            # Spark's hash ignores nulls, also nested ones, and rejects maps. The text of ['a, b'] and of ['a', 'b']
            # is the same; JSON tells them apart, but rounds times to milliseconds.
            nested = types[name].startswith(("array", "map", "struct"))
            hashed += (
                [f"cast({value} as string)", f"to_json({value}, map('ignoreNullFields', 'false'))"]
                if nested
                else [value]
            )
            hashed.append(f"{value} is null")
        return f"sum(cast(xxhash64({', '.join(hashed)}) as decimal(20, 0)))"

    def write(self, model: str, columns: Sequence[str], folder: Path, rows: str = "", by: str = "") -> None:
        if not rows and not by and self._take(model, columns, folder):
            return
        parted = f", sha2({self.text(model, by)}, 256) as {PART}" if by else ""
        selected = f"select {', '.join(map(identifier, columns))}{parted} from {self.relation(model)}"
        written = f"{self.storage}/written"
        with _understood():
            chosen = self.session.sql(f"{selected} where {rows}" if rows else selected)
            if by:
                chosen.hint("rebalance", PART).write.mode("overwrite").partitionBy(PART).parquet(written)
            else:
                chosen.write.mode("overwrite").parquet(written)
        _move_parquet_files(written, folder)

    def delete(self, model: str, rows: str) -> None:
        old, new = self.relation(model), self.relation(model + REWRITTEN)
        with _understood():
            if self.session.catalog.getTable(dialect(old)).tableType == "VIEW":
                return
            if not self.session.sql(f"select 1 from {old} where {rows} limit 1").collect():
                return
            for statement in (
                f"create table {new} like {old}",
                f"insert into {new} select * from {old} where not coalesce({rows}, false)",
                f"drop table {old}",
                f"alter table {new} rename to {old}",
            ):
                self.session.sql(statement)

    def _external(self, name: str, where: str, **options: Any) -> None:
        relation = f"{INPUTS}.{identifier(name)}"
        with _understood():
            self.session.sql(f"drop table if exists {relation}")
            self.session.catalog.createTable(dialect(relation), path=where, source="parquet", **options)

    def _take(self, model: str, columns: Sequence[str], folder: Path) -> bool:
        """Take the table's own files instead of a copy; return False if that is not possible."""
        files = sorted((self.warehouse / f"{MODELS}.db" / model).glob("*.parquet")) if self.warehouse else []
        if not files or list(self.columns(model)) != list(columns):
            return False
        folder.mkdir(parents=True)
        for part in held(files, folder):
            if part.parent != folder:
                shutil.copyfile(part, folder / part.name)
        return True


@contextlib.contextmanager
def opened(product: Product, metadata: Mapping[str, str]) -> Iterator[Spark]:
    """Open a session for this run. Its tables are kept as long as `Product.work`."""
    known = product.platform.properties
    storage = _storage(product)
    settings = SESSION | {name: str(value) for name, value in known.get("settings", {}).items()}
    if remote := known.get("remote"):
        warehouse, session = None, _connected(remote, settings)
    else:
        warehouse, session = (
            None if "://" in storage else Path(storage) / "warehouse",
            _started(product, storage, settings),
        )
    with session as spark:
        # dbt and the pipeline write texts and names in standard SQL.
        ask = spark.sql
        spark.sql = lambda sql, *arguments, **named: ask(dialect(sql), *arguments, **named)
        with _understood():
            for schema in (INPUTS, MODELS):
                _own(spark, schema, f"Data product {product.domain}/{product.name}")
            _tidy(spark, warehouse)
        yield Spark(spark, product, storage, warehouse)


def dialect(sql: str) -> str:
    """Translate standard SQL for Spark 4.0: names in backticks, and backslashes before quotes in texts."""

    def spark(found: re.Match[str]) -> str:
        if (name := found["name"]) is not None:
            return "`" + name.replace('""', '"').replace("`", "``") + "`"
        if (text := found["text"]) is not None:
            return "'" + text.replace("\\", "\\\\").replace("''", "\\'") + "'"
        return found[0]

    return COMMENT_NAME_OR_TEXT.sub(spark, sql)


def _storage(product: Product) -> str:
    """Return this product's own place in the storage, without unneeded files of earlier runs."""
    given = product.platform.properties.get("storage", "")
    if not given:
        storage = str(product.work.absolute())
    else:
        given = given.rstrip("/") if "://" in given else str((product.root / given).absolute())
        storage = "/".join((given, product.domain, product.name, product.target or "default"))
    gone = ("attached", "written") if product.state else ("attached", "written", "landed", "warehouse")
    try:
        files, path = pyarrow.fs.FileSystem.from_uri(storage)
        files.create_dir(path)
        for name in gone:
            if files.get_file_info(f"{path}/{name}").type == pyarrow.fs.FileType.Directory:
                files.delete_dir(f"{path}/{name}")
    except (OSError, ValueError) as error:
        raise UnreadableInput(
            f"spark@1: the storage {storage} cannot be written: {error}",
            fix="Fix `storage` of the platform in data-product.yaml, or its permissions.",
        ) from error
    return storage


def _make_readable(name: str, files: Sequence[Path], folder: Path, declared: str) -> None:
    """Brings an input's Parquet files into a new folder: themselves, unless Spark cannot read a type that is in them."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        described = connection.execute(f"describe from {scan(files[:1])}").fetchall()
        for column in (column for column, kind, *_ in described if kind == "TIMESTAMP_NS"):
            finer = f"select count(*) from {scan(files)} where epoch_ns({identifier(column)}) % 1000 <> 0"
            if rows := only_row(connection.execute(finer))[0]:
                raise UnreadableInput(
                    f"Input {name}: column {column} has nanoseconds in {rows:,} rows, and Spark keeps microseconds.",
                    fix=f"Deliver it to the microsecond, or declare it as VARCHAR in {declared}, and cast it in a model.",
                )
        if cast := {column: READ_AS[kind] for column, kind, *_ in described if kind in READ_AS}:
            columns = ", ".join(
                f"cast({identifier(column)} as {kind}) as {identifier(column)}"
                for column, kind in cast.items()
            )
            target = literal(str(folder / "000000.parquet"))
            connection.execute(
                f"copy (select * replace ({columns}) from {scan(files)}) to {target} (format parquet)"
            )
            return
    for number, file in enumerate(held(files, folder)):
        if file.parent != folder:
            shutil.copyfile(file, folder / f"{number:06}.parquet")


def _move_parquet_files(written: str, folder: Path) -> None:
    """Put the Parquet files that Spark has written, and no other files, into a new folder."""
    files, path = pyarrow.fs.FileSystem.from_uri(written)
    for found in files.get_file_info(pyarrow.fs.FileSelector(path, recursive=True)):
        if not found.path.endswith(".parquet") or found.base_name.startswith((".", "_")):
            continue
        target = folder / Path(found.path).relative_to(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(files, pyarrow.fs.LocalFileSystem):
            shutil.move(found.path, target)
        else:
            pyarrow.fs.copy_files(found.path, str(target), source_filesystem=files)
    files.delete_dir(path)


def _own(spark: SparkSession, schema: str, owner: str) -> None:
    """Create the schema, or check that it is this product's."""
    if not spark.catalog.databaseExists(schema):
        spark.sql(f"create schema {schema} comment {literal(owner)}")
    elif spark.catalog.getDatabase(schema).description != owner:
        raise UnreadableInput(
            f"spark@1: this catalog has a schema {schema} that does not belong to this product.",
            fix="Give the product a catalog of its own: the setting spark.sql.defaultCatalog, or another metastore.",
        )


def _tidy(spark: SparkSession, warehouse: Path | None) -> None:
    """Complete or undo the replacement of tables that a killed run had begun."""
    tables = {table.name for table in spark.catalog.listTables(MODELS)}
    for new in [name for name in tables if name.endswith(REWRITTEN)]:
        old = new.removesuffix(REWRITTEN)
        if old in tables:
            spark.sql(f"drop table {MODELS}.{identifier(new)}")
        else:  # the old table is dropped only when the new one is complete
            spark.sql(f"alter table {MODELS}.{identifier(new)} rename to {MODELS}.{identifier(old)}")
    if warehouse:
        known = {table.name for table in spark.catalog.listTables(MODELS)}
        for folder in (warehouse / f"{MODELS}.db").glob("*"):
            if folder.name not in known:
                shutil.rmtree(folder)


@contextlib.contextmanager
def _started(product: Product, storage: str, settings: Mapping[str, str]) -> Iterator[SparkSession]:
    """Start a session in its own JVM, which is the driver and, with a local master, the executor, too."""
    home = os.environ.get("JAVA_HOME")
    if not shutil.which(f"{home}/bin/java" if home else "java"):
        raise UnreadableInput(
            f"spark@1 needs Java 17 or newer, but {home}/bin/java does not exist."
            if home
            else "spark@1 needs Java 17 or newer, which is not installed.",
            fix="Install it (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME.",
        )
    master = product.platform.properties.get("master", "local[*]")
    options = {
        "spark.app.name": f"{product.domain}/{product.name}",
        "spark.master": master,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": f"{storage}/warehouse",
    }
    if master.startswith("local"):
        options |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(product.scratch.absolute() / "spilled"),
        }
    if product.state:  # tables are kept, so their metadata must be, too
        metastore = product.state.absolute() / "metastore"
        options |= {
            "spark.sql.catalogImplementation": "hive",
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:{metastore};create=true",
            "spark.hadoop.hive.exec.scratchdir": str(product.scratch.absolute() / "hive"),
            "spark.driver.defaultJavaOptions": f'-Dderby.stream.error.file="{product.build.absolute()}/logs/derby.log"',
        }
    options |= settings
    conf, shown = SparkConf(loadDefaults=False), SparkConf(loadDefaults=False)
    conf.setAll(list(options.items()))
    shown.setAll([(name, value) for name, value in options.items() if not SECRET.search(name)])
    (product.build / "logs").mkdir(exist_ok=True)
    gateway, interrupted = None, signal.getsignal(signal.SIGINT)
    try:
        with (product.root / LOG).open("wb") as log, _understood("Spark does not start"):
            gateway = launch_gateway(shown, {"stdout": log, "stderr": log})
            session = SparkSession(SparkContext(conf=conf, gateway=gateway))
        yield session
    finally:
        # The next session of this process gets its own JVM.
        if SparkContext._active_spark_context:
            SparkContext._active_spark_context.stop()
        if gateway:
            gateway.shutdown()
            gateway.proc.stdin.close()
            gateway.proc.wait()
        SparkContext._gateway = SparkContext._jvm = None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupted)


@contextlib.contextmanager
def _connected(remote: str, settings: Mapping[str, str]) -> Iterator[SparkSession]:
    """Open a session on a Spark Connect server. Only settings of sessions can be changed."""
    os.environ["SPARK_REMOTE"] = remote  # for dbt
    try:
        # dbt always asks for Hive, which only the server can set.
        warnings.filterwarnings("ignore", "Failed to set spark.sql.catalogImplementation")
        with _understood("the Spark Connect server cannot be reached"):
            session = SparkSession.builder.remote(remote).getOrCreate()
            for name, value in settings.items():
                session.conf.set(name, value)
        try:
            yield session
        finally:
            session.stop()
    finally:
        for name in ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"):
            os.environ.pop(name, None)


@contextlib.contextmanager
def _understood(what: str = "Spark has failed") -> Iterator[None]:
    """Convert Spark's errors to UnreadableInput, without the plan and the stack trace."""
    try:
        yield
    except (PySparkException, Py4JError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise UnreadableInput(f"spark@1: {what}: {first}", fix=f"{LOG} has its complete output.") from error
