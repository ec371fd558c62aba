"""The files beside the variants: the state that the next plan is made from, and the audit records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshwright.access.grants import Refused
from meshwright.access.targets.files.storage import Storage

ROLES = "roles/"
STATE = "roles/access.json"
AUDIT = "roles/audit.jsonl"
POLICY = "roles/bucket-policy.json"

Members = dict[tuple[str, str], dict[str, Any]]
"""Role and principal's id -> login, until and agreements."""


@dataclass
class Variant:
    """One role's files, as they were last written."""

    view: str
    """Fingerprint of what the role sees."""
    source: str
    """Identity of the data set that it was made from."""
    files: dict[str, str]
    """Name -> identity."""


@dataclass
class State:
    """What the last run left."""

    owner: list[str]
    """The product and the kind of port that the path belongs to; empty if that is unknown."""
    variants: dict[str, Variant] = field(default_factory=dict)
    members: Members = field(default_factory=dict)


def state(storage: Storage) -> State | None:
    """Return what the last run left; None before the first. A file that cannot be read counts as empty, and is written anew."""
    text = storage.read(STATE)
    if text is None:
        return None
    try:
        document = json.loads(text)
        variants = {str(role): Variant(**variant) for role, variant in document["variants"].items()}
        members = {
            (str(each["role"]), str(each["principal"])): _granted(each) for each in document["members"]
        }
        return State([str(part) for part in document["owner"]], variants, members)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return State([])


def write_state(storage: Storage, state: State) -> None:
    document = {
        "owner": state.owner,
        "variants": {role: vars(variant) for role, variant in sorted(state.variants.items())},
        "members": [
            {"role": role, "principal": id, **granted}
            for (role, id), granted in sorted(state.members.items())
        ],
    }
    storage.write(STATE, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())


def audit(storage: Storage) -> list[Mapping[str, Any]]:
    """Return all audit records, the first one first. Raises Refused."""
    try:
        records = [json.loads(line) for line in (storage.read(AUDIT) or b"").splitlines()]
        if all(
            isinstance(each, dict) and isinstance(each["number"], int) and each["hash"] for each in records
        ):
            return records
    except (ValueError, KeyError, RecursionError):
        pass
    raise Refused(
        f"The audit records in {storage.address(AUDIT)} cannot be read.",
        "Restore the file from a backup. Otherwise move it away, as evidence: the next run then says how to begin a new "
        "chain of records.",
    )


def append_audit(storage: Storage, records: list[Mapping[str, Any]], record: Mapping[str, Any]) -> None:
    lines = [json.dumps(each, sort_keys=True, ensure_ascii=True) + "\n" for each in (*records, record)]
    storage.write(AUDIT, "".join(lines).encode())


def _granted(member: Mapping[str, Any]) -> dict[str, Any]:
    return {"login": str(member["login"]), "until": member["until"], "agreements": member["agreements"]}
