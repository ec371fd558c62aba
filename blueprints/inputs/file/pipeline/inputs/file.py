"""`file@1`: CSV, JSON or Parquet from a path, a glob or a URL."""

from __future__ import annotations

import codecs
import contextlib
import glob
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import duckdb
import fsspec
import pyarrow as pa

from pipeline import disclosure
from pipeline.column_types import ColumnType, UnknownType, canonical, certain, from_arrow, parse
from pipeline.conversion import (
    LIKE_A_DATE,
    TEXTUAL,
    Spelling,
    certain_types,
    checked,
    date_formats,
    fits,
    json_pointer,
    keeps_numbers,
    keys_are_unique,
    numbers_as_texts,
    problem,
    reads_as,
    value,
)
from pipeline.csv_files import CsvDialect, CsvFile, FileFormatError, padded
from pipeline.declared_columns import (
    SPEC,
    Change,
    Declaration,
    Place,
    TypesChanged,
    changed_types,
    declared,
    declared_at,
    scalar,
    yaml_block,
)
from pipeline.errors import UnreadableInput
from pipeline.inputs import Files, column_name, damage, held, landing
from pipeline.json_files import JSON_KINDS, LINE, JsonFile, as_texts, certain_types_of
from pipeline.parquet_files import is_finer, schema_of, unreadable
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
MISFIT = "does not fit"
IN_MEMORY_BYTES = 64 * 2**20
"""Maximum bytes of text in memory; larger files are read again, or spooled to disk, block by block."""

ROWS_LOOKED_AT = 10_000
"""Rows examined for a hint."""


def files(source: Capability, product: Product) -> Files:
    """Return the rows of all files of the input, as Parquet files with the same columns."""
    paths = _files(source, product)
    folder = landing(source, product)
    form = _format(paths, source)
    try:
        if form == "parquet":
            return _parquet(paths, source, product, folder)
        texts = _texts(form, paths, source, product, folder)
        columns = _columns(texts, source, product)
        landed = folder / "rows.parquet"
        texts.convert(columns, "copy", f"to {literal(str(landed))} (format parquet)")
        kinds = {name: str(column.kind) for name, column in columns.items()}
        absent = tuple(name for name in columns if name not in texts.columns)
        open_ = {name: column for name, column in columns.items() if not column.origin}
        return Files([landed], kinds, described=False, absent=absent, notes=_notes(texts, open_))
    except (duckdb.Error, pa.ArrowException) as error:
        raise UnreadableInput(
            f"Input {source.name}: {source.properties['path']} cannot be read: {error}",
            fix=f"Correct the file, or give the input's `format` in {SPEC}.",
        ) from error


def reader_sql(source: Capability, product: Product) -> str:
    """Return DuckDB's SQL for the rows of the files that exist at the time of the query.

    All rows are checked only now. Later, a value that does not fit its type makes a reader's query fail.
    """
    if "://" in source.properties["path"]:
        raise UnreadableInput(
            f"Input {source.name} is a URL, which a view cannot read.",
            fix="Give it a path, or serve the data through another port, such as parquet@1.",
        )
    paths = _files(source, product)
    form = _format(paths, source)
    if form == "parquet":
        return _parquet_rows(paths, source, product)[0]
    texts = _texts(form, paths, source, product, landing(source, product))
    columns = _columns(texts, source, product)
    rows = texts.relation_sql()
    listed = ", ".join(map(identifier, texts.columns))
    fingerprint = f"select count(*), sum(hash({listed})) from "
    try:
        with _connected() as connection:
            same = connection.execute(fingerprint + rows).fetchall() == texts.query(f"{fingerprint} texts")
    except duckdb.Error:
        same = False
    if not same:
        raise UnreadableInput(
            f"Input {source.name}: DuckDB alone cannot read {source.properties['path']} exactly.",
            fix="Serve the data through another port, such as parquet@1.",
        )
    texts.convert(columns, "select count(columns(*)) from", "as typed")
    selected = ", ".join(
        f"{column.sql(column.text)} as {identifier(name)}" for name, column in columns.items()
    )
    return f"select {selected} from {rows}"


@contextlib.contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a new connection for each query: after a failed query, a connection may stay busy."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


# Types of columns --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of texts, and the type that they are converted to."""

    kind: ColumnType
    text: str
    """SQL for the text of a value; null if it is missing."""
    spelling: Spelling
    origin: str = ""
    """The file that declares it; empty if the type is the one that is certain."""
    recorded: bool = False
    """True if the type comes only from the record of the last publication."""

    def sql(self, text: str) -> str:
        return checked(self.kind, text, self.spelling)


def _columns(texts: _Texts, source: Capability, product: Product) -> dict[str, Column]:
    """Return each column with its type: the declared one, or the one that is certain."""
    declaration = declared(source, product)
    absent = [name for name in declaration.columns if name not in texts.columns]
    if isinstance(texts, _Csv):  # in JSON, the key of a missing value may be absent
        absent = [name for name in absent if not declaration.is_recorded(name)]
        _refuse_missing(texts.columns, declaration, source, texts.may_lack)
    if not texts.columns and not absent:
        raise UnreadableInput(
            f"Input {source.name}: {source.properties['path']} has no rows, so its columns are unknown.",
            fix=f"Declare them in {declaration.place.file}:\n"
            + yaml_block({source.name: {"column_name": "VARCHAR"}}, {source.name: declaration.place}),
        )
    open_ = [name for name in texts.columns if name not in declaration.columns]
    certain = texts.certain(open_)
    now = {name: kind for name, kind in certain.items() if kind} | declaration.columns
    if changed := changed_types(declaration, now):
        raise TypesChanged.of([_change(texts, source, now, changed, declaration.place)])
    # A column that 0.2.0 has published, and that has no values now, keeps its type.
    kinds = {name: kind or declaration.earlier.get(name) or "VARCHAR" for name, kind in certain.items()}
    if source.properties.get("decimal") == ",":  # 1.234 may be more than a thousand, so no point is certain
        kinds = {name: "VARCHAR" if kind.startswith("DECIMAL") else kind for name, kind in kinds.items()}
    kinds |= declaration.columns
    given = [name for name in declaration.columns if not declaration.is_recorded(name)]
    _refuse_formats(source, {name: parse(kinds[name]) for name in given})
    if isinstance(texts, _Json):
        texts.refuse_other_kinds(
            {name: kinds[name] for name in declaration.columns if declaration.is_recorded(name)}
        )
    return {
        name: Column(
            (kind := parse(kinds[name])),
            texts.text(name, kind),
            replace(
                _spelling(name, kind, source.properties, name in given),
                is_certain=declaration.is_recorded(name),
            ),
            declaration.origin(name),
            declaration.is_recorded(name),
        )
        for name in [*texts.columns, *absent]
    }


