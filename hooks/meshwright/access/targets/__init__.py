"""The kinds of storage of output ports: one module each, chosen by what the port uses."""

from __future__ import annotations

import importlib
from typing import cast

from meshwright.access.grants import Refused, Target

TARGETS = {"postgres@1": "postgres", "parquet@1": "files", "delta@1": "files"}
"""Capability -> module of this package (see `grants.Target`)."""
NONE = {
    "view@1": (
        "Nothing can be granted to view@1 alone: readers of a view need access to all its sources.",
        "Let its readers ask for access to the sources, or serve the data through another port.",
    ),
    "iceberg@1": (
        "Nothing here writes what a role may see of iceberg@1.",
        "Let the catalog of the table grant access, or serve the data through parquet@1 or delta@1 too.",
    ),
}
"""Capability -> why nothing is granted there, and what to do instead."""


def target(uses: str) -> Target:
    """Return the module that grants access to a port. Raises Refused."""
    if uses in NONE:
        raise Refused(*NONE[uses])
    if uses not in TARGETS:
        raise Refused(
            f"Nothing grants access to {uses}.", f"Use one of {', '.join(TARGETS)}, or add a target for it."
        )
    return cast(Target, importlib.import_module(f"{__name__}.{TARGETS[uses]}"))
