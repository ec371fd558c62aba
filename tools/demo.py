"""`make demo`: a small mesh, made, run, checked, shared, published, assessed and drawn; and a release on its way to it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import demo_mesh
from checkout import ROOT, clean, git, snapshot
from demo_access import share
from demo_agreements import Agreements
from demo_catalog import Catalog, catalog

DEMO = ROOT / "build" / "demo"
UV = shutil.which("uv") or str(ROOT / "build" / "uv" / "bin" / "uv")
BIN = Path(sys.executable).parent


SHARED = """    access/agreements/         who asked to read it, approved by a signed commit: git log --show-signature
    build/ports/lake/roles/    what that role reads, masked, and the audit record of the run
"""


def main() -> None:
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    # A version that was never committed could not be found again by the products' hooks.
    template = ROOT if clean() else snapshot(DEMO / "template")
    say("copier copy … (five data products in three domains)")
    demo_mesh.make(template, DEMO, say=step)
    environment: dict[str, Any] = {"env": {**os.environ, "UV_PROJECT_ENVIRONMENT": str(DEMO / ".venv")}}
    say(
        "uv sync (one environment for all five; the first time it downloads what they need, for a minute or two)"
    )
    for product in demo_mesh.MESH:  # two at a time must not change it
        step(product.name)
        call(UV, "sync", "--quiet", "--inexact", cwd=DEMO / product.name, **environment)
    with catalog(DEMO, meshwright) as served:
        say(
            "uv run python -m pipeline (each after what it reads, two at a time, in the role of a signed agreement)"
        )
        demo_mesh.run(DEMO, functools.partial(run, catalog=served), Agreements(DEMO, meshwright, step))
        products = [DEMO / product.name for product in demo_mesh.MESH]
        say("meshwright check: all five against the metamodel")
        meshwright("check", *products)
        say("the first rows of what a consumer reads")
        scorecards = DEMO / "airline-scorecards/build/ports/lake/airline_scorecards.parquet"
        call(
            DEMO / ".venv/bin/python",
            "-c",
            f"import duckdb; duckdb.sql(\"from '{scorecards}' order by place limit 6\").show()",
        )
        utilisation = DEMO / "aircraft-utilisation"
        shared = share(utilisation, DEMO / "keys", lambda *words: meshwright(*words, cwd=utilisation), say)
        demo_mesh.push(DEMO)
        served.publish(products, meshwright, say)
    page = release(template)
    print(f"""
A mesh of five data products, each a git repository of its own. Worth a look, in a browser:

  {here("catalog/index.html")}      the catalog: what there is, what it promises, who owns it, how to ask
  {here("fitness.html")}            the dashboard: what is broken, and who has to act
  {here("map.html")}                the logical architecture, from the specs alone
  {here("rollout.html")}            who would take the next release of the template, and who would not

and in an editor:

  {here("departures/")}
    data-product.yaml          what the product is, in one file
    contract.odcs.yaml         what its data set promises, column by column
    models/departures.sql      the SQL, with unit tests beside it
    build/ports/               the data, as Parquet and as a Delta table
    build/slis.json            the service levels, measured
  {here("aircraft-utilisation/")}
    data-product.yaml          it reads two products, each under an agreement, and promises more than its data keeps
{SHARED if shared else ""}
Break something, and see who notices: delete the owner, or promise in the contract that there are no
cancelled flights. Then, in the product's folder:

  uvx prek run --all-files
  uv run python -m pipeline

The catalog as a server: {BIN.relative_to(ROOT) / "meshwright"} catalog serve --database sqlite:///{here("catalog.db")}
""")
    if not page.exists():
        sys.exit(f"{page} was not written.")


def run(product: Path, variables: Mapping[str, str], expected: int, *, catalog: Catalog) -> None:
    environment = {**os.environ, **variables, "UV_PROJECT_ENVIRONMENT": str(DEMO / ".venv")}
    environment |= catalog.lineage(product)
    environment |= {"PYTHONUNBUFFERED": "1"}
    command = [UV, "run", "--quiet", "--no-sync", "python", "-m", "pipeline"]
    step(f"{product.name} runs …")
    with (
        TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command, cwd=product, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout
        for line in process.stdout:  # as it comes; two run at a time
            step(f"{product.name}: {line.rstrip()}" if line.strip() else "")
        if process.wait() != expected:
            errors.seek(0)
            sys.exit(
                f"The pipeline of {product.name} ended with exit code {process.returncode}.\n{errors.read()}"
            )


def meshwright(*words: object, expected: int = 0, **options: Any) -> None:
    call(BIN / "meshwright", *words, expected=expected, **options)


def call(*command: object, expected: int = 0, **options: Any) -> None:
    done = subprocess.run([str(part) for part in command], **{"cwd": ROOT, **options})
    if done.returncode != expected:
        sys.exit(f"That ended with exit code {done.returncode}: {' '.join(map(str, command))}")


def release(template: Path) -> Path:
    """The team and the template change the same sentence; `rollout plan` says so before anybody is asked."""
    say("meshwright rollout plan: the template has a new release, and a team has edited the same sentence")
    platform, page, departures = DEMO / "platform", DEMO / "rollout.html", DEMO / "departures"
    git("clone", "--quiet", str(template), str(platform), cwd=ROOT)
    edit(departures / "README.md", "You need uv, git and a badge for the tower.")
    git("commit", "--quiet", "--all", "--message", "What one needs here", cwd=departures)
    edit(platform / "template" / "README.md.jinja", "You need uv 0.9 or newer, and git.")
    git("commit", "--quiet", "--all", "--message", "uv 0.9 or newer", cwd=platform)
    git("tag", "v99.0.0", cwd=platform)
    names = [product.name for product in demo_mesh.MESH]
    mesh = f"template: platform\nformerly: ['{template}']\nrepositories: [{', '.join(names)}]\n"
    (DEMO / "mesh.yaml").write_text(mesh, "utf-8")
    # one of them is in conflict
    meshwright("rollout", "plan", "--html", page, expected=1, cwd=DEMO)
    return page


def edit(file: Path, sentence: str) -> None:
    lines = [
        sentence if line.startswith("You need ") else line for line in file.read_text("utf-8").splitlines()
    ]
    file.write_text("\n".join(lines) + "\n", "utf-8")


def here(path: str) -> Path:
    return DEMO.relative_to(ROOT) / path


def step(what: str) -> None:
    """Print what is being done, at once."""
    if what:
        print(f"    {what}", flush=True)


def say(what: str) -> None:
    print(f"\n==> {what}", flush=True)


if __name__ == "__main__":
    main()
