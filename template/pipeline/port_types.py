"""Decide what each output port can store, for the whole data set, before the first port is written."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import disclosure
from pipeline.dataset import Dataset
from pipeline.errors import PromiseBroken
from pipeline.spec import Capability, Product
from pipeline.sql import identifier, literal, only_row, scan

AS_TEXT = "cast({column} as {{{{ dbt.type_string() }}}})"
"""The cast to a text that every platform understands, as a model writes it."""
TYPES = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "JSON", "UUID", "BLOB", "DATE", "TIME"),
    *("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "LIST", "STRUCT", "MAP"),
)
"""DuckDB's types that a data set (Parquet) can have. No port can store other types."""


@dataclass(frozen=True)
class Kind:
    """A type of DuckDB, with its parts."""

    name: str
    """Without its parts: `DECIMAL`, `LIST`, `STRUCT`, `MAP`, `TIMESTAMP WITH TIME ZONE`."""
    text: str
    """In DuckDB's spelling."""
    parts: tuple[tuple[str, Kind], ...] = ()
    """STRUCT: its fields. LIST: its element. MAP: key and value."""

    def __contains__(self, name: str) -> bool:
        return self.name == name or any(name in kind for _, kind in self.parts)


@dataclass(frozen=True)
class Limit:
    """Values of a type that a port cannot store."""

    condition: str
    """The condition for them in DuckDB's SQL: `{0}` is the value."""
    reason: str
    """What such a row contains: `an infinite date, which only PostgreSQL knows`."""
    fix: str
    """SQL that a model can use instead of `{column}`, or another fix."""
    holds: str = ""
    """Only for a type that has a part of this name."""
    is_sentence: bool = False
    """True if the fix is no SQL."""


@dataclass(frozen=True)
class Format:
    """What a type of port can store, and how."""

    name: str
    """Its name in messages."""
    types: Mapping[str, str]
    """DuckDB's type -> the port's type. A port cannot store types that are missing here."""
    casts: Mapping[str, str] = field(default_factory=dict)
    """DuckDB's type -> the wider type that its values are written as."""
    limits: Mapping[str, tuple[Limit, ...]] = field(default_factory=dict)
    """DuckDB's type -> values that the port cannot store."""
    nested_limits: Mapping[str, tuple[Limit, ...]] | None = None
    """The same within lists, structs and maps, if different."""
    refused_kind: Callable[[Kind], str] = lambda kind: ""
    """Return why a type cannot be stored with its parts; empty if it can."""
    refused_name: Callable[[str], str] = lambda name: ""
    """Return why a name cannot be used for a column; empty if it can."""
    columns: int = 0
    """Maximum number of columns; 0: no limit."""
    dotted: bool = False
    """True if fields of a struct become columns named `column.field`: then no other column may have that name."""


FINITE = Limit(
    "not isfinite({0})",
    "an infinite date or time, which only DuckDB and PostgreSQL know",
    "case when isfinite({column}) then {column} end",
)
WITHIN_A_DAY = Limit(
    "{0} >= time '24:00:00'",
    "24:00:00, which a time in Parquet cannot represent",
    "case when {column} < time '24:00:00' then {column} else time '00:00:00' end",
)
ANY_READER = {
    **dict.fromkeys(("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"), (FINITE,)),
    "TIME": (WITHIN_A_DAY,),
}
"""Values that Parquet files cannot store so that all readers agree on them."""
YEARS = Limit(
    "not isfinite({0}) or year({0}) not between 1 and 9999",
    "a date outside of the years 1 to 9999, which not all of its readers support",
    "case when {column} between date '0001-01-01' and date '9999-12-31' then {column} end",
)
YEARS_UTC = replace(
    YEARS,
    # DuckDB's `year` of a time with a zone is positive also for years before Christ.
    condition="not isfinite({0}) or {0} < timestamptz '0001-01-01 00:00:00+00' or {0} >= timestamptz '10000-01-01 00:00:00+00'",
)
MICROSECONDS = Limit(
    "epoch_ns({0}) % 1000 <> 0", "nanoseconds, but it stores only microseconds", "cast({column} as timestamp)"
)


