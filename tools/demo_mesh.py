"""The mesh of `make demo`: five products in three domains, made from the template and changed as a team would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from checkout import git

FORGE = "https://git.example.org"
TEAMS = Path(__file__).parent / "demo_products"
"""What each team wrote into its repository, where it is not the template's own sample."""


@dataclass(frozen=True)
class Product:
    """One product of the mesh."""

    name: str
    domain: str
    type: str
    reads: tuple[str, ...] = ()
    """The products whose lake it reads."""
    answers: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    """Files of the template's sample that the team has removed."""
    misses: bool = False
    """Whether its data misses a service level: what it promises and what the real data holds are two things."""

    @property
    def address(self) -> str:
        return f"dp:{self.domain}/{self.name}#lake"

    @property
    def repository(self) -> str:
        return f"{FORGE}/{self.domain}/{self.name}.git"


SOURCE, CONSUMER = "source-oriented", "consumer-oriented"
FLIGHTS = ("sample_data/flights.csv", "sample_data/airlines.csv")
ADA = {"owner_name": "Ada Example", "owner_email": "ada@example.org"}
DEE = {"owner_name": "Dee Example", "owner_email": "dee@example.org"}
ELI = {"owner_name": "Eli Example", "owner_email": "eli@example.org"}
MESH = (
    Product("departures", "airport-operations", SOURCE, answers=ADA | {"outputs": "[parquet, delta]"}),
    Product("aircraft", "fleet-management", SOURCE, answers=DEE, unused=FLIGHTS),
    Product("punctuality", "customer-experience", CONSUMER, reads=("departures",), answers=ELI),
    Product("aircraft-utilisation", "fleet-management", CONSUMER, reads=("departures", "aircraft"),
            answers=DEE | {"outputs": "[parquet, delta]", "classification": "confidential"}, misses=True),
    Product("airline-scorecards", "customer-experience", CONSUMER, reads=("punctuality",),
            answers=ELI | {"access_mode": "open"}, unused=("sample_data/departures.parquet",)),
)  # fmt: skip
"""In an order in which each comes after what it reads."""

Run = Callable[[Path, Mapping[str, str], int], None]
"""Runs the pipeline in a repository, with variables; fails if its exit code is another than the one expected."""


def make(
    template: Path,
    folder: Path,
    products: Sequence[Product] = MESH,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """`copier copy` for each product, then what its team wrote, committed; two at a time."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda product: _made(template, product, folder / product.name, say), products))


def _made(template: Path, product: Product, target: Path, say: Callable[[str], None]) -> None:
    say(f"{product.name} ({product.domain}, {product.type})")
    answers = {"product_name": product.name, "domain": product.domain, "type": product.type}
    answers |= {"traits": "[schedule, lineage]"}
    answers |= product.answers
    data = [part for key, value in answers.items() for part in ("--data", f"{key}={value}")]
    copier = str(Path(sys.executable).parent / "copier")
    command = [copier, "copy", "--quiet", "--defaults", "--vcs-ref", "HEAD", *data]
    subprocess.run([*command, str(template), str(target)], check=True)
    git("init", "--quiet", "--initial-branch", "main", cwd=target)
    _forge(product, target)
    git("add", "--all", cwd=target)
    git("commit", "--quiet", "--message", "The product, as it was made", cwd=target)
    if (TEAMS / product.name).is_dir():
        shutil.copytree(TEAMS / product.name, target, dirs_exist_ok=True)
        for path in product.unused:
            (target / path).unlink()
        git("add", "--all", cwd=target)
        git("commit", "--quiet", "--message", "What this product is", cwd=target)


def _forge(product: Product, target: Path) -> None:
    """A repository at the company's forge, which is a folder here; only git has to know."""
    forge = target.parent / "git.example.org"
    git(
        "init",
        "--quiet",
        "--bare",
        "--initial-branch",
        "main",
        str(forge / product.domain / f"{product.name}.git"),
        cwd=target,
    )
    git("config", f"url.{forge}/.insteadOf", f"{FORGE}/", cwd=target)
    git("remote", "add", "origin", product.repository, cwd=target)


def push(folder: Path, products: Sequence[Product] = MESH) -> None:
    """What is committed goes to the forge, as by a merge."""
    for product in products:
        git("push", "--quiet", "origin", "main", cwd=folder / product.name)
        git("remote", "set-head", "origin", "main", cwd=folder / product.name)


def run(folder: Path, pipeline: Run, agree: Callable[[Product], None] = lambda _: None) -> None:
    """Runs every product once, each after what it reads, two at a time; consumers get the samples of their sources.

    `agree` is called for each product that has run, before others read it.
    """
    registry = folder / "addresses.yaml"
    registry.write_text("{}\n", "utf-8")
    waiting = list(MESH)
    done: set[str] = set()
    while waiting:
        wave = [product for product in waiting if done.issuperset(product.reads)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda product: _ran(product, folder, registry, pipeline), wave))
        for product in wave:
            agree(product)
            lies = yaml.safe_load((folder / product.name / "build/addresses.yaml").read_text("utf-8"))
            with registry.open("a") as addresses:
                yaml.safe_dump(lies, addresses, sort_keys=False)
            text = registry.read_text("utf-8").removeprefix("{}\n")
            registry.write_text(text, "utf-8")
        done |= {product.name for product in wave}
        waiting = [product for product in waiting if product not in wave]


def _ran(product: Product, folder: Path, registry: Path, pipeline: Run) -> None:
    target = folder / product.name
    for read in product.reads:
        name = read.replace("-", "_")
        sample = target / f"sample_data/{name}.parquet"
        if not sample.exists():  # the team takes a sample of what it reads into its repository
            shutil.copyfile(folder / read / f"build/ports/lake/{name}.parquet", sample)
            git("add", "--all", cwd=target)
            git("commit", "--quiet", "--message", f"A sample of {read}", cwd=target)
    pipeline(target, {"ADDRESSES": str(registry)} if product.reads else {}, 3 if product.misses else 0)
