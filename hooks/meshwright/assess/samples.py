"""Whether a repository has a sample of the data: a file with rows that an input reads, or that has columns of the contract."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from meshwright.product.grammar import default
from meshwright.product.record import Record
from meshwright.product.record.typed_values import texts

FOLDER = "sample_data"
MANY = 200
"""Files that are examined at most."""
HEAD = 64_000
"""Bytes of a file that are examined."""
MAGIC = {
    ".parquet": b"PAR1",
    ".xlsx": b"PK\x03\x04",
    ".zip": b"PK\x03\x04",
    ".gz": b"\x1f\x8b",
    ".zst": b"\x28\xb5\x2f\xfd",
    ".avro": b"Obj\x01",
    ".orc": b"ORC",
    ".sqlite": b"SQLite format 3",
    ".db": b"SQLite format 3",
    ".sqlite3": b"SQLite format 3",
}
"""Ending of a file -> how its content begins."""
TABLES, DOCUMENTS = (".csv", ".tsv", ".txt", ".psv"), (".json", ".jsonl", ".ndjson")
KNOWN = {*MAGIC, *TABLES, *DOCUMENTS}
POINTER = b"version https://git-lfs.github.com/"


def sample_of(record: Record, root: Path) -> str:
    """Return the name of a file with a sample; empty if none of them is one."""
    folder = root / FOLDER
    columns = {column.name.casefold() for column in record.columns}
    places = list(_places(record))
    for path in _files(folder):
        relative = path.relative_to(root).as_posix()
        names = _columns(path)
        is_read = any(
            fnmatch(relative, place) or relative.startswith(f"{place.rstrip('/')}/") for place in places
        )
        if names is None:
            if is_read and path.suffix.lower() not in KNOWN and path.stat().st_size:
                return relative  # in a format that only the input knows
            continue
        if is_read or path.suffix.lower() == ".parquet" or columns & {name.casefold() for name in names}:
            return relative
    return ""


def _files(folder: Path) -> Iterator[Path]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    for number, path in enumerate(found):
        if number >= MANY:
            return
        if not path.name.startswith((".", "README")):
            yield path


def _places(record: Record) -> Iterator[str]:
    """Yield the places that inputs read on the sample."""
    for entry in record.inputs:
        for key in entry.properties:
            for text in (*texts({key: [entry.properties[key]]}, key), *texts(entry.properties, key)):
                place = default(text).removeprefix("./")
                yield place.partition(":///")[2] or place


def _columns(path: Path) -> list[str] | None:
    """Return the names of a table's columns, as far as its format shows them at once; None if it has no rows."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    ending = path.suffix.lower()
    if head.startswith(POINTER):
        return []  # its content is not in this clone
    if ending in MAGIC:
        return [] if head.startswith(MAGIC[ending]) and len(head) > 32 else None
    if ending in TABLES:
        return _header(head)
    return _keys(head) if ending in DOCUMENTS else None


def _header(head: bytes) -> list[str] | None:
    if b"\0" in head:
        return None
    lines = [line for line in head.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    sign = max(",;\t|", key=lines[0].count)
    rows = list(csv.reader(io.StringIO("\n".join(lines[:2])), delimiter=sign))
    same = len(rows) == 2 and len(rows[0]) == len(rows[1])
    return [name.strip() for name in rows[0]] if same else None


def _keys(head: bytes) -> list[str] | None:
    text = head.decode("utf-8-sig", "replace").lstrip()
    start = text.lstrip("[ \n\r\t")
    try:
        value, _ = json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return [] if len(head) >= HEAD and start.startswith("{") else None
    return [str(key) for key in value] if isinstance(value, dict) and value else None
