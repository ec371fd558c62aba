"""`iceberg@1`: an Iceberg table, changed in one commit of its catalog."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError, ResolveError
from pyiceberg.expressions import AlwaysTrue, In
from pyiceberg.io.pyarrow import (
    UnsupportedPyArrowTypeException,
    _pyarrow_to_schema_without_ids,
    schema_to_pyarrow,
)
from pyiceberg.manifest import ManifestFile
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
from pyiceberg.schema import Schema, assign_fresh_schema_ids, promote
from pyiceberg.table import StaticTable, Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update.snapshot import ExpireSnapshots
from pyiceberg.transforms import IdentityTransform
from sqlalchemy.engine import URL

from pipeline.dataset import FOLDERS, Changes, Dataset
from pipeline.errors import UnreadableInput
from pipeline.outputs import output_lock
from pipeline.port_types import (
    FINITE,
    MICROSECONDS,
    WITHIN_A_DAY,
    YEARS,
    YEARS_UTC,
    Format,
    Kind,
    Limit,
    files,
    schema,
    written,
)
from pipeline.spec import Capability, Product

KEPT = timedelta(days=7)
AT_ONCE_BYTES = 256 * 1024 * 1024
"""Maximum bytes of rows in memory, in Arrow."""
MARK = ".made-by-the-pipeline"
"""A file in folders that this port has created. Nothing is removed from other folders."""


def _refused_kind(kind: Kind) -> str:
    """Return why pyiceberg would lose fields of a list or map within lists or maps; empty if it would not.

    Files have encoded names for fields that Avro cannot name (`b c`: `b_x20c`); pyiceberg does not find them that deep.
    """
    inner = [part for _, part in kind.parts if part.name in NESTS]
    if kind.name in NESTS and any(_has_odd_field(part) for part in inner):
        return "and pyiceberg reads NULL from its fields whose names contain other characters than letters, digits and underscores"
    return ""


def _has_odd_field(kind: Kind) -> bool:
    odd = kind.name == "STRUCT" and not all(PLAIN.fullmatch(name) for name, _ in kind.parts)
    return odd or any(_has_odd_field(part) for _, part in kind.parts)


RESERVED = ("_file", "_pos", "_deleted", "_spec_id", "_partition")
NESTS = ("LIST", "MAP")
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FORMAT = Format(
    "Iceberg",
    types={
        "BOOLEAN": "boolean",
        **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT"), "int"),
        **dict.fromkeys(("BIGINT", "UINTEGER"), "long"),
        "UBIGINT": "decimal(20,0)",
        "FLOAT": "float",
        "DOUBLE": "double",
        "DECIMAL": "decimal",
        "VARCHAR": "string",
        "JSON": "string",
        "UUID": "string",
        "BLOB": "binary",
        "DATE": "date",
        "TIME": "time",
        "TIMESTAMP": "timestamp",
        "TIMESTAMP_NS": "timestamp",
        "TIMESTAMP WITH TIME ZONE": "timestamptz",
        "LIST": "list",
        "STRUCT": "struct",
        "MAP": "map",
    },
    casts={
        **dict.fromkeys(("UTINYINT", "USMALLINT"), "INTEGER"),
        "UINTEGER": "BIGINT",
        "UBIGINT": "DECIMAL(20,0)",
        "JSON": "VARCHAR",
        "UUID": "VARCHAR",  # pyiceberg cannot read one within a map
        "TIMESTAMP_NS": "TIMESTAMP",
    },
    limits={
        **dict.fromkeys(("DATE", "TIMESTAMP"), (YEARS,)),
        "TIMESTAMP WITH TIME ZONE": (YEARS_UTC,),
        "TIMESTAMP_NS": (FINITE, MICROSECONDS),
        "TIME": (WITHIN_A_DAY,),
        # pyiceberg writes an empty list instead.
        **{
            name: (
                Limit(
                    "{0} is null",
                    "NULL for a list or a map of structs, which pyiceberg would write as empty",
                    "coalesce({column}, " + empty + ")",
                    holds="STRUCT",
                ),
            )
            for name, empty in (("LIST", "[]"), ("MAP", "map()"))
        },
    },
    refused_kind=_refused_kind,
    refused_name=lambda name: "Iceberg itself has a column with this name" if name in RESERVED else "",
    dotted=True,
)
SETTINGS = {
    "commit.retry.num-retries": "0",  # if another run was faster, the conflict is reported
    "write.parquet.compression-codec": "zstd",
}


def location(port: Capability, product: Product) -> str:
    """Return where readers find the data."""
    path = port.properties["path"]
    if "://" in path:
        return f"{path.rstrip('/')}/{product.dataset}"
    return str((product.root / path).absolute() / product.dataset)


def read(port: Capability, product: Product) -> pa.Table:
    """Return the published data."""
    return StaticTable.from_metadata(location(port, product)).scan().to_arrow()


def first_row(port: Capability, product: Product) -> pa.Table:
    """Return a row of the published data, if it has any."""
    return StaticTable.from_metadata(location(port, product)).scan(limit=1).to_arrow()


def published_schema(port: Capability, product: Product) -> pa.Schema:
    """Return the columns of the published data. Raises if nothing was published yet."""
    return StaticTable.from_metadata(location(port, product)).schema().as_arrow()


def publish(port: Capability, product: Product, dataset: Dataset) -> Iterator[None]:
    """Prepare the new version up to the `yield`, and publish it afterwards."""
    here = _TableLocation(location(port, product), _name(port, product))
    selected = written(FORMAT, dataset)
    columns = schema(product, selected, dataset)
    known = _schema(columns)
    with contextlib.ExitStack() as stack:
        own = "catalog" not in port.properties  # with an external catalog, others may write to the table
        if here.folder:
            product.make_folder(here.folder.parent)
            here.folder.mkdir(exist_ok=True)
            here = replace(here, exclusive=stack.enter_context(output_lock(here.folder)) and own)
        catalog = stack.enter_context(contextlib.closing(_catalog(port, here)))
        table = _found(catalog, here, own=own)
        stack.callback(_sweep, catalog, here)  # remove unneeded files in any case
        _sweep(catalog, here)  # remove files of a run that was killed
        partition = dataset.partition_column(FOLDERS)
        transaction = table.transaction() if table else _new(catalog, here, known, partition)
        changes = (
            dataset.changes if table and _can_write_only_changes(table, known, dataset, partition) else None
        )
        parts = files(product, selected, dataset.changed if changes else dataset.parts)
        _fill(transaction, table, known, changes, _rows(parts, columns), partition, dataset.metadata)
        used = _files(transaction.table_metadata, table) if table else set()
        _expire(transaction, table)
        yield
        table = transaction.commit_transaction()
        _point(table)
        for file in used - _files(table.metadata, table):
            table.io.delete(file)


@dataclass(frozen=True)
class _TableLocation:
    """The location of the table, and its catalog."""

    location: str
    name: tuple[str, str]
    """Namespace and name in the catalog."""
    exclusive: bool = False
    """True if no other process can be writing to it."""

    @property
    def folder(self) -> Path | None:
        return None if "://" in self.location else Path(self.location)


def _name(port: Capability, product: Product) -> tuple[str, str]:
    return (port.properties.get("namespace") or product.domain.replace("-", "_"), product.dataset)


def _catalog(port: Capability, here: _TableLocation) -> Catalog:
    if name := port.properties.get("catalog"):
        return load_catalog(name)
    if here.folder is None:
        raise UnreadableInput(
            f"{here.location} is a URL, where a SQLite file cannot be the catalog.",
            fix="Set `catalog` to your own catalog, or use a folder.",
        )
    file = URL.create("sqlite", database=str(here.folder.with_name("catalog.db")))
    return SqlCatalog("default", uri=file.render_as_string())


def _found(catalog: Catalog, here: _TableLocation, *, own: bool) -> Table | None:
    """Return the table, if it exists. `own`: the catalog is a file of the port."""
    table = None
    try:
        table = catalog.load_table(here.name)
        if table.location() == here.location:
            return table
        if not own:
            raise UnreadableInput(
                f"The table {'.'.join(here.name)} is at {table.location()}, not at {here.location}.",
                fix="Fix the port's path, or give it another namespace.",
            )
    except NoSuchTableError:
        pass
    except FileNotFoundError:
        if not own:
            raise
    if table is None and here.folder and not (here.folder / MARK).exists() and any(here.folder.iterdir()):
        raise UnreadableInput(
            f"{here.folder} is not empty, and was not created by this port.",
            fix="Give the port another path.",
        )
    # The folder was copied, moved or emptied: its table is elsewhere or gone, so a new one is created.
    with contextlib.suppress(NoSuchTableError):
        catalog.drop_table(here.name)
    return None


def _new(catalog: Catalog, here: _TableLocation, schema: Schema, partition: str) -> Transaction:
    """Return a table that exists only after the transaction is committed."""
    if here.folder:
        (here.folder / MARK).touch()
    if not catalog.namespace_exists(here.name[:1]):
        catalog.create_namespace(here.name[:1])
    spec = UNPARTITIONED_PARTITION_SPEC
    if partition:
        source = schema.find_field(partition).field_id
        spec = PartitionSpec(PartitionField(source, 1000, IdentityTransform(), partition))
    return catalog.create_table_transaction(here.name, schema, here.location, spec, properties=SETTINGS)


def _schema(columns: pa.Schema) -> Schema:
    """Return the columns as an Iceberg schema. Raises UnreadableInput for a type that it does not support."""
    try:
        known = _pyarrow_to_schema_without_ids(columns)
    except (TypeError, ValueError, UnsupportedPyArrowTypeException) as error:
        raise UnreadableInput(
            f"Iceberg does not support this type: {error}", fix="Cast it in the model."
        ) from error
    return assign_fresh_schema_ids(known)


def _types(schema: Schema) -> dict[str, pa.DataType]:
    """Return column -> type, without Iceberg's column numbers."""
    return {field.name: field.type for field in schema_to_pyarrow(schema, include_field_ids=False)}


