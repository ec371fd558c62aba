"""Rules on personal data in the contract itself, which everybody can read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document
from meshwright.product import metamodel
from meshwright.product.contract import described
from meshwright.product.files import CONTRACT
from meshwright.product.problem import Problem

RESERVED = re.compile(
    r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid|localhost|local)", re.IGNORECASE
)
"""Domains of nobody: https://www.rfc-editor.org/rfc/rfc2606"""
_ADDRESS = re.compile(r"@([\w.-]*\w)")


class ExamplesNotPersonal(Rule):
    """No example in the contract is personal data that the classification of its column does not cover.

    Everybody who reads the repository or the product's record reads the examples. An example that is an e-mail address, a phone number,
    an identity number or a bank account shows that the column holds such values, so it needs to be classified as
    confidential; and an example of a confidential column is made up.
    """

    usually = "warning"
    broken = {
        CONTRACT: {
            "schema": [
                {
                    "name": "departures",
                    "properties": [
                        {
                            "name": "remark",
                            "logicalType": "string",
                            "description": "What the desk noted.",
                            "classification": "internal",
                            "examples": ["ada.lovelace@example.org"],
                        }
                    ],
                }
            ]
        }
    }

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        levels = metamodel.CLASSIFICATIONS
        for keys, name, column in described(spec, contract):
            texts = _texts(column.get("examples"))
            if not texts:
                continue
            from meshwright.product.personal_columns import KINDS_OF_VALUES, recognized

            level = column.get("classification")
            low = level in levels and levels.index(level) < levels.index("confidential")
            last = name.rpartition(".")[2]
            for one in recognized(last, str(column.get("logicalType") or ""), texts):
                if low:
                    detail = f"{one.count} of {one.of} examples of {name}, which is {level}, are or contain {KINDS_OF_VALUES[one.kind]}."
                    fix = "Classify the column as confidential, or write other examples if it never holds such values."
                elif one.kind == "email" and (real := sum(map(_is_real, texts))):
                    detail = f"{real} of {one.of} examples of {name} have e-mail addresses that may be of real people."
                    fix = "Write examples at example.org: whoever reads the contract sees them."
                else:
                    continue
                yield Problem(contract, (*keys, "examples"), detail, fix)
                break


def _texts(examples: Any) -> list[str]:
    """Return the examples that are texts or whole numbers."""
    listed = examples if isinstance(examples, list) else [examples]
    return [
        str(one) for one in listed if isinstance(one, str | int) and not isinstance(one, bool) and one != ""
    ]


def _is_real(text: str) -> bool:
    return any(not RESERVED.fullmatch(domain) for domain in _ADDRESS.findall(text))
