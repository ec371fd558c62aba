"""Read CSV files as `file@1` does, and find the properties that it needs for them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from meshwright.core.errors import Error
from meshwright.core.sql.duckdb import identifier, literal
from meshwright.core.text import printable
from meshwright.inspection import csv_format, thousands, workspace
from meshwright.inspection.file_source import FileSource, format_of, suffixes
from meshwright.inspection.model import Column, Table
from meshwright.inspection.reading.column_names import column_name
from meshwright.inspection.reading.conversion import (
    Spelling,
    certain_types,
    checked,
    date_formats,
    reads_as,
)
from meshwright.inspection.reading.csv_files import CsvDialect, CsvFile, FileFormatError, padded
from meshwright.inspection.relation import batches
from meshwright.inspection.workspace import Workspace
from meshwright.product.column_types import DIGITS, decimal, parse

NULLS = frozenset(
    (
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "NULL",
        "null",
        "Null",
        "None",
        "none",
        "nan",
        "NaN",
        "NAN",
        "\\N",
        "<NA>",
        "-",
        "--",
        ".",
        "?",
        "missing",
    )
)
"""What files write for a missing value."""
SURE_NULLS = NULLS - {"NA", "-", "--", ".", "?", "missing", "none", "None", "Null"}
MORE_DATES = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d/%b/%Y", "%d.%b.%Y")
MORE_CLOCKS = (" %H:%M", " %I:%M %p")
COMMA_NUMBER = r"-?(0|[1-9][0-9]*)(,[0-9]+)?"
LONGEST_DATE = 40
LOOKED_AT = 1_000
"""Values that are looked at before all of them are."""


@dataclass
class _Written:
    """A column of texts, and how its values are written."""

    name: str
    """As the file spells it."""
    landed: str
    kind: str
    spelling: Spelling = field(default_factory=Spelling)


class CsvSource(FileSource):
    """CSV files."""

    @cached_property
    def format(self) -> csv_format.CsvFormat:
        """How the files are written, by the first of them."""
        fixed = frozenset(self.given)
        encoding = self.given.get("encoding") or csv_format.encoding_of(self.files[0])
        known = {name: value for name, value in self.given.items() if name in CsvDialect.__dataclass_fields__}
        dialect = CsvDialect(**{**known, "encoding": encoding, "nulls": tuple(self.given.get("nulls", ()))})
        try:
            codecs.lookup(encoding)
            found = csv_format.recognize(self.files[0], encoding, dialect, self.shown(self.files[0]), fixed)
        except LookupError:
            raise Error(
                f"{printable(encoding)!r} is no encoding that Python knows.",
                "Write utf-8, latin-1, cp1252 or utf-16.",
            ) from None
        except FileFormatError as error:
            raise csv_format.refusal(self.shown(self.files[0]), error) from error
        self.notes += found.notes
        return found

    @cached_property
    def _headers(self) -> list[list[str]]:
        """The landed names of each file, in its order."""
        headers = []
        for file in self.files:
            landed = [column_name(name) for name in self._given_names(file)]
            if not landed:
                raise Error(f"{self.shown(file)} is empty.", "Add its header, or leave it out.")
            if twice := sorted({name for name in landed if landed.count(name) > 1}):
                raise Error(
                    f"{self.shown(file)}: several columns would have the name {', '.join(twice)}.",
                    "Rename all but one of them in the file.",
                )
            headers.append(landed)
        if self._lacks(headers):
            self.notes.append("Not all files have all columns: they have no values there.")
        return headers

    def _given_names(self, file: Path) -> list[str]:
        if self.format.dialect.header:
            return CsvFile(file, self.format.dialect).header()
        return list(self.format.names)

    def width(self) -> int:
        """See FileSource."""
        return len(self._names)

    def _lacks(self, headers: Sequence[Sequence[str]]) -> bool:
        return any({*header} != {*headers[0]} for header in headers)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Landed name of each column -> the name as the files spell it."""
        names: dict[str, str] = {}
        for file, header in zip(self.files, self._headers, strict=True):
            for landed, given in zip(header, self._given_names(file), strict=True):
                names.setdefault(landed, given)
        return names

    def _spool(self, dialect: CsvDialect) -> Path:
        """Write the rows as texts to a Parquet file, which queries call `texts`."""
        names = list(self._names)

        def padded_batches() -> Iterator[pa.RecordBatch]:
            for file, header in zip(self.files, self._headers, strict=True):
                one = CsvFile(file, dialect)
                try:
                    for batch in one.batches(header):
                        yield padded(batch, names)
                except (FileFormatError, pa.ArrowException, UnicodeError) as error:
                    found = error if isinstance(error, FileFormatError) else one.format_error(header)
                    raise csv_format.refusal(self.shown(file), found) if found else error from error

        file = _spooled(self.workspace, padded_batches(), names)
        self.workspace.define("texts", workspace.scan([file]))
        return file

    def _typed(self) -> tuple[Table, list[Path], dict[str, str]]:
        texts = self._spool(replace(self.format.dialect, nulls=tuple(self.given.get("nulls", ()))))
        if self._nulls and "nulls" not in self.given and self._in_texts:
            texts = self._spool(self._dialect)  # only the reader knows which of them are in quotes
        written = self._written
        selected = ", ".join(
            f"{checked(parse(one.kind), self._text(one.landed, one.kind), one.spelling)} as {identifier(one.landed)}"
            for one in written
        )
        rows = self.workspace.copy(f"select {selected} from texts", "rows.parquet", len(written))
        texts.unlink()
        table = Table(self.name, tuple(Column(one.name or one.landed, one.kind) for one in written))
        values = {one.name or one.landed: identifier(one.landed) for one in written}
        return table, [rows], values

    @property
    def _in_texts(self) -> bool:
        """Return True if a column of texts has what is written for missing values."""
        words = ", ".join(literal(word) for word in self._nulls)
        names = [one.landed for one in self._written if one.kind == "VARCHAR"]
        return any(
            self._query(
                f"select {' or '.join(f'bool_or({identifier(name)} in ({words}))' for name in group)} from texts"
            )[0][0]
            for group in batches(names, 100)
        )

    def _text(self, landed: str, kind: str) -> str:
        return self._dialect.text(identifier(landed), kind == "VARCHAR")

    @cached_property
    def _dialect(self) -> CsvDialect:
        return replace(self.format.dialect, nulls=self._nulls)

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.workspace.query(sql)

    @cached_property
    def _first(self) -> dict[str, list[str]]:
        """Column -> different texts of the first rows, without empty ones."""
        names = list(self._names)
        rows = self._query(f"select * from texts limit {max(10, min(LOOKED_AT, 2_000_000 // len(names)))}")
        return {
            name: list(dict.fromkeys(text for text in texts if text))
            for name, texts in zip(
                names, zip(*rows, strict=True) if rows else ([] for _ in names), strict=True
            )
        }

    @cached_property
    def _plain(self) -> dict[str, str]:
        """Column -> the type that its texts certainly have if only empty fields are missing values; empty without values."""
        dialect = replace(self.format.dialect, nulls=tuple(self.given.get("nulls", ())))
        return certain_types(
            self._query, {name: dialect.text(identifier(name), False) for name in self._names}
        )

    @cached_property
    def _nulls(self) -> tuple[str, ...]:
        """What the files write for missing values."""
        if "nulls" in self.given:
            return tuple(self.given["nulls"])
        texts = [name for name, kind in self._plain.items() if kind == "VARCHAR"]
        if not texts:
            return ()
        words = ", ".join(map(literal, sorted(NULLS)))
        present: dict[str, dict[str, int]] = {}
        for group in batches(texts, 100):
            tests = ", ".join(
                f"histogram({identifier(name)}) filter ({identifier(name)} in ({words}))" for name in group
            )
            (answer,) = self._query(f"select {tests} from texts")
            for name, found in zip(group, answer, strict=True):
                if found:
                    present[name] = dict(found)
        typed: set[str] = set()
        for name, found in present.items():
            if len(found) > 2:
                continue
            text = replace(self.format.dialect, nulls=tuple(found)).text(identifier(name), False)
            kind = certain_types(self._query, {name: text})[name]
            if kind and (
                kind != "VARCHAR" or self._dates({name: text}, found) or self._commas({name: text}, found)
            ):
                typed |= found.keys()
        nulls = []
        for word in sorted(typed):
            codes = [
                name
                for name, found in present.items()
                if word in found and len(word) == 2 and self._has_codes(name, word)
            ]
            if codes:
                self.notes.append(
                    f"{word} may be a missing value, or a code in {', '.join(codes)}: it is left as a text. If it is missing,"
                    f" write {self.path}?nulls={word}."
                )
            else:
                nulls.append(word)
        for word in sorted({word for found in present.values() for word in found} - typed):
            where = [name for name, found in present.items() if word in found]
            count = sum(present[name][word] for name in where)
            if word in SURE_NULLS or word == "NA":
                self.notes.append(
                    f"{word} occurs {count:,} times in {', '.join(where[:3])}: it is left as a text. If it is a missing value,"
                    f" write {self.path}?nulls={word}."
                )
        return tuple(nulls)

    def _has_codes(self, name: str, word: str) -> bool:
        """Return True if all other texts of a column are as short: `NA` is Namibia, or North America."""
        column = identifier(name)
        ((answer,),) = self._query(
            f"select bool_and(regexp_full_match({column}, '[A-Z]{{2}}')) filter ({column} <> '{word}' and {column} <> '')"
            " from texts"
        )
        return bool(answer)

    @cached_property
    def _written(self) -> list[_Written]:
        """Return how each column is written."""
        names = self._names
        texts = {name: self._dialect.text(identifier(name), False) for name in names}
        again = {name: text for name, text in texts.items() if self._nulls and self._plain[name] == "VARCHAR"}
        kinds = {**self._plain, **certain_types(self._query, again)}
        spellings: dict[str, Spelling] = {}
        open_ = {name: text for name, text in texts.items() if kinds[name] == "VARCHAR"}
        commas = self._commas(open_, self._nulls)
        if commas and any(kind.startswith("DECIMAL") for kind in kinds.values()):
            self.notes.append(
                f"{', '.join(commas)}: decimals follow a comma, but other columns have a point: they are left as texts."
            )
            commas = {}
        if self.given.get("decimal") == ",":
            kinds = {name: "VARCHAR" if kind.startswith("DECIMAL") else kind for name, kind in kinds.items()}
        for name, kind in commas.items():
            kinds[name] = kind
        if commas or self.given.get("decimal") == ",":
            spellings = {name: Spelling(decimal=",") for name in names}
        for name, (kind, form) in self._dates(
            {name: text for name, text in open_.items() if name not in commas}, self._nulls
        ).items():
            kinds[name], spellings[name] = kind, Spelling(format=form)
        for name in (name for name in open_ if kinds[name] == "VARCHAR"):
            found = thousands.note(name, [text for text in self._first[name] if text not in self._nulls])
            self.notes += [found] if found else []
        return [
            _Written(given, landed, kinds[landed] or "VARCHAR", spellings.get(landed, Spelling()))
            for landed, given in names.items()
        ]

    def _commas(self, texts: Mapping[str, str], nulls: Collection[str]) -> dict[str, str]:
        """Return the columns of numbers with a decimal comma -> their type."""
        found: dict[str, str] = {}
        if "decimal" in self.given and self.given["decimal"] != ",":
            return found
        for name, text in texts.items():
            first = [value for value in self._first[name] if value not in nulls]
            if not first or not all(re.fullmatch(COMMA_NUMBER, value) for value in first):
                continue
            ((every, sure, before, after),) = self._query(
                f"select bool_and(regexp_full_match({text}, '{COMMA_NUMBER}')),"
                f" bool_or(regexp_matches({text}, ',([0-9]{{1,2}}|[0-9]{{4,}})$|^-?0,|^-?[0-9]{{4,}},')),"
                f" max(length(ltrim(split_part({text}, ',', 1), '-'))), max(length(split_part({text}, ',', 2)))"
                " from texts"
            )
            if every and sure and before + after <= DIGITS:
                found[name] = decimal(before, after)
            elif every and after:
                self.notes.append(
                    f"{name}: a comma may stand before decimals or thousands: it is left as a text. For decimals, write"
                    f" {self.path}?decimal=,"
                )
        return found

    def _dates(self, texts: Mapping[str, str], nulls: Collection[str]) -> dict[str, tuple[str, str]]:
        """Return the columns of dates and timestamps that are written in one certain form -> their type and form."""
        found: dict[str, tuple[str, str]] = {}
        for name, text in texts.items():
            first = [value for value in self._first[name] if value not in nulls][:100]
            if not first or not any(sign.isdigit() for sign in first[0]) or len(first[0]) > LONGEST_DATE:
                continue
            candidates = [
                (kind, form) for kind, form in _candidates() if all(_parses(value, form) for value in first)
            ]
            if not candidates:
                continue
            tests = ", ".join(
                f"bool_and({reads_as(parse(kind), text, Spelling(format=form))}) filter ({text} is not null)"
                for kind, form in candidates
            )
            (answers,) = self._query(f"select {tests} from texts")
            fitting = [one for one, answer in zip(candidates, answers, strict=True) if answer]
            if len(fitting) == 1 or (fitting and self._is_same(text, fitting)):
                found[name] = fitting[0]
            elif fitting:
                forms = " or ".join(form for _, form in fitting)
                self.notes.append(
                    f"{self._names[name]}: its dates can be read as {forms}: they are left as texts. Declare it as"
                    f" {fitting[0][0]} and give the input `{_property(fitting[0][0])}` if you know which."
                )
        return found

    def _is_same(self, text: str, forms: Sequence[tuple[str, str]]) -> bool:
        """Return True if all forms read the same values."""
        (_, first), *others = forms
        tests = " and ".join(
            f"try_strptime({text}, '{form}') is not distinct from try_strptime({text}, '{first}')"
            for _, form in others
        )
        ((same,),) = self._query(f"select bool_and({tests}) from texts")
        return bool(same)

    @property
    def properties(self) -> Mapping[str, Any]:
        """See model.Source."""
        _ = self.typed
        dialect, usual = self._dialect, CsvDialect()
        by_name = "\t" if ".tsv" in suffixes(self.files[0]) else ","
        found: dict[str, Any] = {"path": self.path}
        if format_of(self.files[0]) != "csv":
            found["format"] = "csv"
        if dialect.encoding != "utf-8":
            found["encoding"] = dialect.encoding
        if dialect.delimiter != by_name:
            found["delimiter"] = dialect.delimiter
        for name in ("quote", "escape", "comment", "skip", "header"):
            if getattr(dialect, name) != getattr(usual, name):
                found[name] = getattr(dialect, name)
        if self.format.named:
            found["names"] = list(self.format.names)
        if dialect.nulls:
            found["nulls"] = list(dialect.nulls)
        if any(one.spelling.decimal == "," for one in self._written):
            found["decimal"] = ","
        for one in self._written:
            if one.spelling.format:
                found.setdefault(_property(one.kind), {})[one.name or one.landed] = one.spelling.format
        if self._lacks(self._headers):
            found["missing_columns"] = "allowed"
        return found


def _property(kind: str) -> str:
    return "date_format" if kind == "DATE" else "timestamp_format"


def _candidates() -> Iterator[tuple[str, str]]:
    """Yield types and formats of dates and timestamps with a year of four digits."""
    for form in date_formats("DATE"):
        if "%Y" in form:
            yield "DATE", form
    for form in MORE_DATES:
        yield "DATE", form
    for form in [*date_formats("DATE"), *MORE_DATES]:
        if "%Y" in form:
            for clock in (" %H:%M:%S", " %H:%M:%S.%f", " %I:%M:%S %p", *MORE_CLOCKS):
                yield "TIMESTAMP", form + clock


def _parses(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _spooled(place: Workspace, batches: Iterator[pa.RecordBatch], names: list[str]) -> Path:
    """Write batches of texts to a Parquet file."""
    problems: list[BaseException] = []

    def guarded() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except BaseException as error:
            problems.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(pa.schema([(name, pa.string()) for name in names]), guarded())
    try:
        with place.registered("batches", reader):
            return place.copy("select * from batches", "texts.parquet", len(names))
    except Exception as error:
        place.reset()
        raise (problems[0] if problems else error) from None
