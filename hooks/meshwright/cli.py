"""The `meshwright` command: one verb for each thing that the platform does for a product or for the mesh.

Exit codes: 0 all kept, 1 a promise is not kept, 2 wrong usage or unreadable input. A verb imports what it
needs when it runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from meshwright.access.command import access
from meshwright.assess.command import assess
from meshwright.catalog.command import catalog
from meshwright.export.command import export
from meshwright.rollout.command import rollout


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
def check(products: tuple[Path, ...], form: str) -> None:
    """Checks the metamodel, the contract and the access policy of PRODUCTS (repositories; the current one if none)."""
    from meshwright.check import READABLE, check
    from meshwright.findings import FORMATS

    findings = check(products or (Path(),))
    told = FORMATS[form](findings)
    if told:
        click.echo(told)
    errors = [finding for finding in findings if finding.level == "error"]
    if form == "human":
        count = f"{len(products) or 1} product{'s' if len(products) > 1 else ''} checked"
        summary = f"{len(errors)} error{'s' if len(errors) != 1 else ''}" if errors else "all promises kept"
        click.echo(f"{count}: {summary}", err=bool(errors))
    if errors:
        sys.exit(2 if all(finding.rule == READABLE for finding in errors) else 1)


@main.command()
@click.argument("name", required=False)
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
def capabilities(name: str | None, form: str) -> None:
    """Lists the registry of capabilities, or explains the one called NAME (such as `file` or `file@1`)."""
    from meshwright import registry
    from meshwright.capabilities import as_json, explained, listed

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
main.add_command(rollout)