def _change(
    texts: _Texts,
    source: Capability,
    now: Mapping[str, str],
    changed: Mapping[str, tuple[str, str]],
    place: Place,
) -> Change:
    """Return how to keep the types that 0.2.0 guessed and published; it also guessed the format of dates."""
    kept = {name: now[name] for name in [*texts.columns, *now] if name in now}
    formats: dict[str, dict[str, str]] = {}
    notes = []
    for name, (was, _) in changed.items():
        kind = parse(was)
        kept[name] = was
        if kind.parts:
            continue
        text = texts.text(name, kind)
        spellings = [_spelling(name, kind, source.properties, True)]
        if kind.name in ("DATE", "TIMESTAMP"):
            spellings += [Spelling(format=form) for form in date_formats(kind.name)]
        tests = (
            f"coalesce(bool_and({reads_as(kind, text, spelling)}) filter ({text} is not null), true)"
            for spelling in spellings
        )
        (answers,) = texts.query(f"select {', '.join(tests)} from texts")
        fitting = [spelling.format for spelling, answer in zip(spellings, answers, strict=True) if answer]
        if not fitting:
            kept[name] = "VARCHAR"
            notes.append(
                f"{name}: not all of its texts are exactly {was}, so it is VARCHAR here. Cast it in your models."
            )
        elif fitting[0] and not spellings[0].format:
            given = texts.given[name]
            formats.setdefault("date_format" if kind.name == "DATE" else "timestamp_format", {})[given] = (
                fitting[0]
            )
            if len(fitting) > 1:
                notes.append(
                    f"{name}: all of its texts can be read as {' and as '.join(map(repr, fitting))}. Set the right one."
                )
    return Change(source.name, dict(changed), kept, formats, tuple(notes), place)


def _notes(texts: _Texts, columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Return hints for undeclared columns with texts that look like dates or JSON."""
    few = f"(from texts limit {ROWS_LOOKED_AT})"
    notes = []
    for name, column in columns.items():
        if column.kind.name == "JSON":
            ((structure, exact),) = texts.query(
                f"select json_group_structure(cast({column.text} as json)), bool_and({keeps_numbers(column.text)}) from {few}"
            )
            try:
                kind = _structured(json.loads(structure)) if structure else ""
                kind = kind if exact else kind.replace("DOUBLE", "VARCHAR")
                is_nested = bool(kind and parse(kind).parts)
            except RecursionError:  # nobody declares a type that deep
                continue
            for candidate in (kind, kind.replace("BIGINT", "DECIMAL(38,0)")) if is_nested else ():
                every = fits(parse(candidate), numbers_as_texts(column.text))
                if texts.query(f"select bool_and(coalesce({every}, {column.text} is null)) from {few}")[0][0]:
                    notes.append(
                        f"{name} is JSON text. If models read its fields, declare {_entry(name, candidate)} in {declared_at(texts.source).file}"
                    )
                    break
        elif column.kind.name == "VARCHAR":
            filled = f"filter ({column.text} is not null)"
            ((found,),) = texts.query(
                f"select bool_and(regexp_full_match({column.text}, {literal(LIKE_A_DATE)})) {filled} from {few}"
            )
            if found and (note := _date_note(texts, name, column.text, few)):
                notes.append(note)
    return tuple(notes)


def _date_note(texts: _Texts, name: str, text: str, rows: str) -> str:
    for kind in ("DATE", "TIMESTAMP"):
        formats = [form for form in date_formats(kind) if "%Y" in form]
        tests = (
            f"bool_and({reads_as(parse(kind), text, Spelling(format=form))}) filter ({text} is not null)"
            for form in formats
        )
        (answers,) = texts.query(f"select {', '.join(tests)} from {rows}")
        if fitting := [form for form, answer in zip(formats, answers, strict=True) if answer]:
            key = "date_format" if kind == "DATE" else "timestamp_format"
            written = f"{key}: {json.dumps({texts.given[name]: fitting[0]})}"
            other = f" (or {fitting[1]!r}, if that is right)" if len(fitting) > 1 else ""
            return (
                f"{name} is text that looks like {kind}. If models use it so, declare {_entry(name, kind)} in {declared_at(texts.source).file},"
                f" and give the input `{written}`{other} in {SPEC}"
            )
    return ""


def _entry(name: str, kind: str) -> str:
    return "`{name: " + f"{scalar(name)}, data_type: {json.dumps(kind)}" + "}`"


def _structured(structure: Any) -> str:
    """Return the type that fits a result of DuckDB's json_group_structure; empty if none can be declared."""
    if isinstance(structure, dict):
        parts = [f"{identifier(name)} {_structured(part) or 'JSON'}" for name, part in structure.items()]
        text = f"STRUCT({', '.join(parts)})"
    elif isinstance(structure, list):
        text = f"{_structured(structure[0]) or 'JSON'}[]"
    else:
        text = {"UBIGINT": "BIGINT", "HUGEINT": "BIGINT", "NULL": "VARCHAR"}.get(structure, structure)
    try:
        return canonical(text)
    except UnknownType:
        return ""


def _refuse_missing(columns: list[str], declaration: Declaration, source: Capability, may_lack: bool) -> None:
    """Raise UnreadableInput if a declared column is in no file; a record is not a declaration."""
    if may_lack:
        return
    missing = [
        name for name in declaration.columns if name not in columns and not declaration.is_recorded(name)
    ]
    if missing:
        origin = declaration.origin(missing[0])
        raise UnreadableInput(
            f"Input {source.name}: {source.properties['path']} has no column {', '.join(missing)}, which {origin} declares."
            f" It has {_few(columns) if declaration.columns.keys() & {*columns} else f'{len(columns)} others'}.",
            fix=f"Correct the name in {origin.partition(':')[0]}, the file's header, or the input's `delimiter`, `skip` or"
            f" `header` in {SPEC}. With `missing_columns: allowed`, a missing column is empty.",
        )


NUMERIC = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("DECIMAL", "FLOAT", "DOUBLE"),
)
FORMATTED = {
    "date_format": ("DATE",),
    "timestamp_format": ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
}
"""Property -> the types that it is for."""


