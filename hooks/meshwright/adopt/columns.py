"""The columns of a model and their types, as far as its SQL tells, without running any of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from meshwright.adopt.dbt_files import OwnProject
from meshwright.inspection.declared_types import type_and_length
from meshwright.inspection.model import Column

DIALECTS = {"postgres", "redshift", "snowflake", "bigquery", "databricks", "spark", "trino", "duckdb"}
CALL = re.compile(r"\{\{-?\s*(?P<what>.*?)\s*-?\}\}", re.DOTALL)
NAMES = re.compile(r"(?P<kind>ref|source)\s*\((?P<names>[^(){}]*)\)")
NOTHING = re.compile(r"config\s*\(.*\)", re.DOTALL)
UNNAMED = re.compile(r"(_col_\d+)?", re.IGNORECASE)
"""The name that sqlglot gives to an expression without one."""
SAMPLE_ROWS = 1000
FORMS = (
    ("BIGINT", re.compile(r"[-+]?\d{1,18}")),
    ("DOUBLE", re.compile(r"[-+]?\d*\.?\d+([eE][-+]?\d+)?")),
    ("BOOLEAN", re.compile(r"(?i)true|false")),
    ("DATE", re.compile(r"\d{4}-\d\d-\d\d")),
    ("TIMESTAMP", re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?")),
)
"""Types that a seed's column gets if all its values have the form; text otherwise."""


def columns_of(project: OwnProject, model: str) -> tuple[tuple[Column, ...], bool]:
    """Return the columns of a model, and whether they are certainly all: those of its SQL, with what its YAML says.

    The YAML's others follow if the SQL does not tell all. The type of a column is empty if nothing tells it. What a `*`
    takes of a source is not certain, because YAML may describe some of a table's columns only.
    """
    described = {column.name.lower(): column for column in project.models[model].table().columns}
    reading = _Reading(project)
    whole = reading.model(model)
    columns = []
    for name, kind in (whole or reading.named.get(model, {})).items():
        column = described.pop(name.lower(), None)
        if column is None:
            columns.append(Column(name, kind))
        else:
            columns.append(
                Column(name, column.type or kind, column.native_type, column.required, column.max_length, column.description, column.values)
            )  # fmt: skip
    certain = whole and _Reading(project, with_sources=False).model(model)
    return (*columns, *(() if whole else described.values())), bool(certain)


class _Reading:
    """What is known of the columns of models, seeds and sources, by the name that they have in rendered SQL."""

    def __init__(self, project: OwnProject, *, with_sources: bool = True) -> None:
        self.project = project
        self.with_sources = with_sources
        self.dialect = project.adapter if project.adapter in DIALECTS else "duckdb"
        self.known: dict[str, dict[str, str]] = {}
        self.named: dict[str, dict[str, str]] = {}
        """Model -> the columns that its SQL names, of those whose SQL does not tell all."""
        self.begun: set[str] = set()

    def model(self, name: str) -> dict[str, str]:
        """Return column -> type (empty if unknown) of a model; empty if its SQL does not tell the columns."""
        if name not in self.begun:
            self.begun.add(name)
            self.known[name] = self._inferred(name)
        return self.known.get(name, {})

    def _inferred(self, name: str) -> dict[str, str]:
        node = self.project.models[name]
        file = self.project.copy / node.path
        if file.suffix != ".sql":
            return {}
        sql = rendered(file.read_text("utf-8-sig"))
        if sql is None:
            return {}
        schema: dict[str, object] = {}
        for other in node.reads:
            # A list of columns names them, whatever is known of the table that they come from.
            if columns := self._other(other):
                schema[_alias(other)] = {column: kind or "UNKNOWN" for column, kind in columns.items()}
        # YAML often describes some columns of a source only, and the SQL reads others.
        certain = {_alias(one): schema[_alias(one)] for one in node.reads if one in self.project.models and _alias(one) in schema}  # fmt: skip
        for columns_known in (schema, certain, {}):
            projections = self._projections(sql, columns_known)
            if projections is not None:
                break
        else:
            return {}
        named = [one for one in projections if _is_named(one)]
        found = {one.alias_or_name: _type(one) for one in named}
        if len(found) == len(projections):
            return found
        self.named[name] = found
        return {}

    def _projections(self, sql: str, schema: dict[str, object]) -> list[Any] | None:
        """Return the columns that SQL selects; None if it cannot be read with these columns of what it reads."""
        try:
            tree = qualify(
                sqlglot.parse_one(sql, dialect=self.dialect),
                schema=schema,
                dialect=self.dialect,
                validate_qualify_columns=False,
            )
            typed = annotate_types(tree, schema=schema, dialect=self.dialect)
        except (SqlglotError, RecursionError, ValueError):
            return None
        return typed.selects if isinstance(typed, exp.Query) else []

    def _other(self, name: str) -> dict[str, str]:
        if name in self.project.models:
            return self.model(name)
        if name in self.project.seeds:
            return _of_seed(self.project.copy / self.project.seeds[name].path)
        node, table = self.project.sources.get(name), name.rpartition(".")[2]
        if node and node.columns and self.with_sources:
            return {column.name: column.type for column in node.table().columns}
        seed = self.project.seeds.get(table)  # which is often loaded as the source
        return _of_seed(self.project.copy / seed.path) if node and seed else {}


