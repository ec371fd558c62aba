"""Approving: an agreement, or a change of what decides who reads what. The commit that an approver signs makes the change itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from meshwright.access.approval import approval, approvers, authorised, list_problem
from meshwright.access.approval.capacities import signed_by
from meshwright.access.approval.deputies import deputy_refusal
from meshwright.access.column_classifications import lowest_levels
from meshwright.access.product_access import PARTS
from meshwright.access.signing_identity import SET_UP, SigningIdentity, how_to_sign, signing_identity
from meshwright.core import files
from meshwright.core.git_history import History
from meshwright.core.yaml import Document, Unreadable, inside, parse, read_text
from meshwright.core.yaml_edit import edited
from meshwright.product import schema
from meshwright.product.approvers import Approver
from meshwright.product.files import AGREEMENTS, APPROVERS, REVIEWS, SPEC, TEAM_REGO, TESTS
from meshwright.product.validate import misshapen

APPROVED_BY = "approvedBy"
SUBJECT = 60  # characters of a commit's subject


def approve(root: Path, what: Sequence[str]) -> str:
    """Approve agreements (their ids or paths), or a change of another guarded file (its path); return how to sign. Raises Unreadable."""
    history = History(root)
    identity = signing_identity(root, approvers(history))
    if identity.problem:
        raise Unreadable(identity.problem, SET_UP)
    paths = list(dict.fromkeys(guarded_path(one) for one in what))
    for path in paths:
        if identity.approver and (refusal := deputy_refusal(identity.approver, path, [datetime.now(UTC)])):
            raise Unreadable(refusal, "Ask them, or another approver, to approve it.")
    if all(PurePosixPath(path).parent.as_posix() == AGREEMENTS for path in paths):
        return _approve_agreements(history, paths, identity)
    if len(paths) > 1:
        raise Unreadable(
            "Only agreements are approved several at once: a change of another file is looked at on its own.",
            f"Approve each such file by itself: meshwright access approve {shlex.quote(_other_file(paths))}",
        )
    return _approve_file(history, paths[0], identity)


def guarded_path(what: str) -> str:
    """Return the path of an agreement that is given by its id, or of a file that is given by its path."""
    if "/" in what or what.endswith(".yaml"):
        return PurePosixPath(what).as_posix()
    return f"{AGREEMENTS}/{what}.yaml"


def _other_file(paths: Sequence[str]) -> str:
    return next(path for path in paths if PurePosixPath(path).parent.as_posix() != AGREEMENTS)


# Agreements


def _approve_agreements(history: History, paths: Sequence[str], identity: SigningIdentity) -> str:
    """Approve agreements in one commit: all are checked before the first is written."""
    approved = [_approved(history, path, identity) for path in paths]
    again = [path for path, one in zip(paths, approved, strict=True) if one is None]
    if again and len(paths) == 1:
        return _ask_again(history, again[0])
    if again:
        raise Unreadable(
            f"No approval of {again[0]} counts, and it has to be asked for again before it can be approved.",
            f"Begin with it alone: meshwright access approve {shlex.quote(again[0])}",
        )
    lines = []
    for path, one in zip(paths, approved, strict=True):
        if one is not None:
            files.write(history.root / path, one[0], "Make the file writable.")
            lines.append(one[1])
    message = f"Approve {', '.join(PurePosixPath(path).stem for path in paths)}"
    if len(paths) > 1 and len(message) > SUBJECT:
        message = f"Approve {len(paths)} agreements"
    return "\n".join([*lines, *how_to_sign(identity, message, paths)])


def _approved(history: History, path: str, identity: SigningIdentity) -> tuple[str, str] | None:
    """Return an agreement's text with the approval, and what it gives to whom; None if it has to be asked for again.

    Raises Unreadable.
    """
    root, name = history.root, PurePosixPath(path).stem
    if not inside(root, path):
        raise Unreadable(
            f"There is no {path}.", "Name an agreement by its file's name without .yaml, or its path."
        )
    text = read_text(root, path)
    document = parse(path, text)
    for problem in misshapen(document, schema.access_agreement):
        raise Unreadable(f"{path}: {problem.detail}", problem.fix)
    committed = history.read(path)
    status, listed = document.get("status"), _listed(document)
    before = approval(history, path, (), frozenset()) if status == "approved" else None
    if status == "requested" and not listed:
        if committed is None or parse(path, committed).value != document.value:
            raise Unreadable(
                f"{path}: The request is not committed as it is, and an approval is about what was requested.",
                f"Commit it: git add {path} && git commit -m {shlex.quote(f'Ask for {name}')} -- {path}",
            )
    elif before is None or not before.accepted:
        return None
    approver = identity.approver
    if before and approver is None:
        raise Unreadable(f"{path} is approved already, and it is unknown who approves it now.", SET_UP)
    if before and approver and signed_by([approver])[0] in before.signers:
        raise Unreadable(f"{approver} has approved {path} already.", "Let another approver approve it, too.")
    role = document.get("roles")[0]["role"]
    readers = next(
        item["value"] for _, item in document.items("customProperties") if item["property"] == "principal"
    )
    return edited(text, _approving(approver, listed), path), (
        f"{path} now has `status: approved`: {readers if isinstance(readers, str) else ', '.join(readers)} "
        f"as {role} until {document.get('endTimestamp')}."
    )


def _listed(document: Document) -> list[str]:
    """Return whom an agreement lists as having approved it."""
    value = next(
        (
            item.get("value")
            for _, item in document.items("customProperties")
            if item.get("property") == APPROVED_BY
        ),
        None,
    )
    return [value] if isinstance(value, str) else list(value or [])


def _approving(approver: Approver | None, listed: list[str]) -> Callable[[Any], None]:
    """Return the change that approves an agreement, and lists who did."""

    def change(agreement: Any) -> None:
        agreement["status"] = "approved"
        if approver is None:
            return
        custom = [item for item in agreement["customProperties"] if item["property"] == APPROVED_BY]
        if custom:
            custom[0]["value"] = [*listed, approver.email]
        else:
            agreement["customProperties"].append({"property": APPROVED_BY, "value": [approver.email]})

    return change


def _ask_again(history: History, path: str) -> str:
    """Set an agreement back to what can be approved; return what to do next."""
    text = read_text(history.root, path)
    reasons: tuple[str, ...] = ()
    if parse(path, text).get("status") == "approved":
        reasons = tuple(approval(history, path, (), frozenset()).reasons)

    def change(agreement: Any) -> None:
        agreement["status"] = "requested"
        agreement["customProperties"][:] = [
            item for item in agreement["customProperties"] if item["property"] != APPROVED_BY
        ]

    files.write(history.root / path, edited(text, change, path), "Make the file writable.")
    name = PurePosixPath(path).stem
    return "\n".join(
        [
            *(f"No approval of {path} counts: {reason}" for reason in reasons[:1]),
            f"{path} is set back to `status: requested`, without approvals. Commit that, and then approve it:",
            f"  git commit -m {shlex.quote(f'Ask for {name} again')} -- {path}",
            f"  meshwright access approve {name}",
        ]
    )


# Other files


def _approve_file(history: History, path: str, identity: SigningIdentity) -> str:
    problem, counts = _unauthorised(history, path)
    dirty = list(history.uncommitted([path]))
    if problem and dirty:
        raise Unreadable(
            f"{path} has a change that is not committed, and a committed one that nobody authorised.",
            f"Commit the first: git commit -m {shlex.quote(f'Propose {path}')} -- {path}",
        )
    if not problem and not dirty:
        raise Unreadable(f"{path} counts as it is.", "Change it first, in a commit or in the work tree.")
    quoted, message = shlex.quote(path), f"Approve {path}"
    if dirty:
        return "\n".join(
            [
                f"{path} has a change that is not committed. Look at it: git diff HEAD -- {quoted}",
                *how_to_sign(identity, message, [path], first=f"git add -- {quoted}"),
            ]
        )
    restored = (
        f"git restore --source={counts} --staged --worktree -- {quoted}"
        if counts and history.entry(counts, path)
        else f"git rm --quiet -- {quoted}"
    )
    proposed = (
        f"git restore --source={history.commit} --staged --worktree -- {quoted}"
        if history.entry(history.commit, path)
        else f"git rm --quiet -- {quoted}"
    )
    return "\n".join(
        [
            f"{path}: {problem}",
            f"Look at what you would approve: git diff {counts or '4b825dc642cb6eb9a060e54bf8d69288fbee4904'} {history.commit} -- {quoted}",
            "Then bring back what counts (whoever does, it changes nothing):",
            f"  {restored}",
            f"  git commit --no-verify -m {shlex.quote(f'Restore {path} as authorised')} -- {quoted}",
            *how_to_sign(identity, message, [path], first=proposed),
        ]
    )


def _unauthorised(history: History, path: str) -> tuple[str, str]:
    """Return what is not authorised of a file, and the commit of the mainline whose version counts. Raises Unreadable."""
    if path == APPROVERS:
        return list_problem(history)
    spec = parse(SPEC, history.read(SPEC) or "{}")
    if path == spec.get("spec.dataset.contract"):
        return lowest_levels(history, path).problem
    known = (SPEC, TESTS, spec.get("spec.access.policy"))
    if path not in known and not path.startswith((f"{TEAM_REGO}/", f"{REVIEWS}/")):
        names = ", ".join(str(one) for one in (*known, APPROVERS, spec.get("spec.dataset.contract")))
        raise Unreadable(
            f"Nobody has to approve {path}.",
            f"Name an agreement, or one of: {names}, or a file below {TEAM_REGO}/.",
        )
    newest = authorised(history, path, PARTS if path == SPEC else ())
    return newest.problem, newest.commit
