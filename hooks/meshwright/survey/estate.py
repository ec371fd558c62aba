"""The tables of all sources of a survey under one name each, and where models and scripts of one source mean those of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from meshwright.inspection.model import Column, Table
from meshwright.survey.marts import DIMENSIONS, FACTS, MARTS
from meshwright.survey.model import DbtSource, Model, Note, Source
from meshwright.survey.names import words
from meshwright.survey.noise import is_intermediate

KINDS = {(word,) for word in (*FACTS, *DIMENSIONS)}
"""First words of models that are there for others than the project itself."""


def id_of(source: Source, table: Table) -> str:
    """Return `<source>.<schema>.<table>`."""
    return f"{source.name}.{table.qualified}"


@dataclass
class Estate:
    """All tables and models that were read."""

    sources: Sequence[Source]
    tables: dict[str, Table] = field(default_factory=dict)
    """Id -> table: of databases, of files, and those that only a dbt project or a script names."""
    source_of: dict[str, Source] = field(default_factory=dict)
    models: dict[str, tuple[Source, Model]] = field(default_factory=dict)
    """Id of the table that a model makes -> the project and the model."""
    place: dict[tuple[str, str], str] = field(default_factory=dict)
    """Name of a dbt project's source, and of a model or source table as its models read it -> id."""
    notes: dict[str, list[Note]] = field(default_factory=dict)
    """Id -> what projects and scripts say about the table."""
    outside: dict[str, str] = field(default_factory=dict)
    """Id of a table that no source of the survey holds -> who says that it is there."""
    ambiguous: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_name: dict[str, list[str]] = {}
        for source in self.sources:
            for table in source.tables:
                self._add(id_of(source, table), table, source)
        for source in self.sources:
            for model in source.models:
                self._place_model(source, model)
        for source in self.sources:
            for one in source.sources:
                self._place_source(source, one)
        for source in self.sources:
            self._place_scripts(source)

    def _add(self, id: str, table: Table, source: Source) -> None:
        self.tables[id] = table
        self.source_of[id] = source
        self._by_name.setdefault(table.name.lower(), []).append(id)

    def upstream(self, id: str) -> Iterator[str]:
        """Yield the ids of the tables that a table is computed from, as far as its project or database says."""
        if id in self.models:
            source, model = self.models[id]
            for name in model.reads:
                if found := self.place.get((source.name, name)):
                    yield found
            if model.reads:
                return
        source, table = self.source_of[id], self.tables[id]
        for name in table.reads_from:
            if other := self.find(name, source, table.schema):
                yield other

    def find(self, name: str, source: Source | None = None, schema: str = "", exact: bool = False) -> str:
        """Return the id of a table by its name, with or without schema; empty if there is none, or if several may be meant.

        `source`: look there first. `exact`: the schema of the name has to be the table's.
        """
        of, _, plain = name.rpartition(".")
        of = of.rpartition(".")[2].lower()
        ids = self._by_name.get(plain.lower(), [])
        if of:
            same = [id for id in ids if self.tables[id].schema.lower() == of]
            ids = same or ([] if exact else [id for id in ids if not self.tables[id].schema])
        for preferred in (
            [
                id
                for id in ids
                if source and self.source_of[id] is source and self.tables[id].schema == schema
            ],
            [id for id in ids if source and self.source_of[id] is source],
            ids,
        ):
            if len(preferred) == 1:
                return preferred[0]
        return ""

    # -- dbt projects and scripts ---------------------------------------------------------------------

    def _place_model(self, source: Source, model: Model) -> None:
        name, schema = model.table.name, model.table.schema.lower()
        ids = [
            id
            for id in self._by_name.get(name.lower(), ())
            if self.source_of[id].kind == "database" and id not in self.models
        ]
        if schema:
            of = [id for id in ids if self.tables[id].schema.lower() == schema]
            ids = of or [id for id in ids if self.tables[id].schema.lower().endswith(f"_{schema}")]
        if len(ids) > 1:
            columns = {column.name.lower() for column in model.table.columns}
            folders = {*model.path.lower().split("/")}
            ids.sort(
                key=lambda id: (
                    -(self.tables[id].schema.lower() in folders),
                    -len(columns & {column.name.lower() for column in self.tables[id].columns}),
                )
            )
            self.ambiguous.append(
                f"{source.name}: the model {name} may be any of {', '.join(ids[:5])}; {ids[0]} was taken."
            )
        id = ids[0] if ids else f"{source.name}.{name}"
        if not ids:
            self._add(id, model.table, source)
        self.models[id] = (source, model)
        self.place[source.name, name] = id
        self.place.setdefault((source.name, model.table.name), id)

    def _place_source(self, source: Source, one: DbtSource) -> None:
        full = one.table.qualified
        id = self.find(full, exact=True)
        if not id:
            id = self._model_of_another(source, one)
        if not id:
            id = f"{source.name}.{full}"
            if id not in self.tables:
                self._add(id, one.table, source)
                self.outside[id] = f"{source.name}/{one.path} reads it"
        self.place[source.name, one.name] = id
        if one.table.description:
            self._note(id, Note(full, "description", one.table.description, f"{source.name}/{one.path}"))

    def _model_of_another(self, source: Source, one: DbtSource) -> str:
        """Return the model of another project that a source is, if only one has its name."""
        ids = [
            id
            for id, (project, model) in self.models.items()
            if project is not source and model.table.name.lower() == one.table.name.lower()
        ]
        return ids[0] if len(ids) == 1 else ""

    def _place_scripts(self, source: Source) -> None:
        for note in source.notes:
            place = self.place.get((source.name, note.table)) or self.find(note.table)
            if place:
                self._note(place, note)
        for one in source.written:
            id = self.find(one.name, exact="." in one.name and "://" not in one.name)
            origin = f"{source.name}/{one.place}"
            if not id:
                table = _of_script(one.name, one.columns)
                id = f"{source.name}.{table.qualified}"
                if id not in self.tables:
                    self._add(id, table, source)
                    self.outside[id] = f"{origin} writes it"
            self._note(id, Note(one.name, "writer", f"{source.name}/{one.place.path}", origin))
            if not source.repository:
                continue
            for schedule in source.repository.schedules_of(one.place.path):
                where = f"{source.name}/{schedule.place}"
                self._note(id, Note(one.name, "schedule", schedule.cron, where))
            if owners := source.repository.owners_of(one.place.path):
                self._note(
                    id, Note(one.name, "owner", " ".join(owners.names), f"{source.name}/{owners.place}")
                )

    def _note(self, id: str, note: Note) -> None:
        known = self.notes.setdefault(id, [])
        if note not in known:
            known.append(note)

    def is_step(self, id: str) -> bool:
        """Return True for a model that other models are computed from."""
        if id not in self.models:
            return False
        _, model = self.models[id]
        folder = model.path.rpartition("/")[0].rpartition("/")[2]
        if is_intermediate(model.table.name, folder):
            return True
        is_mart = (
            bool({*words(folder), *words(model.table.schema)} & MARTS) or words(model.table.name)[:1] in KINDS
        )
        return id in self.read and not (model.exposed or model.table.description or is_mart)

    @cached_property
    def read(self) -> set[str]:
        """Ids of the tables that models read."""
        return {
            found
            for source, model in self.models.values()
            for name in model.reads
            if (found := self.place.get((source.name, name)))
        }


def _of_script(name: str, columns: Sequence[str]) -> Table:
    made = tuple(Column(column, "VARCHAR") for column in columns)
    if "://" in name:
        return Table(name.partition("://")[2].partition("/")[2] or name, made)
    schema, _, plain = name.rpartition(".")
    return Table(plain, made, schema)
