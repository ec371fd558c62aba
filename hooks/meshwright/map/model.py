"""The content of a map, as JSON (schemas/map.yaml): made from records alone, the same for the same records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.map.planned import Overlay
from meshwright.mesh import sharing
from meshwright.mesh.agreements import Use, ended
from meshwright.mesh.lineage import Edge, Issue, Lineage, issues
from meshwright.mesh.run_events import ObservedRead
from meshwright.product import registry
from meshwright.product.record import Record

API_VERSION, KIND = "meshwright/v1", "Map"

LINE, PROSE = 200, 1000
"""Maximum characters of a name and of a sentence in a map; the record has the rest."""

Links = Callable[[str], str | None]
"""Product id -> the address of its page, or None."""


def model(
    records: Iterable[Record],
    focus: str | None = None,
    domains: Sequence[str] = (),
    links: Links | None = None,
    retired: Mapping[str, str] | None = None,
    planned: Overlay | None = None,
    observed: Iterable[ObservedRead] = (),
) -> dict[str, Any]:
    """Return the map of a mesh, or of a part of it: `focus` is the id of a product, shown with everything upstream and
    downstream; `domains` are shown with their products' direct neighbours. `retired`: products that the
    catalog has retired, and `observed` what their last runs have read, as for Lineage. `planned`: what surveys add.
    Raises Unreadable if the mesh does not have the focus or domain."""
    planned = planned or Overlay()
    lineage = Lineage([*records, *planned.records], retired, observed)
    mine, kept = _part(lineage, focus, domains)
    there = dict.fromkeys(
        issue for issue in issues(lineage) if issue.product in mine and not planned.is_planned(issue.product)
    )
    known = sorted(
        there,
        key=lambda issue: (issue.level, issue.product, issue.kind, issue.input, issue.sentence, issue.about),
    )
    numbered = {issue: number for number, issue in enumerate(known, 1)}
    by_product: dict[str, list[Issue]] = {}
    by_input: dict[tuple[str, str], list[Issue]] = {}
    for issue in known:
        by_product.setdefault(issue.product, []).append(issue)
        by_input.setdefault((issue.product, issue.input), []).append(issue)
    every = (*lineage.edges, *lineage.undeclared)
    edges = [
        edge for edge in every if edge.consumer.id in kept and (not edge.source or edge.source.id in kept)
    ]
    seen = {(read.consumer, read.source, read.port): read.at for read in lineage.observed}
    order = _Order(
        [(edge.source.id, edge.consumer.id) for edge in edges if edge.source],
        {id: int(lineage.records[id].type == "consumer-oriented") for id in kept},
    )
    names = _names(kept)
    drawn = sorted(
        (
            _edge(edge, names, order.around, _about(edge, by_input), numbered) | _observed(edge, seen)
            for edge in edges
        ),
        key=lambda one: (one["consumer"], one["input"], one["source"], one["port"]),
    )
    products = [
        {"id": names[id], "rank": order.ranks[id]}
        | _product(lineage.records[id], by_product.get(id, ()), numbered, links)
        | _state(id, planned)
        for id in sorted(kept)
    ]
    capabilities = _capabilities(products)
    capabilities += [
        {"uses": plain(name), "kind": "", "products": max(1, count), "missing": True}
        for name, count in sorted(planned.needs.items())
    ]
    return _delta(products) | {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "domains": _domains(products),
        "products": products,
        "edges": drawn,
        "systems": _named(products, _systems),
        "users": _named(products, _users),
        "useCases": _named(products, _cases, spoken),
        "readers": _named(products, _readers),
        "capabilities": capabilities,
        "issues": [_issue(issue, number, names) for issue, number in numbered.items()],
    }


def plain(text: str, limit: int = LINE) -> str:
    """Return an untrusted text on one line, without control characters and marks that change the writing direction."""
    cut = text[: limit + 1]
    shown = cut if cut.isprintable() and "@" not in cut else printable(cut)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _part(lineage: Lineage, focus: str | None, domains: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the products of the part, and all products to show, with their neighbours."""
    if focus is not None:
        if focus not in lineage.records:
            raise Unreadable(f"{focus}: the mesh has no such product.", "Give one as <domain>/<name>.")
        whole = {focus, *lineage.upstream(focus), *lineage.downstream(focus)}
        return whole, whole
    if not domains:
        return set(lineage.records), set(lineage.records)
    there = {record.domain for record in lineage.records.values()}
    for domain in domains:
        if domain not in there:
            raise Unreadable(f"{domain}: the mesh has no such domain.", f"Use one of {', '.join(sorted(there)[:20])}.")  # fmt: skip
    mine = {id for id, record in lineage.records.items() if record.domain in domains}
    around = {other for id in mine for other in (*lineage.sources(id), *lineage.consumers(id))}
    return mine, mine | around


