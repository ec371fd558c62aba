"""The layout of a large map's domains: tiles from left to right along the data flow, with the flows between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

TILE, HEIGHT, ACROSS, DOWN, MARGIN = 236.0, 62.0, 84.0, 34.0, 24.0
"""Width and height of a tile without dots, and the space between and around tiles."""
ARC = 48.0
"""How far a flow between two tiles of one column swings out."""
DOT, IN_ROW, DOTS = 15.0, 14, 70
"""Distance between dots; dots in a row, and maximum dots in a tile."""
SHOWN_FLOWS, DRAWN_FLOWS = 1.6, 3000
"""Flows that are visible at first, for each domain; and the maximum number of flows, the strongest first."""


@dataclass(frozen=True)
class Dot:
    """A product."""

    id: str
    title: str
    kind: str
    """`source` or `consumer`, with `error` or `warning` if it has an issue, or `planned` or `missing` if it is not there yet."""
    x: float
    y: float


@dataclass
class Tile:
    """A domain."""

    name: str
    summary: str
    issues: int
    level: str
    dots: Sequence[Dot]
    more: int
    """Products without a dot."""
    h: float
    w: float = TILE
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Flow:
    """All inputs of one domain that read another."""

    source: str
    target: str
    count: int
    issues: int
    strong: bool
    width: float
    path: str


@dataclass(frozen=True)
class Overview:
    """All elements, with their positions."""

    w: float
    h: float
    tiles: Sequence[Tile]
    flows: Sequence[Flow]


def overview(map: Mapping[str, Any]) -> Overview:
    """Return the layout of a map's domains."""
    levels = {issue["number"]: issue["level"] for issue in map["issues"]}
    members: dict[str, list[Mapping[str, Any]]] = {}
    for product in map["products"]:
        members.setdefault(product["domain"], []).append(product)
    counts: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    domain_of = {product["id"]: product["domain"] for product in map["products"]}
    for edge in map["edges"]:
        source, consumer = domain_of.get(edge["source"]), domain_of[edge["consumer"]]
        if source is not None and source != consumer:
            counts[source, consumer] += 1
            broken[source, consumer] += any(levels.get(number) == "error" for number in edge["issues"])
    tiles = {name: _tile(name, products, levels) for name, products in members.items()}
    columns = _columns(members, counts)
    w, h = _placed(tiles, columns)
    flows = _flows(tiles, counts, broken)
    return Overview(w, h, [tiles[name] for name in sorted(tiles)], flows)


def _tile(name: str, products: Sequence[Mapping[str, Any]], levels: Mapping[int, str]) -> Tile:
    known = [levels[number] for product in products for number in product["issues"]]
    sources = sum(product["type"] == "source-oriented" for product in products)
    count = len(products)
    planned = sum(product.get("state", "there") != "there" for product in products)
    summary = f"{count} product{'s' if count > 1 else ''}, {sources} source-oriented"
    summary += f", {planned} planned" if planned else ""
    shown = sorted(products, key=lambda one: (one["rank"], one["id"]))
    if count > DOTS:  # products with issues must not be left out
        shown = sorted(shown, key=lambda one: not one["issues"])[:DOTS]
    dots = []
    for number, product in enumerate(shown):
        kind = "source" if product["type"] == "source-oriented" else "consumer"
        worst = min((levels[issue] for issue in product["issues"]), default="")
        worst = worst or product.get("state", "there").replace("there", "")
        x, y = 14 + number % IN_ROW * DOT, HEIGHT + number // IN_ROW * DOT
        dots.append(Dot(product["id"], product["title"], f"{kind} {worst}".strip(), x, y))
    height = HEIGHT + ceil(len(shown) / IN_ROW) * DOT + 12 + (18 if count > DOTS else 0)
    return Tile(name, summary, len(known), min(known, default=""), dots, count - len(shown), height)


def _columns(
    members: Mapping[str, Sequence[Mapping[str, Any]]], counts: Mapping[tuple[str, str], int]
) -> list[list[str]]:
    """Arrange the domains by their distance from the sources, and within a column near to their neighbours."""
    far = {
        name: sum(product["rank"] for product in products) / len(products)
        for name, products in members.items()
    }
    order = sorted(members, key=lambda name: (far[name], name))
    width = max(1, round(sqrt(len(order) * 0.9)))
    height = ceil(len(order) / width)
    columns = [order[start : start + height] for start in range(0, len(order), height)]
    ties: dict[str, list[tuple[str, int]]] = {}
    for (source, target), count in counts.items():
        ties.setdefault(source, []).append((target, count))
        ties.setdefault(target, []).append((source, count))
    for _ in range(4):
        place = {name: number for column in columns for number, name in enumerate(column)}
        for column in columns:
            column.sort(key=lambda name: (_pull(place, ties.get(name, ()), name), name))
    return columns


def _pull(place: Mapping[str, int], ties: Sequence[tuple[str, int]], name: str) -> float:
    weight = sum(count for _, count in ties)
    return sum(place[other] * count for other, count in ties) / weight if weight else float(place[name])


def _placed(tiles: Mapping[str, Tile], columns: Sequence[Sequence[str]]) -> tuple[float, float]:
    heights = [sum(tiles[name].h + DOWN for name in column) - DOWN for column in columns]
    tallest = max(heights, default=0.0)
    for number, (column, height) in enumerate(zip(columns, heights, strict=True)):
        y = MARGIN + (tallest - height) / 2
        for name in column:
            tiles[name].x, tiles[name].y = MARGIN + number * (TILE + ACROSS), y
            y += tiles[name].h + DOWN
    return 2 * MARGIN + len(columns) * (TILE + ACROSS) - ACROSS + ARC, 2 * MARGIN + tallest


def _flows(
    tiles: Mapping[str, Tile],
    counts: Mapping[tuple[str, str], int],
    broken: Mapping[tuple[str, str], int],
) -> list[Flow]:
    strongest = sorted(counts, key=lambda pair: (-counts[pair], pair))[:DRAWN_FLOWS]
    shown = ceil(len(tiles) * SHOWN_FLOWS)
    return [
        Flow(pair[0], pair[1], counts[pair], broken[pair], number < shown, min(9.0, 1 + sqrt(counts[pair]) * 1.2), _path(tiles[pair[0]], tiles[pair[1]]))
        for number, pair in enumerate(strongest)
    ]  # fmt: skip


def _path(source: Tile, target: Tile) -> str:
    y, to_y = source.y + source.h / 2, target.y + target.h / 2
    if target.x > source.x:
        x, to_x = source.x + source.w, target.x
        swing = to_swing = max(40.0, (to_x - x) / 2)
    elif target.x < source.x:
        x, to_x = source.x, target.x + target.w
        swing = to_swing = -max(40.0, (x - to_x) / 2)
    else:
        x = to_x = source.x + source.w
        swing, to_swing = 60.0, -60.0
    return f"M{x:.0f} {y:.0f}C{x + swing:.0f} {y:.0f} {to_x - to_swing:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
