"""`make demo`: two data products, made, run, checked and shared, and a release of their template on its way to them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from checkout import ROOT, clean, git, snapshot
from demo_access import share

DEMO = ROOT / "build" / "demo"
OWNER = {"owner_name": "Ada Example", "owner_email": "ada@example.org"}
UV = shutil.which("uv") or str(ROOT / "build" / "uv" / "bin" / "uv")
BIN = Path(sys.executable).parent


SHARED = """    access/agreements/       who asked to read it, approved by a signed commit: git log --show-signature
    build/ports/lake/roles/  what that role reads, masked, and the audit record of the run
"""


def main() -> None:
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    # A version that was never committed could not be found again by the products' hooks.
    template = ROOT if clean() else snapshot(DEMO / "template")
    departures = make(template, "departures", type="source-oriented", outputs="[parquet, delta]")
    run(departures)
    punctuality = make(template, "punctuality", type="consumer-oriented")
    run(punctuality, ADDRESSES=str(departures / "build" / "addresses.yaml"))
    say("check both against the metamodel")
    call(BIN / "meshwright", "check", departures, punctuality, cwd=ROOT)
    say("the first rows of what a consumer reads")
    query = f"from '{punctuality / 'build/ports/lake/punctuality.parquet'}' order by day, origin, departures desc limit 6"
    call(DEMO / ".venv" / "bin" / "python", "-c", f'import duckdb; duckdb.sql("{query}").show()', cwd=ROOT)
    shared = share(
        departures, DEMO / "keys", lambda *command: call(BIN / "meshwright", *command, cwd=departures), say
    )
    page = release(template, departures, punctuality)
    print(f"""
Two data products, each a git repository of its own. Worth a look:

  {departures.relative_to(ROOT)}/
    data-product.yaml        what the product is, in one file
    contract.odcs.yaml       what its data set promises, column by column
    models/departures.sql    the SQL, with unit tests beside it
    build/ports/             the data, as Parquet and as a Delta table
    build/slis.json          the service levels, measured
{SHARED if shared else ""}  {punctuality.relative_to(ROOT)}/
    data-product.yaml        its input reads dp:airport-operations/departures#lake
  {page.relative_to(ROOT)}
                             who would take the next release of the template, and who would not: open it in a browser

Break something, and see who notices: delete the owner, or promise in the contract that there are no
cancelled flights. Then, in the product's folder:

  uvx prek run --all-files
  uv run python -m pipeline
""")


def make(template: Path, name: str, **answers: str) -> Path:
    """`copier copy`, as a team would type it, and a first commit."""
    target = DEMO / name
    data = [
        argument for key, value in {**OWNER, **answers}.items() for argument in ("--data", f"{key}={value}")
    ]
    say(
        f"copier copy --defaults {' '.join(f'-d {key}={value!r}' for key, value in answers.items())} … {name}"
    )
    call(
        BIN / "copier",
        "copy",
        "--quiet",
        "--defaults",
        "--vcs-ref",
        "HEAD",
        *data,
        template,
        target,
        cwd=ROOT,
    )
    git("init", "--quiet", "--initial-branch", "main", cwd=target)
    git("add", "--all", cwd=target)
    git("commit", "--quiet", "--message", "The product, as it was made", cwd=target)
    return target


def run(product: Path, **variables: str) -> None:
    say(f"{' '.join(f'{key}=…' for key in variables)} uv run python -m pipeline".strip())
    # Both products need the same packages, so that one environment serves both.
    environment = {**os.environ, **variables, "UV_PROJECT_ENVIRONMENT": str(DEMO / ".venv")}
    call(UV, "run", "--quiet", "python", "-m", "pipeline", cwd=product, env=environment)


def call(*command: object, **options: object) -> None:
    done = subprocess.run([str(part) for part in command], **options)
    if done.returncode:
        sys.exit(f"That failed with exit code {done.returncode}: {' '.join(map(str, command))}")


def release(template: Path, departures: Path, punctuality: Path) -> Path:
    """The team and the template change the same sentence; `rollout plan` says so before anybody is asked."""
    say("meshwright rollout plan: the template has a new release, and a team has edited the same sentence")
    platform, page = DEMO / "platform", DEMO / "rollout.html"
    git("clone", "--quiet", str(template), str(platform), cwd=ROOT)
    edit(departures / "README.md", "You need uv, git and a badge for the tower.")
    git("commit", "--quiet", "--all", "--message", "What one needs here", cwd=departures)
    edit(platform / "template" / "README.md.jinja", "You need uv 0.9 or newer, and git.")
    git("commit", "--quiet", "--all", "--message", "uv 0.9 or newer", cwd=platform)
    git("tag", "v99.0.0", cwd=platform)
    mesh = f"template: platform\nformerly: ['{template}']\nrepositories: [{departures.name}, {punctuality.name}]\n"
    (DEMO / "mesh.yaml").write_text(mesh, "utf-8")
    done = subprocess.run([BIN / "meshwright", "rollout", "plan", "--html", page], cwd=DEMO)
    if done.returncode != 1:  # one of the two is in conflict
        sys.exit(f"That ended with exit code {done.returncode}: meshwright rollout plan")
    return page


def edit(file: Path, sentence: str) -> None:
    lines = [
        sentence if line.startswith("You need ") else line for line in file.read_text("utf-8").splitlines()
    ]
    file.write_text("\n".join(lines) + "\n", "utf-8")


def say(what: str) -> None:
    print(f"\n==> {what}", flush=True)


if __name__ == "__main__":
    main()
