"""The MCP server: its tools, and what they say of themselves. Nothing that a product says gets into a description."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from meshwright.catalog.agents.port_query import QuerySettings
from meshwright.catalog.agents.port_query import query as port_query
from meshwright.catalog.agents.untrusted import NOTE, untrusted, visible
from meshwright.catalog.client import Client
from meshwright.core.errors import Error
from meshwright.product.record import Record

INSTRUCTIONS = (
    "A catalog of data products. Search first, then read the contract; ask for access where a query is refused. "
    + NOTE
)
READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
Product = Annotated[str, Field(description="The id of a product: <domain>/<name>.", max_length=400)]


def server(client: Client, settings: QuerySettings) -> MCPServer[Any]:
    """Return a server over a catalog, whose queries go by `settings`."""
    made: MCPServer[Any] = MCPServer("meshwright", instructions=INSTRUCTIONS)

    @made.tool(annotations=READS)
    def search(
        words: Annotated[str, Field(description="What to look for, in any words.", max_length=400)],
        domain: Annotated[str, Field(description="Only products of this domain.", max_length=200)] = "",
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> dict[str, Any]:
        """Find data products by what they are about. Best first."""
        with _refusals():
            found = []
            for one in client.search(words, domain=domain):
                about = {"title": one.title, "purpose": one.purpose, "classification": one.classification, "standing": one.standing}  # fmt: skip
                found.append({"id": one.id, **about})
                if len(found) == limit:
                    break
            return _answer(products=found)

    @made.tool(annotations=READS)
    def contract(product: Product) -> dict[str, Any]:
        """Read a product's contract: its owner, output ports, columns, quality rules and service levels."""
        with _refusals():
            record = client.record(product)
            levels = [
                {"name": one.name, "objective": one.objective, "kept": one.kept}
                for one in record.service_levels
            ]
            return _answer(
                id=record.id,
                title=record.title,
                version=record.version,
                purpose=record.purpose,
                owner=record.owner.name,
                access=record.access_mode,
                ports=_ports(record),
                serviceLevels=levels,
                contract=record.get("contract"),
            )

    @made.tool(annotations=READS)
    def lineage(product: Product) -> dict[str, Any]:
        """Say what a product reads, and who reads it, with the agreements by which they do, and what runs were seen to read."""
        with _refusals():
            record = client.record(product)
            seen = [
                {"consumer": one.consumer, "source": one.source, "port": one.port, "at": one.at}
                for one in client.lineage()
                if record.id in (one.consumer, one.source)
            ]
            return _answer(id=record.id, reads=_reads(record), readBy=_read_by(record), observed=seen)

    @made.tool(annotations=READS)
    def how_to_ask(product: Product) -> dict[str, Any]:
        """Say how to ask for an agreement with a product: its roles, its owner, and the command that writes the request."""
        from meshwright.serve.page_details import request

        with _refusals():
            record = client.record(product)
            roles = [
                {"role": name, "for": about.get("kind"), "purposes": about.get("purposes")}
                for name, about in record.roles.items()
            ]
            owner = {"name": record.owner.name, "email": record.owner.email, "team": record.owner.team}
            return _answer(
                id=record.id, access=record.access_mode, owner=owner, roles=roles, command=request(record)
            )

    @made.tool(annotations=READS)
    def query(
        product: Product,
        port: Annotated[str, Field(description="The output port to read.", max_length=200)],
        agreement: Annotated[str, Field(description="The agreement by which this program reads it.", max_length=200)],
        sql: Annotated[str, Field(description="One SELECT over the table `port`, in SQL of DuckDB for files, or of PostgreSQL.", max_length=20_000)],
        purpose: Annotated[str, Field(description="What the rows are needed for, in a sentence. It is recorded.", max_length=1000)],
    ) -> dict[str, Any]:  # fmt: skip
        """Query an output port under this program's own agreement, with the masks and rows of its role. Every query is recorded."""
        with _refusals():
            return _answer(**port_query(client.record(product), port, agreement, sql, purpose, settings))

    return made


class _refusals:
    """Hand an error to the client with its fix, and nothing else of it."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Error):
            fix = getattr(error, "fix", "")
            raise ToolError(visible(f"{error} {fix}".strip())) from error


def _answer(**content: Any) -> dict[str, Any]:
    return {"note": NOTE, "untrusted": untrusted(content)}


def _ports(record: Record) -> list[dict[str, Any]]:
    return [{"name": one.name, "uses": one.uses, "address": one.address} for one in record.outputs]


def _reads(record: Record) -> list[dict[str, Any]]:
    return [
        {"input": one.name, "from": one.source, "agreement": one.properties.get("agreement")}
        for one in record.inputs
    ]


def _read_by(record: Record) -> list[dict[str, Any]]:
    return [
        {"agreement": one.agreement, "role": one.role, "port": one.port, "team": one.team, "product": one.consumer, "until": one.until}
        for one in record.readers
    ]  # fmt: skip
