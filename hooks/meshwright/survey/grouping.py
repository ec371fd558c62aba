"""Group the tables of one database into what one data set can hold: an entity or event with its details and lookups."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from meshwright.core.text import singular
from meshwright.inspection.model import ForeignKey, Table
from meshwright.survey.columns import event_times, happenings, is_period, is_technical, personal
from meshwright.survey.keys import key_of, resolver, target
from meshwright.survey.names import begins_with, subject, words

LOOKUPS = {"status", "state", "type", "kind", "category", "method", "rate", "code", "unit", "segment", "channel", "country", "currency", "language", "region", "reason", "class", "level", "genre", "address", "city", "brand", "tag", "colour", "color", "size", "title", "priority", "location"}  # fmt: skip
"""Last words of tables that explain a column of others."""
ENTITIES = {"customer", "client", "person", "patient", "employee", "member", "supplier", "vendor", "partner", "student", "teacher", "user", "account", "product", "article", "order", "invoice", "contract", "policy", "claim", "vehicle", "store", "shop", "site", "plant", "asset", "driver", "passenger", "film", "book", "course", "seller", "merchant", "dealer", "agent", "instructor", "doctor", "physician", "hotel", "property", "project", "device", "machine", "campaign", "promotion", "event", "exam"}  # fmt: skip
"""Last words of tables that are a subject of their own, however small they are."""
DETAILS = {"line", "item", "detail", "position", "entry", "row", "part", "note", "comment", "contact", "attachment", "message", "document", "tag", "option", "attribute", "stop", "leg", "step", "split", "allocation", "component"}  # fmt: skip
"""Last words of tables that are the parts of another."""
SMALL = 2
"""Columns of a table that is no product by itself, if nothing connects it to others."""
ADDRESS = {"name", "address", "street", "line", "house", "number", "city", "town", "district", "county", "state", "province", "region", "country", "code", "postal", "zip", "post", "latitude", "longitude", "lat", "lon", "lng", "phone", "box", *"12345"}  # fmt: skip
"""Words of the columns of an address."""
PERSON = {"an e-mail address", "a person's first name", "a person's last name", "a person's name", "a date of birth", "a national identity number"}  # fmt: skip
"""Kinds of personal data that make a table one of people, which is no lookup."""
FEW, SEVERAL = 3, 5
"""Columns of their own that a lookup has at most, without and with a name that says so."""


@dataclass
class Member:
    """A table of a group, and why it is in it."""

    table: Table
    role: str
    """`main`, `detail`, `link`, `lookup` or `dimension`."""
    reason: str = ""
    key: ForeignKey | None = None
    """The reference by which it is in it, if there is one."""
    referring: str = ""
    """Qualified name of the table that refers, and in `referred` of the one that it refers to."""
    referred: str = ""


@dataclass
class Group:
    """Tables that can be one denormalized data set: one row for each row of the first one, or of its details."""

    members: list[Member] = field(default_factory=list)

    @property
    def main(self) -> Table:
        return self.members[0].table


@dataclass(frozen=True)
class _Reference:
    table: Table
    key: ForeignKey
    other: Table


class Grouping:
    """The tables of one database that are not left out, and how they belong together."""

    def __init__(self, tables: Sequence[Table], prefix: tuple[str, ...] = (), smallest: int = SMALL) -> None:
        """`smallest`: columns of a table that is no product by itself; 0 if not all columns are known."""
        self.prefix, self.smallest = prefix, smallest
        self.tables = {table.qualified: table for table in tables}
        names = resolver(tables)
        self.out: dict[str, list[_Reference]] = {id: [] for id in self.tables}
        self.incoming: dict[str, list[_Reference]] = {id: [] for id in self.tables}
        for table in tables:
            for key in table.foreign_keys:
                other = target(names, table, key)
                if other and other is not table:
                    reference = _Reference(table, key, other)
                    self.out[table.qualified].append(reference)
                    self.incoming[other.qualified].append(reference)
        self.lookups = self._lookups()
        self.parents: dict[str, tuple[_Reference, str]] = {}
        """Table -> the reference to the table that it is a part of, and its role."""
        for id in self.tables:
            if id not in self.lookups and (parent := self._parent(id)):
                self.parents[id] = parent
        self._break_circles()
        self._keep_lonely()

    def alone(self) -> dict[str, str]:
        """Return the tables that are too small to be a product and that nothing connects to others, with the reason."""
        return {
            id: f"only {len(table.columns)} columns, and nothing refers to it"
            for id, table in self.tables.items()
            if not self.incoming[id]
            and not self.out[id]
            and 0 < len(table.columns) <= self.smallest
            and not event_times(table)
        }

    def groups(self) -> list[Group]:
        """Return a group for each table that is a subject of its own, by name."""
        children: dict[str, list[str]] = {}
        for id, (reference, _) in self.parents.items():
            children.setdefault(reference.other.qualified, []).append(id)
        apart = {*self.parents, *self.lookups, *self.alone()}
        roots = [id for id in sorted(self.tables) if id not in apart]
        return [self._group(id, children) for id in roots]

    def _group(self, root: str, children: Mapping[str, Sequence[str]]) -> Group:
        members = {root: Member(self.tables[root], "main")}
        waiting = [root]
        while waiting:
            for id in sorted(children.get(waiting.pop(0), ())):
                reference, role = self.parents[id]
                members[id] = _member(self.tables[id], role, reference)
                waiting.append(id)
        for id in list(members):
            for looked, reference in self._explained(id):
                members.setdefault(looked, _member(self.tables[looked], "lookup", reference))
        return Group(list(members.values()))

    def _explained(self, id: str) -> Iterator[tuple[str, _Reference]]:
        """Yield the lookups that a table refers to, directly or through another lookup that says nothing more."""
        waiting, seen = [id], {id}
        while waiting:
            for reference in self.out[waiting.pop(0)]:
                other = reference.other.qualified
                if other in self.lookups and other not in seen:
                    seen.add(other)
                    waiting.append(other)
                    yield other, reference

    # -- what a table is ------------------------------------------------------------------------------

    def own(self, table: Table) -> list[str]:
        """Return the columns that say something about the subject itself: no keys, nothing technical."""
        keys = {column for key in table.foreign_keys for column in key.columns} | {
            *key_of(table, self.prefix)
        }
        return [
            column.name for column in table.columns if column.name not in keys and not is_technical(column)
        ]

    def _head(self, table: Table) -> str:
        return (subject(table.name, self.prefix) or ("",))[-1]

    def _lookups(self) -> set[str]:
        """Return the tables that only explain columns of others; those that refer to other lookups only, too."""
        found: set[str] = set()
        while True:
            more = {
                id for id in self.tables if id not in found and self._is_lookup(self.tables[id], found)
            }  # fmt: skip
            if not more:
                return found
            found |= more

    def _is_lookup(self, table: Table, known: Collection[str]) -> bool:
        id = table.qualified
        happens = event_times(table) and not is_period(table)
        if not self.incoming[id] or len(key_of(table, self.prefix)) != 1 or happens:
            return False
        if any(reference.other.qualified not in known for reference in self.out[id]):
            return False
        if any(
            self._is_link(one.table) and self._is_named_after(one.table, table) for one in self.incoming[id]
        ):
            return False  # what is connected many to many is a subject, and the link is a part of it
        head = self._head(table)
        if self._is_address(table):
            return True
        people = _is_of_people(table)
        if head in ENTITIES or (people and head not in LOOKUPS):
            return False
        parts = [one for one in self.incoming[id] if self._may_be_part(one.table, table)]
        if len(parts) == len(self.incoming[id]):
            return False  # only its own details and links refer to it
        if any(not self._is_link(one.table) and len(self._targets(one.table)) < 2 for one in parts):
            return False
        times = 2 if is_period(table) else 0
        return len(self.own(table)) - times <= (SEVERAL if head in LOOKUPS else FEW)

    def _is_address(self, table: Table) -> bool:
        """Return True for a table that has nothing but the parts of an address."""
        if self._head(table) not in ("address", "location"):
            return False
        return all({*words(column)} <= ADDRESS for column in self.own(table))

    def _may_be_part(self, table: Table, other: Table) -> bool:
        """Return True for a table that is named after another and is no event between several."""
        if not begins_with(table.name, other.name, self.prefix):
            return False
        if self._is_link(table) or self._is_within(table, other):
            return True
        if self._is_event_of(table, other):
            return False
        return not event_times(table) or len(self._targets(table)) < 2

    def _is_named_after(self, table: Table, other: Table) -> bool:
        return begins_with(table.name, other.name, self.prefix)

    def _is_within(self, table: Table, other: Table) -> bool:
        """Return True if the key of a table begins with that of another, and has more columns."""
        key = {*key_of(table, self.prefix)}
        referring = [one.key.columns for one in self.out[table.qualified] if one.other is other]
        return len(key) > 1 and any(key & {*columns} for columns in referring)

    def _is_event_of(self, table: Table, other: Table) -> bool:
        """Return True if something happens to another table's subject, in which nothing happens by itself."""
        return bool(happenings(table)) and not happenings(other) and self._head(table) not in DETAILS

    def _is_link(self, table: Table) -> bool:
        """Return True for a table that only connects others, many to many, and to which no other refers by a key of its own."""
        if len(self._targets(table)) < 2 or self.own(table):
            return False
        referring = {column for one in self.out[table.qualified] for column in one.key.columns}
        return {*key_of(table, self.prefix)} <= referring or not self.incoming[table.qualified]

    def _targets(self, table: Table) -> set[str]:
        return {reference.other.qualified for reference in self.out[table.qualified]}

    def _parent(self, id: str) -> tuple[_Reference, str] | None:
        """Return the reference to the table that this one is a part of, and its role; None for a subject of its own."""
        table = self.tables[id]
        references = self.out[id]
        entities = [one for one in references if one.other.qualified not in self.lookups]
        named = [one for one in references if begins_with(table.name, one.other.name, self.prefix)]
        named.sort(key=lambda one: (one.other.qualified in self.lookups, -len(words(one.other.name))))
        if self._is_link(table):
            part_of = [one for one in named if one in entities] or entities
            return (part_of[0], "link") if part_of else None
        key = {*key_of(table, self.prefix)}
        others = {one.other.qualified for one in entities}
        events = event_times(table)
        for one in named:
            if one.other.qualified in self.lookups:
                continue
            within = self._is_within(table, one.other)
            if not within and self._is_event_of(table, one.other):
                continue
            beside = others - {one.other.qualified}
            if within or not events or not beside or self._head(table) in DETAILS:
                return one, "detail"
        for one in entities:
            rest = key - {*one.key.columns}
            referring = {column for other in references for column in other.key.columns}
            if len(key) > 1 and {*one.key.columns} < key and rest and not rest & referring:
                return one, "detail"
            if self._is_only_a_part(table, one, others, events):
                return one, "detail"
        return None

    def _is_only_a_part(
        self, table: Table, one: _Reference, others: Collection[str], events: Sequence[str]
    ) -> bool:
        """Return True for a small table that refers to one subject, that others refer to, and in which nothing happens."""
        if len(others) != 1 or events or self._head(table) in ENTITIES or _is_of_people(table):
            return False
        small = len(self.own(table)) <= FEW
        shares_key = key_of(table, self.prefix) == one.key.columns
        return small and (shares_key or bool(self.incoming[table.qualified]) or self._head(table) in DETAILS)

    def _break_circles(self) -> None:
        for id in sorted(self.parents):
            seen = [id]
            while (step := self.parents.get(seen[-1])) and step[0].other.qualified not in seen:
                seen.append(step[0].other.qualified)
            if step and step[0].other.qualified in seen:
                del self.parents[max(seen)]

    def _keep_lonely(self) -> None:
        """Make subjects of those lookups that no group would have: those that refer to each other, or to which only
        links refer that belong elsewhere."""
        reached: set[str] = set()
        for id in self.tables:
            if id not in self.lookups:
                reached |= {looked for looked, _ in self._explained(id)}
        for id in sorted(self.lookups - reached):
            self.lookups.discard(id)


def _is_of_people(table: Table) -> bool:
    return any(kind in PERSON for _, kind, _ in personal(table))


def _member(table: Table, role: str, reference: _Reference) -> Member:
    referring, referred = reference.table.qualified, reference.other.qualified
    return Member(table, role, _because(reference), reference.key, referring, referred)


def _because(reference: _Reference) -> str:
    column = ", ".join(reference.key.columns)
    if reference.key.declared:
        return f"{reference.table.qualified}.{column} refers to {reference.other.qualified}"
    return f"{reference.table.qualified}.{column} seems to refer to {reference.other.qualified}: {reference.key.reason}"


def doubts(group: Group, prefix: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield what is doubtful about a group."""
    main = group.main
    if not main.is_view:
        if not key_of(main, prefix):
            yield f"{main.name} has no key that is declared or that its name gives away"
        elif not main.primary_key and not main.unique_keys:
            yield f"{main.name} declares no key; {key_of(main, prefix)[0]} seems to be it"


def singular_title(name: str) -> str:
    """Return the subject of a table in words, such as `order line`."""
    return " ".join(map(singular, subject(name)))
