"""Whether what the roles' views read is exactly what the pipeline makes: a plain view, over an ordinary table.

A function that a view or its table calls runs as whoever reads, a superuser too, and the pipeline's login could write
one. So what may be there is listed, and nothing else passes: the view equals `SELECT <every column> FROM <table>`, and
the table has nothing that PostgreSQL evaluates when somebody reads it or plans to.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import errors

from meshwright.access.targets.postgres.actual import Actual, SchemaRelation
from meshwright.access.targets.postgres.names import Names, display_text
from meshwright.access.targets.postgres.system_catalog import read_relations
from meshwright.access.targets.postgres.table_shape import ATTACHED, FIRST_OWN_OID
from meshwright.access.targets.postgres.view_changes import is_replaceable
from meshwright.core.sql.postgres import identifier

_KINDS = {
    "v": "VIEW",
    "m": "MATERIALIZED VIEW",
    "f": "FOREIGN TABLE",
    "r": "TABLE",
    "p": "TABLE",
    "S": "SEQUENCE",
}
RUN_AGAIN = "-- Then run the pipeline, which publishes the data again."


class PublishedIssue(NamedTuple):
    """Why the roles' views are not safe to read."""

    sentence: str
    statement: str
    """What an administrator runs. Nothing in it executes what it removes."""


@contextmanager
def publication_kept(connection: psycopg.Connection[Any], names: Names) -> Iterator[None]:
    """Keep the pipeline from replacing the published view within the context, so that all of it is of one moment.

    What is not as the pipeline makes it may not let itself be locked; it is reported anyway.
    """
    with connection.transaction(force_rollback=True):
        unlockable = (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege)
        not_plain = (errors.WrongObjectType, errors.InvalidObjectDefinition)
        try:
            with connection.transaction():
                view = identifier(names.private, names.dataset)
                connection.execute(f"LOCK TABLE {view} IN ACCESS SHARE MODE".encode())
        except (*unlockable, *not_plain):
            pass
        yield


def published_issues(connection: psycopg.Connection[Any], actual: Actual) -> list[PublishedIssue]:
    """Return what is wrong with the published view and its table; empty if nothing is, or nothing is published."""
    names = actual.names
    return _issues(connection, actual, [(names.private, names.dataset)])


def issues_behind_roles(connection: psycopg.Connection[Any], actual: Actual) -> list[PublishedIssue]:
    """Return what is wrong with everything private that a view of a role reads now, such as an older generation."""
    private = [
        relation
        for relation in actual.relations.values()
        if relation.schema == actual.names.private and _is_read_by_roles(actual, relation)
    ]
    return _issues(connection, actual, [(relation.schema, relation.name) for relation in private])


def _is_read_by_roles(actual: Actual, relation: SchemaRelation) -> bool:
    users = actual.dependents.get(("pg_class", relation.oid), ())
    return any(
        actual.relations[oid].schema == actual.names.schema
        for catalog, oid, _ in users
        if catalog == "pg_class" and oid in actual.relations
    )


def _issues(
    connection: psycopg.Connection[Any], actual: Actual, names: Iterable[tuple[str, str]]
) -> list[PublishedIssue]:
    by_name = {(relation.schema, relation.name): relation for relation in actual.relations.values()}
    issues: list[PublishedIssue] = []
    for relation in [by_name[name] for name in names if name in by_name]:
        if relation.kind == "v":
            issues += _view_issues(connection, actual, relation)
        else:
            issues += _not_a_view(actual, relation)
    return list(dict.fromkeys(issues))


def _not_a_view(actual: Actual, relation: SchemaRelation) -> list[PublishedIssue]:
    kind = _KINDS[relation.kind]
    return [
        PublishedIssue(
            f"{display_text(relation.identity)} is a {kind.lower()}, and not the view that the pipeline makes: "
            "the views of the roles are closed.",
            f"{_aside(relation)}\n{RUN_AGAIN}",
        )
    ]


