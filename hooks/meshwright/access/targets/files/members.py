"""Who may read a file port as what: who is let in now, who will be, and the bucket's policy that does it on S3."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC

from meshwright.access.grants import Change
from meshwright.access.targets.files import bucket_policy
from meshwright.access.targets.files.path_names import display_member, display_text
from meshwright.access.targets.files.port_state import PortState
from meshwright.access.targets.files.records import POLICY, ROLES, Members
from meshwright.access.targets.files.storage import Bucket


def actual_members(state: PortState) -> Members:
    """Return who is let in. On S3 that is what the bucket's policy says, whatever the last run recorded."""
    if not isinstance(state.storage, Bucket):
        return state.recorded.members
    let_in = bucket_policy.let_in(state.storage, state.policy)
    recorded = {
        key: granted
        for key, granted in state.recorded.members.items()
        if (key[0], granted["login"]) in let_in
    }
    expected = {
        (role, granted["login"]) for (role, _), granted in (*recorded.items(), *state.members.items())
    }
    unexpected: Members = {
        (role, arn): {"login": arn, "until": None, "agreements": []}
        for role, arn in let_in
        if (role, arn) not in expected
    }
    return {**recorded, **unexpected}


def member_changes(state: PortState) -> Iterator[Change]:
    """Yield whom a run would let in, and whom it would shut out."""
    actual = actual_members(state)
    for member in state.desired.members:
        key = (member.role, member.principal.id)
        if key not in state.members or actual.get(key) == state.members[key]:
            continue
        until = f", until {member.until.astimezone(UTC):%Y-%m-%d}" if member.until else ""
        yield Change(
            "grant",
            f"{display_member(member)} may read as {member.role}{until}",
            _statement(state, *key, state.members[key]["login"], "Allow"),
            member.agreements,
            member.principal.id,
            member.role,
        )
    for role, id in sorted({*actual, *state.recorded.members} - set(state.members)):
        login = {**state.recorded.members, **actual}[role, id]["login"]
        yield Change(
            "revoke",
            f"{display_text(id)} may no longer read as {display_text(role)}",
            _statement(state, role, id, login, "Remove"),
            (),
            id,
            role,
        )


def _statement(state: PortState, role: str, id: str, login: str, effect: str) -> str:
    """Return the piece of policy that lets somebody in, or that is taken out of it."""
    prefix = state.storage.address(f"{ROLES}{role}/*")
    who = {"AWS": login} if isinstance(state.storage, Bucket) else id
    return json.dumps({"Effect": effect, "Principal": who, "Action": "s3:GetObject", "Resource": prefix})


def policy_changes(state: PortState) -> Iterator[Change]:
    """Yield the change of the bucket's policy, on S3, if it or our copy of it is not as it should be."""
    if not isinstance(state.storage, Bucket):
        return
    statements = state.policy_statements(state.members)
    in_place = bucket_policy.same(state.storage, state.policy, statements)
    copied = state.storage.read(POLICY) == _policy_text(statements)
    if not (in_place and copied):
        sentence = f"The policy of the bucket {state.storage.bucket} is put right"
        yield Change("replace", sentence, json.dumps(bucket_policy.document(statements)))


def put_policy(state: PortState, members: Members, closed: Sequence[str] = ()) -> None:
    """On S3: let in the members, and nobody else. `closed`: roles whose files still exist, closed to all."""
    if not isinstance(state.storage, Bucket):
        return
    statements = state.policy_statements(members, closed)
    if not bucket_policy.same(state.storage, bucket_policy.live(state.storage), statements):
        bucket_policy.put_bucket_policy(state.storage, statements)
    text = _policy_text(statements)
    if state.storage.read(POLICY) != text:
        state.storage.write(POLICY, text)


def _policy_text(statements: Sequence[bucket_policy.Statement]) -> bytes:
    return (json.dumps(bucket_policy.document(statements), indent=1) + "\n").encode()
