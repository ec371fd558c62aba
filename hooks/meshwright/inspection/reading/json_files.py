# Written by `make reference`: a copy of blueprints/inputs/file/pipeline/json_files.py.
"""Read JSON exactly: numbers keep their digits, whatever their size."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from meshwright.core.sql.duckdb import identifier
from meshwright.inspection.reading.conversion import Query, certain_types
from meshwright.inspection.reading.csv_files import FileFormatError, decoded, split_lines, unpacked
from meshwright.product.column_types import ColumnType

BATCH_ROWS = 20_000
LINE = "_line"
"""The column with the line where a row begins; no column of an input begins with an underscore."""

LONGEST_WORD = 12
"""Maximum length of JSON tokens without an end character, such as `false` or an escaped character."""
TOO_DEEP, FLATTEN = "a value is nested too deeply to be read", "Flatten it before delivery."

JSON_KINDS = {
    "number": frozenset({"BIGINT", "DECIMAL"}),
    "text": frozenset({"DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}),
    "boolean": frozenset({"BOOLEAN"}),
}
"""Kind of all values of a JSON column -> types that they can certainly have."""

_SPACE = re.compile(r"[ \t\r\n]*")


class Number(str):
    """A number, with the digits as written."""

    __slots__ = ()


@dataclass
class JsonFile:
    """One file: a list of objects, one object, or with `lines` one object a line."""

    path: Path
    lines: bool
    encoding: str = "utf-8"
    nulls: frozenset[str] = frozenset()
    """Texts for a missing value, in addition to `null`."""
    nested: Mapping[str, ColumnType] = field(default_factory=dict)
    """Columns that are declared as STRUCT, LIST, MAP or JSON, and converted: see `as_texts`."""
    kinds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Column -> kinds of its values so far: number, text, boolean, nested."""

    def batches(self, column: Any) -> Iterator[pa.RecordBatch]:
        """Yield the rows, as texts, with their lines in the column LINE. `column` converts a key to a column's name.

        Each batch has only the columns of its rows. Raises FileFormatError.
        """
        names: dict[str, str] = {}
        values: dict[str, list[str | None]] = {}
        places: list[int] = []
        for line, row in self._rows():
            if type(row) is not dict:
                what = "a list" if isinstance(row, list) else "no object"
                raise FileFormatError(
                    line, f"a row is {what}", "Write a list of objects, or one object a line."
                )
            count = len(places)
            for key, value in row.items():
                name = names.get(key)
                if name is None:
                    name = names[key] = self._new(key, column(key), names, line)
                texts = values.get(name)
                if texts is None:
                    texts = values[name] = [None] * count
                elif len(texts) < count:
                    texts += [None] * (count - len(texts))
                try:
                    texts.append(self._text(value, name))
                except RecursionError:
                    raise FileFormatError(line, TOO_DEEP, FLATTEN) from None
            places.append(line)
            if len(places) == BATCH_ROWS:
                yield _batch(values, places)
                values, places = {}, []
        if places:
            yield _batch(values, places)

    def _new(self, key: str, name: str, names: dict[str, str], line: int) -> str:
        if name in names.values():
            other = next(known for known, taken in names.items() if taken == name)
            raise FileFormatError(
                line, f"the keys {other!r} and {key!r} would both be the column {name}", "Rename one of them."
            )
        return name

    def _text(self, value: Any, name: str) -> str | None:
        if value is None:
            return None
        kind = type(value)
        if kind is str:
            if value in self.nulls:
                return None
            self.kinds[name].add("text")
            declared = self.nested.get(name)
            if declared is None:
                return str(value)
            return _written(value, None) if declared.name == "JSON" else as_texts(value, declared)
        if kind is Number:
            self.kinds[name].add("number")
            return str(value)
        if kind is bool:
            self.kinds[name].add("boolean")
            return "true" if value else "false"
        self.kinds[name].add("nested")
        declared = self.nested.get(name)
        return _written(value, declared if declared and declared.parts else None)

    def kinds_of(self, due: Mapping[str, str], column: Any) -> Iterator[tuple[int, str, str]]:
        """Yield line, column and kind of each value with a kind that its column does not allow."""
        words = {"text": "a text", "number": "a number", "boolean": "a boolean", "nested": "nested"}
        for line, row in self._rows():
            for key, value in row.items():
                name = column(key)
                if name not in due or value is None or (type(value) is str and value in self.nulls):
                    continue
                kind = {str: "text", Number: "number", bool: "boolean"}.get(type(value), "nested")
                if kind != due[name]:
                    yield line, name, words[kind]

    def _rows(self) -> Iterator[tuple[int, Any]]:
        """Yield each row with the line that it begins on."""
        texts = decoded(unpacked(self.path), self.encoding)
        yield from self._of_lines(texts) if self.lines else self._of_document(texts)

    def _of_lines(self, texts: Iterable[str]) -> Iterator[tuple[int, Any]]:
        for number, text in enumerate(split_lines(texts), 1):
            text = text.rstrip("\r\n")
            if not text.strip():
                continue
            try:
                value, end = _decode(text, _after_space(text), number, last=True)
            except FileFormatError as format_error:
                format_error.fix = format_error.fix or (
                    "Correct the line. If the file is one list or one object, give the input `lines: false` in data-product.yaml."
                )
                raise
            if text[end:].strip():
                raise FileFormatError(
                    number, "the line has text after the object", "Put each object on its own line."
                )
            yield number, value

    def _of_document(self, texts: Iterator[str]) -> Iterator[tuple[int, Any]]:
        buffer = _Buffer(texts)
        buffer.skip()
        if buffer.peek() != "[":
            line = buffer.line
            if not buffer.peek():
                raise FileFormatError(line, "it contains no JSON", "Remove it, or write `[]`.")
            yield line, buffer.value()
            buffer.skip()
            if buffer.peek():
                raise FileFormatError(
                    buffer.line,
                    "the file has text after the first value",
                    "If it has one object a line, give the input `lines: true` in data-product.yaml.",
                )
            return
        buffer.take()
        buffer.skip()
        if buffer.peek() == "]":
            buffer.take()
        else:
            while True:
                line = buffer.line
                yield line, buffer.value()
                buffer.skip()
                sign = buffer.peek()
                if sign not in (",", "]"):
                    what = (
                        "the list is never closed" if not sign else f"there is {sign!r} instead of `,` or `]`"
                    )
                    raise FileFormatError(buffer.line, what)
                buffer.take()
                if sign == "]":
                    break
                buffer.skip()
        buffer.skip()
        if buffer.peek():
            raise FileFormatError(
                buffer.line, "the file has text after the list", "Put all objects into one list."
            )


