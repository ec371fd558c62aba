"""Discoverable: whoever needs the data finds the product, sees that it fits, and knows how to ask for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshwright.assess import Fitness, Verdict, as_text
from meshwright.assess.evidence import Evidence
from meshwright.assess.verdicts import broken, kept, some, unknown
from meshwright.assess.words import LONGEST, distinctive, split
from meshwright.product.record import Record

FIRST = 10
"""How far down a list of findings people look."""
SMALL = 20
"""In a mesh with fewer products to be among the first ten says nothing: there the first half counts."""
ASKED = 3
"""Words that somebody types who looks for what a text says."""
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class PublishedInCatalog(Fitness):
    """Does the catalog show the product, as it is now?

    What is not in the catalog is not found; what the catalog shows of an older state misleads. Compared is what the
    product says of itself, and what its last run told.
    """

    characteristic = "discoverable"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        if product.catalog is None:
            yield unknown("No catalog was given to this assessment.", "Name one with --catalog.")
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
            yield broken(f"The catalog shows what an earlier run told: {some(parts)}.", publish)
        else:
            yield kept("The catalog shows the product as it is.")


def _differs(part: str, shown: Record, record: Record) -> bool:
    return (shown.get(part) or None) != (record.get(part) or None)


class FoundByItsOwnWords(Fitness):
    """Is the product among the first that are found by its own words?

    It is searched for by its title, by the rarest words of its purpose and by those of what one of its columns means,
    as somebody would who needs just this data. Without a catalog the search is made over the mesh that was read.
    """

    characteristic = "discoverable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        limit = FIRST if len(product.index) >= SMALL else max(3, len(product.index) // 2)
        for place, words in _queries(product).items():
            if not words:
                yield unknown(f"Its {place} has no word to search for.", "", place)
                continue
            if product.catalog is not None and not product.static:
                found: Sequence[str] = product.catalog.search(" ".join(words), limit)
            else:
                found = product.index.search(words, limit)
            if product.record.id in found[:limit]:
                yield kept(f"It is found by words of its {place}: {some(words)}.", place)
            else:
                yield broken(
                    f"Whoever searches for words of its {place} ({some(words)}) does not find it among the first {limit}.",
                    f"Write into its {place} what sets it apart from other products, and publish it.",
                    place,
                )


def _queries(product: Evidence) -> Mapping[str, Sequence[str]]:
    """Where words are taken from -> the words."""
    record, index = product.record, product.index
    purpose = index.rarest(distinctive(record.purpose[:LONGEST]), ASKED)
    described = [column.description[:LONGEST] for column in record.columns[:100]]
    rarest = index.rarest(distinctive(" ".join(described)), 1)
    queries: dict[str, Sequence[str]] = {"title": split(record.title[:LONGEST])[:16], "purpose": purpose}
    # Columns may mean the same in many products, and should then be described alike.
    if rarest and index.rarity(rarest[0]) <= FIRST:
        meaning = next(words for text in described if rarest[0] in (words := distinctive(text)))
        queries["columns"] = index.rarest(meaning, ASKED)
    return queries


class UseCasesTold(Fitness):
    """Does the product say what it is used for, by whom, and to do what?

    A use case of somebody else is the shortest way to see that the data fits one's own.
    """

    characteristic = "discoverable"
    severity = "low"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        ports = {port.name for port in record.outputs}
        if not record.use_cases:
            yield broken("It names no use case.", "Add what it is used for to spec.useCases.")
        for case in record.use_cases:
            if not case.users or not case.action.strip():
                yield broken("It does not say who uses the data, or to do what.", "Give the use case `users` and `action`.", case.name)  # fmt: skip
            elif strangers := [name for name in case.outputs if name not in ports]:
                yield broken(f"It uses ports that the product does not have: {some(strangers)}.", "Name ports of spec.outputs.", case.name)  # fmt: skip
            else:
                yield kept("It says who uses the data, and to do what.", case.name)


class AccessExplained(Fitness):
    """Does the product say how access is asked for, and whom to ask?

    Access that nobody knows how to get is got around.
    """

    characteristic = "discoverable"
    severity = "medium"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        if not record.access_mode:
            yield broken(
                "It does not say whether access is open or has to be approved.",
                "Write spec.access.mode: open or approval-required.",
            )
        if not EMAIL.fullmatch(record.owner.email):
            yield broken(
                "The owner has no e-mail address at which to ask.", "Write spec.owner.email.", "owner"
            )
        if not record.roles:
            yield broken("The access policy has no role in which anybody could read.", "Add a role to access/policy.yaml.", "policy")  # fmt: skip
        silent = [name for name, role in record.roles.items() if not _says(role.get("description"))]
        for name in silent[:FIRST]:
            yield broken("The policy does not say whom the role is for.", f"Give the role {as_text(name)} a `description`.", as_text(name))  # fmt: skip
        if record.roles and not silent:
            yield kept(f"The policy says whom each of its {len(record.roles)} roles is for, and the owner is known.")  # fmt: skip


def _says(text: Any) -> bool:
    return isinstance(text, str) and len(split(text)) >= 2
