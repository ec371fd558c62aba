"""`data-product@1`: another product's output port, found by its address in an address registry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq
import yaml

from pipeline.errors import UnreadableInput
from pipeline.inputs import damage, held, landing
from pipeline.parquet_files import schema_of, unreadable
from pipeline.spec import Capability, Product, yaml_problem
from pipeline.sql import identifier, literal, scan


def files(source: Capability, product: Product) -> list[Path]:
    """Return the rows that the port serves now, as Parquet files: its own, if they can be read unchanged."""
    entry = _look_up(source, product)
    folder = landing(source, product)
    try:
        rows = OPEN[entry["uses"]](entry["location"], folder)
        broken = next(filter(None, map(damage, rows)), "")
        other = (
            None
            if broken
            else next(filter(None, (unreadable(str(row), schema_of(str(row))) for row in rows)), None)
        )
    except UNREADABLE as error:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} at {entry['location']} cannot be read: {error}",
            fix="Ask the product's owner, or give another address registry.",
        ) from error
    if broken:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} at {entry['location']} is damaged: {broken}.",
            fix="Ask the product's owner to publish it again.",
        )
    if other:
        raise UnreadableInput(
            f"Input {source.name}: {source.source}, {entry['location']}{other[0]}.",
            fix=f"Ask the product's owner. {other[1]}",
        )
    return rows


def reader_sql(source: Capability, product: Product) -> str:
    """Return DuckDB's SQL for the rows that the port serves at the time of the query."""
    entry = _look_up(source, product)
    if entry["uses"] != "parquet@1" or "://" in entry["location"]:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} ({entry['uses']}) cannot be queried by DuckDB directly.",
            fix="Read a Parquet port in a file system.",
        )
    place = Path(entry["location"])
    for file in [place] if place.is_file() else sorted(place.rglob("*.parquet")):
        if found := unreadable(str(file), schema_of(str(file))):
            raise UnreadableInput(
                f"Input {source.name}: {source.source}, {file}{found[0]}.",
                fix=f"Ask the product's owner. {found[1]}",
            )
    return f"from {scan([Path(entry['location'])])}"


def _look_up(source: Capability, product: Product) -> dict[str, Any]:
    """Resolve the input's address to `{uses, location}`; a relative location is relative to the registry."""
    registry = source.properties["addresses"]
    if "://" not in registry:
        registry = str(product.root / registry)
    try:
        with fsspec.open(registry, "rt", encoding="utf-8") as file:
            entry = yaml.safe_load(file)[source.source]
        location, uses = str(entry["location"]), entry["uses"]
    except Exception as error:  # missing, not YAML, unknown address: in any case, it is not resolved
        reason = "is not in" if isinstance(error, KeyError) else "cannot be looked up in"
        more = "." if isinstance(error, KeyError) else yaml_problem(error)
        raise UnreadableInput(
            f"Input {source.name}: {source.source} {reason} the address registry {registry}{more}",
            fix=f"Give the input an address registry that contains {source.source}.",
        ) from error
    if uses not in OPEN:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} is served by {uses}, which {source.uses} cannot read.",
            fix=f"Name another output port of that product in data-product.yaml: {', '.join(sorted(OPEN))} can be read.",
        )
    if "://" not in location:
        location = (
            f"{registry.rpartition('/')[0]}/{location}" if not Path(location).is_absolute() else location
        )
    return {"uses": uses, "location": location}


def _parquet(location: str, folder: Path) -> list[Path]:
    storage, path = pyarrow.fs.FileSystem.from_uri(location) if "://" in location else (None, location)
    return _landed(ds.dataset(path, filesystem=storage, format="parquet"), folder)


def _delta(location: str, folder: Path) -> list[Path]:
    return _landed(deltalake.DeltaTable(location).to_pyarrow_dataset(), folder)


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


def _iceberg(location: str, folder: Path) -> list[Path]:
    from pyiceberg.io.pyarrow import pyarrow_to_schema  # heavy, and only for such a port
    from pyiceberg.table import FileScanTask, StaticTable

    scan = StaticTable.from_metadata(location).scan()

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


def _view(location: str, folder: Path) -> list[Path]:
    path = folder / "rows.parquet"
    with duckdb.connect(location, read_only=True) as connection:
        # The location comes from another product: it must not make DuckDB install extensions.
        connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
        rows = identifier(Path(location).stem)
        connection.execute(f"copy (from {rows}) to {literal(str(path))} (format parquet)")
    return [path]


OPEN = {"parquet@1": _parquet, "delta@1": _delta, "iceberg@1": _iceberg, "view@1": _view}
UNREADABLE = (OSError, ValueError, pa.ArrowException, duckdb.Error, deltalake.exceptions.DeltaError)
