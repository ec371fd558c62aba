"""Find which products of a mesh read which others, and problems in that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from meshwright.core.git_url import canonical
from meshwright.core.text import listed, short
from meshwright.core.yaml import Keys
from meshwright.mesh.agreements import Use, ended, misuses
from meshwright.mesh.inherited_policies import breaches
from meshwright.mesh.port_places import PortPlaces
from meshwright.mesh.run_events import ObservedRead
from meshwright.product import metamodel
from meshwright.product.record import PRODUCT, Input, Port, Record

Kind = Literal[
    "dangling-input",  # it reads a product or a port that does not exist
    "cycle",  # products that read each other, directly or indirectly
    "unused",  # no product reads it, no use case names it, no agreement lets anybody read it
    "classification-lowered",  # its own classification is less sensitive than that of its sources
    "readers-widened",  # a copy has a reader who could not read the original
    "rights-widened",  # it allows third parties what its source forbids
    "without-agreement",  # it reads a product that requires approval, and names no agreement
    "beyond-agreement",  # its agreement is not in force, is for somebody else, shares a principal, or shows less than it passes on
    "name-taken",  # two products of the mesh have the same id
    "undeclared-read",  # its last run read a port that its spec does not declare
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
class Issue:
    """A problem in the mesh."""

    product: str
    """The id of the product that has to change."""
    kind: Kind
    sentence: str
    """What is wrong; it contains names of the mesh unchanged: untrusted until printed or escaped."""
    fix: str
    about: tuple[str, ...] = ()
    """The ids of the other products concerned."""
    input: str = ""
    """The name of the input concerned."""
    level: Literal["error", "warning"] = "error"
    place: Keys = field(default=(), compare=False)
    """Path within the product's record; empty: the input."""


class Lineage:
    """The products of a mesh and the edges between them."""

    def __init__(
        self,
        records: Iterable[Record],
        retired: Mapping[str, str] | None = None,
        observed: Iterable[ObservedRead] = (),
    ) -> None:
        """`retired`: the id of a product that the catalog has retired -> the id of its successor, or empty. `observed`: what
        the last runs have read."""
        self.all: Sequence[Record] = tuple(records)
        self.retired: Mapping[str, str] = retired or {}
        self.records: Mapping[str, Record] = {}
        """By id; the first, if there are several."""
        for record in self.all:
            self.records.setdefault(record.id, record)

        there = self.records.keys()
        self.observed = [read for read in observed if {read.consumer, read.source} <= there]
        """What runs have read, between products of the mesh."""

    @cached_property
    def undeclared(self) -> Sequence[Edge]:
        """What runs have read and specs do not declare, as edges whose inputs have no name."""
        known = {(edge.consumer.id, edge.input.product, edge.input.port) for edge in self.edges}
        reads = [read for read in self.observed if (read.consumer, read.source, read.port) not in known]
        return tuple(_undeclared_edge(read, self.records) for read in reads)

    @cached_property
    def edges(self) -> Sequence[Edge]:
        """Every input that reads a product."""
        return tuple(
            Edge(record, entry, source, _port(source, entry.port))
            for record in self.records.values()
            for entry in self.inputs(record)
            if entry.product
            for source in (self.records.get(entry.product),)
        )

    def inputs(self, record: Record) -> Sequence[Input]:
        """Return a product's inputs; one that reads from the place of another product's port has that port as its source."""
        return tuple(self._places.resolved(record, entry) for entry in record.inputs)

    @cached_property
    def _places(self) -> PortPlaces:
        return PortPlaces(self.records.values())

    @cached_property
    def _up(self) -> Mapping[str, Sequence[str]]:
        return _grouped((edge.consumer.id, edge.source.id) for edge in self.edges if edge.source)

    @cached_property
    def _down(self) -> Mapping[str, Sequence[str]]:
        return _grouped((edge.source.id, edge.consumer.id) for edge in self.edges if edge.source)

    def sources(self, id: str) -> Sequence[str]:
        """Return the ids of the products that a product reads, each once."""
        return self._up.get(id, ())

    def consumers(self, id: str) -> Sequence[str]:
        """Return the ids of the products that read a product, each once."""
        return self._down.get(id, ())

    def upstream(self, id: str) -> Sequence[str]:
        """Return the ids of all products upstream of a product, without itself."""
        return _reached(id, self._up)

    def downstream(self, id: str) -> Sequence[str]:
        """Return the ids of all products downstream of a product, without itself."""
        return _reached(id, self._down)


