"""Which of the storages an output port's address leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright.assess.storage import Absent, Allowed, Refusal, Table, Tallies, Unseen, anonymous, formats
from meshwright.product.promises import Promise
from meshwright.product.record import Port
from meshwright.product.store import Store
from meshwright.product.store.bucket import Bucket
from meshwright.product.store.folder import Folder
from meshwright.product.store.web import Web

FOLDER_OF_ROLES = "roles"
"""Beside the data set: one folder for each role, as `meshwright access` writes them."""


@dataclass(frozen=True)
class PortLocation:
    """A port, and what is needed to look at its data."""

    port: Port
    dataset: str
    allowed: Allowed
    scratch: Path

    @property
    def format(self) -> str:
        return formats.of(self.port.uses, self.port.location)


def table(port_location: PortLocation) -> Table:
    """Return the data at the port. Raises Absent, Corrupt, Unseen."""
    if port_location.format == "postgres":
        from meshwright.assess.storage import postgres

        return postgres.opened(_database(port_location))
    store, name = _store(port_location)
    return formats.opened(port_location.format, store, name, port_location.allowed)


def variant(port_location: PortLocation, role: str) -> Table:
    """What a role sees there. Raises Absent, Corrupt, Unseen."""
    if port_location.format == "postgres":
        from meshwright.assess.storage import postgres

        return postgres.variant(_database(port_location), role)
    store, name = _store(port_location)
    if "/" in role or role in ("", ".", ".."):
        raise Unseen("The role's name is not a valid name of a folder.", "Give it another name.")
    return formats.opened(
        port_location.format, store, f"{FOLDER_OF_ROLES}/{role}/{name}", port_location.allowed
    )


def without_credentials(port_location: PortLocation) -> Refusal:
    """Whether somebody without credentials can read it. Raises Absent, Corrupt, Unseen."""
    if port_location.format == "postgres":
        from meshwright.assess.storage import postgres

        return postgres.without_credentials(_database(port_location))
    store, name = _store(port_location)
    return anonymous.refusal(store, formats.sample(port_location.format, store, name))


def by_grants(port_location: PortLocation) -> Refusal | None:
    """Whether grants let in more than the product's own; None where the storage has none. Raises Absent, Unseen."""
    if port_location.format != "postgres":
        return None
    from meshwright.assess.storage import postgres

    administrators = port_location.port.properties.get("administrators")
    known = [str(name) for name in administrators] if isinstance(administrators, list) else ["postgres"]
    return postgres.let_in_by_grants(_database(port_location), known)


def tallies(rows: Table, promises: Sequence[Promise], dataset: str) -> Tallies:
    """Return how often the rows of a port break each promise; one on the key has its columns as its value. Raises Blocker."""
    from meshwright.assess.storage.duck import Files

    if isinstance(rows, Files):
        from meshwright.assess.storage import duck_promises

        return duck_promises.tallies(rows, promises, dataset)
    from meshwright.assess.storage import postgres, postgres_promises

    assert isinstance(rows, postgres.Relation)
    return postgres_promises.tallies(rows, promises)


def _database(port_location: PortLocation) -> Any:
    from meshwright.assess.storage import postgres

    schema = port_location.port.properties.get("schema")
    location = _location(port_location)
    if not location.startswith(postgres.SCHEMES):
        location = str(_local(location, port_location))
    return postgres.database(
        location, port_location.dataset, schema if isinstance(schema, str) else "", port_location.allowed
    )


def _store(port_location: PortLocation) -> tuple[Store, str]:
    """Return the folder of the data, wherever that is, and the data's name there. Raises Absent, Unseen."""
    location, allowed = _location(port_location), port_location.allowed
    scheme, separator, rest = location.partition("://")
    scheme = scheme.lower()
    if not separator:
        return _folder(_local(location, port_location), allowed)
    if scheme == "file":
        return _folder(_local("/" + rest.partition("/")[2], port_location), allowed)
    base, _, name = location.rstrip("/").rpartition("/")
    if scheme in ("http", "https"):
        base, name = (base, name) if "/" in rest.rstrip("/") else (location, "")
        return Web(base, allowed.limits, port_location.scratch, allowed.resolve), name
    if scheme in ("s3", "s3a"):
        bucket, _, key = rest.rstrip("/").partition("/")
        prefix = key.rpartition("/")[0]
        return Bucket(bucket, f"{prefix}/" if prefix else "", allowed.limits, port_location.scratch), name
    raise Unseen(f"There is nothing here that looks at an address that begins with {scheme[:20]}://.")


def _folder(path: Path, allowed: Allowed) -> tuple[Store, str]:
    if not allowed.permits(path.parent):
        raise Unseen(
            f"{path.parent} is a path of a machine, and which one is not known here.",
            "Assess the product's repository there, or name the folder in `paths` of fitness.yaml.",
        )
    return Folder(path.parent, allowed.permits), path.name


def _local(location: str, port_location: PortLocation) -> Path:
    """A path as the repository means it."""
    if "\0" in location:
        raise Unseen("The address is no path.", "Fix the port's path.")
    path = Path(location)
    if path.is_absolute():
        return path
    if port_location.allowed.root is None:
        raise Unseen(f"{location} is a path of a repository that is not on this machine.")
    return port_location.allowed.root.absolute() / path


def _location(port_location: PortLocation) -> str:
    location = port_location.port.location
    if not location:
        raise Absent(
            "The address registry has no location for it.",
            "Run the pipeline, which writes the address registry.",
        )
    return location
