"""A map in the LikeC4 language: a model with its own kinds, an overview, and a view of each domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.map.model import reader_of, spoken

SPECIFICATION = """specification {
  element domain { style { color muted } }
  element product { notation "Data product" }
  element port { notation "Output port" style { shape queue } }
  element missing { notation "Not in the mesh" style { color red border dashed } }
  element system { notation "Source system" style { shape cylinder color slate } }
  element useCase { notation "Use case" style { color green } }
  element user { notation "User" style { shape person color secondary } }
  element capability { notation "Platform capability" style { color gray } }
  relationship feeds { color gray }
  relationship native
  relationship virtual { line dotted }
  relationship copied { line solid head diamond }
  relationship serves { color gray }
  relationship uses { color gray line dotted }
  tag source-oriented
  tag consumer-oriented
  tag public
  tag internal
  tag confidential
  tag secret
  tag error
  tag warning
}"""

PLANNED = """  element planned { notation "Planned data product" style { border dashed } }
  element lacking { notation "Missing data product" style { color red border dashed } }
}"""
"""Kinds of elements that only a map with a survey has."""
WAYS = {"native": "native", "virtual": "virtual", "copy": "copied"}
TAGS = {"source-oriented", "consumer-oriented", "public", "internal", "confidential", "secret"}
NAME = 120
DETAILED = 12
"""A domain's view shows ports and use cases up to this many products, because LikeC4's layout would take minutes."""


def document(map: Mapping[str, Any]) -> str:
    """Return the whole map as one .c4 file."""
    names: dict[str, str] = {}
    specification = SPECIFICATION.removesuffix("}") + PLANNED if "delta" in map else SPECIFICATION
    parts = [specification, "model {", *_elements(map, names), *_relations(map, names), "}", "views {"]
    return "\n".join([*parts, *_views(map), "}", ""])


def text(value: str) -> str:
    """Return a quoted and escaped text."""
    cut = value if len(value) <= NAME else value[: NAME - 1] + "…"
    escaped = cut.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if escaped.strip() else '"?"'


def _elements(map: Mapping[str, Any], names: dict[str, str]) -> Iterator[str]:
    levels = {issue["number"]: issue for issue in map["issues"]}
    for number, system in enumerate(map["systems"]):
        names[f"s:{system['name']}"] = f"s{number}"
        yield f"  s{number} = system {text(system['name'])}"
    for number, user in enumerate(map["users"]):
        names[f"u:{user['name']}"] = f"u{number}"
        yield f"  u{number} = user {text(user['name'])}"
    actions = {spoken(case["name"]): case["action"] for one in map["products"] for case in one["useCases"]}
    for number, case in enumerate(map["useCases"]):
        names[f"c:{spoken(case['name'])}"] = f"c{number}"
        action = actions[spoken(case["name"])]
        yield f"  c{number} = useCase {text(case['name'])} {{ description {text(action)} }}"
    for number, reader in enumerate(map["readers"]):
        names[f"r:{reader['name']}"] = f"r{number}"
        yield f"  r{number} = user {text(reader['name'])}"
    for number, one in enumerate(map["capabilities"]):
        names[f"k:{one['uses']}"] = f"k{number}"
        yield f"  k{number} = capability {text(one['uses'])} {{ technology {text(one['kind'] or 'not in the registry')} }}"
    ghosts = sorted({edge["source"] for edge in map["edges"] if edge["missing"] == "product"})
    for number, id in enumerate(ghosts):
        names[f"p:{id}"] = f"g{number}"
        yield f"  g{number} = missing {text(id)}"
    for number, domain in enumerate(map["domains"]):
        yield f"  d{number} = domain {text(domain['name'])} {{"
        inside = [product for product in map["products"] if product["domain"] == domain["name"]]
        for place, product in enumerate(inside):
            names[f"p:{product['id']}"] = path = f"d{number}.p{place}"
            yield from _product(product, path, place, names, levels)
        yield "  }"


def _product(
    product: Mapping[str, Any],
    path: str,
    place: int,
    names: dict[str, str],
    levels: Mapping[int, Mapping[str, Any]],
) -> Iterator[str]:
    known = [levels[number] for number in product["issues"]]
    tags = [one for one in (product["type"], product["classification"]) if one in TAGS]
    tags += sorted({issue["level"] for issue in known})
    kind = {"planned": "planned", "missing": "lacking"}.get(product.get("state", ""), "product")
    yield f"    p{place} = {kind} {text(product['title'])} {{"
    if tags:
        yield f"      {' '.join(f'#{tag}' for tag in tags)}"
    if product["purpose"]:
        yield f"      description {text(product['purpose'])}"
    facts = {"id": product["id"], "version": product["version"], "owner": product["owner"], "team": product["team"]}  # fmt: skip
    facts |= {f"issue{issue['number']}": issue["sentence"] for issue in known}
    stated = " ".join(f"{key} {text(value)}" for key, value in facts.items() if value)
    yield f"      metadata {{ {stated} }}"
    for number, port in enumerate(product["outputs"]):
        names.setdefault(f"o:{product['id']}#{port['name']}", f"{path}.o{number}")
        yield f"      o{number} = port {text(port['name'])} {{ technology {text(port['uses'])} }}"
    yield "    }"


def _relations(map: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    used: set[tuple[str, str]] = set()
    for edge in map["edges"]:
        source = names.get(f"o:{edge['source']}#{edge['port']}") or names[f"p:{edge['source']}"]
        target, way = names[f"p:{edge['consumer']}"], WAYS[edge["declared"] or edge["pattern"]]
        if target != source and not source.startswith(
            f"{target}."
        ):  # the language has no relation of an element to itself
            yield f"  {source} -[{way}]-> {target} {text(edge['input'])}"
    for product in map["products"]:
        path = names[f"p:{product['id']}"]
        for one in product["inputs"]:
            if one["system"]:
                yield f"  {names['s:' + one['system']]} -[feeds]-> {path} {text(one['name'])}"
        yield from _served(product, names, used)
        for uses in product["capabilities"]:
            yield f"  {path} -[uses]-> {names[f'k:{uses}']}"


def _served(
    product: Mapping[str, Any], names: Mapping[str, str], used: set[tuple[str, str]]
) -> Iterator[str]:
    """Return a product's relations to use cases, users and readers. `used`: use cases and users that have one already."""
    path = names[f"p:{product['id']}"]
    for case in product["useCases"]:
        target = names[f"c:{spoken(case['name'])}"]
        ports = [names.get(f"o:{product['id']}#{port}") for port in dict.fromkeys(case["outputs"])]
        for output in [port for port in ports if port] or [path]:
            yield f"  {output} -[serves]-> {target}"
        for user in dict.fromkeys(case["users"]):
            if (target, user) not in used:
                yield f"  {target} -[serves]-> {names[f'u:{user}']} {text(case['action'])}"
            used.add((target, user))
    for reader in product["readers"]:
        by = f"as {reader['role']}, by {reader['agreement']}"
        yield f"  {path} -[serves]-> {names['r:' + reader_of(reader)]} {text(by)}"


def _views(map: Mapping[str, Any]) -> Iterator[str]:
    yield '  view index { title "The mesh" include * exclude element.kind = capability }'
    yield '  view platform { title "Platform capabilities" include element.kind = domain, element.kind = capability }'
    for number, domain in enumerate(map["domains"]):
        inside = f", d{number}.**" if domain["products"] <= DETAILED else ""
        yield f"  view domain{number} of d{number} {{ title {text(domain['name'])} include *{inside} exclude element.kind = capability }}"
