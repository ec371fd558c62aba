"""The layout of a large map: tiles of domains along the data flow, and beside them what the products stand between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

from meshwright.map.layout.elements import MARGIN, SMALL, WINDOW
from meshwright.map.model import spoken
from meshwright.map.text import clipped, width

TILE, HEIGHT, DOWN, LEAST_ACROSS = 220.0, 76.0, 30.0, 60.0
"""Width and height of a tile without dots, and the space below and, at least, between tiles."""
ARC = 40.0
"""How far a flow between two tiles of one column swings out."""
DOT, IN_ROW, DOTS = 15.0, 13, 65
"""Distance between dots; dots in a row, and maximum dots in a tile."""
NAMED, ROW, NAMES = 150, 19.0, 40
"""Up to NAMED products have their names beside their dots; the height of such a row, and maximum rows in a tile."""
SHOWN_FLOWS, DRAWN_FLOWS = 1.6, 3000
"""Flows that are visible at first, for each domain; and the maximum number of flows, the strongest first."""
SIDE, BESIDE, SIDE_ROW, LISTED = 188.0, 46.0, 30.0, 10
"""Width of a list beside the tiles, the space to them, the height of an entry, and maximum entries of a list."""
CAPABILITIES = 60


@dataclass(frozen=True)
class Dot:
    """A product."""

    id: str
    title: str
    kind: str
    """`source` or `consumer`, with `error` or `warning` if it has an issue, or `planned` or `missing` if it is not there yet."""
    x: float
    y: float
    label: str = ""
    """What stands beside it."""


@dataclass
class Tile:
    """A domain."""

    name: str
    summary: str
    lines: Sequence[str]
    """The same, as it is drawn."""
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
class Entry:
    """A source system, use case, user or reader, the rest of such a list, or a capability of the platform."""

    key: str
    kind: str
    """`system`, `case`, `user`, `reader`, `capability` or `group`."""
    text: str
    whole: str
    x: float
    y: float
    w: float
    domains: Sequence[str] = ()
    """The domains of its products."""


@dataclass(frozen=True)
class Overview:
    """All elements, with their positions."""

    w: float
    h: float
    tiles: Sequence[Tile]
    flows: Sequence[Flow]
    headings: Sequence[tuple[float, float, str]]
    """x, y and text."""
    entries: Sequence[Entry]
    ties: Sequence[tuple[str, str, str, str]]
    """From which key to which, of which kind, and the path: an entry and a domain of its products."""


LEFT = (("systems", "s", "system", "Source systems"),)
RIGHT = (
    ("useCases", "c", "case", "Use cases"),
    ("users", "u", "user", "Users"),
    ("readers", "r", "reader", "Readers by agreement"),
)
"""Of a map: the key of its list, the start of an entry's key, its kind, and the heading."""


