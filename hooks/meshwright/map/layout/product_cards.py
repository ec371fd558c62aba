"""The products: their cards with ports, the boxes of their domains, and the lines that share data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshwright.map.layout.elements import (
    CARD,
    OVERHANG,
    PILL,
    ROW,
    SHOWN_PORTS,
    TINY,
    TITLE,
    Box,
    Line,
    Node,
    Pill,
)
from meshwright.map.text import clipped, width, wrapped


def product_cards(map: Mapping[str, Any]) -> dict[str, Node]:
    missing_ports: dict[str, dict[str, None]] = {}
    ghosts: dict[str, dict[str, None]] = {}
    ranks = {product["id"]: product["rank"] for product in map["products"]}
    columns: dict[str, int] = {}
    for edge in map["edges"]:
        if edge["missing"] == "port":
            missing_ports.setdefault(edge["source"], {})[edge["port"]] = None
        elif edge["missing"] == "product":
            ghosts.setdefault(edge["source"], {})[edge["port"]] = None
            rank = ranks[edge["consumer"]]
            columns[edge["source"]] = max(0, min(columns.get(edge["source"], rank), rank - 1))
    cards = {one["id"]: _card(one, list(missing_ports.get(one["id"], ()))) for one in map["products"]}
    for id, ports in ghosts.items():
        cards[id] = _ghost(id, list(ports), columns[id])
    return cards


def _card(product: Mapping[str, Any], missing: Sequence[str]) -> Node:
    room = CARD - 24 - (26 if product["issues"] else 0)
    lines = wrapped(product["title"], room, TITLE, 2, bold=True) or ("",)
    top = 14 + 19 * len(lines) + 26
    inputs = [(one["name"], one["uses"], "input") for one in product["inputs"]]
    outputs = [(one["name"], one["uses"], "output") for one in product["outputs"]]
    outputs = [(name, "missing", "missing") for name in missing] + outputs
    left, ends = _ports(inputs, top, right=False)
    right, starts = _ports(outputs, top, right=True)
    rows = max(len(left), len(right))
    return Node(
        f"p:{product['id']}", "product", product["rank"], CARD, top + ROW * rows + (8 if rows else 4), lines,
        product["title"], product["domain"], product, (), (*left, *right), starts, ends,
    )  # fmt: skip


def _ghost(id: str, ports: Sequence[str], column: int) -> Node:
    domain, _, name = id.partition("/")
    lines = wrapped(name or id, CARD - 24, TITLE, 2, bold=True) or ("",)
    top = 14 + 19 * len(lines) + 26
    pills, starts = _ports([(port, "", "missing") for port in ports], top, right=True)
    height = top + ROW * len(pills) + 8
    return Node(
        f"p:{id}", "ghost", column, CARD, height, lines, id, domain, {}, ("not in the mesh",), pills, starts
    )


def _ports(
    ports: Sequence[tuple[str, str, str]], top: float, right: bool
) -> tuple[list[Pill], dict[str, float]]:
    room = (0.56 if right else 0.42) * CARD + OVERHANG
    shown = ports if len(ports) <= SHOWN_PORTS else ports[: SHOWN_PORTS - 1]
    pills: list[Pill] = []
    places: dict[str, float] = {}
    for name, uses, kind in shown:
        whole = " · ".join(filter(None, (name, uses)))
        text = whole if width(whole, TINY) <= room - 16 else clipped(name, room - 16, TINY)
        pills.append(_pill(text, whole, kind, top + ROW * len(pills), right))
        places.setdefault(name, pills[-1].y + PILL / 2)
    if len(shown) < len(ports):
        text = f"{len(ports) - len(shown)} more"
        whole = ", ".join(name for name, *_ in ports[len(shown) :][:20])
        pills.append(_pill(text, whole, "more", top + ROW * len(pills), right))
        for name, *_ in ports[len(shown) :]:
            places.setdefault(name, pills[-1].y + PILL / 2)
    return pills, places


def _pill(text: str, whole: str, kind: str, y: float, right: bool) -> Pill:
    w = round(width(text, TINY) + 16, 1)
    return Pill(CARD + OVERHANG - w if right else -OVERHANG, y, w, text, whole, kind)


def domain_boxes(cards: Mapping[str, Node]) -> list[Box]:
    boxes: dict[str, Box] = {}
    for node in cards.values():
        box = boxes.setdefault(node.domain, Box(node.domain, {}))
        box.issues += len(node.value.get("issues", ()))
        box.columns.setdefault(node.column, []).append(node)
    return sorted(boxes.values(), key=lambda box: (box.span[0], box.name))


def share_lines(map: Mapping[str, Any], cards: Mapping[str, Node]) -> Iterable[Line]:
    for edge in map["edges"]:
        yield Line(cards[edge["source"]], cards[edge["consumer"]], edge["port"], edge["input"], "share", edge)
