"""Asking for access, and renewing it: files for a pull request. Nothing here grants anything."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from meshwright.access.directory import read as read_directory
from meshwright.check.rules.agreements import (
    AgreementAboutProduct,
    AgreementEnds,
    AgreementForRole,
    AgreementNamesReaders,
    NamesNotMistaken,
)
from meshwright.core.yaml import Document, Unreadable, parse, read
from meshwright.product import schema
from meshwright.product.agreement_length import effective_end, longest_days
from meshwright.product.agreement_text import Fields, agreement_text, fields_of
from meshwright.product.files import AGREEMENTS, APPROVERS, SPEC
from meshwright.product.validate import misshapen

RULES = (
    AgreementAboutProduct(),
    AgreementForRole(),
    AgreementNamesReaders(),
    AgreementEnds(),
    NamesNotMistaken(),
)
"""What a request has to keep, so that nobody waits for an approval that gives nothing."""


def request(
    root: Path,
    agreement: str,
    role: str,
    principals: tuple[str, ...],
    purpose: str,
    code: str | None,
    until: datetime,
    start: datetime | None,
    team: str,
    requester: str,
    port: str | None,
    directory: str | None,
    consumer: str | None = None,
) -> str:
    """Write the request; return what to do next. Raises Unreadable, and writes nothing then."""
    fields = {
        "id": agreement,
        "description": purpose,
        "port": port or "",
        "team": team,
        "consumer": consumer or "",
        "role": role,
        "start": _midnight(start or _today()),
        "end": _midnight(until),
        "principals": principals,
        "requester": requester,
        "purpose": code or "",
    }
    return _written(root, fields, directory)


def renew(root: Path, agreement: str, until: datetime, requester: str | None, directory: str | None) -> str:
    """Write a request that continues an agreement; return what to do next. Raises Unreadable, and writes nothing then.

    It begins today, while the other one is in force: who reads by both reads until the later end, without a gap.
    """
    path = f"{AGREEMENTS}/{agreement}.yaml"
    document = read(root, path)
    for problem in misshapen(document, schema.access_agreement):
        raise Unreadable(f"{path}: {problem.detail}", problem.fix)
    before = fields_of(document.value)
    end = datetime.fromisoformat(before["end"]).astimezone(UTC).replace(tzinfo=None)
    if until <= end:
        detail = f"{agreement} already lasts until {end:%Y-%m-%d}."
        raise Unreadable(detail, "Give a later day with --until.")
    begins = max(_today(), datetime.fromisoformat(before["start"]).astimezone(UTC).replace(tzinfo=None))
    fields = before | {
        "id": next_name(agreement, {file.stem for file in (root / AGREEMENTS).glob("*.yaml")}),
        "start": _midnight(begins),
        "end": _midnight(until),
        "requester": requester or before["requester"],
        "renews": agreement,
    }
    return _written(root, fields, directory)


def next_name(agreement: str, taken: set[str]) -> str:
    """Return the first free name of a renewal: `delays` is continued by `delays-2`, and that by `delays-3`."""
    base, _, number = agreement.rpartition("-")
    base, count = (base, int(number)) if base and re.fullmatch("[1-9][0-9]{0,3}", number) else (agreement, 1)
    while True:
        count += 1
        name = f"{base[: 63 - len(str(count)) - 1].rstrip('-')}-{count}"
        if name not in taken:
            return name


def _written(root: Path, fields: Fields, directory: str | None) -> str:
    spec = read(root, SPEC)
    text = agreement_text(
        {
            **fields,
            "providerTeam": spec.get("spec.owner.team") or spec.get("metadata.domain") or "",
            "product": f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}",
        }
    )
    path = f"{AGREEMENTS}/{fields['id']}.yaml"
    document = parse(path, text)
    _check(root, spec, document)
    note = _check_directory(fields["principals"], directory)
    _create(root, path, text)
    name = str(fields["id"])
    message = shlex.quote(f"Ask for {name}")
    return "\n".join(
        [
            f"wrote {path}",
            "Next, for a pull request:",
            f"  git switch -c {shlex.quote(f'access/{name}')}",
            f"  git add {path} && git commit -m {message} && git push -u origin HEAD",
            *_approving(root, name),
            *([note] if note else []),
        ]
    )


def _approving(root: Path, name: str) -> Sequence[str]:
    """Return what an approver of the product does next, line by line."""
    approvers = _readable(root, APPROVERS)
    if approvers is not None and approvers.get("approvals.by") == "review":
        return ["An approver of the product then approves the pull request, before it is merged."]
    return ["An approver of the product then runs, on that branch:", f"  meshwright access approve {name}"]


def _check_directory(principals: str | Sequence[str], directory: str | None) -> str:
    """Return a note where nobody can say whether the directory has the readers. Raises Unreadable where it has not."""
    if not directory:
        return (
            "Nobody has looked whether the directory has these readers: name one with --directory, or in "
            "MESHWRIGHT_DIRECTORY."
        )
    named = [principals] if isinstance(principals, str) else principals
    names = [(kind, name) for kind, _, name in (one.partition(":") for one in named)]
    snapshot = read_directory(
        directory,
        {name for kind, name in names if kind == "group"},
        principals={name for kind, name in names if kind == "id"},
    )
    for kind, name in names:
        known: Container[str] = snapshot.groups if kind == "group" else snapshot.principals
        if name not in known:
            what = "group" if kind == "group" else "principal"
            raise Unreadable(
                f"The directory has no {what} {name}.", "Write the name as the directory has it."
            )
    return ""


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _midnight(day: datetime) -> str:
    return f"{day:%Y-%m-%dT%H:%M:%SZ}"


def _check(root: Path, spec: Document, agreement: Document) -> None:
    """Raise Unreadable for a request that no approval would help."""
    for problem in misshapen(agreement, schema.access_agreement):
        raise Unreadable(problem.detail, problem.fix)
    policy = read(root, spec.get("spec.access.policy"))
    facts: dict[str, Any] = {
        "spec": spec,
        "policy": policy,
        "approvers": _readable(root, APPROVERS),
        "agreements": [agreement],
    }
    for rule in RULES:
        others = _others(root, agreement) if isinstance(rule, NamesNotMistaken) else []
        known = facts | {"agreements": [*others, agreement]}
        parameters = inspect.signature(rule.check).parameters
        for problem in rule.check(**{name: known[name] for name in parameters}):
            if problem.document is agreement:
                raise Unreadable(problem.detail, problem.fix)
    _check_end(policy, agreement)


def _check_end(policy: Document, agreement: Document) -> None:
    """Raise Unreadable for a request that has ended, or that is longer than any that is asked for today."""
    start, end = (datetime.fromisoformat(agreement.get(key)) for key in ("startTimestamp", "endTimestamp"))
    role: Mapping[str, Any] = policy.get(f"roles.{agreement.get('roles')[0]['role']}")
    if end <= datetime.now(UTC):
        raise Unreadable("The agreement would already have ended.", "Give a later day with --until.")
    if effective_end(role, start, end) != end:
        latest = start + timedelta(days=longest_days(role))
        raise Unreadable(
            f"It lasts {(end - start).days} days, but its role allows {longest_days(role)}.",
            f"Give a day up to {latest:%Y-%m-%d} with --until, or a later one with --from.",
        )


def _others(root: Path, agreement: Document) -> Sequence[Document]:
    """Return the agreements that are there already, as far as they can be read, sorted by path."""
    files = sorted((root / AGREEMENTS).glob("*.yaml"))
    return [
        _readable(root, f"{AGREEMENTS}/{file.name}") for file in files if file.name != agreement.path.name
    ]


def _readable(root: Path, path: str) -> Document:
    try:
        return read(root, path)
    except Unreadable:
        return Document(Path(path))


def _create(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8", newline="\n") as sink:
            sink.write(text)
    except FileExistsError as error:
        raise Unreadable(
            f"{path} already exists.", "Give the agreement another name, or change that file."
        ) from error
