"""Compare the rows of the inputs with the last publication, and note inputs that shrank, vanished or are empty."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pipeline.declared_columns import recorded
from pipeline.ingest import Landed
from pipeline.spec import Product

SHRUNK = 0.5
"""An input with less than this share of the last publication's rows is noted."""


def notes(product: Product, landed: Mapping[str, Landed]) -> list[str]:
    """Return sentences on the rows of the inputs."""
    before = _recorded_rows(product)
    return [
        f"input {name}: {sentence}"
        for name, input in landed.items()
        for sentence in (*input.notes, *_volume(input, before.get(name)))
    ] + [
        f"input {name}: it is no longer in data-product.yaml; it had {rows:,} rows"
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
    """Return the rows of each input at the last publication, where known."""
    try:
        rows = json.loads(recorded(product).read_text("utf-8"))["rows"]
        return {str(name): int(count) for name, count in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
