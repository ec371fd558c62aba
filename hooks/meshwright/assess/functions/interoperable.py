"""Interoperable: the product's data can be read and joined with standard tools."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from meshwright.assess import Fitness, Verdict, as_text
from meshwright.assess.evidence import Evidence
from meshwright.assess.storage import Corrupt, formats
from meshwright.assess.verdicts import PLACES, at_ports, broken, kept, some, unknown
from meshwright.product import registry
from meshwright.product.portable_names import PORTABLE, RESERVED
from meshwright.product.record import Port, Record

KINDS = {"inputs": "product.spec.inputs", "outputs": "product.spec.outputs", "traits": "product.spec.traits"}


class CapabilitiesKnown(Fitness):
    """Are the product's capabilities in the registry, and not deprecated?

    Other tools of the platform do not support unknown capabilities, and deprecated ones will be removed.
    """

    characteristic = "interoperable"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        used = [
            (kind, str(item.get("uses")), str(item.get("name") or item.get("uses")))
            for kind, place in KINDS.items()
            for item in (record.get(place) if isinstance(record.get(place), list) else ())
            if isinstance(item, dict)
        ]
        for kind, name in (("transforms", "transform"), ("infrastructure", "infrastructure")):
            uses = record.get(f"product.spec.{name}.uses")
            used += [(kind, uses, name)] if isinstance(uses, str) else []
        fine = []
        for kind, uses, name in used[:100]:
            entry = registry.find(kind, uses)
            if entry is None:
                known = some(entry.uses for entry in registry.capabilities() if entry.kind == kind)
                yield broken(
                    f"The platform has no {registry.KINDS[kind]} {as_text(uses)}.",
                    f"Use one of: {known}. `meshwright capabilities` explains them.",
                    as_text(name),
                )
            elif entry.maturity == "deprecated":
                yield broken(f"{entry.uses} is deprecated.", f"`meshwright capabilities {entry.uses}` shows the replacement.", as_text(name))  # fmt: skip
            else:
                fine.append(uses)
        if fine and len(fine) == len(used):
            yield kept(f"The platform has all its capabilities: {some(sorted(set(fine)))}.")


class ContractIsStandard(Fitness):
    """Can every tool for the Open Data Contract Standard read the contract?

    The contract is validated against the standard's own JSON Schema.
    """

    characteristic = "interoperable"
    severity = "high"

    def is_about_documents(self, record: Record) -> bool:
        return record.root is None and not record.get("exceptions")

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        if not isinstance(record.get("contract"), dict):
            yield unknown("There is no readable contract.")
            return
        wrong = [
            finding
            for finding in product.findings
            if finding.level == "error"
            and (finding.rule == "ContractVersionSupported" or (finding.rule == "Shape" and _is_contract(finding.file)))
        ]  # fmt: skip
        if record.get("contract.apiVersion") is None:
            yield broken("The contract does not declare its version of the standard.", "Write `apiVersion: v3.2.0` or `v3.1.0`.")  # fmt: skip
        for finding in wrong[:PLACES]:
            yield broken(as_text(finding.message), finding.fix, "contract")
        if not wrong and record.get("contract.apiVersion") is not None:
            yield kept(f"The schema of the standard accepts the contract ({as_text(record.get('contract.apiVersion'))}).")  # fmt: skip


def _is_contract(file: str) -> bool:
    return file.startswith("contract")


class OpenFormatOffered(Fitness):
    """Is the data available in at least one open format?

    A format that only one vendor's tools can read binds every consumer to that vendor.
    """

    characteristic = "interoperable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        ports = product.record.outputs
        open_ = [port.name for port in ports if port.uses.partition("@")[0].lower() in formats.OPEN]
        if not ports:
            yield unknown("The product has no output ports.")
        elif open_:
            yield kept(f"These ports serve an open format: {some(open_)}.")
        else:
            yield broken(
                f"No port serves a known open format: {some(port.uses for port in ports)}.",
                "Add a port such as parquet@1 or delta@1 to spec.outputs.",
            )


class BytesAreWhatTheyClaim(Fitness):
    """Is the data at each port in the port's format?

    A name does not make a file Parquet: it has to begin and end as the format requires; a table's folder has to have
    its log.
    """

    characteristic = "interoperable"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._looked_at, product))

    def _looked_at(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        try:
            fields = product.table(port).fields
            yield kept(f"It has the format of {as_text(port.uses)}, with {len(fields)} columns.", port.name)
        except Corrupt as problem:
            yield broken(str(problem), problem.fix or "Publish it in the port's format.", port.name)  # fmt: skip


class ReadByAnotherReader(Fitness):
    """Can a reader other than the writer of the data read all its rows?

    The pipeline writes with Arrow and delta-rs; this reads all columns of all rows with DuckDB, or says of how many.
    """

    characteristic = "interoperable"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._read, product))

    def _read(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        try:
            table = product.table(port)
            rows, whole = table.decoded(), table.count()
            which = f"it completely: {rows:,} rows" if rows >= whole else f"{rows:,} of {whole:,} rows"
            yield kept(f"{table.reader} reads {which}.", port.name)
        except Corrupt as problem:
            yield broken(
                f"It cannot be read. {problem}",
                problem.fix or "Publish it again with a writer that conforms to the format.",
                port.name,
            )


class NamesPortable(Fitness):
    """Can the columns be used in any engine without quotes?

    Engines disagree about capital letters, spaces and special characters in names, and about reserved words. Lower-case
    letters, digits and underscores mean the same in all.
    """

    characteristic = "interoperable"
    severity = "low"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        names = [record.dataset, *(column.name for column in record.columns)]
        if len(names) == 1:
            yield unknown("The contract describes no columns of the data set.")
            return
        strange = [name for name in names if not PORTABLE.fullmatch(name)]
        taken = [name for name in names if name.lower() in RESERVED]
        if strange:
            yield broken(
                f"These names contain other characters than lower-case letters, digits and underscores: {some(strange)}.",
                "Rename them in the model and the contract (with a new major version, because it affects consumers).",
            )
        if taken:
            yield broken(f"These names are reserved words of SQL: {some(taken)}.", "Rename them in the model and the contract (with a new major version, because it affects consumers).")  # fmt: skip
        if not strange and not taken:
            yield kept(f"The data set and its {len(names) - 1} columns have names that mean the same in every engine.")  # fmt: skip
