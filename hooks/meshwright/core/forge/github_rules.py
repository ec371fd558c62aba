"""Whether a branch on GitHub lets nothing in without a review: by rulesets first, then by classic protection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as factory
from typing import Any

from meshwright.core.forge.answers import field, objects, optional
from meshwright.core.forge.rest import Rest
from meshwright.core.forge.reviewed import BranchRules
from meshwright.core.forge.unavailable import ForgeUnavailable

NEEDS = {
    "review": "require a pull request with at least one approval",
    "dismissal": "dismiss approvals when new commits are pushed",
    "no force-push": "block force pushes",
    "no deletion": "restrict deletions",
}
"""What the rules have to do, as GitHub's settings call it."""

ADMINISTRATORS = {("OrganizationAdmin", None), ("EnterpriseOwner", None), ("RepositoryRole", 5)}
"""Who may bypass a ruleset, because they could change it, too. 5 is the role Admin."""

FIX_READ = (
    "Give MESHWRIGHT_FORGE_TOKEN a token with the permission Administration: Read, and protect the branch with a "
    "classic rule; who may bypass a ruleset, GitHub shows only to tokens with Administration: Write."
)


@dataclass
class _Reading:
    """What was learned about a branch."""

    met: set[str] = factory(default_factory=set)
    sources: list[str] = factory(default_factory=list)
    """The rules that meet something."""
    notes: list[str] = factory(default_factory=list)
    """Why rules do not count."""
    unread: list[str] = factory(default_factory=list)
    """What the token may not read."""

    def take(self, met: set[str], source: str) -> None:
        if met - self.met:
            self.met |= met
            self.sources.append(source)


def branch_rules(rest: Rest, home: tuple[str, ...], branch: str) -> BranchRules:
    """Return whether the rules suffice. Raises ForgeUnavailable if they do not as far as the token can read them."""
    reading = _Reading()
    _take_rulesets(rest, home, branch, reading)
    if set(NEEDS) - reading.met:
        _take_protection(rest, home, branch, reading)
    lacking = [need for need in NEEDS if need not in reading.met]
    if lacking and reading.unread:
        raise ForgeUnavailable(" ".join(reading.unread), FIX_READ)
    missing = tuple(f"The rules of the branch {branch} do not suffice: {NEEDS[need]}." for need in lacking)
    return BranchRules((*missing, *(reading.notes if missing else ())), ", ".join(reading.sources))


def _take_rulesets(rest: Rest, home: tuple[str, ...], branch: str, reading: _Reading) -> None:
    by_ruleset: dict[int, set[str]] = {}
    for rule in rest.all(*home, "rules", "branches", branch, fix=FIX_READ):
        met = set(_met_by_rule(rule))
        if met:
            by_ruleset.setdefault(field(rule, "ruleset_id", int), set()).update(met)
    for number, met in by_ruleset.items():
        answer = rest.answer(*home, "rulesets", str(number))
        if answer.status != 200:
            reading.unread.append(f"The ruleset {number} cannot be read: status {answer.status}.")
            continue
        ruleset = rest.value(answer)
        actors = optional(ruleset, "bypass_actors", list)
        if field(ruleset, "id", int) != number or actors is None:
            reading.unread.append(f"GitHub does not show this token who may bypass the ruleset {number}.")
        elif others := [actor for actor in objects(actors, "bypass_actors") if not _is_administrator(actor)]:
            kinds = ", ".join(sorted({field(actor, "actor_type", str) for actor in others}))
            reading.notes.append(
                f"The ruleset {number} does not count: others than administrators may bypass it ({kinds}). "
                "Remove them from its bypass list."
            )
        elif field(ruleset, "enforcement", str) == "active":
            reading.take(met, f"ruleset {number}")


def _met_by_rule(rule: Any) -> Iterator[str]:
    kind = field(rule, "type", str)
    if kind == "non_fast_forward":
        yield "no force-push"
    elif kind == "deletion":
        yield "no deletion"
    elif kind == "pull_request":
        parameters = field(rule, "parameters", dict)
        if field(parameters, "required_approving_review_count", int) >= 1:
            yield "review"
        if field(parameters, "dismiss_stale_reviews_on_push", bool):
            yield "dismissal"


def _is_administrator(actor: Any) -> bool:
    kind = field(actor, "actor_type", str)
    return (kind, None) in ADMINISTRATORS or (kind, optional(actor, "actor_id", int)) in ADMINISTRATORS


def _take_protection(rest: Rest, home: tuple[str, ...], branch: str, reading: _Reading) -> None:
    answer = rest.answer(*home, "branches", branch, "protection")
    if answer.status == 404 and answer.detail == "Branch not protected":
        return
    if answer.status != 200:
        reading.unread.append(
            f"The protection of the branch {branch} cannot be read: status {answer.status}."
        )
        return
    protection = rest.value(answer)
    met: set[str] = set()
    reviews = optional(protection, "required_pull_request_reviews", dict)
    if reviews is not None:
        bypass = optional(reviews, "bypass_pull_request_allowances", dict) or {}
        if any(optional(bypass, kind, list) for kind in ("users", "teams", "apps")):
            reading.notes.append(
                f"The protection of the branch {branch} lets some bypass the review. Remove them from it."
            )
        elif (optional(reviews, "required_approving_review_count", int) or 0) >= 1:
            met.add("review")
        if optional(reviews, "dismiss_stale_reviews", bool):
            met.add("dismissal")
    for name, need in (("allow_force_pushes", "no force-push"), ("allow_deletions", "no deletion")):
        allowed = optional(protection, name, dict)
        if allowed is not None and not field(allowed, "enabled", bool):
            met.add(need)
    reading.take(met, "branch protection")
