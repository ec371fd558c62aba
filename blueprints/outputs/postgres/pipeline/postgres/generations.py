"""The data set in a database: a table for each generation, and the view that reads one of them."""

from __future__ import annotations

import contextlib
import json
import re
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors

from pipeline.dataset import Dataset
from pipeline.errors import UnreadableInput
from pipeline.postgres.columns import Column
from pipeline.postgres.copies import fill
from pipeline.postgres.database_layout import DatabaseLayout, whole
from pipeline.sql import identifier, literal, only_row

LOCK_SECONDS = 1
"""Maximum wait of new readers while the view is replaced."""
SWAP_SECONDS = 15 * 60
"""Maximum time that a reader's transaction can delay a publication, which tries again every LOCK_SECONDS."""
RIVAL_SECONDS = 10
"""Maximum wait for another run that publishes the same product."""


@dataclass(frozen=True)
class Relation:
    """The table of a generation, or an old view."""

    name: str
    is_view: bool
    used: bool
    """True if a view reads it."""
    current: bool
    """True if the view of the data set reads it."""
    generation: int


def publication_lock(connection: psycopg.Connection[Any], layout: DatabaseLayout) -> None:
    """Allow one publication of a product at a time, across machines, until the connection ends."""
    connection.execute(f"set lock_timeout = '{RIVAL_SECONDS}s'")
    try:
        connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [layout.view])
    except errors.LockNotAvailable as error:
        raise UnreadableInput(
            f"Another run is publishing to {layout.view}.", fix="Wait until it has ended, and run again."
        ) from error
    connection.execute(f"set lock_timeout = '{LOCK_SECONDS}s'")


def load(
    connection: psycopg.Connection[Any], layout: DatabaseLayout, described: list[Column], dataset: Dataset
) -> str:
    """Fill the table of a new generation, completely or not at all; return its name."""
    newest = max((relation.generation for relation in _relations(connection, layout)), default=0)
    name = f"{layout.dataset}__{newest + 1}"
    whole(_aside(name))
    table = layout.named(name)
    with connection.transaction():
        rows = fill(connection, table, described, dataset.scan)
        if rows != dataset.rows:
            raise UnreadableInput(
                f"Only {rows} of {dataset.rows} rows arrived in {table}.",
                fix="Run again: nothing was published.",
            )
    connection.execute(f"analyze {table}")
    return name


def show(
    connection: psycopg.Connection[Any],
    layout: DatabaseLayout,
    table: str,
    described: list[Column],
    dataset: Dataset,
) -> None:
    """Point the view to a generation, in one transaction."""
    deadline = time.monotonic() + SWAP_SECONDS
    while True:
        try:
            with connection.transaction():
                _repoint(connection, layout, table, described)
                comment = literal(json.dumps(dataset.metadata))
                connection.execute(f"comment on view {layout.view} is {comment}")
            return
        except errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise UnreadableInput(
                    f"For {SWAP_SECONDS // 60} minutes, {layout.view} has been read in a single transaction by"
                    f" {_readers(connection, layout)}.",
                    fix="Have that transaction ended, and run again.",
                ) from error
        time.sleep(LOCK_SECONDS)  # lets waiting readers proceed


def drop_unused(connection: psycopg.Connection[Any], layout: DatabaseLayout) -> None:
    """Drop what no view reads. Tables that are in use now stay until the next run."""
    for kind, are_views in (("view", True), ("table", False)):
        for relation in _relations(connection, layout):
            if relation.is_view == are_views and not relation.used:
                with contextlib.suppress(errors.LockNotAvailable, errors.DependentObjectsStillExist):
                    connection.execute(f"drop {kind} {layout.named(relation.name)}")


def _repoint(
    connection: psycopg.Connection[Any], layout: DatabaseLayout, table: str, described: list[Column]
) -> None:
    selected = ", ".join(identifier(column.name) for column in described)
    query = f"as select {selected} from {layout.named(table)}"
    try:
        with connection.transaction():
            connection.execute(f"create or replace view {layout.view} {query}")
    except errors.InvalidTableDefinition:
        # The columns differ: views on the old generation keep reading it until access is applied again.
        old = next((relation for relation in _relations(connection, layout) if relation.current), None)
        if old is None:
            raise UnreadableInput(
                f"{layout.view} was not created by the pipeline.", fix="Rename or drop it, and run again."
            ) from None
        connection.execute(f"alter view {layout.view} rename to {identifier(_aside(old.name))}")
        connection.execute(f"create view {layout.view} {query}")


def _readers(connection: psycopg.Connection[Any], layout: DatabaseLayout) -> str:
    """Return who is reading the view now."""
    found = connection.execute(
        "select string_agg(distinct format('%%s (process %%s)', usename, pid), ', ')"
        " from pg_locks join pg_stat_activity using (pid)"
        " where relation = to_regclass(%s)::oid and pid <> pg_backend_pid()",
        [layout.view],
    )
    (readers,) = only_row(found)
    return str(readers or "it")


def _aside(table: str) -> str:
    return f"{table}_view"


def _relations(connection: psycopg.Connection[Any], layout: DatabaseLayout) -> list[Relation]:
    found = connection.execute(
        "select relation.relname, relation.relkind = 'v', count(rule.ev_class) > 0,"
        "  coalesce(bool_or(rule.ev_class = to_regclass(%s)), false)"
        " from pg_class as relation"
        " left join pg_depend as dependency on dependency.refclassid = 'pg_class'::regclass"
        "  and dependency.refobjid = relation.oid and dependency.classid = 'pg_rewrite'::regclass"
        " left join pg_rewrite as rule on rule.oid = dependency.objid and rule.ev_class <> relation.oid"
        " where relation.relnamespace = %s::regnamespace and relation.relkind in ('r', 'v')"
        " group by relation.oid, relation.relname, relation.relkind",
        [layout.view, identifier(layout.private)],
    )
    pattern = re.compile(re.escape(layout.dataset) + r"__([0-9]+)(?:_view)?")
    return [
        Relation(name, is_view, used, current, int(match[1]))
        for name, is_view, used, current in found
        if (match := pattern.fullmatch(name))
    ]
