"""Grants on file ports (`parquet@1`, `delta@1`): one variant a role, each at a prefix of its own.

    <path>/<data set>.parquet               what the pipeline publishes, clear
    <path>/roles/<role>/<data set>.parquet  what a role sees of it (Delta: a table, without the ending)
    <path>/roles/access.json                who reads as what, and what the variants were made of
    <path>/roles/audit.jsonl                one record a run
    <path>/roles/bucket-policy.json         on S3: our part of the bucket's policy

Whoever may read `<path>/roles/<role>/*` can read neither the clear data set nor another role's variant: neither
begins with that. The store enforces it: on S3 the bucket policy, which is put here. A local folder enforces
nothing; there the variants are what would be enforced. Nothing is granted on the clear data set, but on S3 its
account's own policies of IAM can be: that is for the account's administrator.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from meshwright.access import audit
from meshwright.access.grants import (
    Change,
    Desired,
    ManualAction,
    Member,
    Port,
    PortPlan,
    Record,
    Refused,
    View,
)
from meshwright.access.targets.files import bucket_policy, delta, parquet, records, variant
from meshwright.access.targets.files.records import AUDIT, POLICY, ROLES, STATE, Members, State, Variant
from meshwright.access.targets.files.storage import Bucket, Storage, storage

TABLES: Mapping[str, ModuleType] = {"parquet@1": parquet, "delta@1": delta}
ROLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DATASET = re.compile(r"\w[^/\\\x00-\x1f\x7f]*")
IN_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
COMPARED_IN = "1GB"
"""Memory for comparing; what does not fit goes to a temporary folder."""
NAMED = 5
"""More columns than these are only counted."""


@dataclass
class Standing:
    """What there is now, and what is desired, of one port."""

    port: Port
    desired: Desired
    table: ModuleType
    storage: Storage
    state: State
    files: dict[str, str]
    """Everything below roles/ -> its identity."""
    source: str
    """Identity of the data set."""
    members: Members
    """Desired, without those who cannot be let in."""
    manual_actions: list[ManualAction]
    live: dict[str, Any]
    """On S3: the bucket's policy."""
    ours: list[str]
    """On S3: who runs this (see `bucket_policy.applier`)."""


@dataclass
class Steps:
    """What has to be done, by kind."""

    remove: dict[str, list[str]]
    """Entry of roles/ -> its files."""
    write: dict[str, str]
    """Role -> why its variant has to be written; empty if there is none."""
    changes: tuple[Change, ...]


def plan(port: Port, desired: Desired) -> PortPlan:
    """What would change. Changes nothing. Raises Refused."""
    with _refusing(port):
        standing = _standing(port, desired)
        return _port_plan(standing, _steps(standing))


def apply(port: Port, desired: Desired, record: Record) -> PortPlan:
    """Brings variants, members and audit record to what is desired. Raises Refused.

    Whatever takes something away comes first, so that a run that ends early leaves less to read and never more;
    the next run does what is left.
    """
    with _refusing(port):
        return _applied(port, desired, record)


def verify(port: Port, desired: Desired) -> Sequence[str]:
    """Each difference to what is desired; every variant is compared with the data set, row by row. Raises Refused."""
    with _refusing(port):
        standing = _standing(port, desired)
        steps = _steps(standing)
        found = [manual_action.sentence for manual_action in standing.manual_actions]
        found += [f"This is not done: {change.sentence}" for change in steps.changes]
        views = [view for view in desired.views if view.role not in steps.write]
        with standing.table.opened(standing.storage, desired.dataset) as source:
            for view in views:
                path = f"{ROLES}{view.role}/{desired.dataset}"
                with standing.table.opened(standing.storage, path) as there:
                    if difference := _difference(
                        variant.cut(view, source.rows.schema), source.rows, there.rows
                    ):
                        found.append(f"What {view.role} reads {difference}.")
                    if there.metadata != source.metadata:
                        found.append(f"What {view.role} reads says of itself that it is something else.")
        chain = records.audit(standing.storage)
        if broken := audit.broken(chain):
            found.append(broken)
        if not chain and STATE in standing.files:
            found.append(f"The audit records in {standing.storage.address(AUDIT)} are gone.")
        return found


