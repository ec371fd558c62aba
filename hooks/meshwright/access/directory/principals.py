"""A principal from an entry of a directory, by the attributes that the directory's file maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from meshwright.access.directory.snapshot import DirectoryError
from meshwright.access.grants import Kind, Principal


def principal(
    kind: Kind,
    about: str,
    attributes: Mapping[str, str],
    values: Callable[[str], list[str]],
    settings: Mapping[str, Any],
) -> Principal:
    """Return the principal of the entry `about`. `values` gives the entry's values of an attribute of the directory.

    `attributes` says which are `id` and, if any, `name`; `settings` has the maps `attributes` and `logins`.
    Raises DirectoryError.
    """
    ids = values(attributes["id"])
    if len(ids) != 1:
        problem = f"{about} has {len(ids) or 'no'} values of {attributes['id']}, which is to be its id."
        fix = "Choose an attribute for `id` of which everybody has one, or leave the entry out by the filter."
        raise DirectoryError(problem, fix)
    taken: dict[str, str | tuple[str, ...]] = {}
    for name, attribute in settings.get("attributes", {}).items():
        if texts := sorted(values(attribute)):
            taken[name] = texts[0] if len(texts) == 1 else tuple(texts)
    logins = {}
    for target, attribute in settings.get("logins", {}).items():
        texts = values(attribute)
        if len(texts) > 1:
            problem = f"{about} has {len(texts)} values of {attribute}, its login at {target}."
            raise DirectoryError(problem, f"Map an attribute in `logins.{target}` of which there is one.")
        if texts:
            logins[target] = texts[0]
    names = values(attributes["name"]) if "name" in attributes else []
    return Principal(ids[0], kind, min(names, default=""), taken, logins)