def _refuse_formats(source: Capability, kinds: Mapping[str, ColumnType]) -> None:
    """Raise UnreadableInput for an incomplete format of dates or timestamps, or for one of a column of another type."""
    for key, types in FORMATTED.items():
        given = source.properties.get(key) or {}
        columns = [name for name, kind in kinds.items() if kind.name in types]
        if isinstance(given, dict):
            named = {column: column_name(column) for column in given}
            if stray := [column for column, name in named.items() if name not in columns]:
                raise UnreadableInput(
                    f"Input {source.name}: `{key}` names {_few(stray)}, which is not a column declared as {types[0]}.",
                    fix=f"Correct the name in {SPEC}, or declare the column as {types[0]} in {declared_at(source).file}.",
                )
            forms = {named[column]: form for column, form in given.items()}
        else:
            forms = dict.fromkeys(columns, given)
        for name, form in forms.items():
            if wrong := problem(kinds[name], form):
                raise UnreadableInput(
                    f"Input {source.name}: column {name}: the `{key}` {form!r} cannot be used: {wrong}.",
                    fix=f"Correct `{key}` in {SPEC}, or the type of {name} in {declared_at(source).file}.",
                )


def _spelling(name: str, kind: ColumnType, properties: Mapping[str, Any], is_declared: bool) -> Spelling:
    """Return the spelling of a column's texts. Formats apply only to declared columns."""
    given = next((properties.get(key, "") for key, types in FORMATTED.items() if kind.name in types), "")
    if isinstance(given, dict):
        given = next((form for column, form in given.items() if column_name(column) == name), "")
    return Spelling(properties.get("decimal", "."), given if is_declared else "")


# Text files --------------------------------------------------------------------------------------------------------


@dataclass
class _Texts(ABC):
    """The rows of CSV or JSON files, all columns as texts. They are read again for each use."""

    source: Capability
    product: Product
    names: list[str]
    """Names of the files for messages."""
    columns: list[str]
    """Names that the columns land with."""
    may_lack: bool
    given: dict[str, str] = field(default_factory=dict)
    """Column -> its name in the files."""
    _table: pa.Table | None = None

    def changed(self, kinds: Mapping[str, str]) -> str:
        """Return the fix for a value of another type than the last publication had."""
        place = declared_at(self.source)
        return (
            "Correct the value in the file. If the type of the column has changed, declare it in"
            f" {place.file}:\n{yaml_block({self.source.name: kinds}, {self.source.name: place})}"
        )

    @abstractmethod
    def text(self, name: str, kind: ColumnType | None) -> str:
        """Return SQL for a value's text. `kind` is None if it is not known yet."""

    @abstractmethod
    def batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield batches of all columns, each with the number of its file."""

    @abstractmethod
    def line(self, file: int, row: int, batch: pa.RecordBatch, within: int) -> int:
        """Return the line of a row, which is `within` a batch."""

    @abstractmethod
    def refuse_format_errors(self) -> None:
        """Raise UnreadableInput if a file is broken."""

    @abstractmethod
    def relation_sql(self) -> str:
        """Return DuckDB's SQL for a relation that reads the files directly, all columns as texts."""

    def renamed(self, scan: str) -> str:
        """Return SQL for a relation with the columns as they land."""
        listed = ", ".join(f"{identifier(self.given[name])} as {identifier(name)}" for name in self.columns)
        return f"(select {listed} from {scan})"

    def certain(self, names: list[str]) -> dict[str, str]:
        """Return the types that columns certainly have; empty for those without values."""
        return certain_types(self.query, {name: self.text(name, None) for name in names})

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the result of SQL that reads `texts`. Raises UnreadableInput if a file is broken."""
        try:
            rows = self._table
            if rows is None:
                names = self.columns or [LINE]
                rows = pa.RecordBatchReader.from_batches(
                    pa.schema([(name, pa.int64() if name == LINE else pa.string()) for name in names]),
                    (batch.select(names) for _, batch in self.batches()),
                )
            with _connected() as connection:
                # For a reader or a table itself, DuckDB would load pyarrow.dataset and pandas.
                connection.register("texts", rows.__arrow_c_stream__())
                return connection.execute(sql).fetchall()
        except (duckdb.Error, pa.ArrowException, FileFormatError, UnicodeError, OSError):
            self.refuse_format_errors()
            raise

    def convert(self, columns: Mapping[str, Column], before: str, after: str) -> None:
        """Run SQL around the typed rows. Raises UnreadableInput for a value that does not fit."""
        listed = ", ".join(
            f"{column.sql(column.text)} as {identifier(name)}" for name, column in columns.items()
        )
        try:
            self.query(f"{before} (select {listed} from texts) {after}")
        except duckdb.Error:
            self._refuse_value(columns)
            raise

    def _refuse_value(self, columns: Mapping[str, Column]) -> None:
        """Raise UnreadableInput for the first value that does not fit its column's type."""
        tests = {
            name: f"({column.text} is not null and not coalesce({fits(column.kind, column.text, column.spelling)}, false))"
            for name, column in columns.items()
            if column.kind.name != "VARCHAR" or column.kind.numbers
        }
        cases = " ".join(f"when {test} then {literal(name)}" for name, test in tests.items())
        row, last = 0, -1
        for file, batch in self.batches():
            row, last = (row if file == last else 0), file
            with _connected() as connection:
                connection.register("texts", pa.Table.from_batches([batch.select(self.columns)]))
                found = connection.execute(
                    f"select number, broken from (select row_number() over () - 1 as number, case {cases} end as broken"
                    " from texts) where broken is not null order by number limit 1"
                ).fetchone()
            if found:
                within, name = found
                raise self._misfit(columns, name, file, row + within, batch, within)
            row += batch.num_rows

    def _misfit(
        self,
        columns: Mapping[str, Column],
        name: str,
        file: int,
        row: int,
        batch: pa.RecordBatch,
        within: int,
    ) -> UnreadableInput:
        column, value = columns[name], batch[name][within].as_py()
        shown = disclosure.shown(value, self.product)
        place = f"{self.names[file]}:{self.line(file, row, batch, within)}"
        why = f", which {column.origin} declares" if column.origin else ""
        if column.spelling.format and column.kind.name in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
            why += f", written {column.spelling.format!r}"
        fix = f"Correct the value in the file, or the type in {column.origin.partition(':')[0] or declared_at(self.source).file}; VARCHAR accepts any value."
        numeric = column.kind.name in NUMERIC
        if not any(sign.isdigit() for sign in value):
            fix += f" If it stands for a missing value, add it to the input's `nulls` in {SPEC}."
        elif numeric and "," in value and column.spelling.decimal == ".":
            fix += f' If decimals follow a comma, give the input `decimal: ","` in {SPEC}.'
        if column.recorded:
            lenient = fits(column.kind, literal(value), replace(column.spelling, is_certain=False))
            with _connected() as connection:
                if connection.execute(f"select {lenient}").fetchone() == (True,):
                    why = f" according to the record in {column.origin}, without a declaration: the column may be text"
            kinds = {other: str(one.kind) for other, one in columns.items()}
            recorded = {other: one for other, one in columns.items() if one.recorded}
            tests = ", ".join(
                f"bool_and({one.text} is null or coalesce({fits(one.kind, one.text, one.spelling)}, false))"
                for one in recorded.values()
            )
            (answers,) = self.query(f"select {tests} from texts")
            changed = [other for other, fit in zip(recorded, answers, strict=True) if fit is False]
            kinds |= {other: kind or "VARCHAR" for other, kind in self.certain(changed).items()}
            fix = self.changed(kinds)
        elif column.kind.name == "DATE" and not column.spelling.format:
            fix += f" If dates have another format, give the input's `date_format` in {SPEC}, such as '%m/%d/%Y'."
        elif column.kind.name.startswith("TIMESTAMP") and not column.spelling.format:
            fix += f" If times have another format, give the input's `timestamp_format` in {SPEC}."
        return UnreadableInput(
            f"Input {self.source.name}: {place}: column {name}: {shown} {MISFIT} {column.kind}{why}.",
            fix=fix,
        )


