"""Which tables are made from others for consumers: facts, dimensions, reports, views, models of dbt projects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from meshwright.inspection.model import Table
from meshwright.survey.columns import is_loader
from meshwright.survey.grouping import Group, Grouping, Member
from meshwright.survey.keys import key_of, resolver, target
from meshwright.survey.names import words

Zone = Literal["operational", "landed", "mart", "dimension", "view"]

MARTS = {"mart", "marts", "reporting", "reports", "report", "rpt", "analytics", "gold", "presentation", "semantic", "bi", "dm", "datamart", "kpi", "dwh", "edw", "dw"}  # fmt: skip
LANDING = {"raw", "landing", "landed", "bronze", "ingest", "ingestion", "lake", "replica", "ods", "src", "fivetran", "airbyte", "stitch"}  # fmt: skip
FACTS, DIMENSIONS = {"fct", "fact", "facts"}, {"dim", "dimension"}
FIRST_REPORT = {
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "annual",
    "hourly",
    "agg",
    "rpt",
    "kpi",
    "mart",
}
LAST_REPORT = {"summary", "summaries", "stats", "statistics", "metrics", "kpis", "totals", "overview", "rollup", "cube", "report", "360"}  # fmt: skip
"""First and last words of tables that are computed for reports."""


def zone(table: Table, referred: bool, is_model: bool = False) -> Zone:
    """Return what a table is for. `referred`: other tables refer to it; `is_model`: a dbt project makes it."""
    parts = words(table.name)
    first, last = (parts[0], parts[-1]) if parts else ("", "")
    if first in DIMENSIONS or last in DIMENSIONS:
        return "dimension"
    if table.is_view:
        return "mart" if is_model or first in FACTS else "view"
    if is_model or first in FACTS or last in FACTS or {*words(table.schema)} & MARTS:
        return "mart"
    if {*words(table.schema)} & LANDING or first in ("raw", "landing") or any(map(is_loader, table.columns)):
        return "landed"
    if not referred and not table.foreign_keys and (first in FIRST_REPORT or last in LAST_REPORT):
        return "mart"
    return "operational"


def is_fact(table: Table) -> bool:
    """Return True for a fact table, by its name."""
    parts = words(table.name)
    return bool(parts) and (parts[0] in FACTS or parts[-1] in FACTS)


def mart_groups(
    marts: Sequence[Table], dimensions: Sequence[Table], read: Mapping[str, Sequence[str]]
) -> list[Group]:
    """Return a group for each fact, with its dimensions, and for each other table or dimension that no fact has.

    `read`: qualified name -> the qualified names of the tables that it is computed from.
    """
    names = resolver([*marts, *dimensions])
    known = {table.qualified for table in dimensions}
    groups = []
    used: set[str] = set()
    for mart in marts:
        group = Group([Member(mart, "main")])
        if is_fact(mart):
            members: dict[str, Member] = {}
            for key in mart.foreign_keys:
                other = target(names, mart, key)
                if other and other.qualified in known:
                    reason = f"{mart.qualified}.{', '.join(key.columns)} refers to {other.qualified}"
                    members.setdefault(
                        other.qualified,
                        Member(other, "dimension", reason, key, mart.qualified, other.qualified),
                    )
            for other in dimensions:
                if other.qualified in read.get(mart.qualified, ()):
                    reason = f"{mart.qualified} is computed from {other.qualified}"
                    members.setdefault(other.qualified, Member(other, "dimension", reason))
            group.members += members.values()
            used |= members.keys()
        groups.append(group)
    groups += [Group([Member(table, "main")]) for table in dimensions if table.qualified not in used]
    return sorted(groups, key=lambda group: group.main.qualified)


def is_selection(view: Table, bases: Sequence[Table], groups: Mapping[str, Sequence[Group]]) -> Group | None:
    """Return the group that a view only shows again: all that it reads is in the group, and most of its columns are, too.

    `groups`: qualified name of a table -> the groups that have it.
    """
    if not bases or {*words(view.schema)} & MARTS:
        return None
    ids = {base.qualified for base in bases}
    for group in groups.get(bases[0].qualified, ()):
        if ids <= {member.table.qualified for member in group.members}:
            there = {column.name.lower() for base in bases for column in base.columns}
            same = sum(column.name.lower() in there for column in view.columns)
            if len(ids) == 1 and same == len(view.columns):
                return group
            if 2 * same >= len(view.columns) and any(
                base.qualified == group.main.qualified for base in bases
            ):
                return group
    return None


def bases(view: Table, names: Mapping[tuple[str, str], Table]) -> tuple[list[Table], list[str]]:
    """Return the tables that a view reads, directly or through other views, and the names of those that nobody has read.

    `names`: as keys.resolver returns it.
    """
    found: dict[str, Table] = {}
    unknown: dict[str, None] = {}
    waiting, seen = [view], {view.qualified}
    while waiting:
        here = waiting.pop()
        for name in here.reads_from:
            other = names.get((here.schema, name.lower())) or names.get(("", name.lower()))
            if other is None:
                unknown[name] = None
            elif other.qualified not in seen:
                seen.add(other.qualified)
                if other.is_view and other.reads_from:
                    waiting.append(other)
                else:
                    found[other.qualified] = other
    return list(found.values()), list(unknown)


def copies(landed: Sequence[Table], others: Mapping[str, Table]) -> Iterator[tuple[Table, str]]:
    """Yield the landed tables that are copies of tables of other databases, and the id of each original.

    `others`: id -> table. A copy has the end of its name from the original, and most of its columns.
    """
    by_words: dict[tuple[str, ...], list[tuple[str, Table]]] = {}
    for id, other in others.items():
        by_words.setdefault(words(other.name), []).append((id, other))
    for table in landed:
        parts = words(table.name)
        mine = {column.name.lower() for column in table.columns if not is_loader(column)}
        best: tuple[float, str] = (0.0, "")
        for start in range(len(parts)):
            for id, other in by_words.get(parts[start:], ()):
                theirs = {column.name.lower() for column in other.columns}
                share = len(mine & theirs) / max(1, min(len(mine), len(theirs)))
                best = max(best, (share if len(mine & theirs) > 1 else 0.0, id))
            if best[0] >= COPIED:
                yield table, best[1]
                break


COPIED = 0.6
"""Share of the columns that a copy has in common with the original, at least."""


def grain(group: Group, grouping: Grouping | None = None) -> str:
    """Return what one row is, by the key of the main table."""
    key = key_of(group.main, grouping.prefix if grouping else ())
    return ", ".join(key)
