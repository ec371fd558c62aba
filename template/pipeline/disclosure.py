"""Decide which values may be printed: more people read logs than data. Of other values, messages show only the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pipeline import values
from pipeline.promises import name as promised_name
from pipeline.proposal_marks import marks
from pipeline.spec import Product
from pipeline.sql import literal

OPEN = ("", "public", "internal")
"""Classifications whose values may be printed."""


def shown(value: Any, product: Product, column: str = "") -> str:
    """Return a value of an input for a message, or its form if it may be personal: see `of_input`."""
    return values.shown(value) if of_input(product, column) else values.form(value)


def form_sql(text: str) -> str:
    """Return SQL for the form of a text, as `values.form` writes it."""
    form = text
    for signs, one in ((r"[^\P{L}\p{Lu}]", "a"), (r"\p{Lu}", "A"), (r"\p{Nd}", "9")):
        form = f"regexp_replace({form}, {literal(signs)}, {literal(one)}, 'g')"
    return f"concat('a value of the form ', left({form}, {values.LONGEST_FORM}))"


def of_input(product: Product, column: str = "") -> bool:
    """Return True if values of an input may be printed: the contract has nothing above `internal`.

    If it has, only the column of the only input that has the name of an open one may: models rename columns. Without a
    column, as in a file, whose values may be in a wrong column, nothing may.
    """
    columns = _columns(product)
    if columns is None:
        return False
    named = _named(columns, column)
    if _are_open(columns, product):
        return bool(columns) or product.classification in OPEN
    return len(product.inputs) <= 1 and bool(named) and _are_open(named, product)


def of_dataset(product: Product, column: str, columns: Sequence[Mapping[str, Any]] | None = None) -> bool:
    """Return True if values of a column of the data set may be printed: it is at `internal` at most.

    `columns`: the contract's, if they have been read.
    """
    known = _columns(product) if columns is None else columns
    if known is None:
        return False
    named = _named(known, column)
    return _are_open(named, product) if named else product.classification in OPEN


def _columns(product: Product) -> list[dict[str, Any]] | None:
    """Return the contract's columns; None if it cannot be read, which is said when it is verified."""
    try:
        contract = yaml.safe_load(product.contract.read_text("utf-8"))
        return [item for table in contract.get("schema") or [] for item in table.get("properties") or []]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError, yaml.YAMLError):
        return None


def _named(columns: Sequence[Mapping[str, Any]], column: str) -> list[Mapping[str, Any]]:
    return [item for item in columns if promised_name(item).lower() == column.lower()]


def _are_open(columns: Sequence[Mapping[str, Any]], product: Product) -> bool:
    try:
        return all(is_open(item, (), product.classification) for item in columns)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return False


def is_open(node: Mapping[str, Any], path: tuple[str, ...], inherited: str) -> bool:
    """Return True if a column of the contract, its part at the path, and everything below it are at most `internal`.

    `path` begins below the column. `inherited` is the classification of parts without one. A classification that is only
    proposed is not known to be open.
    """
    level = str(node.get("classification") or inherited)
    if level not in OPEN or any(mark.field == "classification" for mark in marks(node)):
        return False
    pairs = node.get("map") or {}
    below = {
        **{promised_name(inner).lower(): inner for inner in node.get("properties") or []},
        **({"[]": node["items"]} if node.get("items") else {}),
        **{f"[{side}]": inner for side, inner in pairs.items()},
    }
    if path:
        return is_open(below.get(path[0].lower(), {}), path[1:], level)
    return all(is_open(inner, (), level) for inner in below.values())
