"""Build the value of a record from a product's documents and its repository."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from meshwright.core.git import CAREFUL, REMOTE, GitError, run, text, without_credentials
from meshwright.core.yaml import Document, Unreadable, read
from meshwright.product.files import answers_file
from meshwright.product.record import API_VERSION, KIND

PATIENCE = 10.0
"""Timeout for git, in seconds."""


def record_value(
    spec: Document | None, contract: Document | None, policy: Document | None, agreements: Iterable[Document]
) -> dict[str, Any]:
    """Return the value of a record with what the given documents contain."""
    parts = {"product": spec, "contract": contract, "policy": policy}
    agreements = list(agreements)
    requests = [
        reader | {"principals": _nameless(reader.get("principals"))}
        for reader in _readers(agreements, "requested")
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        **{part: document.value for part, document in parts.items() if document},
        "readers": list(_readers(agreements, "approved")),
        **({"requests": requests} if requests else {}),  # catalogs before 0.3.0 know no such part
    }


def _nameless(principals: Any) -> list[str]:
    """Return principals with nobody's name: what is not approved yet says only how many single readers it is for."""
    names = principals if isinstance(principals, list) else []
    return [name if isinstance(name, str) and name.startswith("group:") else "id:" for name in names]


def _readers(agreements: Iterable[Document], status: str) -> Iterator[dict[str, Any]]:
    for agreement in agreements:
        if agreement.get("status") != status:
            continue
        custom = {
            item["property"]: item.get("value")
            for _, item in agreement.items("customProperties")
            if isinstance(item.get("property"), str)
        }
        principals = custom.get("principal")
        reader = {
            "agreement": agreement.get("id"),
            "role": next((role.get("role") for _, role in agreement.items("roles")), None),
            "port": agreement.get("provider.outputPortId"),
            "principals": [principals] if isinstance(principals, str) else principals,
            "until": agreement.get("endTimestamp"),
            "team": agreement.get("consumer.teamId"),
            "consumer": agreement.get("consumer.dataProductId"),
            "renews": custom.get("renews"),
        }
        yield {key: value for key, value in reader.items() if value is not None}


def record_source(root: Path, repository: str | None = None) -> dict[str, str]:
    """Return where the record of the work tree at `root` comes from: address, branch, commit, template version."""
    try:
        answers = read(root, answers_file(root)).value
    except Unreadable:
        answers = {}
    answers = answers if isinstance(answers, dict) else {}
    source = {
        "repository": repository or _git(root, "config", "--get", "remote.origin.url"),
        "branch": _git(root, "symbolic-ref", "--quiet", "--short", "HEAD"),
        "commit": _git(root, "rev-parse", "--verify", "--quiet", "HEAD"),
        "template": str(answers.get("_src_path") or ""),
        "templateVersion": str(answers.get("_commit") or ""),
    }
    if forge := _unnamed_forge(source["repository"], answers):
        source["forge"] = forge
    return {key: without_credentials(value) for key, value in source.items() if value}


def _unnamed_forge(repository: str, answers: Mapping[str, Any]) -> str:
    """Return the forge that the product was made for, if the address of its repository does not name one."""
    forge = answers.get("forge")
    named = any(one in repository for one in ("github", "gitlab"))
    return forge if repository and not named and forge in ("github", "gitlab") else ""


def _git(root: Path, *arguments: str) -> str:
    """Return git's output for the repository at `root` itself, not for one around it; empty if it fails."""
    if not os.path.lexists(root / ".git"):
        return ""
    # The repository's own configuration is read, but it cannot make git run a program or fetch anything.
    isolated = REMOTE | {"GIT_ALLOW_PROTOCOL": "", "GIT_CEILING_DIRECTORIES": str(root.resolve().parent)}
    try:
        done = run(["git", "-C", str(root), *CAREFUL, *arguments], isolated, ok=(), timeout=PATIENCE)
    except (GitError, OSError, ValueError):
        return ""
    return text(done.stdout).strip() if done.returncode == 0 else ""
