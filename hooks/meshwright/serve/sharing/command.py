"""`meshwright catalog share`: tokens of agreements for Delta Sharing, and who has read by them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from meshwright.core.console import Verbs, stop
from meshwright.serve.options import DATABASE, shares_option


@click.group(cls=Verbs, extra="catalog,access")
def share() -> None:
    """Share a file port by Delta Sharing: a token for an agreement, and what was read with it.

    `meshwright catalog serve --shares FILE` serves it; `meshwright catalog token revoke` ends a token at once.
    """


@share.command()
@click.argument("address", metavar="DOMAIN/PRODUCT#PORT")
@click.argument("agreement")
@shares_option(required=True)
@DATABASE
@click.option("--url", required=True, metavar="URL", help="The catalog's public address.")
def create(address: str, agreement: str, shares: Path, database: str, url: str) -> None:
    """Create a token for AGREEMENT, and print the profile file that Delta Sharing's clients read.

    It ends with the agreement. The agreement has to be in force on the port: run `meshwright access apply` first.
    """
    from meshwright.serve import RequestProblem
    from meshwright.serve.catalog_store import CatalogStore
    from meshwright.serve.catalog_store.tokens import Share
    from meshwright.serve.sharing.shared_ports import shared_ports
    from meshwright.serve.sharing.shared_table import shared_table

    port = shared_ports(shares).get(address.removeprefix("dp:"))
    if port is None:
        stop(f"{shares} does not name {address}.", "Add the port to it, with `uses` and `location`.")
    try:
        table = shared_table(port, agreement, datetime.now(UTC))
    except RequestProblem as problem:
        stop(problem.detail, problem.fix, 1)
    store = CatalogStore(database)
    token, id = store.tokens.create(
        {Share(agreement, table.role, table.commit, port.address).scope},
        f"{agreement}: {table.role}",
        until=table.until,
    )
    store.close()
    profile = {
        "shareCredentialsVersion": 1,
        "endpoint": f"{url.rstrip('/')}/delta-sharing/",
        "bearerToken": token,
    }
    if table.until:
        profile["expirationTime"] = f"{table.until.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    click.echo(
        f"Token {id}, for {table.role}. It is not shown again: send the profile over a safe way. "
        f"The table is {port.domain}.{port.product}.{port.port.name}.",
        err=True,
    )
    click.echo(json.dumps(profile, indent=2))


@share.command()
@DATABASE
@click.option("--agreement", default="", help="Only of this one.")
def log(database: str, agreement: str) -> None:
    """Print every read, as one JSON object a line, the first one first."""
    from meshwright.serve.catalog_store import CatalogStore

    store = CatalogStore(database)
    for read in store.shared_reads.list(agreement):
        click.echo(json.dumps(asdict(read)))
    store.close()
