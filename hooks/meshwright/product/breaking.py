"""What of a product's promises has changed since another commit, and which of it its consumers feel.

About the contract datacontract-cli decides (https://cli.datacontract.com, `breaking`). What it does not look at, and a
consumer does, is decided here: how values are written and stored, who sees them, how long they are kept, service levels,
output ports, rights, roles, the product's name. KINDS is the whole list, with what each kind needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from meshwright.core.yaml import Document, Keys, Unreadable, parse
from meshwright.product import metamodel, physical_types
from meshwright.product.files import SPEC
from meshwright.product.grammar import SECONDS, objective

WRITTEN = (
    "format",
    "timezone",
    "defaultTimezone",
    "dimensions",
    "elementType",
    "normalized",
    "embeddingModel",
)
"""Of `logicalTypeOptions`: how a value is written, which a consumer's code relies on."""

MAJOR, MINOR, PERSON = "major", "compatible", "a person decides"

KINDS: dict[str, tuple[str, str]] = {
    # kind of change -> what changes, and whether it needs a new major version
    "contract": ("What datacontract-cli calls breaking: a column, a table, a type, a key, a bound, `enum`, a rule of quality", MAJOR),
    "contract-unclear": ("What datacontract-cli cannot decide: another pattern, another query, a rule for people or for another engine that goes", PERSON),
    "written": ("How values are written: `format`, `timezone`, `defaultTimezone`, the size and numbers of a vector", MAJOR),
    "option-less": ("`multipleOf`, `minProperties`, `maxProperties`, `required` of an object: goes, or allows more", MAJOR),
    "option-more": ("The same: comes, or allows less", MINOR),
    "physical-type": ("`physicalType`: another type, scale, precision or time zone, a greater length, or none any more", MAJOR),
    "physical-type-same": ("`physicalType`: another spelling of the same type, or a smaller length", MINOR),
    "physical-type-new": ("`physicalType`: the first one, with which the data is written from then on", PERSON),
    "classification-lowered": ("The classification of a column or of the product: lower, so that more people see what was promised to be protected", MAJOR),
    "classification-raised": ("The classification of a column: higher than a role's clearance that saw it; of the product: higher", MAJOR),
    "classification-seen": ("The classification of a column: higher, and every role that saw it still does", MINOR),
    "contract-level": ("`slaProperties`: one goes, is shorter (retention), longer (latency, frequency) or less (availability)", MAJOR),
    "contract-level-better": ("The same: comes, or promises more", MINOR),
    "contract-level-unclear": ("Any other of `slaProperties` that is another", PERSON),
    "retired": ("The contract's `status`: deprecated or retired", PERSON),
    "address": ("The product's name or domain, of which its addresses are made", MAJOR),
    "port": ("An output port goes, or is of another kind", MAJOR),
    "port-moved": ("Where an output port lies: its path, bucket, database, schema, table or server, here or in an environment", MAJOR),
    "port-changed": ("Any other property of an output port", PERSON),
    "port-new": ("An output port more", MINOR),
    "environment": ("An environment goes", PERSON),
    "level": ("A service level goes, is about something else, or promises less", MAJOR),
    "level-better": ("A service level comes, or promises more", MINOR),
    "retention": ("`retention@1` comes, keeps rows for a shorter time, or looks at another column", MAJOR),
    "retention-longer": ("`retention@1` keeps rows longer, or goes", MINOR),
    "history": ("`snapshot@1` goes, or has another key", MAJOR),
    "access-mode": ("Access was open and needs approval", MAJOR),
    "access-opened": ("Access needed approval and is open", MINOR),
    "rights": ("A distribution right was allowed and is forbidden", MAJOR),
    "rights-more": ("A distribution right was forbidden and is allowed", MINOR),
    "agreement": ("Another major version of the data sharing agreement", MAJOR),
    "role": ("A role of the access policy goes, sees less of its columns or other rows, or is for others", MAJOR),
    "role-more": ("A role comes, or sees more", MINOR),
    "role-unclear": ("A role's rows are chosen otherwise, or a mask is another", PERSON),
    "unreadable": ("What was promised cannot be read", PERSON),
}  # fmt: skip
"""Every kind of change: docs/reference/changes.md is made of it, and a test has an example of each."""

