"""The port `view@1`: a database without rows, which gives what the sources have when somebody asks."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
from checkout import ROOT
from port_runs import Runs
from products import Make, pipeline

pytestmark = pytest.mark.slow

VIEW, FILE = "build/ports/views/departures.duckdb", "build/ports/lake/departures.parquet"


@pytest.fixture(scope="session")
def ran(make: Make, product_python: Path) -> Path:
    """A product with a view and a file, after a run. Its model reads another one, and that one a third."""
    product = make("viewed", outputs=["parquet", "view"], inputs=["file", "data-product"])
    models = product / "models"
    (models / "known.sql").write_text(
        "{{ config(materialized='ephemeral') }}\nselect * from {{ source('inputs', 'flights') }}\n"
    )
    (models / "flown.sql").write_text(
        "{{ config(materialized='view', schema='aside') }}\nselect * from {{ ref('known') }}\n"
    )
    for name in ("departures.sql", "departures.yml"):
        text = (models / name).read_text()
        assert "source('inputs', 'flights')" in text
        (models / name).write_text(text.replace("source('inputs', 'flights')", "ref('flown')"))
    done = pipeline(product_python, product)
    assert done.returncode == 0, done.stdout + done.stderr
    return product


def test_the_view_gives_what_was_verified_and_holds_no_row(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{ran / VIEW}' as any_name (read_only)")
        view, file = "any_name.departures", f"'{ran / FILE}'"
        assert connection.execute(f"select count(*) from {view}").fetchone() == (1667,)
        for one, other in ((view, file), (file, view)):
            left = connection.execute(f"select count(*) from (from {one} except all from {other})")
            assert left.fetchone() == (0,)
        types = [connection.execute(f"describe from {rows}").fetchall() for rows in (view, file)]
        assert [row[:2] for row in types[0]] == [row[:2] for row in types[1]]
        assert connection.execute("select count(*) from duckdb_tables() where not internal").fetchone() == (
            0,
        )
        (about,) = connection.execute(
            "select comment from duckdb_views() where view_name = 'departures' and database_name = 'any_name'"
        ).fetchone()
    assert json.loads(about)["productVersion"] == "1.0.0"


def test_what_a_source_becomes_is_seen_at_once(
    ran: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    product = copy_of(ran)
    assert (
        script(product_python, product, PUBLISH + "publish(); print(view.first_row(port, product).num_rows)")
        == "1"
    )
    flights = product / "sample_data/flights.csv"
    lines = flights.read_text().splitlines(keepends=True)
    flights.write_text("".join(lines[:1000]))
    with duckdb.connect(str(product / VIEW), read_only=True) as connection:
        assert connection.execute("select count(*) from departures").fetchone() == (999,)
    assert duckdb.execute(f"select count(*) from '{product / FILE}'").fetchall() == [(1667,)]
    # And what is verified is not what the view gives now.
    said = script(product_python, product, PUBLISH + "print(refused())")
    assert "The view returns 999 rows, but 1667 were verified" in said


PUBLISH = f"""
from dataclasses import replace
from pathlib import Path
import json, shutil
from pipeline import spec
from pipeline.dataset import Dataset, count
from pipeline.errors import UnreadableInput
from pipeline.outputs import view
from pipeline.spec import Capability
product = spec.load(Path.cwd(), {{}})
port = next(port for port in product.outputs if port.uses == "view@1")
parts = (Path({FILE!r}).absolute(),)
about = {{"ingestedAt": "2026-01-01T00:00:00+00:00"}}
manifest = product.build / "dbt" / "manifest.json"

def publish(product=product, port=port):
    shutil.rmtree(product.scratch / "views", ignore_errors=True)
    for _ in view.publish(port, product, Dataset(parts, count(parts), about)): pass

def refused(*given):
    try:
        publish(*given)
    except UnreadableInput as problem:
        assert problem.fix and problem.exit_code == 2
        return str(problem)
"""


def script(python: Path, product: Path, code: str) -> str:
    done = subprocess.run([python, "-c", code], cwd=product, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_what_no_view_can_be_made_of_is_refused(
    ran: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    code = """
def with_trait(uses, **properties):
    return replace(product, traits=(*product.traits, Capability("traits", uses, properties=properties)))

def with_input(uses, **properties):
    first, *others = product.inputs
    return replace(product, inputs=(replace(first, uses=uses, properties=properties), *others))

