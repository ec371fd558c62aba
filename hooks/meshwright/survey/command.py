"""The command `meshwright survey`."""

from __future__ import annotations

import sys

import click

from meshwright.core.console import Verb


@click.command(cls=Verb, extra="draft,mesh")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--domain", metavar="NAME", help="The domain of the products to be (default: that of the products in the sources, if all have the same).")  # fmt: skip
@click.option("--mesh", multiple=True, metavar="SOURCE", help="Where the mesh's products are: repositories, a folder of them, a file of records, or a catalog's address (repeatable).")  # fmt: skip
@click.option("--profile", is_flag=True, help="Also read rows, to verify keys and references that are not declared. Needs the right to select.")  # fmt: skip
@click.option("--template", metavar="URL", help="The template in the printed commands (default: where this package comes from).")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def survey(
    sources: tuple[str, ...], domain: str | None, mesh: tuple[str, ...], profile: bool, template: str | None, form: str
) -> None:  # fmt: skip
    """Survey the SOURCES of a domain: which data products could be made of what is there, and which are there already.

    A SOURCE is a database's address (postgresql://user@host/database, mysql://…, sqlite:///file.db), a dbt project or its
    manifest.json, a git repository (a folder or an address), a folder of repositories, or a folder or bucket of files.
    NAME=SOURCE gives it a name. Nothing is written; only catalogs are read, no rows, unless --profile.

    Exit codes: 0 all was read; 1 something could not be read, and is listed; 2 wrong usage, or nothing could be read.
    """
    from meshwright.survey.commands import TEMPLATE, Template, own_template
    from meshwright.survey.document import as_json
    from meshwright.survey.report import as_text
    from meshwright.survey.run import survey as made

    _check_domain(domain)
    chosen = Template(template) if template else own_template()
    if chosen.url == TEMPLATE:
        click.echo(
            f"The template's address is not known; the commands have {TEMPLATE}. Give --template URL.",
            err=True,
        )
    result = made(sources, domain or "", mesh, chosen, profile)
    click.echo(as_json(result) if form == "json" else as_text(result), nl=False)
    if result.unread:
        click.echo(
            f"{len(result.unread)} part{'s' if len(result.unread) != 1 else ''} of the sources could not be read; see `Not read` above.",
            err=True,
        )
        sys.exit(1 if result.sources else 2)


def _check_domain(domain: str | None) -> None:
    import re

    if domain and (not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", domain) or len(domain) > 40):
        raise click.UsageError(
            "--domain takes small letters, digits and single hyphens, at most 40 characters, such as customer-care."
        )
