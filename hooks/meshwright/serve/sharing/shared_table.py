"""What an agreement shows of a shared port now: the copy of its role, as it was last written there.

Everything is read from the port anew for each request, so that what a run of `meshwright access apply` took away is
gone at once. Only files that this run recorded, with the content that it recorded, are ever handed out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from meshwright.access.grants import Refused
from meshwright.access.targets.files import TABLES, records
from meshwright.access.targets.files.records import ROLES
from meshwright.access.targets.files.storage import Storage, storage
from meshwright.product.store import Blocker
from meshwright.serve import RequestProblem
from meshwright.serve.sharing.shared_ports import SharedPort

AGAIN = "Try again later. If it stays, the product's owner runs `meshwright access apply`."


@dataclass(frozen=True)
class SharedTable:
    """The rows that an agreement shows."""

    role: str
    commit: str
    """The commit with the agreement, by the newest audit record; empty if that does not say."""
    until: datetime | None
    """When its readers lose access, as far as the port knows; None: there is no end."""
    version: int
    """The number of the port's newest audit record: it rises with every change."""
    files: Mapping[str, int]
    """Name of a file, relative to the port -> its size in bytes."""
    schema: pa.Schema
    storage: Storage


def shared_table(port: SharedPort, agreement: str, at: datetime) -> SharedTable:
    """Return what an agreement shows at a moment. Raises RequestProblem."""
    try:
        return _shared_table(port, agreement, at)
    except (Blocker, Refused) as error:
        raise RequestProblem(
            503, "unavailable", f"{port.address} cannot be shared now: {error}", AGAIN
        ) from error


def _shared_table(port: SharedPort, agreement: str, at: datetime) -> SharedTable:
    where, module = storage(port.port), TABLES[port.port.uses]
    state = records.state(where)
    if state is None or state.owner != port.owner:
        raise Refused("there are no grants of this product at its path.", AGAIN)
    newest = records.audit(where)[-1]
    role, until = _reader(state.members, agreement, _own_end(newest, agreement), at)
    recorded = state.variants.get(role)
    prefix = f"{ROLES}{role}/"
    if recorded is None or not recorded.files or dict(where.identities(prefix)) != recorded.files:
        raise Refused("its files are not as they were last written.", AGAIN)
    path = prefix + _dataset(recorded.files, prefix, module.SUFFIX)
    files = module.data_files(where, path)
    if strange := sorted(files.keys() - recorded.files.keys()):
        raise Refused(f"it names a file that is not its own, {strange[0]!r}.", AGAIN)
    schema = module.schema(where, path)
    return SharedTable(role, _commit(newest, agreement), until, newest["number"], files, schema, where)


def _commit(newest: Mapping[str, Any], agreement: str) -> str:
    decided = newest.get("agreements")
    of_agreement = decided.get(agreement) if isinstance(decided, dict) else None
    commit = of_agreement.get("commit") if isinstance(of_agreement, dict) else None
    return commit if isinstance(commit, str) else ""


def _own_end(newest: Mapping[str, Any], agreement: str) -> list[str]:
    """Return when an agreement ends, by the port's newest audit record; empty if it does not say."""
    terms = newest.get("terms")
    of_agreement = terms.get(agreement) if isinstance(terms, dict) else None
    until = of_agreement.get("until") if isinstance(of_agreement, dict) else None
    return [until] if isinstance(until, str) else []


def _reader(
    members: records.Members, agreement: str, own_end: list[str], at: datetime
) -> tuple[str, datetime | None]:
    """Return the role of an agreement, and when it ends. Raises RequestProblem where nobody reads by it now."""
    granted: dict[str, list[Any]] = {}
    for (role, _), member in members.items():
        if agreement in member["agreements"]:
            granted.setdefault(role, []).append(member["until"])
    if len(granted) == 1:
        role, ends = next(iter(granted.items()))
        # A member's end is the latest of all their agreements.
        known = [datetime.fromisoformat(end) for end in (*ends, *own_end) if end is not None]
        until = min(known, default=None)
        if until is None or at < until.astimezone(UTC):
            return role, until
    raise RequestProblem(
        403,
        "not-in-force",
        f"The agreement {agreement} is not in force.",
        "Ask the product's owner for a new one.",
    )


def _dataset(files: Mapping[str, str], prefix: str, suffix: str) -> str:
    """Return the name of the data set that a role's files are of. Raises Refused unless there is one."""
    names = {name.removeprefix(prefix).partition("/")[0].removesuffix(suffix) for name in files}
    if len(names) != 1:
        raise Refused("its files are of several data sets.", AGAIN)
    return names.pop()
