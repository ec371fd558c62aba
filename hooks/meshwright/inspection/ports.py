"""Read an output port of another product, found in an address registry, as `data-product@1` does."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from meshwright.core.errors import Error
from meshwright.core.sql.duckdb import identifier, literal
from meshwright.core.text import printable
from meshwright.core.yaml import read as read_yaml
from meshwright.inspection.parquet_source import ParquetSource
from meshwright.inspection.workspace import Workspace

ADDRESS = re.compile(
    r"(?P<address>dp:[a-z0-9-]+/[a-z0-9-]+#[A-Za-z0-9_-]+)(?:\?addresses=(?P<addresses>.+))?"
)
_FIX = "Write dp:domain/product#port?addresses=path/to/addresses.yaml; every run of a product writes its own build/addresses.yaml."


class PortSource(ParquetSource):
    """The rows that a port serves now."""

    uses = "data-product@1"

    def __init__(self, name: str, address: str, addresses: str, files: list[Path], root: Path) -> None:
        super().__init__(name, address, files, root, {})
        self.addresses = addresses

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        """See model.Source."""
        return {"addresses": self.addresses}


def open_port(name: str, where: str, root: Path) -> PortSource:
    """Return a port's rows. Raises Error."""
    match = ADDRESS.fullmatch(where)
    if match is None:
        raise Error(f"{printable(where)} is not the address of a port.", _FIX)
    address = match["address"]
    addresses = match["addresses"] or os.environ.get("ADDRESSES", "")
    if not addresses:
        raise Error(f"{address}: no address registry is named.", _FIX)
    registry = root / addresses
    if "://" in addresses or not registry.is_file():
        raise Error(f"{printable(addresses)}: there is no such address registry.", _FIX)
    entries = read_yaml(registry.parent, registry.name).value
    entry = entries.get(address) if isinstance(entries, dict) else None
    if not isinstance(entry, dict) or not entry.get("location"):
        known = ", ".join(map(str, entries)) if isinstance(entries, dict) else "none"
        raise Error(
            f"{address} is not in the address registry {printable(addresses)}.", f"It has {printable(known)}."
        )
    location, uses = str(entry["location"]), str(entry.get("uses"))
    if uses not in OPEN or "://" in location:
        raise Error(
            f"{address} is served by {printable(uses)} at {printable(location)}, which is not read here.",
            f"Name another port of the product, or one that is copied to this machine: {', '.join(OPEN)} can be read.",
        )
    files = OPEN[uses](registry.parent / location, address)
    return PortSource(name, address, addresses, files, root)


def _parquet(location: Path, address: str) -> list[Path]:
    files = [location] if location.is_file() else sorted(location.rglob("*.parquet"))
    files = [
        file
        for file in files
        if not any(part.startswith((".", "_")) for part in file.relative_to(location).parts)
    ]
    if not files:
        raise Error(f"{address}: {location} has no rows.", "Run that product first.")
    return files


def _delta(location: Path, address: str) -> list[Path]:
    import deltalake

    try:
        return [Path(file) for file in deltalake.DeltaTable(str(location)).file_uris()]
    except (deltalake.exceptions.DeltaError, OSError) as error:
        raise Error(
            f"{address}: {location} cannot be read: {printable(str(error))}", "Run that product first."
        ) from error


def _view(location: Path, address: str) -> list[Path]:
    place = Workspace()
    file = place.folder / "rows.parquet"
    try:
        with duckdb.connect(str(location), read_only=True) as connection:
            connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
            rows = identifier(location.stem)
            connection.execute(f"copy (from {rows}) to {literal(str(file))} (format parquet)")
    except duckdb.Error as error:
        raise Error(
            f"{address}: {location} cannot be read: {printable(str(error))}", "Run that product first."
        ) from error
    _KEPT.append(place)
    return [file]


_KEPT: list[Workspace] = []
"""Folders that are needed until the end of the process."""
OPEN = {"parquet@1": _parquet, "delta@1": _delta, "view@1": _view}
