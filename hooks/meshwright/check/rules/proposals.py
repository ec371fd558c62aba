"""The rule on what `meshwright draft` proposed and nobody has decided yet."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from meshwright.check.rules.base import Rule
from meshwright.core.text import short
from meshwright.core.yaml import Document
from meshwright.product.files import COMMAND, SPEC
from meshwright.product.problem import Problem
from meshwright.product.proposals import proposals


class DecisionOpen(Rule):
    """A person decides on every value that was proposed from the data.

    `meshwright draft` derives types, keys, meanings and classifications from the data that is there, and marks what only
    a person can know: in the contract with the custom property `proposed`, in dbt's YAML with `meta`, in the spec below
    `extensions`. Correct the value, or keep it; then accept it with `meshwright draft --accept ID`, or remove the mark. While
    a decision is open, the pipeline publishes below `build/` only, and nothing is published to a catalog.
    """

    broken = {
        SPEC: {
            "extensions": {
                "proposed": [
                    {"at": "spec.description.purpose", "reason": "It is derived from the file's name."}
                ]
            }
        }
    }

    def check(self, documents: Sequence[Document]) -> Iterator[Problem]:
        for one in proposals(documents):
            if not one.mark.field:
                yield Problem(
                    one.document,
                    one.keys,
                    "This mark of a proposal cannot be read.",
                    "Write a list of `{field: …, reason: …}`, or remove it.",
                )
                continue
            has_text = one.value is not None and not isinstance(one.value, dict | list)
            value = f' "{short(str(one.value))}"' if has_text else ""
            reason = f" {one.reason}" if one.reason else ""
            yield Problem(
                one.document,
                one.keys,
                f"`{one.mark.field}`{value} is a proposal.{reason}",
                f"Correct it or keep it, then accept it: {COMMAND} draft --accept {shlex.quote(one.id)}",
            )
