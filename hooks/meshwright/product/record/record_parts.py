"""The parts of a record, typed: people, ports, columns, use cases, service levels and readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshwright.product import metamodel
from meshwright.product.grammar import Target, over_time
from meshwright.product.record.typed_values import number, text, texts

SYSTEM, PRODUCT = "system:", "dp:"


@dataclass(frozen=True)
class Person:
    """An owner or a steward; unknown fields are empty."""

    name: str = ""
    email: str = ""
    team: str = ""


@dataclass(frozen=True)
class Input:
    """An input of a product."""

    name: str
    uses: str
    source: str
    """`system:<name>` or `dp:<domain>/<product>#<port>`; any other text is kept unchanged."""
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def product(self) -> str:
        """The id (`<domain>/<name>`) of the product that is read; empty for an operational system."""
        return self.source.removeprefix(PRODUCT).partition("#")[0] if self.source.startswith(PRODUCT) else ""

    @property
    def port(self) -> str:
        """The name of the output port that is read; empty for an operational system."""
        return self.source.partition("#")[2] if self.source.startswith(PRODUCT) else ""

    @property
    def system(self) -> str:
        """The name of the operational system; empty for a product."""
        return self.source.removeprefix(SYSTEM) if self.source.startswith(SYSTEM) else ""


@dataclass(frozen=True)
class Port:
    """An output port."""

    name: str
    uses: str
    address: str
    """`dp:<domain>/<product>#<port>`."""
    location: str
    """Where the last run published to: a path or a URL without credentials; empty before the first run. Untrusted."""
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    agreements: Mapping[str, Any] | None = field(default=None, hash=False)
    """The agreements in force when access was last applied, by id (schemas/catalog-record.yaml); None if it never was,
    as far as is known. Untrusted."""


@dataclass(frozen=True)
class Column:
    """A column of the contract, at the top level of the data set."""

    name: str
    """Its physical name."""
    logical_type: str
    classification: str
    """The column's classification; if the contract has none, the most sensitive, as the access policy assumes."""
    description: str = ""
    required: bool = False
    tags: tuple[str, ...] = ()
    examples: tuple[Any, ...] = field(default=(), hash=False)
    stated: bool = True
    """True if the contract gives it a classification."""


@dataclass(frozen=True)
class UseCase:
    """A use case of the data."""

    name: str
    users: tuple[str, ...]
    action: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class ServiceLevel:
    """A promised level (SLO), and its measurement in the last run (SLI)."""

    name: str
    indicator: str
    objective: str
    column: str | None = None
    value: float | None = None
    """In `unit`; None: not measured, or nothing to measure."""
    unit: str = ""
    kept: bool | None = None
    """The last run's result; None: no result."""
    target: Target | None = None
    """The share of the runs in a window that has to meet the objective; None: every run has to."""
    runs: int | None = None
    """The runs in the window; None: not measured for this target."""
    good: int | None = None
    """Those of them that met the objective."""
    error_budget: float | None = None
    """The part that is left; computed from `runs` and `good`. None: not known, or the run did not know it yet."""
    burn_rate: float | None = None

    @property
    def fulfilled(self) -> bool | None:
        """True if the promise is kept: over time if it has a target, and else in the last run. None: not known."""
        if self.target is None:
            return self.kept
        return None if self.error_budget is None else self.error_budget >= 0

    @property
    def over_time(self) -> str:
        """How often runs met the objective, in a sentence; empty without a target."""
        if self.target is None:
            return ""
        of = f"the target is {100 * self.target.share:.6g}% in {self.target.days} days"
        if not self.runs:
            return f"No run has been counted; {of}."
        text = f"{self.good} of {self.runs} {'run' if self.runs == 1 else 'runs'} met it; {of}"
        if self.error_budget is None:
            return f"{text}, which is not known yet."
        return f"{text}. {100 * self.error_budget:.4g}% of the error budget is left; burn rate {self.burn_rate or 0:.3g}."


@dataclass(frozen=True)
class Reader:
    """An agreement with the status `approved`. Only `meshwright access` checks its signature."""

    agreement: str
    role: str
    port: str
    """Empty: all ports."""
    principals: tuple[str, ...]
    """`group:<name>` or `id:<id>`."""
    until: str
    """RFC 3339."""
    team: str = ""
    consumer: str = ""
    """The id of the data product that reads; empty for people."""
    renews: str = ""
    """The agreement that it continues."""


def service_level(item: Mapping[str, Any], measured: Mapping[str, Any]) -> ServiceLevel:
    """Return a service level of the spec, with what the last run measured for it."""
    current = measured if measured.get("objective") == item.get("objective") else {}  # of an older promise
    value, kept, target = current.get("value"), current.get("kept"), over_time(item)
    return ServiceLevel(
        text(item, "name"),
        text(item, "indicator"),
        text(item, "objective"),
        text(item, "column") or None,
        number(value),
        text(current, "unit"),
        kept if isinstance(kept, bool) else None,
        target,
        **(_counts(target, current) if target else {}),
    )


def _counts(target: Target, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was counted for a target; nothing if it was counted for another one, or is impossible."""
    runs, good = measured.get("runs"), measured.get("good")
    same = (number(measured.get("target")), measured.get("window")) == (target.share, target.days)
    if not same or type(runs) is not int or type(good) is not int or not 0 <= good <= runs:
        return {}
    # A run that did not know yet says null; what it says otherwise is computed again.
    known = runs and number(measured.get("errorBudget")) is not None
    rate = number(measured.get("burnRate"))
    return {
        "runs": runs,
        "good": good,
        "error_budget": target.budget(runs, good) if known else None,
        "burn_rate": rate if known else None,
    }


def column(item: Mapping[str, Any]) -> Column:
    """Return a column of the contract."""
    level = text(item, "classification")
    stated = level in metamodel.CLASSIFICATIONS
    examples = item.get("examples")
    return Column(
        column_name(item),
        text(item, "logicalType"),
        level if stated else metamodel.CLASSIFICATIONS[-1],
        text(item, "description"),
        item.get("required") is True,
        texts(item, "tags"),
        tuple(examples) if isinstance(examples, list) else (),
        stated,
    )


def column_name(column: Mapping[str, Any]) -> str:
    """Return the column's name in the stored data."""
    return text(column, "physicalName") or text(column, "name")
