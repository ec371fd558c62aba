"""How one product should share another's data: a virtual port, the platform's native mechanism, or a governed copy.

The patterns are those of the article's guidance on data sharing: a virtual database is good enough for simple
reporting; on like platforms the native mechanism comes first; a copy is the last resort, and carries its source's
policies along (inherited_policies.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal, get_args

from meshwright.core.text import listed, short
from meshwright.core.yaml import Unreadable, read
from meshwright.product import registry
from meshwright.product.grammar import default
from meshwright.product.record import Input, Record

Pattern = Literal["virtual", "native", "copy"]

PREFERRED: Mapping[str, tuple[Pattern, ...]] = {
    "reporting": ("virtual", "native"),
    "processing": ("native", "virtual"),
    "training": ("native",),
}
"""What the data is read for -> the patterns that come before a copy, the best one first. Whoever trains a model reads
everything again and again, for which a virtual database is too far away."""

USUAL = "processing"
"""What the data is read for where the input says nothing."""


@dataclass(frozen=True)
class Advice:
    """Which pattern fits one input, and why."""

    pattern: Pattern
    reason: str
    """A sentence or two; names of the mesh stand in it as they are: hostile until printed or escaped."""
    declared: Pattern | None
    """What the product says that it does; None if it says nothing."""
    port: str = ""
    """Another port of the source, through which the pattern fits; empty: the one that is read."""
    unknown: str = ""
    """What is not known about the source, and may change the advice, as a sentence; empty: nothing."""


@dataclass(frozen=True)
class _Known:
    """What is known of a source's ports."""

    ports: Mapping[str, registry.Capability]
    """Port -> the capability that serves it, the port that is read first."""
    unknown: str


def advise(input: Input, consumer: Record, source: Record | None) -> Advice:
    """The pattern that fits an input which reads another product. `source` is None where it is not known; then it is
    the consumer's address registry, if its repository is here, that says what serves the port."""
    said = input.properties.get("sharing")
    declared = said if said in get_args(Pattern) else None
    workload = input.properties.get("workload")
    workload = workload if isinstance(workload, str) and workload in PREFERRED else USUAL
    here = _platforms(consumer)
    known = _of_product(source, input.port) if source else _of_registry(input, consumer)
    unknown = known.unknown or ("" if here else "It is not known on what platform this product works.")
    for pattern in PREFERRED[workload]:
        for name, entry in known.ports.items():
            if pattern in entry.offers and (pattern == "virtual" or entry.platform in here):
                # Whatever else there is could not fit better than the best pattern, at the port that is read.
                best = pattern == PREFERRED[workload][0] and name == input.port
                reason = _reason(pattern, workload, name, entry) + _opened(input, entry)
                port = "" if name == input.port else name
                return Advice(pattern, reason, declared, port, "" if best else unknown)
    if not known.ports:
        unknown = unknown or "It is not known how the source is served."
        return Advice(PREFERRED[workload][0], FIRST[workload], declared, "", unknown)
    lies = listed(f"{short(name)} on {entry.platform}" for name, entry in known.ports.items())
    reason = (
        f"{NEAR[workload]}, and no port of the source that is known lies on the platform of this product "
        f"({listed(sorted(here))}): {lies}. A copy is the last resort, and keeps its source's policies."
    )
    return Advice("copy", reason, declared, "", unknown)


FIRST = {
    "reporting": "For simple reporting a virtual database comes first, if the source has one.",
    "processing": "For processing, data is read where it lies, if its platform is like this product's.",
    "training": "For training, data is read where it lies, if its platform is like this product's.",
}
"""What the data is read for -> why, where nothing is known of the source."""

NEAR = {
    "reporting": "No port of the source that is known is a virtual database",
    "processing": "No port of the source that is known is a virtual database",
    "training": "What a model is trained on must be near",
}
"""What the data is read for -> why nothing but a copy is left."""


def _reason(pattern: Pattern, workload: str, port: str, entry: registry.Capability) -> str:
    served = f"the port {short(port)} ({entry.uses})"
    if pattern == "native":
        return f"Both work on {entry.platform}, so {served} is read where it lies and nothing is copied."
    if workload == "reporting":
        return f"A virtual database is good enough for simple reporting, and {served} is one."
    return (
        f"The platforms differ ({served} lies on {entry.platform}), and nothing says that the data must be near: "
        "its virtual database comes before a copy."
    )


def _opened(input: Input, port: registry.Capability) -> str:
    reader = registry.find("inputs", input.uses)
    if reader is None or not reader.opens or port.uses in reader.opens:
        return ""
    return f" Let whatever asks the questions read it there: {reader.uses} itself opens only {listed(reader.opens)}."


def is_copy(input: Input, consumer: Record, source: Record) -> bool:
    """Whether the consumer serves its source's data again: it says so, or has all of its columns (two at least)."""
    if input.properties.get("sharing") == "copy":
        return True
    columns = source.column_levels.keys()
    return len(columns) >= 2 and columns <= consumer.column_levels.keys()


def _platforms(consumer: Record) -> Set[str]:
    """Where a product works: where its platforms read and write, and where its ports lie."""
    entries = [registry.find("outputs", port.uses) for port in consumer.outputs]
    entries += [registry.find("platforms", uses) for uses in consumer.platforms]
    return {entry.platform for entry in entries if entry} - {""}


def _of_product(source: Record, port: str) -> _Known:
    served = {one.name: one.uses for one in sorted(source.outputs, key=lambda one: one.name != port)}
    ports, strange = _registered(served)
    unknown = f"What {listed(map(short, strange))} of the source offers is not known here." if strange else ""
    return _Known(ports, unknown)


def _of_registry(input: Input, consumer: Record) -> _Known:
    """The ports of the source that the consumer's own address registry knows; usually just the one that it reads."""
    address, product = input.source, input.source.partition("#")[0]
    served = {
        key.partition("#")[2]: entry["uses"]
        for key, entry in sorted(_registry(input, consumer), key=lambda item: item[0] != address)
        if key.startswith(f"{product}#") and isinstance(entry, dict) and isinstance(entry.get("uses"), str)
    }
    ports, _ = _registered(served)
    if input.port in ports:
        return _Known(ports, f"What other ports {short(input.product)} has is not known here.")
    return _Known(ports, f"What {short(address)} is served by is not known here.")


def _registry(input: Input, consumer: Record) -> Iterator[tuple[str, Any]]:
    path = input.properties.get("addresses")
    if consumer.root is None or not isinstance(path, str):
        return
    try:
        registry = read(consumer.root, default(path)).value
    except Unreadable:
        return
    yield from registry.items() if isinstance(registry, dict) else ()


def _registered(served: Mapping[str, str]) -> tuple[Mapping[str, registry.Capability], list[str]]:
    """The capabilities of ports, and the ports whose capability the registry does not have."""
    entries = {port: registry.find("outputs", uses) for port, uses in served.items()}
    return {port: entry for port, entry in entries.items() if entry}, [
        f"{port} ({uses})" for port, uses in served.items() if entries[port] is None
    ]
