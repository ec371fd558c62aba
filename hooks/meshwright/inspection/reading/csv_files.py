# Written by `make reference`: a copy of blueprints/inputs/file/pipeline/csv_files.py.
"""Read CSV exactly as configured: its format is not guessed, and every field is a text.

Arrow parses. It makes two assumptions that are checked here while the bytes pass: quotes are only at the
beginning or the end of a field, and no block ends between the two characters of a line end.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from meshwright.core.sql.duckdb import literal

BLOCK_BYTES = 2**20
LARGEST_BLOCK_BYTES = 2**25
"""Maximum bytes of a row: a quote that is never closed must not make the rest of a large file one field."""
TOO_LONG = f"a row of more than {LARGEST_BLOCK_BYTES // 2**20} MiB begins here"
TOO_LONG_FIX = (
    "Close the quote that begins a field there, if one is open; or deliver long texts in files of their own."
)
LINES_AT_ONCE = 10_000
BOM = "\ufeff"
NUL_FIX = "Give its `encoding`, such as utf-16, or correct the file."
csv.field_size_limit(LARGEST_BLOCK_BYTES)


@dataclass(frozen=True)
class CsvDialect:
    """The format of a CSV file: the properties of `file@1`."""

    delimiter: str = ","
    quote: str = '"'
    """Empty: no field is quoted."""
    escape: str = ""
    """The character before a quote within a quoted field; empty: another quote."""
    comment: str = ""
    """Lines that begin with it are skipped; empty: none."""
    skip: int = 0
    """Number of lines before the header."""
    header: bool = True
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ()
    """Texts for a missing value, in addition to an empty field."""
    quoted_nulls: bool = False
    """True if these texts are missing values in quotes, too."""

    def text(self, column: str, is_text: bool) -> str:
        """Return SQL for the text of a value, null if it is missing. `is_text`: the column is declared as VARCHAR."""
        if self.quoted_nulls or is_text:
            return column
        # In quotes, a null marker is text; but in a column of numbers it can only mean a missing value.
        words = ", ".join(literal(word) for word in ("", *self.nulls))
        return f"(case when {column} in ({words}) then null else {column} end)"


class FileFormatError(Exception):
    """The file is not of the format that was given for it: in which line, and why."""

    def __init__(self, line: int, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.line, self.fix = line, fix


@dataclass
class CsvFile:
    """One file. Every method reads it again, block by block."""

    path: Path
    dialect: CsvDialect

    def header(self) -> list[str]:
        """Return the names in the header; empty if there is no line. Raises FileFormatError."""
        lines = _Lines(self._text(), self.dialect)
        return self._first(lines)

    def width(self) -> int:
        """Return the number of fields of the first line; 0 if there is no line. Raises FileFormatError."""
        return len(self._first(_Lines(self._text(), self.dialect)))

    def batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows, as texts: None is a missing value, an empty text is an empty field in quotes.

        Raises FileFormatError, or errors of Arrow and codecs, for which `format_error()` finds the line.
        """
        head = 0
        if self.dialect.header:
            lines = _Lines(self._text(), self.dialect)
            self._first(lines)
            head = lines.number
        size = BLOCK_BYTES
        sent = 0  # rows yielded so far
        while True:
            body = _Body(self._bytes(), self.dialect, head or self.dialect.skip)
            known = sent
            try:
                for batch in self._parsed(body, names, size):
                    if known >= batch.num_rows:
                        known -= batch.num_rows
                        continue
                    sent += batch.num_rows - known
                    yield batch.slice(known)
                    known = 0
                break
            except pa.ArrowInvalid as error:
                if "straddling" not in str(error) or size >= LARGEST_BLOCK_BYTES:
                    raise
                # A row is longer than a block. Other block sizes split the rows differently, so the rows yielded are counted.
                size = min(size * 8, LARGEST_BLOCK_BYTES)
        if body.needs_second_check and (format_error := self.format_error(names) or self._ambiguous(body)):
            raise format_error

    def format_error(self, names: list[str]) -> FileFormatError | None:
        """Return the first thing that is wrong with the file, None if it is fine."""
        try:
            lines = _Lines(self._text(), self.dialect)
            if self.dialect.header:
                self._first(lines)
            before = lines.number
            for row in _reader(self._escaping(lines), self.dialect):
                if any("\0" in field for field in row):
                    return FileFormatError(
                        before + 1,
                        "a NUL character",
                        NUL_FIX,
                    )
                if row and len(row) != len(names):
                    return FileFormatError(
                        before + 1,
                        f"{len(row)} field{'s' * (len(row) != 1)}, but {'the header has' if self.dialect.header else 'expected'}"
                        f" {len(names)}",
                    )
                if sum(map(len, row)) > LARGEST_BLOCK_BYTES // 4 and _size(row) > LARGEST_BLOCK_BYTES:
                    return FileFormatError(before + 1, TOO_LONG, TOO_LONG_FIX)
                before = lines.number
        except FileFormatError as format_error:
            return format_error
        except csv.Error as error:
            if "field limit" in str(error):
                return FileFormatError(before + 1, TOO_LONG, TOO_LONG_FIX)
            if "unexpected end" in str(error):
                return FileFormatError(before + 1, "a quoted field begins here and is never closed")
            return FileFormatError(before + 1, f"a quoted field has text after its closing quote ({error})")
        return None

    def _escaping(self, lines: _Lines) -> Iterator[str]:
        """Yield the lines. Raises FileFormatError for an escape before a character that needs none, because readers would drop it."""
        dialect = self.dialect
        for line in lines:
            rest = line
            for sign in (dialect.escape, dialect.quote, dialect.delimiter) if dialect.escape else ():
                rest = rest.replace(dialect.escape + sign, "")
            if dialect.escape and dialect.escape in rest:
                place = rest.index(dialect.escape)
                raise FileFormatError(
                    lines.number,
                    f"{rest[place : place + 2]!r}, but `escape` may only precede a quote, a delimiter or itself",
                    "Correct the line, or remove `escape` from the input's properties in data-product.yaml.",
                )
            yield line

    def _ambiguous(self, body: _Body) -> FileFormatError | None:
        """Return a FileFormatError for a quote within an unquoted field: lines that look like comments might be part of a field."""
        if not self.dialect.comment or not body.stray:
            return None
        probe = _Body(iter(()), self.dialect, 0)
        lines = _Lines(self._text(), self.dialect)
        for line in lines:
            probe.look(line.encode())
            if probe.stray:
                break
        return FileFormatError(
            lines.number,
            "a quote within an unquoted field: with `comment`, a comment and a continued field cannot be told apart",
            "Quote the field.",
        )

    def line(self, row: int) -> int:
        """Return the line on which a row begins; the first row is 0."""
        lines = _Lines(self._text(), self.dialect)
        if self.dialect.header:
            self._first(lines)
        before, number = lines.number, -1
        for fields in _reader(lines, self.dialect):
            number += bool(fields) or self._one
            if number == row:
                return before + 1
            before = lines.number
        return before

    @property
    def _one(self) -> bool:
        return self.width() == 1

    def _first(self, lines: _Lines) -> list[str]:
        try:
            names: list[str] = next(filter(None, _reader(lines, self.dialect)), [])
            if any("\0" in name for name in names):
                raise FileFormatError(lines.number, "a NUL character", NUL_FIX)
            return names
        except csv.Error as error:
            raise FileFormatError(self.dialect.skip + 1, f"the header cannot be read: {error}") from error

    def _parsed(self, body: _Body, names: list[str], size: int) -> Iterator[pa.RecordBatch]:
        if body.is_empty():
            return
        dialect = self.dialect
        try:
            reader = pacsv.open_csv(
                body,
                pacsv.ReadOptions(column_names=names, block_size=size, use_threads=False),
                pacsv.ParseOptions(
                    delimiter=dialect.delimiter,
                    quote_char=dialect.quote or False,
                    escape_char=dialect.escape or False,
                    newlines_in_values=True,
                    ignore_empty_lines=len(names) > 1,
                ),
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=["", *dialect.nulls],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=dialect.quoted_nulls,
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):  # only blank lines
                return
            raise
        yield from reader

    def _bytes(self) -> Iterator[bytes]:
        """Yield the file as UTF-8, without a byte order mark."""
        blocks = unpacked(self.path)
        if _is_utf8(self.dialect.encoding):
            first = next(blocks, b"")
            yield first.removeprefix(codecs.BOM_UTF8)
            yield from blocks
        else:
            yield from (text.encode() for text in decoded(blocks, self.dialect.encoding))

    def _text(self) -> Iterator[str]:
        """Yield the file as text. Raises FileFormatError if it cannot be decoded."""
        yield from decoded(unpacked(self.path), self.dialect.encoding)


