"""A product's repository, as far as it decides who may read the product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshwright.access.agreement import Agreement, agreements
from meshwright.access.approval import (
    NoReviews,
    ReviewSource,
    again,
    authorised,
    authorised_below,
    lost_reviews,
    read_from,
    root_of_trust,
    trust_problem,
)
from meshwright.access.column_classifications import columns, guarded_columns
from meshwright.access.committed import checked, committed
from meshwright.access.grants import Column, Port, Refused
from meshwright.access.output_ports import output_ports
from meshwright.access.reviews import Review, reviews
from meshwright.core.git_history import History
from meshwright.core.yaml import Document, Unreadable
from meshwright.product import schema, team_rego
from meshwright.product.environments import bind
from meshwright.product.files import SPEC, TEAM_REGO, TESTS

PARTS = (
    "metadata.name",
    "metadata.domain",
    "spec.access",
    "spec.dataset",
    "spec.outputs",
    "spec.environments",
)
"""The parts of the spec that decide who reads what, and where: they count as an approver signed them."""


@dataclass(frozen=True)
class ProductAccess:
    """Everything that the decisions need of one product, at one commit."""

    root: Path
    history: History
    id: str
    """`<domain>/<name>`."""
    mode: str
    dataset: str
    columns: tuple[Column, ...]
    ports: tuple[Port, ...]
    policy: Mapping[str, Any]
    """The newest authorised version of access/policy.yaml."""
    policy_commit: str
    trust: str | None
    """The commit that first named an approver; older commits need no approval."""
    agreements: tuple[Agreement, ...]
    reviews: Mapping[str, Review]
    """Agreement -> its newest confirmation."""
    tests: Sequence[Mapping[str, Any]]
    team: Mapping[str, str]
    """Path -> text of the team's own Rego."""
    problems: tuple[str, ...] = field(default=())
    """Problems that do not stop a run: unauthorised edits, unreadable files."""
    closed_ports: Mapping[str, Refused] = field(default_factory=dict)
    """Port -> why nothing is done there, with the forge of the reviews away."""

    @property
    def roles(self) -> Mapping[str, Mapping[str, Any]]:
        roles: Mapping[str, Mapping[str, Any]] = self.policy["roles"]
        return roles


def load(
    root: Path,
    commit: str = "HEAD",
    environment: Mapping[str, str] | None = None,
    target: str = "",
    source: ReviewSource | None = None,
) -> ProductAccess:
    """Return the product in the repository at `root`, at a commit. Raises Unreadable, HistoryError, ForgeUnavailable.

    `environment`: what replaces the variables of the ports; None leaves them as they are. `target`: which of the
    spec's environments the ports are in. `source`: where approvals by review are read; None: nowhere, so none counts.
    """
    history = History(root, commit)
    read_from(history, source or NoReviews())
    problems = [problem] if (problem := trust_problem(history)) else []
    trust = root_of_trust(history)
    present = committed(history, SPEC, schema.data_product)
    spec = _signed(history, present, problems) if trust else present
    contract = committed(history, spec.get("spec.dataset.contract"), schema.contract)
    policy_path = spec.get("spec.access.policy")
    if not policy_path.startswith("access/"):
        raise Unreadable(
            f"{SPEC}: spec.access.policy is outside of access/.", "Move it to access/policy.yaml."
        )
    policy, policy_commit = _authorised(history, policy_path, problems)
    if policy is None:
        raise Unreadable(
            f"{policy_path}: There is no policy that counts.", "Let an approver sign a commit that adds it."
        )
    tests, _ = _authorised(history, TESTS, problems)
    modes = {document.get("spec.access.mode") for document in (spec, present)}  # anybody may close it
    return ProductAccess(
        root=root,
        history=history,
        id=f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}",
        mode="open" if modes == {"open"} else "approval-required",
        dataset=spec.get("spec.dataset.name"),
        columns=tuple(
            guarded_columns(history, spec, contract, problems) if trust else columns(spec, contract)
        ),
        ports=tuple(output_ports(bind(spec, target) if target else spec, root, environment)),
        policy=checked(policy_path, policy, schema.access_policy).value,
        policy_commit=policy_commit,
        trust=trust,
        agreements=tuple(agreements(history)),
        reviews=reviews(history, problems),
        tests=checked(TESTS, tests, schema.access_tests).get("tests") if tests else [],
        team=_team(history, problems),
        problems=(*problems, *lost_reviews(history)),
    )


def _signed(history: History, present: Document, problems: list[str]) -> Document:
    """Return the spec as an approver last signed it, or as it was when the first one was named. Raises Unreadable."""
    last = authorised(history, SPEC, PARTS)
    if last.text is None:
        raise Unreadable(f"{SPEC}: No version of it is signed by an approver.", again(SPEC))
    signed = checked(SPEC, last.text, schema.data_product)
    for part in PARTS:
        if signed.get(part) != present.get(part):
            problems.append(
                f"{SPEC}: Nobody authorised the change of {part}; it counts as it was at {last.commit[:9]}. {again(SPEC)}"
            )
    return signed


def _authorised(history: History, path: str, problems: list[str]) -> tuple[str | None, str]:
    """Return the newest text of a file that somebody authorised (None: there is none), and its commit."""
    newest = authorised(history, path)
    if newest.problem:
        problems.append(f"{path}: {newest.problem}")
    return newest.text, newest.commit


def _team(history: History, problems: list[str]) -> dict[str, str]:
    """Return path -> text of the team's Rego, as authorised: nobody else can add a rule, or remove one."""
    texts = {}
    for path, newest in authorised_below(history, TEAM_REGO).items():
        if newest.problem:
            problems.append(f"{path}: {newest.problem}")
        if newest.text is None or not path.endswith(".rego"):
            continue
        for line, problem, fix in team_rego.problems(newest.text):
            raise Unreadable(f"{path}:{line}:1: {problem}", fix)
        texts[path] = newest.text
    return texts
