"""Advise how a product should share another's data: a virtual port, the platform's native mechanism, or a governed copy.

The patterns follow the article's guidance on data sharing: a virtual database is good enough for simple
reporting; on like platforms the native mechanism comes first; a copy is the last resort, and inherits its
source's policies (inherited_policies.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal, get_args

from meshwright.core.text import listed, short
from meshwright.core.yaml import Unreadable, read
from meshwright.product import registry
from meshwright.product.contract import as_spelled
from meshwright.product.grammar import default
from meshwright.product.record import Input, Record

Pattern = Literal["virtual", "native", "copy"]

PREFERRED: Mapping[str, tuple[Pattern, ...]] = {
    "reporting": ("virtual", "native"),
    "processing": ("native", "virtual"),
    "training": ("native",),
}
"""Workload -> patterns that are preferred to a copy, best first. Training reads all data again and again, so a virtual
database is too far away."""

USUAL = "processing"
"""The workload of an input that names none."""


@dataclass(frozen=True)
class Advice:
    """The pattern that fits an input, and why."""

    pattern: Pattern
    reason: str
    """One or two sentences with names of the mesh, unchanged: untrusted until printed or escaped."""
    declared: Pattern | None
    """The pattern that the product declares; None if it declares none."""
    port: str = ""
    """Another port of the source that fits better; empty: the port that is read."""
    unknown: str = ""
    """A sentence on what is unknown about the source and could change the advice; empty: nothing."""


@dataclass(frozen=True)
class _Known:
    """Known facts about a source's ports."""

    ports: Mapping[str, registry.Capability]
    """Port -> its capability; the port that is read comes first."""
    unknown: str


def advise(input: Input, consumer: Record, source: Record | None) -> Advice:
    """Return the pattern that fits an input from another product. If `source` is None (unknown), use the consumer's
    address registry, if its repository is here, for the kind of port."""
    value = input.properties.get("sharing")
    declared = value if value in get_args(Pattern) else None
    workload = input.properties.get("workload")
    workload = workload if isinstance(workload, str) and workload in PREFERRED else USUAL
    here = _platforms(consumer)
    known = _of_product(source, input.port) if source else _of_registry(input, consumer)
    unknown = known.unknown or ("" if here else "The platform of this product is unknown.")
    for pattern in PREFERRED[workload]:
        for name, entry in known.ports.items():
            if pattern in entry.offers and (pattern == "virtual" or entry.platform in here):
                # No other port can fit better than the one that is read, with the best pattern.
                best = pattern == PREFERRED[workload][0] and name == input.port
                reason = _reason(pattern, workload, name, entry) + _opened(input, entry)
                port = "" if name == input.port else name
                return Advice(pattern, reason, declared, port, "" if best else unknown)
    if not known.ports:
        unknown = unknown or "The ports of the source are unknown."
        return Advice(PREFERRED[workload][0], FIRST[workload], declared, "", unknown)
    lies = listed(f"{short(name)} on {entry.platform}" for name, entry in known.ports.items())
    reason = (
        f"{NEAR[workload]}, and no known port of the source is on this product's platform "
        f"({listed(sorted(here))}): {lies}. A copy is the last resort, and inherits its source's policies."
    )
    return Advice("copy", reason, declared, "", unknown)


FIRST = {
    "reporting": "For simple reporting a virtual database is preferred, if the source has one.",
    "processing": "For processing, data is read in place, if it is on a like platform.",
    "training": "For training, data is read in place, if it is on a like platform.",
}
"""Workload -> reason, if nothing is known about the source."""

NEAR = {
    "reporting": "No known port of the source is a virtual database",
    "processing": "No known port of the source is a virtual database",
    "training": "Training data must be near",
}
"""Workload -> reason why only a copy is left."""


def _reason(pattern: Pattern, workload: str, port: str, entry: registry.Capability) -> str:
    served = f"the port {short(port)} ({entry.uses})"
    if pattern == "native":
        return f"Both use {entry.platform}, so {served} is read in place, without a copy."
    if workload == "reporting":
        return f"A virtual database is good enough for simple reporting, and {served} is one."
    return (
        f"The platforms differ ({served} is on {entry.platform}), and the data need not be near: "
        "its virtual database is preferred to a copy."
    )


def _opened(input: Input, port: registry.Capability) -> str:
    reader = registry.find("inputs", input.uses)
    if reader is None or not reader.opens or port.uses in reader.opens:
        return ""
    return f" Let the querying tool read it there: {reader.uses} opens only {listed(reader.opens)}."


def is_copy(input: Input, consumer: Record, source: Record, shown: Mapping[str, str] | None = None) -> bool:
    """Return True if the consumer serves its source's data again: it declares so, or has all of its columns (at least two).

    `shown`: the columns that the consumer's role shows; all, if left out.
    """
    if input.properties.get("sharing") == "copy":
        return True
    columns = (source.column_levels if shown is None else shown).keys()
    return len(columns) >= 2 and columns <= as_spelled(consumer.column_levels, columns).keys()


def _platforms(consumer: Record) -> Set[str]:
    """Return the platforms of a product: those of its transforms, and those of its ports."""
    entries = [registry.find("outputs", port.uses) for port in consumer.outputs]
    entries += [registry.find("platforms", uses) for uses in consumer.platforms]
    return {entry.platform for entry in entries if entry} - {""}


def _of_product(source: Record, port: str) -> _Known:
    served = {one.name: one.uses for one in sorted(source.outputs, key=lambda one: one.name != port)}
    ports, strange = _registered(served)
    unknown = (
        f"The capability of {listed(map(short, strange))} of the source is unknown here." if strange else ""
    )
    return _Known(ports, unknown)


def _of_registry(input: Input, consumer: Record) -> _Known:
    """Return the source's ports in the consumer's own address registry; usually only the one that it reads."""
    address, product = input.source, input.source.partition("#")[0]
    served = {
        key.partition("#")[2]: entry["uses"]
        for key, entry in sorted(_registry(input, consumer), key=lambda item: item[0] != address)
        if key.startswith(f"{product}#") and isinstance(entry, dict) and isinstance(entry.get("uses"), str)
    }
    ports, _ = _registered(served)
    if input.port in ports:
        return _Known(ports, f"Other ports of {short(input.product)} are unknown here.")
    return _Known(ports, f"The capability of {short(address)} is unknown here.")


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
    """Return the capabilities of ports, and the ports whose capability is not in the registry."""
    entries = {port: registry.find("outputs", uses) for port, uses in served.items()}
    return {port: entry for port, entry in entries.items() if entry}, [
        f"{port} ({uses})" for port, uses in served.items() if entries[port] is None
    ]
