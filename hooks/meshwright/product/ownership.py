"""Who owns a product's files: .meshwright/ownership.yaml, which comes with the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PRODUCT, SHARED, TEMPLATE = "product", "shared", "template"


def owner(path: str, manifest: Mapping[str, Sequence[str]]) -> str | None:
    """The class that a path (relative to the product's root) belongs to: the first list that names it decides.

    An entry begins with `/` and names a file, or a folder with all in it if it ends with `/`.
    """
    for kind in (PRODUCT, SHARED, TEMPLATE):
        for entry in manifest.get(kind, ()):
            if f"/{path}".startswith(entry) if entry.endswith("/") else f"/{path}" == entry:
                return kind
    return None