def _port(source: Record | None, name: str) -> Port | None:
    return next((port for port in (source.outputs if source else ()) if port.name == name), None)


def _undeclared_edge(read: ObservedRead, records: Mapping[str, Record]) -> Edge:
    source, input = records[read.source], Input("", "", f"{PRODUCT}{read.source}#{read.port}")
    return Edge(records[read.consumer], input, source, _port(source, read.port))


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


def issues(lineage: Lineage, now: datetime | None = None) -> Iterator[Issue]:
    """Yield the problems of the mesh, by product. `now`, with a time zone, decides which agreements have ended.

    Iterates over products and edges without recursion, because a chain may be as long as the mesh is large.
    """
    now = now or datetime.now(UTC)
    found = [*_taken(lineage), *_dangling(lineage), *_cycles(lineage), *_unused(lineage, now)]
    uses = [
        Use(edge.consumer, edge.input, edge.source, edge.port, now)
        for edge in lineage.edges
        if edge.source is not None and edge.source is not edge.consumer
    ]
    agreed = (*_unagreed(lineage, uses), *_shared_principals(lineage, uses, now))
    yield from sorted({*found, *_inherited(uses), *agreed, *_rights(lineage), *_undeclared(lineage)})


def is_same(one: Record, other: Record) -> bool | None:
    """Return True if two records of one id come from the same repository; None if unknown."""
    if one.root and other.root and one.root.resolve() == other.root.resolve():
        return True
    if one.repository and other.repository:
        return canonical(one.repository) == canonical(other.repository)
    return False if one.root and other.root and not one.repository and not other.repository else None


def _taken(lineage: Lineage) -> Iterator[Issue]:
    for record in lineage.all:
        first = lineage.records[record.id]
        if first is record or is_same(first, record):
            continue
        repositories = [
            short(one.repository or str(one.root or "an unknown repository")) for one in (first, record)
        ]
        yield Issue(
            record.id,
            "name-taken",
            f"Two products have the id {short(record.id)}: {listed(sorted(repositories))}.",
            "Rename one of them.",
            place=("product", "metadata", "name"),
        )


def _dangling(lineage: Lineage) -> Iterator[Issue]:
    for edge in lineage.edges:
        id, address = edge.input.product, short(edge.input.source)
        about: tuple[str, ...] = (id,)
        fix = ""
        if edge.source is None and id in lineage.retired:
            successor = short(lineage.retired[id])
            sentence, about = f"{address} is a port of a product that is retired.", ()
            fix = f"Read {successor}, its successor." if successor else "Read another product."
        elif edge.source is None:
            sentence, about = f"It reads {address}, but the mesh has no product {short(id)}.", ()
            fix = "Fix the address, or publish that product."
        elif edge.source.get("contract.status") == "retired":
            sentence, fix = f"{short(id)} is retired, according to its contract.", "Read another product."
        elif edge.port is None:
            ports = listed(short(port.name) for port in edge.source.outputs)
            sentence = f"{short(id)} has no port {short(edge.input.port) or 'without a name'}."
            fix = f"Read one of: {ports}." if edge.source.outputs else "Ask its owner to publish a port."
        else:
            continue
        yield Issue(edge.consumer.id, "dangling-input", sentence, fix, about, edge.input.name)


