"""`meshwright catalog serve`, `token` and `site`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshwright.core.console import Verb, Verbs, stop

if TYPE_CHECKING:
    from meshwright.serve.catalog_store import CatalogStore

DATABASE = click.option(
    "--database", envvar="MESHWRIGHT_CATALOG_DATABASE", default="catalog.db", show_default=True, metavar="FILE|URL", help="A file for SQLite, or postgresql://… (with a password only in MESHWRIGHT_CATALOG_DATABASE, which no process list shows)."
)  # fmt: skip


@click.command(cls=Verb, extra="catalog")
@DATABASE
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8420, show_default=True, help="0: any that is free."
)
@click.option("--private", is_flag=True, help="Reading needs a token, too; browsers give it as password.")
@click.option(
    "--url", default="", metavar="URL", help="The catalog's address as others see it, behind a proxy."
)
@click.option(
    "--template", metavar="URL", help="The template that /api/mesh.yaml names; the most common one, if none."
)
def serve(database: str, host: str, port: int, private: bool, url: str, template: str | None) -> None:
    """Serves the embedded catalog: its API and its pages. Without a token nothing can be written."""
    import asyncio
    import signal
    import socket

    store = _store(database)
    import uvicorn

    from meshwright.serve.app import Settings, application

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, or asyncio does not know that it may switch Nagle's algorithm off, which costs 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)  # so that whoever reads the line below can come at once
    except OSError as error:
        stop(f"{host}:{port} cannot be listened at: {error.strerror}.", "Choose another with --port.")
    app = application(store, Settings(private, url, template))
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=10,
        backlog=1024,
    )
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Catalog at http://{shown}:{listening.getsockname()[1]}/ (stop it with Ctrl-C)")
    sys.stdout.flush()
    # The server stops cleanly and then raises the signal again: being asked to end is no failure.
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, lambda *_: None)
    sys.setswitchinterval(
        0.001
    )  # seconds; a thread that computes would else hold up all answers five times as long
    asyncio.run(uvicorn.Server(config).serve([listening]))


@click.group(cls=Verbs, extra="catalog")
def token() -> None:
    """Who may write to the embedded catalog, or read a private one."""


@token.command()
@DATABASE
@click.option(
    "--product",
    "products",
    multiple=True,
    metavar="DOMAIN/NAME",
    help="Publishes and retires this product, and no other (repeatable).",
)
@click.option("--assess", is_flag=True, help="Hands in assessments, and reads.")
@click.option("--read", is_flag=True, help="Reads a private catalog.")
@click.option("--admin", is_flag=True, help="Does all of it, and hands products over to other repositories.")
@click.option(
    "--expires", "days", type=click.IntRange(1, 3650), metavar="DAYS", help="After how many days it ends."
)
@click.option("--note", default="", help="Whom it is for.")
def create(
    database: str,
    products: tuple[str, ...],
    assess: bool,
    read: bool,
    admin: bool,
    days: int | None,
    note: str,
) -> None:
    """Makes a token and prints it, this once."""
    store = _store(database)
    from meshwright.serve.catalog_store import tokens
    from meshwright.serve.lookup import ID

    for product in products:
        if not ID.fullmatch(product):
            raise click.BadParameter(f"{product} is not DOMAIN/NAME.", param_hint="--product")
    given = ((assess, tokens.ASSESS), (read, tokens.READ), (admin, tokens.ADMIN))
    scopes = {tokens.PRODUCT + product for product in products} | {
        name for is_given, name in given if is_given
    }
    if not scopes:
        raise click.UsageError("Say what it may do: --product, --assess, --read or --admin.")
    made, id = store.tokens.create(scopes, note.replace("\0", "")[:500], days)
    store.close()
    click.echo(f"Token {id}. It is not shown again: keep it where secrets are kept.", err=True)
    click.echo(made)


@token.command("list")
@DATABASE
def list_tokens(database: str) -> None:
    """Every token and what it may do; never the token itself."""
    from meshwright.core.text import printable

    store = _store(database)
    from meshwright.serve import now

    for one in store.tokens.list():
        ends = f"until {one.expires_at[:10]}" if one.expires_at else "does not expire"
        if one.expires_at and one.expires_at <= now():
            ends = f"expired {one.expires_at[:10]}"
        state = f"revoked {one.revoked_at[:10]}" if one.revoked_at else ends
        click.echo(
            printable(
                f"{one.id}  {one.created_at[:10]}  {state}  {' '.join(one.scopes)}  {one.note}".rstrip()
            )
        )
    store.close()


@token.command()
@DATABASE
@click.argument("id")
def revoke(database: str, id: str) -> None:
    """Ends the token with this ID at once."""
    from meshwright.serve.catalog_store.tokens import id_of

    store = _store(database)
    found = store.tokens.revoke(id_of(id) or id)
    store.close()
    if not found:
        stop("There is no such token.", "`meshwright catalog token list` names them.", 1)
    click.echo("Revoked.")


@click.command(cls=Verb, extra="catalog")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@DATABASE
def site(folder: Path, database: str) -> None:
    """Writes all pages of the embedded catalog into FOLDER, to be read from there or put on any web server."""
    from meshwright.serve.site import export

    store = _store(database)
    try:
        count = export(store, folder)
    finally:
        store.close()
    click.echo(f"{count} product{'s' if count != 1 else ''}: {folder / 'index.html'}")


def _store(database: str) -> CatalogStore:
    from meshwright.serve.catalog_store import CatalogStore

    return CatalogStore(database)
