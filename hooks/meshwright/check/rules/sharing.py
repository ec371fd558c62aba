"""Rules on how the product shares other products' data, and on the policies that it inherits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meshwright.check.rules.agreements import FILE, REQUEST
from meshwright.check.rules.base import Rule
from meshwright.check.rules.capabilities import at_input
from meshwright.core.text import short
from meshwright.core.yaml import Document, Keys
from meshwright.mesh.inherited_policies import ageing
from meshwright.mesh.lineage import Issue, Lineage
from meshwright.mesh.sharing import Advice, advise, is_copy
from meshwright.product import metamodel
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem
from meshwright.product.record import Input, Record

REGISTRY = "sample_data/addresses.yaml"
SOURCE = {"dp:airport-operations/flights#lake": {"uses": "parquet@1", "location": "flights.parquet"}}


def _reading(**properties: str) -> dict[str, object]:
    """Return a spec that reads another product, which is in the address registry as SOURCE."""
    return {
        "spec": {
            "inputs": [
                {
                    "name": "flights",
                    "uses": "data-product@1",
                    "from": "dp:airport-operations/flights#lake",
                    "properties": {"addresses": REGISTRY, **properties},
                },
                {
                    "name": "airlines",
                    "uses": "file@1",
                    "from": "system:reference-data",
                    "properties": {"path": "sample_data/airlines.csv"},
                },
            ]
        }
    }


def _advised(record: Record, mesh: Lineage) -> Iterator[tuple[Input, Record | None, Advice]]:
    """Yield each input that reads another product, with that product if known, and the advice for it."""
    for entry in record.inputs:
        if entry.product:
            source = mesh.records.get(entry.product)
            yield entry, source, advise(entry, record, source)


class SharingTold(Rule):
    """Advises for each input from another product which way of sharing fits, and why.

    This is a note, never a failure. [Choose how to share](../../how-to/choose-how-to-share.md) explains the choice.
    """

    usually = "note"
    broken = {SPEC: _reading(), REGISTRY: SOURCE}

    def check(self, spec: Document, record: Record, mesh: Lineage) -> Iterator[Problem]:
        for entry, source, advice in _advised(record, mesh):
            through = f" through its port {short(advice.port)}" if advice.port else ""
            sentences = [
                f"{short(entry.source)}: {PATTERN_NAMES[advice.pattern]} fits{through}. {advice.reason} {advice.unknown}"
            ]
            if source and is_copy(entry, record, source):
                sentences.append(
                    "This product declares a copy."
                    if advice.declared == "copy"
                    else "This product serves all of its columns again, so it is a copy."
                )
                sentences.append(ageing(record, source))
            yield Problem(spec, (*at_input(spec, entry.name), "from"), " ".join(sentences), "")


PATTERN_NAMES = {"virtual": "a virtual database", "native": "native sharing", "copy": "a governed copy"}
"""Pattern -> its name in a sentence."""


class SharingFits(Rule):
    """The way of sharing that a product declares is the one that fits.

    [Choose how to share](../../how-to/choose-how-to-share.md) explains the choice. It is only a warning: the team may know
    more than the spec says, and then can add it there (`workload`).
    """

    usually = "warning"
    broken = {SPEC: _reading(sharing="copy"), REGISTRY: SOURCE}

    def check(self, spec: Document, record: Record, mesh: Lineage) -> Iterator[Problem]:
        for entry, _, advice in _advised(record, mesh):
            fits = advice.declared == advice.pattern and not advice.port
            if advice.declared is None or fits or advice.unknown:
                continue
            address = f"{entry.source.partition('#')[0]}#{advice.port}"
            change = f"Read {short(address)}, and write" if advice.port else "Write"
            yield Problem(
                spec,
                (*at_input(spec, entry.name), "properties", "sharing"),
                f"It declares {advice.declared}, but {PATTERN_NAMES[advice.pattern]} fits. {advice.reason}",
                f"{change} `sharing: {advice.pattern}`; or declare with `workload` what the data is read for.",
            )


def _problems(
    issues: Sequence[Issue],
    kind: str,
    level: str,
    spec: Document,
    record: Record,
    documents: Sequence[Document],
) -> Iterator[Problem]:
    """Yield the issues of some kinds, each at its place in the product's files."""
    for issue in issues:
        if (issue.kind, issue.level) == (kind, level):
            document, keys = _place(issue, spec, record, documents)
            yield Problem(document, keys, issue.sentence, issue.fix)


def _place(
    issue: Issue, spec: Document, record: Record, documents: Sequence[Document]
) -> tuple[Document, Keys]:
    part, *keys = issue.place or ("",)
    if part == "product":
        return spec, tuple(keys)
    files = {"contract": spec.get("spec.dataset.contract"), "policy": spec.get("spec.access.policy")}
    for document in documents:
        if part in files and document.path == Path(str(files[part])):
            return document, tuple(keys)
        if part == "readers" and document.get("id") == record.readers[int(keys[0])].agreement:
            return document, ("customProperties",)
    return spec, (*at_input(spec, issue.input), "from")


class ClassificationKept(Rule):
    """A product is at least as sensitive as its sources, and the columns of a copy are as sensitive as in its source.

    Known sources are the products of this check, and those of the mesh given with `--mesh`. Reading sensitive data does
    not make it harmless. A repository's hooks know no other product, and so cannot check this. CI
    does for each change, if a catalog is configured; `meshwright check --mesh <catalog>` does by hand.
    """

    broken = {"twin": {SPEC: {"spec": {"classification": "public"}}}}

    def check(
        self, spec: Document, record: Record, issues: Sequence[Issue], documents: Sequence[Document]
    ) -> Iterator[Problem]:
        yield from _problems(issues, "classification-lowered", "error", spec, record, documents)


