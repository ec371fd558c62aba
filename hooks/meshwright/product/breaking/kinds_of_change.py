"""What a change is, and whether it breaks consumers. KINDS is the whole list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meshwright.core.yaml import Document, Keys

MAJOR, MINOR, PERSON = "major", "compatible", "a person decides"


KINDS: dict[str, tuple[str, str]] = {
    # kind of change -> what changes, and whether it needs a new major version
    "contract": ("What datacontract-cli calls breaking: a column, a table, a type, a key, a bound, `enum`, a rule of quality", MAJOR),
    "contract-unclear": ("What datacontract-cli cannot decide: another pattern, another query, a rule for people or for another engine that goes", PERSON),
    "written": ("How values are written: `format`, `timezone`, `defaultTimezone`, the size and numbers of a vector", MAJOR),
    "option-less": ("`multipleOf`, `minProperties`, `maxProperties`, `required` of an object: goes, or allows more", MAJOR),
    "option-more": ("The same: comes, or allows less", MINOR),
    "physical-type": ("`physicalType`: another type, scale, precision or time zone, a greater length, or none any more", MAJOR),
    "physical-type-same": ("`physicalType`: another spelling of the same type, or a smaller length", MINOR),
    "physical-type-new": ("`physicalType`: the first one, with which the data is written from then on", PERSON),
    "classification-lowered": ("The classification of a column or of the product: lower, so that more people see protected data", MAJOR),
    "classification-raised": ("The classification of a column: higher than a role's clearance that saw it; of the product: higher", MAJOR),
    "classification-seen": ("The classification of a column: higher, and every role that saw it still does", MINOR),
    "contract-level": ("`slaProperties`: one goes, is shorter (retention), longer (latency, frequency) or less (availability)", MAJOR),
    "contract-level-better": ("The same: comes, or promises more", MINOR),
    "contract-level-unclear": ("Any other of `slaProperties` that has changed", PERSON),
    "retired": ("The contract's `status`: deprecated or retired", PERSON),
    "address": ("The product's name or domain, of which its addresses are made", MAJOR),
    "port": ("An output port goes, or is of another kind", MAJOR),
    "port-moved": ("The location of an output port: its path, bucket, database, schema, table or server, here or in an environment", MAJOR),
    "port-changed": ("Any other property of an output port", PERSON),
    "port-new": ("An output port more", MINOR),
    "environment": ("An environment goes", PERSON),
    "level": ("A service level goes, is about something else, or promises less", MAJOR),
    "level-target": ("A service level that every run had to meet gets a target over time", PERSON),
    "level-better": ("A service level comes, or promises more", MINOR),
    "retention": ("`retention@1` comes, keeps rows for a shorter time, or looks at another column", MAJOR),
    "retention-longer": ("`retention@1` keeps rows longer, or goes", MINOR),
    "history": ("`snapshot@1` goes, or has another key", MAJOR),
    "access-mode": ("Access was open and needs approval", MAJOR),
    "access-opened": ("Access needed approval and is open", MINOR),
    "rights": ("A distribution right was allowed and is forbidden", MAJOR),
    "rights-more": ("A distribution right was forbidden and is allowed", MINOR),
    "agreement": ("Another major version of the data sharing agreement", MAJOR),
    "role": ("A role of the access policy goes, sees less of its columns or other rows, or is for others", MAJOR),
    "role-more": ("A role comes, or sees more", MINOR),
    "role-unclear": ("A role's rows are chosen in another way, or a mask has changed", PERSON),
    "unreadable": ("What was promised cannot be read", PERSON),
}  # fmt: skip
"""Every kind of change: docs/reference/changes.md is made of it, and a test has an example of each."""


@dataclass(frozen=True)
class PromiseChange:
    """One thing that is not as it was."""

    document: Document
    keys: Keys
    """Where it stands now, or what is nearest to where it stood."""
    detail: str
    kind: str
    """A key of KINDS."""

    @property
    def breaks(self) -> bool:
        """False: nobody but a person can say whether it does."""
        return KINDS[self.kind][1] == MAJOR


@dataclass(frozen=True)
class Comparison:
    """A product, held against what it was at another commit."""

    contract_version: Any = None
    """What the contract's version was; None: there was no contract."""
    product_version: Any = None
    changes: tuple[PromiseChange, ...] = ()


def unreadable(document: Document, detail: str) -> PromiseChange:
    """Return the change of what cannot be read, so that nobody knows."""
    return PromiseChange(document, (), detail, "unreadable")
