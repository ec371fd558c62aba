"""Reads a directory that is written out in a YAML file: for a small company, a demonstration, a test."""

from __future__ import annotations

from typing import Any

from meshwright.access.directory.groups import members_of
from meshwright.access.directory.identifiers import is_plain
from meshwright.access.directory.snapshot import DirectoryError, DirectoryQuery, Snapshot, checked_snapshot
from meshwright.access.grants import Principal
from meshwright.core.yaml import Document, Keys, Unreadable
from meshwright.product.lookalikes import skeleton


def read(document: Document, query: DirectoryQuery) -> Snapshot:
    """Return everybody in the file, and those of its groups that are asked for. Raises Unreadable."""
    principals: dict[str, Any] = document.value["principals"]
    groups: dict[str, Any] = document.value.get("groups", {})
    _check_groups(document, principals, groups)
    everybody = [
        Principal(
            key,
            value["kind"],
            value.get("name", ""),
            {
                name: tuple(one) if isinstance(one, list) else one
                for name, one in value.get("attributes", {}).items()
            },
            value.get("logins", {}),
        )
        for key, value in principals.items()
    ]
    members = {
        name: members_of(
            name, lambda group: (groups[group].get("members", ()), groups[group].get("groups", ()))
        )
        for name in sorted(query.groups & groups.keys())
    }
    try:
        return checked_snapshot(everybody, members, complete=True)
    except DirectoryError as error:
        place = document.place(("principals", error.about))
        raise Unreadable(str(error), error.fix.replace("in the directory", "here"), *place) from error


def _check_groups(document: Document, principals: dict[str, Any], groups: dict[str, Any]) -> None:
    similar: dict[str, str] = {}
    for name, group in groups.items():
        keys: Keys = ("groups", name)
        if not is_plain(name):
            problem = f"The group {name!r} has no name that can be read, or one that is too long."
            raise Unreadable(problem, "Give it another name.", *document.place(keys))
        if (other := similar.setdefault(skeleton(name), name)) != name:
            problem = f"The groups {other!r} and {name!r} look alike."
            raise Unreadable(problem, "Rename one of them.", *document.place(keys))
        for part, possible in (("members", principals), ("groups", groups)):
            of = "principals" if part == "members" else "groups"
            for number, member in enumerate(group.get(part, ())):
                if member not in possible:
                    problem = f"The group {name} holds {member!r}, which is not one of the {of}."
                    fix = "Fix its spelling, describe it here, or take it out of the group."
                    raise Unreadable(problem, fix, *document.place((*keys, part, number)))
