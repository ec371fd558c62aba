"""Which of the storages an output port's address leads to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright.assess.storage import Absent, Allowed, Refusal, Table, Unseen, anonymous, formats
from meshwright.product.record import Port
from meshwright.product.store import Store
from meshwright.product.store.bucket import Bucket
from meshwright.product.store.folder import Folder
from meshwright.product.store.web import Web

FOLDER_OF_ROLES = "roles"
"""Beside the data set: one folder for each role, as `meshwright access` writes them."""


@dataclass(frozen=True)
class Place:
    """Where to look."""

    port: Port
    dataset: str
    allowed: Allowed
    scratch: Path

    @property
    def format(self) -> str:
        return formats.of(self.port.uses, self.port.location)


def table(place: Place) -> Table:
    """What lies at the port. Raises Absent, Corrupt, Unseen."""
    if place.format == "postgres":
        from meshwright.assess.storage import postgres

        return postgres.opened(_database(place))
    store, name = _store(place)
    return formats.opened(place.format, store, name, place.allowed)


def variant(place: Place, role: str) -> Table:
    """What a role sees there. Raises Absent, Corrupt, Unseen."""
    if place.format == "postgres":
        from meshwright.assess.storage import postgres

        return postgres.variant(_database(place), role)
    store, name = _store(place)
    if "/" in role or role in ("", ".", ".."):
        raise Unseen("The role's name is not a valid name of a folder.", "Give it another name.")
    return formats.opened(place.format, store, f"{FOLDER_OF_ROLES}/{role}/{name}", place.allowed)


def without_credentials(place: Place) -> Refusal:
    """Whether somebody without credentials can read it. Raises Absent, Corrupt, Unseen."""
    if place.format == "postgres":
        from meshwright.assess.storage import postgres

        return postgres.without_credentials(_database(place))
    store, name = _store(place)
    return anonymous.refusal(store, formats.sample(place.format, store, name))


def by_grants(place: Place) -> Refusal | None:
    """Whether grants let in more than the product's own; None where the storage has none. Raises Absent, Unseen."""
    if place.format != "postgres":
        return None
    from meshwright.assess.storage import postgres

    administrators = place.port.properties.get("administrators")
    known = [str(name) for name in administrators] if isinstance(administrators, list) else ["postgres"]
    return postgres.let_in_by_grants(_database(place), known)


def _database(place: Place) -> Any:
    from meshwright.assess.storage import postgres

    schema = place.port.properties.get("schema")
    location = _location(place)
    if not location.startswith(postgres.SCHEMES):
        location = str(_local(location, place))
    return postgres.database(
        location, place.dataset, schema if isinstance(schema, str) else "", place.allowed
    )


def _store(place: Place) -> tuple[Store, str]:
    """Return the folder of the data, wherever that is, and the data's name there. Raises Absent, Unseen."""
    location, allowed = _location(place), place.allowed
    scheme, separator, rest = location.partition("://")
    scheme = scheme.lower()
    if not separator:
        return _folder(_local(location, place), allowed)
    if scheme == "file":
        return _folder(_local("/" + rest.partition("/")[2], place), allowed)
    base, _, name = location.rstrip("/").rpartition("/")
    if scheme in ("http", "https"):
        base, name = (base, name) if "/" in rest.rstrip("/") else (location, "")
        return Web(base, allowed.limits, place.scratch, allowed.resolve), name
    if scheme in ("s3", "s3a"):
        bucket, _, key = rest.rstrip("/").partition("/")
        prefix = key.rpartition("/")[0]
        return Bucket(bucket, f"{prefix}/" if prefix else "", allowed.limits, place.scratch), name
    raise Unseen(f"There is nothing here that looks at an address that begins with {scheme[:20]}://.")


def _folder(path: Path, allowed: Allowed) -> tuple[Store, str]:
    if not allowed.permits(path.parent):
        raise Unseen(
            f"{path.parent} is a path of a machine, and which one is not known here.",
            "Assess the product's repository there, or name the folder in `paths` of fitness.yaml.",
        )
    return Folder(path.parent, allowed.permits), path.name


def _local(location: str, place: Place) -> Path:
    """A path as the repository means it."""
    if "\0" in location:
        raise Unseen("The address is no path.", "Fix the port's path.")
    path = Path(location)
    if path.is_absolute():
        return path
    if place.allowed.root is None:
        raise Unseen(f"{location} is a path of a repository that is not on this machine.")
    return place.allowed.root.absolute() / path


def _location(place: Place) -> str:
    location = place.port.location
    if not location:
        raise Absent(
            "The address registry has no location for it.",
            "Run the pipeline, which writes the address registry.",
        )
    return location
