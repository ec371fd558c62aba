"""Read who owns a product's files from .meshwright/ownership.yaml, which comes with the template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

PRODUCT, SHARED, TEMPLATE = "product", "shared", "template"


def owner(path: str, manifest: Mapping[str, Sequence[str]]) -> str | None:
    """Return the owner class of a path (relative to the product's root): that of the first list with a matching entry.

    An entry begins with `/` and names a file, or a whole folder if it ends with `/`.
    """
    for kind in (PRODUCT, SHARED, TEMPLATE):
        for entry in manifest.get(kind, ()):
            if f"/{path}".startswith(entry) if entry.endswith("/") else f"/{path}" == entry:
                return kind
    return None


def is_below(path: str, entries: Iterable[object]) -> bool:
    """Return True if an entry names a path, or, with `/` at its end, a folder above it: the answer `declined`."""
    return any(
        path.startswith(entry) if entry.endswith("/") else path == entry
        for entry in entries
        if isinstance(entry, str) and entry
    )