@dataclass
class _Csv(_Texts):
    files: list[CsvFile] = field(default_factory=list)
    headers: list[list[str]] = field(default_factory=list)
    """Of each file: the landed names, in the file's order."""
    nested: Mapping[str, ColumnType] = field(default_factory=dict)
    """Columns declared as STRUCT, LIST or MAP: their texts are JSON."""

    def text(self, name: str, kind: ColumnType | None) -> str:
        if name not in self.given:
            return "cast(null as varchar)"
        return self.files[0].dialect.text(identifier(name), kind is not None and kind.name == "VARCHAR")

    def batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        for number, (file, header) in enumerate(zip(self.files, self.headers, strict=True)):
            try:
                for batch in file.batches(header):
                    yield number, self._prepared(batch)
            except (FileFormatError, pa.ArrowException, UnicodeError) as error:
                format_error = error if isinstance(error, FileFormatError) else file.format_error(header)
                raise self.refusal(number, format_error) if format_error else error from error

    def _prepared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for name in self.nested.keys() & set(batch.schema.names):
            texts = [text and as_texts(text, self.nested[name]) for text in batch[name].to_pylist()]
            place = batch.schema.get_field_index(name)
            batch = batch.set_column(place, name, pa.array(texts, pa.string()))
        return padded(batch, self.columns)

    def line(self, file: int, row: int, batch: pa.RecordBatch, within: int) -> int:
        return self.files[file].line(row)

    def refuse_format_errors(self) -> None:
        for number, (file, header) in enumerate(zip(self.files, self.headers, strict=True)):
            if format_error := file.format_error(header):
                raise self.refusal(number, format_error)

    def refusal(self, number: int, format_error: FileFormatError) -> UnreadableInput:
        return UnreadableInput(
            f"Input {self.source.name}: {self.names[number]}:{format_error.line}: {format_error}.",
            fix=format_error.fix
            or f"Correct the line, or describe the file's format in {SPEC}: `delimiter`, `quote`, `escape`, `comment`,"
            " `skip`, `header`, `encoding`.",
        )

    def relation_sql(self) -> str:
        dialect = self.files[0].dialect
        if dialect.comment or codecs.lookup(dialect.encoding).name not in ("utf-8", "utf-8-sig"):
            raise UnreadableInput(
                f"Input {self.source.name}: a view cannot read files with `comment`, or in another encoding than UTF-8.",
                fix="Serve the data through another port, such as parquet@1.",
            )
        options = {
            "all_varchar": "true",
            "delim": literal(dialect.delimiter),
            "quote": literal(dialect.quote),
            "escape": literal(dialect.escape or dialect.quote),
            "comment": "''",
            "skip": str(dialect.skip),
            "header": str(dialect.header).lower(),
            "nullstr": _list(["", *dialect.nulls]),
            "allow_quoted_nulls": str(dialect.quoted_nulls).lower(),
            "null_padding": "false",
            "strict_mode": "true",
            **({} if dialect.header else {"names": _list([self.given[name] for name in self.columns])}),
            **({"union_by_name": "true"} if dialect.header else {}),
        }
        listed = ", ".join(f"{name} = {value}" for name, value in options.items())
        return self.renamed(f"read_csv({_list([str(file.path) for file in self.files])}, {listed})")


