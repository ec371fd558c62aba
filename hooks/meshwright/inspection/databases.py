"""Read the catalog of a database: tables and views with columns, keys, comments, size, activity and rights.

Nothing here selects from a table: an account without SELECT on any table is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from meshwright.inspection import database_address
from meshwright.inspection.catalogs import mysql, postgres, sqlite
from meshwright.inspection.catalogs.parts import Found
from meshwright.inspection.database_address import DatabaseAddress, readable
from meshwright.inspection.model import Table


def catalog(url: str, root: Path = Path()) -> list[Table]:
    """Return all tables and views that the account sees, without selecting from any.

    `url` is an address as database_address.parse takes it: of a database, of a schema (`?schema=crm`), or of one table.
    A MySQL or MariaDB address without a database means all databases. `root`: folder that a SQLite path starts at.
    Raises Error.
    """
    address = database_address.parse(url, root)
    engine = address.engine()
    with readable(address, ": its catalog"):
        return tables(engine, address)


def tables(engine: sa.Engine, address: DatabaseAddress) -> list[Table]:
    """Return the tables that the address means; all of the database if it has none."""
    return [table for table, _ in reflected(engine, address)]


def reflected(engine: sa.Engine, address: DatabaseAddress) -> list[tuple[Table, sa.Table]]:
    """Return the same tables, each with the one of SQLAlchemy that reads it."""
    only = "" if address.table == database_address.ANY else address.table
    found = READERS[engine.dialect.name](engine, address.schema, only)
    pairs = []
    for (schema, name), parts in sorted(found.items()):
        listed = [
            sa.Column(column.name, kind) for column, kind in zip(parts.columns, parts.types, strict=True)
        ]
        pairs.append(
            (parts.table(name, schema), sa.Table(name, sa.MetaData(), *listed, schema=schema or None))
        )
    return pairs


READERS: dict[str, Callable[[sa.Engine, str, str], Found]] = {
    "postgresql": postgres.read,
    "mysql": mysql.read,
    "sqlite": sqlite.read,
}
"""Dialect of SQLAlchemy -> what reads its catalog."""