def _cycles(lineage: Lineage) -> Iterator[Issue]:
    ids = sorted(lineage.records)
    for members in _components(ids, lineage.sources):
        first = members[0]
        if len(members) == 1 and first not in lineage.sources(first):
            continue
        way = _way(members, lineage.sources)
        subject = (
            " reads ".join(map(short, way))
            if way and len(way) <= 13
            else f"Among {listed(map(short, members))}"
        )
        yield Issue(
            first,
            "cycle",
            f"{subject}: the data of each comes from itself."
            if len(members) > 1
            else f"{short(first)} reads itself.",
            "Remove one of these inputs; often a third product for the shared part helps.",
            tuple(members[1:]),
        )


def _way(members: Sequence[str], sources: Callable[[str], Sequence[str]]) -> list[str]:
    """Return the cycle, back to its first product, if there is exactly one."""
    inner, way = set(members), [members[0]]
    while len(way) <= len(members):
        on = [id for id in sources(way[-1]) if id in inner]
        if len(on) != 1:
            return []
        way.append(on[0])
    return way


def _components(ids: Sequence[str], sources: Callable[[str], Sequence[str]]) -> Iterator[list[str]]:
    """Yield the strongly connected components (Tarjan's algorithm), each in order."""
    met: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []  # those whose component is not known yet
    on: set[str] = set()
    for start in ids:
        path = [] if start in met else [(start, iter(sources(start)))]
        while path:
            id, left = path[-1]
            if id not in met:
                met[id] = low[id] = len(met)
                waiting.append(id)
                on.add(id)
            for other in left:
                if other not in met:
                    path.append((other, iter(sources(other))))
                    break
                if other in on:
                    low[id] = min(low[id], met[other])
            else:
                path.pop()
                if path:
                    around = path[-1][0]
                    low[around] = min(low[around], low[id])
                if low[id] == met[id]:
                    component: list[str] = []
                    while not component or component[-1] != id:
                        component.append(waiting.pop())
                        on.discard(component[-1])
                    yield sorted(component)


def _unused(lineage: Lineage, now: datetime) -> Iterator[Issue]:
    for record in lineage.records.values():
        readers = any(reader.principals and not ended(reader, now) for reader in record.readers)
        if (
            set(lineage.consumers(record.id)) - {record.id}
            or readers
            or any(case.name for case in record.use_cases)
        ):
            continue
        may = "; it is open to everybody, but no reader is known" if record.access_mode == "open" else ""
        yield Issue(
            record.id,
            "unused",
            f"It has no reader: no product reads it, it has no use case, and no agreement is in force{may}.",
            "Add its use cases, or retire it.",
            level="warning",
            place=("product", "metadata", "name"),
        )


def _undeclared(lineage: Lineage) -> Iterator[Issue]:
    for edge in lineage.undeclared:
        address = short(edge.input.source)
        yield Issue(
            edge.consumer.id,
            "undeclared-read",
            f"Its last run read {address}, which its spec does not declare.",
            f"Declare it: an input with `from: {address}`; or read something else.",
            (edge.input.product,),
            level="warning",
            place=("product", "spec", "inputs"),
        )


def _inherited(uses: Iterable[Use]) -> Iterator[Issue]:
    reported: set[tuple[str, str, str]] = set()
    for use in uses:
        for breach in breaches(use.input, use.consumer, use.source, use.now, use.role):
            about = (use.consumer.id, use.source.id, breach.sentence)
            if about not in reported:  # through another input
                reported.add(about)
                yield Issue(
                    use.consumer.id,
                    breach.kind,
                    breach.sentence,
                    breach.fix,
                    (use.source.id,),
                    use.input.name,
                    breach.level,
                    breach.place,
                )