class _Buffer:
    """A text that arrives in pieces, from the current position on."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._text, self._at = "", 0
        self.line = 1

    def peek(self) -> str:
        """Return the next character, empty at the end."""
        while self._at >= len(self._text):
            if not self._more():
                return ""
        return self._text[self._at]

    def take(self) -> None:
        self._at += 1

    def skip(self) -> None:
        """Skip white space."""
        while self.peek():
            end = _after_space(self._text, self._at)
            self.line += self._text.count("\n", self._at, end)
            self._at = end
            if end < len(self._text):
                return

    def value(self) -> Any:
        """Return the value that begins here. Raises FileFormatError."""
        ended = False
        while True:
            try:
                # A number may continue in the next piece.
                value, end = _decode(self._text, self._at, self.line, last=ended)
                if end < len(self._text) or ended:
                    break
            except FileFormatError as format_error:
                if ended or isinstance(format_error, _Final):
                    raise
            ended = not self._more(len(self._text) - self._at)
        self.line += self._text.count("\n", self._at, end)
        self._at = end
        return value

    def _more(self, size: int = 0) -> bool:
        """Read at least as much again as the buffer holds."""
        pieces = [self._text[self._at :]]
        read = 0
        for text in self._texts:
            pieces.append(text)
            read += len(text)
            if read >= size:
                break
        self._text, self._at = "".join(pieces), 0
        return read > 0


class _Final(FileFormatError):
    """An error that further text cannot repair."""


def _after_space(text: str, start: int = 0) -> int:
    """Return the position of the first character that is not a space; the end, if there is none."""
    space = _SPACE.match(text, start)
    assert space is not None, "the pattern matches the empty text"
    return space.end()


class _NotStrictJson(ValueError):
    """JSON that Python reads and other programs refuse or read otherwise: a repeated key, or NaN."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _NotStrictJson(f"the key {key!r} occurs twice in one object")
            seen.add(key)
    return value


def _constant(word: str) -> Any:
    raise _NotStrictJson(f"{word} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_constant
)


