"""Asking for access, and approving it: files for a pull request. Nothing here grants anything."""

from __future__ import annotations

import inspect
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from meshwright.check.rules.agreements import (
    AgreementAboutProduct,
    AgreementEnds,
    AgreementForRole,
    AgreementNamesReaders,
)
from meshwright.core import files
from meshwright.core.yaml import Document, Unreadable, parse, read, read_text
from meshwright.product import schema
from meshwright.product.files import AGREEMENTS, SPEC
from meshwright.product.validate import misshapen

RULES = (AgreementAboutProduct(), AgreementForRole(), AgreementNamesReaders(), AgreementEnds())
"""What a request has to keep, so that nobody waits for an approval that gives nothing."""

STATUS = re.compile(
    r"^status:[ \t]*[\"']?(requested|approved|rejected)[\"']?(?=[ \t]*(?:#|\r?$))", re.MULTILINE
)


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
) -> str:
    """Write the request; return what to do next. Raises Unreadable, and writes nothing then."""
    spec = read(root, SPEC)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    custom: dict[str, Any] = {
        "principal": principals[0] if len(principals) == 1 else list(principals),
        "requester": requester,
    }
    custom |= {"purpose": code} if code else {}
    provider = {
        "teamId": spec.get("spec.owner.team") or spec.get("metadata.domain"),
        "dataProductId": f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}",
    }
    text = _text(
        {
            "apiVersion": "v0.9.0",
            "kind": "AccessAgreement",
            "id": agreement,
            "status": "requested",
            "description": {"purpose": purpose},
            "provider": provider | ({"outputPortId": port} if port else {}),
            "consumer": {"teamId": team},
            "roles": [{"role": role}],
            "startTimestamp": f"{start or today:%Y-%m-%dT%H:%M:%SZ}",
            "endTimestamp": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            "customProperties": [{"property": name, "value": value} for name, value in custom.items()],
        }
    )
    path = f"{AGREEMENTS}/{agreement}.yaml"
    _check(root, spec, parse(path, text))
    if until <= today:
        raise Unreadable("The agreement would already have ended.", "Give a later day with --until.")
    _create(root, path, text)
    message = shlex.quote(f"Ask for {agreement}")
    return "\n".join(
        [
            f"wrote {path}",
            "Next, for a pull request:",
            f"  git switch -c {shlex.quote(f'access/{agreement}')}",
            f"  git add {path} && git commit -m {message} && git push -u origin HEAD",
            "An approver of the product then runs, on that branch:",
            f"  meshwright access approve {agreement}",
        ]
    )


def _text(agreement: dict[str, Any]) -> str:
    return (
        "# yaml-language-server: $schema=../../.meshwright/access-agreement.schema.json\n"
        + yaml.safe_dump(agreement, sort_keys=False, allow_unicode=True, width=110)
    )


def _check(root: Path, spec: Document, agreement: Document) -> None:
    """Raise Unreadable for a request that no approval would help."""
    for problem in misshapen(agreement, schema.access_agreement):
        raise Unreadable(problem.detail, problem.fix)
    facts: dict[str, Any] = {
        "spec": spec,
        "policy": read(root, spec.get("spec.access.policy")),
        "agreements": [agreement],
    }
    for rule in RULES:
        parameters = inspect.signature(rule.check).parameters
        for problem in rule.check(**{name: facts[name] for name in parameters}):
            raise Unreadable(problem.detail, problem.fix)


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


def approve(root: Path, agreement: str) -> str:
    """Set the status to approved; return how to sign. Raises Unreadable."""
    path = f"{AGREEMENTS}/{agreement}.yaml"
    text = read_text(root, path)
    document = parse(path, text)
    for problem in misshapen(document, schema.access_agreement):
        raise Unreadable(f"{path}: {problem.detail}", problem.fix)
    changed, count = STATUS.subn("status: approved", text)
    if count != 1:
        raise Unreadable(f"{path} has no status on a line of its own.", "Write `status: approved` yourself.")
    if changed == text:  # somebody else has approved it, and a signature needs a change to sign
        changed = f"{text.rstrip()}\n# approved once more\n"
    files.write(root / path, changed, "Make the file writable.")
    role = document.get("roles")[0]["role"]
    whom = next(
        item["value"] for _, item in document.items("customProperties") if item["property"] == "principal"
    )
    return "\n".join(
        [
            f"{path} now has `status: approved`: {whom if isinstance(whom, str) else ', '.join(whom)} "
            f"as {role} until {document.get('endTimestamp')}.",
            "It counts once you sign it, with the key that access/approvers.yaml has of you (git signs with it after",
            "`git config gpg.format ssh && git config user.signingKey ~/.ssh/id_ed25519.pub`):",
            f"  git commit -S -m {shlex.quote(f'Approve {agreement}')} -- {path}",
            "Merge with a merge commit: squash and rebase drop signatures.",
        ]
    )
