"""`data-product@1`: another product's output port, found by its address in an address registry."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq

from pipeline import agreements
from pipeline.agreements import Place
from pipeline.column_types import from_arrow
from pipeline.errors import UnreadableInput
from pipeline.inputs import Files, damage, held, landing
from pipeline.parquet_files import schema_of, unreadable
from pipeline.spec import Capability, Product
from pipeline.sql import identifier, literal, scan


def files(source: Capability, product: Product) -> Files:
    """Return the rows that the port serves now, as Parquet files: its own, if they can be read unchanged."""
    where = _place(source, product)
    rows = _read(source, product, where)
    columns = {field.name: from_arrow(field.type) for field in pq.read_schema(rows[0])}
    return Files(
        rows,
        columns,
        notes=tuple(agreements.notes(source, where)),
        agreement=where.report,
        location=where.port or where.location,
    )


def _read(source: Capability, product: Product, where: Place) -> list[Path]:
    """Return the port's rows as Parquet files that can be read whole."""
    folder = landing(source, product)
    try:
        rows = OPEN[where.uses](source, where, folder)
        broken = next(filter(None, map(damage, rows)), "")
        other = (
            None
            if broken
            else next(filter(None, (unreadable(str(row), schema_of(str(row))) for row in rows)), None)
        )
    except UNREADABLE as error:
        if where.agreement and (
            isinstance(error, (FileNotFoundError, PermissionError)) or DENIED.search(str(error))
        ):
            raise agreements.refuse_denied(source, where, _line(error)) from error
        raise UnreadableInput(
            f"Input {source.name}: {source.source} at {where.location} cannot be read{where.reader}: {error}",
            fix="Ask the product's owner, or give another address registry.",
        ) from error
    if broken:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} at {where.location} is damaged: {broken}.",
            fix="Ask the product's owner to publish it again.",
        )
    if other:
        raise UnreadableInput(
            f"Input {source.name}: {source.source}, {where.location}{other[0]}.",
            fix=f"Ask the product's owner. {other[1]}",
        )
    return rows


def reader_sql(source: Capability, product: Product) -> str:
    """Return DuckDB's SQL for the rows that the port serves at the time of the query."""
    where = _place(source, product)
    if where.uses != "parquet@1" or "://" in where.location:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} ({where.uses}) cannot be queried by DuckDB directly.",
            fix="Read a Parquet port in a file system.",
        )
    place = Path(where.location)
    for file in [place] if place.is_file() else sorted(place.rglob("*.parquet")):
        if found := unreadable(str(file), schema_of(str(file))):
            raise UnreadableInput(
                f"Input {source.name}: {source.source}, {file}{found[0]}.",
                fix=f"Ask the product's owner. {found[1]}",
            )
    return f"from {scan([place])}"


def _place(source: Capability, product: Product) -> Place:
    """Return where the input's rows are. Raises UnreadableInput."""
    where = agreements.place(source, product)
    if where.uses == "postgres@1" and not where.table:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} is served by {where.uses}, which is read only under an agreement.",
            fix="Name one: `agreement: <its name>` among the input's properties in data-product.yaml.",
        )
    if where.uses not in OPEN:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} is served by {where.uses}, which {source.uses} cannot read.",
            fix=f"Name another output port of that product in data-product.yaml: {', '.join(sorted(OPEN))} can be read.",
        )
    return where


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _postgres(source: Capability, where: Place, folder: Path) -> list[Path]:
    """Return what the role's view shows, of one moment, read as the login of the input."""
    import psycopg  # only for such a port

    from pipeline.postgres.columns import from_text
    from pipeline.postgres.copies import fetched, types
    from pipeline.postgres.session import connect, database_errors, server_message

    path, relation = folder / "rows.parquet", ".".join(map(identifier, where.table.split(".", 1)))
    try:
        with database_errors(), contextlib.closing(connect(_database(source, where))) as connection:
            connection.execute("set default_transaction_read_only = on")
            try:
                known = types(connection, relation)
                if not known:
                    raise agreements.refuse_denied(source, where, f"there is no view {where.table}")
                selected = ", ".join(map(identifier, known))
                typed = {name: from_text(name, kind) for name, kind in known.items()}
                with fetched(connection, f"select {selected} from {relation}", typed) as (engine, rows):
                    engine.execute(f"copy ({rows}) to {literal(str(path))} (format parquet)")
            except psycopg.errors.InsufficientPrivilege as error:
                raise agreements.refuse_denied(source, where, server_message(error)) from error
    except UnreadableInput as problem:
        if problem.args[0].startswith("Input "):
            raise
        raise UnreadableInput(
            f"Input {source.name}: {source.source}: {problem}",
            fix=problem.fix,
        ) from problem
    return [path]


