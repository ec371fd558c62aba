"""Resolve the address of another product's port: where it is, and in the role of which agreement it is read.

dp:airport-operations/departures#lake:
  uses: parquet@1
  location: …                        # the data set itself; missing where it is read only under agreements
  agreements:                        # those in force, as `meshwright access apply` wrote them
    punctuality-reads-departures:
      role: service
      kind: machine
      consumer: customer-experience/punctuality
      location: …                    # what the role sees; with `table` in a database
      columns: {carrier: null, tail_number: redacted}
      until: "2027-06-30T00:00:00Z"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import yaml

from pipeline.declared_columns import declared
from pipeline.errors import UnreadableInput
from pipeline.spec import Capability, Product, yaml_problem

SOON = timedelta(days=14)
"""How long before its end a run warns of an agreement."""
RENEWED_DAYS = 90
"""What a printed command renews an agreement for."""
SAMPLE = "sample_data"
"""The folder of the product's own sample, whose address registry needs no agreement."""
GRANTED = ("delta@1", "parquet@1", "postgres@1")
NOT_GRANTED = {
    "iceberg@1": "nothing writes what a role may see of an Iceberg table",
    "view@1": "readers of a view need access to all its sources",
}
"""Port -> why nobody can be granted access to it alone."""


@dataclass(frozen=True)
class Place:
    """Where an input's rows are."""

    uses: str
    location: str
    table: str = ""
    """`<schema>.<view>` in a database."""
    agreement: str = ""
    """The agreement in whose role it is read; empty: none."""
    role: str = ""
    until: datetime | None = None
    """When the agreement ends."""
    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Column that the role shows -> its mask; None: as it is."""
    exempt: str = ""
    """The agreement that the input names, where the sample is read without it."""
    port: str = ""
    """Where the data set itself is, of which the role sees a part; empty if the registry does not say so."""

    @property
    def reader(self) -> str:
        """Return the end of a sentence on who reads; empty without an agreement."""
        return f" in the role {self.role} of the agreement {self.agreement}" if self.agreement else ""

    @property
    def report(self) -> dict[str, Any]:
        """Return what build/run.json says about the agreement; empty if the input names none."""
        if self.exempt:
            return {"agreement": self.exempt, "sample": True}
        if not self.agreement or self.until is None:
            return {}
        return {"agreement": self.agreement, "role": self.role, "until": self.until.isoformat()}


def place(source: Capability, product: Product) -> Place:
    """Return where the input's rows are now. Raises UnreadableInput if it may not read them, or nobody knows where they are."""
    registry = source.properties["addresses"]
    is_sample = "://" not in registry and (product.root / registry).resolve().is_relative_to(
        (product.root / SAMPLE).resolve()
    )
    if "://" not in registry:
        registry = str(product.root / registry)
    entry = _entry(source, registry)
    agreement = source.properties.get("agreement", "")
    if is_sample and agreement not in (entry.get("agreements") or {}):
        return Place(entry["uses"], _absolute(entry, registry, source), exempt=agreement)
    if agreement:
        return _under(source, product, entry, registry)
    if "location" not in entry:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} is read only under an agreement, and the input names none.",
            fix=f"{_ask(source, product)} Then write `agreement: <its name>` among the properties of the input {source.name}"
            " in data-product.yaml.",
        )
    return Place(entry["uses"], _absolute(entry, registry, source))


def notes(source: Capability, found: Place, now: datetime | None = None) -> Iterator[str]:
    """Yield what a run should say about the agreement of an input."""
    if found.exempt:
        yield (
            f"the sample's own address registry is read, without the agreement {found.exempt}: set the variable of"
            " `addresses` to read the product itself"
        )
    elif found.until is not None:
        left = found.until - (now or datetime.now(UTC))
        if left <= SOON:
            yield (
                f"the agreement {found.agreement} ends on {found.until:%Y-%m-%d}, in {max(left.days, 0)} days;"
                f" after that this input cannot be read. {_renew(source, found.agreement)}"
            )


def refuse_denied(source: Capability, found: Place, problem: str) -> UnreadableInput:
    """Return the error for a storage that lets nobody in, or no longer has what the role saw."""
    return UnreadableInput(
        f"Input {source.name}: {source.source} cannot be read{found.reader}: {problem}. The agreement was revoked, or"
        " this run is not who it names.",
        fix=f"Run as the machine principal that the agreement names. If it was revoked: {_renew(source, found.agreement)}",
    )


