"""The corporate directory: which people and programs it has, and who is in which group.

What a directory says is hostile until it was checked here: ids that people could take for one another, or that
two principals share at a target, never get into a snapshot. A snapshot is whole or there is none: a server that
cuts, hides or changes its answer is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from meshwright.access.directory.identifiers import is_plain
from meshwright.access.directory.snapshot import DirectoryError, DirectoryQuery, Snapshot
from meshwright.core.yaml import MAX_BYTES, Unreadable, decode, parse
from meshwright.product import schema
from meshwright.product.validate import misshapen

__all__ = ["DirectoryError", "Snapshot", "read"]

READERS = {"principals": "file", "ldap": "ldap", "scim": "scim"}
"""Key in the file -> the module in this package that reads it: `read(document, query) -> Snapshot`."""


def read(
    address: str, groups: Iterable[str], everybody: bool = False, principals: Iterable[str] = ()
) -> Snapshot:
    """Return the answer of the directory that the YAML file at `address` (kind: Directory) is or describes.

    It is asked for the groups and the single principals that are named and, where access is open, for everybody.
    Raises Unreadable (with a place in the file) and DirectoryError.
    """
    document = parse(address, _opened(Path(address)))
    for problem in misshapen(document, schema.directory):
        raise Unreadable(problem.detail, problem.fix, *document.place(problem.keys))
    sources = [key for key in document.value if key in READERS]
    if len(sources) != 1:
        place = document.place((sources[1],)) if sources else (1, 1)
        detail = "It holds more than one directory." if sources else "It holds no directory."
        raise Unreadable(detail, f"Write one of: {', '.join(READERS)}.", *place)
    if "groups" in document.value and "principals" not in document.value:
        detail = "`groups` are those of `principals`, and there are none."
        raise Unreadable(detail, "Leave the groups to the server.", *document.place(("groups",)))
    query = DirectoryQuery(
        frozenset(filter(is_plain, groups)), frozenset(filter(is_plain, principals)), everybody
    )
    reader = import_module(f"{__name__}.{READERS[sources[0]]}")
    snapshot: Snapshot = reader.read(document, query)
    return snapshot


def _opened(path: Path) -> str:
    fix = "Write it, or name another: docs/reference/directory.md says what it holds."
    try:
        if not path.is_file():  # a pipe would keep us waiting
            raise Unreadable("There is no such file.", fix)
        with path.open("rb") as file:
            return decode(file.read(MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is no name of a file"
        raise Unreadable(f"It cannot be read: {reason}.", fix) from error
