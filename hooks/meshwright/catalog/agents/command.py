"""`meshwright catalog mcp`: an MCP server for programs and agents, over standard input and output."""

from __future__ import annotations

import os
from pathlib import Path

import click

from meshwright.core.console import errors
from meshwright.mesh.catalog_variables import ADDRESS, TOKEN


@click.command(epilog=f"The catalog's token is read from {TOKEN}, only.", short_help="Serve agents by MCP.")
@click.option(
    "--catalog", "url", envvar=ADDRESS, metavar="URL", required=True, help=f"Its address (or {ADDRESS})."
)
@click.option(
    "--principal",
    "principals",
    multiple=True,
    metavar="ID",
    help="Who queries, as agreements name it: id:<service account> or group:<name> (repeatable). Without one, no query is answered.",
)
@click.option(
    "--place",
    "places",
    multiple=True,
    metavar="ADDRESS",
    help="Where queries may read: a folder, s3://bucket/prefix, postgresql://host/database (repeatable). Without one, nowhere.",
)
@click.option(
    "--rows", type=click.IntRange(1, 1000), default=200, show_default=True, help="Maximum rows of an answer."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 300),
    default=20.0,
    show_default=True,
    help="Maximum time of a query.",
)
@click.option(
    "--audit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where each query is recorded. Default: meshwright/mcp-queries.jsonl in XDG_STATE_HOME (~/.local/state).",
)
def mcp(
    url: str, principals: tuple[str, ...], places: tuple[str, ...], rows: int, seconds: float, audit: Path | None
) -> None:  # fmt: skip
    """Serve an MCP client: search, contracts, lineage, how to ask for access, and queries under the caller's own agreement.

    A query runs with the credentials of this process's environment, on the data of the agreement's role alone, and is recorded.
    """
    with errors("catalog,mcp"):
        from meshwright.catalog.agents.port_query import QuerySettings, principals_of
        from meshwright.catalog.agents.server import server
        from meshwright.catalog.client import Client

        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
        where = audit or state / "meshwright/mcp-queries.jsonl"
        settings = QuerySettings(principals_of(principals), places, rows, seconds, where)
        server(Client(url), settings).run("stdio")
