"""The `assess` verb."""

from __future__ import annotations

import gc
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshwright.core import files
from meshwright.core.console import Verb, stop
from meshwright.mesh.catalog import TOKEN

if TYPE_CHECKING:
    from meshwright.product.record import Record


@click.command(cls=Verb, extra="assess")
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--catalog",
    metavar="URL",
    help="The catalog in which products should be found; the source, if it is one.",
)
@click.option("--static", is_flag=True, help="Look at records alone: at no storage and no catalog.")
@click.option(
    "--expectations",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What the organisation expects: fitness.yaml.",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE",
    help="Earlier assessments, for the trend; this one is added.",
)
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Writes the dashboard, too."
)
@click.option(
    "--badges",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Writes a badge for each product, and each of its scores.",
)
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.option(
    "--floor",
    "floors",
    multiple=True,
    metavar="NAME=SCORE",
    help="The lowest score that a product may have, such as secure=80 (repeatable).",
)
@click.option(
    "--product",
    "only",
    multiple=True,
    metavar="DOMAIN/NAME",
    help="Only this product, seen in the whole mesh (repeatable).",
)
@click.option(
    "--publish",
    is_flag=True,
    help=f"Hands the assessment in to the catalog, with {TOKEN} from the environment.",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Products at the same time.")
def assess(
    sources: tuple[str, ...],
    catalog: str | None,
    static: bool,
    expectations: Path | None,
    history: Path | None,
    page: Path | None,
    badges: Path | None,
    form: str,
    floors: tuple[str, ...],
    only: tuple[str, ...],
    publish: bool,
    jobs: int | None,
) -> None:
    """Asks every product of a mesh whether it is self-describable, addressable, discoverable, secure, trustworthy and
    interoperable, and scores it. SOURCES: repositories, folders of them, files of records, or a catalog's address.

    Exit codes: 0 assessed; 1 a product breaks a critical function without an exception, is below a floor, or unknown
    where there is one; 2 wrong usage, or something cannot be read.
    """

    now = datetime.now(UTC).replace(microsecond=0)
    webs = [source for source in sources if source.startswith(("http://", "https://"))]
    if not catalog and len(webs) == 1:
        catalog = webs[0]
    if only and (history or publish):
        stop(
            "--product assesses a part of the mesh, which is no part of its history.",
            "Leave out --history and --publish.",
        )
    if publish and not (catalog and os.environ.get(TOKEN)):
        stop("--publish needs --catalog, and a token.", f"Name the catalog, and set {TOKEN}.")
    gc.disable()  # all that is made is kept to the end: looking for what is not would take a third of the time
    try:
        from meshwright.assess import badge, dashboard, discovery, report, run
        from meshwright.assess import history as past
        from meshwright.assess.expectations import Expectations, read
        from meshwright.core.text import printable
        from meshwright.mesh.sources import records

        expected = read(expectations) if expectations else Expectations()
        lowest = {**expected.floors, **_floors(floors)}
        run.functions(expected)
        earlier = past.read(history) if history else []
        mesh = records(sources)
        _known(mesh, only, sources)
        progress = _Progress(len(only) or len(mesh))
        try:
            found = run.assess(
                mesh, now, static, catalog, expected, only, jobs or _processors(), progress.more
            )
        finally:
            progress.done()
        failures = list(run.failures(found, lowest))
        own = frozenset(one.id for one in run.functions(expected) if discovery.is_built_in(one))
        human = report.human(found, earlier, lowest, failures, own) if form == "human" else ""
        if page:
            files.write(page, dashboard.page(found, earlier, floors=lowest))
            click.echo(f"wrote {page}", err=True)
        if badges:
            _badges(badges, badge.write(badges, found, lowest))
        if history:
            past.append(history, found, earlier)
        click.echo(human or report.as_json(found))
        if publish and catalog:
            from meshwright.mesh.catalog_client import Catalog

            Catalog(catalog, os.environ[TOKEN]).post_assessment(found)
            click.echo(f"handed in to {printable(catalog)}", err=True)
    finally:
        gc.enable()
    sys.exit(1 if failures else 0)


def _floors(said: tuple[str, ...]) -> dict[str, int]:
    from meshwright.mesh.scores import CHARACTERISTICS

    floors = {}
    for floor in said:
        name, _, score = floor.partition("=")
        if name not in CHARACTERISTICS:
            stop(
                f"--floor {floor}: there is no characteristic {name}.",
                f"Write one of: {', '.join(CHARACTERISTICS)}.",
            )
        if not score.isascii() or not score.isdigit() or int(score) > 100:
            stop(
                f"--floor {floor}: {score or 'nothing'} is no score.",
                "Write a number from 0 to 100, such as secure=80.",
            )
        floors[name] = int(score)
    return floors


def _known(mesh: list[Record], only: tuple[str, ...], sources: tuple[str, ...]) -> None:
    if not mesh:
        stop(
            f"There is no product in {', '.join(sources)}.",
            "Name a product's repository, a folder of them, or a catalog.",
        )
    missing = sorted(set(only) - {record.id for record in mesh})
    if missing:
        stop(
            f"--product {missing[0]}: the mesh has no such product.",
            "Write <domain>/<name>, as the report does.",
        )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _badges(folder: Path, left_out: list[str]) -> None:
    from meshwright.core.text import printable

    for id in left_out:
        click.echo(f"no badge for {printable(id)}: it is no name that a file can have", err=True)
    click.echo(f"wrote {folder}", err=True)


class _Progress:
    """A line that counts, where somebody watches."""

    def __init__(self, total: int) -> None:
        self.total, self.count = total, 0
        self.shown = sys.stderr is not None and sys.stderr.isatty()

    def more(self, count: int) -> None:
        self.count += count
        if self.shown:
            click.echo(f"\r\x1b[K{self.count}/{self.total} products", nl=False, err=True)

    def done(self) -> None:
        if self.shown:
            click.echo("\r\x1b[K", nl=False, err=True)
