"""A data product as catalogs, assessments and maps know it: one record, made from its repository.

The record holds the product's own documents as they are (spec, contract, policy), so that every reader asks the same
source, and beside them what the last run measured. The twelve mandatory attributes stand where the spec has them.
What `meshwright.mesh.sources` reads may come from a repository or a catalog that nobody vouches for, and need not have any shape:
whatever is not as the schemas have it is left out of the typed view below, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from meshwright.product import metamodel

API_VERSION, KIND = "meshwright/v1", "CatalogRecord"

DESCRIPTIVE = ("product", "contract", "policy", "agreement")
"""The parts that make a version: what the product says of itself. The others change with each run."""

SYSTEM, PRODUCT = "system:", "dp:"


@dataclass(frozen=True)
class Person:
    """An owner or a steward; what is not known is empty."""

    name: str = ""
    email: str = ""
    team: str = ""


@dataclass(frozen=True)
class Input:
    """What a product reads."""

    name: str
    uses: str
    source: str
    """`system:<name>` or `dp:<domain>/<product>#<port>`; as it stands there, if it is neither."""
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
    """Where the last run published to, a path or a URL without credentials; empty before the first. Hostile."""
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Column:
    """A column of the contract, at the top level of the data set."""

    name: str
    """As it is called where the data lies."""
    logical_type: str
    classification: str
    """The most sensitive one, if the contract says none, as the access policy takes it."""
    description: str = ""
    required: bool = False
    tags: tuple[str, ...] = ()
    examples: tuple[Any, ...] = field(default=(), hash=False)
    stated: bool = True
    """Whether the contract gives it a classification."""


@dataclass(frozen=True)
class UseCase:
    """What the data is used for."""

    name: str
    users: tuple[str, ...]
    action: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class ServiceLevel:
    """A promise (SLO), and what the last run measured for it (SLI)."""

    name: str
    indicator: str
    objective: str
    column: str | None = None
    value: float | None = None
    """In `unit`; None: not measured, or nothing to measure."""
    unit: str = ""
    kept: bool | None = None
    """As the last run told; None: no run has told."""


@dataclass(frozen=True)
class Reader:
    """An agreement whose status is `approved`. Whether its signature counts is for `meshwright access` to say."""

    agreement: str
    role: str
    port: str
    """Empty: every port."""
    principals: tuple[str, ...]
    """`group:<name>` or `id:<id>`."""
    until: str
    """RFC 3339."""
    team: str = ""
    consumer: str = ""
    """The id of the data product that reads, if one does."""


@dataclass(frozen=True)
class Record:
    """One data product. Compare and hash by `hash`, not by the value."""

    value: Mapping[str, Any] = field(hash=False)
    """The record as catalogs take it: schemas/catalog-record.yaml, if it is well-formed."""
    root: Path | None = None
    """The repository it was read from; None if it came from a catalog."""
    problem: str = ""
    """Which of its files cannot be read, and why; the record then lacks what they say."""
    fallback: str = "unknown/unknown"
    """What it is called where it does not say so itself."""

    # -- who it is ------------------------------------------------------------------------------------

    @cached_property
    def id(self) -> str:
        """`<domain>/<name>`."""
        domain, _, name = self.fallback.partition("/")
        return (
            f"{self._text('product.metadata.domain') or domain}/{self._text('product.metadata.name') or name}"
        )

    @property
    def domain(self) -> str:
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        return self.id.partition("/")[2]

    @property
    def title(self) -> str:
        return self._text("product.metadata.title") or self.name

    @property
    def version(self) -> str:
        return self._text("product.metadata.version")

    @property
    def repository(self) -> str:
        """The address of its repository, without credentials; empty if unknown. Hostile: may be any text."""
        return self._text("source.repository")

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the whole content, in hexadecimal; equal records have nothing to send."""
        return digest(self.value)

    @cached_property
    def version_hash(self) -> str:
        """The same of what the product says of itself (DESCRIPTIVE); a run that only measures does not change it."""
        return digest({key: self.value[key] for key in DESCRIPTIVE if key in self.value})

    # -- what it says of itself -----------------------------------------------------------------------

    @property
    def purpose(self) -> str:
        return self._text("product.spec.description.purpose")

    @property
    def usage(self) -> str:
        return self._text("product.spec.description.usage")

    @property
    def limitations(self) -> str:
        return self._text("product.spec.description.limitations")

    @property
    def type(self) -> str:
        return self._text("product.spec.type")

    @property
    def owner(self) -> Person:
        return self._person("product.spec.owner")

    @property
    def steward(self) -> Person:
        return self._person("product.spec.steward")

    @property
    def classification(self) -> str:
        """One of metamodel.CLASSIFICATIONS; empty if it is none of them."""
        said = self._text("product.spec.classification")
        return said if said in metamodel.CLASSIFICATIONS else ""

    @property
    def access_mode(self) -> str:
        """`open` or `approval-required`; empty if it is neither."""
        said = self._text("product.spec.access.mode")
        return said if said in ("open", "approval-required") else ""

    @property
    def distribution_rights(self) -> Mapping[str, str]:
        """`modified` and `unmodified` -> `allowed` or `forbidden`; what is not said is missing."""
        found = self.get("product.spec.distributionRights")
        return {
            key: value
            for key, value in (found.items() if isinstance(found, dict) else ())
            if key in ("modified", "unmodified") and value in ("allowed", "forbidden")
        }

    @property
    def dataset(self) -> str:
        return self._text("product.spec.dataset.name")

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(
            Input(_text(item, "name"), _text(item, "uses"), _text(item, "from"), _mapping(item, "properties"))
            for item in self._items("product.spec.inputs")
        )

    @cached_property
    def outputs(self) -> tuple[Port, ...]:
        registry = self.get("addresses")
        registry = registry if isinstance(registry, dict) else {}
        ports = []
        for item in self._items("product.spec.outputs"):
            address = f"{PRODUCT}{self.id}#{_text(item, 'name')}"
            entry = registry.get(address)
            location = _text(entry, "location") if isinstance(entry, dict) else ""
            ports.append(
                Port(
                    _text(item, "name"), _text(item, "uses"), address, location, _mapping(item, "properties")
                )
            )
        return tuple(ports)

    @cached_property
    def use_cases(self) -> tuple[UseCase, ...]:
        return tuple(
            UseCase(
                _text(item, "name"), _texts(item, "users"), _text(item, "action"), _texts(item, "outputs")
            )
            for item in self._items("product.spec.useCases")
        )

    @cached_property
    def service_levels(self) -> tuple[ServiceLevel, ...]:
        measured = {_text(item, "name"): item for item in self._items("measurement.serviceLevels")}
        return tuple(
            _service_level(item, measured.get(_text(item, "name"), {}))
            for item in self._items("product.spec.serviceLevels")
        )

    @cached_property
    def platforms(self) -> Set[str]:
        """What its models run on, as `<name>@<major>`: on the laptop, and in each of its environments."""
        environments = self.get("product.spec.environments")
        bound = environments.values() if isinstance(environments, dict) else ()
        said = [
            self.get("product.spec.platform"),
            *(item.get("platform") for item in bound if isinstance(item, dict)),
        ]
        named = {_text(item, "uses") for item in said if isinstance(item, dict)} - {""}
        return named if isinstance(self.get("product.spec.platform"), dict) else named | {"duckdb@1"}

    @cached_property
    def capabilities(self) -> tuple[str, ...]:
        """Every `<capability>@<major>` of the platform that the product uses, sorted."""
        uses = {_text(item, "uses") for item in self._items("product.spec.traits")}
        uses |= {port.uses for port in self.outputs} | {one.uses for one in self.inputs} | self.platforms
        uses.add(self._text("product.spec.transform.uses"))
        return tuple(sorted(uses - {""}))

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the contract's description of the data set."""
        for table in self._items("contract.schema"):
            if table.get("name") == self.dataset:
                return tuple(_column(item) for item in _items(table, "properties"))
        return ()

    @cached_property
    def column_levels(self) -> Mapping[str, str]:
        """Name -> classification of each of `columns`, for those who ask many products for nothing else."""
        tables = (table for table in self._items("contract.schema") if table.get("name") == self.dataset)
        levels: dict[str, str] = {}
        for item in _items(next(tables, {}), "properties"):
            said = item.get("classification")
            if not isinstance(said, str) or said not in metamodel.CLASSIFICATIONS:
                said = metamodel.CLASSIFICATIONS[-1]
            levels[_called(item)] = said
        return levels

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Those of the contract as a whole and of the data set that it describes, sorted."""
        found = set(_texts(self._mapping("contract"), "tags"))
        for table in self._items("contract.schema"):
            found |= set(_texts(table, "tags"))
        return tuple(sorted(found))

    @cached_property
    def readers(self) -> tuple[Reader, ...]:
        return tuple(
            Reader(
                _text(item, "agreement"),
                _text(item, "role"),
                _text(item, "port"),
                _texts(item, "principals"),
                _text(item, "until"),
                _text(item, "team"),
                _text(item, "consumer"),
            )
            for item in self._items("readers")
        )

    @cached_property
    def agreements(self) -> Mapping[str, Sequence[Reader]]:
        """Principal -> the agreements that name it."""
        found: dict[str, list[Reader]] = {}
        for reader in self.readers:
            for principal in reader.principals:
                found.setdefault(principal, []).append(reader)
        return found

    @property
    def roles(self) -> Mapping[str, Mapping[str, Any]]:
        """Role -> what the access policy says of it (schemas/access-policy.yaml)."""
        found = self.get("policy.roles")
        found = found if isinstance(found, dict) else {}
        return {name: role for name, role in found.items() if isinstance(role, dict)}

    # -- how to look at it ----------------------------------------------------------------------------

    def get(self, dotted: str, default: Any = None) -> Any:
        """The value at a path such as `product.spec.owner.email`, or `default` where there is none."""
        value: Any = self.value
        for key in dotted.split("."):
            if not isinstance(value, dict) or key not in value:
                return default
            value = value[key]
        return value

    def _text(self, dotted: str) -> str:
        found = self.get(dotted)
        return found if isinstance(found, str) else ""

    def _mapping(self, dotted: str) -> Mapping[str, Any]:
        found = self.get(dotted)
        return found if isinstance(found, dict) else {}

    def _items(self, dotted: str) -> Iterator[dict[str, Any]]:
        parent, _, key = dotted.rpartition(".")
        return _items(self._mapping(parent) if parent else self.value, key)

    def _person(self, dotted: str) -> Person:
        said = self._mapping(dotted)
        return Person(_text(said, "name"), _text(said, "email"), _text(said, "team"))


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, in hexadecimal, however its keys are ordered."""
    import hashlib  # milliseconds, which most commands do not need

    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _service_level(item: Mapping[str, Any], measured: Mapping[str, Any]) -> ServiceLevel:
    told = measured if measured.get("objective") == item.get("objective") else {}  # of an older promise
    value, kept = told.get("value"), told.get("kept")
    return ServiceLevel(
        _text(item, "name"),
        _text(item, "indicator"),
        _text(item, "objective"),
        _text(item, "column") or None,
        _number(value),
        _text(told, "unit"),
        kept if isinstance(kept, bool) else None,
    )