PLACES = (
    *("path", "bucket", "container", "database", "dbname", "schema", "table", "host", "port", "server"),
    *(
        "location",
        "url",
        "catalog",
        "namespace",
        "warehouse",
        "project",
        "dataset",
        "account",
        "connection",
        "prefix",
    ),
)
"""Properties of a port that say where it lies."""

LONGER_IS_MORE = {
    "retention": True,
    "latency": False,
    "frequency": False,
    "availability": True,
    "generalAvailability": None,
}


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was."""

    document: Document
    keys: Keys
    """Where it stands now, or what is nearest to where it stood."""
    detail: str
    kind: str
    """A key of KINDS."""

    @property
    def breaks(self) -> bool:
        """False: nobody but a person can say whether it does."""
        return KINDS[self.kind][1] == MAJOR


@dataclass(frozen=True)
class Comparison:
    """A product, held against what it was at another commit."""

    contract_version: Any = None
    """What the contract's version was; None: there was no contract."""
    product_version: Any = None
    changes: tuple[Change, ...] = ()


def compared(
    root: Path, commit: str, spec: Document, contract: Document, current_policy: Document | None = None
) -> Comparison:
    """Holds a product against what `commit` says. Raises Unreadable if git cannot say."""
    from meshwright.core.git_history import History, HistoryError

    try:
        history = History(root, commit)
        told = history.read(SPEC)
        was = parse(SPEC, told) if told is not None else None
        promised = _document(history, was, "spec.dataset.contract")
        policy = _document(history, was, "spec.access.policy")
    except HistoryError as error:
        raise Unreadable(str(error), error.fix) from error
    except Unreadable as error:
        return Comparison(changes=(_unknown(contract, f"What {commit} promises cannot be read: {error}"),))
    if was is None or promised is None:
        return Comparison()
    now = current_policy if current_policy is not None else Document(Path(str(was.get("spec.access.policy"))))
    changes = (
        *_of_contract(promised, contract),
        *_of_options(promised, contract),
        *_of_classification(was, spec, promised, contract, now),
        *_of_writing(promised, contract),
        *_of_unchecked_rules(promised, contract),
        *_of_promised_levels(promised, contract),
        *_of_product(was, spec),
        *_of_service_levels(was, spec),
        *_of_places(was, spec),
        *_of_traits(was, spec),
        *_of_rights(was, spec),
        *(_of_policy(policy, now) if policy is not None and current_policy is not None else ()),
    )
    return Comparison(promised.get("version"), was.get("metadata.version"), changes)


def _document(history: Any, spec: Document | None, place: str) -> Document | None:
    """What a commit has at the path that its spec names; None if it has nothing there."""
    path = spec.get(place) if spec else None
    text = history.read(path) if isinstance(path, str) else None
    return parse(str(path), text) if text is not None else None


def _unknown(document: Document, detail: str) -> Change:
    return Change(document, (), detail, "unreadable")


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
        # What a physical type means is decided below: it does not tell a spelling from a type.
        physical = entry.path.endswith(".physicalType") and ".properties." in entry.path
        if entry.level.value != "info" and not physical:
            kind = "contract" if entry.level.value == "error" else "contract-unclear"
            yield Change(now, _keys(now, entry.path), f"{entry.message}.", kind)


def _of_writing(was: Document, now: Document) -> Iterator[Change]:
    present = dict(_columns(now.value))
    for path, column in _columns(was.value):
        if path not in present:
            continue
        before, after = (_mapping(one.get("logicalTypeOptions")) for one in (column, present[path]))
        for option in WRITTEN:
            value = after.get(option)
            if option in before and before[option] != value:
                detail = f"The column {_named(path)} was written with {option} {before[option]!r}; now it is {value!r}."
                yield Change(now, _place(now, path), detail, "written")


def _place(document: Document, path: tuple[str, ...]) -> Keys:
    """Where a column is described, by its place from the table on."""
    return _keys(document, ".".join(("schema", *path)))


def _named(path: tuple[str, ...]) -> str:
    """What people call the column at a place: `stops[].place`."""
    text = ""
    steps = iter(path[1:])
    for step in steps:
        if step == "properties":
            text += f".{next(steps)}" if text else next(steps)
        else:
            text += {"items": "[]", "map.key": "[key]", "map.value": "[value]"}[step]
    return text


