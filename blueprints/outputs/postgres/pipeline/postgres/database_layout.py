"""Where a product is stored in PostgreSQL: the database, and the names of its schemas and roles."""

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
"""PostgreSQL silently truncates longer names."""

SCHEMA = re.compile(r"(?!pg_)[a-z][a-z0-9_]{0,39}")
SUFFIXES = ("_private", "_audit")
"""What a product's own schemas end with: a port's schema that ends so could be one of another product's."""


@dataclass(frozen=True)
class DatabaseLayout:
    """Where a product is in a database, and the names of its schemas and roles."""

    schema: str
    dataset: str
    url: str = field(default="", repr=False)
    """URL of the database; it may contain a password. Empty: `folder` has an embedded server."""
    folder: Path = Path()
    product: str = ""
    """`<domain>/<name>`, which the comments of the two roles name; empty: nothing is compared."""

    @property
    def pipeline(self) -> str:
        """The role that publishes."""
        return f"{self.schema}_pipeline"

    @property
    def access(self) -> str:
        """The role that grants access to others."""
        return f"{self.schema}_access"

    @property
    def private(self) -> str:
        """The schema of the data itself."""
        return f"{self.schema}_private"

    @property
    def audit(self) -> str:
        """The schema with the records of granted access."""
        return f"{self.schema}_audit"

    @property
    def view(self) -> str:
        """The view that readers' views select from, quoted for SQL."""
        return self.named(self.dataset)

    def named(self, name: str) -> str:
        """Return an object in the private schema, quoted for SQL."""
        return f"{identifier(self.private)}.{identifier(whole(name))}"


def database_layout(used: Capability, product: Product, schema: str = "") -> DatabaseLayout:
    """Return the layout for the properties of a port or the platform. `schema`: the default name.

    Raises UnreadableInput.
    """
    schema, url = used.properties.get("schema", schema or product.dataset), used.properties["url"]
    if not SCHEMA.fullmatch(schema):
        raise UnreadableInput(
            f"{schema} is not a valid schema name for a product.",
            fix=f"Give {used.name or 'the platform'} the property `schema`, with at most 40 lower-case letters, digits and"
            " `_`, beginning with a letter, not with pg_.",
        )
    if used.kind == "outputs" and schema.endswith(SUFFIXES):
        raise UnreadableInput(
            f"The schema {schema} of {used.name} ends with {' or '.join(SUFFIXES)}, as the schemas do that hold another"
            " product's data and audit records: it could be one of them.",
            fix=f"Give {used.name} another property `schema`; in a database server, an administrator then runs what"
            " `meshwright access bootstrap` prints.",
        )
    owner = f"{product.domain}/{product.name}"
    if "://" not in url:
        return DatabaseLayout(schema, product.dataset, folder=product.root / url, product=owner)
    if not url.startswith(("postgresql://", "postgres://")):
        raise UnreadableInput(
            "The url of a PostgreSQL database begins with postgresql://, and this one does not.",
            fix="Correct the property `url` in data-product.yaml, or the variable that it names.",
        )
    _parts(url)
    return DatabaseLayout(schema, product.dataset, url=url, product=owner)


def whole(name: str) -> str:
    """Return the name if PostgreSQL does not truncate it. Raises UnreadableInput."""
    if len(name.encode()) > NAME_BYTES:
        raise UnreadableInput(
            f"The name {name} is longer than the {NAME_BYTES} bytes of a name in PostgreSQL.",
            fix="Choose a shorter one.",
        )
    return name


def shown(layout: DatabaseLayout) -> str:
    """Return where readers find the data: the database, with the product's schema on its search path, without a login."""
    if not layout.url:
        return str(layout.folder)
    parts = _parts(layout.url)
    hosts, ports = (parts.get(key, "").split(",") for key in ("host", "port"))
    if len(ports) == 1:
        ports *= len(hosts)
    network = ",".join(
        quote(host, safe="") + (f":{port}" if port else "") for host, port in zip(hosts, ports, strict=True)
    )
    # An allowlist: any other part of a URL may be a secret.
    more: dict[str, str] = {key: parts[key] for key in ("service", "sslmode") if key in parts}
    more["options"] = f"-csearch_path={layout.schema}"
    return (
        f"postgresql://{network}/{quote(parts.get('dbname', ''), safe='')}?{urlencode(more, quote_via=quote)}"
    )


def _parts(url: str) -> dict[str, str]:
    """Return the URL for libpq. Raises UnreadableInput, without the URL, because any part may belong to a password."""
    try:
        parts = {key: str(value) for key, value in psycopg.conninfo.conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        parts = {"port": "none"}
    # An unquoted `@` or `/` in a password ends it, and the rest becomes another part.
    others = [parts.get("dbname", ""), *(host[1:] for host in parts.get("host", "").split(","))]
    if any("@" in part for part in others) or re.search(r"[^0-9,]", parts.get("port", "")):
        raise UnreadableInput(
            "The url is not valid for libpq, or its password has characters that must be percent-encoded."
            " It is not shown, because it may contain a password.",
            fix="Correct the variable that holds it: in a password, `@` is %40 and `/` is %2F.",
        )
    return parts
