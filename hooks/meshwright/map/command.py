"""The `map` verb."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from meshwright.core import files
from meshwright.core.console import Verb, stop
from meshwright.core.renamed import with_old

DRAWN = {"html", "svg"}
"""Formats that nobody reads in a terminal: they go to a file."""
SHOWN = 20
"""Issues that are told in a terminal; every format has them all."""


@click.command("map", cls=Verb, extra="catalog")
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--format", "form", type=click.Choice(["html", "svg", "mermaid", "likec4", "json"]), default="html", show_default=True,
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Where it goes: html and svg to mesh.html and mesh.svg, if none is named, the others to standard output.",
)  # fmt: skip
@click.option(
    "--focus", metavar="DOMAIN/NAME", help="Only this product, what it comes from and what comes from it."
)
@click.option(
    "--domain", "domains", multiple=True, metavar="DOMAIN", help="Only this domain and its direct neighbours (repeatable).",
)  # fmt: skip
def draw(
    sources: tuple[str, ...], form: str, output: Path | None, focus: str | None, domains: tuple[str, ...]
) -> None:
    """Draws the logical architecture of a mesh from its specs alone, and names what is wrong with its lineage.

    SOURCES: repositories, folders of them, files of records, or a catalog's address.

    Exit codes: 0 drawn, warnings at most; 1 drawn, and there are errors; 2 wrong usage, or something cannot be read.
    """
    from meshwright.core.text import printable
    from meshwright.map.model import model
    from meshwright.mesh.sources import records, retired

    if focus and domains:
        raise click.UsageError("--focus and --domain go different ways: name one of them.")
    found = records(sources)
    there = {record.id for record in found}
    read = {entry.product for record in found for entry in record.inputs if entry.product}
    map = model(found, focus, domains, retired=retired(sources, read - there))
    unread = [record for record in found if record.problem]
    for record in unread[:SHOWN]:
        click.echo(f"{printable(record.id)}: {printable(record.problem)}", err=True)
    try:
        drawn = _formats()[form](map)
    except ModuleNotFoundError as error:
        from meshwright.core.install import install_command

        if (error.name or "").partition(".")[0] not in ("jinja2", "markupsafe"):
            raise
        stop("The page needs Jinja, which is not installed.", install_command("assess"))
    target = output or (Path(f"mesh.{form}") if form in DRAWN else None)
    if target:
        files.write(target, drawn, "Name another file with --output.", parents=True)
    else:
        click.echo(drawn, nl=False)
    _summarize(map, form, target)
    if unread:
        sys.exit(2)
    if any(issue["level"] == "error" for issue in map["issues"]):
        sys.exit(1)


def as_json(map: Mapping[str, Any]) -> str:
    """Sorted keys, so that two maps can be compared line by line."""
    return json.dumps(with_old(map), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _formats() -> Mapping[str, Callable[[Mapping[str, Any]], str]]:
    from meshwright.map import html, likec4, mermaid, svg

    return {
        "html": html.drawn,
        "svg": svg.document,
        "mermaid": mermaid.flowchart,
        "likec4": likec4.document,
        "json": as_json,
    }


def _summarize(map: Mapping[str, Any], form: str, target: Path | None) -> None:
    """The summary, on standard error: standard output is the map's."""
    from meshwright.map import mermaid

    for issue in map["issues"][:SHOWN]:
        click.echo(f"{issue['level']} {issue['kind']}: {issue['product']}: {issue['sentence']}", err=True)
        click.echo(f"    fix: {issue['fix']}", err=True)
    if len(map["issues"]) > SHOWN:
        click.echo(f"… {len(map['issues']) - SHOWN} more (--format json)", err=True)
    if form == "mermaid" and not mermaid.is_narrow(map):
        click.echo(
            "Too many products for a flowchart: it has the domains only. For less, use --domain or --focus.",
            err=True,
        )
    errors = sum(issue["level"] == "error" for issue in map["issues"])
    warnings = len(map["issues"]) - errors
    counts = ", ".join(f"{number} {word}{'s' if number > 1 else ''}" for number, word in ((errors, "error"), (warnings, "warning")) if number)  # fmt: skip
    products, domains = len(map["products"]), len(map["domains"])
    click.echo(
        f"{products} product{'s' if products != 1 else ''} in {domains} domain{'s' if domains != 1 else ''}: "
        f"{counts or 'nothing is wrong with the lineage'}" + (f"; see {target}" if target else ""),
        err=True,
    )
