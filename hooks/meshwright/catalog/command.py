"""The commands of `meshwright catalog`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.catalog import adapters
from meshwright.catalog.agents.command import mcp
from meshwright.core.console import Verbs, errors, stop
from meshwright.mesh.catalog_variables import ADDRESS, TOKEN
from meshwright.serve import command as embedded
from meshwright.serve.sharing.command import share

if TYPE_CHECKING:
    from meshwright.catalog import Adapter, CatalogConnection
    from meshwright.catalog.publish import Prepared
    from meshwright.mesh.publish_result import PublishResult

FUNCTION = Callable[..., None]


class Setting(click.ParamType):  # type: ignore[type-arg]  # generic in some releases of click only
    """A text; the environment variable can contain several, separated and quoted as in a shell."""

    name = "setting"

    def split_envvar_value(self, rv: str) -> list[str]:
        try:
            return shlex.split(rv)
        except ValueError as error:
            raise click.UsageError(f"MESHWRIGHT_CATALOG_SETTINGS: {error}. Close the open quotes.") from error


@click.group(cls=Verbs, extra="catalog")
def catalog() -> None:
    """The organisation's catalog: publish products to it, and serve the embedded one.

    Exit codes: 0 done; 1 refused, by a rule or by the catalog; 2 wrong usage, unreadable input, or no answer.
    """


def elsewhere(command: FUNCTION) -> FUNCTION:
    """Add the options for the catalog to use."""
    for option in reversed(
        (
            click.option("--to", envvar="MESHWRIGHT_CATALOG_KIND", type=click.Choice(["embedded", *adapters.names()]), default="embedded", show_default=True, help="The kind of catalog (or MESHWRIGHT_CATALOG_KIND)."),
            click.option("--catalog", "url", envvar=ADDRESS, metavar="URL", help=f"Its address (or {ADDRESS})."),
            click.option("--set", "settings", envvar="MESHWRIGHT_CATALOG_SETTINGS", multiple=True, type=Setting(), metavar="KEY=VALUE", help="A setting for this kind of catalog (repeatable; or MESHWRIGHT_CATALOG_SETTINGS, separated by spaces, quoted if one contains spaces)."),
            click.option("--patience", type=click.FloatRange(0, 3600), default=120.0, show_default=True, metavar="SECONDS", help="Maximum time of retries after network failures."),
            click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@catalog.command(
    epilog=f"The catalog's token is read from {TOKEN}, only.",
    short_help="Publish a product.",
)
@click.argument("product", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@elsewhere
@click.option("--dry-run", is_flag=True, help="Print what would be sent, from any branch, and send nothing.")
@click.option(
    "--repository",
    metavar="URL",
    help="The address of the product's repository (default: git's remote `origin`).",
)
def publish(product: Path, dry_run: bool, repository: str | None, **options: Any) -> None:
    """Publish PRODUCT (a repository; default: the current one), from its default branch only.

    Unchanged products are not sent again. After a failure, run it again.
    """
    with _refusals():
        from meshwright.catalog import publish as verb
        from meshwright.catalog import sample as sample_rows

        to = verb.adapter(options["to"])
        if dry_run:
            _dry(to, verb.prepared(product, repository), _settings(options["settings"]), options["form"])
            return
        connection = _connection(**options)
        outcome, record = verb.publish(product, repository, to, connection, os.environ)
        if note := sample_rows.note_of_sending(product, record, to, connection):
            outcome = replace(outcome, notes=(*outcome.notes, note))
    _report(outcome, options["form"], hash=record.hash)


@catalog.command(
    epilog=f"The catalog's token is read from {TOKEN}, only.",
    short_help="Send sample rows.",
)
@click.argument("product", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@elsewhere
def sample(product: Path, **options: Any) -> None:
    """Send a few rows of PRODUCT's last run on its sample, masked for each role, for its page in the catalog.

    The product has to be published already. `publish` does the same where its last run was one on the sample.
    """
    with errors("catalog,access"), _refusals():
        from meshwright.catalog import publish as verb
        from meshwright.catalog import sample as sample_rows
        from meshwright.mesh.sources import of_repository

        record = of_repository(product)
        sent = sample_rows.send(product, record, verb.adapter(options["to"]), _connection(**options))
    if options["form"] == "json":
        from meshwright.export import as_json

        click.echo(as_json({"id": record.id, **sent.value()}, None))
        return
    for role, rows in sent.roles.items():
        click.echo(f"{record.id}: {len(rows.rows)} sample rows as {role}, {len(rows.columns)} columns")


@catalog.command(
    epilog=f"The catalog's token is read from {TOKEN}, only.",
    short_help="Retire a product.",
)
@click.argument("product", metavar="DOMAIN/NAME")
@click.option("--reason", required=True, metavar="TEXT", help="The reason, for its users.")
@click.option("--successor", metavar="DOMAIN/NAME", help="The product to use instead.")
@elsewhere
def retire(product: str, reason: str, successor: str | None, **options: Any) -> None:
    """Retire DOMAIN/NAME in the catalog; links to it lead to a page with the reason and its successor."""
    with _refusals():
        from meshwright.catalog import publish as verb
        from meshwright.mesh.catalog_client import split

        for id in filter(None, (product, successor)):
            split(id)
        if not reason.strip():
            stop("The reason is empty.", "Give the reason, for its users: --reason TEXT.")
        outcome = verb.adapter(options["to"]).retire(
            product, _connection(**options), reason.strip(), successor
        )
    _report(outcome, options["form"])


@contextmanager
def _refusals() -> Iterator[None]:
    """Exit with code 1 if the catalog or a rule refuses, after printing the findings."""
    from meshwright.core.yaml import Unreadable

    try:
        yield
    except Unreadable as error:
        from meshwright.catalog.publish import findings_of
        from meshwright.core.http import Refused

        for line in findings_of(error):
            click.echo(line, err=True)
        stop(error.sentence, error.fix, 1 if isinstance(error, Refused) else 2)


def _connection(url: str | None, settings: tuple[str, ...], patience: float, **_: Any) -> CatalogConnection:
    from meshwright.catalog import CatalogConnection

    if not url:
        stop("No catalog is given.", f"Give it with --catalog URL, or set {ADDRESS}.")
    return CatalogConnection(
        url,
        os.environ.get(TOKEN),
        _settings(settings),
        patience,
        lambda sentence: click.echo(sentence, err=True),
    )


def _settings(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [setting.partition("=") for setting in given]
    for key, equals, _value in pairs:
        if not key or not equals:
            stop(f"--set {key} has no value.", "Write --set KEY=VALUE.")
    return {key: value for key, _equals, value in pairs}


def _dry(to: Adapter, ready: Prepared, settings: dict[str, str], form: str) -> None:
    """Print only what would be sent to standard output, so that it can be saved to a file."""
    from meshwright.export import as_json

    payloads = to.payloads(ready.record, settings)
    sent = payloads[0].body if to.NAME == "embedded" else [asdict(payload) for payload in payloads]
    click.echo(as_json(sent, 2 if form == "human" else None))
    _note(ready.notes)
    click.echo("Nothing was sent.", err=True)


def _report(outcome: PublishResult, form: str, **more: str) -> None:
    from meshwright.core.text import printable
    from meshwright.export import as_json

    if form == "json":
        click.echo(as_json({**asdict(outcome), **more}, None))
        return
    _note(outcome.notes)
    where = f": {printable(outcome.url)}" if outcome.url else ""
    click.echo(f"{SAYS[outcome.outcome].format(printable(outcome.id))}{where}")


SAYS = {
    "created": "{} was added to the catalog",
    "updated": "{} is up to date in the catalog",
    "unchanged": "{} has not changed, so nothing was sent",
    "retired": "{} was retired in the catalog",
}


def _note(notes: tuple[str, ...]) -> None:
    from meshwright.core.text import printable

    for note in notes:
        click.echo(f"note: {printable(note)}", err=True)


for verb in (embedded.serve, embedded.token, embedded.site, embedded.notify, share, mcp):
    catalog.add_command(verb)
