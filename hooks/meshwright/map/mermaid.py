"""A map as a Mermaid flowchart, for a README or a wiki."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from meshwright.map.model import reader_of, spoken

MOST, MOST_EDGES = 150, 450
"""Maximum nodes and edges of a readable flowchart, and of one that Mermaid can draw."""
NAME = 60
"""Maximum characters of a name: Mermaid refuses texts of 50,000 characters."""

ARROWS = {"native": "-->", "virtual": "-.->", "copy": "==>"}

STYLES = """  classDef source stroke:#0f766e,stroke-width:2px
  classDef consumer stroke:#4f46e5,stroke-width:2px
  classDef missing stroke:#c0322b,stroke-dasharray:5 4
  classDef wrong fill:#fbe3e1,stroke:#c0322b,color:#1c2430
  classDef other stroke:#8b97a8"""
PLANNED = """  classDef plannedSource stroke:#0f766e,stroke-dasharray:5 4
  classDef plannedConsumer stroke:#4f46e5,stroke-dasharray:5 4"""
"""Only with a survey."""


def flowchart(map: Mapping[str, Any]) -> str:
    """Return a flowchart of products, or of domains if there would be more than MOST nodes: see `is_narrow`."""
    lines = _products(map) if is_narrow(map) else _domains(map)
    styles = [STYLES, PLANNED] if "delta" in map else [STYLES]
    return "\n".join(["flowchart LR", *lines, *styles, ""])


def is_narrow(map: Mapping[str, Any]) -> bool:
    """Return True if the flowchart shows every product."""
    kinds = ("products", "systems", "useCases", "users", "readers", "capabilities")
    nodes = sum(len(map[key]) for key in kinds)
    feeds = sum(len(product["inputs"]) for product in map["products"])
    uses = sum(
        len(case["users"]) + len(case["outputs"]) for one in map["products"] for case in one["useCases"]
    )
    return nodes <= MOST and feeds + uses <= MOST_EDGES


def label(*parts: str) -> str:
    """Return a quoted text, escaped so that it contains no markup, directive or comment."""
    return f'"{"<br/>".join(_encoded(part) for part in parts if part)}"'


def _encoded(text: str) -> str:
    cut = text if len(text) <= NAME else text[: NAME - 1] + "…"
    return re.sub(r"[^\w ,:/()@·…\u0080-\U0010ffff-]", lambda sign: f"#{ord(sign[0])};", cut) or " "


def _products(map: Mapping[str, Any]) -> Iterator[str]:
    number = count()
    names: dict[str, str] = {}
    wrong: list[int] = []
    edges = _Edges(wrong)
    for system in map["systems"]:
        names[f"s:{system['name']}"] = id = f"n{next(number)}"
        yield f"  {id}[({label(system['name'])})]:::other"
    for place, domain in enumerate(map["domains"]):
        yield f"  subgraph d{place}[{label(domain['name'])}]"
        for product in map["products"]:
            if product["domain"] != domain["name"]:
                continue
            names[product["id"]] = id = f"n{next(number)}"
            ports = ", ".join(f"{port['name']} {port['uses']}" for port in product["outputs"])
            state = product.get("state", "there").replace("there", "")
            yield f"    {id}[{label(product['title'], state, product['classification'], ports)}]:::{_style(product, state)}"
        yield "  end"
    for edge in map["edges"]:
        if edge["source"] not in names:
            names[edge["source"]] = id = f"n{next(number)}"
            yield f"  {id}[{label(edge['source'], 'not in the mesh')}]:::missing"
        pattern = edge["declared"] or edge["pattern"]
        bad = bool(edge["issues"]) or edge["cycle"] or bool(edge["missing"])
        yield edges.line(
            names[edge["source"]],
            names[edge["consumer"]],
            ARROWS.get(pattern, "-->"),
            ", ".join(
                (
                    pattern,
                    *([f"as {edge['role']}"] if edge.get("agreement") else []),
                    *(["triggers"] if edge.get("triggers") else []),
                )
            ),
            bad,
        )
    yield from _surroundings(map, names, number, edges)
    if map["capabilities"]:
        yield f"  subgraph platform[{label('Platform capabilities')}]"
        for one in map["capabilities"]:
            users = "not in the registry" if one.get("missing") else f"{one['products']} products"
            style = "missing" if one.get("missing") else "other"
            yield f"    n{next(number)}[{label(one['uses'], users)}]:::{style}"
        yield "  end"
    if wrong:
        yield f"  linkStyle {','.join(str(one) for one in wrong)} stroke:#c0322b,stroke-width:2px"


