"""Products that run on every platform which this machine has, and the environment that they run in."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from edits import edit
from filelock import FileLock
from products import BUILD, Make, pipeline, uv

# What makes Spark quick where there is little data: no time is spent on checking its classes, and on compiling for long runs.
QUICK = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote",
    "spark.sql.shuffle.partitions": 2,
    "spark.sql.codegen.wholeStage": False,
}
PLATFORMS = {
    "duckdb": {"uses": "duckdb@1"},
    "postgres": {"uses": "postgres@1", "properties": {"url": "build/warehouse"}},
    "spark": {"uses": "spark@1", "properties": {"master": "local[2]", "settings": QUICK}},
}
"""How each platform that can run on one machine is bound here. The environments of a product are named for them."""


@pytest.fixture(scope="session")
def platforms_python(make: Make) -> Path:
    """The Python of an environment with every platform, built once and kept between runs."""
    product = make(
        "platforms",
        platforms=sorted(PLATFORMS.keys() - {"duckdb"}),
        inputs=["file", "database"],
        outputs=["parquet", "delta"],
    )
    wanted = hashlib.sha256((product / "pyproject.toml").read_bytes()).hexdigest()[:12]
    environment = BUILD / f"platforms-{wanted}"
    with FileLock(BUILD.parent / "platforms.lock"):
        if not (environment / "ready").exists():
            uv("sync", "--quiet", cwd=product, UV_PROJECT_ENVIRONMENT=str(environment))
            (environment / "ready").touch()
    return environment / "bin" / "python"


def needs_java() -> None:
    """Skips the test where Spark has no Java to run on."""
    if not shutil.which("java"):
        pytest.skip("no Java (java, of openjdk-17-jre-headless) on this machine")


@pytest.fixture(scope="module")
def connect(platforms_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Spark Connect server."""
    needs_java()
    folder = tmp_path_factory.mktemp("connect")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = QUICK | {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.host": "127.0.0.1",
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.ui.enabled": False,
    }
    (submit,) = platforms_python.parent.parent.glob("lib/*/site-packages/pyspark/bin/spark-submit")
    main = "org.apache.spark.sql.connect.service.SparkConnectServer"
    conf = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [submit, "--class", main, "--master", "local[2]", *conf, "spark-internal"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 120
        while "Spark Connect server started" not in (folder / "log").read_text():
            assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield f"sc://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def bound(product: Path) -> Path:
    """The same product, with an environment for each of PLATFORMS that it has the code of."""
    known = {
        name: {"platform": platform}
        for name, platform in PLATFORMS.items()
        if (product / f"pipeline/platforms/{name}.py").is_file()
    }
    edit(
        product / "data-product.yaml", lambda spec: {**spec, "spec": {**spec["spec"], "environments": known}}
    )
    return product


def run(
    python: Path, product: Path, environment: str, *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return pipeline(python, product, "--environment", environment, *options, **variables)


def contract_of(product: Path, columns: dict[str, str]) -> None:
    """Makes the contract promise just these columns: name -> ODCS type."""

    def promise(contract: dict) -> dict:
        properties = [
            {"name": name, "logicalType": kind, "description": f"The {name}.", "classification": "public"}
            for name, kind in columns.items()
        ]
        table = {**contract["schema"][0], "properties": properties, "quality": []}
        table["quality"] = [
            {"type": "library", "metric": "rowCount", "mustBeGreaterThan": 0, "description": "Rows."}
        ]
        return {**contract, "schema": [table]}

    edit(product / "contract.odcs.yaml", promise)


def spec_of(product: Path, inputs: list[dict], traits: list[dict]) -> None:
    """Gives the product other inputs and traits, and no service level that names a column."""

    def change(spec: dict) -> dict:
        levels = [{"name": "fresh", "indicator": "freshness", "objective": "<= 24h"}]
        return {**spec, "spec": {**spec["spec"], "inputs": inputs, "traits": traits, "serviceLevels": levels}}

    edit(product / "data-product.yaml", change)
    tables = [{"name": entry["name"]} for entry in inputs]
    text = yaml.safe_dump({"sources": [{"name": "inputs", "tables": tables}]}, sort_keys=False)
    (product / "models/sources.yml").write_text(text)
