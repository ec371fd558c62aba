"""What the products stand between: source systems on the left, use cases and their users on the right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshwright.map.layout.elements import SHOWN_CASES, SHOWN_PORTS, SMALL, SYSTEM, USE_CASE, USER, Line, Node
from meshwright.map.model import reader_of, spoken
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
    """Return the use cases, each once whoever serves it, and the lines to them."""
    found: dict[str, dict[str, Any]] = {}
    lines: list[tuple[str, str, str]] = []
    for product in map["products"]:
        cases = product["useCases"]
        for number, case in enumerate(cases):
            key = spoken(case["name"])
            if number >= SHOWN_CASES and key not in found:
                continue
            one = found.setdefault(key, {"name": case["name"], "users": {}, "actions": {}, "more": 0})
            one["users"] |= dict.fromkeys(case["users"])
            one["actions"][case["action"]] = None
            if number == SHOWN_CASES - 1:
                one["more"] += len(cases) - SHOWN_CASES
            ports = [port for port in case["outputs"] if port in cards[product["id"]].starts]
            lines += [(product["id"], key, port) for port in ports or [""]]
    nodes = {key: _case_card(key, one, column) for key, one in found.items()}
    drawn = [Line(cards[id], nodes[key], port, "", "serve") for id, key, port in dict.fromkeys(lines)]
    return list(nodes.values()), drawn


def _case_card(key: str, case: Mapping[str, Any], column: int) -> Node:
    action = "; ".join(filter(None, case["actions"]))
    title = wrapped(case["name"], USE_CASE - 24, SMALL + 1, 2, bold=True) or ("",)
    rest = [
        *wrapped(action, USE_CASE - 24, SMALL, 3),
        *([f"and {case['more']} more"] if case["more"] else []),
    ]
    height = 18 + 17.0 * len(title) + 15.0 * len(rest)
    value = {"users": list(case["users"]), "action": action}
    return Node(f"c:{key}", "case", column, USE_CASE, height, title, case["name"], "", value, rest)


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


def readers(map: Mapping[str, Any], cards: Mapping[str, Node], column: int) -> tuple[list[Node], list[Line]]:
    """Return the teams whose people read under an agreement, and the lines to them."""
    nodes: dict[str, Node] = {}
    lines: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for product in map["products"]:
        for reader in product["readers"]:
            name = reader_of(reader)
            if name not in nodes:
                title = wrapped(name, USER - 26, SMALL, 2) or ("",)
                nodes[name] = Node(f"r:{name}", "reader", column, USER, 16 + 15.0 * len(title), title, name)
            lines.setdefault((product["id"], name), []).append(reader)
    return list(nodes.values()), [
        Line(cards[id], nodes[name], "", "", "read", {"agreements": by}) for (id, name), by in lines.items()
    ]