def _of_options(was: Document, now: Document) -> Iterator[Change]:
    """Options and physical types that datacontract-cli knows nothing of, or takes for texts."""
    present = dict(_columns(now.value))
    for path, column in _columns(was.value):
        if path not in present:
            continue
        before, after = (_options(one) for one in (column, present[path]))
        for option, stricter in STRICTER.items():
            if (
                option in before
                and before[option] != after.get(option)
                and not (option in after and stricter(before[option], after[option]))
            ):
                detail = f"The column {_named(path)} had {option} {before[option]!r}; now it is {after.get(option)!r}."
                yield Change(now, _place(now, path), detail, "option-less")
        kind = _physical_change(column.get("physicalType"), present[path].get("physicalType"))
        if kind:
            then, today = column.get("physicalType"), present[path].get("physicalType")
            detail = f"The column {_named(path)} was stored as {then or 'nobody said what'}; now it is {today or 'not said'}."
            yield Change(now, _place(now, path), detail, kind)


def _options(column: Mapping[str, Any]) -> Mapping[str, Any]:
    options = column.get("logicalTypeOptions")
    return options if isinstance(options, dict) else {}


def _multiple(before: Any, after: Any) -> bool:
    try:
        return Decimal(str(after)) % Decimal(str(before)) == 0
    except (ArithmeticError, ValueError):
        return False


STRICTER: Mapping[str, Callable[[Any, Any], bool]] = {
    "multipleOf": _multiple,
    "minProperties": lambda before, after: isinstance(after, int) and isinstance(before, int) and after >= before,
    "maxProperties": lambda before, after: isinstance(after, int) and isinstance(before, int) and after <= before,
    "required": lambda before, after: isinstance(after, list) and isinstance(before, list) and all(one in after for one in before),
}  # fmt: skip
"""Option -> whether a value allows no more than the one before it."""


def _physical_change(before: Any, after: Any) -> str:
    """The kind of a change of a physical type; empty if it breaks nobody."""
    if before == after or (not before and not after):
        return ""
    if not before or not after:
        return "physical-type-new" if after else "physical-type"
    old, new = physical_types.read(str(before)), physical_types.read(str(after))
    if old is None or new is None:
        same = old is new and str(before).casefold().split() == str(after).casefold().split()
        return "" if same else "physical-type"
    longest = [one.length if one.length is not None else float("inf") for one in (old, new)]
    same = replace(old, length=None) == replace(new, length=None)
    return "" if same and longest[1] <= longest[0] else "physical-type"


def _of_classification(
    was: Document, now: Document, promised: Document, contract: Document, policy: Document
) -> Iterator[Change]:
    """Who sees more than was promised, and who sees less."""
    order = metamodel.CLASSIFICATIONS

    def level(said: Any) -> int:
        return order.index(said) if said in order else len(order) - 1

    before, after = (one.get("spec.classification") for one in (was, now))
    if before in order and after in order and before != after:
        kind = "classification-lowered" if level(after) < level(before) else "classification-raised"
        detail = f"The product was {before}; now it is {after}."
        yield Change(now, ("spec", "classification"), detail, kind)
    roles = policy.get("roles") if isinstance(policy.value, dict) else None
    cleared = [
        role.get("clearance") or []
        for role in (roles.values() if isinstance(roles, dict) else ())
        if isinstance(role, dict)
    ]
    present = dict(_columns(contract.value))
    for path, column in _columns(promised.value):
        then, today = column.get("classification"), present.get(path, {}).get("classification")
        if path not in present or level(then) == level(today):
            continue
        lowered = level(today) < level(then)
        old, new = order[level(then)], order[level(today)]
        hidden = not cleared or any(old in seen and new not in seen for seen in cleared)
        if lowered or hidden:
            kind = "classification-lowered" if lowered else "classification-raised"
            what = "more people see it" if lowered else "some who saw it see it no more"
            detail = f"The column {_named(path)} was {old}; now it is {new}, and {what}."
            yield Change(contract, _place(contract, path), detail, kind)


