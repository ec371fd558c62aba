"""The `servers` of an exported contract, read by the real datacontract-cli."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import jsonschema_rs
import postgres_server
import psycopg
import pytest
import records
import yaml
from children import children_environment
from click.testing import CliRunner

from meshwright.catalog import adapters, embedded
from meshwright.check.engine import check_record
from meshwright.cli import main
from meshwright.export import odcs, odps
from meshwright.product import schema
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


# -- for others ------------------------------------------------------------------------------------------


def shared(one: Record, mode: str = "approval-required", **agreements: Any) -> Record:
    """The record of a product whose access is of a mode. `agreements`: of each port where access was applied."""
    made = copy.deepcopy(dict(one.value))
    made["product"]["spec"]["access"] = {"mode": mode}
    for name, given in agreements.items():
        made["addresses"].setdefault(f"dp:ops/trips#{name}", {"location": ""})["agreements"] = given
    made["policy"] = {"roles": {"analyst": {}, "service": {}, "emergency": {"breakGlass": True}}}
    return Record(made)


BUCKET = port("lake", "parquet@1", path="s3://b/lake")
DATABASE = port("warehouse", "postgres@1", url=WAREHOUSE)
MACHINE = "/home/runner/work/trips"
PUBLISHED: dict[str, tuple[Record, str, dict[str, str]]] = {
    "a folder of the machine": (
        shared(product(LAKE, lake=f"{MACHINE}/build/ports/lake/trips.parquet")),
        "",
        {f"lake-{role}": f"${{LAKE}}/roles/{role}/trips.parquet" for role in ("analyst", "service")},
    ),
    "a folder without a variable": (
        shared(product(port("my-lake", "delta@1", path="build/x"))),
        "service",
        {"my-lake": "${MY_LAKE}/roles/service/trips"},
    ),
    "a folder with a variable in the middle": (
        shared(product(port("lake", "parquet@1", path="build/${STAGE:-dev}/lake"))),
        "service",
        {"lake": "${LAKE}/roles/service/trips.parquet"},
    ),
    "a folder beside that of a variable": (
        shared(product(port("lake", "delta@1", path="${HOME_OF:-build}/../lake"))),
        "service",
        {"lake": "${HOME_OF}/../lake/roles/service/trips"},
    ),
    "a folder that the spec names": (
        shared(product(port("lake", "delta@1", path="${LAKE:-/mnt/lake}"))),
        "analyst",
        {"lake": "/mnt/lake/roles/analyst/trips"},
    ),
    "a bucket in a variable": (
        shared(product(port("lake", "parquet@1", path="s3://${BUCKET}/lake"))),
        "analyst",
        {"lake": "s3://${BUCKET}/lake/roles/analyst/trips.parquet"},
    ),
    "open": (shared(product(BUCKET), "open"), "", {"lake": "s3://b/lake/trips.parquet"}),
    "open, and applied": (
        shared(product(BUCKET), "open", lake={}),
        "",
        {f"lake-{role}": f"s3://b/lake/roles/{role}/trips.parquet" for role in ("analyst", "service")},
    ),
    "of each environment": (
        shared(product(LAKE, environments={"prod": {"outputs": {"lake": {"properties": {"path": "s3://b/l"}}}}})),
        "",
        {
            "lake-analyst": "${LAKE}/roles/analyst/trips.parquet",
            "lake-service": "${LAKE}/roles/service/trips.parquet",
            "lake-prod-analyst": "s3://b/l/roles/analyst/trips.parquet",
            "lake-prod-service": "s3://b/l/roles/service/trips.parquet",
        },
    ),
    "a database of all roles": (shared(product(DATABASE)), "", {}),
    "an open database": (shared(product(DATABASE), "open"), "", {}),
    "a database of a role": (shared(product(DATABASE)), "analyst", {"warehouse": "db.example.org"}),
    "a database on the machine": (
        shared(product(port("warehouse", "postgres@1", url="postgresql://localhost/warehouse"))),
        "analyst",
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PUBLISHED)
def test_others_get_the_places_of_readers_and_no_path_of_the_machine(case: str) -> None:
    one, role, expected = PUBLISHED[case]
    made = published_servers(one, role)
    places = [server.get("path") or server.get("location") or server["host"] for server in made]
    assert dict(zip([server["server"] for server in made], places, strict=True)) == expected
    written = odps.rendered(odcs.document(one, role, published=True))
    assert "hunter2" not in written and MACHINE not in written and "emergency" not in written


def test_a_stored_contract_has_servers_and_is_the_same_version() -> None:
    one = shared(product(LAKE, lake=f"{MACHINE}/build/ports/lake/trips.parquet"))
    own = {"server": "ours", "type": "custom"}
    one = Record({**one.value, "contract": {**one.get("contract"), "servers": [own]}})
    stored = published(one)
    assert [server["server"] for server in stored.get("contract.servers")] == [
        "ours",
        "lake-analyst",
        "lake-service",
    ]
    assert stored.version_hash == one.version_hash and stored.hash != one.hash
    assert published(stored).hash == stored.hash
    moved = Record({**stored.value, "addresses": {}, "policy": {"roles": {"clerk": {}}}})
    assert [server["server"] for server in published(moved).get("contract.servers")] == ["ours", "lake-clerk"]
    without = Record({**one.value, "contract": {**one.get("contract"), "servers": []}})
    assert without.version_hash != one.version_hash  # the team's own servers are part of its contract


def test_every_contract_that_leaves_has_servers() -> None:
    one = records.record()
    schema_of = schema.standard(one.get("contract"))()
    entities = adapters.find("backstage").payloads(one)[0].body
    backstage = yaml.safe_load(next(one["spec"]["definition"] for one in entities if one["kind"] == "API"))
    entropy = adapters.find("entropy-data").payloads(one)[0].body
    stored = embedded.payloads(one)[0].body["contract"]
    for contract in (backstage, entropy, stored, odcs.document(one, published=True)):
        jsonschema_rs.validate(schema_of, contract)
        assert "lake-reader" in {server["server"] for server in contract["servers"]}
        assert "build/ports" not in json.dumps(contract["servers"])
    assert not [
        finding for finding in check_record(embedded.payloads(one)[0].body) if finding.level == "error"
    ]


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


@pytest.mark.slow
def test_datacontract_tests_a_published_contract_where_the_reader_says_the_lake_is(
    product_python: Path, tmp_path: Path
) -> None:
    made = odcs.document(shared(product(LAKE)), published=True)
    file = tmp_path / "reached/roles/analyst/trips.parquet"
    file.parent.mkdir(parents=True)
    duckdb.sql(f"copy (select 'A1' as id, 3::integer as seats) to '{file}'")
    status, output = contract_test(
        product_python, tmp_path, made, "lake-analyst", LAKE=str(tmp_path / "reached")
    )
    assert status == 0, output


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