def _size(row: list[str]) -> int:
    """Return the bytes of a row, about: without its quotes."""
    return sum(len(field.encode()) + 1 for field in row)


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


_PACKED = {
    b"\x1f\x8b": "It is compressed with gzip: rename it to end in .gz.",
    b"\x28\xb5\x2f\xfd": "It is compressed with Zstandard: rename it to end in .zst.",
    b"PK\x03\x04": "It is a ZIP archive, or an Excel workbook: unpack it, or save it as CSV.",
}
"""First bytes of files that are not text -> the fix."""


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed. Raises FileFormatError if they cannot be read."""
    line = 1
    compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    try:
        with pa.input_stream(str(path), compression=compression) as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block
                line += block.count(b"\n")
    except OSError as error:
        raise FileFormatError(
            line, f"it cannot be read further: {error}", "It is damaged or truncated: deliver it again."
        ) from error


_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Bytes that no text has, in whatever encoding of a byte a character."""


def decoded(blocks: Iterable[bytes], encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    is_utf8 = _is_utf8(encoding)
    line, read, first = 1, 0, b""
    begun = False
    for block in itertools.chain(blocks, [None]):
        first = first or (block or b"")[:4]
        read += len(block or b"")
        try:
            text = decoder.decode(block or b"", block is None)
        except UnicodeError as error:
            if isinstance(error, UnicodeDecodeError):
                good = error.object[: error.start].decode(encoding, "replace")
                line += _ends(good)
                what = f"byte {read - len(error.object) + error.start + 1:,} of the file is not {encoding}"
            else:
                what = str(error)
            utf16 = first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            known = codecs.lookup(encoding).name
            fix = "utf-16" if utf16 else "utf-16-le or utf-8" if known == "utf-16" else "latin-1 or cp1252"
            more = f"Give the input's `encoding` in data-product.yaml, such as {fix}."
            if fix == known:
                more = "Correct the file: it is damaged or truncated."
            elif not utf16 and isinstance(error, UnicodeDecodeError) and _CONTROLS.search(error.object):
                more = (
                    "It does not seem to be text: correct the input's `path` or `format` in data-product.yaml. If it is one, give"
                    " its `encoding`, such as utf-16-le."
                )
            packed = next((fix for sign, fix in _PACKED.items() if first.startswith(sign)), "")
            raise FileFormatError(line, what, packed or more) from error
        if not begun and text:
            text, begun = text.removeprefix(BOM), True
        if not is_utf8:
            try:
                text.encode()
            except UnicodeEncodeError as error:
                line += _ends(text[: error.start])
                raise FileFormatError(line, f"a lone surrogate (half a character) in {encoding}") from error
        line += _ends(text)
        if text:
            yield text


def _ends(text: str) -> int:
    """Return the number of line ends in a text."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _reader(lines: Iterable[str], dialect: CsvDialect) -> Any:
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        escapechar=dialect.escape or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=True,
    )


class _Lines:
    """The lines that a CSV reader should see: without comments, and without those before the header."""

    def __init__(self, texts: Iterable[str], dialect: CsvDialect) -> None:
        self.number = 0
        """Number of the last line read, as in an editor."""
        self._lines = self._seen(split_lines(texts), dialect)

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def _seen(self, lines: Iterator[str], dialect: CsvDialect) -> Iterator[str]:
        inside = False
        for line in lines:
            self.number += 1
            if self.number <= dialect.skip or (
                dialect.comment and not inside and line.startswith(dialect.comment)
            ):
                continue
            if dialect.comment and dialect.quote:
                inside ^= _is_odd(line, dialect)
            yield line


def split_lines(texts: Iterable[str]) -> Iterator[str]:
    """Yield lines with their ends: \\n, \\r\\n or \\r."""
    rest = ""
    for text in texts:
        text = rest + text
        if text.endswith("\r"):  # a \n may follow
            text, held = text[:-1], "\r"
        else:
            held = ""
        lines = io.StringIO(text, newline="").readlines()
        rest = lines.pop() if lines and not lines[-1].endswith(("\n", "\r")) else ""
        rest += held
        yield from lines
    if rest:
        yield rest


class _Body(io.RawIOBase):
    """The bytes after the header for Arrow; notes whether they contain anything that Arrow's parser assumes is absent."""

    def __init__(self, blocks: Iterator[bytes], dialect: CsvDialect, head: int) -> None:
        super().__init__()
        self._blocks = _after(blocks, head)
        if dialect.comment:
            self._blocks = _commentless(self._blocks, dialect)
        self._held = b""
        self._has_begun = False
        self._dialect = dialect
        self.needs_second_check = bool(dialect.escape)
        """True if `CsvFile.format_error` must check the file: it has what Arrow's parser takes otherwise, or perhaps an escape."""
        self.stray = False
        """True if there is a quote that is neither at the beginning nor at the end of a field."""
        quote, delimiter = dialect.quote.encode(), dialect.delimiter.encode()
        self._quote = quote
        self._edges = {b"", b"\n", b"\r", delimiter}
        self._in_quotes = False
        self._last_outside = b"\n"
        """The last byte outside of quotes; empty right after a closing quote. A field may begin after the first one's line feed."""

    def readable(self) -> bool:
        return True

    def is_empty(self) -> bool:
        self._fill(1)
        return not self._held

    def _fill(self, size: int) -> None:
        while len(self._held) < size:
            block = next(self._blocks, None)
            if block is None:
                if self._quote and self._in_quotes:
                    self.needs_second_check = True
                return
            self.look(block)
            self._held += block

    def read(self, size: int = -1) -> bytes:
        if not self._has_begun:
            # Arrow takes a byte order mark away, and one in the data would be a part of the first value.
            self._has_begun = True
            self._held = codecs.BOM_UTF8 + self._held
        self._fill(size + 1 if size >= 0 else 2**62)
        size = len(self._held) if size < 0 else size
        block, self._held = self._held[:size], self._held[size:]
        # Arrow takes a line feed at the start of a block for the rest of a line end, even within quotes.
        if block.endswith(b"\r") and len(block) > 1 and self._held:
            block, self._held = block[:-1], b"\r" + self._held
        return block

    def look(self, block: bytes) -> None:
        """Note a quote that is neither at the edge of a field nor doubled."""
        if self.needs_second_check:
            return
        if b"\0" in block:
            self.needs_second_check = True
            return
        if not self._quote:
            return
        first, *others = block.split(self._quote)
        if not self._in_quotes:
            self._outside_piece(first, ends=bool(others))
        for piece, last in zip(others, [False] * (len(others) - 1) + [True], strict=True) if others else ():
            self._in_quotes = not self._in_quotes
            if not self._in_quotes:
                self._last_outside = b""
                self._outside_piece(piece, ends=not last)
            if self.needs_second_check:
                return

    def _outside_piece(self, piece: bytes, *, ends: bool) -> None:
        """Check the text outside of quotes; `ends`: a quote follows."""
        if piece and not self._last_outside and piece[:1] not in self._edges:
            self.needs_second_check = self.stray = not self._dialect.escape  # right after a closing quote
        if piece:
            self._last_outside = piece[-1:]
        if ends and self._last_outside not in self._edges:
            self.needs_second_check = self.stray = not self._dialect.escape  # right before an opening one


def _after(blocks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """Yield the content after `lines` lines."""
    rest = b""
    for block in blocks:
        if not lines:
            yield block
            continue
        rest += block
        start = 0
        while lines:
            ends = [end for end in (rest.find(b"\n", start), rest.find(b"\r", start)) if end >= 0]
            if not ends:
                break
            end = min(ends)
            if rest[end : end + 1] == b"\r":
                if end + 1 == len(rest):  # a \n may follow
                    break
                end += rest[end + 1 : end + 2] == b"\n"
            start = end + 1
            lines -= 1
        rest = rest[start:]
        if not lines and rest:
            yield rest


def _commentless(blocks: Iterator[bytes], dialect: CsvDialect) -> Iterator[bytes]:
    """Yield the lines that do not begin with the comment character; text within quotes is never a comment."""
    sign = dialect.comment.encode().decode("latin-1")  # like the lines below: one character for each byte
    inside = False
    kept: list[str] = []
    for line in split_lines(block.decode("latin-1") for block in blocks):
        if not inside and line.startswith(sign):
            continue
        inside ^= bool(dialect.quote) and _is_odd(line, dialect)
        kept.append(line)
        if len(kept) == LINES_AT_ONCE:
            yield "".join(kept).encode("latin-1")
            kept = []
    yield "".join(kept).encode("latin-1")


def _is_odd(line: str, dialect: CsvDialect) -> bool:
    """Return True if a quoted field begins on a line and ends on another."""
    if dialect.escape:
        line = line.replace(dialect.escape * 2, "").replace(dialect.escape + dialect.quote, "")
    return line.count(dialect.quote) % 2 == 1


def padded(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    """Return a batch with these columns, in this order."""
    known = batch.schema.names
    if known == names:
        return batch
    arrays = [batch[name] if name in known else pa.nulls(batch.num_rows, pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names)
