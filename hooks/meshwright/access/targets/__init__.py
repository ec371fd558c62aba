"""The kinds of storage that output ports lie on: one module each, found by what the port uses."""

from __future__ import annotations

import importlib
from typing import cast

from meshwright.access.grants import Refused, Target

TARGETS = {"postgres@1": "postgres", "parquet@1": "files", "delta@1": "files"}
"""Capability -> module of this package (see `grants.Target`)."""


def target(uses: str) -> Target:
    """What grants access to a port. Raises Refused."""
    if uses not in TARGETS:
        raise Refused(
            f"Nothing grants access to {uses}.", f"Use one of {', '.join(TARGETS)}, or add a target for it."
        )
    return cast(Target, importlib.import_module(f"{__name__}.{TARGETS[uses]}"))
