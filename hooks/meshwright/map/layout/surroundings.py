"""What the products stand between: source systems on the left, use cases and their users on the right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshwright.map.layout.elements import SHOWN_CASES, SHOWN_PORTS, SMALL, SYSTEM, USE_CASE, USER, Line, Node
from meshwright.map.text import wrapped


def system_card(name: str) -> Node:
    lines = wrapped(name, SYSTEM - 22, SMALL, 2) or ("",)
    return Node(f"s:{name}", "system", -1, SYSTEM, 22 + 15.0 * len(lines), lines, name)


def feed_lines(
    map: Mapping[str, Any], cards: Mapping[str, Node], systems: Mapping[str, Node]
) -> Iterable[Line]:
    for product in map["products"]:
        for entry in product["inputs"]:
            if entry["system"]:
                yield Line(systems[entry["system"]], cards[product["id"]], "", entry["name"])


def use_cases(
    map: Mapping[str, Any], cards: Mapping[str, Node], column: int
) -> tuple[list[Node], list[Line]]:
    nodes, lines = [], []
    for product in map["products"]:
        cases = product["useCases"]
        for number, case in enumerate(cases[:SHOWN_CASES]):
            title = wrapped(case["name"], USE_CASE - 24, SMALL + 1, 2, bold=True) or ("",)
            rest = list(wrapped(case["action"], USE_CASE - 24, SMALL, 3))
            if number == SHOWN_CASES - 1 and len(cases) > SHOWN_CASES:
                rest.append(f"and {len(cases) - SHOWN_CASES} more")
            height = 18 + 17.0 * len(title) + 15.0 * len(rest)
            node = Node(
                f"c:{product['id']}/{number}", "case", column, USE_CASE, height, title, case["name"], "", case, rest
            )  # fmt: skip
            nodes.append(node)
            card = cards[product["id"]]
            known = [port for port in case["outputs"] if port in card.starts]
            lines += [Line(card, node, port, "", "serve") for port in dict.fromkeys(known)] or [
                Line(card, node, "", "", "serve")
            ]
    return nodes, lines


def users_of(cases: Sequence[Node], column: int) -> tuple[list[Node], list[Line]]:
    users: dict[str, Node] = {}
    lines = []
    for case in cases:
        for name in dict.fromkeys(case.value["users"][:SHOWN_PORTS]):
            if name not in users:
                title = wrapped(name, USER - 26, SMALL, 2) or ("",)
                users[name] = Node(f"u:{name}", "user", column, USER, 16 + 15.0 * len(title), title, name)
            lines.append(Line(case, users[name], "", "", "use"))
    return list(users.values()), lines
