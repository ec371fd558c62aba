"""Make candidates of the tables of an estate: zone by zone, then views, then what only projects and scripts name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from meshwright.inspection.model import ForeignKey, Table
from meshwright.survey import marts, noise
from meshwright.survey.estate import Estate
from meshwright.survey.grouping import Group, Grouping, Member, doubts
from meshwright.survey.keys import resolver, with_inferred
from meshwright.survey.model import CONSUMER_ORIENTED, SOURCE_ORIENTED, Candidate, Part, Source
from meshwright.survey.names import common_prefix, product_name


class Candidates:
    """The candidates of an estate, and what was left out of it."""

    def __init__(self, estate: Estate, taken: Iterable[str] = ()) -> None:
        """`taken`: names of products that are there."""
        self.estate = estate
        self.found: list[Candidate] = []
        self.left_out: dict[str, str] = {}
        self.copy_of: dict[str, str] = {}
        """Id of a landed table -> the table of another database that it is a copy of."""
        self._taken = set(taken)
        self._zones: dict[str, marts.Zone] = {}
        for source in estate.sources:
            if source.kind == "database":
                self._sort_tables(source)
        self._leave_out_copies()
        for source in estate.sources:
            groups: list[Group] = []
            if source.kind == "database":
                groups = self._operational(source)
                self._marts(source)
                self._views(source, groups)
            elif source.kind == "files":
                self._files(source)
        self._models()
        self._outside()
        self._name()
        self._trace()

    # -- zone by zone ---------------------------------------------------------------------------------

    def _sort_tables(self, source: Source) -> None:
        out = noise.left_out(source.tables)
        referred = {
            key.table.rpartition(".")[2].lower() for table in source.tables for key in table.foreign_keys
        }
        for table in source.tables:
            id = f"{source.name}.{table.qualified}"
            if self.estate.is_step(id):
                self.left_out[id] = "an intermediate step: others are computed from it"
            elif table.qualified in out:
                self.left_out[id] = out[table.qualified]
            elif not table.columns:
                self.left_out[id] = "no columns that this account sees"
            else:
                is_model = id in self.estate.models
                self._zones[id] = marts.zone(table, table.name.lower() in referred, is_model)

    def _of(self, source: Source, *zones: marts.Zone) -> list[Table]:
        return [
            table
            for table in source.tables
            if self._zones.get(f"{source.name}.{table.qualified}") in zones
            and f"{source.name}.{table.qualified}" not in self.left_out
        ]

    def _leave_out_copies(self) -> None:
        originals = {
            id: self.estate.tables[id]
            for id, zone in self._zones.items()
            if zone == "operational" and not self.estate.tables[id].is_view
        }
        for source in self.estate.sources:
            others = {id: table for id, table in originals.items() if self.estate.source_of[id] is not source}
            for table, original in marts.copies(self._of(source, "landed"), others):
                id = f"{source.name}.{table.qualified}"
                self.left_out[id] = f"a copy of {original}"
                self.copy_of[id] = original

    def _operational(self, source: Source) -> list[Group]:
        groups: list[Group] = []
        for zone in ("operational", "landed"):
            tables = self._of(source, zone)
            if not tables:
                continue
            prefix = common_prefix(table.name for table in tables)
            grouping = Grouping(with_inferred(tables, prefix), prefix)
            self.left_out |= {f"{source.name}.{name}": reason for name, reason in grouping.alone().items()}
            made = grouping.groups()
            for group in made:
                candidate = self._add(source, group, SOURCE_ORIENTED, list(doubts(group, prefix)))
                if zone == "landed":
                    candidate.doubts.insert(
                        0,
                        "it was landed here from a system that is not in the survey; read it there if you can",
                    )
            groups += made
        return groups

    def _marts(self, source: Source) -> None:
        facts, dimensions = self._of(source, "mart"), self._of(source, "dimension")
        if not facts and not dimensions:
            return
        tables = with_inferred([self._declared(source, table) for table in (*facts, *dimensions)])
        read = {}
        for table in tables:
            ids = self.estate.upstream(f"{source.name}.{table.qualified}")
            read[table.qualified] = [self.estate.tables[id].qualified for id in ids]
        first = len(facts)
        for group in marts.mart_groups(tables[:first], tables[first:], read):
            self._add(source, group, CONSUMER_ORIENTED, self._mart_doubts(group))

    def _declared(self, source: Source, table: Table) -> Table:
        """Return a table with the keys that tests of its model declare."""
        if not (found := self.estate.models.get(f"{source.name}.{table.qualified}")):
            return table
        project, model = found
        keys = list(table.foreign_keys)
        for key in model.table.foreign_keys:
            other = self.estate.place.get((project.name, key.table))
            if other and self.estate.source_of[other] is source:
                keys.append(
                    ForeignKey(key.columns, self.estate.tables[other].qualified, key.other_columns, True)
                )
        primary = table.primary_key or model.table.primary_key
        unique = table.unique_keys or model.table.unique_keys
        return replace(table, foreign_keys=tuple(keys), primary_key=primary, unique_keys=unique)

    def _mart_doubts(self, group: Group) -> list[str]:
        return [] if marts.is_fact(group.main) else list(doubts(group))

    def _views(self, source: Source, groups: Sequence[Group]) -> None:
        views = self._of(source, "view")
        if not views:
            return
        tables = resolver(source.tables)
        by_table: dict[str, list[Group]] = {}
        for group in groups:
            for member in group.members:
                by_table.setdefault(member.table.qualified, []).append(group)
        by_main = {
            candidate.main.id: candidate for candidate in self.found if candidate.source == source.name
        }
        for view in views:
            id = f"{source.name}.{view.qualified}"
            below, unknown = marts.bases(view, tables)
            shown = marts.is_selection(view, below, by_table)
            if shown is not None:
                main = f"{source.name}.{shown.main.qualified}"
                self.left_out[id] = f"a view that shows {main} again"
                by_main[main].also.append(id)
                continue
            if len(below) == 1 and f"{source.name}.{below[0].qualified}" in self.left_out:
                self.left_out[id] = f"a view of {below[0].qualified}, which is {self.left_out[f'{source.name}.{below[0].qualified}']}"  # fmt: skip
                continue
            reasons = []
            if not view.reads_from:
                reasons.append("the database does not tell what this view reads")
            elif unknown:
                reasons.append(f"it reads {', '.join(unknown[:5])}, which this account does not see")
            made = Group()
            made.members.append(Member(view, "main"))
            self._add(source, made, CONSUMER_ORIENTED, reasons)

    def _files(self, source: Source) -> None:
        tables = list(source.tables)
        grouping = Grouping(with_inferred(tables))
        self.left_out |= {f"{source.name}.{name}": reason for name, reason in grouping.alone().items()}
        for group in grouping.groups():
            self._add(source, group, SOURCE_ORIENTED, list(doubts(group)))

    # -- what no database of the survey holds -----------------------------------------------------------

    def _models(self) -> None:
        """Add the models of dbt projects whose tables are in no database of the survey."""
        for source in self.estate.sources:
            mine = {
                id: model
                for id, (project, model) in self.estate.models.items()
                if project is source and self.estate.source_of[id] is source
            }
            ends, dimensions = [], []
            for id, model in mine.items():
                if self.estate.is_step(id):
                    self.left_out[id] = "an intermediate step: others are computed from it"
                elif marts.zone(model.table, False, True) == "dimension":
                    dimensions.append(model.table)
                else:
                    ends.append(model.table)
            read = {
                model.table.qualified: [
                    self.estate.tables[other].qualified for other in self.estate.upstream(id)
                ]
                for id, model in mine.items()
            }
            ids = {model.table.qualified: id for id, model in mine.items()}
            for group in marts.mart_groups(ends, dimensions, read):
                candidate = self._add(source, group, CONSUMER_ORIENTED, [], ids)
                if not source.dbt:
                    candidate.doubts.append("its table is in no database of the survey")

    def _outside(self) -> None:
        """Add what projects read and scripts write, if no source of the survey holds it."""
        by_source: dict[str, list[str]] = {}
        for id in self.estate.outside:
            written = any(note.kind == "writer" for note in self.estate.notes.get(id, ()))
            if id not in self.estate.read and not written:
                self.left_out[id] = "declared as a source, and no model reads it"
                continue
            by_source.setdefault(self.estate.source_of[id].name, []).append(id)
        for ids in by_source.values():
            source = self.estate.source_of[ids[0]]
            tables = [self.estate.tables[id] for id in ids]
            out = noise.left_out(tables)
            self.left_out |= {f"{source.name}.{name}": reason for name, reason in out.items()}
            kept = [table for table in tables if table.qualified not in out]
            for group in Grouping(with_inferred(kept), smallest=0).groups():
                main = f"{source.name}.{group.main.qualified}"
                computed = marts.zone(group.main, bool(group.main.foreign_keys)) == "mart"
                candidate = self._add(source, group, CONSUMER_ORIENTED if computed else SOURCE_ORIENTED, [])
                candidate.doubts.append(
                    f"no source of the survey holds it: {self.estate.outside[main]}, and that is all that is known"
                )
                if "://" not in self.estate.outside[main] and not main.endswith(
                    (".parquet", ".csv", ".json")
                ):
                    candidate.state = "missing"

    # -- all of them ------------------------------------------------------------------------------------

    def _add(
        self,
        source: Source,
        group: Group,
        type: str,
        reasons: list[str],
        ids: Mapping[str, str] | None = None,
    ) -> Candidate:
        parts = [
            Part(
                (ids or {}).get(member.table.qualified, f"{source.name}.{member.table.qualified}"),
                member.role,
                member.reason,
                member.table,
                member.key,
                f"{source.name}.{member.referring}",
                f"{source.name}.{member.referred}",
            )
            for member in group.members
        ]
        candidate = Candidate("", type, parts, source.name, doubts=reasons)
        self.found.append(candidate)
        return candidate

    def _name(self) -> None:
        for candidate in self.found:
            table = candidate.main.table
            name = table.name.rpartition("/")[2].partition(".")[0]
            if product_name(name) in self._taken:  # that of another schema or source
                name = f"{table.schema or candidate.source} {name}"
            candidate.name = product_name(name, self._taken)
            self._taken.add(candidate.name)

    def _trace(self) -> None:
        """Find which candidates the data of each consumer-oriented one comes from."""
        owner: dict[str, str] = {}
        for role in ("main", "detail", "link", "lookup"):
            for candidate in self.found:
                for part in candidate.parts:
                    if part.role == role:
                        owner.setdefault(part.id, candidate.name)
        for candidate in self.found:
            if candidate.type == CONSUMER_ORIENTED:
                candidate.reads = self._read_by(candidate, owner)
                if not candidate.reads and candidate.main.id not in self.estate.models:
                    # What is made of it reads its source, which is an operational system for the mesh.
                    candidate.type = SOURCE_ORIENTED
                    candidate.doubts.append("it looks computed, and nothing tells from which candidates")

    def _read_by(self, candidate: Candidate, owner: Mapping[str, str]) -> list[str]:
        mine = {part.id for part in candidate.parts}
        waiting, seen, reads = list(mine), set(mine), set()
        while waiting:
            for id in self.estate.upstream(waiting.pop()):
                id = self.copy_of.get(id, id)
                if id in seen:
                    continue
                seen.add(id)
                other = owner.get(id)
                if other and other != candidate.name:
                    reads.add(other)
                else:
                    waiting.append(id)
        return sorted(reads)