def _can_write_only_changes(table: Table, schema: Schema, dataset: Dataset, partition: str) -> bool:
    """Return True if the table is the last publication and has the same columns: then only changed rows are written."""
    newest = table.current_snapshot()
    if not dataset.changes or not partition or newest is None or newest.summary is None:
        return False
    same = list(_types(table.schema()).items()) == list(_types(schema).items())
    is_partitioned = [field.name for field in table.spec().fields] == [partition]
    return (
        same
        and is_partitioned
        and newest.summary.additional_properties.get("publication") == dataset.changes.since
    )


def _fill(
    transaction: Transaction,
    table: Table | None,
    schema: Schema,
    changes: Changes | None,
    rows: Iterator[pa.Table],
    partition: str,
    metadata: Mapping[str, str],
) -> None:
    """Write the files of new rows, and remove the rows that they replace."""
    if changes:
        if changes.values:
            where = In(changes.column, changes.typed().to_pylist())  # type: ignore[call-arg, arg-type]  # its own __init__ is hidden by pydantic's
            transaction.delete(where)
    elif table:
        if table.current_snapshot():
            transaction.delete(AlwaysTrue())
        _reshape(transaction, schema, partition)
    # Even without rows, a snapshot is written: its properties identify the publication.
    for some in rows:
        transaction.append(some, snapshot_properties=dict(metadata))


