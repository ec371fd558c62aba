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
    r"(?P<comparison><=|>=|<|>) *(?P<value>-?[0-9]{1,12}(?:\.[0-9]{1,9})?) *(?P<unit>s|m|h|d|%|rows|changes)"
)
TARGET = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,4})?)%")
"""The share of the runs that has to meet an objective: less than all of them, because an error budget of 0 has no burn rate."""
WINDOW = re.compile(r"([1-9][0-9]{0,2})d")
"""The days that a target looks back."""
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


@dataclass(frozen=True)
class Target:
    """The share of the runs in a window that has to meet an objective: `target: "99%"`, `window: 30d`."""

    millionths: int
    """The share, exactly: 990,000 of a million."""
    days: int
    """The window."""

    @property
    def share(self) -> float:
        """The target, 0 to 1."""
        return self.millionths / 1_000_000

    @property
    def fewest(self) -> int:
        """The number of runs in which the target allows one to be bad; of fewer, a share cannot be told."""
        return -(-1_000_000 // (1_000_000 - self.millionths))

    def budget(self, runs: int, good: int) -> float:
        """Return the error budget that is left: 1 is all of it, 0 exactly none, negative is overspent. `runs` is above 0."""
        allowed, bad = (1_000_000 - self.millionths) * runs, 1_000_000 * (runs - good)
        left = round(1 - bad / allowed, 4)
        return min(left, -0.0001) if bad > allowed else max(left, 0.0)

    def burn_rate(self, runs: int, good: int) -> float:
        """Return how fast the error budget is used: 1 uses exactly all of it in a window. `runs` is above 0."""
        return round(1_000_000 * (runs - good) / ((1_000_000 - self.millionths) * runs), 4)


def over_time(level: Mapping[str, Any]) -> Target | None:
    """Return the target of a service level of the spec; None if it has none, or no valid one."""
    share, window = (
        pattern.fullmatch(str(level.get(key))) for key, pattern in (("target", TARGET), ("window", WINDOW))
    )
    if not share or not window:
        return None
    whole, _, part = share[1].partition(".")
    return Target(int(whole) * 10_000 + int(part.ljust(4, "0")), int(window[1]))


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
