"""What is different between two versions of a product, in sentences for its consumers: what ends or gets less comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from meshwright.product.record import Column, Record, rank
from meshwright.serve.contract_words import contract_words

SHOWN = 40
"""Changes that are listed."""


def version_changes(before: Record, after: Record) -> Sequence[str]:
    """Return the changes, those first that consumers can feel; the last sentence counts what is left out."""
    found = [
        *_ended(before, after),
        *_altered(before, after),
        *_added(before, after),
        *_described(before, after),
    ]
    return found if len(found) <= SHOWN else [*found[: SHOWN - 1], f"And {len(found) - SHOWN + 1} more."]


Named = Callable[[Record], Mapping[str, Any]]
PARTS: dict[str, Named] = {
    "Column": lambda record: {column.name: column for column in record.columns},
    "Output port": lambda record: {port.name: port for port in record.outputs},
    "Service level": lambda record: {level.name: level for level in record.service_levels},
    "Role": lambda record: record.roles,
    "Input": lambda record: {one.source: one for one in record.inputs},
}
"""What a product has many of -> name -> one."""


def _ended(before: Record, after: Record) -> Iterator[str]:
    for part, named in PARTS.items():
        for name in named(before).keys() - named(after).keys():
            verb = "is withdrawn" if part == "Service level" else "is gone"
            yield f"{part} {name} {verb}."
    for place, rules in _rules(before).items():
        for words in rules:
            if words not in _rules(after).get(place, ()) and _is_there(place, after):
                yield f"{place or 'The data set'} is no longer promised to be: {words}."


def _added(before: Record, after: Record) -> Iterator[str]:
    for part, named in PARTS.items():
        for name in named(after).keys() - named(before).keys():
            yield f"{part} {name} is new."
    for place, rules in _rules(after).items():
        for words in rules:
            if words not in _rules(before).get(place, ()) and _is_there(place, before):
                yield f"{place or 'The data set'} is promised to be: {words}."


def _altered(before: Record, after: Record) -> Iterator[str]:
    old, new = PARTS["Column"](before), PARTS["Column"](after)
    for name in [name for name in new if name in old]:
        yield from _column(old[name], new[name])
    old, new = PARTS["Output port"](before), PARTS["Output port"](after)
    for name in [name for name in new if name in old and new[name].uses != old[name].uses]:
        yield f"Output port {name} is {new[name].uses}, and was {old[name].uses}."
    old, new = PARTS["Service level"](before), PARTS["Service level"](after)
    for name in [name for name in new if name in old and new[name].objective != old[name].objective]:
        yield f"Service level {name} has the objective {new[name].objective}, and had {old[name].objective}."
    for what, of in WHOLE.items():
        if of(before) != of(after):
            yield f"{what} is {of(after) or 'not reworded'}, and was {of(before) or 'not reworded'}."


WHOLE: dict[str, Callable[[Record], str]] = {
    "The classification": lambda record: record.classification,
    "Access": lambda record: record.access_mode,
    "The owner": lambda record: record.owner.team or record.owner.name,
    "The data set": lambda record: record.dataset,
    "The key": lambda record: ", ".join(contract_words(record).key),
}


def _column(old: Column, new: Column) -> Iterator[str]:
    if new.logical_type != old.logical_type:
        yield f"Column {new.name} is of type {new.logical_type or 'unknown'}, and was {old.logical_type or 'unknown'}."
    if new.required != old.required:
        yield f"Column {new.name} {'always has a value now' if new.required else 'can be empty now'}."
    if new.classification != old.classification:
        higher = rank(new.classification) > rank(old.classification)
        more = ", so that fewer readers see it" if higher else ""
        yield f"Column {new.name} is {new.classification}, and was {old.classification}{more}."


def _described(before: Record, after: Record) -> Iterator[str]:
    if before.title != after.title:
        yield f"It is called {after.title}, and was {before.title}."
    for what, of in TEXTS.items():
        if of(before) != of(after):
            yield f"{what} is described in other words."
    old, new = PARTS["Column"](before), PARTS["Column"](after)
    reworded = [name for name in new if name in old and new[name].description != old[name].description]
    if reworded:
        yield f"Described in other words: {', '.join(reworded[:10])}{f' and {len(reworded) - 10} more' if len(reworded) > 10 else ''}."


TEXTS: dict[str, Callable[[Record], str]] = {
    "Its purpose": lambda record: record.purpose,
    "Its usage": lambda record: record.usage,
    "Its limits": lambda record: record.limitations,
}


def _rules(record: Record) -> dict[str, list[str]]:
    """Return column, or nothing for the data set -> its rules in words."""
    words = contract_words(record)
    found = {name: [rule.words for rule in rules] for name, rules in words.of_columns.items()}
    return found | {"": [rule.words for rule in words.of_dataset]}


def _is_there(place: str, record: Record) -> bool:
    """Return False for a column that is not there, whose coming or going says enough."""
    return not place or any(column.name == place for column in record.columns)
