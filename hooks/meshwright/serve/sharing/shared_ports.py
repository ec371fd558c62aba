"""The ports that a catalog shares: their addresses and paths, from a file of whoever runs the catalog.

Not from the records of products: a record says where it likes, and the catalog would read there with its own rights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meshwright.access.grants import Port
from meshwright.access.targets.files import TABLES
from meshwright.access.targets.files.storage import storage
from meshwright.core.yaml import Unreadable, parse, read_text

ADDRESS = re.compile(r"(?:dp:)?([a-z][a-z0-9-]*)/([a-z][a-z0-9-]*)#([a-z0-9]+(?:-[a-z0-9]+)*)")
NOT_FILES = {
    "postgres@1": "its rows are in a database, which lets its readers in itself",
    "view@1": "it is SQL over other data, and has no files of its own",
    "iceberg@1": "nothing writes a copy of it for a role",
}
"""Capability -> why its ports cannot be shared."""
EXAMPLE = "dp:airport-operations/departures#lake: {uses: parquet@1, location: s3://bucket/departures}"


@dataclass(frozen=True)
class SharedPort:
    """An output port that is shared."""

    domain: str
    product: str
    port: Port

    @property
    def address(self) -> str:
        """`<domain>/<product>#<port>`."""
        return f"{self.domain}/{self.product}#{self.port.name}"

    @property
    def owner(self) -> list[str]:
        """What the port's own records have to name: the product and the kind of port."""
        return [f"{self.domain}/{self.product}", self.port.uses]


def shared_ports(file: Path) -> Mapping[str, SharedPort]:
    """Return address -> port, from a file in the form of an address registry. Raises Unreadable, Refused."""
    root = file.resolve().parent
    value = parse(file.name, read_text(root, file.name)).value
    if not isinstance(value, dict) or not value:
        raise Unreadable(f"{file}: It names no port.", f"Write one on each line: {EXAMPLE}")
    ports = {}
    for address, entry in value.items():
        port = _shared_port(f"{file}: {address}", str(address), entry, root)
        storage(port.port)  # a path that cannot be granted on cannot be shared
        ports[port.address] = port
    return ports


def _shared_port(where: str, address: str, entry: object, root: Path) -> SharedPort:
    parts = ADDRESS.fullmatch(address)
    if not parts:
        raise Unreadable(f"{where} is no address of an output port.", f"Write it like this: {EXAMPLE}")
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(key), str) for key in ("uses", "location")
    ):
        raise Unreadable(f"{where} has no `uses` and `location`.", f"Write it like this: {EXAMPLE}")
    uses = entry["uses"]
    if uses not in TABLES:
        reason = NOT_FILES.get(uses, "Meshwright grants nothing on it")
        raise Unreadable(
            f"{where} is a port of {uses}, and cannot be shared: {reason}.",
            f"Share a port of {' or '.join(TABLES)}.",
        )
    return SharedPort(parts[1], parts[2], Port(parts[3], uses, {"path": entry["location"]}, str(root)))