def _columns(node: Any) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every column below a contract, and all that is nested in it: its place from the table on, and what is said of it."""
    tables = node.get("schema") if isinstance(node, dict) else None
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict):
            yield from _nested(table, (str(table.get("name")),))


def _nested(node: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    properties, pairs = node.get("properties"), _mapping(node.get("map"))
    below = [
        *(
            (("properties", str(item.get("name"))), item)
            for item in (properties if isinstance(properties, list) else ())
            if isinstance(item, dict)
        ),
        (("items",), node.get("items")),
        (("map.key",), pairs.get("key")),
        (("map.value",), pairs.get("value")),
    ]
    for steps, inner in below:
        if isinstance(inner, dict):
            yield (*path, *steps), inner
            yield from _nested(inner, (*path, *steps))


def _of_unchecked_rules(was: Document, now: Document) -> Iterator[Change]:
    """Rules of quality for people and for other engines, of which datacontract-cli says nothing."""
    places = [
        {place: rules for place, node in _with_quality(document.value) for rules in [_rules(node)]}
        for document in (was, now)
    ]
    for path, rules in places[0].items():
        left = list(places[1].get(path, ()))
        for rule in rules:
            if rule in left:
                left.remove(rule)
            elif path in places[1]:
                said = rule.get("description") or rule.get("name") or rule.get("engine") or rule["type"]
                detail = f"The rule of quality {str(said).strip()!r} of {_named(path) or 'the data set'} is another, or none any more."
                yield Change(now, _place(now, path), detail, "contract-unclear")


def _with_quality(node: Any) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    tables = node.get("schema") if isinstance(node, dict) else None
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict):
            yield (str(table.get("name")),), table
    yield from _columns(node)


def _rules(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    quality = node.get("quality")
    return [
        rule
        for rule in (quality if isinstance(quality, list) else ())
        if isinstance(rule, dict) and rule.get("type") in ("text", "custom")
    ]


def _of_promised_levels(was: Document, now: Document) -> Iterator[Change]:
    """Of the contract's slaProperties datacontract-cli knows freshness alone."""
    present = {_level(item): (keys, item) for keys, item in now.items("slaProperties")}
    for _, item in was.items("slaProperties"):
        name, element = _level(item)
        if (name, element) not in present:
            of = f" of {element}" if element else ""
            detail = f"The service level {name}{of} is promised no more."
            yield Change(now, ("slaProperties",), detail, "contract-level")
            continue
        keys, then = present[name, element]
        said = [tuple(level.get(field) for field in ("value", "valueExt", "unit")) for level in (item, then)]
        if said[0] == said[1] or name == "freshness":
            continue
        old, new = (_amount(level) for level in (item, then))
        more = LONGER_IS_MORE.get(name)
        if more is None or old is None or new is None:
            yield Change(now, keys, f"The service level {name} is another.", "contract-level-unclear")
        elif (new < old) == more and new != old:
            detail = (
                f"The service level {name} was {_value_and_unit(item)}; now it is {_value_and_unit(then)}."
            )
            yield Change(now, keys, detail, "contract-level")
    before, after = was.get("status"), now.get("status")
    if before != after and after in ("deprecated", "retired"):
        yield Change(now, ("status",), f"The contract is {after}.", "retired")


UNITS = {
    **dict.fromkeys(("y", "yr", "year", "years"), 365 * 86400.0),
    **dict.fromkeys(("mo", "month", "months"), 365 * 86400.0 / 12),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400.0),
    **dict.fromkeys(("d", "day", "days", ""), 86400.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("%", "percent"), 1.0),
}


def _amount(level: Mapping[str, Any]) -> float | None:
    """How much a service level of the contract promises, in seconds or per cent; None where it does not say so."""
    factor = UNITS.get(str(level.get("unit") or "").lower())
    try:
        return float(str(level.get("value")).removesuffix("%")) * factor if factor else None
    except ValueError:
        return None


def _value_and_unit(level: Mapping[str, Any]) -> str:
    return f"{level.get('value')} {level.get('unit') or ''}".strip()


def _level(item: dict[str, Any]) -> tuple[str, str]:
    return str(item.get("property")), str(item.get("element") or "")


def _of_product(was: Document, now: Document) -> Iterator[Change]:
    for key in ("name", "domain"):
        before, after = was.get(f"metadata.{key}"), now.get(f"metadata.{key}")
        if before != after:
            detail = f"The product's {key} was {before}, and its address was made of it; now it is {after}."
            yield Change(now, ("metadata", key), detail, "address")
    ports = {item.get("name"): (keys, item.get("uses")) for keys, item in now.items("spec.outputs")}
    for _, port in was.items("spec.outputs"):
        name, uses = port.get("name"), port.get("uses")
        if name not in ports:
            yield Change(now, ("spec", "outputs"), f"The output port {name} is gone.", "port")
        elif ports[name][1] != uses:
            keys, then = ports[name]
            yield Change(
                now, (*keys, "uses"), f"The output port {name} was {uses}; now it is {then}.", "port"
            )