def last(port: Port) -> Mapping[str, Any] | None:
    """The newest audit record, or None before the first. Raises Refused."""
    with _refusing(port):
        found = records.audit(storage(port))
        return found[-1] if found else None


def _applied(port: Port, desired: Desired, record: Record) -> PortPlan:
    with storage(port).locked():
        standing = _standing(port, desired)
        steps = _steps(standing)
        before = records.audit(standing.storage)
        audit.follow(before[-1] if before else None, record)
        new = State(_owner(standing), dict(standing.state.variants), standing.members)
        if steps.changes:
            kept = {
                key: granted for key, granted in _members_now(standing).items() if key in standing.members
            }
            # Says whose the folder is before anything lies in it. What a run that ends early has written is no
            # longer what stands here, and what it has removed still is: the next run tells of both.
            records.write_state(standing.storage, replace(standing.state, owner=_owner(standing)))
            _put_policy(standing, kept, [entry for entry in steps.remove if ROLE.fullmatch(entry)])
            for entry, names in steps.remove.items():
                standing.storage.remove(names)
                new.variants.pop(entry, None)
            _write(standing, steps, new)
            _put_policy(standing, standing.members)
        after = _standing(port, desired, new)
        if left := _steps(after).changes:
            raise Refused(
                f"Something else changed the port meanwhile; this is not done: {left[0].sentence}",
                "Apply again.",
            )
        # The state last: a run that ends between the two is told of again, and never left untold.
        told = [{"sentence": change.sentence, "statement": change.statement} for change in steps.changes]
        content = {**record.content, "port": port.name, "changes": told}
        records.append_audit(standing.storage, before, audit.linked(before[-1] if before else None, content))
        records.write_state(standing.storage, new)
        return _port_plan(after, steps)


def _write(standing: Standing, steps: Steps, new: State) -> None:
    """Writes the variants that have to be, and notes them."""
    if not steps.write:
        return
    desired = standing.desired
    with standing.table.opened(standing.storage, desired.dataset) as source:
        for role in steps.write:
            view = desired.view(role)
            path, prefix = f"{ROLES}{role}/{desired.dataset}", f"{ROLES}{role}/"
            old, fingerprint = standing.state.variants.get(role), variant.fingerprint(view)
            there = _below(standing.files, prefix)
            if old is None or old.files != there:  # nobody knows what it is
                standing.storage.remove(there)
                old = None
            keep = old is not None and old.view == fingerprint
            rows = variant.rows(variant.cut(view, source.rows.schema), source.rows)
            standing.table.write(standing.storage, path, rows, source.metadata, keep)
            new.variants[role] = Variant(fingerprint, source.identity, standing.storage.identities(prefix))


def _put_policy(standing: Standing, members: Members, leaving: Sequence[str] = ()) -> None:
    """On S3: lets in whom it should. `leaving`: roles whose files are still there, and closed to all."""
    if not isinstance(standing.storage, Bucket):
        return
    statements = _statements(standing, members, leaving)
    if not bucket_policy.same(standing.storage, bucket_policy.live(standing.storage), statements):
        bucket_policy.put_bucket_policy(standing.storage, statements)
    text = _policy_text(statements)
    if standing.storage.read(POLICY) != text:
        standing.storage.write(POLICY, text)


