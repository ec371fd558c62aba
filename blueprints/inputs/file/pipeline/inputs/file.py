"""`file@1`: CSV, JSON or Parquet from a path, a glob or a URL."""

from __future__ import annotations

import glob
import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import UnreadableInput
from pipeline.inputs import held, landing
from pipeline.spec import Capability, Product
from pipeline.sql import identifier

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
COMPRESSIONS = {".gz", ".zst"}


def files(source: Capability, product: Product) -> list[Path]:
    """The rows of every file that the input names, as Parquet files that have the same columns."""
    path = source.properties["path"]
    found = (
        _fetch(source, product)
        if "://" in path
        else sorted(glob.glob(path, root_dir=product.root, recursive=True))
    )
    found = [str(product.root / file) for file in found]
    if not found:
        raise UnreadableInput(
            f"Input {source.name}: no file matches {path}.", mend="Mend its `path` in data-product.yaml."
        )

    if empty := [file for file in found if Path(file).is_file() and not Path(file).stat().st_size]:
        raise UnreadableInput(
            f"Input {source.name}: {empty[0]} is empty.", mend="Take it out, or give it its header."
        )

    folder = landing(source, product)
    try:
        with duckdb.connect() as connection:
            rows = _scan(connection, found, source.properties)
            named = _named(rows, source)
            if _as_they_are(found, source.properties, named.columns == rows.columns):
                return held(map(Path, found), folder)
            landed = folder / "rows.parquet"
            named.write_parquet(str(landed))
            return [landed]
    except (duckdb.Error, pa.ArrowException) as error:
        raise UnreadableInput(
            f"Input {source.name}: {path} cannot be read: {error}",
            mend="Mend the file, or give `format`, `delimiter`, `nulls` or `types` in data-product.yaml.",
        ) from error


def _as_they_are(files: list[str], properties: dict[str, Any], named: bool) -> bool:
    """Whether every platform reads the files themselves alike: Parquet, of the same columns, with plain names."""
    if _format(files[0], properties) != "parquet" or not named:
        return False
    first, *others = (pq.read_schema(file).remove_metadata() for file in files)
    return all(first == other for other in others)


def _scan(
    connection: duckdb.DuckDBPyConnection, files: list[str], properties: dict[str, Any]
) -> duckdb.DuckDBPyRelation:
    connection.execute("set timezone = 'UTC'")
    form = _format(files[0], properties)
    # Columns of several files are matched by their names, wherever they stand.
    match form:
        case "csv":
            return connection.read_csv(
                files,
                # Every row is looked at before a type is chosen: a late surprise would fail the run.
                sample_size=-1,
                # Nothing of the form is guessed: a guess that fits a broken line drops the good ones.
                header=True,
                skiprows=0,
                quotechar='"',
                delimiter=properties.get("delimiter") or ("\t" if ".tsv" in files[0].lower() else ","),
                na_values=["", *properties.get("nulls", [])],
                dtype=properties.get("types") or None,
                union_by_name=True,
            )
        case "json":
            return connection.read_json(files, sample_size=-1, union_by_name=True)
        case _:
            return connection.read_parquet(files, union_by_name=True)


def _named(rows: duckdb.DuckDBPyRelation, source: Capability) -> duckdb.DuckDBPyRelation:
    """Columns by names that SQL can write without quotes: `Flight No.` becomes `flight_no`."""
    names = [re.sub(r"\W+", "_", name).strip("_").lower() or "unnamed" for name in rows.columns]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise UnreadableInput(
            f"Input {source.name}: several columns would be called {', '.join(twice)}.",
            mend="Rename all but one of them in the file.",
        )
    renamed = zip(rows.columns, names, strict=True)
    return rows.project(", ".join(f"{identifier(old)} as {identifier(new)}" for old, new in renamed))


def _format(file: str, properties: dict[str, Any]) -> str:
    suffixes = [suffix for suffix in PurePosixPath(file.lower()).suffixes if suffix not in COMPRESSIONS]
    found = properties.get("format") or FORMATS.get(suffixes[-1] if suffixes else "")
    if not found:
        raise UnreadableInput(
            f"{file}: its name does not end in a format that is known ({', '.join(FORMATS)}).",
            mend="Give the input's `format` in data-product.yaml.",
        )
    return found


def _fetch(source: Capability, product: Product) -> list[str]:
    """Copies what the URL names below the scratch folder, so that all that follows reads local files."""
    url = source.properties["path"]
    folder = product.scratch / "downloads" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        storage, location = fsspec.core.url_to_fs(url)
        found = sorted(storage.glob(location)) if "*" in location else [location]
        # Numbered, because two folders may hold files of the same name.
        files = [
            folder / f"{number:06}-{Path(urlsplit(name).path).name}" for number, name in enumerate(found)
        ]
        for name, file in zip(found, files, strict=True):
            storage.get_file(name, str(file))
    except Exception as error:  # Each protocol's client has errors of its own.
        raise UnreadableInput(f"Input {source.name}: {url} cannot be fetched: {error!r}") from error
    return [str(file) for file in files]
