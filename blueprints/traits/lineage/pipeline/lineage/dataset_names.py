"""Name data sets as OpenLineage does, so that what one product writes and another one reads is the same data set.

https://openlineage.io/docs/spec/naming says how. Logins, passwords and queries of addresses are never part of a name.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from pipeline.spec import Capability, Product

BUCKETS = {"s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gs", "gcs": "gs"}
"""Scheme of an object store -> its namespace's."""
CONTAINERS = re.compile(r"(abfss?|wasbs?)://([\w$.-]+)@([\w.-]+)(?::\d+)?(?:/(.*))?$", re.DOTALL)
"""Azure's addresses, in which what is before the @ is not a login."""
AZURE = {"abfs": "abfss", "abfss": "abfss", "wasb": "wasbs", "wasbs": "wasbs"}
DATABASES = {
    "postgresql": ("postgres", 5432),
    "postgres": ("postgres", 5432),
    "mysql": ("mysql", 3306),
    "mariadb": ("mysql", 3306),
    "mssql": ("mssql", 1433),
    "oracle": ("oracle", 1521),
    "trino": ("trino", 8080),
    "redshift": ("redshift", 5439),
}
"""Dialect of SQLAlchemy -> scheme of the namespace, and default port."""
WITHOUT_SCHEMAS = ("mysql",)
"""Databases whose tables have no schema of their own."""
DEFAULT_SCHEMAS = {"postgres": "public", "redshift": "public", "mssql": "dbo"}
GLOB = re.compile(r"[*?\[]")


class DatasetName(NamedTuple):
    """The name of a data set."""

    namespace: str
    name: str


def place_name(location: str, table: str = "", schema: str = "") -> DatasetName:
    """Return the name of what is at a location: a path, a URL, or the address of a database with `table`."""
    if container := CONTAINERS.match(location):
        scheme, name, host, path = container.groups(default="")
        return DatasetName(f"{AZURE[scheme]}://{name}@{host}", _key(path))
    scheme, colon, rest = location.partition("://")
    if not colon:
        return DatasetName("file", _fixed(PurePath(location).as_posix()))
    scheme = scheme.lower()
    dialect = scheme.partition("+")[0]
    if dialect == "sqlite":
        return DatasetName("file", _fixed(f"{rest.partition('?')[0].removeprefix('/')}#{table}"))
    if dialect in DATABASES or table:
        return _relation(dialect, rest, table, schema)
    host, path = _host_and_path(scheme, rest)
    if scheme in BUCKETS:
        return DatasetName(f"{BUCKETS[scheme]}://{host}", _key(path))
    if scheme == "file":
        return DatasetName(f"file://{host}" if host else "file", _fixed(unquote(path)))
    return DatasetName(f"{scheme}://{host}", _fixed(path) or "/")


def output_name(port: Capability, product: Product, location: str) -> DatasetName:
    """Return the name of what a port serves at a location."""
    return place_name(location, product.dataset if _is_database(location) else "")


def input_name(source: Capability, product: Product, location: str = "") -> DatasetName | None:
    """Return the name of what an input reads. `location`: where the run has read another product's port; None if unknown."""
    given = source.properties
    if source.source.startswith("dp:"):
        return (
            place_name(location, _dataset_of(source) if _is_database(location) else "") if location else None
        )
    if "url" in given:
        return place_name(
            _rooted(given["url"], product), str(given.get("table", "")), str(given.get("schema", ""))
        )
    if "base_url" in given:
        return place_name(
            _rooted(f"{given['base_url'].rstrip('/')}/{given.get('path', '').lstrip('/')}", product)
        )
    if "path" in given:
        return place_name(_rooted(given["path"], product))
    return None


def port_symlink(address: str) -> dict[str, str]:
    """Return the identifier of a product's port, by which its data set is the same wherever it is stored."""
    return {"namespace": "dp", "name": address.removeprefix("dp:"), "type": "DATA_PRODUCT_PORT"}


def _rooted(location: str, product: Product) -> str:
    """Return a location with the path of a local file made absolute."""
    scheme, colon, rest = location.partition("://")
    if colon and scheme.startswith("sqlite"):
        return f"sqlite:///{(product.root / rest.removeprefix('/')).as_posix()}"
    return location if colon else (product.root / location).as_posix()


def _is_database(location: str) -> bool:
    return location.partition("://")[0].partition("+")[0] in DATABASES


def _dataset_of(source: Capability) -> str:
    """Return the data set of the product that an input reads, as the template names it. A registry of addresses has no
    name of it; where a team has chosen another one, the symlink to the port's address still joins both."""
    return source.source.removeprefix("dp:").partition("#")[0].rpartition("/")[2].replace("-", "_")


def _relation(dialect: str, rest: str, table: str, schema: str) -> DatasetName:
    kind, port = DATABASES.get(dialect, (dialect, 0))
    rest = rest.rpartition("@")[2]  # a password may have an @ or a / of its own
    place, _, query = rest.partition("?")
    network, _, database = place.partition("/")
    parameters = parse_qs(query)
    host = network.split(",")[0] or parameters.get("host", parameters.get("service", ["localhost"]))[0]
    if port and not re.search(r":\d+$", host):
        host = f"{host}:{port}"
    path = parameters.get("options", [""])[0].partition("search_path=")[2]
    schema = schema or path or DEFAULT_SCHEMAS.get(kind, "")
    parts = [unquote(database), "" if kind in WITHOUT_SCHEMAS else schema, table]
    return DatasetName(f"{kind}://{host}", ".".join(filter(None, parts)))


def _host_and_path(scheme: str, rest: str) -> tuple[str, str]:
    """Return host with port, and path, of the part of a URL after `://`; without login and query."""
    network, slash, path = rest.partition("/")
    if "@" in path and ":" in network and not re.search(r":\d+$", network):
        # The rest of a password that has a / of its own.
        network, slash, path = rest.rpartition("@")[2].partition("/")
    network = network.rpartition("@")[2]
    if scheme in BUCKETS:
        return network, path  # a key may have any character
    return network.partition("?")[0], re.split(r"[?#]", slash + path)[0]


def _key(path: str) -> str:
    return _fixed(path.strip("/")) or "/"


def _fixed(path: str) -> str:
    """Return the folder above the first part of a path that is a pattern, or the path."""
    parts = path.split("/")
    fixed = next((number for number, part in enumerate(parts) if GLOB.search(part)), len(parts))
    return path if fixed == len(parts) else "/".join(parts[:fixed]) or "/"
