"""The oldest versions that the bounds allow work as well; all other tests run with the newest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from checkout import ROOT
from filelock import FileLock
from products import ALL, BUILD, Make, uv

IMPORT_ALL = textwrap.dedent(
    """
    import importlib, pkgutil, meshwright
    def walk(package):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            if module.name.endswith("__main__"):
                continue
            try:
                found = importlib.import_module(module.name)
            except ModuleNotFoundError as error:  # the extras `contract` and `datahub` are not here
                assert (error.name or "").partition(".")[0] in ("datacontract", "open_data_contract_standard", "datahub"), error
                continue
            if module.ispkg:
                walk(found)
    walk(meshwright)
    """
)


@pytest.fixture(scope="module")
def oldest() -> Path:
    """The commands of an environment with this package and the oldest of what it needs, kept between runs."""
    extras = f"{ROOT}[access,assess,catalog,mcp,mesh]"
    asked = (ROOT / "pyproject.toml").read_bytes() + extras.encode()
    wanted = hashlib.sha256(asked).hexdigest()[:12]
    environment = BUILD / f"oldest-{wanted}"
    with FileLock(BUILD.parent / "oldest.lock"):
        if not (environment / "ready").exists():
            uv("venv", "--quiet", "--clear", str(environment), cwd=ROOT)
            resolved = ("--resolution", "lowest-direct", "--python", str(environment / "bin/python"))
            uv("pip", "install", "--quiet", *resolved, "--editable", extras, cwd=ROOT)
            (environment / "ready").touch()
    return environment / "bin"


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)


@pytest.mark.slow
def test_the_package_works_with_the_oldest_that_it_allows(oldest: Path, make: Make) -> None:
    imported = run(oldest / "python", "-c", IMPORT_ALL, cwd=ROOT)
    assert imported.returncode == 0, imported.stderr
    product = make("oldest")
    kept = run(oldest / "meshwright", "check", cwd=product)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    spec = product / "data-product.yaml"
    spec.write_text(spec.read_text("utf-8").replace("  classification: internal\n", "  odd: 1\n", 1), "utf-8")
    broken = run(oldest / "meshwright", "check", "--format", "json", cwd=product)
    assert {"ClassificationGiven", "Shape"} <= {finding["rule"] for finding in json.loads(broken.stdout)}
    for command in (["map", "."], ["assess", ".", "--static", "--html", "fitness.html"]):
        done = run(oldest / "meshwright", *command, cwd=product)
        assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr


@pytest.mark.oldest
def test_a_product_works_with_the_oldest_that_it_allows(make: Make, tmp_path: Path) -> None:
    product = make("oldest", **ALL)
    shutil.rmtree(product / ".git", ignore_errors=True)
    uv("lock", "--quiet", "--resolution", "lowest-direct", cwd=product)
    uv("sync", "--quiet", "--resolution", "lowest-direct", cwd=product)
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(
        [product / ".venv/bin/python", "-m", "pipeline"],
        cwd=product,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"checks +\d+ checks passed", done.stdout)
