"""The `meshwright` command: one verb for each thing that the platform does for a product or for the mesh.

Exit codes: 0 all kept, 1 a promise is not kept, 2 wrong usage or unreadable input. A verb imports what it
needs when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshwright.access.command import access
from meshwright.assess.command import assess
from meshwright.catalog.command import catalog
from meshwright.export.command import export
from meshwright.map.command import draw
from meshwright.rollout.command import rollout

if TYPE_CHECKING:
    from meshwright.product.record import Record


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meshwright")
def main() -> None:
    """Reads what data products say of themselves, and acts on it."""


@main.command()
@click.argument("products", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "github", "sarif", "json"]),
    default="human",
    show_default=True,
    help="How findings are told.",
)
@click.option(
    "--mesh",
    "sources",
    metavar="SOURCE",
    multiple=True,
    help="What else there is, which inputs and names are held against: a folder of repositories, a file of records, or a "
    "catalog's address. Can be given again.",
)
@click.option(
    "--against",
    metavar="COMMIT",
    help="Refuse what breaks consumers, compared with what this commit promises, without a new major version.",
)
def check(products: tuple[Path, ...], form: str, sources: tuple[str, ...], against: str | None) -> None:
    """Checks the metamodel, the contract and the access policy of PRODUCTS (repositories; the current one if none), and
    says which way of sharing fits what they read of other products."""
    from meshwright.check.engine import READABLE, check
    from meshwright.check.findings import FORMATS

    others, retired = _others(products or (Path(),), sources)
    with _readable(needs="contract"):
        findings = check(products or (Path(),), others, retired, against)
    told = FORMATS[form](findings)
    if told:
        click.echo(told)
    errors = [finding for finding in findings if finding.level == "error"]
    if form == "human":
        count = f"{len(products) or 1} product{'s' if len(products) > 1 else ''} checked"
        summary = _counted(len(errors), "error") if errors else "all rules kept"
        if warnings := sum(finding.level == "warning" for finding in findings):
            summary += f", {_counted(warnings, 'warning')}"
        click.echo(f"{count}: {summary}", err=bool(errors))
    if errors:
        sys.exit(2 if all(finding.rule == READABLE for finding in errors) else 1)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _others(
    products: Sequence[Path], sources: Sequence[str]
) -> tuple[Sequence[Record] | None, Mapping[str, str]]:
    """The mesh that somebody names, and which of what the products read it has no more."""
    if not sources:
        return None, {}
    from meshwright.mesh.sources import of_repository, records, retired

    with _readable(needs="catalog"):
        others = records(sources)
        there = {record.id for record in others}
        read = {entry.product for root in products for entry in of_repository(root).inputs if entry.product}
        return others, retired(sources, read - there)


@contextmanager
def _readable(needs: str) -> Iterator[None]:
    """Tells what cannot be read, or what has to be installed (an extra of ours), and ends there."""
    from meshwright.core.text import printable
    from meshwright.core.yaml import Unreadable

    try:
        yield
        return
    except Unreadable as error:
        problem, mend = str(error), error.mend
    except ModuleNotFoundError as error:
        from meshwright.core.install import install_command

        problem, mend = f"{error.name} is not installed.", install_command(needs)

    click.echo(f"{printable(problem)}\n    mend: {printable(mend)}", err=True)
    sys.exit(2)


@main.command()
@click.argument("name", required=False)
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
def capabilities(name: str | None, form: str) -> None:
    """Lists the registry of capabilities, or explains the one called NAME (such as `file` or `file@1`)."""
    from meshwright.capabilities.report import as_json, explained, listed
    from meshwright.product import registry

    found = [entry for entry in registry.capabilities() if name in (None, entry.name, entry.uses)]
    if not found:
        known = ", ".join(entry.uses for entry in registry.capabilities())
        raise click.BadParameter(f"the registry has no {name}; it has {known}.", param_hint="NAME")
    if form == "json":
        click.echo(as_json(found))
    else:
        click.echo("\n\n".join(map(explained, found)) if name else listed(found))


main.add_command(access)
main.add_command(assess)
main.add_command(catalog)
main.add_command(export)
main.add_command(draw)
main.add_command(rollout)
