"""How a reader reads an output port: where the data of their role are, and statements for the usual tools, to be pasted.

All texts of a record are hostile until they are quoted, for the language that they are put into.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from meshwright.core.pages import is_link
from meshwright.core.sql import duckdb, standard
from meshwright.core.text import printable
from meshwright.product.record import Port, Record


@dataclass(frozen=True)
class PortReading:
    """An output port, and how to read it."""

    port: Port
    linked: bool
    """True if its location can be a link."""
    role: str
    """The role in the statements; empty if the port has no place of its own for each role."""
    roles: Mapping[str, str]
    """Role -> where its readers read; empty where every reader reads the location itself."""
    how: Sequence[tuple[str, str]]
    """Tool -> the text to copy. The first is for SQL."""


def readings(record: Record) -> Iterator[PortReading]:
    """Yield every output port, as a person reads it in the first role for people."""
    role = next(
        (name for name, entry in record.roles.items() if entry.get("kind") == "human"),
        next(iter(record.roles), ""),
    )
    for port in record.outputs:
        location = printable(port.location, lines=True).replace("\n", "").replace("\t", "")
        kind = port.uses.partition("@")[0]
        roles = _roles(kind, location, record)
        place = roles.get(role, location)
        how = [*_TOOLS[kind](place, port, record, role)] if kind in _TOOLS and location else []
        entry = f'- {{name: {record.dataset or record.name}, uses: data-product@1, from: "{port.address}"}}'
        how.append(("As an input of another data product", entry))
        yield PortReading(port, is_link(port.location), role if roles else "", roles, how)


def _roles(kind: str, location: str, record: Record) -> dict[str, str]:
    """Return role -> the place that `meshwright access apply` makes for it."""
    if kind not in ("parquet", "delta") or "/" not in location:
        return {}
    folder, _, last = location.rpartition("/")
    return {role: f"{folder}/roles/{role}/{last}" for role in record.roles}


How = Iterator[tuple[str, str]]


def _parquet(place: str, port: Port, record: Record, role: str) -> How:
    text = _python(place)
    yield "SQL, in DuckDB", f"select * from read_parquet({duckdb.literal(place)});"
    yield "pandas", f"import pandas as pd\n\ndata = pd.read_parquet({text})"
    yield "Polars", f"import polars as pl\n\ndata = pl.read_parquet({text})"
    yield "Spark", f"data = spark.read.parquet({text})"


def _delta(place: str, port: Port, record: Record, role: str) -> How:
    text = _python(place)
    yield "SQL, in DuckDB", f"select * from delta_scan({duckdb.literal(place)});"
    yield "pandas", f"from deltalake import DeltaTable\n\ndata = DeltaTable({text}).to_pandas()"
    yield "Polars", f"import polars as pl\n\ndata = pl.read_delta({text})"
    yield "Spark", f'data = spark.read.format("delta").load({text})'


def _iceberg(place: str, port: Port, record: Record, role: str) -> How:
    yield "SQL, in DuckDB", f"select * from iceberg_scan({duckdb.literal(place)});"
    yield "Spark", f'data = spark.read.format("iceberg").load({_python(place)})'


def _view(place: str, port: Port, record: Record, role: str) -> How:
    yield (
        "SQL, in DuckDB, with access to the sources of the view",
        f"attach {duckdb.literal(place)} as sources (read_only); from sources.{duckdb.identifier(record.dataset)};",
    )


def _postgres(place: str, port: Port, record: Record, role: str) -> How:
    schema = port.properties.get("schema") or record.dataset
    view = f"{standard.identifier(str(schema))}.{standard.identifier(role)}" if role else ""
    query = f"select * from {view};" if view else ""
    yield "SQL, in psql", f"psql -- {shlex.quote(place)}" + (f"\n{query}" if query else "")
    if query:
        engine = (
            "from sqlalchemy import create_engine\n\n# PGUSER and PGPASSWORD, or ~/.pgpass, say who reads.\n"
        )
        text = f"import pandas as pd\n{engine}data = pd.read_sql({_python(query)}, create_engine({_python(place)}))"
        yield "pandas", text


_TOOLS: dict[str, Callable[[str, Port, Record, str], How]] = {
    "parquet": _parquet,
    "delta": _delta,
    "iceberg": _iceberg,
    "view": _view,
    "postgres": _postgres,
}


def _python(text: str) -> str:
    """Return a literal of Python: JSON's are."""
    return json.dumps(text)
