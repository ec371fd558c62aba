"""The run that a product's tests may use: only while everything that decided its result is the same."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from edits import edit


@pytest.fixture
def ran(every_port: Path, copy_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A product with one file port, as a green run leaves it: the rows are of no matter here."""
    from pipeline import sample_run

    product = copy_of(every_port)
    edit(product / "data-product.yaml", alone)
    model = product / "models" / "departures.sql"
    model.write_text(model.read_text("utf-8") + "-- {{ env_var('SEASON', '') }}\n", "utf-8")
    file = product / "build" / "ports" / "lake" / "departures.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"rows")
    monkeypatch.setattr(sample_run, "_started_with", {"SEASON": "summer", "UNNAMED": "a"})
    record(product, {})
    return product


def alone(spec: dict[str, Any]) -> dict[str, Any]:
    body = spec["spec"]
    body["outputs"] = [port for port in body["outputs"] if port["uses"] == "parquet@1"]
    body["inputs"] = [source for source in body["inputs"] if source["uses"] == "file@1"]
    return spec | {"spec": body | {"platform": {"uses": "duckdb@1"}}}


def record(product: Path, environment: dict[str, str]) -> None:
    """Write what a green run writes."""
    from pipeline import sample_run, spec

    report: dict[str, Any] = {
        "startedAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "outcome": "published",
        "ports": {"dp:a/b#lake": str(product / "build/ports/lake/departures.parquet")},
    }
    if basis := sample_run.basis(spec.load(product, environment), environment):
        report["sample"] = {"basis": basis, "ports": sample_run.served(report)}
    (product / "build" / "run.json").write_text(json.dumps(report), "utf-8")


def reason(product: Path) -> str:
    """Return why the run is not used; empty if it is."""
    from pipeline import sample_run

    report, why = sample_run.reusable(product)
    assert bool(report) != bool(why)
    return why


FILES = {
    "code": "pipeline/run.py",
    "spec": "data-product.yaml",
    "contract": "contract.odcs.yaml",
    "model": "models/departures.sql",
    "unit test": "models/departures.yml",
    "sample": "sample_data/flights.csv",
    "schema": ".meshwright/data-product.schema.json",
    "project": "dbt_project.yml",
}


def test_a_run_is_used_while_nothing_has_changed(ran: Path) -> None:
    assert reason(ran) == ""
    for name in ("tests/test_more.py", ".git/index", ".pytest_cache/v", "pipeline/__pycache__/run.pyc"):
        (ran / name).parent.mkdir(exist_ok=True)
        (ran / name).write_text("x")
    shutil.copy(ran / "data-product.yaml", ran / "build" / "other.yaml")
    assert reason(ran) == ""


@pytest.mark.parametrize("name", FILES.values(), ids=FILES)
def test_a_changed_file_makes_the_tests_run_again(ran: Path, name: str) -> None:
    file = ran / name
    before = file.stat()
    file.write_bytes(file.read_bytes().rstrip(b"\n") + b" \n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "changed" in reason(ran)


@pytest.mark.parametrize(
    "name", ["uv.lock", "models/new.sql", "tests/refuses.sql", "seeds/s.csv", "packages.yml"]
)
def test_a_new_or_removed_file_makes_the_tests_run_again(ran: Path, name: str) -> None:
    (ran / name).parent.mkdir(exist_ok=True)
    (ran / name).write_text("version = 1")
    assert "changed" in reason(ran)
    record(ran, {})
    assert reason(ran) == ""
    (ran / name).unlink()
    assert "changed" in reason(ran)


def test_another_machine_makes_the_tests_run_again(
    ran: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pipeline import sample_run

    changes: list[tuple[object, str, object]] = [
        (sys, "version", "3.99"),
        (sys, "prefix", str(tmp_path)),
        (sys, "path", [*sys.path, str(tmp_path)]),
        (sample_run, "_started_with", {"SEASON": "winter", "UNNAMED": "a"}),
        (sample_run, "YOUNG", timedelta(seconds=-1)),
    ]
    (tmp_path / "dbt_core-99.dist-info").mkdir()
    for holder, name, value in changes:
        with monkeypatch.context() as patch:
            patch.setattr(holder, name, value)
            assert reason(ran), name
    monkeypatch.setattr(sample_run, "_started_with", {"SEASON": "summer", "UNNAMED": "b"})
    assert reason(ran) == "", "no file names that variable"


def test_ports_that_are_not_as_the_run_left_them_make_the_tests_run_again(ran: Path) -> None:
    file = ran / "build/ports/lake/departures.parquet"
    file.write_bytes(b"rowz")
    assert "port" in reason(ran)
    file.unlink()
    assert "port" in reason(ran)


def test_a_run_with_variables_or_as_an_environment_is_none_on_the_sample(ran: Path) -> None:
    from pipeline import sample_run, spec

    record(ran, {"FLIGHTS": "sample_data/flights.csv"})
    assert "sample" in reason(ran)
    product = spec.load(ran, {})
    assert sample_run.basis(product, {"FLIGHTS": ""})
    object.__setattr__(product, "target", "production")
    assert not sample_run.basis(product, {})


@pytest.mark.parametrize(
    "path", ["https://example.org/flights.csv", "/data/flights.csv", "../flights.csv", "~/flights.csv"]
)
def test_data_outside_of_the_repository_has_no_hash(ran: Path, path: str) -> None:
    from pipeline import sample_run, spec

    spec_file = ran / "data-product.yaml"
    spec_file.write_text(
        spec_file.read_text("utf-8").replace("${FLIGHTS:-sample_data/flights.csv}", path), "utf-8"
    )
    assert sample_run.basis(spec.load(ran, {}), {}) == ""


def test_a_folder_that_is_a_link_has_no_hash(ran: Path, tmp_path: Path) -> None:
    (ran / "sample_data" / "linked").symlink_to(tmp_path, target_is_directory=True)
    assert "outside" in reason(ran)


def test_a_report_that_cannot_be_read_is_not_used(ran: Path) -> None:
    for text in ("", "[]", "{}", '{"outcome": "published", "sample": 1, "startedAt": "2026"}'):
        (ran / "build" / "run.json").write_text(text)
        assert reason(ran)
