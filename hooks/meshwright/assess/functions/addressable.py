"""Addressable: each product and each of its ports has one address, which leads to the data that the contract promises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from weakref import WeakKeyDictionary

from meshwright.assess import Fitness, Verdict, as_text, mesh_issues
from meshwright.assess.evidence import Evidence
from meshwright.assess.storage import Absent, Corrupt
from meshwright.assess.verdicts import at_ports, broken, kept, some, unknown
from meshwright.mesh.lineage import Lineage
from meshwright.product.record import Port

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*")
_TAKEN: WeakKeyDictionary[Lineage, Counter[str]] = WeakKeyDictionary()


def _taken(mesh: Lineage) -> Counter[str]:
    """Return id -> number of products with that id."""
    if mesh not in _TAKEN:
        _TAKEN[mesh] = Counter(record.id for record in mesh.all)
    return _TAKEN[mesh]


class IdUnique(Fitness):
    """Is the product the only one of the mesh with its id?

    The id `<domain>/<name>` is the address in inputs, agreements and catalogs. If two products have the
    same id, it is unknown which one is meant.
    """

    characteristic = "addressable"
    severity = "critical"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        count = _taken(product.mesh)[record.id]
        if not record.get("product.metadata.name") or not record.get("product.metadata.domain"):
            yield broken(
                "The spec has no name or no domain.",
                "Write metadata.name and metadata.domain.",
            )
        elif not ID.fullmatch(record.id):
            yield broken(
                f"{as_text(record.id)} cannot be used in an address.",
                "Use lower-case letters, digits and single hyphens for metadata.domain and metadata.name.",
            )
        elif count > 1:
            yield broken(
                f"{count} products of the mesh have the id {as_text(record.id)}.",
                "Rename one of them; the one that is already in the catalog keeps its name.",
            )
        else:
            yield kept(f"No other product of the mesh has the id {as_text(record.id)}.")


class AddressesPublished(Fitness):
    """Does the address registry have the location of each output port?

    Consumers write `dp:<domain>/<product>#<port>`, and never a path. The address registry, which every run writes, leads
    from the one to the other.
    """

    characteristic = "addressable"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        registry = record.get("addresses")
        often = Counter(port.location for port in record.outputs)
        if not record.outputs:
            yield broken("The product has no output ports.", "Add one to spec.outputs.")
        for port in record.outputs:
            entry = registry.get(port.address) if isinstance(registry, dict) else None
            entry = entry if isinstance(entry, dict) else {}
            if not port.location:
                yield broken(
                    f"No location is published for {as_text(port.address)}.",
                    "Run the pipeline, which writes build/addresses.yaml, and publish the product again.",
                    port.name,
                )
            elif often[port.location] > 1:
                yield broken("Another port has the same location.", "Give each port a path of its own, and run the pipeline.", port.name)  # fmt: skip
            elif entry.get("uses") not in (None, port.uses):
                yield broken(
                    f"The address registry has {as_text(entry['uses'])} for this port, but the spec has {as_text(port.uses)}.",
                    "Run the pipeline, and publish the product again.",
                    port.name,
                )
            elif entry.get("version") not in (None, record.version):
                yield broken(
                    f"The address registry has version {as_text(entry['version'])}, but the product has version {as_text(record.version)}.",
                    "Run the pipeline, and publish the product again.",
                    port.name,
                )
            else:
                yield kept(f"{as_text(port.address)} leads to {as_text(port.location)}.", port.name)


class InputsLeadSomewhere(Fitness):
    """Does every address that the product reads belong to a port of a product in the mesh?

    If the product or port of an input no longer exists, the next run fails, or continues with old data.
    """

    characteristic = "addressable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record, mesh = product.record, product.mesh
        inputs = [one for one in record.inputs if one.product]
        found = {
            issue.input: issue
            for issue in mesh_issues.of_kinds(mesh, record.id, product.now, "dangling-input")
        }
        if not inputs:
            yield kept("It reads no other product.")
        for one in inputs:
            issue = found.get(one.name)
            if issue is None:
                yield kept(f"{as_text(one.source)} is a port of the mesh.", one.name)
            elif one.product not in mesh.records and len(mesh.records) == 1:
                yield unknown("This assessment includes no other product.", "Assess the whole mesh.", one.name)  # fmt: skip
            else:
                yield broken(as_text(issue.sentence), issue.fix, one.name)


class LocationAnswers(Fitness):
    """Is there data at the location of each output port?

    Otherwise the consumer discovers that the address leads nowhere, at the worst moment.
    """

    characteristic = "addressable"
    severity = "critical"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._answers, product))

    def _answers(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        try:
            product.table(port)
            yield kept(f"The data is at {as_text(port.location)}.", port.name)
        except Corrupt:  # its format is a matter for other functions
            yield kept(f"There is data at {as_text(port.location)}.", port.name)
        except Absent as problem:
            yield broken(f"The address leads nowhere. {problem}", problem.fix, port.name)


class DataMatchesContract(Fitness):
    """Does the data at each port have the columns of the contract, with their types?

    Consumers build on the contract. It is compared with the storage's own description of the data: no column is
    missing, every column is described (and classified), and each one can store its logical type.
    """

    characteristic = "addressable"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._compared, product))

    def _compared(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        promised = {column.name: column.logical_type for column in product.record.columns}
        if not promised:
            yield unknown("The contract describes no columns of the data set.", "", port.name)
            return
        actual = {field.name: field for field in product.table(port).fields}
        hidden = set(product.hidden(port))
        promised = {name: type_ for name, type_ in promised.items() if name not in hidden}
        wrong = [
            f"{name} is {actual[name].type}, not {type_}"
            for name, type_ in promised.items()
            if name in actual and type_ and type_ not in actual[name].logical
        ]
        differences = {
            "missing there": sorted(promised.keys() - actual.keys()),
            "not in the contract": sorted(actual.keys() - promised.keys() - hidden),
            "of another type": wrong,
        }
        details = [f"{what}: {some(names)}" for what, names in differences.items() if names]
        if details:
            yield broken(
                f"The data at {as_text(port.location)} does not have the schema of the contract ({'; '.join(details)}).",
                "Run the pipeline with this contract, or fix the contract (with a new major version, if it affects consumers).",
                port.name,
            )
        else:
            yield kept(
                f"The data has the {len(promised)} columns of the contract, with their types.", port.name
            )
