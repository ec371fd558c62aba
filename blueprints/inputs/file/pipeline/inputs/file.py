"""`file@1`: CSV, JSON or Parquet from a path, a glob or a URL."""

from __future__ import annotations

import glob
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import UnreadableInput
from pipeline.inputs import column_name, held, landing
from pipeline.spec import Capability, Product
from pipeline.sql import identifier, literal

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
    found = _files(source, product)
    folder = landing(source, product)
    try:
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            names = _names(connection, found, source)
            if _as_they_are(found, source.properties, all(old == new for old, new in names.items())):
                return held(map(Path, found), folder)
            landed = folder / "rows.parquet"
            rows = _rows(found, source.properties, names)
            connection.execute(f"copy ({rows}) to {literal(str(landed))} (format parquet)")
            return [landed]
    except (duckdb.Error, pa.ArrowException) as error:
        raise UnreadableInput(
            f"Input {source.name}: {source.properties['path']} cannot be read: {error}",
            mend="Mend the file, or give `format`, `delimiter`, `nulls` or `types` in data-product.yaml.",
        ) from error


def lying(source: Capability, product: Product) -> str:
    """DuckDB's SQL for the rows of the files that are there now, whenever it is asked."""
    if "://" in source.properties["path"]:
        raise UnreadableInput(
            f"Input {source.name} is a URL, which is fetched before it is read.",
            mend="Give it a path, or serve the data through another port, such as parquet@1.",
        )
    found = _files(source, product)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        return _rows(found, source.properties, _names(connection, found, source))


def _files(source: Capability, product: Product) -> list[str]:
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
    return found


def _as_they_are(files: list[str], properties: dict[str, Any], named: bool) -> bool:
    """Whether every platform reads the files themselves alike: Parquet, of the same columns, with plain names."""
    if _format(files[0], properties) != "parquet" or not named:
        return False
    first, *others = (pq.read_schema(file).remove_metadata() for file in files)
    return all(first == other for other in others)


def _scan(files: list[str], properties: dict[str, Any]) -> str:
    """DuckDB's SQL for the rows of files."""
    form = _format(files[0], properties)
    types = ", ".join(
        f"{literal(name)}: {literal(type_)}" for name, type_ in (properties.get("types") or {}).items()
    )
    options = {
        "csv": {
            # Every row is looked at before a type is chosen: a late surprise would fail the run.
            "sample_size": "-1",
            # Nothing of the form is guessed: a guess that fits a broken line drops the good ones.
            "header": "true",
            "skip": "0",
            "quote": literal('"'),
            "delim": literal(properties.get("delimiter") or ("\t" if ".tsv" in files[0].lower() else ",")),
            "nullstr": _list(["", *properties.get("nulls", [])]),
            **({"types": "{" + types + "}"} if types else {}),
        },
        "json": {"sample_size": "-1"},
        "parquet": {"hive_partitioning": "false"},
    }[form]
    # Columns of several files are matched by their names, wherever they stand.
    said = ", ".join(f"{name} = {value}" for name, value in {**options, "union_by_name": "true"}.items())
    return f"read_{form}({_list(files)}, {said})"


def _list(texts: list[str]) -> str:
    return f"[{', '.join(map(literal, texts))}]"


def _names(connection: duckdb.DuckDBPyConnection, files: list[str], source: Capability) -> dict[str, str]:
    """Columns by names that SQL can write without quotes: `Flight No.` becomes `flight_no`."""
    described = connection.execute(f"describe from {_scan(files, source.properties)}").fetchall()
    names = {name: column_name(name) for name, *_ in described}
    new = list(names.values())
    if len(set(new)) < len(new):
        twice = sorted({name for name in new if new.count(name) > 1})
        raise UnreadableInput(
            f"Input {source.name}: several columns would be called {', '.join(twice)}.",
            mend="Rename all but one of them in the file.",
        )
    return names


def _rows(files: list[str], properties: dict[str, Any], names: dict[str, str]) -> str:
    selected = ", ".join(f"{identifier(old)} as {identifier(new)}" for old, new in names.items())
    return f"select {selected} from {_scan(files, properties)}"


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
