"""A data set as a Delta table."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

import deltalake
import pyarrow as pa

from meshwright.access.grants import Refused
from meshwright.access.targets.files.storage import NO_FILE, Folder, Storage
from meshwright.access.targets.files.table import METADATA, PortTable

KEPT_HOURS = 7 * 24
"""As long as the data set itself keeps its old versions (see the blueprint delta@1)."""
SUFFIX = ""
"""What a data set's name ends with there."""
PLAIN_FEATURES = {"timestampNtz"}
"""Reader features under which a table's rows are all the rows of its files."""
HISTORY = 100
"""How many commits are searched for the pipeline's last one."""


def named(path: str) -> str:
    """Return the table's folder."""
    return path


def identity(storage: Storage, path: str) -> str | None:
    """Return what identifies the content; None if there is none."""
    table = _table(storage, path)
    return None if table is None else _identity(storage, path, table)


@contextlib.contextmanager
def opened(storage: Storage, path: str) -> Iterator[PortTable]:
    """Yield the newest version of the data set. Raises Refused."""
    table = _table(storage, path)
    if table is None:
        raise Refused(f"{storage.address(path)} is no Delta table.", "Run the pipeline, which writes it.")
    yield PortTable(_identity(storage, path, table), table.to_pyarrow_dataset(), _metadata(table))


def data_files(storage: Storage, path: str) -> dict[str, int]:
    """Return name -> bytes of the files of the newest version, by its log; none where a reader needs more than that."""
    table = _table(storage, path)
    if table is None or set(table.protocol().reader_features or ()) - PLAIN_FEATURES:
        raise Refused(f"{storage.address(path)} is no Delta table that every client reads.", "Apply again.")
    sizes = pa.table(table.get_add_actions(flatten=True))["size_bytes"].to_pylist()
    return {f"{path}/{name}": size for name, size in zip(_files(table), sizes, strict=True)}


def schema(storage: Storage, path: str) -> pa.Schema:
    """Return the columns of the newest version. Raises Refused."""
    with opened(storage, path) as table:
        return table.rows.schema


def write(
    storage: Storage, path: str, rows: pa.RecordBatchReader, metadata: Mapping[str, str], keep: bool
) -> None:
    """Replace the table in one commit. Unless `keep`, nothing of its old content can be read afterwards.

    The log before the commit is removed too: it has the lowest and the highest values of columns and rows that are
    no longer shown.
    """
    if _table(storage, path) is None:
        storage.remove(storage.identities(f"{path}/"))
    where = storage.address(path)
    if isinstance(storage, Folder):
        Path(where).mkdir(parents=True, exist_ok=True)
    deltalake.write_deltalake(
        where,
        rows,
        mode="overwrite",
        schema_mode="overwrite",
        commit_properties=deltalake.CommitProperties(custom_metadata=dict(metadata)),
    )
    table = deltalake.DeltaTable(where)
    if keep:
        table.vacuum(retention_hours=KEPT_HOURS, dry_run=False)
        return
    table.create_checkpoint()
    version = f"_delta_log/{table.version():020}"
    kept = {*_files(table), "_delta_log/_last_checkpoint", f"{version}.json", f"{version}.checkpoint.parquet"}
    folder = path.rpartition("/")[0] + "/"
    storage.remove(name for name in storage.identities(folder) if name.removeprefix(f"{path}/") not in kept)


def _table(storage: Storage, path: str) -> deltalake.DeltaTable | None:
    where = storage.address(path)
    if set("%[]") & set(where):  # delta-rs reads an address in it, and goes elsewhere
        raise Refused(
            f"delta-rs would read another folder than {where}.", "Choose a path without %, [ and ] in it."
        )
    try:
        return deltalake.DeltaTable(where)
    except deltalake.exceptions.TableNotFoundError:
        return None


def _files(table: deltalake.DeltaTable) -> list[str]:
    """Return the files of the newest version. Raises Refused for a file outside of the table's folder."""
    names = [unquote(name) for name in pa.table(table.get_add_actions(flatten=True))["path"].to_pylist()]
    for name in names:
        if "://" in name or name.startswith("/") or ".." in name.split("/"):
            raise Refused(
                "The Delta table has a file outside of its folder.",
                "Publish it anew, as a table that shares no files with another.",
            )
    return names


def _identity(storage: Storage, path: str, table: deltalake.DeltaTable) -> str:
    names = [f"{path}/{name}" for name in _files(table)]
    identities = storage.identities(f"{path}/", only=frozenset(names))
    files = sorted((name, identities.get(name, NO_FILE)) for name in names)
    if any(identity == NO_FILE for _, identity in files):
        raise Refused(
            f"{storage.address(path)} names a file that is missing, or no regular file.",
            "Run the pipeline again.",
        )
    content = [table.schema().to_json(), files, sorted(_metadata(table).items())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _metadata(table: deltalake.DeltaTable) -> dict[str, str]:
    published = next((commit for commit in table.history(HISTORY) if "product" in commit), {})
    return {key: str(published[key]) for key in METADATA if key in published}
