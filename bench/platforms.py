"""`make bench-platforms`: a whole product against the bare engine that runs the same SQL, on TPC-H data.

The product is made by Copier from this work tree and then filled with bench/tpch: one row a line of an order, 31
columns from seven inputs, 33 promises on every run. The bare engine runs the same SQL, and writes the same Parquet.

1. Whole runs, on each engine at its scale factors: seconds, seconds of all cores,
   and the most memory that all its processes held.
2. On DuckDB, a run after 1 % of new rows came, against one that makes everything anew. New are the orders of the last
   three weeks or so of the 79 months, and a few late ones: every fortieth order of the month before.

    --scale 0.1,1,10           scale factors, of those that an engine is measured at
    --engines duckdb,spark     all that are there, if not given
    --measures full,incremental
    --runs 3                   of each; one at scale factors above 1. The median counts

Results go to build/bench/platforms.json. What tpchgen-cli made stays there too (4 GB at scale factor 10), and so does
the environment. The variable BENCH names another folder, PRODUCT_PYTHON an environment that is there already.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml
from deltalake import DeltaTable
from jinja2 import Template
from pyarrow.dataset import Dataset, dataset

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from checkout import ROOT, git, snapshot
from memory import watched

BIN = Path(sys.executable).parent
UV = shutil.which("uv") or str(ROOT / "build" / "uv" / "bin" / "uv")
GENERATOR = "tpchgen-cli@4.0.0"
TPCH = Path(__file__).parent / "tpch"
BENCH = Path(os.environ.get("BENCH") or ROOT / "build" / "bench")
SCALES = {"duckdb": ("0.1", "1", "10"), "spark": ("1",)}
"""Engine -> the scale factors at which it is measured."""
TABLES = ("customer", "part", "supplier", "nation", "region")
"""The inputs that are one file; lineitem and orders are a folder of two, of which one came later."""

# As on a machine where libraries are compiled once, and not at each start.
PLAIN = {
    name: value
    for name, value in os.environ.items()
    if name not in ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
}

IS_NEW = "o_orderdate >= date '1998-07-11' or (o_orderdate >= date '1998-06-11' and o_orderkey % 40 = 0)"
EXTRACTS = {"base": (f"not ({IS_NEW})", "1998-07-11 00:00:00"), "new": (f"({IS_NEW})", "1998-08-03 00:00:00")}
"""File -> which orders it has, and when the system changed their rows."""


@dataclass(frozen=True)
class Taken:
    """What a command took, with all that it began."""

    seconds: float
    cpu: float
    """Seconds of all cores."""
    peak: float
    """MB."""
    stages: dict[str, float]
    """Seconds, of a run of the pipeline."""


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--scale", default="", metavar="0.1,1,10")
    options.add_argument("--engines", default="", metavar=",".join(SCALES))
    options.add_argument("--measures", default="full,incremental", metavar="full,incremental")
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args()
    engines = chosen.engines.split(",") if chosen.engines else list(SCALES)
    there = [engine for engine in engines if (ROOT / "blueprints/platforms" / engine).is_dir()]
    for missing in set(engines) - set(there):
        print(f"{missing}: not measured, there is no such platform")
    product = Product.made(there)
    found: list[dict[str, Any]] = []
    for engine in there:
        for scale in chosen.scale.split(",") if chosen.scale else SCALES[engine]:
            data = prepared(scale)
            runs = chosen.runs if float(scale) <= 1 else 1
            if "full" in chosen.measures:
                found.append(full(product, engine, scale, data, runs))
            if "incremental" in chosen.measures and engine == "duckdb":
                found.append(incremental(product, scale, data, runs))
    (BENCH / "platforms.json").write_text(json.dumps(found, indent=2) + "\n")


# --- the data ------------------------------------------------------------------------------------------------------------


def prepared(scale: str) -> Path:
    """The inputs at a scale factor: a folder of Parquet files, made once."""
    made, raw = BENCH / "data" / scale, BENCH / f"tpchgen-{scale}"
    if made.is_dir():
        return made
    partial = made.with_name(f".{scale}.partial")
    for folder in (partial, raw):
        shutil.rmtree(folder, ignore_errors=True)
    tables = ",".join(("lineitem", "orders", *TABLES))
    call(UV, "tool", "run", "--quiet", GENERATOR, "parquet", "-q", "-s", scale, "-T", tables, "-o", raw)
    for name in ("lineitem", "orders"):
        (partial / name).mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"set temp_directory = '{partial / 'spilled'}'")
        for name, (orders, changed) in EXTRACTS.items():
            chosen = f"from '{raw}/orders.parquet' where {orders}"
            connection.execute(f"copy ({chosen}) to '{partial}/orders/{name}.parquet'")
            connection.execute(
                f"copy (select *, timestamp '{changed}' as l_updated_at from '{raw}/lineitem.parquet'"
                f" where l_orderkey in (select o_orderkey {chosen})) to '{partial}/lineitem/{name}.parquet'"
            )
    shutil.rmtree(partial / "spilled", ignore_errors=True)
    for name in TABLES:
        (raw / f"{name}.parquet").rename(partial / f"{name}.parquet")
    shutil.rmtree(raw)
    partial.rename(made)
    return made


# --- the product ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Product:
    """A generated product with the models and the contract of bench/tpch, and an environment to run it."""

    folder: Path
    python: Path

    @classmethod
    def made(cls, engines: list[str]) -> Product:
        folder, environment = BENCH / "product", BENCH / "environment"
        shutil.rmtree(folder, ignore_errors=True)
        template = snapshot(BENCH / "template")
        git("tag", "v1.0.0", cwd=template)
        answers = {
            "product_name": "order-lines",
            "domain": "sales",
            "owner_name": "Ada Example",
            "owner_email": "ada@example.org",
            "outputs": "[delta, parquet]",
            "platforms": f"[{', '.join(engine for engine in engines if engine != 'duckdb')}]",
        }
        data = [word for name, value in answers.items() for word in ("--data", f"{name}={value}")]
        call(BIN / "copier", "copy", "--quiet", "--defaults", *data, template, folder)
        for left_out in ("models", "sample_data"):
            shutil.rmtree(folder / left_out)
        shutil.copytree(TPCH / "models", folder / "models")
        shutil.copy(TPCH / "contract.odcs.yaml", folder)
        if python := os.environ.get("PRODUCT_PYTHON"):
            return cls(folder, Path(python))
        call(UV, "sync", "--quiet", cwd=folder, UV_PROJECT_ENVIRONMENT=str(environment))
        return cls(folder, environment / "bin" / "python")

    def specified(self, engine: str, *, incremental: bool = False) -> None:
        """Writes the spec, with the engine as an environment; `incremental` rows go to a Delta table."""
        known = yaml.safe_load((TPCH / "data-product.yaml").read_text("utf-8"))
        known["spec"]["environments"] = {engine: {"platform": {"uses": f"{engine}@1"}}}
        model = self.folder / "models" / "incremental.yml"
        model.unlink(missing_ok=True)
        if incremental:
            known["spec"] |= yaml.safe_load((TPCH / "incremental/spec.yaml").read_text("utf-8"))
            shutil.copy(TPCH / "incremental/incremental.yml", model)
        (self.folder / "data-product.yaml").write_text(yaml.safe_dump(known, sort_keys=False), "utf-8")

    def reads(self, data: Path, *extracts: str) -> None:
        """Lays the inputs below sample_data/, without a copy."""
        sample = self.folder / "sample_data"
        shutil.rmtree(sample, ignore_errors=True)
        files = [f"{name}.parquet" for name in TABLES]
        files += [f"{folder}/{name}.parquet" for folder in ("lineitem", "orders") for name in extracts]
        for file in files:
            (sample / file).parent.mkdir(parents=True, exist_ok=True)
            os.link(data / file, sample / file)

    def run(self, *options: str) -> Taken:
        return timed(self.python, "-m", "pipeline", *options, cwd=self.folder)

    def published(self) -> Dataset:
        """What readers find at the port."""
        tables = self.folder / "build/ports/tables/order_lines"
        if tables.is_dir():
            return DeltaTable(tables).to_pyarrow_dataset()
        return dataset(self.folder / "build/ports/lake/order_lines.parquet")

    @property
    def rows(self) -> int:
        return int(json.loads((self.folder / "build/run.json").read_text("utf-8"))["rowsOut"])


# --- what is measured ----------------------------------------------------------------------------------------------------


def full(product: Product, engine: str, scale: str, data: Path, runs: int) -> dict[str, Any]:
    """Whole runs, and the bare engine in turns with them."""
    product.specified(engine)
    product.reads(data, *EXTRACTS)
    sql, target = BENCH / "order_lines.sql", BENCH / "bare.parquet"
    sql.write_text(plain(TPCH / "models/order_lines.sql"), "utf-8")

    def bare() -> Taken:
        cleared(target)
        return timed(product.python, TPCH / f"bare_{engine}.py", sql, data, target, cwd=BENCH)

    def pipeline() -> Taken:
        cleared(product.folder / "build")
        return product.run("--environment", engine)

    if runs > 1:
        bare(), pipeline()  # caches are warm before it counts
    found = in_turns(f"{engine}, scale factor {scale}", runs, pipeline, bare)
    assert sums(product.published()) == sums(dataset(target)), (
        "the product has other rows than the bare engine"
    )
    found |= {"measure": "full", "engine": engine, "scale": scale, "rows": product.rows}
    cleared(target)
    cleared(product.folder / "build")
    return found


def incremental(product: Product, scale: str, data: Path, runs: int) -> dict[str, Any]:
    """Runs after new rows came, in turns with runs that make everything anew."""
    product.specified("duckdb", incremental=True)
    made: set[tuple[Any, ...]] = set()

    def from_nothing(*extracts: str) -> Taken:
        cleared(product.folder / "build")
        product.reads(data, *extracts)
        return product.run()

    def full_run() -> Taken:
        taken = from_nothing(*EXTRACTS)
        made.add(sums(product.published()))
        return taken

    def incremental_run() -> Taken:
        from_nothing("base")
        product.reads(data, *EXTRACTS)
        taken = product.run()
        made.add(sums(product.published()))
        return taken

    found = in_turns(f"duckdb, 1 % of new rows, scale factor {scale}", runs, incremental_run, full_run)
    assert len(made) == 1, "an incremental run does not make what a full one makes"
    found |= {"measure": "incremental", "engine": "duckdb", "scale": scale, "rows": product.rows}
    cleared(product.folder / "build")
    return found


def in_turns(
    title: str, runs: int, first: Callable[[], Taken], second: Callable[[], Taken]
) -> dict[str, Any]:
    """Medians of both, and the ratios of the first to the second; tells them."""
    print(f"\n{title}", flush=True)
    taken: dict[str, list[Taken]] = {work.__name__: [] for work in (first, second)}
    for number in range(runs):
        for work in (first, second) if number % 2 else (second, first):
            taken[work.__name__].append(work())
    found = {name: median(all_of_it) for name, all_of_it in taken.items()}
    for name, one in found.items():
        stages = "   ".join(f"{stage} {seconds:.1f}" for stage, seconds in one.stages.items())
        print(
            f"  {name.replace('_', ' '):<18} {one.seconds:8.2f} s  {one.cpu:8.2f} s of cores  {one.peak:7,.0f} MB   {stages}".rstrip()
        )
    one, other = found.values()
    by = {name: ratio(getattr(one, name), getattr(other, name)) for name in ("seconds", "cpu", "peak")}
    seconds, cpu, peak = ("?" if value is None else f"{value:.2f}" for value in by.values())
    print(f"  {'ratio':<18} {seconds:>8}    {cpu:>8}             {peak:>7}", flush=True)
    return {"runs": runs, "ratio": by} | {name: asdict(one) for name, one in found.items()}


def ratio(one: float, other: float) -> float | None:
    """None where the other ended before it was looked at."""
    return round(one / other, 3) if other else None


def median(runs: list[Taken]) -> Taken:
    middle = sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]
    return Taken(middle.seconds, middle.cpu, max(one.peak for one in runs), middle.stages)


def timed(*command: object, cwd: Path) -> Taken:
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    words = [str(word) for word in command]
    process = subprocess.Popen(words, cwd=cwd, env=PLAIN, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    with process, watched(process.pid) as seen:
        output, errors = process.communicate()
    seconds = time.perf_counter() - clock
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}:\n{output}{errors}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    stages = {name: float(took) for name, took in re.findall(r"^  (\w+) +([\d.]+) s  ", output, re.MULTILINE)}
    return Taken(round(seconds, 2), round(max(cpu, seen.cpu), 2), round(seen.peak), stages)


def plain(model: Path) -> str:
    """The SQL of a model, as an engine understands it where each input is a table or a view."""
    template = Template(model.read_text("utf-8"))
    return str(template.render(source=lambda _, name: name, is_incremental=lambda: False))


def sums(rows: Dataset) -> tuple[Any, ...]:
    """What tells one data set from another, whatever the order of its rows."""
    names = (
        "part_name",
        "customer_nation",
        "supplier_nation",
        "order_month",
        "receipt_date",
        "is_late",
        "updated_at",
    )
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("rows", rows)
        return (
            connection.execute(
                "select count(*), sum(net_price), sum(tax), bit_xor(hash(order_key::bigint, line_number::bigint, "
                f"{', '.join(f'{name}::varchar' for name in names)})) from rows"
            ).fetchone()
            or ()
        )


def cleared(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def call(*command: object, cwd: Path = ROOT, **variables: str) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=PLAIN | variables, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
