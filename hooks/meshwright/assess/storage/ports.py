"""Which of the storages an output port's address leads to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright.assess.storage import Absent, Allowed, Refusal, Table, Unseen, formats
from meshwright.product.record import Port

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
        raise Unseen("The role's name is none that a folder can have.", "Give it another name.")
    return formats.opened(place.format, store, f"{FOLDER_OF_ROLES}/{role}/{name}", place.allowed)


def without_credentials(place: Place) -> Refusal:
    """Whether somebody without credentials can read it. Raises Absent, Corrupt, Unseen."""
    if place.format == "postgres":
        from meshwright.assess.storage import postgres

        return postgres.without_credentials(_database(place))
    store, name = _store(place)
    refusal: Refusal = store.refusal(formats.sample(place.format, store, name))
    return refusal


def by_grants(place: Place) -> Refusal | None:
    """Whether grants let in more than the product's own; None where the storage has none. Raises Absent, Unseen."""
    if place.format != "postgres":
        return None
    from meshwright.assess.storage import postgres

    said = place.port.properties.get("administrators")
    known = [str(name) for name in said] if isinstance(said, list) else ["postgres"]
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


def _store(place: Place) -> tuple[Any, str]:
    """The folder that the data lies in, wherever that is, and the data's name there."""
    location = _location(place)
    scheme, separator, rest = location.partition("://")
    if not separator:
        from meshwright.assess.storage.local import Folder

        path = _local(location, place)
        return Folder(path.parent, place.allowed), path.name
    base, _, name = location.rstrip("/").rpartition("/")
    scheme = scheme.lower()
    if scheme in ("http", "https"):
        from meshwright.assess.storage.web import Web

        if "/" not in rest.rstrip("/"):
            return Web(location, place.allowed, place.scratch), ""
        return Web(base, place.allowed, place.scratch), name
    if scheme in ("s3", "s3a"):
        from meshwright.assess.storage.bucket import Bucket

        bucket, _, key = rest.rstrip("/").partition("/")
        prefix = key.rpartition("/")[0]
        return Bucket(bucket, f"{prefix}/" if prefix else "", place.allowed, place.scratch), name
    if scheme == "file":
        from meshwright.assess.storage.local import Folder

        path = _local("/" + rest.partition("/")[2], place)
        return Folder(path.parent, place.allowed), path.name
    raise Unseen(f"There is nothing here that looks at an address that begins with {scheme[:20]}://.")


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
