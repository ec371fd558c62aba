"""The `catalog` verb's commands."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.catalog import adapters
from meshwright.core.console import Verbs, stop
from meshwright.mesh.catalog import ADDRESS, TOKEN
from meshwright.serve import command as embedded

if TYPE_CHECKING:
    from meshwright.catalog import Adapter, Place
    from meshwright.catalog.publish import Prepared
    from meshwright.mesh.catalog import Outcome

FUNCTION = Callable[..., None]


class Setting(click.ParamType):  # type: ignore[type-arg]  # generic in some releases of click only
    """A text; a variable of the environment holds several, as a shell would have them."""

    name = "setting"

    def split_envvar_value(self, rv: str) -> list[str]:
        try:
            return shlex.split(rv)
        except ValueError as error:
            raise click.UsageError(f"MESHWRIGHT_CATALOG_SETTINGS: {error}. Close what is open.") from error


@click.group(cls=Verbs, extra="catalog")
def catalog() -> None:
    """The organisation's catalog: publishes products to it, and serves the embedded one.

    Exit codes: 0 done; 1 refused, by a rule or by the catalog; 2 wrong usage, unreadable input, or no answer.
    """


def elsewhere(command: FUNCTION) -> FUNCTION:
    """The options that say which catalog."""
    for option in reversed(
        (
            click.option("--to", envvar="MESHWRIGHT_CATALOG_KIND", type=click.Choice(["embedded", *adapters.names()]), default="embedded", show_default=True, help="Which kind of catalog (or MESHWRIGHT_CATALOG_KIND)."),
            click.option("--catalog", "url", envvar=ADDRESS, metavar="URL", help=f"Its address (or {ADDRESS})."),
            click.option("--set", "settings", envvar="MESHWRIGHT_CATALOG_SETTINGS", multiple=True, type=Setting(), metavar="KEY=VALUE", help="What this kind of catalog needs besides (repeatable; or MESHWRIGHT_CATALOG_SETTINGS, separated by spaces, in quotes where one has any)."),
            click.option("--patience", type=click.FloatRange(0, 3600), default=120.0, show_default=True, metavar="SECONDS", help="How long failures of the network are put up with."),
            click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@catalog.command(
    epilog=f"The catalog's token is read from {TOKEN}, and from nowhere else.",
    short_help="Publishes a product.",
)
@click.argument("product", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@elsewhere
@click.option("--dry-run", is_flag=True, help="Prints what would be sent, from any branch; sends nothing.")
@click.option(
    "--repository",
    metavar="URL",
    help="The product's repository, where git's remote `origin` does not say it.",
)
def publish(product: Path, dry_run: bool, repository: str | None, **options: Any) -> None:
    """Publishes PRODUCT (a repository; the current one if none), from its default branch only.

    What the catalog has already is not sent again. After a failure, run it once more.
    """
    with _refusals():
        from meshwright.catalog import publish as verb

        to = verb.adapter(options["to"])
        if dry_run:
            _dry(to, verb.prepared(product, repository), _settings(options["settings"]), options["form"])
            return
        outcome, record = verb.publish(product, repository, to, _place(**options), os.environ)
    _report(outcome, options["form"], hash=record.hash)


@catalog.command(
    epilog=f"The catalog's token is read from {TOKEN}, and from nowhere else.",
    short_help="Takes a product out.",
)
@click.argument("product", metavar="DOMAIN/NAME")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for those who use it.")
@click.option("--successor", metavar="DOMAIN/NAME", help="What they use instead.")
@elsewhere
def retire(product: str, reason: str, successor: str | None, **options: Any) -> None:
    """Takes DOMAIN/NAME out of the catalog; links to it keep leading to a page that says why, and what to use."""
    with _refusals():
        from meshwright.catalog import publish as verb
        from meshwright.mesh.catalog_client import split

        for id in filter(None, (product, successor)):
            split(id)
        if not reason.strip():
            stop("There is no reason.", "Say why, for those who use it: --reason TEXT.")
        outcome = verb.adapter(options["to"]).retire(product, _place(**options), reason.strip(), successor)
    _report(outcome, options["form"])


@contextmanager
def _refusals() -> Iterator[None]:
    """End the command with exit code 1 where the catalog, or a rule, refuses; after all that they say about it."""
    from meshwright.core.yaml import Unreadable

    try:
        yield
    except Unreadable as error:
        from meshwright.catalog.publish import findings_of
        from meshwright.core.http import Refused

        for line in findings_of(error):
            click.echo(line, err=True)
        stop(error.sentence, error.fix, 1 if isinstance(error, Refused) else 2)


def _place(url: str | None, settings: tuple[str, ...], patience: float, **_: Any) -> Place:
    from meshwright.catalog import Place

    if not url:
        stop("No catalog is named.", f"Name it with --catalog URL, or set {ADDRESS}.")
    return Place(
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
    """Standard output has what would be sent and nothing else, so that it can be kept in a file."""
    from meshwright.export import as_json

    payloads = to.payloads(ready.record, settings)
    sent = payloads[0].body if to.NAME == "embedded" else [asdict(payload) for payload in payloads]
    click.echo(as_json(sent, 2 if form == "human" else None))
    _note(ready.notes)
    click.echo("Nothing was sent.", err=True)


def _report(outcome: Outcome, form: str, **more: str) -> None:
    from meshwright.core.text import printable
    from meshwright.export import as_json

    if form == "json":
        click.echo(as_json({**asdict(outcome), **more}, None))
        return
    _note(outcome.notes)
    where = f": {printable(outcome.url)}" if outcome.url else ""
    click.echo(f"{SAYS[outcome.outcome].format(printable(outcome.id))}{where}")


SAYS = {
    "created": "{} is in the catalog now",
    "updated": "{} is up to date in the catalog",
    "unchanged": "{} has not changed, so nothing was sent",
    "retired": "{} is taken out of the catalog",
}


def _note(notes: tuple[str, ...]) -> None:
    from meshwright.core.text import printable

    for note in notes:
        click.echo(f"note: {printable(note)}", err=True)


for verb in (embedded.serve, embedded.token, embedded.site):
    catalog.add_command(verb)
