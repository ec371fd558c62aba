"""Check that a product reads another one in the role of an agreement, and passes on no more than that role shows.

Records say what is approved; only `meshwright access` checks signatures. Where access was applied, the source's address
registry says which agreements are in force. Unknown facts about either product are no issue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from meshwright.core.text import listed, short
from meshwright.mesh.role_columns import CLEAR, shown_levels, treatment
from meshwright.mesh.sharing import is_copy
from meshwright.product.contract import as_spelled, column_key
from meshwright.product.record import Input, Port, Reader, Record, rank

NOT_GRANTED = ("iceberg@1", "view@1")
"""Ports on which no agreement has an effect."""
MASKED = "masked"
"""The tag of a column in the contract whose values are masked at their source."""


@dataclass(frozen=True)
class Misuse:
    """How an input is read otherwise than an agreement allows."""

    kind: Literal["without-agreement", "beyond-agreement"]
    sentence: str
    fix: str


@dataclass(frozen=True)
class Use:
    """An input, and the agreement that it names."""

    consumer: Record
    input: Input
    source: Record
    port: Port | None
    now: datetime

    @property
    def named(self) -> str:
        """The agreement that the input names; empty if none."""
        value = self.input.properties.get("agreement")
        return value if isinstance(value, str) else ""

    @cached_property
    def candidates(self) -> Sequence[Reader]:
        """The agreement and its renewals, as far as they are approved; the one that ends last comes first."""
        names, readers = {self.named}, [reader for reader in self.source.readers if reader.agreement]
        listed_as = {reader.agreement: _parties(reader) for reader in readers}
        for _ in readers:  # as many steps as a chain of renewals can have
            more = {
                reader.agreement
                for reader in readers
                # What is listed no more is continued by what is for this product.
                if reader.renews in names
                and _parties(reader) == listed_as.get(reader.renews, _parties(reader))
                and (reader.renews in listed_as or reader.consumer == self.consumer.id)
            } - names
            if not more:
                break
            names |= more
        named = [reader for reader in readers if reader.agreement in names]
        return sorted(named, key=lambda reader: reader.until, reverse=True)

    @cached_property
    def problem(self) -> tuple[str, str]:
        """Why the agreement gives this input nothing, and the fix; empty texts if it is in force, or nothing is known."""
        if not isinstance(self.source.get("readers"), list):
            return "", ""
        name, source, fix = short(self.named), short(self.source.id), self._ask
        if not self.candidates:
            return f"It names the agreement {name}, which {source} has not approved.", fix
        reader = self.candidates[0]
        role = self.source.roles.get(reader.role)
        if not _has_end(reader):
            return f"Its agreement {name} with {source} names no end.", fix
        if ended(reader, self.now):
            return f"Its agreement {name} with {source} ended on {short(reader.until)}.", self._renew
        if reader.consumer != self.consumer.id:
            other = short(reader.consumer) if reader.consumer else "no data product"
            return (
                f"The agreement {name} of {source} is for {other}, and not for {short(self.consumer.id)}.",
                fix,
            )
        if reader.port not in ("", self.input.port):
            return f"The agreement {name} of {source} is about its port {short(reader.port)}.", fix
        if self.source.roles and role is None:
            return (
                f"The agreement {name} is in the role {short(reader.role)}, which {source} does not have.",
                fix,
            )
        if role and role.get("kind") == "human":
            return (
                f"The agreement {name} is in the role {short(reader.role)} of {source}, which is for people.",
                fix,
            )
        granted = self.port.agreements if self.port else None
        if granted is not None and not {self.named, reader.agreement} & granted.keys():
            return (
                f"The agreement {name} is not in force, says the address registry of {source}.",
                "Have the source's owner look at `meshwright access plan`, which says why, and apply access.",
            )
        return "", ""

    @cached_property
    def reader(self) -> Reader | None:
        """The agreement by which the input is read now; None if there is none."""
        return self.candidates[0] if self.named and self.candidates and not any(self.problem) else None

    @property
    def role(self) -> Mapping[str, Any] | None:
        """The role in which the input is read; None without an agreement in force, or if the policy is unknown."""
        return self.source.roles.get(self.reader.role) if self.reader else None

    @property
    def is_by_place(self) -> bool:
        """True if the input does not name the product whose port it reads."""
        return all(entry.source != self.input.source for entry in self.consumer.inputs)

    @property
    def _ask(self) -> str:
        read = (
            f"Read it with data-product@1, `from: {short(self.input.source)}`. " if self.is_by_place else ""
        )
        return (
            f"{read}Ask the owner of {short(self.source.id)} for an agreement with `consumer.dataProductId: {short(self.consumer.id)}`"
            " in a role for programs, and name it among the input's properties (`agreement`)."
        )

    @property
    def _renew(self) -> str:
        return f"Renew it in the repository of {short(self.source.id)} (`meshwright access renew`)."


def ended(reader: Reader, now: datetime) -> bool:
    """Return True if an agreement has ended; `now` has a time zone."""
    try:
        return datetime.fromisoformat(reader.until) <= now
    except (ValueError, TypeError):  # not a time, or one without a zone: it is not known to have ended
        return False


def _parties(reader: Reader) -> tuple[object, ...]:
    """Return whom an agreement is for, and what for: a renewal has the same."""
    return reader.team, reader.consumer, reader.role, reader.port, frozenset(reader.principals)


def _has_end(reader: Reader) -> bool:
    try:
        return datetime.fromisoformat(reader.until).tzinfo is not None
    except ValueError:
        return False


def misuses(use: Use, others: Sequence[Record]) -> Iterator[Misuse]:
    """Yield how an input is read otherwise than an agreement allows.

    `others`: the other products that the consumer reads. A column that they may bring is not reported, and none is if
    the consumer also reads what is not known.
    """
    source, address = use.source, short(use.input.source)
    if not use.named:
        if source.access_mode != "approval-required":
            return
        sentence = f"It reads {address}, which requires an approval, without naming an agreement."
        if use.is_by_place:
            sentence = (
                f"It reads the place of {address}, which requires an approval, as if it were of no product."
            )
        if use.port and use.port.uses in NOT_GRANTED:
            served = f"{use.port.uses}, on which no agreement has an effect"
            yield Misuse("without-agreement", f"{sentence} It is served by {served}.", "Read another port of that product: parquet@1, delta@1 or postgres@1.")  # fmt: skip
        else:
            yield Misuse("without-agreement", sentence, use._ask)
        return
    if use.port and use.port.uses in NOT_GRANTED:
        yield Misuse(
            "beyond-agreement",
            f"It names an agreement for {address}, which is served by {use.port.uses}: no agreement has an effect there.",
            "Read another port of that product: parquet@1, delta@1 or postgres@1.",
        )
        return
    sentence, fix = use.problem
    if sentence:
        yield Misuse("beyond-agreement", sentence, fix)
    elif use.role is not None and all(entry.product for entry in use.consumer.inputs):
        elsewhere = {column_key(name) for other in others for name in other.column_levels}
        yield from _columns(use, use.role, elsewhere)


def _columns(use: Use, role: Mapping[str, Any], elsewhere: set[str]) -> Iterator[Misuse]:
    """Yield what the consumer's contract has of columns that the role hides, masks, or shows as more sensitive."""
    columns = {
        column.name: column for column in use.consumer.columns if column_key(column.name) not in elsewhere
    }
    here = as_spelled(columns, (column.name for column in use.source.columns))
    seen = {
        column.name: treatment(use.source, role, column)
        for column in use.source.columns
        if column.name in here
    }
    where = f"the role {short(use.reader.role if use.reader else '')} of {short(use.source.id)}"
    if hidden := [name for name, shown in seen.items() if shown is None]:
        yield Misuse(
            "beyond-agreement",
            f"Its contract has {listed(map(short, hidden))}, which {where} does not show.",
            "Remove them from the contract and the model, or ask for an agreement in a role that shows them.",
        )
    masked = [
        name for name, mask in seen.items() if mask not in (None, CLEAR) and MASKED not in here[name].tags
    ]
    if masked:
        masks = listed(f"{short(name)} ({seen[name]})" for name in masked)
        yield Misuse(
            "beyond-agreement",
            f"Its contract has {masks} as if they were clear, but {where} shows masks of them.",
            f"Give these columns the tag `{MASKED}` in the contract, or remove them.",
        )
    levels = shown_levels(use.source, role)
    if is_copy(use.input, use.consumer, use.source, levels):
        return  # inherited_policies.py compares the classifications of copies
    lower = [name for name in levels if name in here and rank(here[name].classification) < rank(levels[name])]
    if lower:
        needed = listed(f"{short(name)}: {levels[name]}" for name in lower)
        yield Misuse(
            "beyond-agreement",
            f"Its contract classifies {listed(map(short, lower))} as less sensitive than {where} shows them.",
            f"Give them that classification in the contract ({needed}).",
        )
