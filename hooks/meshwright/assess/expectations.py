"""Read fitness.yaml: an organisation's expectations of its mesh, and temporary exceptions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from meshwright.assess import Fitness
from meshwright.core.text import listed
from meshwright.core.yaml import MAX_BYTES, Document, Keys, Unreadable, decode, parse
from meshwright.mesh.scores import CHARACTERISTICS
from meshwright.product import schema
from meshwright.product.validate import misshapen


@dataclass(frozen=True)
class Exemption:
    """An exception: one function that one product, or every product of a domain, may break for a while."""

    product: str
    """`<domain>/<name>`, or `<domain>/*`."""
    function: str
    reason: str
    until: date
    """The last day on which it applies."""
    approved_by: str = ""

    def covers(self, product: str) -> bool:
        domain, _, name = self.product.partition("/")
        return product.partition("/")[0] == domain if name == "*" else product == self.product


@dataclass(frozen=True)
class Expectations:
    """The content of fitness.yaml; without one, only the functions themselves apply."""

    floors: Mapping[str, int] = field(default_factory=dict)
    """Characteristic -> the minimum score of a product."""
    severities: Mapping[str, str] = field(default_factory=dict)
    """Function -> its severity in this organisation."""
    off: Mapping[str, str] = field(default_factory=dict)
    """Function -> why it is disabled."""
    folders: Sequence[Path] = ()
    """Folders with the organisation's own functions."""
    exemptions: Sequence[Exemption] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """For evidence.gather."""
    document: Document | None = None

    def checked(self, functions: Collection[Fitness]) -> None:
        """Raise Unreadable for a function that does not exist."""
        known = {function.id for function in functions}
        for keys, name in self._named():
            if name not in known:
                fix = f"Fix its spelling, or remove it. The functions are: {listed(sorted(known))}."
                raise _unreadable(self.document, keys, f"there is no fitness function {name}", fix)

    def severity(self, function: Fitness) -> str:
        """Return how severe it is here that a product breaks a function."""
        return self.severities.get(function.id, function.severity)

    def _named(self) -> Iterator[tuple[Keys, str]]:
        for name in {**self.severities, **self.off}:
            yield ("functions", name), name
        for number, exemption in enumerate(self.exemptions):
            yield ("exceptions", number, "function"), exemption.function


def read(path: Path) -> Expectations:
    """Read fitness.yaml. Raises Unreadable, whose text begins with the place: file, line and column."""
    try:
        with path.open("rb") as file:
            document = parse(str(path), decode(file.read(MAX_BYTES + 1)))
    except OSError as error:
        fix = "Write it (docs/how-to/assess-the-mesh.md), or give another file with --expectations."
        raise Unreadable(f"{path}: it cannot be read: {error.strerror}.", fix) from error
    except Unreadable as error:
        place = f"{path}:{error.line}:{error.column}"
        raise Unreadable(f"{place}: {error}", error.fix, error.line, error.column) from error
    for problem in misshapen(document, schema.fitness):
        raise _unreadable(document, problem.keys, problem.detail.rstrip("."), problem.fix)
    value = document.value
    functions = value.get("functions", {})
    settings = dict(value.get("settings", {}))
    if "paths" in settings:
        settings["paths"] = [str((path.parent / one).resolve()) for one in settings["paths"]]
    return Expectations(
        floors=_floors(document, value.get("floors", {})),
        severities={
            name: options["severity"] for name, options in functions.items() if "severity" in options
        },
        off={name: options["off"] for name, options in functions.items() if "off" in options},
        folders=tuple(path.parent / folder for folder in value.get("folders", ())),
        exemptions=tuple(_exemption(document, *entry) for entry in document.items("exceptions")),
        settings=settings,
        document=document,
    )


def _floors(document: Document, floors: Mapping[str, int]) -> Mapping[str, int]:
    for name in floors:
        if name not in CHARACTERISTICS:
            fix = f"Write one of: {', '.join(CHARACTERISTICS)}."
            raise _unreadable(document, ("floors", name), f"there is no characteristic {name}", fix)
    return floors


def _exemption(document: Document, keys: Keys, entry: Mapping[str, str]) -> Exemption:
    try:
        until = date.fromisoformat(entry["until"])
    except ValueError:
        keys, problem = (*keys, "until"), f"{entry['until']} is not a date"
        raise _unreadable(document, keys, problem, "Write a date such as 2027-03-31.") from None
    return Exemption(entry["product"], entry["function"], entry["reason"], until, entry.get("approvedBy", ""))


def _unreadable(document: Document | None, keys: Keys, problem: str, fix: str) -> Unreadable:
    line, column = document.place(keys) if document else (1, 1)
    path = document.path if document else "fitness.yaml"
    return Unreadable(f"{path}:{line}:{column}: {problem}.", fix, line, column)