def overview(map: Mapping[str, Any]) -> Overview:
    """Return the layout of a map's domains, as wide as a window."""
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
    named = len(map["products"]) <= NAMED
    tiles = {name: _tile(name, products, levels, named) for name, products in members.items()}
    before = MARGIN + (SIDE + BESIDE if map["systems"] else 0.0)
    people = any(map[name] for name, *_ in RIGHT)
    after = WINDOW - MARGIN - (SIDE + BESIDE if people else 0.0)
    columns = _columns(members, counts, int((after - before + LEAST_ACROSS) // (TILE + LEAST_ACROSS)))
    bottom = _placed(tiles, columns, before, after)
    headings: list[tuple[float, float, str]] = []
    entries: list[Entry] = []
    ends = [_listed(map, LEFT, MARGIN, domain_of, headings, entries)]
    ends.append(_listed(map, RIGHT, WINDOW - MARGIN - SIDE, domain_of, headings, entries))
    h = _capabilities(map, max(bottom, *ends), headings, entries)
    flows = _flows(tiles, counts, broken)
    ties = [_tie(entry, tiles[domain]) for entry in entries for domain in entry.domains if entry.kind != "capability"]  # fmt: skip
    return Overview(WINDOW, h, [tiles[name] for name in sorted(tiles)], flows, headings, entries, ties)


def _listed(
    map: Mapping[str, Any],
    lists: Sequence[tuple[str, str, str, str]],
    x: float,
    domain_of: Mapping[str, str],
    headings: list[tuple[float, float, str]],
    entries: list[Entry],
) -> float:
    """Add the lists of one side, those with the most products first; return how far down they go."""
    y = MARGIN
    for name, start, kind, heading in lists:
        known = sorted(map[name], key=lambda one: (-len(one["products"]), one["name"]))
        if not known:
            continue
        headings.append((x, y + 12, f"{heading}: {len(known)}"))
        y += 24
        shown = known if len(known) <= LISTED else known[: LISTED - 1]
        key_of: Callable[[str], str] = spoken if kind == "case" else str
        for one in shown:
            count = len(one["products"])
            text = clipped(one["name"], SIDE - 20 - (12 if kind in ("user", "reader") else 0), SMALL)
            whole = f"{one['name']}: {count} product{'s' if count > 1 else ''}"
            domains = sorted({domain_of[id] for id in one["products"]})
            entries.append(Entry(f"{start}:{key_of(one['name'])}", kind, text, whole, x, y, SIDE, domains))
            y += SIDE_ROW
        if len(shown) < len(known):
            text = f"and {len(known) - len(shown)} more"
            entries.append(Entry(f"g:{name}", "group", text, f"{heading}: all {len(known)}", x, y, SIDE))
            y += SIDE_ROW
        y += 18
    return y


def _capabilities(
    map: Mapping[str, Any], top: float, headings: list[tuple[float, float, str]], entries: list[Entry]
) -> float:
    """Add the platform's capabilities in rows below everything; return the height of the picture."""
    known = map["capabilities"][:CAPABILITIES]
    if not known:
        return top + MARGIN
    headings.append((MARGIN, top + 20, "Platform capabilities"))
    x, y = MARGIN, top + 32
    for one in known:
        text = f"{clipped(one['uses'], 200, SMALL)} ×{one['products']}"
        w = round(width(text, SMALL) + 24, 1)
        if x + w > WINDOW - MARGIN:
            x, y = MARGIN, y + SIDE_ROW
        whole = f"{one['uses']} ({one['kind'] or 'not in the registry'}), used by {one['products']} products"
        entries.append(Entry(f"k:{one['uses']}", "capability", text, whole, x, y, w))
        x += w + 8
    return y + SIDE_ROW + MARGIN


def _tie(entry: Entry, tile: Tile) -> tuple[str, str, str, str]:
    middle, y = tile.y + min(tile.h, HEIGHT) / 2, entry.y + SIDE_ROW / 2 - 2
    if entry.kind == "system":
        x, to_x = entry.x + entry.w, tile.x
        path = f"M{x:.0f} {y:.0f}C{x + 40:.0f} {y:.0f} {to_x - 40:.0f} {middle:.0f} {to_x:.0f} {middle:.0f}"
        return entry.key, f"d:{tile.name}", "feed", path
    x, to_x = tile.x + tile.w, entry.x
    path = f"M{x:.0f} {middle:.0f}C{x + 40:.0f} {middle:.0f} {to_x - 40:.0f} {y:.0f} {to_x:.0f} {y:.0f}"
    return f"d:{tile.name}", entry.key, {"case": "serve", "user": "use"}.get(entry.kind, "read"), path


def _tile(name: str, products: Sequence[Mapping[str, Any]], levels: Mapping[int, str], named: bool) -> Tile:
    most, in_row, row = (NAMES, 1, ROW) if named else (DOTS, IN_ROW, DOT)
    known = [levels[number] for product in products for number in product["issues"]]
    sources = sum(product["type"] == "source-oriented" for product in products)
    count = len(products)
    planned = sum(product.get("state", "there") != "there" for product in products)
    summary = f"{count} product{'s' if count > 1 else ''}, {sources} source-oriented"
    summary += f", {planned} planned" if planned else ""
    lines = [f"{count} product{'s' if count > 1 else ''}" + (f", {planned} planned" if planned else "")]
    lines += [f"{sources} source-oriented"] if sources else []
    shown = sorted(products, key=lambda one: (one["rank"], one["id"]))
    if count > most:  # products with issues must not be left out
        shown = sorted(shown, key=lambda one: not one["issues"])[:most]
    dots = []
    for number, product in enumerate(shown):
        kind = "source" if product["type"] == "source-oriented" else "consumer"
        worst = min((levels[issue] for issue in product["issues"]), default="")
        worst = worst or product.get("state", "there").replace("there", "")
        x, y = 14 + number % in_row * DOT, HEIGHT + number // in_row * row
        label = clipped(product["title"], TILE - 46, SMALL) if named else ""
        dots.append(Dot(product["id"], product["title"], f"{kind} {worst}".strip(), x, y, label))
    height = HEIGHT + ceil(len(shown) / in_row) * row + 12 + (18 if count > most else 0)
    return Tile(name, summary, lines, len(known), min(known, default=""), dots, count - len(shown), height)


def _columns(
    members: Mapping[str, Sequence[Mapping[str, Any]]], counts: Mapping[tuple[str, str], int], most: int
) -> list[list[str]]:
    """Arrange the domains in `most` columns, by their distance from the sources, and near to their neighbours."""
    far = {
        name: sum(product["rank"] for product in products) / len(products)
        for name, products in members.items()
    }
    order = sorted(members, key=lambda name: (far[name], name))
    height = max(1, ceil(len(order) / max(1, most)))
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


def _placed(
    tiles: Mapping[str, Tile], columns: Sequence[Sequence[str]], before: float, after: float
) -> float:
    """Place the tiles between two edges; return how far down they go."""
    heights = [sum(tiles[name].h + DOWN for name in column) - DOWN for column in columns]
    tallest = max(heights, default=0.0)
    across = (after - before - ARC - TILE * len(columns)) / max(1, len(columns) - 1)
    for number, (column, height) in enumerate(zip(columns, heights, strict=True)):
        y = MARGIN + (tallest - height) / 2
        for name in column:
            tiles[name].x, tiles[name].y = before + number * (TILE + min(across, 2 * TILE)), y
            y += tiles[name].h + DOWN
    return MARGIN + tallest


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
        swing = to_swing = max(30.0, (to_x - x) / 2)
    elif target.x < source.x:
        x, to_x = source.x, target.x + target.w
        swing = to_swing = -max(30.0, (x - to_x) / 2)
    else:
        x = to_x = source.x + source.w
        swing, to_swing = ARC, -ARC
    return f"M{x:.0f} {y:.0f}C{x + swing:.0f} {y:.0f} {to_x - to_swing:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
