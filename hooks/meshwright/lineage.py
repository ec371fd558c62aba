"""Who reads whom in a mesh, and what is wrong about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from meshwright.record import Input, Port, Record

Kind = Literal[
    "dangling-input",  # it reads a product or a port that is not there
    "cycle",  # products that read each other, directly or around
    "unused",  # no product reads it, no use case names it, no agreement lets anybody read it
    "classification-lowered",  # it is less sensitive, by its own word, than what it reads
    "readers-widened",  # a copy that somebody may read who could not read the original
    "rights-widened",  # it lets third parties have what its source forbids to pass on
    "name-taken",  # two products of the mesh have one id
]


@dataclass(frozen=True)
class Edge:
    """One input that reads another product."""

    consumer: Record
    input: Input
    source: Record | None
    """None: the mesh has no such product."""
    port: Port | None
    """None: the source has no such port."""


@dataclass(frozen=True, order=True)
class Flaw:
    """Something that is wrong about the mesh."""

    product: str
    """The id of the product that has to change."""
    kind: Kind
    sentence: str
    """What is wrong; names of the mesh stand in it as they are: hostile until printed or escaped."""
    mend: str
    about: tuple[str, ...] = ()
    """The ids of the other products that it is about."""
    input: str = ""
    """The name of the input that it is about."""
    level: Literal["error", "warning"] = "error"


class Lineage:
    """The products of a mesh and the edges between them."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.all: Sequence[Record] = tuple(records)
        self.records: Mapping[str, Record] = {}
        """By id; the first, if there are several."""
        for record in self.all:
            self.records.setdefault(record.id, record)

    @cached_property
    def edges(self) -> Sequence[Edge]:
        """Every input of every product that names another product."""
        return tuple(
            Edge(record, entry, source, _port(source, entry.port))
            for record in self.records.values()
            for entry in record.inputs
            if entry.product
            for source in (self.records.get(entry.product),)
        )

    @cached_property
    def _up(self) -> Mapping[str, Sequence[str]]:
        return _grouped((edge.consumer.id, edge.source.id) for edge in self.edges if edge.source)

    @cached_property
    def _down(self) -> Mapping[str, Sequence[str]]:
        return _grouped((edge.source.id, edge.consumer.id) for edge in self.edges if edge.source)

    def sources(self, id: str) -> Sequence[str]:
        """The ids of the products that a product reads, each once."""
        return self._up.get(id, ())

    def consumers(self, id: str) -> Sequence[str]:
        """The ids of the products that read a product, each once."""
        return self._down.get(id, ())

    def upstream(self, id: str) -> Sequence[str]:
        """All that a product's data comes from, directly or around, without itself."""
        return _reached(id, self._up)

    def downstream(self, id: str) -> Sequence[str]:
        """All that a product's data goes to, directly or around, without itself."""
        return _reached(id, self._down)


def _port(source: Record | None, name: str) -> Port | None:
    return next((port for port in (source.outputs if source else ()) if port.name == name), None)


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    found: dict[str, dict[str, None]] = {}
    for one, other in pairs:
        found.setdefault(one, {})[other] = None
    return {one: tuple(sorted(others)) for one, others in found.items()}


def _reached(start: str, next_to: Mapping[str, Sequence[str]]) -> Sequence[str]:
    seen: dict[str, None] = {start: None}
    waiting = [start]
    while waiting:
        for other in next_to.get(waiting.pop(), ()):
            if other not in seen:
                seen[other] = None
                waiting.append(other)
    return tuple(sorted(set(seen) - {start}))


def flaws(lineage: Lineage) -> Iterator[Flaw]:
    """What is wrong about the mesh, by product."""
    yield from ()