def seed_columns(project: OwnProject, name: str) -> tuple[Column, ...]:
    """Return the columns of a seed, with the types that all its values have."""
    return tuple(
        Column(column, kind) for column, kind in _of_seed(project.copy / project.seeds[name].path).items()
    )


def _alias(name: str) -> str:
    return re.sub(r"\W", "__", name)


def rendered(text: str) -> str | None:
    """Return a model's SQL with the names of what it reads, macros as missing values; None if it has other Jinja."""
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    text = _unrolled(text)
    # The first run of an incremental model, and variables that only macros use.
    text = re.sub(
        r"\{%-?\s*if is_incremental\(\).*?\{%-?\s*endif\s*-?%\}|\{%-?\s*set\s[^%]*=[^%]*%\}",
        "",
        text,
        flags=re.DOTALL,
    )

    def name(match: re.Match[str]) -> str:
        if NOTHING.fullmatch(match["what"]):
            return ""
        call = NAMES.fullmatch(match["what"])
        names = re.findall(r"""['"]([^'"]+)['"]""", call["names"]) if call else []
        if call is None or not names:
            return " NULL "  # a macro, in the place of an expression: its type is unknown
        return f"{_alias('.'.join(names) if call['kind'] == 'source' else names[-1])}"

    sql = CALL.sub(name, text)
    return None if "{%" in sql or "{{" in sql else sql


LIST = re.compile(r"\{%-?\s*set\s+(?P<name>\w+)\s*=\s*(?P<items>\[[^\]%]*\])\s*-?%\}")
LOOP = re.compile(
    r"\{%-?\s*for\s+(?P<each>\w+)\s+in\s+(?P<name>\w+)\s*-?%\}(?P<body>.*?)\{%-?\s*endfor\s*-?%\}", re.DOTALL
)
NOT_LAST = re.compile(r"\{%-?\s*if\s+not\s+loop\.last\s*-?%\}(.*?)\{%-?\s*endif\s*-?%\}", re.DOTALL)
MOST_ITEMS = 100


def _unrolled(text: str) -> str:
    """Return a model with its loops over lists of texts written out; other loops stay."""
    lists = {
        match["name"]: re.findall(r"""['"]([^'"]*)['"]""", match["items"]) for match in LIST.finditer(text)
    }

    def body(match: re.Match[str]) -> str:
        items = lists.get(match["name"], [])
        if not items or len(items) > MOST_ITEMS or "for " in match["body"]:
            return match[0]
        each = re.compile(rf"\{{\{{-?\s*{match['each']}\s*-?\}}\}}")
        rounds = [each.sub(lambda _, item=item: item, match["body"]) for item in items]
        last = len(rounds) - 1
        return "".join(NOT_LAST.sub(r"\1" if place < last else "", one) for place, one in enumerate(rounds))

    return LOOP.sub(body, text)


def _is_named(one: Any) -> bool:
    """Return False for `*`, and for an expression without a name, which may be a macro that stands for columns."""
    return not (one.is_star or UNNAMED.fullmatch(one.alias_or_name))


def _type(one: Any) -> str:
    kind = one.type
    if kind is None or kind.is_type(exp.DataType.Type.UNKNOWN, exp.DataType.Type.NULL):
        return ""
    return type_and_length(kind.sql("duckdb"))[0]


def _of_seed(file: Any) -> dict[str, str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines)
            names = next(rows, [])
            values = [row for row, _ in zip(rows, range(SAMPLE_ROWS), strict=False)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {name: _form(row[place] for row in values if place < len(row)) for place, name in enumerate(names)}


def _form(values: Iterable[str]) -> str:
    present = [value for value in values if value]
    return next((kind for kind, form in FORMS if present and all(map(form.fullmatch, present))), "VARCHAR")
