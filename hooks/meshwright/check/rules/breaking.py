"""What a new version may change, where the check is told what to hold it against (`--against`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document
from meshwright.product.files import CONTRACT, SPEC
from meshwright.product.problem import Problem

if TYPE_CHECKING:
    from meshwright.product.breaking.changes import Comparison


class BreakingChangeIsMajor(Rule):
    """A change that breaks consumers comes with a new major version of the contract and of the product.

    It runs where the check is told a commit to compare with, as CI tells it for each pull request: `meshwright check
    --against origin/main`. A column that goes or means something else, a value that could not be there before, a
    quality rule, a service level or an output port less, rows that are kept for a shorter time, a role that sees less,
    another name of the product: whoever reads it has to know. [Every kind of change](../changes.md), and what it needs.
    """

    broken = {
        SPEC: {"spec": {"serviceLevels": [{"name": "other", "indicator": "volume", "objective": ">= 1rows"}]}}
    }

    def check(self, spec: Document, contract: Document, comparison: Comparison) -> Iterator[Problem]:
        due = [
            f"`{key}: {_major(before) + 1}.0.0` in {document.path.as_posix()}"
            for document, key, before in (
                (contract, "version", comparison.contract_version),
                (spec, "metadata.version", comparison.product_version),
            )
            if _major(document.get(key)) <= _major(before)
        ]
        fix = f"Keep what was promised, or write {' and '.join(due)}."
        for change in comparison.changes:
            if due and change.breaks:
                yield Problem(change.document, change.keys, change.detail, fix)


class ChangeUnderstood(Rule):
    """Whether a change breaks consumers can be told without a person.

    It runs beside BreakingChangeIsMajor. Another query, another pattern: it may promise more or less than before, and
    whoever reviews it decides.
    """

    broken = {
        CONTRACT: {
            "schema": [
                {
                    "name": "departures",
                    "properties": [{"name": "carrier", "logicalTypeOptions": {"pattern": "."}}],
                }
            ]
        }
    }
    usually = "warning"

    def check(self, comparison: Comparison) -> Iterator[Problem]:
        for change in comparison.changes:
            if not change.breaks:
                fix = "Look at it; if consumers feel it, give contract and product a new major version."
                yield Problem(change.document, change.keys, change.detail, fix)


def _major(version: Any) -> int:
    """The first number of a version; 0 if it is none."""
    match = re.match(r"\d{1,6}(?=\.)", str(version), re.ASCII)
    return int(match[0]) if match else 0
