"""The `assess` verb."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.core import files
from meshwright.core.console import Verb, stop
from meshwright.mesh.catalog_variables import TOKEN

if TYPE_CHECKING:
    from meshwright.assess.expectations import Expectations
    from meshwright.product.record import Record


@click.command(cls=Verb, extra="assess")
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--catalog",
    metavar="URL",
    help="The catalog that should list the products (default: the source, if it is a catalog).",
)
@click.option("--static", is_flag=True, help="Examine only records, no storage and no catalog.")
@click.option(
    "--expectations",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The organisation's expectations: fitness.yaml.",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE",
    help="Earlier assessments, for trends; this one is appended.",
)
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Also write the dashboard."
)
@click.option(
    "--badges",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write badges for each product and each of its scores.",
)
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.option(
    "--floor",
    "floors",
    multiple=True,
    metavar="NAME=SCORE",
    help="The minimum score of a product, such as secure=80 (repeatable).",
)
@click.option(
    "--product",
    "only",
    multiple=True,
    metavar="DOMAIN/NAME",
    help="Assess only this product, within the whole mesh (repeatable).",
)
@click.option(
    "--publish",
    is_flag=True,
    help=f"Upload the assessment to the catalog, with {TOKEN} from the environment.",
)
@click.option(
    "--afresh",
    is_flag=True,
    help="Examine everything again, also what follows from documents alone and was examined before.",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Number of products assessed in parallel.")
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
    afresh: bool,
    jobs: int | None,
) -> None:
    """Assess whether every product of a mesh is self-describable, addressable, discoverable, secure, trustworthy and
    interoperable, and score it. SOURCES: repositories, folders of them, files of records, or a catalog's address.

    Exit codes: 0 assessed; 1 a product breaks a critical function without an exception, or a score with a floor is below
    it or unknown; 2 wrong usage, or something cannot be read.
    """

    catalog = catalog or _only_catalog(sources)
    _check(catalog, bool(only), bool(history), publish)
    gc.disable()  # nearly all objects live until the end: garbage collection would take a third of the time
    try:
        from meshwright.assess import discovery, report
        from meshwright.assess import history as past
        from meshwright.assess.expectations import Expectations, read
        from meshwright.assess.failures import failures

        expected = read(expectations) if expectations else Expectations()
        lowest = {**expected.floors, **_floors(floors)}
        enabled = discovery.enabled_functions(expected)
        earlier = past.read(history) if history else []
        assessment = _assess(sources, catalog, static, expected, only, jobs, afresh)
        failing = list(failures(assessment, lowest))
        own = frozenset(one.id for one in enabled if discovery.is_built_in(one))
        human = report.human(assessment, earlier, failing, own) if form == "human" else ""
        if page:
            _write_page(page, assessment, earlier, lowest)
        if badges:
            _write_badges(badges, assessment)
        if history:
            past.append(history, assessment, earlier)
        click.echo(human or report.as_json(assessment))
        if publish and catalog:
            _publish(catalog, assessment)
    finally:
        gc.enable()
    sys.exit(1 if failing else 0)


def _only_catalog(sources: tuple[str, ...]) -> str | None:
    """Return the address of the one source that is a catalog."""
    webs = [source for source in sources if source.startswith(("http://", "https://"))]
    return webs[0] if len(webs) == 1 else None


def _check(catalog: str | None, is_part: bool, has_history: bool, publish: bool) -> None:
    """Stop where options do not go together."""
    if is_part and (has_history or publish):
        stop(
            "--product assesses only a part of the mesh, which must not be added to its history.",
            "Omit --history and --publish.",
        )
    if publish and not (catalog and os.environ.get(TOKEN)):
        stop("--publish needs --catalog, and a token.", f"Give the catalog, and set {TOKEN}.")


def _assess(
    sources: tuple[str, ...],
    catalog: str | None,
    static: bool,
    expected: Expectations,
    only: tuple[str, ...],
    jobs: int | None,
    afresh: bool,
) -> dict[str, Any]:
    """Return the assessment of the products of all sources, showing how far it is."""
    from meshwright.assess import kept_verdicts, run
    from meshwright.mesh.sources import observed, records, retired

    now = datetime.now(UTC).replace(microsecond=0)
    mesh = records(sources)
    _known(mesh, only, sources)
    progress = _Progress(len(only) or len(mesh))
    gone = (
        {entry.product for record in mesh for entry in record.inputs} - {record.id for record in mesh} - {""}
    )
    around = ({}, []) if static else (retired(sources, gone), observed(sources))
    try:
        return run.assess(
            mesh,
            now,
            static,
            catalog,
            expected,
            only,
            jobs or _processors(),
            progress.more,
            *around,
            None if afresh else kept_verdicts.KeptVerdicts(kept_verdicts.place()),
        )
    finally:
        progress.done()


def _floors(options: tuple[str, ...]) -> dict[str, int]:
    from meshwright.mesh.scores import CHARACTERISTICS

    floors = {}
    for floor in options:
        name, _, score = floor.partition("=")
        if name not in CHARACTERISTICS:
            stop(
                f"--floor {floor}: there is no characteristic {name}.",
                f"Write one of: {', '.join(CHARACTERISTICS)}.",
            )
        if not score.isascii() or not score.isdigit() or int(score) > 100:
            stop(
                f"--floor {floor}: {score or 'an empty text'} is not a score.",
                "Write a number from 0 to 100, such as secure=80.",
            )
        floors[name] = int(score)
    return floors


def _known(mesh: list[Record], only: tuple[str, ...], sources: tuple[str, ...]) -> None:
    if not mesh:
        stop(
            f"There is no product in {', '.join(sources)}.",
            "Give a product's repository, a folder of them, or a catalog.",
        )
    missing = sorted(set(only) - {record.id for record in mesh})
    if missing:
        stop(
            f"--product {missing[0]}: the mesh has no such product.",
            "Write <domain>/<name>, as in the report.",
        )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write_page(
    page: Path,
    assessment: dict[str, Any],
    earlier: Sequence[Mapping[str, Any]],
    floors: dict[str, int],
) -> None:
    from meshwright.assess import dashboard

    files.write(page, dashboard.page(assessment, earlier, floors=floors))
    click.echo(f"wrote {page}", err=True)


def _write_badges(folder: Path, assessment: dict[str, Any]) -> None:
    from meshwright.assess import badge
    from meshwright.core.text import printable

    for id in badge.write(folder, assessment):
        click.echo(f"no badge for {printable(id)}: it is not a valid file name", err=True)
    click.echo(f"wrote {folder}", err=True)


def _publish(catalog: str, assessment: dict[str, Any]) -> None:
    from meshwright.core.text import printable
    from meshwright.mesh.catalog_client import Catalog

    Catalog(catalog, os.environ[TOKEN]).post_assessment(assessment)
    click.echo(f"uploaded to {printable(catalog)}", err=True)


class _Progress:
    """A counter of products, on a terminal."""

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
