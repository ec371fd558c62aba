"""The warehouses: dbt's own adapters accept each configuration, and what they have in common runs on PostgreSQL."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import postgres_server
import pytest
import yaml
from children import children_environment
from edits import edit
from filelock import FileLock
from products import BUILD, Make, uv

from meshwright.product.registry import capabilities

pytestmark = pytest.mark.slow

NAMES = ["bigquery", "databricks", "redshift", "snowflake", "trino"]
SECRET = "s3cret-7f3a"  # noqa: S105 - of nobody
KEPT = {"bigquery": set(), "databricks": {"DATABRICKS_TOKEN"}, "redshift": {"REDSHIFT_PASSWORD"}}
KEPT |= {"snowflake": {"SNOWFLAKE_KEY"}, "trino": {"TRINO_PASSWORD"}}

PARSE = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path
from dbt.cli.main import dbtRunner
from pipeline import dataset, spec

product = spec.load(Path.cwd(), os.environ, sys.argv[1])
product.scratch.mkdir(parents=True)
with product.platform.module().opened(product, dataset.metadata(product, datetime.now(UTC))) as platform:
    folder = product.build / "dbt"
    folder.mkdir()
    profile = {"product": {"target": "run", "outputs": {"run": platform.profile()}}}
    (folder / "profiles.yml").write_text(json.dumps(profile))
    done = dbtRunner().invoke(["parse", "--profiles-dir", str(folder), "--target-path", str(folder)])
    assert done.success, done.exception
    assert done.result.metadata.adapter_type == sys.argv[1]
    destination, _ = platform.landing()
    print(destination.destination_name)
"""

ON_POSTGRESQL = """
import os
import dlt
from pipeline import warehouse

def opened(product, metadata):
    known = product.platform.properties
    database, user, folder = known["database"], known["user"], known["host"]
    destination = dlt.destinations.postgres(f"postgresql://{user}:{known['password']}@host:5432/{database}?host={folder}")
    profile = {"type": "postgres", "host": folder, "port": 5432, "user": user, "dbname": database,
               "password": warehouse.hidden("redshift", known["password"])}
    return warehouse.opened(product, metadata, destination, profile)
"""


@pytest.fixture(scope="session")
def product(make: Make) -> Path:
    """A product with an environment for each warehouse. Only to be copied."""
    product = make("warehouses", platforms=NAMES)
    examples = {entry.name: yaml.safe_load(entry.example) for entry in capabilities() if entry.name in NAMES}

    def spec(document: dict[str, Any]) -> dict[str, Any]:
        document["spec"]["environments"] = {name: {"platform": examples[name]} for name in NAMES}
        return document

    edit(product / "data-product.yaml", spec)
    return product


@pytest.fixture(scope="session")
def python(product: Path) -> Path:
    """The Python of an environment with the adapters of all warehouses, built once and kept between runs."""
    wanted = hashlib.sha256((product / "pyproject.toml").read_bytes()).hexdigest()[:12]
    environment = BUILD / f"warehouses-{wanted}"
    with FileLock(BUILD.parent / "tests.lock"):
        if not (environment / "ready").exists():
            uv("sync", "--quiet", cwd=product, UV_PROJECT_ENVIRONMENT=str(environment))
            (environment / "ready").touch()
    return environment / "bin" / "python"


@pytest.fixture(scope="session")
def server() -> Iterator[postgres_server.Server]:
    yield from postgres_server.running()


@pytest.fixture
def here(product: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(product, tmp_path / "product"))


def run(python: Path, product: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *arguments],
        cwd=product,
        env=children_environment(**variables),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", NAMES)
def test_dbt_accepts_the_configuration_and_no_secret_is_written(name: str, here: Path, python: Path) -> None:
    done = run(python, here, "-c", PARSE, name, **dict.fromkeys(KEPT[name], SECRET))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == {"trino": "sqlalchemy"}.get(name, name)
    assert not [
        file
        for file in (here / "build").rglob("*")
        if file.is_file() and SECRET.encode() in file.read_bytes()
    ]
    if KEPT[name]:
        refused = run(python, here, "-m", "pipeline", "--environment", name)
        assert refused.returncode == 2
        assert f"{min(KEPT[name])} is not set" in refused.stdout


def on_postgresql(here: Path, server: postgres_server.Server, change: dict[str, Any]) -> None:
    """Lets `redshift@1` mean a database of this server."""
    properties = {"user": "postgres", "database": server.database(), "password": "${REDSHIFT_PASSWORD}"}

    def spec(document: dict[str, Any]) -> dict[str, Any]:
        document["spec"]["environments"] = {
            "there": {"platform": {"uses": "redshift@1", "properties": {**properties, "host": "here"}}}
        }
        document["spec"] |= change
        return document

    edit(here / "data-product.yaml", spec)
    module = here / "pipeline" / "platforms" / "redshift.py"
    module.write_text(ON_POSTGRESQL.replace('known["host"]', repr(str(server.folder))))


def test_what_they_have_in_common_gives_the_rows_that_duckdb_gives(
    here: Path, python: Path, server: postgres_server.Server
) -> None:
    on_postgresql(here, server, {})
    published = here / "build" / "ports" / "lake" / "departures.parquet"
    for arguments in ([], ["--environment", "there"]):
        done = run(python, here, "-m", "pipeline", *arguments, REDSHIFT_PASSWORD=SECRET)
        assert done.returncode == 0, done.stdout + done.stderr
        published.rename(here / f"{len(arguments)}.parquet")
    with duckdb.connect() as connection:
        described = [
            connection.execute(f"describe from '{here}/{number}.parquet'").fetchall() for number in (0, 2)
        ]
        assert described[0] == described[1]
        for one, other in ((0, 2), (2, 0)):
            query = f"from '{here}/{one}.parquet' except all from '{here}/{other}.parquet'"
            assert connection.execute(query).fetchall() == []


def test_what_their_sql_would_misread_is_refused(
    here: Path, python: Path, server: postgres_server.Server
) -> None:
    trait = {"uses": "incremental@1", "properties": {"partition": "origin", "cursor": "scheduled_departure"}}
    on_postgresql(here, server, {"traits": [trait]})
    done = run(python, here, "-m", "pipeline", "--environment", "there", REDSHIFT_PASSWORD=SECRET)
    assert done.returncode == 2
    assert "incremental@1 and retention@1 do not work on this platform" in done.stdout
