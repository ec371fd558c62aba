"""The frame of a picture: its edges, the headings above, and the capabilities below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshwright.map.layout.elements import CARD, MARGIN, PADDING, SMALL, Box, Line, Node, Picture, Pill
from meshwright.map.text import clipped, width


def frame(
    map: Mapping[str, Any],
    nodes: Sequence[Node],
    boxes: Sequence[Box],
    lines: Sequence[Line],
    xs: Mapping[int, float],
    last: int,
) -> Picture:
    present = {node.column for node in nodes} or {0}
    left = xs[min(present)] - (PADDING if min(present) >= 0 else 0.0) - MARGIN
    right = max((node.x + node.w for node in nodes), default=CARD) + PADDING + MARGIN
    tops = [node.y for node in nodes] + [box.y for box in boxes]
    bottoms = [node.y + node.h for node in nodes] + [box.y + box.h for box in boxes]
    heights = _passing(lines)
    top = min([*tops, *heights], default=0.0) - 22
    bottom = max([*bottoms, *heights], default=0.0) + 34
    headings = [(xs[column], top, text) for column, text in _headings(map, nodes, present, last)]
    layer, end = _layer(map["capabilities"], left + MARGIN, right - MARGIN, bottom)
    return Picture(
        left, top - 34, right - left, end + MARGIN - top + 34, nodes, boxes, lines, headings, layer, bottom
    )


def _passing(lines: Sequence[Line]) -> list[float]:
    return [float(part.split("C")[0].split(" ")[1]) for line in lines for part in line.path.split("L")[1:]]


def _headings(
    map: Mapping[str, Any], nodes: Sequence[Node], present: set[int], last: int
) -> Iterable[tuple[int, str]]:
    types = [
        {one["type"] for one in map["products"] if (one["rank"] > 0) == behind} for behind in (False, True)
    ]
    if -1 in present:
        yield -1, "Source systems"
    columns = {node.value["id"]: node.column for node in nodes if node.kind == "product"}
    behind = all((one["rank"] > 0) == (columns[one["id"]] > 0) for one in map["products"])
    if behind and types[0] <= {"source-oriented"} and types[1] <= {"consumer-oriented"}:
        yield from [(0, "Source-oriented products")] if types[0] else []
        yield from [(1, "Consumer-oriented products")] if types[1] else []
    elif map["products"]:
        yield 0, "Data products"
    if last + 1 in present:
        yield last + 1, "Use cases"
    if last + 2 in present:
        words = {"user": "Users", "reader": "Readers by agreement"}
        kinds = {node.kind for node in nodes if node.column == last + 2}
        yield last + 2, words[kinds.pop()] if len(kinds) == 1 else "Users and readers"


def _layer(
    capabilities: Sequence[Mapping[str, Any]], left: float, right: float, top: float
) -> tuple[list[Pill], float]:
    """Return the capabilities, in rows, below everything."""
    x, y = left + 16, top + 36
    pills: list[Pill] = []
    for one in capabilities[:60]:
        count = f" ×{one['products']}"
        text = clipped(one["uses"], 240, SMALL) + count
        w = round(width(text, SMALL) + 24, 1)
        if pills and x + w > right - 16:
            x, y = left + 16, y + 36
        whole = f"{one['uses']} ({one['kind'] or 'not in the registry'}), used by {one['products']} products"
        pills.append(Pill(x, y, w, text, whole, one["uses"]))
        x += w + 10
    return pills, y + 44 if pills else top