def _standing(port: Port, desired: Desired, state: State | None = None) -> Standing:
    """What there is now. `state`: what the run that asks is about to write. Raises Refused."""
    where, table = storage(port), TABLES[port.uses]
    _refuse_names(port, desired, isinstance(where, Bucket))
    files = where.identities(ROLES)
    state = state or records.state(where)
    if state is None and files and AUDIT not in files:
        raise Refused(
            f"{where.address(ROLES)} has files in it, and no access.json that says what they are.",
            "Move them elsewhere: what lies there is removed when nobody asked for it.",
        )
    state = state or State([])
    owner = [desired.product, port.uses]
    if state.owner and state.owner != owner:
        raise Refused(
            f"{where.address(ROLES)} belongs to {' '.join(state.owner)}.", "Give each port a path of its own."
        )
    source = table.identity(where, desired.dataset)
    if source is None:
        raise Refused(
            f"Nothing is published at {where.address(table.named(desired.dataset))}.",
            "Run the pipeline first.",
        )
    standing = Standing(port, desired, table, where, state, files, source, {}, [], {}, [])
    if isinstance(where, Bucket):
        standing.ours = bucket_policy.applier(where)
        standing.live = bucket_policy.live(where)
        standing.manual_actions += bucket_policy.manual_actions(where, standing.live, standing.ours)
    for member in desired.members:
        login = member.principal.login("aws")
        if isinstance(where, Bucket) and not bucket_policy.ARN.fullmatch(login):
            standing.manual_actions.append(_without_identity(member))
            continue
        standing.members[member.role, member.principal.id] = {
            "login": login,
            "until": member.until.astimezone(UTC).isoformat() if member.until else None,
            "agreements": list(member.agreements),
        }
    if isinstance(where, Bucket):  # so that too long a policy is refused before anything is changed
        bucket_policy.merged(where, standing.live, _statements(standing, standing.members))
    return standing


def _without_identity(member: Member) -> ManualAction:
    return ManualAction(
        f"{_who(member)} has no AWS identity in the directory and cannot be let in as {member.role}.",
        f"Give {_plain(member.principal.id)} the `aws` login arn:aws:iam::<account>:role/<name> (or user/<name>) there.",
    )


def _refuse_names(port: Port, desired: Desired, in_bucket: bool) -> None:
    """Names become parts of paths and of policies: what could be more than a name is none."""
    dataset = desired.dataset
    fitting = (IN_BUCKET if in_bucket else DATASET).fullmatch(dataset)
    if (
        not fitting
        or len(dataset.encode()) > 200
        or (port.uses == "delta@1" and dataset.casefold() == "roles")
    ):
        raise Refused(
            f"{json.dumps(dataset)} cannot be the name of a data set at {port.name}.",
            "Use small letters, digits and single underscores; `roles` is taken.",
        )
    for view in desired.views:
        if not ROLE.fullmatch(view.role):
            raise Refused(
                f"{json.dumps(view.role)} cannot be the name of a role.",
                "Use small letters, digits and single hyphens.",
            )
    known = {view.role for view in desired.views}
    if strangers := sorted({member.role for member in desired.members} - known):
        raise Refused(f"There is no role {_plain(strangers[0])}.", "Fix the agreement.")


def _steps(standing: Standing) -> Steps:
    """What has to change. Raises Refused where the data set does not go with a view."""
    write, remove = _to_write(standing), _to_remove(standing)
    changes = [
        Change(
            "remove",
            f"{ROLES}{_plain(entry)} goes: no role asks for it",
            f"remove {', '.join(names) or entry}",
            role=entry,
        )
        for entry, names in remove.items()
    ]
    if write:
        with standing.table.opened(standing.storage, standing.desired.dataset) as source:
            schema = source.rows.schema
        for role, why in write.items():
            changes.append(_written(standing, standing.desired.view(role), schema, why))
    members = list(_member_changes(standing))
    revoked = [change for change in members if change.action == "revoke"]
    granted = [change for change in members if change.action == "grant"]
    changes = [*revoked, *changes, *granted]
    if isinstance(standing.storage, Bucket):
        statements = _statements(standing, standing.members)
        in_place = bucket_policy.same(standing.storage, standing.live, statements)
        noted = standing.storage.read(POLICY) == _policy_text(statements)
        if not (in_place and noted):
            sentence = f"The policy of the bucket {standing.storage.bucket} is put right"
            changes.append(Change("replace", sentence, json.dumps(bucket_policy.document(statements))))
    return Steps(remove, write, tuple(changes))


