"""The actual state of a file port beside what is desired: files, data set, members, and on S3 the bucket's policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from types import ModuleType
from typing import Any

from meshwright.access.grants import Desired, ManualAction, Member, Port, Refused
from meshwright.access.targets.files import bucket_policy, delta, parquet, records
from meshwright.access.targets.files.path_names import display_member, display_text, refuse_names
from meshwright.access.targets.files.records import AUDIT, ROLES, Members, State
from meshwright.access.targets.files.storage import Bucket, Storage, storage

TABLES: Mapping[str, ModuleType] = {"parquet@1": parquet, "delta@1": delta}
"""Capability -> the module that reads and writes its data sets."""


@dataclass
class PortState:
    """What one port has now, and what is desired of it."""

    port: Port
    desired: Desired
    table: ModuleType
    storage: Storage
    recorded: State
    """What the last run left."""
    files: dict[str, str]
    """Everything below roles/ -> its identity."""
    source: str
    """Identity of the data set."""
    members: Members = field(default_factory=dict)
    """Desired, without those who cannot be let in."""
    manual_actions: list[ManualAction] = field(default_factory=list)
    policy: dict[str, Any] = field(default_factory=dict)
    """On S3: the bucket's policy."""
    applier: list[str] = field(default_factory=list)
    """On S3: who runs this (see `bucket_policy.applier`)."""

    @property
    def owner(self) -> list[str]:
        """The product and the kind of port that the path belongs to."""
        return [self.desired.product, self.port.uses]

    def below(self, prefix: str) -> dict[str, str]:
        """Return the files whose name starts with a prefix, each with its identity."""
        return {name: identity for name, identity in self.files.items() if name.startswith(prefix)}

    def policy_statements(
        self, members: Members, closed: Sequence[str] = ()
    ) -> list[bucket_policy.Statement]:
        """Return the statements that let in the members, on S3. `closed`: roles that are closed to all."""
        assert isinstance(self.storage, Bucket)
        arns: dict[str, list[str]] = {}
        for (role, _), granted in members.items():
            arns.setdefault(role, []).append(granted["login"])
        roles = [*(view.role for view in self.desired.views), *closed]
        return bucket_policy.statements(self.storage, roles, arns, self.applier)


def read_port_state(port: Port, desired: Desired, recorded: State | None = None) -> PortState:
    """Return the state of a port. `recorded`: what the run that asks is about to write. Raises Refused."""
    where, table = storage(port), TABLES[port.uses]
    refuse_names(port, desired, isinstance(where, Bucket))
    files = where.identities(ROLES)
    recorded = recorded or records.state(where)
    if recorded is None and files and AUDIT not in files:
        raise Refused(
            f"{where.address(ROLES)} has files in it, and no access.json that says what they are.",
            "Move them elsewhere: files here that no role asks for are removed.",
        )
    recorded = recorded or State([])
    if recorded.owner and recorded.owner != [desired.product, port.uses]:
        raise Refused(
            f"{where.address(ROLES)} belongs to {' '.join(recorded.owner)}.",
            "Give each port a path of its own.",
        )
    source = table.identity(where, desired.dataset)
    if source is None:
        raise Refused(
            f"Nothing is published at {where.address(table.named(desired.dataset))}.",
            "Run the pipeline first.",
        )
    state = PortState(port, desired, table, where, recorded, files, source)
    if isinstance(where, Bucket):
        state.applier = bucket_policy.applier(where)
        state.policy = bucket_policy.live(where)
        state.manual_actions += bucket_policy.manual_actions(where, state.policy, state.applier)
    for member in desired.members:
        _add_member(state, member)
    if isinstance(where, Bucket):  # so that too long a policy is refused before anything is changed
        bucket_policy.merged(where, state.policy, state.policy_statements(state.members))
    return state


def _add_member(state: PortState, member: Member) -> None:
    login = member.principal.login("aws")
    if isinstance(state.storage, Bucket) and not bucket_policy.ARN.fullmatch(login):
        state.manual_actions.append(_without_identity(member))
        return
    state.members[member.role, member.principal.id] = {
        "login": login,
        "until": member.until.astimezone(UTC).isoformat() if member.until else None,
        "agreements": list(member.agreements),
    }


def _without_identity(member: Member) -> ManualAction:
    return ManualAction(
        f"{display_member(member)} has no AWS identity in the directory and cannot be let in as {member.role}.",
        f"Give {display_text(member.principal.id)} the `aws` login arn:aws:iam::<account>:role/<name> (or user/<name>) there.",
    )
