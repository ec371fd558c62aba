"""The data set in a database: a table for each generation, and the view that shows one of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb
import psycopg
from psycopg import errors

from pipeline.dataset import Dataset
from pipeline.errors import UnreadableInput
from pipeline.postgres.columns import Column
from pipeline.postgres.place import Place, whole
from pipeline.postgres.session import said
from pipeline.sql import identifier, literal

BLOCK_BYTES = 1024 * 1024
LOCK_SECONDS = 1
"""How long readers who come while the view is replaced may have to wait."""
SWAP_SECONDS = 15 * 60
"""How long a reader's transaction may hold up a publication, which tries again every LOCK_SECONDS."""
RIVAL_SECONDS = 10
"""How long to wait for another run that publishes the same."""


@dataclass(frozen=True)
class Relation:
    """A table that holds a generation, or a view that was set aside."""

    name: str
    is_view: bool
    used: bool
    """Whether a view reads it."""
    current: bool
    """Whether the view of the data set reads it."""
    generation: int


def alone(connection: psycopg.Connection[Any], place: Place) -> None:
    """One publication of a product at a time, wherever the others run, until the connection ends."""
    connection.execute(f"set lock_timeout = '{RIVAL_SECONDS}s'")
    try:
        connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [place.view])
    except errors.LockNotAvailable as error:
        raise UnreadableInput(
            f"Another run publishes to {place.view} now: wait until it has ended"
        ) from error
    connection.execute(f"set lock_timeout = '{LOCK_SECONDS}s'")


def load(connection: psycopg.Connection[Any], place: Place, described: list[Column], dataset: Dataset) -> str:
    """Fills the table of a new generation, whole or not at all; returns its name."""
    newest = max((relation.generation for relation in _relations(connection, place)), default=0)
    name = f"{place.dataset}__{newest + 1}"
    whole(_aside(name))
    table = place.named(name)
    types = ", ".join(f"{identifier(whole(column.name))} {column.type}" for column in described)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"create table {table} ({types})")
        try:
            # Frozen: a transaction that began before sees the rows too, and not an empty table.
            with (
                _texts(dataset.scan, described) as blocks,
                cursor.copy(f"copy {table} from stdin (format csv, freeze)") as copy,
            ):
                for block in blocks:
                    copy.write(block)
        except psycopg.DataError as error:
            raise UnreadableInput(_refused(error, described, dataset.scan)) from error
        if cursor.rowcount != dataset.rows:
            raise UnreadableInput(f"{cursor.rowcount} rows of {dataset.rows} arrived in {table}.")
    connection.execute(f"analyze {table}")
    return name


def show(
    connection: psycopg.Connection[Any], place: Place, table: str, described: list[Column], dataset: Dataset
) -> None:
    """Repoints the view to a generation, in one transaction."""
    deadline = time.monotonic() + SWAP_SECONDS
    while True:
        try:
            with connection.transaction():
                _repoint(connection, place, table, described)
                comment = literal(json.dumps(dataset.metadata))
                connection.execute(f"comment on view {place.view} is {comment}")
            return
        except errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise UnreadableInput(
                    f"For {SWAP_SECONDS // 60} minutes somebody has been reading {place.view} in one transaction:"
                    f" {_readers(connection, place)} has to end it"
                ) from error
        time.sleep(LOCK_SECONDS)  # those who queued up behind this are let through


def drop_unused(connection: psycopg.Connection[Any], place: Place) -> None:
    """Drops what no view reads. What is being read at this moment, or needed, stays until the next run."""
    for kind, are_views in (("view", True), ("table", False)):
        for relation in _relations(connection, place):
            if relation.is_view == are_views and not relation.used:
                with contextlib.suppress(errors.LockNotAvailable, errors.DependentObjectsStillExist):
                    connection.execute(f"drop {kind} {place.named(relation.name)}")


