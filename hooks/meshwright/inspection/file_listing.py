"""List the files of a folder or bucket as tables: files with the same name but for numbers and dates are one.

Only names, sizes, times and headers are read.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.text import printable
from meshwright.inspection import csv_format, technologies
from meshwright.inspection.folder_walk import walk
from meshwright.inspection.model import Activity, Column, Table

READ = {".csv": "csv", ".tsv": "csv", ".txt": "", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".parquet": "parquet"}  # fmt: skip
UNREAD = {
    ".avro",
    ".orc",
    ".xml",
    ".sas7bdat",
    ".dta",
    ".sav",
    ".mdb",
    ".accdb",
    ".feather",
    ".arrow",
    ".dbf",
}
PACKED = {".gz", ".zst", ".bz2", ".zip"}
MAX_FILES = 100_000
SHOWN = 20
"""Paths that are named for each reason why they are not read."""
HEAD = 65_536
"""Bytes of a text file that its header is looked for in."""
SKIPPED = {".git", ".venv", "node_modules", "__pycache__", "_delta_log", "metadata"}
_NUMBERS = re.compile(r"(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\bpart\b|\d+|[-_. ]+)", re.IGNORECASE)


@dataclass
class Listing:
    """The tables of a folder or bucket."""

    tables: list[Table] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    """Name of a table -> the path or glob that reads it."""
    encodings: dict[str, str] = field(default_factory=dict)
    """Name of a table -> the encoding of its texts, if nothing in the file names it."""
    used: list[tuple[str, str]] = field(default_factory=list)
    """Technology -> file in a format of its own."""
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    path: str
    """Relative to the folder or bucket."""
    size: int
    changed: datetime | None


def is_bucket(where: str) -> bool:
    """Return True for the address of a bucket."""
    return where.startswith(("s3://", "gs://"))


def listing(where: str) -> Listing:
    """Return the tables of a folder, or of a bucket's address such as `s3://bucket/prefix`. Raises Error."""
    from pyarrow import fs

    system, base = _system(where, fs)
    result = Listing()
    groups: dict[tuple[str, str], list[_File]] = {}
    for file in _files(system, base, where, result, fs):
        plain = PurePosixPath(file.path)
        kind = _ending(plain)
        in_format = technologies.of_file(file.path)
        if in_format:
            result.used.append((in_format, file.path))
        elif kind in UNREAD:
            result.unread.append(f"{file.path}: files that end in {kind} are not read.")
        elif READ.get(kind):
            groups.setdefault((_name(plain), READ[kind]), []).append(file)
    for (name, kind), files in sorted(groups.items()):
        files.sort(key=lambda one: one.path)
        _add(result, system, base, where, name, kind, files)
    return result


def _system(where: str, fs: Any) -> tuple[Any, str]:
    if where.startswith("s3://"):
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        scheme, _, host = endpoint.partition("://")
        given = {"endpoint_override": host, "scheme": scheme} if host else {}
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        options = {
            **given,
            **({"region": region} if region else {}),
            "connect_timeout": 10,
            "request_timeout": 30,
        }
        try:
            return fs.S3FileSystem(**options), where.removeprefix("s3://").rstrip("/")
        except (OSError, ValueError) as error:
            raise Error(
                f"{printable(where)}: {error}", "Set AWS_REGION and credentials in the environment."
            ) from error
    if where.startswith("gs://"):
        return fs.GcsFileSystem(), where.removeprefix("gs://").rstrip("/")
    return fs.LocalFileSystem(), str(Path(where).resolve())


def _files(system: Any, base: str, where: str, result: Listing, fs: Any) -> Iterator[_File]:
    found = _in_folder(Path(base), result) if isinstance(system, fs.LocalFileSystem) else _in_bucket(system, base, where, fs)  # fmt: skip
    number = 0
    for file in found:
        plain = PurePosixPath(file.path)
        if SKIPPED & {*plain.parts} or plain.name.startswith((".", "_")):
            continue
        number += 1
        if number > MAX_FILES:
            result.unread.append(
                f"It has more than {MAX_FILES:,} files; only the first {MAX_FILES:,} were looked at."
            )
            return
        yield file


def _in_folder(folder: Path, result: Listing) -> Iterator[_File]:
    reasons: dict[str, list[str]] = {}
    try:
        for one in walk(folder, SKIPPED):
            if not one.reason:
                yield _File(one.path, one.size, one.changed)
            elif not PurePosixPath(one.path).name.startswith("."):
                reasons.setdefault(one.reason, []).append(one.path)
    finally:
        for reason, paths in reasons.items():
            result.unread += [f"{path}: {reason}." for path in paths[:SHOWN]]
            if len(paths) > SHOWN:
                result.unread.append(f"{len(paths) - SHOWN:,} more: {reason}.")


def _in_bucket(system: Any, base: str, where: str, fs: Any) -> Iterator[_File]:
    try:
        found = system.get_file_info(fs.FileSelector(base, recursive=True))
    except (OSError, ValueError) as error:
        raise Error(
            f"{printable(where)} cannot be listed: {printable(str(error))[:300]}",
            "Correct the address, or allow this account to list it (for S3: s3:ListBucket, and AWS_* in the environment).",
        ) from error
    files = [info for info in found if info.type == fs.FileType.File]
    for info in sorted(files, key=lambda one: one.path):
        yield _File(info.path.removeprefix(base).lstrip("/"), info.size or 0, info.mtime)


