"""A data product as catalogs, assessments and maps use it: one record, made from its repository.

The record holds the product's own documents unchanged (spec, contract, policy), so that all readers have the same
source, and with them the measurements of the last run. The twelve mandatory attributes are where the spec has them.
Records come from untrusted repositories and catalogs (`meshwright.mesh.sources`) and may have any shape: the typed
properties below skip whatever does not fit the schema, and never guess.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from meshwright.product import metamodel
from meshwright.product.contract import without_made_servers
from meshwright.product.record.record_parts import PRODUCT as PRODUCT
from meshwright.product.record.record_parts import Column as Column
from meshwright.product.record.record_parts import Input as Input
from meshwright.product.record.record_parts import Person as Person
from meshwright.product.record.record_parts import Port as Port
from meshwright.product.record.record_parts import Reader as Reader
from meshwright.product.record.record_parts import ServiceLevel as ServiceLevel
from meshwright.product.record.record_parts import UseCase as UseCase
from meshwright.product.record.record_parts import column, column_name, service_level
from meshwright.product.record.typed_values import items, mapping, text, texts

API_VERSION, KIND = "meshwright/v1", "CatalogRecord"

DESCRIPTIVE = ("product", "contract", "policy", "agreement")
"""The parts that make a version: the product's own documents. Other parts change with each run."""