def _of_service_levels(was: Document, now: Document) -> Iterator[Change]:
    present = {item.get("name"): (keys, item) for keys, item in now.items("spec.serviceLevels")}
    for _, level in was.items("spec.serviceLevels"):
        name = level.get("name")
        keys, then = present.get(name, (("spec", "serviceLevels"), None))
        if then is None:
            yield Change(now, keys, f"The service level {name} is promised no more.", "level")
        elif any(level.get(field) != then.get(field) for field in ("indicator", "column")):
            yield Change(now, keys, f"The service level {name} is about something else.", "level")
        elif _looser(level.get("indicator"), level.get("objective"), then.get("objective")):
            detail = f"The service level {name} was {level['objective']}; now it is {then['objective']}."
            yield Change(now, (*keys, "objective"), detail, "level")


def _of_places(was: Document, now: Document) -> Iterator[Change]:
    """Where the output ports lie, outside of environments and in each."""
    present = {item.get("name"): (keys, item) for keys, item in now.items("spec.outputs")}
    for _, port in was.items("spec.outputs"):
        if port.get("name") in present:
            keys, then = present[port.get("name")]
            if port.get("uses") == then.get("uses"):
                yield from _moved(now, str(port.get("name")), keys, port, then)
    before, after = (_mapping(document.get("spec.environments")) for document in (was, now))
    for name, environment in before.items():
        place: Keys = ("spec", "environments", name)
        if name not in after:
            yield Change(now, place[:-1], f"The environment {name} is gone.", "environment")
            continue
        old, new = (_mapping(_mapping(one).get("outputs")) for one in (environment, after[name]))
        for port_name in old.keys() | new.keys():
            if port_name not in present:
                continue
            former, today = (_mapping(outputs.get(port_name)) for outputs in (old, new))
            here, of = (*place, "outputs", port_name), f"{port_name} in {name}"
            if former.get("uses") != today.get("uses"):
                detail = f"The output port {of} was {former.get('uses') or 'as everywhere'}; now it is {today.get('uses') or 'as everywhere'}."
                yield Change(now, here, detail, "port")
            else:
                yield from _moved(now, of, here, former, today)


def _moved(
    now: Document, name: str, keys: Keys, was: Mapping[str, Any], then: Mapping[str, Any]
) -> Iterator[Change]:
    before, after = (_mapping(port.get("properties")) for port in (was, then))
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            place = any(key.lower().endswith(word) for word in PLACES)
            kind = "port-moved" if place else "port-changed"
            detail = f"The {key} of the output port {name} is another" + (
                ", and who reads it there finds it no more." if place else "."
            )
            yield Change(now, (*keys, "properties", key), detail, kind)


def _of_traits(was: Document, now: Document) -> Iterator[Change]:
    """Which rows are there: how long they are kept, and whether older versions are."""
    traits = [
        {
            (name, properties.get("input") if name == "snapshot" else None): (keys, properties)
            for keys, item in document.items("spec.traits")
            for name in [str(item.get("uses")).partition("@")[0]]
            for properties in [_mapping(item.get("properties"))]
        }
        for document in (was, now)
    ]
    for name, of in {**traits[0], ("retention", None): None}:
        (_, before), (keys, after) = (each.get((name, of), (("spec", "traits"), None)) for each in traits)
        if name == "retention" and after is not None:
            then, today = (_days(one) for one in (before, after))
            if before is None or today < then or before.get("column") != after.get("column"):
                what = f"{before.get('keep')} by {before.get('column')}" if before else "for good"
                detail = f"Rows were kept {what}; now it is {after.get('keep')} by {after.get('column')}."
                yield Change(now, keys, detail, "retention")
        if name == "snapshot" and before is not None and before != after:
            detail = (
                "The history of the rows is kept otherwise."
                if after is not None
                else "The history of the rows is kept no more."
            )
            yield Change(now, keys, detail, "history")


