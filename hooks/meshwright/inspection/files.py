"""Find the files that a person names, and open them by their format."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from meshwright.core.errors import Error
from meshwright.core.text import printable
from meshwright.inspection.csv_source import CsvSource
from meshwright.inspection.file_address import argument
from meshwright.inspection.file_source import FileSource, format_of
from meshwright.inspection.json_source import JsonSource
from meshwright.inspection.parquet_source import ParquetSource

OPTIONS = {
    "format": str,
    "encoding": str,
    "delimiter": str,
    "quote": str,
    "escape": str,
    "comment": str,
    "decimal": str,
    "nulls": str,
    "skip": int,
    "header": lambda text: {"true": True, "false": False}[text],
    "lines": lambda text: {"true": True, "false": False}[text],
}
"""Properties of `file@1` that can be given behind the path: `orders.csv?encoding=cp1252&delimiter=;`. `nulls` may be repeated."""
_OPTIONS = re.compile(rf"(?P<path>.*)\?(?P<options>(?:{'|'.join(OPTIONS)})=[^?]*)")


def split(where: str) -> tuple[str, dict[str, Any]]:
    """Return the path, and the properties that are given behind it. Raises Error for a value that is none."""
    match = _OPTIONS.fullmatch(where)
    if match is None or Path(where).exists():
        return where, {}
    given: dict[str, Any] = {}
    for name, text in parse_qsl(match["options"], keep_blank_values=True, separator="&"):
        convert = OPTIONS.get(name)
        try:
            if convert is None:
                raise ValueError
            value: Any = convert(text)  # type: ignore[operator]
        except (ValueError, KeyError):
            raise Error(
                f"{printable(where)}: {name}={printable(text)} is not understood.",
                f"Give any of {', '.join(OPTIONS)}, such as {argument(match['path'], encoding='cp1252', delimiter=';')}",
            ) from None
        if name == "nulls":
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return match["path"], given


KINDS: dict[str, type[FileSource]] = {"csv": CsvSource, "json": JsonSource, "parquet": ParquetSource}


def open_files(name: str, where: str, root: Path) -> FileSource:
    """Return the files at a path, a glob or a URL, with options behind it (OPTIONS). Raises Error."""
    path, given = split(where)
    if "://" in path:
        files, holder = [_download(path)], path
        source = _source(name, holder, files, root, given)
        return source
    files = _found(path, root)
    return _source(name, _relative(path, root), files, root, given)


def _source(name: str, path: str, files: list[Path], root: Path, given: Mapping[str, Any]) -> FileSource:
    formats = {str(given.get("format") or format_of(file) or _sniffed(file)) for file in files}
    if len(formats) > 1:
        raise Error(
            f"{printable(path)}: its files have different formats: {', '.join(sorted(formats))}.",
            "Name those of one format.",
        )
    form = formats.pop()
    if form not in KINDS:
        raise Error(
            f"{printable(path)}: the format {printable(form)} is not known.",
            f"Write {argument(path, format='csv')}, json or parquet.",
        )
    return KINDS[form](name, path, files, root, given)


def _relative(path: str, root: Path) -> str:
    """Return a path as an input gives it: from the repository's root if it is below."""
    full = Path(os.path.normpath(root / path))
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else str(full)


def _found(path: str, root: Path) -> list[Path]:
    """Return the files that a path or a glob names. Raises Error."""
    if (root / path).is_dir():
        raise Error(
            f"{printable(path)} is a folder.",
            f"Name its files, such as {argument(path.rstrip('/') + '/*.csv')}.",
        )
    exact = (root / path).is_file()
    found = (
        [root / path]
        if exact
        else [root / file for file in sorted(glob.glob(path, root_dir=root, recursive=True))]
    )
    files = [file for file in found if file.is_file()]
    if not files:
        raise Error(f"No file matches {printable(path)}.", f"Correct the path; it is from {root}.")
    for file in files:
        try:
            size = file.stat().st_size
            with file.open("rb"):
                pass
        except OSError as error:
            raise Error(
                f"{file} cannot be opened: {error.strerror}.", "Correct its permissions or the path."
            ) from error
        if not size:
            shown = printable(_relative(str(file), root))
            raise Error(f"{shown} is empty.", "Add its header, or leave it out.")
    return files


def _sniffed(file: Path) -> str:
    """Return the format that a file's first bytes tell."""
    with file.open("rb") as opened:
        first = opened.read(64)
    if first.startswith(b"PAR1"):
        return "parquet"
    return "json" if first.lstrip()[:1] in (b"{", b"[") else "csv"


def _download(url: str) -> Path:
    """Fetch a file into a temporary folder. Raises Error."""
    from meshwright.inspection.downloads import fetched

    return fetched(url, unquote(Path(urlsplit(url).path).name) or "download")
