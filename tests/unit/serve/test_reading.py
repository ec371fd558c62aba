"""How a product's page says to read a port: the statements run, in the role's place, whatever the names are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from deltalake import write_deltalake
from records import value

from meshwright.product.record import Record
from meshwright.serve.reading import PortReading, readings

ROLES = {"service": {"kind": "machine"}, "reader": {"kind": "human"}}
ROWS = pd.DataFrame({"id": [1, 2]})
BACKSLASH = "back\\slash"
"""Delta Lake's library itself takes it for a separator."""
FOLDERS = ("ports", 'it\'s "quoted"', "a'); drop table x; --", "ünï cødé")


def reading(uses: str, location: str, roles: dict[str, Any] | None = None, **properties: Any) -> PortReading:
    record = value("a/b")
    record["product"]["spec"]["outputs"] = [{"name": "lake", "uses": uses, "properties": properties}]
    record["addresses"] = {
        "dp:a/b#lake": {"location": location, "dataset": "orders", "uses": uses, "properties": properties}
    }
    record["policy"] = {"roles": ROLES if roles is None else roles}
    (one,) = readings(Record(record))
    return one


@pytest.mark.parametrize(
    ("uses", "folder"),
    [("parquet@1", BACKSLASH), *((uses, folder) for uses in ("parquet@1", "delta@1") for folder in FOLDERS)],
)
def test_each_statement_reads_what_the_role_sees(tmp_path: Path, uses: str, folder: str) -> None:
    place = tmp_path / folder / "roles" / "reader" / "orders"
    place.parent.mkdir(parents=True)
    if uses == "parquet@1":
        ROWS.to_parquet(place)
    else:
        write_deltalake(str(place), ROWS)
    one = reading(uses, str(tmp_path / folder / "orders"))
    assert one.role == "reader" and one.roles["reader"] == str(place)
    how = dict(one.how)
    assert list(how) == ["SQL, in DuckDB", "pandas", "Polars", "Spark", "As an input of another data product"]
    if uses == "parquet@1":  # DuckDB downloads what reads Delta
        assert duckdb.sql(how["SQL, in DuckDB"]).fetchall() == [(1,), (2,)]
    names: dict[str, Any] = {}
    exec(how["pandas"], names)  # noqa: S102 - what a reader would paste
    assert list(names["data"]["id"]) == [1, 2]
    for tool in ("Polars", "Spark"):
        code = compile(how[tool], tool, "exec")
        assert str(place) in code.co_consts


def test_a_view_of_postgres_is_the_roles() -> None:
    one = reading("postgres@1", "postgresql://db.example.org/mesh", schema="orders")
    how = dict(one.how)
    assert how["SQL, in psql"].splitlines() == [
        "psql -- postgresql://db.example.org/mesh",
        'select * from "orders"."reader";',
    ]
    assert '"select * from \\"orders\\".\\"reader\\";"' in how["pandas"]
    assert one.roles == {} and one.role == ""


@pytest.mark.parametrize(
    ("uses", "location"), [("parquet@1", ""), ("unheard-of@1", "s3://lake/x"), ("iceberg@1", "s3://lake/x")]
)
def test_what_is_not_known_is_not_shown(uses: str, location: str) -> None:
    one = reading(uses, location, roles={})
    assert one.roles == {} and one.how[-1][0] == "As an input of another data product"
    assert len(one.how) == (3 if uses == "iceberg@1" else 1)


def test_a_location_cannot_leave_its_statement() -> None:
    evil = "s3://lake/x\n\u202e\x1b[2J'); drop table y; --"
    for uses in ("parquet@1", "delta@1", "iceberg@1", "view@1", "postgres@1"):
        for _, text in reading(uses, evil).how[:-1]:
            assert not {"\x1b", "\u202e"} & set(text)
