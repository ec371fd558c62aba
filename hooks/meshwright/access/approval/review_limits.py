"""What a review cannot approve: whatever shows data of a classification for which approvers have to sign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.core.git_history import History
from meshwright.core.yaml import Unreadable, parse
from meshwright.product import metamodel

SIGN = "An approver has to sign it."


def beyond_review(role: Mapping[str, Any]) -> str:
    """Return why agreements on a role cannot be approved by review; empty if they can."""
    if levels := _signed_only(role.get("clearance", metamodel.CLASSIFICATIONS)):
        return f"Its role sees {' and '.join(levels)} data, which no review opens. {SIGN}"
    return ""


def change_beyond_review(history: History, commit: str) -> str:
    """Return why what decides on access cannot be changed by review at a commit of the mainline; empty if it can.

    It cannot where a policy before or after has a role that sees more than reviews open: by a change of the policy,
    of a port or of the team's rules, somebody who was let in by signature would see more.
    """
    for at in {commit, *history.commits[commit].parents[:1]}:
        for path, role, levels in _roles_beyond_review(history, at):
            seen = " and ".join(levels)
            return f"The role {role} of {path} sees {seen} data, so no review changes who sees what. {SIGN}"
    return ""


def _roles_beyond_review(history: History, commit: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield path, role and classifications of roles that see more, in any policy in access/, whichever is in force."""
    for path in sorted(history.paths("access")):
        entry = history.entry(commit, path)
        if entry is None:
            continue
        try:
            text = history.text(path, entry)
            if "clearance" not in text and "\\" not in text:  # parsed only if it can be a policy
                continue
            document = parse(path, text)
        except Unreadable:
            continue  # nobody can use it
        roles = document.get("roles")
        for name, role in roles.items() if isinstance(roles, dict) else ():
            clearance = role.get("clearance") if isinstance(role, dict) else None
            if levels := _signed_only(
                clearance if isinstance(clearance, list) else metamodel.CLASSIFICATIONS
            ):
                yield path, str(name), levels


def _signed_only(clearance: Any) -> list[str]:
    """Return the classifications of a clearance to which no review opens, in their order."""
    return [
        level
        for level in metamodel.CLASSIFICATIONS
        if level in clearance and level not in metamodel.REVIEW_APPROVES
    ]
