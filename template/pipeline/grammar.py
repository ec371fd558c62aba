"""What texts of data-product.yaml mean: variables, objectives of service levels, environments.

The pipeline and the checks have this file each, the same.
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
"""What an environment binds by its name -> what one of it is called."""


class Unknown(LookupError):
    """Something has a name that the spec does not have. `known` are those that it has."""

    def __init__(self, what: str, known: tuple[str, ...]) -> None:
        super().__init__(what)
        self.known = known


def default(text: str) -> str:
    """Return the text as it is where no variable is set."""
    return VARIABLE.sub(lambda match: match["default"] or "", text)


@dataclass(frozen=True)
class Objective:
    """What a service level promises: `<= 24h`."""

    text: str
    comparison: str
    value: float
    unit: str

    def met(self, value: float) -> bool:
        """Return whether `value`, in the objective's unit, keeps it."""
        return COMPARISONS[self.comparison](value, self.value)


def objective(text: str) -> Objective | None:
    """Return what a text promises; None where nothing can be held against a number."""
    match = OBJECTIVE.fullmatch(text.strip())
    return match and Objective(text, match["comparison"], float(match["value"]), match["unit"])


def bind(spec: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """Return the spec as it is in one of its environments, which say only what is bound otherwise there.

    The spec fits its schema. Raises Unknown for an environment, an input or a port that it does not have.
    """
    body = dict(spec["spec"])
    environments = body.pop("environments", {})
    if environment not in environments:
        raise Unknown(f"There is no environment {environment}", tuple(environments))
    bound = environments[environment]
    if "platform" in bound:
        body["platform"] = _merged(body.get("platform", {}), bound["platform"])
    for kind, one in PORTS.items():
        changes, entries = bound.get(kind, {}), body.get(kind, [])
        known = tuple(entry.get("name") for entry in entries)
        for name in sorted(changes.keys() - set(known)):
            raise Unknown(f"environment {environment}: There is no {one} {name}", known)
        body[kind] = [_merged(entry, changes.get(entry.get("name"), {})) for entry in entries]
    return {**spec, "spec": body}


def _merged(entry: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Another capability takes none of the properties; the same one takes those that are not given anew."""
    same = changes.get("uses", entry.get("uses")) == entry.get("uses")
    properties = {**(entry.get("properties", {}) if same else {}), **changes.get("properties", {})}
    bound = {**entry, **changes, "properties": properties}
    if not properties:
        del bound["properties"]  # what a capability needs to know is missing, then, and not empty
    return bound