def _decode(text: str, start: int, line: int, *, last: bool) -> tuple[Any, int]:
    """Return a value and its end. `last`: no more text will come. Raises FileFormatError."""
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        line += text.count("\n", start, error.pos)
        end = error.pos >= len(text.rstrip())
        unfinished = end or "Unterminated" in error.msg or error.pos + LONGEST_WORD > len(text)
        kind = FileFormatError if unfinished else _Final
        raise kind(
            line, "it ends in the middle of a value" if end else f"it is not JSON: {error.msg}"
        ) from error
    except _NotStrictJson as error:
        raise _Final(line, str(error)) from error
    except RecursionError:
        raise _Final(line, TOO_DEEP, FLATTEN) from None


def _written(value: Any, kind: ColumnType | None) -> str:
    """Return JSON with every digit as written; with a type, its leaves are texts. Raises RecursionError."""
    return "".join(_pieces(value, kind))


def _pieces(value: Any, kind: ColumnType | None) -> Iterator[str]:
    type_ = type(value)
    # A text of JSON is one in quotes there: "5" is not the number 5.
    inside = (dict, list, str) if kind is not None and kind.name == "JSON" else (dict, list)
    if kind is not None and not kind.parts and type_ in inside:  # a text, to its type
        yield json.dumps(_written(value, None), ensure_ascii=False)
    elif type_ is dict:
        yield "{"
        comma = ""
        for key, item in value.items():
            yield f"{comma}{json.dumps(key, ensure_ascii=False)}:"
            yield from _pieces(item, _part(kind, key))
            comma = ","
        yield "}"
    elif type_ is list:
        yield "["
        for number, item in enumerate(value):
            if number:
                yield ","
            yield from _pieces(item, _part(kind, ""))
        yield "]"
    elif type_ is Number:
        yield str(value) if kind is None else f'"{value}"'
    else:
        yield json.dumps(value, ensure_ascii=False)


def _part(kind: ColumnType | None, key: str) -> ColumnType | None:
    """Return the type of a container's entry by its key; any type for an entry that should not exist."""
    if kind is None or not kind.parts:
        return kind
    return dict(kind.parts).get(key, kind.parts[-1][1]) if kind.name == "STRUCT" else kind.parts[-1][1]


def as_texts(text: str, kind: ColumnType) -> str:
    """Return the JSON with every leaf as a text, as deep as its type goes; deeper values become the text of their JSON.

    DuckDB reads numbers as doubles, so it must not see any. Invalid JSON is returned unchanged. JSON with a repeated key or
    half a character gets the reason appended: that makes it invalid, so it fits no type.
    """
    try:
        value, end = _DECODER.raw_decode(text, _after_space(text))
        if text[end:].strip():
            return text
        texts = _written(value, kind)
        texts.encode()
        return texts
    except _NotStrictJson as error:
        return f"{text} ({error})"
    except UnicodeEncodeError:
        return f"{text} (it contains half a character)"
    except json.JSONDecodeError:
        return text
    except RecursionError:
        return f"{text} ({TOO_DEEP})"


def _batch(values: dict[str, list[str | None]], places: list[int]) -> pa.RecordBatch:
    count = len(places)
    arrays = {name: texts + [None] * (count - len(texts)) for name, texts in values.items()}
    try:
        columns = [pa.array(texts, pa.string()) for texts in arrays.values()]
    except UnicodeEncodeError as error:
        row = next(
            n
            for n in range(count)
            if any("\ud800" <= sign <= "\udfff" for texts in arrays.values() for sign in texts[n] or "")
        )
        raise FileFormatError(places[row], "a text contains a lone surrogate (half a character)") from error
    return pa.RecordBatch.from_arrays([*columns, pa.array(places, pa.int64())], [*arrays, LINE])


def certain_types_of(
    kinds: Mapping[str, Collection[str]], names: Iterable[str], query: Query
) -> dict[str, str]:
    """Return the types that columns certainly have; empty for those without values.

    `kinds` has the kinds of each column's values, as JsonFile collects them; `query`: see conversion.certain_types.
    """
    found = {}
    among = {}
    for name in names:
        all_kinds = set(kinds.get(name, ()))
        if len(all_kinds) > 1:
            found[name] = "VARCHAR"
        elif all_kinds == {"nested"}:
            found[name] = "JSON"
        elif not all_kinds:
            found[name] = ""
        else:
            among[name] = JSON_KINDS[all_kinds.pop()]
    return found | certain_types(query, {name: identifier(name) for name in among}, among)
