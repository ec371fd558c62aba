"""Where a product lies: which database, and what its schemas and roles are called there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg

from pipeline.errors import UnreadableInput
from pipeline.spec import Capability, Product
from pipeline.sql import identifier

NAME_BYTES = 63
"""PostgreSQL cuts what is longer, and says so to nobody who listens."""

SCHEMA = re.compile(r"(?!pg_)[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Place:
    """A product in a database."""

    schema: str
    dataset: str
    url: str = field(default="", repr=False)
    """Of the database; it may hold a password. Empty: `folder` is an embedded server's."""
    folder: Path = Path()

    @property
    def pipeline(self) -> str:
        """The role that publishes."""
        return f"{self.schema}_pipeline"

    @property
    def access(self) -> str:
        """The role that gives others access."""
        return f"{self.schema}_access"

    @property
    def private(self) -> str:
        """The schema of the data itself."""
        return f"{self.schema}_private"

    @property
    def audit(self) -> str:
        """The schema of the records of who was given access."""
        return f"{self.schema}_audit"

    @property
    def view(self) -> str:
        """The view that readers' views are made over, as SQL writes it."""
        return self.named(self.dataset)

    def named(self, name: str) -> str:
        """Something in the private schema, as SQL writes it."""
        return f"{identifier(self.private)}.{identifier(whole(name))}"


def place(used: Capability, product: Product, schema: str = "") -> Place:
    """Where the properties of a port, or of the platform, say. `schema`: what it is called where they do not.

    Raises UnreadableInput.
    """
    schema, url = used.properties.get("schema", schema or product.dataset), used.properties["url"]
    if not SCHEMA.fullmatch(schema):
        raise UnreadableInput(
            f"{schema} is no name for a product in a database: give {used.name or 'the platform'} the property `schema`,"
            " small letters, digits and `_`, a letter first, not pg_, at most 40"
        )
    if "://" not in url:
        return Place(schema, product.dataset, folder=product.root / url)
    if not url.startswith(("postgresql://", "postgres://")):
        raise UnreadableInput("The url of a PostgreSQL database begins with postgresql://")
    _parts(url)
    return Place(schema, product.dataset, url=url)


def whole(name: str) -> str:
    """The name, if PostgreSQL keeps all of it. Raises UnreadableInput."""
    if len(name.encode()) > NAME_BYTES:
        raise UnreadableInput(
            f"The name {name} is longer than the {NAME_BYTES} bytes of a name in PostgreSQL: find a shorter one"
        )
    return name


def shown(place: Place) -> str:
    """Where readers find the data: the database, with the product's schema on its search path, and no login."""
    if not place.url:
        return str(place.folder)
    parts = _parts(place.url)
    hosts, ports = (parts.get(key, "").split(",") for key in ("host", "port"))
    if len(ports) == 1:
        ports *= len(hosts)
    network = ",".join(
        quote(host, safe="") + (f":{port}" if port else "") for host, port in zip(hosts, ports, strict=True)
    )
    # Only what is named here: whatever else is in an url may be a secret.
    more: dict[str, str] = {key: parts[key] for key in ("service", "sslmode") if key in parts}
    more["options"] = f"-csearch_path={place.schema}"
    return (
        f"postgresql://{network}/{quote(parts.get('dbname', ''), safe='')}?{urlencode(more, quote_via=quote)}"
    )


def _parts(url: str) -> dict[str, str]:
    """The url as libpq takes it. Raises UnreadableInput, without the url, where a part may be one of a password."""
    try:
        parts = {key: str(value) for key, value in psycopg.conninfo.conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        parts = {"port": "none"}
    # An `@` or a `/` in a password that is not quoted ends it, and the rest of it becomes another part.
    others = [parts.get("dbname", ""), *(host[1:] for host in parts.get("host", "").split(","))]
    if any("@" in part for part in others) or re.search(r"[^0-9,]", parts.get("port", "")):
        raise UnreadableInput(
            "The url is none that libpq understands, or its password has characters that an url must quote"
            " (`@` is %40, `/` is %2F). It is not shown here, because it may hold a password."
        )
    return parts