def _entry(source: Capability, registry: str) -> dict[str, Any]:
    try:
        with fsspec.open(registry, "rt", encoding="utf-8") as file:
            entry = dict(yaml.safe_load(file)[source.source])
        entry["uses"] = str(entry["uses"])
        if not isinstance(entry.get("agreements", {}), dict) or not {"location", "agreements"} & entry.keys():
            raise ValueError("it has neither a location nor agreements")
    except Exception as error:  # missing, not YAML, unknown address: in any case, it is not resolved
        is_missing = isinstance(error, KeyError) and error.args == (source.source,)
        reason = "is not in" if is_missing else "cannot be looked up in"
        more = "." if isinstance(error, KeyError) else yaml_problem(error)
        raise UnreadableInput(
            f"Input {source.name}: {source.source} {reason} the address registry {registry}{more}",
            fix=f"Give the input an address registry that contains {source.source}.",
        ) from error
    return entry


def _absolute(entry: Mapping[str, Any], registry: str, source: Capability) -> str:
    """Return the location; a relative one is relative to the registry."""
    location = entry.get("location")
    if not isinstance(location, str) or not location:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} has no location in the address registry {registry}.",
            fix=f"Give the input an address registry that contains {source.source}.",
        )
    if "://" in location or Path(location).is_absolute():
        return location
    return f"{registry.rpartition('/')[0]}/{location}"


def _under(source: Capability, product: Product, entry: Mapping[str, Any], registry: str) -> Place:
    """Return what the agreement's role sees. Raises UnreadableInput, with the reason."""
    agreement, uses = source.properties["agreement"], entry["uses"]
    where = f"Input {source.name}: {source.source}"
    if uses in NOT_GRANTED:
        raise UnreadableInput(
            f"{where} is served by {uses}, on which no agreement has an effect: {NOT_GRANTED[uses]}.",
            fix=f"Read another output port of that product ({', '.join(GRANTED)}).",
        )
    granted = entry.get("agreements")
    if granted is None:
        raise UnreadableInput(
            f"{where}: the address registry {registry} has no agreements of this port.",
            fix=f"Ask the product's owner to run `meshwright access apply` in the repository of {_id(source)}, or give"
            " the input the registry that it writes to.",
        )
    given = granted.get(agreement)
    if not isinstance(given, dict):
        raise UnreadableInput(
            f"{where}: the agreement {agreement} is not in force, says the address registry {registry}: it is not approved,"
            " it has ended, or it was revoked.",
            fix=f"{_ask(source, product)} {_renew(source, agreement)}",
        )
    until = _time(given.get("until"))
    if until is None or until <= datetime.now(UTC):
        raise UnreadableInput(
            f"{where}: the agreement {agreement} ended on {f'{until:%Y-%m-%d %H:%M} UTC' if until else 'an unknown day'}.",
            fix=_renew(source, agreement),
        )
    if given.get("consumer") not in (None, f"{product.domain}/{product.name}"):
        raise UnreadableInput(
            f"{where}: the agreement {agreement} is for {given['consumer']}, and not for this product.",
            fix=_ask(source, product),
        )
    if given.get("kind") == "human":
        raise UnreadableInput(
            f"{where}: the agreement {agreement} is in the role {given.get('role')}, which is for people; a product reads as a"
            " program.",
            fix=_ask(source, product),
        )
    columns = given.get("columns")
    found = Place(
        uses,
        _absolute(given, registry, source),
        str(given.get("table", "")),
        agreement,
        str(given.get("role", "")),
        until,
        columns if isinstance(columns, dict) else {},
        port=_absolute(entry, registry, source) if "location" in entry else "",
    )
    _refuse_hidden(source, product, found)
    return found


def _refuse_hidden(source: Capability, product: Product, found: Place) -> None:
    """Refuse declared columns that the role does not show."""
    known = declared(source, product)
    hidden = [name for name in known.columns if not known.is_recorded(name) and name not in found.columns]
    if hidden:
        raise UnreadableInput(
            f"Input {source.name}: the role {found.role} of the agreement {found.agreement} does not show {', '.join(hidden)},"
            f" declared in {known.origin(hidden[0])}. It shows {', '.join(found.columns)}.",
            fix=f"Ask for an agreement in a role of {_id(source)} that shows more, or remove these columns there and in the models.",
        )


def _time(value: Any) -> datetime | None:
    """Return a time of the registry, in UTC; None if it is none."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _id(source: Capability) -> str:
    return source.source.removeprefix("dp:").partition("#")[0]


def _ask(source: Capability, product: Product) -> str:
    return (
        f"Ask the owner of {_id(source)} for an agreement in a role of the kind `machine` that names {product.domain}/{product.name}"
        " as its consumer."
    )


def _renew(source: Capability, agreement: str) -> str:
    until = datetime.now(UTC) + timedelta(days=RENEWED_DAYS)
    return f"Renew it in the repository of {_id(source)}: `meshwright access renew {agreement} --until {until:%Y-%m-%d}`"
