"""Badges: a product's score as a small image for its README, which loads nothing."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from meshwright.core import files
from meshwright.core.text import printable
from meshwright.mesh import scores

COLOURS = {
    "good": "#1a7f4b",
    "fair": "#8a6100",
    "bad": "#b3261e",
    "excepted": "#5b6573",
    "unknown": "#6b7280",
}
"""Colours on which white text can be read (contrast 4.5 or more)."""
SIGNS = {"good": "\u2713", "fair": "!", "bad": "\u2715", "excepted": "~", "unknown": "?"}
"""State of a score -> a sign for people who do not see its colour."""
LONGEST = 40
NARROW, WIDE = "fijlrtI.,:;!|'()[] -/", "mwMW%@"


def svg(label: str, text: str, state: str) -> str:
    """Return a badge with a label, a value and a state (a key of COLOURS). The texts may be untrusted."""
    label, text = _short(label), _short(f"{SIGNS[state]} {text}")
    left, right = _width(label) + 12, _width(text) + 12
    whole = left + right
    title = escape(f"{label}: {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="r"><rect width="{whole}" height="20" rx="4"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#3b4452"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{COLOURS[state]}"/></g>'
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


def write(folder: Path, assessment: dict[str, Any], floors: dict[str, int]) -> list[str]:
    """Write `<domain>/<name>.svg` and `<domain>/<name>/<characteristic>.svg` for each product. Return the ids of those
    that are not valid file names. Raises OSError."""
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in assessment["functions"]}
    left_out = []
    for product in assessment["products"]:
        domain, _, name = product["id"].partition("/")
        if not (_is_name(domain) and _is_name(name)):
            left_out.append(product["id"])
            continue
        cells = scores.cells(product["results"], kinds, floors)
        whole = svg("data product", *_whole(product["score"], cells))
        files.write(folder / domain / f"{name}.svg", whole, parents=True, flushed=False)
        for characteristic, cell in cells.items():
            one = svg(characteristic, *_score_and_standing(cell))
            files.write(folder / domain / name / f"{characteristic}.svg", one, parents=True, flushed=False)
    return left_out


def _score_and_standing(cell: scores.Cell) -> tuple[str, str]:
    if cell.score is None:
        return cell.standing, cell.standing
    return f"{cell.score} of 100{_known(cell.known, cell.functions)}", cell.standing


def _whole(score: int | None, cells: dict[str, scores.Cell]) -> tuple[str, str]:
    standing = scores.worst(cells.values())
    known = sum(cell.standing != "unknown" for cell in cells.values())
    return standing if score is None else f"{score} of 100{_known(known, len(cells))}", standing


def _known(known: int, of: int) -> str:
    return "" if known == of else f", {known} of {of} known"


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 100 and all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in text)
