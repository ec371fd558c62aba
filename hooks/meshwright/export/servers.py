"""The `servers` of a contract: where a program such as `datacontract test` reads the data of each output port.

They are made from the ports of the spec, as it is without an environment and in each of its environments. They hold no
credentials: a reader has their own. A port whose place is not known without the variables of its deployment, or that the
standard's readers cannot open, has no server.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from meshwright.product import grammar
from meshwright.product.record import Port, Record

STORES = {"s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gcs", "gcs": "gcs", "abfss": "azure", "abfs": "azure"}
"""Scheme of a file's address -> the standard's type of server."""
FILES = ("parquet", "delta")


def servers(record: Record, role: str = "", port: str = "") -> list[dict[str, Any]]:
    """Return the servers of a contract.

    `role`: a role of the access policy, whose own places they are. Otherwise they are those of the product itself, which
    only its own accounts read unless access is open. `port`: only this port's.
    """
    made: list[dict[str, Any]] = []
    seen = set()
    for environment, ports in _bound(record):
        for one in ports:
            kind = one.uses.partition("@")[0]
            place = _PLACES[kind](one, record, role) if kind in _PLACES and port in ("", one.name) else {}
            known = (one.name, *sorted((key, str(value)) for key, value in place.items()))
            if not place or known in seen:
                continue
            seen.add(known)
            server = {"server": f"{one.name}-{environment}" if environment else one.name} | place
            if environment:
                server["environment"] = environment
            if role:
                server["roles"] = [{"role": role}]
            made.append(server)
    # A role's view in a database has the role's name, which a contract gives all its servers (physicalName).
    if role and len({server["type"] == "postgres" for server in made}) > 1:
        return [server for server in made if server["type"] != "postgres"]
    return made


def _bound(record: Record) -> Iterator[tuple[str, Iterator[Port]]]:
    """Yield each environment's name, empty for the spec as it is, and the output ports there."""
    yield "", iter(record.outputs)
    product, environments = record.get("product"), record.get("product.spec.environments")
    for name in environments if isinstance(environments, dict) else ():
        try:
            bound = grammar.bind(product, name)
        except (grammar.Unknown, AttributeError, KeyError, TypeError, ValueError):
            continue  # a record that does not fit its schema
        ports = Record({"product": bound}).outputs
        yield str(name), iter(ports)


def _files(port: Port, record: Record, role: str) -> dict[str, Any]:
    """Return the place of one file or table in a folder, or in an object store."""
    kind = port.uses.partition("@")[0]
    path = port.location if "://" in port.location else _known(port.properties.get("path"))
    if not path or not record.dataset:
        return {}
    whole = f"{record.dataset}.parquet" if kind == "parquet" else record.dataset
    if path != port.location:
        path = f"{path.rstrip('/')}/{whole}"
    scheme, remote, rest = path.partition("://")
    if role:
        folder, _, last = rest.rpartition("/") if remote else path.rpartition("/")
        inner = f"{folder}/roles/{role}/{last}"
        rest, path = inner, f"{scheme}://{inner}" if remote else inner
    if not remote:
        return {"type": "local", "path": posixpath.normpath(path), "format": kind}
    host, _, inside = rest.partition("?")[0].partition("/")
    if (
        scheme.lower() not in STORES
        or not inside
        or ("@" in host and not scheme.startswith("abfs"))
        or ":" in host
    ):
        return {}  # credentials in an address, or a store that the standard's readers do not know
    location = f"{scheme}://{host}/{inside}"
    return {"type": STORES[scheme.lower()], "location": location, "format": kind}


def _postgres(port: Port, record: Record, role: str) -> dict[str, Any]:
    """Return the database of a port. An embedded server is in a folder, and listens on no network."""
    url = port.location if "://" in port.location else _known(port.properties.get("url"))
    try:
        parts = urlsplit(url)
        host, number = parts.hostname, parts.port or 5432
    except ValueError:
        return {}
    database = parts.path.strip("/")
    if parts.scheme not in ("postgresql", "postgres") or not host or not database or "%" in host + database:
        return {}
    schema = port.properties.get("schema")
    schema = schema if isinstance(schema, str) and schema else record.dataset
    return {
        "type": "postgres",
        "host": host,
        "port": number,
        "database": database,
        "schema": schema if role else f"{schema}_private",
    }


_PLACES: Mapping[str, Callable[[Port, Record, str], dict[str, Any]]] = {
    **dict.fromkeys(FILES, _files),
    "postgres": _postgres,
}


def _known(text: Any) -> str:
    """Return a property with the defaults of its variables; empty if one has no default."""
    if not isinstance(text, str) or any(not one["default"] for one in grammar.VARIABLE.finditer(text)):
        return ""
    return grammar.default(text)