def _days(retention: Mapping[str, Any] | None) -> float:
    text = str((retention or {}).get("keep") or "")
    return float(text.removesuffix("d")) if re.fullmatch(r"[0-9]+d", text) else float("inf")


def _of_rights(was: Document, now: Document) -> Iterator[Change]:
    """What consumers may do: read without asking, and pass on."""
    before, after = (document.get("spec.access.mode") for document in (was, now))
    if before == "open" and after != "open":
        detail = "Everybody could read it; now it takes an approval."
        yield Change(now, ("spec", "access", "mode"), detail, "access-mode")
    for right in ("modified", "unmodified"):
        place = f"spec.distributionRights.{right}"
        if was.get(place) == "allowed" and now.get(place) != "allowed":
            detail = f"Passing it on ({right}) was allowed, and is not any more."
            yield Change(now, tuple(place.split(".")), detail, "rights")
    versions = [str(document.get("spec.dataSharingAgreement.version")) for document in (was, now)]
    if versions[0] != versions[1] and versions[0].partition(".")[0] != versions[1].partition(".")[0]:
        detail = f"The data sharing agreement was of version {versions[0]}; now it is {versions[1]}."
        yield Change(now, ("spec", "dataSharingAgreement", "version"), detail, "agreement")


def _of_policy(was: Document, now: Document) -> Iterator[Change]:
    """What each role sees."""
    before, after = (_mapping(document.get("roles")) for document in (was, now))
    for name, role in before.items():
        place: Keys = ("roles", name)
        old, new = _mapping(role), _mapping(after.get(name))
        if name not in after:
            yield Change(now, place[:-1], f"The role {name} is gone.", "role")
            continue
        if old.get("kind") != new.get("kind"):
            yield Change(
                now, (*place, "kind"), f"The role {name} was for others ({old.get('kind')}).", "role"
            )
        if lost := [
            level for level in old.get("clearance") or [] if level not in (new.get("clearance") or [])
        ]:
            detail = f"The role {name} sees columns that are {', '.join(map(str, lost))} no more."
            yield Change(now, (*place, "clearance"), detail, "role")
        if old.get("above") == "mask" and new.get("above") != "mask":
            detail = f"The role {name} got masks of the columns above its clearance; now it gets nothing."
            yield Change(now, (*place, "above"), detail, "role")
        for key, of in (("purposes", "purpose"), ("requires", "attribute")):
            if new.get(key) and _narrower(old.get(key), new[key]):
                detail = f"The role {name} is for fewer readers: another {of} is asked for."
                yield Change(now, (*place, key), detail, "role")
        if isinstance(new.get("maxDays"), int) and new["maxDays"] < (old.get("maxDays") or float("inf")):
            detail = f"An agreement for the role {name} lasts for {new['maxDays']} days at most."
            yield Change(now, (*place, "maxDays"), detail, "role")
        rows, fewer = old.get("rows") or [], new.get("rows") or []
        if rows != fewer and isinstance(rows, list) and isinstance(fewer, list):
            added = [one for one in fewer if one not in rows]
            if added and all(one in fewer for one in rows):
                detail = f"The role {name} sees fewer rows: a condition more."
                yield Change(now, (*place, "rows"), detail, "role")
            elif added:
                yield Change(now, (*place, "rows"), f"The role {name} sees other rows.", "role-unclear")
    if was.get("masks") != now.get("masks"):
        yield Change(now, ("masks",), "The masks are others.", "role-unclear")


def _narrower(before: Any, after: Any) -> bool:
    """Whether a list, or one of a mapping's, leaves out what was in it; no list leaves out nothing."""
    if isinstance(after, list):
        return not before or not all(one in after for one in before)
    if isinstance(after, dict):
        known = before if isinstance(before, dict) else {}
        return any(_narrower(known.get(key), values) for key, values in after.items())
    return False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _looser(indicator: Any, before: Any, after: Any) -> bool:
    """Whether an objective promises less than it did."""
    bounds = [objective(str(text)) for text in (before, after)]
    if indicator not in metamodel.INDICATORS or not bounds[0] or not bounds[1]:
        return bool(before != after)
    old, new = (bound.value * SECONDS.get(bound.unit, 1) for bound in bounds if bound)
    if old == new:
        inclusive = ["=" in str(text) for text in (before, after)]
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
