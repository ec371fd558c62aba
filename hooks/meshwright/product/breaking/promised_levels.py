"""Service levels, of the contract and of the product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.core.yaml import Document
from meshwright.product import metamodel
from meshwright.product.breaking.kinds_of_change import PromiseChange
from meshwright.product.grammar import SECONDS, Target, objective, over_time

LONGER_IS_MORE = {
    "retention": True,
    "latency": False,
    "frequency": False,
    "availability": True,
    "generalAvailability": None,
}


def of_contract(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of the contract's slaProperties, of which datacontract-cli knows freshness alone."""
    present = {_level(item): (keys, item) for keys, item in now.items("slaProperties")}
    for _, item in was.items("slaProperties"):
        name, element = _level(item)
        if (name, element) not in present:
            of = f" of {element}" if element else ""
            detail = f"The service level {name}{of} is no longer promised."
            yield PromiseChange(now, ("slaProperties",), detail, "contract-level")
            continue
        keys, then = present[name, element]
        values = [
            tuple(level.get(field) for field in ("value", "valueExt", "unit")) for level in (item, then)
        ]
        if values[0] == values[1] or name == "freshness":
            continue
        old, new = (_amount(level) for level in (item, then))
        more = LONGER_IS_MORE.get(name)
        if more is None or old is None or new is None:
            yield PromiseChange(now, keys, f"The service level {name} has changed.", "contract-level-unclear")
        elif (new < old) == more and new != old:
            detail = (
                f"The service level {name} was {_value_and_unit(item)}; now it is {_value_and_unit(then)}."
            )
            yield PromiseChange(now, keys, detail, "contract-level")
    before, after = was.get("status"), now.get("status")
    if before != after and after in ("deprecated", "retired"):
        yield PromiseChange(now, ("status",), f"The contract is {after}.", "retired")


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
    """Return how much a service level of the contract promises, in seconds or per cent; None where it does not say so."""
    factor = UNITS.get(str(level.get("unit") or "").lower())
    try:
        return float(str(level.get("value")).removesuffix("%")) * factor if factor else None
    except ValueError:
        return None


def _value_and_unit(level: Mapping[str, Any]) -> str:
    return f"{level.get('value')} {level.get('unit') or ''}".strip()


def _level(item: dict[str, Any]) -> tuple[str, str]:
    return str(item.get("property")), str(item.get("element") or "")


def of_product(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of the product's own service levels."""
    present = {item.get("name"): (keys, item) for keys, item in now.items("spec.serviceLevels")}
    for _, level in was.items("spec.serviceLevels"):
        name = level.get("name")
        keys, then = present.get(name, (("spec", "serviceLevels"), None))
        if then is None:
            yield PromiseChange(now, keys, f"The service level {name} is no longer promised.", "level")
        elif any(level.get(field) != then.get(field) for field in ("indicator", "column")):
            yield PromiseChange(now, keys, f"The service level {name} is about something else.", "level")
        elif _looser(level.get("indicator"), level.get("objective"), then.get("objective")):
            detail = f"The service level {name} was {level['objective']}; now it is {then['objective']}."
            yield PromiseChange(now, (*keys, "objective"), detail, "level")
        elif change := _of_target(over_time(level), over_time(then)):
            detail = (
                f"The service level {name} was promised for {_share(level)}; now it is for {_share(then)}."
            )
            yield PromiseChange(now, keys, detail, change)


def _of_target(before: Target | None, after: Target | None) -> str:
    """Return the kind of change if fewer runs have to meet an objective than had to; empty otherwise."""
    if after is None or before is None:
        return "level-target" if after else ""
    # A longer window evens bad days out.
    return "level" if after.millionths < before.millionths or after.days > before.days else ""


def _share(level: Mapping[str, Any]) -> str:
    target = over_time(level)
    return f"{level['target']} of the runs in {level['window']}" if target else "every run"


def _looser(indicator: Any, before: Any, after: Any) -> bool:
    """Return True if an objective promises less than it did."""
    bounds = [objective(str(text)) for text in (before, after)]
    if indicator not in metamodel.INDICATORS or not bounds[0] or not bounds[1]:
        return bool(before != after)
    old, new = (bound.value * SECONDS.get(bound.unit, 1) for bound in bounds if bound)
    upper, upper_now, *_ = (bound.comparison.startswith("<") for bound in bounds if bound)
    if upper != upper_now:
        return True
    if old == new:
        inclusive = ["=" in str(text) for text in (before, after)]
        return inclusive == [False, True]
    return new > old if upper else new < old
