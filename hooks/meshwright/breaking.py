"""What of a product's promises has changed since another commit, and which of it its consumers feel.

About the contract datacontract-cli decides (https://cli.datacontract.com, `breaking`). What it does not look at, and a
consumer does, is decided here: how values are written, service levels, output ports, the product's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright import metamodel
from meshwright.document import Document, Keys, Unreadable, parse

SPEC = "data-product.yaml"
OBJECTIVE = re.compile(r"[<>]=? *(?P<value>[0-9]+(?:\.[0-9]+)?) *(?P<unit>s|m|h|d|%|rows)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
WRITTEN = ("format", "timezone", "defaultTimezone")
"""Of `logicalTypeOptions`: how a value is written, which a consumer's code relies on."""


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was."""

    document: Document
    keys: Keys
    """Where it stands now, or what is nearest to where it stood."""
    detail: str
    breaks: bool = True
    """False: nobody but a person can say whether it does."""


@dataclass(frozen=True)
class Comparison:
    """A product, held against what it was at another commit."""

    contract_version: Any = None
    """What the contract's version was; None: there was no contract."""
    product_version: Any = None
    changes: tuple[Change, ...] = ()


def compared(root: Path, commit: str, spec: Document, contract: Document) -> Comparison:
    """Holds a product against what `commit` says. Raises Unreadable if git cannot say."""
    from meshwright.access.history import History, HistoryError

    try:
        history = History(root, commit)
        told = history.read(SPEC)
        was = parse(SPEC, told) if told is not None else None
        path = was.get("spec.dataset.contract") if was else None
        told = history.read(path) if isinstance(path, str) else None
        promised = parse(str(path), told) if told is not None else None
    except HistoryError as error:
        raise Unreadable(str(error), error.mend) from error
    except Unreadable as error:
        return Comparison(changes=(_unknown(contract, f"What {commit} promises cannot be read: {error}"),))
    if was is None or promised is None:
        return Comparison()
    changes = (
        *_of_contract(promised, contract),
        *_of_writing(promised, contract),
        *_of_promised_levels(promised, contract),
        *_of_product(was, spec),
        *_of_service_levels(was, spec),
    )
    return Comparison(promised.get("version"), was.get("metadata.version"), changes)


def _unknown(document: Document, detail: str) -> Change:
    return Change(document, (), detail, breaks=False)


def _of_contract(was: Document, now: Document) -> Iterator[Change]:
    """What datacontract-cli says of it."""
    from datacontract.data_contract import DataContract
    from open_data_contract_standard.model import OpenDataContractStandard
    from pydantic import ValidationError

    def model(document: Document) -> DataContract:
        # Not by its text, which may name files and addresses that the library would then fetch.
        return DataContract(
            data_contract=OpenDataContractStandard.model_validate(document.value), inline_references=False
        )

    try:
        found = model(was).breaking(model(now)).entries
    except (ValidationError, ValueError, TypeError, AttributeError, KeyError) as error:
        yield _unknown(now, f"The two contracts cannot be compared: {type(error).__name__}.")
        return
    for entry in found:
        if entry.level.value != "info":
            certain = entry.level.value == "error"
            yield Change(now, _keys(now, entry.path), f"{entry.message}.", certain)


def _of_writing(was: Document, now: Document) -> Iterator[Change]:
    present = dict(_columns(now.value))
    for path, column in _columns(was.value):
        before = column.get("logicalTypeOptions")
        after = present.get(path, {}).get("logicalTypeOptions")
        for option in WRITTEN if isinstance(before, dict) and path in present else ():
            value = after.get(option) if isinstance(after, dict) else None
            if option in before and before[option] != value:
                detail = f"The column {path[-1]} was written with {option} {before[option]!r}; now it is {value!r}."
                place = ".".join(
                    ("schema", path[0], *(part for name in path[1:] for part in ("properties", name)))
                )
                yield Change(now, _keys(now, place), detail)


