"""How much the inputs bring, held against the last publication: what shrinks, vanishes or brings nothing is noted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pipeline.declared import recorded
from pipeline.ingest import Landed
from pipeline.spec import Product

SHRUNK = 0.5
"""An input with fewer than this share of the rows of the last publication is noted."""


def notes(product: Product, landed: Mapping[str, Landed]) -> list[str]:
    """Return what is to be said of the rows of the inputs, as sentences."""
    before = _recorded_rows(product)
    return [
        f"input {name}: {sentence}"
        for name, input in landed.items()
        for sentence in (*input.notes, *_volume(input, before.get(name)))
    ] + [
        f"input {name}: it is not in data-product.yaml any more, and had {rows:,} rows"
        for name, rows in before.items()
        if name not in landed
    ]


def _volume(input: Landed, before: int | None) -> Iterator[str]:
    had = f", and had {before:,} when the product was last published" if before else ""
    if input.total == 0:
        yield f"it has no rows{had}"
    elif before and input.total < before * SHRUNK:
        yield f"it has only {input.total:,} rows{had}"


def _recorded_rows(product: Product) -> dict[str, int]:
    """Return the rows of each input when the product was last published; of those that are known."""
    try:
        rows = json.loads(recorded(product).read_text("utf-8"))["rows"]
        return {str(name): int(count) for name, count in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
