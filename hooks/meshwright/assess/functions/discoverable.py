"""Discoverable: people who need the data find the product, see that it fits, and know how to ask for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshwright.assess import Fitness, Verdict, as_text
from meshwright.assess.evidence import Evidence
from meshwright.assess.search_index import LONGEST, distinctive, split
from meshwright.assess.verdicts import broken, kept, some, unknown
from meshwright.product.record import Record

FIRST = 10
"""How many results of a search people read."""
SMALL = 20
"""In a smaller mesh, being among the first ten means nothing: the product must be in the first half."""
QUERY_WORDS = 3
"""Number of words of a text that a search uses."""
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class PublishedInCatalog(Fitness):
    """Does the catalog show the current state of the product?

    A product that is not in the catalog is not found, and an outdated entry misleads. The comparison covers the
    product's documents and the results of its last run.
    """

    characteristic = "discoverable"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        if product.catalog is None:
            yield unknown("This assessment has no catalog.", "Give one with --catalog.")
            return
        shown = product.catalog.product(record.id)
        publish = "Run `meshwright catalog publish` in its CI, after each run on the default branch."
        if shown is None:
            yield broken(f"The catalog has no product {as_text(record.id)}.", publish)
            return
        other = Record(shown)
        if other.version_hash != record.version_hash:
            version = f" (version {as_text(other.version)})" if other.version != record.version else ""
            yield broken(f"The catalog shows an older description of the product{version}.", publish)
        elif parts := [part for part in ("measurement", "quality", "addresses", "readers") if _differs(part, other, record)]:  # fmt: skip
            yield broken(f"The catalog shows results of an earlier run: {some(parts)}.", publish)
        else:
            yield kept("The catalog shows the current state of the product.")


def _differs(part: str, shown: Record, record: Record) -> bool:
    return (shown.get(part) or None) != (record.get(part) or None)


class FoundByItsOwnWords(Fitness):
    """Is the product among the first results of a search for its own words?

    The searches use its title, the rarest words of its purpose, and those of one column's description,
    like a person who needs this data. Without a catalog, the search is made over the records of the mesh.
    """

    characteristic = "discoverable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        limit = FIRST if len(product.index) >= SMALL else max(3, len(product.index) // 2)
        for place, words in _queries(product).items():
            if not words:
                yield unknown(f"Its {place} has no words to search for.", "", place)
                continue
            if product.catalog is not None and not product.static:
                found: Sequence[str] = product.catalog.search(" ".join(words), limit)
            else:
                found = product.index.search(words, limit)
            if product.record.id in found[:limit]:
                yield kept(f"It is found by words in its {place}: {some(words)}.", place)
            else:
                yield broken(
                    f"A search for words in its {place} ({some(words)}) does not return it among the first {limit}.",
                    f"Write into its {place} what distinguishes it from other products, and publish it.",
                    place,
                )


def _queries(product: Evidence) -> Mapping[str, Sequence[str]]:
    """Return place of the words -> words."""
    record, index = product.record, product.index
    purpose = index.rarest(distinctive(record.purpose[:LONGEST]), QUERY_WORDS)
    described = [column.description[:LONGEST] for column in record.columns[:100]]
    rarest = index.rarest(distinctive(" ".join(described)), 1)
    queries: dict[str, Sequence[str]] = {"title": split(record.title[:LONGEST])[:16], "purpose": purpose}
    # Columns may mean the same in many products, and should then have the same description.
    if rarest and index.rarity(rarest[0]) <= FIRST:
        meaning = next(words for text in described if rarest[0] in (words := distinctive(text)))
        queries["columns"] = index.rarest(meaning, QUERY_WORDS)
    return queries


class UseCasesTold(Fitness):
    """Does the product describe what it is used for, by whom, and for which action?

    Other people's use cases are the shortest way to see whether the data fits one's own.
    """

    characteristic = "discoverable"
    severity = "low"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        ports = {port.name for port in record.outputs}
        if not record.use_cases:
            yield broken("It has no use cases.", "Add them to spec.useCases.")
        for case in record.use_cases:
            if not case.users or not case.action.strip():
                yield broken("The use case lacks the users of the data, or their action.", "Give the use case `users` and `action`.", case.name)  # fmt: skip
            elif strangers := [name for name in case.outputs if name not in ports]:
                yield broken(f"It uses ports that the product does not have: {some(strangers)}.", "Use ports of spec.outputs.", case.name)  # fmt: skip
            else:
                yield kept("The use case has users and an action.", case.name)


class AccessExplained(Fitness):
    """Does the product explain how to ask for access, and whom?

    If people do not know how to get access, they get around it.
    """

    characteristic = "discoverable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        if not record.access_mode:
            yield broken(
                "It does not declare whether access is open or requires approval.",
                "Write spec.access.mode: open or approval-required.",
            )
        if not EMAIL.fullmatch(record.owner.email):
            yield broken("The owner has no e-mail address for questions.", "Write spec.owner.email.", "owner")
        if not record.roles:
            yield broken("The access policy has no roles, so nobody can read.", "Add a role to access/policy.yaml.", "policy")  # fmt: skip
        silent = [name for name, role in record.roles.items() if not _says(role.get("description"))]
        for name in silent[:FIRST]:
            yield broken("The policy does not describe whom the role is for.", f"Give the role {as_text(name)} a `description`.", as_text(name))  # fmt: skip
        if record.roles and not silent:
            yield kept(f"The policy describes each of its {len(record.roles)} roles, and the owner is known.")  # fmt: skip


def _says(text: Any) -> bool:
    return isinstance(text, str) and len(split(text)) >= 2