def with_model(**said):
    known = json.loads(manifest.read_text())
    known["nodes"]["model.product.flown"] |= said
    manifest.write_text(json.dumps(known))
    return product

before = manifest.read_text()
cases = {
    "url": lambda: refused(product, replace(port, properties={"path": "s3://bucket/views"})),
    "platform": lambda: refused(replace(product, platform=Capability("platforms", "spark@1"))),
    "incremental": lambda: refused(with_trait("incremental@1", partition="day", cursor="day")),
    "snapshot": lambda: refused(with_trait("snapshot@1", input="flights", key=["x"])),
    "loaded": lambda: refused(with_input("database@1")),
    "fetched": lambda: refused(with_input("file@1", path="https://example.org/flights.csv")),
    "seed": lambda: refused(with_model(resource_type="seed")),
    "python": lambda: refused(with_model(language="python")),
    "lasting": lambda: refused(with_model(config={"materialized": "incremental"})),
    "sql": lambda: refused(with_model(compiled_code='select * from "warehouse"."main"."hidden"')),
}
said = {}
for name, case in cases.items():
    said[name] = case()
    manifest.write_text(before)
# Rows that are kept no longer are not given: all of them are older than a day.
said["kept"] = refused(with_trait("retention@1", column="scheduled_departure", keep="1d"))
print(json.dumps(said))
"""
    product = copy_of(ran)
    shutil.copytree(ROOT / "blueprints/inputs/database/pipeline", product / "pipeline", dirs_exist_ok=True)
    said = json.loads(script(product_python, product, PUBLISH + code).splitlines()[-1])
    words = {
        "url": "cannot write a database to a URL",
        "platform": "runs on spark@1",
        "incremental": "With incremental@1",
        "snapshot": "With snapshot@1",
        "loaded": "database@1 loads its data",
        "fetched": "is a URL, which a view",
        "seed": "A view cannot read model.product.flown",
        "python": "A view cannot read model.product.flown",
        "lasting": "A view cannot read model.product.flown",
        "sql": "The view cannot be created",
        "kept": "The view returns 0 rows",
    }
    assert {name: words[name] in (text or "") for name, text in said.items()} == dict.fromkeys(words, True), (
        said
    )


def test_another_product_reads_what_the_view_gives(ran: Path, tmp_path: Path, product_python: Path) -> None:
    code = f"""
from pathlib import Path
from pipeline.inputs import data_product
where = data_product.Place("view@1", {str(ran / VIEW)!r})
(file,) = data_product.OPEN[where.uses](None, where, Path({str(tmp_path)!r}))
print(file)
"""
    file = script(product_python, ran, code)
    assert duckdb.execute(f"select count(*) from '{file}'").fetchall() == [(1667,)]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, ""),
        ({"platform": "postgres@1"}, "runs on postgres@1"),
        ({"traits": "snapshot@1"}, "With snapshot@1"),
        ({"inputs": "file@1"}, ""),
        ({"inputs": "database@1"}, "database@1 loads its data"),
        ({"inputs": "database@1 file@1"}, ""),
    ],
)
def test_a_view_that_cannot_be_made_is_refused_before_anything_is_read(
    changed: dict[str, str], reason: str, every_port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The product does not have it. That a module without `reader_sql` loads its data is held in test_registry.py.
    monkeypatch.setitem(sys.modules, "pipeline.inputs.database", ModuleType("pipeline.inputs.database"))
    spec, outputs = (importlib.import_module(f"pipeline.{name}") for name in ("spec", "outputs"))
    port = spec.Capability("outputs", "view@1", "lake", properties={"path": "build/ports/lake"})
    kinds = {"platform": "platforms"}
    used = {
        kind: tuple(spec.Capability(kinds.get(kind, kind), one) for one in uses.split())
        for kind, uses in changed.items()
    }
    product = Runs(tmp_path, uses=()).product
    product = replace(
        product,
        outputs=(port,),
        **{kind: some[0] if kind == "platform" else some for kind, some in used.items()},
    )
    if not reason:
        outputs.refuse_impossible(product)
        return
    with pytest.raises(Exception, match=f"The port lake .view@1. cannot be served: .*{reason}") as refused:
        outputs.refuse_impossible(product)
    assert "Serve it through another port" in refused.value.fix