def _aside(relation: SchemaRelation) -> str:
    """Return the statement that renames what may hold the only copy of some data."""
    name = identifier(f"{relation.name.encode()[:40].decode(errors='ignore')}~{relation.oid}")
    return f"ALTER {_KINDS[relation.kind]} {relation.identity} RENAME TO {name};"


def _view_issues(
    connection: psycopg.Connection[Any], actual: Actual, view: SchemaRelation
) -> Iterator[PublishedIssue]:
    table = _only_table(actual, view)
    if table is None:
        yield PublishedIssue(
            f"The view {display_text(view.identity)} does not read one table of {actual.names.private}, as the pipeline "
            "makes it: the views of the roles are closed, because its code would run as whoever reads them.",
            f"DROP VIEW {view.identity} CASCADE;\n{RUN_AGAIN}",
        )
        return
    attached = list(_table_issues(connection, view, table))
    yield from attached
    pipeline = actual.by_name.get(actual.names.pipeline)
    for relation in (view, table):
        if pipeline and relation.owner != pipeline.oid:
            yield PublishedIssue(
                f"{display_text(relation.identity)} is not {pipeline.name}'s, but "
                f"{display_text(actual.role(relation.owner))}'s.",
                f"ALTER TABLE {relation.identity} OWNER TO {identifier(pipeline.name)};",
            )
    query = f"SELECT {', '.join(identifier(name) for name, _, _ in table.columns)} FROM {table.identity}"
    if attached:
        return
    twin = _twin(connection, actual, query)
    if view.shape != twin.shape:
        anew = (
            f"DROP VIEW {view.identity} CASCADE;\nCREATE VIEW {view.identity} AS {query};\n"
            f"ALTER VIEW {view.identity} OWNER TO {identifier(actual.names.pipeline)};\n"
            f"GRANT SELECT ON {view.identity} TO {identifier(actual.names.access)};"
        )
        in_place = f"CREATE OR REPLACE VIEW {view.identity} AS {query};"
        yield PublishedIssue(
            f"The view {display_text(view.identity)} is not what the pipeline makes, {display_text(query)}: the views "
            "of the roles are closed, because its code would run as whoever reads them.",
            in_place if is_replaceable(view, twin) else anew,
        )


def _only_table(actual: Actual, view: SchemaRelation) -> SchemaRelation | None:
    """Return the one table of the pipeline that a private view depends on, whatever else it does; None if there is none."""
    used = {oid for _, oid, _ in json.loads(view.shape or "{}").get("uses") or []}
    tables = [
        relation
        for relation in actual.relations.values()
        if relation.oid in used and relation.kind == "r" and relation.schema == actual.names.private
    ]
    return tables[0] if len(tables) == 1 else None


def _table_issues(
    connection: psycopg.Connection[Any], view: SchemaRelation, table: SchemaRelation
) -> Iterator[PublishedIssue]:
    parameters = {"table": table.oid, "own": FIRST_OWN_OID}
    anew = f"DROP VIEW {view.identity} CASCADE;\n{_aside(table)}\n{RUN_AGAIN}"
    for what, statement in connection.execute(ATTACHED, parameters):
        yield PublishedIssue(
            f"The table {display_text(table.identity)} has {display_text(what)}, which the pipeline does not make: the "
            "views of the roles are closed, because code in it could run as whoever reads them.",
            statement or anew,
        )


def _twin(connection: psycopg.Connection[Any], actual: Actual, query: str) -> SchemaRelation:
    """Return a view of the query as PostgreSQL keeps it: created in the roles' schema, read, and rolled back."""
    name = f"~{secrets.token_hex(8)}~"
    with connection.transaction(force_rollback=True):
        view = identifier(actual.names.schema, name)
        connection.execute(f"CREATE VIEW {view} AS {query}".encode())
        relations = read_relations(connection, actual.names, name)
    return next(iter(relations.values()))
