"""The command `meshwright check`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshwright.core.console import Verb, errors

if TYPE_CHECKING:
    from meshwright.product.record import Record


@click.command(cls=Verb, extra="contract")
@click.argument("products", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "github", "sarif", "json"]),
    default="human",
    show_default=True,
    help="Output format of the findings.",
)
@click.option(
    "--mesh",
    "sources",
    metavar="SOURCE",
    multiple=True,
    help="The rest of the mesh, to check inputs and names against: a folder of repositories, a file of records, or a "
    "catalog's address. Can be repeated.",
)
@click.option(
    "--against",
    metavar="COMMIT",
    help="Report changes since this commit that break consumers without a new major version.",
)
def check(products: tuple[Path, ...], form: str, sources: tuple[str, ...], against: str | None) -> None:
    """Check the metamodel, the contract and the access policy of PRODUCTS (repositories; default: the current one), and
    advise which way of sharing fits the data they read from other products."""
    from meshwright.check import engine
    from meshwright.check.findings import FORMATS

    others, retired = _others(products or (Path(),), sources)
    findings = engine.check(products or (Path(),), others, retired, against)
    report = FORMATS[form](findings)
    if report:
        click.echo(report)
    failing = [finding for finding in findings if finding.level == "error"]
    if form == "human":
        count = f"{len(products) or 1} product{'s' if len(products) > 1 else ''} checked"
        excepted = sum(finding.level == "excepted" for finding in findings)
        summary = (
            _counted(len(failing), "error") if failing else "no errors" if excepted else "all rules kept"
        )
        if excepted:
            summary += f", {excepted} excepted for a while"
        if warnings := sum(finding.level == "warning" for finding in findings):
            summary += f", {_counted(warnings, 'warning')}"
        click.echo(f"{count}: {summary}", err=bool(failing))
    if failing:
        sys.exit(2 if all(finding.rule == engine.READABLE for finding in failing) else 1)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _others(
    products: Sequence[Path], sources: Sequence[str]
) -> tuple[Sequence[Record] | None, Mapping[str, str]]:
    """Return the mesh given by `sources`, and which products it has retired of those that are read."""
    if not sources:
        return None, {}
    from meshwright.mesh.sources import of_repository, records, retired

    with errors("catalog"):
        others = records(sources)
        there = {record.id for record in others}
        read = {entry.product for root in products for entry in of_repository(root).inputs if entry.product}
        return others, retired(sources, read - there)
