"""Open what a person names as the source of an input: the entry to this package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meshwright.core.errors import Error
from meshwright.core.text import printable
from meshwright.inspection import database_address
from meshwright.inspection.file_address import argument
from meshwright.inspection.model import Source


def open_source(name: str, where: str, root: Path) -> list[Source]:
    """Return the tables at a place, for an input `name`. Raises Error.

    `where`, whose paths are from `root`:

    - a path, a glob or an http(s) URL of CSV, JSON or Parquet files. What the files themselves do not tell is written
      behind it: `orders.csv?encoding=cp1252&delimiter=;` (files.OPTIONS);
    - a table of a database: `postgresql://user@host/database.schema.table`, `mysql://user@host/database.table`,
      `sqlite:///file.db?table=name`. `*` instead of a table means all of them (database_address.parse);
    - a port of another product: `dp:domain/product#port?addresses=build/addresses.yaml`;
    - a contract: `contract.odcs.yaml`;
    - a dbt project: its folder, its manifest.json or a schema.yml.

    Several tables have names of their own; a single one has `name`.
    """
    if database_address.is_database(where):
        from meshwright.inspection.database_opening import open_tables

        return list(open_tables(name, database_address.parse(where, root)))
    if where.startswith("dp:"):
        from meshwright.inspection.ports import open_port

        return [open_port(name, where, root)]
    scheme = where.partition("://")[0]
    if "://" in where and scheme not in ("http", "https"):
        raise Error(
            f"{printable(where.partition('?')[0])}: {printable(scheme)}:// is not read here.",
            f"Files and http(s) URLs are, and {', '.join(database_address.SCHEMES)}.",
        )
    place = root / where
    if "://" not in where and (place.is_dir() or place.suffix in (".yaml", ".yml") or _is_of_dbt(place)):
        return [*_described(name, where, place)]
    from meshwright.inspection.files import open_files

    return [open_files(name, where, root)]


def _is_of_dbt(place: Path) -> bool:
    from meshwright.inspection import dbt_manifest, dbt_project

    return place.name == dbt_project.MANIFEST or dbt_manifest.is_of_dbt(place)


def _described(name: str, where: str, place: Path) -> Sequence[Source]:
    """Return the tables that a contract or a dbt project describes. Raises Error."""
    from meshwright.inspection import dbt_project, described, odcs

    if odcs.is_contract(place):
        return described.open_contract(name, place)
    if dbt_project.is_project(place):
        return described.open_dbt(name, place)
    if place.is_dir():
        raise Error(
            f"{printable(where)} is a folder without a {dbt_project.PROJECT}.",
            f"Name its files, such as {argument(where.rstrip('/') + '/*.csv')}, or a dbt project.",
        )
    if not place.exists():
        raise Error(f"{printable(where)} does not exist.", "Correct the path.")
    raise Error(
        f"{printable(where)} is neither a contract nor a description of dbt's models or sources.",
        "Name a contract in ODCS 3, a dbt project, or data.",
    )
