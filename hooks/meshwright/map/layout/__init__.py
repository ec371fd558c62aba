"""Where everything of a map is drawn: columns from the systems to the users, domains as boxes, lines around the boxes.

A layered layout of our own, in the way of Sugiyama: ranks are columns, a barycenter orders each column within its
domain, lines that pass a column go through a gap between the cards. Libraries that lay out layers know no
containers, and those that know containers are no Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshwright.map.layout.elements import (
    CARD,
    CHANNEL,
    PADDING,
    SIDE_CHANNEL,
    SYSTEM,
    USE_CASE,
    USER_CHANNEL,
    Picture,
)
from meshwright.map.layout.frame import frame
from meshwright.map.layout.line_routes import route
from meshwright.map.layout.order import order, place_beside
from meshwright.map.layout.product_cards import domain_boxes, product_cards, share_lines
from meshwright.map.layout.surroundings import feed_lines, system_card, use_cases, users_of


def picture(map: Mapping[str, Any]) -> Picture:
    """Return the whole map, product by product."""
    cards = product_cards(map)
    boxes = domain_boxes(cards)
    lines = list(share_lines(map, cards))
    systems = [system_card(one["name"]) for one in map["systems"]]
    feeds = list(feed_lines(map, cards, {node.whole: node for node in systems}))
    last = max((node.column for node in cards.values()), default=0)
    cases, serves = use_cases(map, cards, last + 1)
    users, uses = users_of(cases, last + 2)
    xs = left_edges(last, bool(systems), bool(cases))
    for node in (*cards.values(), *systems, *cases, *users):
        node.x = xs[node.column]
    order(boxes, lines, feeds)
    for box in boxes:
        box.x = xs[box.span[0]] - PADDING
        box.w = xs[box.span[-1]] + CARD + PADDING - box.x
    place_beside(systems, feeds, lambda line: (line.source, line.target))
    place_beside(cases, serves, lambda line: (line.target, line.source))
    place_beside(users, uses, lambda line: (line.target, line.source))
    nodes = [*cards.values(), *systems, *cases, *users]
    every = [*uses, *serves, *feeds, *lines]
    route(every, nodes, boxes, xs)
    return frame(map, nodes, boxes, every, xs, last)


def left_edges(last: int, systems: bool, cases: bool) -> dict[int, float]:
    """Return column -> its left edge."""
    xs = {-1: 0.0}
    x = SYSTEM + SIDE_CHANNEL if systems else 0.0
    for column in range(last + 1):
        xs[column] = x
        x += CARD + CHANNEL
    x += SIDE_CHANNEL - CHANNEL
    xs[last + 1] = x
    xs[last + 2] = x + USE_CASE + USER_CHANNEL
    return xs
