"""Whether a branch on GitLab lets nothing in without a review. What that needs, GitLab Free does not have."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from meshwright.core.forge.answers import field, objects, optional
from meshwright.core.forge.rest import Rest
from meshwright.core.forge.reviewed import BranchRules

FIX = (
    "Give MESHWRIGHT_FORGE_TOKEN a token of this project with the role Maintainer and the scope read_api. Required "
    "approvals need GitLab Premium; with GitLab Free, approvers sign."
)

SETTINGS = {
    "reset_approvals_on_push": (True, "remove all approvals when commits are added"),
    "merge_requests_author_approval": (False, "prevent approval by the merge request's creator"),
    "merge_requests_disable_committers_approval": (True, "prevent approvals by users who add commits"),
    "disable_overriding_approvers_per_merge_request": (
        True,
        "prevent editing approval rules in merge requests",
    ),
}
"""Setting of the project -> what it has to be, and what GitLab's settings call that."""


def branch_rules(rest: Rest, home: tuple[str, ...], branch: str) -> BranchRules:
    """Return whether the rules suffice. Raises ForgeUnavailable if the token cannot read them."""
    missing = [
        *_protection(list(rest.all(*home, "protected_branches", fix=FIX)), branch),
        *_settings(rest.get(*home, "approvals", fix=FIX)),
    ]
    rules = list(rest.all(*home, "approval_rules", fix=FIX))
    if not any(field(rule, "approvals_required", int) >= 1 and _applies(rule, branch) for rule in rules):
        missing.append("require at least one approval in an approval rule for the branch")
    start = f"The rules of the branch {branch} do not suffice"
    return BranchRules(
        tuple(f"{start}: {what}." for what in missing), "protected branch, approval rule, approval settings"
    )


def _protection(branches: list[dict[str, Any]], branch: str) -> Iterator[str]:
    """Yield what the protection lacks. Of several that fit the name, GitLab takes the one that allows most."""
    fitting = [one for one in branches if _fits(field(one, "name", str), branch)]
    if not fitting:
        yield "protect the branch"
    for one in fitting:
        levels = objects(field(one, "push_access_levels", list), "push_access_levels")
        if not levels or any(not _is_nobody(level) for level in levels):
            yield f"allow no one to push and merge directly to {field(one, 'name', str)}"
        if field(one, "allow_force_push", bool):
            yield f"do not allow force pushes to {field(one, 'name', str)}"


def _fits(pattern: str, branch: str) -> bool:
    """Return True if a name, in which only `*` stands for anything, fits a branch."""
    return fnmatchcase(branch, pattern.replace("[", "[[]").replace("?", "[?]"))


def _is_nobody(level: Any) -> bool:
    others = ("user_id", "group_id", "deploy_key_id", "member_role_id")
    return field(level, "access_level", int) == 0 and all(
        optional(level, other, int) is None for other in others
    )


def _settings(settings: Any) -> Iterator[str]:
    for name, (desired, words) in SETTINGS.items():
        if optional(settings, name, bool) is not desired:
            yield words


def _applies(rule: Any, branch: str) -> bool:
    """Return True if an approval rule holds for a branch: without a list of branches, it holds for all."""
    if optional(rule, "applies_to_all_protected_branches", bool):
        return True
    branches = objects(optional(rule, "protected_branches", list) or [], "protected_branches")
    return not branches or any(_fits(field(one, "name", str), branch) for one in branches)