COPY: dict[str, list[dict[str, Any]]] = {
    "inputs": [
        {
            "name": "departures",
            "uses": "data-product@1",
            "from": "dp:airport-operations/departures#lake",
            "properties": {"addresses": REGISTRY, "sharing": "copy"},
        }
    ]
}
"""Part of a spec that copies the product of the examples."""


def _granted(id: str, product: str, principal: str) -> dict[str, object]:
    """Return an approved agreement."""
    return {
        **REQUEST,
        "id": id,
        "status": "approved",
        "provider": {"dataProductId": product},
        "roles": [{"role": "reader"}],
        "endTimestamp": "2036-01-01T00:00:00Z",
        "customProperties": [{"property": "principal", "value": principal}],
    }


class ReadsUnderAgreement(Rule):
    """A product that reads another one which requires approval names the agreement that lets it.

    An input that reads from the place of another product's port, under whatever name, reads that product. Known sources are the products of this check, and those of the mesh given with `--mesh`. [Read another data
    product](../../how-to/read-another-product.md) says how to get an agreement. It is a warning until the day that the
    organisation sets (`metamodel.AGREEMENTS_REQUIRED_FROM`), and an error from then on.
    """

    usually = "warning"
    broken = {"twin": {}}

    @property
    def level(self) -> str:
        return _level(self)

    def check(
        self, spec: Document, record: Record, issues: Sequence[Issue], documents: Sequence[Document]
    ) -> Iterator[Problem]:
        for level in ("error", "warning"):
            yield from _problems(issues, "without-agreement", level, spec, record, documents)


class ReadsWithinAgreement(Rule):
    """A product reads under an agreement that is in force for it, and passes on no more than the agreement's role shows.

    Known sources are the products of this check, and those of the mesh given with `--mesh`. The agreement is approved, has
    not ended, names this product as its consumer, is about this port and in a role for programs. The contract has no
    column that the role hides, and a column that it masks has the tag `masked`. The level is that of ReadsUnderAgreement.
    """

    usually = "warning"
    broken = {"twin": {SPEC: {"spec": {"inputs": [COPY["inputs"][0] | {"properties": {"addresses": REGISTRY, "agreement": "unknown"}}]}}}}  # fmt: skip

    @property
    def level(self) -> str:
        return _level(self)

    def check(
        self, spec: Document, record: Record, issues: Sequence[Issue], documents: Sequence[Document]
    ) -> Iterator[Problem]:
        for level in ("error", "warning"):
            yield from _problems(issues, "beyond-agreement", level, spec, record, documents)


def _level(rule: Rule) -> str:
    """Return the level of a rule that is a warning until the organisation's day."""
    required = metamodel.agreements_required(datetime.now(UTC).date())
    return metamodel.level(rule.id, "error" if required else rule.usually)


class ReadersNotWidened(Rule):
    """No copy has a reader who could not read its source.

    Known sources are the products of this check, and those of the mesh given with `--mesh`. A product is a copy if it
    declares so (`sharing: copy`), or serves all columns of its source again. A copy must not be open if its source
    requires approval; its roles must not see more columns and rows than those of the source; and the source's agreements
    must grant access to everybody in the copy's agreements, too.
    """

    broken = {"twin": {SPEC: {"spec": {"access": {"mode": "open"}, **COPY}}}}

    def check(
        self, spec: Document, record: Record, issues: Sequence[Issue], documents: Sequence[Document]
    ) -> Iterator[Problem]:
        yield from _problems(issues, "readers-widened", "error", spec, record, documents)


class ReadersComparable(Rule):
    """A copy's agreements name its readers as the source's agreements do, so that the two can be compared.

    Only the corporate directory knows whether a person belongs to a group.
    """

    usually = "warning"
    broken = {
        FILE: _granted("departures-analysts", "airport-operations/departures", "group:analysts"),
        "twin": {
            SPEC: {"spec": COPY},
            FILE: _granted("one-analyst", "customer-experience/punctuality", "id:bo@example.org"),
        },
    }

    def check(
        self, spec: Document, record: Record, issues: Sequence[Issue], documents: Sequence[Document]
    ) -> Iterator[Problem]:
        yield from _problems(issues, "readers-widened", "warning", spec, record, documents)


class RightsNotWidened(Rule):
    """A product allows third parties nothing that a product upstream of it forbids.

    Known products are those of this check, and those of the mesh given with `--mesh`. Data that may not be passed on
    in modified form may not be passed on at all, because whatever a product makes of it is a modification.
    """

    broken = {"twin": {SPEC: {"spec": {"distributionRights": {"unmodified": "allowed"}}}}}

    def check(
        self, spec: Document, record: Record, issues: Sequence[Issue], documents: Sequence[Document]
    ) -> Iterator[Problem]:
        yield from _problems(issues, "rights-widened", "error", spec, record, documents)


class NoCycle(Rule):
    """A product does not read its own data through other products.

    Known products are those of this check, and those of the mesh given with `--mesh`.
    """

    broken = {"twin": "a consumer that is read"}

    def check(self, spec: Document, record: Record, issues: Sequence[Issue]) -> Iterator[Problem]:
        for issue in issues:
            around = {issue.product, *issue.about}
            if issue.kind == "cycle" and issue.about:
                name = next((entry.name for entry in record.inputs if entry.product in around), "")
                yield Problem(spec, (*at_input(spec, name), "from"), issue.sentence, issue.fix)