@dataclass(frozen=True)
class Refusal:
    """A part of a data set that a port cannot serve."""

    port: Capability | None
    """None: no port can."""
    what: str
    fix: str

    def __str__(self) -> str:
        return f"port {self.port.name} ({self.port.uses}): {self.what}" if self.port else self.what


def refuse(product: Product, dataset: Dataset) -> None:
    """Raise PromiseBroken with everything in the data set that a port of the product cannot serve."""
    known = kinds(dataset.scan)
    found = [*_shared(dataset.schema.names, known)]
    if not found:
        for port in product.outputs:
            form = getattr(port.module(), "FORMAT", None)
            if form is not None:
                found += _refused(port, form, known, dataset, partial(disclosure.of_dataset, product))
    if found:
        model = product.model_file
        if not product.platform.uses.startswith("duckdb@") and any(
            "lambda " in one.fix or "struct_update(" in one.fix for one in found
        ):
            model += " (the SQL is DuckDB's)"
        fixes = dict.fromkeys(refusal.fix for refusal in found)
        raise PromiseBroken(
            "\n".join(dict.fromkeys(map(str, found))),
            fix=f"In {model}: {'; '.join(fixes)}. Nothing was published.",
        )


def beyond(
    form: Format, parts: Sequence[Path], show: Callable[[str], bool], *, arrays: Format | None = None
) -> list[str]:
    """Return which values of Parquet files a format cannot store, with their columns.

    `show`: whether a column's values may be printed. `arrays`: the format of lists of plain values, if different.
    """
    known = kinds(scan(parts))
    plain = {name: kind for name, kind in known.items() if arrays and _is_plain_list(kind)}
    others = {name: kind for name, kind in known.items() if name not in plain}
    found = [
        *_values(None, form, others, parts, show),
        *(_values(None, arrays, plain, parts, show) if arrays else ()),
    ]
    return [refusal.what for refusal in found]


def _is_plain_list(kind: Kind) -> bool:
    return kind.name == "LIST" and not kind.parts[0][1].parts


def kinds(rows: str) -> dict[str, Kind]:
    """Return the columns of rows, with their types."""
    with duckdb.connect() as connection:
        none = connection.sql(f"from {rows} limit 0")
        return dict(zip(none.columns, map(_kind, none.types), strict=True))


def written(form: Format, dataset: Dataset) -> str:
    """Return DuckDB's expressions for the columns as a port stores them; empty if nothing changes."""
    known = kinds(dataset.scan)
    cast = {name: _cast(form, kind) for name, kind in known.items()}
    if all(cast[name] == kind.text for name, kind in known.items()):
        return ""
    return ", ".join(
        identifier(name)
        if cast[name] == kind.text
        else f"cast({identifier(name)} as {cast[name]}) as {identifier(name)}"
        for name, kind in known.items()
    )


def files(product: Product, selected: str, parts: Iterable[Path]) -> list[Path]:
    """Return Parquet files with the columns that `written` selects; the same files if it is empty."""
    if not selected:
        return list(parts)
    folder = product.scratch / "stored" / uuid4().hex
    folder.mkdir(parents=True)
    made = []
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for number, part in enumerate(parts):
            made.append(folder / f"{number:06}.parquet")
            connection.execute(_copy(selected, scan([part]), made[-1]))
    return made


def schema(product: Product, selected: str, dataset: Dataset) -> pa.Schema:
    """Return the Arrow types of those columns."""
    if not selected:
        return dataset.schema
    folder = product.scratch / "stored"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{uuid4().hex}.parquet"
    with duckdb.connect() as connection:
        connection.execute(_copy(selected, f"{dataset.scan} limit 0", file))
    return pa.schema([column.with_nullable(True) for column in pq.read_schema(file)])


def _copy(selected: str, rows: str, file: Path) -> str:
    return f"copy (select {selected} from {rows}) to {literal(str(file))} (format parquet, compression zstd)"