def _database(source: Capability, where: Place) -> dict[str, Any]:
    """Return the connection parameters (libpq's): of what a registry says, where the server is, and nothing else."""
    import psycopg

    from pipeline.postgres.server import address_of

    login = {"user": source.properties["login"]} if "login" in source.properties else {}
    if "://" not in where.location:
        address = address_of(Path(where.location))
        if address is None:
            raise UnreadableInput(
                f"The database in {where.location} is not running.",
                fix="Keep it running in the repository of that product: `uv run python -m pipeline.outputs.postgres`",
            )
        return address | login
    parts = psycopg.conninfo.conninfo_to_dict(where.location)
    # A service of this machine may have a login and a password: only the run itself chooses one.
    if "service" in parts and "host" not in parts:
        raise UnreadableInput(
            f"Input {source.name}: the address of {source.source} names a service of libpq, and no server.",
            fix="Ask the product's owner to name the host in the `url` of the port.",
        )
    mode = {"sslmode": parts["sslmode"]} if _is_as_strict(str(parts.get("sslmode"))) else {}
    return {key: parts[key] for key in ("host", "port", "dbname") if key in parts} | mode | login


def _is_as_strict(mode: str) -> bool:
    """Return True if a mode of TLS is at least as strict as the run's own (PGSSLMODE, or of its PGSERVICE)."""
    import psycopg

    own = next(
        (each.val or b"" for each in psycopg.pq.Conninfo.get_defaults() if each.keyword == b"sslmode"), b""
    ).decode()
    if mode not in TLS_MODES or own not in TLS_MODES:
        return False  # libpq refuses what it does not know
    return TLS_MODES.index(mode) >= TLS_MODES.index(own)


def _parquet(source: Capability, where: Place, folder: Path) -> list[Path]:
    storage, path = (
        pyarrow.fs.FileSystem.from_uri(where.location) if "://" in where.location else (None, where.location)
    )
    return _landed(ds.dataset(path, filesystem=storage, format="parquet"), folder)


def _delta(source: Capability, where: Place, folder: Path) -> list[Path]:
    return _landed(deltalake.DeltaTable(where.location).to_pyarrow_dataset(), folder)


def _landed(rows: ds.Dataset, folder: Path) -> list[Path]:
    """Return the port's Parquet files if they are local and complete; otherwise copy the rows to a file."""
    if isinstance(rows, ds.FileSystemDataset) and isinstance(rows.filesystem, pyarrow.fs.LocalFileSystem):
        schema = rows.schema.remove_metadata()
        if rows.files and all(pq.read_schema(file).remove_metadata() == schema for file in rows.files):
            return held([Path(file).absolute() for file in rows.files], folder)
    return _write_parquet(rows.schema, rows.to_batches(), folder)


def _write_parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch], folder: Path) -> list[Path]:
    """Write the rows to one Parquet file in the folder; return it as a list."""
    path = folder / "rows.parquet"
    with pq.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return [path]


def _iceberg(source: Capability, where: Place, folder: Path) -> list[Path]:
    from pyiceberg.io.pyarrow import pyarrow_to_schema  # heavy, and only for such a port
    from pyiceberg.table import FileScanTask, StaticTable

    scan = StaticTable.from_metadata(where.location).scan()

    def is_current(task: FileScanTask) -> bool:
        """Return True if a file has exactly the columns of the table now; Iceberg identifies columns by number."""
        path = task.file.file_path
        try:
            return (
                Path(path).is_absolute()
                and not task.delete_files
                and pyarrow_to_schema(pq.read_schema(path)) == scan.projection()
            )
        except ValueError:
            return False

    tasks = list(scan.plan_files())
    if tasks and all(map(is_current, tasks)):
        return held([Path(task.file.file_path) for task in tasks], folder)
    rows = scan.to_arrow_batch_reader()
    return _write_parquet(rows.schema, rows, folder)


def _view(source: Capability, where: Place, folder: Path) -> list[Path]:
    path = folder / "rows.parquet"
    with duckdb.connect(where.location, read_only=True) as connection:
        # The location comes from another product: it must not make DuckDB install extensions.
        connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
        rows = identifier(Path(where.location).stem)
        connection.execute(f"copy (from {rows}) to {literal(str(path))} (format parquet)")
    return [path]


TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""libpq's, the strictest last."""
DENIED = re.compile(
    r"access.?denied|permission denied|forbidden|unauthori[sz]ed|\b40[13]\b|not found|no such file",
    re.IGNORECASE,
)
"""Messages of storages for a reader who is not let in; some say of what nobody may see that it is not there."""
OPEN = {
    "parquet@1": _parquet,
    "delta@1": _delta,
    "iceberg@1": _iceberg,
    "view@1": _view,
    "postgres@1": _postgres,
}
UNREADABLE = (OSError, ValueError, pa.ArrowException, duckdb.Error, deltalake.exceptions.DeltaError)
