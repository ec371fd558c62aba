"""Which rows are there: how long they are kept, and whether their history is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.core.yaml import Document
from meshwright.product.breaking.contract_paths import mapping
from meshwright.product.breaking.kinds_of_change import PromiseChange


def of_rows(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of how long rows are kept, and of their history."""
    traits = [
        {
            (name, properties.get("input") if name == "snapshot" else None): (keys, properties)
            for keys, item in document.items("spec.traits")
            for name in [str(item.get("uses")).partition("@")[0]]
            for properties in [mapping(item.get("properties"))]
        }
        for document in (was, now)
    ]
    for name, of in {**traits[0], ("retention", None): None}:
        (_, before), (keys, after) = (each.get((name, of), (("spec", "traits"), None)) for each in traits)
        if name == "retention" and after is not None:
            then, today = (_days(one) for one in (before, after))
            if before is None or today < then or before.get("column") != after.get("column"):
                what = f"{before.get('keep')} by {before.get('column')}" if before else "for good"
                detail = f"Rows were kept {what}; now it is {after.get('keep')} by {after.get('column')}."
                yield PromiseChange(now, keys, detail, "retention")
        if name == "snapshot" and before is not None and before != after:
            detail = (
                "The history of the rows is kept in another way."
                if after is not None
                else "The history of the rows is no longer kept."
            )
            yield PromiseChange(now, keys, detail, "history")


def _days(retention: Mapping[str, Any] | None) -> float:
    """Return for how many days rows are kept; infinity if for good."""
    text = str((retention or {}).get("keep") or "")
    return float(text.removesuffix("d")) if re.fullmatch(r"[0-9]+d", text) else float("inf")
