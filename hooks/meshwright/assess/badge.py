"""Badges: a product's standing and score as a small image for its README, which loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from meshwright.core import files
from meshwright.core.text import printable
from meshwright.mesh import scores
from meshwright.mesh.standings import STANDINGS

COLOURS = {
    "critical": "#b3261e",
    "broken": "#8a6100",
    "not-known": "#5b6573",
    "partly-known": "#5b6573",
    "excepted": "#5b6573",
    "kept": "#146c40",
}
"""Standing -> a colour on which white text can be read (contrast 4.5 or more)."""
LONGEST = 40
NARROW, WIDE = "fijlrtI.,:;!|'()[] -/", "mwMW%@"


def svg(label: str, standing: str, more: str = "") -> str:
    """Return a badge with a label, a standing, and what comes after its words. The texts may be untrusted."""
    shown = STANDINGS[standing]
    label, text = _short(label), _short(" \u00b7 ".join(filter(None, (f"{shown.sign} {shown.words}", more))))
    left, right = _width(label) + 12, _width(text) + 12
    whole = left + right
    title = escape(f"{label}: {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="r"><rect width="{whole}" height="20" rx="4"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#3b4452"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{COLOURS[standing]}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">'
        f'<text x="6" y="14" textLength="{left - 12}">{escape(label)}</text>'
        f'<text x="{left + 6}" y="14" textLength="{right - 12}">{escape(text)}</text></g></svg>\n'
    )


def _short(text: str) -> str:
    text = printable(text[: LONGEST + 1])
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\u2026"


def _width(text: str) -> int:
    """Return the approximate width of a text in 11 px; `textLength` makes it exact."""
    return round(sum(4.2 if sign in NARROW else 10.2 if sign in WIDE else 7.1 for sign in text))


def of_product(score: int | None, cells: Mapping[str, scores.Cell]) -> str:
    """Return the badge of a product: its standing, then its score and how much is known."""
    known, functions = (
        sum(cell.known for cell in cells.values()),
        sum(cell.functions for cell in cells.values()),
    )
    return svg("data product", scores.whole(cells), _number(score, known, functions))


def write(folder: Path, assessment: dict[str, Any]) -> list[str]:
    """Write `<domain>/<name>.svg` and `<domain>/<name>/<characteristic>.svg` for each product. Return the ids of those
    that are not valid file names. Raises OSError."""
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in assessment["functions"]}
    left_out = []
    for product in assessment["products"]:
        domain, _, name = product["id"].partition("/")
        if not (_is_name(domain) and _is_name(name)):
            left_out.append(product["id"])
            continue
        cells = scores.cells(product["results"], kinds)
        badge = of_product(product["score"], cells)
        files.write(folder / domain / f"{name}.svg", badge, parents=True, flushed=False)
        for characteristic, cell in cells.items():
            one = svg(characteristic, cell.standing, _number(cell.score, cell.known, cell.functions))
            files.write(folder / domain / name / f"{characteristic}.svg", one, parents=True, flushed=False)
    return left_out


def _number(score: int | None, known: int, functions: int) -> str:
    if score is None:
        return ""
    return f"{score}" if known == functions else f"{score}, {known} of {functions} known"


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 100 and all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in text)
