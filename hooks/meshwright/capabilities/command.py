"""The command `meshwright capabilities`."""

from __future__ import annotations

import click

from meshwright.core.console import Verb


@click.command(cls=Verb)
@click.argument("name", required=False)
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
def capabilities(name: str | None, form: str) -> None:
    """List the registry of capabilities, or explain the capability NAME (such as `file` or `file@1`)."""
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
