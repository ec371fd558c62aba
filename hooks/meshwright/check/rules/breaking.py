"""Rules on what a new version may change, compared with a commit (`--against`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document
from meshwright.product.files import CONTRACT, SPEC
from meshwright.product.problem import Problem

if TYPE_CHECKING:
    from meshwright.product.breaking.kinds_of_change import Comparison


class BreakingChangeIsMajor(Rule):
    """A change that breaks consumers comes with a new major version of the contract and of the product.

    It runs if the check has a commit to compare with, as in CI for each pull request: `meshwright check
    --against origin/main`. Breaking changes are, for example: a column that is removed or means something else, a value
    that was impossible before, one quality rule, service level or output port less, a shorter retention, a role that sees
    less, another name of the product. See [every kind of change](../changes.md), and the version that it needs.
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
    """Whether a change breaks consumers is known without a person.

    It runs together with BreakingChangeIsMajor. Another query or pattern may promise more or less than before; the
    reviewer decides.
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
                fix = "Review it; if it affects consumers, give contract and product a new major version."
                yield Problem(change.document, change.keys, change.detail, fix)


def _major(version: Any) -> int:
    """Return the major number of a version; 0 if it has none."""
    match = re.match(r"\d{1,6}(?=\.)", str(version), re.ASCII)
    return int(match[0]) if match else 0