def _rows(parts: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows to write in parts, because pyiceberg loads all that it is given into memory."""
    found = ds.dataset([str(part) for part in parts], schema=schema, format="parquet")
    batches, size = [], 0
    for batch in found.to_batches() if parts else ():
        batches.append(batch)
        size += batch.nbytes
        if size >= AT_ONCE_BYTES:
            yield pa.Table.from_batches(batches)
            batches, size = [], 0
    yield pa.Table.from_batches(batches, schema)


def _reshape(transaction: Transaction, schema: Schema, partition: str) -> None:
    """Change the columns and partitions of a table whose rows are all replaced."""
    old, new = _types(transaction.table_metadata.schema()), _types(schema)
    partitioned_by = [field.name for field in transaction.table_metadata.spec().fields]
    if partitioned_by and partitioned_by != [partition]:
        with transaction.update_spec() as update:
            for name in partitioned_by:
                update.remove_field(name)
    if list(old.items()) != list(new.items()):
        # If Iceberg cannot widen a column's type, the column is replaced by another one of the same name.
        kept = {name for name in new if name in old and _widens(transaction, schema, name)}
        with transaction.update_schema(allow_incompatible_changes=True) as update:
            for name in old.keys() - kept:
                update.delete_column((name,))
        with transaction.update_schema() as update:
            for name in new:
                field_type = schema.find_field(name).field_type
                if name not in kept:
                    update.add_column((name,), field_type)
                elif old[name] != new[name]:
                    update.update_column((name,), field_type)
            update.move_first(next(iter(new)))
            for before, name in itertools.pairwise(new):
                update.move_after(name, before)
    if partition and partitioned_by != [partition]:
        with transaction.update_spec() as update:
            update.add_identity(partition)


def _widens(transaction: Transaction, schema: Schema, name: str) -> bool:
    old = transaction.table_metadata.schema()
    if _types(old)[name] == _types(schema)[name]:
        return True
    try:
        promote(old.find_field(name).field_type, schema.find_field(name).field_type)
    except ResolveError:
        return False
    return True


def _expire(transaction: Transaction, table: Table | None) -> None:
    """Keep one snapshot of this publication, and those of the last days."""
    before = {snapshot.snapshot_id for snapshot in table.snapshots()} if table else set()
    oldest = (datetime.now(UTC) - KEPT).timestamp() * 1000
    known = transaction.table_metadata
    gone = [
        snapshot.snapshot_id
        for snapshot in known.snapshots
        if snapshot.snapshot_id != known.current_snapshot_id
        and (snapshot.snapshot_id not in before or snapshot.timestamp_ms < oldest)
    ]
    if gone:
        ExpireSnapshots(transaction).by_ids(gone).commit()


def _point(table: Table) -> None:
    """Write which metadata is the newest, for readers that open the folder instead of the catalog."""
    hint = f"{table.location()}/metadata/version-hint.text"
    version = table.metadata_location.rpartition("/")[2].removesuffix(".metadata.json").encode()
    # On a URL, an object store shows an object only after its upload is complete.
    partial = hint if "://" in hint else f"{hint}.partial"
    with table.io.new_output(partial).create(overwrite=True) as sink:
        sink.write(version)
    if partial != hint:
        os.replace(partial, hint)


def _files(metadata: TableMetadata, table: Table) -> set[str]:
    """Return all files that a table's snapshots need."""
    found: set[str] = set()
    manifests: dict[str, ManifestFile] = {}
    for snapshot in metadata.snapshots:
        found.add(snapshot.manifest_list)
        manifests |= {manifest.manifest_path: manifest for manifest in snapshot.manifests(table.io)}
    for path, manifest in manifests.items():
        found.add(path)
        found |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    return found


def _sweep(catalog: Catalog, here: _TableLocation) -> None:
    """Remove the files that the table does not need: of failed runs and old snapshots."""
    if not here.folder or not here.exclusive or not (here.folder / MARK).exists():
        return
    needed = {f"{here.location}/metadata/version-hint.text"}
    # Read again: a commit that seemed to fail may have succeeded.
    with contextlib.suppress(NoSuchTableError):
        table = catalog.load_table(here.name)
        needed |= {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
        needed |= _files(table.metadata, table)
    for folder in ("data", "metadata"):
        for file in (here.folder / folder).rglob("*"):
            if file.is_file() and str(file) not in needed:
                file.unlink()
