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
"""Formats that are written to a file, because they cannot be read in a terminal."""
SHOWN = 20
"""Number of issues printed in a terminal; every format has them all."""


@click.command("map", cls=Verb, extra="catalog")
@click.argument("sources", nargs=-1)
@click.option(
    "--format", "form", type=click.Choice(["html", "svg", "mermaid", "likec4", "json"]), default="html", show_default=True,
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="The file to write (default: mesh.html for html, mesh.svg for svg, standard output for others).",
)  # fmt: skip
@click.option(
    "--focus", metavar="DOMAIN/NAME", help="Only this product, with everything upstream and downstream."
)
@click.option(
    "--domain", "domains", multiple=True, metavar="DOMAIN", help="Only this domain and its direct neighbours (repeatable).",
)  # fmt: skip
@click.option(
    "--survey", "surveys", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Also draw what a survey found, as `meshwright survey --format json` wrote it (repeatable).",
)  # fmt: skip
def draw(
    sources: tuple[str, ...],
    form: str,
    output: Path | None,
    focus: str | None,
    domains: tuple[str, ...],
    surveys: tuple[Path, ...],
) -> None:
    """Draw the logical architecture of a mesh from its specs alone, and list the problems in its lineage.

    SOURCES: repositories, folders of them, files of records, or a catalog's address; none are needed with --survey.

    Exit codes: 0 drawn, at most with warnings; 1 drawn, with errors; 2 wrong usage, or something cannot be read.
    """
    from meshwright.core.text import printable
    from meshwright.map.model import model
    from meshwright.map.planned import overlay
    from meshwright.mesh.sources import observed, records, retired

    if focus and domains:
        raise click.UsageError("--focus and --domain exclude each other: give only one of them.")
    if not sources and not surveys:
        raise click.UsageError("Give at least one of SOURCES, or --survey.")
    found = records(sources)
    there = {record.id for record in found}
    read = {entry.product for record in found for entry in record.inputs if entry.product}
    map = model(
        found,
        focus,
        domains,
        retired=retired(sources, read - there),
        planned=overlay(surveys, found),
        observed=observed(sources),
    )
    unread = [record for record in found if record.problem]
    for record in unread[:SHOWN]:
        click.echo(f"{printable(record.id)}: {printable(record.problem)}", err=True)
    try:
        drawn = _formats()[form](map)
    except ModuleNotFoundError as error:
        from meshwright.core.install import install_command

        if (error.name or "").partition(".")[0] not in ("jinja2", "markupsafe"):
            raise
        stop("The HTML page requires Jinja, which is not installed.", install_command("assess"))
    target = output or (Path(f"mesh.{form}") if form in DRAWN else None)
    if target:
        files.write(target, drawn, "Give another file with --output.", parents=True)
    else:
        click.echo(drawn, nl=False)
    _summarize(map, form, target)
    if unread:
        sys.exit(2)
    if any(issue["level"] == "error" for issue in map["issues"]):
        sys.exit(1)


def _delta(map: Mapping[str, Any]) -> str:
    counts = map.get("delta", {})
    return f" ({', '.join(f'{count} {state}' for state, count in counts.items())})" if counts else ""


def as_json(map: Mapping[str, Any]) -> str:
    """Return JSON with sorted keys, so that two maps can be compared line by line."""
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
    """Print the summary to standard error, because standard output is for the map."""
    from meshwright.map import mermaid

    for issue in map["issues"][:SHOWN]:
        click.echo(f"{issue['level']} {issue['kind']}: {issue['product']}: {issue['sentence']}", err=True)
        click.echo(f"    fix: {issue['fix']}", err=True)
    if len(map["issues"]) > SHOWN:
        click.echo(f"… {len(map['issues']) - SHOWN} more (--format json)", err=True)
    if form == "mermaid" and not mermaid.is_narrow(map):
        click.echo(
            "Too many products for a flowchart, so it shows only domains. To show products, use --domain or --focus.",
            err=True,
        )
    errors = sum(issue["level"] == "error" for issue in map["issues"])
    warnings = len(map["issues"]) - errors
    counts = ", ".join(f"{number} {word}{'s' if number > 1 else ''}" for number, word in ((errors, "error"), (warnings, "warning")) if number)  # fmt: skip
    products, domains = len(map["products"]), len(map["domains"])
    click.echo(
        f"{products} product{'s' if products != 1 else ''} in {domains} domain{'s' if domains != 1 else ''}: "
        f"{counts or 'no problems in the lineage'}{_delta(map)}" + (f"; see {target}" if target else ""),
        err=True,
    )