def _to_write(standing: Standing) -> dict[str, str]:
    found = {}
    for view in standing.desired.views:
        there = _below(standing.files, f"{ROLES}{view.role}/")
        old = standing.state.variants.get(view.role)
        reasons = {
            "": not there,
            "it is not as it was written": old is None or old.files != there,
            "its columns, masks or rows are others": old and old.view != variant.fingerprint(view),
            "the data set was published anew": old and old.source != standing.source,
        }
        if (why := next((why for why, holds in reasons.items() if holds), None)) is not None:
            found[view.role] = why
    return found


def _to_remove(standing: Standing) -> dict[str, list[str]]:
    """What lies below roles/ and belongs to no role."""
    roles = {view.role for view in standing.desired.views}
    found: dict[str, list[str]] = {role: [] for role in standing.state.variants if role not in roles}
    for name in standing.files:
        entry, slash, _ = name.removeprefix(ROLES).partition("/")
        if name not in (STATE, AUDIT, POLICY) and not (entry in roles and slash):
            found.setdefault(entry, []).append(name)
    return found


def _written(standing: Standing, view: View, schema: pa.Schema, why: str) -> Change:
    variant.cut(view, schema)
    shown = {each.column.name: each.mask for each in view.columns}
    parts = []
    if without := [name for name in schema.names if name not in shown]:
        parts.append("without " + _some(without))
    if masked := [f"{name} ({mask})" for name, mask in shown.items() if mask]:
        parts.append("masked: " + _some(masked))
    if rows := sorted({each.column.name for each in view.rows}):
        parts.append("rows by " + _some(rows))
    sentence = f"{view.role} gets {standing.desired.dataset} {'; '.join(parts)}".rstrip()
    statement = {
        "write": standing.storage.address(
            standing.table.named(f"{ROLES}{view.role}/{standing.desired.dataset}")
        ),
        "columns": {name: mask or "as it is" for name, mask in shown.items()},
        "rows": [[each.column.name, each.operation, list(each.values)] for each in view.rows],
    }
    return Change(
        "replace" if why else "create",
        sentence + (f" ({why})" if why else ""),
        json.dumps(statement, ensure_ascii=False),
        role=view.role,
    )


def _member_changes(standing: Standing) -> Iterator[Change]:
    now = _members_now(standing)
    for member in standing.desired.members:
        key = (member.role, member.principal.id)
        if key not in standing.members or now.get(key) == standing.members[key]:
            continue
        until = f", until {member.until.astimezone(UTC):%Y-%m-%d}" if member.until else ""
        sentence = f"{_who(member)} may read as {member.role}{until}"
        yield Change(
            "grant",
            sentence,
            _statement(standing, *key, standing.members[key]["login"], "Allow"),
            member.agreements,
            member.principal.id,
            member.role,
        )
    for role, id in sorted({*now, *standing.state.members} - set(standing.members)):
        login = {**standing.state.members, **now}[role, id]["login"]
        yield Change(
            "revoke",
            f"{_plain(id)} may no longer read as {_plain(role)}",
            _statement(standing, role, id, login, "Remove"),
            (),
            id,
            role,
        )


def _members_now(standing: Standing) -> Members:
    """Who is let in. On S3 that is what the bucket's policy says, whatever we noted."""
    if not isinstance(standing.storage, Bucket):
        return standing.state.members
    live = bucket_policy.let_in(standing.storage, standing.live)
    noted = {
        key: granted for key, granted in standing.state.members.items() if (key[0], granted["login"]) in live
    }
    expected = {
        (role, granted["login"]) for (role, _), granted in (*noted.items(), *standing.members.items())
    }
    rogue: Members = {
        (role, arn): {"login": arn, "until": None, "agreements": []}
        for role, arn in live
        if (role, arn) not in expected
    }
    return {**noted, **rogue}


