"""What a product inherits from the mesh around it: policies and rights of its sources, and readers."""

from __future__ import annotations

from collections.abc import Iterator

from meshwright.assess import Fitness, Verdict, as_text, mesh_issues
from meshwright.assess.evidence import Evidence
from meshwright.assess.verdicts import PLACES, broken, kept, some, unknown

WHOLE = "Assess the whole mesh."


class SourcesPoliciesKept(Fitness):
    """Does the product protect what it reads as its sources do?

    A product must be at least as sensitive as its sources, pass on no right that they forbid, and open a copy to nobody
    who could not read the original. The map reports the same problems.
    """

    characteristic = "secure"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record, mesh = product.record, product.mesh
        inputs = [entry for entry in mesh.inputs(record) if entry.product not in ("", record.id)]
        kinds = ("classification-lowered", "readers-widened", "rights-widened")
        found = mesh_issues.of_kinds(mesh, record.id, product.now, *kinds)
        for issue in found[:PLACES]:
            judge = broken if issue.level == "error" else unknown
            yield judge(
                as_text(issue.sentence), issue.fix, issue.input or ".".join(map(str, issue.place[2:]))
            )
        unread = [entry.name for entry in inputs if entry.product not in mesh.records]
        if unread:
            yield unknown(
                f"The sources of {some(unread)} are not among the products of this assessment.", WHOLE
            )
        if not inputs:
            yield kept("It reads no other product.")
        elif not found and not unread:
            yield kept(f"It protects what it reads from {some(mesh.sources(record.id))} as they do.")


class DataHasAnOrigin(Fitness):
    """Does the product's data come from outside of itself?

    Products that read each other in a circle repeat their own errors, and no run of one can be the first.
    """

    characteristic = "trustworthy"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record, mesh = product.record, product.mesh
        found = mesh_issues.of_kinds(mesh, record.id, product.now, "cycle")
        for issue in found:
            yield broken(as_text(issue.sentence), issue.fix)
        if not found:
            yield kept("No product that it reads, directly or through others, reads it.")


class HasReaders(Fitness):
    """Does anybody read the product?

    A product without a reader costs work, and nobody notices when it breaks.
    """

    characteristic = "discoverable"
    severity = "low"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record, mesh = product.record, product.mesh
        found = mesh_issues.of_kinds(mesh, record.id, product.now, "unused")
        if not found:
            yield kept("A product reads it, a use case names it, or an agreement is in force.")
        elif len(mesh.records) == 1:
            yield unknown("It names no reader, and this assessment includes no other product.", WHOLE)
        for issue in found if len(mesh.records) > 1 else ():
            yield broken(as_text(issue.sentence), issue.fix)