@dataclass
class _Json(_Texts):
    files: list[JsonFile] = field(default_factory=list)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    folder: Path = Path()
    _held: list[tuple[int, pa.RecordBatch]] = field(default_factory=list)
    _spooled: list[tuple[int, Path]] = field(default_factory=list)

    def refuse_format_errors(self) -> None:
        """Do nothing: reading JSON finds every error of the format."""

    def read(self, nested: Mapping[str, ColumnType]) -> None:
        """Read all files once, because only then all columns are known."""
        size = 0
        columns: dict[str, None] = {}
        of_files: list[set[str]] = []
        with_rows: list[int] = []

        def column(key: str) -> str:
            name = column_name(key)
            self.given.setdefault(name, key)
            return name

        for number, file in enumerate(self.files):
            file.nested = nested
            seen: set[str] = set()
            try:
                for batch in file.batches(column):
                    names = [name for name in batch.schema.names if name != LINE]
                    seen.update(names)
                    columns |= dict.fromkeys(names)
                    size += batch.nbytes
                    self._keep(number, batch, spool=size > IN_MEMORY_BYTES)
                    if number not in with_rows[-1:]:
                        with_rows.append(number)
            except FileFormatError as format_error:
                raise UnreadableInput(
                    f"Input {self.source.name}: {self.names[number]}:{format_error.line}: {format_error}.",
                    fix=format_error.fix or "Correct the file.",
                ) from format_error
            of_files.append(seen)
            for name, kinds in file.kinds.items():
                self.kinds.setdefault(name, set()).update(kinds)
        self.columns = list(columns)
        if not self.may_lack:
            for number in with_rows:
                _refuse_difference(
                    self.source,
                    self.names,
                    with_rows[0],
                    number,
                    sorted(of_files[with_rows[0]]),
                    sorted(of_files[number]),
                )

    def _keep(self, number: int, batch: pa.RecordBatch, *, spool: bool) -> None:
        if not spool:
            self._held.append((number, batch))
            return
        file = self.folder / f"spooled-{len(self._spooled):06}.arrow"
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        self._spooled.append((number, file))

    def text(self, name: str, kind: ColumnType | None) -> str:
        return identifier(name) if name in self.columns else "cast(null as varchar)"

    def batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        names = [*self.columns, LINE]
        for number, batch in self._held:
            yield number, padded(batch, names)
        for number, file in self._spooled:
            with pa.memory_map(str(file)) as opened:
                yield number, padded(pa.ipc.open_file(opened).get_batch(0), names)

    def line(self, file: int, row: int, batch: pa.RecordBatch, within: int) -> int:
        return int(batch[LINE][within].as_py())

    def refuse_other_kinds(self, recorded: Mapping[str, str]) -> None:
        """Raise UnreadableInput for a value of another type than in the record, which is the only source of the type."""
        of_types = {kind: word for word, kinds in JSON_KINDS.items() for kind in kinds}
        due = {name: of_types.get(parse(kind).name, "") for name, kind in recorded.items()}
        due = {name: kind for name, kind in due.items() if kind and self.kinds.get(name, set()) - {kind}}
        if not due:
            return
        found = self.certain(list(due))
        certain = {**recorded, **{name: kind or "VARCHAR" for name, kind in found.items()}}
        for number, file in enumerate(self.files):
            for line, name, kind in file.kinds_of(due, column_name):
                raise UnreadableInput(
                    f"Input {self.source.name}: {self.names[number]}:{line}: column {name}: its value is {kind}, but it was"
                    f" {recorded[name]} when it was last published.",
                    fix=self.changed(certain),
                )

    def certain(self, names: list[str]) -> dict[str, str]:
        return certain_types_of(self.kinds, names, self.query)

    def relation_sql(self) -> str:
        form = "newline_delimited" if self.files[0].lines else "array"
        if self.files[0].nulls or codecs.lookup(self.files[0].encoding).name not in ("utf-8", "utf-8-sig"):
            raise UnreadableInput(
                f"Input {self.source.name}: a view cannot read JSON with `nulls`, or in another encoding than UTF-8.",
                fix="Serve the data through another port, such as parquet@1.",
            )
        files = _list([str(file.path) for file in self.files])
        names = _list(list(self.given.values()))
        other = f"list_filter(json_keys(json), lambda k: not list_contains({names}, k) and list_contains(list_transform({names}, lambda n: lower(n)), lower(k)))"
        is_kept = f"{keeps_numbers('json')} and {keys_are_unique('json')} and len({other}) = 0"
        refused = "error(concat('a view cannot read this object as it is written: ', left(json, 100)))"
        checked = f"case when {is_kept} then json else {refused} end"
        columns = ", ".join(
            f"json_extract_string(json, {json_pointer(literal(self.given[name]))}) as {identifier(self.given[name])}"
            for name in self.columns
        )
        objects = f"(select {checked} as json from read_json_objects({files}, format = {literal(form)}))"
        return self.renamed(f"(select {columns} from {objects})")


def _texts(form: str, paths: list[str], source: Capability, product: Product, folder: Path) -> _Texts:
    properties = source.properties
    names = [_shown(path, product) for path in paths]
    may_lack = properties.get("missing_columns") == "allowed"
    encoding = properties.get("encoding", "utf-8")
    try:
        if not codecs.lookup(encoding)._is_text_encoding:
            raise LookupError
    except (LookupError, ValueError):
        raise UnreadableInput(
            f"Input {source.name}: {encoding!r} is not an encoding that Python supports.",
            fix=f"Give `encoding` in {SPEC} as Python spells it: utf-8, latin-1, cp1252, utf-16.",
        ) from None
    if form == "json":
        nulls = frozenset(properties.get("nulls", []))
        documents = [
            JsonFile(
                Path(path),
                properties.get("lines", bool({".jsonl", ".ndjson"} & _suffixes(path))),
                encoding,
                nulls,
            )
            for path in paths
        ]
        rows = _Json(source, product, names, [], may_lack, files=documents, folder=folder)
        rows.read(_nested(declared(source, product), "JSON"))
        return rows
    quote = properties.get("quote", '"')
    dialect = CsvDialect(
        delimiter=properties.get("delimiter", ","),
        quote=quote,
        escape="" if properties.get("escape", quote) == quote else properties["escape"],
        comment=properties.get("comment", ""),
        skip=properties.get("skip", 0),
        header=properties.get("header", True),
        encoding=encoding,
        nulls=tuple(properties.get("nulls", [])),
        quoted_nulls=properties.get("quoted_nulls", False),
    )
    signs = [sign for sign in (dialect.delimiter, dialect.quote, dialect.escape) if sign]
    if len(set(signs)) < len(signs) or any(sign in "\r\n\0" or not sign.isascii() for sign in signs):
        raise UnreadableInput(
            f"Input {source.name}: `delimiter`, `quote` and `escape` cannot be {', '.join(map(repr, signs))}: each must be a different"
            " ASCII character, and not a line end.",
            fix=f"Correct them in {SPEC}.",
        )
    tabs = dialect if "delimiter" in properties else replace(dialect, delimiter="\t")
    tables = [CsvFile(Path(path), tabs if ".tsv" in _suffixes(path) else dialect) for path in paths]
    return _csv(tables, names, source, product, may_lack)


