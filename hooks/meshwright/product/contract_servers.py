"""The `servers` of a contract: where a program such as `datacontract test` reads the data of each output port.

They are made from the ports of the spec, as it is without an environment and in each of its environments. They hold no
credentials: a reader has their own. A port that the standard's readers cannot open has no server.

`servers` are for whoever has the repository. `published_servers` are for everybody else: the places of the roles, without a
path of the machine that publishes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from meshwright.core.hosts import is_local
from meshwright.product import grammar
from meshwright.product.break_glass import is_break_glass
from meshwright.product.contract import OUTPUT_PORT, without_made_servers
from meshwright.product.record import PRODUCT, Port, Record

STORES = {"s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gcs", "gcs": "gcs", "abfss": "azure", "abfs": "azure"}
"""Scheme of a file's address -> the standard's type of server."""
FILES = ("parquet", "delta")


def servers(record: Record, role: str = "", port: str = "") -> list[dict[str, Any]]:
    """Return the servers of a contract, for whoever has the product's repository: relative paths are from its root.

    `role`: a role of the access policy, whose own places they are. Otherwise they are those of the product itself, which
    only its own accounts read. `port`: only this port's.
    """
    return _of_one_kind(role, [server for _, server in _made(record, lambda _: (role,), port, _own_path)])


def published_servers(record: Record, role: str = "", port: str = "") -> list[dict[str, Any]]:
    """Return the servers of a contract that others get, for readers.

    They are the places of `role`, or of every role that reads in ordinary times. A port that is open, and for which access
    was never applied, has its own place. A relative path is a variable that the reader sets. `port`: only this port's.
    A view in a database has the name of its role, so databases have servers only for one given role.
    """
    applied = {one.name for one in record.outputs if one.agreements is not None}
    ordinary = [name for name, about in record.roles.items() if not is_break_glass(about)]

    def readers(of: Port) -> Sequence[str]:
        if role:
            return (role,)
        return ("",) if record.access_mode == "open" and of.name not in applied else ordinary

    made = []
    for of, server in _made(record, readers, port, _public_path):
        if server["type"] == "postgres" and (not role or is_local(server["host"])):
            continue
        reader = "" if role else "".join(f"-{one['role']}" for one in server.get("roles", ()))
        origin = {"property": OUTPUT_PORT, "value": f"{PRODUCT}{record.id}#{of.name}"}
        made.append({**server, "server": f"{server['server']}{reader}", "customProperties": [origin]})
    return _of_one_kind(role, made)


def _of_one_kind(role: str, made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return servers that can be in one contract: a role's view in a database has the role's name, and a contract gives all
    its servers the same one (physicalName)."""
    if role and len({server["type"] == "postgres" for server in made}) > 1:
        return [server for server in made if server["type"] != "postgres"]
    return made


def with_servers(contract: Mapping[str, Any], made: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a contract with servers; its own come first, and keep their names. Servers that were made earlier are replaced."""
    whole = without_made_servers(contract)
    own = whole.get("servers")
    own = own if isinstance(own, list) else []
    names = {item.get("server") for item in own if isinstance(item, dict)}
    places = [*own, *(server for server in made if server["server"] not in names)]
    return {**whole, "servers": places} if places else whole


def published(record: Record) -> Record:
    """Return the record as catalogs store it: its contract has servers."""
    contract = record.get("contract")
    if not isinstance(contract, dict):
        return record
    value = {**record.value, "contract": with_servers(contract, published_servers(record))}
    return Record(value, record.root, record.problem, record.fallback)


def _made(
    record: Record, readers: Callable[[Port], Sequence[str]], port: str, path_of: Callable[[Port], str]
) -> Iterator[tuple[Port, dict[str, Any]]]:
    """Yield each port with a server for each of its places. `readers`: the roles that it is for; an empty one is the product."""
    seen = set()
    for environment, ports in _bound(record):
        for one in ports:
            kind = one.uses.partition("@")[0]
            for role in readers(one) if kind in _PLACES and port in ("", one.name) else ():
                place = _PLACES[kind](one, record, role, path_of)
                known = (one.name, *sorted((key, str(value)) for key, value in place.items()))
                if not place or known in seen:
                    continue
                seen.add(known)
                server = {"server": f"{one.name}-{environment}" if environment else one.name} | place
                if environment:
                    server["environment"] = environment
                if role:
                    server["roles"] = [{"role": role}]
                yield one, server


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


def _own_path(port: Port) -> str:
    return port.location if "://" in port.location else _known(port.properties.get("path"))


def _public_path(port: Port) -> str:
    """Return where a port is for others. A path that only the publishing machine knows, or an address that the standard's
    readers cannot open, becomes a variable."""
    declared = port.properties.get("path")
    scheme = port.location.partition("://")[0].lower()
    known = port.location if scheme in STORES else _known(declared)
    if "://" in known or known.startswith("/") or not isinstance(declared, str) or not declared:
        return known
    named = grammar.VARIABLE.sub(lambda one: f"${{{one['name']}}}", declared)
    if named.startswith(("/", "${")) or "://" in named:
        return named
    return f"${{{re.sub('[^A-Z0-9]', '_', port.name.upper())}}}"


def _files(port: Port, record: Record, role: str, path_of: Callable[[Port], str]) -> dict[str, Any]:
    """Return the place of one file or table in a folder, or in an object store."""
    kind = port.uses.partition("@")[0]
    path = path_of(port)
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
        # What is before `..` goes away only where it is known.
        where = path if "${" in path else posixpath.normpath(path)
        return {"type": "local", "path": where, "format": kind}
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


def _postgres(port: Port, record: Record, role: str, _: Callable[[Port], str]) -> dict[str, Any]:
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


_PLACES: Mapping[str, Callable[[Port, Record, str, Callable[[Port], str]], dict[str, Any]]] = {
    **dict.fromkeys(FILES, _files),
    "postgres": _postgres,
}


def _known(text: Any) -> str:
    """Return a property with the defaults of its variables; empty if one has no default."""
    if not isinstance(text, str) or any(not one["default"] for one in grammar.VARIABLE.finditer(text)):
        return ""
    return grammar.default(text)