def _ending(path: PurePosixPath) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if len(suffixes) > 1 and suffixes[-1] in PACKED:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def _name(path: PurePosixPath) -> str:
    """Return what the files of one table share: folder and name, without partitions, numbers and dates."""
    folders = [part for part in path.parts[:-1] if "=" not in part and not re.fullmatch(r"\d+", part)]
    stem = path.name
    while PurePosixPath(stem).suffix.lower() in {*READ, *PACKED}:
        stem = PurePosixPath(stem).stem
    bare = "_".join(filter(None, re.split(_NUMBERS, stem)))
    if not bare or bare.lower() in ("data", "part", "export", "c"):
        return "/".join(folders) or stem
    return "/".join([*folders, bare])


def _add(
    result: Listing, system: Any, base: str, where: str, name: str, kind: str, files: Sequence[_File]
) -> None:
    last = files[-1]
    columns: tuple[Column, ...] = ()
    rows = None
    try:
        columns, rows, encoding = _columns(system, f"{base}/{last.path}", kind, last)
        first = _columns(system, f"{base}/{files[0].path}", kind, files[0])[0] if len(files) > 1 else columns
    except (OSError, ValueError, UnicodeError) as error:
        result.unread.append(f"{last.path}: its header cannot be read: {printable(str(error))[:200]}")
        return
    if {one.name for one in first} != {one.name for one in columns}:
        result.unread.append(f"{files[0].path} and {last.path} have other columns, though their names are alike; the last one is taken.")  # fmt: skip
    changed = max((file.changed for file in files if file.changed), default=None)
    table = Table(
        name,
        columns,
        rows=rows if len(files) == 1 else None,
        activity=Activity(last_write=changed.astimezone(UTC) if changed else None),
    )
    result.tables.append(table)
    if kind == "csv" and encoding in ("cp1252", "latin-1"):  # `draft` recognizes the others itself
        result.encodings[name] = encoding
    result.paths[name] = _glob(where, [file.path for file in files])


def _glob(where: str, paths: Sequence[str]) -> str:
    """Return a path, or a glob for several files."""
    start = where.rstrip("/")
    if len(paths) == 1:
        return f"{start}/{paths[0]}"
    parents = {str(PurePosixPath(path).parent) for path in paths}
    ending = re.search(r"\.[^/]*$", paths[0])
    suffix = ending[0] if ending else ""
    suffix = "".join(PurePosixPath(paths[0]).suffixes[-2:] if suffix.lower().endswith(tuple(PACKED)) else PurePosixPath(paths[0]).suffixes[-1:])  # fmt: skip
    if len(parents) == 1:
        names = [PurePosixPath(path).name for path in paths]
        common = _common_start(names)
        folder = parents.pop()
        return f"{start}/{'' if folder == '.' else folder + '/'}{re.sub(r'[0-9]+$', '', common)}*{suffix}"
    common = os.path.commonpath(sorted(parents))
    return f"{start}/{common + '/' if common else ''}**/*{suffix}"


def _common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    same = next((place for place, sign in enumerate(first) if sign != last[place : place + 1]), len(first))
    return first[:same]


def _columns(system: Any, path: str, kind: str, file: _File) -> tuple[tuple[Column, ...], int | None, str]:
    """Return the columns of a file, its rows if it tells them, and its encoding if it is a text."""
    if kind == "parquet":
        from pyarrow import parquet

        with system.open_input_file(path) as handle:
            found = parquet.ParquetFile(handle)
            schema, rows = found.schema_arrow, found.metadata.num_rows
        return tuple(Column(one.name, _type(one.type), str(one.type)) for one in schema), rows, ""
    with system.open_input_stream(path) as stream:  # unpacks .gz and the like by the name
        head = stream.read(HEAD)
    encoding = _encoding(head)
    text = head.decode(encoding, "replace" if encoding == "utf-16" else "ignore")
    names = _csv_header(text, file.path) if kind == "csv" else _json_keys(text)
    return tuple(Column(name, "VARCHAR") for name in names), None, encoding


def _type(arrow: Any) -> str:
    name = str(arrow)
    starts = {"int": "BIGINT", "uint": "BIGINT", "float": "DOUBLE", "double": "DOUBLE", "decimal": "DECIMAL", "bool": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP"}  # fmt: skip
    return next((type for start, type in starts.items() if name.startswith(start)), "VARCHAR")


def _encoding(head: bytes) -> str:
    """Return the encoding of a text by its beginning: UTF-8, UTF-16 by its mark, or one of a byte a character."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = len(head) == HEAD and error.start > HEAD - 4  # the last character goes on behind it
        if not is_cut:
            return "latin-1" if re.search(rb"[\x81\x8d\x8f\x90\x9d]", head) else "cp1252"
    return "utf-8-sig"


def _csv_header(text: str, path: str) -> list[str]:
    """Return the names of the columns, which are numbered if the first line has values: they may be personal."""
    lines = [line for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    if not first:
        raise ValueError("it is empty")
    counts = {mark: first.count(mark) for mark in (",", ";", "\t", "|")}
    delimiter = "\t" if path.lower().endswith(".tsv") else max(counts, key=lambda mark: counts[mark])
    rows = [row for row in csv.reader(lines[: csv_format.LINES], delimiter=delimiter) if row]
    width = len(rows[0])
    if not csv_format.is_header([row for row in rows if len(row) == width])[0]:
        return [f"column_{number}" for number in range(1, width + 1)]
    return [name.strip() for name in rows[0]]


def _json_keys(text: str) -> list[str]:
    start = text.lstrip()
    decoder = json.JSONDecoder()
    place = text.find("{")
    if not start or place < 0:
        raise ValueError("it has no object")
    value, _ = decoder.raw_decode(text[place:])
    return list(value)