def _suffixes(path: str) -> set[str]:
    return set(PurePosixPath(path.lower()).suffixes)


def _csv(
    tables: list[CsvFile], names: list[str], source: Capability, product: Product, may_lack: bool
) -> _Csv:
    """Return the files, after checking that their headers agree."""
    declaration = declared(source, product)
    rows = _Csv(source, product, names, [], may_lack, files=tables, nested=_nested(declaration))
    for number, table in enumerate(tables):
        try:
            header = (
                table.header()
                if table.dialect.header
                else _given_names(source, product, table, names[number])
            )
        except FileFormatError as format_error:
            raise rows.refusal(number, format_error) from format_error
        if not header:
            raise UnreadableInput(
                f"Input {source.name}: {names[number]} is empty.", fix="Remove it, or add its header."
            )
        landed = [column_name(name) for name in header]
        is_unknown = table.dialect.header and not declaration.columns.keys() & set(landed)
        if twice := sorted({name for name in landed if landed.count(name) > 1}):
            if is_unknown:
                _refuse_doubtful(
                    header, names[number], source
                )  # the line might be data, so it is not skipped
            raise UnreadableInput(
                f"Input {source.name}: {names[number]}: several columns would have the name {', '.join(twice)}.",
                fix=f"Rename all but one of them in the file, or give `header: false`, `skip: {table.dialect.skip + 1}` and"
                f" `names` in {SPEC}."
                if table.dialect.header
                else "Rename all but one of them.",
            )
        called = source.properties.get("names")
        if table.dialect.header and called and [column_name(name) for name in called] != landed:
            raise UnreadableInput(
                f"Input {source.name}: {names[number]} has another header than `names`.",
                fix=f"Give the input `header: false` and `skip: {table.dialect.skip + 1}`, or remove `names` from {SPEC}.",
            )
        if number and not may_lack:
            _refuse_difference(source, names, 0, number, rows.headers[0], landed)
        if is_unknown:
            _refuse_doubtful(header, names[number], source)
        rows.headers.append(landed)
        for name, given in zip(landed, header, strict=True):
            rows.given.setdefault(name, given)
    rows.columns = list(rows.given)
    packed = any(Path(table.path).suffix.lower() in COMPRESSIONS for table in tables)
    if sum(table.path.stat().st_size for table in tables) * (10 if packed else 1) < IN_MEMORY_BYTES:
        rows._table = pa.Table.from_batches(
            [batch for _, batch in rows.batches()], pa.schema([(name, pa.string()) for name in rows.columns])
        )
    return rows


def _nested(declaration: Declaration, *others: str) -> dict[str, ColumnType]:
    """Return the columns that are declared as STRUCT, LIST or MAP, or as one of `others`."""
    kinds = {name: parse(kind) for name, kind in declaration.columns.items()}
    return {name: kind for name, kind in kinds.items() if kind.parts or kind.name in others}


def _given_names(source: Capability, product: Product, table: CsvFile, shown: str) -> list[str]:
    """Return the names of the columns of a file without a header."""
    declaration = declared(source, product)
    names = source.properties.get("names") or [
        name
        for name, origin in declaration.origins.items()
        if origin.partition(":")[0] == declaration.place.file
    ]
    width = table.width()
    if not names:
        columns = {f"column_{number + 1}": "VARCHAR" for number in range(width)}
        block = yaml_block({source.name: columns}, {source.name: declaration.place})
        raise UnreadableInput(
            f"Input {source.name}: {shown} has no header, and its {width} columns have no names.",
            fix=f"Give the input's `names` in {SPEC}, or declare all columns in their order in {declaration.place.file}:\n{block}",
        )
    return list(names)


def _refuse_doubtful(header: list[str], shown: str, source: Capability) -> None:
    """Raise UnreadableInput if the first line is probably not a header, unless a declaration has one of its names."""
    if header[0].lower().startswith("sep="):
        raise UnreadableInput(
            f"Input {source.name}: {shown}: its first line is not a header, but Excel's delimiter setting.",
            fix=f"Give the input `skip: 1` and its `delimiter` in {SPEC}.",
        )
    if header[0].lstrip()[:1] in ("{", "[", "<"):
        raise UnreadableInput(
            f"Input {source.name}: {shown}: its first line is not the header of a CSV file: it begins with `{header[0].lstrip()[:1]}`.",
            fix=f"Correct the file, or the input's `path` or `format` in {SPEC}. If these are column names, declare them in {declared_at(source).file}.",
        )
    if all(certain(name) != "VARCHAR" or not name.strip() for name in header):
        raise UnreadableInput(
            f"Input {source.name}: {shown}: its first line is not a header, but {len(header)} values.",
            fix=f"Give the input `header: false` and `names` in {SPEC}. If these are column names, declare them in {declared_at(source).file}.",
        )
    signs = [sign for sign in ("\t", ";", "|", ",") if len(header) == 1 and sign in header[0]]
    if signs:
        raise UnreadableInput(
            f"Input {source.name}: {shown}: its header is a single name that contains {signs[0]!r}.",
            fix=f"Give the input `delimiter: {json.dumps(signs[0])}` in {SPEC}. If that is the column's name, declare it in {declared_at(source).file}.",
        )


def _refuse_difference(
    source: Capability, names: list[str], first: int, other: int, columns: list[str], others: list[str]
) -> None:
    lacks = [name for name in columns if name not in others]
    more = [name for name in others if name not in columns]
    if not lacks and not more:
        return
    if len(lacks) == len(columns):
        more = []  # values rather than names, if the file has no header
    differ = " and ".join(
        [f"lacks {_few(lacks)}"] * bool(lacks) + [f"has in addition {_few(more)}"] * bool(more)
    )
    raise UnreadableInput(
        f"Input {source.name}: {names[other]} has different columns than {names[first]}: it {differ}.",
        fix=f"Correct the file or the input's `path`, or give it `missing_columns: allowed` in {SPEC}.",
    )


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])} and {len(names) - 10} more"


