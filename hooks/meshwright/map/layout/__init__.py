"""Where everything of a map is drawn: columns from the systems to the users, domains as boxes, lines around the boxes.

A layered layout of our own, in the way of Sugiyama: ranks are columns, a barycenter orders each column within its
domain, lines that pass a column go through a gap between the cards. Libraries that lay out layers know no
containers, and those that know containers are no Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshwright.map.layout.columns import Sides, share
from meshwright.map.layout.elements import CARD, PADDING, Picture
from meshwright.map.layout.frame import frame
from meshwright.map.layout.line_routes import route
from meshwright.map.layout.order import order, place_beside
from meshwright.map.layout.product_cards import domain_boxes, product_cards, share_lines
from meshwright.map.layout.surroundings import feed_lines, readers, system_card, use_cases, users_of


def picture(map: Mapping[str, Any]) -> Picture:
    """Return the whole map, product by product, no wider than WIDEST."""
    cards = product_cards(map)
    sides = Sides.of(map)
    share(cards, [(edge["source"], edge["consumer"]) for edge in map["edges"]], sides.columns)
    boxes = domain_boxes(cards)
    lines = list(share_lines(map, cards))
    systems = [system_card(one["name"]) for one in map["systems"]]
    feeds = list(feed_lines(map, cards, {node.whole: node for node in systems}))
    last = max((node.column for node in cards.values()), default=0)
    cases, serves = use_cases(map, cards, last + 1)
    users, uses = users_of(cases, last + 2)
    people, reads = readers(map, cards, last + 2)
    xs = sides.left_edges(last)
    for node in (*cards.values(), *systems, *cases, *users, *people):
        node.x = xs[node.column]
    order(boxes, lines, feeds)
    for box in boxes:
        box.x = xs[box.span[0]] - PADDING
        box.w = xs[box.span[-1]] + CARD + PADDING - box.x
    place_beside(systems, feeds, lambda line: (line.source, line.target))
    place_beside(cases, serves, lambda line: (line.target, line.source))
    place_beside([*users, *people], [*uses, *reads], lambda line: (line.target, line.source))
    nodes = [*cards.values(), *systems, *cases, *users, *people]
    every = [*uses, *reads, *serves, *feeds, *lines]
    route(every, nodes, boxes, xs)
    return frame(map, nodes, boxes, every, xs, last)
