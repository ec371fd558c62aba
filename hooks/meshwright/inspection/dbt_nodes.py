"""Models, sources, seeds, snapshots and exposures of a dbt project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshwright.inspection.declared_types import type_and_length
from meshwright.inspection.model import Column, ForeignKey, Table

TEXT = r"""\s*(?:'([^']*)'|"([^"]*)")\s*"""
REF = re.compile(rf"\bref\s*\({TEXT}(?:,{TEXT})?[,)]")
SOURCE = re.compile(rf"\bsource\s*\({TEXT},{TEXT}\)")


def listed(value: Any) -> list[Any]:
    """Return a value of YAML or JSON if it is a list; an empty list for anything else."""
    return value if isinstance(value, list) else []


def nodes_read(text: str) -> tuple[str, ...]:
    """Return the nodes that code reads by `ref` and `source`."""
    refs = {match[3] or match[4] or match[1] or match[2] for match in REF.finditer(text)}
    sources = {f"{match[1] or match[2]}.{match[3] or match[4]}" for match in SOURCE.finditer(text)}
    return tuple(sorted((refs | sources) - {None}))


def target_of(to: str) -> str:
    """Return the node that the `to` of a relationships test names."""
    return next(iter(nodes_read(to)), "")


@dataclass(frozen=True)
class DbtTest:
    """A generic test of a column or of a whole table."""

    name: str
    """As written: `not_null`, `dbt_utils.unique_combination_of_columns`."""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DbtColumn:
    """A column that the project describes."""

    name: str
    data_type: str = ""
    """As written; empty if it is not declared."""
    description: str = ""
    tests: tuple[DbtTest, ...] = ()
    constraints: tuple[str, ...] = ()
    """Types of its constraints: `not_null`, `unique`, `primary_key` …"""
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def required(self) -> bool:
        return bool({"not_null", "primary_key"} & {*self.constraints, *(test.name for test in self.tests)})

    @property
    def unique(self) -> bool:
        return bool({"unique", "primary_key"} & {*self.constraints, *(test.name for test in self.tests)})


@dataclass(frozen=True)
class DbtNode:
    """A model, source table, seed, snapshot or exposure."""

    kind: str
    """`model`, `source`, `seed`, `snapshot` or `exposure`."""
    name: str
    """For a table of a source: `source.table`."""
    path: str = ""
    """File that defines it, from the project's folder; empty if there is none."""
    described_in: str = ""
    """YAML file that describes it; empty if there is none."""
    description: str = ""
    columns: tuple[DbtColumn, ...] = ()
    tests: tuple[DbtTest, ...] = ()
    reads: tuple[str, ...] = ()
    """Names of the nodes that it reads, sorted; `source.table` for a source."""
    materialized: str = ""
    """Only if the project says so for this node."""
    database: str = ""
    schema: str = ""
    identifier: str = ""
    """Name of the table in the database."""
    owner: str = ""
    """E-mail address or name, from `owner`, `group` or `meta`."""
    loaded_at: str = ""
    """The column that tells the freshness of a source."""
    freshness: str = ""
    """How old a source may be before its project complains, such as `24 hours`."""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    constraints: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Type and columns of constraints of the whole table."""
    url: str = ""
    """Exposures only."""

    def table(self) -> Table:
        """Return it as a table. The type of a column that declares none is empty."""
        columns, foreign = [], []
        for column in self.columns:
            kind, length = type_and_length(column.data_type) if column.data_type else ("", None)
            values: tuple[str, ...] = ()
            for test in column.tests:
                if test.name == "accepted_values":
                    values = tuple(map(str, listed(test.arguments.get("values"))))
                if test.name == "relationships" and (other := target_of(str(test.arguments.get("to", "")))):
                    fields = (str(test.arguments.get("field", "")),)
                    foreign.append(ForeignKey((column.name,), other, fields))
            columns.append(
                Column(
                    column.name,
                    kind,
                    column.data_type,
                    column.required,
                    length,
                    column.description,
                    values,
                    str(column.meta.get("classification") or ""),
                )
            )
        unique: list[tuple[str, ...]] = [
            (column.name,) for column in self.columns if column.unique and column.required
        ]
        primary: list[tuple[str, ...]] = [
            (column.name,) for column in self.columns if "primary_key" in column.constraints
        ]
        primary += [names for kind, names in self.constraints if kind == "primary_key" and names]
        for test in self.tests:
            if test.name.endswith("unique_combination_of_columns"):
                unique.append(tuple(map(str, listed(test.arguments.get("combination_of_columns")))))
        unique += [names for kind, names in self.constraints if kind == "unique" and names]
        keys = list(dict.fromkeys(key for key in [*primary, *unique] if key))
        return Table(
            self.identifier or self.name.rpartition(".")[2],
            tuple(columns),
            self.schema,
            keys[0] if keys else (),
            tuple(keys[1:]),
            tuple(foreign),
            description=self.description,
            is_view=self.materialized == "view",
            reads_from=self.reads,
        )


@dataclass(frozen=True)
class DbtProject:
    """A dbt project."""

    name: str
    folder: Path
    nodes: tuple[DbtNode, ...]
    profile: str = ""
    version: str = ""
    packages: tuple[str, ...] = ()
    """Packages that packages.yml or dependencies.yml names."""
    notes: tuple[str, ...] = ()
    """Sentences for the person on how it was read."""

    def of(self, kind: str) -> list[DbtNode]:
        """Return the nodes of one kind, by name."""
        return sorted((node for node in self.nodes if node.kind == kind), key=lambda node: node.name)

    @property
    def models(self) -> list[DbtNode]:
        return self.of("model")

    @property
    def sources(self) -> list[DbtNode]:
        return self.of("source")

    @property
    def exposures(self) -> list[DbtNode]:
        return self.of("exposure")
