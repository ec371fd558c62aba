"""Whether a product goes on promising what it promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshwright.assess import Fitness, Verdict, as_text, earlier_versions
from meshwright.assess.evidence import Evidence
from meshwright.assess.verdicts import PLACES, broken, kept, unknown
from meshwright.product import withdrawn
from meshwright.product.record import Record


class NoPromiseWithdrawn(Fitness):
    """Does the product still promise what its earlier versions promised?

    A promise that is taken out cannot be missed, but consumers have built on it. Service levels, columns, limits and rules
    are compared with the versions in the catalog, or else in the repository's history; a new major version of the contract
    begins anew.
    """

    characteristic = "trustworthy"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        earlier, where = _earlier(product)
        if where.startswith("!"):
            yield unknown(f"No earlier version is known. {where[1:]}", "Give the catalog with --catalog, or assess a complete clone.")  # fmt: skip
            return
        compared = [one for one in earlier if withdrawn.is_comparable(one, record)]
        found = dict.fromkeys(sentence for one in compared for sentence in withdrawn.withdrawn(one, record))
        fix = "Promise it again, or release a new major version of the contract, and tell the consumers."
        for sentence in list(found)[:PLACES]:
            yield broken(as_text(sentence), fix)
        if len(found) > PLACES:
            yield broken(f"{len(found) - PLACES} more promises are gone or looser.", fix)
        if not found:
            versions = "1 version" if len(compared) == 1 else f"{len(compared) or 'no'} versions"
            yield kept(f"It promises all that was promised before: {versions} in {where} with this major version of the contract.")  # fmt: skip


def _earlier(product: Evidence) -> tuple[Sequence[Record], str]:
    """Return earlier versions and where they are from; `!` and why if there are none."""
    catalog = product.catalog
    if catalog is not None:
        published = [Record(value) for value in catalog.versions(product.record.id)]
        if published:
            return published, "the catalog"
    try:
        committed = earlier_versions.of_repository(product.record)
        return [one for one in committed if withdrawn.is_of_same_data(one, product.record)], "git"
    except earlier_versions.Unknown as problem:
        return (), f"!{problem}"
