"""`meshwright catalog serve`, `token` and `site`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshwright.core.console import Verb, Verbs, errors, stop
from meshwright.mesh.catalog_variables import FORGE_VARIABLE, LOGIN_VARIABLE
from meshwright.serve.options import DATABASE, shares_option

if TYPE_CHECKING:
    from meshwright.serve.catalog_store import CatalogStore
    from meshwright.serve.following.places import Places
    from meshwright.serve.login.provider import Provider
    from meshwright.serve.pull_requests import PullRequests
    from meshwright.serve.search_index import Synonyms
    from meshwright.serve.sharing.shared_ports import SharedPort


@click.command(cls=Verb, extra="catalog")
@DATABASE
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8420, show_default=True, help="0: any free port."
)
@click.option(
    "--private", is_flag=True, help="Require a token for reading, too; browsers send it as the password."
)
@click.option("--url", default="", metavar="URL", help="The catalog's public address, behind a proxy.")
@click.option(
    "--template", metavar="URL", help="The template in /api/mesh.yaml (default: the most common one)."
)
@click.option(
    "--readers",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Who can read what, as `meshwright access report --format json` wrote it: a page at /readers, for tokens with --admin and members of --login-governance.",
)
@shares_option()
@click.option(
    "--login",
    "issuer",
    default="",
    metavar="URL",
    help="The OpenID Connect provider that people sign in with (its issuer); needs --login-client and --url.",
)
@click.option(
    "--login-client",
    "client",
    default="",
    metavar="ID",
    help=f"What the provider knows the catalog by; its secret is read from {LOGIN_VARIABLE}, only.",
)
@click.option(
    "--login-group",
    "groups",
    multiple=True,
    metavar="NAME",
    help="Only members of this group may sign in (repeatable).",
)
@click.option(
    "--login-governance",
    "governance",
    multiple=True,
    metavar="NAME",
    help="Members of this group see who reads what, by name (/readers; repeatable).",
)
@click.option(
    "--login-groups-read",
    "groups_read",
    is_flag=True,
    help="The provider's groups are those of agreements: their members are shown sample rows in their roles. Only where nobody makes groups of their own there.",
)
@click.option(
    "--pull-requests",
    "places",
    multiple=True,
    metavar="URL",
    help=f"Open pull requests for people who have signed in, in the repositories below this address of a forge, such as https://github.com/example (repeatable, one forge); the token is read from {FORGE_VARIABLE}, only.",
)
@click.option(
    "--pull-requests-forge",
    "forge",
    type=click.Choice(["github", "gitlab"]),
    help="Which forge --pull-requests is on, if the name of its host does not say so.",
)
@click.option(
    "--synonyms",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Words that mean the same in this organisation, for the search: a YAML file with a list `synonyms` of lists of words.",
)
def serve(
    database: str,
    host: str,
    port: int,
    private: bool,
    url: str,
    template: str | None,
    readers: Path | None,
    shares: Path | None,
    issuer: str,
    client: str,
    groups: tuple[str, ...],
    governance: tuple[str, ...],
    groups_read: bool,
    places: tuple[str, ...],
    forge: str | None,
    synonyms: Path | None,
) -> None:
    """Serve the embedded catalog: its API and its pages. Without a token, nothing can be written."""
    import asyncio
    import signal
    import socket

    shared = _shared(shares) if shares else None
    provider = _login_provider(issuer, client, groups, governance, url, groups_read) if issuer else None
    pull_requests = _pull_requests(places, forge or "", provider) if places else None
    following = _places() if provider else None
    store = _store(database)
    import uvicorn

    from meshwright.serve.app import Settings, application

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol given, because otherwise asyncio does not disable Nagle's algorithm, which costs 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)  # so that clients of the line printed below can connect at once
    except OSError as error:
        stop(f"Cannot listen on {host}:{port}: {error.strerror}.", "Choose another port with --port.")
    settings = Settings(
        private,
        url,
        template,
        shares=shared,
        provider=provider,
        readers=readers,
        pull_requests=pull_requests,
        synonyms=_synonyms(synonyms),
        places=following,
    )
    app = application(store, settings)
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
    # The server stops cleanly and then raises the signal again; a requested stop is not a failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    sys.setswitchinterval(
        0.001
    )  # seconds; otherwise a computing thread delays all answers five times as long
    asyncio.run(uvicorn.Server(config).serve([listening]))


@click.group(cls=Verbs, extra="catalog")
def token() -> None:
    """Manage tokens for writing to the embedded catalog, or reading a private one."""


@token.command()
@DATABASE
@click.option(
    "--product",
    "products",
    multiple=True,
    metavar="DOMAIN/NAME",
    help="Allow publishing and retiring this product only (repeatable).",
)
@click.option("--assess", is_flag=True, help="Allow uploading assessments, and reading.")
@click.option("--read", is_flag=True, help="Allow reading a private catalog.")
@click.option("--admin", is_flag=True, help="Allow everything, and moving products to other repositories.")
@click.option(
    "--expires", "days", type=click.IntRange(1, 3650), metavar="DAYS", help="Days until it expires."
)
@click.option("--note", default="", help="A note, for example on its user.")
def create(
    database: str,
    products: tuple[str, ...],
    assess: bool,
    read: bool,
    admin: bool,
    days: int | None,
    note: str,
) -> None:
    """Create a token and print it; it is not shown again."""
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
        raise click.UsageError("Choose its permissions: --product, --assess, --read or --admin.")
    made, id = store.tokens.create(scopes, note.replace("\0", "")[:500], days)
    store.close()
    click.echo(f"Token {id}. It is not shown again: store it with your secrets.", err=True)
    click.echo(made)


@token.command("list")
@DATABASE
def list_tokens(database: str) -> None:
    """List all tokens and their permissions; never the tokens themselves."""
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
    """Revoke the token with this ID at once."""
    from meshwright.serve.catalog_store.tokens import id_of

    store = _store(database)
    found = store.tokens.revoke(id_of(id) or id)
    store.close()
    if not found:
        stop("There is no such token.", "`meshwright catalog token list` shows them.", 1)
    click.echo("Revoked.")


@click.command(cls=Verb, extra="catalog")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@DATABASE
def site(folder: Path, database: str) -> None:
    """Write all pages of the embedded catalog into FOLDER, as files for any web server or for reading directly."""
    from meshwright.serve.site import export

    store = _store(database)
    try:
        count = export(store, folder)
    finally:
        store.close()
    click.echo(f"{count} product{'s' if count != 1 else ''}: {folder / 'index.html'}")


@click.command(
    cls=Verb,
    extra="catalog",
    epilog="Mail: MESHWRIGHT_SMTP (host:port), MESHWRIGHT_SMTP_FROM, MESHWRIGHT_SMTP_USER, MESHWRIGHT_SMTP_PASSWORD. Webhooks: MESHWRIGHT_WEBHOOK_HOSTS, separated by spaces.",
)
@DATABASE
@click.option(
    "--url", required=True, metavar="URL", help="The catalog's public address, for the links in messages."
)
def notify(database: str, url: str) -> None:
    """Send what has changed to those who follow products; run it every few minutes.

    Exit code 1: something could not be sent; the next run sends it.
    """
    from meshwright.core.http import address
    from meshwright.core.text import printable
    from meshwright.serve.following.sending import deliveries

    places, catalog = _places(), address(url)
    store, failed = _store(database), 0
    try:
        for one in deliveries(store, places, catalog):
            what = f"{one.message.follow.product}: {one.message.follow.kind}"
            failed += bool(one.problem)
            click.echo(
                printable(f"{what} {f'not sent: {one.problem}' if one.problem else 'sent'}"),
                err=bool(one.problem),
            )
    finally:
        store.close()
    if failed:
        stop(f"{failed} messages could not be sent.", "The next run sends them.", 1)


def _places() -> Places:
    """Return where messages may go, by the environment."""
    from meshwright.serve.following.places import places_of

    with errors("catalog"):
        return places_of()


def _login_provider(
    issuer: str,
    client: str,
    groups: tuple[str, ...],
    governance: tuple[str, ...],
    url: str,
    groups_read: bool,
) -> Provider:
    """Return the provider that people sign in with."""
    from meshwright.core.http import address
    from meshwright.serve.login.provider import Provider

    secret = os.environ.get(LOGIN_VARIABLE, "")
    if not (client and url):
        stop("--login needs --login-client and --url.", "Give all three.")
    if not secret:
        stop(f"{LOGIN_VARIABLE} is not set.", "Set it to the secret that the provider gave the catalog.")
    address(issuer)
    return Provider(issuer, client, secret, groups, governance, groups_read)


def _pull_requests(places: tuple[str, ...], forge: str, provider: Provider | None) -> PullRequests:
    """Return where the catalog opens pull requests."""
    token = os.environ.get(FORGE_VARIABLE, "")
    if provider is None:
        stop(
            "--pull-requests needs --login: a pull request is in the name of whoever has signed in.",
            "Give both.",
        )
    if not token:
        stop(f"{FORGE_VARIABLE} is not set.", "Set it to a token that writes contents and pull requests.")
    with errors("catalog,access"):
        from meshwright.serve.pull_requests import pull_requests_in

        return pull_requests_in(places, forge, token)


def _synonyms(path: Path | None) -> Synonyms:
    """Return the words that mean the same; stop if the file cannot be used."""
    from meshwright.core.yaml import Unreadable
    from meshwright.serve.synonyms import known_synonyms

    try:
        return known_synonyms(path)
    except Unreadable as error:
        stop(str(error), error.fix)


def _shared(file: Path) -> Mapping[str, SharedPort]:
    """Return address -> port of what is shared by Delta Sharing."""
    with errors("catalog,access"):
        from meshwright.serve.sharing.shared_ports import shared_ports

        return shared_ports(file)


def _store(database: str) -> CatalogStore:
    from meshwright.serve.catalog_store import CatalogStore

    return CatalogStore(database)
