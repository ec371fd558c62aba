"""Open the tables that an address of a database names."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from meshwright.core.errors import Error
from meshwright.core.text import identifier, listed, printable
from meshwright.inspection import database_address, databases
from meshwright.inspection.database_address import DatabaseAddress, readable
from meshwright.inspection.database_tables import DatabaseSource
from meshwright.inspection.model import Table
from meshwright.inspection.mysql_columns import json_columns


def open_tables(name: str, address: DatabaseAddress) -> list[DatabaseSource]:
    """Return the table that an address names, or with `*` all of its schema. Raises Error."""
    engine = address.engine()
    with readable(address):
        if not address.table:
            found = databases.tables(engine, address)
            names = [table.qualified for table in found if not table.is_view]
            raise Error(
                f"{address.shown}: no table is named. It has {listed(names[:12])}{' and more' * (len(names) > 12)}.",
                "Write one behind the database, such as …/database.schema.table, or * for all of them.",
            )
        pairs = databases.reflected(engine, address)
        json = {}
        if engine.dialect.name == "mysql":
            json = json_columns(engine, [table for _, table in pairs])
            if address.table != database_address.ANY:
                _describe_view(engine, pairs)
    if not pairs:
        raise Error(
            f"{address.shown}: there is no such table, or this account cannot see it.",
            "Correct the name of the table or its schema, or allow the account to read it.",
        )
    if address.table != database_address.ANY:
        if problem := pairs[0][0].problem:
            raise Error(
                f"{address.shown}: {problem}.", "Correct it in the database, or choose another table."
            )
        return [DatabaseSource(name, address, *pairs[0], json.get(pairs[0][0].name, ()))]
    listed_tables = [(one, table) for one, table in pairs if not one.is_view]
    readable_ones = [(one, table) for one, table in listed_tables if not one.grants]
    refused = [one for one, _ in listed_tables if one.grants]
    if refused and not readable_ones:
        raise Error(
            f"{address.shown}: this account may read none of its {len(refused)} tables.",
            f"Let it: {' '.join(dict.fromkeys(grant for one in refused for grant in one.grants))}",
        )
    sources = [
        DatabaseSource(identifier(one.name), address, one, table, json.get(one.name, ()))
        for one, table in readable_ones
    ]
    for one in refused:
        sources[0].notes.append(
            f"The table {printable(one.qualified)} is left out: this account may not read it. Let it: {' '.join(one.grants)}"
        )
    return sources


def _describe_view(engine: sa.Engine, pairs: Sequence[tuple[Table, sa.Table]]) -> None:
    """Ask for the definition of a view, which `database@1` needs the right to see."""
    for described, table in pairs:
        if described.is_view:
            with engine.connect() as connection:
                connection.exec_driver_sql(
                    f"show create table {engine.dialect.identifier_preparer.format_table(table)}"
                )