def _shown(path: str, product: Product) -> str:
    """Return a file's name for messages."""
    try:
        return Path(path).relative_to(product.root).as_posix()
    except ValueError:
        return path


# Parquet -----------------------------------------------------------------------------------------------------------


def _parquet(
    paths: list[str],
    source: Capability,
    product: Product,
    folder: Path,
) -> Files:
    rows, columns, plain = _parquet_rows(paths, source, product)
    if plain:
        return Files(held(map(Path, paths), folder), columns)
    landed = folder / "rows.parquet"
    try:
        with _connected() as connection:
            connection.execute(f"copy ({rows}) to {literal(str(landed))} (format parquet)")
    except duckdb.InvalidInputException as error:
        if MISFIT not in str(error):
            raise
        message = str(error).partition(": ")[2].replace(f"{product.root}/", "")
        raise UnreadableInput(
            f"Input {source.name}: {message}.",
            fix=f"Correct the value in the file, or the data_type in {declared_at(source).file}.",
        ) from error
    return Files([landed], columns)


def _parquet_rows(paths: list[str], source: Capability, product: Product) -> tuple[str, dict[str, str], bool]:
    """Return SQL for the rows, the columns, and whether every platform can read the files unchanged."""
    names = [_shown(path, product) for path in paths]
    schemas = _parquet_schemas(paths, names, source)
    may_lack = source.properties.get("missing_columns") == "allowed"
    for number, schema in enumerate(schemas):
        if number and not may_lack:
            _refuse_difference(source, names, 0, number, schemas[0].names, schema.names)
    kinds = _parquet_kinds(schemas)
    landed = [column_name(name) for name in kinds]
    if twice := sorted({name for name in landed if landed.count(name) > 1}):
        raise UnreadableInput(
            f"Input {source.name}: several columns would have the name {', '.join(twice)}.",
            fix="Rename all but one of them in the file.",
        )
    declaration = declared(source, product)
    given = {name: kind for name, kind in declaration.columns.items() if not declaration.is_recorded(name)}
    _refuse_missing(landed, Declaration(given, declaration.origins), source, may_lack)
    _refuse_kinds(schemas, names, kinds, given, source)
    columns = {
        new: given.get(new, from_arrow(kind)) for (_, kind), new in zip(kinds.items(), landed, strict=True)
    }
    _refuse_formats(source, {name: parse(kind) for name, kind in given.items()})
    same = all(schema == schemas[0] for schema in schemas) and not any(map(is_finer, kinds.values()))
    plain = (
        same and list(kinds) == landed and columns == {name: from_arrow(kind) for name, kind in kinds.items()}
    )
    return _parquet_selects(paths, schemas, columns, declaration, source, product), columns, plain


def _parquet_schemas(paths: list[str], names: list[str], source: Capability) -> list[pa.Schema]:
    """Return the schema of each file; raises UnreadableInput for one that cannot be read whole."""
    schemas = []
    for path, name in zip(paths, names, strict=True):
        try:
            schemas.append(schema_of(path))
        except (pa.ArrowException, OSError) as error:
            raise UnreadableInput(
                f"Input {source.name}: {name} cannot be read: {error}",
                fix="It is not a Parquet file, or it is truncated: deliver it again.",
            ) from error
    for name, path, schema in zip(names, paths, schemas, strict=True):
        if found := unreadable(path, schema):
            raise UnreadableInput(f"Input {source.name}: {name}{found[0]}.", fix=found[1])
        if broken := damage(Path(path)):
            raise UnreadableInput(
                f"Input {source.name}: {name}: {broken}.",
                fix="The file is damaged, or a text in it is not UTF-8: deliver it again.",
            )
    return schemas


def _parquet_kinds(schemas: list[pa.Schema]) -> dict[str, pa.DataType]:
    """Return the type of each column: that of the first file that has it with any values."""
    kinds: dict[str, pa.DataType] = {}
    for schema in schemas:
        for one in schema:
            if pa.types.is_null(kinds.setdefault(one.name, one.type)):
                kinds[one.name] = one.type
    return kinds


def _refuse_kinds(
    schemas: list[pa.Schema],
    names: list[str],
    kinds: Mapping[str, pa.DataType],
    given: Mapping[str, str],
    source: Capability,
) -> None:
    """Raise UnreadableInput for a column that is of several types in the files, and has none that is declared."""
    for number, schema in enumerate(schemas):
        for one in schema:
            kind = kinds[one.name]
            differs = from_arrow(one.type) != from_arrow(kind) and not pa.types.is_null(one.type)
            if differs and column_name(one.name) not in given:
                first = next(
                    name for name, other in zip(names, schemas, strict=True) if one.name in other.names
                )
                raise UnreadableInput(
                    f"Input {source.name}: column {one.name} is {from_arrow(one.type)} in {names[number]}, but"
                    f" {from_arrow(kind)} in {first}.",
                    fix=f"Deliver one of them again, or declare the column's data_type in {declared_at(source).file}.",
                )


def _parquet_selects(
    paths: list[str],
    schemas: list[pa.Schema],
    columns: Mapping[str, str],
    declaration: Declaration,
    source: Capability,
    product: Product,
) -> str:
    """Return SQL for the rows of all files: one select for those of one schema."""
    alike: dict[pa.Schema, list[str]] = {}
    for path, schema in zip(paths, schemas, strict=True):
        alike.setdefault(schema, []).append(path)
    selects = []
    for schema, group in alike.items():
        selected = ", ".join(
            f"{_cast(one, columns[new], declaration.origin(new), source, product)} as {identifier(new)}"
            for one in schema
            for new in [column_name(one.name)]
        )
        more = ""
        if all(name in selected for name in PLACE) and not set(PLACE) & set(schema.names):
            more = f", filename = {literal(PLACE[0])}, {PLACE[1]} = true"
        else:
            selected = selected.replace(AT, literal(""))
        selects.append(
            f"select {selected} from read_parquet({_list(group)}, hive_partitioning = false{more})"
        )
    return " union all by name ".join(selects)