def _kind(type_: Any) -> Kind:
    """Convert a type of DuckDB's Python package."""
    text, name = str(type_), type_.id.upper()
    if name in ("LIST", "ARRAY"):
        return Kind("LIST", text, (("element", _kind(dict(type_.children)["child"])),))
    if name in ("STRUCT", "MAP", "UNION"):
        return Kind(name, text, tuple((part, _kind(kind)) for part, kind in type_.children))
    return Kind("DECIMAL" if name == "DECIMAL" else text.strip('"'), text)


def _cast(form: Format, kind: Kind) -> str:
    """Return the type that a column is written as."""
    parts = [(name, _cast(form, part)) for name, part in kind.parts]
    if [cast for _, cast in parts] == [part.text for _, part in kind.parts]:
        return form.casts.get(kind.name, kind.text)
    match kind.name:
        case "LIST":
            return f"{parts[0][1]}[]"
        case "MAP":
            return f"MAP({', '.join(cast for _, cast in parts)})"
    return f"STRUCT({', '.join(f'{identifier(name)} {cast}' for name, cast in parts)})"


def _shared(names: Iterable[str], known: Mapping[str, Kind]) -> Iterator[Refusal]:
    """Yield what no port can serve."""
    names = list(names)
    folded = Counter(name.casefold() for name in names)
    for name in names:
        if folded[name.casefold()] > 1:
            what = f"column {name}: another column differs only in case, which most engines ignore"
            yield Refusal(None, what, f"rename {name}")
        if not name or "\0" in name:
            yield Refusal(None, f"a column has the invalid name {name!r}", "name it with `as`")
    for column, kind in known.items():
        for path, part in _within(column, kind):
            if part.name not in TYPES:
                untyped = part.name == "NULL"
                yield Refusal(
                    None,
                    f"column {path} has no type, because all its values are NULL"
                    if untyped
                    else f"column {path} is a {part.text}, which no port can store",
                    f"cast {column} to what the contract promises"
                    if untyped
                    else AS_TEXT.format(column=column),
                )
            elif part.name == "STRUCT" and not all(name for name, _ in part.parts):
                yield Refusal(
                    None, f"column {path} has a field without a name", f"name the fields of {column}"
                )


def _refused(
    port: Capability,
    form: Format,
    known: Mapping[str, Kind],
    dataset: Dataset,
    show: Callable[[str], bool],
) -> Iterator[Refusal]:
    if form.columns and len(known) > form.columns:
        yield Refusal(
            port, f"{len(known)} columns, but {form.name} allows {form.columns}", "select fewer columns"
        )
    for name in known:
        if reason := form.refused_name(name):
            yield Refusal(port, f"column {name}: {reason}", f"rename {name}")
    held = dict(known)
    for column, kind in known.items():
        for path, part in _within(column, kind):
            reason = (
                f"and {form.name} does not have this type"
                if part.name not in form.types
                else form.refused_kind(part)
            )
            if reason:
                held.pop(column, None)
                yield Refusal(
                    port,
                    f"column {path} is a {part.text}, {reason}",
                    f"{AS_TEXT.format(column=column)}, and make it a string in the contract",
                )
    if form.dotted and len(held) == len(known):
        paths = Counter(itertools.chain.from_iterable(itertools.starmap(_dotted, known.items())))
        for name in (name for name, times in paths.items() if times > 1):
            what = f"column {name}: {form.name} uses the same name for a part of another column"
            yield Refusal(port, what, f"rename {name}")
    # Values that were published before are known to fit.
    yield from _values(port, form, held, dataset.changed if dataset.changes else dataset.parts, show)


