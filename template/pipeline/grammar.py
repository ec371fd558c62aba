"""Parse texts in data-product.yaml: variables, objectives of service levels, environments.

`meshwright check` uses a copy of this file.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^${}]*))?\}")
"""`${NAME}` or `${NAME:-default}` (Bitol RFC-0050)."""
OBJECTIVE = re.compile(
    r"(?P<comparison><=|>=|<|>) *(?P<value>[0-9]{1,12}(?:\.[0-9]{1,9})?) *(?P<unit>s|m|h|d|%|rows)"
)
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Unit of time -> seconds."""
PORTS = {"inputs": "input", "outputs": "port"}
"""List that an environment can change -> the word for one entry of it."""


class Unknown(LookupError):
    """A name is not in the spec. `known`: the names that are; `fix`: what to do."""

    def __init__(self, what: str, known: tuple[str, ...], if_none: str) -> None:
        super().__init__(what)
        self.known = known
        self.fix = "Use one of these." if known else if_none


def default(text: str) -> str:
    """Return the text with the default of each variable."""
    return VARIABLE.sub(lambda match: match["default"] or "", text)


@dataclass(frozen=True)
class Objective:
    """The target of a service level: `<= 24h`."""

    text: str
    comparison: str
    value: float
    unit: str

    def met(self, value: float) -> bool:
        """Return True if `value`, in the objective's unit, meets it."""
        return COMPARISONS[self.comparison](value, self.value)


def objective(text: str) -> Objective | None:
    """Parse an objective; None if it cannot be compared with a number."""
    match = OBJECTIVE.fullmatch(text.strip())
    return match and Objective(text, match["comparison"], float(match["value"]), match["unit"])


def bind(spec: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """Return the spec as it is in one of its environments, which list only their differences.

    The spec must fit its schema. Raises Unknown if the environment, or an input or port in it, is not in the spec.
    """
    body = dict(spec["spec"])
    environments = body.pop("environments", {})
    if environment not in environments:
        raise Unknown(
            f"There is no environment {environment}",
            tuple(environments),
            "Add it below spec.environments, or leave out --environment.",
        )
    bound = environments[environment]
    if "platform" in bound:
        body["platform"] = _merged(body.get("platform", {}), bound["platform"])
    for kind, one in PORTS.items():
        changes, entries = bound.get(kind, {}), body.get(kind, [])
        known = tuple(entry.get("name") for entry in entries)
        for name in sorted(changes.keys() - set(known)):
            raise Unknown(
                f"environment {environment}: There is no {one} {name}",
                known,
                f"Add it to spec.{kind}, or remove it from the environment.",
            )
        body[kind] = [_merged(entry, changes.get(entry.get("name"), {})) for entry in entries]
    return {**spec, "spec": body}


def _merged(entry: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge an entry: for the same capability, properties not given again are kept; for another one, none are."""
    same = changes.get("uses", entry.get("uses")) == entry.get("uses")
    properties = {**(entry.get("properties", {}) if same else {}), **changes.get("properties", {})}
    bound = {**entry, **changes, "properties": properties}
    if not properties:
        del bound["properties"]  # so that missing properties are reported as missing, not as empty
    return bound
