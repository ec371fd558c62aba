"""The measurements run: a bench that nobody runs breaks without a word."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import postgres_server
import pytest
from checkout import ROOT


@pytest.mark.slow
def test_the_bench_of_rollouts_runs_on_a_small_fleet() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bench/rollout.py"],
        env={**os.environ, "SIZES": "3", "SAMPLE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ +3 repositories .* times as fast", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.slow
def test_the_bench_of_access_runs_on_a_small_mesh() -> None:
    postgres_server.programs(), postgres_server.as_ordinary_user()
    small = {
        "PRODUCTS": 2,
        "PRINCIPALS": 4,
        "AMONG": 1,
        "DRIFTS": 2,
        "AGREEMENTS": 50,
        "ROWS": 20_000,
        "RUNS": 1,
    }
    done = subprocess.run(
        [sys.executable, ROOT / "bench/access.py"],
        env={**os.environ, **{name: str(size) for name, size in small.items()}},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for told in (
        r"plan again .* 0 changes",
        r"found, of 2 +2 ",
        r"regopy: .* a second; [1-9]\d* are let in",
        r"publish and apply, to bare COPY +[\d.]+",
        r"number, empty .* s .* s ",
    ):
        assert re.search(rf"^  {told}", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.slow
def test_the_bench_of_the_mesh_runs_on_a_small_one() -> None:
    small = {"PRODUCTS": 40, "PUBLISHED": 20, "CLIENTS": 3, "SECONDS": 1, "RUNS": 1, "PEERS": ""}
    done = subprocess.run(
        [sys.executable, ROOT / "bench/mesh.py"],
        env={**os.environ, **{name: str(size) for name, size in small.items()}},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for told in (
        r"assess, static, with the dashboard, 40, cold .* a second",
        r"assess, static, with the dashboard, 40, 1 % changed .* a second",
        r"map, as a page, 40 ",
        r"publish, again",
        r"each as fast .* p99",
        r"meshwright check ",
    ):
        assert re.search(rf"^  {told}", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.slow
def test_the_bench_of_platforms_runs_on_little_data(tmp_path: Path, product_python: Path) -> None:
    small = ["--scale", "0.001", "--engines", "duckdb", "--runs", "1"]
    done = subprocess.run(
        [sys.executable, ROOT / "bench/platforms.py", *small],
        env={**os.environ, "BENCH": str(tmp_path), "PRODUCT_PYTHON": str(product_python)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    whole, changed = json.loads((tmp_path / "platforms.json").read_text())
    assert whole["rows"] == changed["rows"] > 5000
    assert whole["ratio"]["cpu"] > 0 and whole["pipeline"]["peak"] > 0
    assert whole["pipeline"]["stages"].keys() == changed["full_run"]["stages"].keys()
    for told in (
        r"  pipeline +[\d.]+ s .* MB +ingest [\d.]+ +transform [\d.]+ +verify [\d.]+ +publish",
        r"duckdb, 1 % of new rows",
    ):
        assert re.search(rf"^{told}", done.stdout, re.MULTILINE), done.stdout