def _names(ids: Iterable[str]) -> dict[str, str]:
    """Return each product's name on the map: its id, unless that is too long or has unprintable characters."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for id in sorted(ids):
        name = plain(id)
        if name in taken:
            name = f"{name[: LINE - 10]}…{len(taken)}"
        taken.add(name)
        names[id] = name
    return names


class _Order:
    """The order of products from upstream to downstream, even if there are cycles."""

    def __init__(self, pairs: Iterable[tuple[str, str]], least: Mapping[str, int]) -> None:
        """`pairs`: source and consumer. `least`: every product -> its minimum rank."""
        down: dict[str, list[str]] = {id: [] for id in sorted(least)}
        up: dict[str, list[str]] = {id: [] for id in down}
        for source, consumer in sorted(set(pairs)):
            down[source].append(consumer)
            up[consumer].append(source)
        order = list(reversed(_visited(down, sorted(down, key=lambda id: (not up[id], id)))))
        place = {id: number for number, id in enumerate(order)}
        self.ranks: dict[str, int] = {}
        """Product -> length of the longest path to it; the edge that closes a cycle does not count."""
        for id in order:
            self.ranks[id] = max(
                least[id], *(self.ranks[one] + 1 for one in up[id] if place[one] < place[id]), 0
            )
        self._component: dict[str, str] = {}
        for id in order:
            if id not in self._component:
                waiting = [id]
                while waiting:
                    one = waiting.pop()
                    if one not in self._component:
                        self._component[one] = id
                        waiting += up[one]

    def around(self, source: str, consumer: str) -> bool:
        """Return True if a consumer's data flows back to its source."""
        return self._component.get(source, source) == self._component.get(consumer)


def _visited(down: Mapping[str, Sequence[str]], starts: Sequence[str]) -> list[str]:
    """Return every product after all that can be reached from it, except in cycles."""
    seen: set[str] = set()
    done: list[str] = []
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        way = [(start, iter(down[start]))]
        while way:
            here, rest = way[-1]
            following = next((one for one in rest if one not in seen), None)
            if following is None:
                done.append(here)
                way.pop()
            else:
                seen.add(following)
                way.append((following, iter(down[following])))
    return done


def _product(
    record: Record, known: Sequence[Issue], numbered: Mapping[Issue, int], links: Links | None
) -> dict[str, Any]:
    return {
        "domain": plain(record.domain),
        "name": plain(record.name),
        "title": plain(record.title),
        "version": plain(record.version),
        "type": plain(record.type),
        "classification": record.classification,
        "access": record.access_mode,
        "owner": plain(record.owner.name),
        "team": plain(record.owner.team),
        "purpose": plain(record.purpose, PROSE),
        "repository": plain(record.repository),
        "url": (links(record.id) if links else None) or "",
        "inputs": [
            {"name": plain(one.name), "uses": plain(one.uses), "from": plain(one.source), "system": plain(one.system)}
            for one in record.inputs
        ],
        "outputs": [{"name": plain(one.name), "uses": plain(one.uses)} for one in record.outputs],
        "readers": [
            {"agreement": plain(one.agreement), "role": plain(one.role), "team": plain(one.team), "until": plain(one.until)}
            for one in record.readers
            if not one.consumer and not ended(one, datetime.now(UTC))
        ],
        "useCases": [
            {
                "name": plain(case.name),
                "users": [plain(user) for user in case.users],
                "action": plain(case.action),
                "outputs": [plain(port) for port in case.outputs],
            }
            for case in record.use_cases
        ],
        "capabilities": [plain(one) for one in record.capabilities],
        "issues": [numbered[issue] for issue in known],
    }  # fmt: skip


def _state(id: str, planned: Overlay) -> dict[str, Any]:
    """Return what surveys say about a product; nothing if the map is made without one."""
    if not planned.states:
        return {}
    doubts = [plain(doubt, PROSE) for doubt in planned.doubts.get(id, ())]
    return {"state": planned.states.get(id, "there"), "doubts": doubts}