def _statement(standing: Standing, role: str, id: str, login: str, effect: str) -> str:
    """The piece of policy that lets somebody in, or what is taken out of it."""
    prefix = standing.storage.address(f"{ROLES}{role}/*")
    who = {"AWS": login} if isinstance(standing.storage, Bucket) else id
    return json.dumps({"Effect": effect, "Principal": who, "Action": "s3:GetObject", "Resource": prefix})


def _statements(
    standing: Standing, members: Members, leaving: Sequence[str] = ()
) -> list[bucket_policy.Statement]:
    assert isinstance(standing.storage, Bucket)
    arns: dict[str, list[str]] = {}
    for (role, _), granted in members.items():
        arns.setdefault(role, []).append(granted["login"])
    roles = [*(view.role for view in standing.desired.views), *leaving]
    return bucket_policy.statements(standing.storage, roles, arns, standing.ours)


def _policy_text(statements: Sequence[bucket_policy.Statement]) -> bytes:
    return (json.dumps(bucket_policy.document(statements), indent=1) + "\n").encode()


def _difference(cut: variant.Cut, source: ds.Dataset, there: ds.Dataset) -> str:
    """How what a role reads differs from what it should; empty if it does not."""
    if [(field.name, field.type) for field in there.schema] != [
        (field.name, field.type) for field in cut.schema
    ]:
        return "has other columns than it should"
    counted = 0

    def expected() -> Iterator[pa.RecordBatch]:
        nonlocal counted
        for batch in variant.rows(cut, source):
            counted += batch.num_rows
            yield batch.rename_columns(names)

    names = [f"c{number}" for number in range(len(cut.schema))]
    found = there.scanner(
        columns={own: ds.field(name) for own, name in zip(names, cut.schema.names, strict=True)},
        **variant.SCAN,
    )
    fields = [field.with_name(own) for own, field in zip(names, cut.schema, strict=True)]
    with tempfile.TemporaryDirectory(prefix="meshwright-") as folder, duckdb.connect() as connection:
        connection.execute("set temp_directory = ?", [folder])
        connection.execute(f"set memory_limit = '{COMPARED_IN}'")
        connection.register("expected", pa.RecordBatchReader.from_batches(pa.schema(fields), expected()))
        connection.register("found", found.to_reader())
        # As many rows, and none too few of any: then there is none too many either.
        missing = connection.execute(
            "select count(*) from (select * from expected except all select * from found)"
        ).fetchone()
    rows = there.count_rows()
    if missing == (0,) and rows == counted:
        return ""
    return f"is not what its view gives: {rows} rows instead of {counted}, {missing[0] if missing else 0} of them missing"


def _below(files: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name: identity for name, identity in files.items() if name.startswith(prefix)}


def _owner(standing: Standing) -> list[str]:
    return [standing.desired.product, standing.port.uses]


def _port_plan(standing: Standing, steps: Steps) -> PortPlan:
    return PortPlan(standing.port.name, standing.port.uses, steps.changes, tuple(standing.manual_actions))


def _who(member: Member) -> str:
    principal = member.principal
    return _plain(f"{principal.name} ({principal.id})" if principal.name else principal.id)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(_plain, names[:NAMED])) + more


def _plain(text: str) -> str:
    """A name from elsewhere in a sentence: it cannot begin a line of its own, or speak to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@contextlib.contextmanager
def _refusing(port: Port) -> Iterator[None]:
    try:
        yield
    except Refused:
        raise
    except Exception as error:  # each storage has errors of its own
        # What computes on data may quote it.
        said = "" if isinstance(error, (pa.ArrowException, duckdb.Error)) else f": {str(error)[:300]}"
        raise Refused(
            f"The port {port.name} cannot be read or written: {type(error).__name__}{_plain(said)}",
            "Fix its path or its permissions, and apply again.",
        ) from error