PLACE = ("_file", "file_row_number")
"""Columns that DuckDB adds to those of a Parquet file."""
AT = f"concat({PLACE[0]}, ': row ', {PLACE[1]} + 1, ': ')"
CLOCKS = ("DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")


def _cast(field_: pa.Field, text: str, origin: str, source: Capability, product: Product) -> str:
    """Return SQL for a column in its declared type; the query fails if that would change a value."""
    column, was = identifier(field_.name), from_arrow(field_.type)
    if is_finer(field_.type):
        column = (
            f"cast({column} as {was})"  # without nanoseconds that are not zero: see pipeline.parquet_files
        )
    if was == text:
        return column
    kind = parse(text)
    landed = "VARCHAR" if kind.name in TEXTUAL else str(kind)
    if pa.types.is_null(field_.type):
        return f"cast({column} as {landed})"
    try:
        before = parse(was)
    except UnknownType:
        before = ColumnType("")
    zoned = "TIMESTAMP WITH TIME ZONE"
    clocks = before.name in CLOCKS and kind.name in CLOCKS and (before.name == zoned) != (kind.name == zoned)
    if not before.name or clocks or (before.parts and landed == "VARCHAR"):
        why = (
            "a time zone would be invented or lost"
            if clocks
            else "its values have no unique spelling in that type"
        )
        raise UnreadableInput(
            f"Input {source.name}: column {field_.name} is {was} in the file, but {origin} declares {kind}: {why}.",
            fix=f"Declare its actual type in {origin.partition(':')[0]}, or remove it there, and convert it in your models.",
        )
    new = f"try_cast({column} as {landed})"
    test = f"coalesce(try_cast({new} as {was}) = {column}, false)"
    if was in ("VARCHAR", "BLOB"):
        text = column if was == "VARCHAR" else f"try(decode({column}))"
        spelling = _spelling(column_name(field_.name), kind, source.properties, True)
        if kind.parts:
            text = numbers_as_texts(text)
        test, new = f"coalesce({fits(kind, text, spelling)}, false)", value(kind, text, spelling)
        if was == "BLOB":
            test = f"{text} is not null and {test}"
    elif kind.name == "VARCHAR" and kind.numbers:
        test += f" and length({new}) <= {kind.numbers[0]}"
    shown = f"cast({column} as varchar)"
    if not disclosure.of_input(product):
        shown = disclosure.form_sql(shown)
    message = f"concat({AT}, {literal(f'column {field_.name}: ')}, {shown}, {literal(f' {MISFIT} {kind}, which {origin} declares')})"
    return f"case when {column} is null then null when {test} then {new} else error({message}) end"


# Locations of files ------------------------------------------------------------------------------------------------


def _files(source: Capability, product: Product) -> list[str]:
    path = source.properties["path"]
    found = (
        _fetch(source, product)
        if "://" in path
        else [path]
        if os.path.isfile(product.root / path)  # even if its name contains characters of a pattern
        else sorted(glob.glob(path, root_dir=product.root, recursive=True))
    )
    found = [str(product.root / file) for file in found if not (product.root / file).is_dir()]
    if not found:
        raise UnreadableInput(
            f"Input {source.name}: no file matches {path}.",
            fix=f"Correct its `path` in {SPEC}."
            if "://" in path
            else f"Add the file, or correct the input's `path` in {SPEC}.",
        )
    known: dict[str, str] = {}
    for file in found:
        shown = _shown(file, product)
        try:
            real = str(Path(file).resolve(strict=True))
            size = Path(real).stat().st_size
        except (OSError, RuntimeError) as error:  # a dangling or circular link
            reason = getattr(error, "strerror", None) or str(error)
            raise UnreadableInput(
                f"Input {source.name}: {shown} cannot be opened: {reason}.",
                fix=f"Correct the link or its target, or the input's `path` in {SPEC}.",
            ) from error
        if real in known:
            raise UnreadableInput(
                f"Input {source.name}: {known[real]} and {shown} are the same file, by a link: its rows would be loaded twice.",
                fix=f"Remove the link, or exclude it from the input's `path` in {SPEC}.",
            )
        known[real] = shown
        if not size:
            raise UnreadableInput(
                f"Input {source.name}: {shown} is empty.",
                fix="Remove it, or add its header.",
            )
    return found


def _list(texts: list[str]) -> str:
    return f"[{', '.join(map(literal, texts))}]"


def _format(files: list[str], source: Capability) -> str:
    """Return the common format of all files."""
    if given := source.properties.get("format"):
        return str(given)
    formats: dict[str, str] = {}
    for file in files:
        suffixes = [suffix for suffix in PurePosixPath(file.lower()).suffixes if suffix not in COMPRESSIONS]
        found = FORMATS.get(suffixes[-1] if suffixes else "")
        if not found:
            raise UnreadableInput(
                f"Input {source.name}: {file}: its name does not end in a known format ({', '.join(FORMATS)}).",
                fix=f"Give the input's `format` in {SPEC}.",
            )
        formats.setdefault(found, file)
    if len(formats) > 1:
        raise UnreadableInput(
            f"Input {source.name}: {' and '.join(formats.values())} have different formats.",
            fix=f"Correct the input's `path` in {SPEC}, or give its `format`.",
        )
    return next(iter(formats))


def _fetch(source: Capability, product: Product) -> list[str]:
    """Copy the files of the URL below the scratch folder, so that only local files are read afterwards."""
    url = source.properties["path"]
    folder = product.scratch / "downloads" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        storage, location = fsspec.core.url_to_fs(url)
        found = sorted(storage.glob(location)) if "*" in location else [location]
        # Numbered, because two folders may contain files of the same name.
        files = [
            folder / f"{number:06}-{Path(urlsplit(name).path).name}" for number, name in enumerate(found)
        ]
        for name, file in zip(found, files, strict=True):
            storage.get_file(name, str(file))
    except Exception as error:  # Each protocol's client has its own errors.
        raise UnreadableInput(
            f"Input {source.name}: {url} cannot be fetched: {error!r}",
            fix=f"Correct its `path` in {SPEC}. A protocol other than http and https needs its package for fsspec, such as"
            " s3fs, in pyproject.toml.",
        ) from error
    return [str(file) for file in files]
