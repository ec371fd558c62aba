"""The `servers` of an exported contract, read by the real datacontract-cli."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import postgres_server
import psycopg
import pytest
from children import children_environment
from click.testing import CliRunner

from meshwright.cli import main
from meshwright.export import odcs, odps
from meshwright.product.contract_servers import published, published_servers, servers
from meshwright.product.record import Record

ROWS = [("A1", 3), ("B2", 5)]
LAKE = {"name": "lake", "uses": "parquet@1", "properties": {"path": "${LAKE:-build/ports/lake}"}}
WAREHOUSE = "postgresql://loader:hunter2@db.example.org:5433/warehouse?sslpassword=hunter2"


def product(*outputs: dict[str, Any], environments: Any = None, **addresses: str) -> Record:
    columns = [
        {"name": "id", "logicalType": "string", "physicalType": "varchar", "required": True, "unique": True},
        {"name": "seats", "logicalType": "integer", "physicalType": "integer"},
    ]
    contract = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "x",
        "version": "1.0.0",
        "status": "active",
    }
    spec = {"dataset": {"name": "trips"}, "outputs": list(outputs), "environments": environments or {}}
    registry = {f"dp:ops/trips#{name}": {"location": where} for name, where in addresses.items()}
    return Record(
        {
            "product": {"metadata": {"name": "trips", "domain": "ops"}, "spec": spec},
            "contract": contract | {"schema": [{"name": "trips", "properties": columns}]},
            "policy": {"roles": {"analyst": {}}},
            "addresses": registry,
        }
    )


def port(name: str, uses: str, **properties: Any) -> dict[str, Any]:
    return {"name": name, "uses": uses, "properties": properties}


CASES: dict[str, tuple[Record, str, list[dict[str, Any]]]] = {
    "a folder": (
        product(LAKE),
        "",
        [{"server": "lake", "type": "local", "path": "build/ports/lake/trips.parquet", "format": "parquet"}],
    ),
    "a role's folder": (
        product(LAKE),
        "analyst",
        [
            {"server": "lake", "type": "local", "path": "build/ports/lake/roles/analyst/trips.parquet"}
            | {"format": "parquet", "roles": [{"role": "analyst"}]}
        ],
    ),
    "an environment with a bucket": (
        product(
            LAKE, environments={"production": {"outputs": {"lake": {"properties": {"path": "s3://b/lake/"}}}}}
        ),
        "",
        [
            {
                "server": "lake",
                "type": "local",
                "path": "build/ports/lake/trips.parquet",
                "format": "parquet",
            },
            {"server": "lake-production", "type": "s3", "location": "s3://b/lake/trips.parquet"}
            | {"format": "parquet", "environment": "production"},
        ],
    ),
    "an environment with the same places": (
        product(port("lake", "delta@1", path="x"), environments={"test": {}}),
        "",
        [{"server": "lake", "type": "local", "path": "x/trips", "format": "delta"}],
    ),
    "the bucket of the last run": (
        product(port("lake", "parquet@1", path="${LAKE}"), lake="gs://b/lake/trips.parquet"),
        "analyst",
        [
            {"server": "lake", "type": "gcs", "location": "gs://b/lake/roles/analyst/trips.parquet"}
            | {"format": "parquet", "roles": [{"role": "analyst"}]}
        ],
    ),
    "a variable without a default": (product(port("lake", "parquet@1", path="${LAKE}/a")), "", []),
    "an embedded database": (product(port("warehouse", "postgres@1", url="build/warehouse")), "", []),
    "a view": (product(port("live", "view@1", path="x")), "", []),
    "no port": (product(port("warehouse", "postgres@1", url="postgresql://db:x/y")), "", []),
    "credentials of a bucket": (product(port("lake", "parquet@1", path="s3://key:hunter2@b/lake")), "", []),
    "a database": (
        product(port("warehouse", "postgres@1", url=WAREHOUSE, schema="ops_trips")),
        "",
        [
            {"server": "warehouse", "type": "postgres", "host": "db.example.org", "port": 5433}
            | {"database": "warehouse", "schema": "ops_trips_private"}
        ],
    ),
    "no shape": (
        Record({"product": {"spec": {"outputs": [1, {"uses": 3}], "environments": {"a": 1}}}}),
        "",
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_servers_are_made_from_ports_and_environments(case: str) -> None:
    one, role, expected = CASES[case]
    assert servers(one, role) == expected
    assert "hunter2" not in odps.rendered(odcs.document(one, role))


def test_a_database_is_left_out_beside_files_unless_it_is_chosen() -> None:
    both = product(LAKE, port("warehouse", "postgres@1", url=WAREHOUSE))
    assert [one["server"] for one in servers(both)] == ["lake", "warehouse"]
    assert [one["server"] for one in servers(both, "analyst")] == ["lake"]
    made = odcs.document(both, "analyst", "warehouse")
    assert [(one["server"], one["schema"]) for one in made["servers"]] == [("warehouse", "trips")]
    assert made["schema"][0]["physicalName"] == "analyst"
    assert "physicalName" not in both.get("contract.schema")[0]


def test_servers_of_the_contract_itself_are_kept() -> None:
    one = product(LAKE)
    own = {"server": "lake", "type": "custom"}
    one = Record(dict(one.value) | {"contract": dict(one.get("contract")) | {"servers": [own]}})
    assert odcs.document(one)["servers"] == [own]


def test_an_unknown_role_is_refused(departures: Path) -> None:
    done = CliRunner().invoke(main, ["export", "odcs", str(departures), "--role", "nobody"])
    assert (
        done.exit_code == 2
        and "has no role 'nobody'" in done.output
        and "Give --role one of: " in done.output
    )


# -- the real datacontract-cli --------------------------------------------------------------------------


def contract_test(
    python: Path, folder: Path, made: dict[str, Any], server: str, **more: str
) -> tuple[int, str]:
    (folder / "contract.yaml").write_text(odps.rendered(made))
    command = [str(python.parent / "datacontract"), "test", "contract.yaml", "--server", server]
    environment = children_environment(PATH=os.environ["PATH"], COLUMNS="200", **more)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("role", "rows", "code"), [("", ROWS, 0), ("analyst", [*ROWS, ("A1", 1)], 1)])
def test_datacontract_tests_the_file_that_a_role_reads(
    role: str, rows: list[tuple[str, int]], code: int, product_python: Path, tmp_path: Path
) -> None:
    made = odcs.document(product(LAKE), role)
    file = tmp_path / made["servers"][0]["path"]
    file.parent.mkdir(parents=True)
    values = ", ".join(f"('{id}', {seats}::integer)" for id, seats in rows)
    duckdb.sql(f"copy (select * from (values {values}) as t(id, seats)) to '{file}'")
    status, output = contract_test(product_python, tmp_path, made, "lake")
    assert status == code, output
    assert ("unique" in output.lower() and "failed" in output.lower()) == (code == 1)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_server.Server]:
    yield from postgres_server.running()


@pytest.mark.slow
def test_datacontract_tests_the_view_that_a_role_reads(
    server: postgres_server.Server, product_python: Path, tmp_path: Path
) -> None:
    database = server.database()
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        connection.execute(
            "create schema trips; create table trips.analyst (id varchar not null, seats integer)"
        )
        connection.execute("insert into trips.analyst values ('A1', 3)")
    one = product(port("warehouse", "postgres@1", url=f"postgresql://db.example.org/{database}"))
    made = odcs.document(one, "analyst")
    login = {"DATACONTRACT_POSTGRES_USERNAME": "postgres", "DATACONTRACT_POSTGRES_PASSWORD": "x"}
    login["DATACONTRACT_POSTGRES_HOST"] = str(server.folder)  # the test's server has a socket only
    status, output = contract_test(
        product_python, tmp_path, made, "warehouse", DATACONTRACT_POSTGRES_PORT="5432", **login
    )
    assert status == 0, output
    assert "Ran 6 checks" in output