def _values(
    port: Capability | None,
    form: Format,
    known: Mapping[str, Kind],
    parts: Sequence[Path],
    show: Callable[[str], bool],
) -> Iterator[Refusal]:
    """Yield the values that a port cannot store."""
    checks = [
        (column, value)
        for column, kind in known.items()
        for value in _unstorable(form, kind, identifier(column), column)
    ]
    if not checks or not parts:
        return
    counted = ", ".join(f"count(*) filter (where {value.condition})" for _, value in checks)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        counts = only_row(connection.execute(f"select {counted} from {scan(parts)}"))
        for (column, value), rows in zip(checks, counts, strict=True):
            if not rows:
                continue
            shown = ""
            if value.example and show(column):
                example = connection.execute(
                    f"select {value.example} from {scan(parts)} where {value.condition} limit 1"
                ).fetchone()
                shown = f", such as {example[0]}" if example else ""
            yield Refusal(
                port,
                f"column {column} ({known[column].text}): {rows:,} {'row contains' if rows == 1 else 'rows contain'}"
                f" {value.limit.reason}{shown}",
                value.fix,
            )


@dataclass(frozen=True)
class _Unstorable:
    """Values of a column, or of a part of it, that a port cannot store."""

    limit: Limit
    condition: str
    """The condition for rows that have one."""
    example: str
    """SQL for the text of the first one in a row; empty if it is not to be shown."""
    fix: str
    """What to do about the column: SQL for its value, or a sentence."""


def _unstorable(form: Format, kind: Kind, value: str, path: str, depth: int = 0) -> Iterator[_Unstorable]:
    """Yield what violates each limit of a type and its parts."""
    limits = form.nested_limits if depth and form.nested_limits is not None else form.limits
    hidden = kind.name in ("VARCHAR", "JSON", "BLOB") or kind.parts
    for limit in limits.get(kind.name, ()):
        if not limit.holds or limit.holds in kind:
            condition = f"coalesce({limit.condition.format(value)}, false)"
            fix = limit.fix.format(column=path if limit.is_sentence else value if depth else _spelled(path))
            yield _Unstorable(limit, condition, "" if hidden else f"cast({value} as varchar)", fix)
    if kind.name == "STRUCT":
        for name, part in kind.parts:
            inner = f"struct_extract({value}, {literal(name)})"
            for found in _unstorable(form, part, inner, f"{path}.{name}", depth + 1):
                updated = f"struct_update({value}, {identifier(name)} := {found.fix})"
                yield replace(
                    found,
                    condition=f"({value} is not null and {found.condition})",
                    fix=found.fix
                    if found.limit.is_sentence
                    else f"case when {value} is not null then {updated} end",
                )
        return
    lists = {"LIST": [value], "MAP": [f"map_keys({value})", f"map_values({value})"]}.get(kind.name, [])
    for number, (listed, (_, part)) in enumerate(zip(lists, kind.parts, strict=False)):
        one = f"x{depth}"
        for found in _unstorable(form, part, one, f"{path}[]", depth + 1):
            such = f"list_filter({listed}, lambda {one}: {found.condition})"
            fixed = list(lists)
            fixed[number] = f"list_transform({listed}, lambda {one}: {found.fix})"
            yield replace(
                found,
                condition=f"coalesce(len({such}) > 0, false)",
                example=found.example and f"list_transform({such}, lambda {one}: {found.example})[1]",
                fix=found.fix
                if found.limit.is_sentence
                else f"map({', '.join(fixed)})"
                if kind.name == "MAP"
                else fixed[0],
            )


def _spelled(column: str) -> str:
    """Return a column's name as SQL needs it, without quotes where none are needed."""
    with duckdb.connect() as connection:
        reserved = connection.execute(
            f"select count(*) from duckdb_keywords() where keyword_name = {literal(column)}"
            " and keyword_category <> 'unreserved'"
        )
        plain = re.fullmatch("[a-z_][a-z0-9_]*", column) and not only_row(reserved)[0]
    return column if plain else identifier(column)


def _dotted(path: str, kind: Kind) -> Iterator[str]:
    """Yield the names of a column and its parts in a `dotted` format."""
    yield path
    for name, part in kind.parts:
        yield from _dotted(f"{path}.{name}", part)


def _within(path: str, kind: Kind) -> Iterator[tuple[str, Kind]]:
    """Yield a column's type and its parts, each with its path."""
    yield path, kind
    for name, part in kind.parts:
        yield from _within(f"{path}.{name}" if kind.name == "STRUCT" else f"{path}[]", part)
