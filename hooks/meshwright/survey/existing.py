"""Match the data products that are there to candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshwright.core.text import singular
from meshwright.product.record import Record
from meshwright.survey.estate import Estate
from meshwright.survey.model import Candidate
from meshwright.survey.names import product_name, words


def match(products: Sequence[Record], candidates: Sequence[Candidate], estate: Estate) -> None:
    """Set `state` and `product` of each candidate that is a product already; each product is at most one of them."""
    for product in products:
        best: tuple[int, str] = (0, "")
        chosen: Candidate | None = None
        mains = _inputs(product, estate)
        for candidate in candidates:
            if candidate.product or candidate.type != product.type:
                continue
            score = 2 * (candidate.main.id in mains) + 3 * _same_name(candidate, product)
            score += bool(candidate.main.id in mains and len(mains) == 1)
            if score > best[0]:
                best, chosen = (score, candidate.name), candidate
        if chosen is not None:
            chosen.state, chosen.product = "there", product.id
            why = "it has the same name" if _same_name(chosen, product) else "it reads the main table"
            chosen.evidence.append(f"it is the product {product.id}: {why}")


def _same_name(candidate: Candidate, product: Record) -> bool:
    # Its table's name: its own is another if the product has that one.
    name = _plain(product_name(candidate.main.table.name.rpartition("/")[2].partition(".")[0]))
    return name in (_plain(product.name), _plain(product.dataset))


def _plain(name: str) -> tuple[str, ...]:
    return tuple(map(singular, words(name)))


def _inputs(product: Record, estate: Estate) -> set[str]:
    """Return the ids of the tables that a product reads from databases."""
    found = set()
    for one in product.inputs:
        table, schema = _text(one.properties.get("table")), _text(one.properties.get("schema"))
        if not table:
            continue
        system = next((source for source in estate.sources if source.name == one.system), None)
        full = f"{schema}.{table}" if schema else table
        id = estate.find(full, system, schema)
        if id and (system is None or estate.source_of[id] is system):
            found.add(id)
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