def _unagreed(lineage: Lineage, uses: Iterable[Use]) -> Iterator[Issue]:
    """Yield inputs that read without an agreement, or beyond it: warnings, and errors from the organisation's day on."""
    for use in uses:
        read = {one.product for one in use.consumer.inputs} - {use.source.id}
        others = [lineage.records[id] for id in sorted(read & lineage.records.keys())]
        for misuse in misuses(use, others):
            yield Issue(
                use.consumer.id,
                misuse.kind,
                misuse.sentence,
                misuse.fix,
                (use.source.id,),
                use.input.name,
                "error" if metamodel.agreements_required(use.now.date()) else "warning",
            )


def _shared_principals(lineage: Lineage, uses: Sequence[Use], now: datetime) -> Iterator[Issue]:
    """Yield inputs that are read as a principal that another product reads as, too: each then reads what both may."""
    readers: dict[str, dict[str, tuple[str, str]]] = {}
    """Principal -> product that reads as it -> an agreement of it, and whose."""
    for source in lineage.records.values():
        for reader in source.readers:
            for principal in reader.principals if reader.consumer and not ended(reader, now) else ():
                readers.setdefault(principal, {}).setdefault(reader.consumer, (reader.agreement, source.id))
    for use in uses:
        if use.reader is None or not use.reader.consumer:
            continue
        for principal in use.reader.principals:
            others = sorted(readers.get(principal, {}).keys() - {use.consumer.id})
            if others:
                agreement, read = readers[principal][others[0]]
                yield Issue(
                    use.consumer.id,
                    "beyond-agreement",
                    f"Its agreement {short(use.named)} with {short(use.source.id)} is for {short(principal)}, and {short(others[0])} "
                    f"reads {short(read)} as the same principal ({short(agreement)}): each of them reads what both may.",
                    "Give each product a principal of its own, and ask for an agreement that names it.",
                    (use.source.id, *others),
                    use.input.name,
                    "warning",
                )


RIGHTS = ("modified", "unmodified")


def _rights(lineage: Lineage) -> Iterator[Issue]:
    """Yield rights that a product grants although a product upstream forbids them. What may not be passed on even in
    modified form may not be passed on at all: whatever a consumer makes of it is a modification."""
    rights = {id: record.distribution_rights for id, record in lineage.records.items()}
    forbidding = {
        right: _nearest(
            lineage, {id: id for id, stated in rights.items() if stated.get(right) == "forbidden"}
        )
        for right in RIGHTS
    }
    for record in lineage.records.values():
        granted = rights[record.id]
        for right in RIGHTS:
            if granted.get(right) != "allowed":
                continue
            found = [
                (distance + 1, origin, forbidden, source)
                for source in lineage.sources(record.id)
                for forbidden in {right, "modified"}
                if source in forbidding[forbidden]
                for distance, origin in (forbidding[forbidden][source],)
                if origin != record.id
            ]
            if found:
                _, origin, forbidden, source = min(found)
                through = "" if source == origin else f" (through {short(source)})"
                passed = "at all, even modified" if forbidden == "modified" else forbidden
                yield Issue(
                    record.id,
                    "rights-widened",
                    f"It lets third parties have its data {right}, but its source {short(origin)}{through} "
                    f"forbids passing it on {passed}.",
                    f"Write `{right}: forbidden`, or agree on it with the source's owner.",
                    (origin,),
                    place=("product", "spec", "distributionRights", right),
                )


def _nearest(lineage: Lineage, level: Mapping[str, str]) -> Mapping[str, tuple[int, str]]:
    """Return every product that is one of these (id -> id) or downstream of one -> its distance to the nearest (0: itself),
    and which that is."""
    found: dict[str, tuple[int, str]] = {}
    distance = 0
    while level:
        found |= {id: (distance, origin) for id, origin in level.items()}
        below: dict[str, str] = {}
        for id, origin in level.items():
            for consumer in lineage.consumers(id):
                if consumer not in found:
                    below[consumer] = min(origin, below.get(consumer, origin))
        level, distance = below, distance + 1
    return found