def _columns(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every column below a contract, a table or a column: its names from the table on."""
    below = node.get("properties" if path else "schema") if isinstance(node, dict) else None
    for item in below if isinstance(below, list) else ():
        if isinstance(item, dict):
            names = (*path, str(item.get("name")))
            if path:
                yield names, item
            yield from _columns(item, names)


def _of_promised_levels(was: Document, now: Document) -> Iterator[Change]:
    """Of the contract's slaProperties datacontract-cli knows freshness alone."""
    present = {_level(item): (keys, item) for keys, item in now.items("slaProperties")}
    for _, item in was.items("slaProperties"):
        name, element = _level(item)
        if (name, element) not in present:
            of = f" of {element}" if element else ""
            yield Change(now, ("slaProperties",), f"The service level {name}{of} is promised no more.")
            continue
        keys, then = present[name, element]
        told = [tuple(level.get(field) for field in ("value", "valueExt", "unit")) for level in (item, then)]
        if told[0] != told[1] and name != "freshness":
            yield Change(now, keys, f"The service level {name} is another.", breaks=False)


def _level(item: dict[str, Any]) -> tuple[str, str]:
    return str(item.get("property")), str(item.get("element") or "")


def _of_product(was: Document, now: Document) -> Iterator[Change]:
    for key in ("name", "domain"):
        before, after = was.get(f"metadata.{key}"), now.get(f"metadata.{key}")
        if before != after:
            detail = f"The product's {key} was {before}, and its address was made of it; now it is {after}."
            yield Change(now, ("metadata", key), detail)
    ports = {item.get("name"): (keys, item.get("uses")) for keys, item in now.items("spec.outputs")}
    for _, port in was.items("spec.outputs"):
        name, uses = port.get("name"), port.get("uses")
        if name not in ports:
            yield Change(now, ("spec", "outputs"), f"The output port {name} is gone.")
        elif ports[name][1] != uses:
            keys, then = ports[name]
            yield Change(now, (*keys, "uses"), f"The output port {name} was {uses}; now it is {then}.")


def _of_service_levels(was: Document, now: Document) -> Iterator[Change]:
    present = {item.get("name"): (keys, item) for keys, item in now.items("spec.serviceLevels")}
    for _, level in was.items("spec.serviceLevels"):
        name = level.get("name")
        keys, then = present.get(name, (("spec", "serviceLevels"), None))
        if then is None:
            yield Change(now, keys, f"The service level {name} is promised no more.")
        elif any(level.get(field) != then.get(field) for field in ("indicator", "column")):
            yield Change(now, keys, f"The service level {name} is about something else.")
        elif _looser(level.get("indicator"), level.get("objective"), then.get("objective")):
            detail = f"The service level {name} was {level['objective']}; now it is {then['objective']}."
            yield Change(now, (*keys, "objective"), detail)


def _looser(indicator: Any, before: Any, after: Any) -> bool:
    """Whether an objective promises less than it did."""
    bounds = [OBJECTIVE.fullmatch(str(objective)) for objective in (before, after)]
    if indicator not in metamodel.INDICATORS or not bounds[0] or not bounds[1]:
        return before != after
    old, new = (float(bound["value"]) * SECONDS.get(bound["unit"], 1) for bound in bounds if bound)
    if old == new:
        inclusive = ["=" in str(objective) for objective in (before, after)]
        return inclusive == [False, True]
    return new > old if metamodel.INDICATORS[indicator][1] == "<" else new < old


def _keys(document: Document, path: str) -> Keys:
    """Where a dotted path of names leads to in the document, as far as it goes there."""
    keys: Keys = ()
    node = document.value
    while path:
        for key, name, below in sorted(_below(node), key=lambda step: -len(step[1])):
            if path == name or path.startswith(f"{name}."):
                keys, node, path = (*keys, key), below, path[len(name) + 1 :]
                break
        else:
            break
    return keys


def _below(node: Any) -> Iterator[tuple[str | int, str, Any]]:
    """Each step down: its key, what it is called in a path, and where it leads."""
    if isinstance(node, dict):
        yield from ((key, key, below) for key, below in node.items())
    for index, item in enumerate(node if isinstance(node, list) else ()):
        yield index, f"[{index}]", item
        if isinstance(item, dict):
            yield from ((index, str(item[key]), item) for key in ("name", "property") if item.get(key))