def _surroundings(
    map: Mapping[str, Any], names: dict[str, str], number: Iterator[int], edges: _Edges
) -> Iterator[str]:
    """Return what the products stand between: systems, use cases, users and readers."""
    used: set[tuple[str, str]] = set()
    for product in map["products"]:
        for system in sorted({one["system"] for one in product["inputs"]} - {""}):
            yield edges.line(names[f"s:{system}"], names[product["id"]])
        for case in product["useCases"]:
            key = f"c:{spoken(case['name'])}"
            if key not in names:
                names[key] = f"n{next(number)}"
                yield f"  {names[key]}([{label(case['name'], case['action'])}]):::other"
            id = names[key]
            yield edges.line(names[product["id"]], id, label=", ".join(case["outputs"]))
            for user in dict.fromkeys(case["users"]):
                if f"u:{user}" not in names:
                    names[f"u:{user}"] = f"n{next(number)}"
                    yield f"  {names[f'u:{user}']}(({label(user)})):::other"
                if (id, user) not in used:
                    yield edges.line(id, names[f"u:{user}"])
                used.add((id, user))
        for reader in product["readers"]:
            key = f"r:{reader_of(reader)}"
            if key not in names:
                names[key] = f"n{next(number)}"
                yield f"  {names[key]}(({label(reader_of(reader))})):::other"
            yield edges.line(names[product["id"]], names[key], label=f"as {reader['role']}")


def _style(product: Mapping[str, Any], state: str) -> str:
    kind = "source" if product["type"] == "source-oriented" else "consumer"
    if state:
        return "missing" if state == "missing" else f"planned{kind.capitalize()}"
    return "wrong" if product["issues"] else kind


def _domains(map: Mapping[str, Any]) -> Iterator[str]:
    yield f"  %% {len(map['products'])} products are too many for a flowchart, so it shows only domains. To show products, use --domain or --focus."
    shown = sorted(map["domains"], key=lambda one: (-one["products"], one["name"]))[:MOST]
    names = {domain["name"]: f"d{place}" for place, domain in enumerate(shown)}
    for domain in shown:
        counts = f"{domain['products']} products" + (
            f", {domain['issues']} issues" if domain["issues"] else ""
        )
        yield f"  {names[domain['name']]}[{label(domain['name'], counts)}]:::{'wrong' if domain['issues'] else 'other'}"
    domain_of = {product["id"]: product["domain"] for product in map["products"]}
    pairs = Counter((domain_of.get(edge["source"]), domain_of[edge["consumer"]]) for edge in map["edges"])
    drawn = [pair for pair, _ in pairs.most_common() if pair[0] != pair[1] and set(pair) <= set(names)]
    if len(drawn) > MOST_EDGES or len(shown) < len(map["domains"]):
        yield f"  %% Left out: {len(map['domains']) - len(shown)} domains, {max(0, len(drawn) - MOST_EDGES)} of the smallest flows."
    for pair in drawn[:MOST_EDGES]:
        yield f"  {names[pair[0]]} -->|{pairs[pair]}| {names[pair[1]]}"


class _Edges:
    """Counts edges like Mermaid, which identifies them only by number."""

    def __init__(self, wrong: list[int]) -> None:
        self._next = count()
        self._wrong = wrong

    def line(self, source: str, target: str, arrow: str = "-->", label: str = "", bad: bool = False) -> str:
        if bad:
            self._wrong.append(next(self._next))
        else:
            next(self._next)
        return (
            f'  {source} {arrow}|"{_encoded(label)}"| {target}' if label else f"  {source} {arrow} {target}"
        )
