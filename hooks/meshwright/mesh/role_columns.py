"""Compute from the access policy in a record what a role sees of each column.

`meshwright access` evaluates the same in Rego. This implementation is independent, so that it can find errors in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshwright.product.record import Column, Record, rank

CLEAR = "clear"


def treatment(record: Record, role: Mapping[str, Any], column: Column) -> str | None:
    """Return `clear`, the name of a mask, or None if the role must not see the column at all."""
    clearance = role.get("clearance")
    if isinstance(clearance, list) and column.classification in clearance:
        return CLEAR
    if role.get("above") != "mask":
        return None
    masks = record.get(f"policy.masks.{column.classification}")
    masks = masks if isinstance(masks, dict) else {}
    mask = masks.get(column.logical_type, masks.get("default", "empty"))
    return mask if isinstance(mask, str) else "empty"


def shown_levels(record: Record, role: Mapping[str, Any]) -> Mapping[str, str]:
    """Return column -> classification of what a role sees of it; a masked one is as sensitive as the role may see."""
    clearance = role.get("clearance")
    levels = [level for level in clearance if isinstance(level, str)] if isinstance(clearance, list) else []
    most = max(levels, key=rank, default="public")
    return {
        column.name: column.classification if seen == CLEAR else most
        for column in record.columns
        if (seen := treatment(record, role, column))
    }
