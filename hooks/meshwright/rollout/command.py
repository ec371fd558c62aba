"""The four commands of `meshwright rollout`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.core import files
from meshwright.core.console import Verbs, stop

if TYPE_CHECKING:
    from meshwright.rollout.outcome import Outcome

FUNCTION = Callable[..., None]


@click.group(cls=Verbs, extra="mesh")
def rollout() -> None:
    """Update every repository of a mesh to a release of the template.

    Exit codes: 0 success; 1 a repository has conflicts or drift, failed, or was not reached; 2 the mesh
    or the template cannot be read.
    """


def everywhere(command: FUNCTION) -> FUNCTION:
    """Add the options that all four commands have."""
    for option in reversed(
        (
            click.option("--fleet", default="mesh.yaml", show_default=True, metavar="FILE|URL", help="The repositories."),
            click.option("--wave", "waves", multiple=True, metavar="NAME", help="Only this wave (repeatable)."),
            click.option("--only", multiple=True, metavar="PATTERN", help="Only repositories whose name or address matches (repeatable)."),
            click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True),
            click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Also write an HTML page."),
            click.option("--jobs", type=click.IntRange(1, 256), help="Number of repositories processed in parallel."),
            click.option("--timeout", type=click.FloatRange(1), default=120.0, show_default=True, metavar="SECONDS", help="Timeout for each answer of a server."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


TO = click.option("--to", metavar="VERSION", help="A version of the template (default: the newest release).")


@rollout.command()
@TO
@everywhere
def status(**options: Any) -> None:
    """Show the version of each repository, and how many releases it is behind."""
    _roll("status", **options)


@rollout.command()
@TO
@everywhere
def plan(**options: Any) -> None:
    """Show which repositories would take a version without conflicts, and why others would not. Changes nothing."""
    _roll("plan", **options)


@rollout.command()
@TO
@click.option(
    "--with-conflicts",
    is_flag=True,
    help="Also push updates with conflicts, between markers, for people to resolve.",
)
@click.option(
    "--verify",
    is_flag=True,
    help="Run each product's own checks on the result first. This executes its code on this machine.",
)
@click.option("--keep-going", is_flag=True, help="Begin the next wave even if the one before has failures.")
@everywhere
def apply(**options: Any) -> None:
    """Push a version to each repository as a branch, and open a pull request. Run it again to continue."""
    _roll("apply", **options)


@rollout.command()
@everywhere
def drift(**options: Any) -> None:
    """Show which of the template's files a repository has changed, as a diff."""
    _roll("drift", to=None, **options)


def _roll(
    verb: str,
    fleet: str,
    waves: tuple[str, ...],
    only: tuple[str, ...],
    form: str,
    page: Path | None,
    jobs: int | None,
    **options: Any,
) -> None:
    from meshwright.core.git import OF_A_REPOSITORY

    for name in OF_A_REPOSITORY:  # a hook that starts us must not make us, or Copier, work in its repository
        os.environ.pop(name, None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from meshwright.core.yaml import Unreadable
    from meshwright.rollout import run
    from meshwright.rollout.fleet import read
    from meshwright.rollout.report import FORMATS, html

    try:
        mesh = read(fleet)
    except Unreadable as error:
        raise error.of(fleet) from error
    unknown = [wave for wave in waves if wave not in mesh.waves]
    if unknown:
        stop(f"{fleet} has no wave {unknown[0]}.", f"It has {', '.join(mesh.waves)}.")
    repositories = run.chosen(mesh, waves, only)
    if not repositories:
        stop(f"No repository of {fleet} matches.", "Relax --wave and --only.")
    progress = _Progress(len(repositories))
    try:
        report = run.roll(
            verb, mesh, repositories, jobs=jobs or run.default_jobs(), progress=progress.one, **options
        )
    finally:
        progress.done()
    if page:
        files.write(page, html(report), "Give another file with --html.")
        click.echo(f"wrote {page}", err=True)
    click.echo(FORMATS[form](report))
    sys.exit(130 if report.interrupted else 0 if report.well else 1)


class _Progress:
    """A counter of repositories, on a terminal."""

    def __init__(self, total: int) -> None:
        self.total, self.count = total, 0
        self.shown = sys.stderr is not None and sys.stderr.isatty()

    def one(self, outcome: Outcome) -> None:
        from meshwright.core.text import printable

        self.count += 1
        if self.shown:
            click.echo(
                f"\r\x1b[K{self.count}/{self.total}  {printable(outcome.name[:60])}", nl=False, err=True
            )

    def done(self) -> None:
        if self.shown:
            click.echo("\r\x1b[K", nl=False, err=True)