def _number(said: Any) -> float | None:
    try:
        return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None
    except OverflowError:
        return None


def _column(item: Mapping[str, Any]) -> Column:
    said = _text(item, "classification")
    stated = said in metamodel.CLASSIFICATIONS
    examples = item.get("examples")
    return Column(
        _called(item),
        _text(item, "logicalType"),
        said if stated else metamodel.CLASSIFICATIONS[-1],
        _text(item, "description"),
        item.get("required") is True,
        _texts(item, "tags"),
        tuple(examples) if isinstance(examples, list) else (),
        stated,
    )


def _called(column: Mapping[str, Any]) -> str:
    return _text(column, "physicalName") or _text(column, "name")


def _text(item: Mapping[str, Any], key: str) -> str:
    found = item.get(key)
    return found if isinstance(found, str) else ""


def _texts(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = item.get(key)
    return tuple(text for text in (found if isinstance(found, list) else ()) if isinstance(text, str))


def _mapping(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = item.get(key)
    return found if isinstance(found, dict) else {}


def _items(item: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    found = item.get(key)
    return (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def rank(classification: str) -> int:
    """How sensitive: 0 for the least; an unknown one counts as the most sensitive."""
    known: Sequence[str] = metamodel.CLASSIFICATIONS
    return known.index(classification) if classification in known else len(known) - 1