@dataclass(frozen=True)
class Record:
    """One data product. Compare and hash by `hash`, not by the value."""

    value: Mapping[str, Any] = field(hash=False)
    """The record in the form of catalogs: schemas/catalog-record.yaml, if it is well-formed."""
    root: Path | None = None
    """The repository it was read from; None if it came from a catalog."""
    problem: str = ""
    """Files that cannot be read, and why; the record then lacks their content."""
    fallback: str = "unknown/unknown"
    """Its id, if its documents do not have one."""

    # -- identity -------------------------------------------------------------------------------------

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
        """The address of its repository, without credentials; empty if unknown. Untrusted: may be any text."""
        return self._text("source.repository")

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the whole content, in hexadecimal; equal records need not be sent again."""
        return digest(self.value)

    @cached_property
    def version_hash(self) -> str:
        """SHA-256 of the product's own documents (DESCRIPTIVE); measurements of a run do not change it, nor do servers that
        were made for its contract."""
        documents = {key: self.value[key] for key in DESCRIPTIVE if key in self.value}
        if isinstance(documents.get("contract"), dict):
            documents["contract"] = without_made_servers(documents["contract"])
        return digest(documents)

    # -- its last publication -------------------------------------------------------------------------

    @property
    def publication(self) -> str:
        """The identity of the last run that published: the time at which it measured. A failed run does not change it, nor
        does sending the record again. Empty if none is known."""
        return self._text("measurement.measuredAt")

    @property
    def consumed(self) -> Mapping[str, str]:
        """Port of another product -> the publication from which the last run that published has read it (trigger@1)."""
        return {port: id for port, id in self._mapping("consumed").items() if isinstance(id, str)}

    @property
    def trigger(self) -> Mapping[str, Any] | None:
        """The properties of its trait trigger@1; None if it has none."""
        for trait in self._items("product.spec.traits"):
            if text(trait, "uses").partition("@")[0] == "trigger":
                return mapping(trait, "properties")
        return None

    # -- what its documents declare -------------------------------------------------------------------

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
        value = self._text("product.spec.classification")
        return value if value in metamodel.CLASSIFICATIONS else ""

    @property
    def access_mode(self) -> str:
        """`open` or `approval-required`; empty if it is neither."""
        value = self._text("product.spec.access.mode")
        return value if value in ("open", "approval-required") else ""

    @property
    def distribution_rights(self) -> Mapping[str, str]:
        """`modified` and `unmodified` -> `allowed` or `forbidden`; missing if not given."""
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
            Input(text(item, "name"), text(item, "uses"), text(item, "from"), mapping(item, "properties"))
            for item in self._items("product.spec.inputs")
        )

    @cached_property
    def outputs(self) -> tuple[Port, ...]:
        registry = self.get("addresses")
        registry = registry if isinstance(registry, dict) else {}
        ports = []
        for item in self._items("product.spec.outputs"):
            address = f"{PRODUCT}{self.id}#{text(item, 'name')}"
            entry = registry.get(address)
            entry = entry if isinstance(entry, dict) else {}
            agreements = entry.get("agreements")
            ports.append(
                Port(
                    text(item, "name"),
                    text(item, "uses"),
                    address,
                    text(entry, "location"),
                    mapping(item, "properties"),
                    agreements if isinstance(agreements, dict) else None,
                )
            )
        return tuple(ports)

    @cached_property
    def use_cases(self) -> tuple[UseCase, ...]:
        return tuple(
            UseCase(text(item, "name"), texts(item, "users"), text(item, "action"), texts(item, "outputs"))
            for item in self._items("product.spec.useCases")
        )

    @cached_property
    def service_levels(self) -> tuple[ServiceLevel, ...]:
        measured = {text(item, "name"): item for item in self._items("measurement.serviceLevels")}
        return tuple(
            service_level(item, measured.get(text(item, "name"), {}))
            for item in self._items("product.spec.serviceLevels")
        )

    @cached_property
    def platforms(self) -> Set[str]:
        """Platforms of its models, as `<name>@<major>`: the default, and those of its environments."""
        environments = self.get("product.spec.environments")
        bound = environments.values() if isinstance(environments, dict) else ()
        declared = [
            self.get("product.spec.platform"),
            *(item.get("platform") for item in bound if isinstance(item, dict)),
        ]
        named = {text(item, "uses") for item in declared if isinstance(item, dict)} - {""}
        return named if isinstance(self.get("product.spec.platform"), dict) else named | {"duckdb@1"}

    @cached_property
    def capabilities(self) -> tuple[str, ...]:
        """All capabilities that the product uses, as `<capability>@<major>`, sorted."""
        uses = {text(item, "uses") for item in self._items("product.spec.traits")}
        uses |= {port.uses for port in self.outputs} | {one.uses for one in self.inputs} | self.platforms
        uses |= {self._text(f"product.spec.{one}.uses") for one in ("transform", "infrastructure")}
        return tuple(sorted(uses - {""}))

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the data set in the contract."""
        for table in self._items("contract.schema"):
            if table.get("name") == self.dataset:
                return tuple(column(item) for item in items(table, "properties"))
        return ()

    @cached_property
    def column_levels(self) -> Mapping[str, str]:
        """Name -> classification of each of `columns`, for callers that read nothing else of many products."""
        tables = (table for table in self._items("contract.schema") if table.get("name") == self.dataset)
        levels: dict[str, str] = {}
        for item in items(next(tables, {}), "properties"):
            level = item.get("classification")
            if not isinstance(level, str) or level not in metamodel.CLASSIFICATIONS:
                level = metamodel.CLASSIFICATIONS[-1]
            levels[column_name(item)] = level
        return levels

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Tags of the contract and of its data set, sorted."""
        found = set(texts(self._mapping("contract"), "tags"))
        for table in self._items("contract.schema"):
            found |= set(texts(table, "tags"))
        return tuple(sorted(found))

    @cached_property
    def readers(self) -> tuple[Reader, ...]:
        """The agreements that are approved."""
        return self._readers("readers")

    @cached_property
    def requests(self) -> tuple[Reader, ...]:
        """The agreements that are requested; their single people are only counted, as nameless principals."""
        return self._readers("requests")

    def _readers(self, part: str) -> tuple[Reader, ...]:
        return tuple(
            Reader(
                text(item, "agreement"),
                text(item, "role"),
                text(item, "port"),
                texts(item, "principals"),
                text(item, "until"),
                text(item, "team"),
                text(item, "consumer"),
                text(item, "renews"),
            )
            for item in self._items(part)
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
        """Role -> its definition in the access policy (schemas/access-policy.yaml)."""
        found = self.get("policy.roles")
        found = found if isinstance(found, dict) else {}
        return {name: role for name, role in found.items() if isinstance(role, dict)}

    # -- access by path -------------------------------------------------------------------------------

    def get(self, dotted: str, default: Any = None) -> Any:
        """Return the value at a path such as `product.spec.owner.email`, or `default`."""
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
        return items(self._mapping(parent) if parent else self.value, key)

    def _person(self, dotted: str) -> Person:
        person = self._mapping(dotted)
        return Person(text(person, "name"), text(person, "email"), text(person, "team"))


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value, in hexadecimal, whatever the order of its keys."""
    import hashlib  # milliseconds, which most commands do not need

    whole = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def rank(classification: str) -> int:
    """Return how sensitive a classification is: 0 is the least; an unknown one counts as the most sensitive."""
    known: Sequence[str] = metamodel.CLASSIFICATIONS
    return known.index(classification) if classification in known else len(known) - 1
