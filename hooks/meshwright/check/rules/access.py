"""Access: open only where the classification allows it, and terms that are where they are said to be."""

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
    """Only data that everybody here may see is open to everybody here."""

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
                "Write `mode: approval-required`, or classify the data lower.",
            )


class ClearanceInOrder(Rule):
    """Whoever may see what is sensitive may see what is less so, and a role's clearance says it all.

    A clearance with a gap (confidential, but not internal) is a mistake in every case that we have seen.
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
                    f"The role {name} may see {', '.join(sorted(levels))}, but not {', '.join(gap)}.",
                    f"Write `clearance: [{', '.join(needed)}]`.",
                )


class AgreementVersionNamed(Rule):
    """The text of the data sharing agreement names the version that the spec says it has."""

    broken = {SPEC: {"spec": {"dataSharingAgreement": {"version": "9.9.9"}}}}

    def check(self, root: Path, spec: Document) -> Iterator[Problem]:
        document = spec.get("spec.dataSharingAgreement.document")
        version = spec.get("spec.dataSharingAgreement.version")
        if not isinstance(document, str) or not isinstance(version, str) or not inside(root, document):
            return
        said = rf"\bversion\W{{1,5}}{re.escape(version)}(?![\w.-]*\w)"
        if not re.search(said, read_text(root, document), re.IGNORECASE):
            detail = f"{document} does not say that it is version {version}."
            fix = f"Write `Version {version}` into it, or give the version that it has."
            yield Problem(spec, ("spec", "dataSharingAgreement", "version"), detail, fix)