def _repoint(connection: psycopg.Connection[Any], place: Place, table: str, described: list[Column]) -> None:
    selected = ", ".join(identifier(column.name) for column in described)
    query = f"as select {selected} from {place.named(table)}"
    try:
        with connection.transaction():
            connection.execute(f"create or replace view {place.view} {query}")
    except errors.InvalidTableDefinition:
        # Another shape: the views that read the old one go on doing so, until access is applied again.
        old = next((relation for relation in _relations(connection, place) if relation.current), None)
        if old is None:
            raise UnreadableInput(f"{place.view} is none of the pipeline's own: rename or drop it") from None
        connection.execute(f"alter view {place.view} rename to {identifier(_aside(old.name))}")
        connection.execute(f"create view {place.view} {query}")


def _readers(connection: psycopg.Connection[Any], place: Place) -> str:
    """Who holds the view at this moment."""
    (readers,) = connection.execute(
        "select string_agg(distinct format('%%s (process %%s)', usename, pid), ', ')"
        " from pg_locks join pg_stat_activity using (pid)"
        " where relation = to_regclass(%s)::oid and pid <> pg_backend_pid()",
        [place.view],
    ).fetchone()
    return readers or "it"


def _aside(table: str) -> str:
    return f"{table}_view"


def _relations(connection: psycopg.Connection[Any], place: Place) -> list[Relation]:
    found = connection.execute(
        "select relation.relname, relation.relkind = 'v', count(rule.ev_class) > 0,"
        "  coalesce(bool_or(rule.ev_class = to_regclass(%s)), false)"
        " from pg_class as relation"
        " left join pg_depend as dependency on dependency.refclassid = 'pg_class'::regclass"
        "  and dependency.refobjid = relation.oid and dependency.classid = 'pg_rewrite'::regclass"
        " left join pg_rewrite as rule on rule.oid = dependency.objid and rule.ev_class <> relation.oid"
        " where relation.relnamespace = %s::regnamespace and relation.relkind in ('r', 'v')"
        " group by relation.oid, relation.relname, relation.relkind",
        [place.view, identifier(place.private)],
    )
    pattern = re.compile(re.escape(place.dataset) + r"__([0-9]+)(?:_view)?")
    return [
        Relation(name, *facts, int(match[1])) for name, *facts in found if (match := pattern.fullmatch(name))
    ]


@contextlib.contextmanager
def _texts(scan: str, described: list[Column]) -> Iterator[Iterator[bytes]]:
    """The rows as CSV, in blocks, while they are made: a value in quotes is a text, and nothing at all is null."""
    reading, writing = os.pipe()
    quoted = ", ".join(identifier(column.name) for column in described if column.type == "text")
    options = "format csv, header false" + (f", force_quote ({quoted})" if quoted else "")
    selected = ", ".join(f"{column.text} as {identifier(column.name)}" for column in described)

    def write() -> None:
        try:
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                # One thread makes texts faster than PostgreSQL takes them, and piles up none in memory.
                connection.execute("set threads = 1")
                connection.execute(f"copy (select {selected} from {scan}) to '/dev/fd/{writing}' ({options})")
        finally:
            os.close(writing)

    def blocks(written: Future[None]) -> Iterator[bytes]:
        while block := os.read(reading, BLOCK_BYTES):
            yield block
        written.result()  # an end that is none must not be taken for one

    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(write)
        try:
            yield blocks(written)
        finally:
            os.close(reading)  # who is still writing is told so


def _refused(error: psycopg.DataError, described: list[Column], scan: str) -> str:
    """Which column the server refuses, and why; never the value."""
    if isinstance(error, errors.CharacterNotInRepertoire) and (with_nul := _with_nul(described, scan)):
        return f"column {with_nul} holds the character NUL, which no text in PostgreSQL can: mend it in the model"
    context = error.diag.context or ""
    named = next((column for column in described if f", column {column.name}: " in context), None)
    where = f"column {named.name} ({named.type})" if named else "a value"
    return f"{where} is refused by PostgreSQL ({said(error)}): mend it in the model"


def _with_nul(described: list[Column], scan: str) -> str | None:
    texts = [column for column in described if column.type == "text"]
    with duckdb.connect() as connection:
        has_nul = ", ".join(f"bool_or(contains({column.text}, chr(0)))" for column in texts)
        found = connection.execute(f"select {has_nul} from {scan}").fetchone() if texts else ()
    return next((column.name for column, has in zip(texts, found, strict=True) if has), None)