def _delta(products: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    states = [product["state"] for product in products if "state" in product]
    return (
        {"delta": {state: states.count(state) for state in ("there", "planned", "missing")}} if states else {}
    )


def _edge(
    edge: Edge,
    names: Mapping[str, str],
    around: Callable[[str, str], bool],
    known: Sequence[Issue],
    numbered: Mapping[Issue, int],
) -> dict[str, Any]:
    consumer, source = edge.consumer, edge.input.product
    advice = sharing.advise(edge.input, consumer, edge.source)
    return {
        "source": names.get(source) or plain(source),
        "port": plain(edge.input.port),
        "consumer": names[consumer.id],
        "input": plain(edge.input.name),
        "pattern": advice.pattern,
        "reason": plain(advice.reason, PROSE),
        "declared": advice.declared or "",
        "unknown": plain(advice.unknown, PROSE),
        "missing": "product" if edge.source is None else "port" if edge.port is None else "",
        "cycle": edge.source is not None and around(source, consumer.id),
        **_agreement(edge),
        "triggers": _triggers(consumer) if edge.input.name else "",
        "issues": [numbered[issue] for issue in known],
    }


def _observed(edge: Edge, seen: Mapping[tuple[str, str, str], str]) -> dict[str, str]:
    """Return when the last run read this; nothing if no run is known that did."""
    at = seen.get((edge.consumer.id, edge.input.product, edge.input.port))
    return {"observed": plain(at)} if at else {}


def _agreement(edge: Edge) -> dict[str, str]:
    """Return the agreement by which an input reads, its role and its end; empty texts if none is in force."""
    use = Use(edge.consumer, edge.input, edge.source, edge.port, datetime.now(UTC)) if edge.source else None
    reader = use.reader if use else None
    found = (reader.agreement, reader.role, reader.until) if reader else ("", "", "")
    return dict(zip(("agreement", "role", "until"), map(plain, found), strict=True))


def _triggers(consumer: Record) -> str:
    """Return of how many inputs a new publication starts the product: `all`, `any`; empty if none does."""
    if consumer.trigger is None:
        return ""
    return "any" if consumer.trigger.get("wait-for") == "any" else "all"


def _about(edge: Edge, by_input: Mapping[tuple[str, str], Sequence[Issue]]) -> list[Issue]:
    """Return the issues of this input, or, for issues without an input, of the product that they are about."""
    mine, source = edge.consumer.id, edge.input.product
    unnamed = [issue for issue in by_input.get((mine, ""), ()) if source in issue.about]
    return [*(by_input.get((mine, edge.input.name), ()) if edge.input.name else ()), *unnamed]


def _issue(issue: Issue, number: int, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "number": number,
        "level": issue.level,
        "kind": issue.kind,
        "product": names[issue.product],
        "input": plain(issue.input),
        "about": [names.get(id) or plain(id) for id in issue.about],
        "sentence": plain(issue.sentence, PROSE),
        "fix": plain(issue.fix, PROSE),
    }


def _domains(products: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for product in products:
        domain = found.setdefault(product["domain"], {"name": product["domain"], "products": 0, "issues": 0})
        domain["products"] += 1
        domain["issues"] += len(product["issues"])
    return [found[name] for name in sorted(found)]


def _systems(product: Mapping[str, Any]) -> list[str]:
    return [one["system"] for one in product["inputs"] if one["system"]]


def _users(product: Mapping[str, Any]) -> list[str]:
    return [user for case in product["useCases"] for user in case["users"]]


def _cases(product: Mapping[str, Any]) -> list[str]:
    return [case["name"] for case in product["useCases"]]


def _readers(product: Mapping[str, Any]) -> list[str]:
    return [reader_of(one) for one in product["readers"]]


def reader_of(reader: Mapping[str, Any]) -> str:
    """Return whom the map names as a reader by agreement: the team that answers for the use."""
    name: str = reader["team"] or reader["agreement"]
    return name


def spoken(name: str) -> str:
    """Return a name as people compare it: products that call a use case alike serve one."""
    return " ".join(name.lower().split())


def _named(
    products: Sequence[Mapping[str, Any]],
    names: Callable[[Mapping[str, Any]], list[str]],
    alike: Callable[[str], str] = str,
) -> list[dict[str, Any]]:
    """Return each name and its products; names for which `alike` returns the same are one."""
    found: dict[str, dict[str, None]] = {}
    first: dict[str, str] = {}
    for product in products:
        for name in names(product):
            found.setdefault(first.setdefault(alike(name), name), {})[product["id"]] = None
    return [{"name": name, "products": list(found[name])} for name in sorted(found)]


def _capabilities(products: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the platform's capabilities in the order of the data flow; `kind` is empty if not in the registry."""
    kinds = {entry.uses: registry.KINDS[entry.kind] for entry in registry.capabilities()}
    order = {kind: number for number, kind in enumerate(registry.KINDS.values())}
    counts: dict[str, int] = {}
    for product in products:
        for uses in product["capabilities"]:
            counts[uses] = counts.get(uses, 0) + 1
    return [
        {"uses": uses, "kind": kinds.get(uses, ""), "products": counts[uses]}
        for uses in sorted(counts, key=lambda uses: (order.get(kinds.get(uses, ""), len(order)), uses))
    ]
