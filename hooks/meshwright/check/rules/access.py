"""Rules on access: open only where the classification allows it, and terms that match the spec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document, inside, read_text
from meshwright.product import metamodel
from meshwright.product.files import POLICY, SPEC
from meshwright.product.problem import Problem


class OpenAccessFits(Rule):
    """Only data that everybody in the organisation may see has open access."""

    broken = {SPEC: {"spec": {"classification": "secret", "access": {"mode": "open"}}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        order = metamodel.CLASSIFICATIONS
        classification = spec.get("spec.classification")
        if (
            spec.get("spec.access.mode") == "open"
            and classification in order
            and order.index(classification) > order.index(metamodel.OPEN_UP_TO)
        ):
            yield Problem(
                spec,
                ("spec", "access", "mode"),
                f"The data is {classification}, and access is open.",
                "Write `mode: approval-required`, or lower the classification.",
            )


class ClearanceInOrder(Rule):
    """A clearance includes all lower classifications, and lists them.

    A clearance with a gap (confidential, but not internal) is a mistake in all cases that we have seen.
    """

    broken = {
        POLICY: {"roles": {"reader": {"kind": "human", "clearance": ["confidential"], "above": "deny"}}}
    }

    def check(self, policy: Document) -> Iterator[Problem]:
        order = metamodel.CLASSIFICATIONS
        roles = policy.get("roles")
        for name, role in (roles if isinstance(roles, dict) else {}).items():
            clearance = role.get("clearance") if isinstance(role, dict) else None
            levels = (
                {level for level in clearance if level in order} if isinstance(clearance, list) else set()
            )
            needed = order[: max(map(order.index, levels), default=-1) + 1]
            if gap := [level for level in needed if level not in levels]:
                yield Problem(
                    policy,
                    ("roles", name, "clearance"),
                    f"The role {name} has clearance for {', '.join(sorted(levels))}, but not for {', '.join(gap)}.",
                    f"Write `clearance: [{', '.join(needed)}]`.",
                )


class AgreementVersionNamed(Rule):
    """The text of the data sharing agreement has the version given in the spec."""

    broken = {SPEC: {"spec": {"dataSharingAgreement": {"version": "9.9.9"}}}}

    def check(self, root: Path, spec: Document) -> Iterator[Problem]:
        document = spec.get("spec.dataSharingAgreement.document")
        version = spec.get("spec.dataSharingAgreement.version")
        if not isinstance(document, str) or not isinstance(version, str) or not inside(root, document):
            return
        pattern = rf"\bversion\W{{1,5}}{re.escape(version)}(?![\w.-]*\w)"
        if not re.search(pattern, read_text(root, document), re.IGNORECASE):
            detail = f"{document} does not contain `version {version}`."
            fix = f"Write `Version {version}` into it, or correct the version in the spec."
            yield Problem(spec, ("spec", "dataSharingAgreement", "version"), detail, fix)
